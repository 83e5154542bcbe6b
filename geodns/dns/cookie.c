/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/dns/cookie.h"

#include <string.h>

#include "lib/text.h"

#define VERSION	    1
#define HASHED_SIZE 8 /* of a server cookie: what is in front of the hash */
/* RFC 9018, 4.3. */
#define AGE_MAX	   3600
#define AGE_RENEW  1800
#define FUTURE_MAX 300

bool dns_cookie_decode(struct dns_cookie *out, struct wire_reader r)
{
	size_t len = wire_left(&r);

	if (len != DNS_COOKIE_CLIENT_SIZE && (len < DNS_COOKIE_CLIENT_SIZE + 8 ||
					      len > DNS_COOKIE_CLIENT_SIZE + DNS_COOKIE_SERVER_MAX))
		return false;
	memcpy(out->client, r.pos, sizeof(out->client));
	out->server_len = (uint8_t)(len - sizeof(out->client));
	memcpy(out->server, r.pos + sizeof(out->client), out->server_len);
	return true;
}

/* Of the client's half, the first octets of the server's, and the address. */
static uint64_t cookie_hash(const uint8_t key[SIPHASH_KEY_SIZE], const struct dns_cookie *cookie,
			    const struct addr *client)
{
	uint8_t input[DNS_COOKIE_CLIENT_SIZE + HASHED_SIZE + sizeof(client->bytes)];
	struct wire_writer w = wire_writer(input, sizeof(input));

	wire_put_bytes(&w, cookie->client, sizeof(cookie->client));
	wire_put_bytes(&w, cookie->server, HASHED_SIZE);
	wire_put_bytes(&w, client->bytes, addr_size((enum addr_family)client->family));
	return siphash24(key, input, wire_written(&w));
}

static void cookie_make(struct dns_cookie *cookie, const uint8_t key[SIPHASH_KEY_SIZE],
			const struct addr *client, uint32_t unix_time)
{
	struct wire_writer w = wire_writer(cookie->server, DNS_COOKIE_SERVER_SIZE);
	uint64_t hash;

	wire_put_u32(&w, (uint32_t)VERSION << 24);
	wire_put_u32(&w, unix_time);
	hash = cookie_hash(key, cookie, client);
	for (unsigned i = 0; i < 8; i++)
		wire_put_u8(&w, (uint8_t)(hash >> 8 * i));
	cookie->server_len = DNS_COOKIE_SERVER_SIZE;
}

/* Whose secret has made this cookie; secrets->count: nobody's. In the same time for all. */
static unsigned cookie_maker(const struct dns_cookie *cookie,
			     const struct dns_cookie_secrets *secrets, const struct addr *client)
{
	uint64_t sent = 0;
	unsigned maker = secrets->count;

	for (unsigned i = 0; i < 8; i++)
		sent |= (uint64_t)cookie->server[HASHED_SIZE + i] << 8 * i;
	for (unsigned i = secrets->count; i-- > 0;) {
		if (cookie_hash(secrets->keys[i], cookie, client) == sent)
			maker = i;
	}
	return maker;
}

enum dns_cookie_state dns_cookie_renew(struct dns_cookie *cookie,
				       const struct dns_cookie_secrets *secrets,
				       const struct addr *client, uint32_t unix_time)
{
	enum dns_cookie_state state = cookie->server_len ? DNS_COOKIE_BAD : DNS_COOKIE_CLIENT;
	unsigned maker = secrets->count;
	int32_t age = 0;

	if (secrets->count == 0)
		return DNS_COOKIE_NONE;
	if (cookie->server_len == DNS_COOKIE_SERVER_SIZE && cookie->server[0] == VERSION) {
		struct wire_reader r = wire_reader(cookie->server + 4, 4);

		/* Serial number arithmetic (RFC 1982): the octets run out in 2106. */
		age = (int32_t)(unix_time - wire_get_u32(&r));
		if (age <= AGE_MAX && age >= -FUTURE_MAX)
			maker = cookie_maker(cookie, secrets, client);
		if (maker < secrets->count)
			state = DNS_COOKIE_GOOD;
	}
	if (maker != 0 || age > AGE_RENEW)
		cookie_make(cookie, secrets->keys[0], client, unix_time);
	return state;
}

/* The digits of one key, which end at stop. */
static bool key_parse(uint8_t key[SIPHASH_KEY_SIZE], const char *text, const char *stop)
{
	if ((size_t)(stop - text) != 2 * (size_t)SIPHASH_KEY_SIZE)
		return false;
	for (size_t i = 0; i < SIPHASH_KEY_SIZE; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool dns_cookie_secrets_parse(struct dns_cookie_secrets *out, const char *text, unsigned *line)
{
	static const char space[] = " \t\r";
	struct dns_cookie_secrets secrets = { 0 };

	for (*line = 1; *text; ++*line) {
		const char *end = text + strcspn(text, "\n"), *stop = text + strcspn(text, "#\n");

		text += strspn(text, space);
		while (stop > text && strchr(space, stop[-1]))
			stop--;
		if (stop > text) {
			if (secrets.count == DNS_COOKIE_SECRETS_MAX)
				break;
			if (!key_parse(secrets.keys[secrets.count], text, stop))
				return false;
			secrets.count++;
		}
		text = *end ? end + 1 : end;
	}
	if (secrets.count == 0 || *text) {
		*line = 0;
		return false;
	}
	*out = secrets;
	return true;
}
