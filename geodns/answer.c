/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The algorithm of RFC 1034, 4.3.2, with DNAME (RFC 6672, 3.2), within one
 * zone. Each step looks one name up and either ends the answer or, at a CNAME
 * or DNAME, says which name to go on with. A name outside of the zone is
 * left to the resolver.
 */
#include "geodns/answer.h"

#include <string.h>

#include "geodns/dns/name.h"
#include "geodns/dns/reply.h"
#include "geodns/dnssec/nsec.h"
#include "geodns/dnssec/rrsig.h"
#include "geodns/geo/rrset.h"

#define CHAIN_MAX 16
/* Of the records in an RRset, how many are looked at for the addresses of their names. */
#define ADDITIONAL_MAX 32

struct lookup {
	const struct snapshot *snap;
	const struct zone *zone;
	const struct dns_query *query;
	const struct answer_client *client;
	const struct zone_index_entry
		*indexed;     /* the question's name; NULL: it is to be looked up */
	struct dns_path path; /* of the name that is being looked up, unless that is the one */
	struct dns_reply reply;
	struct answer_result *result;
	struct rrsig_signing signing;
	const uint8_t *owner;	      /* the name that is being looked up */
	const struct zone_node *node; /* what was found for it; NULL: there is no such name */
	/* Owners of the CNAMEs and DNAMEs followed so far: one seen again is a loop. */
	const struct zone_node *seen[CHAIN_MAX];
	unsigned seen_count;
	uint32_t negative_ttl_max; /* below the zone's where it is not for long that there is
				      nothing */
	uint8_t substituted[DNS_NAME_MAX]; /* the last name that a DNAME has made */
};

/* All or nothing. */
static bool rrset_put(struct dns_reply *reply, enum dns_section section, const uint8_t *owner,
		      const struct zone_rrset *set)
{
	struct dns_reply_mark mark = dns_reply_mark(reply);

	for (const struct zone_rdata *r = set->rdata; r; r = r->next) {
		if (!dns_reply_record_put(reply, section, owner, set->type, set->ttl,
					  wire_reader(r->data, r->len))) {
			dns_reply_back(reply, &mark);
			return false;
		}
	}
	return true;
}

/*
 * Sign the RRset that was written since the mark, if answers are signed. ttl is the zone's. All or
 * nothing: without its signature the RRset goes, too, and the reply is truncated.
 */
static bool signature_put(struct lookup *l, enum dns_section section, const uint8_t *owner,
			  const struct dns_reply_mark *since, uint32_t ttl)
{
	if (l->signing.keys && !rrsig_put(&l->signing, &l->reply, section, owner, since, ttl)) {
		dns_reply_back(&l->reply, since);
		l->reply.truncated = true;
	}
	return !l->reply.truncated;
}

/* An RRset that the reply is nothing without: TC when it does not fit. */
static bool required_put(struct lookup *l, enum dns_section section, const uint8_t *owner,
			 const struct zone_rrset *set, uint32_t ttl_signed)
{
	struct dns_reply_mark mark = dns_reply_mark(&l->reply);

	if (rrset_put(&l->reply, section, owner, set))
		return signature_put(l, section, owner, &mark, ttl_signed);
	l->reply.truncated = true;
	return false;
}

/*
 * What an NSEC must not claim. A geographic CNAME that is denied any type is itself not there now,
 * nor is what ANY would be answered with.
 */
static uint16_t denied_type(const struct lookup *l, enum dns_section section,
			    const struct zone_node *node)
{
	const struct geo_name *geo = section == DNS_AUTHORITY && node ? node->geo : NULL;

	if (geo && (geo->has_cname || l->query->qtype == DNS_TYPE_ANY))
		return geo_rrset_main_type(geo);
	return l->query->qtype;
}

/* RFC 2308, 5; RFC 9077 for NSEC. */
static uint32_t negative_ttl(const struct lookup *l)
{
	uint32_t ttl = zone_negative_ttl(l->zone);

	return ttl < l->negative_ttl_max ? ttl : l->negative_ttl_max;
}

