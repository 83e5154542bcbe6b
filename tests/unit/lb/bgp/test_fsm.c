/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lb/bgp/fsm.h"

#define OPEN	BGP_SEND_OPEN
#define KEEP	BGP_SEND_KEEPALIVE
#define NOTE	BGP_SEND_NOTIFICATION
#define UP	BGP_SESSION_UP
#define DOWN	BGP_SESSION_DOWN
#define CLOSE	BGP_TCP_CLOSE
#define CONNECT BGP_TCP_CONNECT
#define HOLD	9
#define RETRY	20
#define FAR	1000 /* seconds: past every timer */

static struct bgp_actions step_at(struct bgp_fsm *fsm, double second, enum bgp_event_type type)
{
	struct bgp_event ev = { .type = type,
				.now = { (int64_t)(second * 1e9) },
				.hold_time = HOLD };

	if (type == BGP_EVENT_STOP)
		ev.error = bgp_error_cease(BGP_CEASE_SHUTDOWN, NULL);
	if (type == BGP_EVENT_BAD_MESSAGE)
		ev.error = bgp_error_make(BGP_ERR_UPDATE, 1, NULL, 0);
	return bgp_fsm_step(fsm, &ev);
}

static void init(struct bgp_fsm *fsm, bool dials)
{
	struct bgp_fsm_conf conf = {
		.dials = dials, .hold_time = 90, .connect_retry = RETRY, .seed = 1
	};

	bgp_fsm_init(fsm, &conf);
}

/* A machine that was led to this state by time 0. */
static void lead_to(struct bgp_fsm *fsm, enum bgp_state state)
{
	init(fsm, true);
	if (state == BGP_IDLE)
		return;
	step_at(fsm, 0, BGP_EVENT_START);
	if (state == BGP_ACTIVE)
		step_at(fsm, 0, BGP_EVENT_TCP_DOWN);
	if (state >= BGP_OPEN_SENT)
		step_at(fsm, 0, BGP_EVENT_TCP_UP);
	if (state >= BGP_OPEN_CONFIRM)
		step_at(fsm, 0, BGP_EVENT_OPEN);
	if (state >= BGP_ESTABLISHED)
		step_at(fsm, 0, BGP_EVENT_KEEPALIVE);
	cr_assert_eq(fsm->state, state);
}

struct cell {
	enum bgp_state next;
	unsigned set;
	uint8_t code, subcode; /* with NOTE */
};

#define IDL	  BGP_IDLE
#define CON	  BGP_CONNECT
#define ACT	  BGP_ACTIVE
#define SNT	  BGP_OPEN_SENT
#define CNF	  BGP_OPEN_CONFIRM
#define EST	  BGP_ESTABLISHED
#define FIN	  CLOSE, 0, 0 /* closed without a word */
#define ERR(c, s) NOTE | CLOSE, c, s
#define DWN(c, s) NOTE | DOWN | CLOSE, c, s

