/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/xdp/fastpath.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "geodns/xdp/program.h"
#include "lib/alloc.h"
#include "lib/log.h"

struct link {
	char interface[IF_NAMESIZE];
	int fd;		  /* -1: it is not on this one */
	const char *mode; /* if it is; static */
	const char *why;  /* if not; static */
};

struct fastpath_next {
	const struct catalog *catalog;
	struct xdp_program *program; /* NULL: it cannot be */
	int err;		     /* -errno, if so */
	const char *why;	     /* or NULL: the system's */
};

struct fastpath {
	uint64_t seed;
	struct fastpath_next *next;    /* or NULL */
	const struct catalog *catalog; /* of the last snapshot; only to be compared */
	struct xdp_program *program;   /* NULL: it is off */
	enum xdp_mode mode;	       /* of the links */
	struct link links[XDP_INTERFACES_MAX];
	size_t link_count;
	struct xdp_counts before; /* of programs that are gone */
};

struct fastpath *fastpath_new(uint64_t seed)
{
	struct fastpath *f = x_new(struct fastpath);

	f->seed = seed;
	/* What there is to say, is said here in one line. */
	libbpf_set_print(NULL);
	return f;
}

/* Static, unlike strerror()'s. The kernel has errors of its own, as 524, that have no text. */
static const char *error_text(int err)
{
	const char *text = strerrordesc_np(err);

	return text ? text : "an error of the kernel's";
}

/* A veth whose other end has no NAPI drops what is sent back natively, and says nothing. */
static bool is_veth(const char *interface)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (char *)&info };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is;

	if (fd < 0)
		return false;
	memcpy(request.ifr_name, interface, strlen(interface));
	is = ioctl(fd, SIOCETHTOOL, &request) == 0 && strcmp(info.driver, "veth") == 0;
	close(fd);
	return is;
}

static int link_make(const struct fastpath *f, unsigned index, uint32_t flags)
{
	const struct bpf_link_create_opts opts = { .sz = sizeof(opts), .flags = flags };
	int fd = bpf_link_create(xdp_program_fd(f->program), (int)index, BPF_XDP, &opts);

	return fd < 0 ? -errno : fd;
}

static void link_join(const struct fastpath *f, struct link *link)
{
	const unsigned index = if_nametoindex(link->interface);
	const char *mode = "generic";
	int fd = index ? -EOPNOTSUPP : -ENODEV;

	if (index && f->mode != XDP_MODE_GENERIC &&
	    (f->mode == XDP_MODE_NATIVE || !is_veth(link->interface))) {
		mode = "native";
		fd = link_make(f, index, XDP_FLAGS_DRV_MODE);
	}
	if (fd == -EOPNOTSUPP && f->mode != XDP_MODE_NATIVE) {
		mode = "generic";
		fd = link_make(f, index, XDP_FLAGS_SKB_MODE);
	}
	link->fd = fd < 0 ? -1 : fd;
	link->mode = fd < 0 ? NULL : mode;
	link->why = fd < 0 ? error_text(-fd) : NULL;
	if (fd < 0)
		log_warn("xdp: %s: off, user space answers: %s", link->interface, link->why);
	else
		log_info("xdp: %s: answers %zu names, %s", link->interface,
			 xdp_program_names(f->program), mode);
}

static void link_leave(struct link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
}

/* In place of the old program, or, where that was not or has gone, anew. */
static void link_renew(const struct fastpath *f, struct link *link)
{
	if (link->fd >= 0 && bpf_link_update(link->fd, xdp_program_fd(f->program), NULL) == 0)
		return;
	link_leave(link);
	link_join(f, link);
}

static void links_name(struct link *links, const struct xdp_options *options, const char *why)
{
	for (size_t i = 0; i < options->interface_count; i++) {
		links[i] = (struct link){ .fd = -1, .why = why };
		snprintf(links[i].interface, IF_NAMESIZE, "%s", options->interfaces[i]);
	}
}

static void links_renew(struct fastpath *f, const struct xdp_options *options)
{
	struct link links[XDP_INTERFACES_MAX];

	links_name(links, options, NULL);
	for (size_t i = 0; i < options->interface_count; i++) {
		for (size_t k = 0; k < f->link_count && options->mode == f->mode; k++) {
			if (strcmp(f->links[k].interface, links[i].interface) != 0)
				continue;
			links[i] = f->links[k];
			f->links[k].fd = -1;
		}
	}
	for (size_t k = 0; k < f->link_count; k++)
		link_leave(&f->links[k]);
	memcpy(f->links, links, sizeof(*links) * options->interface_count);
	f->link_count = options->interface_count;
	f->mode = options->mode;
	for (size_t i = 0; i < f->link_count; i++)
		link_renew(f, &f->links[i]);
}

/* What it has counted is kept. */
static void program_drop(struct fastpath *f, struct xdp_program *program)
{
	const struct catalog *catalog;

	if (!program)
		return;
	catalog = xdp_program_catalog(program);
	xdp_program_count(program, &f->before);
	for (size_t i = 0; i < catalog->conf->name_count; i++) {
		const struct geo_name *name = &catalog->conf->names[i];

		for (size_t k = 0; k < name->target_count; k++) {
			uint64_t count = xdp_program_tally(program, i, k);

			if (count > 0)
				tally_credit(catalog->tally, name, k, count);
		}
	}
	xdp_program_free(program);
}

