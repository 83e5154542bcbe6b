/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dns_message.h - for tests: queries from a few words, replies as one line.
 *
 * The reader of replies shares no code with the program but the cursor and the
 * formatting of names, and is strict: "malformed" unless every octet is accounted
 * for and every pointer leads backwards.
 */
#ifndef TESTS_SUPPORT_DNS_MESSAGE_H
#define TESTS_SUPPORT_DNS_MESSAGE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geodns/dns/name.h"
#include "geodns/dns/rr.h"
#include "lib/addr.h"
#include "lib/wire.h"

#define DNS_TEXT_SIZE 200000

struct test_query {
	const char *name;
	uint16_t type;
	uint16_t qclass;    /* 0: IN */
	uint16_t size;	    /* EDNS payload, 0: no OPT (unless ecs or nsid is set) */
	const char *ecs;    /* "100.64.0.0/24" */
	const char *cookie; /* in hexadecimal, both halves */
	bool nsid, dnssec_ok, compact_ok, rd;
	bool keepalive, padding;
};

#define Q(n, t, ...)                                                                               \
	{                                                                                          \
		.name = (n), .type = (t), ##__VA_ARGS__                                            \
	}

static inline void test_ecs_put(struct wire_writer *w, const char *text)
{
	struct prefix p;
	size_t len;

	if (!prefix_parse(&p, text))
		abort();
	len = (p.len + 7u) / 8;
	wire_put_u16(w, DNS_OPTION_ECS);
	wire_put_u16(w, (uint16_t)(4 + len));
	wire_put_u16(w, p.addr.family == ADDR_IPV4 ? 1 : 2);
	wire_put_u8(w, p.len);
	wire_put_u8(w, 0);
	wire_put_bytes(w, p.addr.bytes, len);
}

static inline void test_cookie_put(struct wire_writer *w, const char *hex)
{
	wire_put_u16(w, DNS_OPTION_COOKIE);
	wire_put_u16(w, (uint16_t)(strlen(hex) / 2));
	for (; *hex; hex += 2) {
		unsigned octet;

		if (sscanf(hex, "%2x", &octet) != 1)
			abort();
		wire_put_u8(w, (uint8_t)octet);
	}
}

static inline size_t test_query_encode(const struct test_query *q, uint8_t *buf, size_t size)
{
	struct wire_writer w = wire_writer(buf, size);
	bool edns = q->size || q->ecs || q->cookie || q->nsid || q->dnssec_ok || q->compact_ok ||
		    q->keepalive || q->padding;
	uint8_t name[DNS_NAME_MAX];
	size_t at;

	wire_put_u16(&w, 0x1234);
	wire_put_u16(&w, q->rd ? DNS_FLAG_RD : 0);
	wire_put_u16(&w, 1);
	wire_put_u32(&w, 0);
	wire_put_u16(&w, edns);
	wire_put_bytes(&w, name, dns_name_parse(name, q->name));
	wire_put_u16(&w, q->type);
	wire_put_u16(&w, q->qclass ? q->qclass : DNS_CLASS_IN);
	if (edns) {
		wire_put_u8(&w, 0);
		wire_put_u16(&w, DNS_TYPE_OPT);
		wire_put_u16(&w, q->size ? q->size : 1232);
		wire_put_u16(&w, 0);
		wire_put_u16(&w, (q->dnssec_ok ? 0x8000 : 0) | (q->compact_ok ? 0x4000 : 0));
		at = wire_offset(&w);
		wire_put_u16(&w, 0);
		if (q->ecs)
			test_ecs_put(&w, q->ecs);
		if (q->cookie)
			test_cookie_put(&w, q->cookie);
		if (q->nsid)
			wire_put_u32(&w, DNS_OPTION_NSID << 16);
		if (q->keepalive)
			wire_put_u32(&w, DNS_OPTION_KEEPALIVE << 16);
		/* As kdig does, with zeros in it. */
		if (q->padding)
			wire_put_bytes(&w, (uint8_t[]){ 0, DNS_OPTION_PADDING, 0, 3, 0, 0, 0 }, 7);
		wire_patch_u16(&w, at, (uint16_t)(wire_offset(&w) - at - 2));
	}
	return wire_written(&w);
}

/* Read a name that may be compressed. False when it is malformed. */
static inline bool test_name_read(const uint8_t *msg, struct wire_reader *r, uint8_t *out)
{
	const uint8_t *end = r->end, *after = NULL, *p = r->pos;
	size_t len = 0;

	for (;;) {
		if (p >= end)
			return false;
		if ((p[0] & 0xc0) == 0xc0) {
			const uint8_t *to;

			if (p + 2 > end)
				return false;
			to = msg + (((size_t)p[0] & 0x3f) << 8 | p[1]);
			if (to >= p || to < msg + DNS_HEADER_SIZE)
				return false;
			after = after ? after : p + 2;
			p = to;
			continue;
		}
		if (p[0] & 0xc0 || p + 1 + p[0] > end || len + 1 + p[0] > DNS_NAME_MAX)
			return false;
		memcpy(out + len, p, 1 + (size_t)p[0]);
		len += 1 + (size_t)p[0];
		if (p[0] == 0)
			break;
		p += 1 + p[0];
	}
	r->pos = after ? after : p + 1;
	return true;
}

