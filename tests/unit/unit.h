/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* unit.h: cmocka with the headers that it wants before itself. */
#ifndef LEASEHOLD_UNIT_H
#define LEASEHOLD_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#endif
