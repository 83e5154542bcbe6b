/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xdp_diff COUNT SEED [limited|signed]: the program on the interface against answer(), by
 * BPF_PROG_TEST_RUN (root).
 *
 * Random queries, from ordinary ones to nonsense, while verdicts change: what the program answers
 * must be answer()'s reply octet for octet in a proper packet; what it leaves must be untouched;
 * and an ordinary query that answer() has an address for must not be left. limited: with a rate
 * limit, so that replies may be short ones, again answer()'s, or missing, but not for who is
 * exempt; and no network gets more whole ones than that allows. signed: in a signed zone, so that
 * who wants signatures must be left. Prints what it has seen as JSON;
 * status 1 and the query otherwise.
 */
#include <assert.h>

#include "geodns/answer.h"
#include "geodns/dns/edns.h"
#include "geodns/dnssec/keys.h"
#include "geodns/xdp/fastpath.h"
#include "geodns/xdp/program.h"
#include "tests/support/geodns_fixture.h"
#include "tests/support/xdp_frame.h"

#define VERDICTS_EVERY 50

/* Of the rate limit. */
#define PER_SECOND 2
#define BURST	   3
#define SLIP	   2
#define EXEMPT4	   "100.64.0.0/24"
#define EXEMPT6	   "2a00:1::/32"
#define NETWORKS   65536 /* a power of two: more than are drawn */
#define OFTEN	   50	 /* so many queries of a network: nothing takes its bucket away */

