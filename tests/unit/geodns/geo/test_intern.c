/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "geodns/geo/intern.h"
#include "lib/alloc.h"

Test(geo_intern, numbers_are_in_order_and_stay)
{
	struct geo_intern t;
	uint8_t key[11];
	uint8_t *keys;

	geo_intern_init(&t, sizeof(key));
	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 10000; i++) {
			memset(key, (int)(i % 7), sizeof(key));
			memcpy(key + 7, &i, sizeof(i));
			cr_assert_eq(geo_intern_find(&t, key), round ? i : GEO_INTERN_NONE);
			cr_assert_eq(geo_intern_add(&t, key), i);
		}
	}
	cr_expect_eq(t.count, 10000);
	cr_expect_geq(geo_intern_size(&t), 10000 * (sizeof(key) + sizeof(uint32_t)));
	keys = geo_intern_take(&t);
	cr_expect_arr_eq(keys + 9999 * sizeof(key), key, sizeof(key));
	free(keys);
}

Test(geo_intern, keys_of_no_size_are_equal)
{
	struct geo_intern t;

	geo_intern_init(&t, 0);
	cr_expect_eq(geo_intern_add(&t, ""), 0);
	cr_expect_eq(geo_intern_add(&t, "x"), 0);
	free(geo_intern_take(&t));
}
