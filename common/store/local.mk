# SPDX-License-Identifier: LGPL-2.1-or-later
# common/store: the store contract's wrappers, its stores, fault injection.

noinst_LTLIBRARIES += common/store/libstore.la
common_store_libstore_la_SOURCES = \
	common/store/azure-admin.c \
	common/store/azure-answer.c \
	common/store/azure-answer.h \
	common/store/azure-claim.c \
	common/store/azure-command.c \
	common/store/azure-command.h \
	common/store/azure-credentials.c \
	common/store/azure-credentials.h \
	common/store/azure-exchange.c \
	common/store/azure-internal.h \
	common/store/azure-io.c \
	common/store/azure-request.c \
	common/store/azure-request.h \
	common/store/azure-side.c \
	common/store/azure-signer.c \
	common/store/azure-signer.h \
	common/store/azure-token.c \
	common/store/azure-token.h \
	common/store/azure-xml.c \
	common/store/azure-xml.h \
	common/store/azure.c \
	common/store/azure.h \
	common/store/blob-lease.c \
	common/store/blob-lease.h \
	common/store/command-job.c \
	common/store/command-job.h \
	common/store/count.c \
	common/store/count.h \
	common/store/fault.c \
	common/store/fault.h \
	common/store/file.c \
	common/store/file.h \
	common/store/file-admin.c \
	common/store/file-command.c \
	common/store/file-fence.c \
	common/store/file-internal.h \
	common/store/file-io.c \
	common/store/file-linger.c \
	common/store/file-list.c \
	common/store/file-lock.c \
	common/store/file-pair.c \
	common/store/file-place.c \
	common/store/file-record.c \
	common/store/file-side.c \
	common/store/file-sync.c \
	common/store/file-tenure.c \
	common/store/holder-json.c \
	common/store/holder-json.h \
	common/store/record.c \
	common/store/record.h \
	common/store/store.c
common_store_libstore_la_LIBADD = \
	common/http/libhttp.la \
	$(CRYPTO_LIBS) \
	$(JANSSON_LIBS) \
	$(XML_LIBS)
