/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plane xdp in the configuration. */
#include <criterion/criterion.h>
#include <netinet/in.h>

#include "lb/conf.h"
#include "lib/alloc.h"
#include "tests/unit/lb/base_conf.h"

#define PLANE "'dataplane':{'type':'xdp','interfaces':[{'name':'eth0','neighbor':'10.201.1.1'}]}"
#define VIP(rest)                                                                                  \
	"{'vips':[{'name':'v','prefixes':['198.18.0.0/24'],'addresses':['198.18.0.1'],"            \
	"'origins':['a','b']" rest "}]"
#define XDP(rest)   VIP(rest) "," PLANE "}"
#define LOCAL(rest) VIP(rest) "}"

static struct lb_conf *load(const char *patch, struct conf_error *err)
{
	json_t *document = base_conf_json();

	base_conf_patch(document, patch);
	return lb_conf_load(document, err);
}

static const struct {
	const char *name, *patch, *expected;
} mistakes[] = {
	{ "no services", XDP(""), "vips[0].services: required" },
	{ "empty services", XDP(",'services':[]"), "vips[0].services: needs at least 1 item" },
	{ "protocol", XDP(",'services':['sctp/80']"),
	  "vips[0].services[0]: 'sctp/80' is not a service such as tcp/80 or udp/53" },
	{ "no port", XDP(",'services':['tcp/']"),
	  "vips[0].services[0]: 'tcp/' is not a service such as tcp/80 or udp/53" },
	{ "port zero", XDP(",'services':['tcp/0']"),
	  "vips[0].services[0]: 'tcp/0' is not a service such as tcp/80 or udp/53" },
	{ "port too large", XDP(",'services':['udp/65536']"),
	  "vips[0].services[0]: 'udp/65536' is not a service such as tcp/80 or udp/53" },
	{ "more than a port", XDP(",'services':['tcp/80x']"),
	  "vips[0].services[0]: 'tcp/80x' is not a service such as tcp/80 or udp/53" },
	{ "service twice", XDP(",'services':['tcp/80','tcp/80']"),
	  "vips[0].services[1]: is given twice" },
	{ "weight", XDP(",'services':['tcp/80'],'origins':[{'name':'a','weight':65536}]"),
	  "vips[0].origins[0].weight: 65536 is not between 0 and 65535" },
	{ "origin's key", XDP(",'services':['tcp/80'],'origins':[{'name':'a','wait':1}]"),
	  "vips[0].origins[0].wait: unknown key" },
	{ "unknown origin", XDP(",'services':['tcp/80'],'origins':[{'name':'c'}]"),
	  "vips[0].origins[0]: unknown origin 'c'" },
	{ "services in plane local", LOCAL(",'services':['tcp/80']"),
	  "vips[0].services: only plane xdp has services" },
	{ "weights in plane local", LOCAL(",'origins':[{'name':'a','weight':1}]"),
	  "vips[0].origins[0]: only plane xdp has weights" },
	{ "interfaces in plane local", "{'dataplane':{'interfaces':[{'name':'eth0'}]}}",
	  "dataplane.interfaces: unknown key" },
	{ "no interfaces", VIP(",'services':['tcp/80']") ",'dataplane':{'type':'xdp'}}",
	  "dataplane.interfaces: required" },
	{ "continuity in plane xdp",
	  VIP(",'services':['tcp/80']") ",'dataplane':{'type':'xdp','continuity':{}}}",
	  "dataplane.continuity: unknown key" },
};

Test(conf_dataplane, names_the_mistake)
{
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct conf_error err = { 0 };
		char text[400];

		cr_expect_null(load(mistakes[i].patch, &err), "%s", mistakes[i].name);
		conf_error_format(&err, text, sizeof(text));
		cr_expect_str_eq(text, mistakes[i].expected, "%s: '%s'", mistakes[i].name, text);
	}
}

Test(conf_dataplane, has_services_and_weights)
{
	struct conf_error err = { 0 };
	struct lb_conf *conf =
		load(XDP(",'services':['tcp/80','udp/443'],'origins':['b',{'name':'a'"
			 ",'weight':7}]"),
		     &err);
	const struct lb_vip_conf *vip;

	cr_assert(conf, "%s: %s", err.path, err.reason);
	vip = &conf->vips[0];
	cr_assert_eq(vip->service_count, 2);
	cr_expect(vip->services[0].proto == IPPROTO_TCP && vip->services[0].port == 80);
	cr_expect(vip->services[1].proto == IPPROTO_UDP && vip->services[1].port == 443);
	cr_expect(vip->origins[0] == 1 && vip->weights[0] == LB_WEIGHT_DEFAULT);
	cr_expect(vip->origins[1] == 0 && vip->weights[1] == 7);
	cr_expect_eq(conf->dataplane.plane, LB_PLANE_XDP);
	cr_expect_eq(conf->dataplane.continuity.interface_count, 1);
	cr_expect_eq(conf->dataplane.continuity.flows, 1048576);
	lb_conf_free(conf);
}
