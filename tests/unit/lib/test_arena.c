/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdalign.h>
#include <stdint.h>

#include "lib/alloc.h"
#include "lib/arena.h"

Test(arena, memory_is_zeroed_aligned_and_apart)
{
	struct arena *arena = arena_new();
	unsigned char *blocks[400];

	for (size_t i = 0; i < 400; i++) {
		blocks[i] = arena_alloc(arena, 1, i);
		cr_expect_eq((uintptr_t)blocks[i] % alignof(max_align_t), 0, "size %zu", i);
		for (size_t k = 0; k < i; k++)
			cr_assert_eq(blocks[i][k], 0);
		memset(blocks[i], (int)i, i);
	}
	for (size_t i = 0; i < 400; i++) {
		for (size_t k = 0; k < i; k++)
			cr_assert_eq(blocks[i][k], (unsigned char)i);
	}
	cr_expect_geq(arena_used(arena), 400 * 399 / 2);
	arena_free(arena);
}

Test(arena, larger_than_a_chunk)
{
	struct arena *arena = arena_new();
	uint64_t *many = arena_new_array(arena, uint64_t, 100000);
	char *small = arena_strdup(arena, "after");

	for (size_t i = 0; i < 100000; i++)
		many[i] = i;
	cr_expect_str_eq(small, "after");
	arena_free(arena);
	arena_free(NULL);
}

Test(arena, text_and_copies)
{
	struct arena *arena = arena_new();
	char text[] = "abc";
	char *copy = arena_strdup(arena, text);
	char *bytes = arena_memdup(arena, text, 2);

	text[0] = 'x';
	cr_expect_str_eq(copy, "abc");
	cr_expect(bytes[0] == 'a' && bytes[1] == 'b');
	cr_expect_str_eq(arena_printf(arena, "%s-%05d", "pop", 7), "pop-00007");
	arena_free(arena);
}

Test(arena, product_that_overflows_aborts, .signal = SIGABRT)
{
	arena_alloc(arena_new(), SIZE_MAX / 2, 3);
}

Test(alloc, nothing_is_still_memory)
{
	char *text = xasprintf("%d", 42), *copy = xstrdup(text);
	void *empty[] = { xmalloc(0), xcalloc(0, 8), xrealloc(NULL, 0), xmemdup("", 0) };

	for (size_t i = 0; i < 4; i++) {
		cr_expect_not_null(empty[i]);
		free(empty[i]);
	}
	cr_expect_str_eq(copy, "42");
	free(text);
	free(copy);
}