/* clang-format off */
/* Rows: events in their order; columns: states in theirs. TICK comes when all timers are past. */
static const struct cell table[BGP_EVENTS][BGP_STATES] = {
	/*                          Idle           Connect                Active           OpenSent               OpenConfirm            Established */
	[BGP_EVENT_START] =         { { CON, CONNECT, 0, 0 }, { CON, 0, 0, 0 }, { ACT, 0, 0, 0 }, { SNT, 0, 0, 0 }, { CNF, 0, 0, 0 }, { EST, 0, 0, 0 } },
	[BGP_EVENT_STOP] =          { { IDL, 0, 0, 0 }, { IDL, FIN }, { IDL, 0, 0, 0 }, { IDL, ERR(6, 2) }, { IDL, ERR(6, 2) }, { IDL, DWN(6, 2) } },
	[BGP_EVENT_TICK] =          { { IDL, 0, 0, 0 }, { CON, CLOSE | CONNECT, 0, 0 }, { CON, CONNECT, 0, 0 }, { IDL, ERR(4, 0) }, { IDL, ERR(4, 0) }, { IDL, DWN(4, 0) } },
	[BGP_EVENT_TCP_UP] =        { { IDL, 0, 0, 0 }, { SNT, OPEN, 0, 0 }, { SNT, OPEN, 0, 0 }, { SNT, 0, 0, 0 }, { CNF, 0, 0, 0 }, { EST, 0, 0, 0 } },
	[BGP_EVENT_TCP_DOWN] =      { { IDL, 0, 0, 0 }, { ACT, FIN }, { ACT, 0, 0, 0 }, { IDL, FIN }, { IDL, FIN }, { IDL, DOWN | CLOSE, 0, 0 } },
	[BGP_EVENT_OPEN] =          { { IDL, 0, 0, 0 }, { CON, 0, 0, 0 }, { ACT, 0, 0, 0 }, { CNF, KEEP, 0, 0 }, { IDL, ERR(5, 2) }, { IDL, DWN(5, 3) } },
	[BGP_EVENT_KEEPALIVE] =     { { IDL, 0, 0, 0 }, { CON, 0, 0, 0 }, { ACT, 0, 0, 0 }, { IDL, ERR(5, 1) }, { EST, UP, 0, 0 }, { EST, 0, 0, 0 } },
	[BGP_EVENT_UPDATE] =        { { IDL, 0, 0, 0 }, { CON, 0, 0, 0 }, { ACT, 0, 0, 0 }, { IDL, ERR(5, 1) }, { IDL, ERR(5, 2) }, { EST, 0, 0, 0 } },
	[BGP_EVENT_ROUTE_REFRESH] = { { IDL, 0, 0, 0 }, { CON, 0, 0, 0 }, { ACT, 0, 0, 0 }, { IDL, ERR(5, 1) }, { IDL, ERR(5, 2) }, { EST, 0, 0, 0 } },
	[BGP_EVENT_NOTIFICATION] =  { { IDL, 0, 0, 0 }, { CON, 0, 0, 0 }, { ACT, 0, 0, 0 }, { IDL, FIN }, { IDL, FIN }, { IDL, DOWN | CLOSE, 0, 0 } },
	[BGP_EVENT_BAD_MESSAGE] =   { { IDL, 0, 0, 0 }, { CON, 0, 0, 0 }, { ACT, 0, 0, 0 }, { IDL, ERR(3, 1) }, { IDL, ERR(3, 1) }, { IDL, DWN(3, 1) } },
	[BGP_EVENT_COLLISION] =     { { IDL, 0, 0, 0 }, { IDL, FIN }, { IDL, 0, 0, 0 }, { IDL, ERR(6, 7) }, { IDL, ERR(6, 7) }, { IDL, DWN(6, 7) } },
	[BGP_EVENT_WRITE_BLOCKED] = { { IDL, 0, 0, 0 }, { CON, 0, 0, 0 }, { ACT, 0, 0, 0 }, { SNT, 0, 0, 0 }, { CNF, 0, 0, 0 }, { EST, 0, 0, 0 } },
	[BGP_EVENT_WRITE_DONE] =    { { IDL, 0, 0, 0 }, { CON, 0, 0, 0 }, { ACT, 0, 0, 0 }, { SNT, 0, 0, 0 }, { CNF, 0, 0, 0 }, { EST, 0, 0, 0 } },
	[BGP_EVENT_BFD_DOWN] =      { { IDL, 0, 0, 0 }, { CON, 0, 0, 0 }, { ACT, 0, 0, 0 }, { IDL, ERR(6, 10) }, { IDL, ERR(6, 10) }, { IDL, DWN(6, 10) } },
};
/* clang-format on */

