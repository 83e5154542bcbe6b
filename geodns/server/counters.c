/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/server/counters.h"

#include <stddef.h>

/* clang-tidy does not know that the builtin writes. */
static void raise_by(uint64_t *counter, uint64_t by) /* NOLINT(readability-non-const-parameter) */
{
	__atomic_store_n(counter, *counter + by, __ATOMIC_RELAXED);
}

void counters_raise(uint64_t *counter)
{
	raise_by(counter, 1);
}

void counters_add(struct counters *c, enum counters_transport transport,
		  const struct answer_result *result)
{
	counters_raise(&c->queries[transport]);
	counters_raise(&c->cookies[result->cookie]);
	if (result->limited)
		counters_raise(&c->limited);
	if (result->len == 0) {
		counters_raise(&c->dropped);
		return;
	}
	counters_raise(&c->replies[result->rcode]);
	if (result->truncated)
		counters_raise(&c->truncated);
	if (result->geographic)
		counters_raise(&c->geographic);
	if (result->ecs)
		counters_raise(&c->ecs);
	if (result->signatures > 0) {
		raise_by(&c->signatures, result->signatures);
		raise_by(&c->signatures_made, result->signatures_made);
	}
	if (result->signatures_refused)
		counters_raise(&c->signatures_refused);
}

static void add(uint64_t *sum, const uint64_t *counter)
{
	*sum += __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void counters_sum(struct counters *sum, const struct counters *c)
{
	for (size_t i = 0; i < COUNTERS_TRANSPORTS; i++)
		add(&sum->queries[i], &c->queries[i]);
	for (size_t i = 0; i < DNS_RCODE_COUNT; i++)
		add(&sum->replies[i], &c->replies[i]);
	for (size_t i = 0; i < 4; i++)
		add(&sum->cookies[i], &c->cookies[i]);
	add(&sum->dropped, &c->dropped);
	add(&sum->limited, &c->limited);
	add(&sum->truncated, &c->truncated);
	add(&sum->geographic, &c->geographic);
	add(&sum->ecs, &c->ecs);
	add(&sum->signatures, &c->signatures);
	add(&sum->signatures_made, &c->signatures_made);
	add(&sum->signatures_refused, &c->signatures_refused);
	for (size_t i = 0; i < COUNTERS_STREAMS; i++) {
		add(&sum->opened[i], &c->opened[i]);
		add(&sum->closed[i], &c->closed[i]);
	}
	add(&sum->refused, &c->refused);
	for (size_t i = 0; i < COUNTERS_HANDSHAKES; i++)
		add(&sum->handshakes[i], &c->handshakes[i]);
}
