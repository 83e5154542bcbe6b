/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * order.h - what a POST asks for: a scenario and how to carry it out.
 *
 *	{"scenario": "quick" | {...}, "trials": 3, "seed": 1, "runtime": "namespaces", "lab": "a"}
 *
 * Everything that can be wrong with it is found before anything is queued, the
 * scenario and the topology that follows from it included. Pure but for
 * reading shipped scenarios.
 */
#ifndef TESTBED_API_ORDER_H
#define TESTBED_API_ORDER_H

#include "lib/http.h"
#include "testbed/scenario.h"

extern const char *const order_runtimes[]; /* ends with NULL */

struct order_defaults {
	const char *runtime;
	const char *lab; /* NULL: the scenario's name */
};

/* Strings are borrowed from the body, the scenario and the defaults. */
struct order {
	struct scenario *scenario;
	const char *lab, *runtime;
	unsigned trials; /* the scenario's, where the body says nothing */
	bool has_seed;
	int64_t seed;
};

/* True, or reply is a problem and *status its status. with_trials: it is for a run. */
bool order_load(struct order *out, json_t *body, bool with_trials,
		const struct order_defaults *defaults, struct http_reply *reply, int *status);
void order_fini(struct order *order);

#endif
