/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* samples.h: how long requests took, and what the load programs print. */
#ifndef LEASEHOLD_SAMPLES_H
#define LEASEHOLD_SAMPLES_H

#include <inttypes.h>
#include <stddef.h>

struct samples {
  uint32_t *us; /* microseconds of each request, in the order they ended */
  size_t count, capacity;
};

/* CLOCK_MONOTONIC. */
uint64_t samples_now(void);

/* Ends the program if there is no memory. */
void samples_add(struct samples *samples, uint64_t ns);

/* CPU time of this process. */
double samples_cpu_seconds(void);

/* One line of JSON; frees the samples. flush_ms: of a flush at the end. */
void samples_print(struct samples *samples, uint64_t bytes, uint64_t ns,
                   double cpu_seconds, double flush_ms);

#endif
