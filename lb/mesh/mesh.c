/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/mesh/mesh.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lb/mesh/socket.h"
#include "lib/alloc.h"

/* Of one readiness: others have their turn in the loop, too. */
#define BATCHES_A_TURN 16
/* Before anybody is taken for dead: what has come while we slept, a whole buffer at most. */
#define BATCHES_MAX 128

struct line {
	struct mesh *mesh;
	struct addr address; /* ADDR_NONE: none of this family */
	uint16_t port;
	int fd;
	struct ev_io io;
	size_t count; /* in out */
	struct mesh_datagram out[MESH_BATCH];
};

enum { IPV4, IPV6, FAMILIES };

struct mesh {
	struct ev_loop *loop;
	struct mesh_core core;
	struct line *lines[FAMILIES];
	struct line *prepared[FAMILIES]; /* by mesh_prepare(): the same as lines, or new */
	struct ev_timer timer;
	struct ev_prepare prepare;
	bool unsettled; /* something has been said in this turn of the loop */
	struct instant next_load;
	uint64_t lost;
	struct mesh_datagram in[MESH_BATCH];
};

/* ---- sockets ---- */

static void line_free(struct line *line)
{
	if (!line)
		return;
	if (line->mesh)
		ev_io_stop(line->mesh->loop, &line->io);
	if (line->fd >= 0)
		close(line->fd);
	free(line);
}

/* *out NULL where there is no address. */
static int line_new(struct line **out, const struct addr *address, uint16_t port)
{
	struct line *line;
	int fd;

	*out = NULL;
	if (address->family == ADDR_NONE)
		return 0;
	fd = mesh_socket_open(address, port);
	if (fd < 0)
		return fd;
	line = x_new(struct line);
	line->address = *address;
	line->port = port;
	line->fd = fd;
	*out = line;
	return 0;
}

static void flush_line(struct mesh *mesh, struct line *line)
{
	if (!line || line->count == 0)
		return;
	mesh->lost += mesh_socket_send(line->fd, line->out, line->count);
	line->count = 0;
}

static void on_send(void *ctx, const struct endpoint *to, const uint8_t *datagram, size_t len)
{
	struct mesh *mesh = ctx;
	struct line *line = mesh->lines[to->addr.family == ADDR_IPV4 ? IPV4 : IPV6];
	struct mesh_datagram *out;

	if (!line) {
		mesh->lost++;
		return;
	}
	out = &line->out[line->count++];
	out->peer = *to;
	out->len = len;
	memcpy(out->bytes, datagram, len);
	if (line->count == MESH_BATCH)
		flush_line(mesh, line);
}

/* After everything that may have said something or changed the time of what is due. */
static void settle(struct mesh *mesh)
{
	double wait = instant_wait_s(mesh_core_deadline(&mesh->core), clock_now());

	for (int i = 0; i < FAMILIES; i++)
		flush_line(mesh, mesh->lines[i]);
	mesh->unsettled = false;
	ev_timer_stop(mesh->loop, &mesh->timer);
	ev_timer_set(&mesh->timer, wait, 0);
	ev_timer_start(mesh->loop, &mesh->timer);
}

static void receive(struct mesh *mesh, struct line *line, int batches)
{
	size_t count = MESH_BATCH;

	for (int i = 0; i < batches && count == MESH_BATCH; i++) {
		struct instant now;

		count = mesh_socket_receive(line->fd, mesh->in);
		now = clock_now();
		for (size_t j = 0; j < count; j++)
			mesh_core_receive(&mesh->core, &mesh->in[j].peer.addr, mesh->in[j].bytes,
					  mesh->in[j].len, now);
	}
}

static void on_readable(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct line *line = io->data;

	(void)loop;
	(void)revents;
	receive(line->mesh, line, BATCHES_A_TURN);
	settle(line->mesh);
}

static void on_prepare(struct ev_loop *loop, struct ev_prepare *prepare, int revents)
{
	struct mesh *mesh = prepare->data;

	(void)loop;
	(void)revents;
	if (mesh->unsettled)
		settle(mesh);
}

/* Of the whole machine, over the last minute: nobody here knows better. */
static void look_at_load(struct mesh *mesh, struct instant now)
{
	double average, cores = (double)sysconf(_SC_NPROCESSORS_ONLN);

	if (!instant_reached(mesh->next_load, now))
		return;
	mesh->next_load = instant_after_s(now, 1);
	if (getloadavg(&average, 1) == 1 && cores > 0)
		mesh_core_set_load(&mesh->core, (uint32_t)(average / cores * 1000));
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct mesh *mesh = timer->data;

	(void)loop;
	(void)revents;
	/* Whoever has kept this process from its core has not killed the others. */
	for (int i = 0; i < FAMILIES; i++)
		if (mesh->lines[i])
			receive(mesh, mesh->lines[i], BATCHES_MAX);
	look_at_load(mesh, clock_now());
	mesh_core_step(&mesh->core, clock_now());
	settle(mesh);
}

/* ---- birth and change ---- */

