/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/http_target.h"

#include <string.h>
#include <strings.h>

#include "lib/alloc.h"
#include "lib/text.h"

/* False for a broken escape or a zero byte. */
static bool unescape(const char *s, size_t len, bool plus_is_space, char *out)
{
	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (c == '%') {
			int high = len - i > 2 ? hex_digit(s[i + 1]) : -1;
			int low = len - i > 2 ? hex_digit(s[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (c == '\0')
			return false;
		*out++ = c;
	}
	*out = '\0';
	return true;
}

static bool is_utf8(const char *text)
{
	json_t *string = json_string(text);

	json_decref(string);
	return string != NULL;
}

bool http_segment_decode(const char *segment, size_t len, char *out)
{
	return unescape(segment, len, false, out) && is_utf8(out);
}

/* One "name=value", as HTML forms encode it: a plus is a space. */
static const char *argument_add(json_t *query, const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len);
	size_t name_len = equals ? (size_t)(equals - text) : len;
	size_t value_len = equals ? len - name_len - 1 : 0;
	char *name = xmalloc(name_len + 1), *value = xmalloc(value_len + 1);
	const char *wrong = NULL;

	if (!unescape(text, name_len, true, name) ||
	    !unescape(equals ? equals + 1 : "", value_len, true, value))
		wrong = "broken percent-encoding in the query";
	else if (json_object_get(query, name))
		wrong = "a query argument stands twice";
	else if (json_object_set_new(query, name, json_string(value)) != 0)
		wrong = "the query is not UTF-8";
	free(name);
	free(value);
	return wrong;
}

static const char *query_parse(json_t *query, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "&");
		const char *wrong = len > 0 ? argument_add(query, text, len) : NULL;

		if (wrong)
			return wrong;
		text += len + (text[len] == '&');
	}
	return NULL;
}

const char *http_target_split(const char *target, char **path, json_t **query)
{
	size_t path_len;
	const char *wrong;
	json_t *arguments;

	if (strncasecmp(target, "http://", 7) == 0) {
		target += 7 + strcspn(target + 7, "/?");
		if (*target != '/')
			return "the target has no path";
	}
	if (*target != '/')
		return "the target must start with '/'";
	path_len = strcspn(target, "?");
	arguments = json_object();
	wrong = query_parse(arguments, target[path_len] ? target + path_len + 1 : "");
	if (wrong) {
		json_decref(arguments);
		return wrong;
	}
	*path = xmemdup(target, path_len + 1);
	(*path)[path_len] = '\0';
	*query = arguments;
	return NULL;
}
