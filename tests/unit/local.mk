# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/unit: cmocka programs, one per subject.
#
# A new test: tests/unit/test-NAME.c; its name in the list of its area; one
# line that says what it links: unit_utils, unit_lease, unit_store or
# unit_cache, each with everything below it. Data files are found through
# LEASEHOLD_SRCDIR (tests/unit/tsv.h).

if HAVE_CMOCKA

check_LTLIBRARIES += tests/unit/libunit.la
tests_unit_libunit_la_SOURCES = \
	tests/unit/export-name-text.h \
	tests/unit/tsv.c \
	tests/unit/tsv.h \
	tests/unit/unit.h

unit_utils = \
	tests/unit/libunit.la \
	common/utils/libutils.la \
	$(CMOCKA_LIBS)
unit_lease = \
	common/lease/liblease.la \
	common/store/libstore.la \
	$(unit_utils)
unit_store = \
	common/store/libstore.la \
	$(unit_utils)
unit_cache = \
	common/cache/libcache.la \
	$(unit_lease)

# Each area appends to this.
unit_programs =

# utils
unit_programs += \
	tests/unit/test-cleanup \
	tests/unit/test-clock \
	tests/unit/test-duration \
	tests/unit/test-log \
	tests/unit/test-metrics \
	tests/unit/test-names \
	tests/unit/test-printable \
	tests/unit/test-random \
	tests/unit/test-secret \
	tests/unit/test-size \
	tests/unit/test-status \
	tests/unit/test-strbuf \
	tests/unit/test-time-format \
	tests/unit/test-timer-heap \
	tests/unit/test-workers
tests_unit_test_cleanup_LDADD = $(unit_utils)
tests_unit_test_clock_LDADD = $(unit_utils)
tests_unit_test_duration_LDADD = $(unit_utils)
tests_unit_test_log_LDADD = $(unit_utils)
tests_unit_test_metrics_LDADD = $(unit_utils)
tests_unit_test_names_LDADD = $(unit_utils)
tests_unit_test_printable_LDADD = $(unit_utils)
tests_unit_test_random_LDADD = $(unit_utils)
tests_unit_test_secret_LDADD = $(unit_utils)
tests_unit_test_size_LDADD = $(unit_utils)
tests_unit_test_status_LDADD = $(unit_utils)
tests_unit_test_strbuf_LDADD = $(unit_utils)
tests_unit_test_time_format_LDADD = $(unit_utils)
tests_unit_test_timer_heap_LDADD = $(unit_utils)
tests_unit_test_workers_LDADD = $(unit_utils)

# lease
unit_programs += \
	tests/unit/test-events \
	tests/unit/test-export-name \
	tests/unit/test-handover \
	tests/unit/test-node \
	tests/unit/test-registrations \
	tests/unit/test-registrations-json \
	tests/unit/test-registrations-lease \
	tests/unit/test-scsi-pr \
	tests/unit/test-timing \
	tests/unit/test-translate
tests_unit_test_events_LDADD = \
	$(unit_lease) \
	$(JANSSON_LIBS)
tests_unit_test_export_name_LDADD = $(unit_lease)
tests_unit_test_handover_LDADD = $(unit_lease)
tests_unit_test_node_LDADD = $(unit_lease)
registrations_bench = \
	tests/unit/registrations-bench.c \
	tests/unit/registrations-bench.h
tests_unit_test_registrations_SOURCES = \
	$(registrations_bench) \
	tests/unit/test-registrations.c
tests_unit_test_registrations_LDADD = $(unit_lease)
tests_unit_test_registrations_json_LDADD = $(unit_lease)
tests_unit_test_registrations_lease_SOURCES = \
	$(registrations_bench) \
	tests/unit/test-registrations-lease.c
tests_unit_test_registrations_lease_LDADD = $(unit_lease)
tests_unit_test_scsi_pr_LDADD = $(unit_lease)
tests_unit_test_timing_LDADD = $(unit_lease)
tests_unit_test_translate_LDADD = $(unit_lease)

# store
unit_programs += \
	tests/unit/test-blob-lease \
	tests/unit/test-control \
	tests/unit/test-control-group \
	tests/unit/test-fault \
	tests/unit/test-file-crowd \
	tests/unit/test-file-fair \
	tests/unit/test-file-fence \
	tests/unit/test-file-full \
	tests/unit/test-file-open \
	tests/unit/test-file-proc \
	tests/unit/test-file-record \
	tests/unit/test-file-side \
	tests/unit/test-file-torture \
	tests/unit/test-record \
	tests/unit/test-store
