/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/check_http.h"

#include <string.h>

#include "lib/alloc.h"
#include "lib/version.h"

char *check_http_request(const struct check_spec *spec)
{
	char text[ENDPOINT_TEXT_SIZE];

	return xasprintf("GET %s HTTP/1.1\r\n"
			 "Host: %s\r\n"
			 "User-Agent: catchment/%s\r\n"
			 "Connection: close\r\n\r\n",
			 spec->path, spec->host ? spec->host : endpoint_format(&spec->target, text),
			 version_number());
}

/* Is the text within the body as far as it is there? */
static enum check_http_verdict body_judge(const char *match, const struct http_head *head,
					  const char *body, size_t len, bool eof)
{
	enum http_head_result framing = HTTP_HEAD_MORE;
	char *data = NULL;
	bool found;

	if (head->has_length && len >= head->content_length) {
		len = head->content_length;
		framing = HTTP_HEAD_DONE;
	}
	if (head->chunked) {
		data = xmalloc(len);
		framing = http_chunked_decode(body, len, data, &len);
		body = data;
	}
	if (len >= CHECK_BODY_MAX) {
		len = CHECK_BODY_MAX;
		framing = HTTP_HEAD_DONE;
	}
	found = memmem(body, len, match, strlen(match)) != NULL;
	free(data);
	if (found)
		return CHECK_HTTP_GOOD;
	if (framing == HTTP_HEAD_BAD)
		return CHECK_HTTP_NOT_HTTP;
	return framing == HTTP_HEAD_DONE || eof ? CHECK_HTTP_WRONG_MATCH : CHECK_HTTP_MORE;
}

enum check_http_verdict check_http_judge(const struct check_spec *spec, const char *answer,
					 size_t len, bool eof, unsigned *status)
{
	struct http_head head;

	switch (http_head_parse(&head, answer, len)) {
	case HTTP_HEAD_MORE:
		return eof ? CHECK_HTTP_NOT_HTTP : CHECK_HTTP_MORE;
	case HTTP_HEAD_BAD:
		return CHECK_HTTP_NOT_HTTP;
	case HTTP_HEAD_DONE:
		break;
	}
	*status = head.status;
	if (head.status != spec->status)
		return CHECK_HTTP_WRONG_STATUS;
	if (!spec->match)
		return CHECK_HTTP_GOOD;
	return body_judge(spec->match, &head, answer + head.body_offset, len - head.body_offset,
			  eof || len == CHECK_HTTP_ANSWER_MAX);
}
