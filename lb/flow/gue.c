/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/flow/gue.h"

static uint64_t tag_of(const struct gue_path *path, const struct flow_key *key,
		       const struct gue_header *header)
{
	struct gue_tagged tagged;

	memcpy(tagged.source, path->source, FLOW_ADDR_SIZE);
	memcpy(tagged.destination, path->destination, FLOW_ADDR_SIZE);
	gue_tagged_set(&tagged, key, header);
	return gue_tag(&path->key, &tagged);
}

size_t gue_encode(const struct gue_path *path, const uint8_t *inner, size_t inner_len, uint8_t *buf,
		  size_t size)
{
	struct gue_header header = { .hop = GUE_HOP, .epoch = FIXED_BE32(path->epoch) };
	struct flow_packet flow;

	if (flow_packet_read(&flow, inner, inner_len) != FLOW_FOUND || !gue_carries(&flow) ||
	    size < GUE_SIZE + flow.length)
		return 0;
	header.proto = gue_proto(flow.family);
	header.tag = tag_of(path, &flow.key, &header);
	gue_header_write(buf, &header);
	memcpy(buf + GUE_SIZE, inner, flow.length);
	return GUE_SIZE + flow.length;
}

enum gue_verdict gue_decode(struct gue_packet *out, const struct gue_path *path, const uint8_t *buf,
			    size_t len)
{
	struct gue_packet packet = { .inner = buf + GUE_SIZE };
	struct gue_header header;
	enum gue_verdict verdict;

	if (len < GUE_SIZE)
		return GUE_TRUNCATED;
	verdict = gue_header_read(&header, buf);
	if (verdict != GUE_ACCEPTED)
		return verdict;
	if (flow_packet_read(&packet.flow, packet.inner, len - GUE_SIZE) != FLOW_FOUND ||
	    !gue_carries(&packet.flow) || header.proto != gue_proto(packet.flow.family))
		return GUE_BAD_INNER;
	if (header.epoch != FIXED_BE32(path->epoch) &&
	    header.epoch != FIXED_BE32(path->epoch_before))
		return GUE_OLD_EPOCH;
	if (header.tag != tag_of(path, &packet.flow.key, &header))
		return GUE_FORGED;
	packet.hop = header.hop;
	packet.inner_len = packet.flow.length;
	*out = packet;
	return GUE_ACCEPTED;
}

const char *gue_verdict_name(enum gue_verdict verdict)
{
	static const char *const names[GUE_VERDICTS] = {
		[GUE_ACCEPTED] = "accepted",
		[GUE_TRUNCATED] = "it is shorter than its header",
		[GUE_BAD_VERSION] = "it is of another version, or a control message",
		[GUE_BAD_HEADER] = "its header says what we do not send",
		[GUE_BAD_INNER] = "it holds nothing that is handed over",
		[GUE_OLD_EPOCH] = "its epoch is neither of its sender's last two",
		[GUE_FORGED] = "its tag is not its sender's",
		[GUE_STRANGER] = "its source is no PoP",
	};

	return names[verdict];
}

const char *gue_verdict_key(enum gue_verdict verdict)
{
	static const char *const keys[GUE_VERDICTS] = {
		[GUE_ACCEPTED] = "accepted",	   [GUE_TRUNCATED] = "truncated",
		[GUE_BAD_VERSION] = "bad_version", [GUE_BAD_HEADER] = "bad_header",
		[GUE_BAD_INNER] = "bad_inner",	   [GUE_OLD_EPOCH] = "old_epoch",
		[GUE_FORGED] = "forged",	   [GUE_STRANGER] = "stranger",
	};

	return keys[verdict];
}
