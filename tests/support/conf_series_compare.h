/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conf_series_compare.h - jansson as the judge of what lib/json_plain.h and conf_series.h read.
 */
#ifndef TESTS_SUPPORT_CONF_SERIES_COMPARE_H
#define TESTS_SUPPORT_CONF_SERIES_COMPARE_H

#include <string.h>

#include "lib/conf_series.h"
#include "lib/json_plain.h"

static inline bool node_equals(const struct json_node *node, const json_t *json)
{
	const char *key;
	json_t *value;
	size_t i;

	if (node->type != json_typeof(json))
		return false;
	if (node->type == JSON_STRING)
		return json_string_length(json) == strlen(node->text) &&
		       strcmp(json_string_value(json), node->text) == 0;
	if (node->type == JSON_INTEGER)
		return json_integer_value(json) == node->number;
	if (node->type == JSON_ARRAY) {
		if (json_array_size(json) != node->count)
			return false;
		json_array_foreach (json, i, value) {
			if (!node_equals(json_node_item(node, i), value))
				return false;
		}
	}
	if (node->type == JSON_OBJECT) {
		if (json_object_size(json) != node->count)
			return false;
		json_object_foreach ((json_t *)json, key, value) {
			const struct json_node *member = json_node_member(node, key);

			if (!member || !node_equals(member, value))
				return false;
		}
	}
	return true;
}

enum series_found {
	SERIES_NONE,	 /* there is no such array to be found */
	SERIES_BAD,	 /* something is wrong with the document */
	SERIES_SOUND,	 /* read to its end, and as jansson reads it */
	SERIES_GIVEN_UP, /* jansson finds nothing wrong with it: slow, but not wrong */
	SERIES_WRONG,	 /* not as jansson reads it: never */
};

/* Read items and what is around them; whole: the same document by jansson, or NULL. */
static inline enum series_found series_compare(struct conf_series *s, json_t *around, json_t *whole,
					       const char *key, size_t *plain)
{
	struct conf_error err = { 0 };
	const struct conf root = conf_root(around, &err);
	const struct conf list = conf_get(&root, key);
	json_t *items = json_object_get(whole, key);
	bool equal = whole && json_is_array(items);
	struct conf item;

	for (size_t i = 0; conf_series_next(s, &list, &item); i++) {
		const json_t *json = json_array_get(items, i);

		*plain += item.node != NULL;
		equal = equal && json && item.index == i &&
			(item.node ? node_equals(item.node, json) : json_equal(item.json, json));
	}
	if (!conf_series_is_done(s))
		return whole ? SERIES_GIVEN_UP : SERIES_BAD;
	equal = equal && conf_series_count(s) == json_array_size(items) && list.json &&
		json_array_size(list.json) == 0;
	if (equal) {
		json_object_set(around, key, items);
		equal = json_equal(around, whole);
	}
	return equal ? SERIES_SOUND : SERIES_WRONG;
}

/* *plain: how many items needed no jansson. */
static inline enum series_found series_try(const char *text, size_t len, const char *key,
					   size_t *plain)
{
	struct conf_series *s = conf_series_new(text, len, key, 1000);
	struct conf_error err = { 0 };
	json_t *whole, *around;
	enum series_found found;

	*plain = 0;
	if (!s)
		return SERIES_NONE;
	whole = conf_read_text(text, len, &err);
	around = conf_series_around(s);
	if (around)
		found = series_compare(s, around, whole, key, plain);
	else
		found = whole ? SERIES_GIVEN_UP : SERIES_BAD;
	json_decref(around);
	json_decref(whole);
	conf_series_free(s);
	return found;
}

#endif
