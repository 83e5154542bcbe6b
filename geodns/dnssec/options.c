/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/dnssec/options.h"

#define HOUR_S INT64_C(3600)
#define DAY_S  INT64_C(86400)

void dnssec_options_load(const struct conf *at, struct dnssec_options *out)
{
	bool one;

	*out = (struct dnssec_options){ .enabled = at->json != NULL };
	if (!out->enabled)
		return;
	CONF_KEYS(at, "csk", "ksk", "zsk", "validity_s", "ttl");
	one = conf_has(at, "csk");
	if (one && (conf_has(at, "ksk") || conf_has(at, "zsk")))
		conf_fail(at, "has either csk, or ksk and zsk");
	out->ksk = conf_string(at, one ? "csk" : "ksk", CONF_REQUIRED_STRING);
	out->zsk = one ? NULL : conf_string(at, "zsk", CONF_REQUIRED_STRING);
	out->validity_s = (uint32_t)conf_int(at, "validity_s", HOUR_S, 365 * DAY_S, 7 * DAY_S);
	out->ttl = (uint32_t)conf_int(at, "ttl", 0, DAY_S, HOUR_S);
}

void dnssec_limits_load(const struct conf *at, struct dnssec_limits *out)
{
	if (at->json)
		CONF_KEYS(at, "signatures_per_s", "signatures_kept");
	out->signatures_per_s = (uint32_t)conf_int(at, "signatures_per_s", 1, 1000000, 1000);
	out->signatures_kept = (uint32_t)conf_int(at, "signatures_kept", 64, 1 << 20, 16384);
}
