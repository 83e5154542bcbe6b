/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * compose.h - a lab as a compose file: a service for each node.
 *
 * The containers come by themselves: each runs the node agent, which waits for
 * the supervisor's control socket and is told everything else there. With a
 * supervisor in the file, the service "testbed", the scenario travels in its
 * environment and the file alone is the lab. Pops and nameservers are on one
 * management network, where their REST answers; all others have none. Written
 * for Compose 1.29 and v2 alike: no "version", no top-level "name".
 *
 * Pure: the same topology gives the same file.
 */
#ifndef TESTBED_CONFIG_COMPOSE_H
#define TESTBED_CONFIG_COMPOSE_H

#include <stdbool.h>
#include <stdio.h>

#include "testbed/topology.h"

/* The port at which every REST answers on the management network. */
#define COMPOSE_REST_PORT 8080
/* The last two digits of a published port; the first ones are CATCHMENT_PORTS, 81 if unset. */
#define COMPOSE_PORT_TESTBED	0
#define COMPOSE_PORT_POP	1  /* plus its place in the scenario */
#define COMPOSE_PORT_NAMESERVER 51 /* the same */

struct compose_options {
	const char *lab;	 /* its name */
	bool supervisor;	 /* with the service "testbed", ports as above */
	const char *control_dir; /* without: the host's directory of the control socket, and the
				  * engine chooses the ports */
};

/* Why no compose file can be written, to be freed, or NULL. */
char *compose_mistake(const struct topology *t, const struct compose_options *options);
/* Only where compose_mistake() finds none. */
void compose_write(FILE *out, const struct topology *t, const struct compose_options *options);

/* text as a YAML scalar that Compose reads back as text: quoted where needed, "$" doubled. */
void compose_scalar_write(FILE *out, const char *text);

#endif
