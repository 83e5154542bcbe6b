/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check.h - asking a server, again and again, whether it is well.
 *
 * Checks of kind tcp (the connection is accepted), http (GET, a status, and
 * optionally a text in the body's first CHECK_BODY_MAX bytes), https (the same, the certificate
 * and its name verified) and dns (a query over UDP, its RCODE and a record). They run in the
 * caller's loop; the first one starts at a random point of the interval so that
 * many checks do not beat together, and from then on on a fixed grid, whatever
 * the answers take. The timeout covers connect and answer. A new connection for
 * every check, closed with a reset so that no TIME_WAIT piles up. A query that is lost is a
 * check that has failed. Where this process lacks descriptors or memory for one, there is none:
 * nobody is down because we cannot look.
 */
#ifndef LIB_CHECK_H
#define LIB_CHECK_H

#include <ev.h>

#include "lib/addr.h"
#include "lib/check_dns.h"
#include "lib/check_tls.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/rise_fall.h"

#define CHECK_BODY_MAX 16384

enum check_type { CHECK_TCP, CHECK_HTTP, CHECK_HTTPS, CHECK_DNS };

struct check_spec {
	enum check_type type;
	struct endpoint target;
	const char *path;    /* http: "/healthz" */
	const char *host;    /* http: the Host header; NULL: the target's address */
	unsigned status;     /* http: expected, default 200 */
	const char *match;   /* http: text that the body must contain, NULL: any */
	const char *ca_file; /* https: whom to trust; NULL: whom the system trusts */
	/* https: in the certificate; NULL: the host, without it the target's address */
	const char *server_name;
	struct check_dns_spec dns;
	unsigned interval_ms; /* 50 to 3600000, default 1000 */
	unsigned timeout_ms;  /* 10 to interval_ms, default: the smaller of interval and 1000 */
	unsigned rise, fall;  /* 1 to 100, default 2 and 3 */
};

struct check;

/* What on_result hears after each check. reason is borrowed, "" on success. */
struct check_result {
	struct instant at;
	bool success;
	bool changed; /* the verdict is another one now */
	enum health state;
	int64_t latency_us;
	const char *reason; /* "connection refused", "status 503", "no answer in 500 ms", ... */
};

/* May free the check. */
typedef void check_result_fn(void *ctx, struct check *check, const struct check_result *result);

/*
 * Read a check: {"type":"http","port":80,"path":"/","status":200,"match":"ok","host":"h",
 * "interval_ms":1000,"timeout_ms":500,"rise":2,"fall":3,"address":"192.0.2.1"}; https (port 443)
 * has "ca_file" and "server_name" too; dns (port 53) "name", "query_type", "rcode" and "answer"
 * instead of what http has. address is required unless target is given as default. Strings borrow
 * from the document.
 */
void check_spec_load(const struct conf *object, const struct addr *target, struct check_spec *out);
/* Read "path", "host" and "match" of an http or https check; what is missing stays as it is in
 * spec. */
void check_question_load(const struct conf *object, struct check_spec *spec);

/* The same question to the same server, as often. */
bool check_spec_equal(const struct check_spec *a, const struct check_spec *b);

/*
 * spec is copied, its strings are not. seed sets the first check's phase: 0 to interval. trusts
 * must outlive it; it may be NULL where the check is not of type https.
 */
struct check *check_new(struct ev_loop *loop, struct check_trusts *trusts,
			const struct check_spec *spec, uint64_t seed, check_result_fn *on_result,
			void *ctx);
/* Go on as before with an equal spec, whose strings live elsewhere, and another ctx. */
void check_rebind(struct check *check, const struct check_spec *spec, void *ctx);
void check_free(struct check *check);
const struct check_spec *check_spec(const struct check *check);
enum health check_state(const struct check *check);
/* Milliseconds until the verdict changes if all goes on as now; 0: it stays (rise_fall_left()). */
int64_t check_change_ms(const struct check *check);
const char *check_reason(const struct check *check); /* of the last result */

#endif