/* clang-format off */
static const char conf_text[] =
	"{'version':1,'listen':['192.0.2.53:53','[2001:db8::53]:53','192.0.2.54:5353'],"
	"'identity':'ns1',"
	"'zones':[{'name':'lab.test','file':'lab'},{'name':'sub.lab.test','file':'sub'}],"
	"'pops':[{'name':'fra','at':[50.1,8.7]},{'name':'nyc','at':[40.7,-74.0]},"
	"{'name':'sin','at':[1.35,103.8]},{'name':'old','at':[52.0,5.0],'dial':0},"
	"{'name':'part','at':[48.0,2.0],'dial':40}],"
	"'networks':[{'prefix':'100.64.0.0/24','at':[48.8,2.3]},"
	"{'prefix':'100.64.1.0/24','at':[41.9,-87.6]},{'prefix':'100.64.2.0/24','at':[-31.9,115.9]},"
	"{'prefix':'100.64.2.64/30','at':[41.9,-87.6]},{'prefix':'8.0.0.0/7','at':[41.9,-87.6]},"
	"{'prefix':'203.0.113.77/32','at':[-31.9,115.9]},"
	"{'prefix':'10.9.0.0/16','at':[41.9,-87.6]},{'prefix':'2001:db8:f801::/48','at':[41.9,-87.6]},"
	"{'prefix':'2a00::/12','at':[1.0,100.0]},{'prefix':'2a00:1::/33','at':[41.0,-80.0]},"
	"{'prefix':'2a00:1:0:8::/61','at':[50.0,8.0]},"
	"{'prefix':'2a00:1:0:9:1:2:3:4/128','at':[-31.9,115.9]}],"
	"'default_at':[50.1,8.7],"
	"'checks':{'c':{'type':'tcp','port':80,'interval_ms':1000,'timeout_ms':1000}},"
	"'names':["
	"{'name':'*.geo.lab.test','ttl':30,'ttl_min':3,'pops':["
	"{'pop':'fra','a':['198.18.33.1'],'aaaa':['2001:db8:1001::1'],'check':'c','address':'10.2.1.1'},"
	"{'pop':'nyc','a':['198.18.34.1'],'aaaa':['2001:db8:1002::1'],'check':'c','address':'10.2.2.1'},"
	"{'pop':'sin','a':['198.18.35.1'],'aaaa':['2001:db8:1003::1'],'check':'c','address':'10.2.3.1'}]},"
	"{'name':'exact.geo.lab.test','ttl':86400,'pops':["
	"{'pop':'fra','a':['198.18.33.1','198.18.33.2','198.18.33.3'],'aaaa':['2001:db8:1001::1']},"
	"{'pop':'nyc','a':['198.18.34.1'],'aaaa':['2001:db8:1002::9'],'check':'c','address':'10.2.2.1'},"
	"{'pop':'old','a':['198.18.36.1'],'aaaa':['2001:db8:1004::1','2001:db8:1004::2']}]},"
	"{'name':'v4only.lab.test','ttl':20,'ttl_min':5,'when_all_down':'none','pops':["
	"{'pop':'fra','a':['198.18.33.2'],'check':'c','address':'10.2.1.1'},"
	"{'pop':'nyc','a':['198.18.34.2'],'check':'c','address':'10.2.2.1'}]},"
	"{'name':'any.lab.test','ttl':5,'pops':[{'pop':'fra','a':['198.18.0.1'],"
	"'aaaa':['2001:db8::1']}]},"
	"{'name':'two.lab.test','ttl':0,'answers':2,'pops':["
	"{'pop':'fra','a':['198.18.40.1','198.18.40.2'],'aaaa':['2001:db8:2::1'],'check':'c','address':'10.2.1.1'},"
	"{'pop':'sin','a':['198.18.41.1'],'aaaa':['2001:db8:2::2'],'check':'c','address':'10.2.3.1'},"
	"{'pop':'nyc','a':['198.18.42.1'],'aaaa':['2001:db8:2::3','2001:db8:2::4'],'check':'c','address':'10.2.2.1'}]},"
	"{'name':'order.lab.test','policy':'failover','answers':3,'ttl_min':1,'pops':["
	"{'pop':'sin','a':['198.18.43.1'],'check':'c','address':'10.2.3.1'},"
	"{'pop':'nyc','a':['198.18.43.2'],'check':'c','address':'10.2.2.1'},"
	"{'pop':'fra','a':['198.18.43.3'],'check':'c','address':'10.2.1.1'}]},"
	"{'name':'eight.lab.test','pops':[{'pop':'fra','aaaa':['2001:db8::1','2001:db8::2','2001:db8::3',"
	"'2001:db8::4','2001:db8::5','2001:db8::6','2001:db8::7','2001:db8::8']}]},"
	"{'name':'last.lab.test','when_all_down':{'a':['198.18.99.9']},'pops':["
	"{'pop':'nyc','a':['198.18.44.2'],'check':'c','address':'10.2.2.1'},"
	"{'pop':'fra','a':['198.18.44.3'],'check':'c','address':'10.2.1.1'}]},"
	"{'name':'lab.test','pops':[{'pop':'nyc','a':['198.18.45.2']},{'pop':'fra','a':['198.18.45.3']}]},"
	"{'name':'abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz.lab.test','pops':["
	"{'pop':'nyc','a':['198.18.46.2']},{'pop':'fra','a':['198.18.46.3']}]},"
	/* Those that are left to user space. */
	"{'name':'nine.lab.test','pops':[{'pop':'fra','a':['198.18.0.1','198.18.0.2','198.18.0.3',"
	"'198.18.0.4','198.18.0.5','198.18.0.6','198.18.0.7','198.18.0.8','198.18.0.9']}]},"
	"{'name':'part.lab.test','pops':[{'pop':'part','a':['198.18.47.2']},{'pop':'fra','a':['198.18.47.3']}]},"
	"{'name':'weighted.lab.test','policy':'weighted','pops':[{'pop':'nyc','a':['198.18.48.2']},"
	"{'pop':'fra','a':['198.18.48.3']}]},"
	"{'name':'toolongtoolongtoolongtoolong.toolongtoolongtoolongtoolong.lab.test','pops':["
	"{'pop':'nyc','a':['198.18.50.2']},{'pop':'fra','a':['198.18.50.3']}]},"
	"{'name':'cname.lab.test','pops':[{'pop':'nyc','cname':'any.lab.test'},{'pop':'fra','cname':'two.lab.test'}]}"
	"]}";
/* clang-format on */

