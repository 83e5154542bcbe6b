/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/dataplane/front.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lb/dataplane/front.skel.h"
#include "lb/dataplane/front_state.h"
#include "lib/alloc.h"

#define FLOWS_DEFAULT	    1048576
#define HALF_BUCKETS	    65536
#define HALF_PREFIX_DEFAULT 1000
#define SPARE_TABLES	    2 /* one is written while another may still be read */

/* ---- maps ---- */

static int map_share(struct front *f, const struct bpf_map *map, void *at)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t octets = bpf_map__max_entries(map) * (((size_t)bpf_map__value_size(map) + 7) & ~7UL);
	void *shared;

	octets = (octets + page - 1) / page * page;
	shared = mmap(NULL, octets, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (shared == MAP_FAILED)
		return -errno;
	f->maps[f->map_count++] = (struct front_mapped){ shared, octets };
	memcpy(at, &shared, sizeof(shared));
	return 0;
}

static int maps_share(struct front *f)
{
	const struct {
		const struct bpf_map *map;
		void *at; /* of a pointer */
	} maps[] = {
		{ f->object->maps.pops, &f->pops },
		{ f->object->maps.asking, &f->asking },
		{ f->object->maps.maglev, &f->maglev },
		{ f->object->maps.tallies, &f->tallies },
		{ f->object->maps.flows, &f->flows },
		{ f->object->maps.half, &f->half },
		{ f->object->maps.cap, &f->cap },
		{ f->object->maps.networks, &f->networks },
		{ f->object->maps.places, &f->places },
		{ f->object->maps.forwarding, &f->forwarding },
	};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		int err = map_share(f, maps[i].map, maps[i].at);

		if (err)
			return err;
	}
	return 0;
}

static uint32_t maglev_chunks(const struct front *f)
{
	const uint64_t entries =
		(uint64_t)(f->options.services + SPARE_TABLES) * f->options.maglev_size;

	return f->options.services ? (uint32_t)((entries + 31) / 32) : 1;
}

static int sizes_set(struct front *f)
{
	const struct {
		struct bpf_map *map;
		uint32_t entries;
	} sizes[] = {
		{ f->object->maps.flows, f->buckets },
		{ f->object->maps.half, f->half_buckets },
		{ f->object->maps.maglev, maglev_chunks(f) },
		{ f->object->maps.tallies, f->processors },
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int err = bpf_map__set_max_entries(sizes[i].map, sizes[i].entries);

		if (err)
			return err;
	}
	return 0;
}

/* ---- what stays ---- */

static char *pin_path(const struct front *f, const char *name)
{
	return xasprintf("%s/%s", f->pin, name);
}

/* The key belongs to the table: one without the other is of no use. */
struct pinned_key {
	struct siphash_key key;
	uint32_t buckets;
	uint32_t layout;
};

#define PINNED_LAYOUT 2

/* Takes over what a predecessor has left, if it is of the same size. */
static bool key_take_over(struct front *f, const char *path)
{
	struct pinned_key pinned = { 0 };
	const uint32_t zero = 0;
	int fd = bpf_obj_get(path);
	bool is_same;

	if (fd < 0)
		return false;
	is_same = bpf_map_lookup_elem(fd, &zero, &pinned) == 0 && pinned.buckets == f->buckets &&
		  pinned.layout == PINNED_LAYOUT;
	close(fd);
	if (is_same)
		f->key = pinned.key;
	return is_same;
}

static int key_pin(const struct front *f, const char *path)
{
	const struct pinned_key pinned = { f->key, f->buckets, PINNED_LAYOUT };
	const uint32_t zero = 0;
	int fd, err = 0;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "front_key", sizeof(zero), sizeof(pinned), 1, NULL);
	if (fd < 0)
		return -errno;
	if (bpf_map_update_elem(fd, &zero, &pinned, BPF_ANY) || bpf_obj_pin(fd, path))
		err = -errno;
	close(fd);
	return err;
}

static int pins_prepare(struct front *f)
{
	char *key = pin_path(f, "key"), *flows = pin_path(f, "flows");
	char *places = pin_path(f, "places"), *forwarding = pin_path(f, "forwarding");
	int err = 0;

	if (mkdir(f->pin, 0700) && errno != EEXIST)
		err = -errno;
	if (!err && !key_take_over(f, key)) {
		unlink(flows);
		unlink(places);
		unlink(key);
		err = key_pin(f, key);
	}
	if (!err)
		err = bpf_map__set_pin_path(f->object->maps.flows, flows);
	if (!err)
		err = bpf_map__set_pin_path(f->object->maps.places, places);
	if (!err)
		err = bpf_map__set_pin_path(f->object->maps.forwarding, forwarding);
	free(forwarding);
	free(places);
	free(key);
	free(flows);
	return err;
}

static void pins_remove(const struct front *f)
{
	const char *const names[] = { "key", "flows", "places", "forwarding" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = pin_path(f, names[i]);

		unlink(path);
		free(path);
	}
	rmdir(f->pin);
}

/* ---- the program ---- */

