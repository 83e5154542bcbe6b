/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/mesh/window.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define N MESH_WINDOW_SIZE

static const struct {
	const char *name;
	uint64_t seqs[4], last;
	bool accepted; /* the last */
} rows[] = {
	{ "the first", { 0 }, 1, true },
	{ "none", { 5 }, 0, false },
	{ "twice", { 7 }, 7, false },
	{ "overtaken", { 8 }, 7, true },
	{ "overtaken, twice", { 8, 7 }, 7, false },
	{ "just inside", { N }, 1, true },
	{ "just outside", { N + 1 }, 1, false },
	{ "just inside, later", { 5 * N + 3 }, 4 * N + 4, true },
	{ "just outside, later", { 5 * N + 3 }, 4 * N + 3, false },
	{ "far ahead", { 1 }, UINT64_C(1) << 60, true },
	{ "far behind", { UINT64_C(1) << 60 }, 1, false },
	{ "the place of one that was a turn before", { 3, 3 + N + 64 }, 3 + N, true },
	{ "the last of all", { 1 }, UINT64_MAX, true },
	{ "the last of all, twice", { UINT64_MAX }, UINT64_MAX, false },
};

Test(mesh_window, table)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mesh_window w = { 0 };

		for (size_t j = 0; j < 4 && rows[i].seqs[j]; j++)
			cr_assert(mesh_window_accept(&w, rows[i].seqs[j]), "%s", rows[i].name);
		cr_expect_eq(mesh_window_accept(&w, rows[i].last), rows[i].accepted, "%s",
			     rows[i].name);
	}
}

/* Beside one that remembers everything: each number once, and none that is new enough is lost. */
Test(mesh_window, a_million_in_disorder)
{
	enum { COUNT = 1000000 };
	struct mesh_window w = { 0 };
	uint8_t *seen = calloc(COUNT + 4096, 1);
	uint64_t random = 1, top = 0;

	for (uint64_t i = 1; i <= COUNT; i++) {
		uint64_t seq;
		bool expected;

		random = random * UINT64_C(6364136223846793005) + 1;
		seq = i + (random >> 33) % 4000;
		expected = !seen[seq] && (seq >= top || top - seq < N);
		cr_assert_eq(mesh_window_accept(&w, seq), expected, "%lu", (unsigned long)seq);
		seen[seq] = 1;
		if (seq > top)
			top = seq;
	}
	free(seen);
}
