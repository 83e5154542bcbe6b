/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/answer.h"

struct answer_client answer_client(const struct dns_query *query, const struct addr *resolver)
{
	struct answer_client client = { .addr = dns_edns_subnet(&query->edns) };

	client.is_subnet = client.addr.family != ADDR_NONE && !addr_is_private(&client.addr);
	if (!client.is_subnet)
		client.addr = *resolver;
	return client;
}
