/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * geodns.h - the parts of a running catchment-geodns, as main.c has put them together.
 *
 * What the API's handlers get as their context. Control thread only.
 */
#ifndef GEODNS_GEODNS_H
#define GEODNS_GEODNS_H

#include "geodns/health.h"
#include "geodns/reload.h"
#include "geodns/server/store.h"
#include "geodns/server/tcp.h"
#include "geodns/server/udp.h"
#include "geodns/xdp/fastpath.h"
#include "lib/clock.h"
#include "lib/event_log.h"
#include "lib/http.h"

struct geodns {
	struct catalog *catalog;
	struct store store;
	struct pop_desk *desk;
	struct event_log *log;
	struct health_monitor
		*health; /* NULL in tests of handlers, as are desk, udp, tcp, reloader, xdp */
	struct udp_server *udp;
	struct tcp_server *tcp;
	struct reloader *reloader;
	struct fastpath *xdp;
	struct http_server *http; /* NULL without an API */
	char *api_path, *api_token;
	char server_name[64];
	struct instant started;
};

#endif
