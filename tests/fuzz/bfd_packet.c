/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What decodes, encodes to what decodes the same; no key of ours takes a hash by chance. */
#include <stdlib.h>
#include <string.h>

#include "lb/bfd/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct bfd_auth_conf conf = { BFD_AUTH_METICULOUS_SHA1, 7, "no seed has this" };
	struct bfd_packet packet, again;
	uint8_t buf[BFD_PACKET_MAX], second[BFD_PACKET_MAX];
	struct bfd_auth auth;

	if (bfd_packet_decode(&packet, data, len) != BFD_ACCEPTED)
		return 0;
	bfd_auth_init(&auth, &conf, 0);
	if (bfd_auth_check(&auth, &packet, data, len) == BFD_ACCEPTED)
		abort();
	/* Of another section than ours only the head is kept. */
	if (packet.authenticated &&
	    (packet.auth.len != BFD_AUTH_SHA1_LEN || data[3] < BFD_PACKET_MAX ||
	     packet.auth.type < BFD_AUTH_KEYED_SHA1 || packet.auth.type > BFD_AUTH_METICULOUS_SHA1))
		return 0;
	len = bfd_packet_encode(&packet, buf, sizeof(buf));
	if (bfd_packet_decode(&again, buf, len) != BFD_ACCEPTED ||
	    bfd_packet_encode(&again, second, sizeof(second)) != len ||
	    memcmp(buf, second, len) != 0)
		abort();
	return 0;
}
