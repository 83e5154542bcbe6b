/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bfd/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

int bfd_channel_init(struct bfd_channel *channel)
{
	atomic_init(&channel->newest, NULL);
	channel->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return channel->fd < 0 ? -errno : 0;
}

void bfd_channel_fini(struct bfd_channel *channel)
{
	struct bfd_message *message = bfd_channel_take(channel);

	while (message) {
		struct bfd_message *next = message->next;

		free(message);
		message = next;
	}
	close(channel->fd);
}

void bfd_channel_send(struct bfd_channel *channel, struct bfd_message *message)
{
	const uint64_t one = 1;

	message->next = atomic_load_explicit(&channel->newest, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&channel->newest, &message->next, message,
						      memory_order_release, memory_order_relaxed))
		;
	/* It fails only when full, and then the reader is awake. */
	if (write(channel->fd, &one, sizeof(one)) < 0)
		return;
}

struct bfd_message *bfd_channel_take(struct bfd_channel *channel)
{
	struct bfd_message *newest, *oldest = NULL;
	uint64_t count;

	/* Before looking: who sends after the look wakes us again. */
	if (read(channel->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return NULL;
	newest = atomic_exchange_explicit(&channel->newest, NULL, memory_order_acquire);
	while (newest) {
		struct bfd_message *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}
