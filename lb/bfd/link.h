/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * link.h - one session with what it needs around it, shared by both threads.
 *
 * bfd.c makes and frees it; in between it belongs to the thread, but for what says otherwise:
 * spec never changes, info is read by the main thread with bfd_link_info().
 */
#ifndef LB_BFD_LINK_H
#define LB_BFD_LINK_H

#include <stdatomic.h>

#include "lb/bfd/bfd.h"
#include "lb/bfd/channel.h"
#include "lb/bgp/log_limit.h"

#define BFD_INFO_WORDS (sizeof(struct bfd_info) / sizeof(uint64_t))

/*
 * One writer that never waits, readers that look again when it wrote meanwhile (a sequence lock):
 * sequence is odd during a write.
 */
struct bfd_published {
	atomic_uint sequence;
	_Atomic uint64_t words[BFD_INFO_WORDS];
};

struct bfd_link {
	/* bfd.c's. */
	struct bfd_link *next;
	size_t tag;
	bool removed;		    /* being removed, tell nobody */
	struct bfd_link *successor; /* to begin when this one, removed, has ended; or NULL */
	/* Constant. */
	struct bfd_spec spec;
	char *name; /* owns that of spec */
	struct endpoint to;
	int fd, listening; /* to send from; where its packets come */
	/* The thread's. */
	struct bfd_session session;
	struct bfd_info info;
	struct instant last_heard;
	struct bgp_log_limit discards;
	/* While it is being ended: AdminDown is said again, or all is said. */
	unsigned farewells;
	int64_t farewell_gap_ns;
	struct instant next_farewell;
	/* Both. */
	struct bfd_published published;
};

/* The thread: make info known. */
void bfd_link_publish(struct bfd_link *link);
/* Anybody. */
struct bfd_info bfd_link_info(struct bfd_link *link);

#endif
