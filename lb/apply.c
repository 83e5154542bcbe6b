/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What can fail comes first and is undone when something after it fails; then comes what cannot.
 * Throughout, an address is here before its prefix is announced, and the old configuration is there
 * until nobody points into it any more.
 */
#include "lb/apply.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lb/continuity.h"
#include "lb/draining.h"
#include "lb/event.h"
#include "lb/mesh_link.h"
#include "lb/nameserver.h"
#include "lb/rack.h"
#include "lb/reload.h"
#include "lb/start.h"
#include "lib/alloc.h"
#include "lib/log.h"

static int refuse(struct lb_reload_reply *reply, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(struct lb_reload_reply *reply, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reply->reason, sizeof(reply->reason), fmt, ap);
	va_end(ap);
	return status;
}

/* ---- what can fail ---- */

/* Verdict pages for next's identity: those that there are, and new ones. */
struct new_pages {
	struct http_server **pages;
	bool *is_new;
	size_t count;
};

static struct http_server *find_page(const struct lb_daemon *lb, const struct addr *address,
				     uint16_t port)
{
	const struct lb_identity_conf *id = &lb->conf->identity;

	for (size_t i = 0; i < id->address_count && id->port == port; i++)
		if (addr_equal(&id->addresses[i], address))
			return lb->pages[i];
	return NULL;
}

static int open_page(struct lb_daemon *lb, const struct lb_conf *next, size_t index,
		     struct new_pages *new)
{
	const struct endpoint at = { next->identity.addresses[index], next->identity.port };
	int err;

	new->pages[index] = find_page(lb, &at.addr, at.port);
	new->is_new[index] = !new->pages[index];
	if (!new->is_new[index])
		return 0;
	err = lb->dp->ops->accept(lb->dp, &at.addr);
	return err ? err : lb_daemon_start_page(lb, &at, &new->pages[index]);
}

/* Take back what was opened, and the addresses with it. */
static void undo_pages(struct lb_daemon *lb, const struct lb_conf *next, struct new_pages *new)
{
	for (size_t i = 0; i < new->count; i++) {
		if (!new->is_new[i])
			continue;
		http_server_free(new->pages[i]);
		if (!lb_conf_has_address(lb->conf, &next->identity.addresses[i]))
			lb->dp->ops->refuse(lb->dp, &next->identity.addresses[i]);
	}
	free(new->pages);
	free(new->is_new);
}

static int open_pages(struct lb_daemon *lb, const struct lb_conf *next, struct new_pages *new)
{
	const struct lb_identity_conf *id = &next->identity;
	int err = 0;

	*new = (struct new_pages){ 0 };
	new->pages = xcalloc(id->address_count + 1, sizeof(struct http_server *));
	new->is_new = xcalloc(id->address_count + 1, sizeof(bool));
	for (size_t i = 0; i < id->address_count && !err; i++) {
		new->count++;
		err = open_page(lb, next, i, new);
	}
	if (err)
		undo_pages(lb, next, new);
	return err;
}

/* Those of the old identity that the new one does not go on with end. */
static void take_pages(struct lb_daemon *lb, struct new_pages *new)
{
	for (size_t i = 0; i < lb->page_count; i++) {
		bool goes_on = false;

		for (size_t j = 0; j < new->count; j++)
			goes_on |= new->pages[j] == lb->pages[i];
		if (!goes_on)
			http_server_free(lb->pages[i]);
	}
	free(lb->pages);
	free(new->is_new);
	lb->pages = new->pages;
	lb->page_count = new->count;
}

static int prepare_bfd(struct lb_daemon *lb, const struct lb_conf *next,
		       struct lb_reload_reply *reply)
{
	int err = 0;

	if (next->bfd.count > 0 && !lb->bfd)
		err = lb_daemon_start_bfd(lb);
	if (err)
		return refuse(reply, 500, "cannot start the thread of BFD: %s", strerror(-err));
	for (size_t i = 0; i < next->bgp.peer_count; i++) {
		const struct bfd_spec *spec = &next->bfd.specs[i];

		err = spec->name ? bfd_listen(lb->bfd, spec) : 0;
		if (err)
			return refuse(reply, 500, "bfd %s: cannot open its UDP port: %s",
				      spec->name, strerror(-err));
	}
	return 0;
}

static int prepare_routes(struct lb_daemon *lb, const struct lb_conf *next,
			  struct lb_reload_reply *reply)
{
	int err = lb->dp->ops->reload(lb->dp, next);

