/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file-command.c: lease commands of the file store.
 *
 * A command is one change of a volume_record, computed by the pure functions
 * of blob-lease.c. First it is tried on the record as it is read without a
 * lock: what is refused there is answered so, and disturbs nobody. What would
 * succeed is done again under the exclusive locks, on the record as it is
 * then, which is replaced. So every command takes effect, or is refused, at
 * one moment between its call and its answer.
 */

#include <inttypes.h>
#include <string.h>

#include "store/command-job.h"
#include "store/file-internal.h"

/* Each changes record, or answers a refusal and changes nothing. */

static int
acquire(struct volume_record *record, const struct lease_command *command,
        uint64_t now_ns, int64_t wall_ms)
{
  /* The same holder again, such as a server that crashed and came back, holds
   * it since it first took it.
   */
  bool again = blob_lease_state(&record->lease, now_ns) == LEASE_LEASED;
  int r = blob_lease_acquire(&record->lease, &command->lease_id,
                             command->duration_s, now_ns);

  if (r != 0)
    return r;
  memcpy(record->lease_node, command->node, sizeof record->lease_node);
  if (!again)
    record->lease_since_ms = wall_ms;
  return STATUS_OK;
}

static int
change(struct volume_record *record, const struct lease_command *command,
       uint64_t now_ns, int64_t wall_ms)
{
  bool repeat = lease_id_equal(&record->lease.id, &command->proposed_id);
  struct blob_lease lease = record->lease;
  int r = blob_lease_change(&lease, &command->lease_id, &command->proposed_id,
                            now_ns);

  if (r != 0)
    return r;
  if ((command->check_epoch || command->verb == LEASE_TAKE_OVER) &&
      record->epoch != command->expected_epoch)
    return STATUS_EPOCH_STALE;
  record->lease = lease;
  memcpy(record->lease_node, command->node, sizeof record->lease_node);
  if (!repeat)
    record->lease_since_ms = wall_ms;
  return STATUS_OK;
}

/* The lease is gone: so is what was told with it. */
static void
forget_node(struct volume_record *record)
{
  record->lease_node[0] = '\0';
  record->lease_since_ms = 0;
}

static int
release(struct volume_record *record, const struct lease_command *command)
{
  struct blob_lease lease = record->lease;
  int r = blob_lease_release(&lease, &command->lease_id);

  if (r != 0)
    return r;
  if (record->epoch != command->expected_epoch)
    return STATUS_EPOCH_STALE;
  if (command->clean && record->record.holder.node[0] != '\0')
    record->record.holder.clean = true;
  if (command->keep_infinite &&
      record->lease.duration_s == LEASE_DURATION_INFINITE &&
      record->lease.state == LEASE_LEASED)
    return STATUS_OK;
  record->lease = lease;
  forget_node(record);
  return STATUS_OK;
}

static int
claim(struct volume_record *record, const struct lease_command *command,
      const struct lease_id *lease_id, uint64_t now_ns)
{
  int r = blob_lease_use(&record->lease, BLOB_WRITE, lease_id, now_ns);

  if (r != 0)
    return r;
  if (lease_id_is_none(lease_id))
    return STATUS_LEASE_REQUIRED;
  if (record->epoch != command->expected_epoch)
    return STATUS_EPOCH_STALE;
  record->epoch++;
  record->record = command->record;
  record->record.holder.epoch = record->epoch;
  return STATUS_OK;
}

/* Both or nothing: what the claim could refuse, the change has. */
static int
take_over(struct volume_record *record, const struct lease_command *command,
          uint64_t now_ns, int64_t wall_ms)
{
  int r = change(record, command, now_ns, wall_ms);

  return r != 0 ? r : claim(record, command, &command->proposed_id, now_ns);
}

static int
apply(struct volume_record *record, const struct lease_command *command,
      uint64_t now_ns, int64_t wall_ms)
{
  switch (command->verb) {
  case LEASE_DESCRIBE:
    return STATUS_OK;
  case LEASE_ACQUIRE:
    return acquire(record, command, now_ns, wall_ms);
  case LEASE_RENEW:
    return blob_lease_renew(&record->lease, &command->lease_id, now_ns);
  case LEASE_CHANGE:
    return change(record, command, now_ns, wall_ms);
  case LEASE_RELEASE:
    return release(record, command);
  case LEASE_BREAK:
    return blob_lease_break(&record->lease, command->break_period_s, now_ns);
  case LEASE_CLAIM:
    return claim(record, command, &command->lease_id, now_ns);
  case LEASE_TAKE_OVER:
    return take_over(record, command, now_ns, wall_ms);
  case LEASE_GROUP:
  case LEASE_NONE:
    break;
  }
  return STATUS_INVALID;
}

