/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* status.c: statuses, their texts, and the errno that a client sees. */
#include "leasehold/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct status_row {
  const char *text;
  int client_errno; /* DESIGN section 9 */
};

/* Indexed by -status. A refusal of the store reaches a client only if nothing
 * has turned it into CONFLICT or FENCED before: it says the same thing.
 */
static const struct status_row status_table[] = {
    [-STATUS_OK] = {"done", 0},
    [-STATUS_LEASE_HELD] = {"leased under another ID", EPERM},
    [-STATUS_LEASE_MISMATCH] = {"lease ID is not the current one", EPERM},
    [-STATUS_LEASE_ABSENT] = {"no lease", EPERM},
    [-STATUS_LEASE_LOST] = {"lease expired or broken", EPERM},
    [-STATUS_LEASE_REQUIRED] = {"leased, and no lease ID given", EPERM},
    [-STATUS_LEASE_BREAKING] = {"lease is being broken", EPERM},
    [-STATUS_LEASE_BROKEN] = {"lease is broken", EPERM},
    [-STATUS_EPOCH_STALE] = {"epoch stale", ESHUTDOWN},
    [-STATUS_ETAG_STALE] = {"changed by someone else in the meantime", EIO},
    [-STATUS_CONFLICT] = {"reservation conflict", EPERM},
    [-STATUS_FENCED] = {"fenced", ESHUTDOWN},
    [-STATUS_READ_ONLY] = {"observers may not write", EPERM},
    [-STATUS_INVALID] = {"invalid", EINVAL},
    [-STATUS_NOT_FOUND] = {"not found", EIO},
    [-STATUS_EXISTS] = {"exists already", EINVAL},
    [-STATUS_NO_SPACE] = {"no space left", ENOSPC},
    [-STATUS_NO_MEMORY] = {"out of memory", ENOMEM},
    [-STATUS_DENIED] = {"the store denies access", EIO},
    [-STATUS_CORRUPT] = {"damaged", EIO},
    [-STATUS_UNSUPPORTED] = {"not supported", EOPNOTSUPP},
    [-STATUS_TRANSIENT] = {"transient failure", EIO},
    [-STATUS_UNKNOWN] = {"outcome unknown", EIO},
    [-STATUS_IO] = {"input/output error", EIO},
    [-STATUS_TIMEOUT] = {"timed out", EIO},
    [-STATUS_STOPPING] = {"the server is stopping", ESHUTDOWN},
};

static const struct {
  int system_errno;
  enum status status;
} errno_table[] = {
    {ENOENT, STATUS_NOT_FOUND},       {EEXIST, STATUS_EXISTS},
    {ENOSPC, STATUS_NO_SPACE},        {EDQUOT, STATUS_NO_SPACE},
    {EFBIG, STATUS_NO_SPACE},         {ENOMEM, STATUS_NO_MEMORY},
    {EACCES, STATUS_DENIED},          {EPERM, STATUS_DENIED},
    {EROFS, STATUS_DENIED},           {EINVAL, STATUS_INVALID},
    {EOPNOTSUPP, STATUS_UNSUPPORTED}, {ENOSYS, STATUS_UNSUPPORTED},
    {EAGAIN, STATUS_TRANSIENT},       {EINTR, STATUS_TRANSIENT},
    {EMFILE, STATUS_TRANSIENT},       {ENFILE, STATUS_TRANSIENT},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct status_row *
find_row(int status)
{
  static const struct status_row unknown = {"unknown status", EIO};

  if (status > 0 || status <= -(int)COUNT(status_table) ||
      status_table[-status].text == NULL)
    return &unknown;
  return &status_table[-status];
}

const char *
status_text(int status)
{
  return find_row(status)->text;
}

int
status_errno(int status)
{
  return find_row(status)->client_errno;
}

bool
status_is_refusal(int status)
{
  return status <= STATUS_LEASE_HELD && status >= STATUS_EPOCH_STALE;
}

enum status
status_from_errno(int system_errno)
{
  for (size_t i = 0; i < COUNT(errno_table); i++)
    if (errno_table[i].system_errno == system_errno)
      return errno_table[i].status;
  return STATUS_IO;
}

int
error_set(struct error *err, enum status status, const char *format, ...)
{
  va_list args;

  if (err != NULL) {
    err->status = status;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
  }
  return status;
}

int
error_set_errno(struct error *err, int system_errno, const char *format, ...)
{
  enum status status = status_from_errno(system_errno);
  char message[128];
  size_t used, room;
  va_list args;

  if (err == NULL)
    return status;
  err->status = status;
  va_start(args, format);
  vsnprintf(err->text, sizeof err->text, format, args);
  va_end(args);
  used = strlen(err->text);
  room = sizeof err->text - used;
  snprintf(err->text + used, room, ": %s",
           strerror_r(system_errno, message, sizeof message));
  return status;
}
