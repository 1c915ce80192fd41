#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# libfuzzer.sh: every fuzz target explores for a few seconds with libFuzzer,
# AddressSanitizer and UBSan. Needs clang, whatever the build was made with.
#
#   FUZZ_SECONDS  per target [3]
#   CLANG         [clang]

set -eu
srcdir=${LEASEHOLD_SRCDIR:-.}
seconds=${FUZZ_SECONDS:-3}
clang=${CLANG:-clang}
work=$(mktemp -d "${TMPDIR:-/tmp}/leasehold-fuzz.XXXXXX")
trap 'rm -rf "$work"' EXIT

skip()
{
  echo "skipped: $*"
  exit 77
}

command -v "$clang" >/dev/null || skip "no $clang"
echo 'int LLVMFuzzerTestOneInput(const char *data, unsigned long size);
int LLVMFuzzerTestOneInput(const char *data, unsigned long size) {
  return data == 0 && size > 0;
}' >"$work/probe.c"
"$clang" -fsanitize=fuzzer,address,undefined -o "$work/probe" \
  "$work/probe.c" 2>/dev/null ||
  skip "$clang cannot link with -fsanitize=fuzzer (libclang-rt-dev)"

packages=(libcrypto libcurl jansson libxml-2.0 uuid)
read -ra flags <<<"$(pkg-config --cflags "${packages[@]}")"
read -ra libraries <<<"$(pkg-config --libs "${packages[@]}")"
flags+=(-std=gnu11 -g -O1 -D_GNU_SOURCE -pthread
  "-fsanitize=fuzzer-no-link,address,undefined"
  -fno-sanitize-recover=undefined
  "-I$srcdir/include" "-I$srcdir/common" "-I$work")
echo '#define PACKAGE_VERSION "0"' >"$work/config.h"

# The parsers and what they are made of, once for all targets.
for folder in utils http store lease; do
  for source in "$srcdir/common/$folder"/*.c; do
    "$clang" "${flags[@]}" -c "$source" \
      -o "$work/$folder-$(basename "$source" .c).o"
  done
done
ar rcs "$work/libparsers.a" "$work"/*.o

failed=0
for target in "$srcdir"/tests/fuzz/fuzz-*.c; do
  name=$(basename "$target" .c)
  name=${name#fuzz-}
  mkdir "$work/new-$name"
  "$clang" "${flags[@]}" -fsanitize=fuzzer -o "$work/$name" "$target" \
    "$work/libparsers.a" "${libraries[@]}"
  if "$work/$name" -max_total_time="$seconds" -timeout=10 -max_len=2048 \
    -rss_limit_mb=1024 -artifact_prefix="$work/found-$name-" \
    "$work/new-$name" "$srcdir/tests/fuzz/corpus/$name" \
    >"$work/log" 2>&1; then
    echo "$name: $(tail -n 1 "$work/log")"
  else
    failed=1
    echo "$name: FAILED"
    tail -n 60 "$work/log"
  fi
done
exit $failed
