/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What decodes, encodes to what decodes the same; whatever it says, the machine of a peer that is
 * given it as authentic goes on; as a datagram no key of ours opens it by chance.
 */
#include <stdlib.h>
#include <string.h>

#include "lb/mesh/core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_codec(const struct mesh_message *message)
{
	uint8_t buf[MESH_PLAIN_MAX], second[MESH_PLAIN_MAX];
	size_t size = mesh_message_encode(message, buf, sizeof(buf));
	struct mesh_message again;

	if (size == 0 || !mesh_message_decode(&again, buf, size) ||
	    mesh_message_encode(&again, second, sizeof(second)) != size ||
	    memcmp(buf, second, size) != 0)
		abort();
}

/* Once as it is, and once as of the life and in answer to the challenge that it must be of. */
static void check_peer(const struct mesh_message *message)
{
	static const struct mesh_timing timing = { 80, 3 };
	struct instant now = { 3600 * NS_PER_S };
	struct mesh_message fitting = *message;
	struct mesh_peer peer;

	mesh_peer_init(&peer, &timing, 4711, 1, now);
	mesh_peer_receive(&peer, message, now);
	fitting.echo = 4711;
	if (fitting.type == MESH_HELLO)
		fitting.hello.answer = 1;
	mesh_peer_receive(&peer, &fitting, now);
	if (mesh_peer_receive(&peer, &fitting, now).verdict == MESH_COUNTS)
		abort();
	for (int i = 0; i < 100; i++) {
		now = instant_after_s(now, 7);
		mesh_peer_tick(&peer, now);
	}
	if (peer.state != MESH_DOWN)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t secret[MESH_KEY_SIZE] = "no seed has this",
			     theirs[MESH_KEY_SIZE] = { 9 };
	uint8_t plain[MESH_PLAIN_MAX];
	static struct mesh_keys keys;
	struct mesh_message message;
	size_t plain_len;

	if (!keys.send_hint[0] && (!mesh_seal_init() || !mesh_keys_derive(&keys, secret, theirs)))
		abort();
	if (mesh_seal_open(plain, &plain_len, data, len, &keys) == MESH_OPENED)
		abort();
	if (!mesh_message_decode(&message, data, len))
		return 0;
	check_codec(&message);
	check_peer(&message);
	return 0;
}
