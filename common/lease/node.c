/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* node.c: a node's name becomes its lease ID (DESIGN section 3), and so does a
 * group of writers.
 */
#include "leasehold/lease.h"

#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <uuid/uuid.h>

#include "leasehold/status.h"

/* 11804ddb-7ec6-5a15-9bdc-895cc067b5e7. Never to be changed: all leases that
 * exist were taken under IDs made with it.
 */
static const uuid_t lease_namespace = {0x11, 0x80, 0x4d, 0xdb, 0x7e, 0xc6,
                                       0x5a, 0x15, 0x9b, 0xdc, 0x89, 0x5c,
                                       0xc0, 0x67, 0xb5, 0xe7};

/* RFC 9562 section 5.8: all bits are ours but version and variant. */
static int
keyed_uuid(const char *name, const struct lease_key *key, uuid_t out)
{
  unsigned char mac[EVP_MAX_MD_SIZE];

  if (key->length > INT_MAX ||
      HMAC(EVP_sha256(), key->bytes, (int)key->length,
           (const unsigned char *)name, strlen(name), mac, NULL) == NULL)
    return STATUS_NO_MEMORY;
  memcpy(out, mac, sizeof(uuid_t));
  out[6] = (unsigned char)((out[6] & 0x0f) | 0x80); /* version 8 */
  out[8] = (unsigned char)((out[8] & 0x3f) | 0x80); /* variant 10 */
  return 0;
}

static int
lease_id_from_name(const char *name, const struct lease_key *key,
                   struct lease_id *out)
{
  uuid_t uuid;

  if (key != NULL && key->bytes != NULL) {
    int status = keyed_uuid(name, key, uuid);

    if (status != 0)
      return status;
  } else {
    uuid_generate_sha1(uuid, lease_namespace, name, strlen(name));
  }
  uuid_unparse_lower(uuid, out->text);
  return 0;
}

int
lease_id_from_node(const char *node, const struct lease_key *key,
                   struct lease_id *out)
{
  return lease_id_from_name(node, key, out);
}

int
lease_id_from_group(const char *volume, uint64_t group,
                    const struct lease_key *key, struct lease_id *out)
{
  char name[GROUP_NAME_MAX + 1];

  snprintf(name, sizeof name, "%s#%" PRIu64, volume, group);
  return lease_id_from_name(name, key, out);
}
