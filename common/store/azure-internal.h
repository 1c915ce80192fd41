/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-internal.h: what the files of the Azure store share; azure.c explains.
 */
#ifndef LEASEHOLD_AZURE_INTERNAL_H
#define LEASEHOLD_AZURE_INTERNAL_H

#include <pthread.h>

#include "http/http.h"
#include "leasehold/store.h"
#include "store/azure-answer.h"
#include "store/azure-credentials.h"
#include "store/azure-request.h"

/* The most that one Put Page takes; reads are cut the same. */
#define AZURE_PIECE_MAX (UINT64_C(4) << 20)

struct workers;

struct azure_store {
  struct store store;
  const struct clock *clock;
  const struct log *log;
  struct azure_place place;
  char text[AZURE_PLACE_TEXT_MAX]; /* "ACCOUNT/CONTAINER", for people */
  struct http *http;
  struct azure_credentials *credentials;
  struct workers *workers; /* NULL: commands are done inline */
  bool create;
  uint64_t io_timeout_ns;
  uint64_t command_timeout_ns; /* for all tries of a lease command */

  pthread_mutex_t lock;   /* protects busy_until_ns */
  uint64_t busy_until_ns; /* the service asked for less */
};

struct azure_memory;

struct azure_volume {
  struct store_volume volume;
  struct azure_store *store;
  char name[VOLUME_NAME_MAX + 1];
  int64_t created_s; /* of the blob, when it was opened */

  pthread_mutex_t lock; /* protects the rest */
  /* A claim of this handle, from this epoch, has had an unknown outcome. */
  bool doubt;
  uint64_t doubt_epoch;
  /* What the command before saw, for the claim that may follow; or NULL. */
  struct azure_memory *memory;
};

static inline struct azure_store *
azure_store(struct store *store)
{
  return (struct azure_store *)store;
}

static inline struct azure_volume *
azure_volume(struct store_volume *volume)
{
  return (struct azure_volume *)volume;
}

/* --- azure-exchange.c ------------------------------------------------- */

/* One request and its answer, with as many tries as it is worth. */
struct azure_exchange {
  struct http_request http; /* first */
  struct azure_store *store;
  const char *what; /* "Put Page" */
  const char *name; /* the volume, or the store's text */
  struct azure_request request;
  struct strbuf url;
  bool changes;         /* an unknown outcome stays one */
  bool repeatable;      /* though it changes, doing it twice is once */
  uint64_t deadline_ns; /* no try begins later */
  unsigned tries;
  struct http_waiter waiter;
  bool under_way; /* a try is */
  /* The last answer's. */
  int status;
  char code[AZURE_CODE_MAX];
  struct error error;
};

/* blob: a volume's name; NULL: the container. Everything but the request's
 * query, headers and body is set; text_limit for the answer's body.
 */
void azure_exchange_init(struct azure_exchange *exchange,
                         struct azure_store *store, const char *method,
                         const char *blob, const char *what);
void azure_exchange_free(struct azure_exchange *exchange);

/* Makes http ready to be submitted once more. 0, or a status with error. */
int azure_exchange_prepare(struct azure_exchange *exchange);
/* Judges the answer: fills in status, code and error. */
void azure_exchange_judge(struct azure_exchange *exchange);
/* Whether to try again, and sets http.not_before_ns. */
bool azure_exchange_again(struct azure_exchange *exchange);

/* All of it, waiting: the status. The answer is http's until free. */
int azure_exchange_run(struct azure_exchange *exchange, enum http_lane lane);
/* The two halves of that. Between them the first try is under way. */
void azure_exchange_begin(struct azure_exchange *exchange, enum http_lane lane);
int azure_exchange_end(struct azure_exchange *exchange, enum http_lane lane);

/* Moves the text to err, and returns the status. */
int azure_exchange_fail(const struct azure_exchange *exchange,
                        struct error *err);

/* HEAD. headers, if not NULL, takes over the answer's: the caller frees them.
 */
int azure_head(struct azure_store *store, const char *name,
               uint64_t deadline_ns, struct azure_properties *out,
               struct http_headers *headers, struct error *err);
/* The two halves of that; azure_head_end frees exchange. */
void azure_head_begin(struct azure_exchange *exchange,
                      struct azure_store *store, const char *name,
                      uint64_t deadline_ns);
int azure_head_end(struct azure_exchange *exchange,
                   struct azure_properties *out, struct http_headers *headers,
                   struct error *err);

/* --- the parts -------------------------------------------------------- */

int azure_submit_command(struct store_volume *volume,
                         struct store_command *command);
void azure_memory_free(struct azure_memory *memory); /* NULL is fine */
int azure_submit_io(struct store_volume *volume, struct store_io *io);

int azure_create(struct store *store, const char *name, uint64_t size,
                 struct error *err);
int azure_remove(struct store *store, const char *name,
                 const struct lease_id *lease, struct error *err);
int azure_resize(struct store *store, const char *name, uint64_t size,
                 const struct lease_id *lease, struct error *err);
int azure_list(struct store *store, struct volume_list *out, struct error *err);

int azure_side_read(struct store_volume *volume, enum side side,
                    struct side_object *out, struct error *err);
int azure_side_write(struct store_volume *volume, enum side side,
                     struct side_object *object, struct error *err);
/* After its volume. What cannot be deleted is left behind, with a line in the
 * log: nobody will take it for that of another volume.
 */
void azure_side_delete(struct azure_store *store, const char *volume);

#endif
