/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tap.h - the end of a wire inside a node: a TAP device.
 *
 * The node makes its own, which needs no more than CAP_NET_ADMIN in its own
 * namespace, and hands the descriptor to whoever carries the wire. Frames on
 * it start with a struct virtio_net_hdr (TAP_HEADER bytes), so that with TAP_OFFLOAD
 * segments of up to 64 KiB pass unsplit and checksums stay to be filled in.
 */
#ifndef TESTBED_WIRE_TAP_H
#define TESTBED_WIRE_TAP_H

#define TAP_HEADER    10
#define TAP_FRAME_MAX (TAP_HEADER + 14 + 65536)

enum tap_flags {
	/*
	 * It goes with its namespace, not with the descriptor. A namespace takes all of its devices
	 * down at once and while nobody waits; who closes a descriptor waits for the kernel, for
	 * each one anew, and that is a second and more where the host has given the cores to
	 * others.
	 */
	TAP_STAYS = 1,
	/* Without it packets are whole and of the wire's size, as who puts them into
	 * others wants. */
	TAP_OFFLOAD = 2,
};

/* Create the device in the calling thread's network namespace; flags of enum tap_flags. A
 * descriptor, or -errno. */
int tap_open(const char *name, unsigned flags);

#endif
