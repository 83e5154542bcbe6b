/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim_anycast.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "lb/flow/reset.h"
#include "sim_net.h"

/* The mesh. */

static unsigned other(unsigned pop, unsigned index)
{
	return index < pop ? index : index + 1;
}

static unsigned index_of(unsigned pop, unsigned peer)
{
	return peer < pop ? peer : peer - 1;
}

static bool is_cut(const struct sim *w, unsigned a, unsigned b)
{
	return w->pop[a].sees[b].cut.ns > w->now.ns;
}

/* NULL: it is lost. One in fifty comes twice. */
static void mesh_post(struct sim *w, enum sim_event_type type, unsigned from, unsigned to,
		      const struct sim_event *what)
{
	const int copies = w->loss > 0 && sim_anycast_dice(w, 50) == 0 ? 2 : 1;

	for (int i = 0; i < copies; i++) {
		struct sim_event *event;
		int64_t jitter = w->jitter_ns ? sim_anycast_dice(w, (uint32_t)w->jitter_ns) : 0;

		if (is_cut(w, from, to) || sim_net_is_lost(w, w->loss))
			continue;
		event = sim_net_post(w, type, w->delay[from][to] + jitter);
		event->answer = what->answer;
		event->flag = what->flag;
		event->len = what->len;
		memcpy(event->bytes, what->bytes, what->len);
		event->from = from;
		event->to = to;
	}
}

static struct gue_path path(const struct sim *w, unsigned from, unsigned to)
{
	struct gue_path p = { .key = { 0x1234567 + from, 0x89abcdef + 100 * to },
			      .epoch = w->pop[from].epoch,
			      .epoch_before = w->pop[from].epoch_before };

	flow_addr_map(p.source, htonl(0x0ac80000 + from));
	flow_addr_map(p.destination, htonl(0x0ac80000 + to));
	return p;
}

static void gue_send(struct sim *w, unsigned from, unsigned to, const uint8_t *packet)
{
	struct sim_packet seen = sim_net_packet_read(packet);
	const struct gue_path out = path(w, from, to);
	uint8_t marked[PACKET_SIZE];
	struct sim_event event = { .len = 0 };

	if (!(w->pop[from].said_yes[seen.user] >> to & 1))
		sim_net_fault(w, "pop %u hands user %u over to %u, that never said yes", from,
			      seen.user, to);
	if (seen.hops++ > 0)
		sim_net_fault(w, "pop %u hands over to %u what was handed over to it", from, to);
	sim_net_packet_write(marked, &seen);
	event.len = gue_encode(&out, marked, PACKET_SIZE, event.bytes, sizeof(event.bytes));
	assert(event.len > 0);
	event.from = from;
	event.to = to;
	w->recorded[w->recorded_count++ % SIM_RECORDED] = event;
	mesh_post(w, SIM_GUE, from, to, &event);
}

/* What a machine does. */

static void on_ask(void *ctx, unsigned index, uint64_t id, const struct flow_key *key)
{
	const struct sim_seat *seat = ctx;
	struct sim_event event = { .answer = { .id = id, .key = *key } };

	seat->w->counts.asked++;
	mesh_post(seat->w, SIM_ASK, seat->pop, other(seat->pop, index), &event);
}

static void on_release(void *ctx, unsigned index, const struct owner_packet *packet)
{
	const struct sim_seat *seat = ctx;
	struct sim *w = seat->w;
	const struct sim_packet seen = sim_net_packet_read(packet->bytes);
	uint32_t *last = &w->pop[seat->pop].released[seen.user];

	sim_net_trace(w, "pop %u releases %u of user %u to %u", seat->pop, seen.serial, seen.user,
		      other(seat->pop, index));
	if (seen.arrival <= *last)
		sim_net_fault(w, "pop %u releases packets of user %u out of order", seat->pop,
			      seen.user);
	*last = seen.arrival;
	w->counts.handed_over++;
	gue_send(w, seat->pop, other(seat->pop, index), packet->bytes);
}

