/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/command.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "testbed/run.h"
#include "testbed/runtime/namespaces.h"

#define ANSWER_PATIENCE_S 10

/* Words of a command that asks a running lab. */
struct words {
	const char *lab;
	bool json;
	char **rest;
	int rest_count;
};

/* With stop_early, options after the first other word belong to somebody else. */
static bool words_parse(struct words *w, int argc, char **argv, bool stop_early)
{
	static const struct option options[] = { { "lab", required_argument, NULL, 'l' },
						 { "json", no_argument, NULL, 'j' },
						 { NULL, 0, NULL, 0 } };
	int opt;

	*w = (struct words){ 0 };
	optind = 0;
	while ((opt = getopt_long(argc, argv, stop_early ? "+" : "", options, NULL)) >= 0) {
		if (opt == 'l')
			w->lab = optarg;
		else if (opt == 'j')
			w->json = true;
		else
			return false;
	}
	w->rest = argv + optind;
	w->rest_count = argc - optind;
	return true;
}

/* A connection to the lab's supervisor, -errno if there is none. */
static int lab_connect(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), LAB_ROOT "/%s/control", name);
	return control_connect(path);
}

bool command_lab_runs(const char *name)
{
	int fd = lab_connect(name);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Each running lab's name to found; returns how many. Dead ones leave only a directory. */
static size_t labs_find(char **found, size_t room)
{
	DIR *dir = opendir(LAB_ROOT);
	struct dirent *entry;
	size_t n = 0;

	while (dir && (entry = readdir(dir)) && n < room) {
		int fd = entry->d_name[0] == '.' ? -1 : lab_connect(entry->d_name);

		if (fd >= 0) {
			close(fd);
			found[n++] = xstrdup(entry->d_name);
		}
	}
	if (dir)
		closedir(dir);
	return n;
}

/* The lab meant: the one named, or the only one. Says what is wrong otherwise. */
static int lab_open(const char *name)
{
	char *found[16];
	size_t n = 0;
	int fd;

	if (name) {
		fd = lab_connect(name);
		if (fd < 0)
			log_error("no lab '%s' is running%s", name,
				  fd == -EACCES ? " that you may use: run this as root" : "");
		return fd;
	}
	n = labs_find(found, 16);
	fd = n == 1 ? lab_connect(found[0]) : -ENOENT;
	if (n == 0)
		log_error("no lab is running%s",
			  geteuid() == 0 ? "" : ", or none that you may see: run this as root");
	else if (n > 1)
		log_error("%zu labs are running: say which with --lab NAME", n);
	while (n > 0)
		free(found[--n]);
	return fd;
}

/* Ask and wait. NULL, said why, when there was no good answer. Takes msg over. */
static json_t *ask(const char *lab, json_t *msg)
{
	int fd = lab_open(lab);
	const struct timeval patience = { .tv_sec = ANSWER_PATIENCE_S };
	const char *error;
	json_t *reply;

	if (fd < 0) {
		json_decref(msg);
		return NULL;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	json_object_set_new(msg, "type", json_string("command"));
	reply = control_send_fd(fd, msg, -1) == 0 ? control_receive_fd(fd, NULL) : NULL;
	close(fd);
	error = json_string_value(json_object_get(reply, "error"));
	if (!reply || error) {
		log_error("%s", error ? error : "the lab has not answered");
		json_decref(reply);
		return NULL;
	}
	json_object_del(reply, "type");
	return reply;
}

static int usage(const char *text)
{
	log_error("usage: catchment-testbed %s", text);
	return EXIT_BAD_INPUT;
}

static void json_print(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
}

static void status_print(const json_t *status)
{
	const json_t *item;
	size_t i;

	printf("lab %s: scenario %s, %s, %zu nodes, %lld wires\n",
	       json_string_value(json_object_get(status, "lab")),
	       json_string_value(json_object_get(status, "scenario")),
	       json_string_value(json_object_get(status, "phase")),
	       json_array_size(json_object_get(status, "nodes")),
	       (long long)json_integer_value(json_object_get(status, "wires")));
	json_array_foreach (json_object_get(status, "nodes"), i, item) {
		const json_t *daemon;
		size_t j;

		printf("  %-24s %-10s %-5s", json_string_value(json_object_get(item, "name")),
		       json_string_value(json_object_get(item, "kind")),
		       json_is_true(json_object_get(item, "up")) ? "up" : "down");
		json_array_foreach (json_object_get(item, "daemons"), j, daemon) {
			printf(" %s", json_string_value(daemon));
		}
		putchar('\n');
	}
	json_array_foreach (json_object_get(status, "faults"), i, item) {
		printf("  fault %lld: %s %s%s\n",
		       (long long)json_integer_value(json_object_get(item, "id")),
		       json_string_value(json_object_get(item, "kind")),
		       json_string_value(json_object_get(item, "target")),
		       json_is_null(json_object_get(item, "undone_ns")) ? "" : " (restored)");
	}
}

/* Without --lab: every lab there is. */
int command_status(int argc, char **argv)
{
	json_t *all = json_array();
	struct words w;
	char *found[16];
	size_t n = 0, i;
	const json_t *status;

	if (!words_parse(&w, argc, argv, false) || w.rest_count > 0) {
		json_decref(all);
		return usage("status [--lab NAME] [--json]");
	}
	if (w.lab)
		found[n++] = xstrdup(w.lab);
	else
		n = labs_find(found, 16);
	for (i = 0; i < n; i++) {
		json_t *reply = ask(found[i], json_pack("{s:s}", "command", "status"));

		if (reply)
			json_array_append_new(all, reply);
		free(found[i]);
	}
	if (w.json) {
		json_print(all);
	} else {
		json_array_foreach (all, i, status) {
			status_print(status);
		}
		if (n == 0)
			printf("no lab is running%s\n",
			       geteuid() == 0 ? "" : ", or none that you may see");
	}
	n = w.lab && json_array_size(all) == 0 ? EXIT_FAILED : EXIT_DONE;
	json_decref(all);
	return (int)n;
}

int command_down(int argc, char **argv)
{
	struct words w;
	json_t *nothing;
	int fd;

	if (!words_parse(&w, argc, argv, false) || w.rest_count > 0)
		return usage("down [--lab NAME]");
	fd = lab_open(w.lab);
	if (fd < 0)
		return EXIT_FAILED;
	control_send_fd(fd, json_pack("{s:s, s:s}", "type", "command", "command", "down"), -1);
	/* It closes the connection when everything is gone. */
	nothing = control_receive_fd(fd, NULL);
	json_decref(nothing);
	close(fd);
	return EXIT_DONE;
}

int command_exec(int argc, char **argv)
{
	struct words w;
	json_t *reply;
	pid_t pid;
	int err, command = 1;

	if (!words_parse(&w, argc, argv, true) || w.rest_count < 2)
		return usage("exec [--lab NAME] NODE -- COMMAND...");
	if (strcmp(w.rest[1], "--") == 0)
		command = 2;
	if (command >= w.rest_count)
		return usage("exec [--lab NAME] NODE -- COMMAND...");
	reply = ask(w.lab, json_pack("{s:s, s:s}", "command", "pid", "node", w.rest[0]));
	if (!reply)
		return EXIT_FAILED;
	pid = (pid_t)json_integer_value(json_object_get(reply, "pid"));
	json_decref(reply);
	err = namespaces_exec(pid, w.rest + command);
	log_error("%s: %s", w.rest[0], strerror(-err));
	return EXIT_ENVIRONMENT;
}

static int reply_finish(json_t *reply, bool json, const char *what)
{
	if (!reply)
		return EXIT_FAILED;
	if (json)
		json_print(reply);
	else
		printf("fault %lld: %s %s %s\n",
		       (long long)json_integer_value(json_object_get(reply, "id")),
		       json_string_value(json_object_get(reply, "kind")),
		       json_string_value(json_object_get(reply, "target")), what);
	json_decref(reply);
	return EXIT_DONE;
}

int command_fault(int argc, char **argv)
{
	struct words w;
	enum fault_kind kind;

	if (!words_parse(&w, argc, argv, false) || w.rest_count != 2)
		return usage("fault [--lab NAME] [--json] KIND TARGET");
	if (!fault_kind_parse(&kind, w.rest[0])) {
		log_error("unknown kind of fault '%s'", w.rest[0]);
		return EXIT_BAD_INPUT;
	}
	return reply_finish(ask(w.lab, json_pack("{s:s, s:s, s:s}", "command", "fault", "kind",
						 w.rest[0], "target", w.rest[1])),
			    w.json, "injected");
}

int command_restore(int argc, char **argv)
{
	struct words w;
	char *end;
	long id;

	if (!words_parse(&w, argc, argv, false) || w.rest_count != 1)
		return usage("restore [--lab NAME] [--json] ID");
	id = strtol(w.rest[0], &end, 10);
	if (*end || id < 1 || id > 1000000)
		return usage("restore [--lab NAME] [--json] ID");
	return reply_finish(
		ask(w.lab, json_pack("{s:s, s:i}", "command", "restore", "id", (int)id)), w.json,
		"restored");
}
