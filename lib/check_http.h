/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check_http.h - what a check asks over HTTP, and what the bytes of an answer so far say. Pure. */
#ifndef LIB_CHECK_HTTP_H
#define LIB_CHECK_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/check.h"
#include "lib/http_head.h"

#define CHECK_HTTP_ANSWER_MAX (HTTP_HEAD_MAX + CHECK_BODY_MAX)

enum check_http_verdict {
	CHECK_HTTP_MORE,
	CHECK_HTTP_GOOD,
	CHECK_HTTP_WRONG_STATUS,
	CHECK_HTTP_WRONG_MATCH,
	CHECK_HTTP_NOT_HTTP,
};

/* The request, malloc'd. */
char *check_http_request(const struct check_spec *spec);
/* eof: no more will come. *status is set with WRONG_STATUS. */
enum check_http_verdict check_http_judge(const struct check_spec *spec, const char *answer,
					 size_t len, bool eof, unsigned *status);

#endif
