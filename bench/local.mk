# SPDX-License-Identifier: LGPL-2.1-or-later
# bench: figures, printed by commands; nothing here is a test.

EXTRA_DIST += bench/takeover
