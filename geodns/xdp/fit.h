/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fit.h - which geographic names the program on the interface answers.
 *
 * Nearest and failover in one group, without fences and without what is decided by hash, and as
 * many targets and records as it has room for. Pure.
 */
#ifndef GEODNS_XDP_FIT_H
#define GEODNS_XDP_FIT_H

#include <stdbool.h>

#include "geodns/geo/name.h"

/* False: user space answers it. */
bool xdp_name_fits(const struct geo_name *name);

#endif
