/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>

#include "lb/bgp/update.h"

#define ORIGIN	   0x40, 1, 1, 0
#define ORIGIN_BAD 0x40, 1, 1, 3
#define PATH	   0x40, 2, 0
#define HOP	   0x40, 3, 4, 10, 0, 0, 1
#define LOCAL_PREF 0x40, 5, 4, 0, 0, 0, 100 /* of no external peer: discarded */
#define MP_REACH   0x80, 14, 5, 0, 25, 65, 0, 0
#define TAW	   BGP_UPDATE_TREAT_AS_WITHDRAW

/* RFC 7606, section 3 (d): what the log will name, the worst and of these the first. */
static const struct {
	const char *what;
	uint8_t attrs[40];
	uint8_t attrs_len, nlri_len; /* of the default route */
	enum bgp_verdict verdict;
	uint8_t malformed;
} rows[] = {
	{ "all there", { ORIGIN, PATH, HOP }, 14, 1, BGP_UPDATE_OK, 0 },
	{ "no ORIGIN", { PATH, HOP }, 10, 1, TAW, BGP_ATTR_ORIGIN },
	{ "no AS_PATH", { ORIGIN, HOP }, 11, 1, TAW, BGP_ATTR_AS_PATH },
	{ "no NEXT_HOP", { ORIGIN, PATH }, 7, 1, TAW, BGP_ATTR_NEXT_HOP },
	{ "nothing at all", { 0 }, 0, 1, TAW, BGP_ATTR_ORIGIN },
	{ "behind one discarded", { LOCAL_PREF, ORIGIN, HOP }, 18, 1, TAW, BGP_ATTR_AS_PATH },
	{ "behind one malformed", { ORIGIN_BAD, HOP }, 11, 1, TAW, BGP_ATTR_ORIGIN },
	{ "MP_REACH has its next hop", { MP_REACH, ORIGIN }, 12, 0, TAW, BGP_ATTR_AS_PATH },
	{ "nothing is announced", { ORIGIN }, 4, 0, BGP_UPDATE_OK, 0 },
};

Test(bgp_update, names_the_mandatory_attribute_that_is_missing)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t body[64] = { 0, 0, 0, rows[i].attrs_len };
		struct bgp_update update;

		memcpy(body + 4, rows[i].attrs, rows[i].attrs_len);
		bgp_update_decode(&update, body, (size_t)4 + rows[i].attrs_len + rows[i].nlri_len,
				  BGP_FOUR_OCTET);
		cr_expect_eq(update.attrs.verdict, rows[i].verdict, "%s: verdict %d", rows[i].what,
			     update.attrs.verdict);
		cr_expect_eq(update.attrs.malformed, rows[i].malformed, "%s: %s", rows[i].what,
			     bgp_attr_name(update.attrs.malformed));
	}
}
