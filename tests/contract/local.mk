# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/contract: one suite that every store must pass. A new store is a new
# test-contract-NAME.c with a factory (contract.h).

if HAVE_CMOCKA

contract_sources = \
	tests/contract/contract.c \
	tests/contract/contract.h \
	tests/contract/contract-admin.c \
	tests/contract/contract-data.c \
	tests/contract/contract-lease.c \
	tests/contract/contract-race.c \
	tests/contract/contract-side.c \
	tests/contract/contract-table.c

contract_programs = \
	tests/contract/test-contract-azure \
	tests/contract/test-contract-file
tests_contract_test_contract_azure_SOURCES = \
	$(contract_sources) \
	tests/contract/test-contract-azure.c
tests_contract_test_contract_azure_CPPFLAGS = \
	$(AM_CPPFLAGS) \
	-I$(srcdir)/tests/unit
tests_contract_test_contract_azure_LDADD = $(unit_store)
tests_contract_test_contract_file_SOURCES = \
	$(contract_sources) \
	tests/contract/test-contract-file.c
tests_contract_test_contract_file_CPPFLAGS = \
	$(AM_CPPFLAGS) \
	-I$(srcdir)/tests/unit
tests_contract_test_contract_file_LDADD = $(unit_store)

# The one for Azure is run by tests/azure, which has an Azurite for it.
check_PROGRAMS += $(contract_programs)
TESTS += tests/contract/test-contract-file

endif HAVE_CMOCKA

EXTRA_DIST += \
	tests/contract/azurite-clock.js \
	tests/data/azurite-deviations.tsv
