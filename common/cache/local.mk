# SPDX-License-Identifier: LGPL-2.1-or-later
# common/cache: the fenced I/O path.

noinst_LTLIBRARIES += common/cache/libcache.la
common_cache_libcache_la_SOURCES = \
	common/cache/block-cache.c \
	common/cache/block-cache.h \
	common/cache/cache.c \
	common/cache/cache-internal.h \
	common/cache/cache-metrics.c \
	common/cache/cache-thread.c \
	common/cache/cache-waiters.c \
	common/cache/cached-change.c \
	common/cache/cached-read.c \
	common/cache/cached-request.c \
	common/cache/coalesce.c \
	common/cache/copies.c \
	common/cache/drain.c \
	common/cache/extent-map.c \
	common/cache/extent-map.h \
	common/cache/flight.c \
	common/cache/hole-map.c \
	common/cache/in-flight.c \
	common/cache/prefetch.c \
	common/cache/range-lock.c \
	common/cache/read-ahead.c \
	common/cache/read-ahead.h \
	common/cache/shared.c \
	common/cache/volume.c \
	common/cache/volume-internal.h
