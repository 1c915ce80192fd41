# SPDX-License-Identifier: LGPL-2.1-or-later
# common/utils: leaf helpers that everything else may use.

noinst_LTLIBRARIES += common/utils/libutils.la
common_utils_libutils_la_SOURCES = \
	common/utils/cleanup.h \
	common/utils/clock.c \
	common/utils/counters.c \
	common/utils/decimal.c \
	common/utils/decimal.h \
	common/utils/duration.c \
	common/utils/duration.h \
	common/utils/json-reader.c \
	common/utils/json-reader.h \
	common/utils/lease-text.c \
	common/utils/log.c \
	common/utils/metrics.c \
	common/utils/mutation.h \
	common/utils/names.c \
	common/utils/names.h \
	common/utils/printable.c \
	common/utils/printable.h \
	common/utils/random.c \
	common/utils/random.h \
	common/utils/secret.c \
	common/utils/secret.h \
	common/utils/size.c \
	common/utils/size.h \
	common/utils/status.c \
	common/utils/strbuf.c \
	common/utils/strbuf.h \
	common/utils/time-format.c \
	common/utils/time-format.h \
	common/utils/timer-heap.c \
	common/utils/timer-heap.h \
	common/utils/workers.c \
	common/utils/workers.h
common_utils_libutils_la_LIBADD = \
	$(CRYPTO_LIBS) \
	$(JANSSON_LIBS)
