/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * token.h - the token of a probe: whose it is and which slot it fills.
 *
 * "1a2b3c4d:17" is slot 17 of the flow 1a2b3c4d, which is a hash of seed, user,
 * variant and kind. Pure; fits into PROTOCOL_TOKEN_MAX.
 */
#ifndef TESTBED_CLIENT_TOKEN_H
#define TESTBED_CLIENT_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "testbed/client/conf.h"
#include "testbed/origin/protocol.h"

uint32_t client_token_flow(uint64_t seed, unsigned user, unsigned variant, enum client_kind kind);
const char *client_token_format(uint32_t flow, uint64_t slot, char buf[PROTOCOL_TOKEN_MAX + 1]);
/* False when the token is not one of this flow. */
bool client_token_parse(const char *token, uint32_t flow, uint64_t *slot);

#endif
