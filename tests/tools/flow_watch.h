/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * flow_watch.h - what flow_watch's programs in the kernel note of a flow.
 */
#ifndef TESTS_TOOLS_FLOW_WATCH_H
#define TESTS_TOOLS_FLOW_WATCH_H

#include <linux/types.h>

#define FLOW_WATCH_MAX 16384 /* flows */

enum flow_watch_point { AT_NEW, AT_OWNER, AT_RESET, FLOW_WATCH_POINTS };

/* As on the wire. */
struct flow_watch_key {
	__be32 client;
	__be16 port;
	__u16 zero;
};

struct flow_watch_flow {
	__u64 at[FLOW_WATCH_POINTS]; /* ns, monotonic; 0: not yet */
	__be32 seq;
	__u32 mark; /* of another mark: nothing has been seen of it */
};

#endif
