/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /metrics, in the text format of Prometheus. */
#include "lb/api/metrics.h"

#include "lb/api/api.h"
#include "lib/version.h"

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
}

/* The first prefix of a VIP stands for all: they are held down alike. */
static const struct hold_down *find_hold_down(const struct lb_daemon *lb, size_t vip)
{
	return &announcer_find(&lb->announcer, &lb->conf->vips[vip].prefixes[0])->hold_down;
}

static void write_hold_down(const struct lb_daemon *lb, struct metrics *m)
{
	metrics_family(m, "catchment_lb_vip_held_down", "gauge",
		       "1 while a prefix of the VIP waits though the verdict is for it.");
	for (size_t i = 0; i < lb->conf->vip_count; i++)
		sample(m, announcer_find_held(&lb->announcer, &lb->vips[i]) != NULL, "vip",
		       lb->conf->vips[i].name);
	metrics_family(m, "catchment_lb_vip_flaps", "gauge",
		       "Flaps of the VIP that count, on which the hold-down time depends.");
	for (size_t i = 0; i < lb->conf->vip_count; i++)
		sample(m, find_hold_down(lb, i)->flaps, "vip", lb->conf->vips[i].name);
	metrics_family(m, "catchment_lb_vip_flaps_total", "counter",
		       "Times that the VIP became less wanted after it had become more so.");
	for (size_t i = 0; i < lb->conf->vip_count; i++)
		sample(m, (double)find_hold_down(lb, i)->flaps_total, "vip",
		       lb->conf->vips[i].name);
}

/* A family with a sample for each prefix. */
static void write_prefix_family(const struct lb_daemon *lb, struct metrics *m,
				const char *const head[3],
				double (*value)(const struct announcement *item))
{
	metrics_family(m, head[0], head[1], head[2]);
	for (size_t i = 0; i < lb->announcer.count; i++) {
		const struct announcement *item = &lb->announcer.items[i];
		char prefix[PREFIX_TEXT_SIZE];

		sample(m, value(item), "prefix", prefix_format(&item->prefix, prefix));
	}
}

static double prefix_announced(const struct announcement *item)
{
	return item->state != ANNOUNCE_WITHDRAWN;
}

static double prefix_depreferred(const struct announcement *item)
{
	return item->state == ANNOUNCE_DEPREFERRED;
}

static double prefix_changes(const struct announcement *item)
{
	return (double)item->changes;
}

static void write_prefixes(const struct lb_daemon *lb, struct metrics *m)
{
	static const struct {
		const char *head[3];
		double (*value)(const struct announcement *item);
	} families[] = {
		{ { "catchment_lb_prefix_announced", "gauge",
		    "1 while it is decided that the prefix is announced." },
		  prefix_announced },
		{ { "catchment_lb_prefix_depreferred", "gauge",
		    "1 while it is announced so that others are preferred." },
		  prefix_depreferred },
		{ { "catchment_lb_prefix_changes_total", "counter",
		    "Times that something else was decided for the prefix." },
		  prefix_changes },
	};

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		write_prefix_family(lb, m, families[i].head, families[i].value);
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
	write_hold_down(lb, &m);
	write_prefixes(lb, &m);
	lb_metrics_peers(lb, &m);
	lb_metrics_bfd(lb, &m);
	lb_metrics_mesh(lb, &m);
	lb_metrics_continuity(lb, &m);
	lb_metrics_rack(lb, &m);
	reply->text = metrics_finish(&m);
	reply->content_type = "text/plain; version=0.0.4";
	return 200;
}