	if (err == -EEXIST)
		return refuse(reply, 500,
			      "dataplane: a default route of somebody else has metric %u",
			      (unsigned)next->dataplane.metric);
	if (err)
		return refuse(reply, 500, "dataplane: cannot set its routes: %s", strerror(-err));
	return 0;
}

static void undo_routes(struct lb_daemon *lb)
{
	int err = lb->dp->ops->reload(lb->dp, lb->conf);

	if (err)
		log_error("dataplane: not all of its routes are as the configuration has them: %s",
			  strerror(-err));
	/* Else there is more to tidy later, with what leaves. */
	if (!lb->leaving)
		lb->dp->ops->tidy(lb->dp);
}

static int prepare_sessions(struct lb_daemon *lb, const struct lb_conf *next,
			    struct lb_reload_reply *reply)
{
	const struct endpoint *failed = NULL;
	char text[ENDPOINT_TEXT_SIZE];
	int err = bgp_speaker_reload(lb->speaker, &next->bgp, &failed);

	if (err && failed)
		return refuse(reply, 500, "bgp: cannot listen on %s: %s",
			      endpoint_format(failed, text), strerror(-err));
	if (err)
		return refuse(reply, 500, "bgp: cannot set the key of a peer: %s", strerror(-err));
	return 0;
}

static int prepare_mesh(struct lb_daemon *lb, const struct lb_conf *next,
			struct lb_reload_reply *reply)
{
	struct endpoint failed = { 0 };
	char text[ENDPOINT_TEXT_SIZE];
	int err = lb_mesh_prepare(lb, next, &failed);

	return err ? refuse(reply, 500, "mesh: cannot listen on %s: %s",
			    endpoint_format(&failed, text), strerror(-err))
		   : 0;
}

/* After this nothing can fail any more. Sessions that must end have ended. */
static int prepare(struct lb_daemon *lb, const struct lb_conf *next, struct lb_reload_reply *reply)
{
	struct new_pages pages;
	int status, err;

	if (!lb_rack_has_room(lb->rack, next))
		return refuse(reply, 409, "there is room for so many VIPs only with a restart");
	status = prepare_bfd(lb, next, reply);
	if (status)
		return status;
	err = open_pages(lb, next, &pages);
	if (err)
		return refuse(reply, 500, "cannot serve the verdict page of the identity: %s",
			      strerror(-err));
	status = prepare_mesh(lb, next, reply);
	if (status) {
		undo_pages(lb, next, &pages);
		return status;
	}
	status = prepare_routes(lb, next, reply);
	if (!status)
		status = prepare_sessions(lb, next, reply);
	if (status) {
		lb_mesh_unprepare(lb);
		undo_routes(lb);
		undo_pages(lb, next, &pages);
		return status;
	}
	take_pages(lb, &pages);
	return 0;
}

/* ---- what cannot ---- */

static void take_origins(struct lb_daemon *lb, const struct lb_conf *next,
			 const struct lb_diff *diff)
{
	struct lb_origin *origins = xcalloc(next->origin_count + 1, sizeof(*origins));
	struct lb_origin_check *checks = xcalloc(next->origin_count + 1, sizeof(*checks));

	for (size_t i = 0; i < next->origin_count; i++) {
		const struct lb_match *match = &diff->origins[i];
		const struct check_spec *spec = &next->origins[i].check;
		struct lb_origin_check *oc = &checks[i], *old = NULL;

		if (match->change == LB_SAME || match->change == LB_CHANGED) {
			old = &lb->checks[match->was];
			origins[i] = lb->origins[match->was];
			*oc = *old;
		}
		origins[i].conf = &next->origins[i];
		oc->lb = lb;
		oc->origin = i;
		if (old && check_spec_equal(check_spec(old->check), spec)) {
			check_rebind(oc->check, spec, oc);
			old->check = NULL;
		} else {
			oc->check = lb_daemon_start_check(oc, spec);
		}
	}
	for (size_t i = 0; i < lb->conf->origin_count; i++)
		check_free(lb->checks[i].check);
	free(lb->origins);
	free(lb->checks);
	lb->origins = origins;
	lb->checks = checks;
}

/* Whether any of its prefixes is announced, under whatever VIP. */
static bool is_announced(const struct lb_daemon *lb, const struct lb_vip_conf *vip)
{
	for (size_t i = 0; i < vip->prefix_count; i++) {
		const struct announcement *item = announcer_find(&lb->announcer, &vip->prefixes[i]);

		if (item && item->state != ANNOUNCE_WITHDRAWN)
			return true;
	}
	return false;
}

