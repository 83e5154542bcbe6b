/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lab_bfd.c - what routers find out by BFD, as rows of the record. */
#include <string.h>

#include "testbed/runtime/lab.h"
#include "testbed/runtime/router_log.h"

void lab_bfd_line(struct lab_node *node, int64_t t_ns, const char *line)
{
	const struct topology *t = node->lab->topology;
	char peer[ADDR_TEXT_SIZE];
	struct router_bfd bfd;
	size_t pop;

	if (!router_log_bfd(&bfd, line))
		return;
	pop = topology_uplink_pop(t, node->index, &bfd.peer);
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
