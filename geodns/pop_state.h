/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pop_state.h - what operators and PoPs say about PoPs, on top of what checks find.
 *
 * A statement is a state of one PoP, said by one source until it says something else. The
 * source "operator" is a person: what it says wins, may be without end, and is to survive
 * a restart. Other sources are programs, such as the PoP itself: what they say ends by itself
 * unless they say it again, and of several the worst counts: down, then drain, then up.
 *
 * PoPs go by their names, so that statements outlive configurations. Pure; one thread.
 */
#ifndef GEODNS_POP_STATE_H
#define GEODNS_POP_STATE_H

#include "geodns/geo/name.h"
#include "lib/clock.h"
#include "lib/conf.h"

#define POP_STATE_OPERATOR    "operator"
#define POP_STATE_SOURCES_MAX 16     /* of one PoP */
#define POP_STATE_TTL_MAX     864000 /* seconds */
#define POP_STATE_NAME_SIZE   64     /* of PoPs and sources, as conf_name() has them */

struct pop_statement {
	char pop[POP_STATE_NAME_SIZE], source[POP_STATE_NAME_SIZE];
	enum geo_pop_state state; /* never auto */
	struct instant until;	  /* INSTANT_NEVER: without end */
};

struct pop_states {
	struct pop_statement *list;
	size_t count;
};

/* "auto", "up", "down", "drain", by state; ends with NULL. */
extern const char *const pop_state_names[];

void pop_states_fini(struct pop_states *ps);
struct pop_states pop_states_copy(const struct pop_states *ps);
bool pop_statement_is_operators(const struct pop_statement *s);
/* Instead of what that source has said before; auto: takes that back. False: too many sources. */
bool pop_states_say(struct pop_states *ps, const struct pop_statement *statement);
/* Of all that is said about a PoP. */
enum geo_pop_state pop_states_get(const struct pop_states *ps, const char *pop);
/* When the next statement ends; INSTANT_NEVER for none. */
struct instant pop_states_deadline(const struct pop_states *ps);
/* Forget a statement that has ended by now, and return it in *out. False when there is none. */
bool pop_states_expire(struct pop_states *ps, struct instant now, struct pop_statement *out);

/* What operators have said, as one document. unix_ns: now by the clock on the wall. */
json_t *pop_states_save(const struct pop_states *ps, struct instant now, int64_t unix_ns);
/* Such a document back, without what has ended meanwhile; on a mistake err is set. */
void pop_states_load(struct pop_states *ps, json_t *json, struct instant now, int64_t unix_ns,
		     struct conf_error *err);

#endif
