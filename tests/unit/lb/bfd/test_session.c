/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lb/bfd/session.h"

#define MS 1000 /* microseconds */

static const struct bfd_session_conf fifty = { .desired_min_tx = 50 * MS,
					       .required_min_rx = 50 * MS,
					       .detect_mult = 3 };
/* The peer says, unless told otherwise. */
static const struct bfd_packet words = { .state = BFD_DOWN,
					 .detect_mult = 3,
					 .my_discriminator = 77,
					 .your_discriminator = 1,
					 .desired_min_tx = 50 * MS,
					 .required_min_rx = 50 * MS };

static struct instant at(double ms)
{
	return (struct instant){ (int64_t)(ms * 1e6) };
}

static struct bfd_session fresh(const struct bfd_session_conf *conf)
{
	struct bfd_session s;

	bfd_session_init(&s, conf, 1, 1234, at(0));
	return s;
}

static struct bfd_step hear(struct bfd_session *s, struct bfd_packet packet, double ms)
{
	uint8_t buf[BFD_PACKET_MAX];
	size_t len = bfd_packet_encode(&packet, buf, sizeof(buf));
	enum bfd_discard why;

	return bfd_session_receive(s, &packet, buf, len, at(ms), &why);
}

static struct bfd_step hear_state(struct bfd_session *s, enum bfd_state state, double ms)
{
	struct bfd_packet packet = words;

	packet.state = state;
	return hear(s, packet, ms);
}

static struct bfd_step hear_final(struct bfd_session *s, double ms)
{
	struct bfd_packet packet = words;

	packet.state = BFD_UP;
	packet.final = true;
	return hear(s, packet, ms);
}

/* What it would send now; asserts that it does. */
static struct bfd_packet say(struct bfd_session *s, bool final, double ms)
{
	uint8_t buf[BFD_PACKET_MAX];
	size_t len = bfd_session_packet(s, final, buf, sizeof(buf), at(ms));
	struct bfd_packet packet;

	cr_assert_eq(bfd_packet_decode(&packet, buf, len), BFD_ACCEPTED);
	return packet;
}

/* Up at 0 ms, its poll answered, both at 50 ms times 3. */
static struct bfd_session led_to_up(const struct bfd_session_conf *conf)
{
	struct bfd_session s = fresh(conf);

	say(&s, false, 0);
	hear_state(&s, BFD_INIT, 0);
	cr_assert_eq(s.session_state, BFD_UP);
	say(&s, false, 0);
	hear_final(&s, 0);
	cr_assert(!s.polling);
	return s;
}

static struct bfd_session led_to(enum bfd_state state)
{
	struct bfd_session s = state == BFD_UP ? led_to_up(&fifty) : fresh(&fifty);

	if (state == BFD_INIT)
		hear_state(&s, BFD_DOWN, 0);
	if (state == BFD_ADMIN_DOWN)
		bfd_session_set_admin_down(&s, true, at(0));
	cr_assert_eq(s.session_state, state);
	return s;
}

#define ADM BFD_ADMIN_DOWN
#define DWN BFD_DOWN
#define INI BFD_INIT
#define UPP BFD_UP

Test(bfd_session, every_state_meets_every_state)
{
	/* Section 6.8.6. Rows: ours; columns: what the peer says, AdminDown, Down, Init, Up. */
	static const enum bfd_state table[BFD_STATES][BFD_STATES] = {
		[BFD_ADMIN_DOWN] = { ADM, ADM, ADM, ADM },
		[BFD_DOWN] = { DWN, INI, UPP, DWN },
		[BFD_INIT] = { DWN, INI, UPP, UPP },
		[BFD_UP] = { DWN, DWN, UPP, UPP },
	};

	for (int own = 0; own < BFD_STATES; own++) {
		for (int remote = 0; remote < BFD_STATES; remote++) {
			struct bfd_session s = led_to((enum bfd_state)own);
			struct bfd_step step = hear_state(&s, (enum bfd_state)remote, 1);
			enum bfd_state want = table[own][remote];

			cr_expect_eq(s.session_state, want, "%s hears %s: %s",
				     bfd_state_name((enum bfd_state)own),
				     bfd_state_name((enum bfd_state)remote),
				     bfd_state_name(s.session_state));
			cr_expect_eq(step.changed, want != (enum bfd_state)own);
			cr_expect_eq(step.send, step.changed, "news are told at once");
			if (step.changed)
				cr_expect_eq(s.local_diag, want == BFD_DOWN ? BFD_DIAG_NEIGHBOR_DOWN
									    : BFD_DIAG_NONE);
			if (step.changed)
				cr_expect_eq(step.was, own);
		}
	}
}