Test(bgp_fsm, every_state_and_event)
{
	for (int type = 0; type < BGP_EVENTS; type++) {
		for (int state = 0; state < BGP_STATES; state++) {
			const struct cell *want = &table[type][state];
			struct bgp_fsm fsm;
			struct bgp_actions act;

			lead_to(&fsm, state);
			act = step_at(&fsm, type == BGP_EVENT_TICK ? FAR : 1, type);
			cr_expect_eq(fsm.state, want->next, "event %d in %s leads to %s", type,
				     bgp_state_name(state), bgp_state_name(fsm.state));
			cr_expect_eq(act.set, want->set, "event %d in %s: actions %#x", type,
				     bgp_state_name(state), act.set);
			cr_expect_eq(act.notification.code, want->code, "event %d in %s", type,
				     bgp_state_name(state));
			cr_expect_eq(act.notification.subcode, want->subcode, "event %d in %s",
				     type, bgp_state_name(state));
			cr_expect_eq(!(act.set & CLOSE), !act.reason, "event %d in %s: reason",
				     type, bgp_state_name(state));
		}
	}
}

/* A machine always has a timer running, unless stopped, passive, or agreed on no hold time. */
Test(bgp_fsm, never_stuck)
{
	for (int type = 0; type < BGP_EVENTS; type++) {
		for (int state = BGP_CONNECT; state < BGP_STATES; state++) {
			struct bgp_fsm fsm;

			lead_to(&fsm, state);
			step_at(&fsm, 1, type);
			cr_expect_eq(bgp_fsm_deadline(&fsm).ns == INSTANT_NEVER.ns,
				     type == BGP_EVENT_STOP, "event %d in state %d", type, state);
		}
	}
}

static double deadline_s(const struct bgp_fsm *fsm)
{
	return (double)bgp_fsm_deadline(fsm).ns / 1e9;
}

Test(bgp_fsm, comes_up_and_expires)
{
	struct bgp_fsm fsm;

	init(&fsm, true);
	cr_expect_eq(step_at(&fsm, 0, BGP_EVENT_START).set, CONNECT);
	cr_expect_eq(step_at(&fsm, 1, BGP_EVENT_TCP_UP).set, OPEN);
	cr_expect_eq(deadline_s(&fsm), 241, "the large hold time of OpenSent");
	cr_expect_eq(step_at(&fsm, 2, BGP_EVENT_OPEN).set, KEEP);
	cr_expect_eq(fsm.hold_time, HOLD, "the smaller of both");
	cr_expect_eq(fsm.keepalive_time, HOLD / 3);
	cr_expect_eq(step_at(&fsm, 3, BGP_EVENT_KEEPALIVE).set, UP);
	cr_expect_geq(deadline_s(&fsm), 2 + 3 * 0.75, "jitter");
	cr_expect_leq(deadline_s(&fsm), 2 + 3);
	cr_expect_eq(step_at(&fsm, 5, BGP_EVENT_TICK).set, KEEP);
	cr_expect_eq(step_at(&fsm, 12, BGP_EVENT_TICK).set, NOTE | DOWN | CLOSE);
	cr_expect_leq(deadline_s(&fsm), 13, "the first retry is fast");
	cr_expect_eq(step_at(&fsm, 13, BGP_EVENT_TICK).set, CONNECT);
}

Test(bgp_fsm, hold_time_zero_means_no_keepalives)
{
	struct bgp_fsm fsm;
	struct bgp_event open = { .type = BGP_EVENT_OPEN, .hold_time = 0 };

	lead_to(&fsm, BGP_OPEN_SENT);
	bgp_fsm_step(&fsm, &open);
	step_at(&fsm, 1, BGP_EVENT_KEEPALIVE);
	cr_expect_eq(fsm.state, BGP_ESTABLISHED);
	cr_expect_eq(bgp_fsm_deadline(&fsm).ns, INSTANT_NEVER.ns);
	step_at(&fsm, 2, BGP_EVENT_WRITE_BLOCKED);
	cr_expect_eq(step_at(&fsm, 1e6, BGP_EVENT_TICK).set, 0);
}

