/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/server/tcp.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "geodns/server/tcp_connection.h"
#include "geodns/tally.h"
#include "geodns/tls/session.h"
#include "lib/accepter.h"
#include "lib/alloc.h"
#include "lib/listen.h"
#include "lib/thread.h"

struct listener {
	struct accepter accepter;
	struct thread *thread;
	enum counters_stream kind;
};

struct thread {
	struct tcp_server *server;
	unsigned number;
	pthread_t id;
	bool running;
	ev_io stop;
	struct listener *listeners;
	size_t listener_count; /* open so far */
	struct tcp_worker worker;
};

struct tcp_server {
	struct gate *gate;
	pthread_mutex_t lock;
	struct tls_credentials *credentials; /* under the lock; NULL where no TLS is spoken */
	size_t listener_count;
	unsigned thread_count;
	struct thread **threads;
	int stop_fd;
};

static struct gate_limits limits_of(const struct geodns_conf *conf)
{
	return (struct gate_limits){ .connections = conf->tcp_connections,
				     .per_client = conf->tcp_per_client,
				     .idle_ms = conf->tcp_idle_ms };
}

static struct transport *transport_new(struct tcp_server *server, enum counters_stream kind, int fd)
{
	struct tls_credentials *credentials;

	if (kind == COUNTERS_PLAIN)
		return transport_plain_new(fd);
	pthread_mutex_lock(&server->lock);
	credentials = tls_credentials_ref(server->credentials);
	pthread_mutex_unlock(&server->lock);
	return tls_session_new(credentials, fd);
}

static void on_connection(void *ctx, int fd, const struct sockaddr *from)
{
	const struct listener *listener = ctx;
	struct thread *t = listener->thread;
	struct endpoint peer;
	unsigned idle_ms;

	if (!endpoint_from_sockaddr(&peer, from)) {
		close(fd);
	} else if (!gate_enter(t->server->gate, &peer.addr, &idle_ms)) {
		counters_raise(&t->worker.counters.refused);
		close(fd);
	} else {
		tcp_connection_new(&t->worker, listener->kind,
				   transport_new(t->server, listener->kind, fd), fd, &peer.addr,
				   idle_ms);
	}
}

