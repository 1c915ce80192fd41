/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store.h: the contract between everything above and one object store.
 *
 * A store holds volumes; a volume is one object with bytes, a lease, an epoch
 * and a holder record. Beside a volume there can be side objects, small texts
 * which live and die with it. An implementation embeds struct store and struct
 * store_volume as first members of its own structs and fills one const struct
 * store_ops. Callers use the store_* wrappers below, which assert the contract
 * before and after each call; only a layer (the fault-injecting store) and the
 * contract suite call through a vtable.
 *
 * Threads: every function may be called from any thread, on one volume from
 * many threads at once, after the process has forked for the last time (a
 * store may start threads at its first request). close and volume_close only
 * when nothing else uses the thing, and no request is pending.
 *
 * Requests (store_command, store_io) are asynchronous: submit returns
 * STORE_PENDING, and done is called exactly once, later or even before submit
 * returns, in any thread, with no lock of the store held; or submit returns 0
 * or a negative status, the request is finished and done is not called. The
 * request and its buffer belong to the store from submit until then.
 */
#ifndef LEASEHOLD_STORE_H
#define LEASEHOLD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leasehold/clock.h"
#include "leasehold/lease.h"
#include "leasehold/log.h"
#include "leasehold/status.h"

#define STORE_PENDING 1

/* Volumes are multiples of this, and so are extents reported. */
#define STORE_SECTOR 512

struct store_ops;
struct counters;
struct metrics;

struct store {
  const struct store_ops *ops;
  struct counters *counters; /* store_open's; NULL: nothing is counted */
};

#define VOLUME_IDENTITY_MAX 63
struct store_volume {
  const struct store_ops *ops;
  struct counters *counters; /* the store's; set by store_volume_open */
  uint32_t alignment; /* of offset and count of writes and zeroes; 1 or 512 */
  /* Tells the volume from others that have had or will have its name; "" when
   * the store cannot. Set by volume_open.
   */
  char identity[VOLUME_IDENTITY_MAX + 1];
};

struct store_config {
  const char *url;           /* "file:DIR", "https://..." ; copied */
  const struct clock *clock; /* outlives the store */
  const struct log *log;     /* outlives the store; may be NULL */
  /* Threads a store may use for commands that block. 0: commands are finished
   * inside submit, which then may block (the command line does that).
   */
  unsigned workers;
  /* Create the store's own place (the directory) if it is not there. */
  bool create;
  bool count; /* requests, for store_collect */

  /* For stores that are reached over a network; all are copied. NULL or 0: the
   * store's own choice. The first three are secrets: at most one is given, and
   * what is left out comes from the environment (see the manual).
   */
  const char *account_key; /* base64, as the service shows it */
  const char *sas;         /* a shared access signature: "sv=...&sig=..." */
  const char *token;       /* an OAuth bearer token */
  const char *cainfo;      /* a file of CA certificates to trust */
  bool insecure;           /* allow plain http to another host */
  unsigned connections;    /* most data requests at a time; 0: 16 */
  uint64_t io_timeout_ns;  /* how long a request may be tried; 0: 30 s */
};

/* One lease command on its way. */
struct store_command {
  struct lease_command command;
  struct lease_reply reply; /* written by the store before done */
  struct error error;       /* filled when reply.status is not 0 */
  void (*done)(struct store_command *);

  /* store.c's, while the request is counted. */
  struct counters *counters;
  void (*counted)(struct store_command *);
};

enum store_io_kind {
  STORE_READ,    /* no guard needed: observers read too */
  STORE_WRITE,   /* guard */
  STORE_ZERO,    /* guard; buffer is NULL */
  STORE_FLUSH,   /* all that was done before is durable when this is */
  STORE_EXTENTS, /* fills extents for offset, count */
  STORE_PREFETCH /* a hint; may do nothing */
};

enum {
  STORE_IO_FUA = 1,       /* WRITE, ZERO: durable when done */
  STORE_IO_MAY_TRIM = 2,  /* ZERO: space may be given back */
  STORE_IO_FAST_ONLY = 4, /* ZERO: STATUS_UNSUPPORTED if as slow as writing */
  STORE_IO_MAY_BLOCK = 8  /* who submits it would wait for it anyway: the store
                             may do it inside submit */
};

struct extent {
  uint64_t length;
  bool hole; /* takes no space; reads as zero */
};

/* Grows on the heap; extents_free() frees what is inside. */
struct extent_list {
  struct extent *items;
  size_t count, capacity;
};

/* 0 or STATUS_NO_MEMORY. Merges with the last one if of the same kind. */
int extents_add(struct extent_list *list, uint64_t length, bool hole);
void extents_free(struct extent_list *list);

struct store_io {
  enum store_io_kind kind;
  unsigned flags;
  uint64_t offset; /* offset + count is within the volume's size */
  uint64_t count;  /* READ, WRITE: at most 64 MiB */
  void *buffer;    /* READ: filled; WRITE: not changed */
  /* READ, WRITE: NULL, or used instead of buffer, piece_size bytes of each but
   * the last, and of the first from piece_begin on. piece_size is a power of
   * two from STORE_SECTOR to 64 KiB; READ: piece_begin is 0.
   */
  void *const *pieces;
  uint32_t piece_size, piece_begin;
  struct guard guard;
  struct extent_list extents; /* EXTENTS: the caller frees; covers a prefix of
                                 the range, at least one byte of it */
  int status;                 /* written by the store before done */
  struct error error;         /* filled when status is not 0 */
  void (*done)(struct store_io *);

