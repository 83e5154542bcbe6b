/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/dns/query.h"

#include "geodns/dns/name.h"

/* An ordinary record: its data is of no interest. */
static void record_skip(struct wire_reader *r)
{
	wire_get_bytes(r, 2 + 4); /* class, TTL */
	wire_get_bytes(r, wire_get_u16(r));
}

/*
 * Look for OPT, which may be in the additional section only, once, and owned
 * by the root. A record that cannot be read makes the whole message malformed.
 */
static enum dns_rcode records_decode(struct dns_query *q, struct wire_reader *r, unsigned before,
				     unsigned additional)
{
	enum dns_rcode rcode = DNS_NOERROR;

	for (unsigned i = 0; i < before + additional && !r->failed; i++) {
		bool at_root = wire_left(r) > 0 && *r->pos == 0;
		enum dns_rcode opt;

		dns_name_skip(r);
		if (wire_get_u16(r) != DNS_TYPE_OPT) {
			record_skip(r);
		} else if (i < before || !at_root || q->has_edns) {
			record_skip(r);
			rcode = DNS_FORMERR;
		} else if (dns_edns_decode(&q->edns, r, &opt)) {
			q->has_edns = true;
			rcode = rcode == DNS_NOERROR ? opt : rcode;
		}
	}
	return r->failed || wire_left(r) > 0 ? DNS_FORMERR : rcode;
}

bool dns_query_decode(struct dns_query *out, const uint8_t *buf, size_t len)
{
	struct wire_reader r = wire_reader(buf, len);
	struct dns_query q = { .id = wire_get_u16(&r), .flags = wire_get_u16(&r) };
	unsigned questions = wire_get_u16(&r), before = wire_get_u16(&r);
	unsigned additional;

	before += wire_get_u16(&r);
	additional = wire_get_u16(&r);
	if (r.failed || q.flags & DNS_FLAG_QR)
		return false;

	if (questions == 1) {
		q.qname = dns_name_decode(&r, &q.qname_len);
		q.qtype = wire_get_u16(&r);
		q.qclass = wire_get_u16(&r);
		q.has_question = !r.failed;
	}
	/* Several are refused (RFC 9619), but an OPT behind them is answered. */
	for (unsigned i = 0; questions > 1 && i < questions && !r.failed; i++) {
		dns_name_skip(&r);
		wire_get_bytes(&r, 2 + 2);
	}
	q.rcode = records_decode(&q, &r, before, additional);
	q.cookie_only =
		questions == 0 && before == 0 && q.rcode == DNS_NOERROR && q.edns.has_cookie;
	/* A version that we do not know may do without a question: BADVERS stands (RFC
	 * 6891, 6.1.3). */
	if (!q.has_question && !q.cookie_only && !(questions == 0 && q.rcode == DNS_BADVERS))
		q.rcode = DNS_FORMERR;
	/* Other opcodes may mean something else by what follows the header. */
	if (q.flags & DNS_OPCODE_MASK)
		q.rcode = DNS_NOTIMP;
	*out = q;
	return true;
}