static const char *const ordinary_names[] = {
	"any.geo.lab.test",   "u1.geo.lab.test",
	"exact.geo.lab.test", "*.geo.lab.test",
	"v4only.lab.test",    "any.lab.test",
	"two.lab.test",	      "order.lab.test",
	"eight.lab.test",     "last.lab.test",
	"lab.test",	      "abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz.lab.test",
};

static const char *const other_names[] = {
	"nine.lab.test",
	"part.lab.test",
	"weighted.lab.test",
	"cname.lab.test",
	"www.lab.test",
	"toolongtoolongtoolongtoolong.toolongtoolongtoolongtoolong.lab.test",
	"geo.lab.test",
	"exists.geo.lab.test",
	"a.b.geo.lab.test",
	"x.exact.geo.lab.test",
	"a.sub.lab.test",
	".",
	"nothing.lab.test",
	"y.deleg.lab.test",
	"z.old.lab.test",
	"test",
	"example",
	"alias.lab.test",
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.geo.lab.test",
	"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.lab.test",
	"ab.c.lab.test",
};

static const char *const client_blocks[] = {
	"100.64.0.0",
	"100.64.1.0",
	"100.64.2.64",
	"100.64.3.0",
	"8.8.8.0",
	"203.0.113.76",
	"10.9.0.0",
	"10.1.2.0",
	"192.168.1.0",
	"127.0.0.0",
	"0.0.0.0",
	"172.31.0.0",
	"1.2.3.0",
	"2001:db8:f801::",
	"2001:db8:f802::",
	"2a00:1::",
	"2a00:1:0:8::",
	"::",
	"2a00:1:0:9:1:2:3:4",
	"fd00::",
	"fe80::",
	"::ffff:0:0",
	"2a00:1:8000::",
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct random {
	uint64_t state;
};

static uint32_t draw(struct random *r, uint32_t below)
{
	r->state = r->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((r->state >> 33) % below);
}

static bool once_in(struct random *r, uint32_t n)
{
	return draw(r, n) == 0;
}

struct asked {
	uint8_t message[1500];
	size_t len;
	bool is_ordinary;
	bool wants_signatures; /* if it can be read */
};

/* An address in one of the blocks: the last octets differ. */
static struct addr address(struct random *r, enum addr_family family)
{
	struct addr addr;

	do {
		if (!addr_parse(&addr, client_blocks[draw(r, COUNT_OF(client_blocks))]))
			abort();
	} while (addr.family != family);
	if (once_in(r, 2))
		addr.bytes[addr_size(family) - 1] ^= (uint8_t)draw(r, 4);
	if (once_in(r, 4))
		addr.bytes[draw(r, (uint32_t)addr_size(family))] = (uint8_t)draw(r, 256);
	return addr;
}

static void ecs_put(struct random *r, struct wire_writer *w, struct asked *q)
{
	const uint32_t odd = draw(r, 40);
	enum addr_family family = once_in(r, 2) ? ADDR_IPV4 : ADDR_IPV6;
	struct addr addr = address(r, family);
	uint8_t source = (uint8_t)draw(r, addr_bits(family) + 1);
	uint16_t code = (uint16_t)(addr.family == ADDR_IPV4 ? 1 : 2);
	size_t len;

	if (once_in(r, 2))
		source = family == ADDR_IPV4 ? 24 : 56;
	addr = addr_mask(&addr, source);
	len = (source + 7u) / 8;
	if (odd < 8)
		q->is_ordinary = false;
	if (odd == 0)
		code = (uint16_t)draw(r, 5);
	else if (odd == 1 && len < 16)
		len += 1 + draw(r, 16 - (uint32_t)len);
	else if (odd == 2 && len > 0)
		len--;
	else if (odd == 3 && len > 0)
		addr.bytes[len - 1] |= (uint8_t)(1 + draw(r, 255));
	else if (odd == 4)
		source = (uint8_t)draw(r, 256);
	else if (odd == 5)
		code = source = 0, len = 0;
	wire_put_u16(w, DNS_OPTION_ECS);
	wire_put_u16(w, (uint16_t)(4 + len));
	wire_put_u16(w, code);
	wire_put_u8(w, source);
	wire_put_u8(w, odd == 6 ? (uint8_t)draw(r, 256) : 0);
	wire_put_bytes(w, addr.bytes, len);
}

static void option_put(struct random *r, struct wire_writer *w, struct asked *q)
{
	static const uint8_t zero[40];
	const uint16_t codes[] = { 3, 10, 8, 12, 65001 };
	size_t len = draw(r, sizeof(zero));

	q->is_ordinary = false;
	wire_put_u16(w, codes[draw(r, COUNT_OF(codes))]);
	wire_put_u16(w, (uint16_t)(once_in(r, 8) ? draw(r, 60) : len));
	wire_put_bytes(w, zero, len);
}

static void opt_put(struct random *r, struct wire_writer *w, struct asked *q)
{
	uint16_t flags = 0;
	size_t at;

	if (once_in(r, 3))
		flags = (uint16_t)(draw(r, 4) << 14);
	if (once_in(r, 20))
		flags = (uint16_t)draw(r, 65536);
	wire_put_u8(w, once_in(r, 60) ? (q->is_ordinary = false, 1) : 0);
	wire_put_u16(w, DNS_TYPE_OPT);
	wire_put_u16(w, (uint16_t)(once_in(r, 2) ? 1232 : draw(r, 65536)));
	wire_put_u8(w, (uint8_t)(once_in(r, 20) ? draw(r, 256) : 0));
	wire_put_u8(w, once_in(r, 40) ? (q->is_ordinary = false, 1) : 0);
	wire_put_u16(w, flags);
	q->wants_signatures = flags & 0x8000;
	at = wire_offset(w);
	wire_put_u16(w, 0);
	if (once_in(r, 20))
		option_put(r, w, q);
	if (!once_in(r, 3))
		ecs_put(r, w, q);
	if (once_in(r, 20))
		option_put(r, w, q);
	wire_patch_u16(w, at, (uint16_t)(wire_offset(w) - at - 2));
}

static void name_put(struct random *r, struct wire_writer *w, struct asked *q)
{
	bool ordinary = !once_in(r, 5);
	const char *text = ordinary ? ordinary_names[draw(r, COUNT_OF(ordinary_names))]
				    : other_names[draw(r, COUNT_OF(other_names))];
	uint8_t name[DNS_NAME_MAX];
	size_t len = dns_name_parse(name, text);

	if (!ordinary)
		q->is_ordinary = false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] >= 'a' && name[i] <= 'z' && once_in(r, 3))
			name[i] ^= 0x20;
	}
	/* Another name below the wildcard. */
	if (strcmp(text, "u1.geo.lab.test") == 0)
		name[2] = (uint8_t)('0' + draw(r, 10));
	wire_put_bytes(w, name, len);
}

