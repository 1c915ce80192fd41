# SPDX-License-Identifier: LGPL-2.1-or-later
# bench: figures, printed by commands. tests/bench runs each of them once.

EXTRA_DIST += \
	bench/figures.py \
	bench/peers.py \
	bench/run \
	bench/servers.py \
	bench/takeover \
	bench/workloads.py \
	docs/performance.md \
	docs/performance/takeover.svg
