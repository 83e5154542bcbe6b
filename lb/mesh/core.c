/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/mesh/core.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

/* Of questions of one PoP: what is more is not answered. */
static const struct bucket_rate question_rate = { .per_second = 20000, .burst = 4096 };
/* Between two chunks to one PoP, for each of all PoPs: 400 a second in all, 20 to each. */
#define CHUNK_EVERY_NS	   (NS_PER_S / 400)
#define CHUNK_EVERY_MIN_NS (50 * NS_PER_MS)

/* ---- who is who ---- */

/* Open addressing: the place of an address, or the first free one after it. */
static size_t find(const struct mesh_core *core, const struct addr *addr)
{
	const size_t size = 2 * (size_t)MESH_POPS_MAX;
	uint32_t hash = addr->family;
	size_t at;

	for (size_t i = 0; i < sizeof(addr->bytes); i++)
		hash = (hash ^ addr->bytes[i]) * 16777619;
	at = (hash ^ hash >> 15) % size;
	while (core->by_addr[at] && !addr_equal(&core->slots[core->by_addr[at] - 1]->at.addr, addr))
		at = (at + 1) % size;
	return at;
}

static void index_addresses(struct mesh_core *core)
{
	memset(core->by_addr, 0, sizeof(core->by_addr));
	for (size_t i = 0; i < core->slot_count; i++)
		if (core->slots[i])
			core->by_addr[find(core, &core->slots[i]->at.addr)] = (uint16_t)(i + 1);
}

const struct mesh_pop *mesh_core_pop(const struct mesh_core *core, size_t slot)
{
	return slot < core->slot_count ? core->slots[slot] : NULL;
}

bool mesh_core_is_live(const struct mesh_core *core, size_t slot)
{
	const struct mesh_pop *pop = mesh_core_pop(core, slot);

	return pop && pop->peer.state == MESH_LIVE;
}

/* ---- out ---- */

static void post(struct mesh_core *core, struct mesh_pop *pop, const struct mesh_message *message)
{
	uint8_t plain[MESH_PLAIN_MAX], datagram[MESH_DATAGRAM_MAX];
	size_t len = mesh_message_encode(message, plain, sizeof(plain));

	len = mesh_seal(datagram, plain, len, &pop->keys, pop->salt, message->seq);
	pop->counters.sent++;
	core->handlers.send(core->handlers.send_ctx, &pop->at, datagram, len);
}

static void fill_vips(const struct mesh_core *core, struct mesh_pop *pop, struct mesh_hello *hello)
{
	size_t first = pop->vip_next < core->vip_count ? pop->vip_next : 0;
	size_t count = core->vip_count - first;

	if (count > MESH_VIPS_A_HELLO)
		count = MESH_VIPS_A_HELLO;
	pop->vip_next = (uint16_t)(first + count);
	hello->vip_total = (uint16_t)core->vip_count;
	hello->vip_first = (uint16_t)first;
	hello->vip_count = (uint8_t)count;
	memcpy(hello->vips, core->vips + first, count * sizeof(*hello->vips));
}

static void say_hello(struct mesh_core *core, struct mesh_pop *pop, const struct mesh_step *step,
		      struct instant now)
{
	struct mesh_message message;
	int64_t left_ms = (core->restart_end.ns - now.ns) / NS_PER_MS;

	mesh_peer_hello(&pop->peer, step, now, &message);
	message.hello.word = core->word;
	message.hello.gue_port = core->gue_port;
	message.hello.load = core->load;
	message.hello.epoch = core->life.epoch;
	if (core->word == MESH_RESTARTS && left_ms > 0)
		message.hello.restarting_ms = (uint32_t)left_ms;
	fill_vips(core, pop, &message.hello);
	post(core, pop, &message);
}

