# SPDX-License-Identifier: LGPL-2.1-or-later
# common/http: HTTP requests; the only user of <curl/curl.h>.

noinst_LTLIBRARIES += common/http/libhttp.la
common_http_libhttp_la_SOURCES = \
	common/http/date.c \
	common/http/headers.c \
	common/http/headers.h \
	common/http/here.c \
	common/http/http.c \
	common/http/http-internal.h \
	common/http/http.h \
	common/http/transfer.c \
	common/http/transfer.h
common_http_libhttp_la_LIBADD = \
	$(CRYPTO_LIBS) \
	$(CURL_LIBS)
