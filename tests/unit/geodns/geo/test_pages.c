/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "geodns/geo/pages.h"

static bool is_mapped(const uint8_t *at)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return msync((void *)((uintptr_t)at / page * page), 1, MS_ASYNC) == 0;
}

static const struct {
	const char *name;
	size_t size;
} sizes[] = {
	{ "an octet", 1 },
	{ "less than a large page", GEO_PAGES_LARGE - 1 },
	{ "a large page", GEO_PAGES_LARGE },
	{ "a bit more", GEO_PAGES_LARGE + 1 },
	{ "several, and a rest", 3 * GEO_PAGES_LARGE + 12345 },
};

Test(geo_pages, are_zeroed_aligned_and_no_more_than_asked_for)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const size_t size = sizes[i].size, page = (size_t)sysconf(_SC_PAGESIZE);
		const size_t whole = (size + page - 1) / page * page;
		uint8_t *p = geo_pages_new(size);

		cr_assert_eq((uintptr_t)p % GEO_PAGES_LARGE, 0, "%s", sizes[i].name);
		for (size_t k = 0; k < size; k++)
			cr_assert_eq(p[k], 0, "%s: octet %zu", sizes[i].name, k);
		memset(p, 0xff, whole);
		geo_pages_free(p, size);
		cr_assert_not(is_mapped(p), "%s: begins", sizes[i].name);
		cr_assert_not(is_mapped(p + whole - 1), "%s: ends", sizes[i].name);
	}
}

Test(geo_pages, nothing_is_null)
{
	cr_assert_null(geo_pages_new(0));
	geo_pages_free(NULL, 0);
}