static bool nsec_put(struct lookup *l, enum dns_section section, const uint8_t *owner,
		     const struct zone_node *node)
{
	const struct nsec nsec = { .owner = owner,
				   .apex = zone_apex(l->zone)->name,
				   .node = node,
				   .without = denied_type(l, section, node) };
	struct dns_reply_mark mark = dns_reply_mark(&l->reply);
	uint8_t rdata[NSEC_RDATA_MAX];

	if (dns_reply_record_put(&l->reply, section, owner, DNS_TYPE_NSEC, negative_ttl(l),
				 wire_reader(rdata, nsec_rdata_encode(&nsec, rdata))))
		return signature_put(l, section, owner, &mark, zone_negative_ttl(l->zone));
	dns_reply_back(&l->reply, &mark);
	l->reply.truncated = true;
	return false;
}

/*
 * Signed, it is the NSEC that says that there is no such name, and the rcode only to
 * who can bear it beside a record that seems to say otherwise (RFC 9824, 5).
 */
static void negative_put(struct lookup *l, enum dns_rcode rcode)
{
	const struct zone_node *apex = zone_apex(l->zone);
	struct zone_rrset soa = *zone_rrset_find(apex, DNS_TYPE_SOA);
	uint32_t ttl_signed = soa.ttl;

	soa.ttl = negative_ttl(l);
	l->reply.rcode = l->signing.keys && !l->query->edns.compact_ok ? DNS_NOERROR : rcode;
	if (required_put(l, DNS_AUTHORITY, apex->name, &soa, ttl_signed) && l->signing.keys)
		nsec_put(l, DNS_AUTHORITY, l->owner, l->node);
}

/* Glue is not this zone's to sign (RFC 4035, 2.2). */
static bool is_signed(const struct lookup *l, const uint8_t *name)
{
	return l->signing.keys && zone_lookup(l->zone, name, false).found == ZONE_EXACT;
}

/* The zone's addresses of a name that record data hold. False when one did not fit. */
static bool addresses_put(struct lookup *l, const uint8_t *name)
{
	static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_AAAA };
	const struct zone_node *node = zone_node_find(l->zone, name);
	bool fit = true;

	for (unsigned i = 0; node && i < 2; i++) {
		const struct zone_rrset *set = zone_rrset_find(node, types[i]);
		struct dns_reply_mark mark = dns_reply_mark(&l->reply);

		if (!set)
			continue;
		if (!rrset_put(&l->reply, DNS_ADDITIONAL, name, set))
			fit = false;
		else if (is_signed(l, name)) /* welcome, no more (RFC 4035, 3.1.1) */
			rrsig_put(&l->signing, &l->reply, DNS_ADDITIONAL, name, &mark, set->ttl);
	}
	return fit;
}

/* Does an earlier record of the set name it, too, as with several services of one host? */
static bool is_named_before(const struct zone_rrset *set, const struct zone_rdata *rdata,
			    size_t skip)
{
	for (const struct zone_rdata *r = set->rdata; r != rdata; r = r->next) {
		if (dns_name_equal(r->data + skip, rdata->data + skip))
			return true;
	}
	return false;
}

/* Addresses that save the resolver a query: welcome, but no reason to truncate. */
static void additional_put(struct lookup *l, const struct zone_rrset *set)
{
	unsigned left = ADDITIONAL_MAX;
	size_t skip;

	if (set->type == DNS_TYPE_NS)
		skip = 0;
	else if (set->type == DNS_TYPE_MX)
		skip = 2;
	else if (set->type == DNS_TYPE_SRV)
		skip = 6;
	else
		return;
	for (const struct zone_rdata *r = set->rdata; r && left > 0; r = r->next, left--) {
		if (!is_named_before(set, r, skip))
			addresses_put(l, r->data + skip);
	}
}

