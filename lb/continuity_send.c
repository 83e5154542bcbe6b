/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How packets leave here: to their owner, in GUE, and resets. */
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lb/continuity_state.h"
#include "lb/flow/reset.h"

#define GUE_ROOM 2304 /* the longest packet under question, and the headers around it */

static void pair_close(struct lb_continuity_sockets *s)
{
	if (s->ipv4 >= 0)
		close(s->ipv4);
	if (s->ipv6 >= 0)
		close(s->ipv6);
}

static int option_set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* What comes here is front's, which takes it before; this one only sends, and keeps the port. */
static int deafen(int fd)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = { 1, &drop };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

static int gue_open(const struct addr *address, uint16_t port, int *out)
{
	const bool is_ipv4 = address->family == ADDR_IPV4;
	const struct endpoint at = { *address, port };
	struct sockaddr_storage sa;
	const socklen_t len = endpoint_to_sockaddr(&at, &sa);
	int fd, err;

	*out = -1;
	if (address->family == ADDR_NONE)
		return 0;
	fd = socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	err = deafen(fd);
	if (!err && is_ipv4)
		err = option_set(fd, IPPROTO_IP, IP_FREEBIND, 1);
	else if (!err)
		err = option_set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
	if (!err && bind(fd, (const struct sockaddr *)&sa, len) < 0)
		err = -errno;
	if (err)
		close(fd);
	else
		*out = fd;
	return err;
}

static int raw_open(int family, int *out)
{
	*out = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
	if (*out < 0)
		return -errno;
	return family == AF_INET6 ? option_set(*out, IPPROTO_IPV6, IPV6_HDRINCL, 1) : 0;
}

int lb_continuity_sockets_renew(struct lb_continuity *c)
{
	const struct mesh_conf *mesh = &c->lb->conf->mesh;
	int err;

	pair_close(&c->gue);
	err = gue_open(&mesh->address4, mesh->gue_port, &c->gue.ipv4);
	if (!err)
		err = gue_open(&mesh->address6, mesh->gue_port, &c->gue.ipv6);
	return err;
}

int lb_continuity_sockets_open(struct lb_continuity *c)
{
	int err = lb_continuity_sockets_renew(c);

	if (!err)
		err = raw_open(AF_INET, &c->raw.ipv4);
	if (!err)
		err = raw_open(AF_INET6, &c->raw.ipv6);
	return err;
}

void lb_continuity_sockets_close(struct lb_continuity *c)
{
	pair_close(&c->gue);
	pair_close(&c->raw);
}

static const struct addr *own_address(const struct lb_continuity *c, enum addr_family family)
{
	const struct mesh_conf *mesh = &c->lb->conf->mesh;

	return family == ADDR_IPV4 ? &mesh->address4 : &mesh->address6;
}

void lb_continuity_paths(const struct lb_continuity *c, const struct mesh_pop *pop,
			 struct gue_path *in, struct gue_path *out)
{
	const struct addr *ours = own_address(c, (enum addr_family)pop->at.addr.family);

	*in = (struct gue_path){ .key = siphash_key(pop->keys.gue_receive),
				 .epoch = pop->epoch,
				 .epoch_before =
					 pop->has_epoch_before ? pop->epoch_before : pop->epoch };
	flow_addr_set(in->source, &pop->at.addr);
	flow_addr_set(in->destination, ours);
	*out = (struct gue_path){ .key = siphash_key(pop->keys.gue_send),
				  .epoch = mesh_epoch(c->lb->mesh) };
	memcpy(out->source, in->destination, sizeof(out->source));
	memcpy(out->destination, in->source, sizeof(out->destination));
}

void lb_continuity_hand_over(struct lb_continuity *c, unsigned slot, const uint8_t *packet,
			     size_t len)
{
	const struct mesh_pop *pop = mesh_core_pop(mesh_core(c->lb->mesh), slot);
	struct gue_path in, out;
	struct sockaddr_storage to;
	uint8_t buf[GUE_ROOM];
	struct endpoint at;
	socklen_t to_len;

	if (!pop)
		return;
	lb_continuity_paths(c, pop, &in, &out);
	len = gue_encode(&out, packet, len, buf, sizeof(buf));
	at = (struct endpoint){ pop->at.addr, pop->gue_port };
	to_len = endpoint_to_sockaddr(&at, &to);
	/* What does not go now TCP sends again. */
	if (len > 0)
		sendto(at.addr.family == ADDR_IPV4 ? c->gue.ipv4 : c->gue.ipv6, buf, len,
		       MSG_DONTWAIT, (const struct sockaddr *)&to, to_len);
}

void lb_continuity_reset(struct lb_continuity *c, const struct owner_packet *packet)
{
	const bool is_ipv4 = flow_key_is_ipv4(&packet->key);
	const struct endpoint at = { flow_addr_get(packet->key.client), 0 };
	struct sockaddr_storage to;
	const socklen_t to_len = endpoint_to_sockaddr(&at, &to);
	uint8_t buf[RESET_SIZE_MAX];
	const size_t len = reset_packet_build(buf, packet->bytes, packet->len);

	if (len > 0)
		sendto(is_ipv4 ? c->raw.ipv4 : c->raw.ipv6, buf, len, MSG_DONTWAIT,
		       (const struct sockaddr *)&to, to_len);
}
