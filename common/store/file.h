/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file.h: the store that is a directory of this host. */
#ifndef LEASEHOLD_FILE_H
#define LEASEHOLD_FILE_H

#include "leasehold/store.h"

extern const struct store_ops file_store_ops;

#endif
