#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-cli-completion.sh: what the TAB key offers: verbs, each verb's options,
# the store's volumes, folders after file:, and nothing where a node is named.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/cli-functions.sh"

library=/usr/share/bash-completion/bash_completion
[ -r "$library" ] || skip "bash-completion is missing"
set +eu
# shellcheck disable=SC1090
. "$library"
. "$LEASEHOLD_SRCDIR/contrib/bash-completion/leasehold"
set -eu

# compopt works only while readline completes.
compopt()
{
  :
}

# offers WANTED WORD...: completes the last word, which may be ''. As readline
# does, splits at colons. What is wanted has one space between words.
offers()
{
  local want=$1 got

  shift
  COMP_LINE="leasehold $*" COMP_POINT=${#COMP_LINE} COMP_TYPE=9 COMP_KEY=9
  COMP_WORDS=(leasehold)
  for word; do
    if [[ $word = *:* ]]; then
      COMP_WORDS+=("${word%%:*}" : "${word#*:}")
    else
      COMP_WORDS+=("$word")
    fi
  done
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  COMPREPLY=()
  set +eu
  _leasehold leasehold "${COMP_WORDS[COMP_CWORD]}" \
    "${COMP_WORDS[COMP_CWORD - 1]}"
  set -eu
  got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' ')
  echo "leasehold $*<TAB>: $got"
  [ "$got" = "$want" ] || fail "wanted: $want"
}

words()
{
  printf '%s\n' "$@" | sort | paste -sd ' '
}

run 0 leasehold create disk0 1M
run 0 leasehold create disk1 1M
run 0 leasehold create vm/root 1M

run 0 leasehold help
read -ra verbs <<<"$(awk '/^Verbs:/ { wanted = 1; next } /^$/ { wanted = 0 }
                          wanted { printf "%s ", $1 }' <<<"$out")"
[ "${#verbs[@]}" -ge 12 ] || fail "too few verbs"
offers "$(words "${verbs[@]}")" ''
offers "$(words "${verbs[@]}")" help ''
offers 'register release reserve resize' re
offers '--account-key --cainfo --help --insecure --lease-key --sas --server --store --token --version' --

# Each verb: its options, and volumes where it takes one that exists.
for verb in "${verbs[@]}"; do
  run 0 leasehold help "$verb"
  # shellcheck disable=SC2046
  offers "$(words $(awk '/^  --/ { print $1 }' <<<"$out"))" "$verb" --
  case $verb in
    help) ;;
    create | list | lease-id | version) offers '' "$verb" '' ;;
    *)
      offers 'disk0 disk1 vm/root' "$verb" ''
      offers 'disk0 disk1' "$verb" d
      ;;
  esac
  # What follows an option with a value is not taken for the verb.
  while read -r option; do
    value=x
    [ "$option" != --store ] || value=$LEASEHOLD_STORE
    offers "$verb" "$option" "$value" "$verb"
  done < <(awk '/^  --/ && $2 ~ /^[A-Z]+$/ { print $1 }' <<<"$out")
done

# The store on the line counts.
run 0 leasehold --store "file:$scratch/other" create only 1M
offers only --store "file:$scratch/other" status ''
offers only status --store "file:$scratch/other" ''
offers '' --store "file:$scratch/none" status ''

offers 'infinite' reserve disk0 --duration ''
offers '' reserve disk0 --node ''
offers '1 3 5 6 7 8' pr-out disk0 --prout-type ''
offers '' pr-out disk0 --transport-id n
offers '' preempt disk0 --victim n
offers 'file:' --store ''
offers "$scratch/other/ $scratch/store/" --store "file:$scratch/"
offers "$scratch/other/" list --store "file:$scratch/o"
mkdir "$scratch/with space"
offers "$scratch/with space/" --store "file:$scratch/w"
touch "$scratch/keyfile"
offers "$scratch/keyfile" --lease-key "$scratch/key"
