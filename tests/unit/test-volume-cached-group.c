/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-volume-cached-group.c: a group of writers begins beside a cache. */
#include "cached-bench.h"
#include "lease/keeper-internal.h"
#include "leasehold/membership.h"

#include <string.h>

/* A registry in which the session is noted once the group has begun. */
struct group {
  struct membership_runner runner; /* first */
  struct cached *cached;
};

static int
group_submit(struct membership_runner *runner, struct store_volume *volume,
             const char *name, struct store_command *command)
{
  struct cached *cached = ((struct group *)runner)->cached;
  struct session *session = &cached->connection.tenure->session;
  struct membership *membership = &command->reply.membership;

  (void)volume, (void)name;
  command->reply.info = session->seen;
  command->reply.info.epoch = cached->world->store.epoch;
  membership->member = true;
  membership->group = cached->world->store.lease.id;
  memcpy(membership->session, session->config.nonce,
         sizeof membership->session);
  return command->reply.status = STATUS_OK;
}

static struct cached
begin_in_group(struct world *world, struct group *group, bool write_back)
{
  group->runner.submit = group_submit;
  world->memberships = &group->runner;
  return begin(world, 64, write_back);
}

/* Another member has claimed and written before this session knows. */
static void
group_begins(struct world *world, uint64_t offset)
{
  preempt(world, "a", "group");
  world->store.epoch++;
  memset(world->store.data + offset, 'o', 512);
}

/* Nothing that was answered is lost: what was not goes straight. */
static void
a_group_begins_without_write_back(void **state)
{
  struct world *world = *state;
  struct fake_store *store = &world->store;
  struct group group;
  struct cached cached = begin_in_group(world, &group, false);
  struct call part, whole;
  char buffer[1024];
  struct gate gate;

  group.cached = &cached;
  memset(buffer, 'w', sizeof buffer);
  tenure_volume(cached.connection.tenure)->alignment = 1;
  assert_int_equal(put(&cached, 'a', 0, 512), 0);
  store->hold_io = true;
  call_begin(&cached, &part, STORE_WRITE, 0, buffer, 1100, 100);
  call_begin(&cached, &whole, STORE_WRITE, STORE_IO_FUA, buffer, 4096, 1024);
  assert_int_equal(fake_pending(store), 2);
  group_begins(world, 4096);
  for (unsigned i = 2; i-- > 0;) {
    fake_complete(store, i); /* the write is refused, the sector read */
    call_go_on(&cached, &whole);
    call_go_on(&cached, &part);
  }
  tenure_gate(cached.connection.tenure, &gate);
  assert_true(gate.shared);
  store->hold_io = false;
  for (unsigned i = 2; i < fake_pending(store); i++)
    fake_complete(store, i);
  call_go_on(&cached, &whole);
  call_go_on(&cached, &part);
  assert_true(part.finished && whole.finished);
  assert_int_equal(part.request.status, 0);
  assert_int_equal(whole.request.status, 0);
  assert_int_equal(store->data[1100], 'w');
  assert_int_equal(store->data[1099], 0);
  assert_int_equal(store->data[4096], 'w');
  assert_int_equal(store->data[5119], 'w');
  assert_int_equal(flush(&cached), 0);
  end(&cached);
}

/* A command by this server: memory is not used until the session has looked. */
static void
s8_a_command_is_done(void **state)
{
  struct world *world = *state;
  struct fake_store *store = &world->store;
  struct group group;
  struct cached cached = begin_in_group(world, &group, false);
  struct gateway *gateway = &cached.gateway;
  char buffer[512];
  struct gate gate;

  group.cached = &cached;
  assert_int_equal(put(&cached, 'a', 0, 512), 0);
  world->clock.now_ns += SECOND;
  keeper_mistrust(gateway->keeper, "disk0");
  tenure_gate(cached.connection.tenure, &gate);
  assert_int_equal(gate.position, GATE_OPEN);
  assert_int_equal(gate.valid_until_ns, 0);
  world->clock.now_ns += SECOND;
  settle(&cached); /* nobody has come */
  assert_int_equal(call(&cached, STORE_READ, 0, buffer, 0, 512), 0);
  assert_int_equal(store->reads_done, 0);
  group_begins(world, 0);
  keeper_mistrust(gateway->keeper, "disk0");
  assert_int_equal(call(&cached, STORE_READ, 0, buffer, 0, 512), 0);
  assert_int_equal(buffer[0], 'o');
  settle(&cached);
  tenure_gate(cached.connection.tenure, &gate);
  assert_true(gate.shared);
  end(&cached);
}

/* What was answered is lost, and that is said. */
static void
s5_a_group_begins_with_write_back(void **state)
{
  struct world *world = *state;
  struct group group;
  struct cached cached = begin_in_group(world, &group, true);

  group.cached = &cached;
  assert_int_equal(put(&cached, 'a', 0, 512), 0);
  assert_int_equal(flush(&cached), 0);
  assert_int_equal(put(&cached, 'b', 0, 512), 0);
  group_begins(world, 0);
  assert_int_equal(flush(&cached), STATUS_IO);
  assert_int_equal(put(&cached, 'c', 512, 512), 0);
  assert_int_equal(flush(&cached), STATUS_IO);
  assert_int_equal(world->store.data[0], 'o');
  assert_int_equal(world->store.data[512], 'c');
  end(&cached);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(a_group_begins_without_write_back),
      TEST(s8_a_command_is_done),
      TEST(s5_a_group_begins_with_write_back),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
