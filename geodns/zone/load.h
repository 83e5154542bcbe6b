/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * load.h - master files (RFC 1035, section 5) into zones, through libzscanner.
 *
 * $ORIGIN starts as the apex, $TTL as 3600. The result lacks geographic names
 * and zone_check(): the caller adds both.
 */
#ifndef GEODNS_ZONE_LOAD_H
#define GEODNS_ZONE_LOAD_H

#include "geodns/zone/zone.h"

/* NULL, and err with the line where there is one, when the file cannot be read or is malformed. */
struct zone *zone_load_file(const uint8_t *apex, const char *path, struct zone_error *err);
/* The same from memory, where $INCLUDE is a mistake. */
struct zone *zone_load_text(const uint8_t *apex, const char *text, size_t len,
			    struct zone_error *err);

#endif
