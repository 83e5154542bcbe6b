/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trial.h - one trial: users start, things break on time, users stop.
 *
 * The faults' instants are drawn from the seed and the trial's number, so that
 * a seed repeats a trial's inputs. A trial in which the lab itself was not
 * good enough (late wires, late senders, a daemon that died by itself, a path
 * that BFD found dead and was not) is
 * invalid, which on_done is told together with the reason.
 */
#ifndef TESTBED_TRIAL_H
#define TESTBED_TRIAL_H

#include "testbed/fault/fault.h"
#include "testbed/users.h"

struct trial;

struct trial_owner {
	/* reason: NULL for a valid trial. The trial is still there: free it. */
	void (*on_done)(void *ctx, struct trial *trial, const char *reason);
	/* Something to tell whoever waits: "pop_crash fra". */
	void (*on_note)(void *ctx, const struct trial *trial, const char *text);
};

struct trial_progress {
	unsigned number, elapsed_s, duration_s;
};

/* users, owner and ctx must outlive the trial. */
struct trial *trial_new(struct lab *lab, struct users *users, unsigned number,
			const struct trial_owner *owner, void *ctx);
void trial_free(struct trial *trial);
/* A message from the users' processes (that users_message() has seen), and what else concerns it.
 */
void trial_client_message(struct trial *trial, const json_t *msg);
void trial_mishap(struct trial *trial, const char *reason);
/*
 * BFD has found the path to this pop dead: a mishap, unless a fault has killed it. On a machine
 * that stands still for a while nobody hears from anybody.
 */
void trial_bfd_down(struct trial *trial, size_t pop, int64_t t_ns);
struct trial_progress trial_progress(const struct trial *trial);
/* What it has broken so far; whoever breaks or mends more by hand tells it of a mishap. */
struct faults *trial_faults(struct trial *trial);
/* The entry of result.json: {"trial","valid","reason","faults":[...]}. */
json_t *trial_to_json(const struct trial *trial, const char *reason);

#endif
