/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/announce/hold_down.h"

static int64_t hold_ms(const struct hold_down_conf *conf, unsigned flaps)
{
	int64_t ms = conf->initial_ms;

	if (flaps == 0)
		return 0;
	for (unsigned i = 1; i < flaps && ms < conf->max_ms; i++)
		ms *= 2;
	return ms < conf->max_ms ? ms : conf->max_ms;
}

void hold_down_init(struct hold_down *h, unsigned level, struct instant now)
{
	*h = (struct hold_down){
		.level = level,
		.wanted = level,
		.wanted_since = now,
		.risen = level == 0,
		.until = now,
		.better_since = INSTANT_NEVER,
		.forget = INSTANT_NEVER,
	};
}

static void forget_flaps(struct hold_down *h, const struct hold_down_conf *conf, struct instant now)
{
	while (h->flaps > 0 && instant_reached(h->forget, now)) {
		h->flaps--;
		h->forget = instant_after_ms(h->forget, conf->decay_ms);
	}
	if (h->flaps == 0)
		h->forget = INSTANT_NEVER;
}

static void worsen(struct hold_down *h, const struct hold_down_conf *conf, struct instant now)
{
	int64_t held;

	if (h->risen) {
		h->flaps_total++;
		if (conf->initial_ms > 0 &&
		    (h->flaps == 0 || hold_ms(conf, h->flaps) < conf->max_ms))
			h->flaps++;
	}
	held = hold_ms(conf, h->flaps);
	h->level = h->wanted;
	h->risen = false;
	h->until = instant_after_ms(now, held > conf->min_down_ms ? held : conf->min_down_ms);
	h->better_since = h->forget = INSTANT_NEVER;
}

static void better(struct hold_down *h, const struct hold_down_conf *conf, struct instant now)
{
	if (!hold_down_is_holding(h))
		h->better_since = now;
	if (!instant_reached(hold_down_end(h, conf), now))
		return;
	h->level = h->wanted;
	h->risen = true;
	h->better_since = INSTANT_NEVER;
	if (h->flaps > 0)
		h->forget = instant_after_ms(now, conf->decay_ms);
}

void hold_down_step(struct hold_down *h, const struct hold_down_conf *conf, unsigned wanted,
		    struct instant cause, struct instant now)
{
	forget_flaps(h, conf, now);
	if (wanted != h->wanted) {
		h->wanted = wanted;
		h->wanted_since = cause;
	}
	if (wanted > h->level)
		worsen(h, conf, now);
	else if (wanted < h->level)
		better(h, conf, now);
	else
		h->better_since = INSTANT_NEVER;
}

struct instant hold_down_deadline(const struct hold_down *h, const struct hold_down_conf *conf)
{
	return hold_down_is_holding(h) ? instant_min(h->forget, hold_down_end(h, conf)) : h->forget;
}

bool hold_down_is_holding(const struct hold_down *h)
{
	return h->better_since.ns != INSTANT_NEVER.ns;
}

struct instant hold_down_end(const struct hold_down *h, const struct hold_down_conf *conf)
{
	struct instant up = instant_after_ms(h->better_since, conf->min_up_ms);

	return up.ns > h->until.ns ? up : h->until;
}
