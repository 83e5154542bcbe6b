/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check.c - one check is one connection: connect, for http send and read, then a
 * verdict. The shell of rise_fall and http_head.
 */
#include "lib/check.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/http_head.h"
#include "lib/text.h"
#include "lib/version.h"

#define ANSWER_MAX (HTTP_HEAD_MAX + CHECK_BODY_MAX)

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
	int fd; /* -1 between checks */
	char *request;
	size_t request_len;
	size_t sent;
	char *answer; /* ANSWER_MAX bytes; while reading */
	size_t answer_len;
	char reason[160];
};

/* ---- reading a check ---- */

/* What goes into the request must not be able to end a line in it. */
static bool is_visible(const char *s)
{
	for (; *s; s++) {
		if (!isgraph((unsigned char)*s))
			return false;
	}
	return true;
}

void check_question_load(const struct conf *object, struct check_spec *spec)
{
	const struct conf path = conf_get(object, "path");
	const struct conf host = conf_get(object, "host");
	const struct conf match = conf_get(object, "match");

	spec->path = conf_string(object, "path", spec->path ? spec->path : "/");
	if (spec->path[0] != '/' || !is_visible(spec->path))
		conf_fail(&path, "'%.60s' is not a path such as /healthz", spec->path);
	spec->host = conf_string(object, "host", spec->host);
	if (spec->host && (!spec->host[0] || !is_visible(spec->host)))
		conf_fail(&host, "'%.60s' is not a host", spec->host);
	spec->match = conf_string(object, "match", spec->match);
	if (spec->match && (!spec->match[0] || strlen(spec->match) > 256))
		conf_fail(&match, "a text to look for has 1 to 256 bytes");
}

void check_spec_load(const struct conf *object, const struct addr *target, struct check_spec *out)
{
	static const char *const types[] = { "tcp", "http", NULL };
	struct check_spec spec = { 0 };

	spec.type = (enum check_type)conf_choice(object, "type", types, CONF_REQUIRED);
	if (spec.type == CHECK_HTTP) {
		CONF_KEYS(object, "type", "address", "port", "interval_ms", "timeout_ms", "rise",
			  "fall", "path", "host", "status", "match");
		check_question_load(object, &spec);
		spec.status = (unsigned)conf_int(object, "status", 200, 599, 200);
	} else {
		CONF_KEYS(object, "type", "address", "port", "interval_ms", "timeout_ms", "rise",
			  "fall");
	}
	if (target && !conf_has(object, "address"))
		spec.target.addr = *target;
	else
		spec.target.addr = conf_addr(object, "address");
	spec.target.port = (uint16_t)conf_int(object, "port", 1, 65535, CONF_REQUIRED);
	spec.interval_ms = (unsigned)conf_int(object, "interval_ms", 50, 3600000, 1000);
	spec.timeout_ms = (unsigned)conf_int(object, "timeout_ms", 10, spec.interval_ms,
					     spec.interval_ms < 1000 ? spec.interval_ms : 1000);
	spec.rise = (unsigned)conf_int(object, "rise", 1, 100, 2);
	spec.fall = (unsigned)conf_int(object, "fall", 1, 100, 3);
	*out = spec;
}

bool check_spec_equal(const struct check_spec *a, const struct check_spec *b)
{
	return a->type == b->type && addr_equal(&a->target.addr, &b->target.addr) &&
	       a->target.port == b->target.port && text_equal(a->path, b->path) &&
	       text_equal(a->host, b->host) && a->status == b->status &&
	       text_equal(a->match, b->match) && a->interval_ms == b->interval_ms &&
	       a->timeout_ms == b->timeout_ms && a->rise == b->rise && a->fall == b->fall;
}

/* ---- one check ---- */

static void connection_close(struct check *check)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	ev_timer_stop(check->loop, &check->timeout);
	ev_io_stop(check->loop, &check->io);
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

enum progress { READ_ON, GOOD, WRONG_MATCH, WRONG_STATUS, NOT_HTTP };

/* Is the text within the body as far as it is there? Pure. */
static enum progress body_judge(const char *match, const struct http_head *head, const char *body,
				size_t len, bool eof)
{
	enum http_head_result framing = HTTP_HEAD_MORE;
	char *data = NULL;
	bool found;

	if (head->has_length && len >= head->content_length) {
		len = head->content_length;
		framing = HTTP_HEAD_DONE;
	}
	if (head->chunked) {
		data = xmalloc(len);
		framing = http_chunked_decode(body, len, data, &len);
		body = data;
	}
	if (len >= CHECK_BODY_MAX) {
		len = CHECK_BODY_MAX;
		framing = HTTP_HEAD_DONE;
	}
	found = memmem(body, len, match, strlen(match)) != NULL;
	free(data);
	if (found)
		return GOOD;
	if (framing == HTTP_HEAD_BAD)
		return NOT_HTTP;
	return framing == HTTP_HEAD_DONE || eof ? WRONG_MATCH : READ_ON;
}

