# SPDX-License-Identifier: LGPL-2.1-or-later
# common/store: the store contract's wrappers, the file store, fault injection.

noinst_LTLIBRARIES += common/store/libstore.la
common_store_libstore_la_SOURCES = \
	common/store/blob-lease.c \
	common/store/blob-lease.h \
	common/store/fault.c \
	common/store/fault.h \
	common/store/file.c \
	common/store/file.h \
	common/store/file-admin.c \
	common/store/file-command.c \
	common/store/file-fence.c \
	common/store/file-internal.h \
	common/store/file-io.c \
	common/store/file-list.c \
	common/store/file-lock.c \
	common/store/file-place.c \
	common/store/file-record.c \
	common/store/file-sync.c \
	common/store/file-tenure.c \
	common/store/record.c \
	common/store/record.h \
	common/store/store.c
common_store_libstore_la_LIBADD = \
	$(CRYPTO_LIBS) \
	$(JANSSON_LIBS)
