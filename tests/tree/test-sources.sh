#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every source file names its licence and its purpose, keeps to the house's
# sizes, and says nothing about unfinished work or the machine it was written
# on.

set -u
cd "${LEASEHOLD_SRCDIR:?}" || exit 1

failures=0
fail()
{
  echo "$*"
  failures=$((failures + 1))
}

# Prints the sources below the current folder: not what is built or generated,
# and not data.
sources()
{
  find . \( -name .git -o -path './build*' -o -path './_*' -o \
            -name autom4te.cache -o -path ./tests/data -o \
            -path '*/corpus' -o -path '*/corpora' \) -prune -o \
       -type f \( -name '*.[chly]' -o -name '*.sh' -o -name '*.mk' -o \
                  -name '*.ac' -o -name '*.am' -o -name '*.m4' -o \
                  -name '*.py' -o -name '*.pod' -o -name '*.syms' -o \
                  -perm -u+x \) \
       ! -path './m4/lt*.m4' ! -path ./m4/libtool.m4 ! -name aclocal.m4 ! -name 'configure*' \
       -print
}

# POD has no comment before its first command, so the line is looked for
# anywhere near the top.
mapfile -t files < <(sources | sort)
for file in "${files[@]}"; do
  head -n 8 "$file" |
    grep -q 'SPDX-License-Identifier: LGPL-2\.1-or-later' ||
    fail "$file: no SPDX line at the top"
  case $file in
    *.c|*.h)
      lines=$(wc -l <"$file")
      [ "$lines" -le 600 ] || fail "$file: $lines lines, more than 600"
      long=$(LC_ALL=C.UTF-8 grep -nE '^.{81}' "$file" | cut -d: -f1 | head -n 1)
      [ -z "$long" ] || fail "$file:$long: longer than 80 columns"
      sed -n 2p "$file" | grep -q '^/\* [^ ]' ||
        fail "$file: no purpose on line 2"
      ;;
  esac
done

# (The brackets keep this file from finding itself.)
unfinished='\b(T[O]DO|F[I]XME|X[X]X)\b'
foreign='/(w[o]rk|h[o]me|r[o]ot)/[a-z]|\bdeb\.d[e]bian\.org'
found=$(grep -nIE "$unfinished|$foreign" "${files[@]}") && fail "$found"

echo "${#files[@]} files"
[ "${#files[@]}" -ge 40 ] || fail "that cannot be all of them"
[ "$failures" -eq 0 ]
