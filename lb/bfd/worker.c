/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A turn: wait until a socket, an order or a deadline; take the orders; read what has come; let the
 * time pass in the sessions that are due. What has come is read before the time is looked at: after
 * a pause of our own the packets in the socket say that the peer is alive.
 */
#include "lb/bfd/worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>

#include "lb/bfd/link.h"
#include "lb/bfd/socket.h"
#include "lib/alloc.h"
#include "lib/thread.h"

#define PRIORITY 60
/* Batches from one socket in a turn: a flood there must not keep the others from their turn. */
#define BATCHES_MAX 8
/* Times that AdminDown is said before a session ends, for packets may be lost. */
#define FAREWELLS 3

enum { POLL_ORDERS, POLL_IPV4, POLL_IPV6, POLL_MULTIHOP_IPV4, POLL_MULTIHOP_IPV6, POLLS };

struct bfd_worker {
	pthread_t thread;
	struct bfd_channel *orders, *reports;
	struct pollfd polls[POLLS]; /* fd -1: not open */
	struct bfd_link **links;
	size_t count;
	bool quit;
	struct bgp_log_limit strangers;
	_Atomic int64_t latest_ns;
	struct bfd_datagram datagrams[BFD_RECEIVE_MAX];
};

static struct bfd_message *report(enum bfd_message_type type, struct bfd_link *link)
{
	struct bfd_message *message = x_new(struct bfd_message);

	message->type = type;
	message->link = link;
	return message;
}

static void send_packet(struct bfd_link *link, bool final, struct instant now)
{
	uint8_t buf[BFD_PACKET_MAX];
	size_t len = bfd_session_packet(&link->session, final, buf, sizeof(buf), now);

	if (len == 0)
		return;
	if (bfd_socket_send(link->fd, &link->to, buf, len) == 0)
		link->info.packets_out++;
	else
		link->info.send_errors++;
}

static size_t silence_bucket(int64_t ns)
{
	size_t i = 0;

	while (i < BFD_SILENCE_BOUNDS && (double)ns / NS_PER_S > bfd_silence_bounds[i])
		i++;
	return i;
}

static void count_change(struct bfd_link *link, const struct bfd_change *change)
{
	struct bfd_info *info = &link->info;

	info->since = change->at;
	info->ups += change->state == BFD_UP;
	info->downs += change->was == BFD_UP;
	if (change->was == BFD_UP && change->local_diag == BFD_DIAG_DETECTION_TIME_EXPIRED) {
		info->detections++;
		info->last_silence_ns = change->silent_ns;
		info->silence_sum_ns += change->silent_ns;
		info->silences[silence_bucket(change->silent_ns)]++;
	}
}

/* before: the Detection Time when the step began. */
static void carry_out(struct bfd_worker *w, struct bfd_link *link, struct bfd_step step,
		      struct instant now, uint64_t before)
{
	const struct bfd_session *s = &link->session;

	if (step.changed) {
		struct bfd_message *message = report(BFD_MSG_CHANGED, link);

		message->change = (struct bfd_change){
			.at = now,
			.was = step.was,
			.state = s->session_state,
			.remote_state = s->remote_session_state,
			.local_diag = s->local_diag,
			.remote_diag = s->remote_diag,
			.silent_ns = now.ns - link->last_heard.ns,
			.detection_time = before,
		};
		count_change(link, &message->change);
		bfd_link_publish(link);
		/* The peer is told after our own client: that is what is waited for. */
		bfd_channel_send(w->reports, message);
	}
	if (step.send)
		send_packet(link, step.final, now);
	bfd_link_publish(link);
}

static void discard(struct bfd_worker *w, struct bfd_link *link, enum bfd_discard why,
		    const struct addr *from, struct instant now)
{
	struct bgp_log_limit *limit = link ? &link->discards : &w->strangers;
	struct bfd_message *message;
	unsigned long more;

	if (link) {
		link->info.discarded[why]++;
		bfd_link_publish(link);
	}
	if (why == BFD_IS_ADMIN_DOWN || !bgp_log_limit_pass(limit, now, &more))
		return;
	message = report(BFD_MSG_DISCARDED, link);
	message->discarded.why = why;
	message->discarded.from = *from;
	message->discarded.more = more;
	bfd_channel_send(w->reports, message);
}

/* The session whose peer has this address: of a packet that cannot say more (6.8.6). */
static struct bfd_link *find_by_sender(const struct bfd_worker *w, const struct bfd_datagram *d,
				       bool multihop)
{
	for (size_t i = 0; i < w->count; i++) {
		struct bfd_link *link = w->links[i];

		if (link->spec.multihop == multihop && addr_equal(&link->spec.remote, &d->from))
			return link;
	}
	return NULL;
}

