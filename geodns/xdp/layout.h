/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * layout.h - what the program on the interface reads, and its user-space half writes.
 *
 * Arrays of integers of fixed width that name each other by index; each is a map (XDP_ARRAYS):
 *
 *	buckets ── names ── targets ── addrs4, addrs6
 *	              └──── sets ── rows (target of each pop), ttls
 *	root, words of each family (pack.h), hints6, groups6 (groups.h) ── firsts, orders
 *	limits: buckets of networks (rate_bucket.h)
 *	counts, tally: one row for each processor
 *
 * Everything but sets' mask, ttls and the counters is written once, before the program is put on
 * an interface. A set is what names have in common that decide alike: with one store to it, all of
 * them have changed. Integers are the host's, but for what goes into packets as it is.
 *
 * Both sides include this file; BPF has the types from elsewhere.
 */
#ifndef GEODNS_XDP_LAYOUT_H
#define GEODNS_XDP_LAYOUT_H

#ifndef __bpf__
#include <stdint.h>
#endif

#include "geodns/rate_bucket.h"

#define XDP_NAME_MAX	64 /* octets in wire form */
#define XDP_NAME_WORDS	(XDP_NAME_MAX / 8)
#define XDP_TARGETS_MAX 64  /* bits of a mask */
#define XDP_RECORDS_MAX 8   /* in an answer */
#define XDP_STEPS_MAX	256 /* PoPs of an order that are looked at */
#define XDP_LISTEN_MAX	16
#define XDP_EXEMPT_MAX	64
#define XDP_SLOTS	8 /* of a bucket, which is a cache line */

/* The longest answer, with OPT and a client subnet in it: it fits whatever the client has said. */
#define XDP_ANSWER_MAX (12 + XDP_NAME_MAX + 4 + XDP_RECORDS_MAX * 28 + 11 + 8 + 16)

/* Maps whose elements are not a multiple of 8 octets would have holes: so many make a chunk. */
#define XDP_CHUNK 64
struct xdp_chunk16 {
	uint16_t at[XDP_CHUNK / 2];
};
struct xdp_chunk32 {
	uint32_t at[XDP_CHUNK / 4];
};
struct xdp_chunk64 {
	uint64_t at[XDP_CHUNK / 8];
};

struct xdp_listen {
	uint64_t addr[2]; /* as in the packet; IPv4: in the first four octets */
	uint32_t family;  /* 4 or 6 */
	uint32_t port;	  /* as in the packet */
};

struct xdp_exempt {
	uint64_t hi, lo;	   /* the most significant bits first */
	uint64_t mask_hi, mask_lo; /* of the prefix */
	uint32_t family;	   /* 4 or 6 */
	uint32_t zero;
};

struct xdp_limit {
	struct rate_pace pace; /* all 0: there is no limit */
	uint32_t slip;
	uint32_t exempt_count;
	struct xdp_exempt exempt[XDP_EXEMPT_MAX];
};

/* Constants to the program: the verifier drops what they rule out. */
struct xdp_settings {
	uint64_t seed; /* of the names' hash */
	uint32_t bucket_mask;
	uint32_t pop_count;
	uint32_t target_count; /* of all names: entries in a row of tally */
	uint32_t root_bits[2];
	uint32_t group_mask;
	uint32_t listen_count;
	struct xdp_listen listen[XDP_LISTEN_MAX];
	struct xdp_limit limit;
};

/* Of the entries of one bucket, no two have the same tag. */
struct xdp_bucket {
	struct {
		uint32_t tag;
		uint32_t name; /* its index plus 1; 0: free */
	} slots[XDP_SLOTS];
};

enum xdp_name_flag {
	XDP_NAME_WILDCARD = 1, /* the key is the name below which it is; else the name itself */
	XDP_NAME_UP = 2,       /* user space answers */
	XDP_NAME_SIGNED = 4,   /* user space answers if signatures are wanted */
};

struct xdp_name {
	uint64_t key[XDP_NAME_WORDS]; /* wire form in lower case, zero behind */
	uint32_t set;
	uint32_t first_target;
	uint32_t flags;
	uint32_t zero;
};

enum xdp_set_flag {
	XDP_SET_NEAREST = 1,  /* else the first one listed */
	XDP_SET_BY_PLACE = 2, /* the client's place decides: there is a scope */
};

struct xdp_set {
	uint64_t mask;	    /* targets that may be answered now; 0: user space knows what to do */
	uint32_t row;	    /* in rows: the target of pop 0, and so on */
	uint32_t first_ttl; /* in ttls: of target 0, and so on */
	uint32_t answers;
	uint32_t flags;
};

struct xdp_target {
	uint32_t first_a, first_aaaa; /* in addrs4, addrs6 */
	uint16_t a_count, aaaa_count;
	uint32_t zero;
};

struct xdp_addr6 {
	uint64_t words[2]; /* as in the packet */
};

