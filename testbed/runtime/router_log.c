/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/router_log.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define STATE_SIZE 16 /* "AdminDown" is the longest */

/* The words of a line, as they stand there. */
struct words {
	char addr[ADDR_TEXT_SIZE], was[STATE_SIZE], is[STATE_SIZE];
};

static bool bird_words(struct words *out, const char *line)
{
	const char *at = strstr(line, "Session to ");

	return at && sscanf(at, "Session to %45s changed state from %15s to %15s", out->addr,
			    out->was, out->is) == 3;
}

static bool frr_words(struct words *out, const char *line)
{
	const char *at = strstr(line, "state-change: [");

	return at && sscanf(at, "state-change: [mhop:%*s peer:%45[^] ]%*[^]]] %15s -> %15s",
			    out->addr, out->was, out->is) == 3;
}

bool router_log_bfd(struct router_bfd *out, const char *line)
{
	struct router_bfd bfd;
	struct words words;

	if (!bird_words(&words, line) && !frr_words(&words, line))
		return false;
	bfd.up = strcasecmp(words.is, "up") == 0;
	/* Between two other states it is on its way up. */
	if (bfd.up == (strcasecmp(words.was, "up") == 0) || !addr_parse(&bfd.peer, words.addr))
		return false;
	*out = bfd;
	return true;
}
