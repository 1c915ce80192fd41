#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-help-and-manual.sh: --help, the manual page and the message about an
# unknown parameter have the same parameters, and every one of them works.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

read -ra nbdkit <<<"$LEASEHOLD_NBDKIT"
manual=$LEASEHOLD_SRCDIR/docs/nbdkit-leasehold-plugin.pod

"${nbdkit[@]}" "$plugin" --help >"$scratch/help"
cat "$scratch/help"
sed -n 's/^\([a-z][a-z-]*\)=.*/\1/p' "$scratch/help" | sort >"$scratch/in-help"

# =item B<key=>VALUE, B<store=>... within =head1 PARAMETERS.
sed -n '/^=head1 PARAMETERS/,/^=head1 /p' "$manual" |
  sed -n 's/^=item \[*B<\([a-z-]*\)=.*/\1/p' | sort -u >"$scratch/in-manual"

expect_status 1 "${nbdkit[@]}" "$plugin" store="$store_url" no-such-key=1
sed -n "s/.*there are: //p" <<<"$output" | tr -d ' ' | tr , '\n' |
  sort >"$scratch/in-message"

[ -s "$scratch/in-help" ] || fail "--help has no parameters"
diff -u "$scratch/in-help" "$scratch/in-manual" ||
  fail "--help and the manual differ"
diff -u "$scratch/in-help" "$scratch/in-message" ||
  fail "--help and the message about unknown parameters differ"

"${nbdkit[@]}" "$plugin" --dump-plugin >"$scratch/dump"
cat "$scratch/dump"
for line in name=leasehold magic_config_key=store thread_model=parallel \
            'leasehold_version=[0-9]' 'leasehold_stores=.*file'; do
  grep -q "^$line" "$scratch/dump" || fail "--dump-plugin has no $line"
done
# What --dump-plugin prints is in the manual.
for key in $(sed -n 's/^\(leasehold_[a-z_]*\)=.*/\1/p' "$scratch/dump"); do
  grep -q "$key=" "$manual" || fail "$key= is not in the manual"
done
