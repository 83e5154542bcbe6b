/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * starved.h - failures that are ours.
 */
#ifndef LIB_STARVED_H
#define LIB_STARVED_H

#include <errno.h>
#include <stdbool.h>

/* An errno of socket(2), accept(2) or connect(2): is it descriptors or memory of this machine? */
static inline bool errno_is_starved(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

#endif
