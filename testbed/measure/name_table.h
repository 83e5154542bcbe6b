/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * name_table.h - each distinct text once, known by a small number.
 *
 * A run's record repeats a few hundred names in a million rows. Ids count from
 * 0 in order of first appearance; id 0 is always "". Texts are owned by the
 * table and keep their address until it is freed. One thread.
 */
#ifndef TESTBED_MEASURE_NAME_TABLE_H
#define TESTBED_MEASURE_NAME_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define NAME_NONE 0 /* the empty text */

struct name_table;

struct name_table *name_table_new(void);
void name_table_free(struct name_table *table);
/* The id of a text, which is added when it is new. len is without any final zero. */
uint32_t name_table_add(struct name_table *table, const char *text, size_t len);
/* The id of a text, NAME_NONE when the table does not have it. */
uint32_t name_table_find(const struct name_table *table, const char *text);
/* The text of an id that the table gave out, zero-terminated. */
const char *name_table_text(const struct name_table *table, uint32_t id);
size_t name_table_count(const struct name_table *table);

#endif
