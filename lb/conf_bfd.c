/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The "bfd" object of a BGP peer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lb/conf.h"
#include "lib/arena.h"

/* The file's first line. What it is stays out of messages: they end up in logs. */
static void load_key(const struct conf *auth, uint8_t key[BFD_KEY_MAX])
{
	const struct conf at = conf_get(auth, "key_file");
	const char *path = conf_string(auth, "key_file", CONF_REQUIRED_STRING);
	char line[BFD_KEY_MAX + 2] = ""; /* one too many shows, and the final zero */
	size_t len;
	FILE *file;

	if (auth->err->set)
		return;
	file = fopen(path, "re");
	if (!file) {
		conf_fail(&at, "cannot open: %s", strerror(errno));
		return;
	}
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	(void)fclose(file);
	line[strcspn(line, "\r\n")] = '\0';
	if (!line[0])
		conf_fail(&at, "has no key in its first line");
	len = strlen(line);
	if (len > BFD_KEY_MAX)
		conf_fail(&at, "a key has at most %d bytes (RFC 5880, 4.4)", BFD_KEY_MAX);
	else
		memcpy(key, line, len);
}

static void load_auth(const struct conf *bfd, struct bfd_auth_conf *out)
{
	static const char *const types[] = { "sha1", "meticulous-sha1", NULL };
	const struct conf at = conf_get(bfd, "auth");

	if (!at.json)
		return;
	CONF_KEYS(&at, "type", "key_id", "key_file");
	out->type =
		conf_choice(&at, "type", types, 1) ? BFD_AUTH_METICULOUS_SHA1 : BFD_AUTH_KEYED_SHA1;
	out->key_id = (uint8_t)conf_int(&at, "key_id", 0, UINT8_MAX, 1);
	load_key(&at, out->key);
}

static void load_bfd(const struct conf *at, const struct bgp_peer_conf *peer, struct bfd_spec *out)
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
	load_auth(at, &out->session.auth);
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
		load_bfd(&bfd, &bgp->peers[peer], &out->specs[peer]);
		out->count++;
	}
}
