/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * neighbor_message.h - what the kernel says of neighbours and of the way to them (rtnetlink(7)).
 *
 * Pure: reads messages that are whole, as libnl hands them out. False: it is of no interest here.
 */
#ifndef LB_DATAPLANE_NEIGHBOR_MESSAGE_H
#define LB_DATAPLANE_NEIGHBOR_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"

struct nlmsghdr;

/* Of RTM_NEWNEIGH and RTM_DELNEIGH. */
struct neighbor_news {
	struct addr addr;
	unsigned ifindex;
	uint8_t mac[6];
	uint8_t protocol; /* who has made the entry */
	bool is_known;	  /* mac is good */
	bool is_lost;	  /* asked and not answered, or there is no entry any more */
	bool is_gone;	  /* there is no entry any more */
	bool is_fixed;	  /* by somebody who knows: the kernel asks nobody */
};

bool neighbor_news_read(struct neighbor_news *out, struct nlmsghdr *message);

/* Of RTM_NEWROUTE, in answer to RTM_GETROUTE for an address. */
struct neighbor_way {
	unsigned ifindex;
	bool is_ours;	 /* an address of this machine */
	bool is_on_link; /* no router between */
};

bool neighbor_way_read(struct neighbor_way *out, struct nlmsghdr *message);

#endif