file_test_sources = \
	tests/unit/file-test.c \
	tests/unit/file-test.h
tests_unit_test_blob_lease_LDADD = $(unit_store)
tests_unit_test_control_LDADD = $(unit_lease)
tests_unit_test_control_SOURCES = \
	$(file_test_sources) \
	tests/unit/test-control.c
tests_unit_test_control_group_LDADD = $(unit_lease)
tests_unit_test_control_group_SOURCES = \
	$(file_test_sources) \
	tests/unit/test-control-group.c
tests_unit_test_fault_LDADD = $(unit_store)
tests_unit_test_fault_SOURCES = \
	$(file_test_sources) \
	tests/unit/test-fault.c
tests_unit_test_file_crowd_LDADD = $(unit_store)
tests_unit_test_file_crowd_SOURCES = \
	$(file_test_sources) \
	tests/unit/test-file-crowd.c
tests_unit_test_file_fair_LDADD = $(unit_store)
tests_unit_test_file_fair_SOURCES = \
	$(file_test_sources) \
	tests/unit/test-file-fair.c
tests_unit_test_file_fence_LDADD = $(unit_store)
tests_unit_test_file_fence_SOURCES = \
	$(file_test_sources) \
	tests/unit/test-file-fence.c
tests_unit_test_file_full_LDADD = $(unit_store)
tests_unit_test_file_full_SOURCES = \
	$(file_test_sources) \
	tests/unit/test-file-full.c
tests_unit_test_file_open_LDADD = $(unit_store)
tests_unit_test_file_open_SOURCES = \
	$(file_test_sources) \
	tests/unit/test-file-open.c
tests_unit_test_file_proc_LDADD = $(unit_store)
tests_unit_test_file_proc_SOURCES = \
	tests/unit/test-file-proc.c
tests_unit_test_file_record_LDADD = $(unit_store)
tests_unit_test_file_record_SOURCES = \
	$(file_test_sources) \
	tests/unit/test-file-record.c
tests_unit_test_file_side_LDADD = $(unit_store)
tests_unit_test_file_side_SOURCES = \
	$(file_test_sources) \
	tests/unit/test-file-side.c
# Calls that it makes fail: see there.
tests_unit_test_file_torture_LDFLAGS = \
	-Wl,--wrap=calloc \
	-Wl,--wrap=fallocate \
	-Wl,--wrap=fcntl \
	-Wl,--wrap=fdatasync \
	-Wl,--wrap=fstat \
	-Wl,--wrap=fstatat \
	-Wl,--wrap=fsync \
	-Wl,--wrap=ftruncate \
	-Wl,--wrap=futimens \
	-Wl,--wrap=malloc \
	-Wl,--wrap=mkdirat \
	-Wl,--wrap=openat \
	-Wl,--wrap=pread \
	-Wl,--wrap=pwrite \
	-Wl,--wrap=reallocarray \
	-Wl,--wrap=renameat \
	-Wl,--wrap=renameat2 \
	-Wl,--wrap=strdup \
	-Wl,--wrap=unlinkat
tests_unit_test_file_torture_LDADD = $(unit_store)
tests_unit_test_file_torture_SOURCES = \
	$(file_test_sources) \
	tests/unit/test-file-torture.c
tests_unit_test_record_LDADD = \
	$(unit_store) \
	$(CRYPTO_LIBS)
tests_unit_test_store_LDADD = $(unit_store)
tests_unit_test_store_SOURCES = \
	$(file_test_sources) \
	tests/unit/test-store.c

# http
unit_programs += \
	tests/unit/test-http \
	tests/unit/test-http-headers \
	tests/unit/test-http-lanes \
	tests/unit/test-http-proxy
tests_unit_test_http_LDADD = $(unit_store)
tests_unit_test_http_SOURCES = \
	tests/unit/http-played.h \
	tests/unit/test-http.c
tests_unit_test_http_headers_LDADD = $(unit_store)
tests_unit_test_http_lanes_LDADD = $(unit_store)
tests_unit_test_http_lanes_SOURCES = \
	tests/unit/http-played.h \
	tests/unit/test-http-lanes.c
