/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The BGP part of the configuration: policies, listeners and peers. */
#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "lb/conf.h"
#include "lib/arena.h"

#define AS_TRANS 23456 /* RFC 6793: stands for numbers that a peer cannot read */

_Static_assert(BGP_COMMUNITIES_MAX >= 4 * LB_COMMUNITIES_MAX + 1 &&
		       BGP_PREPEND_MAX >= 4 * LB_PREPEND_MAX,
	       "what finds no room in a route is not said");

static uint32_t load_asn(const struct conf *object)
{
	uint32_t asn = (uint32_t)conf_int(object, "asn", 1, UINT32_MAX - 1, CONF_REQUIRED);

	if (asn == AS_TRANS) {
		const struct conf at = conf_get(object, "asn");

		conf_fail(&at, "%d is reserved (RFC 6793)", AS_TRANS);
	}
	return asn;
}

const char *lb_key_load(const struct conf *at, struct arena *arena, size_t max)
{
	char line[LB_KEY_MAX + 2] = ""; /* one too many shows, and the final zero */
	FILE *file = fopen(conf_as_string(at), "re");

	assert(max + 2 <= sizeof(line));
	if (!file) {
		conf_fail(at, "cannot open: %s", strerror(errno));
		return "";
	}
	if (!fgets(line, (int)max + 2, file))
		line[0] = '\0';
	(void)fclose(file);
	line[strcspn(line, "\r\n")] = '\0';
	if (!line[0])
		conf_fail(at, "has no key in its first line");
	if (strlen(line) > max)
		conf_fail(at, "a key has at most %zu bytes", max);
	return arena_strdup(arena, line);
}

/* 0 stands for any that is not ours. */
static uint32_t load_peer_asn(const struct conf *item)
{
	const struct conf at = conf_get(item, "asn");

	if (!json_is_string(at.json))
		return load_asn(item);
	if (strcmp(json_string_value(at.json), "external") != 0)
		conf_fail(&at, "expected a number or \"external\"");
	return 0;
}

void lb_policy_load(const struct conf *object, const char *key, struct bgp_policy *out)
{
	const struct conf at = conf_get(object, key);
	struct conf communities;

	*out = (struct bgp_policy){ 0 };
	if (!at.json)
		return;
	CONF_KEYS(&at, "prepend", "communities", "med");
	out->prepend = (uint8_t)conf_int(&at, "prepend", 0, LB_PREPEND_MAX, 0);
	out->has_med = conf_has(&at, "med");
	out->med = (uint32_t)conf_int(&at, "med", 0, UINT32_MAX, 0);
	communities = conf_array(&at, "communities", 0, LB_COMMUNITIES_MAX);
	for (size_t i = 0; i < conf_count(&communities); i++) {
		const struct conf item = conf_item(&communities, i);
		const char *text = conf_as_string(&item);
		struct bgp_large_community large;
		uint32_t community;

		if (bgp_community_parse(&community, text))
			bgp_policy_add_community(out, community);
		else if (bgp_large_community_parse(&large, text))
			bgp_policy_add_large(out, &large);
		else
			conf_fail(&item,
				  "'%.40s' is neither ASN:VALUE, ASN:VALUE:VALUE nor a known name",
				  text);
	}
}

static void load_families(const struct conf *item, struct bgp_peer_conf *peer)
{
	const struct conf array = conf_array(item, "families", conf_has(item, "families"), 2);

	for (size_t i = 0; i < conf_count(&array); i++) {
		const struct conf at = conf_item(&array, i);
		const char *name = conf_as_string(&at);
		bool *family = strcmp(name, "ipv4") == 0   ? &peer->ipv4
			       : strcmp(name, "ipv6") == 0 ? &peer->ipv6
							   : NULL;

		if (!family)
			conf_fail(&at, "expected \"ipv4\" or \"ipv6\"");
		else if (*family)
			conf_fail(&at, "is given twice");
		else
			*family = true;
	}
	if (!array.json) {
		peer->ipv4 = peer->remote.addr.family == ADDR_IPV4 || peer->unnumbered;
		peer->ipv6 = peer->remote.addr.family == ADDR_IPV6;
	}
}

static struct addr load_next_hop(const struct conf *object, const char *key,
				 enum addr_family family)
{
	const struct conf at = conf_get(object, key);
	struct addr addr;

	if (!at.json)
		return (struct addr){ 0 };
	addr = conf_as_addr(&at);
	if (addr.family != family)
		conf_fail(&at, "expected an %s address", family == ADDR_IPV4 ? "IPv4" : "IPv6");
	return addr;
}

