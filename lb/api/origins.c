/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A VIP's origins: what they get and are to get (plane xdp). */
#include <string.h>

#include "lb/api/api.h"
#include "lb/api/json.h"
#include "lb/api/metrics.h"
#include "lb/dataplane/maglev.h"
#include "lb/event.h"
#include "lb/rack.h"
#include "lb/start.h"
#include "lib/conf.h"

json_t *lb_api_origin(const struct lb_origin *origin)
{
	return json_pack(
		"{s:s, s:s, s:o, s:s, s:o}", "name", origin->conf->name, "check",
		origin->conf->check_name, "address", lb_json_addr(&origin->conf->check.target.addr),
		"state", health_name(lb_origin_health(origin)), "reason",
		lb_json_text(origin->state == HEALTH_UP && origin->obstacle ? origin->obstacle
									    : origin->reason));
}

static json_t *mac_text(const struct neighbor *neighbor)
{
	char text[NEIGHBOR_TEXT_SIZE];

	return neighbor->state == NEIGHBOR_KNOWN ? json_string(neighbor_format(neighbor, text))
						 : json_null();
}

json_t *lb_api_vip_origin(const struct lb_daemon *lb, size_t index, size_t i)
{
	const struct vip *vip = &lb->vips[index];
	json_t *json = lb_api_origin(&lb->origins[vip->conf->origins[i]]);
	struct lb_rack_origin got;

	if (!lb->rack)
		return json;
	lb_rack_origin(lb->rack, index, i, &got);
	json_object_update_new(json, json_pack("{s:I, s:b, s:o, s:I, s:I, s:I}", "weight",
					       (json_int_t)vip->shares[i].weight, "drain",
					       vip->shares[i].drain, "mac", mac_text(got.neighbor),
					       "packets", (json_int_t)got.counts.packets, "octets",
					       (json_int_t)got.counts.octets, "flows",
					       (json_int_t)got.flows));
	return json;
}

/* ---- PUT ---- */

/* By its name; the number of origins if there is none. */
static size_t find_origin(const struct lb_daemon *lb, const struct lb_vip_conf *vip,
			  const char *name)
{
	size_t i = 0;

	while (i < vip->origin_count && strcmp(lb->conf->origins[vip->origins[i]].name, name) != 0)
		i++;
	return i;
}

/* What the body says, over what share is. */
static int read_share(const struct http_request *req, struct vip_share *share,
		      struct http_reply *reply)
{
	struct conf_error err = { 0 };
	const struct conf root = conf_root(req->body, &err);
	char pointer[sizeof(err.path) + 1];

	if (!req->body)
		return http_problem(reply, 422, "", "expected weight, drain or both");
	CONF_KEYS(&root, "weight", "drain");
	if (!conf_has(&root, "weight") && !conf_has(&root, "drain"))
		conf_fail(&root, "expected weight, drain or both");
	share->weight = (uint32_t)conf_int(&root, "weight", 0, MAGLEV_WEIGHT_MAX, share->weight);
	share->drain = conf_bool(&root, "drain", share->drain);
	if (!err.set)
		return 200;
	snprintf(pointer, sizeof(pointer), "%s%s", err.path[0] ? "/" : "", err.path);
	return http_problem(reply, 422, pointer, "%s", err.reason);
}

int lb_api_put_origin(void *ctx, const struct http_request *req, struct http_reply *reply)
{
	struct lb_daemon *lb = ctx;
	const struct lb_vip_conf *conf = lb_conf_vip_find(lb->conf, req->params[0]);
	struct vip_share share, *now;
	size_t vip, i;
	int status;

	if (!conf)
		return http_problem(reply, 404, NULL, "there is no vip '%s'", req->params[0]);
	vip = (size_t)(conf - lb->conf->vips);
	i = find_origin(lb, conf, req->params[1]);
	if (i == conf->origin_count)
		return http_problem(reply, 404, NULL, "vip '%s' has no origin '%s'", req->params[0],
				    req->params[1]);
	if (!lb->rack || lb->stopping)
		return http_problem(reply, 409, NULL,
				    lb->stopping ? "the daemon is stopping"
						 : "plane local gives all to this machine");
	now = &lb->vips[vip].shares[i];
	share = *now;
	status = read_share(req, &share, reply);
	if (status != 200)
		return status;
	if (share.weight != now->weight || share.drain != now->drain) {
		*now = share;
		lb_event_share(lb->events, clock_now(), conf->name, req->params[1], now);
		lb_daemon_revise(lb);
	}
	reply->json = lb_api_vip_origin(lb, vip, i);
	return 200;
}

