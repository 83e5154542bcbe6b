/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole meshes in virtual time: every datagram is sealed, carried and opened. */
#include "lb/mesh/core.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define POPS_MAX 200
#define LINK_NS	 (20 * NS_PER_MS)
#define RING	 (1 << 18) /* datagrams under way, all equally long */

struct carried {
	struct instant due;
	int from, to;
	size_t len;
	uint8_t *bytes;
};

struct answer {
	size_t slot;
	struct mesh_answer said;
};

struct node {
	struct net *net;
	int index;
	bool alive;
	struct mesh_core core;
	struct mesh_pop_conf *pops;
	struct mesh_conf conf;
	uint64_t sent, octets;
	int ups, downs;
	struct mesh_change last;
	size_t asked_slot; /* the last question */
	uint64_t asked_id;
	int asked, gone, answer_count;
	struct answer answer;
};

struct net {
	struct instant now;
	int count;
	struct node *nodes;
	struct carried *ring;
	size_t head, tail;
	bool (*is_cut)(int from, int to);
};

static struct addr addr_of(int index)
{
	return addr_from_ipv4(0x0a000001U + (uint32_t)index);
}

static void on_send(void *ctx, const struct endpoint *to, const uint8_t *datagram, size_t len)
{
	struct node *node = ctx;
	struct net *net = node->net;
	int index = (int)(addr_to_ipv4(&to->addr) - 0x0a000001U);
	struct carried *c;

	node->sent++;
	node->octets += len;
	if (index < 0 || index >= net->count || (net->is_cut && net->is_cut(node->index, index)))
		return;
	cr_assert_lt(net->tail - net->head, RING, "a storm of datagrams");
	c = &net->ring[net->tail++ % RING];
	*c = (struct carried){ instant_after_ns(net->now, LINK_NS), node->index, index, len,
			       xmemdup(datagram, len) };
}

static void on_change(void *ctx, size_t slot, const struct mesh_change *change)
{
	struct node *node = ctx;

	(void)slot;
	node->last = *change;
	node->ups += change->state == MESH_LIVE && change->was != MESH_LIVE;
	node->downs += change->state != MESH_LIVE && change->was == MESH_LIVE;
}

static void on_ask(void *ctx, size_t slot, uint64_t id, const uint8_t flow[MESH_FLOW_SIZE])
{
	struct mesh_answer answer = { .id = id, .age_ms = 100, .idle_ms = 7 };
	struct node *node = ctx;

	node->asked_slot = slot;
	node->asked_id = id;
	node->asked++;
	/* Whose flows have its number are its own. */
	answer.yes = flow[0] == node->index;
	memcpy(answer.flow, flow, MESH_FLOW_SIZE);
	mesh_core_answer(&node->core, slot, &answer);
}

static void on_answer(void *ctx, size_t slot, const struct mesh_answer *answer)
{
	struct node *node = ctx;

	node->answer_count++;
	node->answer = (struct answer){ slot, *answer };
}

static void on_gone(void *ctx, size_t slot, const uint8_t flow[MESH_FLOW_SIZE])
{
	struct node *node = ctx;

	(void)slot;
	(void)flow;
	node->gone++;
}

/* Keys of two, as derived ones would be: equal at both ends, and no other's. */
static void make_keys(struct mesh_keys *keys, int own, int other)
{
	memset(keys, 0, sizeof(*keys));
	keys->send[0] = keys->receive[1] = (uint8_t)own;
	keys->send[1] = keys->receive[0] = (uint8_t)other;
	keys->send[2] = keys->receive[2] = 1;
	keys->send_hint[0] = (uint8_t)own;
	keys->receive_hint[0] = (uint8_t)other;
}

static void start(struct node *node)
{
	const struct mesh_handlers handlers = { node,	node,	   on_send, on_change,
						on_ask, on_answer, on_gone };
	struct mesh_life life;

	mesh_random(&life, sizeof(life));
	if (node->alive)
		mesh_core_fini(&node->core);
	node->alive = true;
	mesh_core_init(&node->core, &life, &handlers, node->net->now);
	mesh_core_reload(&node->core, &node->conf, node->net->now);
}

static void make_node(struct net *net, int index)
{
	struct node *node = &net->nodes[index];

	node->net = net;
	node->index = index;
	node->pops = xcalloc((size_t)net->count, sizeof(*node->pops));
	for (int i = 0; i < net->count; i++) {
		struct mesh_pop_conf *pop = &node->pops[node->conf.pop_count];

		if (i == index)
			continue;
		pop->name = xasprintf("pop%d", i);
		pop->at = (struct endpoint){ addr_of(i), 6079 };
		pop->public_key[0] = (uint8_t)i;
		make_keys(&pop->keys, index, i);
		node->conf.pop_count++;
	}
	node->conf.enabled = true;
	node->conf.pops = node->pops;
	node->conf.gue_port = 6080;
	node->conf.timing = (struct mesh_timing){ 80, 3 };
	start(node);
}

