/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * page.h - is what came back the origin's page? Pure.
 */
#ifndef TESTBED_CLIENT_PAGE_H
#define TESTBED_CLIENT_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "testbed/origin/protocol.h"

#define CLIENT_PAGE_MAX 4096

/* CUT: the connection has ended in the middle of it. */
enum client_page { CLIENT_PAGE_MORE, CLIENT_PAGE_RIGHT, CLIENT_PAGE_WRONG, CLIENT_PAGE_CUT };

/*
 * Look at all bytes received so far; ended says that no more will come. RIGHT sets pop. WRONG
 * sets *status to the status code, 0 when it was not even HTTP.
 */
enum client_page client_page_parse(const char *buf, size_t len, bool ended,
				   char pop[PROTOCOL_POP_MAX + 1], unsigned *status);

#endif
