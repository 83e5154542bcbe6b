/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Birth and death of the daemon. The data plane comes first and goes last: the
 * verdict page needs the identity's address, and an address may go only after
 * the speaker has told all peers.
 */
#include "lb/start.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lb/api/api.h"
#include "lb/bfd/socket.h"
#include "lb/continuity.h"
#include "lb/draining.h"
#include "lb/event.h"
#include "lb/mesh_link.h"
#include "lb/nameserver.h"
#include "lb/verdict.h"
#include "lib/alloc.h"
#include "lib/log.h"

#define EVENTS_KEPT 4096

/*
 * Two daemons in one network namespace would take each other's addresses for leftovers. A name in
 * the abstract socket namespace is exactly as wide as that, and goes with its process.
 */
static int lock_namespace(struct lb_daemon *lb)
{
	static const struct sockaddr_un name = { .sun_family = AF_UNIX,
						 .sun_path = "\0catchment-lb" };
	int err;

	lb->lock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (lb->lock >= 0 && bind(lb->lock, (const struct sockaddr *)&name, sizeof(name)) == 0)
		return 0;
	err = -errno;
	if (err == -EADDRINUSE)
		log_error("another catchment-lb runs in this network namespace: stop it first");
	else
		log_error("cannot make a socket: %s", strerror(-err));
	return err;
}

static void say_why_no_dataplane(const char *interface, int err)
{
	if (err == -ENODEV)
		log_error("dataplane: there is no interface '%s'", interface);
	else if (err == -ENETDOWN)
		log_error("dataplane: interface %s is down: ip link set %s up", interface,
			  interface);
	else if (err == -EPERM)
		log_error("dataplane: not allowed to change addresses and routes: run as root or "
			  "with CAP_NET_ADMIN, CAP_NET_RAW and CAP_NET_BIND_SERVICE");
	else
		log_error("dataplane: %s", strerror(-err));
}

static int start_dataplane(struct lb_daemon *lb)
{
	const struct lb_identity_conf *id = &lb->conf->identity;
	int err = dataplane_local_new(&lb->dp, lb->loop, lb->conf);

	for (size_t i = 0; i < id->address_count && !err; i++)
		err = lb->dp->ops->accept(lb->dp, &id->addresses[i]);
	if (err)
		say_why_no_dataplane(lb->conf->dataplane.interface, err);
	return err;
}

bool lb_daemon_is_found(const struct lb_daemon *lb, const struct lb_vip_conf *vip)
{
	for (size_t i = 0; i < vip->address_count; i++)
		if (lb->dp->ops->is_accepted(lb->dp, &vip->addresses[i]))
			return true;
	return false;
}

static void start_vips(struct lb_daemon *lb)
{
	const struct lb_conf *conf = lb->conf;

	lb->origins = xcalloc(conf->origin_count + 1, sizeof(*lb->origins));
	for (size_t i = 0; i < conf->origin_count; i++)
		lb->origins[i].conf = &conf->origins[i];
	lb->vips = xcalloc(conf->vip_count + 1, sizeof(*lb->vips));
	lb->seats = xcalloc(conf->vip_count + 1, sizeof(*lb->seats));
	for (size_t i = 0; i < conf->vip_count; i++) {
		const struct lb_vip_conf *vip = &conf->vips[i];

		vip_init(&lb->vips[i], vip, lb->origins, lb->started);
		/* What a predecessor has left lingers until the first verdict. */
		lb_seat_init(lb, &lb->seats[i], vip, lb_daemon_is_found(lb, vip), lb->started);
	}
	announcer_init(&lb->announcer, conf, lb->vips, lb->started);
}

int lb_daemon_start_page(struct lb_daemon *lb, const struct endpoint *at, struct http_server **out)
{
	const struct http_options options = { .server_name = "catchment-lb",
					      .any_host = true,
					      .listen = *at };
	int err = http_server_new(out, lb->loop, &options, lb_verdict_routes, lb);
	char text[ENDPOINT_TEXT_SIZE];

	if (err)
		log_error("verdict page: cannot listen on %s: %s", endpoint_format(at, text),
			  strerror(-err));
	return err;
}