static struct net *make_net(int count)
{
	struct net *net = x_new(struct net);

	cr_assert(mesh_seal_init());
	net->count = count;
	net->now.ns = NS_PER_S;
	net->ring = xcalloc(RING, sizeof(*net->ring));
	net->nodes = xcalloc((size_t)count, sizeof(*net->nodes));
	for (int i = 0; i < count; i++)
		make_node(net, i);
	return net;
}

static void free_net(struct net *net)
{
	for (int i = 0; i < net->count; i++) {
		struct node *node = &net->nodes[i];

		for (size_t j = 0; j < node->conf.pop_count; j++)
			free((void *)node->pops[j].name);
		free(node->pops);
		mesh_core_fini(&node->core);
	}
	for (; net->head < net->tail; net->head++)
		free(net->ring[net->head % RING].bytes);
	free(net->ring);
	free(net->nodes);
	free(net);
}

static void deliver(struct net *net)
{
	struct carried *c = &net->ring[net->head++ % RING];
	const struct addr from = addr_of(c->from);

	if (net->nodes[c->to].alive)
		mesh_core_receive(&net->nodes[c->to].core, &from, c->bytes, c->len, net->now);
	free(c->bytes);
}

/* In steps of a millisecond, which is what a loop is late by. */
static void run_ms(struct net *net, int ms)
{
	for (; ms > 0; ms--) {
		net->now = instant_after_ms(net->now, 1);
		while (net->head < net->tail &&
		       instant_reached(net->ring[net->head % RING].due, net->now))
			deliver(net);
		for (int i = 0; i < net->count; i++) {
			struct node *node = &net->nodes[i];

			if (node->alive &&
			    instant_reached(mesh_core_deadline(&node->core), net->now))
				mesh_core_step(&node->core, net->now);
		}
	}
}

static size_t live(const struct node *node)
{
	size_t count = 0;

	for (size_t i = 0; i < node->core.slot_count; i++)
		count += mesh_core_is_live(&node->core, i);
	return count;
}

static size_t slot_of(const struct node *node, int other)
{
	size_t slot = 0;
	const struct addr addr = addr_of(other);

	while (!node->core.slots[slot] || !addr_equal(&node->core.slots[slot]->at.addr, &addr))
		slot++;
	return slot;
}

Test(mesh_core, all_live_within_300_ms)
{
	struct net *net = make_net(12);

	run_ms(net, 299);
	for (int i = 0; i < net->count; i++)
		cr_expect_eq(live(&net->nodes[i]), 11, "pop%d", i);
	free_net(net);
}

Test(mesh_core, a_silent_death_is_seen_by_all_and_so_is_the_return)
{
	struct net *net = make_net(8);

	run_ms(net, 500);
	net->nodes[3].alive = false;
	run_ms(net, 299);
	for (int i = 0; i < net->count; i++)
		if (i != 3)
			cr_expect_eq(live(&net->nodes[i]), 6, "pop%d", i);
	mesh_core_fini(&net->nodes[3].core);
	start(&net->nodes[3]);
	run_ms(net, 299);
	for (int i = 0; i < net->count; i++)
		cr_expect_eq(live(&net->nodes[i]), 7, "pop%d", i);
	free_net(net);
}

static bool halves(int from, int to)
{
	return (from < 4) != (to < 4);
}

Test(mesh_core, a_partition_heals)
{
	struct net *net = make_net(8);

	run_ms(net, 500);
	net->is_cut = halves;
	run_ms(net, 5000);
	for (int i = 0; i < net->count; i++)
		cr_expect_eq(live(&net->nodes[i]), 3, "pop%d", i);
	net->is_cut = NULL;
	run_ms(net, 299);
	for (int i = 0; i < net->count; i++)
		cr_expect_eq(live(&net->nodes[i]), 7, "pop%d", i);
	free_net(net);
}

