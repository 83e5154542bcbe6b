/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lb/bgp/adj_rib_out.h"

#include <string.h>

#include "lb/bgp/notification.h"
#include "lb/bgp/update.h"
#include "lib/alloc.h"

/* So that any route fits into a message, whatever its attributes. */
_Static_assert(2 * BGP_ATTRS_SIZE_MAX < BGP_BODY_MAX, "attributes leave no room for a prefix");

struct entry {
	struct prefix prefix;
	bool wanted, sent, forced; /* forced: due though nothing has changed */
	size_t want, told;	   /* indices into policies, or NO_POLICY */
};

/* A route has hundreds of bytes of policy, but most of a peer's have the same. */
struct shared_policy {
	struct bgp_policy policy;
	size_t users; /* 0: free to be another */
};
#define NO_POLICY SIZE_MAX

/* What is due of one family besides its routes. */
struct marks {
	bool end_of_rib, begin, end;
};

/* Entries are sorted by prefix; those neither wanted nor sent are dropped. */
struct adj_rib_out {
	struct entry *entries;
	size_t count, capacity;
	size_t next; /* behind the entry last found: prefixes mostly come in order */
	struct shared_policy *policies;
	size_t policy_count;
	bool up;
	bool held; /* no End-of-RIB yet */
	struct adj_rib_out_session session;
	struct marks marks4, marks6;
};

struct adj_rib_out *adj_rib_out_new(void)
{
	return x_new(struct adj_rib_out);
}

void adj_rib_out_free(struct adj_rib_out *rib)
{
	if (!rib)
		return;
	free(rib->entries);
	free(rib->policies);
	free(rib);
}

static size_t policy_add(struct adj_rib_out *rib, const struct bgp_policy *policy)
{
	size_t unused = rib->policy_count;

	for (size_t i = 0; i < rib->policy_count; i++) {
		struct shared_policy *shared = &rib->policies[i];

		if (shared->users == 0) {
			unused = i;
		} else if (bgp_policy_equal(&shared->policy, policy)) {
			shared->users++;
			return i;
		}
	}
	if (unused == rib->policy_count)
		rib->policies =
			xreallocarray(rib->policies, ++rib->policy_count, sizeof(*rib->policies));
	rib->policies[unused] = (struct shared_policy){ *policy, 1 };
	return unused;
}

static void policy_remove(struct adj_rib_out *rib, size_t *index)
{
	if (*index != NO_POLICY)
		rib->policies[*index].users--;
	*index = NO_POLICY;
}

