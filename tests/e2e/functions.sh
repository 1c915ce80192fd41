# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# functions.sh: what every shell test of the real plugin starts with.
#
# A test sources this file, then:
#
#   requires PROGRAM...          skips the test if one is missing
#   skip REASON, fail REASON     end the test with 77 or 1
#   at_exit COMMAND...           runs it at the end, last one first
#   volume_create NAME SIZE      makes a volume in $store
#   server_start NAME ...        starts nbdkit with the plugin; options of
#                                nbdkit's before a --, parameters after it
#   server_stop NAME             SIGTERM, waits, checks the exit status
#   server_kill NAME             SIGKILL, waits
#   uri NAME [EXPORT]            prints the NBD URI of a server
#   log_has NAME PATTERN         does the server's log match (grep -E)?
#   expect_status N COMMAND...   runs it; fails unless it exits with N; what it
#                                printed is in $output
#   nbd_python <<'EOF'           runs a script with tests/e2e/client.py
#
# The variables: $scratch, an empty directory, deleted at the end; $store, a
# directory in it; $store_url, its URL; ${server_pid[NAME]};
# ${server_log[NAME]}; $plugin, the file that was built.
#
# Servers that still run at the end are stopped, and have to exit well, so that
# a memory checker's complaint is a failure of the test.

set -euo pipefail

: "${LEASEHOLD_SRCDIR:?}" "${LEASEHOLD_BUILDDIR:?}"
: "${LEASEHOLD_NBDKIT:=nbdkit}"
export LC_ALL=C

# Longest wait for something that should come at once, in seconds. Only an
# upper bound: memory checkers and busy machines are slow.
patience=60

plugin=$LEASEHOLD_BUILDDIR/plugin/.libs/nbdkit-leasehold-plugin.so
# A short name: the path of a Unix socket has to fit into 108 bytes.
scratch=$(mktemp -d /tmp/leasehold-XXXXXX)
store=$scratch/store
store_url=file:$store
mkdir "$store"
# For the leasehold command.
export LEASEHOLD_STORE=$store_url

declare -A server_pid=() server_log=()
declare -a exit_commands=()
output=

skip()
{
  echo "SKIP: $*"
  exit 77
}

fail()
{
  echo "FAIL: $*"
  exit 1
}

at_exit()
{
  exit_commands+=("$(printf '%q ' "$@")")
}

requires()
{
  local program

  for program; do
    PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null ||
      skip "$program is missing"
  done
}

requires_nbd_python()
{
  /usr/bin/python3 -c 'import nbd' 2>/dev/null ||
    skip "/usr/bin/python3 has no module nbd (package python3-libnbd)"
}

# kill_process PID [SIGNAL]: ends a child of this shell and waits for it.
kill_process()
{
  kill "-${2:-KILL}" "$1" 2>/dev/null || :
  wait "$1" 2>/dev/null || :
}

# finish: what the exit trap does.
finish()
{
  local status=$? name i

  trap - EXIT
  set +e
  for name in "${!server_pid[@]}"; do
    if ! (exit "$status"); then
      echo "--- log of server $name"
      tail -n 50 "${server_log[$name]}"
    fi
    if ! server_end "$name" && [ "$status" -eq 0 ]; then
      status=1
    fi
  done
  for ((i = ${#exit_commands[@]} - 1; i >= 0; i--)); do
    eval "${exit_commands[i]}"
  done
  rm -rf "$scratch"
  exit "$status"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

volume_create()
{
  leasehold create "$1" "$2" >/dev/null
}

# wait_until WHAT COMMAND...: polls, patiently.
wait_until()
{
  local what=$1 deadline=$((SECONDS + patience))
  shift

  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || fail "gave up waiting until $what"
    sleep 0.02
  done
}

# server_up NAME: has it written its PID file? Fails if it has ended.
server_up()
{
  [ -s "$scratch/$1.pid" ] && return
  kill -0 "${server_pid[$1]}" 2>/dev/null || {
    cat "${server_log[$1]}"
    unset "server_pid[$1]"
    fail "server $1 has ended"
  }
  return 1
}

# server_start NAME [NBDKIT-OPTION...] [-- PARAMETER...]
server_start()
{
  local name=$1
  local -a nbdkit options=()
  shift

  # More than one word when it runs under a memory checker.
  read -ra nbdkit <<<"$LEASEHOLD_NBDKIT"
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  [ $# -eq 0 ] || shift

  rm -f "$scratch/$name.sock" "$scratch/$name.pid"
  "${nbdkit[@]}" --foreground --unix "$scratch/$name.sock" \
    --pidfile "$scratch/$name.pid" "${options[@]}" \
    "$plugin" store="$store_url" "$@" \
    </dev/null >>"$scratch/$name.log" 2>&1 &
  server_pid[$name]=$!
  server_log[$name]=$scratch/$name.log
  wait_until "server $name is up" server_up "$name"
}

# server_end NAME: SIGTERM, a bounded wait, the exit status.
server_end()
{
  local name=$1 pid=${server_pid[$1]} status=0
  local deadline=$((SECONDS + patience))

  unset "server_pid[$name]"
  kill -CONT "$pid" 2>/dev/null || :
  kill -TERM "$pid" 2>/dev/null || :
  while kill -0 "$pid" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ]; do
    sleep 0.02
  done
  if kill -0 "$pid" 2>/dev/null; then
    kill -KILL "$pid"
    echo "server $name did not stop"
  fi
  wait "$pid" || status=$?
  if [ "$status" -ne 0 ]; then
    echo "server $name ended with status $status:"
    tail -n 80 "${server_log[$name]}"
  fi
  return "$status"
}

server_stop()
{
  server_end "$1" || fail "server $1 did not end well"
}

server_kill()
{
  local pid=${server_pid[$1]}

  unset "server_pid[$1]"
  kill_process "$pid" KILL
}

# uri NAME [EXPORT]
uri()
{
  echo "nbd+unix:///${2:-}?socket=$scratch/$1.sock"
}

log_has()
{
  grep -qE -- "$2" "${server_log[$1]}"
}

# expect_status N COMMAND...
expect_status()
{
  local wanted=$1 status=0
  shift

  output=$("$@" 2>&1) || status=$?
  printf '$ %s\n%s\n' "$*" "$output"
  [ "$status" -eq "$wanted" ] ||
    fail "exit status $status instead of $wanted: $*"
}

# expect_output PATTERN: did expect_status's command print a match?
expect_output()
{
  grep -qE -- "$1" <<<"$output" || fail "nothing there matches: $1"
}

# holder VOLUME: the node that holds it, or an empty line.
holder()
{
  leasehold status --json "$1" |
    /usr/bin/python3 -c '
import json, sys
lease = json.load(sys.stdin)["lease"]
held = lease["state"] in ("leased", "breaking")
print((lease["holder"] or "?") if held else "")'
}

# nbd_python [ARGUMENT...] <<'EOF': a script that begins with what client.py
# has; sys.argv[1:] are the arguments.
nbd_python()
{
  SCRATCH=$scratch PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=$LEASEHOLD_SRCDIR/tests/e2e \
    /usr/bin/python3 -c "$(printf 'from client import *\n'; cat)" "$@"
}
