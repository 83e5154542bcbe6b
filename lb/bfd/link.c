/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bfd/link.h"

#include <sched.h>
#include <string.h>

_Static_assert(sizeof(struct bfd_info) % sizeof(uint64_t) == 0, "it is copied by words");

/* From the fastest sessions there are to those of somebody who is in no hurry. */
const double bfd_silence_bounds[] = { 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5 };

static void refresh(struct bfd_link *link)
{
	const struct bfd_session *s = &link->session;
	struct bfd_info *info = &link->info;

	info->state = s->session_state;
	info->remote_state = s->remote_session_state;
	info->local_diag = s->local_diag;
	info->remote_diag = s->remote_diag;
	info->local_discriminator = s->local_discr;
	info->remote_discriminator = s->remote_discr;
	info->tx_interval = bfd_session_tx_interval(s);
	info->detection_time = bfd_session_detection_time(s);
	info->remote_detect_mult = s->remote_detect_mult;
	info->remote_min_rx = s->remote_min_rx;
	info->remote_min_tx = s->remote_desired_min_tx;
	info->remote_cpi = s->remote_cpi;
	info->remote_demand = s->remote_demand;
}

void bfd_link_publish(struct bfd_link *link)
{
	struct bfd_published *p = &link->published;
	unsigned sequence = atomic_load_explicit(&p->sequence, memory_order_relaxed);
	uint64_t words[BFD_INFO_WORDS];

	refresh(link);
	memcpy(words, &link->info, sizeof(words));
	atomic_store_explicit(&p->sequence, sequence + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (size_t i = 0; i < BFD_INFO_WORDS; i++)
		atomic_store_explicit(&p->words[i], words[i], memory_order_relaxed);
	atomic_store_explicit(&p->sequence, sequence + 2, memory_order_release);
}

struct bfd_info bfd_link_info(struct bfd_link *link)
{
	struct bfd_published *p = &link->published;
	uint64_t words[BFD_INFO_WORDS];
	struct bfd_info info;

	for (;;) {
		unsigned before = atomic_load_explicit(&p->sequence, memory_order_acquire);

		for (size_t i = 0; i < BFD_INFO_WORDS; i++)
			words[i] = atomic_load_explicit(&p->words[i], memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		if (before % 2 == 0 &&
		    atomic_load_explicit(&p->sequence, memory_order_relaxed) == before)
			break;
		sched_yield();
	}
	memcpy(&info, words, sizeof(info));
	return info;
}