static void say_chunk(struct mesh_core *core, struct mesh_pop *pop, struct instant now)
{
	int64_t pace = CHUNK_EVERY_NS * (int64_t)core->slot_count;
	struct mesh_message message;
	uint8_t index = 0;

	while (!(pop->chunks_due >> index & 1))
		index++;
	pop->chunks_due &= (uint8_t) ~(1U << index);
	pop->chunks_told |= (uint8_t)(1U << index);
	pop->next_chunk =
		instant_after_ns(now, pace > CHUNK_EVERY_MIN_NS ? pace : CHUNK_EVERY_MIN_NS);
	mesh_peer_begin(&pop->peer, MESH_NETWORKS, &message);
	message.chunk.index = index;
	message.chunk.bits = core->served.told.chunks[index];
	post(core, pop, &message);
}

/* ---- in ---- */

static void carry_out(struct mesh_core *core, size_t slot, const struct mesh_step *step,
		      struct instant now)
{
	struct mesh_pop *pop = core->slots[slot];
	const struct mesh_peer *peer = &pop->peer;
	struct mesh_change change = { step->changed ? step->was : peer->state,
				      peer->state,
				      step->restarted,
				      false,
				      peer->reason,
				      0 };

	if (step->send)
		say_hello(core, pop, step, now);
	if (!step->changed && !step->restarted)
		return;
	if (change.state == MESH_LIVE && (change.was != MESH_LIVE || change.restarted)) {
		pop->counters.ups++;
		/* It may have missed what it was told, and has not been told what is new. */
		pop->chunks_due = pop->chunks_told | mesh_networks_chunks(&core->served.told);
		pop->next_chunk = now;
	}
	if (change.was == MESH_LIVE && (change.state != MESH_LIVE || change.restarted))
		pop->counters.downs++;
	if (change.state == MESH_DOWN)
		change.silent_ns = now.ns - peer->heard.ns;
	if (core->handlers.on_change)
		core->handlers.on_change(core->handlers.ctx, slot, &change);
}

static void take_vips(struct mesh_pop *pop, const struct mesh_hello *hello)
{
	if (pop->vip_count != hello->vip_total) {
		pop->vips = xreallocarray(pop->vips, hello->vip_total + 1U, sizeof(*pop->vips));
		for (size_t i = pop->vip_count; i < hello->vip_total; i++)
			pop->vips[i] = (struct mesh_vip){ 0 };
		pop->vip_count = hello->vip_total;
	}
	if (hello->vip_count > 0)
		memcpy(pop->vips + hello->vip_first, hello->vips,
		       hello->vip_count * sizeof(*pop->vips));
}

static void take_hello(struct mesh_pop *pop, const struct mesh_hello *hello, bool restarted)
{
	const bool is_new_life = hello->epoch != pop->epoch;

	if (is_new_life) {
		pop->epoch_before = pop->epoch;
		pop->has_epoch_before = pop->epoch != 0;
	}
	if (is_new_life || restarted) {
		free(pop->networks);
		pop->networks = NULL;
	}
	pop->word = hello->word;
	pop->gue_port = hello->gue_port;
	pop->load = hello->load;
	pop->epoch = hello->epoch;
	if (hello->vip_total <= MESH_VIPS_MAX)
		take_vips(pop, hello);
}

static void take_question(struct mesh_core *core, size_t slot, const struct mesh_message *message,
			  struct instant now)
{
	struct mesh_pop *pop = core->slots[slot];

	if (!bucket_take(&pop->questions, &question_rate, 1, 0, now)) {
		pop->counters.limited++;
		return;
	}
	pop->counters.was_asked++;
	if (core->handlers.on_ask)
		core->handlers.on_ask(core->handlers.ctx, slot, message->question.id,
				      message->question.flow);
	else
		mesh_core_answer(core, slot, &message->question); /* no */
}

/* Of a message that counts. */
static void take(struct mesh_core *core, size_t slot, const struct mesh_message *message,
		 const struct mesh_step *step, struct instant now)
{
	const struct mesh_handlers *handlers = &core->handlers;
	struct mesh_pop *pop = core->slots[slot];

	switch (message->type) {
	case MESH_HELLO:
		take_hello(pop, &message->hello, step->restarted);
		break;
	case MESH_NETWORKS:
		if (!pop->networks)
			pop->networks = x_new(struct mesh_networks);
		memcpy(pop->networks->chunks[message->chunk.index], message->chunk.bits,
		       MESH_CHUNK_SIZE);
		break;
	case MESH_ASK:
		take_question(core, slot, message, now);
		break;
	case MESH_ANSWER:
		pop->counters.answered++;
		if (handlers->on_answer)
			handlers->on_answer(handlers->ctx, slot, &message->question);
		break;
	case MESH_GONE:
		if (handlers->on_gone)
			handlers->on_gone(handlers->ctx, slot, message->question.flow);
		break;
	}
}

