# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/fuzz: one target per parser. fuzz.h says what a new one needs.

fuzz_libs = \
	common/lease/liblease.la \
	common/store/libstore.la \
	common/utils/libutils.la
fuzz_replays = \
	tests/fuzz/replay-azure-headers \
	tests/fuzz/replay-azure-xml \
	tests/fuzz/replay-export-name \
	tests/fuzz/replay-handover \
	tests/fuzz/replay-record \
	tests/fuzz/replay-registrations \
	tests/fuzz/replay-scsi-pr \
	tests/fuzz/replay-size

tests_fuzz_replay_azure_headers_SOURCES = \
	tests/fuzz/fuzz-azure-headers.c \
	tests/fuzz/replay.c
tests_fuzz_replay_azure_headers_LDADD = $(fuzz_libs)

tests_fuzz_replay_azure_xml_SOURCES = \
	tests/fuzz/fuzz-azure-xml.c \
	tests/fuzz/replay.c
tests_fuzz_replay_azure_xml_LDADD = $(fuzz_libs)

tests_fuzz_replay_export_name_SOURCES = \
	tests/fuzz/fuzz-export-name.c \
	tests/fuzz/replay.c
tests_fuzz_replay_export_name_LDADD = $(fuzz_libs)

tests_fuzz_replay_handover_SOURCES = \
	tests/fuzz/fuzz-handover.c \
	tests/fuzz/replay.c
tests_fuzz_replay_handover_LDADD = $(fuzz_libs)

tests_fuzz_replay_record_SOURCES = \
	tests/fuzz/fuzz-record.c \
	tests/fuzz/replay.c
tests_fuzz_replay_record_LDADD = \
	$(fuzz_libs) \
	$(CRYPTO_LIBS)

tests_fuzz_replay_registrations_SOURCES = \
	tests/fuzz/fuzz-registrations.c \
	tests/fuzz/replay.c
tests_fuzz_replay_registrations_LDADD = $(fuzz_libs)

tests_fuzz_replay_scsi_pr_SOURCES = \
	tests/fuzz/fuzz-scsi-pr.c \
	tests/fuzz/replay.c
tests_fuzz_replay_scsi_pr_LDADD = $(fuzz_libs)

tests_fuzz_replay_size_SOURCES = \
	tests/fuzz/fuzz-size.c \
	tests/fuzz/replay.c
tests_fuzz_replay_size_LDADD = $(fuzz_libs)

check_PROGRAMS += $(fuzz_replays)
TESTS += \
	$(fuzz_replays) \
	tests/fuzz/libfuzzer.sh

EXTRA_DIST += \
	tests/fuzz/corpus \
	tests/fuzz/fuzz.h \
	tests/fuzz/libfuzzer.sh