Test(bfd_session, silence_in_every_state)
{
	static const enum bfd_state table[BFD_STATES] = { ADM, DWN, DWN, DWN };

	for (int own = 0; own < BFD_STATES; own++) {
		struct bfd_session s = led_to((enum bfd_state)own);
		struct bfd_step step = bfd_session_tick(&s, at(100000));

		cr_expect_eq(s.session_state, table[own], "%d", own);
		cr_expect_eq(step.changed, own == BFD_INIT || own == BFD_UP, "%d", own);
		if (step.changed)
			cr_expect_eq(s.local_diag, BFD_DIAG_DETECTION_TIME_EXPIRED);
	}
}

Test(bfd_session, life_of_a_session_that_is_spoken_to)
{
	struct bfd_session s = fresh(&fifty);
	struct bfd_packet p = say(&s, false, 0);
	struct bfd_step step;

	cr_expect_eq(p.state, BFD_DOWN);
	cr_expect_eq(p.your_discriminator, 0);
	cr_expect_eq(p.desired_min_tx, 1000 * MS, "slow start");
	cr_expect_eq(p.required_min_rx, 50 * MS);
	cr_expect_eq(p.required_min_echo_rx, 0);
	cr_expect(!p.poll && !p.demand && !p.control_plane_independent && !p.authenticated);

	step = hear_state(&s, BFD_DOWN, 10);
	p = say(&s, step.final, 10);
	cr_expect_eq(p.state, BFD_INIT);
	cr_expect_eq(p.your_discriminator, 77);
	cr_expect_eq(p.desired_min_tx, 1000 * MS, "slow until Up");

	step = hear_state(&s, BFD_UP, 20);
	p = say(&s, step.final, 20);
	cr_expect_eq(p.state, BFD_UP);
	cr_expect(p.poll, "the interval has changed");
	cr_expect_eq(p.desired_min_tx, 50 * MS);
	hear_final(&s, 30);
	cr_expect(!say(&s, false, 60).poll);

	/* Silence since 30: with 3 * 50 ms it ends at 180. */
	cr_expect_eq(s.detect.ns, at(180).ns);
	cr_expect(!bfd_session_tick(&s, at(179.999)).changed);
	step = bfd_session_tick(&s, at(180));
	cr_expect(step.changed && step.send && step.was == BFD_UP);
	p = say(&s, step.final, 180);
	cr_expect_eq(p.state, BFD_DOWN);
	cr_expect_eq(p.diag, BFD_DIAG_DETECTION_TIME_EXPIRED);
	cr_expect_eq(p.your_discriminator, 0, "no longer known");
	cr_expect_eq(p.desired_min_tx, 1000 * MS, "slow again");
	cr_expect(!p.poll, "nobody would answer");
}

