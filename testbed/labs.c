/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/labs.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "testbed/ask.h"
#include "testbed/runtime/lab.h"

#define ANSWER_PATIENCE_S 10

static struct instant patience(void)
{
	return instant_after_s(clock_now(), ANSWER_PATIENCE_S);
}

bool labs_is_running(const char *name)
{
	/* A queue of connections that is full belongs to a supervisor that hangs. */
	int fd = ask_connect(name, clock_now());

	if (fd >= 0)
		close(fd);
	return fd >= 0 || fd == -ETIMEDOUT;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct labs labs_find(void)
{
	struct labs labs = { 0 };
	DIR *dir = opendir(LAB_ROOT);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !labs_is_running(entry->d_name))
			continue;
		labs.names = xrealloc(labs.names, (labs.count + 1) * sizeof(*labs.names));
		labs.names[labs.count++] = xstrdup(entry->d_name);
	}
	if (dir)
		closedir(dir);
	if (labs.count > 0)
		qsort(labs.names, labs.count, sizeof(*labs.names), by_name);
	return labs;
}

void labs_free(struct labs *labs)
{
	for (size_t i = 0; i < labs->count; i++)
		free(labs->names[i]);
	free(labs->names);
	*labs = (struct labs){ 0 };
}

static void several_complain(const struct labs *labs)
{
	char *names = xstrdup(labs->names[0]);

	for (size_t i = 1; i < labs->count; i++) {
		char *longer = xasprintf("%s, %s", names, labs->names[i]);

		free(names);
		names = longer;
	}
	log_error("%zu labs are running (%s): say which with --lab NAME", labs->count, names);
	free(names);
}

char *labs_only(void)
{
	struct labs labs = labs_find();
	char *name = labs.count == 1 ? xstrdup(labs.names[0]) : NULL;

	if (labs.count > 1)
		several_complain(&labs);
	else if (!name)
		log_error("no lab is running%s",
			  geteuid() == 0 ? "" : ", or none that you may see: run this as root");
	labs_free(&labs);
	return name;
}

int labs_open(const char *name)
{
	char *only = name ? NULL : labs_only();
	int fd;

	if (!name && !only)
		return -ENOENT;
	fd = ask_connect(name ? name : only, patience());
	if (fd < 0)
		log_error("no lab '%s' is running%s", name ? name : only,
			  fd == -EACCES ? " that you may use: run this as root" : "");
	free(only);
	return fd;
}

json_t *labs_ask(const char *name, json_t *command)
{
	struct instant deadline = patience();
	int fd = labs_open(name);
	const char *error;
	json_t *reply = NULL;

	if (fd < 0) {
		json_decref(command);
		return NULL;
	}
	if (ask_send(fd, command) == 0)
		ask_end(fd, deadline, &reply);
	else
		close(fd);
	error = json_string_value(json_object_get(reply, "error"));
	if (!reply || error) {
		log_error("%s", error ? error : "the lab has not answered");
		json_decref(reply);
		return NULL;
	}
	return reply;
}
