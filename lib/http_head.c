/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/http_head.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/text.h"

/* A stretch of the buffer. */
struct span {
	const char *pos;
	const char *end;
};

static size_t span_size(struct span s)
{
	return (size_t)(s.end - s.pos);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* RFC 9110, section 5.6.2. */
static bool is_token(char c)
{
	return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

/* VCHAR, obs-text and blanks: what a field value and a reason phrase consist of. */
static bool is_text(char c)
{
	return is_blank(c) || (unsigned char)c > ' ';
}

static bool is_fold(char c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

static struct span span_trim(struct span s)
{
	while (s.pos < s.end && is_fold(*s.pos))
		s.pos++;
	while (s.end > s.pos && is_fold(s.end[-1]))
		s.end--;
	return s;
}

static bool span_is(struct span s, const char *word)
{
	return span_size(s) == strlen(word) && strncasecmp(s.pos, word, span_size(s)) == 0;
}

/* Take the next line without its end off rest. */
static enum http_head_result line_next(struct span *rest, struct span *line)
{
	const char *lf = memchr(rest->pos, '\n', span_size(*rest));

	if (!lf)
		return HTTP_HEAD_MORE;
	*line = (struct span){ rest->pos, lf };
	if (lf > rest->pos && lf[-1] == '\r')
		line->end--;
	rest->pos = lf + 1;
	for (const char *p = line->pos; p < line->end; p++) {
		if (!is_text(*p) || *p == 0x7f)
			return HTTP_HEAD_BAD;
	}
	return HTTP_HEAD_DONE;
}

/* Take the next element off a comma-separated list; false at its end. */
static bool element_next(struct span *list, struct span *element)
{
	const char *comma;

	if (list->pos > list->end)
		return false;
	comma = memchr(list->pos, ',', span_size(*list));
	*element = span_trim((struct span){ list->pos, comma ? comma : list->end });
	list->pos = comma ? comma + 1 : list->end + 1;
	return true;
}

/* Whether what there is of a status line can become one: so that a wrong server is told early. */
static bool status_begins(struct span rest)
{
	static const char shape[] = "HTTP/1.d ddd";
	size_t len = span_size(rest);

	for (size_t i = 0; i < len && i < sizeof(shape) - 1; i++) {
		if (shape[i] == 'd' ? !is_digit(rest.pos[i]) : rest.pos[i] != shape[i])
			return false;
	}
	return true;
}

/*
 * Section 4. The space before an empty reason phrase may be missing: servers were
 * seen to forget it, and nothing hangs on it.
 */
static bool status_parse(unsigned *status, struct span line)
{
	const char *p = line.pos + strlen("HTTP/1.1 ");

	if (span_size(line) < strlen("HTTP/1.1 200") || !status_begins(line))
		return false;
	*status =
		(unsigned)(p[0] - '0') * 100 + (unsigned)(p[1] - '0') * 10 + (unsigned)(p[2] - '0');
	return *status >= 100 && *status <= 599 && (p + 3 == line.end || p[3] == ' ');
}

/* RFC 9110, section 8.6: one number, or the same several times. */
static bool content_length_parse(struct http_head *head, struct span value)
{
	struct span element;

	while (element_next(&value, &element)) {
		size_t n = 0;

		if (element.pos == element.end)
			return false;
		for (const char *p = element.pos; p < element.end; p++) {
			if (!is_digit(*p) || __builtin_mul_overflow(n, 10, &n) ||
			    __builtin_add_overflow(n, (size_t)(*p - '0'), &n))
				return false;
		}
		if (head->has_length && head->content_length != n)
			return false;
		head->has_length = true;
		head->content_length = n;
	}
	return true;
}

/* The last coding decides whether the body frames itself. */
static void transfer_encoding_parse(bool *encoded, bool *chunked, struct span value)
{
	struct span element;

	while (element_next(&value, &element)) {
		if (element.pos == element.end)
			continue;
		*encoded = true;
		*chunked = span_is(element, "chunked");
	}
}

/*
 * Take one field, folded lines included, off rest; an empty name ends the head. A value
 * then holds the line ends of its folds, which count as blanks.
 */
static enum http_head_result field_next(struct span *rest, struct span *name, struct span *value)
{
	struct span line, fold;
	const char *colon;
	enum http_head_result result = line_next(rest, &line);

	if (result != HTTP_HEAD_DONE)
		return result;
	*name = *value = (struct span){ line.pos, line.pos };
	if (line.pos == line.end)
		return HTTP_HEAD_DONE;
	colon = memchr(line.pos, ':', span_size(line));
	if (!colon || colon == line.pos)
		return HTTP_HEAD_BAD;
	for (const char *p = line.pos; p < colon; p++) {
		if (!is_token(*p))
			return HTTP_HEAD_BAD;
	}
	name->end = colon;
	*value = (struct span){ colon + 1, line.end };
	for (;;) {
		if (rest->pos == rest->end)
			return HTTP_HEAD_MORE;
		if (!is_blank(*rest->pos))
			break;
		result = line_next(rest, &fold);
		if (result != HTTP_HEAD_DONE)
			return result;
		value->end = fold.end;
	}
	return HTTP_HEAD_DONE;
}

/* One head, interim or final. */
static enum http_head_result head_next(struct http_head *head, struct span *rest)
{
	bool encoded = false;
	struct span line, name, value;
	enum http_head_result result = line_next(rest, &line);

	*head = (struct http_head){ 0 };
	if (result == HTTP_HEAD_MORE)
		return status_begins(*rest) ? HTTP_HEAD_MORE : HTTP_HEAD_BAD;
	if (result == HTTP_HEAD_BAD || !status_parse(&head->status, line))
		return HTTP_HEAD_BAD;
	for (;;) {
		result = field_next(rest, &name, &value);
		if (result != HTTP_HEAD_DONE)
			return result;
		if (name.pos == name.end)
			break;
		if (span_is(name, "Content-Length") && !content_length_parse(head, value))
			return HTTP_HEAD_BAD;
		if (span_is(name, "Transfer-Encoding"))
			transfer_encoding_parse(&encoded, &head->chunked, value);
	}
	/* Section 6.3, rules 1 and 3. */
	if (head->status < 200 || head->status == 204 || head->status == 304) {
		head->has_length = true;
		head->content_length = 0;
		head->chunked = false;
	} else if (encoded) {
		head->has_length = false;
		head->content_length = 0;
	}
	return HTTP_HEAD_DONE;
}

enum http_head_result http_head_parse(struct http_head *out, const char *buf, size_t len)
{
	size_t seen = len < HTTP_HEAD_MAX ? len : HTTP_HEAD_MAX;
	struct span rest = { buf, buf + seen };
	struct http_head head;
	enum http_head_result result;

	do
		result = head_next(&head, &rest);
	while (result == HTTP_HEAD_DONE && head.status < 200 && head.status != 101);
	if (result == HTTP_HEAD_MORE && seen == HTTP_HEAD_MAX)
		return HTTP_HEAD_BAD;
	if (result != HTTP_HEAD_DONE)
		return result;
	head.body_offset = (size_t)(rest.pos - buf);
	*out = head;
	return HTTP_HEAD_DONE;
}

/* Section 7.1: the size in hexadecimal, then extensions that nobody here knows. */
static bool chunk_size_parse(size_t *size, struct span line)
{
	const char *p = line.pos;

	*size = 0;
	for (; p < line.end && hex_digit(*p) >= 0; p++) {
		if (*size > SIZE_MAX >> 4)
			return false;
		*size = *size << 4 | (size_t)hex_digit(*p);
	}
	return p > line.pos && (p == line.end || *p == ';' || is_blank(*p));
}

static enum http_head_result trailers_skip(struct span *rest)
{
	struct span name, value;
	enum http_head_result result;

	do
		result = field_next(rest, &name, &value);
	while (result == HTTP_HEAD_DONE && name.pos < name.end);
	return result;
}

enum http_head_result http_chunked_decode(const char *buf, size_t len, char *out, size_t *out_len)
{
	struct span rest = { buf, buf + len }, line;
	enum http_head_result result;
	size_t size, here;

	*out_len = 0;
	for (;;) {
		result = line_next(&rest, &line);
		if (result != HTTP_HEAD_DONE)
			return result;
		if (!chunk_size_parse(&size, line))
			return HTTP_HEAD_BAD;
		if (size == 0)
			return trailers_skip(&rest);
		here = size < span_size(rest) ? size : span_size(rest);
		memcpy(out + *out_len, rest.pos, here);
		*out_len += here;
		rest.pos += here;
		if (rest.pos == rest.end)
			return HTTP_HEAD_MORE;
		result = line_next(&rest, &line);
		if (result != HTTP_HEAD_DONE)
			return result;
		if (line.pos != line.end)
			return HTTP_HEAD_BAD;
	}
}
