/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/origin/protocol.h"

#include <stdio.h>
#include <string.h>

#define KEYWORD	    "catchment "
#define KEYWORD_LEN (sizeof(KEYWORD) - 1)

static bool is_one_of(char c, const char *marks)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr(marks, c));
}

static bool is_token(const char *text, size_t len)
{
	if (len < 1 || len > PROTOCOL_TOKEN_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_one_of(text[i], "-_.:"))
			return false;
	}
	return true;
}

bool protocol_is_pop(const char *text, size_t len)
{
	if (len < 1 || len > PROTOCOL_POP_MAX || text[0] == '-' || text[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_one_of(text[i], "-_."))
			return false;
	}
	return true;
}

/* What stands between the keyword and the newline; NULL when they are not there. */
static const char *line_words(const char *buf, size_t len, size_t *words_len)
{
	if (len <= KEYWORD_LEN || len > PROTOCOL_LINE_MAX)
		return NULL;
	if (memcmp(buf, KEYWORD, KEYWORD_LEN) != 0 || buf[len - 1] != '\n')
		return NULL;
	*words_len = len - KEYWORD_LEN - 1;
	return buf + KEYWORD_LEN;
}

bool protocol_request_parse(struct protocol_request *out, const char *buf, size_t len)
{
	size_t token_len;
	const char *token = line_words(buf, len, &token_len);

	if (!token || !is_token(token, token_len))
		return false;
	*out = (struct protocol_request){ 0 };
	memcpy(out->token, token, token_len);
	return true;
}

bool protocol_reply_parse(struct protocol_reply *out, const char *buf, size_t len)
{
	size_t words_len, token_len, pop_len;
	const char *token = line_words(buf, len, &words_len);
	const char *space = token ? memchr(token, ' ', words_len) : NULL;

	if (!space)
		return false;
	token_len = (size_t)(space - token);
	pop_len = words_len - token_len - 1;
	if (!is_token(token, token_len) || !protocol_is_pop(space + 1, pop_len))
		return false;
	*out = (struct protocol_reply){ 0 };
	memcpy(out->token, token, token_len);
	memcpy(out->pop, space + 1, pop_len);
	return true;
}

/* snprintf() also wants room for the zero that the wire does not carry. */
static size_t line_put(const char *line, int len, char *buf, size_t size)
{
	if (len < 0 || (size_t)len > size)
		return 0;
	memcpy(buf, line, (size_t)len);
	return (size_t)len;
}

size_t protocol_request_format(const struct protocol_request *req, char *buf, size_t size)
{
	char line[PROTOCOL_LINE_MAX + 1];
	const int len = snprintf(line, sizeof(line), KEYWORD "%s\n", req->token);

	return line_put(line, len, buf, size);
}

size_t protocol_reply_format(const struct protocol_reply *reply, char *buf, size_t size)
{
	char line[PROTOCOL_LINE_MAX + 1];
	const int len = snprintf(line, sizeof(line), KEYWORD "%s %s\n", reply->token, reply->pop);

	return line_put(line, len, buf, size);
}