/* An entry of a tree: a leaf's row of orders, XDP_LEAF_PRIVATE, length of its prefix; or a node. */
#define XDP_TREE_INNER	    0x80000000U /* and below it: where in words */
#define XDP_TREE_STRIDE	    6
#define XDP_TREE_LEVELS_MAX 20
#define XDP_LEAF_ORDER	    9 /* the first bit of it */
#define XDP_LEAF_PRIVATE    0x100U
#define XDP_LEAF_LENGTH	    0xffU
#define XDP_ORDERS_MAX	    (XDP_GROUP_NODE >> 3)

/* Short cuts (groups.h): for prefixes of 28, 32, ... and 48 bits in 2000::/3. */
#define XDP_GROUP_LEVELS      6
#define XDP_GROUP_STRIDE      4
#define XDP_GROUP_BITS(level) (28 + XDP_GROUP_STRIDE * (level))
#define XDP_GROUP_FIRST	      1 /* the first three bits, in place of which the key has the level */
#define XDP_GROUP_HALF	      4 /* the word that the second half of a line begins with */
#define XDP_GROUP_NODE	      0x800000U /* codes from here on: it is deeper, below a node of words, */
#define XDP_GROUP_NODE_WORDS  2		/* which is at so many words for each */
#define XDP_GROUP_DEEPER      0xffffffU /* or in the tree somewhere */

/* Bits that have led to such a node: all levels'. */
#define XDP_GROUP_BITS_END XDP_GROUP_BITS(XDP_GROUP_LEVELS)

#define XDP_GROUP_AWAY	1	    /* in a line's first word: of its groups, some are elsewhere */
#define XDP_GROUP_NONE	0xffffffffU /* instead of a leaf: no such group */
#define XDP_GROUP_TURNS 8

/*
 * By the first 28 bits, a word: in the lower bits what level to look at first, next and so on, plus
 * 1, 0: none; in the upper ones a seed.
 */
#define XDP_HINT_BITS	    16
#define XDP_HINT_LEVEL_BITS 3
#define XDP_HINT_LEVELS	    4
#define XDP_HINT_SEED	    (XDP_HINT_LEVEL_BITS * XDP_HINT_LEVELS) /* the first bit of it */
#define XDP_HINT_SEEDS	    (1U << (16 - XDP_HINT_SEED))

struct xdp_group_line {
	uint64_t words[8];
};

/* Why user space was left to answer. */
enum xdp_reason {
	XDP_UP_LENGTH, /* the lengths of IP, UDP and DNS contradict one another */
	XDP_UP_HEADER, /* no ordinary query, or more than a question and OPT */
	XDP_UP_NAME,   /* compressed, or longer than the table's */
	XDP_UP_TYPE,   /* neither A nor AAAA, or not in class IN */
	XDP_UP_EDNS,   /* a version, several options, one that is not ECS, or malformed */
	XDP_UP_OTHER,  /* no geographic name */
	XDP_UP_POLICY, /* one that only user space knows how to answer */
	XDP_UP_SIGNED, /* signatures are wanted */
	XDP_UP_EMPTY,  /* nothing healthy, or no address of that type */
	XDP_UP_ROOM,   /* the buffer cannot grow */
	XDP_REASONS
};

struct xdp_counts {
	uint64_t answered[2]; /* IPv4, IPv6; whole */
	uint64_t limited[2];  /* the same of those above the limit: cut short or dropped */
	uint64_t dropped;     /* of these */
	uint64_t ecs;	      /* of replies, with a client subnet */
	uint64_t up[XDP_REASONS];
};

/* name of the map, element, integers in an element */
#define XDP_ARRAYS(X)                                                                              \
	X(buckets, struct xdp_bucket, 1)                                                           \
	X(names, struct xdp_name, 1)                                                               \
	X(sets, struct xdp_set, 1)                                                                 \
	X(rows, struct xdp_chunk16, XDP_CHUNK / 2)                                                 \
	X(ttls, struct xdp_chunk32, XDP_CHUNK / 4)                                                 \
	X(targets, struct xdp_target, 1)                                                           \
	X(addrs4, struct xdp_chunk32, XDP_CHUNK / 4)                                               \
	X(addrs6, struct xdp_addr6, 1)                                                             \
	X(orders, struct xdp_chunk16, XDP_CHUNK / 2)                                               \
	X(firsts, struct xdp_chunk16, XDP_CHUNK / 2)                                               \
	X(root4, struct xdp_chunk32, XDP_CHUNK / 4)                                                \
	X(words4, struct xdp_chunk32, XDP_CHUNK / 4)                                               \
	X(root6, struct xdp_chunk32, XDP_CHUNK / 4)                                                \
	X(words6, struct xdp_chunk32, XDP_CHUNK / 4)                                               \
	X(hints6, struct xdp_chunk16, XDP_CHUNK / 2)                                               \
	X(groups6, struct xdp_group_line, 1)                                                       \
	X(limits, struct rate_set, 1)                                                              \
	X(tally, struct xdp_chunk64, XDP_CHUNK / 8)                                                \
	X(counts, struct xdp_counts, 1)

#define XDP_ARRAY_ENUM(name, type, per) XDP_ARRAY_##name,
enum xdp_array_id { XDP_ARRAYS(XDP_ARRAY_ENUM) XDP_ARRAY_COUNT };
#undef XDP_ARRAY_ENUM

