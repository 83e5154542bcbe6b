/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /v1/mesh: the other PoPs, as they are known here. */
#include "lb/api/api.h"

#include <stdio.h>

#include "lb/api/json.h"
#include "lb/mesh/mesh.h"

/* 64 bits are more than numbers in JSON can safely be; null for 0. */
static json_t *life(uint64_t boot)
{
	char text[17];

	snprintf(text, sizeof(text), "%016llx", (unsigned long long)boot);
	return boot ? json_string(text) : json_null();
}

static json_t *key(const uint8_t public_key[MESH_KEY_SIZE])
{
	char text[MESH_KEY_DIGITS + 1];

	return json_string(mesh_key_format(public_key, text));
}

static json_t *counters_object(const struct mesh_counters *c)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "sent",
			 (json_int_t)c->sent, "received", (json_int_t)c->received, "forged",
			 (json_int_t)c->forged, "malformed", (json_int_t)c->malformed, "replayed",
			 (json_int_t)c->replayed, "stale", (json_int_t)c->stale, "unproven",
			 (json_int_t)c->unproven, "limited", (json_int_t)c->limited, "asked",
			 (json_int_t)c->asked, "answered", (json_int_t)c->answered, "was_asked",
			 (json_int_t)c->was_asked);
}

static const char *announced(uint8_t bits)
{
	if (bits & MESH_VIP_ANNOUNCED)
		return "announced";
	return bits & MESH_VIP_DEPREFERRED ? "de-preferred" : "withdrawn";
}

/* Of our VIPs, in our order: what the pop says of those that it has. */
static json_t *vips_array(const struct lb_daemon *lb, const struct mesh_pop *pop)
{
	json_t *array = json_array();

	for (size_t i = 0; i < lb->conf->vip_count; i++) {
		const char *name = lb->conf->vips[i].name;
		const struct mesh_vip *vip = mesh_pop_find_vip(pop, mesh_name_hash(name));

		if (vip)
			json_array_append_new(array, json_pack("{s:s, s:s, s:b}", "name", name,
							       "state", announced(vip->bits), "up",
							       vip->bits & MESH_VIP_UP ? 1 : 0));
	}
	return array;
}

static json_t *pop_object(const struct lb_daemon *lb, const struct mesh_pop *pop)
{
	const struct mesh_peer *peer = &pop->peer;
	bool heard = peer->heard.ns != 0;
	json_t *object = json_pack(
		"{s:s, s:o, s:o, s:s, s:I, s:s, s:o, s:o, s:s?, s:o, s:I}", "name", pop->name,
		"address", lb_json_endpoint(&pop->at), "public_key", key(pop->public_key), "state",
		mesh_state_name(peer->state), "since_ns", (json_int_t)peer->since.ns, "reason",
		peer->reason, "life", life(peer->boot), "heard_ns", lb_json_instant(peer->heard),
		"says", heard ? mesh_word_name(pop->word) : NULL, "rtt_us",
		peer->round_trip_ns ? json_integer(peer->round_trip_ns / NS_PER_US) : json_null(),
		"detection_ms", (json_int_t)peer->detect_ms);

	json_object_update_new(
		object,
		json_pack("{s:o, s:I, s:I, s:I, s:o, s:o}", "load",
			  heard ? json_real(pop->load / 1000.0) : json_null(), "ups",
			  (json_int_t)pop->counters.ups, "downs", (json_int_t)pop->counters.downs,
			  "networks",
			  (json_int_t)(pop->networks ? mesh_networks_count(pop->networks) : 0),
			  "vips", vips_array(lb, pop), "messages",
			  counters_object(&pop->counters)));
	return object;
}

int lb_api_mesh(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct lb_daemon *lb = ctx;
	const struct mesh_conf *conf = &lb->conf->mesh;
	const struct mesh_core *core;
	json_t *pops = json_array();

	(void)req;
	if (!lb->mesh) {
		reply->json = json_pack("{s:s, s:b, s:o}", "pop", lb->conf->pop, "enabled", 0,
					"pops", pops);
		return 200;
	}
	core = mesh_core(lb->mesh);
	for (size_t i = 0; i < core->slot_count; i++)
		if (core->slots[i])
			json_array_append_new(pops, pop_object(lb, core->slots[i]));
	reply->json =
		json_pack("{s:s, s:b, s:o, s:s, s:i, s:i, s:i, s:i, s:I, s:o, s:I, s:I}", "pop",
			  lb->conf->pop, "enabled", 1, "public_key", key(core->public_key), "says",
			  mesh_word_name(core->word), "port", (int)conf->port, "gue_port",
			  (int)conf->gue_port, "interval_ms", (int)conf->timing.interval_ms,
			  "multiplier", (int)conf->timing.multiplier, "reset_after_ms",
			  (json_int_t)conf->reset_after_ms, "pops", pops, "strangers",
			  (json_int_t)core->strangers, "lost", (json_int_t)mesh_lost(lb->mesh));
	return 200;
}
