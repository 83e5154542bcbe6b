/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The loop is: wait until a TAP is readable, a command has come or a packet or
 * a sample is due; read what there is into each direction's queue; hand over what is due.
 * A direction's packets are in order of their due times, so a heap of
 * directions by the due time of their first packet finds the next one.
 *
 * Precision: the wait is epoll_pwait2() with a nanosecond time-out and the
 * least timer slack. Due times count from the read, which under SCHED_FIFO
 * follows the send within some 20 microseconds; handing over takes about as
 * long to reach the far stack. TRANSIT_NS of that is taken off the delay, so
 * that what the nodes see is what was asked for. It lies between what idle
 * wires show (about 32 us, waking the processor included) and busy ones (18).
 *
 * In turns (a quantum) the thread sleeps to the next one in place of the wait. It is not
 * woken for a packet then, which with many of them is most of what a packet costs, and it does not
 * take the core from who sends.
 */
#include "testbed/wire/engine.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/wire/frame.h"
#include "testbed/wire/tap.h"

#define READ_BUDGET 32 /* packets from one TAP before the others have their turn */
#define EVENTS_MAX  64
#define TRANSIT_NS  20000
#define SAMPLE_NS   (5 * NS_PER_MS)

struct packet {
	struct packet *next;
	struct instant due;
	size_t len;
	uint8_t data[];
};

/* What enters at one end and leaves at the other. */
struct direction {
	struct wire_queue queue;
	struct packet *first, **last;
	int fd;		/* of the end where packets enter, -1 when unplugged */
	bool cut;	/* that end is dead */
	bool severed;	/* the whole wire is */
	size_t heap_at; /* place in the heap, 0 when idle */
};

enum command_kind { COMMAND_PLUG, COMMAND_CUT, COMMAND_SEVER, COMMAND_STATS, COMMAND_STOP };

/* On the caller's stack, who waits for done. */
struct command {
	enum command_kind kind;
	const struct wire_end *ends;
	size_t count;
	int fd; /* to plug in, -1 for none; and then the one that was there before */
	bool severed;
	struct instant at;
	struct wire_stats *stats;
	bool reset;
	sem_t done;
};

struct wire_engine {
	pthread_t thread;
	bool realtime;
	int epoll, wakeup;
	struct command *_Atomic pending;
	/*
	 * 2 * wire + end; and as many again, count later, for packets of BGP that are held back.
	 * Those have no fd of their own and are never cut: they are what their first half let in.
	 */
	struct direction *directions;
	size_t count;
	size_t *heap; /* 1-based, indices of directions */
	size_t heap_len;
	struct wire_stats stats;
	struct instant sample; /* the next instant at which the thread should be there */
	int64_t quantum_ns;    /* 0: no turns */
	struct instant turn;   /* the last one */
	bool has_more;	       /* a TAP has had its budget: no sleep before the next look */
	uint8_t frame[TAP_FRAME_MAX];
};

static int64_t due_of(const struct wire_engine *e, size_t heap_index)
{
	return e->directions[e->heap[heap_index]].first->due.ns;
}

static void heap_set(struct wire_engine *e, size_t at, size_t direction)
{
	e->heap[at] = direction;
	e->directions[direction].heap_at = at;
}

static void heap_up(struct wire_engine *e, size_t at)
{
	size_t moving = e->heap[at];
	int64_t due = e->directions[moving].first->due.ns;

	while (at > 1 && due_of(e, at / 2) > due) {
		heap_set(e, at, e->heap[at / 2]);
		at /= 2;
	}
	heap_set(e, at, moving);
}

static void heap_down(struct wire_engine *e, size_t at)
{
	size_t moving = e->heap[at];
	int64_t due = e->directions[moving].first->due.ns;

	for (size_t child = 2 * at; child <= e->heap_len; child = 2 * at) {
		if (child < e->heap_len && due_of(e, child + 1) < due_of(e, child))
			child++;
		if (due_of(e, child) >= due)
			break;
		heap_set(e, at, e->heap[child]);
		at = child;
	}
	heap_set(e, at, moving);
}

