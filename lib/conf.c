/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/conf.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/alloc.h"
#include "lib/json_plain.h"

/* Append the way from the root to at; returns the length so far. */
static size_t path_write(const struct conf *at, char *buf, size_t size)
{
	size_t used;
	int n;

	if (!at || !at->parent)
		return 0;
	used = path_write(at->parent, buf, size);
	if (used >= size - 1)
		return used;
	if (at->key)
		n = snprintf(buf + used, size - used, "%s%s", used ? "." : "", at->key);
	else
		n = snprintf(buf + used, size - used, "[%zu]", at->index);
	used += n > 0 ? (size_t)n : 0;
	return used < size ? used : size - 1;
}

void conf_fail(const struct conf *at, const char *fmt, ...)
{
	struct conf_error *err = at->err;
	va_list ap;

	if (err->set)
		return;
	err->set = true;
	err->path[0] = '\0';
	path_write(at, err->path, sizeof(err->path));
	va_start(ap, fmt);
	vsnprintf(err->reason, sizeof(err->reason), fmt, ap);
	va_end(ap);
}

const char *conf_error_format(const struct conf_error *err, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s", err->path, err->path[0] ? ": " : "", err->reason);
	return buf;
}

static json_t *read_done(json_t *json, const json_error_t *parse, struct conf_error *err)
{
	const struct conf top = { .err = err };

	if (!json) {
		if (parse->line > 0)
			conf_fail(&top, "line %d, column %d: %s", parse->line, parse->column,
				  parse->text);
		else
			conf_fail(&top, "%s", parse->text);
	} else if (!json_is_object(json)) {
		conf_fail(&top, "expected an object at the top");
		json_decref(json);
		return NULL;
	}
	return json;
}

json_t *conf_read_text(const char *text, size_t len, struct conf_error *err)
{
	json_error_t parse;

	return read_done(json_loadb(text, len, JSON_REJECT_DUPLICATES, &parse), &parse, err);
}

/* All of it, in one piece: json_loadf() takes a lock for every octet. NULL, errno set. */
static char *file_read(FILE *f, size_t *len)
{
	size_t room = 65536, got;
	struct stat st;
	char *text;

	/* Only a hint: what matters is where the file ends. */
	if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		room = (size_t)st.st_size + 1;
	text = xmalloc(room);
	*len = 0;
	while ((got = fread(text + *len, 1, room - *len, f)) > 0) {
		*len += got;
		if (*len == room) {
			room *= 2;
			text = xrealloc(text, room);
		}
	}
	if (!ferror(f))
		return text;
	free(text);
	return NULL;
}

char *conf_read_octets(const char *path, size_t *len, struct conf_error *err)
{
	const struct conf top = { .err = err };
	FILE *f = fopen(path, "re");
	char *text;

	if (!f) {
		conf_fail(&top, "cannot open: %s", strerror(errno));
		return NULL;
	}
	text = file_read(f, len);
	if (!text)
		conf_fail(&top, "cannot read: %s", strerror(errno));
	fclose(f);
	return text;
}

json_t *conf_read_file(const char *path, struct conf_error *err)
{
	size_t len;
	char *text = conf_read_octets(path, &len, err);
	json_t *json = text ? conf_read_text(text, len, err) : NULL;

	free(text);
	return json;
}

struct conf conf_root(json_t *json, struct conf_error *err)
{
	return (struct conf){ .json = json, .err = err };
}

static const char *type_name(json_type type)
{
	switch (type) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		return "null";
	}
	return "nothing";
}

bool conf_is_there(const struct conf *at)
{
	return at->json || at->node;
}

static json_type type_of(const struct conf *at)
{
	return at->node ? at->node->type : json_typeof(at->json);
}

static bool is_a(const struct conf *at, json_type type)
{
	return conf_is_there(at) && type_of(at) == type;
}

static void wrong_type(const struct conf *at, const char *wanted)
{
	if (!conf_is_there(at))
		conf_fail(at, "required");
	else
		conf_fail(at, "expected %s, found %s", wanted, type_name(type_of(at)));
}

bool conf_is_object(const struct conf *at)
{
	return is_a(at, JSON_OBJECT);
}

static void key_check(const struct conf *object, const char *key, const char *const *known)
{
	const struct conf at = { .parent = object, .key = key, .err = object->err };

	while (*known && ((*known)[0] != key[0] || strcmp(*known, key) != 0))
		known++;
	if (!*known)
		conf_fail(&at, "unknown key");
}

void conf_keys(const struct conf *object, const char *const *known)
{
	const char *key;
	json_t *value;

	if (!conf_is_object(object)) {
		wrong_type(object, "an object");
	} else if (object->node) {
		const struct json_node *member = object->node + 1;

		for (uint32_t i = 0; i < object->node->count; i++, member += member->size)
			key_check(object, member->key, known);
	} else {
		json_object_foreach (object->json, key, value) {
			key_check(object, key, known);
		}
	}
}

bool conf_has(const struct conf *object, const char *key)
{
	const struct conf at = conf_get(object, key);

	return conf_is_there(&at);
}

struct conf conf_get(const struct conf *object, const char *key)
{
	struct conf at = { .parent = object, .key = key, .err = object->err };

	if (object->node)
		at.node = json_node_member(object->node, key);
	else
		at.json = json_object_get(object->json, key);
	return at;
}

struct conf conf_require(const struct conf *object, const char *key)
{
	struct conf at = conf_get(object, key);

	if (!conf_is_there(&at))
		conf_fail(&at, "required");
	return at;
}

struct conf conf_array(const struct conf *object, const char *key, size_t min, size_t max)
{
	struct conf at = conf_get(object, key);
	size_t count = conf_count(&at);

