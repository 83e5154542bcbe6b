/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/conf.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/alloc.h"
#include "tests/unit/lb/base_conf.h"

static struct lb_conf *load(const char *patch, struct conf_error *err)
{
	json_t *document = base_conf_json();

	base_conf_patch(document, patch);
	return lb_conf_load(document, err);
}

/* The key file's public key is OURS (RFC 7748, section 6.1). */
#define FILE_KEY     "'key_file':'tests/unit/lb/mesh/rfc7748.key'"
#define OURS	     "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
#define THEIRS	     "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
#define ZEROES	     "0000000000000000000000000000000000000000000000000000000000000000"
#define MESH(rest)   "{'mesh':{" FILE_KEY rest "}}"
#define POP(n, a, k) "{'name':'" n "','address':'" a "','public_key':'" k "'}"
#define POPS(list)   MESH(",'pops':[" list "]")

#define CONTINUITY(rest) "'dataplane':{'type':'local','continuity':{" rest "}}"
#define CONTINUOUS(rest) "{'mesh':{" FILE_KEY "}," CONTINUITY(rest) "}"

static const struct {
	const char *name, *patch, *expected;
} mistakes[] = {
	{ "no key", "{'mesh':{}}", "mesh.key_file: required" },
	{ "continuity alone", "{" CONTINUITY("'interfaces':[{'name':'eth0'}]") "}",
	  "dataplane.continuity: needs a mesh: the other PoPs are asked" },
	{ "continuity nowhere", CONTINUOUS("'interfaces':[]"),
	  "dataplane.continuity.interfaces: needs at least 1 item" },
	{ "continuity's interface", CONTINUOUS("'interfaces':[{}]"),
	  "dataplane.continuity.interfaces[0].name: required" },
	{ "continuity's interface's name", CONTINUOUS("'interfaces':[{'name':''}]"),
	  "dataplane.continuity.interfaces[0].name: an interface's name has 1 to 15 letters" },
	{ "continuity's neighbor", CONTINUOUS("'interfaces':[{'name':'eth0','neighbor':'router'}]"),
	  "dataplane.continuity.interfaces[0].neighbor: 'router' is not an IP address" },
	{ "continuity's mode", CONTINUOUS("'mode':'fast','interfaces':[{'name':'eth0'}]"),
	  "dataplane.continuity.mode: unknown value 'fast'" },
	{ "continuity's flows", CONTINUOUS("'flows':1023,'interfaces':[{'name':'eth0'}]"),
	  "dataplane.continuity.flows: 1023 is not between 1024 and 16777216" },
	{ "continuity's pin", CONTINUOUS("'pin':'bpf','interfaces':[{'name':'eth0'}]"),
	  "dataplane.continuity: pin must begin with /" },
	{ "whom to tell of a drain", "{'drain':{'geodns':[{}]}}", "drain.geodns[0].api: required" },
	{ "where to tell", "{'drain':{'geodns':[{'api':'10.1.0.53'}]}}",
	  "drain.geodns[0].api: '10.1.0.53' is not an address and port such as "
	  "192.0.2.1:53" },
	{ "nowhere to tell", "{'drain':{'geodns':[{'api':'unix:'}]}}",
	  "drain.geodns[0].api: a socket's path has 1 to 107 bytes" },
	{ "no token", "{'drain':{'geodns':[{'api':'unix:a','token_file':'/nonexistent'}]}}",
	  "drain.geodns[0].token_file: cannot open: No such file or directory" },
	{ "no file", "{'mesh':{'key_file':'/nonexistent'}}",
	  "mesh.key_file: cannot open: No such file or directory" },
	{ "no key in it", "{'mesh':{'key_file':'VERSION'}}",
	  "mesh.key_file: a key is 64 hexadecimal digits: catchment-lb --mesh-key FILE" },
	{ "far more in it", "{'mesh':{'key_file':'README.md'}}",
	  "mesh.key_file: a key is 64 hexadecimal digits: catchment-lb --mesh-key FILE" },
	{ "unknown key", MESH(",'pop':[]"), "mesh.pop: unknown key" },
	{ "port", MESH(",'port':0"), "mesh.port: 0 is not between 1 and 65535" },
	{ "GUE's port", MESH(",'gue_port':65536"),
	  "mesh.gue_port: 65536 is not between 1 and 65535" },
	{ "interval", MESH(",'interval_ms':9"), "mesh.interval_ms: 9 is not between 10 and 10000" },
	{ "multiplier", MESH(",'multiplier':1"), "mesh.multiplier: 1 is not between 2 and 50" },
	{ "detection time", MESH(",'interval_ms':10000,'multiplier':7"),
	  "mesh.multiplier: times interval_ms is more than 60000 ms" },
	{ "reset_after", MESH(",'reset_after_ms':99"),
	  "mesh.reset_after_ms: 99 is not between 100 and 60000" },
	{ "no address", POPS("{'name':'ams','public_key':'" THEIRS "'}"),
	  "mesh.pops[0].address: required" },
	{ "no public key", POPS("{'name':'ams','address':'10.200.2.1'}"),
	  "mesh.pops[0].public_key: required" },
	{ "short public key", POPS(POP("ams", "10.200.2.1", "85")),
	  "mesh.pops[0].public_key: expected 64 hexadecimal digits" },
	{ "a key that is none", POPS(POP("ams", "10.200.2.1", ZEROES)),
	  "mesh.pops[0].public_key: is not the public key of another PoP" },
	{ "our own key", POPS(POP("ams", "10.200.2.1", OURS)),
	  "mesh.pops[0].public_key: is not the public key of another PoP" },
	{ "another key as ours", POPS(POP("fra", "10.200.1.1", THEIRS)),
	  "mesh.pops[0].public_key: is this PoP's, and not that of key_file" },
	{ "name twice", POPS(POP("ams", "10.200.2.1", THEIRS) "," POP("ams", "10.200.3.1", OURS)),
	  "mesh.pops[1].name: name 'ams' is already taken" },
	{ "address twice",
	  POPS(POP("ams", "10.200.2.1", THEIRS) "," POP("lon", "10.200.2.1", OURS)),
	  "mesh.pops[1].address: is that of 'ams'" },
	{ "key twice", POPS(POP("ams", "10.200.2.1", THEIRS) "," POP("lon", "10.200.3.1", THEIRS)),
	  "mesh.pops[1].public_key: is that of 'ams'" },
	{ "our own address", POPS(POP("ams", "10.200.1.1", THEIRS)),
	  "mesh.pops[0].address: is an address of this PoP" },
	{ "a VIP's address", POPS(POP("ams", "198.18.0.1", THEIRS)),
	  "mesh.pops[0].address: is an address of this PoP" },
	{ "a family that we have not", POPS(POP("ams", "2001:db8::1", THEIRS)),
	  "mesh.pops[0].address: the identity has no IPv6 address to speak from" },
	{ "port of a pop",
	  POPS("{'name':'ams','address':'10.200.2.1','port':0,'public_key':'" THEIRS "'}"),
	  "mesh.pops[0].port: 0 is not between 1 and 65535" },
};

