/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scsi-pr-bytes.h: numbers of the reservation commands, and big-endian values
 * (SPC-4 sections 6.15, 6.16 and 7.6.4).
 */
#ifndef LEASEHOLD_SCSI_PR_BYTES_H
#define LEASEHOLD_SCSI_PR_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "leasehold/lease.h"

enum {
  RESERVE_6 = 0x16,
  RELEASE_6 = 0x17,
  RESERVE_10 = 0x56,
  RELEASE_10 = 0x57,
  PERSISTENT_RESERVE_IN = 0x5e,
  PERSISTENT_RESERVE_OUT = 0x5f
};

enum {
  SERVICE_ACTION_MASK = 0x1f,
  /* byte 20 of the parameter list */
  OUT_SPEC_I_PT = 0x08,
  OUT_ALL_TG_PT = 0x04,
  OUT_APTPL = 0x01,
  /* byte 17 of REGISTER AND MOVE's */
  MOVE_UNREG = 0x02,
  MOVE_APTPL = 0x01,
  /* byte 1 of RESERVE and RELEASE */
  PLAIN_THIRD_PARTY = 0x10,
  PLAIN_LONG_ID = 0x02,
  PLAIN_EXTENT = 0x01
};

/* Our only target port. */
#define RELATIVE_TARGET_PORT 1

/* TransportID: TPID FORMAT 00b (a name alone) and protocol 5h (iSCSI). */
#define TRANSPORT_ID_ISCSI_NAME 0x05
#define TRANSPORT_ID_HEADER 4
#define TRANSPORT_ID_MIN 24
#define TRANSPORT_ID_MAX (TRANSPORT_ID_HEADER + NODE_NAME_MAX + 4)

/* Reads one TransportID at the beginning of bytes. Returns how long it is; 0:
 * it is cut off, or not an iSCSI name that a node can have. In
 * scsi-pr-decode.c.
 */
size_t scsi_transport_id_read(const uint8_t *bytes, size_t length,
                              char node[NODE_NAME_MAX + 1]);

/* Writes node's TransportID: its name, at least one NUL, a multiple of four.
 * Returns how long it is. In scsi-pr-encode.c.
 */
size_t scsi_transport_id_write(const char *node, uint8_t id[TRANSPORT_ID_MAX]);

static inline uint16_t
read_be16(const uint8_t *p)
{
  return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
read_be32(const uint8_t *p)
{
  return (uint32_t)read_be16(p) << 16 | read_be16(p + 2);
}

static inline uint64_t
read_be64(const uint8_t *p)
{
  return (uint64_t)read_be32(p) << 32 | read_be32(p + 4);
}

static inline void
write_be16(uint8_t *p, uint16_t value)
{
  p[0] = (uint8_t)(value >> 8);
  p[1] = (uint8_t)value;
}

static inline void
write_be32(uint8_t *p, uint32_t value)
{
  write_be16(p, (uint16_t)(value >> 16));
  write_be16(p + 2, (uint16_t)value);
}

static inline void
write_be64(uint8_t *p, uint64_t value)
{
  write_be32(p, (uint32_t)(value >> 32));
  write_be32(p + 4, (uint32_t)value);
}

#endif