/* ---- GET /metrics ---- */

static uint64_t vip_packets(const struct front_vip_counts *c)
{
	return c->packets;
}

static uint64_t vip_octets(const struct front_vip_counts *c)
{
	return c->octets;
}

static uint64_t vip_syns(const struct front_vip_counts *c)
{
	return c->syns;
}

static uint64_t vip_delivered(const struct front_vip_counts *c)
{
	return c->delivered;
}

static const struct {
	const char *name, *help;
	uint64_t (*of)(const struct front_vip_counts *counts);
} vip_families[] = {
	{ "catchment_lb_vip_packets_total", "Packets to the VIP.", vip_packets },
	{ "catchment_lb_vip_octets_total", "Octets of these.", vip_octets },
	{ "catchment_lb_vip_syns_total", "Packets that begin a connection.", vip_syns },
	{ "catchment_lb_vip_delivered_total", "Packets that other PoPs have handed over.",
	  vip_delivered },
};

static double origin_packets(const struct vip_share *share, const struct lb_rack_origin *origin)
{
	(void)share;
	return (double)origin->counts.packets;
}

static double origin_octets(const struct vip_share *share, const struct lb_rack_origin *origin)
{
	(void)share;
	return (double)origin->counts.octets;
}

static double origin_flows(const struct vip_share *share, const struct lb_rack_origin *origin)
{
	(void)share;
	return origin->flows;
}

static double origin_weight(const struct vip_share *share, const struct lb_rack_origin *origin)
{
	(void)origin;
	return share->drain ? 0 : share->weight;
}

static const struct {
	const char *name, *type, *help;
	double (*of)(const struct vip_share *share, const struct lb_rack_origin *origin);
} origin_families[] = {
	{ "catchment_lb_origin_packets_total", "counter", "Packets sent to the origin.",
	  origin_packets },
	{ "catchment_lb_origin_octets_total", "counter", "Octets of these.", origin_octets },
	{ "catchment_lb_origin_flows", "gauge", "Open connections that the origin has.",
	  origin_flows },
	{ "catchment_lb_origin_weight", "gauge", "Its weight; 0 while it drains, too.",
	  origin_weight },
};

static void write_vips(const struct lb_daemon *lb, struct metrics *m)
{
	struct front_vip_counts counts;

	for (size_t f = 0; f < sizeof(vip_families) / sizeof(vip_families[0]); f++) {
		metrics_family(m, vip_families[f].name, "counter", vip_families[f].help);
		for (size_t i = 0; i < lb->conf->vip_count; i++) {
			lb_rack_vip_count(lb->rack, i, &counts);
			metrics_sample(m, (double)vip_families[f].of(&counts), "vip",
				       lb->conf->vips[i].name, (char *)NULL);
		}
	}
}

static void write_origin(const struct lb_daemon *lb, struct metrics *m, size_t family, size_t vip)
{
	const struct lb_vip_conf *conf = &lb->conf->vips[vip];
	struct lb_rack_origin origin;

	for (size_t i = 0; i < conf->origin_count; i++) {
		lb_rack_origin(lb->rack, vip, i, &origin);
		metrics_sample(m, origin_families[family].of(&lb->vips[vip].shares[i], &origin),
			       "vip", conf->name, "origin",
			       lb->conf->origins[conf->origins[i]].name, (char *)NULL);
	}
}

void lb_metrics_rack(const struct lb_daemon *lb, struct metrics *m)
{
	if (!lb->rack)
		return;
	write_vips(lb, m);
	for (size_t f = 0; f < sizeof(origin_families) / sizeof(origin_families[0]); f++) {
		metrics_family(m, origin_families[f].name, origin_families[f].type,
			       origin_families[f].help);
		for (size_t i = 0; i < lb->conf->vip_count; i++)
			write_origin(lb, m, f, i);
	}
}
