# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/bench: the benches run, and print what they say; no time is judged.

BENCH_TESTS = \
	tests/bench/test-run.sh \
	tests/bench/test-run-azurite.sh \
	tests/bench/test-run-remote.sh \
	tests/bench/test-scale.sh \
	tests/bench/test-takeover.sh \
	tests/bench/test-takeover-azurite.sh
TESTS += $(BENCH_TESTS)
dist_check_SCRIPTS += $(BENCH_TESTS)
