/* SPDX-License-Identifier: GPL-3.0-or-later */
/* catchment-lb: the daemon of one PoP. docs/lb.md describes its configuration. */
#include <errno.h>
#include <ev.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lb/apply.h"
#include "lb/restarting.h"
#include "lib/log.h"
#include "lib/version.h"

enum { EXIT_USAGE = 2, EXIT_ENVIRONMENT = 3 };

struct options {
	const char *config, *mesh_key;
	bool check;
};

static const char help[] =
	"Usage: catchment-lb --config FILE [--check] [--verbose]\n"
	"       catchment-lb --mesh-key FILE\n"
	"Checks origins, and announces VIPs by BGP while they are up.\n"
	"\n"
	"  --config FILE   JSON configuration, see docs/lb.md\n"
	"  --check         read the configuration, say what is wrong, start nothing\n"
	"  --mesh-key FILE make a file with a secret key for the mesh, unless it is there, and\n"
	"                  print the public key\n"
	"  --verbose       say more on standard error\n"
	"  --version       print the version\n"
	"  --help          print this\n"
	"\n"
	"SIGHUP reads the configuration again and applies what has changed. SIGUSR2 starts the program\n"
	"anew in place of itself; addresses, routes and connections stay.\n"
	"Exit status: 0 stopped as asked, 2 bad command line or configuration, 3 something about\n"
	"this machine stands in the way.\n";

/* Returns the status to exit with, or -1 to go on. */
static int parse_arguments(struct options *out, int argc, char **argv)
{
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'n' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ "mesh-key", required_argument, NULL, 'k' },
		{ 0 },
	};
	int c;

	*out = (struct options){ 0 };
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'c':
			out->config = optarg;
			break;
		case 'k':
			out->mesh_key = optarg;
			break;
		case 'n':
			out->check = true;
			break;
		case 'v':
			log_set_verbose(true);
			break;
		case 'V':
			printf("catchment-lb %s\n", version_text());
			return EXIT_SUCCESS;
		case 'h':
			fputs(help, stdout);
			return EXIT_SUCCESS;
		default:
			return EXIT_USAGE;
		}
	}
	if ((out->config || out->mesh_key) && optind == argc)
		return -1;
	if (optind < argc)
		fprintf(stderr, "catchment-lb: unexpected argument '%s'\n", argv[optind]);
	else
		fputs("catchment-lb: --config FILE is required\n", stderr);
	return EXIT_USAGE;
}

static struct lb_conf *load(const char *path)
{
	struct conf_error err = { 0 };
	struct lb_conf *conf = lb_conf_load(conf_read_file(path, &err), &err);
	char text[sizeof(err.path) + sizeof(err.reason) + 4];

	if (!conf)
		fprintf(stderr, "%s: %s\n", path, conf_error_format(&err, text, sizeof(text)));
	return conf;
}

static int make_mesh_key(const char *path)
{
	uint8_t public_key[MESH_KEY_SIZE];
	char text[MESH_KEY_DIGITS + 1];
	int err = mesh_seal_init() ? mesh_key_make(path, public_key) : -ENOSYS;

	if (err == -EINVAL)
		fprintf(stderr, "%s: is there, but holds no key; it is left as it is\n", path);
	else if (err)
		fprintf(stderr, "%s: %s\n", path, strerror(-err));
	else
		puts(mesh_key_format(public_key, text));
	return err ? EXIT_ENVIRONMENT : EXIT_SUCCESS;
}

static void on_signal(struct ev_loop *loop, struct ev_signal *watcher, int revents)
{
	(void)loop;
	(void)revents;
	lb_daemon_stop(watcher->data);
}

static void on_restart(struct ev_loop *loop, struct ev_signal *watcher, int revents)
{
	(void)loop;
	(void)revents;
	lb_daemon_restart(watcher->data);
}

static void on_hangup(struct ev_loop *loop, struct ev_signal *watcher, int revents)
{
	struct lb_reload_reply reply;

	(void)loop;
	(void)revents;
	lb_daemon_reload(watcher->data, &reply);
	json_decref(reply.changes);
}

/* The next one, in this process: a supervisor notices nothing. */
static int run_next(char **argv)
{
	execvp(argv[0], argv);
	/* Perhaps it is just being replaced: better the same one again than nobody. */
	execv("/proc/self/exe", argv);
	log_error("cannot start %s: %s", argv[0], strerror(errno));
	return EXIT_ENVIRONMENT;
}

/*
 * how: SIG_BLOCK, none is heard from now on; but the next one in this process hears of those that
 * came meanwhile, once it lets them in.
 */
static void signals_mask(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2);
	sigprocmask(how, &set, NULL);
}

/* conf is taken over. */
static int run(struct lb_conf *conf, const char *path, char **argv)
{
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
	struct ev_signal term, interrupt, hangup, restart;
	struct lb_daemon *lb;
	bool restarts;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a dump that reaches LimitFSIZE is EFBIG, not our end */
	/* Watched from now on, so that a stop during the start does not leave anything behind. */
	ev_signal_init(&term, on_signal, SIGTERM);
	ev_signal_init(&interrupt, on_signal, SIGINT);
	ev_signal_init(&hangup, on_hangup, SIGHUP);
	ev_signal_init(&restart, on_restart, SIGUSR2);
	ev_signal_start(loop, &term);
	ev_signal_start(loop, &interrupt);
	ev_signal_start(loop, &hangup);
	ev_signal_start(loop, &restart);
	signals_mask(SIG_UNBLOCK);
	if (lb_daemon_new(&lb, loop, conf, path) < 0)
		return EXIT_ENVIRONMENT;
	term.data = interrupt.data = hangup.data = restart.data = lb;
	ev_run(loop, 0);
	/* Not ev_signal_stop(): it brings back the default, and a second signal would kill. */
	signals_mask(SIG_BLOCK);
	restarts = lb->restarts;
	lb_daemon_free(lb);
	ev_loop_destroy(loop);
	return restarts ? run_next(argv) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options options;
	int status = parse_arguments(&options, argc, argv);
	struct lb_conf *conf;

	if (status >= 0)
		return status;
	if (options.mesh_key)
		return make_mesh_key(options.mesh_key);
	conf = load(options.config);
	if (!conf)
		return EXIT_USAGE;
	if (!options.check)
		return run(conf, options.config, argv);
	lb_conf_free(conf);
	return EXIT_SUCCESS;
}
