/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command.h - the commands that talk to a running lab, and both ends of that talk.
 *
 *	{"type":"command", "command":"status" | "down"}
 *	{"type":"command", "command":"pid", "node":"fra"}
 *	{"type":"command", "command":"fault", "kind":"pop_crash", "target":"fra"}
 *	{"type":"command", "command":"restore", "id":1}
 *
 * are answered with {"type":"reply", ...} or {"type":"reply", "error":"..."}.
 */
#ifndef TESTBED_COMMAND_H
#define TESTBED_COMMAND_H

#include "testbed/fault/fault.h"

/* What a command has done besides being answered. */
enum command_effect { COMMAND_NONE, COMMAND_FAULTS_CHANGED, COMMAND_DOWN };

/* The supervisor's side. After COMMAND_DOWN it shall end. The reply may be NULL. */
json_t *command_answer(struct lab *lab, struct faults *faults, const json_t *msg,
		       enum command_effect *effect);

/* The caller's side; each takes the words after the program's name and returns the exit status. */
int command_status(int argc, char **argv);
int command_down(int argc, char **argv);
int command_exec(int argc, char **argv);
int command_fault(int argc, char **argv);
int command_restore(int argc, char **argv);

/* A lab of this name answers. */
bool command_lab_runs(const char *name);

#endif
