/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/client/dns.h"

#include <arpa/nameser.h>
#include <limits.h>
#include <resolv.h>
#include <string.h>

#include "lib/wire.h"

#define FLAG_RD 0x0100

static ns_type qtype_of(enum addr_family family)
{
	return family == ADDR_IPV6 ? ns_t_aaaa : ns_t_a;
}

size_t client_dns_query_encode(uint8_t *buf, size_t size, uint16_t id, const char *name,
			       enum addr_family family)
{
	struct wire_writer w = wire_writer(buf, size);
	uint8_t owner[NS_MAXCDNAME];
	const int owner_len = dn_comp(name, owner, sizeof(owner), NULL, NULL);

	if (owner_len < 0)
		return 0;
	wire_put_u16(&w, id);
	wire_put_u16(&w, FLAG_RD);
	wire_put_u16(&w, 1); /* QDCOUNT */
	wire_put_u16(&w, 0);
	wire_put_u16(&w, 0);
	wire_put_u16(&w, 0);
	wire_put_bytes(&w, owner, (size_t)owner_len);
	wire_put_u16(&w, (uint16_t)qtype_of(family));
	wire_put_u16(&w, ns_c_in);
	return wire_written(&w);
}

static bool is_our_question(ns_msg *msg, const char *name, ns_type qtype)
{
	ns_rr question;

	return ns_msg_getflag(*msg, ns_f_qr) && ns_msg_count(*msg, ns_s_qd) == 1 &&
	       ns_parserr(msg, ns_s_qd, 0, &question) == 0 && ns_rr_type(question) == qtype &&
	       ns_rr_class(question) == ns_c_in && strcasecmp(ns_rr_name(question), name) == 0;
}

/*
 * The first record of the type wanted, whoever owns it: a recursive resolver has followed the
 * aliases and put the end of the chain into the answer.
 */
static enum client_dns_status first_address(ns_msg *msg, enum addr_family family, struct addr *addr)
{
	const size_t size = addr_size(family);
	ns_rr rr;

	for (int i = 0; i < ns_msg_count(*msg, ns_s_an); i++) {
		if (ns_parserr(msg, ns_s_an, i, &rr) != 0)
			return CLIENT_DNS_OTHER;
		if (ns_rr_type(rr) != qtype_of(family) || ns_rr_class(rr) != ns_c_in)
			continue;
		if (ns_rr_rdlen(rr) != size)
			return CLIENT_DNS_OTHER;
		*addr = addr_from_bytes(family, ns_rr_rdata(rr));
		return CLIENT_DNS_OK;
	}
	return CLIENT_DNS_NODATA;
}

static enum client_dns_status rcode_status(int rcode)
{
	switch (rcode) {
	case ns_r_noerror:
		return CLIENT_DNS_OK;
	case ns_r_servfail:
		return CLIENT_DNS_SERVFAIL;
	case ns_r_nxdomain:
		return CLIENT_DNS_NXDOMAIN;
	case ns_r_refused:
		return CLIENT_DNS_REFUSED;
	default:
		return CLIENT_DNS_OTHER;
	}
}

bool client_dns_reply_decode(const uint8_t *buf, size_t len, const char *name,
			     enum addr_family family, enum client_dns_status *status,
			     struct addr *addr)
{
	ns_msg msg;

	/* A reply whose sections do not parse is nobody's: the id alone proves nothing. */
	if (len > INT_MAX || ns_initparse(buf, (int)len, &msg) != 0 ||
	    !is_our_question(&msg, name, qtype_of(family)))
		return false;
	if (ns_msg_getflag(msg, ns_f_tc))
		*status = CLIENT_DNS_TRUNCATED;
	else
		*status = rcode_status(ns_msg_getflag(msg, ns_f_rcode));
	if (*status == CLIENT_DNS_OK)
		*status = first_address(&msg, family, addr);
	return true;
}

const char *client_dns_status_name(enum client_dns_status status)
{
	static const char *const names[] = { "ok",	"timeout", "servfail",	"nxdomain",
					     "refused", "nodata",  "truncated", "other" };

	return names[status];
}
