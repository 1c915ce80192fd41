/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-xml.c: the XML of the Blob service's answers; see azure-xml.h. */
#include "store/azure-xml.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "leasehold/status.h"
#include "store/azure-answer.h"
#include "utils/decimal.h"

#define OPTIONS                                                                \
  (XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |                 \
   XML_PARSE_NOBLANKS | XML_PARSE_COMPACT)

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The document, or NULL with *status. The caller frees it. */
static xmlDoc *
parse(const char *body, size_t length, const char *root, int *status)
{
  const xmlNode *element;
  xmlDoc *document;

  pthread_once(&once, xmlInitParser);
  *status = STATUS_IO;
  if (length == 0 || length > INT_MAX)
    return NULL;
  document = xmlReadMemory(body, (int)length, NULL, NULL, OPTIONS);
  if (document == NULL)
    return NULL;
  element = xmlDocGetRootElement(document);
  /* A DTD can make a small document large. */
  if (document->intSubset == NULL && element != NULL &&
      strcmp((const char *)element->name, root) == 0) {
    *status = 0;
    return document;
  }
  xmlFreeDoc(document);
  return NULL;
}

static bool
is(const xmlNode *node, const char *name)
{
  return node->type == XML_ELEMENT_NODE &&
         strcmp((const char *)node->name, name) == 0;
}

/* The first child of this name, or NULL. */
static const xmlNode *
child(const xmlNode *node, const char *name)
{
  for (node = node->children; node != NULL; node = node->next)
    if (is(node, name))
      return node;
  return NULL;
}

/* An element's text, "" if it is empty; NULL if it has anything but text, or
 * node is NULL.
 */
static const char *
text_of(const xmlNode *node)
{
  if (node == NULL)
    return NULL;
  node = node->children;
  if (node == NULL)
    return "";
  if (node->type != XML_TEXT_NODE || node->next != NULL)
    return NULL;
  return (const char *)node->content;
}

static const char *
child_text(const xmlNode *node, const char *name)
{
  return text_of(child(node, name));
}

/* <NextMarker>, if it is not empty. */
static int
copy_marker(const xmlNode *root, char **marker)
{
  const char *text = child_text(root, "NextMarker");

  *marker = NULL;
  if (text == NULL || text[0] == '\0')
    return 0;
  *marker = strdup(text);
  return *marker != NULL ? 0 : STATUS_NO_MEMORY;
}

int
azure_xml_error(const char *body, size_t length, char **code)
{
  int status;
  xmlDoc *document = parse(body, length, "Error", &status);
  const char *text;

  *code = NULL;
  if (document == NULL)
    return status;
  text = child_text(xmlDocGetRootElement(document), "Code");
  if (text != NULL)
    *code = strdup(text);
  xmlFreeDoc(document);
  return 0;
}

static const char *
record_of(const xmlNode *metadata)
{
  for (const xmlNode *node = metadata != NULL ? metadata->children : NULL;
       node != NULL; node = node->next)
    if (node->type == XML_ELEMENT_NODE &&
        strcasecmp((const char *)node->name, AZURE_RECORD_NAME) == 0)
      return text_of(node);
  return NULL;
}

static struct azure_xml_blob
blob_of(const xmlNode *node)
{
  const xmlNode *properties = child(node, "Properties");
  struct azure_xml_blob blob = {.name = child_text(node, "Name"),
                                .record = record_of(child(node, "Metadata"))};

  if (properties != NULL) {
    blob.type = child_text(properties, "BlobType");
    blob.size = child_text(properties, "Content-Length");
    blob.epoch = child_text(properties, "x-ms-blob-sequence-number");
    blob.etag = child_text(properties, "Etag");
    blob.state = child_text(properties, "LeaseState");
    blob.duration = child_text(properties, "LeaseDuration");
  }
  return blob;
}

int
azure_xml_list(const char *body, size_t length,
               int (*add)(const struct azure_xml_blob *, struct volume_list *),
               struct volume_list *out, char **marker)
{
  int status;
  xmlDoc *document = parse(body, length, "EnumerationResults", &status);
  const xmlNode *root, *blobs;

  *marker = NULL;
  if (document == NULL)
    return status;
  root = xmlDocGetRootElement(document);
  blobs = child(root, "Blobs");
  for (const xmlNode *node = blobs != NULL ? blobs->children : NULL;
       node != NULL && status == 0; node = node->next) {
    if (is(node, "Blob")) {
      struct azure_xml_blob blob = blob_of(node);

      status = add(&blob, out);
    }
  }
  if (status == 0)
    status = copy_marker(root, marker);
  xmlFreeDoc(document);
  return status;
}

static bool
number_of(const xmlNode *node, const char *name, uint64_t *out)
{
  const char *text = child_text(node, name);

  return text != NULL && decimal_read(&text, INT64_MAX, out) && *text == '\0';
}

int
azure_xml_ranges(const char *body, size_t length,
                 int (*add)(uint64_t first, uint64_t last, struct ranges *),
                 struct ranges *out, char **marker)
{
  int status;
  xmlDoc *document = parse(body, length, "PageList", &status);
  const xmlNode *root;

  *marker = NULL;
  if (document == NULL)
    return status;
  root = xmlDocGetRootElement(document);
  for (const xmlNode *node = root->children; node != NULL && status == 0;
       node = node->next) {
    uint64_t first, last;

    if (!is(node, "PageRange"))
      continue;
    if (number_of(node, "Start", &first) && number_of(node, "End", &last))
      status = add(first, last, out);
    else
      status = STATUS_IO;
  }
  if (status == 0)
    status = copy_marker(root, marker);
  xmlFreeDoc(document);
  return status;
}
