/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "testbed/measure/events_csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ids count in order of appearance, so equal records have equal ids as well. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_record first, second;
	struct events_csv_error err;
	char *text = NULL;
	size_t len = 0;
	FILE *out;

	if (events_csv_decode(&first, (const char *)data, size, &err) < 0)
		return 0;
	out = open_memstream(&text, &len);
	events_csv_encode(&first, out);
	if (fclose(out) != 0 || events_csv_decode(&second, text, len, &err) < 0 ||
	    second.truncated || first.count != second.count)
		abort();
	if (first.count &&
	    memcmp(first.events, second.events, first.count * sizeof(*first.events)) != 0)
		abort();
	for (uint32_t id = 0; first.count && id < name_table_count(second.names); id++) {
		if (strcmp(name_table_text(first.names, id), name_table_text(second.names, id)))
			abort();
	}
	free(text);
	event_record_fini(&first);
	event_record_fini(&second);
	return 0;
}
