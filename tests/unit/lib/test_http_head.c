/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdint.h>

#include "lib/http_head.h"

#define OK	  "HTTP/1.1 200 OK\r\n"
#define NO_LENGTH SIZE_MAX

struct row {
	const char *what;
	const char *text;
	enum http_head_result result;
	unsigned status;
	size_t length; /* or NO_LENGTH */
	bool chunked;
};

/* clang-format off */
static const struct row rows[] = {
	{ "length",                   OK "Content-Length: 5\r\n\r\n", HTTP_HEAD_DONE, 200, 5, false },
	{ "no fields",                OK "\r\n", HTTP_HEAD_DONE, 200, NO_LENGTH, false },
	{ "HTTP/1.0",                 "HTTP/1.0 503 Service Unavailable\r\n\r\n", HTTP_HEAD_DONE, 503, NO_LENGTH, false },
	{ "empty reason",             "HTTP/1.1 200 \r\n\r\n", HTTP_HEAD_DONE, 200, NO_LENGTH, false },
	{ "reason and space missing", "HTTP/1.1 200\r\n\r\n", HTTP_HEAD_DONE, 200, NO_LENGTH, false },
	{ "bare LF",                  "HTTP/1.1 200 OK\nContent-Length: 7\n\n", HTTP_HEAD_DONE, 200, 7, false },
	{ "names in any case",        OK "cOnTeNt-LeNgTh:9\r\n\r\n", HTTP_HEAD_DONE, 200, 9, false },
	{ "blanks about the value",   OK "Content-Length: \t 9 \t\r\n\r\n", HTTP_HEAD_DONE, 200, 9, false },
	{ "equal lengths twice",      OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", HTTP_HEAD_DONE, 200, 5, false },
	{ "equal lengths in a list",  OK "Content-Length: 5, 5\r\n\r\n", HTTP_HEAD_DONE, 200, 5, false },
	{ "folded length",            OK "Content-Length:\r\n 5\r\n\r\n", HTTP_HEAD_DONE, 200, 5, false },
	{ "folded other field",       OK "X-A: b\r\n\tContent-Length: 3\r\n\r\n", HTTP_HEAD_DONE, 200, NO_LENGTH, false },
	{ "chunked",                  OK "Transfer-Encoding: chunked\r\n\r\n", HTTP_HEAD_DONE, 200, NO_LENGTH, true },
	{ "chunked last, folded",     OK "Transfer-Encoding: gzip,\r\n CHUNKED\r\n\r\n", HTTP_HEAD_DONE, 200, NO_LENGTH, true },
	{ "chunked not last",         OK "Transfer-Encoding: chunked, gzip\r\n\r\n", HTTP_HEAD_DONE, 200, NO_LENGTH, false },
	{ "encoding beats length",    OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_HEAD_DONE, 200, NO_LENGTH, true },
	{ "204 has no body",          "HTTP/1.1 204 No Content\r\n\r\n", HTTP_HEAD_DONE, 204, 0, false },
	{ "304 has no body",          "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", HTTP_HEAD_DONE, 304, 0, false },
	{ "interim skipped",          "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 1\r\n\r\n", HTTP_HEAD_DONE, 200, 1, false },
	{ "101 is final",             "HTTP/1.1 101 Switching Protocols\r\n\r\n", HTTP_HEAD_DONE, 101, 0, false },
	{ "obs-text in a value",      OK "X: \xe4\xf6\r\n\r\n", HTTP_HEAD_DONE, 200, NO_LENGTH, false },
	{ "empty value",              OK "X:\r\n\r\n", HTTP_HEAD_DONE, 200, NO_LENGTH, false },

	{ "lengths differ",           OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "lengths in a list differ", OK "Content-Length: 5, 6\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "length negative",          OK "Content-Length: -5\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "length signed",            OK "Content-Length: +5\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "length hexadecimal",       OK "Content-Length: 0x5\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "length empty",             OK "Content-Length: \r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "length with a gap",        OK "Content-Length: 1\r\n 2\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "length beyond size_t",     OK "Content-Length: 99999999999999999999\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "wrong protocol",           "SSH-2.0-OpenSSH_9.2p1", HTTP_HEAD_BAD, 0, 0, false },
	{ "lower case",               "http/1.1 200 OK\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "HTTP/2",                   "HTTP/2 200\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "two-digit minor version",  "HTTP/1.10 200 OK\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "two-digit status",         "HTTP/1.1 20 OK\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "four-digit status",        "HTTP/1.1 2000 OK\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "status 099",               "HTTP/1.1 099 OK\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "status 600",               "HTTP/1.1 600 OK\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "two spaces",               "HTTP/1.1  200 OK\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "empty line first",         "\r\n" OK "\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "blank before the colon",   OK "Content-Length : 5\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "no colon",                 OK "Content-Length\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "no name",                  OK ": 5\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "fold before any field",    OK " X: 5\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "bare CR",                  OK "X: a\rb\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "control byte",             OK "X: a\x01\r\n\r\n", HTTP_HEAD_BAD, 0, 0, false },
	{ "nothing",                  "", HTTP_HEAD_MORE, 0, 0, false },
};
/* clang-format on */

Test(http_head, parse)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		size_t len = strlen(row->text);
		struct http_head head = { 0 };
		enum http_head_result result = http_head_parse(&head, row->text, len);

		cr_expect_eq(result, row->result, "%s: result %d", row->what, result);
		if (result != HTTP_HEAD_DONE || row->result != HTTP_HEAD_DONE)
			continue;
		cr_expect_eq(head.status, row->status, "%s: status %u", row->what, head.status);
		cr_expect_eq(head.has_length, row->length != NO_LENGTH, "%s", row->what);
		cr_expect_eq(head.content_length, head.has_length ? row->length : 0, "%s: %zu",
			     row->what, head.content_length);
		cr_expect_eq(head.chunked, row->chunked, "%s", row->what);
		cr_expect_eq(head.body_offset, len, "%s: body at %zu", row->what, head.body_offset);
	}
}

