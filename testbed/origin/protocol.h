/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * protocol.h - what users and origins of the lab say to each other.
 *
 *	request:  catchment <token>\n
 *	reply:    catchment <token> <pop>\n
 *
 * One datagram or one line of a TCP connection each. The token is the user's
 * and comes back unchanged, so that a late answer is never taken for another
 * one; pop names the PoP that answered, which is how a catchment is seen.
 * Pure. Strict: one space, no other bytes, so parse and format are inverse.
 */
#ifndef TESTBED_ORIGIN_PROTOCOL_H
#define TESTBED_ORIGIN_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>

#define PROTOCOL_UDP_PORT  7000
#define PROTOCOL_TCP_PORT  7001
#define PROTOCOL_HTTP_PORT 80

#define PROTOCOL_TOKEN_MAX 32 /* letters, digits, '-', '_', '.', ':' */
#define PROTOCOL_POP_MAX   63 /* letters, digits, '-', '_', '.', not first '-' or '.' */
/* No request or reply is longer, its newline included. */
#define PROTOCOL_LINE_MAX (10 + PROTOCOL_TOKEN_MAX + 1 + PROTOCOL_POP_MAX + 1)

struct protocol_request {
	char token[PROTOCOL_TOKEN_MAX + 1];
};

struct protocol_reply {
	char token[PROTOCOL_TOKEN_MAX + 1];
	char pop[PROTOCOL_POP_MAX + 1];
};

/* The len bytes are exactly one request or reply, newline included. *out is set only on success. */
bool protocol_request_parse(struct protocol_request *out, const char *buf, size_t len);
bool protocol_reply_parse(struct protocol_reply *out, const char *buf, size_t len);

/* Returns the length, no zero is appended; 0 when it does not fit. */
size_t protocol_request_format(const struct protocol_request *req, char *buf, size_t size);
size_t protocol_reply_format(const struct protocol_reply *reply, char *buf, size_t size);

/* The len bytes are a PoP's name. */
bool protocol_is_pop(const char *text, size_t len);

#endif
