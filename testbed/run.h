/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run.h - carrying out a scenario: the lab, its trials, its record.
 */
#ifndef TESTBED_RUN_H
#define TESTBED_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "testbed/runtime/runtime.h"

/* How the commands end. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_BAD_INPUT = 2, EXIT_ENVIRONMENT = 3 };

struct run_options {
	const char *scenario; /* a path or a shipped name */
	const char *lab;      /* NULL: the scenario's name */
	const char *out;      /* directory for the run's own directory */
	const char *id;	      /* name of that, NULL: from the scenario's name and the time */
	const struct runtime *runtime;
	bool keep_nodes; /* containers shall wait for the next lab, not end with this one */
	unsigned trials; /* 0: the scenario's */
	bool has_seed;
	uint64_t seed;
	bool json;	 /* print result.json instead of the table */
	bool stay;	 /* no trials: up until told to go down */
	bool idle;	 /* with stay: no users either */
	bool foreground; /* of 'up' alone: stay without going into the background */
	int ready;	 /* with stay: a zero byte is written here once the lab is up, and what is
			  * said later goes to the run's directory; a pipe whose other end, once
			  * closed, ends the lab that is not up yet; -1: none */
};

/* Raise the limit of open files as far as it is of use: labs need more than the usual 1024. */
void run_files_raise(void);

/* Returns the exit status. */
int run_scenario(const struct run_options *options);

#endif
