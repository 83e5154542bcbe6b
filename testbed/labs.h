/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * labs.h - the labs of this machine as others see them: found by name, asked on their sockets.
 *
 * Blocking, with bounded waits. A lab is there when something answers at
 * /run/catchment/NAME/control; a directory alone is what a killed one has left.
 */
#ifndef TESTBED_LABS_H
#define TESTBED_LABS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The running labs' names, sorted. The caller frees them with labs_free(). */
struct labs {
	char **names;
	size_t count;
};

struct labs labs_find(void);
void labs_free(struct labs *labs);

bool labs_is_running(const char *name);
/* The name of the only lab, the caller's; NULL, having said so, when there is none or several. */
char *labs_only(void);
/* A connection (ask.h) to the lab named or, name being NULL, to the only one; says what is wrong.
 */
int labs_open(const char *name);
/*
 * Send a command (command.h, without "type"), taken over, and wait for its reply, which comes
 * without "type". NULL, having said why, when there is no good one.
 */
json_t *labs_ask(const char *name, json_t *command);

#endif
