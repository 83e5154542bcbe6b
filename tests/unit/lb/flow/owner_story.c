/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/lb/flow/owner_story.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct story story;

__attribute__((format(printf, 1, 2))) static void tell(const char *fmt, ...)
{
	const size_t len = strlen(story.text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(story.text + len, sizeof(story.text) - len, fmt, args);
	va_end(args);
}

static const char *comma(void)
{
	return story.text[0] ? ", " : "";
}

static void on_ask(void *ctx, unsigned pop, uint64_t id, const struct flow_key *key)
{
	(void)ctx;
	tell("%sask %u", comma(), pop);
	story.last[pop] = (struct owner_answer){ .id = id, .key = *key };
}

static void on_release(void *ctx, unsigned pop, const struct owner_packet *packet)
{
	(void)ctx;
	tell("%srelease %u #%u", comma(), pop, packet->bytes[0]);
}

static void on_learn(void *ctx, const struct flow_key *key, unsigned pop, uint32_t ttl_ms)
{
	(void)ctx;
	(void)key;
	if (pop == OWNER_NOWHERE) {
		tell("%slearn nowhere", comma());
		cr_expect_eq(ttl_ms, 1000);
	} else {
		tell("%slearn %u", comma(), pop);
		cr_expect_eq(ttl_ms, OWNER_CACHE_MS);
	}
}

static void on_reset(void *ctx, const struct owner_packet *packet)
{
	(void)ctx;
	tell("%sreset #%u", comma(), packet->bytes[0]);
}

static void on_hint(void *ctx, const struct flow_key *key, uint64_t *bits)
{
	(void)ctx;
	(void)key;
	bits[0] = story.hints;
}

static bool on_is_here(void *ctx, const struct flow_key *key)
{
	(void)ctx;
	(void)key;
	return story.is_here;
}

static const struct owner_ops ops = { on_ask, on_release, on_learn, on_reset, on_hint, on_is_here };

struct instant story_now(void)
{
	return (struct instant){ story.now_ms * NS_PER_MS };
}

struct flow_key story_flow(unsigned n)
{
	struct flow_key key = { .client_port = 1, .proto = 6 };

	key.client[10] = key.client[11] = 0xff;
	key.client[12] = (uint8_t)(10 + (n >> 16));
	key.client[13] = (uint8_t)(n >> 8);
	key.client[14] = (uint8_t)n;
	return key;
}

void story_begin_with(const struct owner_conf *conf)
{
	owner_free(story.owner);
	story = (struct story){ .now_ms = 1000000 };
	story.owner = owner_new(conf, &ops, NULL, story_now());
}

void story_begin(void)
{
	const struct owner_conf conf = owner_conf_default(POPS, 1000);

	story_begin_with(&conf);
	for (unsigned pop = 0; pop < POPS; pop++)
		owner_pop_live(story.owner, pop, 20000U << pop, story_now());
}

enum owner_fate story_packet_of(unsigned flow, uint8_t number)
{
	const struct owner_packet packet = { story_flow(flow), &number, 1, false, false, false };

	return owner_packet_take(story.owner, &packet, story_now());
}

enum owner_fate story_packet(uint8_t number)
{
	return story_packet_of(0, number);
}

void story_yes(unsigned pop, uint32_t age_ms, uint32_t idle_ms)
{
	story.last[pop].yes = true;
	story.last[pop].age_ms = age_ms;
	story.last[pop].idle_ms = idle_ms;
	owner_answer_take(story.owner, pop, &story.last[pop], story_now());
}

void story_no(unsigned pop)
{
	story.last[pop].yes = false;
	owner_answer_take(story.owner, pop, &story.last[pop], story_now());
}

void story_after(int64_t ms)
{
	const int64_t end = story.now_ms + ms;

	for (;;) {
		const struct instant due = owner_deadline(story.owner);

		if (due.ns > end * NS_PER_MS)
			break;
		story.now_ms =
			due.ns / NS_PER_MS > story.now_ms ? due.ns / NS_PER_MS : story.now_ms;
		owner_step(story.owner, story_now());
		cr_assert_gt(owner_deadline(story.owner).ns, story.now_ms * NS_PER_MS,
			     "time stands still");
	}
	story.now_ms = end;
}
