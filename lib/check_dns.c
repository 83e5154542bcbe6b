/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/check_dns.h"

#include <arpa/nameser.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/wire.h"

static const struct {
	uint16_t type;
	const char *name;
} types[] = {
	{ ns_t_a, "A" },     { ns_t_aaaa, "AAAA" }, { ns_t_ns, "NS" },	 { ns_t_soa, "SOA" },
	{ ns_t_txt, "TXT" }, { ns_t_mx, "MX" },	    { ns_t_srv, "SRV" }, { ns_t_cname, "CNAME" },
};
#define TYPES (sizeof(types) / sizeof(types[0]))

static const char *const rcodes[] = { "NOERROR",  "FORMERR", "SERVFAIL",
				      "NXDOMAIN", "NOTIMP",  "REFUSED" };
#define RCODES (sizeof(rcodes) / sizeof(rcodes[0]))

const char *check_dns_type_name(uint16_t type)
{
	for (size_t i = 0; i < TYPES; i++) {
		if (types[i].type == type)
			return types[i].name;
	}
	return NULL;
}

uint16_t check_dns_type_find(const char *name)
{
	for (size_t i = 0; i < TYPES; i++) {
		if (strcmp(types[i].name, name) == 0)
			return types[i].type;
	}
	return 0;
}

const char *check_dns_rcode_name(unsigned rcode)
{
	return rcode < RCODES ? rcodes[rcode] : NULL;
}

int check_dns_rcode_find(const char *name)
{
	for (size_t i = 0; i < RCODES; i++) {
		if (strcmp(rcodes[i], name) == 0)
			return (int)i;
	}
	return -1;
}

static size_t name_wire_length(const uint8_t *name)
{
	size_t len = 0;

	while (name[len] != 0)
		len += 1 + (size_t)name[len];
	return len + 1;
}

size_t check_dns_query(const struct check_dns_spec *spec, uint16_t id,
		       uint8_t out[CHECK_DNS_QUERY_MAX])
{
	struct wire_writer w = wire_writer(out, CHECK_DNS_QUERY_MAX);
	uint8_t name[NS_MAXCDNAME];

	if (ns_name_pton(spec->name, name, sizeof(name)) < 0)
		return 0;
	wire_put_u16(&w, id);
	wire_put_u16(&w, 0x0100); /* RD: it may be a resolver */
	wire_put_u16(&w, 1);
	wire_put_u16(&w, 0);
	wire_put_u16(&w, 0);
	wire_put_u16(&w, 0);
	wire_put_bytes(&w, name, name_wire_length(name));
	wire_put_u16(&w, spec->type);
	wire_put_u16(&w, ns_c_in);
	return wire_written(&w);
}

/* Octets 0 to 3 tell whether it may be ours, before anything else of it is looked at. */
static bool is_reply(const uint8_t *msg, size_t len, uint16_t id)
{
	return len >= NS_HFIXEDSZ && (msg[0] << 8 | msg[1]) == id && msg[2] & 0x80;
}

/* Text of names, with the last dot or without. */
static bool is_same_name(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);

	a_len -= a_len > 0 && a[a_len - 1] == '.';
	b_len -= b_len > 0 && b[b_len - 1] == '.';
	return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

static bool is_question(const struct check_dns_spec *spec, ns_msg *msg)
{
	ns_rr question;

	return ns_msg_count(*msg, ns_s_qd) == 1 && ns_parserr(msg, ns_s_qd, 0, &question) == 0 &&
	       is_same_name(ns_rr_name(question), spec->name) &&
	       ns_rr_type(question) == spec->type && ns_rr_class(question) == ns_c_in;
}

static bool is_wanted(const struct check_dns_spec *spec, const ns_rr *rr)
{
	if (ns_rr_type(*rr) != spec->type)
		return false;
	if (spec->answer.family == ADDR_NONE)
		return true;
	return ns_rr_rdlen(*rr) == addr_size((enum addr_family)spec->answer.family) &&
	       memcmp(ns_rr_rdata(*rr), spec->answer.bytes, ns_rr_rdlen(*rr)) == 0;
}

static enum check_dns_verdict records_judge(const struct check_dns_spec *spec, ns_msg *msg,
					    char *reason, size_t size)
{
	char text[ADDR_TEXT_SIZE];
	ns_rr rr;

	for (int i = 0; i < ns_msg_count(*msg, ns_s_an); i++) {
		if (ns_parserr(msg, ns_s_an, i, &rr) < 0) {
			snprintf(reason, size, "the answer is malformed");
			return CHECK_DNS_BAD;
		}
		if (is_wanted(spec, &rr))
			return CHECK_DNS_GOOD;
	}
	if (ns_msg_getflag(*msg, ns_f_tc))
		snprintf(reason, size, "the answer is truncated");
	else if (spec->answer.family == ADDR_NONE)
		snprintf(reason, size, "no record of type %s", check_dns_type_name(spec->type));
	else
		snprintf(reason, size, "%s is not in the answer", addr_format(&spec->answer, text));
	return CHECK_DNS_BAD;
}

enum check_dns_verdict check_dns_judge(const struct check_dns_spec *spec, uint16_t id,
				       const uint8_t *msg, size_t len, char *reason, size_t size)
{
	unsigned rcode;
	ns_msg parsed;

	if (!is_reply(msg, len, id))
		return CHECK_DNS_OTHER;
	rcode = msg[3] & 0x0f;
	/* An error need not echo the question. */
	if (rcode != ns_r_noerror && rcode != spec->rcode && msg[4] == 0 && msg[5] == 0) {
		snprintf(reason, size, "rcode %u", rcode);
		return CHECK_DNS_BAD;
	}
	if (ns_initparse(msg, (int)len, &parsed) < 0) {
		snprintf(reason, size, "the answer is malformed");
		return CHECK_DNS_BAD;
	}
	if (!is_question(spec, &parsed))
		return CHECK_DNS_OTHER;
	if (rcode != spec->rcode) {
		if (check_dns_rcode_name(rcode))
			snprintf(reason, size, "rcode %s", check_dns_rcode_name(rcode));
		else
			snprintf(reason, size, "rcode %u", rcode);
		return CHECK_DNS_BAD;
	}
	if (rcode != ns_r_noerror)
		return CHECK_DNS_GOOD;
	return records_judge(spec, &parsed, reason, size);
}
