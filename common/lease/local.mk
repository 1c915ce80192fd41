# SPDX-License-Identifier: LGPL-2.1-or-later
# common/lease: nodes, leases, reservations and sessions; pure but the keeper.

noinst_LTLIBRARIES += common/lease/liblease.la
common_lease_liblease_la_SOURCES = \
	common/lease/control.c \
	common/lease/control-handover.c \
	common/lease/control-handover.h \
	common/lease/events.c \
	common/lease/event-ring.c \
	common/lease/control-internal.h \
	common/lease/control-lease.c \
	common/lease/control-side.c \
	common/lease/export-name.c \
	common/lease/handover.c \
	common/lease/handover-frame.c \
	common/lease/handover-frame.h \
	common/lease/handover-json.c \
	common/lease/handover-scout.c \
	common/lease/handover-take.c \
	common/lease/holder.c \
	common/lease/holder.h \
	common/lease/keeper.c \
	common/lease/keeper-internal.h \
	common/lease/keeper-metrics.c \
	common/lease/keeper-queue.c \
	common/lease/keeper-thread.c \
	common/lease/membership.c \
	common/lease/node.c \
	common/lease/registrations.c \
	common/lease/registrations-json.c \
	common/lease/registrations-lease.c \
	common/lease/reserve.c \
	common/lease/scsi-pr-bytes.h \
	common/lease/scsi-pr-decode.c \
	common/lease/scsi-pr-encode.c \
	common/lease/scsi-pr-request.c \
	common/lease/scsi-sense.c \
	common/lease/scsi-sense.h \
	common/lease/session.c \
	common/lease/session-drain.c \
	common/lease/session-group.c \
	common/lease/session-handover.c \
	common/lease/session-internal.h \
	common/lease/session-moves.c \
	common/lease/session-reply.c \
	common/lease/session-take.c \
	common/lease/session-text.c \
	common/lease/tenure.c \
	common/lease/tenure-events.c \
	common/lease/timing.c \
	common/lease/translate.c \
	common/lease/volume-json.c
common_lease_liblease_la_LIBADD = \
	$(CRYPTO_LIBS) \
	$(JANSSON_LIBS) \
	$(UUID_LIBS)