/* What the bytes so far say. Pure. */
static enum progress answer_judge(const struct check_spec *spec, const char *answer, size_t len,
				  bool eof, unsigned *status)
{
	struct http_head head;

	switch (http_head_parse(&head, answer, len)) {
	case HTTP_HEAD_MORE:
		return eof ? NOT_HTTP : READ_ON;
	case HTTP_HEAD_BAD:
		return NOT_HTTP;
	case HTTP_HEAD_DONE:
		break;
	}
	*status = head.status;
	if (head.status != spec->status)
		return WRONG_STATUS;
	if (!spec->match)
		return GOOD;
	return body_judge(spec->match, &head, answer + head.body_offset, len - head.body_offset,
			  eof || len == ANSWER_MAX);
}

static void answer_read(struct check *check)
{
	ssize_t n = recv(check->fd, check->answer + check->answer_len,
			 ANSWER_MAX - check->answer_len, 0);
	unsigned status = 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		fail_errno(check, errno);
		return;
	}
	check->answer_len += (size_t)n;
	switch (answer_judge(&check->spec, check->answer, check->answer_len, n == 0, &status)) {
	case READ_ON:
		return;
	case GOOD:
		finish(check, true);
		return;
	case WRONG_STATUS:
		snprintf(check->reason, sizeof(check->reason), "status %u", status);
		finish(check, false);
		return;
	case WRONG_MATCH:
		fail_text(check, "text not found in the answer");
		return;
	case NOT_HTTP:
		fail_text(check, check->answer_len == 0 ? "closed without an answer"
							: "the answer is not HTTP");
		return;
	}
}

static void request_send(struct check *check)
{
	ssize_t n = send(check->fd, check->request + check->sent, check->request_len - check->sent,
			 MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		fail_errno(check, errno);
		return;
	}
	check->sent += (size_t)n;
	if (check->sent < check->request_len)
		return;
	check->answer = xmalloc(ANSWER_MAX);
	check->answer_len = 0;
	ev_io_stop(check->loop, &check->io);
	ev_io_set(&check->io, check->fd, EV_READ);
	ev_io_start(check->loop, &check->io);
}

static void on_io(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct check *check = io->data;
	socklen_t len = sizeof(int);
	int err = 0;

	(void)loop;
	if (revents & EV_READ) {
		answer_read(check);
		return;
	}
	if (check->sent == 0)
		getsockopt(check->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err)
		fail_errno(check, err);
	else if (check->spec.type == CHECK_TCP)
		finish(check, true);
	else
		request_send(check);
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
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(&check->spec.target, &ss);
	int on = 1;

	check->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (check->fd < 0)
		return errno;
	setsockopt(check->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(check->fd, (struct sockaddr *)&ss, len) != 0 && errno != EINPROGRESS)
		return errno;
	return 0;
}

static void begin(struct check *check)
{
	int err;

	check->begun = clock_now();
	check->sent = 0;
	err = connection_open(check);
	if (err) {
		fail_errno(check, err);
		return;
	}
	ev_io_set(&check->io, check->fd, EV_WRITE);
	ev_io_start(check->loop, &check->io);
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

static void request_build(struct check *check)
{
	const struct check_spec *spec = &check->spec;
	char text[ENDPOINT_TEXT_SIZE];

	check->request = xasprintf("GET %s HTTP/1.1\r\n"
				   "Host: %s\r\n"
				   "User-Agent: catchment/%s\r\n"
				   "Connection: close\r\n\r\n",
				   spec->path,
				   spec->host ? spec->host : endpoint_format(&spec->target, text),
				   version_number());
	check->request_len = strlen(check->request);
}

/* SplitMix64: neighbouring seeds give phases that have nothing to do with each other. */
static uint64_t seed_mix(uint64_t seed)
{
	seed += UINT64_C(0x9e3779b97f4a7c15);
	seed = (seed ^ seed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	seed = (seed ^ seed >> 27) * UINT64_C(0x94d049bb133111eb);
	return seed ^ seed >> 31;
}

struct check *check_new(struct ev_loop *loop, const struct check_spec *spec, uint64_t seed,
			check_result_fn *on_result, void *ctx)
{
	struct check *check = x_new(struct check);
	int64_t interval = spec->interval_ms * NS_PER_MS;

	check->spec = *spec;
	check->loop = loop;
	check->on_result = on_result;
	check->ctx = ctx;
	check->fd = -1;
	rise_fall_init(&check->verdict, spec->rise, spec->fall);
	if (spec->type == CHECK_HTTP)
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

const char *check_reason(const struct check *check)
{
	return check->reason;
}