static int start_pages(struct lb_daemon *lb)
{
	const struct lb_identity_conf *id = &lb->conf->identity;
	int err;

	lb->pages = xcalloc(id->address_count + 1, sizeof(struct http_server *));
	for (size_t i = 0; i < id->address_count; i++) {
		const struct endpoint at = { id->addresses[i], id->port };

		err = lb_daemon_start_page(lb, &at, &lb->pages[i]);
		if (err)
			return err;
		lb->page_count++;
	}
	return 0;
}

static int start_api(struct lb_daemon *lb)
{
	struct http_options options = lb->conf->api;
	char text[ENDPOINT_TEXT_SIZE];
	int err;

	if (!lb->conf->has_api)
		return 0;
	options.server_name = "catchment-lb";
	/* It outlives this configuration. */
	lb->api_path = options.unix_path ? xstrdup(options.unix_path) : NULL;
	lb->api_token = options.token ? xstrdup(options.token) : NULL;
	options.unix_path = lb->api_path;
	options.token = lb->api_token;
	err = http_server_new(&lb->api, lb->loop, &options, lb_api_routes, lb);
	if (err)
		log_error("api: cannot listen on %s: %s",
			  options.unix_path ? options.unix_path
					    : endpoint_format(&options.listen, text),
			  strerror(-err));
	return err;
}

static int start_speaker(struct lb_daemon *lb)
{
	const struct bgp_speaker_handlers handlers = {
		.ctx = lb,
		.on_peer = lb_daemon_on_peer,
		.on_default_route = lb_daemon_on_default_route,
		.on_sent = lb_daemon_on_sent,
		.on_stopped = lb_daemon_on_stopped,
	};
	const struct endpoint *failed;
	char text[ENDPOINT_TEXT_SIZE];
	int err;

	lb->numbers = xcalloc(lb->conf->bgp.peer_count + 1, sizeof(size_t));
	for (size_t i = 0; i < lb->conf->bgp.peer_count; i++)
		lb->numbers[i] = i;
	lb->speaker = bgp_speaker_new(lb->loop, &lb->conf->bgp, &handlers);
	for (size_t i = 0; i < lb->conf->vip_count; i++)
		if (lb_daemon_is_found(lb, &lb->conf->vips[i]))
			bgp_speaker_set_restarted(lb->speaker);
	err = bgp_speaker_start(lb->speaker, &failed);
	if (err)
		log_error("bgp: cannot listen on %s: %s", endpoint_format(failed, text),
			  strerror(-err));
	return err;
}

int lb_daemon_start_bfd(struct lb_daemon *lb)
{
	const struct bfd_handlers handlers = { .ctx = lb, .on_change = lb_daemon_on_bfd };
	int err = bfd_new(&lb->bfd, lb->loop, &handlers);

	if (err)
		log_error("bfd: cannot start its thread: %s", strerror(-err));
	return err;
}

int lb_daemon_add_bfd(struct lb_daemon *lb, const struct bfd_spec *spec, size_t peer)
{
	int err = bfd_add(lb->bfd, spec, peer);

	if (err)
		log_error("bfd %s: cannot open UDP port %u: %s", spec->name,
			  spec->multihop ? BFD_PORT_MULTIHOP : BFD_PORT_SINGLE_HOP, strerror(-err));
	return err;
}

/* Whatever the number of sessions, a thread and its sockets are there only for those who ask. */
static int start_bfd(struct lb_daemon *lb)
{
	const struct lb_bfd_conf *conf = &lb->conf->bfd;
	int err;

	if (conf->count == 0)
		return 0;
	err = lb_daemon_start_bfd(lb);
	for (size_t i = 0; i < lb->conf->bgp.peer_count && !err; i++)
		if (conf->specs[i].name)
			err = lb_daemon_add_bfd(lb, &conf->specs[i], i);
	return err;
}

