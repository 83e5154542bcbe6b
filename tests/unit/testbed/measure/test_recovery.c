/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "testbed/measure/recovery.h"
#include "testbed/measure/session_fate.h"

#define STEP 100 /* planned distance of two requests */
#define LAG  7	 /* from plan to answer, of successes */

/*
 * One request per letter, the first planned at 0: a and b are answers of pop 1 and 2, a dot is
 * silence, x a refusal. The fault begins at 300 (the fourth letter); '|' is its undo.
 */
static size_t slots_of(const char *story, struct slot *slots, struct fault_window *window)
{
	size_t n = 0;

	*window = (struct fault_window){ 300, INT64_MAX, INT64_MAX };
	for (; *story; story++) {
		int64_t planned = (int64_t)n * STEP;
		uint32_t pop = *story == 'a' ? 1 : *story == 'b' ? 2 : 0;

		if (*story == '|') {
			window->end_ns = planned;
			continue;
		}
		slots[n++] = (struct slot){ planned, planned + (pop ? LAG : 1000), pop,
					    pop		    ? OUTCOME_OK
					    : *story == 'x' ? OUTCOME_REFUSED
							    : OUTCOME_SILENT };
	}
	if (window->end_ns == INT64_MAX)
		window->end_ns = window->until_ns = (int64_t)n * STEP;
	return n;
}

static const struct {
	const char *name, *story;
	uint32_t before, during, after;
	int64_t reconnect, failover, failback;
	uint64_t requests, failed, flips;
} rows[] = {
	{ "not touched", "aaaaaaaaaaaaa", 1, 1, 0, 7, 7, -1, 10, 0, 0 },
	{ "cut off for three", "aaa...bbbbbbbbbb", 1, 2, 0, 307, 307, -1, 13, 3, 0 },
	{ "never back", "aaa.......", 1, 0, 0, -1, -1, -1, 7, 7, 0 },
	{ "back, too short for a run", "aaa..bbbbb", 1, 2, 0, 207, -1, -1, 7, 2, 0 },
	{ "back, lost again", "aaa.b.bbbbbbbbbb", 1, 2, 0, 107, 307, -1, 13, 2, 0 },
	{ "run over two pops does not count", "aaa.aaaaabbbbbbbbbb", 1, 2, 0, 107, 607, -1, 16, 1,
	  1 },
	{ "flapping between pops", "aaaabababab", 1, 2, 0, 7, -1, -1, 8, 0, 7 },
	{ "last success before counts", "ab....", 2, 0, 0, -1, -1, -1, 3, 3, 0 },
	{ "never up before", "...bbbbbbbbbb", 0, 2, 0, 7, 7, -1, 10, 0, 0 },
	{ "fails back", "aaa..b|b.aaa", 1, 2, 1, 207, -1, 207, 3, 2, 0 },
	{ "stays away", "aaa..b|bbbb", 1, 2, 2, 207, -1, -1, 3, 2, 0 },
	{ "success after the undo is no reconnect", "aaa...|aaaaaaaaaaaa", 1, 0, 1, -1, -1, 7, 3, 3,
	  0 },
	{ "a run must end before the undo", "aaa.bbbbb|bbbbb", 1, 2, 2, 107, -1, -1, 6, 1, 0 },
	{ "refusals are failures", "aaaxx.bbbbbbbbbb", 1, 2, 0, 307, 307, -1, 13, 3, 0 },
};

Test(recovery, stories)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slot slots[32];
		struct fault_window window;
		size_t n = slots_of(rows[i].story, slots, &window);
		struct recovery r;

		window.until_ns = INT64_MAX;
		r = recovery_measure(slots, n, &window);
		cr_expect_eq(r.pop_before, rows[i].before, "%s: before", rows[i].name);
		cr_expect_eq(r.pop_during, rows[i].during, "%s: during", rows[i].name);
		cr_expect_eq(r.pop_after, rows[i].after, "%s: after", rows[i].name);
		cr_expect_eq(r.reconnect_ns, rows[i].reconnect, "%s: reconnect", rows[i].name);
		cr_expect_eq(r.failover_ns, rows[i].failover, "%s: failover", rows[i].name);
		cr_expect_eq(r.failback_ns, rows[i].failback, "%s: failback", rows[i].name);
		cr_expect_eq(r.requests, rows[i].requests, "%s: requests", rows[i].name);
		cr_expect_eq(r.failed, rows[i].failed, "%s: failed", rows[i].name);
		cr_expect_eq(r.flips, rows[i].flips, "%s: flips", rows[i].name);
	}
}

