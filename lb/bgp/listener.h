/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * listener.h - the speaker's listening sockets: who dials us, and how to turn them away.
 *
 * Thread of the loop; on_accept is called from it.
 */
#ifndef LB_BGP_LISTENER_H
#define LB_BGP_LISTENER_H

#include <stdbool.h>

#include "lb/bgp/error.h"
#include "lib/addr.h"

struct ev_loop;
struct bgp_listener;

/* Set options on a socket that is about to listen, or does so already; 0 or -errno. */
typedef int bgp_on_listen(void *ctx, int fd, enum addr_family family);
/*
 * Takes fd over and returns 0, or leaves it and returns the Cease subcode to refuse with. ifindex:
 * what a link-local address is of, else 0.
 */
typedef enum bgp_cease bgp_on_accept(void *ctx, int fd, const struct addr *from, unsigned ifindex);

struct bgp_listener *bgp_listener_new(struct ev_loop *loop, bgp_on_listen *on_listen,
				      bgp_on_accept *on_accept, void *ctx);
/* -errno when the endpoint cannot be bound; any number of calls. */
int bgp_listener_add(struct bgp_listener *listener, const struct endpoint *endpoint);
/* Listen there no longer; what has come in from there already is not touched. */
void bgp_listener_remove(struct bgp_listener *listener, const struct endpoint *endpoint);
bool bgp_listener_has(const struct bgp_listener *listener, const struct endpoint *endpoint);
/* on_listen once more for every socket, which listens all the while; the first -errno. */
int bgp_listener_prepare(struct bgp_listener *listener);
/* Take the TCP-MD5 key of these peers away. */
void bgp_listener_unkey(struct bgp_listener *listener, const struct prefix *peers);
/* NULL is fine. */
void bgp_listener_free(struct bgp_listener *listener);

#endif