struct check *lb_daemon_start_check(struct lb_origin_check *oc, const struct check_spec *spec)
{
	/* Any two daemons and any two checks start at different phases. */
	uint64_t seed = (uint64_t)clock_now().ns ^ (oc->origin + 1) * UINT64_C(0x9e3779b97f4a7c15);

	return check_new(oc->lb->loop, oc->lb->trusts, spec, seed, lb_daemon_on_check, oc);
}

static void start_checks(struct lb_daemon *lb)
{
	const struct lb_conf *conf = lb->conf;

	lb->checks = xcalloc(conf->origin_count + 1, sizeof(*lb->checks));
	for (size_t i = 0; i < conf->origin_count; i++) {
		struct lb_origin_check *oc = &lb->checks[i];

		oc->lb = lb;
		oc->origin = i;
		oc->check = lb_daemon_start_check(oc, &conf->origins[i].check);
	}
}

int lb_daemon_new(struct lb_daemon **out, struct ev_loop *loop, struct lb_conf *conf,
		  const char *path)
{
	struct lb_daemon *lb = x_new(struct lb_daemon);
	int err;

	lb->loop = loop;
	lb->conf = conf;
	lb->conf_path = path;
	lb->started = clock_now();
	lb->events = event_log_new(EVENTS_KEPT);
	lb->trusts = check_trusts_new();
	lb->nameservers = lb_nameservers_new(loop, conf);
	ev_init(&lb->linger, lb_daemon_on_linger);
	ev_init(&lb->drain_timer, lb_drain_on_step);
	lb->linger.data = lb->drain_timer.data = lb;
	err = lock_namespace(lb);
	if (!err)
		err = start_dataplane(lb);
	if (!err) {
		start_vips(lb);
		err = start_pages(lb);
	}
	if (!err)
		err = lb_mesh_start(lb);
	if (!err)
		err = lb_continuity_start(&lb->continuity, lb);
	if (!err)
		err = start_api(lb);
	if (!err)
		err = start_speaker(lb);
	if (!err)
		err = start_bfd(lb);
	if (err) {
		lb_daemon_free(lb);
		return err;
	}
	lb_event_started(lb->events, lb->started, conf->pop);
	lb_daemon_decide(lb, lb->started);
	start_checks(lb);
	*out = lb;
	return 0;
}

void lb_daemon_free(struct lb_daemon *lb)
{
	if (!lb)
		return;
	ev_timer_stop(lb->loop, &lb->linger);
	lb_drain_end(lb);
	/* First: requests that have come meanwhile are still answered, from all that is below. */
	http_server_free(lb->api);
	for (size_t i = 0; i < lb->page_count; i++)
		http_server_free(lb->pages[i]);
	for (size_t i = 0; lb->checks && i < lb->conf->origin_count; i++)
		check_free(lb->checks[i].check);
	check_trusts_free(lb->trusts);
	lb_nameservers_free(lb->nameservers);
	bfd_free(lb->bfd);
	bgp_speaker_free(lb->speaker);
	lb_continuity_free(lb->continuity);
	mesh_free(lb->mesh);
	for (size_t i = 0; lb->seats && i < lb->conf->vip_count; i++)
		dataplane_ear_close(lb->seats[i].ear);
	lb_leaving_free(lb);
	if (lb->dp && lb->restarts)
		lb->dp->ops->leave(lb->dp);
	else if (lb->dp)
		lb->dp->ops->free(lb->dp);
	announcer_fini(&lb->announcer);
	event_log_free(lb->events);
	if (lb->lock >= 0)
		close(lb->lock);
	lb_conf_free(lb->conf);
	free(lb->api_path);
	free(lb->api_token);
	free(lb->numbers);
	free(lb->pages);
	free(lb->checks);
	free(lb->seats);
	free(lb->vips);
	free(lb->origins);
	free(lb);
}