/* gobgp PR 3483: the remote's multiplier, and the slower of what both agreed to. */
Test(bfd_session, detection_time_is_the_remote_multiplier_by_the_negotiated_interval)
{
	static const struct {
		const char *name;
		uint32_t own_rx;
		uint8_t own_mult;
		uint32_t remote_tx;
		uint8_t remote_mult;
		uint64_t want;
	} rows[] = {
		{ "equal", 50 * MS, 3, 50 * MS, 3, 150 * MS },
		{ "their multiplier, not ours", 50 * MS, 3, 50 * MS, 10, 500 * MS },
		{ "they send slower than we could take", 50 * MS, 3, 400 * MS, 2, 800 * MS },
		{ "they would be quicker than we can take", 300 * MS, 5, 10 * MS, 4, 1200 * MS },
		{ "the largest numbers", UINT32_MAX, 255, UINT32_MAX, 255,
		  255 * (uint64_t)UINT32_MAX },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bfd_session_conf conf = {
			50 * MS, rows[i].own_rx, rows[i].own_mult, 0, { 0 }
		};
		struct bfd_session s = fresh(&conf);
		struct bfd_packet p = words;

		p.desired_min_tx = rows[i].remote_tx;
		p.detect_mult = rows[i].remote_mult;
		hear(&s, p, 0);
		cr_expect_eq(bfd_session_detection_time(&s), rows[i].want, "%s", rows[i].name);
		cr_expect_eq(s.detect.ns, (int64_t)rows[i].want * 1000, "%s", rows[i].name);
	}
}

/* maghemite#798: a peer that is slower than we wish is not one to fight. */
Test(bfd_session, slower_peer_is_followed_and_stays_up)
{
	struct bfd_session s = led_to_up(&fifty);
	struct bfd_packet p = words;

	p.state = BFD_UP;
	p.required_min_rx = 900 * MS;
	p.desired_min_tx = 900 * MS;
	for (double ms = 10; ms < 20000; ms += 900) {
		hear(&s, p, ms);
		cr_assert_eq(s.session_state, BFD_UP);
		cr_assert(!bfd_session_tick(&s, at(ms + 899)).changed);
	}
	cr_expect_eq(bfd_session_tx_interval(&s), 900 * MS);
}

/* 75 to 100 % of the interval, with Detect Mult 1 up to 90 %; both ends are come near to. */
static void check_jitter(uint8_t detect_mult, double least, double most)
{
	struct bfd_session_conf conf = fifty;
	double shortest = 1e9, longest = 0, sum = 0;
	struct bfd_session s;
	double now = 0;

	conf.detect_mult = detect_mult;
	s = led_to_up(&conf);
	for (int i = 0; i < 10000; i++) {
		double gap;

		say(&s, false, now);
		/* Hearing the peer must not roll the dice again. */
		for (int heard = 0; heard < 5; heard++)
			hear_state(&s, BFD_UP, now);
		gap = (double)s.transmit.ns / 1e6 - now;
		shortest = gap < shortest ? gap : shortest;
		longest = gap > longest ? gap : longest;
		sum += gap;
		cr_assert(!bfd_session_tick(&s, at(now + gap - 0.01)).send);
		cr_assert(bfd_session_tick(&s, at(now + gap + 0.01)).send);
		now += 60;
	}
	cr_expect(shortest >= least && shortest < least + 0.1, "%g", shortest);
	cr_expect(longest <= most && longest > most - 0.1, "%g", longest);
	cr_expect_float_eq(sum / 10000, (least + most) / 2, 0.2);
}

Test(bfd_session, jitter)
{
	check_jitter(3, 37.5, 50);
	check_jitter(1, 37.5, 45);
}

Test(bfd_session, slow_start_ends_with_up_only)
{
	struct bfd_session_conf slow = { 3000 * MS, 50 * MS, 3, 0, { 0 } };
	struct bfd_session s = fresh(&fifty);

	for (double ms = 0; ms < 5000; ms += 100) {
		hear_state(&s, BFD_ADMIN_DOWN, ms);
		cr_assert_eq(bfd_session_tx_interval(&s), 1000 * MS);
	}
	s = fresh(&slow);
	cr_expect_eq(say(&s, false, 0).desired_min_tx, 3000 * MS, "no less than wished");
}