/* Index of the prefix, or where it belongs. */
static size_t search(const struct adj_rib_out *rib, const struct prefix *prefix, bool *found)
{
	size_t low = 0, high = rib->count;

	*found = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = prefix_compare(&rib->entries[mid].prefix, prefix);

		if (order == 0) {
			*found = true;
			return mid;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static size_t find(struct adj_rib_out *rib, const struct prefix *prefix, bool *found)
{
	size_t at = rib->next;

	*found = at < rib->count && prefix_equal(&rib->entries[at].prefix, prefix);
	if (!*found)
		at = search(rib, prefix, found);
	rib->next = at + 1;
	return at;
}

static struct entry *insert(struct adj_rib_out *rib, size_t at, const struct prefix *prefix)
{
	if (rib->count == rib->capacity) {
		rib->capacity = rib->capacity ? rib->capacity * 2 : 16;
		rib->entries = xreallocarray(rib->entries, rib->capacity, sizeof(struct entry));
	}
	memmove(&rib->entries[at + 1], &rib->entries[at], (rib->count - at) * sizeof(struct entry));
	rib->count++;
	rib->entries[at] =
		(struct entry){ .prefix = *prefix, .want = NO_POLICY, .told = NO_POLICY };
	return &rib->entries[at];
}

static void drop_unused(struct adj_rib_out *rib)
{
	size_t kept = 0;

	for (size_t i = 0; i < rib->count; i++) {
		struct entry *e = &rib->entries[i];

		if (e->wanted || e->sent) {
			rib->entries[kept++] = *e;
			continue;
		}
		policy_remove(rib, &e->want);
		policy_remove(rib, &e->told);
	}
	rib->count = kept;
}

void adj_rib_out_announce(struct adj_rib_out *rib, const struct prefix *prefix,
			  const struct bgp_policy *policy)
{
	bool found;
	size_t at = find(rib, prefix, &found);
	struct entry *e = found ? &rib->entries[at] : insert(rib, at, prefix);

	size_t want = policy_add(rib, policy);

	e->wanted = true;
	policy_remove(rib, &e->want);
	e->want = want;
}

void adj_rib_out_withdraw(struct adj_rib_out *rib, const struct prefix *prefixes, size_t count)
{
	bool unsent = false;

	for (size_t i = 0; i < count; i++) {
		bool found;
		size_t at = find(rib, &prefixes[i], &found);

		if (!found)
			continue;
		rib->entries[at].wanted = false;
		unsent |= !rib->entries[at].sent;
	}
	if (unsent)
		drop_unused(rib);
}

void adj_rib_out_withdraw_all(struct adj_rib_out *rib)
{
	for (size_t i = 0; i < rib->count; i++)
		rib->entries[i].wanted = false;
	drop_unused(rib);
}

void adj_rib_out_session_up(struct adj_rib_out *rib, const struct adj_rib_out_session *session)
{
	adj_rib_out_session_down(rib);
	rib->up = true;
	rib->held = false;
	rib->session = *session;
	rib->marks4.end_of_rib = session->next_hop4.family != ADDR_NONE;
	rib->marks6.end_of_rib = session->next_hop6.family != ADDR_NONE;
}

void adj_rib_out_hold(struct adj_rib_out *rib)
{
	rib->held = true;
}

void adj_rib_out_release(struct adj_rib_out *rib)
{
	rib->held = false;
}

void adj_rib_out_session_down(struct adj_rib_out *rib)
{
	rib->up = false;
	rib->marks4 = rib->marks6 = (struct marks){ 0 };
	for (size_t i = 0; i < rib->count; i++)
		rib->entries[i].sent = rib->entries[i].forced = false;
	drop_unused(rib);
}

static const struct addr *next_hop_of(const struct adj_rib_out *rib, enum addr_family family)
{
	return family == ADDR_IPV6 ? &rib->session.next_hop6 : &rib->session.next_hop4;
}

static struct marks *marks_of(struct adj_rib_out *rib, enum addr_family family)
{
	return family == ADDR_IPV6 ? &rib->marks6 : &rib->marks4;
}

static void force(struct adj_rib_out *rib, enum addr_family family)
{
	for (size_t i = 0; i < rib->count; i++) {
		struct entry *e = &rib->entries[i];

		if ((enum addr_family)e->prefix.addr.family == family)
			e->forced = e->sent;
	}
}

void adj_rib_out_refresh(struct adj_rib_out *rib, enum addr_family family)
{
	if (!rib->up || family == ADDR_NONE || next_hop_of(rib, family)->family == ADDR_NONE)
		return;
	if (rib->session.enhanced_refresh)
		marks_of(rib, family)->begin = marks_of(rib, family)->end = true;
	else
		force(rib, family);
}

static bool is_withdraw_due(const struct entry *e)
{
	return !e->wanted && e->sent;
}

static bool is_announce_due(const struct adj_rib_out *rib, const struct entry *e)
{
	if (!e->wanted || next_hop_of(rib, e->prefix.addr.family)->family == ADDR_NONE)
		return false;
	return !e->sent || e->forced || e->want != e->told;
}

/*
 * Collect announcements that have the same attributes as the first that is due: these, or NULL
 * when none is, and then the batch is left as it was.
 */
static const struct bgp_policy *collect_announcements(const struct adj_rib_out *rib,
						      enum addr_family family,
						      struct adj_rib_out_batch *batch)
{
	size_t policy = NO_POLICY, count = 0;

	for (size_t i = 0; i < rib->count && count < ADJ_RIB_OUT_BATCH; i++) {
		const struct entry *e = &rib->entries[i];

		if ((enum addr_family)e->prefix.addr.family != family || !is_announce_due(rib, e))
			continue;
		if (policy == NO_POLICY)
			policy = e->want;
		if (policy == e->want)
			batch->prefixes[count++] = e->prefix;
	}
	if (policy == NO_POLICY)
		return NULL;
	batch->announced = true;
	batch->count = count;
	return &rib->policies[policy].policy;
}

static void policy_told(struct adj_rib_out *rib, struct entry *e)
{
	policy_remove(rib, &e->told);
	e->told = e->want;
	rib->policies[e->told].users++;
}

/* The batch has what it has in our order: no prefix is searched for. */
static void mark_sent(struct adj_rib_out *rib, const struct adj_rib_out_batch *batch)
{
	size_t marked = 0;

	for (size_t i = 0; marked < batch->count; i++) {
		struct entry *e = &rib->entries[i];

		if (!prefix_equal(&e->prefix, &batch->prefixes[marked]))
			continue;
		marked++;
		e->sent = batch->announced;
		e->forced = false;
		if (e->told != e->want)
			policy_told(rib, e);
	}
	if (!batch->announced)
		drop_unused(rib);
}

static struct wire_writer begin(struct adj_rib_out_message *message, enum bgp_message_type type)
{
	struct wire_writer w = wire_writer(message->bytes, sizeof(message->bytes));

	message->batch.type = type;
	bgp_frame_begin(&w, type);
	return w;
}

static void end(struct adj_rib_out_message *message, struct wire_writer *w)
{
	bgp_frame_end(w, 0);
	message->size = wire_written(w);
}

/*
 * What is withdrawn is the same to whomever it is said, and most peers have the same to be
 * withdrawn: the message may be there already.
 */
static bool put_withdrawals(struct adj_rib_out *rib, enum addr_family family,
			    struct adj_rib_out_message *message)
{
	struct adj_rib_out_batch *batch = &message->batch;
	bool same = message->size > 0 && !batch->announced;
	size_t count = 0;

	for (size_t i = 0; i < rib->count && count < ADJ_RIB_OUT_BATCH; i++) {
		const struct entry *e = &rib->entries[i];

		if ((enum addr_family)e->prefix.addr.family != family || !is_withdraw_due(e))
			continue;
		same = same && count < batch->count &&
		       prefix_equal(&batch->prefixes[count], &e->prefix);
		if (!same)
			batch->prefixes[count] = e->prefix;
		count++;
	}
	if (count == 0)
		return false;
	if (!same || count < batch->count) {
		struct wire_writer w = begin(message, BGP_MSG_UPDATE);

		batch->announced = false;
		batch->count = bgp_update_put_withdraw(&w, batch->prefixes, count);
		end(message, &w);
	}
	mark_sent(rib, batch);
	return true;
}

static bool put_announcements(struct adj_rib_out *rib, enum addr_family family,
			      struct adj_rib_out_message *message)
{
	struct adj_rib_out_batch *batch = &message->batch;
	const struct bgp_policy *policy = collect_announcements(rib, family, batch);
	struct bgp_route_attrs attrs;
	struct wire_writer w;

	/* Most often there is none, and attributes have a kilobyte that nobody then clears. */
	if (!policy)
		return false;
	attrs = (struct bgp_route_attrs){ .asn = rib->session.asn,
					  .four_octet = rib->session.four_octet,
					  .internal = rib->session.internal,
					  .otc = rib->session.otc,
					  .next_hop = *next_hop_of(rib, family),
					  .link_local = rib->session.link_local,
					  .policy = *policy };
	w = begin(message, BGP_MSG_UPDATE);
	batch->count = bgp_update_put_announce(&w, &attrs, batch->prefixes, batch->count);
	end(message, &w);
	mark_sent(rib, batch);
	return true;
}

enum mark { END_OF_RIB, REFRESH_BEGIN, REFRESH_END };

static void put_refresh(struct wire_writer *w, enum addr_family family, enum mark mark)
{
	const struct bgp_refresh refresh = { .family = family,
					     .kind = mark == REFRESH_BEGIN ? BGP_REFRESH_BEGIN
									   : BGP_REFRESH_END };
	uint8_t body[8];

	wire_put_bytes(w, body, bgp_refresh_encode(&refresh, body, sizeof(body)));
}

/* A mark of one family, if it is this one's turn. */
static bool put_mark(enum addr_family family, bool *due, enum mark mark,
		     struct adj_rib_out_message *message)
{
	struct wire_writer w;

	if (!*due)
		return false;
	w = begin(message, mark == END_OF_RIB ? BGP_MSG_UPDATE : BGP_MSG_ROUTE_REFRESH);
	if (mark == END_OF_RIB)
		bgp_update_put_end_of_rib(&w, family);
	else
		put_refresh(&w, family, mark);
	end(message, &w);
	message->batch.announced = false;
	message->batch.count = 0;
	*due = false;
	return true;
}

/*
 * The routes of a family between their marks; the first End-of-RIB goes before any refresh. What
 * the peer has when a refresh begins it drops at its end, unless it is said in between (RFC 7313,
 * section 4.2): all of it is due from there on, and what was said while the beginning waited for
 * End-of-RIB once more.
 */
static bool put_family(struct adj_rib_out *rib, enum addr_family family,
		       struct adj_rib_out_message *message)
{
	struct marks *marks = marks_of(rib, family);

	if (!marks->end_of_rib && put_mark(family, &marks->begin, REFRESH_BEGIN, message)) {
		force(rib, family);
		return true;
	}
	return put_announcements(rib, family, message) ||
	       (!rib->held && put_mark(family, &marks->end_of_rib, END_OF_RIB, message)) ||
	       (!marks->begin && put_mark(family, &marks->end, REFRESH_END, message));
}

bool adj_rib_out_next(struct adj_rib_out *rib, struct adj_rib_out_message *message)
{
	return rib->up &&
	       (put_withdrawals(rib, ADDR_IPV4, message) ||
		put_withdrawals(rib, ADDR_IPV6, message) || put_family(rib, ADDR_IPV4, message) ||
		put_family(rib, ADDR_IPV6, message));
}

size_t adj_rib_out_sent_count(const struct adj_rib_out *rib)
{
	size_t n = 0;

	for (size_t i = 0; i < rib->count; i++)
		n += rib->entries[i].sent;
	return n;
}

bool adj_rib_out_has_sent(const struct adj_rib_out *rib, const struct prefix *prefix,
			  struct bgp_policy *policy)
{
	bool found;
	size_t at = search(rib, prefix, &found);

	if (!found || !rib->entries[at].sent)
		return false;
	if (policy)
		*policy = rib->policies[rib->entries[at].told].policy;
	return true;
}