static void on_learn(void *ctx, const struct flow_key *key, unsigned index, uint32_t ttl_ms)
{
	const struct sim_seat *seat = ctx;
	struct sim *w = seat->w;
	const bool nowhere = index == OWNER_NOWHERE;

	w->pop[seat->pop].entries[sim_net_user(key)] =
		(struct sim_entry){ .state = nowhere ? SIM_NOWHERE : SIM_ELSEWHERE,
				    .born = w->now,
				    .seen = w->now,
				    .target = nowhere ? 0 : other(seat->pop, index) };
	assert(ttl_ms == (nowhere ? OWNER_NOWHERE_MS : OWNER_CACHE_MS));
	sim_net_trace(w, "pop %u learns user %u at %d", seat->pop, sim_net_user(key),
		      nowhere ? -1 : (int)other(seat->pop, index));
}

/* The slowest round trip of PoPs that live to this one, or reset_after. */
int64_t sim_anycast_reset_limit(const struct sim *w, unsigned pop)
{
	int64_t limit = MS(SIM_RESET_AFTER);

	for (unsigned peer = 0; peer < w->pops; peer++) {
		const int64_t rtt = w->delay[pop][peer] + w->delay[peer][pop];

		if (peer != pop && w->pop[pop].sees[peer].lives && rtt > limit)
			limit = rtt;
	}
	return limit;
}

static void on_reset(void *ctx, const struct owner_packet *packet)
{
	const struct sim_seat *seat = ctx;
	struct sim *w = seat->w;
	const struct sim_packet seen = sim_net_packet_read(packet->bytes);
	const struct sim_user *user = &w->user[seen.user];
	struct sim_event *event = sim_net_post(w, SIM_AT_USER, MS(1 + sim_anycast_dice(w, 10)));

	w->counts.resets++;
	event->from = seat->pop;
	event->to = seen.user;
	event->flag = true;
	event->sent = w->now;
	event->len = reset_packet_build(event->bytes, packet->bytes, packet->len);
	assert(event->len == 40 && sim_net_get32(event->bytes + 24) == seen.ack);
	sim_net_trace(w, "pop %u resets user %u connection %u", seat->pop, seen.user,
		      seen.connection);
	if (seen.connection == user->connection && sim_anycast_lives(w, seen.user))
		sim_net_fault(w, "pop %u resets connection %u of user %u, and %u lives", seat->pop,
			      seen.connection, seen.user, user->owner);
}

static void on_hint(void *ctx, const struct flow_key *key, uint64_t *bits)
{
	const struct sim_seat *seat = ctx;
	const struct sim *w = seat->w;

	for (unsigned peer = 0; peer < w->pops; peer++) {
		const struct sim_entry *e = &w->pop[peer].entries[sim_net_user(key)];

		/* And somebody always seems to, as a Bloom filter has it. */
		if (peer != seat->pop && ((e->state >= SIM_HALF && e->state <= SIM_ELSEWHERE &&
					   e->seen.ns + MS(300000) > w->now.ns) ||
					  (peer + sim_net_user(key)) % 7 == 0))
			bits[0] |= 1ULL << index_of(seat->pop, peer);
	}
}

bool sim_anycast_is_own(const struct sim_entry *e, struct instant now)
{
	switch (e->state) {
	case SIM_NONE:
	case SIM_ELSEWHERE:
	case SIM_NOWHERE:
		return false;
	case SIM_HALF:
	case SIM_CLOSING:
		return e->seen.ns + MS(60000) > now.ns;
	case SIM_OPEN:
		return e->seen.ns + MS(7440000) > now.ns;
	}
	return false;
}

static bool on_is_here(void *ctx, const struct flow_key *key)
{
	const struct sim_seat *seat = ctx;

	return sim_anycast_is_own(&seat->w->pop[seat->pop].entries[sim_net_user(key)],
				  seat->w->now);
}

