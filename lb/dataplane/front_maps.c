/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_maps.c - who and what the program is told of, and what it has counted.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "lb/dataplane/front_state.h"

#define SPARES 2

/* ---- addresses ---- */

int front_own_set(struct front *front, const struct addr *addrs, size_t count)
{
	if (count > FRONT_OWN_MAX)
		return -E2BIG;
	__atomic_store_n(&front->live->own_count, 0, __ATOMIC_RELEASE);
	for (size_t i = 0; i < count; i++)
		flow_addr_set((uint8_t *)&front->live->own[i], &addrs[i]);
	__atomic_store_n(&front->live->own_count, (uint32_t)count, __ATOMIC_RELEASE);
	return 0;
}

static struct front_vip vip_make(const struct front *f, const struct endpoint *vip, uint8_t proto)
{
	struct front_vip made = { .state = FRONT_VIP_USED };

	flow_addr_set((uint8_t *)&made.addr, &vip->addr);
	if (f->options.plane == FRONT_XDP)
		made.service = htons(vip->port) | (uint32_t)proto << 16;
	return made;
}

/* Where it is, else where it may be put; NULL: all of these are taken. */
static struct front_vip *vip_slot(const struct front *f, const struct front_vip *vip)
{
	const uint32_t first = front_vip_hash(vip->addr.at[0], vip->addr.at[1], vip->service);
	struct front_vip *room = NULL;

	for (uint32_t i = 0; i < FRONT_VIP_PROBES; i++) {
		struct front_vip *slot = &f->vip_slots[(first + i) % FRONT_VIP_SLOTS];

		if (slot->state == FRONT_VIP_USED && slot->addr.at[0] == vip->addr.at[0] &&
		    slot->addr.at[1] == vip->addr.at[1] && slot->service == vip->service)
			return slot;
		if (slot->state != FRONT_VIP_USED && !room)
			room = slot;
		if (slot->state == FRONT_VIP_FREE)
			break;
	}
	return room;
}

bool front_has_vip(const struct front *front, const struct flow_key *key)
{
	const struct endpoint at = { flow_addr_get(key->vip), ntohs(key->vip_port) };
	const struct front_vip made = vip_make(front, &at, key->proto);
	const struct front_vip *slot = vip_slot(front, &made);

	return slot && slot->state == FRONT_VIP_USED;
}

int front_vip_add(struct front *front, const struct endpoint *vip, uint8_t proto, unsigned row,
		  unsigned service)
{
	struct front_vip made = vip_make(front, vip, proto);
	struct front_vip *slot = vip_slot(front, &made);

	if (row >= FRONT_VIPS_MAX ||
	    (front->options.plane == FRONT_XDP && service >= front->options.services))
		return -EINVAL;
	if (!slot)
		return -ENOSPC;
	made.row = row;
	made.maglev = front->options.plane == FRONT_XDP ? front->tables[service] : 0;
	made.table = service;
	if (slot->state != FRONT_VIP_USED) {
		const uint32_t state = made.state;

		/* What the program may be reading has to be whole before it is used. */
		made.state = slot->state;
		*slot = made;
		__atomic_store_n(&slot->state, state, __ATOMIC_RELEASE);
		return 0;
	}
	slot->row = made.row;
	slot->table = made.table;
	__atomic_store_n(&slot->maglev, made.maglev, __ATOMIC_RELEASE);
	return 0;
}

int front_vip_remove(struct front *front, const struct endpoint *vip, uint8_t proto)
{
	const struct front_vip made = vip_make(front, vip, proto);
	struct front_vip *slot = vip_slot(front, &made);

	if (!slot || slot->state != FRONT_VIP_USED)
		return -ENOENT;
	/* Not free: others may have been put behind it. */
	__atomic_store_n(&slot->state, FRONT_VIP_GONE, __ATOMIC_RELEASE);
	return 0;
}

/* ---- PoPs ---- */

static void pop_clear(struct front *f, unsigned index)
{
	struct front_pop *pop = &f->pops[index];
	uint32_t at;

	if (!pop->is_set)
		return;
	/* Unless the address is another one's by now. */
	if (bpf_map_lookup_elem(f->pop_slots, pop->theirs, &at) == 0 && at == index)
		bpf_map_delete_elem(f->pop_slots, pop->theirs);
	__atomic_store_n(&pop->is_set, 0, __ATOMIC_RELEASE);
}

int front_pop_set(struct front *front, unsigned index, const struct gue_path *in,
		  const struct gue_path *out, uint16_t gue_port)
{
	struct front_pop *pop = &front->pops[index];
	const uint32_t at = index;

	if (index >= FRONT_POPS_MAX)
		return -EINVAL;
	if (!in || !out || (pop->is_set && memcmp(pop->theirs, in->source, FLOW_ADDR_SIZE) != 0))
		pop_clear(front, index);
	if (!in || !out)
		return 0;
	memcpy(pop->theirs, in->source, FLOW_ADDR_SIZE);
	memcpy(pop->ours, out->source, FLOW_ADDR_SIZE);
	pop->key_in = in->key;
	pop->key_out = out->key;
	__atomic_store_n(&pop->gue_port, htons(gue_port), __ATOMIC_RELAXED);
	__atomic_store_n(&pop->epoch_in[1], htonl(in->epoch_before), __ATOMIC_RELAXED);
	__atomic_store_n(&pop->epoch_in[0], htonl(in->epoch), __ATOMIC_RELAXED);
	__atomic_store_n(&pop->epoch_out, htonl(out->epoch), __ATOMIC_RELAXED);
	__atomic_store_n(&pop->is_set, 1, __ATOMIC_RELEASE);
	return bpf_map_update_elem(front->pop_slots, pop->theirs, &at, BPF_ANY) ? -errno : 0;
}

