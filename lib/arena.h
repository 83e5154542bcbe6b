/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * arena.h - memory that is born together and dies together.
 *
 * Configurations and DNS snapshots are built once, read by many and dropped
 * whole; one arena holds such a thing, and freeing the arena frees it. There
 * is no way to give back a part. Memory is zeroed and aligned for any type.
 * Not thread-safe: one builder, then read-only.
 */
#ifndef LIB_ARENA_H
#define LIB_ARENA_H

#include <stddef.h>

struct arena;

#define arena_new_object(arena, type)	    ((type *)arena_alloc((arena), 1, sizeof(type)))
#define arena_new_array(arena, type, count) ((type *)arena_alloc((arena), (count), sizeof(type)))

struct arena *arena_new(void);
void arena_free(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t count, size_t size);
void *arena_memdup(struct arena *arena, const void *p, size_t size);
char *arena_strdup(struct arena *arena, const char *s);
char *arena_printf(struct arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Bytes handed out so far, for metrics and tests. */
size_t arena_used(const struct arena *arena);

#endif
