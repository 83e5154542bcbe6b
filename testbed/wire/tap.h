/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tap.h - the end of a wire inside a node: a TAP device.
 *
 * The node makes its own, which needs no more than CAP_NET_ADMIN in its own
 * namespace, and hands the descriptor to whoever carries the wire. Frames on
 * it start with a struct virtio_net_hdr (TAP_HEADER bytes), so that segments
 * of up to 64 KiB pass unsplit and checksums stay to be filled in.
 */
#ifndef TESTBED_WIRE_TAP_H
#define TESTBED_WIRE_TAP_H

#define TAP_HEADER    10
#define TAP_FRAME_MAX (TAP_HEADER + 14 + 65536)

/* Create the device in the calling thread's network namespace. A descriptor, or -errno. */
int tap_open(const char *name);

#endif
