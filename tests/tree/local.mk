# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/tree: rules for the source files themselves.

tree_tests = \
	tests/tree/test-scripts.sh \
	tests/tree/test-sources.sh
dist_check_SCRIPTS += $(tree_tests)
TESTS += $(tree_tests)
