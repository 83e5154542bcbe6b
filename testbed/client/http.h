/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http.h - the page: GET / over a new connection each time.
 *
 * Right is status 200 and a body of one line that names the PoP. Connections
 * are closed with a reset once that is here, so that none stays in TIME_WAIT:
 * a group that asks thousands of pages a minute would run out of ports.
 */
#ifndef TESTBED_CLIENT_HTTP_H
#define TESTBED_CLIENT_HTTP_H

#include "testbed/client/group.h"

void client_http_get(struct client_user *user, const struct client_slot *slot);

#endif
