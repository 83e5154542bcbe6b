/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The "bfd" object of a BGP peer. */
#include <string.h>

#include "lb/conf.h"
#include "lib/arena.h"

static void load_auth(const struct conf *bfd, struct arena *arena, struct bfd_auth_conf *out)
{
	static const char *const types[] = { "sha1", "meticulous-sha1", NULL };
	const struct conf at = conf_get(bfd, "auth");
	struct conf file;
	const char *key;

	if (!at.json)
		return;
	CONF_KEYS(&at, "type", "key_id", "key_file");
	out->type =
		conf_choice(&at, "type", types, 1) ? BFD_AUTH_METICULOUS_SHA1 : BFD_AUTH_KEYED_SHA1;
	out->key_id = (uint8_t)conf_int(&at, "key_id", 0, UINT8_MAX, 1);
	file = conf_require(&at, "key_file");
	if (!file.json)
		return;
	key = lb_key_load(&file, arena, BFD_KEY_MAX);
	if (!at.err->set)
		memcpy(out->key, key, strlen(key));
}

static void load_bfd(const struct conf *at, struct arena *arena, const struct bgp_peer_conf *peer,
		     struct bfd_spec *out)
{
	uint32_t interval;

	CONF_KEYS(at, "interval_ms", "multiplier", "multihop", "passive", "auth");
	out->name = peer->name;
	out->remote = peer->remote.addr;
	out->local = peer->local;
	out->multihop = conf_bool(at, "multihop", false);
	interval = (uint32_t)conf_int(at, "interval_ms", 10, 60000, 300) * 1000;
	out->session.desired_min_tx = out->session.required_min_rx = interval;
	out->session.detect_mult = (uint8_t)conf_int(at, "multiplier", 1, UINT8_MAX, 3);
	out->session.passive = conf_bool(at, "passive", false);
	load_auth(at, arena, &out->session.auth);
}

/* Of the peer of this name, which there is: slots of ranges are peers, but not in the document. */
static size_t index_of(const struct bgp_speaker_conf *bgp, const char *name)
{
	size_t i = 0;

	while (strcmp(bgp->peers[i].name, name) != 0)
		i++;
	return i;
}

void lb_bfd_conf_load(const struct conf *root, struct arena *arena,
		      const struct bgp_speaker_conf *bgp, struct lb_bfd_conf *out)
{
	const struct conf at = conf_get(root, "bgp"), peers = conf_get(&at, "peers");

	out->specs = arena_new_array(arena, struct bfd_spec, bgp->peer_count);
	for (size_t i = 0; i < conf_count(&peers) && !root->err->set; i++) {
		const struct conf item = conf_item(&peers, i), bfd = conf_get(&item, "bfd");
		size_t peer;

		if (!bfd.json)
			continue;
		if (conf_has(&item, "range")) {
			conf_fail(&bfd, "is for a peer with an address, not for a range");
			return;
		}
		if (conf_has(&item, "interface")) {
			conf_fail(&bfd, "is not for link-local addresses");
			return;
		}
		peer = index_of(bgp, conf_string(&item, "name", CONF_REQUIRED_STRING));
		load_bfd(&bfd, arena, &bgp->peers[peer], &out->specs[peer]);
		out->count++;
	}
}
