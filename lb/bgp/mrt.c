/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/mrt.h"

#include "lb/bgp/notification.h"
#include "lb/bgp/open.h"
#include "lib/clock.h"

#define HEADER_SIZE 12 /* the length in it counts what comes behind, microseconds included */
#define LENGTH_AT   8

enum mrt_type { BGP4MP_ET = 17 };

enum mrt_subtype {
	MESSAGE = 1,
	MESSAGE_AS4 = 4,
	STATE_CHANGE_AS4 = 5,
	MESSAGE_LOCAL = 6,
	MESSAGE_AS4_LOCAL = 7,
};

static void put_header(struct wire_writer *w, struct timespec at, enum mrt_subtype subtype)
{
	wire_put_u32(w, (uint32_t)at.tv_sec); /* unsigned: good until 2106 */
	wire_put_u16(w, BGP4MP_ET);
	wire_put_u16(w, (uint16_t)subtype);
	wire_put_u32(w, 0); /* the length, when it is known */
	wire_put_u32(w, (uint32_t)(at.tv_nsec / NS_PER_US));
}

static void put_asn(struct wire_writer *w, uint32_t asn, bool four_octet)
{
	if (four_octet)
		wire_put_u32(w, asn);
	else
		wire_put_u16(w, (uint16_t)(asn > UINT16_MAX ? BGP_AS_TRANS : asn));
}

static void put_session(struct wire_writer *w, const struct mrt_session *session, bool four_octet)
{
	enum addr_family family = (enum addr_family)session->peer.family;

	put_asn(w, session->peer_asn, four_octet);
	put_asn(w, session->local_asn, four_octet);
	wire_put_u16(w, 0); /* interface: none in particular */
	wire_put_u16(w, bgp_afi_of(family));
	wire_put_bytes(w, session->peer.bytes, addr_size(family));
	wire_put_bytes(w, session->local.bytes, addr_size(family));
}

/* Records are far shorter than 64 KiB, so that the lower half of the length is all of it. */
static size_t finish(struct wire_writer *w)
{
	wire_patch_u16(w, LENGTH_AT + 2, (uint16_t)(wire_offset(w) - HEADER_SIZE));
	return wire_written(w);
}

size_t mrt_message_encode(const struct mrt_session *session, struct timespec at,
			  const struct mrt_message *message, uint8_t *buf, size_t size)
{
	struct wire_writer w = wire_writer(buf, size);
	bool four = session->four_octet;

	if (message->sent)
		put_header(&w, at, four ? MESSAGE_AS4_LOCAL : MESSAGE_LOCAL);
	else
		put_header(&w, at, four ? MESSAGE_AS4 : MESSAGE);
	put_session(&w, session, four);
	wire_put_bytes(&w, message->bytes, message->len);
	return finish(&w);
}

/* The RFC counts states from 1. */
static uint16_t state_number(enum bgp_state state)
{
	return (uint16_t)(state + 1);
}

size_t mrt_state_encode(const struct mrt_session *session, struct timespec at, enum bgp_state was,
			enum bgp_state is, uint8_t *buf, size_t size)
{
	struct wire_writer w = wire_writer(buf, size);

	put_header(&w, at, STATE_CHANGE_AS4);
	put_session(&w, session, true);
	wire_put_u16(&w, state_number(was));
	wire_put_u16(&w, state_number(is));
	return finish(&w);
}
