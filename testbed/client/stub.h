/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stub.h - the users' stub resolver: questions to one recursive resolver by UDP.
 *
 * One socket, many questions in flight, told apart by random ids and by the
 * question that comes back with the answer. A question is repeated once, after
 * CLIENT_STUB_RETRY_MS: that is inside the second a request has, and late
 * enough that a resolver which has to walk the tree is not asked for nothing.
 * When to give up is the asker's business (his request's deadline). The
 * resolver's address is checked on every answer; ICMP errors are not heard, as
 * a resolver that is gone and one that is silent cost the user the same.
 */
#ifndef TESTBED_CLIENT_STUB_H
#define TESTBED_CLIENT_STUB_H

#include <ev.h>

#include "testbed/client/dns.h"

#define CLIENT_STUB_RETRY_MS 400

struct client_stub;
struct client_lookup;

/* addr is valid when status is CLIENT_DNS_OK. The lookup is over and may be freed. */
typedef void client_lookup_fn(struct client_lookup *lookup, enum client_dns_status status,
			      const struct addr *addr);

/* The asker's memory; set the first three, zero the rest. */
struct client_lookup {
	const char *name; /* borrowed until it is over */
	client_lookup_fn *on_answer;
	void *data;
	/* The stub's own. stub is NULL when no answer is awaited. */
	struct client_stub *stub;
	struct client_lookup *next, **link;
	ev_timer retry;
	uint16_t id;
};

/* Returns 0 and sets *out, or -errno. */
int client_stub_new(struct client_stub **out, struct ev_loop *loop, const struct endpoint *resolver,
		    enum addr_family family);
/* No lookup may be under way. */
void client_stub_free(struct client_stub *stub);
void client_stub_ask(struct client_stub *stub, struct client_lookup *lookup);
/* Nothing happens when it is over already. */
void client_stub_cancel(struct client_lookup *lookup);

#endif
