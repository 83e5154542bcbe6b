/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <ev.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/check.h"
#include "lib/wire.h"

#define ID		0x1234
#define NAME		"\x03www\x04test"
#define A(octets)	"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04" octets
#define CNAME		"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x02\xc0\x10"
#define ANSWER(records) records, sizeof(records) - 1

struct message {
	uint16_t id, flags, questions, answers;
	const char *name;
	size_t name_len;
	uint16_t type;
	const char *records;
	size_t records_len;
};

static size_t message_write(const struct message *m, uint8_t *out, size_t size)
{
	struct wire_writer w = wire_writer(out, size);

	wire_put_u16(&w, m->id);
	wire_put_u16(&w, m->flags);
	wire_put_u16(&w, m->questions);
	wire_put_u16(&w, m->answers);
	wire_put_u16(&w, 0);
	wire_put_u16(&w, 0);
	if (m->questions > 0) {
		wire_put_bytes(&w, m->name, m->name_len);
		wire_put_u16(&w, m->type);
		wire_put_u16(&w, 1);
	}
	wire_put_bytes(&w, m->records, m->records_len);
	return wire_written(&w);
}

static struct check_dns_spec spec_of(const char *answer, uint8_t rcode)
{
	struct check_dns_spec spec = { .name = "www.test", .type = 1, .rcode = rcode };

	if (answer)
		cr_assert(addr_parse(&spec.answer, answer));
	return spec;
}

/* clang-format off */
static const struct {
	const char *what;
	struct message m;
	const char *answer;
	uint8_t rcode;
	enum check_dns_verdict verdict;
	const char *reason;
} rows[] = {
	{ "an address",      { ID, 0x8400, 1, 1, NAME, 10, 1, ANSWER(A("\xc0\0\2\1")) }, NULL, 0, CHECK_DNS_GOOD, "" },
	{ "the address",     { ID, 0x8400, 1, 1, NAME, 10, 1, ANSWER(A("\xc0\0\2\1")) }, "192.0.2.1", 0, CHECK_DNS_GOOD, "" },
	{ "among others",    { ID, 0x8400, 1, 2, NAME, 10, 1, ANSWER(A("\xc0\0\2\7") A("\xc0\0\2\1")) }, "192.0.2.1", 0, CHECK_DNS_GOOD, "" },
	{ "another one",     { ID, 0x8400, 1, 1, NAME, 10, 1, ANSWER(A("\xc0\0\2\7")) }, "192.0.2.1", 0, CHECK_DNS_BAD, "192.0.2.1 is not in the answer" },
	{ "behind a CNAME",  { ID, 0x8400, 1, 2, NAME, 10, 1, ANSWER(CNAME A("\xc0\0\2\1")) }, "192.0.2.1", 0, CHECK_DNS_GOOD, "" },
	{ "CNAME only",      { ID, 0x8400, 1, 1, NAME, 10, 1, ANSWER(CNAME) }, NULL, 0, CHECK_DNS_BAD, "no record of type A" },
	{ "no data",         { ID, 0x8400, 1, 0, NAME, 10, 1, "", 0 }, NULL, 0, CHECK_DNS_BAD, "no record of type A" },
	{ "truncated",       { ID, 0x8600, 1, 0, NAME, 10, 1, "", 0 }, NULL, 0, CHECK_DNS_BAD, "the answer is truncated" },
	{ "other case",      { ID, 0x8400, 1, 1, "\3WWW\4tEst", 10, 1, ANSWER(A("\xc0\0\2\1")) }, NULL, 0, CHECK_DNS_GOOD, "" },
	{ "NXDOMAIN",        { ID, 0x8403, 1, 0, NAME, 10, 1, "", 0 }, NULL, 0, CHECK_DNS_BAD, "rcode NXDOMAIN" },
	{ "NXDOMAIN wanted", { ID, 0x8403, 1, 0, NAME, 10, 1, "", 0 }, NULL, 3, CHECK_DNS_GOOD, "" },
	{ "SERVFAIL",        { ID, 0x8002, 1, 0, NAME, 10, 1, "", 0 }, NULL, 0, CHECK_DNS_BAD, "rcode SERVFAIL" },
	{ "without question", { ID, 0x8001, 0, 0, NAME, 10, 1, "", 0 }, NULL, 0, CHECK_DNS_BAD, "rcode 1" },
	{ "odd rcode",       { ID, 0x840b, 1, 0, NAME, 10, 1, "", 0 }, NULL, 0, CHECK_DNS_BAD, "rcode 11" },
	{ "REFUSED wanted",  { ID, 0x8400, 1, 1, NAME, 10, 1, ANSWER(A("\xc0\0\2\1")) }, NULL, 5, CHECK_DNS_BAD, "rcode NOERROR" },
	{ "other ID",        { ID + 1, 0x8400, 1, 1, NAME, 10, 1, ANSWER(A("\xc0\0\2\1")) }, NULL, 0, CHECK_DNS_OTHER, "" },
	{ "a query",         { ID, 0x0400, 1, 1, NAME, 10, 1, ANSWER(A("\xc0\0\2\1")) }, NULL, 0, CHECK_DNS_OTHER, "" },
	{ "other name",      { ID, 0x8400, 1, 1, "\3www\4text", 10, 1, ANSWER(A("\xc0\0\2\1")) }, NULL, 0, CHECK_DNS_OTHER, "" },
	{ "other type",      { ID, 0x8400, 1, 1, NAME, 10, 28, ANSWER(A("\xc0\0\2\1")) }, NULL, 0, CHECK_DNS_OTHER, "" },
	{ "no question",     { ID, 0x8400, 0, 0, NAME, 10, 1, "", 0 }, NULL, 0, CHECK_DNS_OTHER, "" },
	{ "a record less",   { ID, 0x8400, 1, 2, NAME, 10, 1, ANSWER(A("\xc0\0\2\7")) }, NULL, 0, CHECK_DNS_BAD, "the answer is malformed" },
	{ "something behind", { ID, 0x8400, 1, 1, NAME, 10, 1, ANSWER(A("\xc0\0\2\7") "x") }, NULL, 0, CHECK_DNS_BAD, "the answer is malformed" },
};
/* clang-format on */

