/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/speaker.h"

#include <ev.h>
#include <string.h>

#include "lb/bgp/adj_rib_out.h"
#include "lb/bgp/listener.h"
#include "lb/bgp/log_limit.h"
#include "lb/bgp/peer.h"
#include "lb/bgp/peer_conf.h"
#include "lib/alloc.h"
#include "lib/log.h"

#define STOP_S 1.8 /* for peers to take what is left: the two promised, less the cleaning up */

enum stop_phase { RUNNING, STOP_WANTED, STOPPING, STOPPED };

struct bgp_speaker {
	struct ev_loop *loop;
	const struct bgp_speaker_conf *conf;
	struct bgp_speaker_handlers handlers;
	struct bgp_peer_env env;
	struct bgp_peer **peers;
	/* No longer in conf, but still saying so to their peers. */
	struct bgp_peer **leaving;
	size_t leaving_count;
	struct bgp_listener *listener;
	/* Runs before the loop sleeps: what came together leaves together. */
	ev_prepare prepare;
	ev_timer stop_timer;
	bool due; /* some peer may have UPDATEs to send */
	/*
	 * Withdrawn, and no peer's table knows yet. They are gone through peer by peer as each is
	 * flushed, so that the first to hear of it need not wait until the last one's is written.
	 */
	struct prefix *gone;
	size_t gone_count, gone_capacity;
	enum stop_phase phase;
	enum bgp_stop_mode stop_mode;
	char *stop_text;
	struct bgp_log_limit strangers;
};

static void on_due(void *ctx)
{
	struct bgp_speaker *speaker = ctx;

	speaker->due = true;
}

static bool all_idle(const struct bgp_speaker *speaker)
{
	for (size_t i = 0; i < speaker->conf->peer_count; i++) {
		if (!bgp_peer_is_idle(speaker->peers[i]))
			return false;
	}
	for (size_t i = 0; i < speaker->leaving_count; i++) {
		if (!bgp_peer_is_idle(speaker->leaving[i]))
			return false;
	}
	return true;
}

static void free_who_has_left(struct bgp_speaker *speaker)
{
	size_t kept = 0;

	for (size_t i = 0; i < speaker->leaving_count; i++) {
		if (bgp_peer_is_idle(speaker->leaving[i]))
			bgp_peer_free(speaker->leaving[i]);
		else
			speaker->leaving[kept++] = speaker->leaving[i];
	}
	speaker->leaving_count = kept;
}

static void stopped(struct bgp_speaker *speaker)
{
	speaker->phase = STOPPED;
	ev_timer_stop(speaker->loop, &speaker->stop_timer);
	ev_prepare_stop(speaker->loop, &speaker->prepare);
	if (speaker->handlers.on_stopped)
		speaker->handlers.on_stopped(speaker->handlers.ctx);
}

static void on_idle(void *ctx)
{
	struct bgp_speaker *speaker = ctx;

	if (speaker->phase == STOPPING && all_idle(speaker))
		stopped(speaker);
}

static void on_stop_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct bgp_speaker *speaker = timer->data;

	(void)loop;
	(void)events;
	log_warn("speaker: some peers did not take the last messages in time");
	stopped(speaker);
}

static void stop_now(struct bgp_speaker *speaker)
{
	speaker->phase = STOPPING;
	bgp_listener_free(speaker->listener);
	speaker->listener = NULL;
	ev_now_update(speaker->loop);
	ev_timer_start(speaker->loop, &speaker->stop_timer);
	for (size_t i = 0; i < speaker->conf->peer_count; i++)
		bgp_peer_stop(speaker->peers[i], speaker->stop_mode == BGP_STOP_WITHDRAW,
			      speaker->stop_text);
	if (all_idle(speaker))
		stopped(speaker);
}

/* What comes next must find it withdrawn. */
static void settle_gone(struct bgp_speaker *speaker)
{
	for (size_t i = 0; i < speaker->conf->peer_count && speaker->gone_count > 0; i++)
		bgp_peer_withdraw(speaker->peers[i], speaker->gone, speaker->gone_count);
	speaker->gone_count = 0;
}

