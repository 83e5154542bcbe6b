/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * daemon.h - the parts of catchment-lb put together.
 *
 *	check --> origin --> vip --> announcer --> speaker --> peers
 *	                      |          `-------> presence --> data plane
 *	                      `--> verdict page                     ^
 *	          peers --> speaker --default route-----------------'
 *	          peers --> bfd --down--> speaker
 *	     other pops <-> mesh <-- vips, announcements
 *
 * Everything happens in one thread, in one loop, but for BFD's packets (bfd/bfd.h). What happens
 * is told to the event log and to the log. api/ and verdict.c read the struct, only daemon.c
 * changes it.
 */
#ifndef LB_DAEMON_H
#define LB_DAEMON_H

#include <ev.h>

#include "lb/announce/announce.h"
#include "lb/conf.h"
#include "lb/dataplane/dataplane.h"
#include "lb/drain.h"
#include "lb/mesh/mesh.h"
#include "lb/seat.h"
#include "lb/vip.h"
#include "lib/event_log.h"

/* The checks' callback must know which origin it speaks of. */
struct lb_origin_check {
	struct lb_daemon *lb;
	size_t origin;
	struct check *check;
	uint64_t results, failures;
};

struct lb_continuity;
struct lb_nameservers;
struct lb_rack;

struct lb_daemon {
	struct ev_loop *loop;
	struct lb_conf *conf;  /* owned; a reload puts another in its place */
	const char *conf_path; /* what a reload reads */
	struct instant started;
	bool stopping;
	bool restarts;	/* all stays on the machine for the next one: restarting.h */
	bool converged; /* every VIP has had a verdict */
	int lock;	/* held by one daemon per network namespace */

	struct event_log *events;
	struct check_trusts *trusts;
	struct lb_origin *origins; /* as many as in conf, by index; so are the next two */
	struct lb_origin_check *checks;
	struct vip *vips;
	struct lb_seat *seats;	    /* by vip */
	struct lb_leaving *leaving; /* addresses that are in no configuration any more */
	bool untidy;		    /* so may be prefixes, in the data plane */
	struct announcer announcer;
	struct bgp_speaker *speaker;
	struct lb_continuity *continuity; /* NULL: off */
	struct lb_rack *rack;		  /* NULL: not plane xdp */
	struct bfd *bfd; /* its tags are the speaker's indices of peers; NULL: no peer has BFD */
	/*
	 * By peer: how the data plane knows it. Indices move when peers come and go, and flows keep
	 * to their leg of a multipath route only as long as its place in it stays.
	 */
	size_t *numbers;
	struct dataplane *dp;
	struct mesh *mesh; /* NULL: not configured */
	bool mesh_is_new;  /* by a reload that is not applied yet */

	size_t page_count;
	struct http_server **pages; /* verdict pages, one for each identity address */
	struct http_server *api;    /* NULL when there is none */
	char *api_path, *api_token; /* what it borrows, or NULL */

	struct drain drain;		   /* see draining.h */
	struct dataplane_ear **drain_ears; /* by vip; NULL: nothing is counted */
	struct ev_timer drain_timer;
	bool drain_stops; /* instead of withdrawing */
	struct lb_nameservers *nameservers;

	/* Looks at the seats that linger or are incomplete, and at what is held down. */
	struct ev_timer linger;
};

/*
 * Start everything. conf is taken over, also on failure; path is where it came from and must
 * outlive the daemon. On failure *out is unset and a line that says what stood in the way has been
 * logged: returns -errno.
 */
int lb_daemon_new(struct lb_daemon **out, struct ev_loop *loop, struct lb_conf *conf,
		  const char *path);
/*
 * Drain (draining.h), for bgp.drain_ms at most, unless that is 0, then withdraw all and end the
 * sessions; breaks the loop when done, two seconds later at the latest. A second time ends the
 * draining at once, a third is nothing. What drains already, by the API, goes on, and stops instead
 * of withdrawing.
 */
void lb_daemon_stop(struct lb_daemon *lb);
/* Remove what was added to the machine, unless it restarts, and free all. NULL is fine. */
void lb_daemon_free(struct lb_daemon *lb);

#endif