/* From rarely to never the same twice. */
static void query_make(struct random *r, struct asked *q)
{
	static const uint16_t types[] = { 2, 5, 6, 15, 16, 28, 65, 255, 252, 41, 46, 1 };
	struct wire_writer w = wire_writer(q->message, sizeof(q->message));
	bool edns = !once_in(r, 4), odd = once_in(r, 30);
	uint16_t flags = (uint16_t)(once_in(r, 2) ? 0x0100 : 0);

	*q = (struct asked){ .is_ordinary = true };
	if (once_in(r, 10)) /* AA, RA, Z, AD, CD and an rcode mean nothing in a query */
		flags ^= (uint16_t)draw(r, 65536) & 0x05bf;
	if (once_in(r, 40)) {
		flags = (uint16_t)draw(r, 65536);
		q->is_ordinary = false;
	}
	wire_put_u16(&w, (uint16_t)draw(r, 65536));
	wire_put_u16(&w, flags);
	wire_put_u16(&w, (uint16_t)(odd ? draw(r, 3) : 1));
	wire_put_u16(&w, (uint16_t)(odd ? draw(r, 2) : 0));
	wire_put_u16(&w, 0);
	wire_put_u16(&w, (uint16_t)(odd ? draw(r, 3) : edns));
	name_put(r, &w, q);
	if (once_in(r, 20)) {
		wire_put_u16(&w, types[draw(r, COUNT_OF(types))]);
		q->is_ordinary = false;
	} else {
		wire_put_u16(&w, once_in(r, 2) ? DNS_TYPE_A : DNS_TYPE_AAAA);
	}
	wire_put_u16(&w, once_in(r, 50) ? (q->is_ordinary = false, (uint16_t)draw(r, 5)) : 1);
	if (edns)
		opt_put(r, &w, q);
	q->len = wire_written(&w);
	q->is_ordinary &= !odd;
	if (once_in(r, 30)) { /* cut short, or longer */
		q->len = once_in(r, 2) ? draw(r, (uint32_t)q->len) : q->len + 1 + draw(r, 4);
		q->is_ordinary = false;
	}
	if (once_in(r, 20) && q->len > 0) {
		q->message[draw(r, (uint32_t)q->len)] ^= (uint8_t)(1 << draw(r, 8));
		q->is_ordinary = false;
	}
}

