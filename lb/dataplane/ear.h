/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ear.h - the filter of an ear: which packets count as arrived for an address.
 *
 * Pure: writes a classic BPF program for a packet socket, which the kernel
 * runs. It accepts what has come in from outside to one of the addresses, and
 * neither what goes out nor what the machine says to itself.
 */
#ifndef LB_DATAPLANE_EAR_H
#define LB_DATAPLANE_EAR_H

#include <linux/filter.h>

#include "lib/addr.h"

/* Instructions that count addresses need at most. */
#define EAR_PROGRAM_SIZE(count) (31 + 9 * (count))

/* Everything, or what begins a flow: a SYN of TCP without ACK, and all that is not TCP. */
enum ear_kind { EAR_ALL, EAR_NEW };

/* Returns the program's length. loopback: ifindex of lo. */
size_t ear_program(struct sock_filter *program, enum ear_kind kind, const struct addr *addrs,
		   size_t count, unsigned loopback);

struct dataplane_ear;
/* One that hears what somebody else counts: count(ctx, what) is how many so far. */
struct dataplane_ear *dataplane_ear_of(uint64_t (*count)(void *ctx, unsigned what), void *ctx,
				       unsigned what);
/* Open a packet socket with that program. Sets *out, or returns -errno. */
int dataplane_ear_open(enum ear_kind kind, const struct addr *addrs, size_t count,
		       struct dataplane_ear **out);

#endif
