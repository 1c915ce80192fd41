/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scsi-pr-encode.c: the data-in of PERSISTENT RESERVE IN; see scsi-pr.h.
 *
 * Everything goes through a window: all bytes are put, those beyond the limit
 * are counted and thrown away, and the length fields are written before what
 * they count. So truncation is in one place, and cannot change a length.
 */
#include "leasehold/scsi-pr.h"

#include <string.h>

#include "lease/scsi-pr-bytes.h"
#include "leasehold/registrations.h"

struct window {
  uint8_t *data;
  size_t size, used;
};

static void
put(struct window *window, const void *bytes, size_t length)
{
  size_t room = window->size - window->used;

  if (length > room)
    length = room;
  memcpy(window->data + window->used, bytes, length);
  window->used += length;
}

/* PRGENERATION and the number of bytes that follow. */
static void
put_header(struct window *window, const struct registrations *state,
           size_t length)
{
  uint8_t header[8];

  write_be32(header, state->generation);
  write_be32(header + 4, (uint32_t)length);
  put(window, header, sizeof header);
}

static void
put_keys(struct window *window, const struct registrations *state)
{
  put_header(window, state, 8 * (size_t)state->count);
  for (unsigned i = 0; i < state->count; i++) {
    uint8_t key[8];

    write_be64(key, state->registrants[i].key);
    put(window, key, sizeof key);
  }
}

static void
put_reservation(struct window *window, const struct registrations *state)
{
  const struct reservation *reservation = &state->reservation;
  const struct registrant *holder =
      registrations_find(state, reservation->holder);
  uint8_t descriptor[16] = {0};

  if (reservation->type == RESERVATION_NONE) {
    put_header(window, state, 0);
    return;
  }
  /* Key 0 for the types of all registrants, and for who is not registered. */
  if (holder != NULL)
    write_be64(descriptor, holder->key);
  descriptor[13] = reservation->type;
  put_header(window, state, sizeof descriptor);
  put(window, descriptor, sizeof descriptor);
}

static void
put_capabilities(struct window *window, const struct registrations *state,
                 unsigned types)
{
  enum { CRH = 0x10, SIP_C = 0x08, ATP_C = 0x04, PTPL_C = 0x01 };
  enum { TMV = 0x80, PTPL_A = 0x01 };
  static const struct {
    enum reservation_type type;
    uint16_t bit;
  } masks[] = {
      {WRITE_EXCLUSIVE_ALL, 0x8000},
      {EXCLUSIVE_ACCESS_REGISTRANTS, 0x4000},
      {WRITE_EXCLUSIVE_REGISTRANTS, 0x2000},
      {EXCLUSIVE_ACCESS, 0x0800},
      {WRITE_EXCLUSIVE, 0x0200},
      {EXCLUSIVE_ACCESS_ALL, 0x0001},
  };
  uint8_t data[8] = {0};
  uint16_t mask = 0;

  for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++)
    if ((types & 1u << masks[i].type) != 0)
      mask |= masks[i].bit;
  write_be16(data, sizeof data);
  data[2] = CRH | SIP_C | ATP_C | PTPL_C;
  data[3] = TMV | (state->persist ? PTPL_A : 0);
  write_be16(data + 4, mask);
  put(window, data, sizeof data);
}

size_t
scsi_transport_id_write(const char *node, uint8_t id[TRANSPORT_ID_MAX])
{
  size_t padded = (strlen(node) + 1 + 3) / 4 * 4;

  if (padded < TRANSPORT_ID_MIN - TRANSPORT_ID_HEADER)
    padded = TRANSPORT_ID_MIN - TRANSPORT_ID_HEADER;
  memset(id, 0, TRANSPORT_ID_HEADER + padded);
  id[0] = TRANSPORT_ID_ISCSI_NAME;
  write_be16(id + 2, (uint16_t)padded);
  memcpy(id + TRANSPORT_ID_HEADER, node, strlen(node));
  return TRANSPORT_ID_HEADER + padded;
}

static void
put_registrant(struct window *window, const struct registrations *state,
               const struct registrant *registrant)
{
  enum { ALL_TG_PT = 0x02, R_HOLDER = 0x01 };
  uint8_t id[TRANSPORT_ID_MAX];
  size_t id_length = scsi_transport_id_write(registrant->node, id);
  uint8_t descriptor[24] = {0};

  write_be64(descriptor, registrant->key);
  if (registrations_holds(state, registrant->node)) {
    descriptor[12] |= R_HOLDER;
    descriptor[13] = state->reservation.type;
  }
  if (registrant->all_ports)
    descriptor[12] |= ALL_TG_PT;
  else
    write_be16(descriptor + 18, RELATIVE_TARGET_PORT);
  write_be32(descriptor + 20, (uint32_t)id_length);
  put(window, descriptor, sizeof descriptor);
  put(window, id, id_length);
}

static void
put_full_status(struct window *window, const struct registrations *state)
{
  uint8_t id[TRANSPORT_ID_MAX];
  size_t length = 0;

  for (unsigned i = 0; i < state->count; i++)
    length += 24 + scsi_transport_id_write(state->registrants[i].node, id);
  put_header(window, state, length);
  for (unsigned i = 0; i < state->count; i++)
    put_registrant(window, state, &state->registrants[i]);
}

size_t
scsi_pr_encode(const struct registrations *registrations,
               const struct pr_command *command, unsigned types, uint8_t *data,
               size_t size)
{
  struct window window = {.data = data, .size = command->allocation_length};

  if (window.size > size)
    window.size = size;
  switch (command->action) {
  case PR_READ_KEYS:
    put_keys(&window, registrations);
    break;
  case PR_READ_RESERVATION:
    put_reservation(&window, registrations);
    break;
  case PR_REPORT_CAPABILITIES:
    put_capabilities(&window, registrations, types);
    break;
  case PR_READ_FULL_STATUS:
    put_full_status(&window, registrations);
    break;
  default:
    break;
  }
  return window.used;
}
