/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fake-store.h: one volume in memory, whose every message the test can hold.
 *
 * The store keeps one object (data, lease by common/store/blob-lease.h, epoch,
 * holder record) for any number of open volumes, on a fake clock. A request is
 * a message: it takes effect when it is delivered and is answered when it is
 * answered, and these are two things. Normally both happen inside submit. While
 * the store holds, messages queue up instead, and the test delivers, answers,
 * loses or answers wrongly each one, in any order: a late packet is one that
 * was answered STATUS_UNKNOWN and is delivered afterwards.
 */
#ifndef LEASEHOLD_FAKE_STORE_H
#define LEASEHOLD_FAKE_STORE_H

#include <pthread.h>

#include "leasehold/store.h"
#include "store/blob-lease.h"

#define FAKE_SIZE 65536
#define FAKE_MESSAGES_MAX 64

struct fake_clock {
  struct clock clock;
  uint64_t now_ns;
};

void fake_clock_init(struct fake_clock *clock);

struct fake_message {
  struct store_command *command; /* one of the two, until answered */
  struct store_io *io;
  bool is_io;
  /* A copy: the sender's memory is gone once it has been answered. */
  struct lease_command sent;
  struct store_io sent_io;
  char data[FAKE_SIZE];
  bool used, delivered;
  int status; /* of the delivery */
  struct volume_info info;
};

struct fake_store {
  struct store store;
  struct fake_clock *clock;
  pthread_mutex_t lock; /* protects all of the following */
  bool hold_commands, hold_io;
  uint32_t alignment; /* 0: 1 */
  struct fake_message messages[FAKE_MESSAGES_MAX];
  unsigned first, count; /* of messages: none is ever taken out */

  char data[FAKE_SIZE];
  struct blob_lease lease;
  char node[NODE_NAME_MAX + 1];
  uint64_t epoch;
  struct holder_record record;
  unsigned commands[LEASE_GROUP + 1];
  unsigned writes_done, writes_refused, reads_done, flushes_done, maps_done;
  int flush_status;   /* what every FLUSH answers */
  int write_status;   /* what every change answers, without effect */
  int command_status; /* what every command answers, without effect */
};

void fake_store_init(struct fake_store *store, struct fake_clock *clock);
void fake_store_destroy(struct fake_store *store);

/* How many messages have come in while holding. */
unsigned fake_pending(struct fake_store *store);
/* The effect of message number index takes place now (at most once). */
void fake_deliver(struct fake_store *store, unsigned index);
/* Message number index is answered now: with its own status, or another. */
void fake_answer(struct fake_store *store, unsigned index);
void fake_answer_with(struct fake_store *store, unsigned index, int status);
/* Delivers and answers. */
void fake_complete(struct fake_store *store, unsigned index);

#endif
