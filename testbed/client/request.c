/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/request.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/log.h"

static struct instant deadline_of(const struct client_request *req)
{
	return instant_after_ms(req->slot.planned, req->user->group->conf->timeout_ms);
}

/* Off the group's list, nothing awaited any more; the kind still has to release. */
static void retire(struct client_request *req)
{
	ev_timer_stop(req->user->group->loop, &req->deadline);
	client_stub_cancel(&req->lookup);
	*req->link = req->next;
	if (req->next)
		req->next->link = req->link;
}

static void row_write(const struct client_request *req, enum client_result result, const char *pop,
		      const char *detail)
{
	const struct client_group *group = req->user->group;
	const struct client_row row = {
		.planned = req->slot.planned,
		.kind = group->conf->traffic[req->slot.traffic].kind,
		.variant = group->conf->variants[req->user->variant].name,
		.user = req->user->number,
		.pop = pop,
		.result = result,
		.latency_us = (clock_now().ns - req->slot.planned.ns) / NS_PER_US,
		.detail = detail,
	};

	client_report_row(group->report, &row);
}

void client_request_finish(struct client_request *req, enum client_result result, const char *pop,
			   const char *detail)
{
	struct client_group *group = req->user->group;
	const bool late = clock_now().ns > deadline_of(req).ns;
	char addr[ADDR_TEXT_SIZE] = "";

	if (late && (result == CLIENT_OK || result == CLIENT_OPEN)) {
		result = CLIENT_SILENT;
		pop = "";
	}
	if (req->detail)
		detail = req->detail;
	else if (!detail && req->addr.family != ADDR_NONE)
		detail = addr_format(&req->addr, addr);
	retire(req);
	row_write(req, result, pop, detail ? detail : "");
	req->ops->on_end(req, result);
	client_group_settle(group);
}

void client_request_abort(struct client_request *req)
{
	retire(req);
	req->ops->on_end(req, CLIENT_SILENT);
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents __attribute__((unused)))
{
	struct client_request *req = w->data;
	const double rest = instant_wait_s(deadline_of(req), clock_now());

	/* The loop's time may lag behind when a timer is set: then it rings too early. */
	if (rest > 0) {
		ev_timer_set(w, rest, 0);
		ev_timer_start(loop, w);
	} else if (req->addr.family == ADDR_NONE) {
		client_request_finish(req, CLIENT_DNS_FAILED, "",
				      client_dns_status_name(CLIENT_DNS_TIMEOUT));
	} else {
		client_request_finish(req, CLIENT_SILENT, "", NULL);
	}
}

static void on_answer(struct client_lookup *lookup, enum client_dns_status status,
		      const struct addr *addr)
{
	struct client_request *req = lookup->data;

	if (status != CLIENT_DNS_OK) {
		client_request_finish(req, CLIENT_DNS_FAILED, "", client_dns_status_name(status));
		return;
	}
	client_cache_put(req->user->group->cache, req->user->index, clock_now(), addr);
	req->addr = *addr;
	req->ops->on_address(req);
}

void client_request_start(struct client_request *req)
{
	struct client_group *group = req->user->group;
	const struct instant now = clock_now();

	req->next = group->requests;
	req->link = &group->requests;
	if (req->next)
		req->next->link = &req->next;
	group->requests = req;
	ev_timer_init(&req->deadline, on_deadline, instant_wait_s(deadline_of(req), now), 0);
	req->deadline.data = req;
	ev_timer_start(group->loop, &req->deadline);
	/* Held up here for so long that it is over: the sender's lateness tells whose fault. */
	if (instant_reached(deadline_of(req), now)) {
		client_request_finish(req, CLIENT_SILENT, "", NULL);
		return;
	}
	if (client_cache_get(group->cache, req->user->index, now, &req->addr)) {
		req->ops->on_address(req);
		return;
	}
	req->lookup.name = req->user->name;
	req->lookup.on_answer = on_answer;
	req->lookup.data = req;
	client_stub_ask(group->stub, &req->lookup);
}

int client_socket_new(const struct endpoint *to, int type)
{
	const int fd = socket(to->addr.family == ADDR_IPV6 ? AF_INET6 : AF_INET,
			      type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		log_fatal(1, "client: no socket: %s", strerror(errno));
	return fd;
}
