/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/rack.h"

#include <errno.h>
#include <string.h>

#include "lb/dataplane/dataplane.h"
#include "lb/dataplane/maglev.h"
#include "lb/event.h"
#include "lb/place.h"
#include "lb/start.h"
#include "lib/alloc.h"
#include "lib/log.h"

#define FLOWS_AGE_MS 1000

_Static_assert(PLACES == FRONT_ORIGINS_MAX, "a place is an origin's number in front");

/* An origin of a VIP, by its name: indices mean nothing across configurations. */
struct member {
	const char *name;
	unsigned place;
	uint32_t weight;		   /* in the table; 0: none */
	struct front_origin_counts before; /* counted for who had the place before */
};

struct rack_vip {
	const struct lb_vip_conf *conf;
	unsigned row; /* of counters, and which Maglev table */
	bool is_filled;
	struct front_vip_counts before;
	struct member *members; /* by the origins' order in conf */
};

struct lb_rack {
	struct lb_daemon *lb;
	struct front *front;
	struct neighbors *neighbors;
	unsigned rows;
	const struct lb_conf *conf;
	struct rack_vip *vips; /* by conf */
	size_t vip_count;
	bool is_row_taken[LB_VIPS_MAX];
	struct places places;
	uint8_t (*macs)[6]; /* by origin: as last told */
	uint32_t flows[FRONT_ORIGINS_MAX];
	struct instant flows_at;
};

unsigned lb_rack_services(const struct lb_conf *conf)
{
	const size_t rows = conf->vip_count + LB_RACK_SPARE;

	return (unsigned)(rows < LB_VIPS_MAX ? rows : LB_VIPS_MAX);
}

bool lb_rack_has_room(const struct lb_rack *rack, const struct lb_conf *next)
{
	return !rack || next->vip_count <= rack->rows;
}

/* ---- where frames go ---- */

static const struct addr *address_of(const struct lb_conf *conf, size_t origin)
{
	return &conf->origins[origin].check.target.addr;
}

static void member_place(struct lb_rack *rack, const struct member *member,
			 const struct neighbor *neighbor)
{
	switch (neighbor->state) {
	case NEIGHBOR_KNOWN:
		front_origin_set(rack->front, member->place, neighbor->mac, neighbor->ifindex,
				 neighbor->from);
		break;
	case NEIGHBOR_ASKED: /* where it was known, it is most likely still */
		break;
	case NEIGHBOR_LOST:
	case NEIGHBOR_OURS:
	case NEIGHBOR_BEHIND:
	case NEIGHBOR_NO_WAY:
		front_origin_clear(rack->front, member->place);
		break;
	}
}

/* A MAC address that has changed is news, too. */
static void neighbor_take(struct lb_rack *rack, struct lb_origin *origin,
			  const struct neighbor *neighbor, uint8_t known[6])
{
	struct event_log *events = rack->lb->events;
	const char *obstacle = neighbor_obstacle(neighbor);
	const bool was_lost = origin->obstacle && !origin->is_settling;
	static const uint8_t none[6];
	char text[NEIGHBOR_TEXT_SIZE];

	/* Its place is as it was: checks say whether it is well. */
	if (neighbor->state == NEIGHBOR_ASKED && !origin->obstacle &&
	    memcmp(known, none, sizeof(none)) != 0)
		return;
	if (neighbor->state == NEIGHBOR_KNOWN &&
	    (was_lost || memcmp(known, neighbor->mac, sizeof(neighbor->mac)) != 0)) {
		memcpy(known, neighbor->mac, sizeof(neighbor->mac));
		lb_event_origin_found(events, clock_now(), origin, neighbor_format(neighbor, text));
	}
	if (obstacle == origin->obstacle)
		return;
	origin->obstacle = obstacle;
	origin->is_settling = neighbor->state == NEIGHBOR_ASKED;
	if (obstacle && !origin->is_settling)
		lb_event_origin_lost(events, clock_now(), origin);
}

static void places_tell(struct lb_rack *rack)
{
	const struct lb_conf *conf = rack->conf;

	for (size_t i = 0; i < conf->origin_count; i++) {
		const struct neighbor *neighbor =
			neighbors_find(rack->neighbors, address_of(conf, i));

		neighbor_take(rack, &rack->lb->origins[i], neighbor, rack->macs[i]);
	}
	for (size_t i = 0; i < rack->vip_count; i++) {
		const struct rack_vip *vip = &rack->vips[i];

		for (size_t j = 0; j < vip->conf->origin_count; j++)
			member_place(rack, &vip->members[j],
				     neighbors_find(rack->neighbors,
						    address_of(conf, vip->conf->origins[j])));
	}
}

