/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/heartbeat.h"

#include <assert.h>
#include <string.h>

#include "testbed/client/token.h"

void client_heartbeat_init(struct client_heartbeat *hb, uint32_t flow)
{
	*hb = (struct client_heartbeat){ .flow = flow };
}

bool client_heartbeat_is_waiting(const struct client_heartbeat *hb)
{
	return hb->answered < hb->next;
}

void client_heartbeat_add(struct client_heartbeat *hb, uint64_t n)
{
	if (!client_heartbeat_is_waiting(hb))
		hb->answered = hb->unsent = n;
	else
		assert(n == hb->next);
	hb->next = n + 1;
}

static size_t beat_format(const struct client_heartbeat *hb, uint64_t n, char *buf)
{
	struct protocol_request req = { 0 };

	client_token_format(hb->flow, n, req.token);
	return protocol_request_format(&req, buf, PROTOCOL_LINE_MAX);
}

size_t client_heartbeat_output(const struct client_heartbeat *hb, char *buf, size_t size)
{
	size_t skip = hb->written, used = 0;

	for (uint64_t n = hb->unsent; n < hb->next; n++) {
		char line[PROTOCOL_LINE_MAX];
		const size_t len = beat_format(hb, n, line) - skip;

		if (len > size - used)
			break;
		memcpy(buf + used, line + skip, len);
		used += len;
		skip = 0;
	}
	return used;
}

void client_heartbeat_written(struct client_heartbeat *hb, size_t len)
{
	char line[PROTOCOL_LINE_MAX];

	while (len > 0) {
		const size_t rest = beat_format(hb, hb->unsent, line) - hb->written;

		assert(hb->unsent < hb->next);
		if (len < rest) {
			hb->written += len;
			return;
		}
		len -= rest;
		hb->unsent++;
		hb->written = 0;
	}
}

enum client_beat client_heartbeat_input(struct client_heartbeat *hb, const char **pos,
					const char *end, uint64_t *n, struct protocol_reply *reply)
{
	const size_t left = (size_t)(end - *pos);
	const char *newline = memchr(*pos, '\n', left);
	const size_t len = newline ? (size_t)(newline - *pos) + 1 : left;
	size_t line_len;

	if (len > sizeof(hb->line) - hb->len)
		return CLIENT_BEAT_WRONG;
	memcpy(hb->line + hb->len, *pos, len);
	hb->len += len;
	*pos += len;
	if (!newline)
		return CLIENT_BEAT_MORE;
	line_len = hb->len;
	hb->len = 0;
	/* A beat that has not left whole cannot have been answered. */
	if (!protocol_reply_parse(reply, hb->line, line_len) ||
	    !client_token_parse(reply->token, hb->flow, n) || hb->answered >= hb->unsent ||
	    *n != hb->answered)
		return CLIENT_BEAT_WRONG;
	hb->answered++;
	return CLIENT_BEAT_REPLY;
}
