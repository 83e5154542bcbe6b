/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * store.h - the current snapshot, handed from the control thread to the others.
 *
 * RCU in the QSBR flavour of liburcu: reading costs nothing; a reader thread
 * is offline (rcu_thread_offline()) whenever it holds no snapshot, as while it
 * waits for packets. The control thread alone publishes: it waits until no
 * reader can hold the old one, a batch at most, and frees it. It may itself
 * read at any time without being registered.
 */
#ifndef GEODNS_SERVER_STORE_H
#define GEODNS_SERVER_STORE_H

#include "geodns/snapshot.h"

struct store {
	struct snapshot *current;
	/* Told of each snapshot once readers get it, in the control thread; or NULL. */
	void (*on_publish)(void *ctx, const struct snapshot *snap);
	void *ctx;
};

/* For reader threads: valid until the thread goes offline. */
const struct snapshot *store_read(const struct store *store);
/* Takes snap over. When it returns, nobody sees the one before any more. */
void store_publish(struct store *store, struct snapshot *snap);
/* No reader may be left. */
void store_fini(struct store *store);

#endif
