# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/e2e: the plugin in nbdkit and the command, with real clients.

if HAVE_LIBNBD
check_PROGRAMS += \
	tests/e2e/client-activation \
	tests/e2e/client-commands \
	tests/e2e/client-race
endif
tests_e2e_client_activation_SOURCES = \
	tests/e2e/client-activation.c \
	tests/e2e/client.h
tests_e2e_client_activation_LDADD = \
	$(LIBNBD_LIBS)
tests_e2e_client_commands_SOURCES = \
	tests/e2e/client-commands.c \
	tests/e2e/client.h
tests_e2e_client_commands_LDADD = \
	$(LIBNBD_LIBS)
tests_e2e_client_race_SOURCES = \
	tests/e2e/client-race.c \
	tests/e2e/client.h
tests_e2e_client_race_LDADD = \
	$(LIBNBD_LIBS)

check_LTLIBRARIES += tests/e2e/kill-at.la
tests_e2e_kill_at_la_SOURCES = tests/e2e/kill-at.c
# -rpath makes a shared object of what is not installed.
tests_e2e_kill_at_la_LDFLAGS = \
	$(AM_LDFLAGS) \
	-module \
	-avoid-version \
	-shared \
	-rpath /nowhere

E2E_TESTS = \
	tests/e2e/test-background.sh \
	tests/e2e/test-bad-names.sh \
	tests/e2e/test-bad-parameters.sh \
	tests/e2e/test-captive.sh \
	tests/e2e/test-cli-pr.sh \
	tests/e2e/test-cli-server.sh \
	tests/e2e/test-commands.sh \
	tests/e2e/test-control-export.sh \
	tests/e2e/test-control-gateways.sh \
	tests/e2e/test-group-instances.sh \
	tests/e2e/test-group-writers.sh \
	tests/e2e/test-reserved-reads.sh \
	tests/e2e/test-damaged-record.sh \
	tests/e2e/test-demonstration.sh \
	tests/e2e/test-detach-releases.sh \
	tests/e2e/test-events.sh \
	tests/e2e/test-fenced-instance.sh \
	tests/e2e/test-fio.sh \
	tests/e2e/test-full-filesystem.sh \
	tests/e2e/test-gate-wait.sh \
	tests/e2e/test-handover.sh \
	tests/e2e/test-handover-request.sh \
	tests/e2e/test-help-and-manual.sh \
	tests/e2e/test-instance-goes-on.sh \
	tests/e2e/test-kill-matrix.sh \
	tests/e2e/test-kill-other-node.sh \
	tests/e2e/test-kill-same-node.sh \
	tests/e2e/test-lease-key.sh \
	tests/e2e/test-list-exports.sh \
	tests/e2e/test-log-once.sh \
	tests/e2e/test-looks-disturb-nobody.sh \
	tests/e2e/test-metrics.sh \
	tests/e2e/test-observer.sh \
	tests/e2e/test-on-conflict.sh \
	tests/e2e/test-pr-families.sh \
	tests/e2e/test-pr-matrix.sh \
	tests/e2e/test-pr-race.sh \
	tests/e2e/test-pr-sense.sh \
	tests/e2e/test-qemu-img.sh \
	tests/e2e/test-qemu-io.sh \
	tests/e2e/test-qemu-nbd.sh \
	tests/e2e/test-race.sh \
	tests/e2e/test-read-ahead.sh \
	tests/e2e/test-read-only-store.sh \
	tests/e2e/test-resize.sh \
	tests/e2e/test-resized-and-replaced.sh \
	tests/e2e/test-second-incarnation.sh \
	tests/e2e/test-sigterm-releases.sh \
	tests/e2e/test-socket-activation.sh \
	tests/e2e/test-take-over.sh \
	tests/e2e/test-status-export.sh \
	tests/e2e/test-stopped-holder.sh \
	tests/e2e/test-two-nodes.sh \
	tests/e2e/test-wait-for-lease.sh \
	tests/e2e/test-watch.sh
TESTS += $(E2E_TESTS)
dist_check_SCRIPTS += $(E2E_TESTS)
EXTRA_DIST += \
	tests/e2e/check_metrics.py \
	tests/e2e/client.py \
	tests/e2e/control-scenarios.sh \
	tests/e2e/group-scenarios.sh \
	tests/e2e/functions.sh \
	tests/e2e/kill_matrix.py \
	tests/e2e/pr_families.py \
	tests/e2e/pr_matrix.py \
	tests/e2e/pr_race.py \
	tests/e2e/resize-scenarios.sh \
	tests/e2e/scsi.py \
	tests/data/pr-matrix.tsv

# The command alone: these need no server.
CLI_TESTS = \
	tests/e2e/test-cli-bad-stores.sh \
	tests/e2e/test-cli-completion.sh \
	tests/e2e/test-cli-lease-key.sh \
	tests/e2e/test-cli-manual.sh \
	tests/e2e/test-cli-output-errors.sh \
	tests/e2e/test-cli-race.sh \
	tests/e2e/test-cli-reservations.sh \
	tests/e2e/test-cli-status.sh \
	tests/e2e/test-cli-usage.sh \
	tests/e2e/test-cli-volumes.sh
TESTS += $(CLI_TESTS)
dist_check_SCRIPTS += $(CLI_TESTS)
EXTRA_DIST += \
	tests/e2e/cli-functions.sh
