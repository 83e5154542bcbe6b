/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/pointer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "~" and "/" are escaped (RFC 6901, section 3). */
static void token_add(char buf[POINTER_SIZE], const char *text, size_t len)
{
	size_t used = strlen(buf);

	if (used + 2 * len + 2 > POINTER_SIZE)
		return;
	buf[used++] = '/';
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '~' || text[i] == '/') {
			buf[used++] = '~';
			buf[used++] = text[i] == '~' ? '0' : '1';
		} else {
			buf[used++] = text[i];
		}
	}
	buf[used] = '\0';
}

/* How much of path is the key: the longest one that the object has, or up to the next mark. */
static size_t key_length(const json_t *object, const char *path)
{
	size_t longest = 0;
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		size_t len = strlen(key);

		if (len > longest && strncmp(path, key, len) == 0 &&
		    (path[len] == '\0' || path[len] == '.' || path[len] == '['))
			longest = len;
	}
	return longest ? longest : strcspn(path, ".[");
}

const char *pointer_write(char buf[POINTER_SIZE], const char *prefix, const json_t *document,
			  const char *path)
{
	snprintf(buf, POINTER_SIZE, "%s", prefix);
	while (*path) {
		size_t len;

		if (*path == '[' && json_is_array(document)) {
			len = strcspn(++path, "]");
			token_add(buf, path, len);
			document = json_array_get(document, strtoul(path, NULL, 10));
			path += len + (path[len] == ']');
		} else {
			char key[POINTER_SIZE];

			path += *path == '.';
			len = key_length(document, path);
			if (len == 0)
				break; /* nothing that conf.c writes */
			snprintf(key, sizeof(key), "%.*s", (int)len, path);
			token_add(buf, path, len);
			document = json_object_get(document, key);
			path += len;
		}
	}
	return buf;
}

int pointer_problem(struct http_reply *reply, const char *prefix, const json_t *document,
		    const struct conf_error *err)
{
	char pointer[POINTER_SIZE];

	return http_problem(reply, 422, pointer_write(pointer, prefix, document, err->path), "%s",
			    err->reason);
}
