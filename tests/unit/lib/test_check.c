/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks against a listener on loopback that lives in the same loop. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/check.h"
#include "lib/conf.h"
#include "lib/listen.h"

#define CONNS_MAX   16
#define RESULTS_MAX 16

struct conn {
	struct ev_io io;
	struct ev_timer pace;
	const char *rest; /* of the answer, not sent yet */
	struct origin *origin;
	int error; /* that reading ended with, 0 for a proper end */
};

/* Answers what it is told, then closes the connection or leaves it open. */
struct origin {
	struct ev_loop *loop;
	struct ev_io io;
	struct endpoint at;
	const char *answer; /* NULL: none */
	size_t piece;	    /* bytes that go out at once, a millisecond apart */
	bool hold;
	char request[512];
	struct conn conns[CONNS_MAX];
	int conns_count, ended_count;
};

struct results {
	struct ev_loop *loop;
	int wanted, count;
	struct check_result list[RESULTS_MAX];
	char reason[160];
	bool free_check;
};

static void on_pace(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct conn *conn = timer->data;
	struct origin *o = conn->origin;
	size_t len = strnlen(conn->rest, o->piece);

	(void)revents;
	if (len > 0)
		cr_expect_eq(send(conn->io.fd, conn->rest, len, MSG_NOSIGNAL), (ssize_t)len);
	conn->rest += len;
	if (*conn->rest)
		return;
	ev_timer_stop(loop, timer);
	if (o->answer && !o->hold)
		shutdown(conn->io.fd, SHUT_WR);
}

static void on_conn(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct conn *conn = io->data;
	struct origin *o = conn->origin;
	ssize_t n = recv(io->fd, o->request, sizeof(o->request) - 1, 0);

	(void)revents;
	if (n <= 0) {
		conn->error = n < 0 ? errno : 0;
		o->ended_count++;
		ev_io_stop(loop, io);
		ev_timer_stop(loop, &conn->pace);
		close(io->fd);
		return;
	}
	o->request[n] = '\0';
	conn->rest = o->answer ? o->answer : "";
	ev_timer_set(&conn->pace, 0, 0.001);
	ev_timer_start(loop, &conn->pace);
}

static void on_accept(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct origin *o = io->data;
	int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct conn *conn;

	(void)revents;
	/* A check that has been reset before it was taken. */
	if (fd < 0)
		return;
	cr_assert_lt(o->conns_count, CONNS_MAX);
	conn = &o->conns[o->conns_count++];
	conn->origin = o;
	ev_io_init(&conn->io, on_conn, fd, EV_READ);
	conn->io.data = conn;
	ev_init(&conn->pace, on_pace);
	conn->pace.data = conn;
	ev_io_start(loop, &conn->io);
}

static void origin_start(struct origin *o, struct ev_loop *loop)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd;

	memset(o, 0, sizeof(*o));
	o->loop = loop;
	o->piece = SIZE_MAX;
	cr_assert(addr_parse(&o->at.addr, "127.0.0.1"));
	fd = listen_tcp(&o->at);
	cr_assert_geq(fd, 0);
	getsockname(fd, (struct sockaddr *)&ss, &len);
	endpoint_from_sockaddr(&o->at, (struct sockaddr *)&ss);
	ev_io_init(&o->io, on_accept, fd, EV_READ);
	o->io.data = o;
	ev_io_start(loop, &o->io);
}

static void origin_stop(struct origin *o)
{
	ev_io_stop(o->loop, &o->io);
	close(o->io.fd);
	for (int i = 0; i < o->conns_count; i++) {
		if (ev_is_active(&o->conns[i].io)) {
			ev_io_stop(o->loop, &o->conns[i].io);
			ev_timer_stop(o->loop, &o->conns[i].pace);
			close(o->conns[i].io.fd);
		}
	}
}

static void on_result(void *ctx, struct check *check, const struct check_result *result)
{
	struct results *r = ctx;

	cr_assert_lt(r->count, RESULTS_MAX);
	snprintf(r->reason, sizeof(r->reason), "%s", result->reason);
	cr_expect_str_eq(check_reason(check), result->reason);
	cr_expect_eq(check_state(check), result->state);
	r->list[r->count++] = *result;
	if (r->free_check)
		check_free(check);
	if (r->count >= r->wanted)
		ev_break(r->loop, EVBREAK_ALL);
}

