/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reload.h - the difference of two configurations.
 *
 * Pure. Origins, VIPs, peers and other PoPs are known by their names; what is known of one in the
 * old configuration, and of one with the same name in the new, is compared with all defaults filled
 * in, so that to write one out is no change. apply.c carries the difference out.
 */
#ifndef LB_RELOAD_H
#define LB_RELOAD_H

#include "lb/conf.h"

enum lb_change {
	LB_SAME,
	LB_CHANGED, /* goes on as what it was */
	LB_RESET,   /* begins anew: a peer's session; an origin or a pop elsewhere, or with another
		       key */
	LB_ADDED,
};

/* Is it the same program on the same interfaces? */
bool lb_continuity_conf_equal(const struct lb_continuity_conf *a,
			      const struct lb_continuity_conf *b);

/* What an item of the new configuration was in the old one. */
struct lb_match {
	enum lb_change change;
	size_t was; /* its index there, if it was not added */
};

/* Of a peer's BFD session, if it has or had one. */
enum lb_bfd_change {
	LB_BFD_SAME,
	LB_BFD_TIMERS, /* while it runs, by a Poll Sequence */
	LB_BFD_ANEW,   /* the old one ends, if there was one, the new one begins, if there is one */
};

/* What belongs to no name. */
enum lb_setting {
	LB_SETTING_IDENTITY,
	LB_SETTING_LISTEN,
	LB_SETTING_DRAIN,
	LB_SETTING_SHUTDOWN_TEXT,
	LB_SETTING_ROUTES,
	LB_SETTING_METRIC,
	LB_SETTING_GEODNS,
	LB_SETTING_MESH, /* all of it but the other PoPs */
};
#define LB_SETTINGS 8

struct lb_diff {
	/* JSON pointer to the first thing that only a restart can change, or NULL. */
	const char *restart;
	struct lb_match *origins, *vips, *peers, *pops; /* by the new configuration's indices */
	enum lb_bfd_change *bfd;			/* by peer */
	bool settings[LB_SETTINGS];
};

void lb_diff_init(struct lb_diff *diff, const struct lb_conf *old, const struct lb_conf *new);
void lb_diff_fini(struct lb_diff *diff);
/* Index in the new list of what was at this one in the old list, or count: it is gone. */
size_t lb_match_find(const struct lb_match *matches, size_t count, size_t was);

/*
 * The answer of POST /v1/reload: names of what was added, removed, changed. The caller's.
 */
json_t *lb_diff_report(const struct lb_diff *diff, const struct lb_conf *old,
		       const struct lb_conf *new);
/* That in words, one line: "peer t2 removed, vip web changed"; malloc'd. */
char *lb_diff_text(const json_t *report);

#endif
