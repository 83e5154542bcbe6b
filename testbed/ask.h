/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ask.h - a question to a running lab's supervisor, and its answer.
 *
 * Blocking, but never longer than until a deadline: a supervisor may hang. The
 * messages are those of command.h. Several labs are asked at once by beginning
 * all questions before the first is ended.
 */
#ifndef TESTBED_ASK_H
#define TESTBED_ASK_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/clock.h"

/*
 * A name of a lab, as scenarios have (conf.h): it names a directory, and in it a socket, whose path
 * has 107 bytes at most, and stands in JSON, log lines, paths of URLs and Compose files.
 */
bool lab_name_is_valid(const char *name);

/*
 * A connection to the lab's control socket, or -errno: -ENOENT and -ECONNREFUSED say that no such
 * lab runs, -EACCES that it is not for this user, -ETIMEDOUT that it hangs.
 */
int ask_connect(const char *lab, struct instant deadline);
/* Send a command (command.h, without "type") on a connection. Takes msg over. 0 or -errno. */
int ask_send(int fd, json_t *msg);
/* Both. A connection for ask_end(), or -errno as above. */
int ask_begin(const char *lab, json_t *msg, struct instant deadline);
/*
 * Wait for the answer and close. 0 and *reply, without its "type", the caller's; it may be
 * {"error": reason}. -ETIMEDOUT when none has come, -EPIPE when the lab has ended instead.
 */
int ask_end(int fd, struct instant deadline, json_t **reply);
/* All of it. */
int ask(const char *lab, json_t *msg, struct instant deadline, json_t **reply);

#endif
