/* SPDX-License-Identifier: GPL-3.0-or-later */
/* catchment-testbed serve: from the command line to a server, and to its end. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/version.h"
#include "testbed/api/api.h"
#include "testbed/ask.h"
#include "testbed/record.h"
#include "testbed/run.h"

#define EVENTS_KEPT	4096
#define PARALLEL_MAX	16
#define STOP_PATIENCE_S 30
#define USAGE                                                                                      \
	"usage: catchment-testbed serve [--listen ADDR:PORT|unix:PATH] [--token-file FILE] "       \
	"[--out DIR] [--runtime namespaces|docker|compose] [--lab NAME] [--parallel N]"

struct serve_options {
	const char *listen, *token_file, *out, *runtime, *lab;
	unsigned parallel;
};

struct serve {
	struct api api;
	struct ev_loop *loop;
	struct ev_signal signals[3];
	struct ev_prepare emptied; /* while stopping: has everything ended? */
};

static bool runtime_is_known(const char *name)
{
	for (size_t i = 0; order_runtimes[i]; i++) {
		if (strcmp(order_runtimes[i], name) == 0)
			return true;
	}
	log_error("runtime '%s': namespaces, docker and compose are there", name);
	return false;
}

static bool parallel_parse(const char *text, unsigned *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*out = (unsigned)n;
	return text[0] >= '1' && text[0] <= '9' && *end == '\0' && n <= PARALLEL_MAX;
}

static bool options_parse(struct serve_options *o, int argc, char **argv)
{
	static const struct option known[] = { { "listen", required_argument, NULL, 'a' },
					       { "token-file", required_argument, NULL, 't' },
					       { "out", required_argument, NULL, 'o' },
					       { "runtime", required_argument, NULL, 'r' },
					       { "lab", required_argument, NULL, 'l' },
					       { "parallel", required_argument, NULL, 'p' },
					       { NULL, 0, NULL, 0 } };
	bool good = true;
	int c;

	*o = (struct serve_options){
		.listen = "127.0.0.1:8080", .out = "out", .runtime = "namespaces", .parallel = 1
	};
	optind = 0;
	while (good && (c = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (c == 'a')
			o->listen = optarg;
		else if (c == 't')
			o->token_file = optarg;
		else if (c == 'o')
			o->out = optarg;
		else if (c == 'r')
			good = runtime_is_known(o->runtime = optarg);
		else if (c == 'l')
			good = lab_name_is_valid(o->lab = optarg);
		else if (c == 'p')
			good = parallel_parse(optarg, &o->parallel);
		else
			good = false;
	}
	if (!good || optind != argc)
		log_error(USAGE);
	return good && optind == argc;
}

/* The same words and refusals as in the daemons' configurations. text keeps what http borrows. */
static bool listen_parse(const struct serve_options *o, json_t *text, struct http_options *http,
			 char **token)
{
	struct conf_error err = { 0 };
	const struct conf root = conf_root(text, &err);

	json_object_set_new(text, "listen", json_string(o->listen));
	if (o->token_file)
		json_object_set_new(text, "token_file", json_string(o->token_file));
	http_options_load(&root, http, token);
	if (err.set)
		log_error("--%s: %s", strcmp(err.path, "token_file") == 0 ? "token-file" : "listen",
			  err.reason);
	return !err.set;
}

static void on_emptied(struct ev_loop *loop, struct ev_prepare *w, int revents)
{
	const struct serve *serve = w->data;

	(void)revents;
	if (runs_left(serve->api.runs) == 0 && ups_left(serve->api.ups) == 0)
		ev_break(loop, EVBREAK_ALL);
}

/* The first asks the runs to end, which takes as long as taking down a lab; the second kills. */
static void on_signal(struct ev_loop *loop, struct ev_signal *w, int revents)
{
	struct serve *serve = w->data;
	double patience_s = serve->api.stopping ? 0 : STOP_PATIENCE_S;
	size_t left = runs_left(serve->api.runs);

	(void)revents;
	if (left > 0)
		log_info(serve->api.stopping ? "killing what is left of %zu runs"
					     : "stopping: %zu runs end, what they measured is kept",
			 left);
	serve->api.stopping = true;
	runs_stop(serve->api.runs, "the server was stopped", patience_s);
	ups_stop(serve->api.ups, patience_s);
	ev_prepare_start(loop, &serve->emptied);
}

static void signals_catch(struct serve *serve)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < 3; i++) {
		ev_signal_init(&serve->signals[i], on_signal, numbers[i]);
		serve->signals[i].data = serve;
		ev_signal_start(serve->loop, &serve->signals[i]);
	}
	ev_prepare_init(&serve->emptied, on_emptied);
	serve->emptied.data = serve;
}

static int serve_run(const struct serve_options *o, const struct http_options *http,
		     const char *out)
{
	struct serve serve = { .loop = ev_default_loop(EVFLAG_AUTO) };
	struct api *api = &serve.api;
	struct http_server *server;
	struct runs_setup setup = { .loop = serve.loop, .out = out, .parallel = o->parallel };
	int err;

	api->out = out;
	api->defaults = (struct order_defaults){ o->runtime, o->lab };
	api->events = setup.events = event_log_new(EVENTS_KEPT);
	err = http_server_new(&server, serve.loop, http, api_routes, api);
	if (err < 0) {
		log_error("%s: %s%s", o->listen, strerror(-err),
			  err == -EADDRINUSE ? ": end who has it, or choose another with --listen"
					     : "");
		event_log_free(api->events);
		return EXIT_ENVIRONMENT;
	}
	signals_catch(&serve);
	run_files_raise();
	api->runs = runs_new(&setup);
	api->ups = ups_new(serve.loop, api->events, out);
	api->feeds = feeds_new(serve.loop, api->events, api->runs);
	log_info("serving on %s, runs below %s", o->listen, out);
	ev_run(serve.loop, 0);
	feeds_free(api->feeds);
	http_server_free(server);
	ups_free(api->ups);
	runs_free(api->runs);
	event_log_free(api->events);
	return EXIT_DONE;
}

int serve_main(int argc, char **argv)
{
	struct serve_options o;
	struct http_options http = { .server_name = "catchment-testbed" };
	json_t *text;
	char *token = NULL, *out;
	int status = EXIT_BAD_INPUT;

	if (!options_parse(&o, argc, argv))
		return EXIT_BAD_INPUT;
	text = json_object();
	if (listen_parse(&o, text, &http, &token)) {
		if (mkdir(o.out, 0755) == 0)
			record_give(o.out);
		out = realpath(o.out, NULL);
		if (!out)
			log_error("%s: %s", o.out, strerror(errno));
		status = out ? serve_run(&o, &http, out) : EXIT_ENVIRONMENT;
		free(out);
	}
	json_decref(text);
	free(token);
	return status;
}
