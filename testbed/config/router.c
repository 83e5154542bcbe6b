/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * router.c - a router of a network: BIRD, or FRR's daemons and the shell that gives them their
 * file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testbed/config/parts.h"
#include "testbed/config/plan.h"
#include "testbed/router/bird.h"
#include "testbed/router/frr.h"

#define BIRD_SOCKET "/run/bird/bird.ctl"
#define FRR_RUN	    "/run/frr"
/* More than a router has sessions. FRR makes room for as many as it may open, which is a lot. */
#define FRR_FILES "1024"

void part_bird(json_t *setup, const struct topology *t, size_t at, char *config)
{
	part_file(setup, "bird.conf", config);
	part_daemon(
		setup, "bird", NULL,
		(const char *const[]){ "bird", "-f", "-c", "bird.conf", "-s", BIRD_SOCKET, NULL });
	if (topology_has_bfd(t, at))
		part_daemon_hurry(setup);
}

static json_t *frr_socket(const char *daemon)
{
	return json_sprintf(FRR_RUN "/%s.vty", daemon);
}

/*
 * As root, or files and sockets would have to change hands, for which containers lack the
 * privileges; the group is the one that FRR insists on. Nothing is read from /etc/frr. A daemon
 * that does not find zebra asks again after ten seconds: so they wait for it. What becomes of its
 * sessions bfdd says to whoever debugs only.
 */
static void frr_daemon_add(json_t *setup, const char *name, const char *first)
{
	json_t *daemons = json_object_get(setup, "daemons");
	char path[64];

	snprintf(path, sizeof(path), FRR_DIR "/%s", name);
	part_daemon(setup, name, NULL,
		    (const char *const[]){ path, "-u", "root", "-g", "frrvty", "-f", "/dev/null",
					   "-P", "0", "--log", "stdout", "--log-level",
					   strcmp(name, "bfdd") == 0 ? "debugging" : "info",
					   "--limit-fds", FRR_FILES, NULL });
	if (first)
		json_object_set_new(json_array_get(daemons, json_array_size(daemons) - 1), "after",
				    json_pack("[o]", frr_socket(first)));
}

/* The one file for all of them is read when all of them listen. */
void part_frr(json_t *setup, const struct topology *t, size_t at, char *config,
	      const char *const *daemons)
{
	json_t *all = json_array();

	part_file(setup, "frr.conf", config);
	for (size_t i = 0; daemons[i]; i++) {
		frr_daemon_add(setup, daemons[i], i > 0 ? daemons[0] : NULL);
		if (topology_has_bfd(t, at))
			part_daemon_hurry(setup);
		json_array_append_new(all, frr_socket(daemons[i]));
	}
	json_array_append_new(json_object_get(setup, "daemons"),
			      json_pack("{s:s, s:[s, s, s, s], s:o, s:b}", "name", "vtysh", "argv",
					"vtysh", "--config_dir", PLAN_DIR, "-b", "after", all,
					"once", 1));
}

json_t *plan_shift(const struct topology *t, size_t at, const bool *shifted)
{
	char *config, *again;
	json_t *plan = NULL;

	switch (t->scenario->networks[t->nodes[at].network].router) {
	case ROUTER_BIRD:
		config = bird_router_config(t, at, shifted);
		plan = json_pack("{s:s, s:s, s:[s, s, s, s], s:b}", "path", PLAN_DIR "/bird.conf",
				 "text", config, "argv", "birdc", "-s", BIRD_SOCKET, "configure",
				 "once", 1);
		free(config);
		break;
	case ROUTER_FRR:
		config = frr_shift_config(t, at, shifted);
		again = frr_shift_again(t, at);
		plan = json_pack("{s:s, s:s, s:[s, s, o], s:b}", "path", PLAN_DIR "/shift.conf",
				 "text", config, "argv", "sh", "-c",
				 json_sprintf("vtysh -f " PLAN_DIR "/shift.conf && %s", again),
				 "once", 1);
		free(config);
		free(again);
		break;
	}
	return plan;
}

void part_router(json_t *setup, const struct topology *t, size_t at)
{
	switch (t->scenario->networks[t->nodes[at].network].router) {
	case ROUTER_BIRD:
		part_bird(setup, t, at, bird_router_config(t, at, NULL));
		break;
	case ROUTER_FRR:
		part_frr(setup, t, at, frr_router_config(t, at), frr_router_daemons(t, at));
		break;
	}
}