static void load_next_hops(const struct conf *item, struct bgp_peer_conf *peer)
{
	const struct conf at = conf_get(item, "next_hop");

	if (!at.json)
		return;
	CONF_KEYS(&at, "ipv4", "ipv6");
	peer->next_hop4 = load_next_hop(&at, "ipv4", ADDR_IPV4);
	peer->next_hop6 = load_next_hop(&at, "ipv6", ADDR_IPV6);
}

static void load_extended_next_hop(const struct conf *item, struct bgp_peer_conf *peer)
{
	const struct conf at = conf_get(item, "extended_next_hop");

	peer->extended_next_hop =
		conf_bool(item, "extended_next_hop", peer->unnumbered && peer->ipv4);
	if (peer->extended_next_hop && !peer->ipv4)
		conf_fail(&at, "is for the family ipv4 (RFC 8950)");
}

static void load_restart(const struct conf *item, struct bgp_restart_conf *out)
{
	const struct conf at = conf_get(item, "graceful_restart");

	if (!at.json)
		return;
	CONF_KEYS(&at, "restart_time", "notification");
	out->time = (uint16_t)conf_int(&at, "restart_time", 1, BGP_RESTART_TIME_MAX, 120);
	out->notification = conf_bool(&at, "notification", false);
}

static uint16_t load_hold_time(const struct conf *object, uint16_t def)
{
	uint16_t hold_time = (uint16_t)conf_int(object, "hold_time", 0, UINT16_MAX, def);

	if (hold_time == 1 || hold_time == 2) {
		const struct conf at = conf_get(object, "hold_time");

		conf_fail(&at, "1 and 2 seconds are not allowed (RFC 4271, 4.2)");
	}
	return hold_time;
}

/* An interface with the link-local address of the peer, or with nothing: who is there is it. */
static void load_interface(const struct conf *item, struct bgp_peer_conf *peer)
{
	static const char *const with_address[] = { "md5_key_file", "local_address", NULL };
	const struct conf at = conf_get(item, "interface");

	peer->interface = conf_as_string(&at);
	if (!*peer->interface || strlen(peer->interface) >= IFNAMSIZ)
		conf_fail(&at, "is not the name of an interface");
	if (conf_has(item, "range"))
		conf_fail(&at, "has one peer, not a range of them");
	if (conf_has(item, "address")) {
		peer->remote.addr = conf_addr(item, "address");
		if (!addr_is_link_local(&peer->remote.addr))
			conf_fail(&at, "is for a link-local address, or for none");
		return;
	}
	peer->unnumbered = true;
	peer->remote.addr.family = ADDR_IPV6;
	for (size_t i = 0; with_address[i]; i++) {
		const struct conf other = conf_get(item, with_address[i]);

		if (other.json)
			conf_fail(&other, "needs the peer's address beside its interface");
	}
}

/* One address, or a range of them, or an interface. */
static void load_remote(const struct conf *item, struct bgp_peer_conf *peer)
{
	const struct conf range = conf_get(item, "range"), limit = conf_get(item, "limit");
	const struct conf address = conf_get(item, "address");

	if (conf_has(item, "interface"))
		load_interface(item, peer);
	if (!range.json) {
		if (!peer->interface)
			peer->remote.addr = conf_addr(item, "address");
		if (!peer->interface && addr_is_link_local(&peer->remote.addr))
			conf_fail(&address, "is link-local: give its interface, too");
		if (limit.json)
			conf_fail(&limit, "is for a range");
		return;
	}
	peer->range = conf_as_prefix(&range);
	peer->remote.addr = peer->range.addr;
	if (conf_has(item, "address") || conf_has(item, "port"))
		conf_fail(&range, "stands in place of an address and a port");
}

static void load_dump(const struct conf *item, struct bgp_dump_conf *out)
{
	const struct conf at = conf_get(item, "dump");

	if (!at.json)
		return;
	CONF_KEYS(&at, "file", "max_bytes");
	out->file = conf_string(&at, "file", CONF_REQUIRED_STRING);
	if (!out->file[0]) {
		const struct conf file = conf_get(&at, "file");

		conf_fail(&file, "is empty");
	}
	out->max_bytes = (uint64_t)conf_int(&at, "max_bytes", 16384, INT64_C(1) << 40, 64 << 20);
}

