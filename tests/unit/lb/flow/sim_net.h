/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim_net.h - inside the simulated anycast: its queue, its packets, its users (sim_anycast.h). */
#ifndef TESTS_SIM_NET_H
#define TESTS_SIM_NET_H

#include "sim_anycast.h"

#define PACKET_SIZE 52 /* IPv4, TCP, connection, serial, arrival */
#define MS(n)	    ((n)*NS_PER_MS)

struct sim_packet {
	unsigned user;
	uint8_t flags, hops;
	uint32_t seq, ack, connection, serial, arrival;
};

__attribute__((format(printf, 2, 3))) void sim_net_fault(struct sim *w, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void sim_net_trace(const struct sim *w, const char *fmt, ...);
bool sim_net_is_lost(struct sim *w, unsigned permille);
/* To be filled by the caller. */
struct sim_event *sim_net_post(struct sim *w, enum sim_event_type type, int64_t after_ns);
struct sim_event sim_net_next(struct sim *w);

struct flow_key sim_net_key(unsigned user);
unsigned sim_net_user(const struct flow_key *key);
uint32_t sim_net_get32(const uint8_t *p);
void sim_net_packet_write(uint8_t *p, const struct sim_packet *packet);
struct sim_packet sim_net_packet_read(const uint8_t *p);

/* The plane knows it as its own. */
bool sim_anycast_is_own(const struct sim_entry *e, struct instant now);
/* The slowest round trip of PoPs that live to this one, or reset_after. */
int64_t sim_anycast_reset_limit(const struct sim *w, unsigned pop);
/* A user sends what it has to, and sets its timer again. */
void sim_user_timer(struct sim *w, unsigned user);
void sim_user_receive(struct sim *w, const struct sim_event *event);

#endif
