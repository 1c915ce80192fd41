# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/local.mk: how every test is run.
#
# Programs run as they are, *.sh with bash, *.py with the system's Python. Each
# finds what it tests through these variables:
#   LEASEHOLD_SRCDIR    the source tree
#   LEASEHOLD_BUILDDIR  the build tree: plugin/.libs/nbdkit-leasehold-plugin.so
#   LEASEHOLD_NBDKIT    the words to start nbdkit with: "nbdkit", or nbdkit
#                       under valgrind or with a sanitizer's runtime
#   LEASEHOLD_AZURITE   if set: the azurite-blob program, for tests/azure; else
#                       it is looked for in the build tree
#   CI                  if set: what is missing is a failure, not a skip, where
#                       a test says so
#   PATH                has the leasehold command of this build first

# No test may run longer than this many seconds.
TEST_TIMEOUT = 600
TIMEOUT = timeout -k 10 $(TEST_TIMEOUT)

TEST_EXTENSIONS = .sh .py
LOG_COMPILER = $(TIMEOUT)
SH_LOG_COMPILER = $(TIMEOUT) $(BASH_PROGRAM)
# Not any Python that comes first in PATH: the one that has Debian's modules.
# -B: no byte code next to the sources.
PY_LOG_COMPILER = $(TIMEOUT) /usr/bin/python3 -B

# Leaks in nbdkit are check-valgrind's: it can tell nbdkit's own (valgrind.supp)
# from the plugin's.
if SANITIZE
TEST_NBDKIT = env ASAN_OPTIONS=detect_leaks=0 \
	TSAN_OPTIONS=suppressions=$(abs_top_srcdir)/tests/tsan.supp \
	$(SANITIZER_LINKER) \
	--preload $(SANITIZER_RUNTIME):$(abs_top_builddir)/tests/.libs/sanitizer-init.so \
	$(NBDKIT)
else
TEST_NBDKIT = nbdkit
endif

TEST_PATH = $(abs_top_builddir)/cli

check_LTLIBRARIES += tests/sanitizer-init.la
tests_sanitizer_init_la_SOURCES = tests/sanitizer-init.c
# -rpath makes a shared object of what is not installed.
tests_sanitizer_init_la_LDFLAGS = \
	$(AM_LDFLAGS) \
	-module \
	-avoid-version \
	-shared \
	-rpath /nowhere \
	-Wl,-z,initfirst

AM_TESTS_ENVIRONMENT = \
	LEASEHOLD_SRCDIR='$(abs_top_srcdir)'; export LEASEHOLD_SRCDIR; \
	LEASEHOLD_BUILDDIR='$(abs_top_builddir)'; export LEASEHOLD_BUILDDIR; \
	LEASEHOLD_NBDKIT='$(TEST_NBDKIT)'; export LEASEHOLD_NBDKIT; \
	PATH='$(TEST_PATH)':"$$PATH"; export PATH;

# What a memory checker is worth running on: not the guests of tests/vm, which
# take long and add no code of ours, nor the checks of the tree, nor what makes
# sanitized programs of its own, nor the demonstration, which starts nbdkit as
# people do, nor tests/bench, which measure nothing then, nor tests/azure, which
# wait for Azurite most of the time: the code behind them has its own units; nor
# tests/model, which is spin's work; nor servers that are killed all the time,
# which can complain about nothing.
MEMORY_TESTS = $(filter-out tests/azure/% tests/bench/% tests/faults/% \
	tests/model/% tests/vm/% tests/tree/% %/libfuzzer.sh \
	%/test-demonstration.sh %/test-kill-matrix.sh,$(TESTS))

# --keep-debuginfo: nbdkit unloads the plugin before the leak check.
VALGRIND_COMMAND = $(VALGRIND) --quiet --keep-debuginfo=yes \
	--leak-check=full --error-exitcode=119 \
	--suppressions=$(abs_top_srcdir)/tests/valgrind.supp
EXTRA_DIST += \
	tests/tsan.supp \
	tests/valgrind.supp

# Under valgrind, which makes everything twenty times slower and finds little
# that the sanitizers, which run all of it, do not: the units, and servers on
# each of their paths once. Not fuzzed and simulated input, nor the contracts,
# nor units that are all processes, many commands or many blocks.
VALGRIND_UNITS = $(filter-out %/test-control %/test-file-crowd \
	%/test-file-fair %/test-file-fence %/test-file-torture, \
	$(filter tests/unit/%,$(TESTS)))
VALGRIND_SERVERS = \
	tests/e2e/test-bad-names.sh \
	tests/e2e/test-bad-parameters.sh \
	tests/e2e/test-control-export.sh \
	tests/e2e/test-damaged-record.sh \
	tests/e2e/test-detach-releases.sh \
	tests/e2e/test-events.sh \
	tests/e2e/test-fio.sh \
	tests/e2e/test-gate-wait.sh \
	tests/e2e/test-group-writers.sh \
	tests/e2e/test-handover.sh \
	tests/e2e/test-instance-goes-on.sh \
	tests/e2e/test-metrics.sh \
	tests/e2e/test-observer.sh \
	tests/e2e/test-read-ahead.sh \
	tests/e2e/test-resized-and-replaced.sh \
	tests/e2e/test-second-incarnation.sh \
	tests/e2e/test-sigterm-releases.sh \
	tests/e2e/test-status-export.sh \
	tests/e2e/test-two-nodes.sh
VALGRIND_TESTS = $(VALGRIND_UNITS) $(VALGRIND_SERVERS)

# The test programs, nbdkit in every test that starts it, and the leasehold
# command, by way of a script that comes first in PATH.
check-valgrind: all
if HAVE_VALGRIND
	@$(MKDIR_P) tests/valgrind
	@printf '#!/bin/sh\nexec %s "$$@"\n' \
	  '$(VALGRIND_COMMAND) $(abs_top_builddir)/cli/leasehold' \
	  >tests/valgrind/leasehold
	@chmod +x tests/valgrind/leasehold
	$(MAKE) check TESTS='$(VALGRIND_TESTS)' \
	  LOG_COMPILER='$(TIMEOUT) $(LIBTOOL) --quiet --mode=execute $(VALGRIND_COMMAND)' \
	  TEST_NBDKIT='$(VALGRIND_COMMAND) nbdkit' \
	  TEST_PATH='$(abs_top_builddir)/tests/valgrind'
else
	@echo 'check-valgrind: configure found no valgrind' >&2; exit 1
endif
CLEANFILES += tests/valgrind/leasehold

# For builds with --enable-sanitizers=address,undefined and thread. The second
# has nothing to say of what has one thread: fuzzed and simulated input.
check-memory: all
	LEASEHOLD_SEEDS=1000 $(MAKE) check TESTS='$(MEMORY_TESTS)'

THREAD_TESTS = $(filter-out tests/fuzz/% tests/sim/%,$(MEMORY_TESTS))
check-thread: all
	$(MAKE) check TESTS='$(THREAD_TESTS)'

# Without the tests that start servers, which take most of the time.
QUICK_TESTS = $(filter-out tests/azure/% tests/bench/% tests/e2e/% \
	tests/faults/% tests/model/% tests/vm/%,$(TESTS))

check-quick: all
	$(MAKE) check TESTS='$(QUICK_TESTS)'

# What makes sure that everything is in the tarball, and not much more.
DIST_TESTS = $(filter tests/contract/% tests/fuzz/% tests/tree/% \
	tests/unit/%,$(TESTS))

distcheck-quick:
	$(MAKE) distcheck TESTS='$(DIST_TESTS)'

.PHONY: check-memory check-quick check-thread check-valgrind distcheck-quick
