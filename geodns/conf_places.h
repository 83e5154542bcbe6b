/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conf_places.h - for conf.c: the keys pops, networks, default_at, databases and regions.
 */
#ifndef GEODNS_CONF_PLACES_H
#define GEODNS_CONF_PLACES_H

#include "geodns/conf.h"

/* Fills conf->places; mistakes go to the root's error. */
void geodns_conf_places_load(struct geodns_conf *conf, const struct conf *root);
/* Index of the pop of that name, pop_count for none. */
size_t geodns_conf_pop_find(const struct geodns_conf *conf, const char *name);

#endif
