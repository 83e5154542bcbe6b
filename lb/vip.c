/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/vip.h"

#include <stdio.h>
#include <string.h>

struct count {
	size_t up, unknown;
	size_t bad; /* the first that is down if one is, else that drains, else unknown; or count */
};

enum health lb_origin_health(const struct lb_origin *origin)
{
	if (origin->state != HEALTH_UP || !origin->obstacle)
		return origin->state;
	return origin->is_settling ? HEALTH_UNKNOWN : HEALTH_DOWN;
}

bool vip_share_takes(const struct vip_share *share)
{
	return share->weight > 0 && !share->drain;
}

/* How much there is to be said of why it does not take users. */
static int badness(const struct lb_origin *origin, const struct vip_share *share)
{
	enum health health = lb_origin_health(origin);

	if (health == HEALTH_DOWN)
		return 3;
	if (!vip_share_takes(share))
		return 2;
	return health == HEALTH_UNKNOWN;
}

static struct count count_origins(const struct vip *vip, const struct lb_origin *origins)
{
	const struct lb_vip_conf *conf = vip->conf;
	struct count count = { .bad = conf->origin_count };
	int worst = 0;

	for (size_t i = 0; i < conf->origin_count; i++) {
		const struct lb_origin *origin = &origins[conf->origins[i]];
		const bool takes = vip_share_takes(&vip->shares[i]);
		int bad = badness(origin, &vip->shares[i]);

		count.up += takes && lb_origin_health(origin) == HEALTH_UP;
		count.unknown += takes && lb_origin_health(origin) == HEALTH_UNKNOWN;
		if (bad > worst)
			count.bad = i;
		worst = bad > worst ? bad : worst;
	}
	return count;
}

static const char *origin_reason(const struct lb_origin *origin, const struct vip_share *share)
{
	if (origin->state == HEALTH_DOWN)
		return origin->reason;
	if (origin->state == HEALTH_UP && origin->obstacle)
		return origin->obstacle;
	if (!vip_share_takes(share))
		return share->drain ? "it drains" : "it has no weight";
	return "not checked yet";
}

static void write_reason(struct vip *vip, const struct count *count,
			 const struct lb_origin *origins)
{
	const struct lb_vip_conf *conf = vip->conf;
	int n = snprintf(vip->reason, sizeof(vip->reason), "%zu of %zu origin%s up, %u needed",
			 count->up, conf->origin_count, conf->origin_count == 1 ? "" : "s",
			 conf->min_healthy);

	if (count->bad < conf->origin_count && n > 0 && (size_t)n < sizeof(vip->reason)) {
		const struct lb_origin *bad = &origins[conf->origins[count->bad]];

		snprintf(vip->reason + n, sizeof(vip->reason) - (size_t)n, "; origin %s: %s",
			 bad->conf->name, origin_reason(bad, &vip->shares[count->bad]));
	}
	if (vip->kept)
		snprintf(vip->reason + strlen(vip->reason),
			 sizeof(vip->reason) - strlen(vip->reason),
			 "; up as before the reload until all have answered");
}

bool vip_step(struct vip *vip, const struct lb_origin *origins, struct instant now)
{
	const struct count count = count_origins(vip, origins);
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
	const struct count count = count_origins(vip, origins);

	write_reason(vip, &count, origins);
}

static void shares_init(struct vip *vip)
{
	const struct lb_vip_conf *conf = vip->conf;

	for (size_t i = 0; i < conf->origin_count; i++)
		vip->shares[i] = (struct vip_share){ .weight = conf->weights ? conf->weights[i]
									     : LB_WEIGHT_DEFAULT };
}

void vip_init(struct vip *vip, const struct lb_vip_conf *conf, const struct lb_origin *origins,
	      struct instant now)
{
	*vip = (struct vip){ .conf = conf, .state = HEALTH_UNKNOWN, .since = now };
	shares_init(vip);
	vip_step(vip, origins, now);
	vip_note(vip, origins);
}

void vip_follow(struct vip *vip, const struct lb_vip_conf *conf, const struct vip *before)
{
	*vip = *before;
	vip->conf = conf;
	vip->kept = before->state == HEALTH_UP;
	shares_init(vip);
}

void vip_shares_keep(struct vip *vip, const struct lb_conf *conf, const struct vip *before,
		     const struct lb_conf *before_conf)
{
	const struct lb_vip_conf *now = vip->conf, *was = before->conf;

	for (size_t i = 0; i < now->origin_count; i++) {
		const char *name = conf->origins[now->origins[i]].name;

		for (size_t j = 0; j < was->origin_count; j++)
			if (strcmp(before_conf->origins[was->origins[j]].name, name) == 0 &&
			    was->weights[j] == now->weights[i])
				vip->shares[i] = before->shares[j];
	}
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
