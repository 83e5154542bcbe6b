/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owner_story.h - for tests: life stories of flows under question.
 *
 * What the machine does is written down as a line of words: "ask 0", "release 1 #3" (packet 3 to
 * PoP 1), "learn 1", "learn nowhere", "reset #3".
 */
#ifndef TESTS_OWNER_STORY_H
#define TESTS_OWNER_STORY_H

#include "lb/flow/owner.h"

#define POPS	  3
#define STORY_MAX 4000

struct story {
	struct owner *owner;
	int64_t now_ms;
	uint64_t hints;
	bool is_here;
	char text[STORY_MAX];
	struct owner_answer last[POPS]; /* what to answer with */
};

extern struct story story;

void story_begin_with(const struct owner_conf *conf);
/* Round trips of 20, 40 and 80 ms. */
void story_begin(void);
struct instant story_now(void);
/* Steps exactly when the machine wants to be stepped. */
void story_after(int64_t ms);

struct flow_key story_flow(unsigned n);
/* Of flow 0, or of that one; number is what it consists of. */
enum owner_fate story_packet(uint8_t number);
enum owner_fate story_packet_of(unsigned flow, uint8_t number);
/* What the PoP says to the last question it was asked. */
void story_yes(unsigned pop, uint32_t age_ms, uint32_t idle_ms);
void story_no(unsigned pop);

/* All that was written since the last time. */
#define EXPECT(words)                                                                              \
	do {                                                                                       \
		cr_expect_str_eq(story.text, words, "\n  seen: %s\n  not:  %s", story.text,        \
				 words);                                                           \
		story.text[0] = '\0';                                                              \
	} while (0)

#endif
