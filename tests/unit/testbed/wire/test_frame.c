/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/wire/frame.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct frame_row {
	const char *name;
	unsigned type; /* of Ethernet */
	unsigned ihl, protocol, fragment;
	unsigned source, destination;
	bool bgp;
};

/* clang-format off */
static const struct frame_row rows[] = {
	{ "to BGP, IPv4",        0x0800, 5, 6, 0, 40000, 179, true },
	{ "from BGP, IPv4",      0x0800, 5, 6, 0, 179, 40000, true },
	{ "not to be fragmented", 0x0800, 5, 6, 0x4000, 179, 40000, true },
	{ "with IPv4 options",   0x0800, 6, 6, 0, 40000, 179, true },
	{ "to BGP, IPv6",        0x86dd, 0, 6, 0, 40000, 179, true },
	{ "from BGP, IPv6",      0x86dd, 0, 6, 0, 179, 40000, true },
	{ "UDP of that port",    0x0800, 5, 17, 0, 40000, 179, false },
	{ "UDP over IPv6",       0x86dd, 0, 17, 0, 40000, 179, false },
	{ "another port",        0x0800, 5, 6, 0, 40000, 80, false },
	{ "a later fragment",    0x0800, 5, 6, 185, 40000, 179, false },
	{ "ARP",                 0x0806, 5, 6, 0, 40000, 179, false },
};
/* clang-format on */

static void u16_put(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* Returns the length. */
static size_t frame_make(uint8_t frame[128], const struct frame_row *row)
{
	uint8_t *ip = frame + 14;
	size_t header = row->type == 0x86dd ? 40 : 4 * (size_t)row->ihl;

	memset(frame, 0, 128);
	u16_put(frame + 12, row->type);
	if (row->type == 0x86dd) {
		ip[0] = 0x60;
		ip[6] = (uint8_t)row->protocol;
	} else {
		ip[0] = (uint8_t)(0x40 | row->ihl);
		ip[9] = (uint8_t)row->protocol;
		u16_put(ip + 6, row->fragment);
	}
	u16_put(ip + header, row->source);
	u16_put(ip + header + 2, row->destination);
	return 14 + header + 20;
}

Test(frame, rows)
{
	uint8_t frame[128];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = frame_make(frame, &rows[i]);

		cr_expect_eq(frame_is_bgp(frame, len), rows[i].bgp, "%s", rows[i].name);
	}
}

/* In a buffer of its own size, so that a sanitizer sees what is read behind it. */
Test(frame, every_shorter_one_is_none)
{
	uint8_t frame[128];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = frame_make(frame, &rows[i]) - 16; /* the ports are the last */

		for (size_t n = 0; n < len; n++) {
			uint8_t *copy = malloc(n ? n : 1);

			memcpy(copy, frame, n);
			cr_expect_not(frame_is_bgp(copy, n), "%s, %zu bytes", rows[i].name, n);
			free(copy);
		}
	}
}
