/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "testbed/runtime/lab.h"

/* Milliseconds until the deadline, rounded up; 0 when it has passed. */
static int left_ms(struct instant deadline)
{
	struct instant now = clock_now();
	int64_t ms = (deadline.ns - now.ns + NS_PER_MS - 1) / NS_PER_MS;

	if (deadline.ns <= now.ns)
		return 0;
	return ms < 60000 ? (int)ms : 60000;
}

bool lab_name_is_valid(const char *name)
{
	static const char known[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strlen(name);

	return len > 0 && len <= 64 && strspn(name, known) == len && name[0] != '.' &&
	       name[0] != '-';
}

int ask_connect(const char *lab, struct instant deadline)
{
	char path[300];
	int fd;

	if (!lab_name_is_valid(lab))
		return -ENOENT;
	snprintf(path, sizeof(path), LAB_ROOT "/%s/control", lab);
	fd = control_connect_within(path, left_ms(deadline));
	return fd == -EAGAIN ? -ETIMEDOUT : fd;
}

int ask_send(int fd, json_t *msg)
{
	int err;

	json_object_set_new(msg, "type", json_string("command"));
	err = control_send_fd(fd, msg, -1);
	return err == -EAGAIN ? -ETIMEDOUT : err;
}

int ask_begin(const char *lab, json_t *msg, struct instant deadline)
{
	int fd = ask_connect(lab, deadline), err;

	if (fd < 0) {
		json_decref(msg);
		return fd;
	}
	err = ask_send(fd, msg);
	if (err < 0)
		close(fd);
	return err < 0 ? err : fd;
}

int ask_end(int fd, struct instant deadline, json_t **reply)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int ready;

	do
		ready = poll(&wait, 1, left_ms(deadline));
	while (ready < 0 && errno == EINTR);
	*reply = ready > 0 ? control_receive_fd(fd, NULL) : NULL;
	close(fd);
	if (!json_is_object(*reply)) {
		json_decref(*reply);
		*reply = NULL;
		return ready > 0 ? -EPIPE : -ETIMEDOUT;
	}
	json_object_del(*reply, "type");
	return 0;
}

int ask(const char *lab, json_t *msg, struct instant deadline, json_t **reply)
{
	int fd = ask_begin(lab, msg, deadline);

	*reply = NULL;
	return fd < 0 ? fd : ask_end(fd, deadline, reply);
}