static void packet_append(struct wire_engine *e, size_t direction, struct packet *p)
{
	struct direction *d = &e->directions[direction];

	p->next = NULL;
	if (d->first) {
		*d->last = p;
	} else {
		d->first = p;
		e->heap[++e->heap_len] = direction;
		heap_up(e, e->heap_len);
	}
	d->last = &p->next;
}

/* Take the packet that is due first of all. */
static struct packet *packet_take(struct wire_engine *e)
{
	size_t direction = e->heap[1];
	struct direction *d = &e->directions[direction];
	struct packet *p = d->first;

	d->first = p->next;
	if (d->first) {
		heap_down(e, 1);
		return p;
	}
	d->heap_at = 0;
	e->heap[1] = e->heap[e->heap_len--];
	if (e->heap_len > 0)
		heap_down(e, 1);
	return p;
}

static void frames_read(struct wire_engine *e, size_t direction)
{
	struct direction *d = &e->directions[direction];

	for (int i = 0; i < READ_BUDGET && d->fd >= 0; i++) {
		ssize_t n = read(d->fd, e->frame, sizeof(e->frame));
		size_t lane = direction;
		struct instant now, due;
		struct packet *p;

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			/* The node is gone and its device with it: stop hearing of it. */
			epoll_ctl(e->epoll, EPOLL_CTL_DEL, d->fd, NULL);
			return;
		}
		if (n <= TAP_HEADER)
			return;
		now = clock_now();
		if (d->cut || d->severed)
			continue;
		if (d->queue.shape.bgp_delay_ns > 0 &&
		    frame_is_bgp(e->frame + TAP_HEADER, (size_t)n - TAP_HEADER))
			lane += e->count;
		if (!wire_queue_offer(&e->directions[lane].queue, (size_t)n - TAP_HEADER, now,
				      &due)) {
			e->stats.lost++;
			continue;
		}
		p = xmalloc(sizeof(*p) + (size_t)n);
		p->due = due;
		p->len = (size_t)n;
		memcpy(p->data, e->frame, (size_t)n);
		packet_append(e, lane, p);
	}
	e->has_more = true;
}

static void due_deliver(struct wire_engine *e)
{
	while (e->heap_len > 0) {
		size_t direction = e->heap[1];
		const struct direction *out = &e->directions[(direction % e->count) ^ 1];
		struct instant now = clock_now();
		struct packet *p;

		if (!instant_reached(e->directions[direction].first->due, now))
			return;
		p = packet_take(e);
		if (out->fd >= 0 && !out->cut && !out->severed) {
			if (write(out->fd, p->data, p->len) < 0)
				e->stats.dropped++;
			else
				e->stats.delivered++;
			histogram_add(&e->stats.late_ns, now.ns - p->due.ns);
		}
		free(p);
	}
}

/* All the instants that have passed unseen, each as late as it is. */
static void samples_take(struct wire_engine *e)
{
	struct instant now = clock_now();

	for (; instant_reached(e->sample, now); e->sample.ns += SAMPLE_NS)
		histogram_add(&e->stats.unread_ns, now.ns - e->sample.ns);
}

/*
 * Returns what was plugged in before, for the caller to close: closing a TAP device waits for the
 * kernel's network lock, which whoever takes down a namespace holds for a long time.
 */
static int end_plug(struct wire_engine *e, struct wire_end at, int fd)
{
	size_t direction = 2 * at.wire + at.end;
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = direction };
	struct direction *d = &e->directions[direction];
	int before = d->fd;

	if (before >= 0)
		epoll_ctl(e->epoll, EPOLL_CTL_DEL, before, NULL);
	d->fd = fd;
	d->cut = false;
	if (fd >= 0)
		epoll_ctl(e->epoll, EPOLL_CTL_ADD, fd, &ev);
	return before;
}

