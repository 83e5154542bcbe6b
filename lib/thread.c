/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/thread.h"

#include <signal.h>

int thread_spawn(pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(id, attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}
