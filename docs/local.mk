# SPDX-License-Identifier: LGPL-2.1-or-later
# docs: manual pages, one per artefact, in section 1, and the protocol in 7.

manual_pages = \
	docs/leasehold.pod \
	docs/leasehold-protocol.pod \
	docs/nbdkit-leasehold-plugin.pod

EXTRA_DIST += \
	$(manual_pages)

if HAVE_POD2MAN

man_MANS += \
	docs/leasehold.1 \
	docs/leasehold-protocol.7 \
	docs/nbdkit-leasehold-plugin.1
CLEANFILES += \
	$(man_MANS)

SUFFIXES = .pod .1 .7
.pod.1 .pod.7:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	$(POD2MAN) \
	    --section=$(subst .,,$(suffix $@)) \
	    --center=Leasehold \
	    --release="leasehold $(PACKAGE_VERSION)" \
	    --utf8 \
	    --errors=die \
	    $< $@.tmp && \
	mv $@.tmp $@

endif HAVE_POD2MAN

# The proof, and the cache, for readers of the source.
EXTRA_DIST += docs/proof.md docs/cache.md docs/reservations.md