/* Addresses that are in the configuration no more; before the seats get their new ones. */
static void begin_to_leave(struct lb_daemon *lb, const struct lb_conf *next,
			   const struct lb_diff *diff)
{
	lb->untidy = true;
	lb_leaving_return(lb, next);
	for (size_t i = 0; i < lb->conf->vip_count; i++) {
		lb_seat_leave(lb, &lb->seats[i], next);
		if (lb_match_find(diff->vips, next->vip_count, i) == next->vip_count)
			dataplane_ear_close(lb->seats[i].ear);
	}
	lb_identity_leave(lb, &lb->conf->identity, next);
}

static void on_prefix_gone(void *ctx, const struct announcement *item)
{
	struct lb_daemon *lb = ctx;

	lb_daemon_on_announce_change(lb, item);
	lb_event_announcement(lb->events, item);
}

static void renumber_timelines(struct lb_daemon *lb, const struct lb_conf *next,
			       const struct lb_diff *diff)
{
	size_t count = next->bgp.peer_count;
	size_t *was = xcalloc(count + 1, sizeof(size_t));

	for (size_t i = 0; i < count; i++)
		was[i] = diff->peers[i].change == LB_ADDED ? TIMELINE_NEW : diff->peers[i].was;
	announcer_renumber(&lb->announcer, was, count);
	free(was);
}

/* An address that has come to one that is absent is on the machine, and lingers there. */
static void take_seat(struct lb_daemon *lb, struct lb_seat *seat, const struct lb_vip_conf *conf,
		      struct instant now)
{
	if (seat->presence.state == PRESENCE_ABSENT && lb_daemon_is_found(lb, conf))
		lb_seat_init(lb, seat, conf, true, now);
	else
		lb_seat_follow(lb, seat, conf);
}

static void take_vips(struct lb_daemon *lb, const struct lb_conf *next, const struct lb_diff *diff,
		      struct instant now)
{
	struct vip *vips = xcalloc(next->vip_count + 1, sizeof(*vips)), *old_vips = lb->vips;
	struct lb_seat *seats = xcalloc(next->vip_count + 1, sizeof(*seats));

	begin_to_leave(lb, next, diff);
	for (size_t i = 0; i < next->vip_count; i++) {
		const struct lb_vip_conf *conf = &next->vips[i];
		bool is_new = diff->vips[i].change == LB_ADDED, changed;
		size_t was = diff->vips[i].was;

		if (is_new) {
			vip_init(&vips[i], conf, lb->origins, now);
			lb_seat_init(lb, &seats[i], conf, lb_daemon_is_found(lb, conf), now);
		} else {
			vip_follow(&vips[i], conf, &lb->vips[was]);
			vip_shares_keep(&vips[i], next, &lb->vips[was], lb->conf);
			seats[i] = lb->seats[was];
			take_seat(lb, &seats[i], conf, now);
		}
		if (is_announced(lb, conf))
			vip_presume(&vips[i], now);
		/* Where its origins are known already, a new one has a verdict by now. */
		changed = vip_step(&vips[i], lb->origins, now);
		vip_note(&vips[i], lb->origins);
		if (changed || (is_new && vips[i].state != HEALTH_UNKNOWN))
			lb_event_vip(lb->events, now, &vips[i]);
	}
	renumber_timelines(lb, next, diff);
	announcer_reload(&lb->announcer, next, vips, now, on_prefix_gone, lb);
	free(old_vips);
	free(lb->seats);
	lb->vips = vips;
	lb->seats = seats;
}