/* None rather than the one of an old catalog, whose answers are wrong now. */
static void leave_all(struct fastpath *f)
{
	for (size_t i = 0; i < f->link_count; i++)
		link_leave(&f->links[i]);
	f->link_count = 0;
	program_drop(f, f->program);
	f->program = NULL;
}

struct fastpath_next *fastpath_next_new(const struct fastpath *f, const struct catalog *catalog)
{
	struct fastpath_next *next;
	struct snapshot *snap;

	if (catalog->conf->xdp.interface_count == 0)
		return NULL;
	next = x_new(struct fastpath_next);
	next->catalog = catalog;
	snap = snapshot_new(catalog, NULL);
	next->err = xdp_program_new(&next->program, snap, f->seed, &next->why);
	free(snap);
	return next;
}

void fastpath_next_free(struct fastpath_next *next)
{
	if (!next)
		return;
	xdp_program_free(next->program);
	free(next);
}

void fastpath_next_set(struct fastpath *f, struct fastpath_next *next)
{
	fastpath_next_free(f->next);
	f->next = next;
}

static void catalog_change(struct fastpath *f, const struct snapshot *snap)
{
	const struct geodns_conf *conf = snap->catalog->conf;
	struct xdp_program *old = f->program;

	if (!f->next || f->next->catalog != snap->catalog)
		fastpath_next_set(f, fastpath_next_new(f, snap->catalog));
	if (!f->next) {
		leave_all(f);
		return;
	}
	if (f->next->program) {
		f->program = f->next->program;
		f->next->program = NULL;
		xdp_program_update(f->program, snap);
		links_renew(f, &conf->xdp);
		program_drop(f, old);
	} else {
		const char *why = f->next->why ? f->next->why : error_text(-f->next->err);

		leave_all(f);
		links_name(f->links, &conf->xdp, why);
		f->link_count = conf->xdp.interface_count;
		log_warn("xdp: off, user space answers: %s", why);
	}
	fastpath_next_set(f, NULL);
}

void fastpath_publish(void *fastpath, const struct snapshot *snap)
{
	struct fastpath *f = fastpath;

	if (f->catalog != snap->catalog)
		catalog_change(f, snap);
	else if (f->program)
		xdp_program_update(f->program, snap);
	f->catalog = snap->catalog;
}

void fastpath_free(struct fastpath *fastpath)
{
	if (!fastpath)
		return;
	leave_all(fastpath);
	fastpath_next_free(fastpath->next);
	free(fastpath);
}

/* The kernel takes it off an interface that goes. */
static bool link_is_off(const struct link *link)
{
	struct bpf_link_info info = { .id = 0 };
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(link->fd, &info, &size) < 0 || info.xdp.ifindex == 0;
}

bool fastpath_place(const struct fastpath *f, size_t i, struct fastpath_place *out)
{
	const struct link *link = &f->links[i];

	if (i >= f->link_count)
		return false;
	*out = (struct fastpath_place){ link->interface, link->mode, link->why };
	if (link->fd >= 0 && link_is_off(link)) {
		out->mode = NULL;
		out->why = error_text(ENODEV);
	}
	return true;
}

struct xdp_counts fastpath_counts(const struct fastpath *fastpath)
{
	struct xdp_counts sum = fastpath->before;

	if (fastpath->program)
		xdp_program_count(fastpath->program, &sum);
	return sum;
}

uint64_t fastpath_tally(const struct fastpath *fastpath, size_t name, size_t target)
{
	return fastpath->program ? xdp_program_tally(fastpath->program, name, target) : 0;
}

void fastpath_count(const struct fastpath *fastpath, struct counters *sum)
{
	const struct xdp_counts counts = fastpath_counts(fastpath);
	const uint64_t answered = counts.answered[0] + counts.answered[1];
	const uint64_t limited = counts.limited[0] + counts.limited[1];

	sum->queries[COUNTERS_UDP4] += counts.answered[0] + counts.limited[0];
	sum->queries[COUNTERS_UDP6] += counts.answered[1] + counts.limited[1];
	sum->cookies[DNS_COOKIE_NONE] += answered + limited;
	sum->replies[DNS_NOERROR] += answered + limited - counts.dropped;
	sum->geographic += answered;
	sum->limited += limited;
	sum->truncated += limited - counts.dropped;
	sum->dropped += counts.dropped;
	sum->ecs += counts.ecs;
}

const char *fastpath_reason_name(enum xdp_reason reason)
{
	static const char *const names[XDP_REASONS] = {
		[XDP_UP_LENGTH] = "length", [XDP_UP_HEADER] = "header", [XDP_UP_NAME] = "name",
		[XDP_UP_TYPE] = "type",	    [XDP_UP_EDNS] = "edns",	[XDP_UP_OTHER] = "other",
		[XDP_UP_POLICY] = "policy", [XDP_UP_SIGNED] = "signed", [XDP_UP_EMPTY] = "empty",
		[XDP_UP_ROOM] = "room",
	};

	return names[reason];
}
