# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/unit: cmocka programs, one per subject.
#
# A new test: tests/unit/test-NAME.c; its name in the list of its area; one
# line that says what it links: unit_utils, unit_lease, unit_store or
# unit_cache, each with everything below it. Data files are found through
# LEASEHOLD_SRCDIR (tests/unit/tsv.h).

if HAVE_CMOCKA

check_LTLIBRARIES = tests/unit/libunit.la
tests_unit_libunit_la_SOURCES = \
	tests/unit/export-name-text.h \
	tests/unit/tsv.c \
	tests/unit/tsv.h \
	tests/unit/unit.h

unit_utils = \
	tests/unit/libunit.la \
	common/utils/libutils.la \
	$(CMOCKA_LIBS)
unit_lease = \
	common/lease/liblease.la \
	common/store/libstore.la \
	$(unit_utils)
unit_store = \
	common/store/libstore.la \
	$(unit_utils)
unit_cache = \
	common/cache/libcache.la \
	$(unit_lease)

# Each area appends to this.
unit_programs =

# utils
unit_programs += \
	tests/unit/test-cleanup \
	tests/unit/test-clock \
	tests/unit/test-duration \
	tests/unit/test-log \
	tests/unit/test-names \
	tests/unit/test-printable \
	tests/unit/test-random \
	tests/unit/test-size \
	tests/unit/test-status \
	tests/unit/test-strbuf \
	tests/unit/test-time-format \
	tests/unit/test-workers
tests_unit_test_cleanup_LDADD = $(unit_utils)
tests_unit_test_clock_LDADD = $(unit_utils)
tests_unit_test_duration_LDADD = $(unit_utils)
tests_unit_test_log_LDADD = $(unit_utils)
tests_unit_test_names_LDADD = $(unit_utils)
tests_unit_test_printable_LDADD = $(unit_utils)
tests_unit_test_random_LDADD = $(unit_utils)
tests_unit_test_size_LDADD = $(unit_utils)
tests_unit_test_status_LDADD = $(unit_utils)
tests_unit_test_strbuf_LDADD = $(unit_utils)
tests_unit_test_time_format_LDADD = $(unit_utils)
tests_unit_test_workers_LDADD = $(unit_utils)

# lease
unit_programs += \
	tests/unit/test-export-name \
	tests/unit/test-node \
	tests/unit/test-timing \
	tests/unit/test-translate
tests_unit_test_export_name_LDADD = $(unit_lease)
tests_unit_test_node_LDADD = $(unit_lease)
tests_unit_test_timing_LDADD = $(unit_lease)
tests_unit_test_translate_LDADD = $(unit_lease)

# store

# sessions and the I/O path
unit_programs += \
	tests/unit/test-holder \
	tests/unit/test-keeper \
	tests/unit/test-session-attach \
	tests/unit/test-session-doubt \
	tests/unit/test-session-instance \
	tests/unit/test-volume \
	tests/unit/test-volume-faults \
	tests/unit/test-volume-unaligned
tests_unit_test_holder_LDADD = $(unit_lease)
tests_unit_test_keeper_LDADD = $(unit_cache)
tests_unit_test_keeper_SOURCES = \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-keeper.c
tests_unit_test_session_attach_LDADD = $(unit_lease)
tests_unit_test_session_attach_SOURCES = \
	tests/unit/session-bench.c \
	tests/unit/session-bench.h \
	tests/unit/test-session-attach.c
tests_unit_test_session_doubt_LDADD = $(unit_lease)
tests_unit_test_session_doubt_SOURCES = \
	tests/unit/session-bench.c \
	tests/unit/session-bench.h \
	tests/unit/test-session-doubt.c
tests_unit_test_session_instance_LDADD = $(unit_lease)
tests_unit_test_session_instance_SOURCES = \
	tests/unit/session-bench.c \
	tests/unit/session-bench.h \
	tests/unit/test-session-instance.c
tests_unit_test_volume_LDADD = $(unit_cache)
tests_unit_test_volume_SOURCES = \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-volume.c \
	tests/unit/volume-bench.c \
	tests/unit/volume-bench.h
tests_unit_test_volume_faults_LDADD = $(unit_cache)
tests_unit_test_volume_faults_SOURCES = \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-volume-faults.c \
	tests/unit/volume-bench.c \
	tests/unit/volume-bench.h
tests_unit_test_volume_unaligned_LDADD = $(unit_cache)
tests_unit_test_volume_unaligned_SOURCES = \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-volume-unaligned.c \
	tests/unit/volume-bench.c \
	tests/unit/volume-bench.h

# plugin and cli
unit_programs += \
	tests/unit/test-reserve \
	tests/unit/test-volume-json
tests_unit_test_reserve_LDADD = $(unit_lease)
tests_unit_test_volume_json_LDADD = \
	$(unit_lease) \
	$(JANSSON_LIBS)

check_PROGRAMS += $(unit_programs)
TESTS += $(unit_programs)

endif HAVE_CMOCKA

EXTRA_DIST += \
	tests/data/lease-ids.tsv \
	tests/data/reservation-table.tsv
