/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/speaker.h"

#include <ev.h>
#include <string.h>

#include "lb/bgp/listener.h"
#include "lb/bgp/log_limit.h"
#include "lb/bgp/peer.h"
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
	struct bgp_listener *listener;
	/* Runs before the loop sleeps: what came together leaves together. */
	ev_prepare prepare;
	ev_timer stop_timer;
	bool due; /* some peer may have UPDATEs to send */
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
	return true;
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

void bgp_speaker_flush(struct bgp_speaker *speaker)
{
	if (!speaker->due)
		return;
	speaker->due = false;
	for (size_t i = 0; i < speaker->conf->peer_count; i++)
		bgp_peer_flush(speaker->peers[i]);
}

static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int events)
{
	struct bgp_speaker *speaker = prepare->data;

	(void)loop;
	(void)events;
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

/* Configured by address or interface, then a slot: the one that he had, one never lent, any that is
 * free. */
static struct bgp_peer *find_peer(const struct bgp_speaker *speaker, const struct addr *from,
				  unsigned ifindex)
{
	const struct addr nobody = { 0 };
	struct bgp_peer *slot = NULL;

	for (size_t i = 0; i < speaker->conf->peer_count; i++) {
		struct bgp_peer *peer = speaker->peers[i];
		bool lent = slot && !bgp_peer_is_of(slot, &nobody);

		if (bgp_peer_is_at(peer, from, ifindex)) {
			slot = peer;
			break;
		}
		if (bgp_peer_is_free(peer, from) &&
		    (!slot || (lent && bgp_peer_is_of(peer, &nobody))))
			slot = peer;
	}
	if (slot && !bgp_peer_is_of(slot, from))
		bgp_peer_lend(slot, from);
	return slot;
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

/* Options are of the whole socket: what some peer of this family needs, all get. */
static int on_listen(void *ctx, int fd, enum addr_family family)
{
	const struct bgp_speaker *speaker = ctx;
	int error = 0;

	for (size_t i = 0; i < speaker->conf->peer_count && !error; i++) {
		const struct bgp_peer_conf *peer = &speaker->conf->peers[i];
		const struct addr *remote = &peer->remote.addr;
		const struct prefix host = { *remote, (uint8_t)addr_bits(remote->family) };
		bool is_range = peer->range.addr.family != ADDR_NONE;

		if ((enum addr_family)remote->family != family)
			continue;
		if (peer->transport.ttl_security)
			error = bgp_transport_listen(fd, family);
		if (!error && peer->transport.md5_key)
			error = bgp_transport_key(fd, is_range ? &peer->range : &host,
						  peer->transport.md5_key);
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
	free(speaker->peers);
	free(speaker->stop_text);
	free(speaker);
}

void bgp_speaker_announce(struct bgp_speaker *speaker, const struct prefix *prefix,
			  const struct bgp_policy *extra)
{
	for (size_t i = 0; i < speaker->conf->peer_count; i++)
		bgp_peer_announce(speaker->peers[i], prefix, extra, false);
	on_due(speaker);
}

void bgp_speaker_deprefer(struct bgp_speaker *speaker, const struct prefix *prefix,
			  const struct bgp_policy *extra)
{
	for (size_t i = 0; i < speaker->conf->peer_count; i++)
		bgp_peer_announce(speaker->peers[i], prefix, extra, true);
	on_due(speaker);
}

void bgp_speaker_withdraw(struct bgp_speaker *speaker, const struct prefix *prefix)
{
	for (size_t i = 0; i < speaker->conf->peer_count; i++)
		bgp_peer_withdraw(speaker->peers[i], prefix);
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