void bgp_speaker_flush(struct bgp_speaker *speaker)
{
	struct prefix *gone = speaker->gone;
	size_t count = speaker->gone_count;
	struct adj_rib_out_message message;

	if (!speaker->due)
		return;
	message.size = 0;
	/* Whatever a peer's flush leads to belongs to the next one. */
	speaker->due = false;
	speaker->gone = NULL;
	speaker->gone_count = speaker->gone_capacity = 0;
	for (size_t i = 0; i < speaker->conf->peer_count; i++) {
		bgp_peer_withdraw(speaker->peers[i], gone, count);
		bgp_peer_flush(speaker->peers[i], &message);
	}
	free(gone);
}

static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int events)
{
	struct bgp_speaker *speaker = prepare->data;

	(void)loop;
	(void)events;
	free_who_has_left(speaker);
	bgp_speaker_flush(speaker);
	if (speaker->phase == STOP_WANTED)
		stop_now(speaker);
}

/* Anybody can be one, as often as they like. */
static void log_stranger(struct bgp_speaker *speaker, const struct addr *from, const char *why)
{
	char text[ADDR_TEXT_SIZE];
	unsigned long more;

	if (bgp_log_limit_pass(&speaker->strangers, clock_now(), &more))
		log_warn("speaker: connection from %s refused: %s (%lu more like it "
			 "since the last such line)",
			 addr_format(from, text), why, more);
}

static bool is_slot(const struct bgp_speaker *speaker, size_t peer)
{
	return speaker->conf->peers[peer].range.addr.family != ADDR_NONE;
}

/* A peer that is configured by its address or interface. */
static struct bgp_peer *find_known(const struct bgp_speaker *speaker, const struct addr *from,
				   unsigned ifindex)
{
	for (size_t i = 0; i < speaker->conf->peer_count; i++) {
		if (!is_slot(speaker, i) && bgp_peer_is_at(speaker->peers[i], from, ifindex))
			return speaker->peers[i];
	}
	return NULL;
}

/* The slot of a range that he had, one never lent, any that is free. */
static struct bgp_peer *find_slot(const struct bgp_speaker *speaker, const struct addr *from)
{
	const struct addr nobody = { 0 };
	struct bgp_peer *slot = NULL;

	for (size_t i = 0; i < speaker->conf->peer_count; i++) {
		struct bgp_peer *peer = speaker->peers[i];
		bool lent = slot && !bgp_peer_is_of(slot, &nobody);

		if (!is_slot(speaker, i))
			continue;
		if (bgp_peer_is_of(peer, from))
			return peer;
		if (bgp_peer_is_free(peer, from) &&
		    (!slot || (lent && bgp_peer_is_of(peer, &nobody))))
			slot = peer;
	}
	return slot;
}

/* Who is configured since comes before the slot that he had until then. */
static struct bgp_peer *find_peer(const struct bgp_speaker *speaker, const struct addr *from,
				  unsigned ifindex)
{
	struct bgp_peer *peer = find_known(speaker, from, ifindex);

	if (!peer)
		peer = find_slot(speaker, from);
	if (peer && !bgp_peer_is_of(peer, from))
		bgp_peer_lend(peer, from);
	return peer;
}

static bool is_in_range(const struct bgp_speaker *speaker, const struct addr *from)
{
	for (size_t i = 0; i < speaker->conf->peer_count; i++) {
		const struct prefix *range = &speaker->conf->peers[i].range;

		if (range->addr.family != ADDR_NONE && prefix_contains(range, from))
			return true;
	}
	return false;
}

static enum bgp_cease on_accept(void *ctx, int fd, const struct addr *from, unsigned ifindex)
{
	struct bgp_speaker *speaker = ctx;
	struct bgp_peer *peer = find_peer(speaker, from, ifindex);