Test(lb_conf_mesh, mistakes_are_named)
{
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct conf_error err = { 0 };
		struct lb_conf *conf = load(mistakes[i].patch, &err);
		char text[sizeof(err.path) + sizeof(err.reason) + 4];

		cr_expect_null(conf, "%s", mistakes[i].name);
		conf_error_format(&err, text, sizeof(text));
		cr_expect_str_eq(text, mistakes[i].expected, "%s: got '%s'", mistakes[i].name,
				 text);
		lb_conf_free(conf);
	}
}

Test(lb_conf_mesh, defaults)
{
	struct conf_error err = { 0 };
	struct lb_conf *conf = load("{}", &err);

	cr_assert(conf);
	cr_expect_not(conf->mesh.enabled);
	lb_conf_free(conf);
	conf = load(MESH(""), &err);
	cr_assert(conf, "%s: %s", err.path, err.reason);
	cr_expect(conf->mesh.enabled);
	cr_expect_eq(conf->mesh.port, 6079);
	cr_expect_eq(conf->mesh.gue_port, 6080);
	cr_expect_eq(conf->mesh.timing.interval_ms, 80);
	cr_expect_eq(conf->mesh.timing.multiplier, 3);
	cr_expect_eq(conf->mesh.reset_after_ms, 1000);
	cr_expect_eq(conf->mesh.address4.family, ADDR_NONE, "nobody to speak to");
	lb_conf_free(conf);
}

Test(lb_conf_mesh, who_finds_himself_in_the_list_passes_over_that)
{
	struct conf_error err = { 0 };
	struct lb_conf *conf =
		load("{'mesh':{" FILE_KEY ",'port':7000,'pops':[" POP(
			     "fra", "10.200.1.1", OURS) "," POP("ams", "10.200.2.1", THEIRS) "]}}",
		     &err);
	const struct mesh_pop_conf *pop;
	uint8_t key[MESH_KEY_SIZE];
	char text[ENDPOINT_TEXT_SIZE];

	cr_assert(conf, "%s: %s", err.path, err.reason);
	cr_assert_eq(conf->mesh.pop_count, 1);
	pop = &conf->mesh.pops[0];
	cr_expect_str_eq(pop->name, "ams");
	cr_expect_str_eq(endpoint_format(&pop->at, text), "10.200.2.1:7000");
	cr_assert(mesh_key_parse(key, OURS));
	cr_expect_arr_eq(conf->mesh.public_key, key, MESH_KEY_SIZE);
	cr_expect_arr_eq(pop->keys.send_hint, key, 4);
	cr_assert(mesh_key_parse(key, THEIRS));
	cr_expect_arr_eq(pop->public_key, key, MESH_KEY_SIZE);
	cr_expect(addr_equal(&conf->mesh.address4, &conf->identity.addresses[0]));
	cr_expect_eq(conf->mesh.address6.family, ADDR_NONE);
	lb_conf_free(conf);
}
