/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_daemons.c - the daemons of a node: started, heard, mourned.
 *
 * Each runs in a process group of its own, so that a kill reaches its children
 * too, with standard output and error on a pipe whose lines go to the
 * supervisor. Nothing is restarted: a death is reported, with whether the
 * supervisor had told us to bring it about.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/config/plan.h"
#include "testbed/runtime/agent_parts.h"

#define LINE_MAX_BYTES 1024
#define PIPE_READS     17 /* of 4096 bytes: a pipe of 64 KiB */

struct agent_daemon {
	struct agent_daemon *next;
	struct agent *agent;
	char *name;
	pid_t pid;
	bool told; /* to end, by the supervisor */
	bool once; /* and done when it ends with status 0 */
	ev_child child;
	ev_io output;
	char line[LINE_MAX_BYTES];
	size_t line_len;
	struct agent_stream *stream;
};

static void line_send(struct agent_daemon *d)
{
	json_t *line = json_stringn(d->line, d->line_len);

	d->line_len = 0;
	if (line) /* not UTF-8: not shown */
		control_send(d->agent->control,
			     json_pack("{s:s, s:s, s:o, s:I}", "type", "log", "daemon", d->name,
				       "line", line, "t_ns", (json_int_t)clock_now().ns),
			     -1);
}

/* What there is, up to a buffer full. Returns what read() did. */
static ssize_t output_read(struct agent_daemon *d)
{
	char buf[4096];
	ssize_t n = read(d->output.fd, buf, sizeof(buf));

	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] != '\n' && d->line_len < sizeof(d->line))
			d->line[d->line_len++] = buf[i];
		if (buf[i] == '\n' && d->line_len > 0)
			line_send(d);
	}
	return n;
}

static void on_output(struct ev_loop *loop, ev_io *w, int revents)
{
	ssize_t n = output_read(w->data);

	(void)revents;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		ev_io_stop(loop, w);
}

static void daemon_remove(struct agent_daemon *d)
{
	struct agent_daemon **at = &d->agent->daemons;

	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	ev_child_stop(d->agent->loop, &d->child);
	ev_io_stop(d->agent->loop, &d->output);
	close(d->output.fd);
	agent_stream_free(d->stream);
	free(d->name);
	free(d);
}

static void on_exit_of_child(struct ev_loop *loop, ev_child *w, int revents)
{
	struct agent_daemon *d = w->data;

	(void)loop;
	(void)revents;
	/* The last words are in the pipe already, and no more than a pipe holds. */
	for (size_t i = 0; i < PIPE_READS && output_read(d) > 0; i++)
		;
	if (d->line_len > 0)
		line_send(d);
	control_send(d->agent->control,
		     json_pack("{s:s, s:s, s:i, s:i, s:b}", "type", "exited", "daemon", d->name,
			       "status", WIFEXITED(w->rstatus) ? WEXITSTATUS(w->rstatus) : -1,
			       "signal", WIFSIGNALED(w->rstatus) ? WTERMSIG(w->rstatus) : 0, "told",
			       d->told || (d->once && w->rstatus == 0)),
		     -1);
	daemon_remove(d);
}

static void child_exec(const json_t *daemon, int output)
{
	const json_t *argv = json_object_get(daemon, "argv");
	size_t count = json_array_size(argv);
	char **args = xcalloc(count + 1, sizeof(*args));
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	for (size_t i = 0; i < count; i++)
		args[i] = xstrdup(json_string_value(json_array_get(argv, i)));
	setpgid(0, 0);
	/* Where it is refused the daemon is no worse than without. */
	setpriority(PRIO_PROCESS, 0, (int)json_integer_value(json_object_get(daemon, "nice")));
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* Configurations are named relative to it. */
	if (chdir(PLAN_DIR) < 0)
		_exit(127);
	dup2(null, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	execvp(args[0], args);
	dprintf(STDERR_FILENO, "cannot run %s: %s\n", args[0], strerror(errno));
	_exit(127);
}

static struct agent_daemon *daemon_add(struct agent *agent, const char *name, pid_t pid, int output)
{
	struct agent_daemon *d = x_new(struct agent_daemon);

	d->agent = agent;
	d->name = xstrdup(name);
	d->pid = pid;
	d->next = agent->daemons;
	agent->daemons = d;
	ev_child_init(&d->child, on_exit_of_child, pid, 0);
	ev_io_init(&d->output, on_output, output, EV_READ);
	d->child.data = d->output.data = d;
	ev_child_start(agent->loop, &d->child);
	ev_io_start(agent->loop, &d->output);
	return d;
}

static bool is_running(const struct agent *agent, const char *name)
{
	for (const struct agent_daemon *d = agent->daemons; d; d = d->next) {
		if (strcmp(d->name, name) == 0 && !d->told)
			return true;
	}
	return false;
}

/* Its process, whose words come from *output, or -errno. */
static pid_t daemon_fork(const json_t *daemon, int *output)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		child_exec(daemon, ends[1]);
	if (pid < 0)
		pid = -errno;
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return pid;
	}
	setpgid(pid, pid); /* as the child does: a kill may come before it has run */
	*output = ends[0];
	return pid;
}

void agent_daemon_start(struct agent *agent, const json_t *daemon)
{
	const char *name = json_string_value(json_object_get(daemon, "name"));
	const char *events = json_string_value(json_object_get(daemon, "events"));
	struct agent_daemon *d;
	int output = -1;
	pid_t pid;

	/* Mending a node that has been made anew meanwhile: it has all its daemons. */
	if (!name || is_running(agent, name))
		return;
	/* A stream must not read the events of the daemon's predecessor. */
	if (events)
		unlink(events);
	pid = daemon_fork(daemon, &output);
	if (pid < 0) {
		agent_fail(agent, xasprintf("cannot start %s: %s", name, strerror(-pid)));
		return;
	}
	d = daemon_add(agent, name, pid, output);
	d->once = json_is_true(json_object_get(daemon, "once"));
	if (events) {
		d->stream = agent_stream_new(agent, d->name, events);
		agent_relay_start(agent, events);
	}
	control_send(agent->control, json_pack("{s:s, s:s}", "type", "started", "daemon", name),
		     -1);
}

void agent_daemon_kill(struct agent *agent, const char *name, int signal)
{
	agent_order_forget(agent, name);
	for (struct agent_daemon *d = agent->daemons; d; d = d->next) {
		if (strcmp(d->name, name) != 0)
			continue;
		d->told = d->told || signal != SIGHUP; /* which bids it begin anew */
		kill(signal == SIGKILL ? -d->pid : d->pid, signal);
	}
}