static void on_deadline(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	(void)timer;
	(void)revents;
	ev_break(loop, EVBREAK_ALL);
}

/* Run until so many results are there, for 5 s at most. */
static void run(struct results *r, int wanted)
{
	struct ev_timer deadline;

	r->wanted = wanted;
	ev_timer_init(&deadline, on_deadline, 5, 0);
	ev_timer_start(r->loop, &deadline);
	ev_run(r->loop, 0);
	ev_timer_stop(r->loop, &deadline);
	cr_expect_eq(r->count, wanted, "%d results instead of %d", r->count, wanted);
}

static struct check_spec http_spec(const struct origin *o)
{
	return (struct check_spec){ .type = CHECK_HTTP,
				    .target = o->at,
				    .path = "/healthz",
				    .host = "web.test",
				    .status = 200,
				    .interval_ms = 50,
				    .timeout_ms = 50,
				    .rise = 1,
				    .fall = 1 };
}

#define OK "HTTP/1.1 200 OK\r\n"

Test(check, http)
{
	/* clang-format off */
	static const struct {
		const char *what, *answer, *match;
		bool hold;
		const char *reason; /* "": success */
	} rows[] = {
		{ "status is enough",     OK "Content-Length: 99\r\n\r\n", NULL, true, "" },
		{ "other status",         "HTTP/1.1 503 No\r\n\r\n", NULL, true, "status 503" },
		{ "text found",           OK "Content-Length: 4\r\n\r\na ok", "ok", true, "" },
		{ "found before the end", OK "Content-Length: 99\r\n\r\na ok", "ok", true, "" },
		{ "text behind the body", OK "Content-Length: 2\r\n\r\na ok", "ok", true, "text not found in the answer" },
		{ "text only in head",    OK "X: ok\r\nContent-Length: 1\r\n\r\na", "ok", true, "text not found in the answer" },
		{ "body till the end",    OK "\r\nall is well", "ok", false, "text not found in the answer" },
		{ "across chunks",        OK "Transfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", "ok", true, "" },
		{ "chunks without it",    OK "Transfer-Encoding: chunked\r\n\r\n1\r\no\r\n0\r\n\r\n", "ok", true, "text not found in the answer" },
		{ "broken chunks",        OK "Transfer-Encoding: chunked\r\n\r\nx", "ok", false, "text not found in the answer" },
		{ "interim first",        "HTTP/1.1 100 Continue\r\n\r\n" OK "\r\n", NULL, true, "" },
		{ "not HTTP",             "SSH-2.0-x\r\n", NULL, true, "the answer is not HTTP" },
		{ "half a head",          OK "X: ", NULL, false, "the answer is not HTTP" },
		{ "closed at once",       "", NULL, false, "closed without an answer" },
		{ "silent",               NULL, NULL, true, "no answer in 50 ms" },
		{ "text never comes",     OK "\r\nabc", "ok", true, "no answer in 50 ms" },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
		struct results r = { .loop = loop };
		struct check_spec spec;
		struct check *check;
		struct origin o;

		origin_start(&o, loop);
		o.answer = rows[i].answer;
		o.hold = rows[i].hold;
		spec = http_spec(&o);
		spec.match = rows[i].match;
		check = check_new(loop, NULL, &spec, i, on_result, &r);
		cr_expect_eq(check_state(check), HEALTH_UNKNOWN);
		run(&r, 1);
		cr_expect_str_eq(r.reason, rows[i].reason, "%s: %s", rows[i].what, r.reason);
		cr_expect_eq(r.list[0].success, rows[i].reason[0] == '\0', "%s", rows[i].what);
		cr_expect(r.list[0].changed, "%s: the first result decides", rows[i].what);
		check_free(check);
		origin_stop(&o);
		ev_loop_destroy(loop);
	}
}

Test(check, http_request_and_answer_in_pieces)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct results r = { .loop = loop };
	struct check_spec spec;
	struct check *check;
	struct origin o;

	origin_start(&o, loop);
	o.answer = OK "\r\nok";
	o.piece = 3;
	spec = http_spec(&o);
	spec.match = "ok";
	spec.interval_ms = spec.timeout_ms = 1000;
	check = check_new(loop, NULL, &spec, 2, on_result, &r);
	run(&r, 1);
	cr_expect_str_eq(r.reason, "");
	cr_expect_eq(strncmp(o.request, "GET /healthz HTTP/1.1\r\nHost: web.test\r\n", 39), 0, "%s",
		     o.request);
	check_free(check);
	origin_stop(&o);
	ev_loop_destroy(loop);
}

