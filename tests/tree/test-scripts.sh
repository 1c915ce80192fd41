#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# No shell script of the tree has anything that shellcheck warns of.

set -u
cd "${LEASEHOLD_SRCDIR:?}" || exit 1

if ! command -v shellcheck >/dev/null; then
  echo "shellcheck is missing"
  exit 77
fi

mapfile -t scripts < <(
  find . \( -name .git -o -path './build*' -o -path './_*' -o \
            -name autom4te.cache \) -prune -o \
       -type f ! -name 'configure*' \( -name '*.sh' -o -perm -u+x \) -print |
    while read -r file; do
      case $file$(head -n 1 "$file" | tr -d '\0') in
        *.sh* | *'#!/bin/sh'* | *'#!/bin/bash'*) echo "$file" ;;
      esac
    done | sort)

printf '%s\n' "${scripts[@]}"
[ "${#scripts[@]}" -ge 4 ] || exit 1
shellcheck --severity=warning --external-sources --source-path=SCRIPTDIR "${scripts[@]}"
