/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/dnssec/rrsig.h"

#include <nettle/sha2.h>
#include <string.h>

#include "geodns/dns/name.h"
#include "geodns/dnssec/canonical.h"

/* Owner (a pointer), type, class, TTL, length: no more records than that fit into a message. */
#define RECORD_SIZE_MIN 12
#define RECORDS_MAX	(65536 / RECORD_SIZE_MIN)
#define HEAD_SIZE	18

static void head_encode(const struct rrsig_head *head, struct wire_writer *w)
{
	wire_put_u16(w, head->type);
	wire_put_u8(w, DNSSEC_ALGORITHM);
	wire_put_u8(w, head->labels);
	wire_put_u32(w, head->ttl);
	wire_put_u32(w, head->expiration);
	wire_put_u32(w, head->inception);
	wire_put_u16(w, head->tag);
}

static void canonical_at(const struct rrsig_rrset *set, uint16_t type, uint16_t at,
			 struct canonical_rdata *out)
{
	const uint8_t *len = set->message + at - 2;

	canonical_rdata_init(out, set->message, type, set->message + at,
			     (size_t)len[0] << 8 | len[1]);
}

/*
 * Into its place among count others, unless it is there already: the same record twice counts once
 * (RFC 4034, 6.3). By insertion: signed zones are in this order already, geographic RRsets short.
 */
static size_t record_insert(const struct rrsig_rrset *set, uint16_t type, uint16_t *at,
			    size_t count, uint16_t new)
{
	struct canonical_rdata a, b;
	size_t i = count;
	int diff;

	canonical_at(set, type, new, &a);
	for (; i > 0; i--) {
		canonical_at(set, type, at[i - 1], &b);
		diff = canonical_rdata_compare(&a, &b);
		if (diff == 0)
			return count;
		if (diff > 0)
			break;
	}
	memmove(at + i + 1, at + i, (count - i) * sizeof(*at));
	at[i] = new;
	return count + 1;
}

/* Where the data of the records stand, in canonical order. Returns how many there are. */
static size_t records_sort(const struct rrsig_rrset *set, uint16_t type, uint16_t at[RECORDS_MAX])
{
	struct wire_reader r = { .pos = set->start, .end = set->end };
	size_t count = 0;

	while (wire_left(&r) > 0 && count < RECORDS_MAX) {
		uint16_t here;

		dns_name_skip(&r);
		wire_get_bytes(&r, 2 + 2 + 4 + 2);
		here = (uint16_t)(r.pos - set->message);
		wire_get_bytes(&r, (size_t)r.pos[-2] << 8 | r.pos[-1]);
		count = record_insert(set, type, at, count, here);
	}
	return count;
}

void rrsig_digest(const struct rrsig_rrset *set, const struct rrsig_head *head, const uint8_t *apex,
		  uint8_t digest[P256_SIZE])
{
	uint8_t buf[DNS_NAME_MAX + HEAD_SIZE], name[DNS_NAME_MAX];
	struct wire_writer w = wire_writer(buf, sizeof(buf));
	uint16_t at[RECORDS_MAX];
	size_t count = records_sort(set, head->type, at);
	struct canonical_rdata data;
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	head_encode(head, &w);
	wire_put_bytes(&w, name, dns_name_lower(name, apex));
	sha256_update(&ctx, wire_written(&w), buf);

	w = wire_writer(buf, sizeof(buf));
	wire_put_bytes(&w, name, dns_name_lower(name, set->owner));
	wire_put_u16(&w, head->type);
	wire_put_u16(&w, DNS_CLASS_IN);
	wire_put_u32(&w, head->ttl);
	for (size_t i = 0; i < count; i++) {
		uint8_t len[2];

		canonical_at(set, head->type, at[i], &data);
		len[0] = (uint8_t)(data.len >> 8);
		len[1] = (uint8_t)data.len;
		sha256_update(&ctx, wire_written(&w), buf);
		sha256_update(&ctx, sizeof(len), len);
		sha256_update(&ctx, data.len, data.data);
	}
	sha256_digest(&ctx, SHA256_DIGEST_SIZE, digest);
}

