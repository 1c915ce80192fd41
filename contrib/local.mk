# SPDX-License-Identifier: LGPL-2.1-or-later
# contrib: the demonstration that ./quickstart runs with its test; completion.

EXTRA_DIST += contrib/demonstration

# Completion of the command line, under the command's name.
EXTRA_DIST += contrib/bash-completion/leasehold
if HAVE_BASH_COMPLETION
bashcomp_DATA = contrib/bash-completion/leasehold
endif HAVE_BASH_COMPLETION
