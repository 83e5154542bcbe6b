/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pop_desk.h - where statements about PoPs arrive, are kept, and end.
 *
 * The shell of pop_state: a timer for what ends by itself, and the file in which
 * operators' statements survive a restart. The file is written beside and renamed, and is on the
 * disk before anybody hears that a statement has been taken. Control thread.
 */
#ifndef GEODNS_POP_DESK_H
#define GEODNS_POP_DESK_H

#include <ev.h>

#include "geodns/pop_state.h"

struct pop_desk;

/* Told after each change: what has been said, or, with state auto, taken back or ended. */
typedef void pop_desk_fn(void *ctx, const struct pop_statement *said);

/*
 * path: the file, NULL for none; need not be there yet. NULL, and err set, if what is there cannot
 * be read or is not such a file.
 */
struct pop_desk *pop_desk_new(struct ev_loop *loop, const char *path, struct conf_error *err);
void pop_desk_free(struct pop_desk *desk);
/* From now on. */
void pop_desk_listen(struct pop_desk *desk, pop_desk_fn *on_change, void *ctx);
/* Returns 0, -ENOSPC: too many sources, or -errno of the file: nothing has changed then. */
int pop_desk_say(struct pop_desk *desk, const struct pop_statement *statement);
const struct pop_states *pop_desk_states(const struct pop_desk *desk);
/* Is there a file? */
bool pop_desk_is_lasting(const struct pop_desk *desk);

#endif