void rrsig_times(uint32_t now, uint32_t validity_s, const uint8_t *owner, struct rrsig_head *head)
{
	uint32_t half = validity_s / 2, hash = 2166136261U ^ head->type, start;
	size_t len = dns_name_length(owner);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ dns_octet_lower(owner[i])) * UINT32_C(16777619);
	start = now - (uint32_t)(((uint64_t)now + hash) % half);
	head->inception = start - RRSIG_EARLY_S;
	head->expiration = start + validity_s;
}

/* The root's label does not count, nor does a "*" in front (RFC 4034, 3.1.3). */
static uint8_t labels_signed(const uint8_t *owner)
{
	return (uint8_t)(dns_name_labels(owner) - dns_name_is_wildcard(owner));
}

static enum dnssec_pool pool_of(const struct rrsig_signing *s, const uint8_t *owner)
{
	if (owner == s->invented)
		return DNSSEC_POOL_INVENTED;
	return s->chosen ? DNSSEC_POOL_CHOSEN : DNSSEC_POOL_ZONE;
}

/* Remembered or made. False: it would be one too many. */
static bool sign(struct rrsig_signing *s, const uint8_t *owner, const struct p256_key *key,
		 const uint8_t digest[P256_SIZE], uint8_t signature[P256_SIGNATURE_SIZE])
{
	const enum dnssec_pool pool = pool_of(s, owner);
	const uint8_t *known = NULL;

	if (s->signer)
		known = dnssec_signer_find(s->signer, pool, digest, key);
	if (known) {
		memcpy(signature, known, P256_SIGNATURE_SIZE);
		return true;
	}
	if (s->signer && !dnssec_signer_allow(s->signer, pool, s->now, s->per_s)) {
		s->refused = true;
		return false;
	}
	p256_sign(key, digest, signature);
	s->made++;
	if (s->signer)
		dnssec_signer_keep(s->signer, pool, digest, key, signature);
	return true;
}

bool rrsig_put(struct rrsig_signing *s, struct dns_reply *reply, enum dns_section section,
	       const uint8_t *owner, const struct dns_reply_mark *since, uint32_t ttl)
{
	const struct rrsig_rrset set = { reply->w.start, since->pos, reply->w.pos, owner };
	struct dns_reply_mark mark = dns_reply_mark(reply);
	struct wire_reader first = { .pos = set.start, .end = set.end };
	struct rrsig_head head = { .ttl = ttl, .labels = labels_signed(owner) };
	uint8_t rdata[HEAD_SIZE + DNS_NAME_MAX + P256_SIGNATURE_SIZE], digest[P256_SIZE];
	struct wire_writer w = wire_writer(rdata, sizeof(rdata));
	const struct dnssec_key *key;
	uint32_t ttl_sent;

	dns_name_skip(&first);
	head.type = wire_get_u16(&first);
	wire_get_u16(&first);
	ttl_sent = wire_get_u32(&first);
	key = dnssec_keys_find(s->keys, head.type);
	head.tag = key->tag;
	rrsig_times(s->now, s->keys->validity_s, owner, &head);
	head_encode(&head, &w);
	w.pos += dns_name_lower(w.pos, s->apex);
	/* What would not fit anyway, the owner being a pointer, is not worth a signature. */
	if (!s->alone && (size_t)(reply->w.end - reply->w.pos) <
				 RECORD_SIZE_MIN + wire_written(&w) + P256_SIGNATURE_SIZE)
		return false;
	rrsig_digest(&set, &head, s->apex, digest);
	if (!sign(s, owner, &key->pair, digest, w.pos))
		return false;
	w.pos += P256_SIGNATURE_SIZE;
	if (s->alone)
		dns_reply_back(reply, since);
	if (!dns_reply_record_put(reply, section, owner, DNS_TYPE_RRSIG, ttl_sent,
				  wire_reader(rdata, wire_written(&w)))) {
		dns_reply_back(reply, s->alone ? since : &mark);
		return false;
	}
	s->count++;
	return true;
}
