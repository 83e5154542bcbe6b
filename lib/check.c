/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check.c - one check is one connection: connect, for https agree on keys, send and read,
 * then a verdict. The shell of rise_fall, check_http, check_dns and check_tls.
 */
#include "lib/check.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/check_http.h"
#include "lib/log.h"
#include "lib/starved.h"

enum stage { CONNECTING, HANDSHAKING, SENDING, READING };

struct check {
	struct check_spec spec;
	struct ev_loop *loop;
	check_result_fn *on_result;
	void *ctx;
	struct rise_fall verdict;
	struct ev_timer grid;
	struct ev_timer timeout;
	struct ev_io io;
	struct instant next; /* when the grid comes round again */
	struct instant begun;
	enum stage stage;
	int fd;		 /* -1 between checks */
	bool is_starved; /* the last turn was left out */
	struct check_trusts *trusts;
	struct check_trust *trust; /* https: kept from check to check */
	struct check_tls *tls;	   /* https: of this connection */
	uint16_t query_id;	   /* dns */
	char *request;		   /* but for tcp; of dns for the check that runs */
	size_t request_len;
	size_t sent;
	char *answer; /* CHECK_HTTP_ANSWER_MAX bytes; while reading */
	size_t answer_len;
	char reason[160];
};

static void connection_close(struct check *check)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	ev_timer_stop(check->loop, &check->timeout);
	ev_io_stop(check->loop, &check->io);
	check_tls_free(check->tls);
	check->tls = NULL;
	if (check->fd >= 0) {
		setsockopt(check->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(check->fd);
		check->fd = -1;
	}
	free(check->answer);
	check->answer = NULL;
}

/* The last thing done in a step: on_result may free the check. */
static void finish(struct check *check, bool success)
{
	struct check_result result = { .at = clock_now(), .success = success };

	connection_close(check);
	if (success)
		check->reason[0] = '\0';
	result.changed = rise_fall_step(&check->verdict, success);
	result.state = check->verdict.state;
	result.latency_us = (result.at.ns - check->begun.ns) / NS_PER_US;
	result.reason = check->reason;
	check->on_result(check->ctx, check, &result);
}

static void fail_errno(struct check *check, int err)
{
	snprintf(check->reason, sizeof(check->reason), "%s", strerror(err));
	check->reason[0] = (char)tolower((unsigned char)check->reason[0]);
	finish(check, false);
}

static void fail_text(struct check *check, const char *reason)
{
	snprintf(check->reason, sizeof(check->reason), "%s", reason);
	finish(check, false);
}

/* err: as from the functions below; -EPROTO has its words in reason already. */
static void fail(struct check *check, ssize_t err)
{
	if (err == -EPROTO && check->tls)
		finish(check, false);
	else
		fail_errno(check, (int)-err);
}

static void watch(struct check *check, int events)
{
	if (check->io.events == events && ev_is_active(&check->io))
		return;
	ev_io_stop(check->loop, &check->io);
	ev_io_set(&check->io, check->fd, events);
	ev_io_start(check->loop, &check->io);
}

/* With TLS, reading may have to wait for writing and the other way round. */
static void watch_for(struct check *check, int events)
{
	if (check->tls)
		events = check_tls_wants_write(check->tls) ? EV_WRITE : EV_READ;
	watch(check, events);
}

/* ---- the connection ---- */

/* These two: how many bytes, or -errno, -EAGAIN among them. */
static ssize_t channel_send(struct check *check, const char *data, size_t len)
{
	ssize_t n;

	if (check->tls)
		return check_tls_send(check->tls, data, len, check->reason, sizeof(check->reason));
	n = send(check->fd, data, len, MSG_NOSIGNAL);
	if (n >= 0)
		return n;
	return errno == EINTR ? -EAGAIN : -errno;
}

static ssize_t channel_recv(struct check *check, void *data, size_t len)
{
	ssize_t n;

	if (check->tls)
		return check_tls_recv(check->tls, data, len, check->reason, sizeof(check->reason));
	n = recv(check->fd, data, len, 0);
	if (n >= 0)
		return n;
	return errno == EINTR ? -EAGAIN : -errno;
}

/* True if the check has ended. */
static bool http_judge(struct check *check, bool eof)
{
	unsigned status = 0;

	switch (check_http_judge(&check->spec, check->answer, check->answer_len, eof, &status)) {
	case CHECK_HTTP_MORE:
		return false;
	case CHECK_HTTP_GOOD:
		finish(check, true);
		return true;
	case CHECK_HTTP_WRONG_STATUS:
		snprintf(check->reason, sizeof(check->reason), "status %u", status);
		finish(check, false);
		return true;
	case CHECK_HTTP_WRONG_MATCH:
		fail_text(check, "text not found in the answer");
		return true;
	case CHECK_HTTP_NOT_HTTP:
		fail_text(check, check->answer_len == 0 ? "closed without an answer"
							: "the answer is not HTTP");
		return true;
	}
	return false;
}

