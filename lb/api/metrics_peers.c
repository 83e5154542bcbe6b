/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of GET /metrics that has a sample for each peer: BGP and BFD. */
#include <stdlib.h>

#include "lb/api/metrics.h"
#include "lib/alloc.h"

static void sample(struct metrics *m, double value, const char *peer)
{
	metrics_sample(m, value, "peer", peer, (char *)NULL);
}

/* Everything of all peers, asked for once. */
struct peers {
	size_t count;
	struct bgp_peer_info *infos;
};

/* One family of samples by peer and message type. */
static void write_messages(const struct peers *peers, struct metrics *m, bool in)
{
	if (in)
		metrics_family(m, "catchment_lb_peer_messages_in_total", "counter",
			       "BGP messages received.");
	else
		metrics_family(m, "catchment_lb_peer_messages_out_total", "counter",
			       "BGP messages sent.");
	for (size_t i = 0; i < peers->count; i++) {
		const struct bgp_peer_info *info = &peers->infos[i];

		for (int type = BGP_MSG_OPEN; type < BGP_MSG_TYPES; type++)
			metrics_sample(m, (double)(in ? info->in[type] : info->out[type]), "peer",
				       info->name, "type",
				       bgp_message_type_name((enum bgp_message_type)type),
				       (char *)NULL);
	}
}

static double peer_is_established(const struct bgp_peer_info *info)
{
	return info->state == BGP_ESTABLISHED;
}

static double peer_state(const struct bgp_peer_info *info)
{
	return info->state + 1;
}

static double peer_state_seconds(const struct bgp_peer_info *info)
{
	return (double)(clock_now().ns - info->state_since.ns) / NS_PER_S;
}

static double peer_established(const struct bgp_peer_info *info)
{
	return (double)info->established;
}

static double peer_downs(const struct bgp_peer_info *info)
{
	return (double)info->downs;
}

static double peer_announced(const struct bgp_peer_info *info)
{
	return (double)info->announced;
}

static double peer_default_routes(const struct bgp_peer_info *info)
{
	return (info->default_route4.family != ADDR_NONE) +
	       (info->default_route6.family != ADDR_NONE);
}

static double peer_hold_time(const struct bgp_peer_info *info)
{
	return info->hold_time;
}

static double peer_queued(const struct bgp_peer_info *info)
{
	return (double)info->queued;
}

static double peer_malformed(const struct bgp_peer_info *info)
{
	return (double)info->updates_malformed;
}

static double peer_leaks(const struct bgp_peer_info *info)
{
	return (double)info->leaks;
}

static const struct {
	const char *name, *type, *help;
	double (*value)(const struct bgp_peer_info *info);
} peer_families[] = {
	{ "catchment_lb_peer_established", "gauge", "1 while the BGP session is established.",
	  peer_is_established },
	{ "catchment_lb_peer_state", "gauge",
	  "State of the BGP session: 1 Idle, 2 Connect, 3 Active, 4 OpenSent, 5 OpenConfirm, "
	  "6 Established.",
	  peer_state },
	{ "catchment_lb_peer_state_seconds", "gauge", "For how long it has been in this state.",
	  peer_state_seconds },
	{ "catchment_lb_peer_established_total", "counter", "Times that the BGP session came up.",
	  peer_established },
	{ "catchment_lb_peer_downs_total", "counter", "Times that the BGP session was lost.",
	  peer_downs },
	{ "catchment_lb_peer_prefixes_announced", "gauge", "Prefixes that the peer has from us.",
	  peer_announced },
	{ "catchment_lb_peer_default_routes", "gauge", "Default routes taken from the peer.",
	  peer_default_routes },
	{ "catchment_lb_peer_hold_time_seconds", "gauge",
	  "Hold time as negotiated, 0 while the session is not established.", peer_hold_time },
	{ "catchment_lb_peer_queued_bytes", "gauge", "What the peer has not taken from us yet.",
	  peer_queued },
	{ "catchment_lb_peer_updates_malformed_total", "counter",
	  "UPDATEs treated as withdraw or with an attribute discarded (RFC 7606).",
	  peer_malformed },
	{ "catchment_lb_peer_leaks_total", "counter",
	  "Default routes refused for their OTC attribute (RFC 9234).", peer_leaks },
};

static bool has_dumps(const struct peers *peers)
{
	for (size_t i = 0; i < peers->count; i++)
		if (peers->infos[i].has_dump)
			return true;
	return false;
}

static void write_dumps(const struct peers *peers, struct metrics *m)
{
	if (!has_dumps(peers))
		return;
	metrics_family(m, "catchment_lb_peer_dump_records_total", "counter",
		       "MRT records written of the peer.");
	for (size_t i = 0; i < peers->count; i++)
		if (peers->infos[i].has_dump)
			sample(m, (double)peers->infos[i].dump.records, peers->infos[i].name);
	metrics_family(m, "catchment_lb_peer_dump_lost_total", "counter",
		       "MRT records that could not be written.");
	for (size_t i = 0; i < peers->count; i++)
		if (peers->infos[i].has_dump)
			sample(m, (double)peers->infos[i].dump.lost, peers->infos[i].name);
}