static bool is_taken(const size_t *numbers, size_t count, size_t number)
{
	for (size_t i = 0; i < count; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

/* Who stays keeps his number, who is new gets the lowest that is free. */
static void take_numbers(struct lb_daemon *lb, const struct lb_conf *next,
			 const struct lb_diff *diff)
{
	size_t count = next->bgp.peer_count;
	size_t *numbers = xcalloc(count + 1, sizeof(size_t));

	for (size_t i = 0; i < count; i++)
		numbers[i] = diff->peers[i].change == LB_ADDED ? SIZE_MAX
							       : lb->numbers[diff->peers[i].was];
	for (size_t i = 0; i < count; i++) {
		size_t number = 0;

		if (numbers[i] != SIZE_MAX)
			continue;
		while (is_taken(numbers, count, number))
			number++;
		numbers[i] = number;
	}
	free(lb->numbers);
	lb->numbers = numbers;
}

/* Tags are indices of peers: old ones until all that is old has ended. */
static void take_bfd(struct lb_daemon *lb, const struct lb_conf *next, const struct lb_diff *diff)
{
	size_t old_count = lb->conf->bgp.peer_count, count = next->bgp.peer_count;
	size_t *tags = xcalloc(old_count + 1, sizeof(size_t));

	for (size_t i = 0; i < old_count; i++) {
		tags[i] = lb_match_find(diff->peers, count, i);
		if (tags[i] == count || diff->bfd[tags[i]] == LB_BFD_ANEW)
			bfd_remove(lb->bfd, i);
	}
	bfd_retag(lb->bfd, tags);
	free(tags);
	for (size_t i = 0; i < count; i++) {
		const struct bfd_spec *spec = &next->bfd.specs[i];

		if (diff->bfd[i] == LB_BFD_ANEW && spec->name)
			lb_daemon_add_bfd(lb, spec, i);
		else if (diff->bfd[i] == LB_BFD_TIMERS)
			bfd_set_timers(lb->bfd, i, &spec->session);
	}
}

/* Nothing drains; but of the last undo not all may have heard. */
static void take_nameservers(struct lb_daemon *lb, const struct lb_conf *next)
{
	const bool owe = lb_nameservers_owe(lb->nameservers);

	lb_nameservers_free(lb->nameservers);
	lb->nameservers = lb_nameservers_new(lb->loop, next);
	if (owe)
		lb_nameservers_tell(lb->nameservers, false);
}

static void apply(struct lb_daemon *lb, struct lb_conf *next, const struct lb_diff *diff)
{
	struct lb_conf *old = lb->conf;
	struct instant now = clock_now();

	take_origins(lb, next, diff);
	take_vips(lb, next, diff, now);
	take_numbers(lb, next, diff);
	if (lb->bfd)
		take_bfd(lb, next, diff);
	take_nameservers(lb, next);
	lb->conf = next;
	if (lb->mesh)
		lb_mesh_take(lb, next);
	lb_continuity_reload(lb->continuity);
	lb_rack_reload(lb->rack);
	/* For peers that are new, and for policies that are: what is the same is not sent. */
	for (size_t i = 0; i < lb->announcer.count; i++)
		if (lb->announcer.items[i].state != ANNOUNCE_WITHDRAWN)
			lb_daemon_on_announce_change(lb, &lb->announcer.items[i]);
	/* The rack may have heard of neighbours, too: VIPs are looked at again. */
	lb_daemon_revise(lb);
	lb_conf_free(old);
}

/* ---- the whole ---- */

/* The file as a configuration, or NULL. */
static struct lb_conf *load(const struct lb_daemon *lb, struct lb_reload_reply *reply)
{
	struct conf_error err = { 0 };
	json_t *document = conf_read_file(lb->conf_path, &err);
	struct lb_conf *next;

	/* Also for the pointer, which tells keys with dots from a way through several. */
	json_incref(document);
	next = lb_conf_load(document, &err);
	if (!next) {
		char text[sizeof(err.path) + sizeof(err.reason) + 4];

		pointer_write(reply->pointer, "", document, err.path);
		reply->status =
			refuse(reply, 422, "%s", conf_error_format(&err, text, sizeof(text)));
	}
	json_decref(document);
	return next;
}

/* The status; next is the daemon's then if it is 200. */
static int go_over(struct lb_daemon *lb, struct lb_conf *next, struct lb_reload_reply *reply)
{
	struct lb_diff diff;
	int status;

	lb_diff_init(&diff, lb->conf, next);
	if (diff.restart) {
		snprintf(reply->pointer, sizeof(reply->pointer), "%s", diff.restart);
		status = refuse(reply, 409, "%s changes only with a restart", diff.restart + 1);
	} else {
		status = prepare(lb, next, reply);
	}
	if (status == 0) {
		reply->changes = lb_diff_report(&diff, lb->conf, next);
		apply(lb, next, &diff);
		status = 200;
	}
	lb_diff_fini(&diff);
	return status;
}

void lb_daemon_reload(struct lb_daemon *lb, struct lb_reload_reply *reply)
{
	struct lb_conf *next;

	*reply = (struct lb_reload_reply){ 0 };
	if (lb_drain_is_on(lb) || lb->stopping) {
		reply->status = refuse(reply, 409, "the daemon is %s",
				       lb->stopping ? "stopping" : "draining");
	} else {
		next = load(lb, reply);
		if (next)
			reply->status = go_over(lb, next, reply);
		if (next && reply->status != 200)
			lb_conf_free(next);
	}
	if (reply->status == 200)
		lb_event_reloaded(lb->events, clock_now(), reply->changes);
	else
		lb_event_reload_refused(lb->events, clock_now(), lb->conf_path, reply->reason);
}