/* All that is there: what TLS has taken from the socket, no event tells of. */
static void http_read(struct check *check)
{
	for (;;) {
		ssize_t n = channel_recv(check, check->answer + check->answer_len,
					 CHECK_HTTP_ANSWER_MAX - check->answer_len);

		if (n == -EAGAIN) {
			watch_for(check, EV_READ);
			return;
		}
		if (n < 0) {
			fail(check, n);
			return;
		}
		check->answer_len += (size_t)n;
		if (http_judge(check, n == 0))
			return;
	}
}

static void dns_read(struct check *check)
{
	uint8_t msg[CHECK_DNS_ANSWER_MAX];

	for (;;) {
		ssize_t n = channel_recv(check, msg, sizeof(msg));

		if (n == -EAGAIN)
			return;
		if (n < 0) {
			fail(check, n);
			return;
		}
		switch (check_dns_judge(&check->spec.dns, check->query_id, msg, (size_t)n,
					check->reason, sizeof(check->reason))) {
		case CHECK_DNS_OTHER:
			break;
		case CHECK_DNS_GOOD:
			finish(check, true);
			return;
		case CHECK_DNS_BAD:
			finish(check, false);
			return;
		}
	}
}

static void request_send(struct check *check)
{
	while (check->sent < check->request_len) {
		ssize_t n = channel_send(check, check->request + check->sent,
					 check->request_len - check->sent);

		if (n == -EAGAIN) {
			watch_for(check, EV_WRITE);
			return;
		}
		if (n < 0) {
			fail(check, n);
			return;
		}
		check->sent += (size_t)n;
	}
	check->stage = READING;
	if (check->spec.type != CHECK_DNS) {
		check->answer = xmalloc(CHECK_HTTP_ANSWER_MAX);
		check->answer_len = 0;
	}
	watch(check, EV_READ);
}

static void handshake(struct check *check)
{
	int err = check_tls_handshake(check->tls, check->reason, sizeof(check->reason));

	if (err == -EAGAIN) {
		watch_for(check, 0);
		return;
	}
	if (err) {
		fail(check, err);
		return;
	}
	check->stage = SENDING;
	request_send(check);
}

/* What the certificate must be for: a host of HTTP may have a port behind it. */
static void tls_begin(struct check *check)
{
	const struct check_spec *spec = &check->spec;
	char name[256], addr[ADDR_TEXT_SIZE];
	size_t len;

	if (spec->server_name) {
		snprintf(name, sizeof(name), "%s", spec->server_name);
	} else if (spec->host) {
		len = strcspn(spec->host, ":");
		snprintf(name, sizeof(name), "%.*s", (int)len, spec->host);
	} else {
		snprintf(name, sizeof(name), "%s", addr_format(&spec->target.addr, addr));
	}
	check->tls = check_tls_new(check->trust, check->fd, name);
	check->stage = HANDSHAKING;
	handshake(check);
}

static void connected(struct check *check)
{
	socklen_t len = sizeof(int);
	int err = 0;

	getsockopt(check->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err) {
		fail_errno(check, err);
		return;
	}
	switch (check->spec.type) {
	case CHECK_TCP:
		finish(check, true);
		return;
	case CHECK_HTTPS:
		tls_begin(check);
		return;
	case CHECK_HTTP:
	case CHECK_DNS:
		check->stage = SENDING;
		request_send(check);
		return;
	}
}

static void on_io(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct check *check = io->data;

	(void)loop;
	(void)revents;
	switch (check->stage) {
	case CONNECTING:
		connected(check);
		return;
	case HANDSHAKING:
		handshake(check);
		return;
	case SENDING:
		request_send(check);
		return;
	case READING:
		if (check->spec.type == CHECK_DNS)
			dns_read(check);
		else
			http_read(check);
		return;
	}
}

static void on_timeout(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct check *check = timer->data;

	(void)loop;
	(void)revents;
	snprintf(check->reason, sizeof(check->reason), "no answer in %u ms",
		 check->spec.timeout_ms);
	finish(check, false);
}