void lb_metrics_peers(const struct lb_daemon *lb, struct metrics *m)
{
	struct peers peers = { .count = lb->conf->bgp.peer_count };

	peers.infos = xcalloc(peers.count, sizeof(*peers.infos));
	for (size_t i = 0; i < peers.count; i++)
		bgp_speaker_peer_info(lb->speaker, i, &peers.infos[i]);
	for (size_t i = 0; i < sizeof(peer_families) / sizeof(peer_families[0]); i++) {
		metrics_family(m, peer_families[i].name, peer_families[i].type,
			       peer_families[i].help);
		for (size_t j = 0; j < peers.count; j++)
			sample(m, peer_families[i].value(&peers.infos[j]), peers.infos[j].name);
	}
	write_messages(&peers, m, true);
	write_messages(&peers, m, false);
	write_dumps(&peers, m);
	free(peers.infos);
}

/* A family with a sample for each peer that has a session. */
static void write_bfd_family(const struct lb_daemon *lb, struct metrics *m,
			     const char *const head[3],
			     double (*value)(const struct bfd_info *info))
{
	struct bfd_info info;

	metrics_family(m, head[0], head[1], head[2]);
	for (size_t i = 0; i < lb->conf->bgp.peer_count; i++)
		if (bfd_info_get(lb->bfd, i, &info))
			sample(m, value(&info), lb->conf->bgp.peers[i].name);
}

static double bfd_up(const struct bfd_info *info)
{
	return info->state == BFD_UP;
}

static double bfd_downs(const struct bfd_info *info)
{
	return (double)info->downs;
}

static double bfd_detections(const struct bfd_info *info)
{
	return (double)info->detections;
}

static double bfd_state(const struct bfd_info *info)
{
	return info->state;
}

static double bfd_packets_in(const struct bfd_info *info)
{
	return (double)info->packets_in;
}

static double bfd_packets_out(const struct bfd_info *info)
{
	return (double)info->packets_out;
}

static double bfd_detection_time(const struct bfd_info *info)
{
	return (double)info->detection_time / 1e6;
}

static double bfd_discarded(const struct bfd_info *info)
{
	uint64_t sum = 0;

	for (int why = BFD_ACCEPTED + 1; why < BFD_DISCARDS; why++)
		sum += info->discarded[why];
	return (double)sum;
}

static void write_bfd_silences(const struct lb_daemon *lb, struct metrics *m)
{
	struct bfd_info info;

	metrics_family(m, "catchment_lb_bfd_detection_silence_seconds", "histogram",
		       "Time from the peer's last packet until it was found dead.");
	for (size_t i = 0; i < lb->conf->bgp.peer_count; i++) {
		struct metrics_histogram histogram = { .bounds = bfd_silence_bounds,
						       .bounds_count = BFD_SILENCE_BOUNDS };

		if (!bfd_info_get(lb->bfd, i, &info))
			continue;
		histogram.counts = info.silences;
		histogram.sum = (double)info.silence_sum_ns / NS_PER_S;
		metrics_histogram(m, &histogram, "peer", lb->conf->bgp.peers[i].name, (char *)NULL);
	}
}

void lb_metrics_bfd(const struct lb_daemon *lb, struct metrics *m)
{
	static const struct {
		const char *head[3];
		double (*value)(const struct bfd_info *info);
	} families[] = {
		{ { "catchment_lb_bfd_up", "gauge", "1 while the BFD session is Up." }, bfd_up },
		{ { "catchment_lb_bfd_state", "gauge",
		    "State of the BFD session: 0 AdminDown, 1 Down, 2 Init, 3 Up." },
		  bfd_state },
		{ { "catchment_lb_bfd_packets_in_total", "counter", "BFD packets accepted." },
		  bfd_packets_in },
		{ { "catchment_lb_bfd_packets_out_total", "counter", "BFD packets sent." },
		  bfd_packets_out },
		{ { "catchment_lb_bfd_downs_total", "counter",
		    "Times that the BFD session ceased to be Up." },
		  bfd_downs },
		{ { "catchment_lb_bfd_detections_total", "counter",
		    "Times that the Detection Time expired." },
		  bfd_detections },
		{ { "catchment_lb_bfd_detection_time_seconds", "gauge",
		    "Detection Time as negotiated." },
		  bfd_detection_time },
		{ { "catchment_lb_bfd_discarded_total", "counter",
		    "BFD packets from the peer that were discarded." },
		  bfd_discarded },
	};

	if (!lb->bfd)
		return;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		write_bfd_family(lb, m, families[i].head, families[i].value);
	write_bfd_silences(lb, m);
	metrics_family(m, "catchment_lb_bfd_lateness_seconds_max", "gauge",
		       "The most that a BFD packet was sent later than planned.");
	metrics_sample(m, (double)bfd_latest_ns(lb->bfd) / NS_PER_S, (char *)NULL);
}
