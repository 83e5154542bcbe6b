/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sim_speaker.h - a speaker with one peer, made of the pure cores, in virtual time.
 *
 * peer_fsm, open, frame, update and adj_rib_out joined as peer.c and peer_input.c join them, but
 * over sim_tcp.h and without a clock. Unlike ours it keeps every route that it gets, and it asks
 * for refreshes, so that what one side means to say can be held beside what the other has heard.
 * What must never happen between two speakers that both keep to the rules (a malformed message, a
 * NOTIFICATION but for time, collision or an administrator) is noted in fault.
 */
#ifndef TESTS_SIM_SPEAKER_H
#define TESTS_SIM_SPEAKER_H

#include "lb/bgp/adj_rib_out.h"
#include "lb/bgp/open.h"
#include "lb/bgp/peer_fsm.h"
#include "sim_tcp.h"

#define SIM_PREFIXES 24 /* even ones are IPv4, odd ones IPv6 */
#define SIM_POLICIES 6

struct sim_speaker_conf {
	struct bgp_open open; /* what it says of itself */
	bool dials;
	uint16_t connect_retry;
	uint32_t seed;
};

/* What of a route can be told apart: 0 is none, else 1 + the number of its policy. */
typedef uint8_t sim_routes[SIM_PREFIXES];

struct sim_speaker_link {
	int conn; /* -1: none */
	size_t in_len;
	uint8_t in[2 * BGP_MESSAGE_MAX];
	struct bgp_open open;
	struct bgp_negotiated negotiated;
};

struct sim_counts {
	unsigned ups, downs, collisions, hold_expired, blocked, refreshes;
};

struct sim_speaker {
	struct sim_speaker_conf conf;
	uint32_t peer_asn;
	int host;
	struct sim_tcp *tcp;
	struct instant now;
	struct bgp_peer_fsm fsm;
	struct adj_rib_out *rib;
	struct sim_speaker_link link[BGP_CONNECTIONS];
	int up; /* enum bgp_connection, or -1 */
	bool blocked;
	sim_routes wanted, heard, stale;
	bool end_of_rib[2]; /* of IPv4, of IPv6 */
	bool is_traced;
	struct sim_counts counts;
	char fault[160]; /* "" when none */
};

/* A process that starts; wanted routes, counts and fault are kept from before. */
void sim_speaker_init(struct sim_speaker *s, const struct sim_speaker_conf *conf);
/* It is no more; the host's connections are the caller's affair. */
void sim_speaker_fini(struct sim_speaker *s);
/* The i-th prefix with policy 0 to SIM_POLICIES - 1, or -1 to withdraw. */
void sim_speaker_set(struct sim_speaker *s, unsigned i, int number);
void sim_speaker_ask_refresh(struct sim_speaker *s);
/* START, STOP, TICK, BFD_DOWN. */
void sim_speaker_event(struct sim_speaker *s, enum bgp_event_type type);
struct instant sim_speaker_deadline(const struct sim_speaker *s);

/* Calls of sim_tcp.h for this speaker's host. */
void sim_speaker_accept(struct sim_speaker *s, int conn);
void sim_speaker_tcp_up(struct sim_speaker *s, int conn);
void sim_speaker_tcp_down(struct sim_speaker *s, int conn);
void sim_speaker_data(struct sim_speaker *s, int conn, const uint8_t *bytes, size_t len);
void sim_speaker_room(struct sim_speaker *s, int conn);

#endif
