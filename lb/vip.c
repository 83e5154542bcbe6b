/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/vip.h"

#include <stdio.h>
#include <string.h>

struct count {
	size_t up, unknown;
	const struct lb_origin *first_bad; /* down if one is, else unknown, else NULL */
};

static struct count count_origins(const struct lb_vip_conf *conf, const struct lb_origin *origins)
{
	struct count count = { 0 };

	for (size_t i = 0; i < conf->origin_count; i++) {
		const struct lb_origin *origin = &origins[conf->origins[i]];

		count.up += origin->state == HEALTH_UP;
		count.unknown += origin->state == HEALTH_UNKNOWN;
		if (origin->state == HEALTH_UP)
			continue;
		if (!count.first_bad ||
		    (count.first_bad->state == HEALTH_UNKNOWN && origin->state == HEALTH_DOWN))
			count.first_bad = origin;
	}
	return count;
}

static void write_reason(struct vip *vip, const struct count *count)
{
	const struct lb_vip_conf *conf = vip->conf;
	int n = snprintf(vip->reason, sizeof(vip->reason), "%zu of %zu origin%s up, %u needed",
			 count->up, conf->origin_count, conf->origin_count == 1 ? "" : "s",
			 conf->min_healthy);

	if (count->first_bad && n > 0 && (size_t)n < sizeof(vip->reason))
		snprintf(vip->reason + n, sizeof(vip->reason) - (size_t)n, "; origin %s: %s",
			 count->first_bad->conf->name,
			 count->first_bad->state == HEALTH_DOWN ? count->first_bad->reason
								: "not checked yet");
	if (vip->kept)
		snprintf(vip->reason + strlen(vip->reason),
			 sizeof(vip->reason) - strlen(vip->reason),
			 "; up as before the reload until all have answered");
}

bool vip_step(struct vip *vip, const struct lb_origin *origins, struct instant now)
{
	const struct count count = count_origins(vip->conf, origins);
	bool is_open = count.up + count.unknown >= vip->conf->min_healthy;
	enum health state = HEALTH_DOWN;

	vip->kept = vip->kept && is_open && count.up < vip->conf->min_healthy;
	if (count.up >= vip->conf->min_healthy || vip->kept)
		state = HEALTH_UP;
	else if (vip->state == HEALTH_UNKNOWN && is_open)
		state = HEALTH_UNKNOWN;
	vip->up = count.up;
	vip->unknown = count.unknown;
	if (state == vip->state)
		return false;
	vip->state = state;
	vip->since = now;
	return true;
}

void vip_note(struct vip *vip, const struct lb_origin *origins)
{
	const struct count count = count_origins(vip->conf, origins);

	write_reason(vip, &count);
}

void vip_init(struct vip *vip, const struct lb_vip_conf *conf, const struct lb_origin *origins,
	      struct instant now)
{
	*vip = (struct vip){ .conf = conf, .state = HEALTH_UNKNOWN, .since = now };
	vip_step(vip, origins, now);
	vip_note(vip, origins);
}

void vip_follow(struct vip *vip, const struct lb_vip_conf *conf, const struct vip *before)
{
	*vip = *before;
	vip->conf = conf;
	vip->kept = before->state == HEALTH_UP;
}

void vip_presume(struct vip *vip, struct instant now)
{
	if (vip->state != HEALTH_UNKNOWN || vip->conf->announce != LB_ANNOUNCE_VERDICT)
		return;
	vip->state = HEALTH_UP;
	vip->since = now;
	vip->kept = true;
}

bool vip_is_wanted(const struct vip *vip)
{
	return vip->state == HEALTH_UP || vip->conf->announce == LB_ANNOUNCE_ALWAYS;
}

bool vip_has_origin(const struct vip *vip, size_t origin)
{
	for (size_t i = 0; i < vip->conf->origin_count; i++)
		if (vip->conf->origins[i] == origin)
			return true;
	return false;
}
