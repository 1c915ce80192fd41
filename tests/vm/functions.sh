# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# functions.sh: small virtual machines with the kernel's own nbd driver.
#
# A scenario sources this file, then:
#
#   machine_prepare                skips the test where it cannot be done
#   machine_start NAME [OPTION...] boots a guest; options of QEMU's after it
#   on NAME COMMAND                runs a line of shell in it; what it printed
#                                  is shown and left in $output; returns its
#                                  exit status
#   machine_stop NAME              powers it off
#   machine_serve NAME [PARAMETER...]
#                                  as server_start, but on TCP: a guest reaches
#                                  it at $gateway, port ${port[NAME]}
#
# and what tests/e2e/functions.sh has.
#
# The kernel is the distribution's own: the package that Debian's
# linux-image-cloud-amd64 stands for, fetched with apt-get into the build
# directory once and unpacked there (nothing is installed), or, without apt,
# the running kernel if its files can be read. The machine's root is an
# initramfs with busybox, nbd-client and e2fsprogs from this host and
# guest-init as its only script. There is no disk and no root needed; QEMU
# emulates the processor, so no KVM either.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

# Longest wait for a guest's answer, in seconds. Only an upper bound: booting
# takes about 3 s, a command less, on an idle machine.
machine_patience=120

# mke2fs and its kin.
PATH=$PATH:/usr/sbin:/sbin

# The host's 127.0.0.1 as QEMU's user networking shows it to a guest.
# shellcheck disable=SC2034 # for the tests
gateway=10.0.2.2
# shellcheck disable=SC2034 # for the tests
declare -A port=()

declare -A machine_pid=() machine_in=() machine_out=()

# The programs a guest has besides busybox.
guest_programs=(nbd-client mkfs.ext4 e2fsck)
# The kernel modules it loads, and with them what they depend on.
guest_modules=(virtio_pci virtio_net virtio_blk nbd ext4)

# machine_finish: the exit trap: a server cannot end well while a guest is
# attached, so the guests go first.
machine_finish()
{
  local status=$? pid

  set +e
  for pid in "${machine_pid[@]}"; do
    kill_process "$pid"
  done
  (exit "$status")
  finish
}
trap machine_finish EXIT

# find_kernel: sets kernel (the image) and modules (its modules' folder).
find_kernel()
{
  if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
    fetch_kernel
  else
    kernel=/boot/vmlinuz-$(uname -r)
    modules=/lib/modules/$(uname -r)
    [ -r "$kernel" ] || kernel=$modules/vmlinuz
    if [ ! -r "$kernel" ]; then
      skip "no apt-get here, and the running kernel's image is not readable"
    fi
    if [ ! -r "$modules/modules.dep" ]; then
      skip "$modules/modules.dep is missing"
    fi
  fi
}

# fetch_kernel: find_kernel by apt-get, once for all tests of a build.
fetch_kernel()
{
  local cache=$LEASEHOLD_BUILDDIR/tests/vm/kernel
  local package

  package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null |
            sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p') || :
  if [ -z "$package" ]; then
    skip "apt knows no linux-image-cloud-amd64 (try apt-get update)"
  fi

  # Tests may run side by side: one of them fetches, the others wait.
  mkdir -p "$cache"
  exec {machine_lock}>"$cache/lock"
  flock "$machine_lock"
  if [ ! -e "$cache/$package/complete" ]; then
    rm -rf "${cache:?}/$package"
    mkdir "$cache/$package"
    if ! (cd "$cache/$package" && apt-get -q download "$package" &&
          dpkg-deb -x "$package"_*.deb . && rm "$package"_*.deb &&
          busybox depmod -b "$PWD" "${package#linux-image-}"); then
      skip "apt-get could not fetch $package"
    fi
    touch "$cache/$package/complete"
  fi
  exec {machine_lock}>&-

  kernel=$cache/$package/boot/vmlinuz-${package#linux-image-}
  modules=$cache/$package/lib/modules/${package#linux-image-}
}

# copy_program ROOT PROGRAM: copies it and the libraries that it loads.
copy_program()
{
  local root=$1 program file
  program=$(command -v "$2")

  cp -L "$program" "$root/sbin/"
  # "libc.so.6 => /lib/libc.so.6 (0x…)" and "/lib64/ld-linux… (0x…)"; a static
  # program has none.
  for file in $(ldd "$program" 2>/dev/null | grep -o '/[^ ]*'); do
    [ -e "$root$file" ] || install -D "$file" "$root$file"
  done
}

# copy_modules ROOT: copies guest_modules, numbered in the order of loading.
copy_modules()
{
  local root=$1 name file number=100
  local -a files
  local -A copied

  for name in "${guest_modules[@]}"; do
    # A module that modules.dep does not have is built into the kernel.
    read -ra files < <(sed -nE \
      "s,^([^:]*/)?($name\.ko[.a-z]*):,\1\2 ,p" "$modules/modules.dep") || :
    # modules.dep names what is to be loaded first last.
    while [ ${#files[@]} -gt 0 ]; do
      file=$modules/${files[-1]}
      unset 'files[-1]'
      [ -z "${copied[$file]:-}" ] || continue
      copied[$file]=yes
      number=$((number + 1))
      case $file in
        *.xz) xz -dc "$file" ;;
        *.zst) zstd -dc "$file" ;;
        *.gz) gzip -dc "$file" ;;
        *) cat "$file" ;;
      esac >"$root/modules/$number"
    done
  done
}

