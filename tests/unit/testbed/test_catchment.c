/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/catchment.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/testbed/small.h"

/* Users 1 and 2 are c1's, who probe; 3 to 5 are w's, who read pages; 6 is s's; 7 is d's. */
#define TRAFFIC(kind) "{\"kind\": \"" kind "\", \"period_ms\": 1000}"
#define GROUP(name, users, traffic)                                                                \
	"{\"name\": \"" name "\", \"network\": \"b\", \"users\": " #users                          \
	", \"traffic\": [" traffic "]}"

struct rig {
	struct scenario *scenario;
	struct catchment *catchment;
};

static struct rig rig_new(void)
{
	struct rig r = {
		.scenario = small_scenario(EDITS(
			{ "clients/9", GROUP("w", 3, TRAFFIC("session") "," TRAFFIC("http")) },
			{ "clients/9", GROUP("s", 1, TRAFFIC("dns") "," TRAFFIC("session")) },
			{ "clients/9", GROUP("d", 1, TRAFFIC("dns")) }))
	};

	r.catchment = catchment_new(r.scenario);
	return r;
}

static void rig_free(struct rig *r)
{
	catchment_free(r->catchment);
	scenario_free(r->scenario);
}

/* "1 udp any p1 ok": what user 1 has seen. An unanswered one has pop "-". */
static void note(struct rig *r, const char *words)
{
	char kind[16], variant[16], pop[16], result[16];
	unsigned user;

	cr_assert_eq(sscanf(words, "%u %15s %15s %15s %15s", &user, kind, variant, pop, result), 5);
	catchment_note(r->catchment,
		       &(struct catchment_row){ .kind = kind,
						.variant = variant,
						.pop = strcmp(pop, "-") == 0 ? "" : pop,
						.result = result,
						.user = user });
}

/* "p1 1, none 1" of a group in a variant; "" when the table does not have them. */
static const char *served(const struct rig *r, const char *group, const char *variant)
{
	static char text[128];
	json_t *table = catchment_to_json(r->catchment);
	const json_t *entry;
	const char *pop;
	json_t *count;
	size_t i;

	text[0] = '\0';
	json_array_foreach (table, i, entry) {
		size_t len = 0;

		if (strcmp(json_string_value(json_object_get(entry, "group")), group) != 0 ||
		    strcmp(json_string_value(json_object_get(entry, "variant")), variant) != 0)
			continue;
		json_object_foreach (json_object_get(entry, "pops"), pop, count) {
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s %d, ", pop,
						(int)json_integer_value(count));
		}
		snprintf(text + len, sizeof(text) - len, "none %d of %d",
			 (int)json_integer_value(json_object_get(entry, "unserved")),
			 (int)json_integer_value(json_object_get(entry, "users")));
	}
	json_decref(table);
	return text;
}

Test(catchment, nobody_is_served_before_the_first_answer)
{
	struct rig r = rig_new();

	cr_expect_str_eq(served(&r, "c1", "any"), "none 2 of 2");
	cr_expect_str_eq(served(&r, "w", "geo"), "none 3 of 3");
	cr_expect_str_eq(served(&r, "d", "any"), "", "nothing tells where look-ups lead");
	rig_free(&r);
}

Test(catchment, the_last_answer_counts_for_its_user_and_variant)
{
	struct rig r = rig_new();

	note(&r, "1 udp any p1 ok");
	note(&r, "2 udp any p2 ok");
	note(&r, "2 udp geo p1 ok");
	cr_expect_str_eq(served(&r, "c1", "any"), "p1 1, p2 1, none 0 of 2");
	cr_expect_str_eq(served(&r, "c1", "geo"), "p1 1, none 1 of 2");
	note(&r, "1 udp any p2 ok");
	cr_expect_str_eq(served(&r, "c1", "any"), "p2 2, none 0 of 2");
	note(&r, "3 http geo p2 ok");
	cr_expect_str_eq(served(&r, "w", "geo"), "p2 1, none 2 of 3");
	cr_expect_str_eq(served(&r, "w", "any"), "none 3 of 3");
	rig_free(&r);
}

