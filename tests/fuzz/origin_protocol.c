/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "testbed/origin/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct protocol_request req;
	struct protocol_reply reply;
	char buf[PROTOCOL_LINE_MAX];

	/* Strict means inverse: what was parsed is formatted to the same bytes. */
	if (protocol_request_parse(&req, (const char *)data, len) &&
	    (protocol_request_format(&req, buf, sizeof(buf)) != len || memcmp(buf, data, len) != 0))
		abort();
	if (protocol_reply_parse(&reply, (const char *)data, len) &&
	    (protocol_reply_format(&reply, buf, sizeof(buf)) != len || memcmp(buf, data, len) != 0))
		abort();
	return 0;
}
