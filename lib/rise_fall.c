/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/rise_fall.h"

#include <assert.h>

void rise_fall_init(struct rise_fall *rf, unsigned rise, unsigned fall)
{
	assert(rise >= 1 && fall >= 1);
	*rf = (struct rise_fall){ .rise = rise, .fall = fall, .state = HEALTH_UNKNOWN };
}

bool rise_fall_step(struct rise_fall *rf, bool success)
{
	enum health heard = success ? HEALTH_UP : HEALTH_DOWN;
	unsigned needed = success ? rf->rise : rf->fall;

	if (heard == rf->state) {
		rf->streak = 0;
		return false;
	}
	rf->streak++;
	if (rf->state != HEALTH_UNKNOWN && rf->streak < needed)
		return false;
	rf->state = heard;
	rf->streak = 0;
	return true;
}

unsigned rise_fall_left(const struct rise_fall *rf)
{
	if (rf->state == HEALTH_UNKNOWN)
		return 1;
	if (rf->streak == 0)
		return 0;
	return (rf->state == HEALTH_UP ? rf->fall : rf->rise) - rf->streak;
}

const char *health_name(enum health health)
{
	switch (health) {
	case HEALTH_UNKNOWN:
		return "unknown";
	case HEALTH_UP:
		return "up";
	case HEALTH_DOWN:
		return "down";
	}
	return "unknown";
}