static void load_peer(const struct conf *item, uint16_t hold_time, struct bgp_peer_conf *peer)
{
	CONF_KEYS(item, "name", "address", "range", "limit", "port", "local_address", "asn",
		  "passive", "families", "next_hop", "default_route", "policy", "hold_time",
		  "multihop", "ttl_security", "md5_key_file", "deprefer", "role", "role_strict",
		  "bfd", "dump", "extended_next_hop", "interface", "graceful_restart", "vips",
		  "identity");
	load_remote(item, peer);
	peer->remote.port = (uint16_t)conf_int(item, "port", 1, UINT16_MAX, BGP_PORT);
	peer->asn = load_peer_asn(item);
	if (conf_has(item, "local_address")) {
		const struct conf at = conf_get(item, "local_address");

		peer->local = conf_addr(item, "local_address");
		if (peer->local.family != peer->remote.addr.family)
			conf_fail(&at, "is not of the family of the peer's address");
	}
	peer->passive = conf_bool(item, "passive", peer->range.addr.family != ADDR_NONE);
	peer->default_route = conf_bool(item, "default_route", false);
	load_families(item, peer);
	load_next_hops(item, peer);
	load_extended_next_hop(item, peer);
	load_restart(item, &peer->graceful_restart);
	peer->hold_time = load_hold_time(item, hold_time);
	lb_policy_load(item, "policy", &peer->policy);
	lb_policy_load(item, "deprefer", &peer->deprefer);
	load_dump(item, &peer->dump);
}

/* An external peer is on the wire unless said otherwise (RFC 4271, section 5.1.3). */
static void load_transport(const struct conf *item, struct arena *arena, uint32_t own_asn,
			   struct bgp_peer_conf *peer)
{
	const struct conf at = conf_get(item, "ttl_security");
	const struct conf key = conf_get(item, "md5_key_file");

	peer->transport.hops = (uint8_t)conf_int(item, "multihop", 1, 255, peer->asn != own_asn);
	peer->transport.ttl_security = conf_bool(item, "ttl_security", false);
	if (peer->transport.ttl_security && peer->transport.hops == 0)
		conf_fail(&at, "towards a peer of the own ASN needs multihop");
	if (key.json)
		peer->transport.md5_key = lb_key_load(&key, arena, BGP_MD5_KEY_MAX);
}

static void load_role(const struct conf *item, uint32_t own_asn, struct bgp_peer_conf *peer)
{
	static const char *const roles[] = { "none",	 "provider", "rs", "rs-client",
					     "customer", "peer",     NULL };
	const struct conf at = conf_get(item, "role"), strict = conf_get(item, "role_strict");

	peer->role = (enum bgp_role)conf_choice(item, "role", roles, BGP_ROLE_NONE);
	peer->role_strict = conf_bool(item, "role_strict", false);
	if (peer->role != BGP_ROLE_NONE && peer->asn == own_asn)
		conf_fail(&at, "is for peers of another AS (RFC 9234)");
	if (peer->role_strict && peer->role == BGP_ROLE_NONE)
		conf_fail(&strict, "needs a role of our own");
}

static bool is_same_remote(const struct bgp_peer_conf *a, const struct bgp_peer_conf *b)
{
	bool same_interface =
		a->interface && b->interface && strcmp(a->interface, b->interface) == 0;

	if (a->range.addr.family != ADDR_NONE || b->range.addr.family != ADDR_NONE)
		return false;
	if (a->unnumbered || b->unnumbered)
		return same_interface;
	return addr_equal(&a->remote.addr, &b->remote.addr) && (!a->interface || same_interface);
}

static void check_peer(const struct conf *item, const struct bgp_speaker_conf *bgp, size_t index)
{
	const struct bgp_peer_conf *peer = &bgp->peers[index];
	const struct conf at = conf_get(item, peer->unnumbered ? "interface" : "address");
	const struct conf passive = conf_get(item, "passive");
	const struct conf range = conf_get(item, "range");

	for (size_t i = 0; i < index; i++) {
		const struct bgp_peer_conf *other = &bgp->peers[i];

		if (range.json && other->range.addr.family != ADDR_NONE &&
		    prefix_overlaps(&peer->range, &other->range))
			conf_fail(&range, "overlaps that of peer '%s'", other->name);
		if (is_same_remote(peer, other))
			conf_fail(&at, "is already that of peer '%s'", other->name);
	}
	if (range.json && !peer->passive)
		conf_fail(&passive, "whoever is in a range must dial us");
	if (peer->passive && bgp->listen_count == 0)
		conf_fail(&passive, "a passive peer needs bgp.listen");
}

/* Our own numbers, which stand at the top of the document. */
static void load_self(const struct conf *root, struct bgp_speaker_conf *out)
{
	const struct conf at = conf_get(root, "router_id");
	const struct addr id = conf_addr(root, "router_id");

	out->asn = load_asn(root);
	if (id.family != ADDR_IPV4 || addr_to_ipv4(&id) == 0)
		conf_fail(&at, "expected an IPv4 address other than 0.0.0.0");
	out->router_id = addr_to_ipv4(&id);
}

