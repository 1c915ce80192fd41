/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* read-ahead.h: which reads follow one another, and what is read next.
 *
 * A stream is a series of reads that go on where the one before ended, or at
 * the same distance from it each time (strided, forwards or backwards). Some
 * are followed at a time; the one that was not read from for longest makes room
 * for a new one. Clients with many requests on their way, and threads, bring
 * reads a little out of order: a stream takes what lies within a window around
 * the place where its next read is expected.
 *
 * What a stream is worth is fetched in pieces, up to a distance in front of its
 * reader which doubles each time that so much was read, and becomes half when
 * what had been fetched was gone before it was read.
 *
 * Pure: no clock, no I/O, no lock.
 */
#ifndef LEASEHOLD_READ_AHEAD_H
#define LEASEHOLD_READ_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#define READ_AHEAD_STREAMS 8
#define READ_AHEAD_RECENT 8
struct read_stream {
  uint64_t reads;  /* that belong to it; 0: there is no such stream */
  uint64_t used;   /* when the last one came, in reads of all */
  uint64_t next;   /* where the next read is expected */
  uint64_t count;  /* bytes of the last one */
  int64_t stride;  /* from one to the next; 0: none, they are contiguous */
  uint64_t window; /* how far to fetch: bytes; 0: not yet */
  uint64_t grown;  /* bytes read since it became that */
  /* Contiguous ones. */
  uint64_t seen;        /* bytes read */
  uint64_t skipped;     /* bytes before next that were not, so far */
  uint64_t from, ahead; /* what was asked for */
  /* Strided ones. */
  uint64_t asked; /* how many reads from next on were asked for */
};

struct recent_read {
  uint64_t offset, count;
};

/* All zeroes, but for the limits, is one that has seen nothing. */
struct read_ahead {
  uint64_t block; /* what is fetched is whole blocks of this size */
  uint64_t most;  /* the largest window; 0: nothing is fetched */
  uint64_t piece; /* the largest piece; at least a block */
  uint64_t clock;
  struct read_stream streams[READ_AHEAD_STREAMS];
  struct recent_read recent[READ_AHEAD_RECENT]; /* missed, with no
                                                    stream worth it */
  unsigned newest;
};

/* A read has come; missed: something of it was not in memory. The stream that
 * it belongs to, if that is worth fetching for; else NULL.
 */
struct read_stream *read_ahead_note(struct read_ahead *ahead, uint64_t offset,
                                    uint64_t count, bool missed);

/* The next piece to be fetched for the stream, which counts as asked for then:
 * not empty, within size, whole blocks but for the end. False: none, now.
 */
bool read_ahead_next(const struct read_ahead *ahead, struct read_stream *stream,
                     uint64_t size, uint64_t *begin, uint64_t *end);

/* That piece, the last one, was not fetched after all. */
void read_ahead_undo(struct read_stream *stream, uint64_t begin);

/* Is what lies there to have been fetched for the stream already? */
bool read_ahead_asked(const struct read_stream *stream, uint64_t offset);
/* It was fetched, and gone before it was read. */
void read_ahead_lost(const struct read_ahead *ahead,
                     struct read_stream *stream);

/* Forgets all streams. */
void read_ahead_forget(struct read_ahead *ahead);

#endif
