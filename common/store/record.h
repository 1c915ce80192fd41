/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* record.h: what the file store keeps of a volume, and how it is written.
 *
 * A record is a file of exactly RECORD_SIZE bytes: a JSON object, spaces, a
 * newline, and the line "sha256 HEX" whose sum covers every byte before that
 * line. The size never changes, so that a record can be replaced on a file
 * system that is full. Pure but for memory.
 */
#ifndef LEASEHOLD_RECORD_H
#define LEASEHOLD_RECORD_H

#include "leasehold/lease.h"
#include "leasehold/status.h"
#include "store/blob-lease.h"
#include "store/holder-json.h"

#define RECORD_SIZE 16384
#define RECORD_FORMAT 1

#define VOLUME_ID_LENGTH 32
#define BOOT_ID_LENGTH 36

struct volume_record {
  char volume_id[VOLUME_ID_LENGTH + 1]; /* random: tells a volume from the one
                                           of the same name before it */
  uint64_t revision;                    /* grows by one with each replacement */
  uint64_t size;                        /* bytes */
  uint64_t epoch;
  struct blob_lease lease;
  char boot_id[BOOT_ID_LENGTH + 1];   /* which boot lease.end_ns belongs to */
  char lease_node[NODE_NAME_MAX + 1]; /* "" while available */
  int64_t lease_since_ms;             /* Unix time; 0 while available */
  struct holder_record record;
};

/* Writes all RECORD_SIZE bytes of text. 0, STATUS_NO_MEMORY, or STATUS_INVALID
 * for values that cannot be written (numbers above RECORD_NUMBER_MAX, names
 * that are no names).
 */
int record_encode(const struct volume_record *record, char text[RECORD_SIZE],
                  struct error *err);

/* Reads what record_encode has written. text is untrusted: anything that is
 * not a whole record is STATUS_CORRUPT, with a text that begins with file and
 * says what is wrong; nothing is guessed. Also STATUS_NO_MEMORY.
 */
int record_decode(const char *text, size_t length, const char *file,
                  struct volume_record *out, struct error *err);

/* Makes the record's times those of this boot: if it was written in another
 * one, finite leases and breaks are over.
 */
void record_settle(struct volume_record *record, const char *boot_id);

/* What a settled record says at now_ns (CLOCK_BOOTTIME). */
void record_info(const struct volume_record *record, uint64_t now_ns,
                 struct volume_info *out);

#endif
