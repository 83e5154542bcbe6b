/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * frame.h - what an Ethernet frame carries, as far as the wires ask. Pure.
 */
#ifndef TESTBED_WIRE_FRAME_H
#define TESTBED_WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * TCP from or to port 179, over IPv4 or IPv6. Fragments behind the first and IPv6 with extension
 * headers are not looked into: BGP's packets are neither.
 */
bool frame_is_bgp(const uint8_t *frame, size_t len);

#endif