/* RFC 9687: eight minutes, though the hold time is short. */
Test(bgp_fsm, send_hold_timer)
{
	struct bgp_fsm fsm;
	struct bgp_actions act;

	lead_to(&fsm, BGP_ESTABLISHED);
	step_at(&fsm, 1, BGP_EVENT_WRITE_BLOCKED);
	for (int second = 2; second < 481; second++) {
		step_at(&fsm, second, BGP_EVENT_KEEPALIVE);
		cr_assert_eq(step_at(&fsm, second, BGP_EVENT_TICK).set & CLOSE, 0);
	}
	step_at(&fsm, 481, BGP_EVENT_KEEPALIVE);
	act = step_at(&fsm, 481, BGP_EVENT_TICK);
	cr_expect_eq(act.set, NOTE | DOWN | CLOSE);
	cr_expect_eq(act.notification.code, BGP_ERR_SEND_HOLD_TIMER);
}

/* Failing again and again: 1, 2, 4 ... seconds, no more than connect_retry; then forgiven. */
Test(bgp_fsm, damping)
{
	static const double most[] = { 1, 2, 4, 8, 16, 20, 20 };
	struct bgp_fsm fsm;
	double now = 0;

	init(&fsm, true);
	step_at(&fsm, now, BGP_EVENT_START);
	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		step_at(&fsm, now, BGP_EVENT_TCP_UP);
		step_at(&fsm, now, BGP_EVENT_NOTIFICATION);
		cr_expect_leq(deadline_s(&fsm) - now, most[i], "failure %zu", i);
		cr_expect_geq(deadline_s(&fsm) - now, most[i] * 0.74, "failure %zu", i);
		now = deadline_s(&fsm) + 0.001;
		cr_assert_eq(step_at(&fsm, now, BGP_EVENT_TICK).set, CONNECT);
	}
	step_at(&fsm, now, BGP_EVENT_TCP_UP);
	step_at(&fsm, now, BGP_EVENT_OPEN);
	step_at(&fsm, now, BGP_EVENT_KEEPALIVE);
	now += 61;
	step_at(&fsm, now, BGP_EVENT_TCP_DOWN);
	cr_expect_leq(deadline_s(&fsm) - now, 1, "it had lasted");
}

Test(bgp_fsm, passive_waits_and_takes_even_when_held_back)
{
	struct bgp_fsm fsm;

	init(&fsm, false);
	cr_expect_eq(step_at(&fsm, 0, BGP_EVENT_TCP_UP).set, 0, "not started");
	cr_expect_eq(step_at(&fsm, 0, BGP_EVENT_START).set, 0);
	cr_expect_eq(fsm.state, BGP_ACTIVE);
	cr_expect_eq(step_at(&fsm, FAR, BGP_EVENT_TICK).set, 0, "never dials");
	cr_expect_eq(step_at(&fsm, FAR, BGP_EVENT_TCP_UP).set, OPEN);
	step_at(&fsm, FAR, BGP_EVENT_TCP_DOWN);
	cr_expect_eq(fsm.state, BGP_IDLE);
	cr_expect_eq(step_at(&fsm, FAR, BGP_EVENT_TCP_UP).set, OPEN);
}

/* STOP is final in every state: nothing may dial again but START. */
Test(bgp_fsm, stop_disarms)
{
	for (int state = 0; state < BGP_STATES; state++) {
		struct bgp_fsm fsm;

		lead_to(&fsm, state);
		step_at(&fsm, 1, BGP_EVENT_STOP);
		cr_expect_not(bgp_fsm_is_started(&fsm));
		cr_expect_eq(step_at(&fsm, FAR, BGP_EVENT_TICK).set, 0);
		cr_expect_eq(step_at(&fsm, FAR, BGP_EVENT_START).set, CONNECT);
	}
}
