# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# azurite.sh: starts and stops Azurite, the emulator of Azure Blob storage.
#
# To be sourced:
#
#   azurite_find [BUILD]           is it here? Sets azurite_program, or
#                                  azurite_problem, which says what is missing
#   azurite_skip                   ends a test for that: with status 77, or with
#                                  1 where CI is set
#   azurite_start DIR [OPTION...]  starts it with its files in DIR; returns when
#                                  it answers, or prints why not and returns 1.
#                                  It may be started again, on the same port
#   azurite_stop                   SIGTERM: it saves what it was told. (Killed,
#                                  it loses some.)
#   azurite_certificate DIR        makes a CA and a certificate in DIR, for
#                                  azurite_start's --cert and --key
#
# It has one account, made up for it: azurite_account and azurite_key, unless
# they are set before. azurite_url is where the account is; azurite_pid is its
# process.

azurite_program='' azurite_problem=''
azurite_account=${azurite_account:-leaseholdtest} azurite_key=${azurite_key:-}
azurite_port=0 azurite_pid='' azurite_url=''

# Longest wait for its start and for its end, in seconds.
azurite_patience=60

azurite_find()
{
  local place=${1:-.}/azurite/node_modules/.bin/azurite-blob

  azurite_program=${LEASEHOLD_AZURITE:-$place}
  if ! command -v node >/dev/null; then
    azurite_problem="node is missing, which Azurite needs"
  elif [ ! -x "$azurite_program" ]; then
    azurite_problem="Azurite is missing: LEASEHOLD_AZURITE names no program, \
and there is none in the build (tests/azure/install-azurite puts it there)"
  else
    azurite_problem=''
  fi
  [ -z "$azurite_problem" ]
}

# azurite_skip: ends a test that cannot have it.
azurite_skip()
{
  case ${CI:-} in
    '' | 0 | false | no)
      echo "SKIP: $azurite_problem"
      exit 77
      ;;
  esac
  echo "FAIL: $azurite_problem; and this is CI, where it has to be there"
  exit 1
}

azurite_start()
{
  local folder=$1 deadline=$((SECONDS + azurite_patience)) said=$1/azurite.log
  shift

  if [ -z "$azurite_key" ]; then
    azurite_key=$(head -c 64 /dev/urandom | base64 -w 0)
  fi
  mkdir -p "$folder"
  : >"$said"
  # In a session of its own: a Ctrl-C is for its user to handle.
  AZURITE_ACCOUNTS=$azurite_account:$azurite_key \
    setsid "$azurite_program" --silent --disableTelemetry \
    --skipApiVersionCheck --blobHost 127.0.0.1 --blobPort "$azurite_port" \
    --location "$folder" "$@" </dev/null >"$said" 2>&1 &
  azurite_pid=$!
  until grep -q 'successfully listens on' "$said"; do
    if [ "$SECONDS" -gt "$deadline" ] ||
         ! kill -0 "$azurite_pid" 2>/dev/null; then
      echo "Azurite did not start:"
      cat "$said"
      azurite_stop
      return 1
    fi
    sleep 0.05
  done
  # It was free to choose a port the first time.
  azurite_url=$(sed -n 's/.*successfully listens on //p' "$said")
  azurite_port=${azurite_url##*:}
  azurite_url+=/$azurite_account
}

azurite_stop()
{
  local pid=$azurite_pid deadline=$((SECONDS + azurite_patience))

  azurite_pid=''
  [ -n "$pid" ] || return 0
  kill -TERM "$pid" 2>/dev/null || :
  while kill -0 "$pid" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ]; do
    sleep 0.05
  done
  kill -KILL "$pid" 2>/dev/null || :
  wait "$pid" 2>/dev/null || :
}

# azurite_certificate DIR: DIR/ca.pem, and DIR/cert.pem with DIR/key.pem, which
# it has signed for 127.0.0.1.
azurite_certificate()
{
  local folder=$1
  local -a new=(openssl req -newkey rsa:2048 -nodes -sha256 -days 2)

  {
    "${new[@]}" -x509 -subj '/CN=Leasehold test CA' \
      -keyout "$folder/ca-key.pem" -out "$folder/ca.pem" &&
      "${new[@]}" -subj '/CN=127.0.0.1' \
        -keyout "$folder/key.pem" -out "$folder/request.pem" &&
      openssl x509 -req -days 2 -sha256 -in "$folder/request.pem" \
        -CA "$folder/ca.pem" -CAkey "$folder/ca-key.pem" -CAcreateserial \
        -extfile <(echo subjectAltName=IP:127.0.0.1) -out "$folder/cert.pem"
  } >"$folder/openssl.log" 2>&1 || {
    cat "$folder/openssl.log"
    return 1
  }
}
