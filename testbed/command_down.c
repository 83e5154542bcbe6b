/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command_down.c - "down": end a lab, by its name or as the only one, in whatever state it is.
 *
 * One that runs is told to, and its connection ends when all of it is gone. One
 * that has its name but no socket is just starting or ending: waited for. Of
 * one that was killed there may be something left: removed.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "testbed/ask.h"
#include "testbed/command.h"
#include "testbed/labs.h"
#include "testbed/run.h"
#include "testbed/runtime/docker.h"

#define PATIENCE_S 180
#define LOOK_MS	   20

struct down {
	const char *lab;
	unsigned patience_s;
	struct instant deadline;
};

static bool options_parse(struct down *d, int argc, char **argv)
{
	static const struct option options[] = { { "lab", required_argument, NULL, 'l' },
						 { "patience", required_argument, NULL, 'p' },
						 { NULL, 0, NULL, 0 } };
	long patience = PATIENCE_S;
	char *end;
	int opt;

	*d = (struct down){ 0 };
	optind = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (opt == 'l') {
			d->lab = optarg;
		} else if (opt == 'p') {
			patience = strtol(optarg, &end, 10);
			if (*end || patience < 1 || patience > 86400)
				return false;
		} else {
			return false;
		}
	}
	d->patience_s = (unsigned)patience;
	d->deadline = instant_after_s(clock_now(), (int)patience);
	return optind == argc && (!d->lab || lab_name_is_valid(d->lab));
}

/*
 * A connection, or -errno: -ENOENT when nobody has the name, or has it any more. *taken: somebody
 * had it meanwhile. Looking again and again, as the name can be given up without a word.
 */
static int supervisor_find(const struct down *d, bool *taken)
{
	int fd = ask_connect(d->lab, d->deadline);

	while ((fd == -ENOENT || fd == -ECONNREFUSED) && lab_dir_is_taken(d->lab)) {
		*taken = true;
		if (instant_reached(d->deadline, clock_now()))
			return -ETIMEDOUT;
		poll(NULL, 0, LOOK_MS);
		fd = ask_connect(d->lab, d->deadline);
	}
	return fd;
}

/* Its end is that of the connection, which is closed here. */
static int supervisor_end(const struct down *d, int fd)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	json_t *nothing = NULL;
	int err;

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	err = ask_send(fd, json_pack("{s:s}", "command", "down"));
	if (err < 0)
		close(fd);
	else
		err = ask_end(fd, d->deadline, &nothing);
	json_decref(nothing);
	if (err != -ETIMEDOUT)
		return EXIT_DONE;
	log_error("lab %s: has not ended within %u s: its supervisor is process %d, 'kill -9' "
		  "ends it",
		  d->lab, d->patience_s, (int)peer.pid);
	return EXIT_FAILED;
}

/* Of a lab that no supervisor minds any more. was_taken: somebody had the name until just now. */
static int leftovers_remove(const struct down *d, bool was_taken)
{
	const enum docker_removal containers =
		geteuid() == 0 ? docker_lab_remove(d->lab) : DOCKER_NOTHING;
	bool removed;

	if (containers == DOCKER_STAYS) {
		log_error("lab %s: its containers stay, as the container engine does not remove "
			  "them",
			  d->lab);
		return EXIT_FAILED;
	}
	removed = lab_dir_clean(d->lab) || containers == DOCKER_REMOVED;
	if (was_taken) /* and has ended while we looked, as was wanted */
		return EXIT_DONE;
	if (removed)
		log_info("no lab '%s' is running; its leftovers are removed", d->lab);
	else
		log_error("no lab '%s' is running", d->lab);
	return removed ? EXIT_DONE : EXIT_FAILED;
}

static bool has_compose_file(const char *lab)
{
	char *path = xasprintf(LAB_ROOT "/%s/docker-compose.yml", lab);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

static int named_down(const struct down *d)
{
	bool was_taken = false;
	int fd = supervisor_find(d, &was_taken), status;

	if (fd >= 0) {
		status = supervisor_end(d, fd);
		/* It was about to die of something else: its keeper does the rest. */
		return status == EXIT_DONE && has_compose_file(d->lab) ? leftovers_remove(d, true)
								       : status;
	}
	if (fd == -ENOENT || fd == -ECONNREFUSED || fd == -ENOTDIR)
		return leftovers_remove(d, was_taken);
	if (fd == -EACCES)
		log_error("no lab '%s' is running that you may use: run this as root", d->lab);
	else
		log_error("lab %s: its supervisor does not answer", d->lab);
	return EXIT_FAILED;
}

int command_down(int argc, char **argv)
{
	struct down d;
	char *only = NULL;
	int status = EXIT_FAILED;

	if (!options_parse(&d, argc, argv)) {
		log_error("usage: catchment-testbed down [--lab NAME] [--patience SECONDS]");
		return EXIT_BAD_INPUT;
	}
	if (!d.lab)
		d.lab = only = labs_only();
	if (d.lab)
		status = named_down(&d);
	free(only);
	return status;
}