	if (peer)
		return bgp_peer_accept(peer, fd);
	if (is_in_range(speaker, from)) {
		log_stranger(speaker, from, "its range is full");
		return BGP_CEASE_RESOURCES;
	}
	log_stranger(speaker, from, "no such peer");
	return BGP_CEASE_REJECTED;
}

/* The addresses from which this peer may dial us. */
static struct prefix where_from(const struct bgp_peer_conf *peer)
{
	const struct addr *remote = &peer->remote.addr;

	if (peer->range.addr.family != ADDR_NONE)
		return peer->range;
	return (struct prefix){ *remote, (uint8_t)addr_bits((enum addr_family)remote->family) };
}

/* Options are of the whole socket: what some peer of this family needs, all get. */
static int on_listen(void *ctx, int fd, enum addr_family family)
{
	const struct bgp_speaker *speaker = ctx;
	int error = 0;

	for (size_t i = 0; i < speaker->conf->peer_count && !error; i++) {
		const struct bgp_peer_conf *peer = &speaker->conf->peers[i];
		const struct prefix who = where_from(peer);

		if ((enum addr_family)who.addr.family != family)
			continue;
		if (peer->transport.ttl_security)
			error = bgp_transport_listen(fd, family);
		if (!error && peer->transport.md5_key)
			error = bgp_transport_key(fd, &who, peer->transport.md5_key);
	}
	return error;
}

void bgp_speaker_set_restarted(struct bgp_speaker *speaker)
{
	speaker->env.restarted = true;
}

void bgp_speaker_set_converged(struct bgp_speaker *speaker)
{
	speaker->env.converged = true;
	for (size_t i = 0; i < speaker->conf->peer_count; i++)
		bgp_peer_converged(speaker->peers[i]);
}

struct bgp_speaker *bgp_speaker_new(struct ev_loop *loop, const struct bgp_speaker_conf *conf,
				    const struct bgp_speaker_handlers *handlers)
{
	struct bgp_speaker *speaker = x_new(struct bgp_speaker);

	speaker->loop = loop;
	speaker->conf = conf;
	speaker->handlers = *handlers;
	speaker->env = (struct bgp_peer_env){
		.loop = loop,
		.conf = conf,
		.handlers = &speaker->handlers,
		.speaker = speaker,
		.started = clock_now(),
		.on_due = on_due,
		.on_idle = on_idle,
	};
	speaker->peers = xcalloc(conf->peer_count, sizeof(struct bgp_peer *));
	for (size_t i = 0; i < conf->peer_count; i++)
		speaker->peers[i] = bgp_peer_new(&speaker->env, i);
	ev_prepare_init(&speaker->prepare, on_prepare);
	ev_timer_init(&speaker->stop_timer, on_stop_timer, STOP_S, 0);
	speaker->prepare.data = speaker->stop_timer.data = speaker;
	return speaker;
}

int bgp_speaker_start(struct bgp_speaker *speaker, const struct endpoint **failed)
{
	speaker->listener = bgp_listener_new(speaker->loop, on_listen, on_accept, speaker);
	for (size_t i = 0; i < speaker->conf->listen_count; i++) {
		int error = bgp_listener_add(speaker->listener, &speaker->conf->listen[i]);

		if (error) {
			*failed = &speaker->conf->listen[i];
			bgp_listener_free(speaker->listener);
			speaker->listener = NULL;
			return error;
		}
	}
	ev_prepare_start(speaker->loop, &speaker->prepare);
	for (size_t i = 0; i < speaker->conf->peer_count; i++)
		bgp_peer_start(speaker->peers[i]);
	return 0;
}

void bgp_speaker_stop(struct bgp_speaker *speaker, enum bgp_stop_mode mode, const char *text)
{
	if (speaker->phase != RUNNING)
		return;
	speaker->phase = STOP_WANTED;
	speaker->stop_mode = mode;
	speaker->stop_text = text ? xstrdup(text) : NULL;
	/* It may never have been started; on_stopped is owed all the same. */
	ev_prepare_start(speaker->loop, &speaker->prepare);
}

