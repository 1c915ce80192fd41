# SPDX-License-Identifier: LGPL-2.1-or-later
# cli: the leasehold command.

bin_PROGRAMS += cli/leasehold
cli_leasehold_SOURCES = \
	cli/cli.h \
	cli/event-verbs.c \
	cli/handover-verb.c \
	cli/help.c \
	cli/key-verbs.c \
	cli/main.c \
	cli/open.c \
	cli/pr-show.c \
	cli/pr-verbs.c \
	cli/reservation-verbs.c \
	cli/server.c \
	cli/show.c \
	cli/verbs.c \
	cli/volume-verbs.c \
	cli/watch.c
cli_leasehold_LDADD = \
	common/lease/liblease.la \
	common/store/libstore.la \
	common/utils/libutils.la \
	$(JANSSON_LIBS) \
	$(LIBNBD_LIBS)