static struct answerer_flow find(void *ctx, const struct flow_key *key)
{
	static const enum answerer_standing standings[] = {
		[SIM_HALF] = ANSWERER_HALF_OPEN,
		[SIM_OPEN] = ANSWERER_OPEN,
		[SIM_CLOSING] = ANSWERER_CLOSING,
	};
	const struct sim_seat *seat = ctx;
	const struct sim_entry *e = &seat->w->pop[seat->pop].entries[sim_net_user(key)];

	if (!sim_anycast_is_own(e, seat->w->now))
		return (struct answerer_flow){ ANSWERER_ABSENT, 0, 0 };
	return (struct answerer_flow){
		standings[e->state],
		(uint32_t)((seat->w->now.ns - e->born.ns) / NS_PER_MS),
		(uint32_t)((seat->w->now.ns - e->seen.ns) / NS_PER_MS),
	};
}

static void user_space_start(struct sim *w, unsigned pop)
{
	static const struct owner_ops ops = { on_ask,	on_release, on_learn,
					      on_reset, on_hint,    on_is_here };
	const struct answerer_conf answers = answerer_conf_default(w->pops - 1);
	struct owner_conf conf = owner_conf_default(w->pops - 1, SIM_RESET_AFTER);

	conf.flows = 16;
	conf.packets = 48;
	conf.packet_max = PACKET_SIZE;
	conf.networks = 64;
	w->seats[pop] = (struct sim_seat){ w, pop };
	w->pop[pop].owner = owner_new(&conf, &ops, &w->seats[pop], w->now);
	w->pop[pop].answerer = answerer_new(&answers, find, &w->seats[pop]);
	w->pop[pop].serving = true;
	w->pop[pop].epoch_before = w->pop[pop].epoch;
	w->pop[pop].epoch = sim_anycast_dice(w, UINT32_MAX);
	for (unsigned peer = 0; peer < w->pops; peer++) {
		w->pop[pop].sees[peer].lives = w->pop[pop].sees[peer].reachable = false;
		w->pop[pop].sees[peer].since = w->now;
		w->pop[pop].sees[peer].token++;
	}
}

static void user_space_stop(struct sim *w, unsigned pop)
{
	owner_free(w->pop[pop].owner);
	answerer_free(w->pop[pop].answerer);
	w->pop[pop].owner = NULL;
	w->pop[pop].answerer = NULL;
	w->pop[pop].serving = false;
}

/* Who hears whom has changed: tell so when hellos would. */
static void reach_update(struct sim *w)
{
	for (unsigned to = 0; to < w->pops; to++)
		for (unsigned from = 0; from < w->pops; from++) {
			const bool reachable = w->pop[from].serving && !is_cut(w, from, to);
			struct sim_event *event;
			int64_t after = w->delay[from][to];

			if (from == to || !w->pop[to].serving ||
			    w->pop[to].sees[from].reachable == reachable)
				continue;
			w->pop[to].sees[from].reachable = reachable;
			after += reachable ? MS(sim_anycast_dice(w, SIM_HELLO_MS))
					   : MS(160 + sim_anycast_dice(w, SIM_HELLO_MS));
			for (int i = 0; i < 3 && reachable && sim_net_is_lost(w, w->loss); i++)
				after += MS(SIM_HELLO_MS);
			event = sim_net_post(w, SIM_SEES, after);
			event->from = from;
			event->to = to;
			event->flag = reachable;
			event->token = ++w->pop[to].sees[from].token;
		}
}

static void sees(struct sim *w, const struct sim_event *event)
{
	struct sim_pop *pop = &w->pop[event->to];
	const unsigned index = index_of(event->to, event->from);

	if (event->token != pop->sees[event->from].token || !pop->serving ||
	    pop->sees[event->from].lives == event->flag)
		return;
	sim_net_trace(w, "pop %u: %u is %s", event->to, event->from, event->flag ? "live" : "dead");
	pop->sees[event->from].lives = event->flag;
	pop->sees[event->from].since = w->now;
	if (event->flag)
		owner_pop_live(pop->owner, index,
			       (uint32_t)((w->delay[event->from][event->to] +
					   w->delay[event->to][event->from]) /
					  NS_PER_US),
			       w->now);
	else
		owner_pop_dead(pop->owner, index, w->now);
}