struct run {
	struct random random;
	struct catalog *catalog;
	struct snapshot *snap;
	struct xdp_program *program;
	unsigned long answered[2], left, with_ecs, ordinary;
	bool is_limited, is_signed;
	unsigned long shortened, dropped, exempt;
	struct {
		uint64_t network;
		unsigned long asked, whole;
	} networks[NETWORKS];
};

static void complain(const struct asked *q, const struct endpoint *from, const char *what)
{
	char text[ENDPOINT_TEXT_SIZE];

	printf("%s: from %s:", what, endpoint_format(from, text));
	for (size_t i = 0; i < q->len; i++)
		printf(" %02x", q->message[i]);
	printf("\n");
	exit(1);
}

/* Each check of its own accord, all down now and then; some words about PoPs, changes near. */
static void verdicts_change(struct run *run)
{
	const struct geodns_conf *conf = run->catalog->conf;
	const bool all_down = once_in(&run->random, 8);
	uint8_t health[64], pops[64];
	uint32_t change_s[64];
	struct snapshot_state state = { .health = health, .pops = pops };
	struct snapshot *next;

	assert(conf->check_count <= 64 && conf->places.pop_count <= 64);
	if (once_in(&run->random, 2))
		state.change_s = change_s;
	for (size_t i = 0; i < conf->check_count; i++) {
		health[i] = all_down || once_in(&run->random, 3) ? HEALTH_DOWN : HEALTH_UP;
		change_s[i] = once_in(&run->random, 2) ? 0 : draw(&run->random, 40);
	}
	for (size_t i = 0; i < conf->places.pop_count; i++)
		pops[i] =
			(uint8_t)(once_in(&run->random, 5) ? draw(&run->random, 4) : GEO_POP_AUTO);
	next = snapshot_new(run->catalog, &state);
	xdp_program_update(run->program, next);
	free(run->snap);
	run->snap = next;
}

static bool is_source(const struct addr *addr)
{
	if (addr->family == ADDR_IPV4)
		return addr->bytes[0] != 0 && addr->bytes[0] != 127 && addr->bytes[0] < 224;
	return memcmp(addr->bytes, (uint8_t[8]){ 0 }, 8) != 0 && !addr_is_link_local(addr) &&
	       addr->bytes[0] != 0xff;
}

static bool is_exempt(const struct addr *client)
{
	static const char *const texts[] = { EXEMPT4, EXEMPT6 };
	struct prefix prefix;

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		if (prefix_parse(&prefix, texts[i]) && prefix_contains(&prefix, client))
			return true;
	}
	return false;
}

/* A query that the program has taken. */
static void network_count(struct run *run, const struct addr *client, bool is_whole)
{
	uint64_t hi, network, i;

	memcpy(&hi, client->bytes, sizeof(hi));
	network = rate_network(client->family == ADDR_IPV4, be64toh(hi));
	i = xdp_hash_finish(network);
	while (run->networks[i % NETWORKS].network != 0 &&
	       run->networks[i % NETWORKS].network != network)
		i++;
	run->networks[i % NETWORKS].network = network;
	run->networks[i % NETWORKS].asked++;
	run->networks[i % NETWORKS].whole += is_whole;
}