/* Returns false when the thread shall end. */
static bool command_run(struct wire_engine *e, struct command *c)
{
	switch (c->kind) {
	case COMMAND_PLUG:
		c->fd = end_plug(e, c->ends[0], c->fd);
		break;
	case COMMAND_CUT:
		for (size_t i = 0; i < c->count; i++)
			e->directions[2 * c->ends[i].wire + c->ends[i].end].cut = true;
		c->at = clock_now();
		break;
	case COMMAND_SEVER:
		for (size_t end = 0; end < 2; end++)
			e->directions[2 * c->ends[0].wire + end].severed = c->severed;
		c->at = clock_now();
		break;
	case COMMAND_STATS:
		*c->stats = e->stats;
		if (c->reset)
			memset(&e->stats, 0, sizeof(e->stats));
		break;
	case COMMAND_STOP:
		return false;
	}
	return true;
}

static bool wakeup_handle(struct wire_engine *e)
{
	struct command *c;
	uint64_t count;
	bool go_on;

	if (read(e->wakeup, &count, sizeof(count)) < 0)
		return true;
	c = atomic_exchange_explicit(&e->pending, NULL, memory_order_acquire);
	if (!c)
		return true;
	go_on = command_run(e, c);
	sem_post(&c->done);
	return go_on;
}

/* One that has been missed is now: nothing is caught up on. */
static void turn_await(struct wire_engine *e)
{
	const struct instant now = clock_now();
	const struct instant next = instant_after_ns(e->turn, e->quantum_ns);
	const struct timespec at = { next.ns / NS_PER_S, next.ns % NS_PER_S };

	if (instant_reached(next, now)) {
		e->turn.ns = now.ns - now.ns % e->quantum_ns;
		return;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
	e->turn = next;
}

static int wait_events(struct wire_engine *e, struct epoll_event *events)
{
	struct timespec timeout = { 0 };
	int64_t wait_ns = e->sample.ns;

	if (e->quantum_ns > 0) {
		if (!e->has_more)
			turn_await(e);
		e->has_more = false;
		return epoll_wait(e->epoll, events, EVENTS_MAX, 0);
	}
	if (e->heap_len > 0 && due_of(e, 1) < wait_ns)
		wait_ns = due_of(e, 1);
	wait_ns -= clock_now().ns;
	if (wait_ns > 0) {
		timeout.tv_sec = wait_ns / NS_PER_S;
		timeout.tv_nsec = wait_ns % NS_PER_S;
	}
	return epoll_pwait2(e->epoll, events, EVENTS_MAX, &timeout, NULL);
}

static void *engine_main(void *arg)
{
	struct wire_engine *e = arg;
	struct epoll_event events[EVENTS_MAX];
	bool go_on = true;

	prctl(PR_SET_NAME, "wires");
	prctl(PR_SET_TIMERSLACK, 1);
	/* Of this thread alone, and only where real time was refused does it count. */
	setpriority(PRIO_PROCESS, 0, -20);
	e->sample = clock_now();
	while (go_on) {
		int n = wait_events(e, events);

		samples_take(e);
		for (int i = 0; i < n; i++) {
			if (events[i].data.u64 == e->count)
				go_on = wakeup_handle(e) && go_on;
			else
				frames_read(e, events[i].data.u64);
			/* Between any two, so that a burst on many wires makes no packet late. */
			due_deliver(e);
		}
		if (n <= 0)
			due_deliver(e);
	}
	return NULL;
}

static void command_send(struct wire_engine *e, struct command *c)
{
	const uint64_t one = 1;

	sem_init(&c->done, 0, 0);
	atomic_store_explicit(&e->pending, c, memory_order_release);
	if (write(e->wakeup, &one, sizeof(one)) < 0)
		abort(); /* an eventfd takes a one unless it is broken */
	while (sem_wait(&c->done) < 0 && errno == EINTR)
		;
	sem_destroy(&c->done);
}

/* With real-time priority if the system lets us, else without. */
static int thread_start(struct wire_engine *e)
{
	const struct sched_param param = { .sched_priority = 50 };
	pthread_attr_t attr;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	err = pthread_create(&e->thread, &attr, engine_main, e);
	pthread_attr_destroy(&attr);
	e->realtime = err == 0;
	if (err == EPERM)
		err = pthread_create(&e->thread, NULL, engine_main, e);
	return -err;
}

int wire_engine_new(struct wire_engine **out, const struct wire_shape *shapes, size_t wires,
		    uint64_t seed, int64_t quantum_ns)
{
	struct wire_engine *e = x_new(struct wire_engine);
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 2 * wires };
	int err;

	e->count = 2 * wires;
	e->quantum_ns = quantum_ns;
	e->directions = xcalloc(2 * e->count, sizeof(*e->directions));
	e->heap = xcalloc(2 * e->count + 1, sizeof(*e->heap));
	for (size_t i = 0; i < e->count; i++) {
		struct wire_shape shape = shapes[i];

		shape.delay_ns = shape.delay_ns > TRANSIT_NS ? shape.delay_ns - TRANSIT_NS : 0;
		wire_queue_init(&e->directions[i].queue, &shape, seed + i);
		shape.delay_ns += shape.bgp_delay_ns;
		wire_queue_init(&e->directions[e->count + i].queue, &shape, seed + e->count + i);
		e->directions[i].fd = -1;
	}
	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	e->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (e->epoll < 0 || e->wakeup < 0 || epoll_ctl(e->epoll, EPOLL_CTL_ADD, e->wakeup, &ev) < 0)
		err = -errno;
	else
		err = thread_start(e);
	if (err < 0) {
		if (e->epoll >= 0)
			close(e->epoll);
		if (e->wakeup >= 0)
			close(e->wakeup);
		free(e->heap);
		free(e->directions);
		free(e);
		return err;
	}
	*out = e;
	return 0;
}

