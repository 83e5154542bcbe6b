/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * city.h - where the cities are that scenarios name.
 */
#ifndef TESTBED_CITY_H
#define TESTBED_CITY_H

#include "lib/geo.h"

/* By its English name, any case. False when the table does not have it. */
bool city_find(struct geo_point *out, const char *name);

#endif