/* Planes. */

/* A packet of the user's is at the origin of that PoP. */
static void deliver(struct sim *w, unsigned pop, const struct sim_packet *seen)
{
	struct sim_entry *e = &w->pop[pop].entries[seen->user];
	const bool known = w->pop[pop].origin[seen->user] == seen->connection;
	struct sim_event *event = sim_net_post(w, SIM_AT_USER, MS(1 + sim_anycast_dice(w, 10)));
	struct sim_packet answer = *seen;

	e->seen = w->now;
	if (e->state == SIM_HALF && w->now.ns - e->born.ns >= 200 * NS_PER_US)
		e->state = SIM_OPEN;
	if (seen->flags & (FLOW_TCP_FIN | FLOW_TCP_RST)) {
		e->state = SIM_CLOSING;
		w->pop[pop].origin[seen->user] = 0;
	}
	answer.flags = known ? seen->flags | FLOW_TCP_ACK : FLOW_TCP_RST;
	answer.seq = seen->ack;
	event->from = pop;
	event->to = seen->user;
	event->len = PACKET_SIZE;
	sim_net_packet_write(event->bytes, &answer);
	if (!known)
		sim_net_trace(w, "origin of %u resets user %u connection %u", pop, seen->user,
			      seen->connection);
}

static void forward(struct sim *w, unsigned pop, struct sim_entry *e, const uint8_t *packet)
{
	const struct sim_packet seen = sim_net_packet_read(packet);

	e->seen = w->now;
	w->counts.forwarded++;
	gue_send(w, pop, e->target, packet);
	if (seen.flags & (FLOW_TCP_FIN | FLOW_TCP_RST))
		e->state = SIM_NONE;
}

static void syn(struct sim *w, unsigned pop, const struct sim_packet *seen)
{
	const struct flow_key key = sim_net_key(seen->user);
	struct sim_user *user = &w->user[seen->user];

	if (seen->connection != user->connection || user->established)
		return; /* late: its origin knows */
	if (user->owner != pop && w->pop[user->owner].origin[seen->user] == seen->connection)
		w->pop[user->owner].origin[seen->user] |= 1U << 31; /* with another ISN */
	w->pop[pop].entries[seen->user] = (struct sim_entry){ SIM_HALF, w->now, w->now, 0 };
	w->pop[pop].origin[seen->user] = seen->connection;
	if (w->pop[pop].serving)
		owner_flow_taken(w->pop[pop].owner, &key);
	user->owner = pop;
	user->life = w->pop[pop].life;
	deliver(w, pop, seen);
}

/* The plane does not know it. */
static void unknown(struct sim *w, unsigned pop, uint8_t *bytes)
{
	struct sim_pop *p = &w->pop[pop];
	struct sim_packet seen = sim_net_packet_read(bytes);
	struct sim_user *user = &w->user[seen.user];
	struct owner_packet packet = {
		sim_net_key(seen.user), bytes, PACKET_SIZE, false, false, false
	};

	if (!p->serving)
		return;
	if (seen.connection == user->connection && !sim_anycast_lives(w, seen.user) &&
	    (user->first.ns == INSTANT_NEVER.ns || user->first_pop != pop)) {
		user->first = w->now;
		user->first_pop = pop;
	}
	seen.arrival = ++w->arrivals;
	sim_net_packet_write(bytes, &seen);
	packet.is_reset = seen.flags & FLOW_TCP_RST;
	owner_packet_take(p->owner, &packet, w->now);
}

