/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim_net.h"

bool sim_anycast_lives(const struct sim *w, unsigned user)
{
	const struct sim_user *u = &w->user[user];
	const struct sim_pop *pop = &w->pop[u->owner];

	return u->connection != 0 && u->established && pop->up && pop->life == u->life &&
	       pop->origin[user] == u->connection;
}

static void user_send(struct sim *w, unsigned user, uint8_t flags)
{
	struct sim_user *u = &w->user[user];
	const struct sim_packet packet = { .user = user,
					   .flags = flags,
					   .seq = u->serial,
					   .ack = u->rcv_nxt,
					   .connection = u->connection,
					   .serial = u->serial };
	struct sim_event *event;

	u->serial++;
	if (sim_net_is_lost(w, w->user_loss))
		return;
	event = sim_net_post(w, SIM_AT_POP, MS(1 + sim_anycast_dice(w, w->strict ? 1 : 6)));
	event->from = user;
	event->to = u->pop;
	event->len = PACKET_SIZE;
	sim_net_packet_write(event->bytes, &packet);
}

void sim_user_timer(struct sim *w, unsigned user)
{
	struct sim_user *u = &w->user[user];
	int64_t after = u->interval_ns;

	if (u->connection == 0 || !u->active)
		return;
	user_send(w, user, u->established ? FLOW_TCP_ACK : FLOW_TCP_SYN);
	if (!u->established)
		after = MS(200);
	sim_net_post(w, SIM_USER_SENDS, after)->to = user;
}

/* The reset of a dead owner's connection: was it in time? */
static void reset_measure(struct sim *w, unsigned user, unsigned pop, struct instant sent)
{
	const struct sim_user *u = &w->user[user];
	struct instant from = u->first;
	const int64_t limit = sim_anycast_reset_limit(w, pop);
	int64_t over;

	if (!w->strict || pop != u->first_pop)
		return;
	if (w->pop[pop].sees[u->owner].since.ns > from.ns)
		from = w->pop[pop].sees[u->owner].since;
	over = sent.ns - from.ns - limit;
	w->counts.measured++;
	if (over > w->counts.slowest_reset_ns)
		w->counts.slowest_reset_ns = over;
	if (over > MS(10))
		sim_net_fault(w, "pop %u resets user %u after %.1f ms, not %.1f", pop, user,
			      (double)(sent.ns - from.ns) / 1e6, (double)limit / 1e6);
}

static void connection_end(struct sim *w, unsigned user)
{
	struct sim_user *u = &w->user[user];

	u->connection = 0;
	u->free_at = instant_after_ms(w->now, SIM_QUIET_MS);
}

void sim_user_receive(struct sim *w, const struct sim_event *event)
{
	const unsigned user = event->to;
	struct sim_user *u = &w->user[user];
	const uint8_t flags = event->bytes[33];

	if (u->connection == 0)
		return;
	if (flags & FLOW_TCP_RST) {
		/* RFC 9293, 3.10.7.4: only exactly the next octet; else a challenge. */
		if (!u->established || sim_net_get32(event->bytes + 24) != u->rcv_nxt)
			return;
		sim_net_trace(w, "user %u takes a reset", user);
		if (sim_anycast_lives(w, user))
			sim_net_fault(w,
				      "connection %u of user %u was reset through %u, and %u lives",
				      u->connection, user, event->from, u->owner);
		w->counts.resets_taken++;
		if (event->flag)
			reset_measure(w, user, event->from, event->sent);
		connection_end(w, user);
		return;
	}
	if (sim_net_get32(event->bytes + 40) != u->connection)
		return;
	u->heard = w->now;
	if (flags & FLOW_TCP_FIN)
		connection_end(w, user);
	if (flags & FLOW_TCP_SYN && event->from == u->owner)
		u->established = true;
	if (u->established)
		u->rcv_nxt += sim_anycast_dice(w, 3) ? 0 : 100;
}

void sim_anycast_open(struct sim *w, unsigned user)
{
	struct sim_user *u = &w->user[user];

	if (u->connection != 0 || u->free_at.ns > w->now.ns)
		return;
	u->connection = ++w->connections;
	u->established = false;
	u->active = true;
	u->opened = u->heard = w->now;
	u->first = INSTANT_NEVER;
	u->rcv_nxt = sim_anycast_dice(w, UINT32_MAX);
	u->interval_ns = MS(20 + sim_anycast_dice(w, 80));
	sim_net_trace(w, "user %u opens connection %u at %u", user, u->connection, u->pop);
	sim_user_timer(w, user);
}

void sim_anycast_close(struct sim *w, unsigned user, bool properly)
{
	struct sim_user *u = &w->user[user];

	if (u->connection == 0)
		return;
	sim_net_trace(w, "user %u ends connection %u", user, u->connection);
	if (properly)
		user_send(w, user, FLOW_TCP_FIN | FLOW_TCP_ACK);
	connection_end(w, user);
}

void sim_anycast_shift(struct sim *w, unsigned user, unsigned pop)
{
	const struct sim_user *u = &w->user[user];

	for (unsigned i = 0; i < w->pops; i++) {
		const unsigned candidate = (pop + i) % w->pops;
		const struct sim_pop *p = &w->pop[candidate];

		if (sim_anycast_is_own(&p->entries[user], w->now) &&
		    p->origin[user] != u->connection)
			continue;
		sim_net_trace(w, "user %u shifts to %u", user, candidate);
		w->user[user].pop = candidate;
		return;
	}
}
