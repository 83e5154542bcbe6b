/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * parts.h - the files and daemons of each kind of node, for plan.c.
 *
 * Each function adds to a setup message's "files" and "daemons". Pure.
 */
#ifndef TESTBED_CONFIG_PARTS_H
#define TESTBED_CONFIG_PARTS_H

#include <jansson.h>

#include "testbed/topology.h"

/* events: the path of the daemon's API socket, NULL if it has none. argv ends with NULL. */
void part_daemon(json_t *setup, const char *name, const char *events, const char *const *argv);
/* The daemon added last goes before others, as whatever does BFD must. */
void part_daemon_hurry(json_t *setup);
/* Takes text over (malloc'd). */
void part_file(json_t *setup, const char *name, char *text);

/* BIRD with this configuration, which is taken over (malloc'd). */
void part_bird(json_t *setup, const struct topology *t, size_t at, char *config);
/* The same with these daemons of FRR; they end with NULL. */
void part_frr(json_t *setup, const struct topology *t, size_t at, char *config,
	      const char *const *daemons);
void part_router(json_t *setup, const struct topology *t, size_t at);
/* The router of a rack. */
void part_edge(json_t *setup, const struct topology *t, size_t at);
void part_pop(json_t *setup, const struct topology *t, size_t at);
void part_nameserver(json_t *setup, const struct topology *t, size_t at);
void part_resolver(json_t *setup, const struct topology *t, size_t at);

/* A pop's own of the mesh, the same for the same seed (malloc'd). */
char *mesh_key_text(const struct topology *t, size_t pop);
/* Into an lb's configuration, where a variant wants it: the mesh of all pops, and where packets
 * come in. */
void part_continuity(json_t *lb, const struct topology *t, size_t at);

/* "10.0.0.1" and "10.0.0.0/24" as JSON strings. */
json_t *json_addr(struct addr addr);
json_t *json_prefix(struct prefix prefix);

#endif
