#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-cli-manual.sh: the manual page and --help have the same verbs, and for
# each verb the same usage and options; the page is well-formed POD.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/cli-functions.sh"

manual=$LEASEHOLD_SRCDIR/docs/leasehold.pod

# same WHAT HELP MANUAL
same()
{
  [ -n "$2" ] || fail "--help has no $1"
  diff -u <(printf '%s\n' "$2") <(printf '%s\n' "$3") ||
    fail "--help (-) and the manual (+) differ: $1"
}

# section TITLE: of the manual, up to the next heading.
section()
{
  awk -v title="$1" '
    /^=head/ { wanted = $0 == title; next }
    wanted { print }' "$manual"
}

# items: the options in a section, with their arguments.
items()
{
  sed -n 's/^=item B<\(--[a-z-]*\)>\(.*\)$/\1\2/p' | sort
}

# options HEADING: those under this heading of what --help has printed.
options()
{
  awk -v heading="$1" '
    $0 == heading { wanted = 1; next }
    /^$/ { wanted = 0 }
    wanted { print $1 ($2 ~ /^[A-Z]+$/ ? " " $2 : "") }' <<<"$out" | sort
}

# joined: lines that begin with two spaces go on with the one before.
joined()
{
  sed -e ':join' -e 'N' -e '$!b join' -e 's/\n  */ /g'
}

run 0 leasehold --help
explained='^  [a-z-]+( \[?[A-Z]+\]?)*  +[a-z]|^  --[a-z-]+( [A-Z]+)?  +[a-z]'
! grep '^  ' <<<"$out" | grep -vE "$explained" || fail "not explained"
verbs=$(awk '/^Verbs:/ { wanted = 1; next } /^$/ { wanted = 0 }
             wanted { print $1 }' <<<"$out")
same verbs "$verbs" "$(awk '/^=head1/ { wanted = $2 == "VERBS" }
                            wanted && /^=head2/ { print $2 }' "$manual")"
same "global options" "$(options 'Global options:')" \
  "$(section '=head1 GLOBAL OPTIONS' | items)"

synopsis=''
for verb in $verbs; do
  run 0 leasehold help "$verb"
  ! sed '1,/^$/d' <<<"$out" | grep '^  ' | grep -vE "$explained" ||
    fail "not explained"
  usage=$(sed '/^$/q' <<<"$out" | joined | sed -n 's/^Usage: //p')
  same "usage of $verb" "$usage" \
    "$(section "=head2 $verb" | sed -n '/^ leasehold /,/^$/s/^ //p' | joined)"
  diff -u <(options Options:) <(section "=head2 $verb" | items) ||
    fail "--help (-) and the manual (+) differ: options of $verb"
  case $verb in
    lease-id | help | version) ;;
    events) usage="leasehold --server URI ${usage#leasehold }" ;;
    *) usage="leasehold [--store URL] ${usage#leasehold }" ;;
  esac
  synopsis+=$usage$'\n'
done
same synopsis "${synopsis%$'\n'}" \
  "$(section '=head1 SYNOPSIS' | sed -n 's/^ //p' | joined)"

if command -v podchecker >/dev/null; then
  podchecker "$manual" || fail "podchecker complains"
fi