static struct bfd_link *find_by_discriminator(const struct bfd_worker *w, uint32_t discriminator)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->links[i]->session.local_discr == discriminator)
			return w->links[i];
	return NULL;
}

static void take_datagram(struct bfd_worker *w, const struct bfd_datagram *d, bool multihop,
			  struct instant now)
{
	struct bfd_link *sender = find_by_sender(w, d, multihop), *link = sender;
	struct bfd_packet packet;
	enum bfd_discard why = bfd_packet_decode(&packet, d->bytes, d->len);
	struct bfd_step step;
	uint64_t before;

	if (why == BFD_ACCEPTED && packet.your_discriminator != 0)
		link = find_by_discriminator(w, packet.your_discriminator);
	if (why == BFD_ACCEPTED && !link)
		why = BFD_NO_SESSION;
	else if (why == BFD_ACCEPTED && link != sender)
		why = BFD_WRONG_PATH;
	else if (why == BFD_ACCEPTED && !multihop && d->ttl != BFD_TTL)
		why = BFD_WRONG_TTL;
	if (why != BFD_ACCEPTED) {
		discard(w, link ? link : sender, why, &d->from, now);
		return;
	}
	before = bfd_session_detection_time(&link->session);
	step = bfd_session_receive(&link->session, &packet, d->bytes, d->len, now, &why);
	if (why != BFD_ACCEPTED) {
		discard(w, link, why, &d->from, now);
		return;
	}
	link->info.packets_in++;
	link->last_heard = now;
	carry_out(w, link, step, now, before);
}

static void receive(struct bfd_worker *w, int which)
{
	bool multihop = which >= POLL_MULTIHOP_IPV4;
	size_t count = BFD_RECEIVE_MAX;

	for (int batch = 0; batch < BATCHES_MAX && count == BFD_RECEIVE_MAX; batch++) {
		struct instant now;

		count = bfd_socket_receive(w->polls[which].fd, w->datagrams);
		now = clock_now();
		for (size_t i = 0; i < count; i++)
			take_datagram(w, &w->datagrams[i], multihop, now);
	}
}

static void add(struct bfd_worker *w, struct bfd_link *link, int fd)
{
	int which = link->spec.remote.family == ADDR_IPV4 ? POLL_IPV4 : POLL_IPV6;

	if (link->spec.multihop)
		which += POLL_MULTIHOP_IPV4 - POLL_IPV4;
	w->polls[which].fd = fd;
	w->links = xreallocarray(w->links, w->count + 1, sizeof(struct bfd_link *));
	w->links[w->count++] = link;
	bfd_link_publish(link);
}

static void remove_link(struct bfd_worker *w, struct bfd_link *link)
{
	for (size_t i = 0; i < w->count; i++) {
		if (w->links[i] == link) {
			w->links[i] = w->links[--w->count];
			break;
		}
	}
	bfd_channel_send(w->reports, report(BFD_MSG_REMOVED, link));
}

static void admin_down_one(struct bfd_worker *w, struct bfd_link *link, struct instant now)
{
	uint64_t before = bfd_session_detection_time(&link->session);
	struct bfd_step step = bfd_session_set_admin_down(&link->session, true, now);

	carry_out(w, link, step, now, before);
}

static void admin_down(struct bfd_worker *w, struct instant now)
{
	for (size_t i = 0; i < w->count; i++)
		admin_down_one(w, w->links[i], now);
}

/* 6.8.16: say so for as long as the peer takes to find that nothing comes any more. */
static void begin_farewell(struct bfd_worker *w, struct bfd_link *link, struct instant now)
{
	const struct bfd_session *s = &link->session;
	int64_t peer_detects_us = (int64_t)s->conf.detect_mult * bfd_session_tx_interval(s);

	if (s->session_state != BFD_UP) {
		remove_link(w, link);
		return;
	}
	admin_down_one(w, link, now);
	link->farewells = FAREWELLS;
	link->farewell_gap_ns = peer_detects_us * NS_PER_US / FAREWELLS;
	link->next_farewell = instant_after_ns(now, link->farewell_gap_ns);
}

/* The link may be gone afterwards. */
static void say_farewell(struct bfd_worker *w, struct bfd_link *link, struct instant now)
{
	if (--link->farewells == 0) {
		remove_link(w, link);
		return;
	}
	send_packet(link, false, now);
	link->next_farewell = instant_after_ns(now, link->farewell_gap_ns);
}

static void set_timers(struct bfd_worker *w, struct bfd_link *link,
		       const struct bfd_session_conf *conf, struct instant now)
{
	uint64_t before = bfd_session_detection_time(&link->session);

	carry_out(w, link, bfd_session_set_timers(&link->session, conf, now), now, before);
}