Test(bfd_session, answers_a_poll_at_once_and_never_polls_in_the_answer)
{
	struct bfd_session s = led_to(BFD_INIT);
	struct bfd_packet p = words, answer;
	struct instant due;
	struct bfd_step step;

	p.state = BFD_INIT;
	p.poll = true;
	step = hear(&s, p, 5);
	cr_expect(step.send && step.final);
	cr_expect(s.polling, "it came up by this very packet");
	due = s.transmit;
	answer = say(&s, step.final, 5);
	cr_expect(answer.final && !answer.poll);
	cr_expect_eq(answer.state, BFD_UP);
	cr_expect_eq(s.transmit.ns, due.ns, "the periodic one is not put off");
	cr_expect(say(&s, false, 6).poll);
	for (double ms = 7; ms < 10; ms++)
		cr_expect(hear(&s, p, ms).final, "every time");
}

Test(bfd_session, poll_repeats_until_its_final_comes)
{
	struct bfd_session s = led_to(BFD_INIT);

	hear_state(&s, BFD_UP, 0);
	for (double ms = 0; ms < 500; ms += 50) {
		cr_assert(say(&s, false, ms).poll);
		hear_state(&s, BFD_UP, ms);
	}
	hear_final(&s, 500);
	cr_expect(!say(&s, false, 501).poll);
	hear_final(&s, 502);
	cr_expect(!say(&s, false, 503).poll, "a Final without a poll means nothing");
}

/* 6.8.3: longer to send, or shorter to receive, only once the peer knows. */
Test(bfd_session, timers_of_an_up_session_change_by_a_poll)
{
	struct bfd_session_conf slower = { 200 * MS, 50 * MS, 3, 0, { 0 } };
	struct bfd_session_conf keener = { 200 * MS, 10 * MS, 3, 0, { 0 } };
	struct bfd_session s = led_to_up(&fifty);
	struct bfd_packet fast = words;
	struct bfd_step step = bfd_session_set_timers(&s, &slower, at(10));
	struct bfd_packet p = say(&s, false, 10);

	cr_expect(step.send && p.poll);
	cr_expect_eq(p.desired_min_tx, 200 * MS, "said at once");
	cr_expect_eq(bfd_session_tx_interval(&s), 50 * MS, "done when it is known");
	hear_final(&s, 20);
	cr_expect_eq(bfd_session_tx_interval(&s), 200 * MS);

	fast.state = BFD_UP;
	fast.desired_min_tx = 10 * MS;
	hear(&s, fast, 25);
	bfd_session_set_timers(&s, &keener, at(30));
	cr_expect_eq(say(&s, false, 30).required_min_rx, 10 * MS);
	cr_expect_eq(bfd_session_detection_time(&s), 150 * MS, "as before");
	fast.final = true;
	hear(&s, fast, 40);
	cr_expect_eq(bfd_session_detection_time(&s), 30 * MS);

	/* The other ways need no patience: shorter to send, longer to receive. */
	bfd_session_set_timers(&s, &fifty, at(50));
	cr_expect(s.polling);
	cr_expect_eq(bfd_session_tx_interval(&s), 50 * MS);
	cr_expect_eq(bfd_session_detection_time(&s), 150 * MS);
}

Test(bfd_session, change_during_a_poll_is_polled_for_again)
{
	struct bfd_session_conf a = { 200 * MS, 50 * MS, 3, 0, { 0 } };
	struct bfd_session_conf b = { 300 * MS, 50 * MS, 3, 0, { 0 } };
	struct bfd_session s = led_to_up(&fifty);

	bfd_session_set_timers(&s, &a, at(10));
	bfd_session_set_timers(&s, &b, at(11));
	hear_final(&s, 12);
	cr_expect(s.polling, "that was the answer to the first");
	cr_expect_eq(bfd_session_tx_interval(&s), 50 * MS);
	hear_final(&s, 13);
	cr_expect(!s.polling);
	cr_expect_eq(bfd_session_tx_interval(&s), 300 * MS);
}

