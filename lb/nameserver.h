/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nameserver.h - nameservers (catchment-geodns) hear from this PoP when it drains.
 *
 *	PUT /v1/pops/{pop}/state {"state": "drain", "source": "catchment-lb", "ttl_s": 60}
 *
 * What is said ends by itself when it is not said again, so that nothing of a daemon that has died
 * stays. Who does not answer is asked again each second. One thread: the loop's.
 */
#ifndef LB_NAMESERVER_H
#define LB_NAMESERVER_H

#include <ev.h>
#include <jansson.h>

#include "lb/conf.h"

struct lb_nameservers;

/* Those of conf, which must outlive it; tells nobody yet. */
struct lb_nameservers *lb_nameservers_new(struct ev_loop *loop, const struct lb_conf *conf);
/* NULL is fine, here and below. */
void lb_nameservers_free(struct lb_nameservers *all);
/* From now on, all of them: this PoP drains, or it does not, and its checks decide. */
void lb_nameservers_tell(struct lb_nameservers *all, bool drains);
/* Some have yet to hear that it does not drain any more. */
bool lb_nameservers_owe(const struct lb_nameservers *all);
/* [{api, told, reason}]: told, what is to be told has been taken; reason: or why not. */
json_t *lb_nameservers_show(const struct lb_nameservers *all);

#endif
