/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * request.h - what all kinds of request have in common: one slot, from planned time to row.
 *
 * A request resolves its name, then its kind goes on with the address; whatever
 * comes first of an answer, an error and the deadline (planned time plus
 * timeout_ms) finishes it, once, with one row. An answer after the deadline is
 * none, however the timer and the socket raced in the loop.
 */
#ifndef TESTBED_CLIENT_REQUEST_H
#define TESTBED_CLIENT_REQUEST_H

#include "testbed/client/group.h"
#include "testbed/client/result.h"

struct client_request_ops {
	/* The address is known (req->addr): go on. May finish the request at once. */
	void (*on_address)(struct client_request *req);
	/* Over, with this result. Release what the kind holds, req itself too. */
	void (*on_end)(struct client_request *req, enum client_result result);
};

/* The kind's memory, embedded in its own struct. Set the first four, zero the rest. */
struct client_request {
	struct client_user *user;
	struct client_slot slot;
	const struct client_request_ops *ops;
	const char *detail; /* of its row, borrowed; NULL: the address, or why there is none */
	struct addr addr;   /* family 0 until resolved */
	struct client_request *next, **link; /* the group's list */
	struct client_lookup lookup;
	ev_timer deadline;
};

void client_request_start(struct client_request *req);
/* pop: "" when nobody has answered. detail: NULL for the default. req is gone afterwards. */
void client_request_finish(struct client_request *req, enum client_result result, const char *pop,
			   const char *detail);
/* Drop it without a row. */
void client_request_abort(struct client_request *req);

/* Dies of being out of descriptors: numbers after that would be the machine's, not the network's.
 */
int client_socket_new(const struct endpoint *to, int type);

#endif