static void on_neighbors(void *ctx)
{
	struct lb_rack *rack = ctx;

	places_tell(rack);
	lb_daemon_revise(rack->lb);
}

void lb_rack_probe(struct lb_rack *rack, size_t origin)
{
	if (rack)
		neighbors_probe(rack->neighbors, address_of(rack->conf, origin));
}

/* ---- where new flows go ---- */

/* The weights of those whose health this is; how many have one. */
static size_t weigh(const struct lb_rack *rack, size_t index, enum health health, uint32_t *weights)
{
	const struct vip *vip = &rack->lb->vips[index];
	size_t count = 0;

	for (size_t i = 0; i < vip->conf->origin_count; i++) {
		const struct lb_origin *origin = &rack->lb->origins[vip->conf->origins[i]];

		weights[i] = 0;
		if (!origin->obstacle && origin->state == health &&
		    vip_share_takes(&vip->shares[i]))
			weights[i] = vip->shares[i].weight;
		count += weights[i] > 0;
	}
	return count;
}

static void fill(struct lb_rack *rack, struct rack_vip *vip)
{
	struct maglev_node nodes[LB_ORIGINS_MAX];
	uint16_t *table = xcalloc(MAGLEV_SIZE, sizeof(*table));

	for (size_t i = 0; i < vip->conf->origin_count; i++)
		nodes[i] = (struct maglev_node){ vip->members[i].name, vip->members[i].weight };
	maglev_fill(table, nodes, vip->conf->origin_count);
	for (size_t i = 0; i < MAGLEV_SIZE; i++)
		if (table[i] != MAGLEV_NONE)
			table[i] = (uint16_t)vip->members[table[i]].place;
	front_service_set(rack->front, vip->row, table);
	vip->is_filled = true;
	free(table);
}

void lb_rack_step(struct lb_rack *rack)
{
	uint32_t weights[LB_ORIGINS_MAX] = { 0 };

	for (size_t i = 0; rack && i < rack->vip_count; i++) {
		struct rack_vip *vip = &rack->vips[i];
		bool is_same = vip->is_filled;

		/* Before the first verdict users come only of a predecessor's announcement. */
		if (weigh(rack, i, HEALTH_UP, weights) == 0)
			weigh(rack, i, HEALTH_UNKNOWN, weights);
		for (size_t j = 0; j < vip->conf->origin_count; j++) {
			is_same &= vip->members[j].weight == weights[j];
			vip->members[j].weight = weights[j];
		}
		if (!is_same)
			fill(rack, vip);
	}
}

/* ---- VIPs ---- */

static bool has_service(const struct lb_vip_conf *conf, const struct endpoint *at, uint8_t proto)
{
	bool has_addr = false, has_port = false;

	for (size_t i = 0; i < conf->address_count; i++)
		has_addr |= addr_equal(&conf->addresses[i], &at->addr);
	for (size_t i = 0; i < conf->service_count; i++)
		has_port |= conf->services[i].port == at->port && conf->services[i].proto == proto;
	return has_addr && has_port;
}

static bool any_has_service(const struct lb_conf *conf, const struct endpoint *at, uint8_t proto)
{
	for (size_t i = 0; i < conf->vip_count; i++)
		if (has_service(&conf->vips[i], at, proto))
			return true;
	return false;
}

/* One that finds no room is not in the others' way. The first error. */
static int services_add(struct lb_rack *rack, const struct rack_vip *vip)
{
	const struct lb_vip_conf *conf = vip->conf;
	int first = 0;

	for (size_t i = 0; i < conf->address_count; i++)
		for (size_t j = 0; j < conf->service_count; j++) {
			const struct endpoint at = { conf->addresses[i], conf->services[j].port };
			int err = front_vip_add(rack->front, &at, conf->services[j].proto, vip->row,
						vip->row);

			first = first ? first : err;
		}
	return first;
}

