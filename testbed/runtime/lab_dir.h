/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab_dir.h - the directory of a lab, /run/catchment/NAME, which is its name's reservation.
 *
 * Whoever holds the lock of the file "lock" in it has the name. The lock goes
 * with the processes that hold it, the directory does not: one without a
 * locked file is what a killed lab has left, and the next one of that name
 * takes it over. Labs come and go at the same time, so a directory may vanish
 * under the feet of one that is about to take it; it then makes another.
 */
#ifndef TESTBED_RUNTIME_LAB_DIR_H
#define TESTBED_RUNTIME_LAB_DIR_H

#include <stdbool.h>

#define LAB_ROOT "/run/catchment"

/* Take the name: the lock's descriptor, -EBUSY when another has it, or another -errno. */
int lab_dir_take(const char *name);
/* Remove all that is in the directory, and it, then let the name go. */
void lab_dir_release(const char *name, int lock);
/* Somebody has the name. */
bool lab_dir_is_taken(const char *name);
/* Remove what a killed lab has left. False when there was nothing, or it is not dead. */
bool lab_dir_clean(const char *name);

#endif