/* That the child is signed, and by which key, or that it is not (RFC 4035, 3.1.4). */
static bool delegation_prove(struct lookup *l, const struct zone_node *cut)
{
	const struct zone_rrset *ds = zone_rrset_find(cut, DNS_TYPE_DS);

	if (!l->signing.keys)
		return true;
	if (ds)
		return required_put(l, DNS_AUTHORITY, cut->name, ds, ds->ttl);
	return nsec_put(l, DNS_AUTHORITY, cut->name, cut);
}

/* Glue below the cut is part of the referral (RFC 9471); other glue may be looked up. */
static void referral_put(struct lookup *l, const struct zone_node *cut)
{
	const struct zone_rrset *ns = zone_rrset_find(cut, DNS_TYPE_NS);

	if (l->reply.counts[DNS_ANSWER] == 0)
		l->reply.authoritative = false;
	/* A delegation's NS are not signed: the child's own are (RFC 4035, 2.2). */
	if (!rrset_put(&l->reply, DNS_AUTHORITY, cut->name, ns)) {
		l->reply.truncated = true;
		return;
	}
	if (!delegation_prove(l, cut))
		return;
	for (const struct zone_rdata *r = ns->rdata; r; r = r->next) {
		if (dns_name_is_under(r->data, cut->name) && !addresses_put(l, r->data)) {
			l->reply.truncated = true;
			return;
		}
	}
	for (const struct zone_rdata *r = ns->rdata; r; r = r->next) {
		if (!dns_name_is_under(r->data, cut->name))
			addresses_put(l, r->data);
	}
}

/* Returns how far the answer's validity reaches (RFC 7871, 7.2.1). */
static uint8_t choose(const struct lookup *l, const struct geo_name *name, struct geo_choice *to)
{
	const struct answer_client *client = l->client;
	const uint8_t scope = snapshot_choose_in(l->snap, name, &client->addr, &client->leaf, to);
	struct addr subnet;

	if (client->is_subnet)
		return scope;
	/* If there is one, then it is private. */
	return dns_edns_subnet(&subnet, &l->query->edns) ? snapshot_scope(l->snap, name, &subnet)
							 : 0;
}

/*
 * Everything that decides is the same for all types; only the records differ. Where a chain has led
 * through several geographic names, the answer is valid where all of them say so. Returns
 * the best target, NULL if there is nothing to answer.
 */
static const struct geo_target *geo_put(struct lookup *l, const uint8_t *owner,
					const struct geo_name *name, uint16_t type)
{
	struct dns_reply_mark mark = dns_reply_mark(&l->reply);
	struct geo_choice choice;
	const uint8_t scope = choose(l, name, &choice);

	if (geo_rrset_count(name, &choice, type) == 0) {
		/* All are down: until one is up again, which resolvers are to hear as soon. */
		if (choice.count == 0)
			l->negative_ttl_max = choice.ttl;
		negative_put(l, DNS_NOERROR);
		return NULL;
	}
	l->signing.chosen = name->answers > 1;
	if (geo_rrset_put(&l->reply, owner, name, &choice, type)) {
		signature_put(l, DNS_ANSWER, owner, &mark, name->ttl);
	} else {
		dns_reply_back(&l->reply, &mark);
		l->reply.truncated = true;
	}
	l->signing.chosen = false;
	if (scope > l->reply.ecs_scope)
		l->reply.ecs_scope = scope;
	l->result->geographic = true;
	l->result->name = name;
	l->result->target = choice.targets[0];
	return choice.targets[0];
}

/* One RRset stands for all of them (RFC 8482, 4.1). */
static void any_put(struct lookup *l, const uint8_t *owner, const struct zone_node *node)
{
	if (node->geo)
		geo_put(l, owner, node->geo, geo_rrset_main_type(node->geo));
	else if (node->rrsets)
		required_put(l, DNS_ANSWER, owner, node->rrsets, node->rrsets->ttl);
	else
		negative_put(l, DNS_NOERROR);
}

/* Of signatures, too, one stands for all: that of the NSEC, which every name has. */
static void rrsig_alone_put(struct lookup *l, const uint8_t *owner, const struct zone_node *node)
{
	l->signing.keys = zone_keys(l->zone);
	l->signing.alone = true;
	nsec_put(l, DNS_ANSWER, owner, node);
}