static void services_remove(struct lb_rack *rack, const struct lb_vip_conf *old)
{
	for (size_t i = 0; i < old->address_count; i++)
		for (size_t j = 0; j < old->service_count; j++) {
			const struct endpoint at = { old->addresses[i], old->services[j].port };

			if (!any_has_service(rack->conf, &at, old->services[j].proto))
				front_vip_remove(rack->front, &at, old->services[j].proto);
		}
}

static unsigned row_take(struct lb_rack *rack)
{
	unsigned row = 0;

	while (rack->is_row_taken[row])
		row++;
	rack->is_row_taken[row] = true;
	return row;
}

static const char *member_name(const struct lb_rack *rack, const struct lb_vip_conf *conf, size_t i)
{
	return rack->conf->origins[conf->origins[i]].name;
}

static const struct member *find_member(const struct rack_vip *vip, const char *name)
{
	for (size_t i = 0; vip && i < vip->conf->origin_count; i++)
		if (strcmp(vip->members[i].name, name) == 0)
			return &vip->members[i];
	return NULL;
}

static struct rack_vip *find_vip(struct rack_vip *vips, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(vips[i].conf->name, name) == 0)
			return &vips[i];
	return NULL;
}

/* was: what it was in the configuration before, or NULL. Its places are taken over, or given up. */
static void vip_make(struct lb_rack *rack, struct rack_vip *vip, const struct lb_vip_conf *conf,
		     const struct rack_vip *was)
{
	*vip = (struct rack_vip){ .conf = conf };
	vip->row = was ? was->row : row_take(rack);
	if (was)
		vip->before = was->before;
	else
		front_vip_count(rack->front, vip->row, &vip->before);
	vip->members = xcalloc(conf->origin_count, sizeof(*vip->members));
	for (size_t i = 0; i < conf->origin_count; i++) {
		struct member *member = &vip->members[i];
		const struct member *old = find_member(was, member_name(rack, conf, i));

		if (old)
			*member = *old;
		member->name = member_name(rack, conf, i);
		if (!old) {
			member->place = place_take(&rack->places, conf->name, member->name);
			front_origin_count(rack->front, member->place, &member->before);
		}
	}
}

static bool is_kept(const struct lb_rack *rack, const char *vip, const char *origin)
{
	const struct lb_vip_conf *conf = lb_conf_vip_find(rack->conf, vip);

	for (size_t i = 0; conf && i < conf->origin_count; i++)
		if (!origin || strcmp(member_name(rack, conf, i), origin) == 0)
			return true;
	return false;
}

/* What the new configuration does not have gives its row and its places up. */
static void leave(struct lb_rack *rack, const struct rack_vip *was)
{
	const char *name = was->conf->name;

	for (size_t i = 0; i < was->conf->origin_count; i++) {
		if (is_kept(rack, name, was->members[i].name))
			continue;
		place_leave(&rack->places, was->members[i].place);
		front_origin_clear(rack->front, was->members[i].place);
	}
	if (!is_kept(rack, name, NULL))
		rack->is_row_taken[was->row] = false;
}

static void vips_make(struct lb_rack *rack)
{
	struct rack_vip *old = rack->vips;
	const size_t old_count = rack->vip_count;

	for (size_t i = 0; i < old_count; i++)
		leave(rack, &old[i]);
	rack->vip_count = rack->conf->vip_count;
	rack->vips = xcalloc(rack->vip_count + 1, sizeof(*rack->vips));
	for (size_t i = 0; i < rack->vip_count; i++) {
		const struct lb_vip_conf *conf = &rack->conf->vips[i];

		vip_make(rack, &rack->vips[i], conf, find_vip(old, old_count, conf->name));
	}
}

static void neighbors_want(struct lb_rack *rack)
{
	const struct lb_conf *conf = rack->conf;
	struct addr *addrs = xcalloc(conf->origin_count + 1, sizeof(*addrs));

	free(rack->macs);
	rack->macs = xcalloc(conf->origin_count + 1, sizeof(*rack->macs));
	for (size_t i = 0; i < conf->origin_count; i++) {
		const struct neighbor *known = neighbors_find(rack->neighbors, address_of(conf, i));

		addrs[i] = *address_of(conf, i);
		if (known)
			memcpy(rack->macs[i], known->mac, sizeof(known->mac));
	}
	neighbors_set(rack->neighbors, addrs, conf->origin_count);
	free(addrs);
}

/*
 * What has gone makes room, and nobody else gets its row while packets come by it. Origins and
 * tables next: then packets may come.
 */
