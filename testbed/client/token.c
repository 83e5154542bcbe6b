/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/token.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testbed/client/hash.h"

uint32_t client_token_flow(uint64_t seed, unsigned user, unsigned variant, enum client_kind kind)
{
	return (uint32_t)client_hash(seed, user, (uint64_t)variant << 8 | kind);
}

const char *client_token_format(uint32_t flow, uint64_t slot, char buf[PROTOCOL_TOKEN_MAX + 1])
{
	snprintf(buf, PROTOCOL_TOKEN_MAX + 1, "%08" PRIx32 ":%" PRIu64, flow, slot);
	return buf;
}

bool client_token_parse(const char *token, uint32_t flow, uint64_t *slot)
{
	const char *colon = strchr(token, ':');
	char again[PROTOCOL_TOKEN_MAX + 1];
	uint64_t n;

	if (!colon)
		return false;
	n = strtoull(colon + 1, NULL, 10);
	/* One spelling only: no sign, no leading zero, nothing behind. */
	if (strcmp(client_token_format(flow, n, again), token) != 0)
		return false;
	*slot = n;
	return true;
}
