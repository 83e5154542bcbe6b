/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bfd/packet.h"

#include "lib/wire.h"

#define VERSION 1

/* The octet after Diag: Sta in the two highest bits, then P F C A D M. */
#define BIT_POLL       0x20
#define BIT_FINAL      0x10
#define BIT_CPI	       0x08
#define BIT_AUTH       0x04
#define BIT_DEMAND     0x02
#define BIT_MULTIPOINT 0x01

static bool is_sha1(uint8_t type)
{
	return type == BFD_AUTH_KEYED_SHA1 || type == BFD_AUTH_METICULOUS_SHA1;
}

/* What is missing of a SHA1 section is the affair of who knows which type there ought to be. */
static void decode_auth(struct bfd_auth_section *auth, struct wire_reader *r)
{
	const uint8_t *hash;

	auth->type = wire_get_u8(r);
	auth->len = wire_get_u8(r);
	if (auth->type == BFD_AUTH_NONE || wire_left(r) == 0)
		return;
	auth->key_id = wire_get_u8(r);
	if (!is_sha1(auth->type) || auth->len != BFD_AUTH_SHA1_LEN ||
	    wire_left(r) < BFD_AUTH_SHA1_LEN - 3)
		return;
	wire_get_u8(r); /* reserved, ignored on receipt */
	auth->sequence = wire_get_u32(r);
	hash = wire_get_bytes(r, BFD_HASH_SIZE);
	if (hash)
		memcpy(auth->hash, hash, BFD_HASH_SIZE);
}

static enum bfd_discard judge(const struct bfd_packet *packet, bool multipoint)
{
	if (packet->detect_mult == 0)
		return BFD_ZERO_MULTIPLIER;
	if (multipoint)
		return BFD_MULTIPOINT;
	if (packet->my_discriminator == 0)
		return BFD_ZERO_DISCRIMINATOR;
	if (packet->your_discriminator == 0 && packet->state != BFD_DOWN &&
	    packet->state != BFD_ADMIN_DOWN)
		return BFD_NO_SESSION;
	return BFD_ACCEPTED;
}

enum bfd_discard bfd_packet_decode(struct bfd_packet *out, const uint8_t *buf, size_t len)
{
	struct wire_reader r = wire_reader(buf, len);
	uint8_t first = wire_get_u8(&r), flags = wire_get_u8(&r);
	struct bfd_packet packet = { .detect_mult = wire_get_u8(&r) };
	size_t length = wire_get_u8(&r);
	enum bfd_discard why;

	if (len > 0 && first >> 5 != VERSION)
		return BFD_BAD_VERSION;
	if (r.failed || length < (flags & BIT_AUTH ? BFD_PACKET_MIN + 2 : BFD_PACKET_MIN))
		return BFD_TOO_SHORT;
	if (length > len)
		return BFD_LENGTH_BEYOND;
	r.end = buf + length;
	packet.diag = first & 0x1f;
	packet.state = (enum bfd_state)(flags >> 6);
	packet.poll = flags & BIT_POLL;
	packet.final = flags & BIT_FINAL;
	packet.control_plane_independent = flags & BIT_CPI;
	packet.authenticated = flags & BIT_AUTH;
	packet.demand = flags & BIT_DEMAND;
	packet.my_discriminator = wire_get_u32(&r);
	packet.your_discriminator = wire_get_u32(&r);
	packet.desired_min_tx = wire_get_u32(&r);
	packet.required_min_rx = wire_get_u32(&r);
	packet.required_min_echo_rx = wire_get_u32(&r);
	if (packet.authenticated)
		decode_auth(&packet.auth, &r);
	why = judge(&packet, flags & BIT_MULTIPOINT);
	if (why == BFD_ACCEPTED)
		*out = packet;
	return why;
}

static void encode_auth(const struct bfd_auth_section *auth, struct wire_writer *w)
{
	wire_put_u8(w, auth->type);
	wire_put_u8(w, BFD_AUTH_SHA1_LEN);
	wire_put_u8(w, auth->key_id);
	wire_put_u8(w, 0);
	wire_put_u32(w, auth->sequence);
	wire_put_bytes(w, auth->hash, BFD_HASH_SIZE);
}

