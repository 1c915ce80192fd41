# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/sim: the simulator: the real session, keeper and I/O path, compiled
# with the switches of common/utils/mutation.h, in a simulated world.

check_PROGRAMS += tests/sim/simulator
tests_sim_simulator_SOURCES = \
	common/cache/block-cache.c \
	common/cache/block-cache.h \
	common/cache/cache.c \
	common/cache/cache-internal.h \
	common/cache/cache-waiters.c \
	common/cache/cached-change.c \
	common/cache/cached-read.c \
	common/cache/cached-request.c \
	common/cache/coalesce.c \
	common/cache/copies.c \
	common/cache/drain.c \
	common/cache/extent-map.c \
	common/cache/flight.c \
	common/cache/extent-map.h \
	common/cache/hole-map.c \
	common/cache/in-flight.c \
	common/cache/prefetch.c \
	common/cache/range-lock.c \
	common/cache/read-ahead.c \
	common/cache/read-ahead.h \
	common/cache/shared.c \
	common/cache/volume.c \
	common/cache/volume-internal.h \
	common/lease/handover-scout.c \
	common/lease/holder.c \
	common/lease/holder.h \
	common/lease/keeper.c \
	common/lease/keeper-internal.h \
	common/lease/registrations.c \
	common/lease/session.c \
	common/lease/session-group.c \
	common/lease/session-drain.c \
	common/lease/session-handover.c \
	common/lease/session-internal.h \
	common/lease/session-moves.c \
	common/lease/session-reply.c \
	common/lease/session-take.c \
	common/lease/session-text.c \
	common/lease/tenure.c \
	tests/sim/sim.h \
	tests/sim/sim-changes.c \
	tests/sim/sim-core.c \
	tests/sim/sim-gateway.c \
	tests/sim/sim-group.c \
	tests/sim/sim-handover.c \
	tests/sim/sim-lease.c \
	tests/sim/sim-main.c \
	tests/sim/sim-oracle.c \
	tests/sim/sim-oracle-gates.c \
	tests/sim/sim-oracle-group.c \
	tests/sim/sim-store.c \
	tests/sim/sim-world.c
tests_sim_simulator_CPPFLAGS = $(AM_CPPFLAGS) -DLEASEHOLD_MUTATIONS
tests_sim_simulator_LDADD = \
	common/lease/liblease.la \
	common/store/libstore.la \
	common/utils/libutils.la

TESTS += tests/sim/test-simulator.sh
dist_check_SCRIPTS += tests/sim/test-simulator.sh

# As many seeds as you like, and in how many each rule's absence is found.
SEEDS = 20000
check-sim: tests/sim/simulator
	tests/sim/simulator --seeds $(SEEDS)
	tests/sim/simulator --mutations --seeds $(SEEDS)
.PHONY: check-sim
