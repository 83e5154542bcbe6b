/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conf.h - typed reading of JSON, for configurations, scenarios and API bodies.
 *
 * A cursor (struct conf) is a JSON value and the way to it. Getters name a
 * key, a range and a default; the first mistake is kept, with its path, in
 * the one struct conf_error that all cursors of a document share, and every
 * getter still returns a usable value, so that a loader reads straight down
 * and tests err.set once at the end:
 *
 *	vips[3].pops[0]: unknown pop 'fra9'
 *
 * Cursors live on the stack and borrow from their parent; strings borrow
 * from the JSON document (or the item, conf_series.h), which must outlive whoever keeps them.
 *Unknown keys are mistakes: state the known ones first with conf_keys().
 */
#ifndef LIB_CONF_H
#define LIB_CONF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

struct conf_error {
	bool set;
	char path[160]; /* "vips[3].pops[0]", empty at the top */
	char reason[200];
};

struct json_node;

/* Neither json nor node: absent, getters then give their defaults. */
struct conf {
	json_t *json;
	const struct json_node *node; /* instead, in an item of conf_series.h */
	const struct conf *parent;
	const char *key; /* NULL for an array's item */
	size_t index;
	struct conf_error *err;
};

/* As a default: the key must be there. */
#define CONF_REQUIRED	     INT64_MIN
#define CONF_REQUIRED_STRING ((const char *)1)

/*
 * Read a file or text as one JSON object without duplicate keys. NULL, and err set,
 * when that fails. The caller owns the result: json_decref().
 */
json_t *conf_read_file(const char *path, struct conf_error *err);
json_t *conf_read_text(const char *text, size_t len, struct conf_error *err);
/* A file as it is, len octets; free(). NULL, and err set, when that fails. */
char *conf_read_octets(const char *path, size_t *len, struct conf_error *err);

struct conf conf_root(json_t *json, struct conf_error *err);
/* Write "path: reason" into buf. Returns buf. */
const char *conf_error_format(const struct conf_error *err, char *buf, size_t size);
/* Record a mistake at this cursor; only the first is kept. */
void conf_fail(const struct conf *at, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The value must be an object with no other keys than these; ends with NULL. */
void conf_keys(const struct conf *object, const char *const *known);
#define CONF_KEYS(object, ...) conf_keys((object), (const char *const[]){ __VA_ARGS__, NULL })

/* Is there a value at this cursor, and is it an object? */
bool conf_is_there(const struct conf *at);
bool conf_is_object(const struct conf *at);
bool conf_has(const struct conf *object, const char *key);
/* Cursor to a member, to nothing when absent (no mistake). */
struct conf conf_get(const struct conf *object, const char *key);
/* The same, absence being a mistake. */
struct conf conf_require(const struct conf *object, const char *key);
/*
 * Cursor to an array member, its length between min and max. Absent counts as
 * empty: a mistake if min > 0.
 */
struct conf conf_array(const struct conf *object, const char *key, size_t min, size_t max);
size_t conf_count(const struct conf *array);
struct conf conf_item(const struct conf *array, size_t index);

/* Values of a cursor itself. On a mistake: the lower bound, false, "", zeroed. */
int64_t conf_as_int(const struct conf *at, int64_t min, int64_t max);
double conf_as_number(const struct conf *at, double min, double max);
const char *conf_as_string(const struct conf *at);
struct addr conf_as_addr(const struct conf *at);
struct prefix conf_as_prefix(const struct conf *at);

/* Members of an object. */
int64_t conf_int(const struct conf *object, const char *key, int64_t min, int64_t max, int64_t def);
double conf_number(const struct conf *object, const char *key, double min, double max, double def);
double conf_number_required(const struct conf *object, const char *key, double min, double max);
bool conf_bool(const struct conf *object, const char *key, bool def);
const char *conf_string(const struct conf *object, const char *key, const char *def);
/* Index of the member's string in choices (ends with NULL), def (or CONF_REQUIRED) if absent. */
int conf_choice(const struct conf *object, const char *key, const char *const *choices,
		int64_t def);
/* Required. */
struct addr conf_addr(const struct conf *object, const char *key);
struct prefix conf_prefix(const struct conf *object, const char *key);
/* Required; default_port 0 means that the text must have one. */
struct endpoint conf_endpoint(const struct conf *object, const char *key, uint16_t default_port);
/* Required: a name of 1 to 63 letters, digits, '-', '_' or '.', not starting with '-' or '.'. */
const char *conf_name(const struct conf *object, const char *key);

#endif
