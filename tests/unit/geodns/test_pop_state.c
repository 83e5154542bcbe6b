/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "geodns/pop_state.h"

static const struct instant start = { 1000 * NS_PER_S };
#define UNIX_START (INT64_C(1700000000) * NS_PER_S)

static struct instant at(int64_t s)
{
	return instant_after_s(start, s);
}

/* ttl_s 0: without end. */
static bool say(struct pop_states *ps, const char *source, enum geo_pop_state state, int64_t now_s,
		int64_t ttl_s)
{
	struct pop_statement s = { .pop = "fra",
				   .state = state,
				   .until = ttl_s ? at(now_s + ttl_s) : INSTANT_NEVER };

	snprintf(s.source, sizeof(s.source), "%s", source);
	return pop_states_say(ps, &s);
}

Test(geodns_pop_state, whose_word_counts)
{
	/* clang-format off */
	static const struct {
		const char *what;
		struct { const char *source; enum geo_pop_state state; } said[4];
		enum geo_pop_state wanted;
	} rows[] = {
		{ "nobody's",                { { 0 } }, GEO_POP_AUTO },
		{ "a program's",             { { "fra-lb", GEO_POP_DRAIN } }, GEO_POP_DRAIN },
		{ "the worst",               { { "a", GEO_POP_UP }, { "b", GEO_POP_DOWN }, { "c", GEO_POP_DRAIN } }, GEO_POP_DOWN },
		{ "drain before up",         { { "a", GEO_POP_UP }, { "b", GEO_POP_DRAIN } }, GEO_POP_DRAIN },
		{ "the last of one source",  { { "a", GEO_POP_DOWN }, { "a", GEO_POP_UP } }, GEO_POP_UP },
		{ "the operator's, up",      { { "a", GEO_POP_DOWN }, { "operator", GEO_POP_UP } }, GEO_POP_UP },
		{ "the operator's, down",    { { "operator", GEO_POP_DOWN }, { "a", GEO_POP_UP } }, GEO_POP_DOWN },
		{ "auto takes it back",      { { "a", GEO_POP_DRAIN }, { "operator", GEO_POP_UP }, { "operator", GEO_POP_AUTO } }, GEO_POP_DRAIN },
		{ "auto without a statement", { { "a", GEO_POP_AUTO } }, GEO_POP_AUTO },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pop_states ps = { 0 };

		for (size_t k = 0; k < 4 && rows[i].said[k].source; k++)
			cr_expect(say(&ps, rows[i].said[k].source, rows[i].said[k].state, 0, 10));
		cr_expect_eq(pop_states_get(&ps, "fra"), rows[i].wanted, "%s", rows[i].what);
		cr_expect_eq(pop_states_get(&ps, "nyc"), GEO_POP_AUTO, "%s", rows[i].what);
		pop_states_fini(&ps);
	}
}

Test(geodns_pop_state, programs_repeat_themselves_or_end)
{
	struct pop_states ps = { 0 };
	struct pop_statement ended;

	cr_expect_eq(pop_states_deadline(&ps).ns, INSTANT_NEVER.ns);
	say(&ps, "operator", GEO_POP_UP, 0, 0);
	cr_expect_eq(pop_states_deadline(&ps).ns, INSTANT_NEVER.ns);
	say(&ps, "operator", GEO_POP_AUTO, 0, 0);
	say(&ps, "a", GEO_POP_DOWN, 0, 10);
	say(&ps, "b", GEO_POP_DRAIN, 0, 20);
	cr_expect_eq(pop_states_deadline(&ps).ns, at(10).ns);
	say(&ps, "a", GEO_POP_DOWN, 5, 10);
	cr_expect_eq(pop_states_deadline(&ps).ns, at(15).ns);
	cr_expect_not(pop_states_expire(&ps, at(14), &ended));
	cr_expect_eq(pop_states_get(&ps, "fra"), GEO_POP_DOWN);
	cr_expect(pop_states_expire(&ps, at(15), &ended));
	cr_expect_str_eq(ended.source, "a");
	cr_expect_not(pop_states_expire(&ps, at(15), &ended));
	cr_expect_eq(pop_states_get(&ps, "fra"), GEO_POP_DRAIN);
	cr_expect(pop_states_expire(&ps, at(99), &ended));
	cr_expect_eq(pop_states_get(&ps, "fra"), GEO_POP_AUTO);
	pop_states_fini(&ps);
}

