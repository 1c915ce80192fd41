# SPDX-License-Identifier: LGPL-2.1-or-later
# common/cache: the fenced I/O path.

noinst_LTLIBRARIES += common/cache/libcache.la
common_cache_libcache_la_SOURCES = \
	common/cache/in-flight.c \
	common/cache/range-lock.c \
	common/cache/volume.c
