/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_layout.h - what the program in front of the kernel reads, counts and says.
 *
 * Both sides include this file. Integers are the host's; addresses and ports are as in packets,
 * IPv4 addresses mapped (::ffff:a.b.c.d), as in struct flow_key. The connection table is
 * lb/flow/table.h, the half-open one lb/flow/half_open.h.
 *
 *	settings   fixed when the program is loaded
 *	live       addresses of this PoP, and a neighbour that is waited for: changed while it runs
 *	vips       slots by hash of address (plane xdp: and port, protocol) -> row, Maglev table
 *	pops       by index: who they are on the mesh, with keys and epochs; pop_slots by address
 *	origins    by index: where frames for them go
 *	buckets    tokens of source prefixes; all: of everybody
 *	asking     how many packets of a flow user space has not judged yet
 *	networks   of clients that are served here, until user space takes them
 *	places     user space's: which origin each index is, for its next life
 *	forwarding likewise: of IPv4 and of IPv6, whether the loopback's was off before
 *	tallies    what was counted: one for each processor
 */
#ifndef LB_DATAPLANE_FRONT_LAYOUT_H
#define LB_DATAPLANE_FRONT_LAYOUT_H

#include "lb/flow/gue.h"

#define FRONT_VIPS_MAX	   256 /* rows of counters */
#define FRONT_VIP_SLOTS	   16384
#define FRONT_VIP_PROBES   16
#define FRONT_POPS_MAX	   256
#define FRONT_ORIGINS_MAX  4096
#define FRONT_OWN_MAX	   16
#define FRONT_BUCKETS	   65536 /* power of two */
#define FRONT_ASKING	   16384 /* power of two */
#define FRONT_NETWORKS	   16384 /* 2^14 */
#define FRONT_ASKED_MAX	   16	 /* packets of a flow between two verdicts */
#define FRONT_ASKED_S	   2	 /* or in that time, should no verdict come */
#define FRONT_PACKET_SMALL 256	 /* octets of an IP packet in a record; else up to ..._LARGE */
#define FRONT_PACKET_LARGE 2048
#define FRONT_RING_OCTETS  (4 << 20)

enum front_plane { FRONT_LOCAL, FRONT_XDP };

struct front_rate {
	uint32_t per_s, burst; /* packets; burst up to 4 million */
};

/* Constants to the program: the verifier drops what they rule out. */
struct front_settings {
	struct flow_secret secret; /* of the connection table's hash */
	uint64_t key[2];	   /* of the other keyed hashes */
	uint32_t plane;		   /* enum front_plane */
	uint32_t buckets;	   /* of the connection table, power of two */
	uint32_t half_buckets;
	uint32_t maglev_size;		       /* entries in the table of one VIP */
	uint32_t gue_port;		       /* as in packets */
	struct front_rate ask_prefix, ask_all; /* packets to user space */
	uint32_t half_prefix_max;	       /* half-open flows of a source prefix in a second */
	uint32_t short_way;		       /* plane xdp: front_fast.bpf.h is used */
};

struct front_addr {
	uint64_t at[2];
};

struct front_live {
	uint32_t own_count;
	uint32_t probe_is_on;
	uint32_t by_redirect; /* back by the interface that it came in by, too */
	uint32_t zero;
	struct front_addr own[FRONT_OWN_MAX]; /* identity addresses */
	struct front_addr probe; /* whose ARP reply or neighbour advertisement counts */
};

enum front_vip_state { FRONT_VIP_FREE, FRONT_VIP_USED, FRONT_VIP_GONE };

struct front_vip {
	struct front_addr addr;
	uint32_t service; /* port | protocol << 16; plane local: 0 */
	uint32_t state;	  /* enum front_vip_state */
	uint32_t row;	  /* of vip_counts */
	uint32_t maglev;  /* plane xdp: where its table begins, in entries */
	uint32_t table;	  /* so, too: which table that is; the program does not ask */
	uint32_t zero;
};

struct front_pop {
	uint8_t theirs[FLOW_ADDR_SIZE], ours[FLOW_ADDR_SIZE]; /* outer addresses */
	struct siphash_key key_in, key_out;
	uint32_t epoch_in[2]; /* as in the header: of the sender's boot, and of the one before */
	uint32_t epoch_out;
	uint16_t gue_port; /* theirs, as in packets */
	uint16_t is_set;
};

struct front_origin {
	uint8_t mac[6], from[6]; /* from: of the interface by which it is reached */
	uint32_t ifindex;	 /* 0: it is not there */
};

/* Tokens in thousandths, and when they were counted, in ms: one word, so that it changes at once.
 */
