/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/batch.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

/* Above any row: four names of at most 63 characters, an address, three numbers. */
#define ROW_MAX ((size_t)512)

struct client_batch {
	const char *group;
	char *text;
	size_t len, size;
	unsigned rows;
};

struct client_batch *client_batch_new(const char *group)
{
	struct client_batch *batch = x_new(struct client_batch);

	batch->group = group;
	return batch;
}

void client_batch_free(struct client_batch *batch)
{
	if (!batch)
		return;
	free(batch->text);
	free(batch);
}

static void append(struct client_batch *batch, const char *text, size_t len)
{
	if (batch->size - batch->len < len) {
		batch->size = 2 * batch->size + len + 4 * ROW_MAX;
		batch->text = xrealloc(batch->text, batch->size);
	}
	memcpy(batch->text + batch->len, text, len);
	batch->len += len;
}

void client_batch_add(struct client_batch *batch, const struct client_row *row)
{
	char text[ROW_MAX];
	int len;

	if (batch->rows == 0) {
		len = snprintf(text, sizeof(text),
			       "{\"type\":\"samples\",\"group\":\"%s\",\"rows\":[", batch->group);
		assert(len > 0 && (size_t)len < sizeof(text));
		append(batch, text, (size_t)len);
	}
	len = snprintf(text, sizeof(text),
		       "%s[%" PRId64 ",\"%s\",\"%s\",%u,\"%s\",\"%s\",%" PRId64 ",\"%s\"]",
		       batch->rows ? "," : "", row->planned.ns, client_kind_name(row->kind),
		       row->variant, row->user, row->pop, client_result_name(row->result),
		       row->latency_us, row->detail);
	assert(len > 0 && (size_t)len < sizeof(text));
	append(batch, text, (size_t)len);
	batch->rows++;
}

unsigned client_batch_rows(const struct client_batch *batch)
{
	return batch->rows;
}

char *client_batch_take(struct client_batch *batch, size_t *len)
{
	char *text;

	append(batch, "]}", 2);
	text = batch->text;
	*len = batch->len;
	*batch = (struct client_batch){ .group = batch->group };
	return text;
}
