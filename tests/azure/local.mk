# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/azure: the Azure store against Azurite, Microsoft's emulator.

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/azure/table-cells
endif
tests_azure_table_cells_SOURCES = \
	tests/azure/table-cells.c
tests_azure_table_cells_CPPFLAGS = \
	$(AM_CPPFLAGS) \
	-I$(top_srcdir)/tests/unit
tests_azure_table_cells_LDADD = \
	$(unit_store)

AZURE_TESTS = \
	tests/azure/test-busy-store.sh \
	tests/azure/test-contract-http.sh \
	tests/azure/test-contract-https.sh \
	tests/azure/test-credentials.sh \
	tests/azure/test-demonstration.sh \
	tests/azure/test-foreign-blobs.sh \
	tests/azure/test-handover.sh \
	tests/azure/test-http2.sh \
	tests/azure/test-image-and-fio.sh \
	tests/azure/test-kill-matrix.sh \
	tests/azure/test-late-member.sh \
	tests/azure/test-late-write.sh \
	tests/azure/test-lease-table.sh \
	tests/azure/test-lost-answer-while-renewing.sh \
	tests/azure/test-lost-answers.sh \
	tests/azure/test-pr-conformance.sh \
	tests/azure/test-group-writers.sh \
	tests/azure/test-reservations.sh \
	tests/azure/test-resize.sh \
	tests/azure/test-revoked-credentials.sh \
	tests/azure/test-secrets.sh \
	tests/azure/test-write-back.sh
TESTS += $(AZURE_TESTS)
dist_check_SCRIPTS += \
	$(AZURE_TESTS) \
	tests/azure/install-azurite \
	tests/azure/with-azurite
EXTRA_DIST += \
	tests/azure/azure_client.py \
	tests/azure/azure_kill.py \
	tests/azure/azurite-resize.js \
	tests/azure/azurite.sh \
	tests/azure/blob_service.py \
	tests/azure/compare_cells.py \
	tests/azure/contract-functions.sh \
	tests/azure/functions.sh \
	tests/azure/lease_cells.py \
	tests/data/azurite-deviations.tsv \
	tests/data/lease-table.tsv
