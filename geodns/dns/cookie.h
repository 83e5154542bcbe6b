/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cookie.h - server cookies (RFC 7873), such as all servers of an anycast service can make and
 * check alike (RFC 9018).
 *
 *	client cookie   8 octets, the client's own
 *	server cookie   version 1, three reserved, four of time, eight of
 *	                SipHash-2-4 over all of the above and the client's address
 *
 * One secret makes cookies, a second one may still be good: that is how secrets are rolled over
 * (RFC 9018, 5). Pure: the time is an argument.
 */
#ifndef GEODNS_DNS_COOKIE_H
#define GEODNS_DNS_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/siphash.h"
#include "lib/wire.h"

#define DNS_COOKIE_CLIENT_SIZE 8
#define DNS_COOKIE_SERVER_SIZE 16 /* of ours; others' are 8 to 32 octets long */
#define DNS_COOKIE_SERVER_MAX  32
#define DNS_COOKIE_SECRETS_MAX 2

/* The option's data. */
struct dns_cookie {
	uint8_t client[DNS_COOKIE_CLIENT_SIZE];
	uint8_t server[DNS_COOKIE_SERVER_MAX];
	uint8_t server_len; /* 0: the client has none yet */
};

struct dns_cookie_secrets {
	unsigned count;						/* 0: no cookies */
	uint8_t keys[DNS_COOKIE_SECRETS_MAX][SIPHASH_KEY_SIZE]; /* the first one makes cookies */
};

/* What a client's cookie says about it. */
enum dns_cookie_state {
	DNS_COOKIE_NONE,   /* it has sent none, or there are no secrets */
	DNS_COOKIE_CLIENT, /* its own half only: it may be anybody */
	DNS_COOKIE_BAD,	   /* ours, but too old, or somebody else's */
	DNS_COOKIE_GOOD,   /* it receives at the address that it sends from */
};

/* The whole of the option's data. False when its length is none that a cookie has. */
bool dns_cookie_decode(struct dns_cookie *out, struct wire_reader r);

/*
 * Judge a client's cookie at that time (seconds since 1970) and put the server cookie
 * that it is to have from now on in its place: the same for half an hour, then a fresh one.
 */
enum dns_cookie_state dns_cookie_renew(struct dns_cookie *cookie,
				       const struct dns_cookie_secrets *secrets,
				       const struct addr *client, uint32_t unix_time);

/*
 * One or two lines of 32 hexadecimal digits; empty ones, and what follows '#', do not count. False
 * with *line the one that is wrong, or 0 when there are none or too many.
 */
bool dns_cookie_secrets_parse(struct dns_cookie_secrets *out, const char *text, unsigned *line);

#endif
