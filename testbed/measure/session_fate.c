/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/measure/session_fate.h"

#include <string.h>

static const char *const step_names[SESSION_STEPS] = {
	[SESSION_OPEN] = "open",	   [SESSION_HEARTBEAT] = "ok",	[SESSION_RESET] = "reset",
	[SESSION_TIMED_OUT] = "timed_out", [SESSION_CLOSED] = "closed",
};

enum session_step session_step_parse(const char *text)
{
	for (enum session_step s = 0; s < SESSION_STEPS; s++) {
		if (strcmp(text, step_names[s]) == 0)
			return s;
	}
	return SESSION_STEPS;
}

/* What is known of a session while its events pass. */
struct story {
	bool open_before;	/* established before the fault */
	bool over_before;	/* and ended before it */
	bool answered_in_fault; /* a heartbeat planned in the window got its answer */
	bool answered;		/* the same, at any time after the fault */
	int64_t last_answer_ns, longest_gap_ns;
	int64_t period_ns;
	enum session_fate broken; /* FATE_SURVIVED: not broken */
	int64_t broken_ns;
};

static void answered(struct story *s, struct session_verdict *v, const struct session_event *ev,
		     const struct fault_window *w)
{
	if (ev->planned_ns < w->begin_ns)
		v->pop = ev->pop;
	else
		s->answered = true;
	s->answered_in_fault |= ev->planned_ns >= w->begin_ns && ev->completed_ns < w->end_ns;
	/* Several late answers may arrive at once and out of their order. */
	if (ev->completed_ns <= s->last_answer_ns)
		return;
	/* A gap belongs to the fault when at least one beat was missed before the undo. */
	if (ev->completed_ns >= w->begin_ns && s->last_answer_ns + s->period_ns < w->end_ns &&
	    ev->completed_ns - s->last_answer_ns > s->longest_gap_ns)
		s->longest_gap_ns = ev->completed_ns - s->last_answer_ns;
	s->last_answer_ns = ev->completed_ns;
}

static void broken(struct story *s, const struct session_event *ev, const struct fault_window *w,
		   enum session_fate fate)
{
	if (ev->completed_ns < w->begin_ns) {
		s->over_before = true;
	} else if (s->broken == FATE_SURVIVED) {
		s->broken = fate;
		s->broken_ns = ev->completed_ns;
	}
}

static void story_step(struct story *s, struct session_verdict *v, const struct session_event *ev,
		       const struct fault_window *w)
{
	switch (ev->step) {
	case SESSION_OPEN:
		if (ev->completed_ns < w->begin_ns) {
			s->open_before = true;
			s->last_answer_ns = ev->completed_ns;
			v->pop = ev->pop;
		}
		break;
	case SESSION_HEARTBEAT:
		answered(s, v, ev, w);
		break;
	case SESSION_RESET:
		broken(s, ev, w, FATE_RESET);
		break;
	case SESSION_TIMED_OUT:
		broken(s, ev, w, FATE_TIMED_OUT);
		break;
	case SESSION_CLOSED:
		s->over_before |= ev->completed_ns < w->begin_ns;
		break;
	case SESSION_STEPS:
		break;
	}
}

struct session_verdict session_judge(const struct session_event *events, size_t n,
				     const struct fault_window *window, int64_t period_ns)
{
	struct session_verdict v = { 0 };
	struct story s = { .broken = FATE_SURVIVED, .period_ns = period_ns };

	for (size_t i = 0; i < n; i++)
		story_step(&s, &v, &events[i], window);
	if (!s.open_before || s.over_before)
		return (struct session_verdict){ .fate = FATE_NOT_OPEN };
	/*
	 * The fault answers for a break up to its undo, and for a later one as well when the
	 * session had not been answered since the fault: it was dead all the time.
	 */
	if (s.broken != FATE_SURVIVED && (s.broken_ns < window->end_ns || !s.answered_in_fault))
		v.fate = s.broken;
	else
		v.fate = s.answered ? FATE_SURVIVED : FATE_UNDECIDED;
	v.stalled = v.fate == FATE_SURVIVED && s.longest_gap_ns > 3 * period_ns;
	return v;
}
