/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_link.c - the program on interfaces, and whether what it sends there arrives.
 *
 * A veth whose other end has no NAPI drops what is sent by XDP, and says nothing. So a frame is
 * redirected to it that a neighbour must answer (ARP, neighbour solicitation), and the program
 * itself looks for the answer.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lb/dataplane/front_state.h"
#include "lib/alloc.h"
#include "lib/wire.h"

#define PROBES	       4
#define PROBE_WAIT_MS  250
#define PROBE_STEP_NS  1000000
#define PROBE_SIZE     128
#define ND_SOLICIT_LEN 32

static int interface_ask(const char *interface, unsigned long what, struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	memcpy(request->ifr_name, interface, strlen(interface) + 1);
	if (ioctl(fd, what, request) < 0)
		err = -errno;
	close(fd);
	return err;
}

static bool is_veth(const char *interface)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (char *)&info };

	return interface_ask(interface, SIOCETHTOOL, &request) == 0 &&
	       strcmp(info.driver, "veth") == 0;
}

/* ---- the probe ---- */

/* RFC 826. The sender has no address, as of who is asked for is not yet used (RFC 5227, 2.1.1). */
static void arp_put(struct wire_writer *w, const uint8_t *mac, const struct addr *neighbor)
{
	static const uint8_t zero[6];

	wire_put_u16(w, 0x0806);
	wire_put_u16(w, 1);
	wire_put_u16(w, 0x0800);
	wire_put_u16(w, 0x0604);
	wire_put_u16(w, 1);
	wire_put_bytes(w, mac, 6);
	wire_put_u32(w, 0);
	wire_put_bytes(w, zero, 6);
	wire_put_bytes(w, neighbor->bytes, 4);
}

