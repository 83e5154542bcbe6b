/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "testbed/client/page.h"

#define OK     "HTTP/1.1 200 OK\r\n"
#define LENGTH "Content-Length: 4\r\n\r\n"

static const struct row {
	const char *what, *text;
	bool ended;
	enum client_page page;
	unsigned status;
} rows[] = {
	{ "whole", OK LENGTH "fra\n", false, CLIENT_PAGE_RIGHT, 200 },
	{ "whole by the end", OK "\r\nfra\n", true, CLIENT_PAGE_RIGHT, 200 },
	{ "no length, not ended", OK "\r\nfra\n", false, CLIENT_PAGE_MORE, 200 },
	{ "one byte missing", OK LENGTH "fra", false, CLIENT_PAGE_MORE, 200 },
	{ "cut in the body", OK LENGTH "fra", true, CLIENT_PAGE_CUT, 200 },
	{ "cut in the head", "HTTP/1.1 20", true, CLIENT_PAGE_CUT, 0 },
	{ "nothing at all", "", true, CLIENT_PAGE_CUT, 0 },
	{ "head not whole", OK "Content-Le", false, CLIENT_PAGE_MORE, 0 },
	{ "other status", "HTTP/1.1 503 No\r\n" LENGTH "fra\n", false, CLIENT_PAGE_WRONG, 503 },
	{ "not a pop's name", OK LENGTH "f a\n", false, CLIENT_PAGE_WRONG, 200 },
	{ "no newline", OK LENGTH "fram", false, CLIENT_PAGE_WRONG, 200 },
	{ "empty body", OK "Content-Length: 0\r\n\r\n", false, CLIENT_PAGE_WRONG, 200 },
	{ "far too long", OK "Content-Length: 99999\r\n\r\nfra\n", false, CLIENT_PAGE_WRONG, 200 },
	{ "chunked", OK "Transfer-Encoding: chunked\r\n\r\n", false, CLIENT_PAGE_WRONG, 200 },
	{ "not HTTP", "catchment 1 fra\n\r\n\r\n", false, CLIENT_PAGE_WRONG, 0 },
};

Test(client_page, verdicts)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		char pop[PROTOCOL_POP_MAX + 1] = "";
		unsigned status = 1;

		cr_expect_eq(
			client_page_parse(row->text, strlen(row->text), row->ended, pop, &status),
			row->page, "%s", row->what);
		cr_expect_eq(status, row->status, "%s: status %u", row->what, status);
		if (row->page == CLIENT_PAGE_RIGHT)
			cr_expect_str_eq(pop, "fra", "%s", row->what);
	}
}
