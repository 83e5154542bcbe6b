/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The main loop's half: makes and frees links, opens sockets, writes the log. */
#include "lb/bfd/bfd.h"

#include <errno.h>
#include <ev.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lb/bfd/link.h"
#include "lb/bfd/socket.h"
#include "lb/bfd/worker.h"
#include "lib/alloc.h"
#include "lib/log.h"

struct bfd {
	struct ev_loop *loop;
	struct bfd_handlers handlers;
	struct bfd_channel orders, reports;
	struct bfd_worker *worker;
	bool realtime;
	ev_io io;
	struct bfd_link *links;
	int listening[2][2]; /* by multihop and IPv6; -1: not open */
};

static void link_free(struct bfd_link *link)
{
	close(link->fd);
	free(link->name);
	free(link);
}

static void order(struct bfd *bfd, enum bfd_message_type type, struct bfd_link *link,
		  const struct bfd_session_conf *conf, int fd)
{
	struct bfd_message *message = x_new(struct bfd_message);

	message->type = type;
	message->link = link;
	if (conf)
		message->conf = *conf;
	else
		message->fd = fd;
	bfd_channel_send(&bfd->orders, message);
}

static void forget(struct bfd *bfd, struct bfd_link *gone)
{
	struct bfd_link **link = &bfd->links;

	while (*link != gone)
		link = &(*link)->next;
	*link = gone->next;
	link_free(gone);
}

static void begin(struct bfd *bfd, struct bfd_link *link)
{
	order(bfd, BFD_MSG_ADD, link, NULL, link->listening);
}

static void log_discard(const struct bfd_message *m)
{
	char from[ADDR_TEXT_SIZE];

	log_warn("bfd %s: packet from %s discarded: %s (%lu more discarded since the last such "
		 "line)",
		 m->link ? m->link->spec.name : "of nobody", addr_format(&m->discarded.from, from),
		 bfd_discard_name(m->discarded.why), m->discarded.more);
}

static void handle(struct bfd *bfd, const struct bfd_message *m)
{
	switch (m->type) {
	case BFD_MSG_REMOVED:
		if (m->link->successor)
			begin(bfd, m->link->successor);
		forget(bfd, m->link);
		break;
	case BFD_MSG_CHANGED:
		if (!m->link->removed && bfd->handlers.on_change)
			bfd->handlers.on_change(bfd->handlers.ctx, m->link->tag, &m->change);
		break;
	case BFD_MSG_DISCARDED:
		log_discard(m);
		break;
	case BFD_MSG_ADD:
	case BFD_MSG_REMOVE:
	case BFD_MSG_TIMERS:
	case BFD_MSG_ADMIN_DOWN:
	case BFD_MSG_QUIT:
		break; /* ours to say */
	}
}

static void on_reports(struct ev_loop *loop, ev_io *io, int events)
{
	struct bfd *bfd = io->data;
	struct bfd_message *message = bfd_channel_take(&bfd->reports);

	(void)loop;
	(void)events;
	while (message) {
		struct bfd_message *next = message->next;

		handle(bfd, message);
		free(message);
		message = next;
	}
}

static int start_worker(struct bfd *bfd)
{
	int err = bfd_worker_new(&bfd->worker, &bfd->orders, &bfd->reports, &bfd->realtime);

	if (!err && !bfd->realtime)
		log_warn("bfd: no real-time priority: on a busy machine packets may be late; "
			 "CAP_SYS_NICE or LimitRTPRIO=60 permits it");
	return err;
}

int bfd_new(struct bfd **out, struct ev_loop *loop, const struct bfd_handlers *handlers)
{
	struct bfd *bfd = x_new(struct bfd);
	int err = bfd_channel_init(&bfd->orders);

	bfd->loop = loop;
	bfd->handlers = *handlers;
	memset(bfd->listening, -1, sizeof(bfd->listening));
	if (err)
		goto no_orders;
	err = bfd_channel_init(&bfd->reports);
	if (err)
		goto no_reports;
	err = start_worker(bfd);
	if (err)
		goto no_worker;
	ev_io_init(&bfd->io, on_reports, bfd->reports.fd, EV_READ);
	/* What else is ready in the same turn can wait. */
	ev_set_priority(&bfd->io, EV_MAXPRI);
	bfd->io.data = bfd;
	ev_io_start(loop, &bfd->io);
	*out = bfd;
	return 0;
no_worker:
	bfd_channel_fini(&bfd->reports);
no_reports:
	bfd_channel_fini(&bfd->orders);
no_orders:
	free(bfd);
	return err;
}

void bfd_free(struct bfd *bfd)
{
	if (!bfd)
		return;
	ev_io_stop(bfd->loop, &bfd->io);
	bfd_worker_free(bfd->worker);
	while (bfd->links)
		forget(bfd, bfd->links);
	bfd_channel_fini(&bfd->orders);
	bfd_channel_fini(&bfd->reports);
	for (int i = 0; i < 4; i++)
		if (bfd->listening[i / 2][i % 2] >= 0)
			close(bfd->listening[i / 2][i % 2]);
	free(bfd);
}