static uint16_t checksum(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* RFC 4861, 4.3: from our link-local address, with our link-layer address. */
static void solicitation_put(struct wire_writer *w, const uint8_t *mac, const struct addr *neighbor)
{
	uint8_t message[ND_SOLICIT_LEN] = { 135 }, addrs[32] = { 0xfe, 0x80 };
	uint16_t sum;

	addrs[8] = mac[0] ^ 2;
	memcpy(addrs + 9, mac + 1, 2);
	addrs[11] = 0xff;
	addrs[12] = 0xfe;
	memcpy(addrs + 13, mac + 3, 3);
	memcpy(addrs + 16, neighbor->bytes, 16);
	memcpy(message + 8, neighbor->bytes, 16);
	message[24] = message[25] = 1;
	memcpy(message + 26, mac, 6);
	sum = checksum(addrs, sizeof(addrs), ND_SOLICIT_LEN + 58);
	sum = checksum(message, sizeof(message), (uint16_t)~sum);
	message[2] = (uint8_t)(sum >> 8);
	message[3] = (uint8_t)sum;
	wire_put_u16(w, 0x86dd);
	wire_put_u32(w, 0x60000000);
	wire_put_u16(w, ND_SOLICIT_LEN);
	wire_put_u16(w, 58 << 8 | 255);
	wire_put_bytes(w, addrs, sizeof(addrs));
	wire_put_bytes(w, message, sizeof(message));
}

static size_t probe_make(uint8_t *frame, const uint8_t *mac, const struct addr *neighbor)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
			     all_nodes[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	struct wire_writer w = wire_writer(frame, PROBE_SIZE);

	wire_put_bytes(&w, neighbor->family == ADDR_IPV4 ? broadcast : all_nodes, 6);
	wire_put_bytes(&w, mac, 6);
	if (neighbor->family == ADDR_IPV4)
		arp_put(&w, mac, neighbor);
	else
		solicitation_put(&w, mac, neighbor);
	return wire_written(&w);
}

/* By XDP_TX, as if the frame had come in by that interface. */
static int probe_send(const struct front *f, unsigned ifindex, const uint8_t *frame, size_t len)
{
	struct xdp_md ctx = { .data_end = (uint32_t)len, .ingress_ifindex = ifindex };
	struct bpf_test_run_opts opts = { .sz = sizeof(opts),
					  .data_in = frame,
					  .data_size_in = (uint32_t)len,
					  .ctx_in = &ctx,
					  .ctx_size_in = sizeof(ctx),
					  .repeat = 1,
					  .flags = BPF_F_TEST_XDP_LIVE_FRAMES };

	return bpf_prog_test_run_opts(f->probe, &opts) < 0 ? -errno : 0;
}

/* Whether the neighbour answers what is sent to it by XDP: 0, or -ENETUNREACH. */
static int probe(struct front *f, const char *interface, unsigned ifindex,
		 const struct addr *neighbor)
{
	const uint64_t before = front_count(f, FRONT_PROBE);
	struct ifreq request = { 0 };
	uint8_t frame[PROBE_SIZE], mac[6] = { 0 }, target[FLOW_ADDR_SIZE];
	size_t len;
	int err = interface_ask(interface, SIOCGIFHWADDR, &request);

	if (err)
		return err;
	memcpy(mac, request.ifr_hwaddr.sa_data, sizeof(mac));
	flow_addr_set(target, neighbor);
	memcpy(&f->live->probe, target, sizeof(target));
	__atomic_store_n(&f->live->probe_is_on, 1, __ATOMIC_RELEASE);
	len = probe_make(frame, mac, neighbor);
	for (int i = 0; i < PROBES && !err; i++) {
		err = probe_send(f, ifindex, frame, len);
		/* The answer is seen in the kernel only, which has nothing to wake us by. */
		for (int k = 0; k < PROBE_WAIT_MS && front_count(f, FRONT_PROBE) == before; k++)
			nanosleep(&(struct timespec){ .tv_nsec = PROBE_STEP_NS }, NULL);
		if (front_count(f, FRONT_PROBE) != before)
			break;
	}
	__atomic_store_n(&f->live->probe_is_on, 0, __ATOMIC_RELEASE);
	if (err)
		return err;
	return front_count(f, FRONT_PROBE) != before ? 0 : -ENETUNREACH;
}

/* ---- forwarding ---- */

static const char *const forwarding_paths[2] = {
	"/proc/sys/net/ipv4/conf/lo/forwarding",
	"/proc/sys/net/ipv6/conf/lo/forwarding",
};

/* Whether it was otherwise. */
static bool forwarding_write(const char *path, char value)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char is = value;
	bool changed;

	if (fd < 0)
		return false;
	changed = read(fd, &is, 1) == 1 && is != value && pwrite(fd, &value, 1, 0) == 1;
	close(fd);
	return changed;
}

void front_forwarding_allow(struct front *front)
{
	for (size_t i = 0; i < 2; i++)
		front->forwarding[i] |= forwarding_write(forwarding_paths[i], '1');
}

void front_forwarding_restore(struct front *front)
{
	for (size_t i = 0; i < 2; i++)
		if (front->forwarding && front->forwarding[i])
			forwarding_write(forwarding_paths[i], '0');
}

/* ---- links ---- */

static struct front_link *link_find(struct front *f, const char *interface)
{
	for (size_t i = 0; i < FRONT_INTERFACES_MAX; i++)
		if (f->links[i].fd >= 0 && strcmp(f->links[i].interface, interface) == 0)
			return &f->links[i];
	return NULL;
}

static struct front_link *link_spare(struct front *f)
{
	for (size_t i = 0; i < FRONT_INTERFACES_MAX; i++)
		if (f->links[i].fd < 0)
			return &f->links[i];
	return NULL;
}

static char *link_pin(const struct front *f, const char *interface)
{
	return f->pin ? xasprintf("%s/link-%s", f->pin, interface) : NULL;
}

