/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command.h - the commands that talk to a running lab, and both ends of that talk.
 *
 *	{"type":"command", "command":"status"}       the lab, its trial or live users, its faults
 *	{"type":"command", "command":"topology"}     what it is made of
 *	{"type":"command", "command":"catchments"}   which pop serves whom now
 *	{"type":"command", "command":"subscribe"}    events from now on, see below
 *	{"type":"command", "command":"pid", "node":"fra"}
 *	{"type":"command", "command":"fault", "kind":"pop_crash", "target":"fra"}, and what else
 *		orders a fault in a scenario
 *	{"type":"command", "command":"restore", "id":1}
 *	{"type":"command", "command":"down"}
 *
 * are answered with {"type":"reply", ...} or {"type":"reply", "error":"..."}; "down" by the end of
 * the connection, when nothing of the lab is left. Replies:
 *
 * status: {"lab","scenario","runtime","seed","dir" (the record's; null),"phase","routes_missing",
 *	"wires","nodes":[{"name","kind","pid","up","daemons":[]}],"faults":[fault],
 *	"trial":{"number" (the attempt, from 1),"of","valid" (so far),"elapsed_s" (since the users'
 *	start),"duration_s","requests","failed"} or null,"users":{"live","requests","failed"} or
 *	null before the lab is up}. requests and failed are those of the last whole second.
 * topology: {"lab","scenario","nodes":[{"name","kind","place":{"name" (or null),"lat","lon"},
 *	"network" (or null),"addresses":[]}],"links":[{"from","to","delay_ms","jitter_ms","loss",
 *	"rate_mbit" (0: unlimited),"internal"}],"variants":[{"name","mode","ttl"}]}
 * catchments: {"lab","t_ns","catchments":[{"variant","group","users","pops":{"fra":20},
 *	"unserved":0}]}, none before the lab is up (catchment.h)
 * fault, restore: fault.h
 *
 * subscribe is answered with {"type":"reply"}, and then {"type":"event","event":{"t_ns","kind",
 * ...}} whenever something happens, t_ns on CLOCK_MONOTONIC:
 *
 *	phase {phase}; node {node, up}; mishap {reason};
 *	trial_begin {trial, of, duration_s}; trial_end {trial, valid, reason (or null)};
 *	fault, restore {id, target, fault_kind};
 *	catchment {variant, group, from, to, users}: users of a group have moved (null: unserved);
 *	progress {trial, elapsed_s, duration_s, requests, failed} each second while the lab is up;
 *	trial and both times are null while no trial runs.
 *
 * The lab never waits for a subscriber: one that does not read is disconnected.
 */
#ifndef TESTBED_COMMAND_H
#define TESTBED_COMMAND_H

#include "testbed/fault/fault.h"
#include "testbed/users.h"

/* What a command has done besides being answered. */
enum command_effect { COMMAND_NONE, COMMAND_FAULTS_CHANGED, COMMAND_DOWN };

/* The part of "status" that is a trial's. */
struct command_trial {
	unsigned number, of, valid, elapsed_s, duration_s;
};

/* What commands are about; all of it borrowed. */
struct command_context {
	struct lab *lab;
	struct faults *faults;
	const struct users *users;	   /* NULL before the lab is up */
	const struct command_trial *trial; /* NULL: none runs */
	const char *runtime;
	const char *dir; /* NULL: nothing is recorded */
};

/* The supervisor's side. After COMMAND_DOWN it shall end. The reply may be NULL. */
json_t *command_answer(const struct command_context *x, struct control *from, const json_t *msg,
		       enum command_effect *effect);
/* Its event of each second. */
json_t *command_progress_event(const struct command_context *x);

/* For command_answer(): the questions. */
json_t *command_status_reply(const struct command_context *x);
json_t *command_topology_reply(const struct lab *lab);
json_t *command_catchments_reply(const struct lab *lab, const struct users *users);

/* The caller's side; each takes the words after the program's name and returns the exit status. */
int command_status(int argc, char **argv);
int command_down(int argc, char **argv);
int command_exec(int argc, char **argv);
int command_fault(int argc, char **argv);
int command_restore(int argc, char **argv);

/* Print "status" and "catchments" replies for people. */
void command_status_print(const json_t *status, const json_t *catchments);

#endif