static void settings_set(struct front *f)
{
	const struct front_options *o = &f->options;
	const struct front_settings settings = {
		.secret = f->secret,
		.key = { f->key.k0, f->key.k1 },
		.plane = o->plane,
		.buckets = f->buckets,
		.half_buckets = f->half_buckets,
		.maglev_size = o->maglev_size,
		.gue_port = htons(o->gue_port),
		.ask_prefix = o->ask_prefix,
		.ask_all = o->ask_all,
		.half_prefix_max = o->half_prefix_max,
		.short_way = o->plane == FRONT_XDP && !o->long_way_only,
	};

	memcpy((void *)&f->object->rodata->settings, &settings, sizeof(settings));
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct front *f = ctx;
	const struct front_record *record = data;
	const struct front_packet packet = {
		.key = record->key,
		.kind = (enum front_kind)record->kind,
		.at_ns = record->at_ns,
		.tcp_flags = record->tcp_flags,
		.is_error = record->is_error,
		.pop = record->pop,
		.row = record->row,
		.data = (const uint8_t *)(record + 1),
		.len = record->taken,
		.is_cut = record->taken < record->len,
	};

	if (size >= sizeof(*record) + record->taken)
		f->options.on_packet(f->options.ctx, &packet);
	/* What ends the turn has been consumed all the same. */
	return --f->turn > 0 ? 0 : -EAGAIN;
}

static int program_load(struct front *f)
{
	int err;

	f->object = front_bpf__open();
	if (!f->object)
		return -errno;
	err = sizes_set(f);
	if (!err && f->pin)
		err = pins_prepare(f);
	if (err)
		return err;
	flow_secret_make(&f->secret, &f->key);
	settings_set(f);
	err = front_bpf__load(f->object);
	if (err)
		return err;
	f->program = bpf_program__fd(f->object->progs.catchment_front);
	f->known = bpf_program__fd(f->object->progs.catchment_known);
	f->probe = bpf_program__fd(f->object->progs.catchment_probe);
	f->pop_slots = bpf_map__fd(f->object->maps.pop_slots);
	f->live = (struct front_live *)&f->object->bss->live;
	f->vip_slots = f->object->bss->vips;
	f->origins = f->object->bss->origins;
	err = maps_share(f);
	if (err)
		return err;
	f->ring = ring_buffer__new(bpf_map__fd(f->object->maps.ring), on_record, f, NULL);
	return f->ring ? 0 : -errno;
}

static void defaults_set(struct front_options *o)
{
	if (o->flows == 0)
		o->flows = FLOWS_DEFAULT;
	if (o->ask_prefix.burst == 0)
		o->ask_prefix = FRONT_ASK_PREFIX;
	if (o->ask_all.burst == 0)
		o->ask_all = FRONT_ASK_ALL;
	if (o->half_prefix_max == 0)
		o->half_prefix_max = HALF_PREFIX_DEFAULT;
	if (o->plane == FRONT_LOCAL)
		o->services = 0;
}

/* The first places are the services', as if each had had a table; so the last are free. */
static void tables_set(struct front *f)
{
	f->tables = xcalloc(f->options.services + 1, sizeof(*f->tables));
	f->spare_tables = xcalloc(SPARE_TABLES, sizeof(*f->spare_tables));
	for (unsigned i = 0; i < f->options.services; i++)
		f->tables[i] = i * f->options.maglev_size;
	for (unsigned i = 0; i < SPARE_TABLES; i++)
		f->spare_tables[i] = (f->options.services + i) * f->options.maglev_size;
}

static const char *reason_of(int err)
{
	if (err == -EPERM || err == -EACCES)
		return "needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, or root";
	return NULL;
}

int front_new(struct front **out, const struct front_options *options, const char **why)
{
	int processors = libbpf_num_possible_cpus(), err;
	struct front *f;

	*why = NULL;
	if (processors < 0)
		return processors;
	/* What there is to say, the caller says in one line. */
	libbpf_set_print(NULL);
	f = x_new(struct front);
	f->options = *options;
	defaults_set(&f->options);
	f->pin = options->pin ? xstrdup(options->pin) : NULL;
	f->processors = (unsigned)processors;
	f->buckets = flow_buckets_for(f->options.flows);
	f->half_buckets = f->options.plane == FRONT_XDP ? HALF_BUCKETS : 2;
	for (size_t i = 0; i < FRONT_INTERFACES_MAX; i++)
		f->links[i].fd = -1;
	tables_set(f);
	err = getrandom(&f->key, sizeof(f->key), 0) == (ssize_t)sizeof(f->key) ? program_load(f)
									       : -errno;
	if (!err) {
		front_forwarding_allow(f);
		*out = f;
		return 0;
	}
	*why = reason_of(err);
	front_free(f, true);
	return err;
}

void front_free(struct front *front, bool keep)
{
	if (!front)
		return;
	for (size_t i = 0; i < FRONT_INTERFACES_MAX; i++) {
		if (front->links[i].fd < 0)
			continue;
		if (keep)
			close(front->links[i].fd);
		else
			front_detach(front, front->links[i].interface);
	}
	if (!keep)
		front_forwarding_restore(front);
	if (front->pin && !keep)
		pins_remove(front);
	ring_buffer__free(front->ring);
	for (size_t i = 0; i < front->map_count; i++)
		munmap(front->maps[i].at, front->maps[i].octets);
	front_bpf__destroy(front->object);
	free(front->spare_tables);
	free(front->tables);
	free(front->pin);
	free(front);
}

int front_fd(const struct front *front)
{
	return ring_buffer__epoll_fd(front->ring);
}

int front_read(struct front *front)
{
	int n;

	front->turn = FRONT_READ_MAX;
	n = ring_buffer__consume(front->ring);
	return n == -EAGAIN ? FRONT_READ_MAX : n;
}

int front_program_fd(const struct front *front)
{
	return front->program;
}
