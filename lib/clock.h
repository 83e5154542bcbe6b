/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * clock.h - monotonic time as a type of its own.
 *
 * Wrapped in a struct so that the compiler refuses to mix instants with
 * plain numbers. Pure code takes "now" as an argument; only shells call
 * clock_now(). Nanoseconds of CLOCK_MONOTONIC, so that the instants of every
 * process on one machine compare.
 */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

struct instant {
	int64_t ns;
};

#define INSTANT_NEVER ((struct instant){ INT64_MAX })

static inline struct instant clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct instant){ ts.tv_sec * NS_PER_S + ts.tv_nsec };
}

/* What the calendar says, in seconds since 1970: for what is valid from then to then. */
static inline uint32_t clock_unix_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return (uint32_t)ts.tv_sec;
}

static inline struct instant instant_after_ns(struct instant t, int64_t ns)
{
	return (struct instant){ t.ns + ns };
}

static inline struct instant instant_after_ms(struct instant t, int64_t ms)
{
	return instant_after_ns(t, ms * NS_PER_MS);
}

static inline struct instant instant_after_s(struct instant t, int64_t s)
{
	return instant_after_ns(t, s * NS_PER_S);
}

static inline bool instant_reached(struct instant deadline, struct instant now)
{
	return deadline.ns <= now.ns;
}

static inline struct instant instant_min(struct instant a, struct instant b)
{
	return a.ns < b.ns ? a : b;
}

/* Seconds from now until t for a timer: 0 when past. */
static inline double instant_wait_s(struct instant t, struct instant now)
{
	return t.ns <= now.ns ? 0 : (double)(t.ns - now.ns) / (double)NS_PER_S;
}

#endif