Test(mesh_core, questions_find_their_answers)
{
	struct net *net = make_net(3);
	struct node *a = &net->nodes[0];
	uint8_t flow[MESH_FLOW_SIZE] = { 2 };

	cr_expect_not(mesh_core_ask(&a->core, 0, 1, flow), "not live yet");
	cr_expect_not(mesh_core_ask(&a->core, 99, 1, flow), "nobody");
	run_ms(net, 300);
	for (int other = 1; other < 3; other++) {
		size_t slot = slot_of(a, other);

		cr_assert(mesh_core_ask(&a->core, slot, 40 + (uint64_t)other, flow));
		run_ms(net, 45);
		cr_expect_eq(a->answer_count, other);
		cr_expect_eq(a->answer.slot, slot);
		cr_expect_eq(a->answer.said.id, 40 + (uint64_t)other);
		cr_expect_eq(a->answer.said.yes, other == 2);
		cr_expect_eq(a->answer.said.age_ms, 100);
		cr_expect_eq(a->answer.said.idle_ms, 7);
		cr_expect_arr_eq(a->answer.said.flow, flow, MESH_FLOW_SIZE);
	}
	mesh_core_gone(&a->core, slot_of(a, 1), flow);
	run_ms(net, 25);
	cr_expect_eq(net->nodes[1].gone, 1);
	/* Without anybody to ask, no is the answer. */
	net->nodes[1].core.handlers.on_ask = NULL;
	cr_assert(mesh_core_ask(&a->core, slot_of(a, 1), 50, flow));
	run_ms(net, 45);
	cr_expect(a->answer.said.id == 50 && !a->answer.said.yes);
	free_net(net);
}

Test(mesh_core, a_pop_that_asks_without_end_is_limited)
{
	struct net *net = make_net(2);
	struct node *a = &net->nodes[0], *b = &net->nodes[1];
	uint8_t flow[MESH_FLOW_SIZE] = { 0 };
	uint64_t answered;

	run_ms(net, 300);
	answered = b->sent;
	for (int i = 0; i < 1000; i++) {
		for (int j = 0; j < 60; j++)
			mesh_core_ask(&a->core, 0, 1, flow);
		run_ms(net, 1);
	}
	answered = b->sent - answered;
	cr_expect_leq(answered, 4096 + 20 * 1000 + 30);
	cr_expect_geq(answered, 20000);
	cr_expect_gt(b->core.slots[0]->counters.limited, 30000);
	cr_expect(mesh_core_is_live(&a->core, 0) && a->downs == 0);
	free_net(net);
}

static const uint8_t client4[16] = { [10] = 0xff, 0xff, 203, 0, 113, 7 };
static const uint8_t same4[16] = { [10] = 0xff, 0xff, 203, 0, 113, 200 };
static const uint8_t other4[16] = { [10] = 0xff, 0xff, 203, 0, 114, 7 };
static const uint8_t client6[16] = { 0x20, 1, 0xd, 0xb8, 0, 5, 9 };
static const uint8_t same6[16] = { 0x20, 1, 0xd, 0xb8, 0, 5, 8, 8 };
static const uint8_t other6[16] = { 0x20, 1, 0xd, 0xb8, 0, 6, 9 };

Test(mesh_core, who_has_served_whom)
{
	struct net *net = make_net(3);
	struct mesh_core *a = &net->nodes[0].core;
	size_t slot = slot_of(&net->nodes[0], 2);

	mesh_core_served(&net->nodes[2].core, client4);
	run_ms(net, 800);
	cr_expect(mesh_core_may_know(a, slot, client4) && mesh_core_may_know(a, slot, same4));
	cr_expect_not(mesh_core_may_know(a, slot, other4));
	mesh_core_served(&net->nodes[2].core, client6);
	run_ms(net, 500);
	cr_expect(mesh_core_may_know(a, slot, client6) && mesh_core_may_know(a, slot, same6));
	cr_expect_not(mesh_core_may_know(a, slot, other6));
	cr_expect_not(mesh_core_may_know(a, slot_of(&net->nodes[0], 1), client4));
	run_ms(net, MESH_GENERATION_S * 1000);
	cr_expect(mesh_core_may_know(a, slot, client4), "a generation");
	mesh_core_served(&net->nodes[2].core, client4);
	run_ms(net, (MESH_GENERATION_S + 2) * 1000);
	cr_expect(mesh_core_may_know(a, slot, client4), "noted again meanwhile");
	cr_expect_not(mesh_core_may_know(a, slot, client6), "two generations");
	free_net(net);
}

/* A pop that restarts has told nothing yet, and is told all. */
Test(mesh_core, a_restart_forgets_and_is_told_again)
{
	struct net *net = make_net(2);
	struct node *a = &net->nodes[0], *b = &net->nodes[1];
	uint32_t epoch;

	mesh_core_served(&a->core, client4);
	mesh_core_served(&b->core, client4);
	run_ms(net, 1000);
	cr_assert(mesh_core_may_know(&a->core, 0, client4));
	epoch = b->core.life.epoch;
	start(b);
	run_ms(net, 100);
	cr_expect_eq(live(a), 1);
	cr_expect(a->last.restarted || a->ups == 2);
	cr_expect_not(mesh_core_may_know(&a->core, 0, client4));
	cr_expect_eq(a->core.slots[0]->epoch_before, epoch);
	cr_expect_eq(a->core.slots[0]->epoch, b->core.life.epoch);
	run_ms(net, 1000);
	cr_expect(mesh_core_may_know(&b->core, 0, client4));
	free_net(net);
}