static bool seen_before(struct lookup *l, const struct zone_node *node)
{
	for (unsigned i = 0; i < l->seen_count; i++) {
		if (l->seen[i] == node)
			return true;
	}
	l->seen[l->seen_count++] = node;
	return false;
}

/* A CNAME answers for all types; the chain goes on unless it is itself what was asked for. */
static const uint8_t *geo_step(struct lookup *l, const uint8_t *owner, const struct zone_node *node)
{
	const struct geo_target *target;

	if (node->geo->has_cname && seen_before(l, node))
		return NULL;
	target = geo_put(l, owner, node->geo, l->query->qtype);
	if (!target || l->reply.truncated || l->query->qtype == DNS_TYPE_CNAME)
		return NULL;
	return target->cname;
}

static const uint8_t *node_step(struct lookup *l, const uint8_t *owner,
				const struct zone_node *node)
{
	uint16_t qtype = l->query->qtype;
	const struct zone_rrset *cname = zone_rrset_find(node, DNS_TYPE_CNAME);
	const struct zone_rrset *set = zone_rrset_find(node, qtype);

	if (qtype == DNS_TYPE_ANY) {
		any_put(l, owner, node);
	} else if (qtype == DNS_TYPE_RRSIG && zone_keys(l->zone)) {
		rrsig_alone_put(l, owner, node);
	} else if (qtype == DNS_TYPE_NSEC && zone_keys(l->zone)) {
		nsec_put(l, DNS_ANSWER, owner, node);
	} else if (node->geo && geo_rrset_is_owned(node->geo, qtype)) {
		return geo_step(l, owner, node);
	} else if (cname && qtype != DNS_TYPE_CNAME) {
		if (seen_before(l, node) || !required_put(l, DNS_ANSWER, owner, cname, cname->ttl))
			return NULL;
		return cname->rdata->data;
	} else if (!set) {
		negative_put(l, DNS_NOERROR);
	} else if (required_put(l, DNS_ANSWER, owner, set, set->ttl)) {
		additional_put(l, set);
	}
	return NULL;
}

static bool cname_put(struct lookup *l, const uint8_t *owner, uint32_t ttl, const uint8_t *target)
{
	struct dns_reply_mark mark = dns_reply_mark(&l->reply);

	if (!dns_reply_record_put(&l->reply, DNS_ANSWER, owner, DNS_TYPE_CNAME, ttl,
				  wire_reader(target, dns_name_length(target)))) {
		dns_reply_back(&l->reply, &mark);
		l->reply.truncated = true;
	}
	return !l->reply.truncated;
}

/*
 * The DNAME, and the CNAME that it stands for with the same TTL (RFC 6672, 3.1), which
 * is not signed (5.3.1).
 */
static const uint8_t *dname_step(struct lookup *l, const uint8_t *owner,
				 const struct zone_node *node)
{
	const struct zone_rrset *dname = zone_rrset_find(node, DNS_TYPE_DNAME);
	uint8_t target[DNS_NAME_MAX];

	if (seen_before(l, node) || !required_put(l, DNS_ANSWER, node->name, dname, dname->ttl))
		return NULL;
	if (!dns_name_replace_suffix(target, owner, node->name, dname->rdata->data)) {
		l->reply.rcode = DNS_YXDOMAIN;
		return NULL;
	}
	if (!cname_put(l, owner, dname->ttl, target))
		return NULL;
	memcpy(l->substituted, target, dns_name_length(target));
	return l->substituted;
}

/* That of the question has been looked up before, or its path is known from looking for its zone.
 */
static struct zone_match name_find(struct lookup *l, const uint8_t *owner)
{
	if (owner != l->query->qname)
		dns_path_init(&l->path, owner);
	else if (l->indexed)
		return (struct zone_match){ ZONE_EXACT, l->indexed->node };
	return zone_path_lookup(l->zone, &l->path, l->query->qtype == DNS_TYPE_DS);
}

