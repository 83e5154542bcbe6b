/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What geographic names answer: entries of "pops", the last resort, HTTPS and SVCB. */
#include <string.h>

#include "geodns/conf_parts.h"
#include "geodns/dns/name.h"
#include "geodns/geo/rrset.h"
#include "lib/arena.h"
#include "lib/wire.h"

static const struct addr *addresses_load(struct geodns_conf *conf, const struct conf *item,
					 const char *key, enum addr_family family, uint8_t *count)
{
	const struct conf list = conf_array(item, key, 0, GEO_ADDRS_MAX);
	struct addr *addrs;

	*count = (uint8_t)conf_count(&list);
	addrs = arena_new_array(conf->arena, struct addr, *count);
	for (size_t i = 0; i < *count; i++) {
		const struct conf at = conf_item(&list, i);

		addrs[i] = conf_as_addr(&at);
		if (addrs[i].family != family)
			conf_fail(&at, "is not an IPv%d address", (int)family);
		for (size_t k = 0; k < i; k++) {
			if (addr_equal(&addrs[k], &addrs[i]))
				conf_fail(&at, "the same address as %s[%zu]", key, k);
		}
	}
	return addrs;
}

/* "a", "aaaa", "cname" of an entry or a last resort. */
static void records_load(struct geodns_conf *conf, const struct conf *item, const uint8_t *owner,
			 struct geo_target *out)
{
	const struct conf cname = conf_get(item, "cname");

	out->a = addresses_load(conf, item, "a", ADDR_IPV4, &out->a_count);
	out->aaaa = addresses_load(conf, item, "aaaa", ADDR_IPV6, &out->aaaa_count);
	if (conf_is_there(&cname)) {
		out->cname = geodns_conf_domain_load(conf, &cname, NULL);
		if (out->a_count + out->aaaa_count > 0)
			conf_fail(&cname, "cannot stand beside a or aaaa");
		if (dns_name_equal(out->cname, owner))
			conf_fail(&cname, "is the name itself");
	} else if (out->a_count + out->aaaa_count == 0) {
		conf_fail(item, "has neither a nor aaaa nor cname");
	}
}

/* Which records a target has. */
static const char *shape(const struct geo_target *t)
{
	if (t->cname)
		return "cname";
	if (t->a_count > 0)
		return t->aaaa_count > 0 ? "a and aaaa" : "a only";
	return "aaaa only";
}

/* All types decide alike only where every target has all that one of them has. */
static void shape_check(const struct conf *item, const struct geo_target *t,
			const struct geo_target *first)
{
	if (strcmp(shape(t), shape(first)) != 0)
		conf_fail(item, "must have %s, as pops[0] has", shape(first));
}

static bool addresses_meet(const struct addr *a, size_t a_count, const struct addr *b,
			   size_t b_count)
{
	for (size_t i = 0; i < a_count; i++) {
		for (size_t k = 0; k < b_count; k++) {
			if (addr_equal(&a[i], &b[k]))
				return true;
		}
	}
	return false;
}

static void target_load(struct geodns_conf *conf, const struct conf *item, struct geo_target *out)
{
	const struct conf pop = conf_get(item, "pop");
	const char *pop_name = conf_as_string(&pop);
	size_t index = geodns_conf_pop_find(conf, pop_name);

	CONF_KEYS(item, "pop", "a", "aaaa", "cname", "weight", "check", "address", "path", "match",
		  "host");
	if (index == conf->places.pop_count) {
		conf_fail(&pop, "unknown pop '%.60s'", pop_name);
		return;
	}
	out->pop = (uint16_t)index;
	out->seed = geo_seed(pop_name, GEO_SEED_POP);
	out->dial = conf->dials[index];
	out->weight = (uint16_t)conf_int(item, "weight", 0, GEO_WEIGHT_MAX, 1);
	out->check = geodns_conf_check_load(conf, item, index);
}

struct geo_target *geodns_conf_targets_load(struct geodns_conf *conf, const struct conf *object,
					    struct geo_name *name)
{
	const struct conf list = conf_array(object, "pops", 1, GEODNS_POPS_MAX);
	size_t count = conf_count(&list);
	struct geo_target *targets = arena_new_array(conf->arena, struct geo_target, count);