size_t bfd_packet_encode(const struct bfd_packet *packet, uint8_t *buf, size_t size)
{
	struct wire_writer w = wire_writer(buf, size);
	unsigned flags = (unsigned)packet->state << 6;

	flags |= packet->poll ? BIT_POLL : 0;
	flags |= packet->final ? BIT_FINAL : 0;
	flags |= packet->control_plane_independent ? BIT_CPI : 0;
	flags |= packet->authenticated ? BIT_AUTH : 0;
	flags |= packet->demand ? BIT_DEMAND : 0;
	wire_put_u8(&w, (uint8_t)(VERSION << 5 | (packet->diag & 0x1f)));
	wire_put_u8(&w, (uint8_t)flags);
	wire_put_u8(&w, packet->detect_mult);
	wire_put_u8(&w, packet->authenticated ? BFD_PACKET_MAX : BFD_PACKET_MIN);
	wire_put_u32(&w, packet->my_discriminator);
	wire_put_u32(&w, packet->your_discriminator);
	wire_put_u32(&w, packet->desired_min_tx);
	wire_put_u32(&w, packet->required_min_rx);
	wire_put_u32(&w, packet->required_min_echo_rx);
	if (packet->authenticated)
		encode_auth(&packet->auth, &w);
	return wire_written(&w);
}

const char *bfd_state_name(enum bfd_state state)
{
	static const char *const names[BFD_STATES] = { "AdminDown", "Down", "Init", "Up" };

	return names[state];
}

const char *bfd_diag_name(uint8_t diag)
{
	static const char *const names[] = {
		"No Diagnostic",
		"Control Detection Time Expired",
		"Echo Function Failed",
		"Neighbor Signaled Session Down",
		"Forwarding Plane Reset",
		"Path Down",
		"Concatenated Path Down",
		"Administratively Down",
		"Reverse Concatenated Path Down",
	};

	return diag < sizeof(names) / sizeof(names[0]) ? names[diag] : "reserved";
}

const char *bfd_discard_name(enum bfd_discard why)
{
	static const char *const names[BFD_DISCARDS] = {
		[BFD_ACCEPTED] = "accepted",
		[BFD_BAD_VERSION] = "the version is not 1",
		[BFD_TOO_SHORT] = "it is too short",
		[BFD_LENGTH_BEYOND] = "its Length is more than what came",
		[BFD_ZERO_MULTIPLIER] = "Detect Mult is zero",
		[BFD_MULTIPOINT] = "the Multipoint bit is set",
		[BFD_ZERO_DISCRIMINATOR] = "My Discriminator is zero",
		[BFD_NO_SESSION] = "Your Discriminator is of no session",
		[BFD_AUTH_UNEXPECTED] = "it is authenticated, and we have no key",
		[BFD_AUTH_MISSING] = "it is not authenticated",
		[BFD_AUTH_WRONG_TYPE] = "its authentication type or Key ID is not ours",
		[BFD_AUTH_WRONG_HASH] = "its key is not ours",
		[BFD_AUTH_OLD_SEQUENCE] = "its sequence number is outside the window",
		[BFD_WRONG_TTL] = "its TTL is not 255",
		[BFD_WRONG_PATH] = "it came from another address or to another port",
		[BFD_IS_ADMIN_DOWN] = "the session is administratively down",
	};

	return names[why];
}

const char *bfd_discard_key(enum bfd_discard why)
{
	static const char *const keys[BFD_DISCARDS] = {
		[BFD_ACCEPTED] = "accepted",
		[BFD_BAD_VERSION] = "bad_version",
		[BFD_TOO_SHORT] = "too_short",
		[BFD_LENGTH_BEYOND] = "length_beyond",
		[BFD_ZERO_MULTIPLIER] = "zero_multiplier",
		[BFD_MULTIPOINT] = "multipoint",
		[BFD_ZERO_DISCRIMINATOR] = "zero_discriminator",
		[BFD_NO_SESSION] = "no_session",
		[BFD_AUTH_UNEXPECTED] = "auth_unexpected",
		[BFD_AUTH_MISSING] = "auth_missing",
		[BFD_AUTH_WRONG_TYPE] = "auth_wrong_type",
		[BFD_AUTH_WRONG_HASH] = "auth_wrong_hash",
		[BFD_AUTH_OLD_SEQUENCE] = "auth_old_sequence",
		[BFD_WRONG_TTL] = "wrong_ttl",
		[BFD_WRONG_PATH] = "wrong_path",
		[BFD_IS_ADMIN_DOWN] = "admin_down",
	};

	return keys[why];
}
