# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/faults: faults of the network and of the store, made on purpose.

FAULT_TESTS = \
	tests/faults/test-proxy.py
TESTS += $(FAULT_TESTS)
dist_check_SCRIPTS += $(FAULT_TESTS)
EXTRA_DIST += \
	tests/faults/http_message.py \
	tests/faults/proxy.py \
	tests/faults/rules.py