static void at_pop(struct sim *w, struct sim_event *event)
{
	struct sim_pop *pop = &w->pop[event->to];
	const struct sim_packet seen = sim_net_packet_read(event->bytes);
	struct sim_entry *e = &pop->entries[seen.user];

	if (!pop->up)
		return;
	if (seen.flags & FLOW_TCP_SYN) {
		syn(w, event->to, &seen);
	} else if (sim_anycast_is_own(e, w->now)) {
		deliver(w, event->to, &seen);
	} else if (e->state == SIM_NOWHERE && e->born.ns + MS(OWNER_NOWHERE_MS) > w->now.ns) {
		return;
	} else if (e->state == SIM_ELSEWHERE && e->seen.ns + MS(OWNER_CACHE_MS) > w->now.ns &&
		   (!pop->serving || pop->sees[e->target].lives ||
		    pop->sees[e->target].since.ns > w->now.ns)) {
		forward(w, event->to, e, event->bytes);
	} else {
		unknown(w, event->to, event->bytes);
	}
}

static void at_gue(struct sim *w, const struct sim_event *event)
{
	struct sim_pop *pop = &w->pop[event->to];
	const struct gue_path in = path(w, event->from, event->to);
	struct gue_packet packet;
	struct sim_packet seen;

	if (!pop->up)
		return;
	if (gue_decode(&packet, &in, event->bytes, event->len) != GUE_ACCEPTED) {
		w->counts.refused_gue++;
		return;
	}
	if (event->flag) {
		sim_net_fault(w, "pop %u takes what is forged", event->to);
		return;
	}
	seen = sim_net_packet_read(packet.inner);
	if (sim_anycast_is_own(&pop->entries[seen.user], w->now)) {
		deliver(w, event->to, &seen);
	} else if (pop->serving) {
		struct sim_event gone = { .answer = { .key = packet.flow.key } };

		w->counts.gone++;
		mesh_post(w, SIM_GONE, event->to, event->from, &gone);
	}
}

static void at_gone(struct sim *w, const struct sim_event *event)
{
	struct sim_entry *e = &w->pop[event->to].entries[sim_net_user(&event->answer.key)];

	if (!w->pop[event->to].serving)
		return;
	if (e->state == SIM_ELSEWHERE && e->target == event->from)
		e->state = SIM_NONE;
	owner_flow_gone(w->pop[event->to].owner, index_of(event->to, event->from),
			&event->answer.key);
}

static void at_ask(struct sim *w, const struct sim_event *event)
{
	struct sim_event out = { .len = 0 };
	const unsigned user = sim_net_user(&event->answer.key);

	if (!w->pop[event->to].serving ||
	    !answerer_question_take(w->pop[event->to].answerer, index_of(event->to, event->from),
				    event->answer.id, &event->answer.key, &out.answer, w->now))
		return;
	sim_net_trace(w, "pop %u says %s to %u of user %u, age %u idle %u", event->to,
		      out.answer.yes ? "yes" : "no", event->from, user, out.answer.age_ms,
		      out.answer.idle_ms);
	if (out.answer.yes) {
		w->pop[event->from].said_yes[user] |= 1ULL << event->to;
		w->counts.relics += w->pop[event->to].origin[user] != w->user[user].connection;
	}
	mesh_post(w, SIM_ANSWER, event->to, event->from, &out);
}

/* What happens to PoPs. */

void sim_anycast_crash(struct sim *w, unsigned pop, int64_t ms)
{
	struct sim_pop *p = &w->pop[pop];

	if (!p->up)
		return;
	sim_net_trace(w, "pop %u crashes", pop);
	w->counts.crashes++;
	if (p->serving)
		user_space_stop(w, pop);
	p->up = false;
	p->life++;
	memset(p->entries, 0, sizeof(p->entries));
	memset(p->origin, 0, sizeof(p->origin));
	p->until = instant_after_ms(w->now, ms);
	sim_net_post(w, SIM_POP_BACK, MS(ms))->to = pop;
	reach_update(w);
}

