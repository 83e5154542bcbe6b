/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keys "vips" and "identity" of a BGP peer: what it is told of. */
#include <string.h>

#include "lb/conf.h"
#include "lib/arena.h"

/* All of them, where the peer does not choose. Returns the next place. */
static struct prefix *copy(struct prefix *to, const struct prefix *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		*to++ = prefixes[i];
	return to;
}

static size_t room_for(const struct lb_conf *conf)
{
	size_t room = conf->identity.prefix_count;

	for (size_t i = 0; i < conf->vip_count; i++)
		room += conf->vips[i].prefix_count;
	return room;
}

static void check_once(const struct conf *vips, size_t index)
{
	const struct conf at = conf_item(vips, index);

	for (size_t i = 0; i < index; i++) {
		const struct conf other = conf_item(vips, i);

		if (strcmp(conf_as_string(&other), conf_as_string(&at)) == 0)
			conf_fail(&at, "is given twice");
	}
}

static struct prefix *copy_named(struct prefix *to, const struct conf *vips,
				 const struct lb_conf *conf)
{
	for (size_t i = 0; i < conf_count(vips) && !vips->err->set; i++) {
		const struct conf at = conf_item(vips, i);
		const struct lb_vip_conf *vip = lb_conf_vip_find(conf, conf_as_string(&at));

		check_once(vips, i);
		if (!vip)
			conf_fail(&at, "unknown vip '%s'", conf_as_string(&at));
		else if (!vips->err->set)
			to = copy(to, vip->prefixes, vip->prefix_count);
	}
	return to;
}

void lb_only_conf_load(const struct conf *peer, const struct lb_conf *conf, struct bgp_only *out)
{
	const struct conf vips = conf_array(peer, "vips", 0, LB_VIPS_MAX);
	bool identity = conf_bool(peer, "identity", true);
	struct prefix *prefixes, *end;

	*out = (struct bgp_only){ 0 };
	if (peer->err->set || (!vips.json && identity))
		return;
	/* One to spare: none of them is not the same as all. */
	prefixes = end = arena_new_array(conf->arena, struct prefix, room_for(conf) + 1);
	if (identity)
		end = copy(end, conf->identity.prefixes, conf->identity.prefix_count);
	if (vips.json)
		end = copy_named(end, &vips, conf);
	for (size_t i = 0; !vips.json && i < conf->vip_count; i++)
		end = copy(end, conf->vips[i].prefixes, conf->vips[i].prefix_count);
	out->prefixes = prefixes;
	out->count = (size_t)(end - prefixes);
}
