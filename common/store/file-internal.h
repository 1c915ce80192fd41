/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file-internal.h: what the files of the file store share; file.c explains. */
#ifndef LEASEHOLD_FILE_INTERNAL_H
#define LEASEHOLD_FILE_INTERNAL_H

#include <pthread.h>
#include <sys/types.h>
#include <time.h>

#include "leasehold/clock.h"
#include "leasehold/store.h"
#include "store/record.h"

/* Names of a volume's files in its directory. No segment of a volume's name
 * can begin with '@'.
 */
#define FILE_DATA "@data"
#define FILE_RECORD "@record"
#define FILE_SPARE "@record.new"

/* Every number that says how long somebody waits for somebody else. Measured
 * on CLOCK_MONOTONIC: they are about processes, not about leases.
 */
#define LOCK_PAUSE_MIN_NS (50 * UINT64_C(1000))
#define LOCK_PAUSE_MAX_NS (5 * NANOSECONDS_PER_MILLISECOND)
/* When a waiter first searches for whoever is in its way, and how often then.
 * A search looks at every descriptor of every process: not too often.
 */
#define LOCK_SEARCH_FIRST_NS (200 * NANOSECONDS_PER_MILLISECOND)
#define LOCK_SEARCH_NS (1 * NANOSECONDS_PER_SECOND)
/* How long a process that holds a lock may be halted (stopped or frozen), from
 * when it was first seen so, before it is fenced. Two searches that lie further
 * apart than the gap prove nothing: the searcher was suspended, too.
 */
#define LOCK_HALTED_NS (1 * NANOSECONDS_PER_SECOND)
#define LOCK_SEARCH_GAP_NS (1500 * NANOSECONDS_PER_MILLISECOND)
/* How long a wait lasts at most while nothing moves: nobody new is seen to hold
 * the lock, nobody was fenced. And how long it lasts at most.
 */
#define LOCK_WAIT_NS (12 * NANOSECONDS_PER_SECOND)
#define LOCK_BUSY_NS (60 * NANOSECONDS_PER_SECOND)
/* How long writes go on without looking whether a lease command waits. */
#define TENURE_LOOK_NS (5 * NANOSECONDS_PER_MILLISECOND)
/* A turn is kept for the next write when it began so soon after the one before,
 * and is given back when nobody came in for this long (or twice that).
 */
#define TENURE_LINGER_NS (1 * NANOSECONDS_PER_MILLISECOND)

struct workers;
struct file_linger;

struct file_store {
  struct store store;
  const struct clock *clock;
  const struct log *log;
  char *path;    /* as given, for people */
  int directory; /* the same */
  char boot_id[BOOT_ID_LENGTH + 1];
  struct workers *workers;    /* NULL: commands are done inline */
  struct file_linger *linger; /* NULL: no turn outlasts its writes */
};

/* Where a volume's files are. */
struct file_place {
  struct file_store *store;
  char name[VOLUME_NAME_MAX + 1];
  /* Once known: only this volume is meant, not a later one of its name. */
  char volume_id[VOLUME_ID_LENGTH + 1];
  int directory;
};

/* Which record one has seen; see file-record.c. */
struct file_stamp {
  ino_t inode;
  struct timespec changed;
};

/* One file volume's turn at writing; see file-tenure.c. */
struct file_tenure {
  pthread_mutex_t mutex; /* protects the rest, except as said there */
  pthread_cond_t changed;
  bool beginning;
  uint64_t beginnings; /* how many there were; this is the number of the last */
  uint64_t failed;     /* the number of the last one that failed */
  struct error failure;
  bool held;     /* FILE_LOCK_DATA, shared */
  bool lingers;  /* this turn may outlast its writes */
  bool draining; /* a command waits: nobody joins */
  bool touched;  /* somebody came in since the last pass of file-linger.c */
  unsigned users;
  uint64_t looked_ns, ended_ns;
  struct file_stamp stamp;
  struct volume_record record; /* the one with that stamp, settled */
};

/* Durability of one file volume; see file-sync.c. */
struct file_sync {
  pthread_mutex_t mutex; /* protects the rest */
  pthread_cond_t finished_one;
  bool running;
  uint64_t started, finished;
  int failed; /* errno of the first failure; it stays */
};