void sim_anycast_restart(struct sim *w, unsigned pop, int64_t ms, bool announced)
{
	struct sim_pop *p = &w->pop[pop];

	if (!p->up || !p->serving)
		return;
	sim_net_trace(w, "pop %u restarts%s", pop, announced ? ", as it said" : "");
	w->counts.restarts++;
	user_space_stop(w, pop);
	p->until = instant_after_ms(w->now, ms);
	sim_net_post(w, SIM_POP_BACK, MS(ms))->to = pop;
	reach_update(w);
	for (unsigned peer = 0; announced && peer < w->pops; peer++) {
		if (peer == pop || !w->pop[peer].serving || is_cut(w, pop, peer))
			continue;
		/* Dead when that time is over; by then it should be back. */
		w->pop[peer].sees[pop].token++;
		w->pop[peer].sees[pop].lives = false;
		w->pop[peer].sees[pop].since = instant_after_ms(w->now, ms + 1000);
		owner_pop_restarting(w->pop[peer].owner, index_of(peer, pop),
				     w->pop[peer].sees[pop].since, w->now);
	}
}

static void pop_back(struct sim *w, unsigned pop)
{
	if (w->pop[pop].serving || w->pop[pop].until.ns > w->now.ns)
		return;
	sim_net_trace(w, "pop %u is back", pop);
	w->pop[pop].up = true;
	user_space_start(w, pop);
	reach_update(w);
}

void sim_anycast_cut(struct sim *w, unsigned a, unsigned b, int64_t ms)
{
	if (a == b || is_cut(w, a, b))
		return;
	sim_net_trace(w, "pops %u and %u are cut apart for %d ms", a, b, (int)ms);
	w->counts.partitions++;
	w->pop[a].sees[b].cut = w->pop[b].sees[a].cut = instant_after_ms(w->now, ms);
	sim_net_post(w, SIM_LINK_BACK, MS(ms));
	reach_update(w);
}

/*
 * What was recorded is of a connection that its user still has. To replay what is older within its
 * epoch makes a relic look as if it were in use: the tag does not prevent that (gue.h).
 */
static bool is_current(const struct sim *w, const struct sim_event *recorded)
{
	const struct sim_packet seen = sim_net_packet_read(recorded->bytes + GUE_SIZE);

	return w->user[seen.user].connection == seen.connection;
}

void sim_anycast_forge(struct sim *w)
{
	const unsigned count = w->recorded_count < SIM_RECORDED ? w->recorded_count : SIM_RECORDED;
	struct sim_event event, *out;
	const unsigned kind = sim_anycast_dice(w, 7); /* 6: as it is */
	unsigned to;

	if (count == 0)
		return;
	event = w->recorded[sim_anycast_dice(w, count)];
	to = sim_anycast_dice(w, w->pops);
	if (kind == 0 && to != event.to) /* to another one, as from the same */
		event.to = to;
	else if (kind == 1 && to != event.from) /* as from another one */
		event.from = to;
	else if (kind == 2) /* of another user */
		event.bytes[GUE_SIZE + 21]++;
	else if (kind == 3) /* the tag guessed */
		event.bytes[16 + sim_anycast_dice(w, 8)] ^= (uint8_t)(1 + sim_anycast_dice(w, 255));
	else if (kind == 4) /* of another time */
		event.bytes[8 + sim_anycast_dice(w, 4)] ^= 1;
	else if (kind == 5) /* once more round */
		event.bytes[5]++;
	else if (kind != 6 || !is_current(w, &event))
		return;
	if (event.from == event.to)
		return;
	event.type = SIM_GUE;
	event.flag = kind < 6;
	out = sim_net_post(w, SIM_GUE, MS(sim_anycast_dice(w, 20)));
	*out = event;
}

