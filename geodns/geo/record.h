/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record.h - is a record of a MaxMind database of a shape that can be read safely?
 *
 * libmaxminddb checks bounds, but the one that Debian 12 has steps over nested values by recursion
 * without an end, and over as many as a record claims to have. So each record
 * is looked over first. Pure; the format is MaxMind DB 2.0, "Output Data Section".
 */
#ifndef GEODNS_GEO_RECORD_H
#define GEODNS_GEO_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Real records have four levels and a few hundred values at most. */
#define GEO_RECORD_DEPTH_MAX  32
#define GEO_RECORD_VALUES_MAX 10000

/* data: the whole data section. The value at offset, and what it points to, lie in it. */
bool geo_record_is_sound(const uint8_t *data, size_t len, size_t offset);

#endif
