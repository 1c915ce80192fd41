# SPDX-License-Identifier: LGPL-2.1-or-later
# leasehold.m4: this project's own configure checks.

# WARNINGS_CFLAGS: the warnings that the tree is free of, with -Werror if
# --enable-werror is given.
AC_DEFUN([LEASEHOLD_WARNINGS], [
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [make warnings errors @<:@no@:>@])],
    [], [enable_werror=no])
  WARNINGS_CFLAGS="-Wall -Wextra -Wshadow -Wconversion"
  AS_IF([test "$enable_werror" = yes],
        [WARNINGS_CFLAGS="$WARNINGS_CFLAGS -Werror"])
  AC_SUBST([WARNINGS_CFLAGS])
])

# --enable-sanitizers=address,undefined or =thread: flags for everything that
# is built. nbdkit is not built with it, so it must preload SANITIZER_RUNTIME
# before it can open the plugin: by being started as an argument of its dynamic
# linker, SANITIZER_LINKER, not by LD_PRELOAD, which what nbdkit starts would
# inherit. NBDKIT is nbdkit's file.
AC_DEFUN([LEASEHOLD_SANITIZERS], [
  AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers=LIST],
       [address,undefined or thread @<:@no@:>@])],
    [], [enable_sanitizers=no])
  SANITIZER_LINKER= SANITIZER_RUNTIME=
  AS_IF([test "$enable_sanitizers" = yes],
        [enable_sanitizers=address,undefined])
  AS_IF([test "$enable_sanitizers" != no], [
    sanitizer_flags="-fsanitize=$enable_sanitizers -fno-omit-frame-pointer"
    AS_CASE([$enable_sanitizers], [*undefined*],
      [sanitizer_flags="$sanitizer_flags -fno-sanitize-recover=undefined"])
    AC_MSG_CHECKING([for the preloadable sanitizer runtime])
    AS_CASE([$enable_sanitizers],
      [*address*], [sanitizer=asan], [*thread*], [sanitizer=tsan],
      [AC_MSG_ERROR([--enable-sanitizers=$enable_sanitizers: unknown])])
    AS_IF([$CC --version | grep -q clang], [
      AS_IF([test $sanitizer = tsan],
            [AC_MSG_ERROR([clang has no shared runtime for thread: use gcc])])
      sanitizer_flags="$sanitizer_flags -shared-libsan"
      runtime=libclang_rt.$sanitizer-$host_cpu.so
    ], [runtime=lib$sanitizer.so])
    SANITIZER_RUNTIME=$($CC -print-file-name=$runtime)
    AS_IF([test ! -e "$SANITIZER_RUNTIME"],
          [AC_MSG_ERROR([$CC has no $runtime])])
    SANITIZER_RUNTIME=$(readlink -f "$SANITIZER_RUNTIME")
    AC_MSG_RESULT([$SANITIZER_RUNTIME])
    AC_MSG_CHECKING([for nbdkit's dynamic linker])
    SANITIZER_LINKER=$(LC_ALL=C readelf -l "$NBDKIT" |
                       sed -n 's/.*program interpreter: \(.*\)@:>@/\1/p')
    AC_MSG_RESULT([$SANITIZER_LINKER])
    AS_IF([! $SANITIZER_LINKER --preload $SANITIZER_RUNTIME \
             $NBDKIT --version >/dev/null],
          [AC_MSG_ERROR([nbdkit cannot be started with $runtime])])
    CFLAGS="$CFLAGS $sanitizer_flags"
    LDFLAGS="$LDFLAGS $sanitizer_flags"
    AC_MSG_CHECKING([whether $CC can build with $sanitizer_flags])
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes])],
                   [AC_MSG_ERROR([no])])
  ])
  AC_SUBST([SANITIZER_LINKER])
  AC_SUBST([SANITIZER_RUNTIME])
  AM_CONDITIONAL([SANITIZE], [test "$enable_sanitizers" != no])
])

# HAVE_VERSION_SCRIPT: the linker knows -Wl,--version-script, with which the
# plugin exports plugin_init only.
AC_DEFUN([LEASEHOLD_VERSION_SCRIPT], [
  AC_MSG_CHECKING([whether the linker has --version-script])
  AS_ECHO(["{ global: *; };"]) > conftest.map
  saved_LDFLAGS=$LDFLAGS
  LDFLAGS="$LDFLAGS -Wl,--version-script=conftest.map"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [have_version_script=yes],
                 [have_version_script=no])
  LDFLAGS=$saved_LDFLAGS
  rm -f conftest.map
  AC_MSG_RESULT([$have_version_script])
  AM_CONDITIONAL([HAVE_VERSION_SCRIPT], [test $have_version_script = yes])
])