/* Not whole, or not at all. */
static void limited_check(struct run *run, const struct asked *q, const struct endpoint *from)
{
	if (!run->is_limited)
		complain(q, from, "limited, though there is no limit");
	if (is_exempt(&from->addr))
		complain(q, from, "limited, though it is exempt");
	network_count(run, &from->addr, false);
}

static void answered_check(struct run *run, const struct asked *q, const struct endpoint *from,
			   const struct endpoint *to, const struct test_frame *reply)
{
	struct answer_request req = { .packet = q->message, .len = q->len, .client = from->addr };
	uint8_t expected[DNS_UDP_SIZE_MAX];
	struct answer_result res = answer(run->snap, &req, expected, sizeof(expected));
	const char *fault = frame_reply_fault(reply, from, to, expected, res.len);

	if (fault && run->is_limited) {
		req.rate = RATE_SHORT;
		res = answer(run->snap, &req, expected, sizeof(expected));
		fault = frame_reply_fault(reply, from, to, expected, res.len);
		if (!fault) {
			limited_check(run, q, from);
			run->shortened++;
			run->with_ecs += res.ecs;
			return;
		}
	}
	if (fault)
		complain(q, from, fault);
	if (is_exempt(&from->addr))
		run->exempt++;
	else
		network_count(run, &from->addr, true);
	if (!res.geographic || res.truncated || res.rcode != DNS_NOERROR)
		complain(q, from, "counted as what it is not");
	run->answered[to->addr.family == ADDR_IPV6]++;
	run->with_ecs += res.ecs;
	run->ordinary += q->is_ordinary;
}

static void left_check(struct run *run, const struct asked *q, const struct endpoint *from,
		       const struct test_frame *frame, const struct test_frame *left)
{
	const struct answer_request req = { .packet = q->message,
					    .len = q->len,
					    .client = from->addr };
	uint8_t out[DNS_UDP_SIZE_MAX];
	struct answer_result res;

	if (left->len != frame->len || memcmp(left->data, frame->data, frame->len) != 0)
		complain(q, from, "left, but not as it was");
	run->left++;
	if (!q->is_ordinary || !is_source(&from->addr) || (run->is_signed && q->wants_signatures))
		return;
	res = answer(run->snap, &req, out, sizeof(out));
	/* The last resort is user space's. */
	if (res.geographic && memcmp(out + res.len - 4, (uint8_t[]){ 198, 18, 99, 9 }, 4) != 0 &&
	    !memmem(out, res.len, (uint8_t[]){ 198, 18, 99, 9 }, 4))
		complain(q, from, "left, though it is ordinary");
}

static void query_try(struct run *run)
{
	const struct geodns_conf *conf = run->catalog->conf;
	const struct endpoint *to = &conf->listen[draw(&run->random, (uint32_t)conf->listen_count)];
	struct endpoint from = { .port = (uint16_t)(1 + draw(&run->random, 65535)) };
	struct test_frame frame, out;
	struct asked q;
	int verdict;

	from.addr = address(&run->random, (enum addr_family)to->addr.family);
	query_make(&run->random, &q);
	frame_make(&frame, &from, to, q.message, q.len);
	verdict = frame_run(xdp_program_fd(run->program), &frame, &out);
	if (verdict == XDP_TX)
		answered_check(run, &q, &from, to, &out);
	else if (verdict == XDP_PASS)
		left_check(run, &q, &from, &frame, &out);
	else
		limited_check(run, &q, &from);
	run->dropped += verdict == XDP_DROP;
}