/* Also one that said goodbye: what is good for its last life but one is not for ever. */
Test(mesh_core, a_life_that_ended_in_words_is_the_one_before_too)
{
	struct net *net = make_net(2);
	struct node *a = &net->nodes[0], *b = &net->nodes[1];
	uint32_t epoch = 0;

	for (int i = 0; i < 3; i++) {
		epoch = b->core.life.epoch;
		mesh_core_served(&b->core, client4);
		run_ms(net, 1000);
		cr_assert(mesh_core_may_know(&a->core, 0, client4));
		mesh_core_say(&b->core, MESH_STOPS, 0, net->now);
		run_ms(net, 25);
		start(b);
		run_ms(net, 200);
	}
	cr_expect_eq(live(a), 1);
	cr_expect_eq(a->core.slots[0]->epoch, b->core.life.epoch);
	cr_expect(a->core.slots[0]->has_epoch_before);
	cr_expect_eq(a->core.slots[0]->epoch_before, epoch);
	cr_expect_not(mesh_core_may_know(&a->core, 0, client4), "it has served nobody yet");
	free_net(net);
}

Test(mesh_core, vips_and_who_else_announces_them)
{
	struct net *net = make_net(3);
	struct mesh_core *a = &net->nodes[0].core, *b = &net->nodes[1].core;
	struct mesh_vip vips[MESH_VIPS_MAX];
	uint64_t web = mesh_name_hash("web");

	run_ms(net, 300);
	cr_expect_eq(mesh_core_announcers(a, web), 0);
	/* More than fit into one hello, the one that counts last. */
	for (size_t i = 0; i < MESH_VIPS_MAX; i++)
		vips[i] = (struct mesh_vip){ i + 1, MESH_VIP_UP };
	vips[255] = (struct mesh_vip){ web, MESH_VIP_UP | MESH_VIP_ANNOUNCED };
	mesh_core_set_vips(b, vips, MESH_VIPS_MAX, net->now);
	run_ms(net, 4 * 80 + 25);
	cr_expect_eq(mesh_core_announcers(a, web), 1);
	vips[0] = (struct mesh_vip){ web, MESH_VIP_ANNOUNCED };
	mesh_core_set_vips(b, vips, 1, net->now);
	run_ms(net, 25);
	cr_expect_eq(mesh_core_announcers(a, web), 0, "down there, and told at once");
	vips[0].bits = MESH_VIP_UP | MESH_VIP_DEPREFERRED;
	mesh_core_set_vips(b, vips, 1, net->now);
	mesh_core_set_vips(&net->nodes[2].core, vips, 1, net->now);
	run_ms(net, 25);
	cr_expect_eq(mesh_core_announcers(a, web), 2);
	mesh_core_say(b, MESH_DRAINING, 0, net->now);
	run_ms(net, 25);
	cr_expect_eq(mesh_core_announcers(a, web), 1, "who drains is about to go");
	net->nodes[2].alive = false;
	run_ms(net, 299);
	cr_expect_eq(mesh_core_announcers(a, web), 0);
	mesh_core_fini(&net->nodes[2].core);
	start(&net->nodes[2]);
	free_net(net);
}

Test(mesh_core, restarts_and_ends_are_told)
{
	struct net *net = make_net(2);
	struct node *a = &net->nodes[0], *b = &net->nodes[1];

	run_ms(net, 300);
	mesh_core_say(&b->core, MESH_RESTARTS, 3000, net->now);
	run_ms(net, 25);
	cr_expect_eq(a->last.state, MESH_RESTARTING);
	start(b);
	run_ms(net, 100);
	cr_expect_eq(a->last.state, MESH_LIVE);
	mesh_core_say(&b->core, MESH_STOPS, 0, net->now);
	run_ms(net, 25);
	cr_expect_eq(a->last.state, MESH_DOWN);
	cr_expect_str_eq(a->last.reason, "it has stopped");
	free_net(net);
}

