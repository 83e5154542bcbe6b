/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/transport.h"

#include <errno.h>
#include <linux/tcp.h> /* <netinet/tcp.h> has no TCP_MD5SIG_EXT */
#include <string.h>

#define TTL_MAX 255

/* Octets into the header where IPv4 has its TTL and IPv6 its hop limit. */
enum { IPV4_TTL_AT = 8, IPV6_HOP_LIMIT_AT = 7 };

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int set_ttl(int fd, enum addr_family family, int ttl)
{
	return family == ADDR_IPV6 ? set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl)
				   : set(fd, IPPROTO_IP, IP_TTL, ttl);
}

static int set_min_ttl(int fd, enum addr_family family, int ttl)
{
	return family == ADDR_IPV6 ? set(fd, IPPROTO_IPV6, IPV6_MINHOPCOUNT, ttl)
				   : set(fd, IPPROTO_IP, IP_MINTTL, ttl);
}

static int min_ttl(const struct bgp_transport *transport)
{
	return TTL_MAX + 1 - transport->hops;
}

int bgp_transport_apply(int fd, enum addr_family family, const struct bgp_transport *transport)
{
	int error = 0;

	if (transport->ttl_security) {
		error = set_ttl(fd, family, TTL_MAX);
		return error ? error : set_min_ttl(fd, family, min_ttl(transport));
	}
	if (transport->hops > 0)
		error = set_ttl(fd, family, transport->hops);
	return error;
}

int bgp_transport_listen(int fd, enum addr_family family)
{
	int error = set_ttl(fd, family, TTL_MAX);

	return error ? error : set(fd, IPPROTO_TCP, TCP_SAVE_SYN, 1);
}

bool bgp_transport_is_near(int fd, const struct bgp_transport *transport)
{
	uint8_t headers[128];
	socklen_t len = sizeof(headers);
	int ttl;

	if (!transport->ttl_security)
		return true;
	if (getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, headers, &len) < 0 || len <= IPV4_TTL_AT)
		return false;
	ttl = headers[0] >> 4 == 6 ? headers[IPV6_HOP_LIMIT_AT] : headers[IPV4_TTL_AT];
	return ttl >= min_ttl(transport);
}

int bgp_transport_key(int fd, const struct prefix *peers, const char *key)
{
	struct tcp_md5sig sig = { .tcpm_keylen = (uint16_t)strlen(key) };
	struct endpoint ep = { .addr = peers->addr };
	struct sockaddr_storage sa = { 0 };
	socklen_t len = endpoint_to_sockaddr(&ep, &sa);
	int option = TCP_MD5SIG;

	memcpy(&sig.tcpm_addr, &sa, len);
	memcpy(sig.tcpm_key, key, sig.tcpm_keylen);
	if (peers->len < addr_bits((enum addr_family)peers->addr.family)) {
		option = TCP_MD5SIG_EXT;
		sig.tcpm_flags = TCP_MD5SIG_FLAG_PREFIX;
		sig.tcpm_prefixlen = peers->len;
	}
	return setsockopt(fd, IPPROTO_TCP, option, &sig, sizeof(sig)) < 0 ? -errno : 0;
}