static int link_make(const struct front *f, unsigned ifindex, uint32_t flags)
{
	const struct bpf_link_create_opts opts = { .sz = sizeof(opts), .flags = flags };
	int fd = bpf_link_create(f->program, (int)ifindex, BPF_XDP, &opts);

	return fd < 0 ? -errno : fd;
}

/* The link that a predecessor has pinned, with our program from now on; else -ENOENT. */
static int link_take_over(const struct front *f, const char *pin, unsigned ifindex)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = pin ? bpf_obj_get(pin) : -1;

	if (fd < 0)
		return -ENOENT;
	/* An interface of that name that has come after it has another index. */
	if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.xdp.ifindex == ifindex &&
	    bpf_link_update(fd, f->program, NULL) == 0)
		return fd;
	close(fd);
	unlink(pin);
	return -ENOENT;
}

/* How a link that is there has been made is not to be asked of it: of the interface. */
static enum front_mode mode_of(unsigned ifindex)
{
	struct bpf_xdp_query_opts opts = { .sz = sizeof(opts) };

	return bpf_xdp_query((int)ifindex, 0, &opts) == 0 && opts.attach_mode == XDP_ATTACHED_SKB
		       ? FRONT_MODE_GENERIC
		       : FRONT_MODE_NATIVE;
}

static int link_native(struct front *f, const char *interface, unsigned ifindex,
		       enum front_mode mode, const struct addr *neighbor)
{
	int fd, err = 0;

	if (!neighbor && mode == FRONT_MODE_AUTO && is_veth(interface))
		return -EOPNOTSUPP;
	fd = link_make(f, ifindex, XDP_FLAGS_DRV_MODE);
	if (fd < 0)
		return fd;
	if (neighbor)
		err = probe(f, interface, ifindex, neighbor);
	if (err)
		close(fd);
	return err ? err : fd;
}

static int link_choose(struct front *f, const char *interface, unsigned ifindex,
		       enum front_mode mode, const struct addr *neighbor)
{
	int fd = -EOPNOTSUPP;

	if (mode != FRONT_MODE_GENERIC)
		fd = link_native(f, interface, ifindex, mode, neighbor);
	/* Somebody else's program there, or no privileges, is not cured by the other mode. */
	if (mode != FRONT_MODE_NATIVE && (fd == -EOPNOTSUPP || fd == -ENETUNREACH || fd == -EINVAL))
		fd = link_make(f, ifindex, XDP_FLAGS_SKB_MODE);
	return fd;
}

int front_attach(struct front *front, const char *interface, enum front_mode mode,
		 const struct addr *neighbor, enum front_mode *got)
{
	struct front_link *link = link_spare(front);
	const unsigned ifindex = if_nametoindex(interface);
	char *pin;
	int fd;

	if (ifindex == 0 || strlen(interface) >= IF_NAMESIZE)
		return -ENODEV;
	if (!link || link_find(front, interface))
		return link ? -EEXIST : -ENOSPC;
	/* Before the program can run there; that it is the same for all interfaces does no harm. */
	if (is_veth(interface))
		front->live->by_redirect = 1;
	pin = link_pin(front, interface);
	fd = link_take_over(front, pin, ifindex);
	if (fd == -ENOENT) {
		fd = link_choose(front, interface, ifindex, mode, neighbor);
		if (fd >= 0 && pin && bpf_obj_pin(fd, pin)) {
			close(fd);
			fd = -errno;
		}
	}
	free(pin);
	if (fd < 0)
		return fd;
	memcpy(link->interface, interface, strlen(interface) + 1);
	link->fd = fd;
	*got = mode_of(ifindex);
	return 0;
}

int front_detach(struct front *front, const char *interface)
{
	struct front_link *link = link_find(front, interface);
	char *pin = link_pin(front, interface);

	if (link) {
		if (pin)
			unlink(pin);
		close(link->fd);
		link->fd = -1;
	}
	free(pin);
	return link ? 0 : -ENOENT;
}