void bgp_speaker_free(struct bgp_speaker *speaker)
{
	if (!speaker)
		return;
	ev_prepare_stop(speaker->loop, &speaker->prepare);
	ev_timer_stop(speaker->loop, &speaker->stop_timer);
	bgp_listener_free(speaker->listener);
	for (size_t i = 0; i < speaker->conf->peer_count; i++)
		bgp_peer_free(speaker->peers[i]);
	for (size_t i = 0; i < speaker->leaving_count; i++)
		bgp_peer_free(speaker->leaving[i]);
	free(speaker->peers);
	free(speaker->leaving);
	free(speaker->stop_text);
	free(speaker->gone);
	free(speaker);
}

/* ---- another configuration ---- */

static bool has_endpoint(const struct bgp_speaker_conf *conf, const struct endpoint *at)
{
	for (size_t i = 0; i < conf->listen_count; i++)
		if (addr_equal(&conf->listen[i].addr, &at->addr) &&
		    conf->listen[i].port == at->port)
			return true;
	return false;
}

/*
 * Listen where speaker->conf says instead of where from does, with the keys of its peers. What is
 * to go goes first: a socket for one address and one for all of them exclude each other.
 */
static int listen_as_configured(struct bgp_speaker *speaker, const struct bgp_speaker_conf *from,
				const struct endpoint **failed)
{
	const struct bgp_speaker_conf *to = speaker->conf;
	int error;

	*failed = NULL;
	for (size_t i = 0; i < from->listen_count; i++)
		if (!has_endpoint(to, &from->listen[i]))
			bgp_listener_remove(speaker->listener, &from->listen[i]);
	error = bgp_listener_prepare(speaker->listener);
	for (size_t i = 0; i < to->listen_count && !error; i++) {
		if (bgp_listener_has(speaker->listener, &to->listen[i]))
			continue;
		error = bgp_listener_add(speaker->listener, &to->listen[i]);
		if (error)
			*failed = &to->listen[i];
	}
	return error;
}

static bool has_key(const struct bgp_speaker_conf *conf, const struct prefix *who)
{
	for (size_t i = 0; i < conf->peer_count; i++) {
		const struct prefix other = where_from(&conf->peers[i]);

		if (conf->peers[i].transport.md5_key && prefix_equal(&other, who))
			return true;
	}
	return false;
}

/* Keys of old's peers that speaker->conf has not. */
static void drop_keys(struct bgp_speaker *speaker, const struct bgp_speaker_conf *old)
{
	for (size_t i = 0; i < old->peer_count; i++) {
		const struct prefix who = where_from(&old->peers[i]);

		if (old->peers[i].transport.md5_key && !has_key(speaker->conf, &who))
			bgp_listener_unkey(speaker->listener, &who);
	}
}

static int listen_anew(struct bgp_speaker *speaker, const struct bgp_speaker_conf *conf,
		       const struct endpoint **failed)
{
	const struct bgp_speaker_conf *old = speaker->conf;
	const struct endpoint *lost;
	int error;

	speaker->conf = conf;
	error = listen_as_configured(speaker, old, failed);
	if (error) {
		speaker->conf = old;
		if (listen_as_configured(speaker, conf, &lost))
			log_error("speaker: cannot listen as before any more");
		drop_keys(speaker, conf);
		return error;
	}
	drop_keys(speaker, old);
	return 0;
}

/* End what must not go on as it is. Peers are still those of old. */
static void part(struct bgp_speaker *speaker, const struct bgp_speaker_conf *old,
		 const struct bgp_speaker_conf *conf)
{
	for (size_t i = 0; i < old->peer_count; i++) {
		size_t now = bgp_peer_conf_find(conf, old->peers[i].name);

		if (now < conf->peer_count) {
			if (bgp_peer_conf_compare(&old->peers[i], &conf->peers[now]) ==
			    BGP_PEER_SESSION)
				bgp_peer_reset(speaker->peers[i]);
			continue;
		}
		bgp_peer_remove(speaker->peers[i]);
		speaker->leaving = xreallocarray(speaker->leaving, speaker->leaving_count + 1,
						 sizeof(struct bgp_peer *));
		speaker->leaving[speaker->leaving_count++] = speaker->peers[i];
	}
}

