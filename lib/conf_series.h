/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conf_series.h - a document with one very long array in it, read item by item.
 *
 *	{ "version": 1, "names": [ {...}, {...}, ...100 000... ], "pops": [...] }
 *
 * What is around the items becomes a jansson document with the array empty; then each item is
 * read, used and forgotten. Wherever the array stands, all else is known before its first item.
 *
 * What comes to its end well is a sound document without duplicate keys. What is wrong with one
 * that does not is not told here: read it as a whole, conf_read_text() knows line and column. Pure.
 */
#ifndef LIB_CONF_SERIES_H
#define LIB_CONF_SERIES_H

#include "lib/conf.h"

struct conf_series;

/*
 * The array that is the member of that key at the top. NULL: there is none, or it has more than max
 * items. text is borrowed.
 */
struct conf_series *conf_series_new(const char *text, size_t len, const char *key, size_t max);
void conf_series_free(struct conf_series *series);

/* The document around the items. NULL: something is wrong with it. The caller's. */
json_t *conf_series_around(const struct conf_series *series);
size_t conf_series_count(const struct conf_series *series);
/*
 * A cursor to the next item of the array that is the cursor list in the document around. It is good
 * until the next one, strings too. False: there is none, or something is wrong.
 */
bool conf_series_next(struct conf_series *series, const struct conf *list, struct conf *item);
/* Was every item read, and sound? */
bool conf_series_is_done(const struct conf_series *series);
/*
 * For one who stops at what the last item says, or what is around says: read on to the end. True if
 * is_done() then, and a mistake of meaning is the document's first one. The item is put into array,
 * the empty one around, behind nulls to be where it is in the document, for pointer_write().
 */
bool conf_series_finish(struct conf_series *series, json_t *array);

#endif