static void count(struct mesh_counters *counters, enum mesh_verdict verdict)
{
	switch (verdict) {
	case MESH_COUNTS:
		counters->received++;
		break;
	case MESH_REPLAYED:
		counters->replayed++;
		break;
	case MESH_STALE:
		counters->stale++;
		break;
	case MESH_UNPROVEN:
		counters->unproven++;
		break;
	}
}

/* False, and counted, where there is nothing that the pop has said. */
static bool open_message(struct mesh_pop *pop, const uint8_t *datagram, size_t len, uint8_t *plain,
			 struct mesh_message *message)
{
	size_t plain_len;

	switch (mesh_seal_open(plain, &plain_len, datagram, len, &pop->keys)) {
	case MESH_OPENED:
		if (mesh_message_decode(message, plain, plain_len))
			return true;
		break;
	case MESH_FORGED:
		pop->counters.forged++;
		return false;
	case MESH_MALFORMED:
		break;
	}
	pop->counters.malformed++;
	return false;
}

void mesh_core_receive(struct mesh_core *core, const struct addr *from, const uint8_t *datagram,
		       size_t len, struct instant now)
{
	size_t slot = core->by_addr[find(core, from)];
	uint8_t plain[MESH_PLAIN_MAX];
	struct mesh_message message;
	struct mesh_step step;

	if (slot == 0) {
		core->strangers++;
		return;
	}
	slot--;
	if (!open_message(core->slots[slot], datagram, len, plain, &message))
		return;
	step = mesh_peer_receive(&core->slots[slot]->peer, &message, now);
	count(&core->slots[slot]->counters, step.verdict);
	if (step.verdict == MESH_COUNTS)
		take(core, slot, &message, &step, now);
	carry_out(core, slot, &step, now);
}

/* ---- in time ---- */

static struct instant chunk_deadline(const struct mesh_pop *pop)
{
	return pop->chunks_due && pop->peer.state == MESH_LIVE ? pop->next_chunk : INSTANT_NEVER;
}

static void tell_chunks(struct mesh_core *core, uint8_t chunks)
{
	for (size_t i = 0; chunks && i < core->slot_count; i++)
		if (core->slots[i])
			core->slots[i]->chunks_due |= chunks;
}

void mesh_core_step(struct mesh_core *core, struct instant now)
{
	if (instant_reached(core->served.generation_end, now))
		tell_chunks(core, mesh_served_turn(&core->served, now));
	for (size_t i = 0; i < core->slot_count; i++) {
		struct mesh_pop *pop = core->slots[i];

		if (!pop)
			continue;
		if (instant_reached(mesh_peer_deadline(&pop->peer), now)) {
			const struct mesh_step step = mesh_peer_tick(&pop->peer, now);

			carry_out(core, i, &step, now);
		}
		if (instant_reached(chunk_deadline(pop), now))
			say_chunk(core, pop, now);
	}
}

struct instant mesh_core_deadline(const struct mesh_core *core)
{
	struct instant next = core->served.generation_end;

	for (size_t i = 0; i < core->slot_count; i++) {
		const struct mesh_pop *pop = core->slots[i];

		if (!pop)
			continue;
		next = instant_min(next, mesh_peer_deadline(&pop->peer));
		next = instant_min(next, chunk_deadline(pop));
	}
	return next;
}

/* ---- what is told ---- */

void mesh_core_say(struct mesh_core *core, enum mesh_word word, uint32_t for_ms, struct instant now)
{
	core->word = word;
	core->restart_end = instant_after_ms(now, for_ms);
	for (size_t i = 0; i < core->slot_count; i++)
		if (core->slots[i])
			mesh_peer_hurry(&core->slots[i]->peer, now);
	mesh_core_step(core, now);
}

