/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * catchment.h - which pop serves each user now, in each variant.
 *
 * Fed with the rows that users report. A user's catchment is read from one
 * kind of traffic, the first of udp, http and session that its group has:
 * probes are the most frequent, and all kinds of a user go the same way.
 * Groups that only look names up have none. A user is served by the pop that
 * answered last, and unserved before the first answer, after
 * CATCHMENT_FAILURES failed requests in a row, and when its session has ended.
 *
 * Pure, and of a fixed size: it knows the present, not the past.
 */
#ifndef TESTBED_CATCHMENT_H
#define TESTBED_CATCHMENT_H

#include <jansson.h>

#include "testbed/scenario.h"

#define CATCHMENT_FAILURES 3

struct catchment;

/* The scenario is borrowed. Everybody is unserved. */
struct catchment *catchment_new(const struct scenario *scenario);
void catchment_free(struct catchment *catchment);
/* New users start: nobody is served, and nobody has moved. */
void catchment_clear(struct catchment *catchment);

/* A row as users report it (client/batch.h). Names that are not the scenario's change nothing. */
struct catchment_row {
	const char *kind, *variant, *pop, *result;
	unsigned user;
};

void catchment_note(struct catchment *catchment, const struct catchment_row *row);

/* [{"variant","group","users","pops":{"fra":20},"unserved":0}], by group, then variant. */
json_t *catchment_to_json(const struct catchment *catchment);
/*
 * What has changed in a client group since it was asked last, a move for each pair of pops:
 * [{"kind":"catchment","variant","group","from":"fra","to":"nyc","users":8}]; null: unserved.
 */
json_t *catchment_moves_take(struct catchment *catchment, size_t group);

#endif
