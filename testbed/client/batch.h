/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * batch.h - rows of measurements collected into one message.
 *
 *	{"type":"samples","group":"paris","rows":[
 *	 [t_ns,"udp","geodns30",3,"fra","ok",12345,"198.18.33.1"],...]}
 *
 * Written straight as text: thousands a second are nothing that a tree of JSON
 * values is needed for. Pure.
 */
#ifndef TESTBED_CLIENT_BATCH_H
#define TESTBED_CLIENT_BATCH_H

#include "testbed/client/conf.h"
#include "testbed/client/result.h"

#define CLIENT_BATCH_ROWS 200

struct client_row {
	struct instant planned; /* of a session's end: when it was noticed */
	enum client_kind kind;
	const char *variant;
	unsigned user;
	const char *pop; /* "" when none has answered */
	enum client_result result;
	int64_t latency_us;
	const char *detail;
};

struct client_batch;

/* group is borrowed. */
struct client_batch *client_batch_new(const char *group);
void client_batch_free(struct client_batch *batch);
/* Strings are names, addresses and words: nothing in them that JSON would escape. */
void client_batch_add(struct client_batch *batch, const struct client_row *row);
unsigned client_batch_rows(const struct client_batch *batch);
/* The message, malloc'd for the caller, its length in *len; the batch is empty again. */
char *client_batch_take(struct client_batch *batch, size_t *len);

#endif
