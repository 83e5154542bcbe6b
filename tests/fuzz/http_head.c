/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a whole head says does not depend on how many bytes beyond it have come. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct http_head head = { 0 }, again = { 0 };
	const char *text = (const char *)data;
	char body[4096];
	size_t got;

	len = len < sizeof(body) ? len : sizeof(body);
	http_chunked_decode(text, len, body, &got);
	if (got > len)
		abort();
	if (http_head_parse(&head, text, len) != HTTP_HEAD_DONE)
		return 0;
	for (size_t n = head.body_offset - 1; n <= len; n++) {
		enum http_head_result want = n < head.body_offset ? HTTP_HEAD_MORE : HTTP_HEAD_DONE;

		if (http_head_parse(&again, text, n) != want)
			abort();
	}
	if (head.status != again.status || head.body_offset != again.body_offset ||
	    head.has_length != again.has_length || head.content_length != again.content_length ||
	    head.chunked != again.chunked)
		abort();
	return 0;
}