/* Whatever is DONE at its end needs more before it. */
Test(http_head, every_shorter_buffer_needs_more)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].result != HTTP_HEAD_DONE)
			continue;
		for (size_t len = 0; len < strlen(rows[i].text); len++) {
			struct http_head head;

			cr_expect_eq(http_head_parse(&head, rows[i].text, len), HTTP_HEAD_MORE,
				     "%s: %zu bytes", rows[i].what, len);
		}
	}
}

Test(http_head, zero_byte_and_endless_heads_are_bad)
{
	static const char zero[] = OK "X: a\0b\r\n\r\n";
	static char endless[HTTP_HEAD_MAX + 1];
	struct http_head head;

	cr_expect_eq(http_head_parse(&head, zero, sizeof(zero) - 1), HTTP_HEAD_BAD);
	memset(endless, 'a', sizeof(endless));
	memcpy(endless, OK "X: ", strlen(OK "X: "));
	cr_expect_eq(http_head_parse(&head, endless, HTTP_HEAD_MAX - 1), HTTP_HEAD_MORE);
	cr_expect_eq(http_head_parse(&head, endless, HTTP_HEAD_MAX), HTTP_HEAD_BAD);
	cr_expect_eq(http_head_parse(&head, endless, HTTP_HEAD_MAX + 1), HTTP_HEAD_BAD);
}

Test(http_head, chunked)
{
	/* clang-format off */
	static const struct {
		const char *what, *wire;
		enum http_head_result result;
		const char *data;
	} chunked[] = {
		{ "two chunks",          "3\r\nfoo\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", HTTP_HEAD_DONE, "foo0123456789" },
		{ "trailers",            "1\r\na\r\n0\r\nX: b\r\n\r\n",                   HTTP_HEAD_DONE, "a" },
		{ "empty body",          "0\r\n\r\n",                                    HTTP_HEAD_DONE, "" },
		{ "inside a chunk",      "5\r\nab",                                      HTTP_HEAD_MORE, "ab" },
		{ "before the data",     "5\r\n",                                        HTTP_HEAD_MORE, "" },
		{ "before the last one", "2\r\nab\r\n",                                  HTTP_HEAD_MORE, "ab" },
		{ "before the trailers", "2\r\nab\r\n0\r\n",                             HTTP_HEAD_MORE, "ab" },
		{ "no size",             "\r\n",                                         HTTP_HEAD_BAD,  "" },
		{ "not hexadecimal",     "g\r\n",                                        HTTP_HEAD_BAD,  "" },
		{ "data too long",       "1\r\nab\r\n",                                  HTTP_HEAD_BAD,  "a" },
		{ "size beyond size_t",  "fffffffffffffffff\r\n",                        HTTP_HEAD_BAD,  "" },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(chunked) / sizeof(chunked[0]); i++) {
		char out[64];
		size_t len;
		enum http_head_result result =
			http_chunked_decode(chunked[i].wire, strlen(chunked[i].wire), out, &len);

		cr_expect_eq(result, chunked[i].result, "%s: %d", chunked[i].what, result);
		cr_expect(len == strlen(chunked[i].data) && memcmp(out, chunked[i].data, len) == 0,
			  "%s: %.*s", chunked[i].what, (int)len, out);
	}
}
