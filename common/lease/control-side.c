/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control-side.c: the registrations as a side object; see control.c. */
#include "lease/control-internal.h"

#include <stdlib.h>
#include <string.h>

#include "utils/cleanup.h"
#include "utils/random.h"

_Static_assert(REGISTRATIONS_NONCE_MAX == SESSION_NONCE_MAX, "");
_Static_assert(REGISTRATIONS_JSON_MAX <= SIDE_OBJECT_MAX, "");

/* How often a replacement of unknown outcome is sent. */
#define SENDS_MAX 3

int
control_load(struct work *work)
{
  struct side_object *object = &work->object;
  int r = store_side_read(work->control->volume, SIDE_REGISTRATIONS, object,
                          &work->error);

  memset(&work->state, 0, sizeof work->state);
  if (r != 0 || object->etag[0] == '\0')
    return r;
  return registrations_decode(object->bytes, object->length,
                              work->control->name, &work->state, &work->error);
}

/* Whether the one that is there now is that of writer. 0, STATUS_ETAG_STALE:
 * it is neither that one nor the one before; STATUS_TRANSIENT: it is still the
 * one before.
 */
static int
look_for_writer(struct work *work, const char *writer)
{
  static const char name[] = "\"writer\":\"";
  struct side_object *seen = &work->seen;
  const char *at;
  int r = store_side_read(work->control->volume, SIDE_REGISTRATIONS, seen,
                          &work->error);

  if (r != 0)
    return r;
  if (strcmp(seen->etag, work->object.etag) == 0)
    return STATUS_TRANSIENT;
  at = memmem(seen->bytes, seen->length, name, strlen(name));
  if (at == NULL ||
      (size_t)(seen->bytes + seen->length - at) <
          strlen(name) + strlen(writer) ||
      memcmp(at + strlen(name), writer, strlen(writer)) != 0)
    return STATUS_ETAG_STALE;
  memcpy(work->object.etag, seen->etag, sizeof seen->etag);
  return STATUS_OK;
}

int
control_save(struct work *work, struct registrations *state)
{
  CLEANUP_FREE char *text = NULL;
  struct side_object *object = &work->object;
  int r;

  if (state->reservation.type != RESERVATION_NONE)
    state->reservation.epoch = work->info.epoch;
  r = random_nonce(state->writer);
  if (r == 0)
    r = registrations_encode(state, &text, &work->error);
  if (r != 0)
    return r;
  object->length = strlen(text);
  memcpy(object->bytes, text, object->length);
  for (int i = 0; i < SENDS_MAX; i++) {
    r = store_side_write(work->control->volume, SIDE_REGISTRATIONS, object,
                         &work->error);
    /* A second one can be refused because the first has come through. */
    if (r != STATUS_UNKNOWN && !(i > 0 && r == STATUS_ETAG_STALE))
      return r;
    r = look_for_writer(work, state->writer);
    if (r != STATUS_TRANSIENT)
      return r == STATUS_ETAG_STALE ? STATUS_UNKNOWN : r;
  }
  return STATUS_UNKNOWN;
}