tests_unit_test_http_proxy_LDADD = $(unit_store)
tests_unit_test_http_proxy_SOURCES = \
	$(http_server_sources) \
	tests/unit/test-http-proxy.c

# the Azure store
unit_programs += \
	tests/unit/test-azure-answer \
	tests/unit/test-azure-claim \
	tests/unit/test-azure-credentials \
	tests/unit/test-azure-request \
	tests/unit/test-azure-token
http_server_sources = \
	tests/unit/http-server.c \
	tests/unit/http-server.h
tests_unit_test_azure_claim_LDADD = \
	$(unit_store) \
	$(JANSSON_LIBS)
tests_unit_test_azure_claim_SOURCES = \
	$(http_server_sources) \
	tests/unit/test-azure-claim.c
tests_unit_test_azure_token_LDADD = $(unit_store)
tests_unit_test_azure_token_SOURCES = \
	$(http_server_sources) \
	tests/unit/test-azure-token.c
tests_unit_test_azure_answer_LDADD = $(unit_store)
tests_unit_test_azure_credentials_LDADD = $(unit_store)
tests_unit_test_azure_request_LDADD = $(unit_store)

# sessions and the I/O path
unit_programs += \
	tests/unit/test-holder \
	tests/unit/test-block-cache \
	tests/unit/test-extent-map \
	tests/unit/test-keeper \
	tests/unit/test-keeper-metrics \
	tests/unit/test-keeper-take \
	tests/unit/test-hole-map \
	tests/unit/test-read-ahead \
	tests/unit/test-session-attach \
	tests/unit/test-session-doubt \
	tests/unit/test-session-drain \
	tests/unit/test-session-group \
	tests/unit/test-session-handover \
	tests/unit/test-session-instance \
	tests/unit/test-session-take \
	tests/unit/test-tenure-events \
	tests/unit/test-volume \
	tests/unit/test-volume-ahead \
	tests/unit/test-volume-cached \
	tests/unit/test-volume-cached-copies \
	tests/unit/test-volume-cached-doubt \
	tests/unit/test-volume-cached-group \
	tests/unit/test-volume-drain \
	tests/unit/test-volume-faults \
	tests/unit/test-volume-unaligned
tests_unit_test_holder_LDADD = $(unit_lease)
tests_unit_test_block_cache_LDADD = $(unit_cache)
tests_unit_test_extent_map_LDADD = $(unit_cache)
tests_unit_test_read_ahead_LDADD = $(unit_cache)
tests_unit_test_hole_map_LDADD = $(unit_cache)
tests_unit_test_hole_map_SOURCES = \
	tests/unit/cached-bench.c \
	tests/unit/cached-bench.h \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-hole-map.c \
	tests/unit/volume-bench.c \
	tests/unit/volume-bench.h
tests_unit_test_volume_ahead_LDADD = $(unit_cache)
tests_unit_test_volume_ahead_SOURCES = \
	tests/unit/cached-bench.c \
	tests/unit/cached-bench.h \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-volume-ahead.c \
	tests/unit/volume-bench.c \
	tests/unit/volume-bench.h
tests_unit_test_volume_cached_copies_LDADD = $(unit_cache)
tests_unit_test_volume_cached_copies_LDFLAGS = -Wl,--wrap=copies_do
tests_unit_test_volume_cached_copies_SOURCES = \
	tests/unit/cached-bench.c \
	tests/unit/cached-bench.h \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-volume-cached-copies.c \
	tests/unit/volume-bench.c \
	tests/unit/volume-bench.h
tests_unit_test_volume_cached_doubt_LDADD = $(unit_cache)
tests_unit_test_volume_cached_doubt_SOURCES = \
	tests/unit/cached-bench.c \
	tests/unit/cached-bench.h \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-volume-cached-doubt.c \
	tests/unit/volume-bench.c \
	tests/unit/volume-bench.h
tests_unit_test_volume_cached_group_LDADD = $(unit_cache)
tests_unit_test_volume_cached_group_SOURCES = \
	tests/unit/cached-bench.c \
	tests/unit/cached-bench.h \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-volume-cached-group.c \
	tests/unit/volume-bench.c \
	tests/unit/volume-bench.h
tests_unit_test_volume_cached_LDADD = $(unit_cache)
tests_unit_test_volume_cached_LDFLAGS = \
	-Wl,--wrap=calloc \
	-Wl,--wrap=malloc \
	-Wl,--wrap=mmap \
	-Wl,--wrap=munmap \
	-Wl,--wrap=reallocarray
