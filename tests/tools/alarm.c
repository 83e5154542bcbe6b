/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * alarm CORE PERIOD_US LATE_US: how late a process comes to a core that wants nothing else of it.
 *
 * With real-time priority, so that only the machine can keep it waiting. Every PERIOD_US it looks
 * at the clock; times later than LATE_US are printed as "due come" (CLOCK_MONOTONIC, ns), and when
 * its input ends, as the last line, by how much it was late at worst (ns).
 */
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/clock.h"

static int take_core(int core)
{
	const struct sched_param param = { .sched_priority = 70 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	/* The kernel adds 50 us to a sleep where nothing is said. */
	return sched_setaffinity(0, sizeof(set), &set) ||
	       sched_setscheduler(0, SCHED_FIFO, &param) || mlockall(MCL_CURRENT | MCL_FUTURE) ||
	       prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
}

static bool input_ended(struct instant due)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	const struct instant now = clock_now();
	const int64_t wait = due.ns > now.ns ? due.ns - now.ns : 0;
	const struct timespec ts = { wait / NS_PER_S, wait % NS_PER_S };

	return ppoll(&input, 1, &ts, NULL) == 1;
}

int main(int argc, char **argv)
{
	int64_t period, allowed, worst = 0;
	struct instant due;

	if (argc != 4 || take_core((int)strtol(argv[1], NULL, 10))) {
		perror("alarm CORE PERIOD_US LATE_US");
		return 1;
	}
	period = strtoll(argv[2], NULL, 10) * NS_PER_US;
	allowed = strtoll(argv[3], NULL, 10) * NS_PER_US;
	for (due = clock_now(); !input_ended(due);) {
		const struct instant now = clock_now();
		const int64_t late = now.ns - due.ns;

		if (late > allowed)
			printf("%" PRId64 " %" PRId64 "\n", due.ns, now.ns);
		if (late > worst)
			worst = late;
		due = instant_after_ns(now, period);
	}
	printf("%" PRId64 "\n", worst);
	return 0;
}
