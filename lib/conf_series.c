/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/conf_series.h"

#include <string.h>

#include "lib/alloc.h"
#include "lib/json_plain.h"

struct conf_series {
	const char *text;
	size_t len;
	const char *first, *end; /* the array, without its brackets */
	const char *last, *at;	 /* the last item, and behind it */
	size_t count, index;	 /* items in all, and that have been read */
	bool failed;
	struct json_plain *plain;
	json_t *item; /* one that is not plain, or NULL */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static const char *space_skip(const char *at, const char *limit)
{
	while (at < limit && is_space(*at))
		at++;
	return at;
}

/* From behind a string's first quotation mark to its last one; limit: it has none. */
static const char *string_skip(const char *at, const char *limit)
{
	while (at < limit && *at != '"')
		at += *at == '\\' && limit - at > 1 ? 2 : 1;
	return at;
}

/* From behind a bracket to the one that closes it; counts what stands between commas. */
static const char *array_skip(const char *at, const char *limit, size_t *count)
{
	const char *first = space_skip(at, limit);
	unsigned depth = 1;

	*count = first < limit && *first != ']';
	for (; at < limit; at++) {
		if (*at == '"')
			at = string_skip(at + 1, limit);
		else if (*at == '[' || *at == '{')
			depth++;
		else if ((*at == ']' || *at == '}') && --depth == 0)
			return at;
		else if (*at == ',' && depth == 1)
			++*count;
	}
	return limit;
}

/* Is it the key, of a member that is an array? Then its bracket, else NULL. */
static const char *member_match(const char *string, const char *end, const char *limit,
				const char *key)
{
	if ((size_t)(end - string) != strlen(key) || memcmp(string, key, strlen(key)) != 0)
		return NULL;
	end = space_skip(end + 1, limit);
	if (end == limit || *end != ':')
		return NULL;
	end = space_skip(end + 1, limit);
	return end < limit && *end == '[' ? end : NULL;
}

/* Good for sound documents; the others are found out by those who read the parts. */
static const char *array_find(const char *at, const char *limit, const char *key)
{
	unsigned depth = 0;

	for (; at < limit; at++) {
		if (*at == '{' || *at == '[') {
			depth++;
		} else if (*at == '}' || *at == ']') {
			depth--;
		} else if (*at == '"') {
			const char *end = string_skip(at + 1, limit);
			const char *array = depth == 1 && end < limit
						    ? member_match(at + 1, end, limit, key)
						    : NULL;

			if (array)
				return array;
			at = end;
		}
	}
	return NULL;
}

struct conf_series *conf_series_new(const char *text, size_t len, const char *key, size_t max)
{
	const char *limit = text + len, *array = array_find(text, limit, key), *end;
	struct conf_series *s;
	size_t count;

	if (!array)
		return NULL;
	end = array_skip(array + 1, limit, &count);
	if (end == limit || count > max)
		return NULL;
	s = x_new(struct conf_series);
	s->text = text;
	s->len = len;
	s->first = s->at = array + 1;
	s->end = end;
	s->count = count;
	s->plain = json_plain_new();
	return s;
}

void conf_series_free(struct conf_series *series)
{
	if (!series)
		return;
	json_plain_free(series->plain);
	json_decref(series->item);
	free(series);
}

json_t *conf_series_around(const struct conf_series *series)
{
	const size_t before = (size_t)(series->first - series->text);
	const size_t after = (size_t)(series->text + series->len - series->end);
	char *around = xmalloc(before + after);
	struct conf_error err = { 0 };
	json_t *json;

	memcpy(around, series->text, before);
	memcpy(around + before, series->end, after);
	json = conf_read_text(around, before + after, &err);
	free(around);
	return json;
}

size_t conf_series_count(const struct conf_series *series)
{
	return series->count;
}

/* Behind the comma before the next item, or nowhere. */
static const char *item_begin(const struct conf_series *s)
{
	const char *at = space_skip(s->at, s->end);

	if (s->index > 0 && (at == s->end || *at++ != ','))
		return NULL;
	return space_skip(at, s->end);
}

/* The last item by jansson, which is the caller's, or NULL; *end: behind it. */
static json_t *last_load(const struct conf_series *s, const char **end)
{
	json_error_t parse;
	json_t *json = json_loadb(s->last, (size_t)(s->end - s->last),
				  JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY,
				  &parse);

	*end = json ? s->last + parse.position : NULL;
	return json;
}

/* Where the last item has its end; NULL: something is wrong with it. */
static const char *last_read(struct conf_series *s, struct conf *item)
{
	const char *end;

	item->node = json_plain_read(s->plain, s->last, s->end, &end);
	if (item->node)
		return end;
	json_decref(s->item);
	s->item = item->json = last_load(s, &end);
	return end;
}

bool conf_series_next(struct conf_series *series, const struct conf *list, struct conf *item)
{
	if (series->failed || series->index == series->count)
		return false;
	*item = (struct conf){ .parent = list, .index = series->index, .err = list->err };
	series->last = item_begin(series);
	series->at = series->last ? last_read(series, item) : NULL;
	series->failed = !series->at;
	series->index++;
	return !series->failed;
}

bool conf_series_is_done(const struct conf_series *series)
{
	return !series->failed && series->index == series->count &&
	       space_skip(series->at, series->end) == series->end;
}

bool conf_series_finish(struct conf_series *series, json_t *array)
{
	const struct conf list = { 0 };
	struct conf item;
	const char *end;

	if (series->index > 0 && !series->failed) {
		for (size_t i = 1; i < series->index; i++)
			json_array_append_new(array, json_null());
		json_array_append_new(array, last_load(series, &end));
	}
	while (conf_series_next(series, &list, &item))
		;
	return conf_series_is_done(series);
}