static void on_stop(struct ev_loop *loop, ev_io *io, int events)
{
	(void)io;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void *thread_run(void *arg)
{
	struct thread *t = arg;
	char name[16];

	snprintf(name, sizeof(name), "tcp-%u", t->number);
	pthread_setname_np(pthread_self(), name);
	rcu_register_thread();
	rcu_thread_offline();
	ev_run(t->worker.loop, 0);
	tcp_connections_end(&t->worker);
	rcu_unregister_thread();
	return NULL;
}

/* Returns 0 or -errno. */
static int thread_prepare(struct thread *t, unsigned number, struct tcp_server *server,
			  const struct geodns_conf *conf, const struct store *store)
{
	t->server = server;
	t->number = number;
	t->listeners = xcalloc(server->listener_count, sizeof(*t->listeners));
	t->worker.store = store;
	t->worker.gate = server->gate;
	t->worker.number = tally_writers(conf) - conf->threads + number;
	t->worker.signer = dnssec_signer_new(conf->dnssec.signatures_kept);
	t->worker.loop = ev_loop_new(EVFLAG_AUTO);
	if (!t->worker.loop)
		return -ENOMEM;
	ev_io_init(&t->stop, on_stop, server->stop_fd, EV_READ);
	ev_io_start(t->worker.loop, &t->stop);
	return 0;
}

/* The same address for all threads. Returns 0 or -errno. */
static int address_listen(struct tcp_server *server, enum counters_stream kind,
			  const struct endpoint *at)
{
	int *fds = xcalloc(server->thread_count, sizeof(*fds));
	int err = listen_tcp_group(at, fds, server->thread_count);

	for (unsigned i = 0; i < server->thread_count && !err; i++) {
		struct thread *t = server->threads[i];
		struct listener *l = &t->listeners[t->listener_count++];

		l->kind = kind;
		l->thread = t;
		accepter_start(&l->accepter, t->worker.loop, fds[i], "tcp", on_connection, l);
	}
	free(fds);
	return err;
}

static int addresses_listen(struct tcp_server *server, const struct geodns_conf *conf,
			    const struct endpoint **failed)
{
	int err = 0;

	for (size_t i = 0; i < conf->listen_count && !err; i++) {
		*failed = &conf->listen[i];
		err = address_listen(server, COUNTERS_PLAIN, &conf->listen[i]);
	}
	for (size_t i = 0; i < conf->tls.listen_count && !err; i++) {
		*failed = &conf->tls.listen[i];
		err = address_listen(server, COUNTERS_TLS, &conf->tls.listen[i]);
	}
	return err;
}

static struct gate *gate_open(const struct geodns_conf *conf)
{
	const struct gate_limits limits = limits_of(conf);
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = (uint64_t)(uintptr_t)conf;
	return gate_new(&limits, seed);
}

int tcp_server_new(struct tcp_server **out, const struct catalog *catalog,
		   const struct store *store, const struct endpoint **failed)
{
	const struct geodns_conf *conf = catalog->conf;
	struct tcp_server *server = x_new(struct tcp_server);
	int err = 0;

	server->gate = gate_open(conf);
	pthread_mutex_init(&server->lock, NULL);
	server->credentials = catalog->tls ? tls_credentials_ref(catalog->tls) : NULL;
	server->listener_count = conf->listen_count + conf->tls.listen_count;
	server->thread_count = conf->threads;
	server->threads = xcalloc(conf->threads, sizeof(struct thread *));
	for (unsigned i = 0; i < conf->threads; i++)
		server->threads[i] = x_new(struct thread);
	*failed = &conf->listen[0];
	server->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->stop_fd < 0)
		err = -errno;
	for (unsigned i = 0; i < conf->threads && !err; i++)
		err = thread_prepare(server->threads[i], i, server, conf, store);
	if (!err)
		err = addresses_listen(server, conf, failed);
	if (err)
		tcp_server_free(server);
	else
		*out = server;
	return err;
}

int tcp_server_start(struct tcp_server *server)
{
	int err = 0;

	for (unsigned i = 0; i < server->thread_count && !err; i++) {
		struct thread *t = server->threads[i];

		err = thread_spawn(&t->id, NULL, thread_run, t);
		t->running = err == 0;
	}
	return err;
}

void tcp_server_catalog_set(struct tcp_server *server, const struct catalog *catalog)
{
	const struct gate_limits limits = limits_of(catalog->conf);
	struct tls_credentials *before;

	gate_limits_set(server->gate, &limits);
	pthread_mutex_lock(&server->lock);
	before = server->credentials;
	server->credentials = catalog->tls ? tls_credentials_ref(catalog->tls) : NULL;
	pthread_mutex_unlock(&server->lock);
	tls_credentials_unref(before);
}

static void thread_free(struct thread *t)
{
	if (t->running)
		pthread_join(t->id, NULL);
	for (size_t i = 0; i < t->listener_count; i++)
		accepter_stop(&t->listeners[i].accepter);
	if (t->worker.loop) {
		ev_io_stop(t->worker.loop, &t->stop);
		ev_loop_destroy(t->worker.loop);
	}
	dnssec_signer_free(t->worker.signer);
	free(t->listeners);
	free(t);
}

void tcp_server_free(struct tcp_server *server)
{
	if (!server)
		return;
	if (server->stop_fd >= 0)
		eventfd_write(server->stop_fd, 1);
	for (unsigned i = 0; i < server->thread_count; i++)
		thread_free(server->threads[i]);
	if (server->stop_fd >= 0)
		close(server->stop_fd);
	gate_free(server->gate);
	tls_credentials_unref(server->credentials);
	pthread_mutex_destroy(&server->lock);
	free(server->threads);
	free(server);
}

void tcp_server_count(const struct tcp_server *server, struct counters *sum)
{
	for (unsigned i = 0; i < server->thread_count; i++)
		counters_sum(sum, &server->threads[i]->worker.counters);
}