/* 6.8.3: no longer than the new interval after the last packet. */
Test(bfd_session, shorter_remote_interval_is_honoured_from_the_last_packet_on)
{
	struct bfd_session s = led_to_up(&fifty);
	struct bfd_packet p = words;

	p.state = BFD_UP;
	p.required_min_rx = 2000 * MS;
	hear(&s, p, 0);
	say(&s, false, 0);
	cr_expect_geq(s.transmit.ns, at(1500).ns);
	p.required_min_rx = 50 * MS;
	hear(&s, p, 20);
	cr_expect_leq(s.transmit.ns, at(50).ns);
	p.required_min_rx = 2000 * MS;
	hear(&s, p, 21);
	cr_expect_geq(s.transmit.ns, at(1500).ns, "and a longer one");
}

/* transmit is what lateness is counted from: not before anybody could know of it. */
Test(bfd_session, what_becomes_due_by_a_shorter_interval_is_not_late)
{
	struct bfd_session s = led_to_up(&fifty);
	struct bfd_packet p = words;
	int64_t missed;

	p.state = BFD_UP;
	p.required_min_rx = 2000 * MS;
	hear(&s, p, 0);
	say(&s, false, 0);
	p.required_min_rx = 50 * MS;
	hear(&s, p, 1000);
	cr_expect_eq(s.transmit.ns, at(1000).ns, "%g ms", (double)s.transmit.ns / 1e6);
	hear(&s, p, 1001);
	cr_expect_eq(s.transmit.ns, at(1000).ns, "since then it is due");
	say(&s, false, 1002);
	missed = s.transmit.ns;
	cr_expect_leq(missed, at(1052).ns);
	hear(&s, p, 1100);
	cr_expect_eq(s.transmit.ns, missed, "this one is late");
	p.required_min_rx = 10 * MS;
	hear(&s, p, 1100);
	cr_expect_eq(s.transmit.ns, missed, "by no more than before");
}

Test(bfd_session, peer_that_wants_no_packets_gets_none_but_answers)
{
	struct bfd_session s = led_to_up(&fifty);
	struct bfd_packet p = words;
	struct bfd_step step;

	p.state = BFD_UP;
	p.required_min_rx = 0;
	hear(&s, p, 10);
	cr_expect_eq(s.transmit.ns, INSTANT_NEVER.ns);
	cr_expect(!bfd_session_tick(&s, at(100)).send);
	p.poll = true;
	step = hear(&s, p, 110);
	cr_expect(step.final);
	cr_expect(say(&s, true, 110).final);
	cr_expect_eq(s.transmit.ns, INSTANT_NEVER.ns);
	p.poll = false;
	p.required_min_rx = 50 * MS;
	hear(&s, p, 150);
	cr_expect(bfd_session_tick(&s, at(150)).send, "overdue");
}

Test(bfd_session, peer_in_demand_mode_is_left_in_peace)
{
	struct bfd_session_conf other = fifty;
	struct bfd_session s = led_to_up(&fifty);
	struct bfd_packet p = words;

	p.state = BFD_UP;
	p.demand = true;
	hear(&s, p, 10);
	cr_expect_eq(s.transmit.ns, INSTANT_NEVER.ns);
	cr_expect_eq(s.detect.ns, at(160).ns, "we still listen");
	other.required_min_rx = 100 * MS;
	cr_expect(bfd_session_set_timers(&s, &other, at(20)).send);
	cr_expect(say(&s, false, 20).poll);
	cr_expect_neq(s.transmit.ns, INSTANT_NEVER.ns, "but for a Poll Sequence");
	p.final = true;
	hear(&s, p, 30);
	cr_expect_eq(s.transmit.ns, INSTANT_NEVER.ns);
	p.final = false;
	p.poll = true;
	cr_expect(hear(&s, p, 40).final, "its own polls are answered");
	cr_expect(bfd_session_tick(&s, at(400)).changed);
	cr_expect_neq(s.transmit.ns, INSTANT_NEVER.ns, "demand ends with Up");
}

