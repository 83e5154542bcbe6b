/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * router_log.h - what a router's log says of its BFD sessions.
 *
 * Pure. Knows the lines of BIRD ("debug { events }" of its protocol bfd) and of FRR ("debug bfd
 * peer"):
 *
 *	bird: bfd1: Session to 2001:db8:f001:1:: changed state from Up to Down
 *	state-change: [mhop:no peer:2001:db8:f001:1:: local:... ifname:fra] up -> down reason:...
 */
#ifndef TESTBED_RUNTIME_ROUTER_LOG_H
#define TESTBED_RUNTIME_ROUTER_LOG_H

#include <stdbool.h>

#include "lib/addr.h"

struct router_bfd {
	struct addr peer;
	bool up; /* else it was, and is no more */
};

/* Whether line says that a session has become Up, or has been. */
bool router_log_bfd(struct router_bfd *out, const char *line);

#endif
