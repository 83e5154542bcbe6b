/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * thread.h - threads beside the main one.
 */
#ifndef LIB_THREAD_H
#define LIB_THREAD_H

#include <pthread.h>

/*
 * pthread_create() with all signals blocked in the new thread: they are the main thread's, whose
 * loop waits for them. attr: as there, or NULL. Returns 0 or -errno.
 */
int thread_spawn(pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *), void *arg);

#endif
