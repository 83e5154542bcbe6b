/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * channel.h - messages from any thread to one, which an eventfd wakes.
 *
 * Neither side ever waits for the other: sending is one exchange of a pointer, so that the BFD
 * thread does not depend on how long the main loop takes, and the reverse.
 */
#ifndef LB_BFD_CHANNEL_H
#define LB_BFD_CHANNEL_H

#include <stdatomic.h>

#include "lb/bfd/packet.h"
#include "lb/bfd/session.h"
#include "lib/addr.h"

struct bfd_link;

enum bfd_message_type {
	/* To the thread. */
	BFD_MSG_ADD,	    /* link, and the socket on which its packets come */
	BFD_MSG_REMOVE,	    /* link; answered by REMOVED, once the peer has been told */
	BFD_MSG_TIMERS,	    /* link, conf */
	BFD_MSG_ADMIN_DOWN, /* all, for good */
	BFD_MSG_QUIT,
	/* From the thread. */
	BFD_MSG_REMOVED,
	BFD_MSG_CHANGED,   /* link, change */
	BFD_MSG_DISCARDED, /* link or NULL, discarded */
};

struct bfd_change {
	struct instant at;
	enum bfd_state was, state, remote_state;
	uint8_t local_diag, remote_diag;
	int64_t silent_ns;	 /* since the last packet accepted */
	uint64_t detection_time; /* in force until now, microseconds */
};

struct bfd_message {
	struct bfd_message *next;
	enum bfd_message_type type;
	struct bfd_link *link;
	union {
		int fd;			      /* ADD */
		struct bfd_session_conf conf; /* TIMERS */
		struct bfd_change change;     /* CHANGED */
		struct {		      /* DISCARDED */
			enum bfd_discard why;
			struct addr from;
			unsigned long more; /* since the last such message */
		} discarded;
	};
};

struct bfd_channel {
	_Atomic(struct bfd_message *) newest;
	int fd; /* readable while there may be messages */
};

/* 0 or -errno. */
int bfd_channel_init(struct bfd_channel *channel);
/* Frees what nobody has taken. */
void bfd_channel_fini(struct bfd_channel *channel);
/* Takes the message, from malloc, over. */
void bfd_channel_send(struct bfd_channel *channel, struct bfd_message *message);
/* All messages, the oldest first, linked by next; the caller frees them. NULL: none. */
struct bfd_message *bfd_channel_take(struct bfd_channel *channel);

#endif