	if ((conf_is_there(&at) || min > 0) && !is_a(&at, JSON_ARRAY)) {
		wrong_type(&at, "an array");
	} else if (count < min) {
		conf_fail(&at, "needs at least %zu item%s", min, min == 1 ? "" : "s");
		return at;
	} else if (count > max) {
		conf_fail(&at, "has %zu items, at most %zu are possible", count, max);
	} else {
		return at;
	}
	at.json = NULL;
	at.node = NULL;
	return at;
}

size_t conf_count(const struct conf *array)
{
	if (array->node)
		return array->node->type == JSON_ARRAY ? array->node->count : 0;
	return json_array_size(array->json);
}

struct conf conf_item(const struct conf *array, size_t index)
{
	struct conf at = { .parent = array, .index = index, .err = array->err };

	if (array->node)
		at.node = json_node_item(array->node, index);
	else
		at.json = json_array_get(array->json, index);
	return at;
}

int64_t conf_as_int(const struct conf *at, int64_t min, int64_t max)
{
	int64_t v;

	if (!is_a(at, JSON_INTEGER)) {
		wrong_type(at, "a whole number");
		return min;
	}
	v = at->node ? at->node->number : json_integer_value(at->json);
	if (v < min || v > max) {
		conf_fail(at, "%lld is not between %lld and %lld", (long long)v, (long long)min,
			  (long long)max);
		return min;
	}
	return v;
}

double conf_as_number(const struct conf *at, double min, double max)
{
	double v;

	if (!is_a(at, JSON_INTEGER) && !is_a(at, JSON_REAL)) {
		wrong_type(at, "a number");
		return min;
	}
	v = at->node ? (double)at->node->number : json_number_value(at->json);
	if (!(v >= min && v <= max)) {
		conf_fail(at, "%g is not between %g and %g", v, min, max);
		return min;
	}
	return v;
}

const char *conf_as_string(const struct conf *at)
{
	if (!is_a(at, JSON_STRING)) {
		wrong_type(at, "a string");
		return "";
	}
	if (at->node)
		return at->node->text;
	if (strlen(json_string_value(at->json)) != json_string_length(at->json)) {
		conf_fail(at, "contains a zero byte");
		return "";
	}
	return json_string_value(at->json);
}

struct addr conf_as_addr(const struct conf *at)
{
	const char *text = conf_as_string(at);
	struct addr addr = { 0 };

	if (!addr_parse(&addr, text))
		conf_fail(at, "'%.60s' is not an IP address", text);
	return addr;
}

struct prefix conf_as_prefix(const struct conf *at)
{
	const char *text = conf_as_string(at);
	struct prefix prefix = { 0 };

	if (!prefix_parse(&prefix, text))
		conf_fail(at, "'%.60s' is not a prefix such as 192.0.2.0/24", text);
	return prefix;
}

int64_t conf_int(const struct conf *object, const char *key, int64_t min, int64_t max, int64_t def)
{
	const struct conf at = conf_get(object, key);

	if (!conf_is_there(&at) && def != CONF_REQUIRED)
		return def;
	return conf_as_int(&at, min, max);
}

double conf_number(const struct conf *object, const char *key, double min, double max, double def)
{
	const struct conf at = conf_get(object, key);

	return conf_is_there(&at) ? conf_as_number(&at, min, max) : def;
}

double conf_number_required(const struct conf *object, const char *key, double min, double max)
{
	const struct conf at = conf_get(object, key);

	return conf_as_number(&at, min, max);
}

bool conf_bool(const struct conf *object, const char *key, bool def)
{
	const struct conf at = conf_get(object, key);

	if (!conf_is_there(&at))
		return def;
	if (!is_a(&at, JSON_TRUE) && !is_a(&at, JSON_FALSE)) {
		wrong_type(&at, "true or false");
		return def;
	}
	return is_a(&at, JSON_TRUE);
}

const char *conf_string(const struct conf *object, const char *key, const char *def)
{
	const struct conf at = conf_get(object, key);

	if (!conf_is_there(&at) && def != CONF_REQUIRED_STRING)
		return def;
	return conf_as_string(&at);
}

int conf_choice(const struct conf *object, const char *key, const char *const *choices, int64_t def)
{
	const struct conf at = conf_get(object, key);
	const char *text;

	if (!conf_is_there(&at) && def != CONF_REQUIRED)
		return (int)def;
	text = conf_as_string(&at);
	for (int i = 0; choices[i]; i++) {
		if (strcmp(choices[i], text) == 0)
			return i;
	}
	conf_fail(&at, "unknown value '%.60s'", text);
	return 0;
}

struct addr conf_addr(const struct conf *object, const char *key)
{
	const struct conf at = conf_get(object, key);

	return conf_as_addr(&at);
}

struct prefix conf_prefix(const struct conf *object, const char *key)
{
	const struct conf at = conf_get(object, key);

	return conf_as_prefix(&at);
}

struct endpoint conf_endpoint(const struct conf *object, const char *key, uint16_t default_port)
{
	const struct conf at = conf_get(object, key);
	const char *text = conf_as_string(&at);
	struct endpoint ep = { 0 };

	if (!endpoint_parse(&ep, text, default_port))
		conf_fail(&at, "'%.60s' is not an address and port such as 192.0.2.1:53", text);
	return ep;
}

const char *conf_name(const struct conf *object, const char *key)
{
	const struct conf at = conf_get(object, key);
	const char *text = conf_as_string(&at);
	size_t len = strlen(text);
	bool good = len >= 1 && len <= 63 && text[0] != '-' && text[0] != '.';

	for (size_t i = 0; i < len; i++)
		good = good && (isalnum((unsigned char)text[i]) || strchr("-_.", text[i]));
	if (!good)
		conf_fail(&at, "'%.64s' is not a name", text);
	return text;
}
