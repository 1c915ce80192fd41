/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* handover-scout.c: finds the requests that sessions are to obey; handover.h.
 *
 * One thread with a queue of tenures. The keeper puts a tenure in after each
 * renewal of its session, when it is told to (keeper_look), and when the
 * session has given its lease away. For each one the side object is read; what
 * follows depends on what the session was when that began:
 *
 *   request                          session         it is
 *   -------------------------------  --------------  --------------------------
 *   damaged                          any             taken away
 *   of an older epoch                holds           taken away
 *   of its node and its epoch        holds           ordered
 *   what it has carried out          has given away  taken away
 *   anything else                    any             left alone
 *
 * A request is taken away under the ETag that was read: a newer one stays. That
 * a session may have moved on since does no harm, for an order is obeyed only
 * in the epoch that it names.
 *
 * A tenure is not freed from keeper_scout.look until tenure_looked says that
 * nothing more is asked; both, and the queue, have locks of their own.
 */
#include "leasehold/handover.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lease/keeper-internal.h"
#include "leasehold/log.h"
#include "utils/cleanup.h"
#include "utils/mutation.h"

struct handover_scout {
  struct keeper_scout scout; /* first */
  const struct log *log;
  pthread_t thread;
  bool running;
  pthread_mutex_t lock; /* protects what follows */
  pthread_cond_t wanted;
  struct tenure *first, **last; /* by next_looked_for */
  bool quit;
};

static void
queue(struct keeper_scout *keeper_scout, struct tenure *tenure)
{
  struct handover_scout *scout = (struct handover_scout *)keeper_scout;

  {
    LOCK_FOR_SCOPE(&scout->lock);
    if (!scout->quit) {
      tenure->next_looked_for = NULL;
      *scout->last = tenure;
      scout->last = &tenure->next_looked_for;
      pthread_cond_signal(&scout->wanted);
      return;
    }
  }
  while (tenure_looked(tenure))
    continue;
}

static void
take_away(struct handover_scout *scout, struct tenure *tenure,
          struct side_object *object, const char *why)
{
  struct error error = ERROR_INIT;
  int r = handover_write(tenure->volume, object, NULL, &error);

  if (r != STATUS_ETAG_STALE)
    log_line(scout->log, r == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
             "%s: a request to hand it over is taken away: %s%s%s",
             tenure->name, why, r == 0 ? "" : ": ", r == 0 ? "" : error.text);
}

static void
order(struct tenure *tenure, const struct handover_request *request)
{
  struct handover_order made = {.epoch = request->epoch,
                                .to_lease = request->to_lease};

  memcpy(made.to, request->to, sizeof made.to);
  tenure_order(tenure, &made);
}

enum handover_verdict
handover_judge(const struct lease_view *view, const char *node,
               const struct handover_request *request)
{
  bool own = strcmp(request->from, node) == 0;

  if (request->from[0] == '\0')
    return HANDOVER_LEAVE;
  if (MUTATED(HANDOVER_STALE_REQUEST) && view->holds && own)
    return HANDOVER_OBEY;
  if (view->holds && request->epoch < view->epoch)
    return HANDOVER_TAKE_AWAY;
  if (!own || request->epoch != view->epoch)
    return HANDOVER_LEAVE;
  if (view->holds)
    return HANDOVER_OBEY;
  return view->gave && strcmp(request->to, view->to) == 0 ? HANDOVER_TAKE_AWAY
                                                          : HANDOVER_LEAVE;
}

static void
look(struct handover_scout *scout, struct tenure *tenure,
     struct side_object *object)
{
  const char *node = tenure->session.config.node; /* constant */
  struct handover_request request;
  struct error error = ERROR_INIT;
  struct lease_view view;
  int r;

  {
    LOCK_FOR_SCOPE(&tenure->lock);
    view = tenure->lease_view;
  }
  r = handover_read(tenure->volume, tenure->name, object, &request, &error);
  if (r == STATUS_CORRUPT && object->etag[0] != '\0')
    take_away(scout, tenure, object, error.text);
  if (r != 0)
    return; /* it is looked for again after the next renewal */
  switch (handover_judge(&view, node, &request)) {
  case HANDOVER_LEAVE:
    break;
  case HANDOVER_OBEY:
    order(tenure, &request);
    break;
  case HANDOVER_TAKE_AWAY:
    take_away(scout, tenure, object,
              view.holds ? "it was made for an older epoch" : "it is done");
    break;
  }
}

static bool
is_quitting(struct handover_scout *scout)
{
  LOCK_FOR_SCOPE(&scout->lock);
  return scout->quit;
}

/* NULL: quit, and nobody is left in the queue. */
static struct tenure *
next_tenure(struct handover_scout *scout)
{
  struct tenure *tenure;

  LOCK_FOR_SCOPE(&scout->lock);
  while (scout->first == NULL && !scout->quit)
    pthread_cond_wait(&scout->wanted, &scout->lock);
  tenure = scout->first;
  if (tenure == NULL)
    return NULL;
  scout->first = tenure->next_looked_for;
  if (scout->first == NULL)
    scout->last = &scout->first;
  return tenure;
}

static void *
run(void *opaque)
{
  struct handover_scout *scout = opaque;
  CLEANUP_FREE struct side_object *object = malloc(sizeof *object);
  struct tenure *tenure;

  while ((tenure = next_tenure(scout)) != NULL) {
    do {
      if (object != NULL && !is_quitting(scout))
        look(scout, tenure, object);
    } while (tenure_looked(tenure));
  }
  return NULL;
}

struct handover_scout *
handover_scout_new(struct keeper *keeper, const struct log *log)
{
  struct handover_scout *scout = calloc(1, sizeof *scout);

  if (scout == NULL)
    return NULL;
  scout->scout.look = queue;
  scout->log = log;
  scout->last = &scout->first;
  pthread_mutex_init(&scout->lock, NULL);
  pthread_cond_init(&scout->wanted, NULL);
  keeper_set_scout(keeper, &scout->scout);
  return scout;
}

int
handover_scout_start(struct handover_scout *scout, struct error *err)
{
  int failure = pthread_create(&scout->thread, NULL, run, scout);

  if (failure != 0)
    return error_set_errno(err, failure, "keeper: cannot start its scout");
  scout->running = true;
  return 0;
}

void
handover_scout_stop(struct handover_scout *scout)
{
  if (scout == NULL || !scout->running)
    return;
  {
    LOCK_FOR_SCOPE(&scout->lock);
    scout->quit = true;
    pthread_cond_signal(&scout->wanted);
  }
  pthread_join(scout->thread, NULL);
  scout->running = false;
}

void
handover_scout_free(struct handover_scout *scout)
{
  if (scout == NULL)
    return;
  pthread_cond_destroy(&scout->wanted);
  pthread_mutex_destroy(&scout->lock);
  free(scout);
}
