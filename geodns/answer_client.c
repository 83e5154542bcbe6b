/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/answer.h"

void answer_client(struct answer_client *out, const struct dns_query *query,
		   const struct addr *resolver)
{
	out->is_subnet = dns_edns_subnet(&out->addr, &query->edns) && !addr_is_private(&out->addr);
	if (!out->is_subnet)
		out->addr = *resolver;
}