Test(catchment, three_failures_in_a_row_are_none)
{
	struct rig r = rig_new();

	note(&r, "1 udp any p1 ok");
	note(&r, "1 udp any - silent");
	note(&r, "1 udp any - silent");
	note(&r, "1 udp any p1 ok");
	note(&r, "1 udp any - silent");
	note(&r, "1 udp any - refused");
	cr_expect_str_eq(served(&r, "c1", "any"), "p1 1, none 1 of 2");
	note(&r, "1 udp any p1 wrong");
	cr_expect_str_eq(served(&r, "c1", "any"), "none 2 of 2");
	for (int i = 0; i < 1000; i++)
		note(&r, "1 udp any - silent");
	cr_expect_str_eq(served(&r, "c1", "any"), "none 2 of 2");
	note(&r, "1 udp any p2 ok");
	cr_expect_str_eq(served(&r, "c1", "any"), "p2 1, none 1 of 2");
	rig_free(&r);
}

Test(catchment, a_session_serves_until_it_ends)
{
	struct rig r = rig_new();

	note(&r, "6 session any p1 open");
	cr_expect_str_eq(served(&r, "s", "any"), "p1 1, none 0 of 1");
	note(&r, "6 session any p1 reset");
	cr_expect_str_eq(served(&r, "s", "any"), "none 1 of 1");
	rig_free(&r);
}

static const char *const ignored[] = {
	"1 http any p2 ok",	 /* this group's probes are looked at */
	"1 dns any p2 ok",	 /* and no look-ups */
	"3 session any p2 open", /* w reads pages too */
	"3 udp any p2 ok",	 /* w has none */
	"7 dns any p2 ok",	 /* d has nothing else */
	"1 udp other p2 ok",	 /* no such variant */
	"0 udp any p2 ok",	 /* users count from 1 */
	"8 udp any p2 ok",	 /* the last is 7 */
	"4294967295 udp any p2 ok", NULL,
};

Test(catchment, what_is_not_of_this_scenario_changes_nothing)
{
	struct rig r = rig_new();
	json_t *before = catchment_to_json(r.catchment), *after;

	for (size_t i = 0; ignored[i]; i++) {
		note(&r, ignored[i]);
		after = catchment_to_json(r.catchment);
		cr_expect(json_equal(before, after), "%s", ignored[i]);
		json_decref(after);
	}
	note(&r, "1 udp any nosuch ok");
	cr_expect_str_eq(served(&r, "c1", "any"), "none 2 of 2", "an unknown pop serves nobody");
	json_decref(before);
	rig_free(&r);
}

static void expect_moves(struct rig *r, size_t group, const char *expected)
{
	json_t *moves = catchment_moves_take(r->catchment, group);
	json_t *wanted = json_loads(expected, 0, NULL);
	char *text = json_dumps(moves, JSON_COMPACT);

	cr_assert_not_null(wanted);
	cr_expect(json_equal(moves, wanted), "%s", text);
	free(text);
	json_decref(wanted);
	json_decref(moves);
}

#define MOVE(variant, group, from, to, users)                                                      \
	"{\"kind\":\"catchment\",\"variant\":\"" variant "\",\"group\":\"" group                   \
	"\",\"from\":" from ",\"to\":" to ",\"users\":" #users "}"

Test(catchment, moves_are_told_once)
{
	struct rig r = rig_new();

	expect_moves(&r, 0, "[]");
	note(&r, "1 udp any p1 ok");
	note(&r, "2 udp any p1 ok");
	note(&r, "3 http any p1 ok");
	expect_moves(&r, 0, "[" MOVE("any", "c1", "null", "\"p1\"", 2) "]");
	expect_moves(&r, 0, "[]");
	note(&r, "2 udp any p2 ok");
	note(&r, "1 udp geo p2 ok");
	expect_moves(&r, 0,
		     "[" MOVE("any", "c1", "\"p1\"", "\"p2\"", 1) "," MOVE("geo", "c1", "null",
									   "\"p2\"", 1) "]");
	/* There and back between two questions is no move. */
	note(&r, "2 udp any p1 ok");
	note(&r, "2 udp any p2 ok");
	expect_moves(&r, 0, "[]");
	expect_moves(&r, 1, "[" MOVE("any", "w", "null", "\"p1\"", 1) "]");
	rig_free(&r);
}

Test(catchment, new_users_are_no_move)
{
	struct rig r = rig_new();

	note(&r, "1 udp any p1 ok");
	catchment_clear(r.catchment);
	expect_moves(&r, 0, "[]");
	cr_expect_str_eq(served(&r, "c1", "any"), "none 2 of 2");
	rig_free(&r);
}