static void obey(struct bfd_worker *w, struct bfd_message *order)
{
	struct instant now = clock_now();

	switch (order->type) {
	case BFD_MSG_ADD:
		add(w, order->link, order->fd);
		break;
	case BFD_MSG_REMOVE:
		begin_farewell(w, order->link, now);
		break;
	case BFD_MSG_TIMERS:
		set_timers(w, order->link, &order->conf, now);
		break;
	case BFD_MSG_ADMIN_DOWN:
		admin_down(w, now);
		break;
	case BFD_MSG_QUIT:
		w->quit = true;
		break;
	case BFD_MSG_REMOVED:
	case BFD_MSG_CHANGED:
	case BFD_MSG_DISCARDED:
		break; /* ours to say */
	}
}

static void take_orders(struct bfd_worker *w)
{
	struct bfd_message *order = bfd_channel_take(w->orders);

	while (order) {
		struct bfd_message *next = order->next;

		obey(w, order);
		free(order);
		order = next;
	}
}

static void tick(struct bfd_worker *w, struct bfd_link *link, struct instant now)
{
	struct bfd_session *s = &link->session;
	uint64_t before = bfd_session_detection_time(s);
	int64_t late = now.ns - s->transmit.ns;

	/* Before its first packet a session may have waited for its place. */
	if (s->last_sent.ns != INSTANT_NEVER.ns && instant_reached(s->transmit, now) &&
	    late > atomic_load_explicit(&w->latest_ns, memory_order_relaxed))
		atomic_store_explicit(&w->latest_ns, late, memory_order_relaxed);
	carry_out(w, link, bfd_session_tick(s, now), now, before);
}

static struct instant deadline_of(const struct bfd_link *link)
{
	return link->farewells ? link->next_farewell : bfd_session_deadline(&link->session);
}

static void tick_all(struct bfd_worker *w)
{
	struct instant now = clock_now();

	/* Backwards: who is removed gives its place to the last. */
	for (size_t i = w->count; i-- > 0;) {
		struct bfd_link *link = w->links[i];

		if (!instant_reached(deadline_of(link), now))
			continue;
		if (link->farewells)
			say_farewell(w, link, now);
		else
			tick(w, link, now);
	}
}

static void wait_for_something(struct bfd_worker *w)
{
	struct instant deadline = INSTANT_NEVER, now = clock_now();
	struct timespec timeout;
	int64_t ns;

	for (size_t i = 0; i < w->count; i++)
		deadline = instant_min(deadline, deadline_of(w->links[i]));
	ns = deadline.ns > now.ns ? deadline.ns - now.ns : 0;
	timeout = (struct timespec){ ns / NS_PER_S, ns % NS_PER_S };
	if (ppoll(w->polls, POLLS, deadline.ns == INSTANT_NEVER.ns ? NULL : &timeout, NULL) >= 0)
		return;
	for (int i = 0; i < POLLS; i++)
		w->polls[i].revents = 0;
}

static void *worker_main(void *ctx)
{
	struct bfd_worker *w = ctx;

	pthread_setname_np(pthread_self(), "bfd");
	prctl(PR_SET_TIMERSLACK, 1); /* without SCHED_FIFO it would be 50 us */
	while (!w->quit) {
		wait_for_something(w);
		if (w->polls[POLL_ORDERS].revents)
			take_orders(w);
		for (int i = POLL_IPV4; i < POLLS; i++)
			if (w->polls[i].revents)
				receive(w, i);
		tick_all(w);
	}
	return NULL;
}

static int start_thread(struct bfd_worker *w, bool *realtime)
{
	const struct sched_param param = { .sched_priority = PRIORITY };
	pthread_attr_t attr;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	err = thread_spawn(&w->thread, &attr, worker_main, w);
	*realtime = err == 0;
	if (err == -EPERM)
		err = thread_spawn(&w->thread, NULL, worker_main, w);
	pthread_attr_destroy(&attr);
	return err;
}

int bfd_worker_new(struct bfd_worker **out, struct bfd_channel *orders, struct bfd_channel *reports,
		   bool *realtime)
{
	struct bfd_worker *w = x_new(struct bfd_worker);
	int err;

	w->orders = orders;
	w->reports = reports;
	for (int i = 0; i < POLLS; i++)
		w->polls[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	w->polls[POLL_ORDERS].fd = orders->fd;
	err = start_thread(w, realtime);
	if (err) {
		free(w);
		return err;
	}
	*out = w;
	return 0;
}

void bfd_worker_free(struct bfd_worker *worker)
{
	bfd_channel_send(worker->orders, report(BFD_MSG_QUIT, NULL));
	pthread_join(worker->thread, NULL);
	free(worker->links);
	free(worker);
}

int64_t bfd_worker_latest_ns(const struct bfd_worker *worker)
{
	return atomic_load_explicit(&worker->latest_ns, memory_order_relaxed);
}
