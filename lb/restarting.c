/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/restarting.h"

#include "lb/bfd/bfd.h"
#include "lb/continuity.h"
#include "lb/draining.h"
#include "lb/mesh_link.h"
#include "lib/log.h"

#define LAST_WORDS 3 /* nobody says whether they have arrived */

/* NULL: it could not start. */
static struct lb_conf *next_conf(const struct lb_daemon *lb)
{
	struct conf_error err = { 0 };
	struct lb_conf *next = lb_conf_load(conf_read_file(lb->conf_path, &err), &err);
	char text[sizeof(err.path) + sizeof(err.reason) + 4];

	if (!next)
		log_error("not restarted: %s: %s", lb->conf_path,
			  conf_error_format(&err, text, sizeof(text)));
	return next;
}

void lb_daemon_restart(struct lb_daemon *lb)
{
	struct lb_conf *next;

	if (lb->restarts)
		return;
	if (lb->stopping || lb_drain_is_on(lb)) {
		log_warn("not restarted: the daemon is %s", lb->stopping ? "stopping" : "draining");
		return;
	}
	next = next_conf(lb);
	if (!next)
		return;
	lb->restarts = true;
	lb_continuity_leave(lb->continuity, next);
	lb_conf_free(next);
	log_info("restarting");
	/* RFC 5882, 4.3.2: says nothing of the path, so that peers keep the routes. */
	if (lb->bfd)
		bfd_admin_down(lb->bfd);
	for (int i = 0; i < LAST_WORDS; i++)
		lb_mesh_say_restart(lb, LB_RESTART_MS);
	ev_break(lb->loop, EVBREAK_ALL);
}