/* Until the origin has seen so many connections end. */
static void ends_await(struct origin *o, int count)
{
	for (int i = 0; o->ended_count < count && i < 1000; i++)
		ev_run(o->loop, EVRUN_NOWAIT);
}

Test(check, tcp_accepted_then_refused)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct results r = { .loop = loop };
	struct check_spec spec = { .interval_ms = 50, .timeout_ms = 50, .rise = 1, .fall = 2 };
	struct check *check;
	struct origin o;

	origin_start(&o, loop);
	spec.target = o.at;
	check = check_new(loop, NULL, &spec, 7, on_result, &r);
	run(&r, 2);
	cr_expect_str_eq(r.reason, "");
	cr_expect_eq(r.list[0].state, HEALTH_UP);
	cr_expect(!r.list[1].changed);
	ends_await(&o, 2);
	/* Reset, not closed: nothing stays in TIME_WAIT. */
	cr_expect_eq(o.conns[0].error, ECONNRESET);
	origin_stop(&o);
	run(&r, 4);
	cr_expect_str_eq(r.reason, "connection refused");
	cr_expect_eq(r.list[2].state, HEALTH_UP, "one failure is not enough");
	cr_expect_eq(r.list[3].state, HEALTH_DOWN);
	cr_expect(r.list[3].changed);
	check_free(check);
	ev_loop_destroy(loop);
}

static void on_rest_over(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	(void)timer;
	(void)revents;
	ev_break(loop, EVBREAK_ALL);
}

/* So that no descriptor is left, for so long. */
static void starve(struct ev_loop *loop, double seconds)
{
	struct rlimit before, none;
	struct ev_timer rest;
	int lowest = dup(0);

	close(lowest);
	getrlimit(RLIMIT_NOFILE, &before);
	none = (struct rlimit){ (rlim_t)lowest, before.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	ev_timer_init(&rest, on_rest_over, seconds, 0);
	ev_timer_start(loop, &rest);
	ev_run(loop, 0);
	setrlimit(RLIMIT_NOFILE, &before);
}

/* With fall 1 a single failure would be a verdict; three turns fall into the time without. */
Test(check, nobody_is_down_because_we_lack_descriptors)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct results r = { .loop = loop };
	struct check_spec spec = { .interval_ms = 50, .timeout_ms = 50, .rise = 1, .fall = 1 };
	struct check *check;
	struct origin o;

	origin_start(&o, loop);
	spec.target = o.at;
	check = check_new(loop, NULL, &spec, 7, on_result, &r);
	run(&r, 2);
	/* Or the origin gives descriptors back meanwhile. */
	ends_await(&o, 2);
	starve(loop, 0.17);
	cr_expect_eq(r.count, 2);
	run(&r, 3);
	for (int i = 0; i < r.count; i++)
		cr_expect(r.list[i].success, "result %d: %s", i, r.reason);
	cr_expect_gt(r.list[2].at.ns - r.list[1].at.ns, 150 * NS_PER_MS);
	check_free(check);
	origin_stop(&o);
	ev_loop_destroy(loop);
}

/* How many of eight checks began off the grid; each takes its whole timeout. */
static int count_off_grid(struct ev_loop *loop, unsigned timeout_ms)
{
	struct results r = { .loop = loop };
	struct check_spec spec;
	struct check *check;
	struct origin o;
	int64_t first;
	int count = 0;

	origin_start(&o, loop);
	spec = http_spec(&o);
	spec.interval_ms = 60;
	spec.timeout_ms = timeout_ms;
	check = check_new(loop, NULL, &spec, 3, on_result, &r);
	run(&r, 8);
	first = r.list[0].at.ns - r.list[0].latency_us * NS_PER_US;
	for (int i = 0; i < r.count; i++) {
		int64_t begun = r.list[i].at.ns - r.list[i].latency_us * NS_PER_US;

		count += llabs(begun - first - i * 60 * NS_PER_MS) >= 30 * NS_PER_MS;
		cr_expect_geq(r.list[i].latency_us, ((int64_t)timeout_ms - 30) * 1000);
	}
	check_free(check);
	origin_stop(&o);
	return count;
}

