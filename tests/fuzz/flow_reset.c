/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A reset is never longer than what it answers, is a packet of the same flow on its way back, and
 * is not answered itself.
 */
#include <stdlib.h>
#include <string.h>

#include "lb/flow/key.h"
#include "lb/flow/reset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t out[RESET_SIZE_MAX], again[RESET_SIZE_MAX];
	const size_t size = reset_packet_build(out, data, len);
	struct flow_packet in, back;

	if (size == 0)
		return 0;
	if (size > len || flow_packet_read(&in, data, len) != FLOW_FOUND ||
	    flow_packet_read(&back, out, size) != FLOW_FOUND || back.length != size)
		abort();
	if (!(back.tcp_flags & FLOW_TCP_RST) || in.tcp_flags & FLOW_TCP_RST || in.is_error)
		abort();
	if (memcmp(in.key.client, back.key.vip, FLOW_ADDR_SIZE) != 0 ||
	    memcmp(in.key.vip, back.key.client, FLOW_ADDR_SIZE) != 0 ||
	    in.key.client_port != back.key.vip_port || in.key.vip_port != back.key.client_port)
		abort();
	if (reset_packet_build(again, out, size) != 0)
		abort();
	return 0;
}