void wire_engine_free(struct wire_engine *e)
{
	struct command stop = { .kind = COMMAND_STOP };

	if (!e)
		return;
	command_send(e, &stop);
	pthread_join(e->thread, NULL);
	while (e->heap_len > 0)
		free(packet_take(e));
	for (size_t i = 0; i < e->count; i++) {
		if (e->directions[i].fd >= 0)
			close(e->directions[i].fd);
	}
	close(e->epoll);
	close(e->wakeup);
	free(e->heap);
	free(e->directions);
	free(e);
}

bool wire_engine_is_realtime(const struct wire_engine *e)
{
	return e->realtime;
}

void wire_engine_plug(struct wire_engine *e, struct wire_end at, int fd)
{
	struct command c = { .kind = COMMAND_PLUG, .ends = &at, .fd = fd };

	command_send(e, &c);
	if (c.fd >= 0)
		close(c.fd);
}

void wire_engine_unplug(struct wire_engine *e, struct wire_end at)
{
	wire_engine_plug(e, at, -1);
}

struct instant wire_engine_cut(struct wire_engine *e, const struct wire_end *ends, size_t count)
{
	struct command c = { .kind = COMMAND_CUT, .ends = ends, .count = count };

	command_send(e, &c);
	return c.at;
}

struct instant wire_engine_sever(struct wire_engine *e, size_t wire, bool severed)
{
	const struct wire_end at = { .wire = wire };
	struct command c = { .kind = COMMAND_SEVER, .ends = &at, .severed = severed };

	command_send(e, &c);
	return c.at;
}

/* Descriptors change in commands only, and those are ours. */
int wire_engine_carrier(struct wire_engine *e, struct wire_end at, bool carrier)
{
	int fd = e->directions[2 * at.wire + at.end].fd, on = carrier;

	return fd >= 0 && ioctl(fd, TUNSETCARRIER, &on) < 0 ? -errno : 0;
}

void wire_engine_stats(struct wire_engine *e, struct wire_stats *out, bool reset)
{
	struct command c = { .kind = COMMAND_STATS, .stats = out, .reset = reset };

	command_send(e, &c);
}