/* "1 . alpn=h2,h3 port=8443 ipv4hint=192.0.2.1": keys in order, each once (RFC 9460, 2.2). */
static inline bool test_service_text(struct wire_reader r, FILE *out)
{
	char text[DNS_NAME_TEXT_SIZE];
	size_t name_len;
	const uint8_t *name;
	int last = -1;

	fprintf(out, " %u", wire_get_u16(&r));
	name = dns_name_decode(&r, &name_len); /* never compressed */
	if (!name)
		return false;
	fprintf(out, " %s", dns_name_format(name, text));
	while (wire_left(&r) > 0) {
		unsigned key = wire_get_u16(&r), len = wire_get_u16(&r);
		const uint8_t *value = wire_get_bytes(&r, len);
		struct wire_reader v = wire_reader(value, len);
		const char *comma = "=";

		if (!value || (int)key <= last)
			return false;
		last = (int)key;
		fprintf(out, " %s",
			key == 1   ? "alpn"
			: key == 2 ? "no-default-alpn"
			: key == 3 ? "port"
			: key == 4 ? "ipv4hint"
			: key == 6 ? "ipv6hint"
				   : "?");
		for (; wire_left(&v) > 0 && !v.failed; comma = ",") {
			unsigned size = key == 1 ? wire_get_u8(&v) : key == 4 ? 4 : 16;
			struct addr a = { .family = ADDR_NONE };
			const uint8_t *item;

			if (key == 3) {
				fprintf(out, "=%u", wire_get_u16(&v));
				continue;
			}
			item = wire_get_bytes(&v, size);
			if (!item || size == 0 || key == 2)
				return false;
			if (key != 1)
				a = addr_from_bytes(key == 4 ? ADDR_IPV4 : ADDR_IPV6, item);
			if (key == 1)
				fprintf(out, "%s%.*s", comma, (int)size, (const char *)item);
			else
				fprintf(out, "%s%s", comma, addr_format(&a, text));
		}
		if (v.failed || (key != 2 && len == 0))
			return false;
	}
	return !r.failed;
}

/* "RRSIG" covers a type; "NSEC" leads to a name and has types. */
static inline bool test_dnssec_text(const uint8_t *msg, struct wire_reader r, uint16_t type,
				    FILE *out)
{
	char text[DNS_NAME_TEXT_SIZE], type_text[12];
	uint8_t name[DNS_NAME_MAX];

	if (type == DNS_TYPE_RRSIG) {
		fprintf(out, " %s", dns_type_format(wire_get_u16(&r), type_text));
		wire_get_bytes(&r, 16);
		return test_name_read(msg, &r, name) && wire_left(&r) == 64;
	}
	if (!test_name_read(msg, &r, name))
		return false;
	fprintf(out, " %s", dns_name_format(name, text));
	while (wire_left(&r) > 0) {
		unsigned window = wire_get_u8(&r), len = wire_get_u8(&r);
		const uint8_t *bits = wire_get_bytes(&r, len);

		if (!bits || len < 1 || len > 32 || bits[len - 1] == 0)
			return false;
		for (unsigned i = 0; i < len * 8; i++) {
			if (bits[i / 8] & 0x80 >> i % 8)
				fprintf(out, " %s",
					dns_type_format((uint16_t)(window << 8 | i), type_text));
		}
	}
	return true;
}

static inline bool test_rdata_text(const uint8_t *msg, struct wire_reader r, uint16_t type,
				   FILE *out)
{
	char text[DNS_NAME_TEXT_SIZE];
	uint8_t name[DNS_NAME_MAX];
	size_t left;

	if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA) {
		struct addr a;

		if (wire_left(&r) != (type == DNS_TYPE_A ? 4 : 16))
			return false;
		a = addr_from_bytes(type == DNS_TYPE_A ? ADDR_IPV4 : ADDR_IPV6, r.pos);
		fprintf(out, " %s", addr_format(&a, text));
		return true;
	}
	if (type == DNS_TYPE_MX)
		fprintf(out, " %u", wire_get_u16(&r));
	if (type == DNS_TYPE_NS || type == DNS_TYPE_CNAME || type == DNS_TYPE_PTR ||
	    type == DNS_TYPE_MX || type == DNS_TYPE_DNAME) {
		if (!test_name_read(msg, &r, name) || wire_left(&r) > 0)
			return false;
		fprintf(out, " %s", dns_name_format(name, text));
		return true;
	}
	if (type == DNS_TYPE_SOA)
		return test_name_read(msg, &r, name) && test_name_read(msg, &r, name) &&
		       wire_left(&r) == 20;
	if (type == DNS_TYPE_HTTPS || type == DNS_TYPE_SVCB)
		return test_service_text(r, out);
	if (type == DNS_TYPE_RRSIG || type == DNS_TYPE_NSEC)
		return test_dnssec_text(msg, r, type, out);
	left = wire_left(&r);
	fprintf(out, " %zu octets", left);
	return true;
}

