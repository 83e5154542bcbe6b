/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lab_bfd.c - what routers find out by BFD, as rows of the record. */
#include <string.h>

#include "testbed/runtime/lab.h"
#include "testbed/runtime/router_log.h"

/* Index of the pop at either end of this node's wire to peer, SIZE_MAX when there is none. */
static size_t pop_of(const struct topology *t, size_t node, const struct addr *peer)
{
	const struct topology_node *at = &t->nodes[node];

	for (size_t i = 0; i < at->link_count; i++) {
		const struct topology_link *l = &t->links[at->links[i]];
		const struct topology_end *far = &l->end[!topology_end_at(l, node)];
		unsigned router;

		if (topology_link_is_uplink(t, l, &router) &&
		    (addr_equal(&far->addr[0], peer) || addr_equal(&far->addr[1], peer)))
			return t->nodes[l->end[!router].node].index;
	}
	return SIZE_MAX;
}

void lab_bfd_line(struct lab_node *node, int64_t t_ns, const char *line)
{
	const struct topology *t = node->lab->topology;
	char peer[ADDR_TEXT_SIZE];
	struct router_bfd bfd;
	size_t pop;

	if (!router_log_bfd(&bfd, line))
		return;
	pop = pop_of(t, node->index, &bfd.peer);
	if (pop == SIZE_MAX)
		return;
	record_row(node->lab->record,
		   &(struct record_row){ .t_ns = t_ns,
					 .source = t->nodes[node->index].name,
					 .kind = bfd.up ? "bfd_up" : "bfd_down",
					 .variant = "",
					 .user = "",
					 .pop = t->scenario->pops[pop].name,
					 .result = "",
					 .latency_us = -1,
					 .detail = addr_format(&bfd.peer, peer) });
	if (!bfd.up)
		node->lab->owner->on_bfd_down(node->lab->ctx, node->lab, pop, t_ns);
}
