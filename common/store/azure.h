/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure.h: the store that is a container of Azure Blob storage. */
#ifndef LEASEHOLD_AZURE_H
#define LEASEHOLD_AZURE_H

#include "leasehold/store.h"

extern const struct store_ops azure_store_ops;

#endif