Test(geodns_pop_state, sources_are_bounded)
{
	struct pop_states ps = { 0 };
	char source[8];

	for (int i = 0; i < POP_STATE_SOURCES_MAX; i++) {
		snprintf(source, sizeof(source), "s%d", i);
		cr_expect(say(&ps, source, GEO_POP_UP, 0, 10));
	}
	cr_expect_not(say(&ps, "more", GEO_POP_UP, 0, 10));
	cr_expect(say(&ps, "more", GEO_POP_AUTO, 0, 10));
	cr_expect(say(&ps, "s3", GEO_POP_DOWN, 0, 10), "a known one may change its mind");
	cr_expect(say(&ps, "operator", GEO_POP_UP, 0, 0), "there is room for the operator");
	pop_states_fini(&ps);
}

Test(geodns_pop_state, saved_and_loaded)
{
	struct pop_states ps = { 0 }, back = { 0 }, later = { 0 };
	struct conf_error err = { 0 };
	struct pop_statement other = { "nyc", "operator", GEO_POP_DRAIN, INSTANT_NEVER };
	json_t *json;

	say(&ps, "operator", GEO_POP_DOWN, 0, 60);
	say(&ps, "fra-lb", GEO_POP_DRAIN, 0, 60);
	pop_states_say(&ps, &other);
	json = pop_states_save(&ps, at(0), UNIX_START);

	/* The machine has begun anew: its clock shows less, the one on the wall 20 s more. */
	pop_states_load(&back, json, (struct instant){ NS_PER_S }, UNIX_START + 20 * NS_PER_S,
			&err);
	cr_expect_not(err.set, "%s: %s", err.path, err.reason);
	cr_expect_eq(back.count, 2, "what programs say is not kept");
	cr_expect_eq(pop_states_get(&back, "fra"), GEO_POP_DOWN);
	cr_expect_eq(pop_states_get(&back, "nyc"), GEO_POP_DRAIN);
	cr_expect_geq(pop_states_deadline(&back).ns, 41 * NS_PER_S);
	cr_expect_leq(pop_states_deadline(&back).ns, 42 * NS_PER_S);

	pop_states_load(&later, json, (struct instant){ NS_PER_S }, UNIX_START + 62 * NS_PER_S,
			&err);
	cr_expect_not(err.set);
	cr_expect_eq(later.count, 1, "the other one has ended");
	json_decref(json);
	pop_states_fini(&ps);
	pop_states_fini(&back);
	pop_states_fini(&later);
}

Test(geodns_pop_state, damaged)
{
	/* clang-format off */
	static const struct { const char *json, *wrong; } rows[] = {
		{ "{\"version\":1}", "" },
		{ "{\"version\":2,\"pops\":[]}", "version: 2 is not between 1 and 1" },
		{ "{\"version\":1,\"pops\":[{\"pop\":\"fra\"}]}", "pops[0].state: required" },
		{ "{\"version\":1,\"pops\":[{\"state\":\"up\"}]}", "pops[0].pop: required" },
		{ "{\"version\":1,\"pops\":[{\"pop\":\"fra\",\"state\":\"gone\"}]}", "pops[0].state: unknown value 'gone'" },
		{ "{\"version\":1,\"pops\":[{\"pop\":\"fra\",\"state\":\"up\",\"x\":1}]}", "pops[0].x: unknown key" },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_error err = { 0 };
		json_t *json = conf_read_text(rows[i].json, strlen(rows[i].json), &err);
		struct pop_states ps = { 0 };
		char text[400];

		pop_states_load(&ps, json, start, UNIX_START, &err);
		cr_expect_str_eq(conf_error_format(&err, text, sizeof(text)), rows[i].wrong);
		cr_expect_eq(ps.count, 0);
		pop_states_fini(&ps);
		json_decref(json);
	}
}