/* A grid that waited for the answers would drift by 40 ms a check, each time; a machine that stands
 * still is late once.
 */
Test(check, grid_does_not_drift)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);

	for (unsigned timeout_ms = 40; timeout_ms <= 60; timeout_ms += 20) {
		int off = 1;

		for (int i = 0; i < 5 && off > 0; i++)
			off = count_off_grid(loop, timeout_ms);
		cr_expect_eq(off, 0, "timeout %u ms: %d checks off", timeout_ms, off);
	}
	ev_loop_destroy(loop);
}

Test(check, freed_by_its_own_result)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct origin o;

	origin_start(&o, loop);
	for (int row = 0; row < 3; row++) {
		struct results r = { .loop = loop, .free_check = true };
		struct check_spec spec = http_spec(&o);

		o.answer = row == 0 ? OK "\r\n" : NULL;
		if (row == 2)
			spec.target.port = 1;
		check_new(loop, NULL, &spec, 1, on_result, &r);
		run(&r, 1);
		cr_expect_eq(r.list[0].success, row == 0, "%s", r.reason);
	}
	origin_stop(&o);
	ev_loop_destroy(loop);
}

Test(check, load)
{
	/* clang-format off */
	static const struct { const char *json, *wrong; } rows[] = {
		{ "{\"type\":\"tcp\",\"port\":80}", NULL },
		{ "{\"type\":\"http\",\"port\":80,\"path\":\"/x\",\"status\":204,\"match\":\"ok\",\"host\":\"h\"}", NULL },
		{ "{\"type\":\"tcp\",\"port\":80,\"address\":\"2001:db8::1\",\"interval_ms\":50,\"timeout_ms\":50,\"rise\":1,\"fall\":1}", NULL },
		{ "{\"port\":80}", "type: required" },
		{ "{\"type\":\"icmp\",\"port\":80}", "type: unknown value 'icmp'" },
		{ "{\"type\":\"tcp\"}", "port: required" },
		{ "{\"type\":\"tcp\",\"port\":0}", "port: 0 is not between 1 and 65535" },
		{ "{\"type\":\"tcp\",\"port\":80,\"path\":\"/\"}", "path: unknown key" },
		{ "{\"type\":\"tcp\",\"port\":80,\"address\":\"x\"}", "address: 'x' is not an IP address" },
		{ "{\"type\":\"tcp\",\"port\":80,\"interval_ms\":49}", "interval_ms: 49 is not between 50 and 3600000" },
		{ "{\"type\":\"tcp\",\"port\":80,\"interval_ms\":500,\"timeout_ms\":501}", "timeout_ms: 501 is not between 10 and 500" },
		{ "{\"type\":\"http\",\"port\":80,\"path\":\"x\"}", "path: 'x' is not a path such as /healthz" },
		{ "{\"type\":\"http\",\"port\":80,\"path\":\"/ HTTP/1.1\\r\\nX: y\"}", "path: '/ HTTP/1.1\r\nX: y' is not a path such as /healthz" },
		{ "{\"type\":\"http\",\"port\":80,\"host\":\"a b\"}", "host: 'a b' is not a host" },
		{ "{\"type\":\"http\",\"port\":80,\"match\":\"\"}", "match: a text to look for has 1 to 256 bytes" },
		{ "{\"type\":\"http\",\"port\":80,\"fall\":0}", "fall: 0 is not between 1 and 100" },
		{ "{\"type\":\"https\"}", NULL },
		{ "{\"type\":\"https\",\"port\":8443,\"match\":\"ok\",\"ca_file\":\"/etc/passwd\",\"server_name\":\"web.test\"}", NULL },
		{ "{\"type\":\"https\",\"ca_file\":\"ca.pem\"}", "ca_file: 'ca.pem' is not an absolute path" },
		{ "{\"type\":\"https\",\"ca_file\":\"/nowhere/ca.pem\"}", "ca_file: /nowhere/ca.pem: No such file or directory" },
		{ "{\"type\":\"https\",\"server_name\":\"\"}", "server_name: '' is not a name" },
		{ "{\"type\":\"http\",\"port\":80,\"ca_file\":\"/x\"}", "ca_file: unknown key" },
		{ "{\"type\":\"dns\",\"name\":\"www.test\"}", NULL },
		{ "{\"type\":\"dns\",\"name\":\"www.test\",\"query_type\":\"AAAA\",\"answer\":\"2001:db8::1\"}", NULL },
		{ "{\"type\":\"dns\",\"name\":\"www.test\",\"rcode\":\"REFUSED\"}", NULL },
		{ "{\"type\":\"dns\"}", "name: required" },
		{ "{\"type\":\"dns\",\"name\":\"a..b\"}", "name: 'a..b' is not a domain name" },
		{ "{\"type\":\"dns\",\"name\":\"a\",\"query_type\":\"X\"}", "query_type: unknown type 'X'" },
		{ "{\"type\":\"dns\",\"name\":\"a\",\"rcode\":\"X\"}", "rcode: unknown rcode 'X'" },
		{ "{\"type\":\"dns\",\"name\":\"a\",\"answer\":\"2001:db8::1\"}", "answer: is not of type A" },
		{ "{\"type\":\"dns\",\"name\":\"a\",\"rcode\":\"REFUSED\",\"answer\":\"192.0.2.1\"}", "answer: means nothing with rcode REFUSED" },
		{ "{\"type\":\"dns\",\"name\":\"a\",\"path\":\"/\"}", "path: unknown key" },
	};
	/* clang-format on */
	struct addr target;
	char buf[400];

	cr_assert(addr_parse(&target, "192.0.2.7"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_error err = { 0 };
		json_t *json = conf_read_text(rows[i].json, strlen(rows[i].json), &err);
		const struct conf root = conf_root(json, &err);
		struct check_spec spec;

		check_spec_load(&root, &target, &spec);
		cr_expect_str_eq(conf_error_format(&err, buf, sizeof(buf)),
				 rows[i].wrong ? rows[i].wrong : "");
		json_decref(json);
	}
}

Test(check, load_defaults)
{
	const char *text = "{\"type\":\"http\",\"port\":80,\"interval_ms\":500}";
	struct conf_error err = { 0 };
	json_t *json = conf_read_text(text, strlen(text), &err);
	const struct conf root = conf_root(json, &err);
	struct check_spec spec;
	struct addr target;

	cr_assert(addr_parse(&target, "192.0.2.7"));
	check_spec_load(&root, &target, &spec);
	cr_expect(!err.set);
	cr_expect(addr_equal(&spec.target.addr, &target));
	cr_expect_eq(spec.target.port, 80);
	cr_expect_str_eq(spec.path, "/");
	cr_expect_null(spec.host);
	cr_expect_null(spec.match);
	cr_expect_eq(spec.status, 200);
	cr_expect_eq(spec.timeout_ms, 500);
	cr_expect(spec.rise == 2 && spec.fall == 3);
	/* Without a default the address must be there. */
	check_spec_load(&root, NULL, &spec);
	cr_expect_str_eq(err.path, "address");
	cr_expect_str_eq(err.reason, "required");
	json_decref(json);
}

/* Its owner has another configuration with the same check in it. */
Test(check, goes_on_under_another_owner)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct results first = { .loop = loop }, second = { .loop = loop };
	char match[] = "yes", path[] = "/healthz", *copy;
	struct check_spec spec, again;
	struct origin o;
	struct check *check;

	origin_start(&o, loop);
	o.answer = OK "Content-Length: 3\r\n\r\nyes";
	spec = http_spec(&o);
	spec.path = path;
	spec.match = copy = strdup(match);
	again = spec;
	again.match = match;
	cr_expect(check_spec_equal(&spec, &again), "by what they say");
	check = check_new(loop, NULL, &spec, 0, on_result, &first);
	run(&first, 1);
	check_rebind(check, &again, &second);
	memset(copy, 'x', 3);
	free(copy);
	run(&second, 2);
	cr_expect_eq(first.count, 1);
	cr_expect(second.list[1].success);
	cr_expect_not(second.list[0].changed, "its verdict is that of before");
	again.match = NULL;
	cr_expect_not(check_spec_equal(check_spec(check), &again));
	check_free(check);
	origin_stop(&o);
	ev_loop_destroy(loop);
}
