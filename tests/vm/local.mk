# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/vm: tests in small virtual machines, with the kernel's own nbd driver.

vm_tests = \
	tests/vm/test-vm-filesystem.sh \
	tests/vm/test-vm-qemu.sh \
	tests/vm/test-vm-takeover.sh
TESTS += $(vm_tests)
dist_check_SCRIPTS += $(vm_tests)
EXTRA_DIST += \
	tests/vm/functions.sh \
	tests/vm/guest-init \
	tests/vm/listen-and-run.py

# The kernel that the tests have fetched.
distclean-local: distclean-vm-kernel
distclean-vm-kernel:
	rm -rf tests/vm/kernel
.PHONY: distclean-vm-kernel
