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
	struct wire_reader header, r;
	unsigned questions, before, additional;

	if (len < DNS_HEADER_SIZE)
		return false;
	header = wire_reader(buf, DNS_HEADER_SIZE);
	/* One by one: to clear all of it takes longer than to read a query. */
	out->id = wire_get_u16(&header);
	out->flags = wire_get_u16(&header);
	questions = wire_get_u16(&header);
	before = wire_get_u16(&header);
	before += wire_get_u16(&header);
	additional = wire_get_u16(&header);
	out->has_question = out->has_edns = false;
	dns_edns_clear(&out->edns);
	if (out->flags & DNS_FLAG_QR)
		return false;

	r = wire_reader(buf + DNS_HEADER_SIZE, len - DNS_HEADER_SIZE);

	if (questions == 1) {
		out->qname = dns_name_decode(&r, &out->qname_len);
		out->qtype = wire_get_u16(&r);
		out->qclass = wire_get_u16(&r);
		out->has_question = !r.failed;
	}
	/* Several are refused (RFC 9619), but an OPT behind them is answered. */
	for (unsigned i = 0; questions > 1 && i < questions && !r.failed; i++) {
		dns_name_skip(&r);
		wire_get_bytes(&r, 2 + 2);
	}
	out->rcode = records_decode(out, &r, before, additional);
	out->cookie_only =
		questions == 0 && before == 0 && out->rcode == DNS_NOERROR && out->edns.has_cookie;
	/* A version that we do not know may do without a question: BADVERS stands (RFC
	 * 6891, 6.1.3). */
	if (!out->has_question && !out->cookie_only &&
	    !(questions == 0 && out->rcode == DNS_BADVERS))
		out->rcode = DNS_FORMERR;
	/* Other opcodes may mean something else by what follows the header. */
	if (out->flags & DNS_OPCODE_MASK)
		out->rcode = DNS_NOTIMP;
	return true;
}
