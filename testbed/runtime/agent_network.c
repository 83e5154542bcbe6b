/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_network.c - a node's sysctls, devices, addresses, routes and files.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/runtime/agent_parts.h"
#include "testbed/runtime/netconf.h"
#include "testbed/topology.h"
#include "testbed/wire/tap.h"

/*
 * Of routes that block: every daemon's are better. For FRR the first octet is the distance, and a
 * kernel's route of less than 255 would be better than its own.
 */
#define BLOCK_METRIC 0xff002000U

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int text_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t len = strlen(text);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len)
		err = -errno;
	close(fd);
	return err;
}

static bool text_is(const char *path, const char *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[64];
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return false;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return strcmp(buf, text) == 0;
}

/*
 * A kernel without the setting behaves as the setting's absence says: not a mistake. In a container
 * they are not ours to set, but what made it has set them.
 */
static char *sysctls_set(json_t *sysctls)
{
	const char *key;
	json_t *value;

	json_object_foreach (sysctls, key, value) {
		const char *text = json_string_value(value);
		char path[160];
		int err;

		snprintf(path, sizeof(path), "/proc/sys/%s", key);
		if (access(path, F_OK) != 0)
			continue;
		err = text_write(path, text);
		if (err < 0 && text_is(path, text))
			continue;
		if (err == -EROFS)
			return xasprintf("%s is not %s and read-only: the compose file must set it",
					 path, text);
		if (err < 0)
			return xasprintf("%s: %s", path, strerror(-err));
	}
	return NULL;
}

static bool mac_parse(uint8_t mac[MAC_SIZE], const char *text)
{
	struct ether_addr addr;

	if (!ether_aton_r(text, &addr))
		return false;
	memcpy(mac, addr.ether_addr_octet, MAC_SIZE);
	return true;
}

static int link_addresses_set(struct nl_sock *nl, const char *name, const json_t *link)
{
	json_t *item;
	size_t i;
	int err;

	json_array_foreach (json_object_get(link, "addrs"), i, item) {
		err = netconf_address_add(nl, name, json_string_value(item));
		if (err < 0)
			return err;
	}
	json_array_foreach (json_object_get(link, "peers"), i, item) {
		uint8_t mac[MAC_SIZE];
		struct addr addr;

		if (!addr_parse(&addr, json_string_value(json_array_get(item, 0))) ||
		    !mac_parse(mac, json_string_value(json_array_get(item, 1))))
			return -EINVAL;
		err = netconf_peer_add(nl, name, &addr, mac);
		if (err < 0)
			return err;
	}
	return 0;
}

static char *link_make(struct agent *agent, struct nl_sock *nl, const json_t *link)
{
	const char *name = text_at(link, "name");
	uint8_t mac[MAC_SIZE];
	const unsigned flags = (json_is_true(json_object_get(link, "stays")) ? TAP_STAYS : 0) |
			       (json_is_true(json_object_get(link, "offload")) ? TAP_OFFLOAD : 0);
	int fd = tap_open(name, flags), err;

	if (fd < 0)
		return xasprintf("cannot make the TAP device %s: %s%s", name, strerror(-fd),
				 fd == -ENOENT ? " (is /dev/net/tun there?)" : "");
	if (!mac_parse(mac, text_at(link, "mac"))) {
		close(fd);
		return xasprintf("link %s: bad MAC address", name);
	}
	err = netconf_link_up(nl, name, mac);
	if (err == 0)
		err = link_addresses_set(nl, name, link);
	control_send(agent->control,
		     json_pack("{s:s, s:O, s:O}", "type", "tap", "link",
			       json_object_get(link, "link"), "end", json_object_get(link, "end")),
		     fd);
	return err < 0 ? xasprintf("link %s: %s", name, strerror(-err)) : NULL;
}

static int route_set(struct nl_sock *nl, const json_t *item)
{
	struct prefix dst;
	struct addr via, source = { 0 };

	if (!prefix_parse(&dst, text_at(item, "dst")))
		return -EINVAL;
	if (!json_object_get(item, "via"))
		return netconf_route_block(nl, &dst, BLOCK_METRIC);
	if (!addr_parse(&via, text_at(item, "via")) ||
	    (json_object_get(item, "source") && !addr_parse(&source, text_at(item, "source"))))
		return -EINVAL;
	return netconf_route_add(nl, &dst, &via, &source);
}

static char *routes_set(struct nl_sock *nl, const json_t *routes)
{
	const json_t *item;
	size_t i;

	json_array_foreach (routes, i, item) {
		int err = route_set(nl, item);

		if (err < 0)
			return xasprintf("route to %s: %s", text_at(item, "dst"), strerror(-err));
	}
	return NULL;
}

static char *loopback_set(struct nl_sock *nl, const json_t *addrs)
{
	int err = netconf_link_up(nl, "lo", NULL);
	const json_t *item;
	size_t i;

	json_array_foreach (addrs, i, item) {
		if (err == 0)
			err = netconf_address_add(nl, "lo", json_string_value(item));
		if (err < 0)
			return xasprintf("address %s: %s", json_string_value(item), strerror(-err));
	}
	return err < 0 ? xasprintf("loopback: %s", strerror(-err)) : NULL;
}

char *agent_network_setup(struct agent *agent, const json_t *setup)
{
	char *mistake = sysctls_set(json_object_get(setup, "sysctls"));
	struct nl_sock *nl = NULL;
	const json_t *link;
	size_t i;
	int err;

	if (mistake)
		return mistake;
	if (netconf_open(&nl) < 0)
		return xstrdup("cannot open a netlink socket");
	err = netconf_default_routes_remove(nl);
	mistake = err < 0 ? xasprintf("default routes: %s", strerror(-err))
			  : loopback_set(nl, json_object_get(setup, "lo"));
	json_array_foreach (json_object_get(setup, "links"), i, link) {
		if (!mistake)
			mistake = link_make(agent, nl, link);
	}
	if (!mistake)
		mistake = routes_set(nl, json_object_get(setup, "routes"));
	netconf_close(nl);
	return mistake;
}

/* /run is the node's own; /etc/resolv.conf is a mount made for it. */
char *agent_files_write(json_t *files)
{
	const char *path;
	json_t *text;

	json_object_foreach (files, path, text) {
		char dir[256];
		char *slash;
		int err;

		snprintf(dir, sizeof(dir), "%s", path);
		slash = strrchr(dir, '/');
		if (slash && slash != dir) {
			*slash = '\0';
			mkdir(dir, 0755);
		}
		err = text_write(path, json_string_value(text));
		if (err < 0)
			return xasprintf("%s: %s", path, strerror(-err));
	}
	return NULL;
}
