/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-xml.h: the XML of the Blob service's answers; the only user of
 * libxml2. What comes in is not trusted: no DTD, no entity, no network.
 *
 * Results: 0, STATUS_NO_MEMORY, STATUS_IO for what is not such a document, or
 * what a callback returned.
 */
#ifndef LEASEHOLD_AZURE_XML_H
#define LEASEHOLD_AZURE_XML_H

#include <stddef.h>
#include <stdint.h>

struct volume_list;
struct ranges;

/* <Error><Code>: *code is the caller's to free; NULL if there is none. */
int azure_xml_error(const char *body, size_t length, char **code);

/* One blob of a list; texts are NULL where there is no element. */
struct azure_xml_blob {
  const char *name, *type, *size, *epoch, *etag, *state, *duration, *record;
};

/* *marker: of the next page; NULL on the last; the caller frees it. */
int azure_xml_list(const char *body, size_t length,
                   int (*add)(const struct azure_xml_blob *,
                              struct volume_list *),
                   struct volume_list *out, char **marker);

/* Calls add with the first and the last byte of each page range. */
int azure_xml_ranges(const char *body, size_t length,
                     int (*add)(uint64_t first, uint64_t last, struct ranges *),
                     struct ranges *out, char **marker);

#endif
