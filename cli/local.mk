# SPDX-License-Identifier: LGPL-2.1-or-later
# cli: the leasehold command, and the module with what of it needs a store.

CLI_BOTH = \
	cli/cli.h \
	cli/handover-verb.c \
	cli/key-verbs.c \
	cli/messages.c \
	cli/names.c \
	cli/options.c \
	cli/pr-show.c \
	cli/pr-verbs.c \
	cli/status.c \
	cli/watch.c

# as-needed: the libraries for a store are not needed here.
bin_PROGRAMS += cli/leasehold
cli_leasehold_SOURCES = \
	$(CLI_BOTH) \
	cli/event-verbs.c \
	cli/help.c \
	cli/main.c \
	cli/secrets.c \
	cli/server.c \
	cli/server-handover.c \
	cli/server-status.c \
	cli/server-verbs.c \
	cli/store-module.c \
	cli/verbs.c
cli_leasehold_CPPFLAGS = \
	$(AM_CPPFLAGS) \
	-DPKGLIBDIR='"$(pkglibdir)"'
cli_leasehold_LDFLAGS = \
	$(AM_LDFLAGS) \
	-Wl,--as-needed
cli_leasehold_LDADD = \
	common/lease/liblease.la \
	common/utils/libutils.la \
	$(JANSSON_LIBS) \
	$(LIBNBD_LIBS)

pkglib_LTLIBRARIES += cli/leasehold-store.la
cli_leasehold_store_la_SOURCES = \
	$(CLI_BOTH) \
	cli/here.c \
	cli/open.c \
	cli/reservation-verbs.c \
	cli/show.c \
	cli/shrink.c \
	cli/store-verbs.c \
	cli/volume-verbs.c
cli_leasehold_store_la_LDFLAGS = \
	$(AM_LDFLAGS) \
	-module \
	-avoid-version \
	-shared
if HAVE_VERSION_SCRIPT
cli_leasehold_store_la_LDFLAGS += \
	-Wl,--version-script=$(srcdir)/cli/store-verbs.syms
endif
EXTRA_cli_leasehold_store_la_DEPENDENCIES = \
	cli/store-verbs.syms
cli_leasehold_store_la_LIBADD = \
	common/lease/liblease.la \
	common/store/libstore.la \
	common/utils/libutils.la
EXTRA_DIST += \
	cli/store-verbs.syms