/* Where the question's name is, and that the index knows it. NULL: in none of the zones. */
static const struct zone *zone_find(struct lookup *l)
{
	const struct dns_query *q = l->query;

	/* DS is asked for above a zone, where there is one. */
	l->indexed = q->qtype == DNS_TYPE_DS
			     ? NULL
			     : zone_index_find(l->snap->catalog->index, q->qname, q->qname_len);
	if (l->indexed)
		return l->indexed->zone;
	dns_path_init(&l->path, q->qname);
	return catalog_path_find(l->snap->catalog, &l->path, q->qtype == DNS_TYPE_DS);
}

/* Answer for one name. Returns the name to go on with, NULL at the end. */
static const uint8_t *step(struct lookup *l, const uint8_t *owner)
{
	const struct zone_match match = name_find(l, owner);

	l->owner = owner;
	l->node = match.found == ZONE_NONE ? NULL : match.node;
	l->signing.invented =
		match.found == ZONE_NONE || match.found == ZONE_WILDCARD ? owner : NULL;
	switch (match.found) {
	case ZONE_EXACT:
	case ZONE_WILDCARD:
		return node_step(l, owner, match.node);
	case ZONE_NONE:
		negative_put(l, DNS_NXDOMAIN);
		return NULL;
	case ZONE_DELEGATION:
		referral_put(l, match.node);
		return NULL;
	case ZONE_DNAME:
		return dname_step(l, owner, match.node);
	}
	return NULL;
}

static void internet_answer(struct lookup *l)
{
	const struct dns_query *q = l->query;
	const uint8_t *owner = q->qname;

	if (q->qtype == DNS_TYPE_AXFR || q->qtype == DNS_TYPE_IXFR) {
		l->reply.rcode = DNS_REFUSED;
		return;
	}
	/* Nothing can be of that type (RFC 9824, 3.5). */
	if (q->qtype == DNS_TYPE_NXNAME) {
		l->reply.rcode = DNS_FORMERR;
		return;
	}
	if (dns_type_is_meta(q->qtype) && q->qtype != DNS_TYPE_ANY) {
		l->reply.rcode = DNS_NOTIMP;
		return;
	}
	l->zone = zone_find(l);
	if (!l->zone) {
		l->reply.rcode = DNS_REFUSED;
		return;
	}
	l->reply.authoritative = true;
	l->signing.apex = zone_apex(l->zone)->name;
	l->signing.keys = q->edns.dnssec_ok ? zone_keys(l->zone) : NULL;
	for (unsigned i = 0; i < CHAIN_MAX && owner; i++) {
		if (i > 0 && !dns_name_is_under(owner, zone_apex(l->zone)->name))
			break;
		owner = step(l, owner);
	}
}

/* Who are you? id.server (RFC 4892) and BIND's older name for it. */
static void chaos_answer(struct lookup *l, const char *identity)
{
	static const uint8_t id_server[] = "\x02id\x06server";
	static const uint8_t hostname_bind[] = "\x08hostname\x04"
					       "bind";
	const struct dns_query *q = l->query;
	uint8_t text[1 + 63];

	if (!identity ||
	    (!dns_name_equal(q->qname, id_server) && !dns_name_equal(q->qname, hostname_bind))) {
		l->reply.rcode = DNS_REFUSED;
		return;
	}
	l->reply.authoritative = true;
	if (q->qtype != DNS_TYPE_TXT && q->qtype != DNS_TYPE_ANY)
		return;
	text[0] = (uint8_t)strlen(identity);
	memcpy(text + 1, identity, text[0]);
	dns_reply_record_put(&l->reply, DNS_ANSWER, q->qname, DNS_TYPE_TXT, 0,
			     wire_reader(text, 1 + (size_t)text[0]));
}

static size_t size_limit(const struct dns_query *q, const struct answer_request *req, size_t size)
{
	if (req->tcp)
		return size < ANSWER_SIZE_MAX ? size : ANSWER_SIZE_MAX;
	return q->has_edns ? dns_edns_udp_size(&q->edns) : DNS_UDP_SIZE_MIN;
}