  /* store.c's, while the request is counted. */
  struct counters *counters;
  void (*counted)(struct store_io *);
};

/* Side objects: each has a fixed name, and is there or not. */
enum side { SIDE_REGISTRATIONS, SIDE_HANDOVER, SIDES };

/* "registrations", "handover". Static. */
const char *side_text(enum side side);
#define SIDE_TEXT_MAX 16

#define SIDE_OBJECT_MAX 65536
struct side_object {
  char etag[ETAG_MAX + 1]; /* "": it is not there */
  size_t length;
  char bytes[SIDE_OBJECT_MAX];
};

struct volume_entry {
  char name[VOLUME_NAME_MAX + 1];
  int status; /* 0, or why info is not there (such as STATUS_CORRUPT) */
  struct error error;
  struct volume_info info;
};

struct volume_list {
  struct volume_entry *items; /* sorted by name, bytewise */
  size_t count, capacity;
};

void volume_list_free(struct volume_list *list);

struct store_ops {
  const char *name;   /* for people: "file" */
  const char *scheme; /* of the URL, with its colon: "file:" */

  /* Opens the store that config->url names. May block. */
  int (*open)(const struct store_config *config, struct store **out,
              struct error *err);
  void (*close)(struct store *);

  /* Makes a volume of size zero bytes: durable on return. STATUS_EXISTS if
   * there is one. May block.
   */
  int (*create)(struct store *, const char *name, uint64_t size,
                struct error *err);
  /* Deletes a volume and its side objects; lease NULL or "" works only when it
   * is not leased, else the holder's ID is needed (uses of the lease table).
   * May block.
   */
  int (*remove)(struct store *, const char *name, const struct lease_id *lease,
                struct error *err);
  /* Changes the size; what is cut off is gone, what is added reads as zero.
   * lease as for remove. May block.
   */
  int (*resize)(struct store *, const char *name, uint64_t size,
                const struct lease_id *lease, struct error *err);
  /* Lists all volumes. A damaged one is listed with its error. May block. */
  int (*list)(struct store *, struct volume_list *out, struct error *err);

  /* Opens a volume for requests. STATUS_NOT_FOUND, STATUS_CORRUPT... May
   * block. The volume keeps no lease by being open.
   */
  int (*volume_open)(struct store *, const char *name,
                     struct store_volume **out, struct error *err);
  void (*volume_close)(struct store_volume *);

  /* Lease commands; see enum lease_verb. Statuses are the lease table's. */
  int (*submit_command)(struct store_volume *, struct store_command *);

  /* Data. WRITE and ZERO are done only while guard is the current lease ID
   * and epoch (S1), atomically with respect to lease commands: when a CHANGE,
   * BREAK, ACQUIRE or CLAIM has been answered, no write that it fences can
   * land any more.
   */
  int (*submit_io)(struct store_volume *, struct store_io *);

  /* Reads a side object, whole and as it was at one moment. 0 also when it is
   * not there. STATUS_NOT_FOUND: the volume is gone, also when there is another
   * one of its name. STATUS_CORRUPT when it is damaged. May block.
   */
  int (*side_read)(struct store_volume *, enum side, struct side_object *out,
                   struct error *err);
  /* Puts length bytes in the place of the one whose ETag is object->etag, ""
   * for none, atomically and durably; etag becomes the new one's, which no
   * other had before. STATUS_ETAG_STALE: it was another one; STATUS_UNKNOWN: it
   * may have been done, or may still be. No lease is needed. May block.
   */
  int (*side_write)(struct store_volume *, enum side,
                    struct side_object *object, struct error *err);
};

/* The table of stores, NULL-ended. */
extern const struct store_ops *const store_table[];

int store_open(const struct store_config *config, struct store **out,
               struct error *err);
void store_close(struct store *); /* NULL is fine */
/* Names are checked here: STATUS_INVALID names the bad part. Size must be a
 * non-zero multiple of STORE_SECTOR and at most 8 TiB (a page blob's limit).
 */
int store_create(struct store *, const char *name, uint64_t size,
                 struct error *err);
int store_remove(struct store *, const char *name, const struct lease_id *,
                 struct error *err);
int store_resize(struct store *, const char *name, uint64_t size,
                 const struct lease_id *, struct error *err);
int store_list(struct store *, struct volume_list *out, struct error *err);
int store_volume_open(struct store *, const char *name,
                      struct store_volume **out, struct error *err);
void store_volume_close(struct store_volume *); /* NULL is fine */
int store_submit_command(struct store_volume *, struct store_command *);
int store_submit_io(struct store_volume *, struct store_io *);
int store_side_read(struct store_volume *, enum side, struct side_object *out,
                    struct error *err);
int store_side_write(struct store_volume *, enum side,
                     struct side_object *object, struct error *err);

/* Submits and waits; returns reply.status or io->status. done is set by it. */
int store_run_command(struct store_volume *, struct store_command *);
int store_run_io(struct store_volume *, struct store_io *);

/* Writes the numbers of requests (leasehold/metrics.h); with config->count. */
void store_collect(const struct store *store, struct metrics *metrics);

#define STORE_SIZE_MAX (UINT64_C(8) << 40)

#endif
