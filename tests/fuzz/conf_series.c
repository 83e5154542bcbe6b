/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Item by item a document is what it is as a whole: as sound, and of the same values. */
#include <stdlib.h>

#include "tests/support/conf_series_compare.h"

#define DEEP 1000 /* how deep jansson goes depends on where it begins */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum series_found found;
	size_t brackets = 0, plain;

	for (size_t i = 0; i < len; i++)
		brackets += data[i] == '[' || data[i] == '{';
	if (brackets >= DEEP)
		return 0;
	found = series_try((const char *)data, len, "n", &plain);
	/* A zero octet behind a number is nothing to jansson 2.14. */
	if (found == SERIES_WRONG || (found == SERIES_GIVEN_UP && !memchr(data, 0, len)))
		abort();
	return 0;
}
