/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "testbed/labs.h"
#include "testbed/run.h"
#include "testbed/runtime/namespaces.h"

/* Words of a command that asks a running lab. */
struct words {
	const char *lab;
	bool json;
	bool no_carrier;      /* of fault, as is the next */
	const char *deadline; /* ms */
	char **rest;
	int rest_count;
};

static const struct option plain_options[] = { { "lab", required_argument, NULL, 'l' },
					       { "json", no_argument, NULL, 'j' },
					       { NULL, 0, NULL, 0 } };
static const struct option fault_options[] = { { "lab", required_argument, NULL, 'l' },
					       { "json", no_argument, NULL, 'j' },
					       { "no-carrier", no_argument, NULL, 'n' },
					       { "deadline-ms", required_argument, NULL, 'd' },
					       { NULL, 0, NULL, 0 } };

/* After a "+" in `ends`, options after the first other word belong to somebody else. */
static bool options_parse(struct words *w, int argc, char **argv, const struct option *options,
			  const char *ends)
{
	int opt;

	*w = (struct words){ 0 };
	optind = 0;
	while ((opt = getopt_long(argc, argv, ends, options, NULL)) >= 0) {
		if (opt == 'l')
			w->lab = optarg;
		else if (opt == 'j')
			w->json = true;
		else if (opt == 'n')
			w->no_carrier = true;
		else if (opt == 'd')
			w->deadline = optarg;
		else
			return false;
	}
	w->rest = argv + optind;
	w->rest_count = argc - optind;
	return true;
}

static bool words_parse(struct words *w, int argc, char **argv, bool stop_early)
{
	return options_parse(w, argc, argv, plain_options, stop_early ? "+" : "");
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

/* It may end between the two questions. */
static void status_add(json_t *all, const char *lab)
{
	json_t *status = labs_ask(lab, json_pack("{s:s}", "command", "status"));
	json_t *served = status ? labs_ask(lab, json_pack("{s:s}", "command", "catchments")) : NULL;

	if (status && served) {
		json_object_set(status, "catchments", json_object_get(served, "catchments"));
		json_array_append(all, status);
	}
	json_decref(served);
	json_decref(status);
}

/* Without --lab: every lab there is. */
int command_status(int argc, char **argv)
{
	struct labs labs = { 0 };
	struct words w;
	const json_t *status;
	json_t *all;
	size_t i;
	int exit_status;

	if (!words_parse(&w, argc, argv, false) || w.rest_count > 0)
		return usage("status [--lab NAME] [--json]");
	all = json_array();
	if (w.lab)
		status_add(all, w.lab);
	else
		labs = labs_find();
	for (i = 0; i < labs.count; i++)
		status_add(all, labs.names[i]);
	if (w.json) {
		json_print(all);
	} else {
		json_array_foreach (all, i, status) {
			command_status_print(status, json_object_get(status, "catchments"));
		}
		if (!w.lab && labs.count == 0)
			printf("no lab is running%s\n",
			       geteuid() == 0 ? "" : ", or none that you may see");
	}
	exit_status = w.lab && json_array_size(all) == 0 ? EXIT_FAILED : EXIT_DONE;
	labs_free(&labs);
	json_decref(all);
	return exit_status;
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
	reply = labs_ask(w.lab, json_pack("{s:s, s:s}", "command", "pid", "node", w.rest[0]));
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
	json_t *msg;
	char *end;

	if (!options_parse(&w, argc, argv, fault_options, "") || w.rest_count != 2)
		return usage(
			"fault [--lab NAME] [--json] [--no-carrier] [--deadline-ms N] KIND TARGET");
	if (!fault_kind_parse(&kind, w.rest[0])) {
		log_error("unknown kind of fault '%s'", w.rest[0]);
		return EXIT_BAD_INPUT;
	}
	msg = json_pack("{s:s, s:s, s:s}", "command", "fault", "kind", w.rest[0], "target",
			w.rest[1]);
	if (w.deadline) {
		const long ms = strtol(w.deadline, &end, 10);

		if (*end || end == w.deadline) {
			json_decref(msg);
			return usage("fault --deadline-ms N drain POP");
		}
		json_object_set_new(msg, "deadline_ms", json_integer(ms));
	}
	if (w.no_carrier)
		json_object_set_new(msg, "carrier", json_false());
	return reply_finish(labs_ask(w.lab, msg), w.json, "injected");
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
		labs_ask(w.lab, json_pack("{s:s, s:i}", "command", "restore", "id", (int)id)),
		w.json, "restored");
}