int mesh_prepare(struct mesh *mesh, const struct mesh_conf *conf, struct endpoint *failed)
{
	const struct addr *addresses[FAMILIES] = { &conf->address4, &conf->address6 };
	int err = 0;

	for (int i = 0; i < FAMILIES; i++)
		mesh->prepared[i] = mesh->lines[i];
	for (int i = 0; i < FAMILIES && !err; i++) {
		struct line *line = mesh->lines[i];

		if (line && addr_equal(&line->address, addresses[i]) && line->port == conf->port)
			continue;
		err = line_new(&mesh->prepared[i], addresses[i], conf->port);
		if (err)
			*failed = (struct endpoint){ *addresses[i], conf->port };
	}
	if (err)
		mesh_unprepare(mesh);
	return err;
}

void mesh_unprepare(struct mesh *mesh)
{
	for (int i = 0; i < FAMILIES; i++) {
		if (mesh->prepared[i] != mesh->lines[i])
			line_free(mesh->prepared[i]);
		mesh->prepared[i] = NULL;
	}
}

static void take_line(struct mesh *mesh, int family)
{
	struct line *line = mesh->prepared[family];

	mesh->prepared[family] = NULL;
	if (line == mesh->lines[family])
		return;
	line_free(mesh->lines[family]);
	mesh->lines[family] = line;
	if (!line)
		return;
	line->mesh = mesh;
	ev_io_init(&line->io, on_readable, line->fd, EV_READ);
	line->io.data = line;
	ev_io_start(mesh->loop, &line->io);
}

void mesh_reload(struct mesh *mesh, const struct mesh_conf *conf)
{
	/* Who goes is told from where he knows us, who comes from where he will. */
	mesh_core_reload(&mesh->core, conf, clock_now());
	for (int i = 0; i < FAMILIES; i++) {
		flush_line(mesh, mesh->lines[i]);
		take_line(mesh, i);
	}
	settle(mesh);
}

static struct mesh_life new_life(void)
{
	struct mesh_life life;

	do
		mesh_random(&life, sizeof(life));
	while (life.boot == 0);
	return life;
}

int mesh_new(struct mesh **out, struct ev_loop *loop, const struct mesh_conf *conf,
	     const struct mesh_handlers *handlers, struct endpoint *failed)
{
	struct mesh_handlers own = *handlers;
	struct mesh_life life;
	struct mesh *mesh;
	int err;

	if (!mesh_seal_init())
		return -ENOSYS;
	mesh = x_new(struct mesh);
	mesh->loop = loop;
	ev_init(&mesh->timer, on_timer);
	ev_prepare_init(&mesh->prepare, on_prepare);
	mesh->timer.data = mesh->prepare.data = mesh;
	ev_prepare_start(loop, &mesh->prepare);
	life = new_life();
	own.send = on_send;
	own.send_ctx = mesh;
	mesh_core_init(&mesh->core, &life, &own, clock_now());
	err = mesh_prepare(mesh, conf, failed);
	if (err) {
		mesh_free(mesh);
		return err;
	}
	mesh_reload(mesh, conf);
	*out = mesh;
	return 0;
}

void mesh_free(struct mesh *mesh)
{
	if (!mesh)
		return;
	ev_timer_stop(mesh->loop, &mesh->timer);
	ev_prepare_stop(mesh->loop, &mesh->prepare);
	for (int i = 0; i < FAMILIES; i++)
		line_free(mesh->lines[i]);
	mesh_core_fini(&mesh->core);
	free(mesh);
}

/* ---- for the others ---- */

const struct mesh_core *mesh_core(const struct mesh *mesh)
{
	return &mesh->core;
}

uint32_t mesh_epoch(const struct mesh *mesh)
{
	return mesh->core.life.epoch;
}

uint64_t mesh_lost(const struct mesh *mesh)
{
	return mesh->lost;
}

size_t mesh_find(const struct mesh *mesh, const char *name)
{
	for (size_t i = 0; i < mesh->core.slot_count; i++)
		if (mesh->core.slots[i] && strcmp(mesh->core.slots[i]->name, name) == 0)
			return i;
	return SIZE_MAX;
}

void mesh_say(struct mesh *mesh, enum mesh_word word, uint32_t for_ms)
{
	mesh_core_say(&mesh->core, word, for_ms, clock_now());
	settle(mesh);
}

void mesh_set_vips(struct mesh *mesh, const struct mesh_vip *vips, size_t count)
{
	mesh_core_set_vips(&mesh->core, vips, count, clock_now());
	mesh->unsettled = true;
}

bool mesh_ask(struct mesh *mesh, size_t slot, uint64_t id, const uint8_t flow[MESH_FLOW_SIZE])
{
	mesh->unsettled = true;
	return mesh_core_ask(&mesh->core, slot, id, flow);
}

void mesh_answer(struct mesh *mesh, size_t slot, const struct mesh_answer *answer)
{
	mesh_core_answer(&mesh->core, slot, answer);
	mesh->unsettled = true;
}

void mesh_gone(struct mesh *mesh, size_t slot, const uint8_t flow[MESH_FLOW_SIZE])
{
	mesh_core_gone(&mesh->core, slot, flow);
	mesh->unsettled = true;
}

void mesh_served(struct mesh *mesh, const uint8_t client[16])
{
	mesh_core_served(&mesh->core, client);
	mesh->unsettled = true;
}

bool mesh_others_announce(const struct mesh *mesh, const char *vip)
{
	return mesh_core_announcers(&mesh->core, mesh_name_hash(vip)) > 0;
}