/* A refusal in words: what stands against it, and who. */
static int
refuse(const struct file_place *place, const struct lease_command *command,
       const struct volume_record *record, const struct volume_info *info,
       int status, struct error *err)
{
  const char *node = info->lease.node;

  if (status == STATUS_EPOCH_STALE)
    return error_set(err, STATUS_EPOCH_STALE,
                     "%s: %s refused: the epoch is %" PRIu64 ", not %" PRIu64,
                     place->name, lease_verb_text(command->verb), record->epoch,
                     command->expected_epoch);
  return error_set(err, (enum status)status,
                   "%s: %s refused: %s (the lease is %s%s%s)", place->name,
                   lease_verb_text(command->verb), status_text(status),
                   lease_state_text(info->lease.state),
                   node[0] != '\0' ? ", taken by " : "", node);
}

/* Applies the command to record and fills info with what is so then. */
static int
try_command(const struct file_place *place, const struct lease_command *command,
            struct volume_record *record, struct volume_info *info,
            struct error *err)
{
  const struct clock *clock = place->store->clock;
  uint64_t now_ns = clock_now(clock);
  int r = STATUS_ETAG_STALE;

  record_info(record, now_ns, info);
  if (command->if_etag[0] == '\0' ||
      strcmp(command->if_etag, info->etag) == 0) {
    r = apply(record, command, now_ns, clock->wall_ms(clock));
    record_info(record, now_ns, info);
  }
  return r != 0 ? refuse(place, command, record, info, r, err) : STATUS_OK;
}

static int
change_record(const struct file_place *place,
              const struct lease_command *command, struct volume_record *record,
              struct volume_info *info, struct error *err)
{
  struct file_stamp stamp;
  int fd, r;

  r = file_exclusive_begin(place, 0, &fd, err);
  if (r != 0)
    return r;
  r = file_record_read_locked(place, record, &stamp, err);
  if (r == 0)
    r = try_command(place, command, record, info, err);
  if (r == 0)
    r = file_record_replace(place, record, err);
  file_exclusive_end(fd);
  if (r == 0) /* the revision is another */
    record_info(record, clock_now(place->store->clock), info);
  return r;
}

static int
run_command(struct store_volume *volume, struct store_command *command)
{
  const struct file_place *place = &file_volume(volume)->place;
  struct lease_reply *reply = &command->reply;
  struct volume_record record;
  int r;

  command->error = (struct error)ERROR_INIT;
  memset(&reply->info, 0, sizeof reply->info);
  r = file_record_read(place, &record, &command->error);
  if (r == 0)
    r = try_command(place, &command->command, &record, &reply->info,
                    &command->error);
  if (r == 0 && command->command.verb != LEASE_DESCRIBE)
    r = change_record(place, &command->command, &record, &reply->info,
                      &command->error);
  reply->status = r;
  return r;
}

int
file_submit_command(struct store_volume *volume, struct store_command *command)
{
  const struct file_place *place = &file_volume(volume)->place;

  return command_job_submit(place->store->workers, run_command, volume,
                            place->name, command);
}

int
file_clear_lease(const struct file_place *place, struct error *err)
{
  struct volume_record record;
  struct file_stamp stamp;
  int fd, r;

  r = file_exclusive_begin(place, 0, &fd, err);
  if (r != 0)
    return r;
  r = file_record_read_locked(place, &record, &stamp, err);
  if (r == 0) {
    r = blob_lease_use(&record.lease, BLOB_WRITE, NULL,
                       clock_now(place->store->clock));
    if (r != 0)
      error_set(err, (enum status)r, "%s: write refused: %s", place->name,
                status_text(r));
  }
  if (r == 0) {
    forget_node(&record);
    r = file_record_replace(place, &record, err);
  }
  file_exclusive_end(fd);
  return r;
}
