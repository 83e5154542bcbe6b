/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/descriptors.h"

#include <stdio.h>
#include <sys/resource.h>

/* Connections of the API, and what a process has open anyway. */
#define BESIDE 300
/* A loop's own. */
#define LOOP 2

bool descriptors_allow(const struct geodns_conf *conf, char *text, size_t size)
{
	const size_t needed =
		conf->tcp_connections + conf->check_count +
		conf->threads * (2 * conf->listen_count + conf->tls.listen_count + LOOP) + BESIDE;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return true;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max >= needed)
		return true;
	snprintf(text, size,
		 "%u TCP connections and the rest need %zu descriptors, the limit is %llu",
		 conf->tcp_connections, needed, (unsigned long long)limit.rlim_max);
	return false;
}