# make_initramfs FILE
make_initramfs()
{
  local root=$scratch/initramfs program

  mkdir -p "$root"/{bin,sbin,dev,proc,sys,etc,mnt,modules}
  cp "$LEASEHOLD_SRCDIR/tests/vm/guest-init" "$root/init"
  chmod 755 "$root/init"
  cp /etc/mke2fs.conf "$root/etc/"
  ln -s /proc/mounts "$root/etc/mtab"

  copy_program "$root" busybox
  for program in $(busybox --list); do
    ln -s /sbin/busybox "$root/bin/$program"
  done
  for program in "${guest_programs[@]}"; do
    copy_program "$root" "$program"
  done
  copy_modules "$root"

  (cd "$root" && find . | cpio --quiet -o -H newc) | gzip -1 >"$1"
}

# machine_prepare: what all machines share; skips the test if it cannot be had.
machine_prepare()
{
  if [ "$(uname -m)" != x86_64 ]; then
    skip "the virtual machine is an x86_64 one, and this is $(uname -m)"
  fi
  requires qemu-system-x86_64 busybox cpio gzip flock ldd /usr/bin/python3 \
    "${guest_programs[@]}"
  find_kernel
  initramfs=$scratch/initramfs.gz
  make_initramfs "$initramfs"
}

# machine_start NAME [QEMU-OPTION...]
machine_start()
{
  local name=$1 base=$scratch/$1 to_machine from_machine
  shift

  mkfifo "$base.in" "$base.out"
  qemu-system-x86_64 -machine pc -accel tcg -cpu max -m 256 \
    -nodefaults -no-user-config -display none -no-reboot \
    -kernel "$kernel" -initrd "$initramfs" \
    -append "console=ttyS0 quiet panic=-1" \
    -netdev user,id=network \
    -device virtio-net-pci,netdev=network,romfile= \
    -chardev "file,id=console,path=$base.console" \
    -serial chardev:console \
    -chardev "pipe,id=control,path=$base" \
    -serial chardev:control \
    "$@" </dev/null >"$base.qemu" 2>&1 &
  machine_pid[$name]=$!

  # Opened for both directions, so that neither side waits for the other.
  exec {to_machine}<>"$base.in" {from_machine}<>"$base.out"
  machine_in[$name]=$to_machine
  machine_out[$name]=$from_machine
  machine_answer "$name" || fail "$name did not start"
}

# machine_answer NAME: reads up to "@exit STATUS"; returns STATUS.
machine_answer()
{
  local name=$1 line rest=
  local deadline=$((SECONDS + machine_patience))

  output=
  while [ $SECONDS -lt $deadline ]; do
    if ! IFS= read -r -t 1 -u "${machine_out[$name]}" line; then
      rest+=$line # the beginning of a line
      kill -0 "${machine_pid[$name]}" 2>/dev/null || break
      continue
    fi
    line=$rest$line rest=
    if [[ $line =~ ^(.*)@exit\ ([0-9]+)$ ]]; then
      output+=${BASH_REMATCH[1]}
      output=${output%$'\n'}
      [ -z "$output" ] || printf '%s\n' "$output"
      return "${BASH_REMATCH[2]}"
    fi
    output+=$line$'\n'
  done

  printf '%s\n' "$output$rest"
  echo "--- the console of $name:"
  tail -n 100 "$scratch/$name.console" "$scratch/$name.qemu" || :
  fail "$name did not answer"
}

# on NAME COMMAND
on()
{
  echo "$1# $2"
  printf '%s\n' "$2" >&"${machine_in[$1]}"
  machine_answer "$1"
}

# machine_stop NAME
machine_stop()
{
  local deadline=$((SECONDS + machine_patience))

  printf 'poweroff -f\n' >&"${machine_in[$1]}"
  # Ends by itself; should it hang, it is killed on the way out.
  while kill -0 "${machine_pid[$1]}" 2>/dev/null; do
    [ $SECONDS -lt $deadline ] || fail "$1 did not power off"
    sleep 0.05
  done
}

# machine_serve NAME [PARAMETER...]
machine_serve()
{
  local name=$1 base=$scratch/$1
  local -a nbdkit
  shift

  read -ra nbdkit <<<"$LEASEHOLD_NBDKIT"
  mkfifo "$base.port"
  "$LEASEHOLD_SRCDIR/tests/vm/listen-and-run.py" "$base.port" \
    "${nbdkit[@]}" --foreground "$plugin" store="$store_url" "$@" \
    </dev/null >"$base.log" 2>&1 &
  server_pid[$name]=$!
  server_log[$name]=$base.log
  read -r "port[$name]" <"$base.port"
}
