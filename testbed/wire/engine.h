/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * engine.h - the thread that carries the packets of all wires.
 *
 * One thread, under SCHED_FIFO where that is permitted, reads each end's TAP
 * device, holds the packet until queue.h says it is due and writes it to the
 * other end. Everybody else talks to it by commands that it carries out
 * between two packets; the calls below wait for that, which takes well under a
 * millisecond. They may come from one thread only.
 *
 * A wire's end is unplugged (no node there: what is sent to it is lost) or has
 * a descriptor, which the engine owns. An end can be cut: from that instant
 * nothing enters from it and nothing comes out to it, carrier staying up; what
 * it had sent before is still under way, as light in a fibre is.
 *
 * A wire can be severed, both of its ends at once and with all that is under way. That lasts until
 * it is joined, whatever is plugged in meanwhile.
 *
 * A shape's bgp_delay_ns holds BGP's packets (TCP port 179) back on top of the
 * delay, as if the router at the far end took so long over them. They stay in
 * order among themselves, and everything else overtakes them.
 */
#ifndef TESTBED_WIRE_ENGINE_H
#define TESTBED_WIRE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/histogram.h"
#include "testbed/wire/queue.h"

struct wire_engine;

struct wire_end {
	size_t wire;
	unsigned end; /* 0 or 1 */
};

struct wire_stats {
	uint64_t delivered;
	uint64_t lost;		  /* by the wire's own loss, rate and limit */
	uint64_t dropped;	  /* because the kernel did not take it: this must be 0 */
	struct histogram late_ns; /* how long after due a packet was handed over */
	/*
	 * How long a packet that arrived at any instant would have waited to be read, which late_ns
	 * knows nothing of: its due time counts from the read. Sampled 200 times a second, so that
	 * a standstill counts for as long as it lasts.
	 */
	struct histogram unread_ns;
};

/*
 * shapes[2 * wire + end] shapes what enters at that end. quantum_ns 0: packets are read and handed
 * over as exactly as can be. Else in turns of so long: that is by how much more a packet takes at
 * most, and half of it on average, if delays are multiples of it. Returns 0, or -errno.
 */
int wire_engine_new(struct wire_engine **out, const struct wire_shape *shapes, size_t wires,
		    uint64_t seed, int64_t quantum_ns);
void wire_engine_free(struct wire_engine *engine);
/* Whether the thread runs under SCHED_FIFO. */
bool wire_engine_is_realtime(const struct wire_engine *engine);
/* Takes fd over. A cut end is mended by plugging. */
void wire_engine_plug(struct wire_engine *engine, struct wire_end at, int fd);
void wire_engine_unplug(struct wire_engine *engine, struct wire_end at);
/* Cut all these ends in one step; returns the instant. */
struct instant wire_engine_cut(struct wire_engine *engine, const struct wire_end *ends,
			       size_t count);
/* Sever a wire, or join it again; returns the instant. */
struct instant wire_engine_sever(struct wire_engine *engine, size_t wire, bool severed);
/*
 * Whether the device plugged in here has carrier, as it has when it comes: 0, also when there is
 * none, or -errno. May wait for the kernel's network lock; packets do not.
 */
int wire_engine_carrier(struct wire_engine *engine, struct wire_end at, bool carrier);
/* What has happened since the last call with reset. */
void wire_engine_stats(struct wire_engine *engine, struct wire_stats *out, bool reset);

#endif
