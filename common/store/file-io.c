/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file-io.c: data of a file volume. All requests are done inside submit. */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <sys/uio.h>
#include <unistd.h>

#include "store/file-internal.h"

/* A larger write is done in turns of this size, so that a lease command waits
 * for no more than that; a larger fallocate, which is done in no time, in
 * these. What was done of a write that is then refused stays done.
 */
#define WRITE_PIECE (UINT64_C(4) << 20)
#define ALLOCATE_PIECE (UINT64_C(1) << 30)

/* Pieces of memory that are written at a time. */
#define VECTORS_MAX 64

/* A map of a badly fragmented volume is given in parts. */
#define EXTENTS_MAX 65536

static int
data_errno(const struct file_volume *volume, int system_errno, const char *what,
           struct error *err)
{
  /* So says a descriptor that is open for reading only; see file.c. */
  if (system_errno == EBADF)
    return error_set(err, STATUS_DENIED,
                     "%s: %s: %s/%s/%s can be read, but not written",
                     volume->place.name, what, volume->place.store->path,
                     volume->place.name, FILE_DATA);
  return error_set_errno(err, system_errno, "%s: %s", volume->place.name, what);
}

/* FILE_DATA ends at this offset. */
static int
nothing_there(const struct file_volume *volume, uint64_t offset,
              struct error *err)
{
  const struct file_place *place = &volume->place;
  struct volume_record record;
  int r = file_record_read(place, &record, err);

  if (r != 0)
    return r;
  if (offset >= record.size)
    return error_set(err, STATUS_INVALID,
                     "%s: reading at %" PRIu64 ", past the end of the volume",
                     place->name, offset);
  return error_set(err, STATUS_IO,
                   "%s: reading at %" PRIu64 " failed: %s/%s/%s is shorter "
                   "than the record says, which is %" PRIu64 " bytes",
                   place->name, offset, place->store->path, place->name,
                   FILE_DATA, record.size);
}

static int
read_data(struct file_volume *volume, struct store_io *io)
{
  uint64_t done = 0;

  while (done < io->count) {
    char *to = (char *)io->buffer + done;
    uint64_t count = io->count - done;
    ssize_t n;

    if (io->pieces != NULL) {
      uint64_t before = done % io->piece_size;

      to = (char *)io->pieces[done / io->piece_size] + before;
      if (count > io->piece_size - before)
        count = io->piece_size - before;
    }
    n = pread(volume->data, to, count, (off_t)(io->offset + done));

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return data_errno(volume, errno, "reading failed", &io->error);
    if (n == 0)
      return nothing_there(volume, io->offset + done, &io->error);
    done += (uint64_t)n;
  }
  return STATUS_OK;
}

static int
write_all(struct file_volume *volume, const char *from, uint64_t offset,
          uint64_t count, struct error *err)
{
  while (count > 0) {
    ssize_t n = pwrite(volume->data, from, count, (off_t)offset);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return data_errno(volume, errno, "writing failed", err);
    from += n;
    offset += (uint64_t)n;
    count -= (uint64_t)n;
  }
  return STATUS_OK;
}

/* The request's bytes from at on, before end; how many ranges that is. */
static int
gather(const struct store_io *io, uint64_t at, uint64_t end,
       struct iovec vectors[VECTORS_MAX])
{
  int used = 0;

  for (; used < VECTORS_MAX && at < end; used++) {
    uint64_t place = io->piece_begin + at;
    uint64_t before = place % io->piece_size, part = io->piece_size - before;

    if (part > end - at)
      part = end - at;
    vectors[used].iov_base =
        (char *)io->pieces[place / io->piece_size] + before;
    vectors[used].iov_len = part;
    at += part;
  }
  return used;
}

/* The request's bytes from done on, count of them. */
static int
write_data(struct file_volume *volume, struct store_io *io, uint64_t done,
           uint64_t count)
{
  uint64_t end = done + count;

  if (io->pieces == NULL)
    return write_all(volume, (const char *)io->buffer + done, io->offset + done,
                     count, &io->error);
  while (done < end) {
    struct iovec vectors[VECTORS_MAX];
    ssize_t n = pwritev(volume->data, vectors, gather(io, done, end, vectors),
                        (off_t)(io->offset + done));

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return data_errno(volume, errno, "writing failed", &io->error);
    done += (uint64_t)n;
  }
  return STATUS_OK;
}

static int
write_zeroes(struct file_volume *volume, uint64_t offset, uint64_t count,
             struct error *err)
{
  static const char zeroes[65536];
  int r = STATUS_OK;

  while (r == 0 && count > 0) {
    uint64_t piece = count < sizeof zeroes ? count : sizeof zeroes;

    r = write_all(volume, zeroes, offset, piece, err);
    offset += piece;
    count -= piece;
  }
  return r;
}

