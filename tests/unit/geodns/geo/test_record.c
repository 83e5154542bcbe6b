/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "geodns/geo/record.h"

#define BYTES(text) (text), sizeof(text) - 1

Test(geo_record, shapes)
{
	/* clang-format off */
	static const struct { const char *what, *bytes; size_t len, at; bool sound; } rows[] = {
		{ "a string", BYTES("\x42" "DE"), 0, true },
		{ "a string that ends too early", BYTES("\x43" "DE"), 0, false },
		{ "a map", BYTES("\xe1\x42xy\xa1\x07"), 0, true },
		{ "a map without its value", BYTES("\xe1\x42xy"), 0, false },
		{ "an empty map", BYTES("\xe0"), 0, true },
		{ "an array of two", BYTES("\x02\x04\xa1\x01\xa1\x02"), 0, true },
		{ "a boolean has no octets", BYTES("\x01\x07"), 0, true },
		{ "a float", BYTES("\x04\x08\x01\x02\x03\x04"), 0, true },
		{ "no octets at all", BYTES(""), 0, false },
		{ "behind the end", BYTES("\x42" "DE"), 3, false },
		{ "an extended type without its octet", BYTES("\x04"), 0, false },
		{ "an unknown type", BYTES("\x04\x0a" "1234"), 0, false },
		{ "a container", BYTES("\x00\x05"), 0, false },
		{ "a length of one more octet", BYTES("\x5d\x01" "012345678901234567890123456789"), 0, true },
		{ "the same without one", BYTES("\x5d\x01" "01234567890123456789012345678"), 0, false },
		{ "a pointer back", BYTES("\x42" "DE\x20\x00"), 3, true },
		{ "a pointer to itself", BYTES("\x20\x00"), 0, false },
		{ "a pointer outside", BYTES("\x20\x09"), 0, false },
		{ "a pointer of four octets", BYTES("\x42" "DE\x38\x00\x00\x00\x00"), 3, true },
		{ "a pointer cut off", BYTES("\x38\x00\x00"), 0, false },
		{ "a map that holds itself", BYTES("\xe1\x41x\x20\x00"), 0, false },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* In memory of that size, so that a sanitizer sees one octet too many. */
		uint8_t *copy = malloc(rows[i].len + !rows[i].len);

		memcpy(copy, rows[i].bytes, rows[i].len);
		cr_expect_eq(geo_record_is_sound(copy, rows[i].len, rows[i].at), rows[i].sound,
			     "%s", rows[i].what);
		free(copy);
	}
}

Test(geo_record, depth_and_number_have_an_end)
{
	static uint8_t deep[2 * 100000], wide[4 + 100000];

	for (size_t i = 0; i < sizeof(deep); i += 2) {
		deep[i] = 0x01; /* an array of one, which is */
		deep[i + 1] = 0x04;
	}
	cr_expect_not(geo_record_is_sound(deep, sizeof(deep), 0));
	/* Arrays in each other, and a boolean: as deep as may be, and one more. */
	memcpy(deep + sizeof(deep) - 2, "\x01\x07", 2);
	cr_expect(geo_record_is_sound(deep, sizeof(deep),
				      sizeof(deep) - 2 * (size_t)GEO_RECORD_DEPTH_MAX));
	cr_expect_not(geo_record_is_sound(deep, sizeof(deep),
					  sizeof(deep) - 2 * (size_t)GEO_RECORD_DEPTH_MAX - 2));
	/* An array of 65 821 empty strings and more. */
	memset(wide, 0x40, sizeof(wide));
	memcpy(wide, "\x1f\x04\x00\x00\x00", 5);
	cr_expect_not(geo_record_is_sound(wide, sizeof(wide), 0));
}
