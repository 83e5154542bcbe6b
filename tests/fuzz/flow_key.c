/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nothing outside a packet is read or believed; what is behind it changes nothing; and an answer
 * that quotes it in an ICMP error is of the same flow.
 */
#include <stdlib.h>

#include "lb/flow/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct flow_packet *flow, enum flow_found found, size_t len)
{
	static const uint8_t zero[2];

	demand(flow->length <= len && flow->l4_at <= flow->length);
	demand(flow->family == 4 || flow->family == 6);
	demand(flow_key_is_ipv4(&flow->key) == (flow->family == 4));
	demand(memcmp(flow->key.zero, zero, 2) == 0 && flow->key.kind == FLOW_KIND_TUPLE);
	if (found != FLOW_FOUND)
		demand(flow->key.client_port == 0 && flow->key.vip_port == 0);
	else
		demand(flow->key.proto == FLOW_TCP || flow->key.proto == FLOW_UDP);
	demand(!flow->is_error || flow->tcp_flags == 0);
}

/* A router tells the packet's sender that it was too big. */
static void quote(const struct flow_packet *flow, const uint8_t *data)
{
	const bool four = flow->family == 4;
	const size_t head = (four ? FLOW_IPV4_SIZE : FLOW_IPV6_SIZE) + FLOW_ICMP_SIZE;
	uint8_t *error = calloc(1, head + flow->length);
	struct flow_packet got;

	memcpy(error + head, data, flow->length);
	if (four) {
		error[0] = 0x45;
		fixed_store16(error + 2, FIXED_BE16((uint16_t)(head + flow->length)));
		error[9] = FLOW_ICMP;
		memcpy(error + 16, data + 12, 4);
		error[FLOW_IPV4_SIZE] = 3;
	} else {
		error[0] = 0x60;
		fixed_store16(error + 4, FIXED_BE16((uint16_t)(FLOW_ICMP_SIZE + flow->length)));
		error[6] = FLOW_ICMPV6;
		memcpy(error + 24, data + 8, 16);
		error[FLOW_IPV6_SIZE] = 2;
	}
	demand(flow_packet_read(&got, error, head + flow->length) == FLOW_FOUND);
	demand(got.is_error && got.key.proto == flow->key.proto);
	demand(memcmp(got.key.client, flow->key.vip, FLOW_ADDR_SIZE) == 0);
	demand(memcmp(got.key.vip, flow->key.client, FLOW_ADDR_SIZE) == 0);
	demand(got.key.client_port == flow->key.vip_port);
	demand(got.key.vip_port == flow->key.client_port);
	free(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct flow_packet flow, again;
	enum flow_found found = flow_packet_read(&flow, data, len);
	char text[FLOW_KEY_TEXT_SIZE];
	uint8_t *longer;

	if (found == FLOW_BAD)
		return 0;
	check(&flow, found, len);
	flow_key_format(&flow.key, text);
	longer = malloc(flow.length + 1);
	memcpy(longer, data, flow.length);
	longer[flow.length] = 0xff;
	demand(flow_packet_read(&again, longer, flow.length + 1) == found);
	free(longer);
	if (found == FLOW_FOUND && !flow.is_error && flow.length < 60000)
		quote(&flow, data);
	return 0;
}
