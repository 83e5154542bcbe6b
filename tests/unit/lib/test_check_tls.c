/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of type https against a server of this process. */
#include <criterion/criterion.h>
#include <ev.h>
#include <stdlib.h>

#include "lib/check.h"
#include "tests/support/tls_server.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na ok"

struct outcome {
	struct ev_loop *loop;
	int wanted, count;
	bool success;
	char reason[160];
};

static void on_result(void *ctx, struct check *check, const struct check_result *result)
{
	struct outcome *o = ctx;

	(void)check;
	o->success = result->success;
	snprintf(o->reason, sizeof(o->reason), "%s", result->reason);
	if (++o->count == o->wanted)
		ev_break(o->loop, EVBREAK_ALL);
}

static struct check_spec spec_of(const struct tls_server *s, const char *ca_file)
{
	return (struct check_spec){ .type = CHECK_HTTPS,
				    .target = s->at,
				    .path = "/healthz",
				    .status = 200,
				    .ca_file = ca_file,
				    .interval_ms = 1000,
				    .timeout_ms = 1000,
				    .rise = 1,
				    .fall = 1 };
}

/* The next result of a check. */
static void run(struct outcome *o)
{
	o->wanted = o->count + 1;
	ev_run(o->loop, 0);
}

static void check_once(const struct check_spec *spec, struct outcome *o)
{
	struct check_trusts *trusts = check_trusts_new();
	struct check_spec soon = *spec;
	struct check *check;

	*o = (struct outcome){ .loop = ev_loop_new(EVFLAG_AUTO) };
	/* It begins somewhere in the interval: in a short one that is soon. */
	soon.interval_ms = 50;
	check = check_new(o->loop, trusts, &soon, 1, on_result, o);
	check_rebind(check, spec, o);
	run(o);
	check_free(check);
	check_trusts_free(trusts);
	ev_loop_destroy(o->loop);
}

Test(check_tls, certificates)
{
	/* clang-format off */
	static const struct {
		const char *what, *name;
		int from, to;
		const char *server_name, *host, *answer, *match;
		bool stranger, plain;
		const char *reason; /* "": success */
	} rows[] = {
		{ "by name",             "web.test", -1, 1, "web.test", NULL, OK, "ok", false, false, "" },
		{ "by host",             "web.test", -1, 1, NULL, "web.test:8443", OK, NULL, false, false, "" },
		{ "by address",          "127.0.0.1", -1, 1, NULL, NULL, OK, NULL, false, false, "" },
		{ "wildcard",            "*.web.test", -1, 1, "fra.web.test", NULL, OK, NULL, false, false, "" },
		{ "another name",        "web.test", -1, 1, "other.test", NULL, OK, NULL, false, false, "certificate: is for another name" },
		{ "another address",     "127.0.0.2", -1, 1, NULL, NULL, OK, NULL, false, false, "certificate: is for another name" },
		{ "has expired",         "web.test", -2, -1, "web.test", NULL, OK, NULL, false, false, "certificate: has expired" },
		{ "not yet",             "web.test", 1, 2, "web.test", NULL, OK, NULL, false, false, "certificate: is not valid yet" },
		{ "strange authority",   "web.test", -1, 1, "web.test", NULL, OK, NULL, true, false, "certificate: its authority is not trusted" },
		{ "wrong status",        "web.test", -1, 1, "web.test", NULL, "HTTP/1.1 503 No\r\n\r\n", NULL, false, false, "status 503" },
		{ "text is not there",   "web.test", -1, 1, "web.test", NULL, OK, "nok", false, false, "text not found in the answer" },
		{ "no TLS",              "web.test", -1, 1, "web.test", NULL, OK, NULL, false, true, "TLS: An unexpected TLS packet was received." },
	};
	/* clang-format on */
	struct tls_authority ca = tls_authority_new("ours"), stranger = tls_authority_new("theirs");
	char path[] = "/tmp/check-tls-XXXXXX";

	close(mkstemp(path));
	tls_authority_write(&ca, path);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tls_server s;
		struct check_spec spec;
		struct outcome o;

		tls_server_start(
			&s,
			rows[i].plain ? NULL
				      : tls_credentials_new(rows[i].stranger ? &stranger : &ca,
							    rows[i].name, rows[i].from, rows[i].to),
			rows[i].answer);
		spec = spec_of(&s, path);
		spec.server_name = rows[i].server_name;
		spec.host = rows[i].host;
		spec.match = rows[i].match;
		check_once(&spec, &o);
		cr_expect_str_eq(o.reason, rows[i].reason, "%s: %s", rows[i].what, o.reason);
		cr_expect_eq(o.success, rows[i].reason[0] == '\0', "%s", rows[i].what);
		tls_server_stop(&s);
	}
	unlink(path);
	tls_authority_free(&ca);
	tls_authority_free(&stranger);
}

/* The kernel has taken the connection, nobody says a word. */
Test(check_tls, silence_ends_with_the_timeout)
{
	struct tls_authority ca = tls_authority_new("ours");
	struct tls_server s = { .fd = -1 };
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char path[] = "/tmp/check-tls-XXXXXX";
	struct check_spec spec;
	struct outcome o;

	close(mkstemp(path));
	tls_authority_write(&ca, path);
	cr_assert(addr_parse(&s.at.addr, "127.0.0.1"));
	s.fd = listen_tcp(&s.at);
	getsockname(s.fd, (struct sockaddr *)&ss, &len);
	endpoint_from_sockaddr(&s.at, (struct sockaddr *)&ss);
	spec = spec_of(&s, path);
	spec.timeout_ms = 100;
	check_once(&spec, &o);
	cr_expect_str_eq(o.reason, "no answer in 100 ms");
	close(s.fd);
	unlink(path);
	tls_authority_free(&ca);
}

/* Broken, then strange, then right: without anybody telling the check. */
Test(check_tls, a_new_file_counts_from_the_next_check_on)
{
	struct tls_authority ca = tls_authority_new("ours"), stranger = tls_authority_new("theirs");
	struct check_trusts *trusts = check_trusts_new();
	struct outcome o = { .loop = ev_loop_new(EVFLAG_AUTO) };
	char path[] = "/tmp/check-tls-XXXXXX";
	struct check_spec spec;
	struct check *check;
	struct tls_server s;

	close(mkstemp(path));
	tls_server_start(&s, tls_credentials_new(&ca, "web.test", -1, 1), OK);
	spec = spec_of(&s, path);
	spec.server_name = "web.test";
	spec.interval_ms = spec.timeout_ms = 400;
	check = check_new(o.loop, trusts, &spec, 1, on_result, &o);
	run(&o);
	cr_expect(strstr(o.reason, path) == o.reason, "an empty file: %s", o.reason);
	tls_authority_write(&stranger, path);
	run(&o);
	cr_expect_str_eq(o.reason, "certificate: its authority is not trusted");
	unlink(path);
	tls_authority_write(&ca, path);
	run(&o);
	cr_expect(o.success, "%s", o.reason);
	unlink(path);
	run(&o);
	cr_expect(strstr(o.reason, "No such file"), "%s", o.reason);
	check_free(check);
	check_trusts_free(trusts);
	ev_loop_destroy(o.loop);
	tls_server_stop(&s);
	tls_authority_free(&ca);
	tls_authority_free(&stranger);
}
