/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * main.c - catchment-geodns: read the configuration, put the parts together, run.
 *
 * Exit status: 0 stopped by a signal, 2 bad configuration or usage, 3 refused by the system.
 */
#include <ev.h>
#include <getopt.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "geodns/api/api.h"
#include "geodns/dnssec/keys.h"
#include "geodns/geodns.h"
#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/version.h"

#define EXIT_BAD_INPUT	 2
#define EXIT_ENVIRONMENT 3
#define EVENTS_KEPT	 4096
/* Connections of the API, and what a process has open anyway. */
#define DESCRIPTORS_BESIDE 300

struct options {
	const char *config;
	bool check;
};

static const char usage[] =
	"Usage: catchment-geodns --config FILE [--check] [--verbose]\n"
	"       catchment-geodns --version | --help\n"
	"\n"
	"Authoritative nameserver with geographic, health-aware answers.\n"
	"\n"
	"  -c, --config FILE  the configuration (docs/geodns.md)\n"
	"      --check        read it and the zones, say what is wrong, start nothing\n"
	"  -v, --verbose      log more\n"
	"      --version      print the version\n"
	"  -h, --help         print this\n";

static struct options options_parse(int argc, char **argv)
{
	enum { OPT_CHECK = 256, OPT_VERSION };
	static const struct option known[] = { { "config", required_argument, NULL, 'c' },
					       { "check", no_argument, NULL, OPT_CHECK },
					       { "verbose", no_argument, NULL, 'v' },
					       { "version", no_argument, NULL, OPT_VERSION },
					       { "help", no_argument, NULL, 'h' },
					       { NULL, 0, NULL, 0 } };
	struct options o = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, "c:vh", known, NULL)) != -1) {
		if (c == 'c') {
			o.config = optarg;
		} else if (c == OPT_CHECK) {
			o.check = true;
		} else if (c == 'v') {
			log_set_verbose(true);
		} else if (c == OPT_VERSION) {
			printf("catchment-geodns %s\n", version_text());
			exit(0);
		} else if (c == 'h') {
			fputs(usage, stdout);
			exit(0);
		} else {
			fputs(usage, stderr);
			exit(EXIT_BAD_INPUT);
		}
	}
	if (!o.config || optind < argc) {
		fputs(usage, stderr);
		exit(EXIT_BAD_INPUT);
	}
	return o;
}

static struct catalog *catalog_read(const char *path)
{
	struct conf_error err = { 0 };
	struct geodns_conf *conf = geodns_conf_read(path, &err);
	struct catalog *catalog = NULL;
	char *copy = xstrdup(path), text[400];

	if (conf)
		catalog = catalog_load(conf, dirname(copy), &err);
	free(copy);
	if (!catalog) {
		fprintf(stderr, "%s: %s\n", path, conf_error_format(&err, text, sizeof(text)));
		exit(EXIT_BAD_INPUT);
	}
	return catalog;
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
	struct geodns *g = signal->data;

	(void)events;
	log_info("stopping: signal %d", signal->signum);
	event_log_add(g->log, clock_now(), "stopping", NULL);
	ev_break(loop, EVBREAK_ALL);
}

/* Only one process can have the TCP ports: a second one ends here before it takes UDP packets. */
static void servers_open(struct geodns *g, struct ev_loop *loop)
{
	const struct geodns_conf *conf = g->catalog->conf;
	const struct endpoint *failed;
	char text[ENDPOINT_TEXT_SIZE];
	int err = tcp_server_new(&g->tcp, loop, conf, &g->store, &failed);

	if (!err)
		err = udp_server_new(&g->udp, conf, &g->store, &failed);
	if (err)
		log_fatal(EXIT_ENVIRONMENT, "cannot listen on %s: %s",
			  endpoint_format(failed, text), strerror(-err));
	err = geodns_api_start(g, loop);
	if (err)
		log_fatal(EXIT_ENVIRONMENT, "cannot start the API: %s", strerror(-err));
}

/* One per TCP connection, and enough for checks: a PoP is not down because we lack one. */
static void descriptors_allow(const struct geodns_conf *conf)
{
	const size_t needed = conf->tcp_connections + conf->check_count +
			      (conf->threads + 1) * conf->listen_count + DESCRIPTORS_BESIDE;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < needed)
		log_fatal(EXIT_ENVIRONMENT,
			  "%u TCP connections and the rest need %zu descriptors, the limit is %llu",
			  conf->tcp_connections, needed, (unsigned long long)limit.rlim_max);
}

/* What the parents must hold, for whoever sets it there. */
static void keys_log(const struct catalog *catalog)
{
	char ds[DNSSEC_DS_TEXT_SIZE];

	for (size_t i = 0; i < catalog->conf->zone_count; i++) {
		const struct geodns_conf_zone *zone = &catalog->conf->zones[i];
		const struct dnssec_keys *keys = zone_keys(catalog->zones[i]);

		if (keys)
			log_info("zone %s: signed, DS %s", zone->text,
				 dnssec_keys_ds_format(keys, zone->apex, ds));
	}
}

static void run(struct geodns *g, struct ev_loop *loop)
{
	ev_signal signals[2];
	uint64_t seed = 0;
	int err;

	if (getrandom(&seed, sizeof(seed), 0) < 0)
		seed = (uint64_t)clock_now().ns;
	ev_signal_init(&signals[0], on_signal, SIGTERM);
	ev_signal_init(&signals[1], on_signal, SIGINT);
	for (unsigned i = 0; i < 2; i++) {
		signals[i].data = g;
		ev_signal_start(loop, &signals[i]);
	}
	g->health = health_new(loop, g->catalog, &g->store, g->log, seed);
	err = udp_server_start(g->udp);
	if (err)
		log_fatal(EXIT_ENVIRONMENT, "cannot start a thread: %s", strerror(-err));
	g->started = clock_now();
	event_log_add(g->log, g->started, "started", NULL);
	keys_log(g->catalog);
	log_info("started: %zu zones, %zu geographic names", g->catalog->conf->zone_count,
		 g->catalog->conf->name_count);
	ev_run(loop, 0);
	/* Not ev_signal_stop(): it brings back the default, and a second signal would kill. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
}

/* The API first: it still answers requests that have come, from all the others. */
static void stop(struct geodns *g)
{
	http_server_free(g->http);
	udp_server_free(g->udp);
	tcp_server_free(g->tcp);
	health_free(g->health);
	event_log_free(g->log);
	store_fini(&g->store);
}

int main(int argc, char **argv)
{
	const struct options options = options_parse(argc, argv);
	struct catalog *catalog = catalog_read(options.config);
	struct geodns g = { .catalog = catalog };
	struct ev_loop *loop;

	if (options.check) {
		printf("%s: ok\n", options.config);
		catalog_free(catalog);
		return 0;
	}
	signal(SIGPIPE, SIG_IGN);
	descriptors_allow(catalog->conf);
	loop = ev_default_loop(0);
	if (!loop)
		log_fatal(EXIT_ENVIRONMENT, "cannot make an event loop");
	g.log = event_log_new(EVENTS_KEPT);
	servers_open(&g, loop);
	run(&g, loop);
	stop(&g);
	catalog_free(catalog);
	ev_loop_destroy(loop);
	return 0;
}