/* Slots stay, and neither a nonce nor a life is used twice for who goes and comes back. */
Test(mesh_core, reload)
{
	struct net *net = make_net(4);
	struct node *a = &net->nodes[0];
	struct mesh_conf less = a->conf;
	uint64_t boot;
	uint8_t salt[MESH_SALT_SIZE];

	run_ms(net, 300);
	less.pops++;
	less.pop_count--;
	boot = a->core.slots[0]->peer.own_boot;
	memcpy(salt, a->core.slots[0]->salt, sizeof(salt));
	mesh_core_reload(&a->core, &less, net->now);
	cr_expect_null(mesh_core_pop(&a->core, 0));
	cr_expect_str_eq(mesh_core_pop(&a->core, 1)->name, "pop2");
	run_ms(net, 200);
	cr_expect_str_eq(net->nodes[1].last.reason, "it has stopped");
	cr_expect_eq(live(a), 2);
	mesh_core_reload(&a->core, &a->conf, net->now);
	cr_expect_str_eq(mesh_core_pop(&a->core, 0)->name, "pop1");
	cr_expect_neq(a->core.slots[0]->peer.own_boot, boot);
	cr_expect_arr_neq(a->core.slots[0]->salt, salt, sizeof(salt));
	run_ms(net, 200);
	cr_expect_eq(live(a), 3);
	cr_expect_eq(a->core.slots[1]->counters.downs, 0, "nobody else has noticed");
	free_net(net);
}

/* Its slot may be another's at once, with another key: what was kept for it has to go. */
Test(mesh_core, also_who_is_down_is_told_to_be_removed)
{
	struct net *net = make_net(3);
	struct node *a = &net->nodes[0];
	struct mesh_conf anew = a->conf;
	struct mesh_pop_conf pops[2];

	run_ms(net, 300);
	net->nodes[1].alive = false;
	run_ms(net, 500);
	cr_expect_eq(mesh_core_pop(&a->core, 0)->peer.state, MESH_DOWN);
	cr_expect_not(a->last.removed);
	memcpy(pops, a->conf.pops, sizeof(pops));
	pops[0].keys.receive[5] ^= 1;
	anew.pops = pops;
	mesh_core_reload(&a->core, &anew, net->now);
	cr_expect(a->last.removed && a->last.was == MESH_DOWN && a->last.state == MESH_DOWN);
	cr_expect_str_eq(mesh_core_pop(&a->core, 0)->name, "pop1", "the same slot");
	mesh_core_fini(&net->nodes[1].core);
	start(&net->nodes[1]);
	free_net(net);
}

Test(mesh_core, strangers_and_forgers_change_nothing)
{
	struct net *net = make_net(2);
	struct node *a = &net->nodes[0];
	const struct addr stranger = addr_of(77), other = addr_of(1);
	uint8_t noise[MESH_DATAGRAM_MAX + 1] = { 1 };

	run_ms(net, 300);
	for (size_t len = 0; len <= sizeof(noise); len++) {
		mesh_core_receive(&a->core, &stranger, noise, len, net->now);
		mesh_core_receive(&a->core, &other, noise, len, net->now);
	}
	cr_expect_eq(a->core.strangers, sizeof(noise) + 1);
	cr_expect_eq(a->core.slots[0]->counters.malformed, MESH_SEAL_SIZE + 1);
	cr_expect_eq(a->core.slots[0]->counters.forged, MESH_DATAGRAM_MAX - MESH_SEAL_SIZE + 1);
	cr_expect_eq(live(a), 1);
	free_net(net);
}

/* All 200 of them: each says its hellos and no more, and everybody lives. */
Test(mesh_core, two_hundred_pops)
{
	struct net *net = make_net(POPS_MAX);
	uint64_t before, octets, most = 0;

	run_ms(net, 300);
	for (int i = 0; i < net->count; i++)
		cr_assert_eq(live(&net->nodes[i]), POPS_MAX - 1, "pop%d: %zu", i,
			     live(&net->nodes[i]));
	before = net->nodes[0].sent;
	octets = net->nodes[0].octets;
	run_ms(net, 200);
	for (int i = 0; i < net->count; i++) {
		cr_assert_eq(net->nodes[i].downs, 0);
		if (net->nodes[i].sent > most)
			most = net->nodes[i].sent;
	}
	before = (net->nodes[0].sent - before) * 5;
	octets = (net->nodes[0].octets - octets) * 5;
	fprintf(stderr, "mesh of %d: %lu messages, %lu octets a second from each\n", POPS_MAX,
		(unsigned long)before, (unsigned long)octets);
	/* A hello each 76 ms on average, and 400 chunks of networks in a second. */
	cr_expect_leq(before, 199 * 14 + 400 + 50);
	cr_expect_leq(most, 199 * (14 / 2 + 5) + 250, "the start included");
	free_net(net);
}
