#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-http2.sh: a gateway speaks HTTP/2 where that is offered, here by nghttpx
# in front of Azurite: an image copied in is what another gateway reads past it,
# random writes verify, and every request came over HTTP/2.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

requires nghttpx openssl qemu-img mke2fs fio
fio --enghelp 2>/dev/null | grep -qw nbd || skip "fio has no nbd engine"
PATH=$PATH:/usr/sbin:/sbin

front_pid='' front_port=''

front_stop()
{
  [ -z "$front_pid" ] || kill -TERM "$front_pid" 2>/dev/null || :
}
at_exit front_stop

# front_start: sets front_pid and front_port. nghttpx cannot choose a port.
front_start()
{
  for _ in {1..10}; do
    front_port=$((20000 + RANDOM % 12000))
    # shellcheck disable=SC2016
    nghttpx --conf=/dev/null --single-process --workers=1 \
      --frontend="127.0.0.1,$front_port" --backend="127.0.0.1,$azurite_port" \
      --log-level=NOTICE --accesslog-file="$scratch/requests" \
      --accesslog-format='$request' --errorlog-file="$scratch/front.log" \
      "$secrets/key.pem" "$secrets/cert.pem" </dev/null \
      2>"$scratch/front-start.log" &
    front_pid=$!
    # It listens, or it has ended.
    while kill -0 "$front_pid" 2>/dev/null; do
      if grep -qs 'Listening on' "$scratch"/front*.log; then
        return 0
      fi
      sleep 0.05
    done
  done
  cat "$scratch"/front*.log
  fail "nghttpx did not start"
}

azure_start
volume_create disk0 64M
server_start direct
azurite_certificate "$secrets" || fail "no certificate"
front_start
store_url=https://127.0.0.1:$front_port/$azurite_account/$azure_container
server_start front -- cainfo="$secrets/ca.pem"

mke2fs -q -t ext4 -d "$LEASEHOLD_SRCDIR/common" "$scratch/raw" 64M
qemu-img convert -n -f raw -O raw "$scratch/raw" "$(uri front disk0@node-a)"
expect_status 0 qemu-img compare -f raw -F raw "$scratch/raw" \
  "$(uri direct disk0)"
expect_output 'Images are identical'

fio --name=verify --ioengine=nbd --uri="$(uri front disk0@node-a)" --thread \
  --size=4M --bs=4k --iodepth=16 --rw=randwrite --verify=crc32c --do_verify=1 \
  --verify_fatal=1 --verify_state_save=0 --end_fsync=1 \
  --output="$scratch/fio" || {
  cat "$scratch/fio"
  fail "fio over HTTP/2"
}

echo "$(grep -c ' HTTP/2$' "$scratch/requests") requests over HTTP/2"
[ -s "$scratch/requests" ] || fail "no request went through the front"
! grep -v ' HTTP/2$' "$scratch/requests" || fail "not all went over HTTP/2"
