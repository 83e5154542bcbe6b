/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The "dataplane" object, and what of the VIPs belongs to a plane. */
#include <net/if.h>
#include <string.h>

#include "lb/conf.h"
#include "lb/dataplane/front_layout.h"
#include "lib/arena.h"

static const char *interface_name(const struct conf *object, const char *key, const char *def)
{
	const char *name = conf_string(object, key, def);
	const struct conf at = conf_get(object, key);

	if (!object->err->set && (name[0] == '\0' || strlen(name) >= IFNAMSIZ))
		conf_fail(&at, "an interface's name has 1 to %d letters", IFNAMSIZ - 1);
	return name;
}

/* What the program in front of the kernel is told: of "continuity", or of plane xdp itself. */
static void load_front(const struct conf *at, struct lb_conf *conf)
{
	static const char *const modes[] = { "auto", "native", "generic", NULL };
	struct lb_continuity_conf *out = &conf->dataplane.continuity;
	const struct conf array = conf_array(at, "interfaces", 1, LB_INTERFACES_MAX);

	out->mode = (unsigned)conf_choice(at, "mode", modes, 0);
	out->flows = (uint32_t)conf_int(at, "flows", 1024, 16777216, 1048576);
	out->mtu = (uint16_t)conf_int(at, "mtu", 1400, 9216, 1500);
	out->pin = conf_has(at, "pin") ? conf_string(at, "pin", CONF_REQUIRED_STRING) : NULL;
	if (out->pin && out->pin[0] != '/')
		conf_fail(at, "pin must begin with /");
	out->interfaces =
		arena_new_array(conf->arena, struct lb_interface_conf, conf_count(&array) + 1);
	for (size_t i = 0; i < conf_count(&array) && !at->err->set; i++) {
		const struct conf item = conf_item(&array, i);
		struct lb_interface_conf *interface = &out->interfaces[out->interface_count++];

		CONF_KEYS(&item, "name", "neighbor");
		*interface = (struct lb_interface_conf){
			.name = interface_name(&item, "name", CONF_REQUIRED_STRING),
		};
		if (conf_has(&item, "neighbor"))
			interface->neighbor = conf_addr(&item, "neighbor");
	}
	if (conf->mesh.pop_count > FRONT_POPS_MAX)
		conf_fail(at, "the mesh has %zu other PoPs, which is more than %d",
			  conf->mesh.pop_count, FRONT_POPS_MAX);
}

static void load_local(const struct conf *at, struct lb_conf *conf)
{
	const struct conf continuity = conf_get(at, "continuity");

	CONF_KEYS(at, "type", "interface", "routes", "metric", "continuity");
	if (!conf_is_there(&continuity))
		return;
	CONF_KEYS(&continuity, "interfaces", "mode", "flows", "pin", "mtu");
	load_front(&continuity, conf);
	if (!conf->mesh.enabled)
		conf_fail(&continuity, "needs a mesh: the other PoPs are asked");
}

/* ---- what VIPs have in plane xdp, and in no other ---- */

static void refuse_xdp(const struct conf *vip)
{
	const struct conf services = conf_get(vip, "services"), origins = conf_get(vip, "origins");

	if (conf_is_there(&services))
		conf_fail(&services, "only plane xdp has services");
	for (size_t i = 0; i < conf_count(&origins); i++) {
		const struct conf at = conf_item(&origins, i);

		if (conf_is_object(&at) && conf_has(&at, "weight"))
			conf_fail(&at, "only plane xdp has weights");
	}
}

static void require_xdp(const struct conf *vip, const struct lb_vip_conf *loaded, size_t *slots,
			size_t *members)
{
	const struct conf services = conf_require(vip, "services");

	*slots += loaded->service_count * loaded->address_count;
	*members += loaded->origin_count;
	if (*slots > LB_SLOTS_MAX)
		conf_fail(&services, "with these, there are more than %d services on addresses",
			  LB_SLOTS_MAX);
	if (*members > FRONT_ORIGINS_MAX)
		conf_fail(vip, "with this one, the VIPs have more than %d origins in all",
			  FRONT_ORIGINS_MAX);
}

static void check_vips(const struct conf *root, const struct lb_conf *conf)
{
	const struct conf array = conf_get(root, "vips");
	size_t slots = 0, members = 0;

	for (size_t i = 0; i < conf->vip_count && !root->err->set; i++) {
		const struct conf item = conf_item(&array, i);

		if (conf->dataplane.plane == LB_PLANE_XDP)
			require_xdp(&item, &conf->vips[i], &slots, &members);
		else
			refuse_xdp(&item);
	}
}

void lb_dataplane_conf_load(const struct conf *root, struct lb_conf *conf)
{
	struct lb_dataplane_conf *out = &conf->dataplane;
	static const char *const types[] = {
		[LB_PLANE_LOCAL] = "local", [LB_PLANE_XDP] = "xdp", NULL
	};
	const struct conf at = conf_require(root, "dataplane");

	if (!at.json)
		return;
	out->plane = (enum lb_plane)conf_choice(&at, "type", types, CONF_REQUIRED);
	out->interface = interface_name(&at, "interface", "lo");
	out->routes = conf_bool(&at, "routes", true);
	out->metric = (uint32_t)conf_int(&at, "metric", 1, INT32_MAX - 1, 32);
	if (out->plane == LB_PLANE_LOCAL) {
		load_local(&at, conf);
	} else {
		CONF_KEYS(&at, "type", "interface", "routes", "metric", "interfaces", "mode",
			  "flows", "pin", "mtu");
		load_front(&at, conf);
	}
	check_vips(root, conf);
}
