/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The key "drain": whom a drain is told. */
#include <string.h>

#include "lb/conf.h"
#include "lib/arena.h"

#define UNIX_PATH_MAX 107 /* sun_path of unix(7), without its final zero */

static void load_server(const struct conf *item, struct lb_conf *conf, struct lb_geodns_conf *out)
{
	const struct conf api = conf_require(item, "api"), file = conf_get(item, "token_file");

	CONF_KEYS(item, "api", "token_file", "pop");
	if (item->err->set)
		return;
	out->api = conf_as_string(&api);
	if (strncmp(out->api, "unix:", 5) == 0) {
		out->unix_path = out->api + 5;
		if (strlen(out->unix_path) < 1 || strlen(out->unix_path) > UNIX_PATH_MAX)
			conf_fail(&api, "a socket's path has 1 to %d bytes", UNIX_PATH_MAX);
	} else {
		out->at = conf_endpoint(item, "api", 0);
	}
	out->pop = conf_has(item, "pop") ? conf_name(item, "pop") : conf->pop;
	if (file.json)
		out->token = lb_key_load(&file, conf->arena, LB_KEY_MAX);
}

void lb_drain_conf_load(const struct conf *root, struct lb_conf *conf)
{
	const struct conf at = conf_get(root, "drain");
	struct conf array;

	if (!conf_is_there(&at))
		return;
	CONF_KEYS(&at, "geodns");
	array = conf_array(&at, "geodns", 0, LB_GEODNS_MAX);
	conf->geodns = arena_new_array(conf->arena, struct lb_geodns_conf, conf_count(&array) + 1);
	for (size_t i = 0; i < conf_count(&array) && !root->err->set; i++) {
		const struct conf item = conf_item(&array, i);

		load_server(&item, conf, &conf->geodns[conf->geodns_count++]);
	}
}