/* Over so many seconds; and how many networks that was to be seen of. */
static unsigned networks_check(const struct run *run, uint64_t seconds)
{
	unsigned often = 0;

	for (size_t i = 0; run->is_limited && i < NETWORKS; i++) {
		if (run->networks[i].asked < OFTEN)
			continue;
		often++;
		if (run->networks[i].whole > BURST + PER_SECOND * (seconds + 1)) {
			printf("a network got %lu whole replies in %lu s\n", run->networks[i].whole,
			       (unsigned long)seconds);
			exit(1);
		}
	}
	return often;
}

static struct dnssec_keys *keys_make(void)
{
	static const char text[] = "Private-key-format: v1.3\nAlgorithm: 13 (ECDSAP256SHA256)\n"
				   "PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=\n";
	struct dnssec_keys *keys = x_new(struct dnssec_keys);

	*keys = (struct dnssec_keys){ .count = 1, .validity_s = 86400, .ttl = 3600 };
	if (dnssec_key_parse(&keys->key[0], text, strlen(text), DNSSEC_FLAGS_SEP))
		abort();
	return keys;
}

static struct catalog *catalog_make(bool is_limited, bool is_signed)
{
	char *text =
		is_limited
			? xasprintf("%.*s,'rate_limit':{'per_second':%d,'burst':%d,'slip':%d,"
				    "'exempt':['" EXEMPT4 "','" EXEMPT6 "']}}",
				    (int)strlen(conf_text) - 1, conf_text, PER_SECOND, BURST, SLIP)
			: xstrdup(conf_text);
	struct catalog *catalog;

	catalog = fixture_catalog_signed(text, "", is_signed ? keys_make() : NULL);
	free(text);
	return catalog;
}

int main(int argc, char **argv)
{
	static struct run run;
	struct xdp_counts counts = { .ecs = 0 };
	struct instant start = clock_now();
	const char *mode = argc == 4 ? argv[3] : "", *why;
	unsigned often;
	int err;

	run.is_limited = strcmp(mode, "limited") == 0;
	run.is_signed = strcmp(mode, "signed") == 0;
	if (argc < 3 || argc > 4 || (*mode && !run.is_limited && !run.is_signed)) {
		fprintf(stderr, "usage: xdp_diff COUNT SEED [limited|signed]\n");
		return 2;
	}
	run.catalog = catalog_make(run.is_limited, run.is_signed);
	run.random.state = strtoull(argv[2], NULL, 10);
	run.snap = snapshot_new(run.catalog, NULL);
	err = xdp_program_new(&run.program, run.snap, 12345, &why);
	if (err) {
		fprintf(stderr, "no program: %s\n", why ? why : strerror(-err));
		return 3;
	}
	for (unsigned long i = strtoul(argv[1], NULL, 10); i > 0; i--) {
		query_try(&run);
		if (i % VERDICTS_EVERY == 0)
			verdicts_change(&run);
	}
	often = networks_check(&run, (uint64_t)(clock_now().ns - start.ns) / NS_PER_S);
	xdp_program_count(run.program, &counts);
	printf("{\"names\":%zu,\"answered\":[%lu,%lu],\"ecs\":%lu,\"ordinary\":%lu,\"left\":%lu,",
	       xdp_program_names(run.program), run.answered[0], run.answered[1], run.with_ecs,
	       run.ordinary, run.left);
	printf("\"short\":%lu,\"dropped\":%lu,\"exempt\":%lu,\"often\":%u,"
	       "\"counted_limited\":%lu,\"counted_dropped\":%lu,",
	       run.shortened, run.dropped, run.exempt, often,
	       (unsigned long)(counts.limited[0] + counts.limited[1]),
	       (unsigned long)counts.dropped);
	printf("\"counted\":[%lu,%lu],\"counted_ecs\":%lu,\"reasons\":{",
	       (unsigned long)counts.answered[0], (unsigned long)counts.answered[1],
	       (unsigned long)counts.ecs);
	for (unsigned i = 0; i < XDP_REASONS; i++)
		printf("%s\"%s\":%lu", i ? "," : "", fastpath_reason_name((enum xdp_reason)i),
		       (unsigned long)counts.up[i]);
	printf("}}\n");
	xdp_program_free(run.program);
	free(run.snap);
	catalog_free(run.catalog);
	return 0;
}
