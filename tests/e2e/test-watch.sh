#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-watch.sh: status --watch and events --watch print what is new, on a store
# and by a server, also after the server was away, and end well.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

! leasehold --server x keys disk0 2>&1 | grep -q 'built without libnbd' ||
  skip 'the command was built without libnbd'
requires_nbd_python
volume_create disk0 16M
volume_create disk1 16M
server_start g

# watch NAME ARGUMENT...: starts the command; its output is $scratch/NAME.out
# and .err.
declare -A watch_pid=()
watch()
{
  local name=$1
  shift
  leasehold "$@" >"$scratch/$name.out" 2>"$scratch/$name.err" &
  watch_pid[$name]=$!
  at_exit kill_process "$!"
}

# shown NAME N PATTERN: N lines of what it has printed match.
shown()
{
  [ "$(grep -cE -- "$3" "$scratch/$1.out")" = "$2" ]
}

# ends NAME STATUS [SIGNAL]
ends()
{
  local status=0

  [ -z "${3:-}" ] || kill "-$3" "${watch_pid[$1]}"
  wait "${watch_pid[$1]}" || status=$?
  [ "$status" -eq "$2" ] || fail "the watch $1 ended with $status"
}

write_as()
{
  nbd_python "$1" <<'PYTHON'
handle = connect("g", sys.argv[1])
handle.pwrite(pattern(1, 512), 0)
handle.shutdown()
PYTHON
}

g=$(uri g)
watch json status disk0 --watch --json
watch people status disk1 --watch
watch server --server "$g" status disk0 --watch --interval 1
watch events --server "$g" events disk0 --watch
for name in json server; do
  wait_until "$name has begun" shown "$name" 1 '"state":"available"'
done
wait_until "people has begun" shown people 1 'nobody holds it'

# A state is printed when it is another.
for volume in disk0 disk1; do
  leasehold reserve "$volume" --node node-a --duration infinite >/dev/null
done
for name in json server; do
  wait_until "$name sees it" shown "$name" 1 '"holder":"node-a"'
  shown "$name" 2 . || fail "$name has printed other lines"
done
wait_until "people sees it" shown people 1 'leased by node-a'
shown people 2 '^time  ' || fail "not each state has its time"
leasehold release disk0 --node node-a >/dev/null
wait_until "json sees the release" shown json 2 '"state":"available"'

# Events are printed once each, and go on when the server has come back.
write_as disk0@node-b
wait_until "the event is seen" shown events 1 'release +node-b epoch 1'
expect_status 0 leasehold --server "$g" events disk0 --json
expect_output '"event":"release"'
shown events 1 'claim +node-b epoch 1$' || fail "no claim"
server_stop g
wait_until "that is said" grep -q 'is not there' "$scratch/events.err"
server_start g
write_as disk0@node-c/instance=one
wait_until "the next run is seen" \
  shown events 1 'release +node-c/instance=one epoch 2'
shown events 1 'claim +node-c/instance=one epoch 2, node-b epoch 1$' ||
  fail "the second claim"
shown events 1 'release +node-b' || fail "an event is told again"
lines=$(wc -l <"$scratch/events.err")
[ "$lines" -eq 1 ] || fail "$lines lines say that the server is away"

# The ends: a signal, a reader that goes, a volume that is deleted.
ends events 0 INT
ends server 0 TERM
leasehold status disk0 --watch | sed q
[ "${PIPESTATUS[0]}" -eq 0 ] || fail "a reader that has gone"
leasehold delete disk0 >/dev/null
ends json 1
grep -q 'disk0' "$scratch/json.err" || fail "not said which volume is gone"
ends people 0 INT
