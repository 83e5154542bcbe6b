/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/flow/key.h"

#include <arpa/inet.h>
#include <stdio.h>

void flow_secret_make(struct flow_secret *out, const struct siphash_key *key)
{
	uint8_t *at = (uint8_t *)out;

	_Static_assert(sizeof(*out) % sizeof(uint64_t) == 0, "it is made of whole words");
	for (uint64_t i = 0; i < sizeof(*out) / sizeof(uint64_t); i++) {
		struct siphash s = siphash_begin(key);
		uint64_t word;

		siphash24_add(&s, i);
		word = siphash24_end(&s, 0, sizeof(i));
		memcpy(at + i * sizeof(word), &word, sizeof(word));
	}
}

void flow_addr_set(uint8_t out[FLOW_ADDR_SIZE], const struct addr *addr)
{
	uint32_t ipv4;

	if (addr->family == ADDR_IPV4) {
		memcpy(&ipv4, addr->bytes, sizeof(ipv4));
		flow_addr_map(out, ipv4);
	} else {
		memcpy(out, addr->bytes, FLOW_ADDR_SIZE);
	}
}

struct addr flow_addr_get(const uint8_t addr[FLOW_ADDR_SIZE])
{
	return flow_addr_is_ipv4(addr) ? addr_from_bytes(ADDR_IPV4, addr + 12)
				       : addr_from_bytes(ADDR_IPV6, addr);
}

struct prefix flow_key_prefix(const struct flow_key *key)
{
	const struct addr client = flow_addr_get(key->client);
	const uint8_t len = client.family == ADDR_IPV4 ? 24 : 48;

	return (struct prefix){ addr_mask(&client, len), len };
}

enum flow_found flow_packet_read(struct flow_packet *out, const uint8_t *data, size_t len)
{
	return flow_packet_parse(out, data, data + len);
}

const char *flow_key_format(const struct flow_key *key, char buf[FLOW_KEY_TEXT_SIZE])
{
	const struct endpoint client = { flow_addr_get(key->client), ntohs(key->client_port) };
	const struct endpoint vip = { flow_addr_get(key->vip), ntohs(key->vip_port) };
	char from[ENDPOINT_TEXT_SIZE], to[ENDPOINT_TEXT_SIZE], proto[16];

	snprintf(proto, sizeof(proto), "protocol %u", key->proto);
	snprintf(buf, FLOW_KEY_TEXT_SIZE, "%s %s > %s",
		 key->proto == FLOW_TCP	  ? "tcp"
		 : key->proto == FLOW_UDP ? "udp"
					  : proto,
		 endpoint_format(&client, from), endpoint_format(&vip, to));
	return buf;
}
