/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/page.h"

#include <string.h>

#include "lib/http_head.h"

static bool body_parse(const char *body, size_t len, char pop[PROTOCOL_POP_MAX + 1])
{
	if (len < 2 || body[len - 1] != '\n' || !protocol_is_pop(body, len - 1))
		return false;
	memcpy(pop, body, len - 1);
	pop[len - 1] = '\0';
	return true;
}

enum client_page client_page_parse(const char *buf, size_t len, bool ended,
				   char pop[PROTOCOL_POP_MAX + 1], unsigned *status)
{
	struct http_head head;
	size_t body_len;

	*status = 0;
	switch (http_head_parse(&head, buf, len)) {
	case HTTP_HEAD_MORE:
		if (len >= CLIENT_PAGE_MAX)
			return CLIENT_PAGE_WRONG;
		return ended ? CLIENT_PAGE_CUT : CLIENT_PAGE_MORE;
	case HTTP_HEAD_BAD:
		return CLIENT_PAGE_WRONG;
	case HTTP_HEAD_DONE:
		break;
	}
	*status = head.status;
	if (head.status != 200 || head.chunked)
		return CLIENT_PAGE_WRONG;
	body_len = len - head.body_offset;
	if (head.has_length && body_len < head.content_length) {
		if (head.content_length > PROTOCOL_POP_MAX + 1)
			return CLIENT_PAGE_WRONG;
		return ended ? CLIENT_PAGE_CUT : CLIENT_PAGE_MORE;
	}
	/* Without a length the end of the connection is that of the body (RFC 9112, 6.3). */
	if (!head.has_length && !ended)
		return body_len > PROTOCOL_POP_MAX + 1 ? CLIENT_PAGE_WRONG : CLIENT_PAGE_MORE;
	if (head.has_length)
		body_len = head.content_length;
	return body_parse(buf + head.body_offset, body_len, pop) ? CLIENT_PAGE_RIGHT
								 : CLIENT_PAGE_WRONG;
}
