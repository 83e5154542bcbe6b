/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The "mesh" object: the other PoPs, and the keys by which they and we know each other. */
#include <sodium.h>
#include <string.h>

#include "lb/conf.h"
#include "lib/arena.h"

/* The secret key of the file; zeroes on a mistake. */
static void load_secret(const struct conf *mesh, struct arena *arena, uint8_t secret[MESH_KEY_SIZE])
{
	const struct conf file = conf_require(mesh, "key_file");
	const char *text;

	memset(secret, 0, MESH_KEY_SIZE);
	if (!file.json)
		return;
	text = lb_key_load(&file, arena, MESH_KEY_DIGITS);
	if (!mesh->err->set && !mesh_key_parse(secret, text))
		conf_fail(&file, "a key is %d hexadecimal digits: catchment-lb --mesh-key FILE",
			  MESH_KEY_DIGITS);
}

static void load_public(const struct conf *item, uint8_t key[MESH_KEY_SIZE])
{
	const char *text = conf_string(item, "public_key", CONF_REQUIRED_STRING);
	const struct conf at = conf_get(item, "public_key");

	if (!item->err->set && !mesh_key_parse(key, text))
		conf_fail(&at, "expected %d hexadecimal digits", MESH_KEY_DIGITS);
}

/* The first of the family, to send from. */
static void choose_address(const struct lb_identity_conf *id, const struct conf *at,
			   enum addr_family family, struct addr *out)
{
	for (size_t i = 0; i < id->address_count && out->family == ADDR_NONE; i++)
		if (id->addresses[i].family == family)
			*out = id->addresses[i];
	if (out->family == ADDR_NONE)
		conf_fail(at, "the identity has no %s address to speak from",
			  family == ADDR_IPV4 ? "IPv4" : "IPv6");
}

static void check_pop(const struct conf *item, const struct mesh_conf *mesh,
		      const struct mesh_pop_conf *pop)
{
	const struct conf address = conf_get(item, "address"), key = conf_get(item, "public_key");

	for (const struct mesh_pop_conf *other = mesh->pops; other < pop; other++) {
		if (addr_equal(&other->at.addr, &pop->at.addr))
			conf_fail(&address, "is that of '%s'", other->name);
		if (memcmp(other->public_key, pop->public_key, MESH_KEY_SIZE) == 0)
			conf_fail(&key, "is that of '%s'", other->name);
	}
}

/* The list may be the same at all PoPs: who finds himself in it passes over that. */
static void check_self(const struct conf *item, const struct mesh_conf *mesh,
		       const struct mesh_pop_conf *self)
{
	const struct conf at = conf_get(item, "public_key");

	if (!item->err->set && memcmp(self->public_key, mesh->public_key, MESH_KEY_SIZE) != 0)
		conf_fail(&at, "is this PoP's, and not that of key_file");
}

static void load_pop(const struct conf *item, struct lb_conf *conf,
		     const uint8_t secret[MESH_KEY_SIZE], struct mesh_pop_conf *pop)
{
	struct mesh_conf *mesh = &conf->mesh;
	const struct conf address = conf_get(item, "address"), key = conf_get(item, "public_key");

	CONF_KEYS(item, "name", "address", "port", "public_key");
	pop->at.addr = conf_addr(item, "address");
	pop->at.port = (uint16_t)conf_int(item, "port", 1, UINT16_MAX, mesh->port);
	load_public(item, pop->public_key);
	if (item->err->set)
		return;
	if (strcmp(pop->name, conf->pop) == 0) {
		check_self(item, mesh, pop);
		return;
	}
	if (pop->at.addr.family == ADDR_IPV4)
		choose_address(&conf->identity, &address, ADDR_IPV4, &mesh->address4);
	else
		choose_address(&conf->identity, &address, ADDR_IPV6, &mesh->address6);
	if (lb_conf_has_address(conf, &pop->at.addr))
		conf_fail(&address, "is an address of this PoP");
	check_pop(item, mesh, pop);
	if (!mesh_keys_derive(&pop->keys, secret, pop->public_key))
		conf_fail(&key, "is not the public key of another PoP");
	mesh->pop_count++;
}

static void load_pops(const struct conf *at, struct lb_conf *conf,
		      const uint8_t secret[MESH_KEY_SIZE])
{
	const struct conf array = conf_array(at, "pops", 0, MESH_POPS_MAX);
	struct mesh_conf *mesh = &conf->mesh;

	mesh->pops = arena_new_array(conf->arena, struct mesh_pop_conf, conf_count(&array) + 1);
	for (size_t i = 0; i < conf_count(&array) && !at->err->set; i++) {
		const struct conf item = conf_item(&array, i);
		struct mesh_pop_conf *pop = &mesh->pops[mesh->pop_count];

		*pop = (struct mesh_pop_conf){ .name = lb_conf_unique_name(&array, i, &item) };
		load_pop(&item, conf, secret, pop);
	}
}

static void check_detection(const struct conf *mesh, const struct mesh_timing *timing)
{
	const struct conf at = conf_get(mesh, "multiplier");

	if (timing->interval_ms * timing->multiplier > MESH_DETECT_MAX_MS)
		conf_fail(&at, "times interval_ms is more than %d ms", MESH_DETECT_MAX_MS);
}

void lb_mesh_conf_load(const struct conf *root, struct lb_conf *conf)
{
	const struct conf at = conf_get(root, "mesh");
	struct mesh_conf *mesh = &conf->mesh;
	uint8_t secret[MESH_KEY_SIZE];

	if (!at.json)
		return;
	CONF_KEYS(&at, "key_file", "port", "gue_port", "interval_ms", "multiplier",
		  "reset_after_ms", "pops");
	if (!mesh_seal_init())
		conf_fail(&at, "this system has no randomness for keys");
	mesh->enabled = true;
	mesh->port = (uint16_t)conf_int(&at, "port", 1, UINT16_MAX, 6079);
	mesh->gue_port = (uint16_t)conf_int(&at, "gue_port", 1, UINT16_MAX, 6080);
	mesh->timing.interval_ms = (uint16_t)conf_int(&at, "interval_ms", 10, 10000, 80);
	mesh->timing.multiplier = (uint8_t)conf_int(&at, "multiplier", 2, 50, 3);
	mesh->reset_after_ms = (uint32_t)conf_int(&at, "reset_after_ms", 100, 60000, 1000);
	check_detection(&at, &mesh->timing);
	load_secret(&at, conf->arena, secret);
	mesh_key_public(mesh->public_key, secret);
	if (!root->err->set)
		load_pops(&at, conf, secret);
	sodium_memzero(secret, sizeof(secret));
}
