/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any zone file is refused with a reason, or served: ask it what its text suggests. */
#include <stdlib.h>
#include <string.h>

#include "geodns/zone/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t *const asked[] = { (const uint8_t *)"\x03lab\x04test",
						(const uint8_t *)"\x01x\x03lab\x04test",
						(const uint8_t *)"\x01*\x01w\x03lab\x04test" };
	struct zone_error err = { "" };
	struct zone *zone = zone_load_text(asked[0], (const char *)data, len, &err);

	if (!zone || !zone_check(zone, &err)) {
		if (err.text[0] == '\0')
			abort();
		zone_free(zone);
		return 0;
	}
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		if (!zone_lookup(zone, asked[i], false).node)
			abort();
	}
	zone_free(zone);
	return 0;
}