Test(bfd_session, passive_side_is_mute_until_spoken_to)
{
	struct bfd_session_conf conf = fifty;
	uint8_t buf[BFD_PACKET_MAX];
	struct bfd_session s;

	conf.passive = true;
	s = fresh(&conf);
	cr_expect_eq(bfd_session_deadline(&s).ns, INSTANT_NEVER.ns);
	cr_expect_eq(bfd_session_packet(&s, false, buf, sizeof(buf), at(0)), 0);
	cr_expect(hear_state(&s, BFD_DOWN, 10).send);
	cr_expect_eq(say(&s, false, 10).state, BFD_INIT);
	bfd_session_tick(&s, at(10000));
	cr_expect_eq(s.session_state, BFD_DOWN);
	cr_expect_eq(bfd_session_packet(&s, false, buf, sizeof(buf), at(10000)), 0, "mute again");
}

/* 6.8.16 and RFC 5882, 4.1: told, kept, and no failure; the machine stays until it is ended. */
Test(bfd_session, admin_down_is_told_and_kept)
{
	struct bfd_session s = led_to_up(&fifty);
	struct bfd_step step = bfd_session_set_admin_down(&s, true, at(10));
	struct bfd_packet p = say(&s, step.final, 10);
	enum bfd_discard why;
	uint8_t buf[BFD_PACKET_MAX];

	cr_expect(step.changed && step.send);
	cr_expect_eq(p.state, BFD_ADMIN_DOWN);
	cr_expect_eq(p.diag, BFD_DIAG_ADMIN_DOWN);
	cr_expect_eq(p.desired_min_tx, 1000 * MS);
	bfd_session_receive(&s, &words, buf, bfd_packet_encode(&words, buf, sizeof(buf)), at(20),
			    &why);
	cr_expect_eq(why, BFD_IS_ADMIN_DOWN);
	cr_expect(!bfd_session_set_admin_down(&s, true, at(30)).changed, "twice is once");
	cr_expect(bfd_session_tick(&s, at(1100)).send, "the peer is told on and on");
	cr_expect(bfd_session_set_admin_down(&s, false, at(2000)).changed);
	cr_expect_eq(s.session_state, BFD_DOWN);
	hear_state(&s, BFD_DOWN, 2010);
	cr_expect_eq(s.session_state, BFD_INIT);
}

Test(bfd_session, remote_admin_down_is_known_as_such)
{
	struct bfd_session s = led_to_up(&fifty);

	cr_expect(hear_state(&s, BFD_ADMIN_DOWN, 10).changed);
	cr_expect_eq(s.session_state, BFD_DOWN);
	cr_expect_eq(s.remote_session_state, BFD_ADMIN_DOWN);
	cr_expect(!bfd_session_tick(&s, at(1000)).changed, "its silence is no news then");
}

Test(bfd_session, wrong_key_changes_nothing)
{
	struct bfd_session_conf conf = fifty;
	struct bfd_session s;
	struct instant detect;

	conf.auth = (struct bfd_auth_conf){ BFD_AUTH_METICULOUS_SHA1, 1, "secret" };
	s = fresh(&conf);
	detect = s.detect;
	cr_expect(!hear_state(&s, BFD_DOWN, 5).send);
	cr_expect_eq(s.session_state, BFD_DOWN);
	cr_expect_eq(s.remote_discr, 0);
	cr_expect_eq(s.detect.ns, detect.ns);
}

/* 6.8.1: bfd.AuthSeqKnown ends after twice the Detection Time, so that a peer may begin anew. */
Test(bfd_session, sequence_is_forgotten_after_twice_the_detection_time)
{
	struct bfd_session s = led_to_up(&fifty);

	s.auth.is_known = true;
	hear_state(&s, BFD_UP, 0);
	bfd_session_tick(&s, at(299));
	cr_expect(s.auth.is_known);
	bfd_session_tick(&s, at(300));
	cr_expect(!s.auth.is_known);
	cr_expect_neq(bfd_session_deadline(&s).ns, at(300).ns, "and not again");
}
