/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* status.h: the one convention for results, and for what to say about them.
 *
 * A function that can fail returns 0 or a negative enum status. Where a text
 * is worth having it also takes a struct error, which it fills exactly once,
 * at the place that knows the offender's name. Shared code never prints.
 */
#ifndef LEASEHOLD_STATUS_H
#define LEASEHOLD_STATUS_H

#include <stdbool.h>

enum status {
  STATUS_OK = 0,

  /* The store's definite answers about a lease (names of the Blob service's
   * error codes in brackets). Nothing was changed.
   */
  STATUS_LEASE_HELD = -1,     /* by another ID (LeaseAlreadyPresent) */
  STATUS_LEASE_MISMATCH = -2, /* not this ID (LeaseIdMismatchWith...) */
  STATUS_LEASE_ABSENT = -3,   /* no lease at all (LeaseNotPresentWith...) */
  STATUS_LEASE_LOST = -4,     /* expired or broken (LeaseLost) */
  STATUS_LEASE_REQUIRED = -5, /* leased, and no ID given (LeaseIdMissing) */
  STATUS_LEASE_BREAKING = -6, /* (LeaseIsBreakingAndCannotBe...) */
  STATUS_LEASE_BROKEN = -7,   /* (LeaseIsBrokenAndCannotBeRenewed) */
  STATUS_EPOCH_STALE = -8,    /* (SequenceNumberConditionNotMet) */
  STATUS_ETAG_STALE = -9,     /* (ConditionNotMet) */

  /* What a session says to its clients. */
  STATUS_CONFLICT = -20,  /* reservation conflict: another node holds it */
  STATUS_FENCED = -21,    /* this session can never write again */
  STATUS_READ_ONLY = -22, /* an observer tried to write */

  /* Definite answers about the request itself. Nothing was changed. */
  STATUS_INVALID = -40,   /* malformed name, parameter, range or alignment */
  STATUS_NOT_FOUND = -41, /* no such store or volume */
  STATUS_EXISTS = -42,
  STATUS_NO_SPACE = -43,
  STATUS_NO_MEMORY = -44,
  STATUS_DENIED = -45,      /* the store refuses our credentials or rights */
  STATUS_CORRUPT = -46,     /* a record is damaged; the text names it */
  STATUS_UNSUPPORTED = -47, /* this store or this build cannot do that */

  /* Not answers. TRANSIENT: nothing was changed, try again. UNKNOWN: it may
   * have been done, or may still be done later (DESIGN S4). IO: the store
   * tried and failed; the range's contents are undefined.
   */
  STATUS_TRANSIENT = -60,
  STATUS_UNKNOWN = -61,
  STATUS_IO = -62,
  STATUS_TIMEOUT = -63, /* our own deadline, such as io-timeout, has passed */
  STATUS_STOPPING = -64 /* the server is being shut down */
};

/* Largest error text, with its ending NUL. */
#define ERROR_TEXT_MAX 512

struct error {
  enum status status; /* STATUS_OK while empty */
  char text[ERROR_TEXT_MAX];
};

#define ERROR_INIT                                                             \
  {                                                                            \
    .status = STATUS_OK                                                        \
  }

/* Fills err (if not NULL) and returns status, so that a caller can write
 * `return error_set(err, STATUS_INVALID, "...")`. A text that is too long is
 * cut, never overrun.
 */
int error_set(struct error *err, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set, followed by ": " and the text of a system errno, which also
 * chooses the status: ENOENT NOT_FOUND, EEXIST EXISTS, ENOSPC and EDQUOT and
 * EFBIG NO_SPACE, ENOMEM NO_MEMORY, EACCES and EPERM and EROFS DENIED, EINVAL
 * INVALID, EOPNOTSUPP and ENOSYS UNSUPPORTED, EAGAIN and EINTR and EMFILE and
 * ENFILE TRANSIENT, all others IO.
 */
int error_set_errno(struct error *err, int system_errno, const char *format,
                    ...) __attribute__((format(printf, 3, 4)));

/* The status that error_set_errno would choose. */
enum status status_from_errno(int system_errno);

/* A few lower-case words for people, such as "epoch stale". Static. */
const char *status_text(int status);

/* The errno an NBD client is given (DESIGN section 9). Only values that
 * survive nbdkit: EPERM, EIO, ENOMEM, ENOSPC, EINVAL, ESHUTDOWN, and for
 * STATUS_UNSUPPORTED EOPNOTSUPP, which nbdkit understands as the answer to a
 * fast zero and turns into EINVAL otherwise. This is the only function that
 * chooses one. 0 for STATUS_OK.
 */
int status_errno(int status);

/* True for an answer of the store that the lease or epoch is not ours: the
 * STATUS_LEASE_* group and STATUS_EPOCH_STALE.
 */
bool status_is_refusal(int status);

#endif
