/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /metrics, in the text format of Prometheus. */
#include "lib/metrics.h"
#include "lb/api/api.h"
#include "lib/version.h"

/* A sample with one label. */
static void sample(struct metrics *m, double value, const char *label, const char *name)
{
	metrics_sample(m, value, label, name, (char *)NULL);
}

static void write_origins(const struct lb_daemon *lb, struct metrics *m)
{
	metrics_family(m, "catchment_lb_origin_up", "gauge", "1 while the origin is up.");
	for (size_t i = 0; i < lb->conf->origin_count; i++)
		sample(m, lb->origins[i].state == HEALTH_UP, "origin", lb->conf->origins[i].name);
	if (!lb->checks)
		return;
	metrics_family(m, "catchment_lb_checks_total", "counter", "Checks done.");
	for (size_t i = 0; i < lb->conf->origin_count; i++)
		sample(m, (double)lb->checks[i].results, "origin", lb->conf->origins[i].name);
	metrics_family(m, "catchment_lb_check_failures_total", "counter", "Checks that failed.");
	for (size_t i = 0; i < lb->conf->origin_count; i++)
		sample(m, (double)lb->checks[i].failures, "origin", lb->conf->origins[i].name);
}

static void write_vips(const struct lb_daemon *lb, struct metrics *m)
{
	metrics_family(m, "catchment_lb_vip_up", "gauge", "1 while the VIP is up.");
	for (size_t i = 0; i < lb->conf->vip_count; i++)
		sample(m, lb->vips[i].state == HEALTH_UP, "vip", lb->conf->vips[i].name);
	metrics_family(m, "catchment_lb_vip_healthy_origins", "gauge", "Origins that are up.");
	for (size_t i = 0; i < lb->conf->vip_count; i++)
		sample(m, (double)lb->vips[i].up, "vip", lb->conf->vips[i].name);
	metrics_family(m, "catchment_lb_vip_present", "gauge",
		       "1 while the VIP's addresses are on this machine.");
	for (size_t i = 0; i < lb->conf->vip_count; i++)
		sample(m, lb->seats[i].presence.state != PRESENCE_ABSENT, "vip",
		       lb->conf->vips[i].name);
	metrics_family(m, "catchment_lb_prefix_announced", "gauge",
		       "1 while it is decided that the prefix is announced.");
	for (size_t i = 0; i < lb->announcer.count; i++) {
		char prefix[PREFIX_TEXT_SIZE];

		sample(m, lb->announcer.items[i].state != ANNOUNCE_WITHDRAWN, "prefix",
		       prefix_format(&lb->announcer.items[i].prefix, prefix));
	}
}

/* One family of samples by peer and message type. */
static void write_messages(const struct lb_daemon *lb, struct metrics *m, bool in)
{
	struct bgp_peer_info info;

	if (in)
		metrics_family(m, "catchment_lb_peer_messages_in_total", "counter",
			       "BGP messages received.");
	else
		metrics_family(m, "catchment_lb_peer_messages_out_total", "counter",
			       "BGP messages sent.");
	for (size_t i = 0; i < lb->conf->bgp.peer_count; i++) {
		bgp_speaker_peer_info(lb->speaker, i, &info);
		for (int type = BGP_MSG_OPEN; type < BGP_MSG_TYPES; type++)
			metrics_sample(m, (double)(in ? info.in[type] : info.out[type]), "peer",
				       info.name, "type",
				       bgp_message_type_name((enum bgp_message_type)type),
				       (char *)NULL);
	}
}

static void write_peers(const struct lb_daemon *lb, struct metrics *m)
{
	struct bgp_peer_info info;

	metrics_family(m, "catchment_lb_peer_established", "gauge",
		       "1 while the BGP session is established.");
	for (size_t i = 0; i < lb->conf->bgp.peer_count; i++) {
		bgp_speaker_peer_info(lb->speaker, i, &info);
		sample(m, info.state == BGP_ESTABLISHED, "peer", info.name);
	}
	metrics_family(m, "catchment_lb_peer_established_total", "counter",
		       "Times that the BGP session came up.");
	for (size_t i = 0; i < lb->conf->bgp.peer_count; i++) {
		bgp_speaker_peer_info(lb->speaker, i, &info);
		sample(m, (double)info.established, "peer", info.name);
	}
	write_messages(lb, m, true);
	write_messages(lb, m, false);
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
			sample(m, value(&info), "peer", lb->conf->bgp.peers[i].name);
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

static double bfd_silence(const struct bfd_info *info)
{
	return (double)info->silence_sum_ns / NS_PER_S;
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

static void write_bfd(const struct lb_daemon *lb, struct metrics *m)
{
	static const struct {
		const char *head[3];
		double (*value)(const struct bfd_info *info);
	} families[] = {
		{ { "catchment_lb_bfd_up", "gauge", "1 while the BFD session is Up." }, bfd_up },
		{ { "catchment_lb_bfd_downs_total", "counter",
		    "Times that the BFD session ceased to be Up." },
		  bfd_downs },
		{ { "catchment_lb_bfd_detections_total", "counter",
		    "Times that the Detection Time expired." },
		  bfd_detections },
		{ { "catchment_lb_bfd_detection_silence_seconds_total", "counter",
		    "Time from the peer's last packet until it was found dead, of all detections." },
		  bfd_silence },
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
	metrics_family(m, "catchment_lb_bfd_lateness_seconds_max", "gauge",
		       "The most that a BFD packet was sent later than planned.");
	metrics_sample(m, (double)bfd_latest_ns(lb->bfd) / NS_PER_S, (char *)NULL);
}

int lb_api_metrics(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	const struct lb_daemon *lb = ctx;
	struct metrics m;

	(void)req;
	metrics_init(&m);
	metrics_family(&m, "catchment_lb_info", "gauge", "1, with the version and the PoP.");
	metrics_sample(&m, 1, "version", version_number(), "pop", lb->conf->pop, (char *)NULL);
	write_origins(lb, &m);
	write_vips(lb, &m);
	write_peers(lb, &m);
	write_bfd(lb, &m);
	reply->text = metrics_finish(&m);
	reply->content_type = "text/plain; version=0.0.4";
	return 200;
}
