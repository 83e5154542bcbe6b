/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/dataplane/presence.h"

#define LOOK_MIN_MS 10
#define LOOK_MAX_MS 1000

void presence_init(struct presence *p, unsigned linger_ms, bool found, struct instant now)
{
	*p = (struct presence){ .state = found ? PRESENCE_LINGERING : PRESENCE_ABSENT,
				.linger_ms = linger_ms,
				.quiet_since = now };
}

static enum presence_state next_state(struct presence *p, bool wanted, bool heard,
				      struct instant now)
{
	if (wanted)
		return PRESENCE_PRESENT;
	switch (p->state) {
	case PRESENCE_ABSENT:
		return PRESENCE_ABSENT;
	case PRESENCE_PRESENT:
		p->quiet_since = now;
		return PRESENCE_LINGERING;
	case PRESENCE_LINGERING:
		if (heard)
			p->quiet_since = now;
		else if (instant_reached(instant_after_ms(p->quiet_since, p->linger_ms), now))
			return PRESENCE_ABSENT;
		return PRESENCE_LINGERING;
	}
	return p->state;
}

bool presence_step(struct presence *p, bool wanted, bool heard, struct instant now)
{
	enum presence_state before = p->state;

	p->state = next_state(p, wanted, heard, now);
	return p->state != before;
}

struct instant presence_deadline(const struct presence *p, struct instant now)
{
	unsigned look_ms = p->linger_ms / 20;

	if (p->state != PRESENCE_LINGERING)
		return INSTANT_NEVER;
	if (look_ms < LOOK_MIN_MS)
		look_ms = LOOK_MIN_MS;
	if (look_ms > LOOK_MAX_MS)
		look_ms = LOOK_MAX_MS;
	return instant_after_ms(now, look_ms);
}

const char *presence_state_name(enum presence_state state)
{
	switch (state) {
	case PRESENCE_ABSENT:
		return "absent";
	case PRESENCE_PRESENT:
		return "present";
	case PRESENCE_LINGERING:
		return "lingering";
	}
	return "";
}