/* The peer at this index of speaker->conf, whatever it was; *begin: it is to be started. */
static struct bgp_peer *resume(struct bgp_speaker *speaker, const struct bgp_speaker_conf *old,
			       size_t index, bool *begin)
{
	const struct bgp_peer_conf *conf = &speaker->conf->peers[index];
	size_t was = bgp_peer_conf_find(old, conf->name);
	struct bgp_peer *peer;

	*begin = true;
	if (was == old->peer_count)
		return bgp_peer_new(&speaker->env, index);
	peer = speaker->peers[was];
	*begin = bgp_peer_conf_compare(&old->peers[was], conf) == BGP_PEER_SESSION;
	if (*begin)
		bgp_peer_take_conf(peer, index);
	else
		bgp_peer_follow(peer, index);
	return peer;
}

int bgp_speaker_reload(struct bgp_speaker *speaker, const struct bgp_speaker_conf *conf,
		       const struct endpoint **failed)
{
	const struct bgp_speaker_conf *old = speaker->conf;
	int error = listen_anew(speaker, conf, failed);
	struct bgp_peer **peers;
	bool *begin;

	if (error)
		return error;
	settle_gone(speaker);
	/* Until all have their new place the old ones count. */
	speaker->conf = old;
	part(speaker, old, conf);
	speaker->conf = speaker->env.conf = conf;
	peers = xcalloc(conf->peer_count + 1, sizeof(struct bgp_peer *));
	begin = xcalloc(conf->peer_count + 1, sizeof(bool));
	for (size_t i = 0; i < conf->peer_count; i++)
		peers[i] = resume(speaker, old, i, &begin[i]);
	free(speaker->peers);
	speaker->peers = peers;
	for (size_t i = 0; i < conf->peer_count; i++)
		if (begin[i])
			bgp_peer_start(peers[i]);
	free(begin);
	return 0;
}

void bgp_speaker_announce(struct bgp_speaker *speaker, const struct prefix *prefix,
			  const struct bgp_policy *extra)
{
	settle_gone(speaker);
	for (size_t i = 0; i < speaker->conf->peer_count; i++)
		bgp_peer_announce(speaker->peers[i], prefix, extra, false);
	on_due(speaker);
}

void bgp_speaker_deprefer(struct bgp_speaker *speaker, const struct prefix *prefix,
			  const struct bgp_policy *extra)
{
	settle_gone(speaker);
	for (size_t i = 0; i < speaker->conf->peer_count; i++)
		bgp_peer_announce(speaker->peers[i], prefix, extra, true);
	on_due(speaker);
}

void bgp_speaker_withdraw(struct bgp_speaker *speaker, const struct prefix *prefix)
{
	if (speaker->gone_count == speaker->gone_capacity) {
		speaker->gone_capacity = speaker->gone_capacity ? 2 * speaker->gone_capacity : 64;
		speaker->gone = xreallocarray(speaker->gone, speaker->gone_capacity,
					      sizeof(*speaker->gone));
	}
	speaker->gone[speaker->gone_count++] = *prefix;
	on_due(speaker);
}

void bgp_speaker_bfd_down(struct bgp_speaker *speaker, size_t peer, struct instant at)
{
	bgp_peer_bfd_down(speaker->peers[peer], at);
}

size_t bgp_speaker_peer_count(const struct bgp_speaker *speaker)
{
	return speaker->conf->peer_count;
}

void bgp_speaker_peer_info(const struct bgp_speaker *speaker, size_t peer,
			   struct bgp_peer_info *info)
{
	bgp_peer_info_get(speaker->peers[peer], info);
}

bool bgp_speaker_has_sent(const struct bgp_speaker *speaker, size_t peer,
			  const struct prefix *prefix, struct bgp_policy *policy)
{
	return bgp_peer_has_sent(speaker->peers[peer], prefix, policy);
}
