/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/flow/owner_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

void owner_store_init(struct owner_store *store, const struct owner_conf *conf)
{
	const struct siphash_key key = siphash_key(conf->key);
	uint32_t heads = 1;

	while (heads < conf->flows)
		heads *= 2;
	*store = (struct owner_store){
		.flow_max = conf->flows,
		.packet_count_max = conf->packets,
		.packet_max = conf->packet_max,
		.pops = conf->pops,
		.flow = xcalloc(conf->flows, sizeof(*store->flow)),
		.due = xcalloc(conf->flows, sizeof(*store->due)),
		.voices = xcalloc((size_t)conf->flows * (conf->pops + 1), sizeof(*store->voices)),
		.heads = xcalloc(heads, sizeof(*store->heads)),
		.mask = heads - 1,
		.kept = xcalloc(conf->packets, sizeof(*store->kept)),
		.bytes = xcalloc(conf->packets, conf->packet_max),
	};
	flow_secret_make(&store->secret, &key);
	memset(store->heads, 0xff, heads * sizeof(*store->heads));
	for (uint32_t i = 0; i < conf->flows; i++) {
		store->flow[i].next = i + 1 < conf->flows ? i + 1 : OWNER_NONE;
		store->due[i] = INSTANT_NEVER;
	}
	for (uint32_t i = 0; i < conf->packets; i++)
		store->kept[i].next = i + 1 < conf->packets ? i + 1 : OWNER_NONE;
}

void owner_store_fini(struct owner_store *store)
{
	free(store->flow);
	free(store->due);
	free(store->voices);
	free(store->heads);
	free(store->kept);
	free(store->bytes);
}

static uint32_t *head(struct owner_store *store, const struct flow_key *key)
{
	return &store->heads[flow_key_hash(&store->secret, key) & store->mask];
}

struct owner_flow *owner_store_find(struct owner_store *store, const struct flow_key *key)
{
	for (uint32_t i = *head(store, key); i != OWNER_NONE; i = store->flow[i].next)
		if (memcmp(&store->flow[i].key, key, sizeof(*key)) == 0)
			return &store->flow[i];
	return NULL;
}

struct owner_flow *owner_store_add(struct owner_store *store, const struct flow_key *key)
{
	const uint32_t index = store->free_flow;
	uint32_t *chain = head(store, key);
	struct owner_flow *flow;

	if (index == OWNER_NONE)
		return NULL;
	flow = &store->flow[index];
	store->free_flow = flow->next;
	*flow = (struct owner_flow){
		.key = *key,
		.state = OWNER_ASKING,
		.generation = flow->generation + 1,
		.next = *chain,
		.first = OWNER_NONE,
		.last = OWNER_NONE,
	};
	*chain = index;
	memset(owner_store_voices(store, flow), 0, store->known * sizeof(*store->voices));
	store->flows++;
	return flow;
}

void owner_store_remove(struct owner_store *store, struct owner_flow *flow)
{
	const uint32_t index = owner_store_index(store, flow);
	uint32_t *link = head(store, &flow->key);

	owner_store_drop(store, flow);
	while (*link != index)
		link = &store->flow[*link].next;
	*link = flow->next;
	flow->state = OWNER_FREE;
	store->due[index] = INSTANT_NEVER;
	flow->next = store->free_flow;
	store->free_flow = index;
	store->flows--;
}

uint32_t owner_store_index(const struct owner_store *store, const struct owner_flow *flow)
{
	return (uint32_t)(flow - store->flow);
}

struct owner_voice *owner_store_voices(struct owner_store *store, const struct owner_flow *flow)
{
	return store->voices + (size_t)owner_store_index(store, flow) * store->pops;
}

bool owner_store_push(struct owner_store *store, struct owner_flow *flow,
		      const struct owner_packet *packet, struct instant at)
{
	const uint32_t index = store->free_packet;
	struct owner_kept *kept;

	assert(packet->len <= store->packet_max);
	if (index == OWNER_NONE || flow->queued == OWNER_QUEUE_MAX)
		return false;
	kept = &store->kept[index];
	store->free_packet = kept->next;
	*kept = (struct owner_kept){
		.at = at,
		.next = OWNER_NONE,
		.len = packet->len,
		.is_reset = packet->is_reset,
		.is_error = packet->is_error,
		.is_cut = packet->is_cut,
	};
	memcpy(store->bytes + (size_t)index * store->packet_max, packet->bytes, packet->len);
	if (flow->last == OWNER_NONE)
		flow->first = index;
	else
		store->kept[flow->last].next = index;
	flow->last = index;
	flow->newest = at;
	flow->queued++;
	store->packets++;
	return true;
}

static struct owner_packet packet_at(const struct owner_store *store, const struct owner_flow *flow,
				     uint32_t index)
{
	const struct owner_kept *kept = &store->kept[index];

	return (struct owner_packet){
		.key = flow->key,
		.bytes = store->bytes + (size_t)index * store->packet_max,
		.len = kept->len,
		.is_reset = kept->is_reset,
		.is_error = kept->is_error,
		.is_cut = kept->is_cut,
	};
}

bool owner_store_newest(struct owner_store *store, const struct owner_flow *flow,
			struct instant until, struct owner_packet *packet)
{
	uint32_t newest = OWNER_NONE;

	for (uint32_t i = flow->first; i != OWNER_NONE; i = store->kept[i].next) {
		const struct owner_kept *kept = &store->kept[i];

		if (kept->at.ns <= until.ns && !kept->is_reset && !kept->is_error)
			newest = i;
	}
	if (newest != OWNER_NONE)
		*packet = packet_at(store, flow, newest);
	return newest != OWNER_NONE;
}

bool owner_store_pop(struct owner_store *store, struct owner_flow *flow,
		     struct owner_packet *packet)
{
	const uint32_t index = flow->first;
	struct owner_kept *kept;

	if (index == OWNER_NONE)
		return false;
	kept = &store->kept[index];
	*packet = packet_at(store, flow, index);
	flow->first = kept->next;
	if (flow->first == OWNER_NONE)
		flow->last = OWNER_NONE;
	kept->next = store->free_packet;
	store->free_packet = index;
	flow->queued--;
	store->packets--;
	return true;
}

void owner_store_drop(struct owner_store *store, struct owner_flow *flow)
{
	struct owner_packet packet;

	while (owner_store_pop(store, flow, &packet))
		;
}
