/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/reload.h"

#include <libgen.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "geodns/descriptors.h"
#include "geodns/dns/name.h"
#include "geodns/dnssec/keys.h"
#include "geodns/geodns.h"
#include "geodns/tally.h"
#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/pointer.h"
#include "lib/text.h"
#include "lib/thread.h"

/* How much nicer than those that answer the background is. */
#define NICER 10

enum phase { IDLE, LOADING, FREEING };

struct reloader {
	struct geodns *g;
	struct ev_loop *loop;
	const char *path;
	struct ev_async done; /* the thread of the phase has come to its end */
	pthread_t thread;
	enum phase phase;
	bool again;

	/* The thread's, while there is one. */
	const struct catalog *current;
	struct catalog *catalog;   /* loaded, or to be freed */
	struct fastpath_next *xdp; /* of catalog, NULL: none */
	size_t added, removed;	   /* names */
	size_t *name_before;	   /* of catalog's names: index in current, or HEALTH_NAME_NEW */
	struct conf_error err;
	char pointer[POINTER_SIZE]; /* that err is at, or what only a restart can change */

	/* Of the last one that has begun. */
	uint64_t id;
	struct instant begun;
	int64_t took_ms;
	bool refused;
	json_t *changes;
	char reason[400];
	uint64_t counts[2]; /* by refused */
};

/* ---- what differs ---- */

static bool endpoints_equal(const struct endpoint *a, const struct endpoint *b)
{
	return addr_equal(&a->addr, &b->addr) && a->port == b->port;
}

static bool lists_equal(const struct endpoint *a, size_t a_count, const struct endpoint *b,
			size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++) {
		if (!endpoints_equal(&a[i], &b[i]))
			return false;
	}
	return true;
}

static bool apis_equal(const struct geodns_conf *a, const struct geodns_conf *b)
{
	if (!a->has_api || !b->has_api)
		return a->has_api == b->has_api;
	return endpoints_equal(&a->api.listen, &b->api.listen) &&
	       text_equal(a->api.unix_path, b->api.unix_path) &&
	       text_equal(a->api.token, b->api.token);
}

const char *reload_restart_find(const struct geodns_conf *old, const struct geodns_conf *next)
{
	if (!lists_equal(old->listen, old->listen_count, next->listen, next->listen_count))
		return "/listen";
	if (!lists_equal(old->tls.listen, old->tls.listen_count, next->tls.listen,
			 next->tls.listen_count))
		return "/tls/listen";
	if (old->threads != next->threads)
		return "/threads";
	if (!apis_equal(old, next))
		return "/api";
	if (!text_equal(old->state_file, next->state_file))
		return "/state_file";
	if (old->dnssec.signatures_kept != next->dnssec.signatures_kept)
		return "/dnssec/signatures_kept";
	return NULL;
}

static void ds_format(const struct catalog *catalog, size_t zone, char ds[DNSSEC_DS_TEXT_SIZE])
{
	const struct dnssec_keys *keys = zone_keys(catalog->zones[zone]);

	if (keys)
		dnssec_keys_ds_format(keys, catalog->conf->zones[zone].apex, ds);
	else
		snprintf(ds, DNSSEC_DS_TEXT_SIZE, "none");
}

void reload_keys_log(const struct catalog *catalog, const struct catalog *before)
{
	for (size_t i = 0; i < catalog->conf->zone_count; i++) {
		const struct geodns_conf_zone *zone = &catalog->conf->zones[i];
		char ds[DNSSEC_DS_TEXT_SIZE], was[DNSSEC_DS_TEXT_SIZE] = "none";

		for (size_t k = 0; before && k < before->conf->zone_count; k++) {
			if (dns_name_equal(before->conf->zones[k].apex, zone->apex))
				ds_format(before, k, was);
		}
		ds_format(catalog, i, ds);
		if (strcmp(ds, was) == 0)
			continue;
		if (zone_keys(catalog->zones[i]))
			log_info("zone %s: signed, DS %s", zone->text, ds);
		else
			log_warn("zone %s: no longer signed, its DS was %s", zone->text, was);
	}
}