static inline bool test_opt_text(struct wire_reader *r, unsigned *rcode, FILE *out)
{
	uint16_t size = wire_get_u16(r);
	uint8_t extended = wire_get_u8(r), version = wire_get_u8(r);
	uint16_t flags = wire_get_u16(r), len = wire_get_u16(r);
	const uint8_t *data = wire_get_bytes(r, len);
	struct wire_reader o;

	if (!data || version != 0)
		return false;
	*rcode |= (unsigned)extended << 4;
	fprintf(out, " | opt %u%s%s", size, flags & 0x8000 ? " do" : "",
		flags & 0x4000 ? " co" : "");
	o = wire_reader(data, len);
	while (wire_left(&o) > 0) {
		uint16_t code = wire_get_u16(&o), n = wire_get_u16(&o);
		const uint8_t *p = wire_get_bytes(&o, n);

		if (!p)
			return false;
		if (code == DNS_OPTION_ECS && n >= 4) {
			fprintf(out, " ecs %u/%u", p[2], p[3]);
		} else if (code == DNS_OPTION_NSID) {
			fprintf(out, " nsid %.*s", n, (const char *)p);
		} else if (code == DNS_OPTION_COOKIE) {
			fprintf(out, " cookie ");
			for (unsigned i = 0; i < n; i++)
				fprintf(out, "%02x", p[i]);
		} else if (code == DNS_OPTION_KEEPALIVE && n == 2) {
			fprintf(out, " keepalive %u", p[0] << 8 | p[1]);
		} else if (code == DNS_OPTION_PADDING) {
			fprintf(out, " padding %u", n);
		} else {
			fprintf(out, " option %u", code);
		}
	}
	return true;
}

static inline bool test_sections_text(const uint8_t *msg, struct wire_reader *r,
				      const uint16_t counts[4], unsigned *rcode, FILE *out)
{
	static const char *const sections[] = { "", "AN", "NS", "AR" };
	char text[DNS_NAME_TEXT_SIZE], type_text[12];
	uint8_t name[DNS_NAME_MAX];

	for (unsigned s = 1; s < 4; s++) {
		for (unsigned i = 0; i < counts[s]; i++) {
			uint16_t type, len;
			uint32_t ttl;
			const uint8_t *rdata;

			if (!test_name_read(msg, r, name))
				return false;
			type = wire_get_u16(r);
			if (type == DNS_TYPE_OPT) {
				if (s != 3 || name[0] != 0 || !test_opt_text(r, rcode, out))
					return false;
				continue;
			}
			wire_get_u16(r);
			ttl = wire_get_u32(r);
			len = wire_get_u16(r);
			rdata = wire_get_bytes(r, len);
			if (!rdata)
				return false;
			fprintf(out, " | %s %s %u %s", sections[s], dns_name_format(name, text),
				ttl, dns_type_format(type, type_text));
			if (!test_rdata_text(msg, (struct wire_reader){ rdata, rdata + len, false },
					     type, out))
				return false;
		}
	}
	return !r->failed && wire_left(r) == 0;
}

/*
 * "NOERROR aa rd | AN u1.lab.test 30 A 198.18.33.1 | opt 1232 ecs 24/24" into text. The question is
 * not shown. Returns text, or "malformed".
 */
static inline const char *test_reply_text(const uint8_t *msg, size_t len, char *text, size_t size)
{
	struct wire_reader r = wire_reader(msg, len);
	char *body = malloc(size);
	FILE *out = fmemopen(body, size, "w");
	uint8_t name[DNS_NAME_MAX];
	uint16_t flags, counts[4];
	unsigned rcode;
	bool good;

	wire_get_u16(&r);
	flags = wire_get_u16(&r);
	rcode = flags & 0xf;
	for (unsigned i = 0; i < 4; i++)
		counts[i] = wire_get_u16(&r);
	good = !r.failed && flags & DNS_FLAG_QR && counts[0] <= 1;
	if (good && counts[0] == 1) {
		good = test_name_read(msg, &r, name);
		wire_get_u32(&r);
	}
	good = good && test_sections_text(msg, &r, counts, &rcode, out);
	fputc('\0', out);
	fclose(out);
	if (good)
		snprintf(text, size, "%s%s%s%s%s%s", dns_rcode_name(rcode),
			 flags & DNS_FLAG_AA ? " aa" : "", flags & DNS_FLAG_TC ? " tc" : "",
			 flags & DNS_FLAG_RD ? " rd" : "", flags & 0x00f0 ? " bits" : "", body);
	else
		snprintf(text, size, "malformed");
	free(body);
	return text;
}

#endif