static void load_listen(const struct conf *bgp, struct arena *arena, struct bgp_speaker_conf *out)
{
	const struct conf array = conf_array(bgp, "listen", 0, LB_LISTEN_MAX);
	struct endpoint *listen;

	out->listen_count = conf_count(&array);
	listen = arena_new_array(arena, struct endpoint, out->listen_count);
	for (size_t i = 0; i < out->listen_count; i++) {
		const struct conf item = conf_item(&array, i);

		if (!endpoint_parse(&listen[i], conf_as_string(&item), BGP_PORT))
			conf_fail(&item, "expected ADDRESS or ADDRESS:PORT");
	}
	out->listen = listen;
}

static const char *load_shutdown_text(const struct conf *bgp)
{
	const struct conf at = conf_get(bgp, "shutdown_text");
	const char *text = conf_string(bgp, "shutdown_text", "catchment-lb is stopping");

	if (strlen(text) > BGP_SHUTDOWN_TEXT_MAX)
		conf_fail(&at, "has more than %d bytes (RFC 9003)", BGP_SHUTDOWN_TEXT_MAX);
	return text;
}

/* A slot may be called as another peer is, and two that write to one file would garble it. */
static void check_distinct(const struct conf *item, const struct bgp_speaker_conf *out,
			   size_t first)
{
	for (size_t i = 0; i < first; i++) {
		for (size_t j = first; j < out->peer_count; j++) {
			const struct bgp_peer_conf *a = &out->peers[i], *b = &out->peers[j];

			if (strcmp(a->name, b->name) == 0)
				conf_fail(item, "two peers are called '%s'", a->name);
			if (a->dump.file && b->dump.file && strcmp(a->dump.file, b->dump.file) == 0)
				conf_fail(item, "peer '%s' dumps to the same file", a->name);
		}
	}
}

/* A slot for each peer that a range may have at a time: NAME-1, NAME-2 ..., as are their dumps. */
static void multiply(const struct conf *item, struct arena *arena, struct bgp_speaker_conf *out,
		     struct bgp_peer_conf *peer)
{
	size_t limit = (size_t)conf_int(item, "limit", 1, LB_PEERS_MAX, 8);
	const char *name = peer->name, *file = peer->dump.file;

	for (size_t i = 0; i < limit; i++) {
		if (out->peer_count - 1 + limit > LB_PEERS_MAX) {
			conf_fail(item, "more than %d peers, slots included", LB_PEERS_MAX);
			return;
		}
		peer[i] = peer[0];
		peer[i].name = arena_printf(arena, "%s-%zu", name, i + 1);
		if (file)
			peer[i].dump.file = arena_printf(arena, "%s-%zu", file, i + 1);
	}
	out->peer_count += limit - 1;
}

void lb_bgp_conf_load(const struct conf *root, struct lb_conf *conf)
{
	struct bgp_speaker_conf *out = &conf->bgp;
	struct arena *arena = conf->arena;
	const struct conf at = conf_require(root, "bgp");
	uint16_t hold_time, connect_retry;
	struct bgp_peer_conf *peers;
	struct conf array;

	load_self(root, out);
	if (!at.json)
		return;
	CONF_KEYS(&at, "hold_time", "connect_retry", "listen", "peers", "shutdown_text",
		  "drain_ms");
	hold_time = load_hold_time(&at, 9);
	connect_retry = (uint16_t)conf_int(&at, "connect_retry", 1, 3600, 5);
	load_listen(&at, arena, out);
	out->drain_ms = (unsigned)conf_int(&at, "drain_ms", 0, 3600000, 0);
	out->shutdown_text = load_shutdown_text(&at);
	array = conf_array(&at, "peers", 0, LB_PEERS_MAX);
	peers = arena_new_array(arena, struct bgp_peer_conf, LB_PEERS_MAX);
	out->peers = peers;
	for (size_t i = 0; i < conf_count(&array) && !root->err->set; i++) {
		const struct conf item = conf_item(&array, i);
		struct bgp_peer_conf *peer = &peers[out->peer_count];

		if (out->peer_count == LB_PEERS_MAX) {
			conf_fail(&item, "more than %d peers, slots included", LB_PEERS_MAX);
			return;
		}
		peer->name = lb_conf_unique_name(&array, i, &item);
		peer->connect_retry = connect_retry;
		load_peer(&item, hold_time, peer);
		load_transport(&item, arena, out->asn, peer);
		load_role(&item, out->asn, peer);
		lb_only_conf_load(&item, conf, &peer->only);
		check_peer(&item, out, out->peer_count);
		out->peer_count++;
		if (peer->range.addr.family != ADDR_NONE)
			multiply(&item, arena, out, peer);
		check_distinct(&item, out, (size_t)(peer - peers));
	}
}