/* Every story of eight letters: what must hold whatever happens. */
Test(recovery, laws)
{
	static const char letters[] = "ab.x";

	for (unsigned code = 0; code < 65536; code++) {
		char story[20] = "aaa";
		struct slot slots[32];
		struct fault_window window;
		struct recovery r;
		uint64_t sum = 0;

		for (unsigned j = 0; j < 8; j++)
			story[3 + j] = letters[code >> (2 * j) & 3];
		story[11] = '\0';
		strcat(story, "|aaa");
		r = recovery_measure(slots, slots_of(story, slots, &window), &window);
		for (int o = 0; o < OUTCOMES; o++)
			sum += r.outcomes[o];
		cr_assert_eq(sum, r.requests, "%s", story);
		cr_assert_eq(r.failed, r.requests - r.outcomes[OUTCOME_OK], "%s", story);
		cr_assert_eq(r.reconnect_ns == RECOVERY_NEVER, r.failed == r.requests, "%s", story);
		cr_assert(r.failover_ns == RECOVERY_NEVER || r.failover_ns >= r.reconnect_ns);
		cr_assert_eq(r.failover_ns, RECOVERY_NEVER, "%s: eight are no ten", story);
	}
}

Test(recovery, names)
{
	for (enum outcome o = 0; o < OUTCOMES; o++)
		cr_expect_eq(outcome_parse(outcome_name(o)), o);
	cr_expect_eq(outcome_parse("lost"), OUTCOMES);
}

/*
 * A session story: O opens, a letter a heartbeat answered by pop 1 or 2, a dot one without
 * answer, R T C its end (reset, timed out, closed). The fault begins at
 * 300, '|' is the undo, the period is 100.
 */
static const struct {
	const char *name, *story;
	enum session_fate fate;
	bool stalled;
	uint32_t pop;
} sessions[] = {
	{ "not touched", "OaaaaaC", FATE_SURVIVED, false, 1 },
	{ "opened too late", "...Oaaa", FATE_NOT_OPEN, false, 0 },
	{ "over before", "OaCOaaa", FATE_NOT_OPEN, false, 0 },
	{ "broken before", "OaR", FATE_NOT_OPEN, false, 0 },
	{ "reset", "Oaa..R", FATE_RESET, false, 1 },
	{ "timed out", "Oaa....T", FATE_TIMED_OUT, false, 1 },
	{ "still waiting", "Oaa....", FATE_UNDECIDED, false, 1 },
	{ "closed while silent", "Oaa..C", FATE_UNDECIDED, false, 1 },
	{ "a gap of three periods is none", "Oaa..aaa", FATE_SURVIVED, false, 1 },
	{ "a gap of four periods", "Oaa...aaa", FATE_SURVIVED, true, 1 },
	{ "carried on by another pop", "Oaa.bbb", FATE_SURVIVED, false, 1 },
	{ "survived, broken after the undo", "Oaa.bb|b.R", FATE_SURVIVED, false, 1 },
	{ "dead, reset after the undo", "Oaa...|..R", FATE_RESET, false, 1 },
	{ "no answer until after the undo", "Oaa....|.aa", FATE_SURVIVED, true, 1 },
	{ "at the other pop", "Obb.R", FATE_RESET, false, 2 },
};

Test(session_fate, stories)
{
	for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++) {
		struct fault_window window = { 300, INT64_MAX, INT64_MAX };
		struct session_event events[32];
		struct session_verdict v;
		int64_t t = 0;
		size_t n = 0;

		for (const char *c = sessions[i].story; *c; c++) {
			static const char steps[] = "O?RTC";
			const char *step = strchr(steps, *c);

			if (*c == '|') {
				window.end_ns = t;
				continue;
			}
			if (*c != '.')
				events[n++] = (struct session_event){
					t, t + 1,
					*c == 'b' || strstr(sessions[i].story, "Ob") ? 2 : 1,
					step ? (enum session_step)(step - steps) : SESSION_HEARTBEAT
				};
			t += STEP;
		}
		v = session_judge(events, n, &window, STEP);
		cr_expect_eq(v.fate, sessions[i].fate, "%s: fate %d", sessions[i].name, v.fate);
		cr_expect_eq(v.stalled, sessions[i].stalled, "%s: stalled", sessions[i].name);
		cr_expect_eq(v.pop, sessions[i].pop, "%s: pop %u", sessions[i].name, v.pop);
	}
}

/* Heartbeats on TCP are answered all at once when the path is back: one gap, not several. */
Test(session_fate, late_answers_together)
{
	struct fault_window window = { 300, 5000, 6000 };
	struct session_event events[] = {
		{ 0, 1, 1, SESSION_OPEN },	    { 200, 210, 1, SESSION_HEARTBEAT },
		{ 400, 900, 1, SESSION_HEARTBEAT }, { 500, 900, 1, SESSION_HEARTBEAT },
		{ 600, 900, 1, SESSION_HEARTBEAT }, { 1000, 1010, 1, SESSION_HEARTBEAT },
	};

	cr_expect(session_judge(events, 6, &window, 100).stalled);
	cr_expect_not(session_judge(events, 6, &window, 300).stalled);
	cr_expect_eq(session_step_parse("timed_out"), SESSION_TIMED_OUT);
	cr_expect_eq(session_step_parse("refused"), SESSION_STEPS);
}