static int take(struct lb_rack *rack)
{
	struct rack_vip *old = rack->vips;
	const size_t old_count = rack->vip_count;
	int first = 0;

	rack->conf = rack->lb->conf;
	for (size_t i = 0; i < old_count; i++)
		services_remove(rack, old[i].conf);
	vips_make(rack);
	neighbors_want(rack);
	places_tell(rack);
	lb_rack_step(rack);
	for (size_t i = 0; i < rack->vip_count; i++) {
		int err = services_add(rack, &rack->vips[i]);

		first = first ? first : err;
	}
	for (size_t i = 0; i < old_count; i++)
		free(old[i].members);
	free(old);
	return first;
}

void lb_rack_reload(struct lb_rack *rack)
{
	if (rack && take(rack) < 0)
		log_error("dataplane: not all services of the VIPs find room");
}

/* ---- what was counted ---- */

static struct front_vip_counts row_count(const struct lb_rack *rack, unsigned row)
{
	struct front_vip_counts counts;

	front_vip_count(rack->front, row, &counts);
	return counts;
}

static uint64_t count_all(void *ctx, unsigned row)
{
	return row_count(ctx, row).packets;
}

/* What is not in mid-flow; datagrams all count, since nobody knows which are the first. */
static uint64_t count_new(void *ctx, unsigned row)
{
	const struct front_vip_counts counts = row_count(ctx, row);

	return counts.packets - counts.known - counts.asked - counts.handed;
}

int lb_rack_ear_open(struct lb_rack *rack, const char *vip, enum ear_kind kind,
		     struct dataplane_ear **out)
{
	const struct rack_vip *at = find_vip(rack->vips, rack->vip_count, vip);

	if (!at)
		return -ENOENT;
	*out = dataplane_ear_of(kind == EAR_NEW ? count_new : count_all, rack, at->row);
	return 0;
}

bool lb_rack_continues(const struct lb_rack *rack, unsigned row)
{
	for (size_t i = 0; i < rack->vip_count; i++)
		if (rack->vips[i].row == row)
			return rack->vips[i].conf->continuity;
	return false;
}

void lb_rack_origin(struct lb_rack *rack, size_t vip, size_t i, struct lb_rack_origin *out)
{
	const struct rack_vip *at = &rack->vips[vip];
	const struct member *member = &at->members[i];
	const struct instant now = clock_now();

	if (rack->flows_at.ns == 0 || now.ns >= instant_after_ms(rack->flows_at, FLOWS_AGE_MS).ns) {
		front_origin_flows(rack->front, rack->flows);
		rack->flows_at = now;
	}
	out->neighbor =
		neighbors_find(rack->neighbors, address_of(rack->conf, at->conf->origins[i]));
	front_origin_count(rack->front, member->place, &out->counts);
	out->counts.packets -= member->before.packets;
	out->counts.octets -= member->before.octets;
	out->flows = rack->flows[member->place];
}

void lb_rack_vip_count(const struct lb_rack *rack, size_t vip, struct front_vip_counts *out)
{
	const struct front_vip_counts *before = &rack->vips[vip].before;

	*out = row_count(rack, rack->vips[vip].row);
	out->packets -= before->packets;
	out->octets -= before->octets;
	out->syns -= before->syns;
	out->known -= before->known;
	out->handed -= before->handed;
	out->asked -= before->asked;
	out->delivered -= before->delivered;
}

/* ---- birth and death ---- */

int lb_rack_start(struct lb_rack **out, struct lb_daemon *lb, struct front *front)
{
	struct lb_rack *rack = x_new(struct lb_rack);
	int err;

	*rack = (struct lb_rack){ .lb = lb, .front = front, .rows = lb_rack_services(lb->conf) };
	rack->places.whose = front_places(front);
	err = neighbors_new(&rack->neighbors, lb->loop, on_neighbors, rack);
	if (!err)
		err = take(rack);
	if (err)
		lb_rack_free(rack, false);
	else
		*out = rack;
	return err;
}

void lb_rack_free(struct lb_rack *rack, bool keep)
{
	if (!rack)
		return;
	neighbors_free(rack->neighbors, keep);
	for (size_t i = 0; i < rack->vip_count; i++)
		free(rack->vips[i].members);
	free(rack->vips);
	free(rack->macs);
	free(rack);
}
