/* SPDX-License-Identifier: GPL-3.0-or-later */
/* replay_packet.h - a packet as replay.bpf.c takes it from its array; BPF has the types elsewhere.
 */
#ifndef TESTS_TOOLS_REPLAY_PACKET_H
#define TESTS_TOOLS_REPLAY_PACKET_H

#ifndef __bpf__
#include <stdint.h>
#endif

#define REPLAY_PACKET_MAX 252

struct replay_packet {
	uint32_t len;
	uint8_t data[REPLAY_PACKET_MAX];
};

#endif