/* Without the instruction; BPF has none, and no calls to the compiler's own. */
static inline uint32_t xdp_popcount(uint64_t x)
{
	x -= x >> 1 & 0x5555555555555555U;
	x = (x & 0x3333333333333333U) + (x >> 2 & 0x3333333333333333U);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fU;
	return (uint32_t)(x * 0x0101010101010101U >> 56);
}

/* In a node with this word, the entry for an address whose next bits are the first of hi: from 1.
 */
static inline uint32_t xdp_tree_rank(uint64_t begins, uint64_t hi)
{
	/* The bits up to the slot's become the upper ones. */
	return xdp_popcount(begins << (63 - (hi >> (64 - XDP_TREE_STRIDE))));
}

static inline uint32_t xdp_hint_at(uint64_t hi)
{
	return (uint32_t)((hi >> (64 - XDP_GROUP_BITS(0))) * 0x9e3779b97f4a7c15U >>
			  (64 - XDP_HINT_BITS));
}

/* The i-th level; XDP_GROUP_LEVELS and more: there is none. */
static inline uint32_t xdp_hint_level(uint32_t hint, uint32_t i)
{
	return (hint >> i * XDP_HINT_LEVEL_BITS & ((1U << XDP_HINT_LEVEL_BITS) - 1)) - 1;
}

/* What a group's word has in its upper 48 bits; in the lower ones where codes begin. */
static inline uint64_t xdp_group_key(uint32_t level, uint64_t hi)
{
	return (hi & ~(uint64_t)0 << (64 - XDP_GROUP_BITS(level))) + ((uint64_t)level << 61);
}

/*
 * The line where it is, or the turn-th one of those where it is if the ones before have no room.
 * Groups beside each other, with the first 28 bits in common, are in different lines.
 */
static inline uint32_t xdp_group_line(uint32_t level, uint64_t hi, uint32_t hint, uint32_t turn,
				      uint32_t line_mask)
{
	const uint64_t seed = hint >> XDP_HINT_SEED | turn << 4 | level << 8;
	const uint64_t hash =
		((hi >> (64 - XDP_GROUP_BITS(0))) + (seed << 28)) * 0x9e3779b97f4a7c15U;

	return (uint32_t)(hi >> (64 - XDP_GROUP_BITS(level)) ^ hash >> 32) & line_mask;
}

static inline int xdp_group_is(uint64_t word, uint64_t key)
{
	return (word ^ key) >> 16 == 0;
}

static inline uint32_t xdp_group_slot(uint32_t level, uint64_t hi)
{
	return hi >> (64 - XDP_GROUP_STRIDE - XDP_GROUP_BITS(level)) & 15;
}

/* Which code is the address's. The first one begins in slot 0, whatever that bit says. */
static inline uint32_t xdp_group_rank(uint32_t level, uint64_t word, uint64_t hi)
{
	return xdp_popcount((word | 1) << (63 - xdp_group_slot(level, hi))) - 1;
}

/* Where in a line the n-th code is: those of a whole line stand around the second half's word. */
static inline uint32_t xdp_group_code_at(uint32_t half, uint32_t n)
{
	return 32 * half + 8 + 3 * n + (n & 8);
}

/*
 * The entry of a tree that a code stands for. XDP_TREE_INNER alone says that there is one: the
 * node that it would be has the first bits of all, and no group leads there.
 */
static inline uint32_t xdp_group_entry(uint32_t level, uint32_t code)
{
	if (code == XDP_GROUP_DEEPER)
		return XDP_TREE_INNER;
	if (code & XDP_GROUP_NODE)
		return XDP_TREE_INNER | (code - XDP_GROUP_NODE) * XDP_GROUP_NODE_WORDS;
	return code >> 3 << XDP_LEAF_ORDER | (code >> 2 & 1) << 8 |
	       (XDP_GROUP_BITS(level) + 1 + (code & 3));
}

/* The eight octets of a word in lower case, lengths of labels among them: these are below 'A'. */
static inline uint64_t xdp_word_lower(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101U, high = 0x80 * ones;
	uint64_t low = word & ~high;
	uint64_t from_a = low + (0x80 - 'A') * ones, behind_z = low + (0x7f - 'Z') * ones;

	return word | (((from_a ^ behind_z) & ~word & high) >> 2);
}

/* Over the words of a name, each in lower case. Begins with the seed, for a wildcard plus 1. */
static inline uint64_t xdp_hash_step(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
	return hash ^ hash >> 32;
}

/* Which bucket: the low bits; which tag: the high half. */
static inline uint64_t xdp_hash_finish(uint64_t hash)
{
	hash *= 0xbf58476d1ce4e5b9U;
	return hash ^ hash >> 29;
}

/* The set of a network, below RATE_SETS. */
static inline uint32_t xdp_limit_set(uint64_t seed, uint64_t network)
{
	return (uint32_t)(xdp_hash_finish(xdp_hash_step(seed, network)) & (RATE_SETS - 1));
}

static inline uint32_t xdp_hash_tag(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

#endif