static struct bfd_link *find(const struct bfd *bfd, size_t tag)
{
	for (struct bfd_link *link = bfd->links; link; link = link->next)
		if (link->tag == tag && !link->removed)
			return link;
	return NULL;
}

/* Not 0, not one of ours, and not to be guessed. */
static uint32_t new_discriminator(const struct bfd *bfd)
{
	for (;;) {
		uint32_t random = 0;
		bool is_taken = getrandom(&random, sizeof(random), 0) < 0 || random == 0;

		for (struct bfd_link *link = bfd->links; link; link = link->next)
			is_taken |= link->session.local_discr == random;
		if (!is_taken)
			return random;
	}
}

static struct bfd_link *link_new(const struct bfd *bfd, const struct bfd_spec *spec, size_t tag)
{
	struct bfd_link *link = x_new(struct bfd_link);
	uint32_t seed = new_discriminator(bfd);

	link->spec = *spec;
	link->spec.name = link->name = xstrdup(spec->name);
	link->tag = tag;
	link->to = (struct endpoint){
		spec->remote,
		spec->multihop ? BFD_PORT_MULTIHOP : BFD_PORT_SINGLE_HOP,
	};
	link->last_heard = link->info.since = clock_now();
	bfd_session_init(&link->session, &spec->session, new_discriminator(bfd), seed,
			 link->last_heard);
	bfd_link_publish(link);
	return link;
}

/* Two sessions with one peer at a time would answer each other's packets. */
static struct bfd_link *find_leaving(const struct bfd *bfd, const struct bfd_spec *spec)
{
	for (struct bfd_link *link = bfd->links; link; link = link->next)
		if (link->removed && !link->successor && link->spec.multihop == spec->multihop &&
		    addr_equal(&link->spec.remote, &spec->remote))
			return link;
	return NULL;
}

int bfd_listen(struct bfd *bfd, const struct bfd_spec *spec)
{
	enum addr_family family = (enum addr_family)spec->remote.family;
	int *listening = &bfd->listening[spec->multihop][family == ADDR_IPV6], fd;

	if (*listening >= 0)
		return 0;
	fd = bfd_socket_listen(family, spec->multihop);
	if (fd < 0)
		return fd;
	*listening = fd;
	return 0;
}

int bfd_add(struct bfd *bfd, const struct bfd_spec *spec, size_t tag)
{
	enum addr_family family = (enum addr_family)spec->remote.family;
	struct bfd_link *link, *leaving = find_leaving(bfd, spec);
	int err = bfd_listen(bfd, spec), fd;

	if (err)
		return err;
	fd = bfd_socket_sender(family, &spec->local);
	if (fd < 0)
		return fd;
	link = link_new(bfd, spec, tag);
	link->fd = fd;
	link->listening = bfd->listening[spec->multihop][family == ADDR_IPV6];
	link->next = bfd->links;
	bfd->links = link;
	if (leaving)
		leaving->successor = link;
	else
		begin(bfd, link);
	return 0;
}

static struct bfd_link *find_predecessor(const struct bfd *bfd, const struct bfd_link *successor)
{
	for (struct bfd_link *link = bfd->links; link; link = link->next)
		if (link->successor == successor)
			return link;
	return NULL;
}

void bfd_remove(struct bfd *bfd, size_t tag)
{
	struct bfd_link *link = find(bfd, tag), *predecessor;

	if (!link)
		return;
	predecessor = find_predecessor(bfd, link);
	if (predecessor) { /* it has never begun */
		predecessor->successor = NULL;
		forget(bfd, link);
		return;
	}
	link->removed = true;
	order(bfd, BFD_MSG_REMOVE, link, NULL, -1);
}

void bfd_retag(struct bfd *bfd, const size_t *tags)
{
	for (struct bfd_link *link = bfd->links; link; link = link->next)
		if (!link->removed)
			link->tag = tags[link->tag];
}

void bfd_set_timers(struct bfd *bfd, size_t tag, const struct bfd_session_conf *conf)
{
	struct bfd_link *link = find(bfd, tag);

	if (link)
		order(bfd, BFD_MSG_TIMERS, link, conf, -1);
}

void bfd_admin_down(struct bfd *bfd)
{
	order(bfd, BFD_MSG_ADMIN_DOWN, NULL, NULL, -1);
}

bool bfd_info_get(const struct bfd *bfd, size_t tag, struct bfd_info *info)
{
	struct bfd_link *link = bfd ? find(bfd, tag) : NULL;

	if (link)
		*info = bfd_link_info(link);
	return link;
}

bool bfd_is_realtime(const struct bfd *bfd)
{
	return bfd->realtime;
}

int64_t bfd_latest_ns(const struct bfd *bfd)
{
	return bfd_worker_latest_ns(bfd->worker);
}
