/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/mesh/message.h"

#include "lib/wire.h"

#define FLAG_HEARS 1
#define FLAG_PROVE 2
#define VIP_BITS   (MESH_VIP_ANNOUNCED | MESH_VIP_DEPREFERRED | MESH_VIP_UP)

/* An answer says so much more than its question. */
static const uint8_t ask_padding[9];

static void get_vips(struct mesh_hello *hello, struct wire_reader *r)
{
	hello->vip_total = wire_get_u16(r);
	hello->vip_first = wire_get_u16(r);
	hello->vip_count = wire_get_u8(r);
	if (hello->vip_count > MESH_VIPS_A_HELLO ||
	    hello->vip_first + hello->vip_count > hello->vip_total) {
		r->failed = true;
		return;
	}
	for (size_t i = 0; i < hello->vip_count; i++) {
		hello->vips[i].hash = wire_get_u64(r);
		hello->vips[i].bits = wire_get_u8(r) & VIP_BITS;
	}
}

static void get_hello(struct mesh_hello *hello, struct wire_reader *r)
{
	uint8_t word = wire_get_u8(r), flags = wire_get_u8(r);

	if (word > MESH_STOPS)
		r->failed = true;
	hello->word = (enum mesh_word)word;
	hello->hears = flags & FLAG_HEARS;
	hello->prove = flags & FLAG_PROVE;
	hello->multiplier = wire_get_u8(r);
	wire_get_u8(r);
	hello->interval_ms = wire_get_u16(r);
	hello->gue_port = wire_get_u16(r);
	hello->restarting_ms = wire_get_u32(r);
	hello->load = wire_get_u32(r);
	hello->epoch = wire_get_u32(r);
	hello->challenge = wire_get_u64(r);
	hello->answer = wire_get_u64(r);
	hello->sent = wire_get_u64(r);
	hello->sent_echo = wire_get_u64(r);
	hello->held_us = wire_get_u32(r);
	get_vips(hello, r);
	if (hello->multiplier == 0 || hello->interval_ms == 0 || hello->challenge == 0)
		r->failed = true;
}

static void get_flow(uint8_t flow[MESH_FLOW_SIZE], struct wire_reader *r)
{
	const uint8_t *from = wire_get_bytes(r, MESH_FLOW_SIZE);

	if (from)
		memcpy(flow, from, MESH_FLOW_SIZE);
}

static void get_answer(struct mesh_message *message, struct wire_reader *r)
{
	uint8_t verdict;

	message->question.id = wire_get_u64(r);
	get_flow(message->question.flow, r);
	verdict = wire_get_u8(r);
	message->question.yes = verdict == 1;
	message->question.age_ms = wire_get_u32(r);
	message->question.idle_ms = wire_get_u32(r);
	if (verdict > 1)
		r->failed = true;
}

static void get_chunk(struct mesh_message *message, struct wire_reader *r)
{
	message->chunk.index = wire_get_u8(r);
	message->chunk.bits = wire_get_bytes(r, MESH_CHUNK_SIZE);
	if (message->chunk.index >= MESH_CHUNKS)
		r->failed = true;
}

/* False: of an unknown type. */
static bool get_body(struct mesh_message *message, struct wire_reader *r)
{
	switch (message->type) {
	case MESH_HELLO:
		get_hello(&message->hello, r);
		return true;
	case MESH_NETWORKS:
		get_chunk(message, r);
		return true;
	case MESH_ASK:
		message->question.id = wire_get_u64(r);
		get_flow(message->question.flow, r);
		wire_get_bytes(r, sizeof(ask_padding));
		return true;
	case MESH_ANSWER:
		get_answer(message, r);
		return true;
	case MESH_GONE:
		get_flow(message->question.flow, r);
		return true;
	}
	return false;
}

bool mesh_message_decode(struct mesh_message *out, const uint8_t *buf, size_t len)
{
	struct wire_reader r = wire_reader(buf, len);
	struct mesh_message message = { 0 };

	message.boot = wire_get_u64(&r);
	message.echo = wire_get_u64(&r);
	message.seq = wire_get_u64(&r);
	message.type = (enum mesh_type)wire_get_u8(&r);
	if (!get_body(&message, &r) || r.failed || message.boot == 0 || message.seq == 0)
		return false;
	*out = message;
	return true;
}

static void put_hello(const struct mesh_hello *hello, struct wire_writer *w)
{
	wire_put_u8(w, (uint8_t)hello->word);
	wire_put_u8(w,
		    (uint8_t)((hello->hears ? FLAG_HEARS : 0) | (hello->prove ? FLAG_PROVE : 0)));
	wire_put_u8(w, hello->multiplier);
	wire_put_u8(w, 0);
	wire_put_u16(w, hello->interval_ms);
	wire_put_u16(w, hello->gue_port);
	wire_put_u32(w, hello->restarting_ms);
	wire_put_u32(w, hello->load);
	wire_put_u32(w, hello->epoch);
	wire_put_u64(w, hello->challenge);
	wire_put_u64(w, hello->answer);
	wire_put_u64(w, hello->sent);
	wire_put_u64(w, hello->sent_echo);
	wire_put_u32(w, hello->held_us);
	wire_put_u16(w, hello->vip_total);
	wire_put_u16(w, hello->vip_first);
	wire_put_u8(w, hello->vip_count);
	for (size_t i = 0; i < hello->vip_count && i < MESH_VIPS_A_HELLO; i++) {
		wire_put_u64(w, hello->vips[i].hash);
		wire_put_u8(w, hello->vips[i].bits);
	}
}

static void put_body(const struct mesh_message *message, struct wire_writer *w)
{
	switch (message->type) {
	case MESH_HELLO:
		put_hello(&message->hello, w);
		break;
	case MESH_NETWORKS:
		wire_put_u8(w, message->chunk.index);
		wire_put_bytes(w, message->chunk.bits, MESH_CHUNK_SIZE);
		break;
	case MESH_ASK:
		wire_put_u64(w, message->question.id);
		wire_put_bytes(w, message->question.flow, MESH_FLOW_SIZE);
		wire_put_bytes(w, ask_padding, sizeof(ask_padding));
		break;
	case MESH_ANSWER:
		wire_put_u64(w, message->question.id);
		wire_put_bytes(w, message->question.flow, MESH_FLOW_SIZE);
		wire_put_u8(w, message->question.yes);
		wire_put_u32(w, message->question.age_ms);
		wire_put_u32(w, message->question.idle_ms);
		break;
	case MESH_GONE:
		wire_put_bytes(w, message->question.flow, MESH_FLOW_SIZE);
		break;
	}
}

size_t mesh_message_encode(const struct mesh_message *message, uint8_t *buf, size_t size)
{
	struct wire_writer w = wire_writer(buf, size);

	wire_put_u64(&w, message->boot);
	wire_put_u64(&w, message->echo);
	wire_put_u64(&w, message->seq);
	wire_put_u8(&w, (uint8_t)message->type);
	put_body(message, &w);
	return wire_written(&w);
}

const char *mesh_word_name(enum mesh_word word)
{
	static const char *const names[] = {
		[MESH_SERVING] = "serving",
		[MESH_DRAINING] = "draining",
		[MESH_RESTARTS] = "restarting",
		[MESH_STOPS] = "stopped",
	};

	return names[word];
}
