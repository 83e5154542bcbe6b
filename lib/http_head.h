/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http_head.h - just enough of an HTTP/1.1 client's reading (RFC 9112).
 *
 * Pure. Fed with all bytes received so far, says how far the response is. For
 * health checks and the lab's users, who ask for one small thing and measure.
 */
#ifndef LIB_HTTP_HEAD_H
#define LIB_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

enum http_head_result { HTTP_HEAD_MORE, HTTP_HEAD_DONE, HTTP_HEAD_BAD };

struct http_head {
	unsigned status;    /* 100 to 599 */
	size_t body_offset; /* where the body starts */
	bool has_length;
	size_t content_length; /* valid if has_length */
	bool chunked;
};

/* Read the status line and the fields that frame the body. DONE sets *out. */
enum http_head_result http_head_parse(struct http_head *out, const char *buf, size_t len);

#endif
