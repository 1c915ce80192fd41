# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/model: the protocol's model, checked by spin.

TESTS += tests/model/test-model.sh
dist_check_SCRIPTS += tests/model/test-model.sh
EXTRA_DIST += docs/model/fence.pml