tests_unit_test_volume_cached_SOURCES = \
	tests/unit/cached-bench.c \
	tests/unit/cached-bench.h \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-volume-cached.c \
	tests/unit/volume-bench.c \
	tests/unit/volume-bench.h
tests_unit_test_keeper_LDADD = $(unit_cache)
tests_unit_test_keeper_SOURCES = \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-keeper.c
tests_unit_test_keeper_metrics_LDADD = $(unit_cache)
tests_unit_test_keeper_metrics_SOURCES = \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-keeper-metrics.c \
	tests/unit/volume-bench.c \
	tests/unit/volume-bench.h
tests_unit_test_keeper_take_LDADD = $(unit_cache)
tests_unit_test_keeper_take_SOURCES = \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-keeper-take.c
tests_unit_test_session_attach_LDADD = $(unit_lease)
tests_unit_test_session_attach_SOURCES = \
	tests/unit/session-bench.c \
	tests/unit/session-bench.h \
	tests/unit/test-session-attach.c
tests_unit_test_session_doubt_LDADD = $(unit_lease)
tests_unit_test_session_doubt_SOURCES = \
	tests/unit/session-bench.c \
	tests/unit/session-bench.h \
	tests/unit/test-session-doubt.c
tests_unit_test_session_drain_LDADD = $(unit_lease)
tests_unit_test_session_drain_SOURCES = \
	tests/unit/session-bench.c \
	tests/unit/session-bench.h \
	tests/unit/test-session-drain.c
tests_unit_test_session_group_LDADD = $(unit_lease)
tests_unit_test_session_group_SOURCES = \
	tests/unit/session-bench.c \
	tests/unit/session-bench.h \
	tests/unit/test-session-group.c
tests_unit_test_session_handover_LDADD = $(unit_lease)
tests_unit_test_session_handover_SOURCES = \
	tests/unit/session-bench.c \
	tests/unit/session-bench.h \
	tests/unit/test-session-handover.c
tests_unit_test_session_instance_LDADD = $(unit_lease)
tests_unit_test_session_instance_SOURCES = \
	tests/unit/session-bench.c \
	tests/unit/session-bench.h \
	tests/unit/test-session-instance.c
tests_unit_test_session_take_LDADD = $(unit_lease)
tests_unit_test_session_take_SOURCES = \
	tests/unit/session-bench.c \
	tests/unit/session-bench.h \
	tests/unit/test-session-take.c
tests_unit_test_tenure_events_LDADD = $(unit_cache)
tests_unit_test_tenure_events_SOURCES = \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-tenure-events.c \
	tests/unit/volume-bench.c \
	tests/unit/volume-bench.h
tests_unit_test_volume_LDADD = $(unit_cache)
tests_unit_test_volume_SOURCES = \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-volume.c \
	tests/unit/volume-bench.c \
	tests/unit/volume-bench.h
tests_unit_test_volume_drain_LDADD = $(unit_cache)
tests_unit_test_volume_drain_SOURCES = \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-volume-drain.c \
	tests/unit/volume-bench.c \
	tests/unit/volume-bench.h
tests_unit_test_volume_faults_LDADD = $(unit_cache)
tests_unit_test_volume_faults_SOURCES = \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-volume-faults.c \
	tests/unit/volume-bench.c \
	tests/unit/volume-bench.h
tests_unit_test_volume_unaligned_LDADD = $(unit_cache)
tests_unit_test_volume_unaligned_SOURCES = \
	tests/unit/fake-store.c \
	tests/unit/fake-store.h \
	tests/unit/test-volume-unaligned.c \
	tests/unit/volume-bench.c \
	tests/unit/volume-bench.h

# plugin and cli
unit_programs += \
	tests/unit/test-reserve \
	tests/unit/test-volume-json
tests_unit_test_reserve_LDADD = $(unit_lease)
tests_unit_test_volume_json_LDADD = \
	$(unit_lease) \
	$(JANSSON_LIBS)

check_PROGRAMS += $(unit_programs)
TESTS += $(unit_programs)

endif HAVE_CMOCKA

EXTRA_DIST += \
	tests/data/lease-ids.tsv \
	tests/data/lease-table.tsv \
	tests/data/reservation-table.tsv
