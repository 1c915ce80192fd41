# SPDX-License-Identifier: LGPL-2.1-or-later
# bench: figures, printed by commands. tests/bench runs each of them once.

# What bench/run starts, and makes if it is not there.
bench_programs = \
	bench/bare-client \
	bench/blob-server \
	bench/delay-proxy \
	bench/scale
if HAVE_LIBNBD
bench_programs += \
	bench/nbd-load
endif
check_PROGRAMS += $(bench_programs)
bench-programs: $(bench_programs)
.PHONY: bench-programs

bench_bare_client_SOURCES = \
	bench/bare-client.c \
	bench/samples.c \
	bench/samples.h
bench_bare_client_CPPFLAGS = \
	$(AM_CPPFLAGS) \
	-I$(top_srcdir)
bench_bare_client_LDADD = \
	$(CURL_LIBS)
bench_blob_server_SOURCES = \
	bench/blob.c \
	bench/blob.h \
	bench/blob-http.c \
	bench/blob-http.h \
	bench/blob-server.c \
	bench/blob-service.c \
	bench/blob-service.h \
	bench/endpoint.c \
	bench/endpoint.h \
	bench/samples.c \
	bench/samples.h
bench_blob_server_CPPFLAGS = \
	$(AM_CPPFLAGS) \
	-I$(top_srcdir)
bench_blob_server_LDADD = \
	common/store/libstore.la \
	common/utils/libutils.la
bench_delay_proxy_SOURCES = \
	bench/delay-proxy.c \
	bench/endpoint.c \
	bench/endpoint.h \
	bench/samples.c \
	bench/samples.h
bench_delay_proxy_CPPFLAGS = \
	$(AM_CPPFLAGS) \
	-I$(top_srcdir)
bench_scale_SOURCES = \
	bench/scale.c
bench_scale_LDADD = \
	common/cache/libcache.la \
	common/lease/liblease.la \
	common/store/libstore.la \
	common/utils/libutils.la
bench_nbd_load_SOURCES = \
	bench/nbd-load.c \
	bench/samples.c \
	bench/samples.h
bench_nbd_load_CPPFLAGS = \
	$(AM_CPPFLAGS) \
	-I$(top_srcdir)
bench_nbd_load_LDADD = \
	$(LIBNBD_LIBS)

EXTRA_DIST += \
	bench/figures.py \
	bench/handover \
	bench/peers.py \
	bench/run \
	bench/servers.py \
	bench/stores.py \
	bench/takeover \
	bench/targets.py \
	bench/workloads.py \
	docs/performance.md \
	docs/performance/file.svg \
	docs/performance/remote.svg \
	docs/performance/handover.svg \
	docs/performance/takeover.svg
