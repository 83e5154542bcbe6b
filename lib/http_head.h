/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http_head.h - just enough of an HTTP/1.1 client's reading (RFC 9112).
 *
 * Pure. Fed with all bytes received so far, says how far the response is. For
 * health checks and the lab's users, who ask for one small thing and measure.
 *
 * A line may end with a bare LF (section 2.2), folded field lines are joined
 * (5.2); anything else out of the grammar is BAD as soon as it is seen.
 */
#ifndef LIB_HTTP_HEAD_H
#define LIB_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

/* A head that has not ended by then is BAD. */
#define HTTP_HEAD_MAX ((size_t)16 * 1024)

enum http_head_result { HTTP_HEAD_MORE, HTTP_HEAD_DONE, HTTP_HEAD_BAD };

/* Without length and not chunked, the body ends with the connection (section 6.3). */
struct http_head {
	unsigned status;       /* 101, 200 to 599; interim responses before it are skipped */
	size_t body_offset;    /* where the body starts */
	bool has_length;       /* also for 204 and 304, which have no body */
	size_t content_length; /* valid if has_length */
	bool chunked;
};

/*
 * Read the status line and the fields that frame the body. DONE sets *out. Content-Length
 * fields that differ are BAD; one beside Transfer-Encoding does not count.
 */
enum http_head_result http_head_parse(struct http_head *out, const char *buf, size_t len);

/*
 * Decode the chunked body that starts at buf as far as it goes: its data to out, which has
 * room for len bytes, its length to *out_len. DONE after the last chunk and its trailers.
 */
enum http_head_result http_chunked_decode(const char *buf, size_t len, char *out, size_t *out_len);

#endif