void mesh_core_set_vips(struct mesh_core *core, const struct mesh_vip *vips, size_t count,
			struct instant now)
{
	bool same;

	if (count > MESH_VIPS_MAX)
		count = MESH_VIPS_MAX;
	same = count == core->vip_count;
	for (size_t i = 0; same && i < count; i++)
		same = vips[i].hash == core->vips[i].hash && vips[i].bits == core->vips[i].bits;
	if (same)
		return;
	for (size_t i = 0; i < count; i++)
		core->vips[i] = vips[i];
	core->vip_count = count;
	for (size_t i = 0; i < core->slot_count; i++) {
		struct mesh_pop *pop = core->slots[i];

		if (!pop)
			continue;
		pop->vip_next = 0;
		mesh_peer_hurry(&pop->peer, now);
	}
}

void mesh_core_set_load(struct mesh_core *core, uint32_t load)
{
	core->load = load;
}

const struct mesh_vip *mesh_pop_find_vip(const struct mesh_pop *pop, uint64_t hash)
{
	for (size_t i = 0; i < pop->vip_count; i++)
		if (pop->vips[i].hash == hash)
			return &pop->vips[i];
	return NULL;
}

size_t mesh_core_announcers(const struct mesh_core *core, uint64_t hash)
{
	size_t count = 0;

	for (size_t i = 0; i < core->slot_count; i++) {
		const struct mesh_pop *pop = core->slots[i];
		const struct mesh_vip *vip;

		if (!mesh_core_is_live(core, i) || pop->word != MESH_SERVING)
			continue;
		vip = mesh_pop_find_vip(pop, hash);
		count += vip && (vip->bits & MESH_VIP_UP) &&
			 (vip->bits & (MESH_VIP_ANNOUNCED | MESH_VIP_DEPREFERRED));
	}
	return count;
}

/* ---- questions ---- */

static void post_question(struct mesh_core *core, size_t slot, enum mesh_type type,
			  struct mesh_message *message)
{
	mesh_peer_begin(&core->slots[slot]->peer, type, message);
	post(core, core->slots[slot], message);
}

bool mesh_core_ask(struct mesh_core *core, size_t slot, uint64_t id,
		   const uint8_t flow[MESH_FLOW_SIZE])
{
	struct mesh_message message = { .question.id = id };

	if (!mesh_core_is_live(core, slot))
		return false;
	memcpy(message.question.flow, flow, MESH_FLOW_SIZE);
	core->slots[slot]->counters.asked++;
	post_question(core, slot, MESH_ASK, &message);
	return true;
}

void mesh_core_answer(struct mesh_core *core, size_t slot, const struct mesh_answer *answer)
{
	struct mesh_message message = { .question = *answer };

	if (!mesh_core_pop(core, slot))
		return;
	post_question(core, slot, MESH_ANSWER, &message);
}

void mesh_core_gone(struct mesh_core *core, size_t slot, const uint8_t flow[MESH_FLOW_SIZE])
{
	struct mesh_message message = { 0 };

	if (!mesh_core_is_live(core, slot))
		return;
	memcpy(message.question.flow, flow, MESH_FLOW_SIZE);
	post_question(core, slot, MESH_GONE, &message);
}

void mesh_core_served(struct mesh_core *core, const uint8_t client[16])
{
	tell_chunks(core, mesh_served_note(&core->served, client));
}

bool mesh_core_may_know(const struct mesh_core *core, size_t slot, const uint8_t client[16])
{
	const struct mesh_pop *pop = mesh_core_pop(core, slot);

	return pop && pop->networks && mesh_networks_has(pop->networks, client);
}

/* ---- birth, change, death ---- */

void mesh_core_init(struct mesh_core *core, const struct mesh_life *life,
		    const struct mesh_handlers *handlers, struct instant now)
{
	*core = (struct mesh_core){ .life = *life, .handlers = *handlers };
	mesh_served_init(&core->served, now);
}