static void names_compare(struct reloader *r)
{
	const struct geodns_conf *old = r->current->conf, *next = r->catalog->conf;

	r->added = r->removed = 0;
	r->name_before = xcalloc(next->name_count + 1, sizeof(*r->name_before));
	for (size_t i = 0; i < next->name_count; i++) {
		const struct geo_name *was = catalog_name_find(r->current, next->names[i].owner);

		r->added += !was;
		r->name_before[i] = was ? (size_t)(was - old->names) : HEALTH_NAME_NEW;
	}
	for (size_t i = 0; i < old->name_count; i++)
		r->removed += !catalog_name_find(r->catalog, old->names[i].owner);
}

/* ---- in the background ---- */

static void *load_run(void *arg)
{
	struct reloader *r = arg;
	json_t *document;
	struct geodns_conf *conf = geodns_conf_read(r->path, &document, &r->err);
	char *copy = xstrdup(r->path);

	if (conf)
		r->catalog = catalog_load(conf, dirname(copy), &r->err);
	free(copy);
	if (document && r->err.set)
		pointer_write(r->pointer, "", document, r->err.path);
	json_decref(document);
	if (r->catalog)
		names_compare(r);
	/* After all else that takes long, and before anybody waits for it. */
	if (r->catalog && r->g->xdp)
		r->xdp = fastpath_next_new(r->g->xdp, r->catalog);
	ev_async_send(r->loop, &r->done);
	return NULL;
}

static void *free_run(void *arg)
{
	struct reloader *r = arg;

	fastpath_next_free(r->xdp);
	r->xdp = NULL;
	catalog_free(r->catalog);
	r->catalog = NULL;
	malloc_trim(0);
	ev_async_send(r->loop, &r->done);
	return NULL;
}

struct niced {
	void *(*run)(void *);
	struct reloader *r;
};

static void *niced_run(void *arg)
{
	struct niced n = *(struct niced *)arg;
	id_t self = (id_t)gettid();

	free(arg);
	setpriority(PRIO_PROCESS, self, getpriority(PRIO_PROCESS, self) + NICER);
	return n.run(n.r);
}

/* Where no thread can be had, the loop does it, late rather than not. */
static void thread_start(struct reloader *r, enum phase phase, void *(*run)(void *))
{
	struct niced *n = x_new(struct niced);
	int err;

	*n = (struct niced){ run, r };
	r->phase = phase;
	err = thread_spawn(&r->thread, NULL, niced_run, n);
	if (!err)
		return;
	log_warn("reload: no thread for it: %s", strerror(-err));
	free(n);
	r->thread = pthread_self();
	run(r);
}

static void thread_join(const struct reloader *r)
{
	if (!pthread_equal(r->thread, pthread_self()))
		pthread_join(r->thread, NULL);
}

static void load_start(struct reloader *r)
{
	json_decref(r->changes);
	r->changes = NULL;
	r->id++;
	r->again = false;
	r->refused = false;
	r->begun = clock_now();
	r->pointer[0] = r->reason[0] = '\0';
	r->current = r->g->catalog;
	r->catalog = NULL;
	free(r->name_before);
	r->name_before = NULL;
	r->err = (struct conf_error){ 0 };
	thread_start(r, LOADING, load_run);
}

/* ---- its end ---- */

static void refuse(struct reloader *r)
{
	struct event_log *log = r->g->log;

	r->refused = true;
	r->counts[true]++;
	log_warn("reload: nothing has changed: %s: %s", r->path, r->reason);
	event_log_add(log, clock_now(), "reload_refused",
		      json_pack("{s:I,s:s,s:s?}", "reload", (json_int_t)r->id, "reason", r->reason,
				"pointer", r->pointer[0] ? r->pointer : NULL));
}

/* What a catalog that has loaded may still be refused for. */
static bool is_applicable(struct reloader *r)
{
	const struct geodns_conf *old = r->g->catalog->conf, *next = r->catalog->conf;
	const char *restart = reload_restart_find(old, next);

	if (restart) {
		snprintf(r->pointer, sizeof(r->pointer), "%s", restart);
		snprintf(r->reason, sizeof(r->reason), "%s: only a restart can change that",
			 restart + 1);
		return false;
	}
	return descriptors_allow(next, r->reason, sizeof(r->reason));
}