static void event_happen(struct sim *w, struct sim_event *event)
{
	struct sim_pop *pop = &w->pop[event->to];

	w->counts.events++;
	switch (event->type) {
	case SIM_USER_SENDS:
		sim_user_timer(w, event->to);
		break;
	case SIM_AT_POP:
		at_pop(w, event);
		break;
	case SIM_AT_USER:
		sim_user_receive(w, event);
		break;
	case SIM_ASK:
		at_ask(w, event);
		break;
	case SIM_ANSWER:
		if (pop->serving)
			owner_answer_take(pop->owner, index_of(event->to, event->from),
					  &event->answer, w->now);
		break;
	case SIM_GONE:
		at_gone(w, event);
		break;
	case SIM_GUE:
		at_gue(w, event);
		break;
	case SIM_SEES:
		sees(w, event);
		break;
	case SIM_POP_BACK:
		pop_back(w, event->to);
		break;
	case SIM_LINK_BACK:
		reach_update(w);
		break;
	}
}

static struct instant deadline(const struct sim *w, unsigned pop)
{
	return w->pop[pop].serving ? owner_deadline(w->pop[pop].owner) : INSTANT_NEVER;
}

static void memory_check(struct sim *w, unsigned pop)
{
	const struct owner_counters *c = owner_counters(w->pop[pop].owner);

	if (c->flows > 16 || c->packets > 48)
		sim_net_fault(w, "pop %u has %u flows, %u packets", pop, c->flows, c->packets);
}

void sim_anycast_run(struct sim *w, struct instant until)
{
	while (!w->fault[0]) {
		struct instant at = w->queued ? w->heap[0].due : INSTANT_NEVER;
		unsigned first = w->pops;

		for (unsigned pop = 0; pop < w->pops; pop++)
			if (deadline(w, pop).ns < at.ns) {
				at = deadline(w, pop);
				first = pop;
			}
		if (at.ns > until.ns)
			break;
		if (w->steps++ > SIM_STEPS_MAX)
			sim_net_fault(w, "it does not end");
		w->now.ns = at.ns > w->now.ns ? at.ns : w->now.ns;
		if (first < w->pops) {
			owner_step(w->pop[first].owner, w->now);
			memory_check(w, first);
		} else {
			struct sim_event event = sim_net_next(w);

			event_happen(w, &event);
		}
	}
	w->now = until;
}

void sim_anycast_idle(struct sim *w, int64_t ms)
{
	for (unsigned user = 0; user < SIM_USERS; user++)
		w->user[user].active = false;
	sim_anycast_run(w, instant_after_ms(w->now, ms));
	for (unsigned user = 0; user < SIM_USERS; user++) {
		w->user[user].active = true;
		sim_user_timer(w, user);
	}
}

void sim_anycast_init(struct sim *w, uint64_t seed)
{
	memset(w, 0, offsetof(struct sim, events));
	w->random = seed;
	w->now = (struct instant){ 1000 * NS_PER_S };
	for (unsigned i = 0; i < SIM_EVENTS; i++)
		w->free[i] = i;
	w->pops = 2 + sim_anycast_dice(w, SIM_POPS - 1);
	w->loss = sim_anycast_dice(w, 3) ? sim_anycast_dice(w, 200) : 0;
	w->user_loss = sim_anycast_dice(w, 50);
	w->jitter_ns = sim_anycast_dice(w, 2) ? MS(1 + sim_anycast_dice(w, 30)) : 0;
	for (unsigned a = 0; a < w->pops; a++)
		for (unsigned b = 0; b < a; b++)
			w->delay[a][b] = w->delay[b][a] =
				(1000 + sim_anycast_dice(w, 99000)) * NS_PER_US;
	for (unsigned pop = 0; pop < w->pops; pop++) {
		w->pop[pop].up = true;
		user_space_start(w, pop);
	}
	reach_update(w);
	for (unsigned user = 0; user < SIM_USERS; user++)
		w->user[user].pop = sim_anycast_dice(w, w->pops);
}

void sim_anycast_fini(struct sim *w)
{
	for (unsigned pop = 0; pop < w->pops; pop++)
		if (w->pop[pop].serving)
			user_space_stop(w, pop);
}