	for (size_t i = 0; i < count && !list.err->set; i++) {
		const struct conf item = conf_item(&list, i);
		struct geo_target *t = &targets[i];

		target_load(conf, &item, t);
		records_load(conf, &item, name->owner, t);
		shape_check(&item, t, &targets[0]);
		for (size_t k = 0; k < i; k++) {
			const struct geo_target *other = &targets[k];

			if (other->pop == t->pop)
				conf_fail(&item, "pop '%s' is there twice",
					  conf->places.pops[t->pop].name);
			if (name->answers > 1 &&
			    (addresses_meet(t->a, t->a_count, other->a, other->a_count) ||
			     addresses_meet(t->aaaa, t->aaaa_count, other->aaaa,
					    other->aaaa_count)))
				conf_fail(&item,
					  "shares an address with pops[%zu], and both may be "
					  "in one answer",
					  k);
		}
	}
	name->target_count = count;
	name->has_cname = count > 0 && targets[0].cname;
	return targets;
}

void geodns_conf_all_down_load(struct geodns_conf *conf, const struct conf *object,
			       struct geo_name *name)
{
	static const char *const choices[] = {
		[GEO_ALL_DOWN_ALL] = "all", [GEO_ALL_DOWN_NONE] = "none", NULL
	};
	const struct conf at = conf_get(object, "when_all_down");

	name->resort = (struct geo_target){ .check = GEO_NO_CHECK, .pop = GEO_NO_POP };
	if (!conf_is_object(&at)) {
		name->when_all_down = (enum geo_when_all_down)conf_choice(
			object, "when_all_down", choices, GEO_ALL_DOWN_ALL);
		return;
	}
	name->when_all_down = GEO_ALL_DOWN_LAST_RESORT;
	CONF_KEYS(&at, "a", "aaaa", "cname");
	records_load(conf, &at, name->owner, &name->resort);
	shape_check(&at, &name->resort, name->targets);
}

static void alpn_put(struct wire_writer *w, const struct conf *object)
{
	const struct conf list = conf_array(object, "alpn", 0, 16);
	struct wire_writer ids;
	uint8_t buf[255];

	ids = wire_writer(buf, sizeof(buf));
	for (size_t i = 0; i < conf_count(&list); i++) {
		const struct conf at = conf_item(&list, i);
		const char *id = conf_as_string(&at);
		size_t len = strlen(id);

		if (len == 0 || len > 255)
			conf_fail(&at, "a protocol such as h2 is required");
		wire_put_u8(&ids, (uint8_t)len);
		wire_put_bytes(&ids, id, len);
	}
	if (ids.failed)
		conf_fail(&list, "is longer than %zu octets in all", sizeof(buf));
	if (conf_count(&list) == 0)
		return;
	wire_put_u16(w, GEO_SERVICE_ALPN);
	wire_put_u16(w, (uint16_t)wire_written(&ids));
	wire_put_bytes(w, buf, wire_written(&ids));
}

static void service_load(struct geodns_conf *conf, const struct conf *object, const char *key,
			 bool has_cname, struct geo_service *out)
{
	const struct conf at = conf_get(object, key);
	uint8_t buf[GEO_SERVICE_DATA_MAX];
	struct wire_writer w = wire_writer(buf, sizeof(buf));

	if (!conf_is_there(&at))
		return;
	CONF_KEYS(&at, "alpn", "no_default_alpn", "port");
	if (has_cname)
		conf_fail(&at, "cannot stand beside cname, which answers for all types");
	wire_put_u16(&w, 1); /* SvcPriority */
	wire_put_u8(&w, 0);  /* TargetName: the owner */
	alpn_put(&w, &at);
	if (conf_bool(&at, "no_default_alpn", false)) {
		if (!conf_has(&at, "alpn"))
			conf_fail(&at, "no_default_alpn needs alpn (RFC 9460, 7.1)");
		wire_put_u16(&w, GEO_SERVICE_NO_DEFAULT_ALPN);
		wire_put_u16(&w, 0);
	}
	if (conf_has(&at, "port")) {
		wire_put_u16(&w, GEO_SERVICE_PORT);
		wire_put_u16(&w, 2);
		wire_put_u16(&w, (uint16_t)conf_int(&at, "port", 1, UINT16_MAX, CONF_REQUIRED));
	}
	out->len = (uint16_t)wire_written(&w);
	out->data = arena_memdup(conf->arena, buf, out->len);
}

void geodns_conf_services_load(struct geodns_conf *conf, const struct conf *object,
			       struct geo_name *name)
{
	service_load(conf, object, "https", name->has_cname, &name->https);
	service_load(conf, object, "svcb", name->has_cname, &name->svcb);
}