static void apply(struct reloader *r)
{
	struct geodns *g = r->g;
	struct catalog *old = g->catalog, *next = r->catalog;
	const struct instant begun = clock_now();
	size_t kept;

	if (g->xdp)
		fastpath_next_set(g->xdp, r->xdp);
	r->xdp = NULL;
	kept = health_adopt(g->health, next, r->name_before);
	tally_inherit(next->tally, old->tally, r->name_before); /* nobody writes to the old one */
	tcp_server_catalog_set(g->tcp, next);
	reload_keys_log(next, old);
	g->catalog = next;
	r->catalog = old;
	r->counts[false]++;
	r->changes = json_pack("{s:i,s:i,s:i,s:i,s:i}", "names_added", (int)r->added,
			       "names_removed", (int)r->removed, "checks_kept", (int)kept,
			       "checks_added", (int)(next->conf->check_count - kept),
			       "checks_removed", (int)(old->conf->check_count - kept));
	log_info(
		"reload: done in %lld ms, put in place in %lld us: %zu zones, %zu geographic names",
		(long long)r->took_ms, (long long)(clock_now().ns - begun.ns) / 1000,
		next->conf->zone_count, next->conf->name_count);
	event_log_add(g->log, clock_now(), "reloaded",
		      json_pack("{s:I,s:I,s:O}", "reload", (json_int_t)r->id, "took_ms",
				(json_int_t)r->took_ms, "changes", r->changes));
}

static void on_loaded(struct reloader *r)
{
	r->took_ms = (clock_now().ns - r->begun.ns) / NS_PER_MS;
	if (!r->catalog) {
		conf_error_format(&r->err, r->reason, sizeof(r->reason));
		refuse(r);
		r->phase = IDLE;
		return;
	}
	if (is_applicable(r))
		apply(r);
	else
		refuse(r);
	thread_start(r, FREEING, free_run);
}

static void on_done(struct ev_loop *loop, struct ev_async *async, int events)
{
	struct reloader *r = async->data;

	(void)loop;
	(void)events;
	thread_join(r);
	switch (r->phase) {
	case IDLE:
		return;
	case LOADING:
		on_loaded(r);
		break;
	case FREEING:
		r->phase = IDLE;
		break;
	}
	if (r->phase == IDLE && r->again)
		load_start(r);
}

uint64_t reloader_request(struct reloader *r)
{
	if (r->phase == IDLE) {
		load_start(r);
		return r->id;
	}
	r->again = true;
	return r->id + 1;
}

struct reloader *reloader_new(struct geodns *g, struct ev_loop *loop, const char *path)
{
	struct reloader *r = x_new(struct reloader);

	r->g = g;
	r->loop = loop;
	r->path = path;
	ev_async_init(&r->done, on_done);
	r->done.data = r;
	ev_async_start(loop, &r->done);
	return r;
}

void reloader_free(struct reloader *r)
{
	if (!r)
		return;
	ev_async_stop(r->loop, &r->done);
	if (r->phase != IDLE)
		thread_join(r);
	fastpath_next_free(r->xdp);
	catalog_free(r->catalog);
	free(r->name_before);
	json_decref(r->changes);
	free(r);
}

/* ---- what is told ---- */

static const char *state_name(const struct reloader *r)
{
	if (!r || r->id == 0)
		return "none";
	if (r->phase == LOADING)
		return "loading";
	return r->refused ? "refused" : "applied";
}

json_t *reloader_status(const struct reloader *r)
{
	bool ended = r && r->id > 0 && r->phase != LOADING;
	json_t *json =
		json_pack("{s:I,s:s}", "reload", r ? (json_int_t)r->id : 0, "state", state_name(r));

	if (ended)
		json_object_set_new(json, "took_ms", json_integer(r->took_ms));
	if (ended && r->refused) {
		json_object_set_new(json, "reason", json_string(r->reason));
		if (r->pointer[0])
			json_object_set_new(json, "pointer", json_string(r->pointer));
	} else if (ended) {
		json_object_set(json, "changes", r->changes);
	}
	return json;
}

void reloader_count(const struct reloader *r, uint64_t *applied, uint64_t *refused)
{
	*applied = r ? r->counts[false] : 0;
	*refused = r ? r->counts[true] : 0;
}