/* Zeroes by the file system. 0, or an errno: EOPNOTSUPP when it cannot. */
static int
allocate_zeroes(const struct file_volume *volume, uint64_t offset,
                uint64_t count, bool may_trim)
{
  const int modes[] = {FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                       FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE};

  for (unsigned i = may_trim ? 0 : 1; i < 2; i++) {
    int r;

    do
      r = fallocate(volume->data, modes[i], (off_t)offset, (off_t)count) == 0
              ? 0
              : errno;
    while (r == EINTR);
    if (r != EOPNOTSUPP && r != ENODEV && r != ENOSYS)
      return r;
  }
  return EOPNOTSUPP;
}

/* One piece, inside a turn. *slow: the file system has been found to be
 * unable.
 */
static int
zero_piece(struct file_volume *volume, struct store_io *io, uint64_t offset,
           uint64_t count, bool *slow)
{
  int r;

  if (*slow)
    return write_zeroes(volume, offset, count, &io->error);
  r = allocate_zeroes(volume, offset, count, io->flags & STORE_IO_MAY_TRIM);
  if (r == 0)
    return STATUS_OK;
  if (r != EOPNOTSUPP)
    return data_errno(volume, r, "zeroing failed", &io->error);
  if (io->flags & STORE_IO_FAST_ONLY)
    return error_set(&io->error, STATUS_UNSUPPORTED,
                     "%s: the file system cannot zero faster than by writing",
                     volume->place.name);
  *slow = true;
  return STATUS_OK;
}

/* WRITE and ZERO: piece by piece, each in a turn, with the guard checked. */
static int
change_data(struct file_volume *volume, struct store_io *io)
{
  bool zero = io->kind == STORE_ZERO, slow = false;
  uint64_t done = 0;

  while (done < io->count) {
    uint64_t offset = io->offset + done, count = io->count - done;
    uint64_t most = zero && !slow ? ALLOCATE_PIECE : WRITE_PIECE;
    bool was_slow = slow;
    int r;

    if (count > most)
      count = most;
    r = file_tenure_enter(volume, &io->guard, offset + count, &io->error);
    if (r != 0)
      return r;
    r = zero ? zero_piece(volume, io, offset, count, &slow)
             : write_data(volume, io, done, count);
    file_tenure_leave(volume);
    if (r != 0)
      return r;
    if (slow == was_slow)
      done += count;
  }
  return io->flags & STORE_IO_FUA ? file_sync_run(volume, &io->error)
                                  : STATUS_OK;
}

/* Where the next data (or hole) from offset on is, at most end. */
static int
seek(struct file_volume *volume, uint64_t offset, int whence, uint64_t end,
     uint64_t *found, struct error *err)
{
  off_t at = lseek(volume->data, (off_t)offset, whence);

  if (at < 0 && errno != ENXIO)
    return data_errno(volume, errno, "mapping failed", err);
  *found = at >= 0 && (uint64_t)at < end ? (uint64_t)at : end;
  return STATUS_OK;
}

/* A sector that holds data in part is data. */
static int
map_data(struct file_volume *volume, struct store_io *io)
{
  uint64_t at = io->offset, end = io->offset + io->count;

  while (at < end && io->extents.count < EXTENTS_MAX) {
    uint64_t data = end, hole = end;
    int r = seek(volume, at, SEEK_DATA, end, &data, &io->error);

    if (r == 0 && data < end)
      r = seek(volume, data, SEEK_HOLE, end, &hole, &io->error);
    if (r != 0)
      return r;
    if (data < end)
      data -= data % STORE_SECTOR;
    if (data < at)
      data = at;
    hole += (STORE_SECTOR - hole % STORE_SECTOR) % STORE_SECTOR;
    if (hole > end)
      hole = end;
    if (extents_add(&io->extents, data - at, true) != 0 ||
        extents_add(&io->extents, hole - data, false) != 0)
      return error_set(&io->error, STATUS_NO_MEMORY, "%s: no memory",
                       volume->place.name);
    at = hole;
  }
  return STATUS_OK;
}

static int
run_io(struct file_volume *volume, struct store_io *io)
{
  switch (io->kind) {
  case STORE_READ:
    return read_data(volume, io);
  case STORE_WRITE:
  case STORE_ZERO:
    return change_data(volume, io);
  case STORE_FLUSH:
    return file_sync_run(volume, &io->error);
  case STORE_EXTENTS:
    return map_data(volume, io);
  case STORE_PREFETCH:
    /* A hint: that it was not taken is no failure. */
    (void)posix_fadvise(volume->data, (off_t)io->offset, (off_t)io->count,
                        POSIX_FADV_WILLNEED);
    return STATUS_OK;
  }
  return error_set(&io->error, STATUS_UNSUPPORTED, "an unknown request");
}

int
file_submit_io(struct store_volume *volume, struct store_io *io)
{
  io->error.status = STATUS_OK;
  io->status = run_io(file_volume(volume), io);
  return io->status;
}
