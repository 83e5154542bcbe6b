/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/client.h"

#include <ev.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "lib/log.h"
#include "testbed/client/conf.h"
#include "testbed/client/group.h"
#include "testbed/client/report.h"

/* A supervisor that does not take the last messages in this time is not going to. */
#define FLUSH_LIMIT_S 5

struct options {
	const char *config, *control;
};

struct client {
	struct ev_loop *loop;
	struct client_conf *conf;
	struct client_report *report;
	struct client_group *group;
	ev_signal term, intr;
	ev_timer flush_limit;
	int status;
};

static bool options_parse(struct options *out, int argc, char **argv)
{
	static const struct option longs[] = { { "config", required_argument, NULL, 'c' },
					       { "control", required_argument, NULL, 's' },
					       { 0 } };
	int c;

	*out = (struct options){ 0 };
	optind = 0; /* main has parsed before */
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'c')
			out->config = optarg;
		else if (c == 's')
			out->control = optarg;
		else
			return false;
	}
	if (optind == argc && out->config && out->control)
		return true;
	log_error("usage: %s --config FILE --control PATH", argv[0]);
	return false;
}

static struct client_conf *conf_from_file(const char *path)
{
	struct conf_error err = { 0 };
	json_t *json = conf_read_file(path, &err);
	struct client_conf *conf = json ? client_conf_load(json, &err) : NULL;
	char text[400];

	json_decref(json);
	if (!conf)
		log_error("client: %s: %s", path, conf_error_format(&err, text, sizeof(text)));
	return conf;
}

/* Every socket that may be needed, before the first is. */
static bool files_raise(const struct client_conf *conf)
{
	const size_t needed = client_group_files(conf);
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max >= needed)
		return true;
	log_error("client %s: may need %zu open files, %llu are allowed (ulimit -n)", conf->group,
		  needed, (unsigned long long)limit.rlim_max);
	return false;
}

static void on_report_end(void *ctx, bool lost)
{
	struct client *client = ctx;

	if (lost) {
		log_error("client %s: the supervisor is gone", client->conf->group);
		client->status = 1;
	}
	ev_break(client->loop, EVBREAK_ALL);
}

static void on_flush_limit(struct ev_loop *loop __attribute__((unused)), ev_timer *w,
			   int revents __attribute__((unused)))
{
	on_report_end(w->data, true);
}

static void on_stopped(void *ctx)
{
	struct client *client = ctx;

	ev_timer_start(client->loop, &client->flush_limit);
	client_report_finish(client->report);
}

static void on_signal(struct ev_loop *loop, ev_signal *w, int revents __attribute__((unused)))
{
	struct client *client = w->data;

	/* Once: the second one finds the default action, and ends the process. */
	ev_signal_stop(loop, &client->term);
	ev_signal_stop(loop, &client->intr);
	client_group_stop(client->group, on_stopped, client);
}

static int start(struct client *client, const char *control)
{
	int err;

	if (!files_raise(client->conf))
		return 3;
	err = client_report_new(&client->report, client->loop, control, client->conf->group);
	if (err) {
		log_error("client %s: %s: %s", client->conf->group, control, strerror(-err));
		return 3;
	}
	/* 50 us of slack, the default, are more than a send may be late without being noticed. */
	prctl(PR_SET_TIMERSLACK, 1);
	err = client_group_new(&client->group, client->loop, client->conf, client->report);
	if (err) {
		log_error("client %s: %s", client->conf->group, strerror(-err));
		return 3;
	}
	ev_signal_init(&client->term, on_signal, SIGTERM);
	ev_signal_init(&client->intr, on_signal, SIGINT);
	ev_timer_init(&client->flush_limit, on_flush_limit, FLUSH_LIMIT_S, 0);
	client->term.data = client->intr.data = client->flush_limit.data = client;
	ev_signal_start(client->loop, &client->term);
	ev_signal_start(client->loop, &client->intr);
	client_report_listen(client->report, on_report_end, client);
	return 0;
}

int client_main(int argc, char **argv)
{
	struct client client = { 0 };
	struct options options;

	if (!options_parse(&options, argc, argv))
		return 2;
	client.conf = conf_from_file(options.config);
	if (!client.conf)
		return 2;
	client.loop = ev_default_loop(0);
	client.status = start(&client, options.control);
	if (client.status == 0)
		ev_run(client.loop, 0);
	if (client.group) {
		ev_signal_stop(client.loop, &client.term);
		ev_signal_stop(client.loop, &client.intr);
		ev_timer_stop(client.loop, &client.flush_limit);
	}
	client_group_free(client.group);
	client_report_free(client.report);
	client_conf_free(client.conf);
	ev_loop_destroy(client.loop);
	return client.status;
}
