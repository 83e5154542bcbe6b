/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * main.c - catchment-geodns: read the configuration, put the parts together, run.
 *
 * Exit status: 0 stopped by a signal, 2 bad configuration or usage, 3 refused by the system.
 */
#include <ev.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "geodns/api/api.h"
#include "geodns/descriptors.h"
#include "geodns/diff.h"
#include "geodns/geodns.h"
#include "geodns/options.h"
#include "lib/alloc.h"
#include "lib/log.h"

#define EXIT_ENVIRONMENT 3
#define EVENTS_KEPT	 4096

static struct catalog *catalog_or_exit(const char *path)
{
	struct conf_error err = { 0 };
	struct catalog *catalog = catalog_read(path, &err);
	char text[400];

	if (!catalog) {
		fprintf(stderr, "%s: %s\n", path, conf_error_format(&err, text, sizeof(text)));
		exit(EXIT_BAD_INPUT);
	}
	return catalog;
}

static int compare(struct catalog *old, const char *path, bool as_json)
{
	struct catalog *next = catalog_or_exit(path);
	json_t *diff = geodns_diff(old, next);
	char *text = as_json ? json_dumps(diff, JSON_INDENT(2)) : geodns_diff_text(diff);

	puts(text);
	free(text);
	json_decref(diff);
	catalog_free(next);
	catalog_free(old);
	return 0;
}

/* What operators have said before this start. */
static struct pop_desk *desk_open(struct ev_loop *loop, const struct geodns_conf *conf,
				  const char *conf_path)
{
	char *copy = xstrdup(conf_path), *path = NULL, text[400];
	struct conf_error err = { 0 };
	struct pop_desk *desk;

	if (conf->state_file)
		path = conf->state_file[0] == '/'
			       ? xstrdup(conf->state_file)
			       : xasprintf("%s/%s", dirname(copy), conf->state_file);
	desk = pop_desk_new(loop, path, &err);
	if (!desk) {
		fprintf(stderr, "%s: %s\n", path, conf_error_format(&err, text, sizeof(text)));
		exit(EXIT_BAD_INPUT);
	}
	free(path);
	free(copy);
	return desk;
}

/* The state file, too: with a damaged one nothing would start. */
static int check(struct catalog *catalog, const char *path)
{
	struct ev_loop *loop = ev_loop_new(0);

	if (!loop)
		log_fatal(EXIT_ENVIRONMENT, "cannot make an event loop");
	pop_desk_free(desk_open(loop, catalog->conf, path));
	ev_loop_destroy(loop);
	printf("%s: ok\n", path);
	catalog_free(catalog);
	return 0;
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
	int err = tcp_server_new(&g->tcp, g->catalog, &g->store, &failed);

	if (!err)
		err = udp_server_new(&g->udp, conf, &g->store, &failed);
	if (err)
		log_fatal(EXIT_ENVIRONMENT, "cannot listen on %s: %s",
			  endpoint_format(failed, text), strerror(-err));
	err = geodns_api_start(g, loop);
	if (err)
		log_fatal(EXIT_ENVIRONMENT, "cannot start the API: %s", strerror(-err));
}

static void on_hangup(struct ev_loop *loop, ev_signal *signal, int events)
{
	struct geodns *g = signal->data;

	(void)loop;
	(void)events;
	reloader_request(g->reloader);
}

static void run(struct geodns *g, struct ev_loop *loop, const char *path)
{
	ev_signal signals[3];
	uint64_t seed = 0;
	int err;

	if (getrandom(&seed, sizeof(seed), 0) < 0)
		seed = (uint64_t)clock_now().ns;
	ev_signal_init(&signals[0], on_signal, SIGTERM);
	ev_signal_init(&signals[1], on_signal, SIGINT);
	ev_signal_init(&signals[2], on_hangup, SIGHUP);
	for (unsigned i = 0; i < 3; i++) {
		signals[i].data = g;
		ev_signal_start(loop, &signals[i]);
	}
	g->reloader = reloader_new(g, loop, path);
	g->xdp = fastpath_new(seed);
	g->store.on_publish = fastpath_publish;
	g->store.ctx = g->xdp;
	g->health = health_new(loop, g->catalog, &g->store, g->desk, g->log, seed);
	err = udp_server_start(g->udp);
	if (!err)
		err = tcp_server_start(g->tcp);
	if (err)
		log_fatal(EXIT_ENVIRONMENT, "cannot start a thread: %s", strerror(-err));
	g->started = clock_now();
	event_log_add(g->log, g->started, "started", NULL);
	reload_keys_log(g->catalog, NULL);
	log_info("started: %zu zones, %zu geographic names", g->catalog->conf->zone_count,
		 g->catalog->conf->name_count);
	ev_run(loop, 0);
	/* Not ev_signal_stop(): it brings back the default, and a second signal would kill. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

/*
 * The reloader first, it may still be loading, and UDP goes on meanwhile. Then the API: it still
 * answers requests that have come, from all the others.
 */
static void stop(struct geodns *g)
{
	reloader_free(g->reloader);
	g->reloader = NULL;
	http_server_free(g->http);
	free(g->api_path);
	free(g->api_token);
	fastpath_free(g->xdp);
	udp_server_free(g->udp);
	tcp_server_free(g->tcp);
	health_free(g->health);
	pop_desk_free(g->desk);
	event_log_free(g->log);
	store_fini(&g->store);
	catalog_free(g->catalog);
}

int main(int argc, char **argv)
{
	const struct options options = options_parse(argc, argv);
	struct catalog *catalog = catalog_or_exit(options.config);
	struct geodns g = { .catalog = catalog };
	struct ev_loop *loop;
	char text[160];

	if (options.other)
		return compare(catalog, options.other, options.json);
	if (options.check)
		return check(catalog, options.config);
	signal(SIGPIPE, SIG_IGN);
	if (!descriptors_allow(catalog->conf, text, sizeof(text)))
		log_fatal(EXIT_ENVIRONMENT, "%s", text);
	loop = ev_default_loop(0);
	if (!loop)
		log_fatal(EXIT_ENVIRONMENT, "cannot make an event loop");
	g.log = event_log_new(EVENTS_KEPT);
	g.desk = desk_open(loop, catalog->conf, options.config);
	servers_open(&g, loop);
	run(&g, loop, options.config);
	stop(&g);
	ev_loop_destroy(loop);
	return 0;
}