/*
 * The query's cookie becomes the reply's, or goes where there are no secrets. A question
 * is then what the message is for.
 */
static enum dns_cookie_state cookie_settle(struct dns_query *q, const struct catalog *catalog,
					   const struct answer_request *req)
{
	enum dns_cookie_state state = DNS_COOKIE_NONE;

	if (q->edns.has_cookie)
		state = dns_cookie_renew(&q->edns.cookie, &catalog->cookie_secrets, &req->client,
					 req->unix_time);
	q->edns.has_cookie = state != DNS_COOKIE_NONE;
	if (!q->cookie_only || q->rcode != DNS_NOERROR)
		return state;
	if (state == DNS_COOKIE_NONE)
		q->rcode = DNS_FORMERR;
	else if (state == DNS_COOKIE_BAD)
		q->rcode = DNS_BADCOOKIE;
	return state;
}

static void question_answer(struct lookup *l, const char *identity)
{
	/* answer_decoded() has set what is read before it is written, and clears no kilobytes. */
	/* cppcheck-suppress ctuuninitvar */
	const struct dns_query *q = l->query;

	if (q->rcode != DNS_NOERROR || q->cookie_only)
		return;
	if (l->result->limited && l->result->cookie != DNS_COOKIE_NONE)
		l->reply.rcode = DNS_BADCOOKIE; /* it asks again, with the one it now has */
	else if (l->result->limited)
		l->reply.truncated = true; /* by TCP, if it is there */
	else if (q->qclass == DNS_CLASS_IN)
		internet_answer(l);
	else if (q->qclass == DNS_CLASS_CH)
		chaos_answer(l, identity);
	else
		l->reply.rcode = DNS_REFUSED;
}

void answer_decoded(struct answer_result *result, const struct snapshot *snap,
		    const struct answer_request *req, struct answer_question *question,
		    uint8_t *out, size_t size)
{
	const struct geodns_conf *conf = snap->catalog->conf;
	struct dns_query *query = &question->query;
	struct lookup l;

	l.snap = snap;
	l.zone = NULL;
	l.query = query;
	l.client = &question->client;
	l.result = result;
	*result = (struct answer_result){ .ecs = query->edns.has_ecs,
					  .cookie = cookie_settle(query, snap->catalog, req) };
	result->limited = req->rate != RATE_WHOLE && result->cookie != DNS_COOKIE_GOOD;
	if (result->limited && req->rate == RATE_NONE)
		return;
	query->edns.has_padding &= req->encrypted;
	query->edns.has_keepalive &= req->tcp;
	query->edns.keepalive = (uint16_t)(conf->tcp_idle_ms / 100);
	l.seen_count = 0;
	l.negative_ttl_max = UINT32_MAX;
	/* A client that has come by TCP is real, and waits for its answers: no budget. */
	l.signing = (struct rrsig_signing){ .signer = req->signer,
					    .now = req->unix_time,
					    .per_s = req->tcp ? 0 : conf->dnssec.signatures_per_s };
	/* An identity can be longer than the query that a forger has paid for. */
	dns_reply_init(&l.reply, out, size_limit(query, req, size), query,
		       result->limited ? NULL : conf->identity);
	question_answer(&l, conf->identity);
	result->len = dns_reply_finish(&l.reply);
	result->rcode = l.reply.rcode;
	result->truncated = l.reply.truncated;
	result->signatures = l.signing.count;
	result->signatures_made = l.signing.made;
	/* That of an additional record may be missing (RFC 4035, 3.1.1). */
	result->signatures_refused = l.signing.refused && l.reply.truncated;
}

struct answer_result answer(const struct snapshot *snap, const struct answer_request *req,
			    uint8_t *out, size_t size)
{
	struct answer_result result = { 0 };
	struct answer_question question;

	if (!dns_query_decode(&question.query, req->packet, req->len))
		return result;
	answer_client(&question.client, &question.query, &req->client);
	question.client.leaf = geo_map_lookup(snap->catalog->map, &question.client.addr);
	answer_decoded(&result, snap, req, &question, out, size);
	return result;
}
