/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.h - the command line of catchment-geodns. */
#ifndef GEODNS_OPTIONS_H
#define GEODNS_OPTIONS_H

#include <stdbool.h>

#define EXIT_BAD_INPUT 2

struct options {
	const char *config, *other; /* other: to be compared with, or NULL */
	bool check, json;
};

/* Ends the process where that is what was asked for, or with EXIT_BAD_INPUT. */
struct options options_parse(int argc, char **argv);

#endif
