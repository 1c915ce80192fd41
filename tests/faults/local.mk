# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/faults: faults of processes, of the network and of the store, made on
# purpose, and what clients saw of them.

FAULT_TESTS = \
	tests/faults/test-checker.py \
	tests/faults/test-counts.py \
	tests/faults/test-plan.py \
	tests/faults/test-proxy.py \
	tests/faults/test-rounds-azurite.sh \
	tests/faults/test-rounds-can-fail.sh \
	tests/faults/test-rounds-file.sh
TESTS += $(FAULT_TESTS)
dist_check_SCRIPTS += \
	$(FAULT_TESTS) \
	tests/faults/checker.py \
	tests/faults/run
EXTRA_DIST += \
	tests/faults/clients.py \
	tests/faults/counts.py \
	tests/faults/history.py \
	tests/faults/http_message.py \
	tests/faults/network.py \
	tests/faults/plan.py \
	tests/faults/proxy.py \
	tests/faults/rounds.py \
	tests/faults/rules.py \
	tests/faults/servers.py \
	tests/faults/stores.py

# The plugin with switches that take rules out, for one test. What of it is
# compiled with them comes before the libraries that have the same without.
tests/faults/test-rounds-can-fail.log: tests/faults/mutated-plugin.la
EXTRA_LTLIBRARIES += tests/faults/mutated-plugin.la
tests_faults_mutated_plugin_la_SOURCES = \
	$(plugin_nbdkit_leasehold_plugin_la_SOURCES) \
	$(common_cache_libcache_la_SOURCES) \
	common/lease/holder.c \
	tests/faults/mutated.c
tests_faults_mutated_plugin_la_CPPFLAGS = $(AM_CPPFLAGS) -DLEASEHOLD_MUTATIONS
tests_faults_mutated_plugin_la_LDFLAGS = \
	$(AM_LDFLAGS) \
	-rpath /nowhere \
	-module \
	-avoid-version \
	-shared \
	-Wl,-z,nodelete \
	-Wl,-z,muldefs
tests_faults_mutated_plugin_la_LIBADD = \
	common/lease/liblease.la \
	common/store/libstore.la \
	common/utils/libutils.la

# What a round that failed leaves.
CLEANFILES += faults-*.history
