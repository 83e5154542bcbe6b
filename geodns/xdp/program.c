/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/xdp/program.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "geodns/xdp/answer.skel.h"
#include "geodns/xdp/table.h"
#include "lib/alloc.h"

struct mapped {
	void *at; /* NULL: it is not */
	size_t octets;
};

struct xdp_program {
	const struct catalog *catalog;
	struct answer_bpf *object;
	struct xdp_table *table;
	unsigned processors;
	size_t octets; /* of all maps */
	struct mapped maps[XDP_ARRAY_COUNT];
};

static struct bpf_map *map_of(const struct answer_bpf *object, enum xdp_array_id id)
{
#define XDP_MAP_OF(name, type, per) [XDP_ARRAY_##name] = object->maps.name,
	struct bpf_map *const maps[] = { XDP_ARRAYS(XDP_MAP_OF) };
#undef XDP_MAP_OF

	return maps[id];
}

static int sizes_set(struct xdp_program *p)
{
	for (unsigned id = 0; id < XDP_ARRAY_COUNT; id++) {
		const struct xdp_array array = xdp_table_array(p->table, (enum xdp_array_id)id);
		int err;

		if (array.elements > UINT32_MAX)
			return -E2BIG;
		err = bpf_map__set_max_entries(map_of(p->object, (enum xdp_array_id)id),
					       (uint32_t)array.elements);
		if (err)
			return err;
	}
	return 0;
}

static void unmap(struct mapped *mapped)
{
	if (mapped->at)
		munmap(mapped->at, mapped->octets);
	mapped->at = NULL;
}

static int map_fill(struct xdp_program *p, enum xdp_array_id id)
{
	const struct xdp_array array = xdp_table_array(p->table, id);
	const struct bpf_map *map = map_of(p->object, id);
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t octets = array.elements * bpf_map__value_size(map);
	void *at;

	octets = (octets + page - 1) / page * page;
	at = mmap(NULL, octets, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (at == MAP_FAILED)
		return -errno;
	p->maps[id] = (struct mapped){ at, octets };
	p->octets += octets;
	if (array.data)
		memcpy(at, array.data, array.octets);
	return 0;
}

/* What does not change any more need not be mapped, either. */
static int maps_fill(struct xdp_program *p)
{
	for (unsigned id = 0; id < XDP_ARRAY_COUNT; id++) {
		int err = map_fill(p, (enum xdp_array_id)id);

		if (err)
			return err;
		if (id != XDP_ARRAY_sets && id != XDP_ARRAY_ttls && id != XDP_ARRAY_tally &&
		    id != XDP_ARRAY_counts)
			unmap(&p->maps[id]);
	}
	xdp_table_settle(p->table, p->maps[XDP_ARRAY_sets].at, p->maps[XDP_ARRAY_ttls].at);
	return 0;
}

static int program_load(struct xdp_program *p)
{
	int err;

	p->object = answer_bpf__open();
	if (!p->object)
		return -errno;
	err = sizes_set(p);
	if (err)
		return err;
	memcpy((void *)&p->object->rodata->settings, xdp_table_settings(p->table),
	       sizeof(struct xdp_settings));
	err = answer_bpf__load(p->object);
	return err ? err : maps_fill(p);
}

int xdp_program_new(struct xdp_program **out, const struct snapshot *snap, uint64_t seed,
		    const char **why)
{
	struct xdp_program *p;
	int processors = libbpf_num_possible_cpus(), err;

	*why = NULL;
	if (processors < 0)
		return processors;
	p = x_new(struct xdp_program);
	p->catalog = snap->catalog;
	p->processors = (unsigned)processors;
	p->table = xdp_table_new(snap, p->processors, seed, why);
	err = p->table ? program_load(p) : -EOPNOTSUPP;
	if (!err)
		*out = p;
	else
		xdp_program_free(p);
	return err;
}

void xdp_program_free(struct xdp_program *program)
{
	if (!program)
		return;
	for (unsigned id = 0; id < XDP_ARRAY_COUNT; id++)
		unmap(&program->maps[id]);
	answer_bpf__destroy(program->object);
	xdp_table_free(program->table);
	free(program);
}

int xdp_program_fd(const struct xdp_program *program)
{
	return bpf_program__fd(program->object->progs.geodns_answer);
}

const struct catalog *xdp_program_catalog(const struct xdp_program *program)
{
	return program->catalog;
}

size_t xdp_program_octets(const struct xdp_program *program)
{
	return program->octets;
}

size_t xdp_program_names(const struct xdp_program *program)
{
	return xdp_table_answered(program->table);
}

void xdp_program_update(struct xdp_program *program, const struct snapshot *snap)
{
	xdp_table_update(program->table, snap);
}

static uint64_t counter(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

void xdp_program_count(const struct xdp_program *program, struct xdp_counts *sum)
{
	const struct xdp_counts *rows = program->maps[XDP_ARRAY_counts].at;

	for (unsigned i = 0; i < program->processors; i++) {
		sum->answered[0] += counter(&rows[i].answered[0]);
		sum->answered[1] += counter(&rows[i].answered[1]);
		sum->limited[0] += counter(&rows[i].limited[0]);
		sum->limited[1] += counter(&rows[i].limited[1]);
		sum->dropped += counter(&rows[i].dropped);
		sum->ecs += counter(&rows[i].ecs);
		for (unsigned k = 0; k < XDP_REASONS; k++)
			sum->up[k] += counter(&rows[i].up[k]);
	}
}

uint64_t xdp_program_tally(const struct xdp_program *program, size_t name, size_t target)
{
	const uint64_t *rows = program->maps[XDP_ARRAY_tally].at;
	const size_t stride = xdp_table_settings(program->table)->target_count;
	int64_t first = xdp_table_first_target(program->table, name);
	uint64_t sum = 0;

	for (unsigned i = 0; first >= 0 && i < program->processors; i++)
		sum += counter(&rows[i * stride + (size_t)first + target]);
	return sum;
}