Test(check_dns, judged)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_dns_spec spec = spec_of(rows[i].answer, rows[i].rcode);
		uint8_t msg[512];
		size_t len = message_write(&rows[i].m, msg, sizeof(msg));
		char reason[160] = "";
		enum check_dns_verdict verdict =
			check_dns_judge(&spec, ID, msg, len, reason, sizeof(reason));

		cr_expect_eq(verdict, rows[i].verdict, "%s: %d", rows[i].what, verdict);
		cr_expect_str_eq(reason, rows[i].reason, "%s: %s", rows[i].what, reason);
	}
}

Test(check_dns, every_shorter_answer_is_none)
{
	struct check_dns_spec spec = spec_of("192.0.2.1", 0);
	char reason[160];
	uint8_t msg[512];
	size_t len = message_write(&rows[2].m, msg, sizeof(msg));

	cr_assert_eq(check_dns_judge(&spec, ID, msg, len, reason, sizeof(reason)), CHECK_DNS_GOOD);
	for (size_t n = 0; n < len; n++) {
		uint8_t *copy = malloc(n + 1);

		memcpy(copy, msg, n);
		cr_expect_neq(check_dns_judge(&spec, ID, copy, n, reason, sizeof(reason)),
			      CHECK_DNS_GOOD, "%zu octets", n);
		free(copy);
	}
}

Test(check_dns, query)
{
	static const uint8_t wanted[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0\3www\4test\0\0\1\0\1";
	struct check_dns_spec spec = spec_of(NULL, 0), bad = { .name = "a..b", .type = 1 };
	uint8_t query[CHECK_DNS_QUERY_MAX];

	cr_assert_eq(check_dns_query(&spec, ID, query), sizeof(wanted) - 1);
	cr_expect_arr_eq(query, wanted, sizeof(wanted) - 1);
	cr_expect_eq(check_dns_query(&bad, ID, query), 0);
}

/* ---- over a socket ---- */

struct server {
	struct ev_io io;
	struct ev_loop *loop;
	int count, wanted;
	bool success;
	char reason[160];
};

/* First an answer to somebody else's query, then the right one. */
static void on_query(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct message m = rows[0].m;
	struct sockaddr_storage peer;
	socklen_t peer_len = sizeof(peer);
	uint8_t query[512], msg[512];
	size_t len;

	(void)loop;
	(void)events;
	cr_assert_gt(recvfrom(io->fd, query, sizeof(query), 0, (struct sockaddr *)&peer, &peer_len),
		     12);
	for (int other = 1; other >= 0; other--) {
		m.id = (uint16_t)((query[0] << 8 | query[1]) + other);
		len = message_write(&m, msg, sizeof(msg));
		sendto(io->fd, msg, len, 0, (struct sockaddr *)&peer, peer_len);
	}
}

static void on_result(void *ctx, struct check *check, const struct check_result *result)
{
	struct server *s = ctx;

	(void)check;
	s->success = result->success;
	snprintf(s->reason, sizeof(s->reason), "%s", result->reason);
	if (++s->count == s->wanted)
		ev_break(s->loop, EVBREAK_ALL);
}

Test(check_dns, over_udp)
{
	struct server s = { .loop = ev_loop_new(EVFLAG_AUTO), .wanted = 1 };
	struct check_spec spec = {
		.type = CHECK_DNS, .interval_ms = 100, .timeout_ms = 50, .rise = 1, .fall = 1
	};
	struct sockaddr_storage ss;
	socklen_t len;
	struct check *check;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	cr_assert(endpoint_parse(&spec.target, "127.0.0.1:0", 53));
	len = endpoint_to_sockaddr(&spec.target, &ss);
	cr_assert_eq(bind(fd, (struct sockaddr *)&ss, len), 0);
	len = sizeof(ss);
	getsockname(fd, (struct sockaddr *)&ss, &len);
	endpoint_from_sockaddr(&spec.target, (struct sockaddr *)&ss);
	ev_io_init(&s.io, on_query, fd, EV_READ);
	ev_io_start(s.loop, &s.io);
	spec.dns = spec_of("192.0.2.1", 0);
	check = check_new(s.loop, NULL, &spec, 1, on_result, &s);
	ev_run(s.loop, 0);
	cr_expect(s.success, "%s", s.reason);

	/* Nobody reads; then nobody is there. */
	ev_io_stop(s.loop, &s.io);
	s.wanted = 2;
	ev_run(s.loop, 0);
	cr_expect_str_eq(s.reason, "no answer in 50 ms");
	close(fd);
	s.wanted = 3;
	ev_run(s.loop, 0);
	cr_expect_str_eq(s.reason, "connection refused");
	check_free(check);
	ev_loop_destroy(s.loop);
}
