/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A decoded argument, encoded again byte by byte, decodes to itself. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/http_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void round_trip(const char *text)
{
	size_t len = strlen(text);
	char *encoded = malloc(3 * len + 1), *decoded = malloc(3 * len + 1);

	encoded[0] = '\0';
	for (size_t i = 0; i < len; i++)
		snprintf(encoded + 3 * i, 4, "%%%02x", (unsigned char)text[i]);
	if (!http_segment_decode(encoded, 3 * len, decoded) || strcmp(decoded, text) != 0)
		abort();
	free(encoded);
	free(decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *target = strndup((const char *)data, len), *path;
	const char *name;
	json_t *query, *value;

	if (!http_target_split(target, &path, &query)) {
		json_object_foreach (query, name, value) {
			round_trip(name);
			round_trip(json_string_value(value));
		}
		if (path[0] != '/' || strchr(path, '?'))
			abort();
		free(path);
		json_decref(query);
	}
	free(target);
	return 0;
}
