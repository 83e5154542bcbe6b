/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/labs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "testbed/runtime/lab.h"

#define ANSWER_PATIENCE_S 10

int labs_connect(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), LAB_ROOT "/%s/control", name);
	return control_connect(path);
}

bool labs_is_running(const char *name)
{
	int fd = labs_connect(name);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
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

int labs_open(const char *name)
{
	struct labs labs;
	int fd;

	if (name) {
		fd = labs_connect(name);
		if (fd < 0)
			log_error("no lab '%s' is running%s", name,
				  fd == -EACCES ? " that you may use: run this as root" : "");
		return fd;
	}
	labs = labs_find();
	fd = labs.count == 1 ? labs_connect(labs.names[0]) : -ENOENT;
	if (labs.count > 1)
		several_complain(&labs);
	else if (fd < 0)
		log_error("no lab is running%s",
			  geteuid() == 0 ? "" : ", or none that you may see: run this as root");
	labs_free(&labs);
	return fd;
}

json_t *labs_ask(const char *name, json_t *command)
{
	const struct timeval patience = { .tv_sec = ANSWER_PATIENCE_S };
	int fd = labs_open(name);
	const char *error;
	json_t *reply;

	if (fd < 0) {
		json_decref(command);
		return NULL;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	json_object_set_new(command, "type", json_string("command"));
	reply = control_send_fd(fd, command, -1) == 0 ? control_receive_fd(fd, NULL) : NULL;
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