struct file_volume {
  struct store_volume volume;
  struct file_place place;
  int data;
  struct file_tenure tenure;
  struct file_sync sync;
  struct file_volume *next_lingering; /* file-linger.c */
  bool lingering;                     /* it is in that list */
};

static inline struct file_store *
file_store(struct store *store)
{
  return (struct file_store *)store;
}

static inline struct file_volume *
file_volume(struct store_volume *volume)
{
  return (struct file_volume *)volume;
}

/* file-place.c */

/* Opens the directory of a volume; with make it and those above it are made,
 * durably. STATUS_NOT_FOUND when it is not there.
 */
int file_place_open(struct file_store *store, const char *name, bool make,
                    struct file_place *out, struct error *err);
void file_place_close(struct file_place *place);

/* Opens the store's own directory. */
int file_directory_open(struct file_store *store, bool create,
                        struct error *err);

/* STATUS_UNSUPPORTED, with the reason, for what lies on a file system whose
 * locks and clock are not those of one host.
 */
int file_system_check(int fd, const char *path, struct error *err);
/* Its table: the name of such a file system, or NULL. Pure. */
const char *file_system_refused(uint64_t magic);

/* file-lock.c */

enum file_lock_byte { FILE_LOCK_INTENT, FILE_LOCK_DATA };

enum file_lock_mode {
  FILE_LOCK_LOOK,   /* take nothing: wait until nobody has it exclusively */
  FILE_LOCK_SHARED, /* fd open for reading */
  FILE_LOCK_EXCLUSIVE
};

/* Where a lock byte lies in FILE_DATA. */
off_t file_lock_offset(enum file_lock_byte byte);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t file_monotonic_ns(void);

/* Locks for fd's open file description, waiting and if need be fencing as
 * file-lock.c says. 0, STATUS_TRANSIENT with a text, or an errno's status.
 */
int file_lock(const struct file_place *place, int fd, enum file_lock_byte byte,
              enum file_lock_mode mode, struct error *err);
void file_unlock(int fd, enum file_lock_byte byte);
/* Whether somebody holds it exclusively, right now. */
bool file_lock_wanted(int fd, enum file_lock_byte byte);

/* Opens FILE_DATA (with flags, such as O_CREAT, added) and takes both locks
 * exclusively. STATUS_NOT_FOUND when it is not there, or has been deleted
 * while this waited.
 */
int file_exclusive_begin(const struct file_place *place, int flags, int *fd,
                         struct error *err);
void file_exclusive_end(int fd);

/* file-fence.c */

/* A process that is in the way: that very lock of that very process. */
struct file_suspect {
  pid_t pid;
  uint64_t started; /* clock ticks after boot */
  unsigned number;  /* of its file descriptor */
  uint64_t tag;     /* of the command that holds the lock; 0 for a tenure */
  char command[17];
  char state;               /* as in /proc/PID/stat */
  uint64_t halted_since_ns; /* by the searches; 0: it was not halted */
  bool seen;                /* in this search */
};

#define FILE_SUSPECTS_MAX 16

struct file_fence {
  const struct file_place *place;
  int fd;
  enum file_lock_byte byte;
  enum file_lock_mode mode;
  unsigned count;
  struct file_suspect suspects[FILE_SUSPECTS_MAX];
  uint64_t searched_ns; /* when the last search was done */
  /* What the last search came to. */
  unsigned fenced;          /* processes that it ended */
  bool moving;              /* somebody else holds it than last time */
  bool own;                 /* this process itself is in the way */
  int kill_errno;           /* why one could not be ended, or 0 */
  struct file_suspect last; /* one that was found; pid 0: none */
};

/* Searches once for who is in the way of fence's lock, and ends those that are
 * halted and whose time is over.
 */
void file_fence_search(struct file_fence *fence, uint64_t now_ns);

/* Whether the text of a /proc/PID/fdinfo/N says that it holds a lock that is
 * in the way; tag becomes that of an exclusive one, else 0. Pure.
 */
bool file_fence_parse(const char *text, off_t offset, enum file_lock_mode mode,
                      uint64_t *tag);
/* State, start time and command from the text of a /proc/PID/stat. Pure. */
bool file_fence_parse_stat(const char *text, struct file_suspect *out);

/* file-record.c */

/* The stamp of the record as it is now. */
int file_record_stamp(const struct file_place *place, struct file_stamp *out,
                      struct error *err);
bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);