/* 0 or an errno. */
static int connection_open(struct check *check)
{
	int kind = check->spec.type == CHECK_DNS ? SOCK_DGRAM : SOCK_STREAM;
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(&check->spec.target, &ss);
	int on = 1;

	check->fd = socket(ss.ss_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (check->fd < 0)
		return errno;
	if (kind == SOCK_STREAM)
		setsockopt(check->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(check->fd, (struct sockaddr *)&ss, len) != 0 && errno != EINPROGRESS)
		return errno;
	return 0;
}

/* Nobody else can know the number. */
static void query_build(struct check *check)
{
	if (getrandom(&check->query_id, sizeof(check->query_id), 0) < 0)
		check->query_id = (uint16_t)clock_now().ns;
	check->request_len =
		check_dns_query(&check->spec.dns, check->query_id, (uint8_t *)check->request);
}

/* What we lack says nothing of the target: no result, and another try at the next turn. */
static void turn_skip(struct check *check, int err)
{
	char target[ENDPOINT_TEXT_SIZE];

	if (!check->is_starved)
		log_warn("check of %s: cannot look, its verdict stays: %s",
			 endpoint_format(&check->spec.target, target), strerror(err));
	check->is_starved = true;
	connection_close(check);
}

static void begin(struct check *check)
{
	int err;

	check->begun = clock_now();
	check->sent = 0;
	check->stage = CONNECTING;
	if (check->spec.type == CHECK_HTTPS &&
	    !check_trust_renew(check->trusts, &check->trust, check->spec.ca_file, check->reason,
			       sizeof(check->reason))) {
		finish(check, false);
		return;
	}
	if (check->spec.type == CHECK_DNS)
		query_build(check);
	err = connection_open(check);
	if (errno_is_starved(err)) {
		turn_skip(check, err);
		return;
	}
	check->is_starved = false;
	if (err) {
		fail_errno(check, err);
		return;
	}
	watch(check, EV_WRITE);
	ev_timer_set(&check->timeout, check->spec.timeout_ms / 1000.0, 0);
	ev_timer_start(check->loop, &check->timeout);
}

/* ---- the grid ---- */

static void grid_arm(struct check *check)
{
	/* libev counts from its own idea of now, which is as old as this turn of the loop. */
	ev_now_update(check->loop);
	ev_timer_set(&check->grid, instant_wait_s(check->next, clock_now()), 0);
	ev_timer_start(check->loop, &check->grid);
}

static void on_grid(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct check *check = timer->data;
	struct instant now = clock_now();
	int64_t interval = check->spec.interval_ms * NS_PER_MS;

	(void)revents;
	/* A timeout as long as the interval has passed too, only its timer has not come up yet. */
	if (check->fd >= 0) {
		ev_feed_event(loop, &check->timeout, EV_TIMER);
		ev_timer_set(&check->grid, 0, 0);
		ev_timer_start(loop, &check->grid);
		return;
	}
	/* Missed turns, as after a suspend, are not made up for. */
	check->next = instant_after_ns(
		check->next, now.ns > check->next.ns + interval
				     ? (now.ns - check->next.ns) / interval * interval + interval
				     : interval);
	grid_arm(check);
	begin(check);
}

/* SplitMix64: neighbouring seeds give phases that have nothing to do with each other. */
static uint64_t seed_mix(uint64_t seed)
{
	seed += UINT64_C(0x9e3779b97f4a7c15);
	seed = (seed ^ seed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	seed = (seed ^ seed >> 27) * UINT64_C(0x94d049bb133111eb);
	return seed ^ seed >> 31;
}

/* Room for what is sent, and its content unless that is new each time. */
static void request_build(struct check *check)
{
	switch (check->spec.type) {
	case CHECK_TCP:
		return;
	case CHECK_HTTP:
	case CHECK_HTTPS:
		check->request = check_http_request(&check->spec);
		check->request_len = strlen(check->request);
		return;
	case CHECK_DNS:
		check->request = xmalloc(CHECK_DNS_QUERY_MAX);
		return;
	}
}

struct check *check_new(struct ev_loop *loop, struct check_trusts *trusts,
			const struct check_spec *spec, uint64_t seed, check_result_fn *on_result,
			void *ctx)
{
	struct check *check = x_new(struct check);
	int64_t interval = spec->interval_ms * NS_PER_MS;

	check->spec = *spec;
	check->loop = loop;
	check->trusts = trusts;
	check->on_result = on_result;
	check->ctx = ctx;
	check->fd = -1;
	rise_fall_init(&check->verdict, spec->rise, spec->fall);
	request_build(check);
	ev_init(&check->io, on_io);
	ev_init(&check->timeout, on_timeout);
	ev_init(&check->grid, on_grid);
	check->io.data = check->timeout.data = check->grid.data = check;
	check->next = instant_after_ns(clock_now(), (int64_t)(seed_mix(seed) % (uint64_t)interval));
	grid_arm(check);
	return check;
}

void check_rebind(struct check *check, const struct check_spec *spec, void *ctx)
{
	check->spec = *spec;
	check->ctx = ctx;
}

void check_free(struct check *check)
{
	if (!check)
		return;
	connection_close(check);
	ev_timer_stop(check->loop, &check->grid);
	if (check->trusts)
		check_trust_drop(check->trusts, check->trust);
	free(check->request);
	free(check);
}

const struct check_spec *check_spec(const struct check *check)
{
	return &check->spec;
}

enum health check_state(const struct check *check)
{
	return check->verdict.state;
}

int64_t check_change_ms(const struct check *check)
{
	return (int64_t)rise_fall_left(&check->verdict) * check->spec.interval_ms;
}

const char *check_reason(const struct check *check)
{
	return check->reason;
}
