# SPDX-License-Identifier: LGPL-2.1-or-later
# plugin: nbdkit-leasehold-plugin.so, the only user of <nbdkit-plugin.h>.

# nodelete: nbdkit closes its plugins before it ends; a thread of a store that
# never answers must not lose its code then, nor a memory checker its symbols.
plugin_LTLIBRARIES += plugin/nbdkit-leasehold-plugin.la
plugin_nbdkit_leasehold_plugin_la_SOURCES = \
	plugin/access.c \
	plugin/config.c \
	plugin/control.c \
	plugin/export.c \
	plugin/io.c \
	plugin/metrics.c \
	plugin/plugin.c \
	plugin/plugin.h \
	plugin/report.c \
	plugin/sleeper.c
plugin_nbdkit_leasehold_plugin_la_LDFLAGS = \
	$(AM_LDFLAGS) \
	-module \
	-avoid-version \
	-shared \
	-Wl,-z,nodelete
if HAVE_VERSION_SCRIPT
plugin_nbdkit_leasehold_plugin_la_LDFLAGS += \
	-Wl,--version-script=$(srcdir)/plugin/plugin.syms
endif
EXTRA_plugin_nbdkit_leasehold_plugin_la_DEPENDENCIES = \
	plugin/plugin.syms
plugin_nbdkit_leasehold_plugin_la_LIBADD = \
	common/cache/libcache.la \
	common/lease/liblease.la \
	common/store/libstore.la \
	common/utils/libutils.la
EXTRA_DIST += \
	plugin/plugin.syms
