/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Life stories of flows under question. What the machine does is written down as a line of words:
 * "ask 0", "release 1 #3" (packet 3 to PoP 1), "learn 1", "learn nowhere", "reset #3".
 */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lb/flow/owner.h"

#define POPS	  3
#define STORY_MAX 4000

struct story {
	struct owner *owner;
	int64_t now_ms;
	uint64_t hints;
	bool is_here;
	char text[STORY_MAX];
	struct owner_answer last[POPS]; /* what to answer with */
};

static struct story s;

__attribute__((format(printf, 1, 2))) static void tell(const char *fmt, ...)
{
	const size_t len = strlen(s.text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(s.text + len, sizeof(s.text) - len, fmt, args);
	va_end(args);
}

static const char *comma(void)
{
	return s.text[0] ? ", " : "";
}

static void on_ask(void *ctx, unsigned pop, uint64_t id, const struct flow_key *key)
{
	(void)ctx;
	tell("%sask %u", comma(), pop);
	s.last[pop] = (struct owner_answer){ .id = id, .key = *key };
}

static void on_release(void *ctx, unsigned pop, const struct owner_packet *packet)
{
	(void)ctx;
	tell("%srelease %u #%u", comma(), pop, packet->bytes[0]);
}

static void on_learn(void *ctx, const struct flow_key *key, unsigned pop, uint32_t ttl_ms)
{
	(void)ctx;
	(void)key;
	if (pop == OWNER_NOWHERE) {
		tell("%slearn nowhere", comma());
		cr_expect_eq(ttl_ms, 1000);
	} else {
		tell("%slearn %u", comma(), pop);
		cr_expect_eq(ttl_ms, OWNER_CACHE_MS);
	}
}

static void on_reset(void *ctx, const struct owner_packet *packet)
{
	(void)ctx;
	tell("%sreset #%u", comma(), packet->bytes[0]);
}

static void on_hint(void *ctx, const struct flow_key *key, uint64_t *bits)
{
	(void)ctx;
	(void)key;
	bits[0] = s.hints;
}

static bool on_is_here(void *ctx, const struct flow_key *key)
{
	(void)ctx;
	(void)key;
	return s.is_here;
}

static const struct owner_ops ops = { on_ask, on_release, on_learn, on_reset, on_hint, on_is_here };

static struct instant now(void)
{
	return (struct instant){ s.now_ms * NS_PER_MS };
}

static struct flow_key flow_of(unsigned n)
{
	struct flow_key key = { .client_port = 1, .proto = 6 };

	key.client[10] = key.client[11] = 0xff;
	key.client[12] = (uint8_t)(10 + (n >> 16));
	key.client[13] = (uint8_t)(n >> 8);
	key.client[14] = (uint8_t)n;
	return key;
}

static void begin_with(const struct owner_conf *conf)
{
	owner_free(s.owner);
	s = (struct story){ .now_ms = 1000000 };
	s.owner = owner_new(conf, &ops, NULL, now());
}

/* Round trips of 20, 40 and 80 ms. */
static void begin(void)
{
	const struct owner_conf conf = owner_conf_default(POPS, 1000);

	begin_with(&conf);
	for (unsigned pop = 0; pop < POPS; pop++)
		owner_pop_live(s.owner, pop, 20000U << pop, now());
}

static enum owner_fate packet_of(unsigned flow, uint8_t number)
{
	const struct owner_packet packet = { flow_of(flow), &number, 1, false, false, false };

	return owner_packet_take(s.owner, &packet, now());
}

static enum owner_fate packet(uint8_t number)
{
	return packet_of(0, number);
}

static void yes(unsigned pop, uint32_t age_ms, uint32_t idle_ms)
{
	s.last[pop].yes = true;
	s.last[pop].age_ms = age_ms;
	s.last[pop].idle_ms = idle_ms;
	owner_answer_take(s.owner, pop, &s.last[pop], now());
}

static void no(unsigned pop)
{
	s.last[pop].yes = false;
	owner_answer_take(s.owner, pop, &s.last[pop], now());
}

/* Steps exactly when the machine wants to be stepped. */
static void after(int64_t ms)
{
	const int64_t end = s.now_ms + ms;

	for (;;) {
		const struct instant due = owner_deadline(s.owner);

		if (due.ns > end * NS_PER_MS)
			break;
		s.now_ms = due.ns / NS_PER_MS > s.now_ms ? due.ns / NS_PER_MS : s.now_ms;
		owner_step(s.owner, now());
		cr_assert_gt(owner_deadline(s.owner).ns, s.now_ms * NS_PER_MS, "time stands still");
	}
	s.now_ms = end;
}

#define EXPECT(story)                                                                              \
	do {                                                                                       \
		cr_expect_str_eq(s.text, story, "\n  seen: %s\n  not:  %s", s.text, story);        \
		s.text[0] = '\0';                                                                  \
	} while (0)

Test(owner, asks_first_who_served_the_network_and_hands_over_in_order)
{
	begin();
	s.hints = 1 << 1;
	cr_expect_eq(packet(1), OWNER_QUEUED);
	EXPECT("ask 1");
	cr_expect_eq(packet(2), OWNER_QUEUED);
	after(10);
	cr_expect_eq(packet(3), OWNER_QUEUED);
	EXPECT("");
	yes(1, 60000, 30);
	EXPECT("release 1 #1, release 1 #2, release 1 #3, learn 1");
	cr_expect_eq(packet(4), OWNER_RELEASED, "on its way to here before the table knew");
	EXPECT("release 1 #4");
	after(600);
	EXPECT("");
	cr_expect_eq(owner_counters(s.owner)->flows, 0);
	cr_expect_eq(owner_counters(s.owner)->asks, 1);
}

Test(owner, asks_the_rest_when_those_had_time_to_answer)
{
	begin();
	s.hints = 1 << 1;
	packet(1);
	EXPECT("ask 1");
	after(19);
	EXPECT("");
	after(1);
	EXPECT("ask 0, ask 2");
	begin();
	s.hints = 1 << 1;
	packet(1);
	after(5);
	no(1);
	EXPECT("ask 1, ask 0, ask 2");
}

Test(owner, asks_all_at_once_if_nobody_served_the_network)
{
	begin();
	packet(1);
	EXPECT("ask 0, ask 1, ask 2");
	after(20);
	no(0);
	after(20);
	yes(1, 500, 10);
	EXPECT("release 1 #1, learn 1");
	no(2);
	after(1000);
	EXPECT("");
}

Test(owner, sixteen_packets_wait_and_the_first_of_them)
{
	begin();
	for (uint8_t i = 1; i <= 16; i++)
		cr_expect_eq(packet(i), OWNER_QUEUED);
	cr_expect_eq(packet(17), OWNER_FULL);
	cr_expect_eq(packet(18), OWNER_FULL);
	s.text[0] = '\0';
	yes(2, 1, 1);
	cr_expect_eq(strncmp(s.text, "release 2 #1, release 2 #2, ", 28), 0, "%s", s.text);
	cr_expect_not_null(strstr(s.text, "release 2 #16, learn 2"), "%s", s.text);
	cr_expect_null(strstr(s.text, "#17"), "%s", s.text);
	cr_expect_eq(owner_counters(s.owner)->packets, 0);
}

Test(owner, nobodys_flow_is_reset_when_everybody_has_said_no)
{
	begin();
	packet(1);
	no(0);
	no(1);
	EXPECT("ask 0, ask 1, ask 2");
	after(30);
	no(2);
	EXPECT("reset #1, learn nowhere");
	cr_expect_eq(packet(2), OWNER_REFUSED, "negative answers live for a while");
	EXPECT("");
}

Test(owner, what_came_after_the_question_is_not_denied_by_its_answers)
{
	begin();
	packet(1);
	after(1);
	packet(2);
	no(0);
	no(1);
	no(2);
	EXPECT("ask 0, ask 1, ask 2, reset #1, learn nowhere");
}

Test(owner, a_reset_and_an_error_are_handed_over_but_not_answered)
{
	const struct owner_packet reset = {
		flow_of(0), (const uint8_t *)"\1", 1, true, false, false
	};
	const struct owner_packet error = {
		flow_of(0), (const uint8_t *)"\2", 1, false, true, false
	};

	begin();
	owner_packet_take(s.owner, &reset, now());
	owner_packet_take(s.owner, &error, now());
	yes(0, 1, 1);
	EXPECT("ask 0, ask 1, ask 2, release 0 #1, release 0 #2, learn 0");
	begin();
	owner_packet_take(s.owner, &reset, now());
	owner_packet_take(s.owner, &error, now());
	for (unsigned pop = 0; pop < POPS; pop++)
		no(pop);
	EXPECT("ask 0, ask 1, ask 2, learn nowhere");
}

Test(owner, the_younger_of_two_wins)
{
	begin();
	packet(1);
	yes(0, 90000, 60000);
	after(10);
	yes(1, 80000, 70000);
	EXPECT("ask 0, ask 1, ask 2");
	no(2);
	EXPECT("release 1 #1, learn 1");
	begin();
	packet(1);
	yes(0, 80000, 70000);
	after(10);
	yes(1, 90000, 60000);
	no(2);
	EXPECT("ask 0, ask 1, ask 2, release 0 #1, learn 0");
}

Test(owner, a_younger_one_that_is_heard_of_later_takes_over)
{
	begin();
	packet(1);
	yes(0, 90000, 10);
	EXPECT("ask 0, ask 1, ask 2, release 0 #1, learn 0");
	yes(2, 95000, 10);
	EXPECT("");
	yes(1, 500, 10);
	EXPECT("learn 1");
	packet(2);
	EXPECT("release 1 #2");
	cr_expect_eq(owner_counters(s.owner)->moved, 1);
}

/* A SYN takes the flow; a forged one does not take a connection that goes on being used. */
Test(owner, a_half_open_one_wins_unless_the_other_was_used_since)
{
	static const struct {
		const char *name;
		uint32_t half_age, age, idle;
		bool half_wins;
	} rows[] = {
		{ "opened again", 300, 9000000, 80000, true },
		{ "used since", 30000, 9000000, 20000, false },
		{ "in use", 300, 9000000, 20, false },
		{ "ending", 300, 9000000, UINT32_MAX, true },
	};

	/* Either may be either PoP's, and be heard first. */
	for (size_t i = 0; i < 4 * sizeof(rows) / sizeof(*rows); i++) {
		const unsigned half = i & 1;
		const size_t row = i / 4;

		begin();
		packet(1);
		no(2);
		s.text[0] = '\0';
		if (i & 2)
			yes(half, OWNER_HALF_OPEN_MS + rows[row].half_age, UINT32_MAX);
		yes(!half, rows[row].age, rows[row].idle);
		if (!(i & 2))
			yes(half, OWNER_HALF_OPEN_MS + rows[row].half_age, UINT32_MAX);
		cr_expect_str_eq(s.text,
				 (rows[row].half_wins ? half : !half) ? "release 1 #1, learn 1"
								      : "release 0 #1, learn 0",
				 "%s: %s", rows[row].name, s.text);
	}
	begin();
	packet(1);
	yes(0, OWNER_HALF_OPEN_MS + 300, UINT32_MAX);
	yes(1, OWNER_HALF_OPEN_MS + 200, UINT32_MAX);
	no(2);
	EXPECT("ask 0, ask 1, ask 2, release 1 #1, learn 1");
}

Test(owner, what_is_cut_is_not_handed_over)
{
	const struct owner_packet cut = {
		flow_of(0), (const uint8_t *)"\2", 1, false, false, true
	};

	begin();
	packet(1);
	owner_packet_take(s.owner, &cut, now());
	packet(3);
	yes(0, 1, 1);
	owner_packet_take(s.owner, &cut, now());
	EXPECT("ask 0, ask 1, ask 2, release 0 #1, release 0 #3, learn 0");
}

/* The one that was asked first may have a relic: everybody else is heard, without more waiting. */
Test(owner, an_idle_one_waits_for_the_others)
{
	begin();
	s.hints = 1 << 0;
	packet(1);
	EXPECT("ask 0");
	after(4);
	yes(0, 90000, OWNER_FRESH_MS);
	EXPECT("ask 1, ask 2");
	no(1);
	EXPECT("");
	no(2);
	EXPECT("release 0 #1, learn 0");
}

Test(owner, an_idle_one_also_waits_until_the_dead_are_so_for_long_enough)
{
	begin();
	owner_pop_dead(s.owner, 2, now());
	after(400);
	packet(1);
	yes(0, 90000, 60000);
	no(1);
	EXPECT("ask 0, ask 1");
	after(599);
	EXPECT("");
	after(1);
	EXPECT("release 0 #1, learn 0");
}

/* Not to answer is no no; but who never served the client's network need not be heard for ever. */
Test(owner, who_is_silent_keeps_an_idle_one_waiting_only_if_it_served_the_network)
{
	for (int hinted = 0; hinted < 2; hinted++) {
		begin();
		s.hints = hinted ? 1 << 2 : 0;
		packet(1);
		after(30);
		yes(0, 90000, 60000);
		no(1);
		after(900);
		if (hinted)
			EXPECT("ask 2, ask 0, ask 1, ask 2, ask 2, ask 2");
		else
			EXPECT("ask 0, ask 1, ask 2, ask 2, ask 2, ask 2, release 0 #1, learn 0");
	}
}

Test(owner, who_does_not_answer_is_asked_again_and_then_the_flow_is_forgotten)
{
	begin();
	packet(1);
	no(0);
	no(1);
	EXPECT("ask 0, ask 1, ask 2");
	after(159);
	EXPECT("");
	after(1);
	EXPECT("ask 2");
	after(160);
	EXPECT("ask 2");
	after(160);
	EXPECT("ask 2");
	after(160);
	EXPECT("");
	cr_expect_eq(owner_counters(s.owner)->unclear, 1);
	cr_expect_eq(owner_counters(s.owner)->packets, 0);
	packet(2);
	EXPECT("ask 0, ask 1, ask 2");
}

Test(owner, an_answer_to_an_earlier_try_counts)
{
	struct owner_answer early;

	begin();
	packet(1);
	early = s.last[0];
	no(1);
	no(2);
	after(60);
	packet(2);
	after(5);
	EXPECT("ask 0, ask 1, ask 2, ask 0");
	owner_answer_take(s.owner, 0, &early, now());
	EXPECT("reset #1, learn nowhere");
}

Test(owner, who_has_just_died_has_not_said_no)
{
	begin();
	owner_pop_dead(s.owner, 1, now());
	after(300);
	packet(1);
	no(0);
	no(2);
	EXPECT("ask 0, ask 2");
	after(699);
	EXPECT("");
	after(1);
	EXPECT("reset #1, learn nowhere");
}

Test(owner, who_dies_while_being_asked_is_waited_for)
{
	begin();
	packet(1);
	no(0);
	no(2);
	after(20);
	owner_pop_dead(s.owner, 1, now());
	after(999);
	EXPECT("ask 0, ask 1, ask 2");
	after(1);
	EXPECT("reset #1, learn nowhere");
}

Test(owner, who_comes_to_life_is_asked)
{
	begin();
	owner_pop_dead(s.owner, 1, now());
	after(300);
	packet(1);
	no(0);
	no(2);
	EXPECT("ask 0, ask 2");
	after(300);
	owner_pop_live(s.owner, 1, 40000, now());
	EXPECT("ask 1");
	after(30);
	yes(1, 50000, 2000);
	EXPECT("release 1 #1, learn 1");
}

Test(owner, who_has_been_dead_for_long_is_not_waited_for)
{
	begin();
	owner_pop_dead(s.owner, 0, now());
	owner_pop_dead(s.owner, 1, now());
	owner_pop_dead(s.owner, 2, now());
	after(999);
	packet(1);
	EXPECT("");
	after(1);
	EXPECT("reset #1, learn nowhere");
}

Test(owner, nothing_is_known_at_first_so_that_nothing_is_reset)
{
	const struct owner_conf conf = owner_conf_default(POPS, 1000);

	begin_with(&conf);
	packet(1);
	after(999);
	EXPECT("");
	after(1);
	EXPECT("reset #1, learn nowhere");
	begin_with(&conf);
	packet(1);
	owner_pop_live(s.owner, 2, 10000, now());
	EXPECT("ask 2");
	yes(2, 10, 10);
	EXPECT("release 2 #1, learn 2");
}

Test(owner, who_restarts_is_waited_for_and_then_asked)
{
	begin();
	owner_pop_restarting(s.owner, 0, instant_after_ms(now(), 2000), now());
	packet(1);
	no(1);
	no(2);
	EXPECT("ask 1, ask 2");
	after(1900);
	EXPECT("");
	owner_pop_live(s.owner, 0, 20000, now());
	EXPECT("ask 0");
	yes(0, 50000, 2000);
	EXPECT("release 0 #1, learn 0");
}

Test(owner, who_said_it_restarts_and_does_not_is_dead_from_then_on)
{
	begin();
	owner_pop_restarting(s.owner, 0, instant_after_ms(now(), 500), now());
	packet(1);
	no(1);
	no(2);
	after(700);
	owner_pop_dead(s.owner, 0, now());
	after(799);
	EXPECT("ask 1, ask 2");
	after(1);
	EXPECT("reset #1, learn nowhere");
}

Test(owner, a_question_ends_though_nothing_becomes_clear)
{
	begin();
	owner_pop_restarting(s.owner, 0, instant_after_ms(now(), 30000), now());
	packet(1);
	no(1);
	no(2);
	EXPECT("ask 1, ask 2");
	after(4000);
	EXPECT("");
	cr_expect_eq(owner_counters(s.owner)->unclear, 1);
	cr_expect_eq(owner_counters(s.owner)->flows, 0);
}

/* The client takes a reset for its newest acknowledgment; so the others are asked about that, too.
 */
Test(owner, the_newest_packet_is_answered_when_the_dead_were_waited_for)
{
	begin();
	owner_pop_dead(s.owner, 1, now());
	packet(1);
	no(0);
	no(2);
	EXPECT("ask 0, ask 2");
	after(800);
	packet(2);
	after(114);
	EXPECT("");
	after(1);
	EXPECT("ask 0, ask 2");
	after(20);
	no(0);
	after(60);
	no(2);
	after(4);
	EXPECT("");
	after(1);
	EXPECT("reset #1, reset #2, learn nowhere");
	begin();
	owner_pop_dead(s.owner, 1, now());
	packet(1);
	no(0);
	no(2);
	after(800);
	packet(2);
	after(150);
	no(0);
	after(50);
	EXPECT("ask 0, ask 2, ask 0, ask 2, reset #1, learn nowhere");
}

Test(owner, a_yes_of_who_has_died_since_is_void)
{
	begin();
	packet(1);
	yes(0, 90000, 60000);
	after(5);
	owner_pop_dead(s.owner, 0, now());
	no(1);
	no(2);
	after(999);
	EXPECT("ask 0, ask 1, ask 2");
	after(1);
	EXPECT("reset #1, learn nowhere");
}

Test(owner, a_syn_takes_the_flow)
{
	const struct flow_key key = flow_of(0);

	begin();
	packet(1);
	EXPECT("ask 0, ask 1, ask 2");
	owner_flow_taken(s.owner, &key);
	yes(1, 10, 10);
	after(2000);
	EXPECT("");
	cr_expect_eq(owner_counters(s.owner)->strays, 1);
	cr_expect_eq(owner_counters(s.owner)->packets, 0);
	for (int answer = 0; answer < 2; answer++) {
		begin();
		packet(1);
		s.is_here = true;
		for (unsigned pop = 0; pop < POPS; pop++)
			answer ? yes(pop, 10, 10) : no(pop);
		EXPECT("ask 0, ask 1, ask 2");
		cr_expect_eq(owner_counters(s.owner)->taken_here, 1);
		cr_expect_eq(owner_counters(s.owner)->packets, 0);
	}
}

Test(owner, a_syn_takes_a_settled_flow_and_one_that_was_nobodys)
{
	const struct flow_key key = flow_of(0);

	for (int settled = 0; settled < 2; settled++) {
		begin();
		packet(1);
		for (unsigned pop = 0; pop < POPS; pop++)
			settled ? yes(pop, 10, 10) : no(pop);
		owner_flow_taken(s.owner, &key);
		cr_expect_eq(owner_counters(s.owner)->flows, 0);
		s.text[0] = '\0';
		packet(2);
		EXPECT("ask 0, ask 1, ask 2");
	}
}

Test(owner, who_says_the_flow_is_gone_gets_no_more_of_it)
{
	const struct flow_key key = flow_of(0);

	begin();
	packet(1);
	yes(1, 10, 10);
	EXPECT("ask 0, ask 1, ask 2, release 1 #1, learn 1");
	owner_flow_gone(s.owner, 0, &key);
	packet(2);
	EXPECT("release 1 #2");
	owner_flow_gone(s.owner, 1, &key);
	packet(3);
	EXPECT("ask 0, ask 1, ask 2");
}

Test(owner, an_owner_that_is_heard_of_after_the_reset_is_learnt)
{
	begin();
	owner_pop_dead(s.owner, 1, now());
	after(1000);
	packet(1);
	no(0);
	EXPECT("ask 0, ask 2");
	owner_answer_take(s.owner, 1, &s.last[0], now());
	cr_expect_eq(owner_counters(s.owner)->strays, 1, "it was not asked");
	no(2);
	EXPECT("reset #1, learn nowhere");
	yes(2, 10, 10);
	EXPECT("learn 2");
	packet(2);
	EXPECT("release 2 #2");
}

Test(owner, answers_to_no_question_are_strays)
{
	struct owner_answer answer;

	begin();
	packet(1);
	s.text[0] = '\0';
	for (int row = 0; row < 6; row++) {
		answer = s.last[0];
		answer.yes = true;
		answer.id += row == 0 ? 1 : 0;
		answer.id += row == 1 ? 1ULL << 28 : 0;
		answer.id += row == 2 ? 1ULL << 44 : 0;
		answer.id ^= row == 3 ? UINT64_MAX : 0;
		answer.key.vip_port += row == 4;
		owner_answer_take(s.owner, row == 5 ? POPS : 0, &answer, now());
		EXPECT("");
		cr_expect_eq(owner_counters(s.owner)->strays, (unsigned)row + 1, "row %d", row);
	}
}

Test(owner, without_other_pops_nobody_has_it)
{
	const struct owner_conf conf = owner_conf_default(0, 1000);

	begin_with(&conf);
	packet(1);
	EXPECT("reset #1, learn nowhere");
}

Test(owner, too_long_a_packet_is_dropped)
{
	static const uint8_t bytes[3000];
	struct owner_packet packet = { flow_of(0), bytes, 2049, false, false, false };

	begin();
	cr_expect_eq(owner_packet_take(s.owner, &packet, now()), OWNER_TOO_LONG);
	packet.len--;
	cr_expect_eq(owner_packet_take(s.owner, &packet, now()), OWNER_QUEUED);
	cr_expect_eq(owner_counters(s.owner)->fates[OWNER_TOO_LONG], 1);
}

Test(owner, a_network_that_asks_too_much_is_limited_and_others_are_not)
{
	struct owner_conf conf = owner_conf_default(POPS, 1000);
	struct flow_key key = flow_of(0);
	struct owner_packet packet = { key, (const uint8_t *)"\1", 1, false, false, false };

	conf.network = (struct bucket_rate){ 10, 20 };
	begin_with(&conf);
	for (unsigned i = 0; i < 30; i++) {
		packet.key.client[15] = (uint8_t)i;
		cr_expect_eq(owner_packet_take(s.owner, &packet, now()),
			     i < 20 ? OWNER_QUEUED : OWNER_LIMITED, "packet %u", i);
	}
	cr_expect_eq(packet_of(1, 1), OWNER_QUEUED);
	after(200);
	packet.key.client[15] = 77;
	cr_expect_eq(owner_packet_take(s.owner, &packet, now()), OWNER_QUEUED);
}

/* Unknown flows without end; then one whose client some PoP knows. */
Test(owner, a_flood_fills_neither_memory_nor_the_mesh)
{
	struct owner_conf conf = owner_conf_default(POPS, 1000);
	const struct owner_counters *counters;
	unsigned seconds = 5, hinted = 0;
	uint64_t most;

	conf.flows = 64;
	conf.packets = 100;
	conf.messages = (struct bucket_rate){ 300, 600 };
	begin_with(&conf);
	for (unsigned pop = 0; pop < POPS; pop++)
		owner_pop_live(s.owner, pop, 20000, now());
	most = conf.messages.burst + conf.messages.per_second * seconds;
	for (unsigned i = 0; i < 100000; i++) {
		packet_of(i, 1);
		packet_of(i, 2);
		counters = owner_counters(s.owner);
		cr_assert_leq(counters->flows, 48, "the last quarter is kept");
		cr_assert_leq(counters->packets, 75);
		if (i % 20 == 19) {
			s.text[0] = '\0';
			after(1);
		}
	}
	cr_expect_leq(counters->asks, most, "%lu asks", counters->asks);
	cr_expect_gt(counters->fates[OWNER_BUSY], 90000);
	s.hints = 1;
	for (unsigned i = 0; i < 10; i++)
		hinted += packet_of(200000 + i, 1) == OWNER_QUEUED;
	cr_expect_eq(hinted, 10, "%u clients that are known", hinted);
}

Test(owner, what_is_decided_makes_room)
{
	struct owner_conf conf = owner_conf_default(1, 1000);

	conf.flows = 4;
	begin_with(&conf);
	owner_pop_live(s.owner, 0, 20000, now());
	for (unsigned i = 0; i < 100; i++) {
		cr_assert_eq(packet_of(i, 1), OWNER_QUEUED, "flow %u", i);
		yes(0, 10, 10);
		s.text[0] = '\0';
	}
	cr_expect_leq(owner_counters(s.owner)->flows, 3);
	cr_expect_eq(owner_counters(s.owner)->settled, 100);
}

Test(owner, a_question_without_tokens_is_put_off)
{
	struct owner_conf conf = owner_conf_default(POPS, 1000);

	conf.messages = (struct bucket_rate){ 100, 12 };
	begin_with(&conf);
	for (unsigned pop = 0; pop < POPS; pop++)
		owner_pop_live(s.owner, pop, 20000, now());
	s.hints = 7;
	for (unsigned i = 0; i < 4; i++)
		cr_expect_eq(packet_of(i, 1), OWNER_QUEUED);
	cr_expect_eq(packet_of(4, 1), OWNER_BUSY);
	s.hints = 0;
	s.text[0] = '\0';
	after(49);
	EXPECT("");
	cr_expect_eq(owner_counters(s.owner)->starved, 0);
	after(20);
	cr_expect_gt(owner_counters(s.owner)->starved, 0);
	after(100);
	cr_expect_gt(owner_counters(s.owner)->retries, 0);
}