/* ---- plane xdp ---- */

int front_origin_set(struct front *front, unsigned index, const uint8_t mac[6], unsigned ifindex,
		     const uint8_t from[6])
{
	struct front_origin *origin = &front->origins[index];

	if (index >= FRONT_ORIGINS_MAX || ifindex == 0)
		return -EINVAL;
	memcpy(origin->mac, mac, sizeof(origin->mac));
	memcpy(origin->from, from, sizeof(origin->from));
	__atomic_store_n(&origin->ifindex, ifindex, __ATOMIC_RELEASE);
	return 0;
}

void front_origin_clear(struct front *front, unsigned index)
{
	if (index < FRONT_ORIGINS_MAX)
		__atomic_store_n(&front->origins[index].ifindex, 0, __ATOMIC_RELEASE);
}

uint64_t *front_places(struct front *front)
{
	return front->places;
}

int front_service_set(struct front *front, unsigned service, const uint16_t *table)
{
	uint32_t old, at = front->spare_tables[0];

	if (service >= front->options.services)
		return -EINVAL;
	for (uint32_t i = 0; i < front->options.maglev_size; i++)
		front->maglev[(at + i) / 32].at[(at + i) % 32] = table[i];
	old = front->tables[service];
	front->tables[service] = at;
	for (size_t i = 0; i < FRONT_VIP_SLOTS; i++) {
		struct front_vip *slot = &front->vip_slots[i];

		if (slot->state == FRONT_VIP_USED && slot->table == service)
			__atomic_store_n(&slot->maglev, at, __ATOMIC_RELEASE);
	}
	memmove(front->spare_tables, front->spare_tables + 1, (SPARES - 1) * sizeof(at));
	front->spare_tables[SPARES - 1] = old;
	return 0;
}

/* ---- what was counted ---- */

static uint64_t read_counter(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

/* By the short way, which counts them once. */
static uint64_t count_plain(const struct front *front)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < front->processors; i++) {
		for (unsigned row = 0; row < FRONT_VIPS_MAX; row++)
			sum += read_counter(&front->tallies[i].vips[row].plain);
	}
	return sum;
}

uint64_t front_count(const struct front *front, enum front_count counter)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < front->processors; i++)
		sum += read_counter(&front->tallies[i].counts.at[counter]);
	return counter == FRONT_PACKETS || counter == FRONT_KNOWN ? sum + count_plain(front) : sum;
}

const char *front_count_name(enum front_count counter)
{
	static const char *const names[FRONT_COUNTS] = {
		[FRONT_PACKETS] = "packets",
		[FRONT_KNOWN] = "known",
		[FRONT_SYN] = "syn",
		[FRONT_OTHER] = "other",
		[FRONT_HANDED] = "handed_over",
		[FRONT_ASKED] = "asked",
		[FRONT_RELEASED] = "released",
		[FRONT_REFUSED] = "refused",
		[FRONT_LIMIT_FLOW] = "limit_flow",
		[FRONT_LIMIT_PREFIX] = "limit_prefix",
		[FRONT_LIMIT_ALL] = "limit_all",
		[FRONT_RING_FULL] = "ring_full",
		[FRONT_FRAGMENT_UP] = "fragment_up",
		[FRONT_FRAGMENT_DROP] = "fragment_drop",
		[FRONT_TOO_BIG] = "too_big",
		[FRONT_GUE_DELIVERED] = "gue_delivered",
		[FRONT_GUE_GONE] = "gue_gone",
		[FRONT_GUE_NO_VIP] = "gue_no_vip",
		[FRONT_GUE_FRAGMENT] = "gue_fragment",
		[FRONT_GUE_ACCEPTED + GUE_ACCEPTED] = "gue_accepted",
		[FRONT_GUE_ACCEPTED + GUE_TRUNCATED] = "gue_truncated",
		[FRONT_GUE_ACCEPTED + GUE_BAD_VERSION] = "gue_bad_version",
		[FRONT_GUE_ACCEPTED + GUE_BAD_HEADER] = "gue_bad_header",
		[FRONT_GUE_ACCEPTED + GUE_BAD_INNER] = "gue_bad_inner",
		[FRONT_GUE_ACCEPTED + GUE_OLD_EPOCH] = "gue_old_epoch",
		[FRONT_GUE_ACCEPTED + GUE_FORGED] = "gue_forged",
		[FRONT_GUE_STRANGER] = "gue_stranger",
		[FRONT_PROBE] = "probe",
		[FRONT_HALF_LIMIT] = "half_limit",
		[FRONT_TABLE_FULL] = "table_full",
		[FRONT_NO_ORIGIN] = "no_origin",
	};

	return names[counter];
}

void front_vip_count(const struct front *front, unsigned row, struct front_vip_counts *out)
{
	*out = (struct front_vip_counts){ 0 };
	for (unsigned i = 0; i < front->processors; i++) {
		const struct front_vip_counts *mine = &front->tallies[i].vips[row];
		const uint64_t plain = read_counter(&mine->plain);

		out->packets += read_counter(&mine->packets) + plain;
		out->octets += read_counter(&mine->octets);
		out->syns += read_counter(&mine->syns);
		out->known += read_counter(&mine->known) + plain;
		out->plain += plain;
		out->handed += read_counter(&mine->handed);
		out->asked += read_counter(&mine->asked);
		out->delivered += read_counter(&mine->delivered);
	}
}

void front_origin_count(const struct front *front, unsigned index, struct front_origin_counts *out)
{
	*out = (struct front_origin_counts){ 0 };
	for (unsigned i = 0; i < front->processors; i++) {
		const struct front_origin_counts *mine = &front->tallies[i].origins[index];

		out->packets += read_counter(&mine->packets);
		out->octets += read_counter(&mine->octets);
	}
}
