/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/measure/name_table.h"

#include <stdbool.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/arena.h"

struct name {
	const char *text;
	size_t len;
	uint32_t hash;
};

/* Open addressing, at most half full; a slot holds id + 1, 0 is free. */
struct name_table {
	struct arena *arena;
	struct name *names;
	size_t count, room;
	uint32_t *slots;
	size_t mask;
};

/* FNV-1a: short keys, no adversary who gains anything by collisions. */
static uint32_t hash_text(const char *text, size_t len)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)text[i]) * 16777619U;
	return h;
}

static size_t slot_find(const struct name_table *table, const char *text, size_t len, uint32_t hash)
{
	size_t i = hash & table->mask;

	while (table->slots[i]) {
		const struct name *name = &table->names[table->slots[i] - 1];

		if (name->hash == hash && name->len == len && memcmp(name->text, text, len) == 0)
			break;
		i = (i + 1) & table->mask;
	}
	return i;
}

static void grow(struct name_table *table)
{
	size_t size = (table->mask + 1) * 2;

	free(table->slots);
	table->slots = xcalloc(size, sizeof(*table->slots));
	table->mask = size - 1;
	for (size_t id = 0; id < table->count; id++) {
		size_t i = table->names[id].hash & table->mask;

		while (table->slots[i])
			i = (i + 1) & table->mask;
		table->slots[i] = (uint32_t)id + 1;
	}
}

struct name_table *name_table_new(void)
{
	struct name_table *table = x_new(struct name_table);

	table->arena = arena_new();
	table->mask = 255;
	table->slots = xcalloc(table->mask + 1, sizeof(*table->slots));
	name_table_add(table, "", 0);
	return table;
}

void name_table_free(struct name_table *table)
{
	if (!table)
		return;
	arena_free(table->arena);
	free(table->names);
	free(table->slots);
	free(table);
}

uint32_t name_table_add(struct name_table *table, const char *text, size_t len)
{
	uint32_t hash = hash_text(text, len);
	size_t i = slot_find(table, text, len, hash);
	char *copy;

	if (table->slots[i])
		return table->slots[i] - 1;
	if (table->count == table->room) {
		table->room = table->room ? table->room * 2 : 64;
		table->names = xreallocarray(table->names, table->room, sizeof(*table->names));
	}
	copy = arena_alloc(table->arena, len + 1, 1);
	memcpy(copy, text, len);
	table->names[table->count] = (struct name){ .text = copy, .len = len, .hash = hash };
	table->slots[i] = (uint32_t)++table->count;
	if (table->count * 2 > table->mask)
		grow(table);
	return (uint32_t)table->count - 1;
}

uint32_t name_table_find(const struct name_table *table, const char *text)
{
	size_t len = strlen(text);
	size_t i = slot_find(table, text, len, hash_text(text, len));

	return table->slots[i] ? table->slots[i] - 1 : NAME_NONE;
}

const char *name_table_text(const struct name_table *table, uint32_t id)
{
	return table->names[id].text;
}

size_t name_table_count(const struct name_table *table)
{
	return table->count;
}
