/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/server/store.h"

#include <stdlib.h>
#include <urcu-qsbr.h>

const struct snapshot *store_read(const struct store *store)
{
	return rcu_dereference(store->current);
}

void store_publish(struct store *store, struct snapshot *snap)
{
	struct snapshot *old = rcu_xchg_pointer(&store->current, snap);

	if (store->on_publish)
		store->on_publish(store->ctx, snap);
	if (!old)
		return;
	synchronize_rcu();
	free(old);
}

void store_fini(struct store *store)
{
	free(store->current);
	store->current = NULL;
}