/* Reads the record, settled. Takes no lock, except for a moment when it seems
 * to be damaged. stamp may be NULL.
 */
int file_record_read(const struct file_place *place, struct volume_record *out,
                     struct error *err);
/* The same while the caller holds FILE_LOCK_DATA in either way. */
int file_record_read_locked(const struct file_place *place,
                            struct volume_record *out, struct file_stamp *stamp,
                            struct error *err);
/* Replaces the record by this one, with its revision increased by one,
 * atomically and durably. The caller holds the exclusive locks. STATUS_UNKNOWN
 * when it was replaced but may not be durable; else nothing was changed.
 */
int file_record_replace(const struct file_place *place,
                        struct volume_record *record, struct error *err);
/* Makes the spare that a replacement needs, if it is not there. */
int file_record_make_spare(const struct file_place *place, struct error *err);

/* file-pair.c; the caller holds the exclusive locks. */

struct file_pair {
  const char *name, *spare;
  off_t size; /* of each */
};

/* Opens the spare for writing; it is not the one in force on disk either. */
int file_pair_open(const struct file_place *place, const struct file_pair *pair,
                   int *fd, struct error *err);
/* Writes at its beginning. */
int file_pair_write(const struct file_place *place,
                    const struct file_pair *pair, int fd, const char *bytes,
                    size_t length, struct error *err);
/* Makes it durable and puts it in force, durably. STATUS_UNKNOWN when that was
 * done but may not be durable; else nothing was changed.
 */
int file_pair_exchange(const struct file_place *place,
                       const struct file_pair *pair, int fd, struct error *err);
/* Makes a spare, if it is not there. */
int file_pair_make_spare(const struct file_place *place,
                         const struct file_pair *pair, struct error *err);
/* Reads up to size bytes. Negative: errno says why. */
ssize_t file_read_whole(int fd, char *text, size_t size);

/* file-command.c */

int file_submit_command(struct store_volume *volume,
                        struct store_command *command);
/* A write without a lease ID takes a lease that is over out of the record. */
int file_clear_lease(const struct file_place *place, struct error *err);

/* file-tenure.c */

void file_tenure_init(struct file_tenure *tenure);
void file_tenure_destroy(struct file_tenure *tenure);
/* Begins or joins a turn if guard may write below end: until file_tenure_leave
 * no lease command can be done. Else a refusal, and nothing to leave.
 */
int file_tenure_enter(struct file_volume *volume, const struct guard *guard,
                      uint64_t end, struct error *err);
void file_tenure_leave(struct file_volume *volume);
/* Gives a turn back in which nobody writes, if nobody came in since the last
 * pass or a command waits for it. False when no turn is left.
 */
bool file_tenure_pass(struct file_volume *volume);

/* file-linger.c */

/* NULL: no memory. Starts no thread. */
struct file_linger *file_linger_new(void);
/* Ends the thread. All volumes are closed. NULL is fine. */
void file_linger_free(struct file_linger *linger);
/* From now on file_tenure_pass is called for volume, until it returns false.
 * False: there is no thread for that.
 */
bool file_linger_add(struct file_linger *linger, struct file_volume *volume);
/* It is to be closed. linger may be NULL. */
void file_linger_remove(struct file_linger *linger, struct file_volume *volume);

/* file-sync.c */

void file_sync_init(struct file_sync *sync);
void file_sync_destroy(struct file_sync *sync);
/* All that was written before is durable when it returns 0. */
int file_sync_run(struct file_volume *volume, struct error *err);

/* file-io.c */

int file_submit_io(struct store_volume *volume, struct store_io *io);

/* file-side.c */

int file_side_read(struct store_volume *volume, enum side side,
                   struct side_object *out, struct error *err);
int file_side_write(struct store_volume *volume, enum side side,
                    struct side_object *object, struct error *err);
/* Deletes the files of all side objects, as far as they are there. */
void file_side_delete(const struct file_place *place);

/* file-admin.c */

int file_create(struct store *store, const char *name, uint64_t size,
                struct error *err);
int file_remove(struct store *store, const char *name,
                const struct lease_id *lease, struct error *err);
int file_resize(struct store *store, const char *name, uint64_t size,
                const struct lease_id *lease, struct error *err);

/* file-list.c */

int file_list(struct store *store, struct volume_list *out, struct error *err);

#endif
