/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * runtime_docker.c - nodes in containers, beside a supervisor on the host.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "testbed/config/compose.h"
#include "testbed/run.h"
#include "testbed/runtime/containers.h"
#include "testbed/runtime/docker.h"

struct docker {
	struct lab *lab;
	int hold; /* the pipe to the keeper */
	ev_child keeper, up;
	ev_io output;
	char line[1024];
	size_t line_len;
	char reason[600]; /* why Compose has failed, should it have */
};

static int check(const char *lab, const struct scenario *scenario)
{
	(void)scenario; /* the image has everything */
	if (!docker_name_good(lab)) {
		log_error("lab %s: for containers a name has only a-z, 0-9, - and _: give another "
			  "with --lab",
			  lab);
		return EXIT_BAD_INPUT;
	}
	if (geteuid() != 0) {
		log_error("the wires of a lab need root: run this with sudo");
		return EXIT_ENVIRONMENT;
	}
	return docker_environment_check();
}

static int file_write(const struct lab *lab)
{
	const struct compose_options options = { .lab = lab->name, .control_dir = lab->dir };
	char *path = xasprintf("%s/docker-compose.yml", lab->dir);
	FILE *f = fopen(path, "we");
	int err = f ? 0 : -errno;

	free(path);
	if (!f)
		return err;
	compose_write(f, lab->topology, &options);
	return fclose(f) == 0 ? 0 : -errno;
}

static void line_take(struct docker *d)
{
	d->line[d->line_len] = '\0';
	d->line_len = 0;
	record_log(d->lab->record, "testbed", "compose", d->line);
	docker_reason_note(d->reason, sizeof(d->reason), d->line);
}

static void on_output(struct ev_loop *loop, ev_io *w, int revents)
{
	struct docker *d = w->data;
	char buf[2048];
	ssize_t n;

	(void)revents;
	while ((n = read(w->fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] != '\n' && d->line_len < sizeof(d->line) - 1)
				d->line[d->line_len++] = buf[i];
			else if (buf[i] == '\n' && d->line_len > 0)
				line_take(d);
		}
	}
	if (n == 0 || errno != EAGAIN)
		ev_io_stop(loop, w);
}

static void keeper_tell(struct docker *d, const char *text)
{
	if (dprintf(d->hold, "%s\n", text) < 0)
		log_error("lab %s: its keeper does not listen", d->lab->name);
}

static void on_up_exit(struct ev_loop *loop, ev_child *w, int revents)
{
	struct docker *d = w->data;

	ev_child_stop(loop, w);
	on_output(loop, &d->output, revents);
	if (d->line_len > 0)
		line_take(d);
	if (WIFEXITED(w->rstatus) && WEXITSTATUS(w->rstatus) == 0)
		keeper_tell(d, "up");
	else
		lab_fail(d->lab, "the containers cannot be started: %s", d->reason);
}

static void on_keeper_exit(struct ev_loop *loop, ev_child *w, int revents)
{
	struct docker *d = w->data;

	(void)revents;
	ev_child_stop(loop, w);
	w->pid = 0;
	lab_fail(d->lab, "its keeper has died, and nobody would remove its containers");
}

static pid_t keeper_fork(struct docker *d)
{
	struct lab *lab = d->lab;
	const char *dir = record_dir(lab->record);
	char *log = dir ? xasprintf("%s/keeper.log", dir) : xstrdup("/dev/null");
	pid_t pid = docker_keeper_start(lab->name, lab->dir, lab->lock, log, &d->hold);

	free(log);
	return pid;
}

static int keeper_start(struct docker *d)
{
	pid_t pid = keeper_fork(d);

	if (pid < 0)
		return (int)pid;
	ev_child_init(&d->keeper, on_keeper_exit, pid, 0);
	d->keeper.data = d;
	ev_child_start(d->lab->loop, &d->keeper);
	return 0;
}

static int up_start(struct docker *d)
{
	struct lab *lab = d->lab;
	int output;
	pid_t pid = docker_up_start(lab->name, lab->dir, &output);
	char text[40];

	if (pid < 0)
		return (int)pid;
	snprintf(text, sizeof(text), "starting %d", (int)pid);
	keeper_tell(d, text);
	ev_child_init(&d->up, on_up_exit, pid, 0);
	ev_io_init(&d->output, on_output, output, EV_READ);
	d->up.data = d->output.data = d;
	ev_child_start(lab->loop, &d->up);
	ev_io_start(lab->loop, &d->output);
	return 0;
}

static int start(struct lab *lab)
{
	int err = file_write(lab);

	if (err < 0)
		return err;
	lab->docker = x_new(struct docker);
	lab->docker->lab = lab;
	lab->docker->hold = lab->docker->output.fd = -1;
	err = keeper_start(lab->docker);
	return err < 0 ? err : up_start(lab->docker);
}

/* The keeper says itself what stays. In the place of one that has died comes another. */
static void keeper_end(struct docker *d)
{
	pid_t pid = d->keeper.pid;

	if (d->hold < 0)
		return;
	ev_child_stop(d->lab->loop, &d->keeper);
	if (pid == 0) {
		close(d->hold);
		pid = keeper_fork(d);
	}
	if (pid < 0) {
		log_error("lab %s: its containers stay: 'catchment-testbed down --lab %s' removes "
			  "them",
			  d->lab->name, d->lab->name);
		return;
	}
	keeper_tell(d, "end");
	close(d->hold);
	waitpid(pid, NULL, 0);
}

static void stop(struct lab *lab)
{
	struct docker *d = lab->docker;

	if (!d)
		return;
	containers_end(lab);
	ev_io_stop(lab->loop, &d->output);
	if (ev_is_active(&d->up)) {
		ev_child_stop(lab->loop, &d->up);
		kill(-d->up.pid, SIGKILL);
		waitpid(d->up.pid, NULL, 0);
	}
	keeper_end(d);
	if (d->output.fd >= 0)
		close(d->output.fd);
	free(d);
	lab->docker = NULL;
}

const struct runtime runtime_docker = {
	.name = "docker",
	.kind = "docker",
	.nodes_return = true,
	.patience_s = 180,
	.shell = "docker run --rm --network none --entrypoint sh \"${CATCHMENT_IMAGE:-catchment}\"",
	.check = check,
	.start = start,
	.stop = stop,
	.agent_known = containers_agent_known,
	.node_crash = containers_node_crash,
	.node_restart = containers_node_restart,
};
