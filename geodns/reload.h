/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reload.h - another configuration for a nameserver that runs, loaded in the background.
 *
 *	asked for ── a thread reads the file, zones and databases ──┬─ applied ── a thread frees
 *	                                                            └─ refused   what was before
 *
 * Everything is read again and compiled while the old catalog answers; then one snapshot
 * replaces another between two batches of packets, and no query is lost. Whole or not at
 * all: after any mistake the old one stays. Asked for again meanwhile, it begins anew
 * afterwards, once. Control thread; what its threads do is nobody's concern.
 */
#ifndef GEODNS_RELOAD_H
#define GEODNS_RELOAD_H

#include <ev.h>
#include <jansson.h>
#include <stdint.h>

#include "geodns/conf.h"

struct catalog;
struct geodns;
struct reloader;

/* g and path must outlive it; g->health and g->tcp must be there when the loop runs. */
struct reloader *reloader_new(struct geodns *g, struct ev_loop *loop, const char *path);
/* Waits for what is being loaded. */
void reloader_free(struct reloader *r);
/* Returns the number, from 1 on, of the reload that will see the files as they are now. */
uint64_t reloader_request(struct reloader *r);
/* The last one that has begun, as GET /v1/reload tells it. r: NULL for none yet. The caller's. */
json_t *reloader_status(const struct reloader *r);
/* How many have been applied and refused. r may be NULL. */
void reloader_count(const struct reloader *r, uint64_t *applied, uint64_t *refused);

/* What the parents of signed zones must hold, where that is not what it was (before: or NULL). */
void reload_keys_log(const struct catalog *catalog, const struct catalog *before);

/* What differs and only a restart can change: a JSON pointer into the file, NULL for nothing. */
const char *reload_restart_find(const struct geodns_conf *old, const struct geodns_conf *next);

#endif