static void pop_free(struct mesh_pop *pop)
{
	if (!pop)
		return;
	free(pop->name);
	free(pop->vips);
	free(pop->networks);
	free(pop);
}

void mesh_core_fini(struct mesh_core *core)
{
	for (size_t i = 0; i < core->slot_count; i++)
		pop_free(core->slots[i]);
	core->slot_count = 0;
}

static bool is_same(const struct mesh_pop *pop, const struct mesh_pop_conf *conf)
{
	return strcmp(pop->name, conf->name) == 0 && addr_equal(&pop->at.addr, &conf->at.addr) &&
	       pop->at.port == conf->at.port &&
	       memcmp(&pop->keys, &conf->keys, sizeof(pop->keys)) == 0;
}

static void remove_pop(struct mesh_core *core, size_t slot, struct instant now)
{
	struct mesh_pop *pop = core->slots[slot];
	const struct mesh_change change = { .was = pop->peer.state,
					    .state = MESH_DOWN,
					    .removed = true,
					    .reason = "not in the configuration any more" };
	const struct mesh_step farewell = { .send = true };
	enum mesh_word word = core->word;

	core->word = MESH_STOPS;
	say_hello(core, pop, &farewell, now);
	core->word = word;
	if (core->handlers.on_change)
		core->handlers.on_change(core->handlers.ctx, slot, &change);
	pop_free(pop);
	core->slots[slot] = NULL;
}

/*
 * A life for this pop alone: one that is removed and comes back must neither be taken for a
 * recording nor use a nonce twice, though our process and the key are the same.
 */
static uint64_t new_life(struct mesh_core *core, uint8_t salt[MESH_SALT_SIZE])
{
	uint64_t words[2] = { core->life.boot, ++core->births };
	uint64_t boot = mesh_hash(words, sizeof(words));

	memcpy(salt, core->life.salt, MESH_SALT_SIZE);
	for (size_t i = 0; i < sizeof(words[1]); i++)
		salt[i] ^= (uint8_t)(words[1] >> 8 * i);
	return boot ? boot : 1;
}

static void add_pop(struct mesh_core *core, const struct mesh_pop_conf *conf, struct instant now)
{
	struct mesh_pop *pop = x_new(struct mesh_pop);
	size_t slot = 0;
	uint64_t boot;

	while (core->slots[slot])
		slot++;
	pop->name = xstrdup(conf->name);
	pop->at = conf->at;
	memcpy(pop->public_key, conf->public_key, sizeof(pop->public_key));
	pop->keys = conf->keys;
	boot = new_life(core, pop->salt);
	mesh_peer_init(&pop->peer, &core->timing, boot, boot, now);
	core->slots[slot] = pop;
	if (slot >= core->slot_count)
		core->slot_count = slot + 1;
}

static bool stays(const struct mesh_pop *pop, const struct mesh_conf *conf)
{
	for (size_t i = 0; i < conf->pop_count; i++)
		if (is_same(pop, &conf->pops[i]))
			return true;
	return false;
}

static bool has_pop(const struct mesh_core *core, const struct mesh_pop_conf *conf)
{
	for (size_t i = 0; i < core->slot_count; i++)
		if (core->slots[i] && is_same(core->slots[i], conf))
			return true;
	return false;
}

void mesh_core_reload(struct mesh_core *core, const struct mesh_conf *conf, struct instant now)
{
	core->timing = conf->timing;
	core->gue_port = conf->gue_port;
	memcpy(core->public_key, conf->public_key, sizeof(core->public_key));
	for (size_t i = 0; i < core->slot_count; i++) {
		struct mesh_pop *pop = core->slots[i];

		if (pop && stays(pop, conf))
			mesh_peer_set_timing(&pop->peer, &conf->timing);
		else if (pop)
			remove_pop(core, i, now);
	}
	for (size_t i = 0; i < conf->pop_count; i++)
		if (!has_pop(core, &conf->pops[i]))
			add_pop(core, &conf->pops[i], now);
	while (core->slot_count > 0 && !core->slots[core->slot_count - 1])
		core->slot_count--;
	index_addresses(core);
}
