/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-store.c: the wrappers: what they do not let through (S1), waiting, lists
 * of extents.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file-test.h"
#include "leasehold/metrics.h"

static void
never_done(struct store_io *io)
{
  (void)io;
  abort();
}

static void
submit_in_child(void *data)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_volume(store, "disk");
  struct rlimit none = {0, 0};

  setrlimit(RLIMIT_CORE, &none);
  fclose(stderr); /* assert has a lot to say */
  store_submit_io(volume, data);
  store_volume_close(volume);
  store_close(store);
}

/* A request that is a programming error ends the program. */
static void
test_assertions(void **state)
{
  static char bytes[4096];
  struct store *store = file_test_open(0);
  const struct guard guard = {.lease_id = id_a};
  struct store_io bad[] = {
      /* S1: a WRITE or ZERO without a lease ID. */
      {.kind = STORE_WRITE, .count = 512, .buffer = bytes},
      {.kind = STORE_ZERO, .count = 512},
      {.kind = STORE_WRITE, .count = 512, .guard = guard},
      {.kind = STORE_WRITE, .buffer = bytes, .guard = guard},
      {.kind = STORE_READ, .count = (64 << 20) + 1, .buffer = bytes},
      {.kind = STORE_READ,
       .count = 512,
       .offset = STORE_SIZE_MAX,
       .buffer = bytes},
      {.kind = STORE_READ,
       .count = 512,
       .offset = UINT64_MAX - 100,
       .buffer = bytes},
      {.kind = STORE_EXTENTS, .count = 0},
  };
  struct store_io good = {
      .kind = STORE_WRITE, .count = 512, .buffer = bytes, .guard = guard};

  (void)state;
  assert_int_equal(store_create(store, "disk", 4096, NULL), 0);
  for (size_t i = 0; i < COUNT(bad); i++) {
    int status;

    bad[i].done = never_done;
    status = file_test_wait(file_test_fork(submit_in_child, &bad[i]));
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
      fail_msg("request %zu was let through", i);
  }
  good.done = never_done;
  assert_int_equal(file_test_wait(file_test_fork(submit_in_child, &good)), 0);
  store_close(store);
}

static void
test_urls(void **state)
{
  static const char *const urls[] = {"",     "x",      "file",
                                     "s3:x", "FILE:x", "https://secret@x/"};
  struct store *store;

  (void)state;
  for (size_t i = 0; i < COUNT(urls); i++) {
    struct store_config config = {.url = urls[i], .clock = &system_clock};
    struct error err = ERROR_INIT;

    assert_int_equal(store_open(&config, &store, &err), STATUS_INVALID);
    assert_null(strstr(err.text, "secret"));
  }
  store_close(NULL);
  store_volume_close(NULL);
}

static void
test_extents(void **state)
{
  struct extent_list list = {0};

  (void)state;
  assert_int_equal(extents_add(&list, 512, true), 0);
  assert_int_equal(extents_add(&list, 0, false), 0);
  assert_int_equal(extents_add(&list, 512, true), 0);
  assert_int_equal(list.count, 1);
  assert_int_equal(list.items[0].length, 1024);
  for (size_t i = 0; i < 100; i++)
    assert_int_equal(extents_add(&list, 512, i % 2 == 1), 0);
  assert_int_equal(list.count, 101);
  assert_false(list.items[1].hole);
  extents_free(&list);
  assert_int_equal(list.count, 0);
  extents_free(&list);
}

/* store_run_command and store_run_io wait for what is done elsewhere. */
static void
test_run_waits(void **state)
{
  struct store *store = file_test_open(2);
  struct store_volume *volume = file_test_disk(store);
  struct volume_info info;
  char bytes[512] = "x";

  (void)state;
  for (uint64_t i = 0; i < 20; i++) {
    assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
    assert_int_equal(file_test_claim(volume, &id_a, i), 0);
    assert_int_equal(file_test_write(volume, &id_a, i + 1, 0, bytes, 512), 0);
  }
  assert_int_equal(file_test_describe(volume, &info, NULL), 0);
  assert_int_equal(info.epoch, 20);
  store_volume_close(volume);
  store_close(store);
}

static struct store *collected;

static void
collect(struct metrics_source *source, struct metrics *metrics)
{
  (void)source;
  store_collect(collected, metrics);
}

static void
assert_counts(struct store *store, const char *const *lines)
{
  struct metrics_source source = {.collect = collect};
  size_t length;
  char *text;

  collected = store;
  text = metrics_text(&source, &length);
  for (; *lines != NULL; lines++)
    if (strstr(text, *lines) == NULL)
      fail_msg("lacks %s: %s", *lines, text);
  free(text);
}

/* Each request is counted once, by its outcome, whoever finishes it. */
static void
test_counts(void **state)
{
  (void)state;
  for (unsigned workers = 0; workers <= 2; workers += 2) {
    struct store *store = file_test_open(workers);
    struct store_volume *volume =
        workers == 0 ? file_test_disk(store) : file_test_volume(store, "disk");
    static struct side_object object;
    char bytes[1024] = "x";
    uint64_t epoch = workers == 0 ? 0 : 2;

    assert_counts(store, (const char *[]){
                             "{request=\"claim\",outcome=\"ok\"} 0\n", NULL});
    assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
    assert_int_equal(file_test_claim(volume, &id_a, epoch), 0);
    assert_int_equal(file_test_claim(volume, &id_a, epoch + 1), 0);
    assert_int_equal(file_test_claim(volume, &id_a, epoch + 1),
                     STATUS_EPOCH_STALE);
    assert_int_equal(file_test_write(volume, &id_a, epoch + 2, 0, bytes, 1024),
                     0);
    assert_int_equal(file_test_write(volume, &id_a, epoch + 1, 0, bytes, 1024),
                     STATUS_EPOCH_STALE);
    assert_int_equal(store_side_read(volume, SIDE_REGISTRATIONS, &object, NULL),
                     0);
    assert_counts(
        store, (const char *[]){"{request=\"acquire\",outcome=\"ok\"} 1\n",
                                "{request=\"claim\",outcome=\"ok\"} 2\n",
                                "{request=\"claim\",outcome=\"refused\"} 1\n",
                                "{request=\"write\",outcome=\"ok\"} 1\n",
                                "{request=\"write\",outcome=\"refused\"} 1\n",
                                "{request=\"side_read\",outcome=\"ok\"} 1\n",
                                "_written_bytes_total 1024\n", NULL});
    store_volume_close(volume);
    store_close(store);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      FILE_TEST(test_assertions),     cmocka_unit_test(test_urls),
      cmocka_unit_test(test_extents), FILE_TEST(test_run_waits),
      FILE_TEST(test_counts),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