struct front_bucket {
	uint64_t word; /* ms << 32 | tokens */
};

/* tag << 24 | second, 16 bits | packets, 8 bits */
struct front_asking {
	uint64_t word;
};

enum front_kind {
	FRONT_ASK,     /* in the middle of a flow that nobody here knows */
	FRONT_RELEASE, /* its owner is known, but the kernel has no way there for this program */
	FRONT_GONE,    /* a PoP has handed over a packet of a flow or a VIP that is not here */
};

struct front_record {
	struct flow_key key;
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	uint32_t kind;	/* enum front_kind */
	uint8_t tcp_flags;
	uint8_t is_error; /* an ICMP error about the flow */
	uint16_t zero;
	uint16_t pop;	/* RELEASE: to; GONE: from */
	uint16_t row;	/* of the VIP */
	uint16_t len;	/* of the IP packet */
	uint16_t taken; /* octets of it that follow; less than len: it was too long */
};

/* What became of packets that were for us. */
enum front_count {
	FRONT_PACKETS,	     /* to a VIP */
	FRONT_KNOWN,	     /* TCP and ICMP errors that are served here */
	FRONT_SYN,	     /* served here by definition */
	FRONT_OTHER,	     /* not TCP, nor an error about it */
	FRONT_HANDED,	     /* to another PoP, by the program */
	FRONT_ASKED,	     /* given to user space, for a verdict */
	FRONT_RELEASED,	     /* given to user space, to be sent */
	FRONT_REFUSED,	     /* dropped: nobody has it */
	FRONT_LIMIT_FLOW,    /* dropped: so many of one flow */
	FRONT_LIMIT_PREFIX,  /* dropped: so many of one source prefix */
	FRONT_LIMIT_ALL,     /* dropped: so many */
	FRONT_RING_FULL,     /* dropped: user space is behind */
	FRONT_FRAGMENT_UP,   /* behind the first one: the kernel's */
	FRONT_FRAGMENT_DROP, /* the first one of a flow that is not here */
	FRONT_TOO_BIG,	     /* told the sender by how much */
	FRONT_GUE_DELIVERED,
	FRONT_GUE_GONE,	    /* of a flow that is not here */
	FRONT_GUE_NO_VIP,   /* for an address that is none of ours */
	FRONT_GUE_FRAGMENT, /* the beginning of one: nobody else's path is that narrow */
	FRONT_GUE_ACCEPTED, /* and what was not, by enum gue_verdict */
	FRONT_GUE_STRANGER = FRONT_GUE_ACCEPTED + GUE_STRANGER,
	FRONT_PROBE,	  /* what the probed neighbour answered */
	FRONT_HALF_LIMIT, /* SYNs without an entry: so many of one source prefix */
	FRONT_TABLE_FULL, /* flows that had to go without an entry */
	FRONT_NO_ORIGIN,  /* dropped: nowhere to go */
	FRONT_COUNTS
};

/* Whole cache lines, as all that is counted. */
struct front_counts {
	uint64_t at[(FRONT_COUNTS + 7) / 8 * 8];
};

struct front_vip_counts {
	uint64_t packets, octets; /* to the VIP, GUE's not counted again */
	uint64_t syns;
	uint64_t known;	 /* served here */
	uint64_t handed; /* to other PoPs, by the program */
	uint64_t asked;
	uint64_t delivered; /* out of GUE, served here */
	uint64_t plain;	    /* by the short way: not in packets and known, nor in the counters */
};

struct front_origin_counts {
	uint64_t packets, octets;
};

struct front_tally {
	struct front_counts counts;
	struct front_vip_counts vips[FRONT_VIPS_MAX];
	struct front_origin_counts origins[FRONT_ORIGINS_MAX];
};

/* A tick of the kernel's coarse clock. Two processors may write: a tick, and no more, is wrong. */
struct front_clock {
	uint64_t jiffies, monotonic_ns;
};

struct front_chunk16 {
	uint16_t at[32];
};

/* Where a network (flow_key_network()) is noted. Who makes two share it hides a hint, no more. */
static inline uint32_t front_network_slot(uint64_t network)
{
	return (uint32_t)(network * 0x9e3779b97f4a7c15U >> 50);
}

/* Where to look first for a VIP. Its own addresses: nobody else chooses them. */
static inline uint32_t front_vip_hash(uint64_t hi, uint64_t lo, uint32_t service)
{
	uint64_t hash = (hi ^ service) * 0x9e3779b97f4a7c15U;

	hash = (hash ^ hash >> 29 ^ lo) * 0xbf58476d1ce4e5b9U;
	return (uint32_t)(hash >> 40) % FRONT_VIP_SLOTS;
}

#endif
