/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/origin/origin.h"

#include <errno.h>
#include <ev.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/log.h"
#include "testbed/origin/protocol.h"
#include "testbed/origin/tcp.h"
#include "testbed/origin/udp.h"

/* Descriptors that are not connections: the listeners, the loop's own, one to refuse with. */
#define FDS_RESERVED ((size_t)32)

struct options {
	const char *pop;
	uint16_t udp_port, tcp_port;
};

struct origin {
	struct origin_udp *udp[2];
	struct origin_tcp *tcp[2];
};

static const enum addr_family families[] = { ADDR_IPV4, ADDR_IPV6 };

static bool port_parse(uint16_t *out, const char *text)
{
	char *end;
	const long v = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || v < 1 || v > 65535)
		return false;
	*out = (uint16_t)v;
	return true;
}

/* Says itself what is wrong. */
static bool options_parse(struct options *out, int argc, char **argv)
{
	static const struct option longs[] = { { "pop", required_argument, NULL, 'p' },
					       { "udp", required_argument, NULL, 'u' },
					       { "tcp", required_argument, NULL, 't' },
					       { 0 } };
	int c;

	*out = (struct options){ .udp_port = PROTOCOL_UDP_PORT, .tcp_port = PROTOCOL_TCP_PORT };
	optind = 0; /* main has parsed before */
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		uint16_t *port = c == 'u' ? &out->udp_port : &out->tcp_port;

		if (c == 'p') {
			out->pop = optarg;
		} else if (c == '?') {
			return false;
		} else if (!port_parse(port, optarg)) {
			log_error("origin: '%s' is not a port", optarg);
			return false;
		}
	}
	if (optind != argc || !out->pop) {
		log_error("usage: %s --pop NAME [--udp PORT] [--tcp PORT]", argv[0]);
		return false;
	}
	if (!protocol_is_pop(out->pop, strlen(out->pop))) {
		log_error("origin: '%s' is not a PoP's name", out->pop);
		return false;
	}
	return true;
}

/* One connection is one file: ask for as many as are allowed. Returns how many that is. */
static size_t files_raise(void)
{
	struct rlimit limit = { 1024, 1024 };

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur > 2 * FDS_RESERVED ? limit.rlim_cur - FDS_RESERVED : FDS_RESERVED;
}

/* A kernel without one of the families is no mistake; any other failure is. */
static bool origin_init(struct origin *origin, struct ev_loop *loop, const struct options *options)
{
	const size_t limit = files_raise();
	int served = 0;

	for (size_t i = 0; i < 2; i++) {
		const struct endpoint any = { { .family = (uint8_t)families[i] },
					      options->tcp_port };
		int err = origin_udp_new(&origin->udp[i], loop, families[i], options->udp_port,
					 options->pop);

		if (!err)
			err = origin_tcp_new(&origin->tcp[i], loop, &any, options->pop, limit);
		if (err && err != -EAFNOSUPPORT && err != -EADDRNOTAVAIL) {
			log_error("origin %s: IPv%d ports %u and %u: %s", options->pop,
				  (int)families[i], options->udp_port, options->tcp_port,
				  strerror(-err));
			return false;
		}
		served += !err;
	}
	if (served == 0)
		log_error("origin %s: neither IPv4 nor IPv6 here", options->pop);
	return served > 0;
}

static void origin_fini(struct origin *origin)
{
	for (size_t i = 0; i < 2; i++) {
		origin_udp_free(origin->udp[i]);
		origin_tcp_free(origin->tcp[i]);
	}
}

static void on_signal(struct ev_loop *loop, ev_signal *w __attribute__((unused)),
		      int revents __attribute__((unused)))
{
	ev_break(loop, EVBREAK_ALL);
}

int origin_main(int argc, char **argv)
{
	struct ev_loop *loop;
	struct origin origin = { 0 };
	struct options options;
	ev_signal term, intr;
	bool up;

	if (!options_parse(&options, argc, argv))
		return 2;
	loop = ev_default_loop(0);
	up = origin_init(&origin, loop, &options);
	if (up) {
		ev_signal_init(&term, on_signal, SIGTERM);
		ev_signal_init(&intr, on_signal, SIGINT);
		ev_signal_start(loop, &term);
		ev_signal_start(loop, &intr);
		log_info("origin %s: udp %u, tcp %u", options.pop, options.udp_port,
			 options.tcp_port);
		ev_run(loop, 0);
		ev_signal_stop(loop, &term);
		ev_signal_stop(loop, &intr);
	}
	origin_fini(&origin);
	ev_loop_destroy(loop);
	return up ? 0 : 3;
}
