/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/run.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/version.h"
#include "testbed/command.h"
#include "testbed/labs.h"
#include "testbed/report/report.h"
#include "testbed/router/frr.h"
#include "testbed/trial.h"

#define FILES_MAX 65536

struct run {
	const struct run_options *options;
	struct ev_loop *loop;
	struct scenario *scenario;
	struct topology *topology;
	struct record *record;
	struct lab *lab;
	struct users *users; /* from when the lab is up */
	struct trial *trial;
	struct faults faults; /* made by hand while no trial runs */
	json_t *trials;	      /* of result.json */
	json_t *versions;     /* of the programs, asked once */
	unsigned wanted, valid, attempts;
	uint64_t seed;
	bool interrupted, failed;
	ev_signal signals[3];
	ev_io caller; /* of "up", while it waits for us */
};

/* Progress goes to standard error, so that --json leaves standard output to the result. */
static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void progress_clear(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

static json_t *wires_to_json(const struct run *run)
{
	json_t *wires = json_array();

	for (size_t i = 0; i < run->topology->link_count; i++) {
		const struct topology_link *l = &run->topology->links[i];
		char name[80];

		snprintf(name, sizeof(name), "%s-%s", run->topology->nodes[l->end[0].node].name,
			 run->topology->nodes[l->end[1].node].name);
		json_array_append_new(wires, json_pack("{s:s, s:f, s:f}", "link", name, "wanted_ms",
						       run->lab->wires[i].wanted_ms, "measured_ms",
						       run->lab->wires[i].measured_ms));
	}
	return wires;
}

static json_t *places_to_json(const struct run *run)
{
	json_t *clients = json_object(), *pops = json_object();

	for (size_t i = 0; i < run->topology->node_count; i++) {
		const struct topology_node *n = &run->topology->nodes[i];
		json_t *at = json_pack("[f, f]", n->place.point.lat, n->place.point.lon);

		if (n->kind == NODE_CLIENT)
			json_object_set(clients, n->name, at);
		else if (n->kind == NODE_POP)
			json_object_set(pops, n->name, at);
		json_decref(at);
	}
	return json_pack("{s:o, s:o}", "clients", clients, "pops", pops);
}

/* The next line of the answers, which is empty when a program is not there. */
static json_t *version_read(FILE *f)
{
	char line[128] = "";

	if (f && fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = '\0';
	return json_string(line[0] ? line : "unknown");
}

/* The first line that each program of the nodes prints about itself, where the nodes are. */
static json_t *versions_to_json(const struct runtime *runtime)
{
	char *command = xasprintf("%s -c 'for ask in \"bird --version\" \"unbound -V\" "
				  "\"nginx -v\" \"" FRR_DIR
				  "/bgpd --version\"; do command -v ${ask%%%% *} >/dev/null "
				  "&& $ask 2>&1 | head -n 1 || echo; done'",
				  runtime->shell);
	FILE *f = popen(command, "re");
	struct utsname uts;
	json_t *versions;

	uname(&uts);
	versions = json_pack("{s:s, s:s}", "catchment", version_text(), "kernel", uts.release);
	json_object_set_new(versions, "bird", version_read(f));
	json_object_set_new(versions, "unbound", version_read(f));
	json_object_set_new(versions, "nginx", version_read(f));
	json_object_set_new(versions, "frr", version_read(f));
	if (f)
		pclose(f);
	free(command);
	return versions;
}

static json_t *result_skeleton(const struct run *run)
{
	const struct lab *lab = run->lab;

	return json_pack(
		"{s:i, s:O, s:o, s:I, s:s, s:s, s:O, s:o, s:{s:f, s:f, s:f}, s:b, s:O}", "version",
		1, "scenario", run->scenario->json, "places", places_to_json(run), "seed",
		(json_int_t)run->seed, "profile", profile_name(run->scenario->profile), "runtime",
		lab->runtime->kind, "versions", run->versions, "wires", wires_to_json(run), "up_s",
		"configured", lab->configured_s, "measured", lab->measured_s, "converged",
		lab->up_s, "realtime", wire_engine_is_realtime(lab->engine), "trials", run->trials);
}

/* What stands of the run so far, replaced as a whole, so that a kill leaves a readable file. */
static void result_write(const struct run *run)
{
	char *path, *fresh;
	json_t *result;

	if (!record_dir(run->record))
		return;
	path = xasprintf("%s/result.json", record_dir(run->record));
	fresh = xasprintf("%s/.result.json", record_dir(run->record));
	result = result_skeleton(run);
	if (json_dump_file(result, fresh, JSON_INDENT(1)) < 0 || rename(fresh, path) < 0)
		log_error("%s: cannot be written", path);
	record_give(path);
	json_decref(result);
	free(fresh);
	free(path);
}

static void run_stop(struct run *run)
{
	ev_break(run->loop, EVBREAK_ALL);
}

/* A noisy machine spoils trial after trial; it shall cost time, not the run. */
static unsigned attempts_max(unsigned wanted)
{
	return 2 * wanted + 3;
}

static void trial_begin(struct run *run);

static void on_trial_done(void *ctx, struct trial *trial, const char *reason)
{
	struct run *run = ctx;

	progress_clear();
	json_array_append_new(run->trials, trial_to_json(trial, reason));
	run->valid += reason == NULL;
	lab_event(run->lab,
		  json_pack("{s:s, s:i, s:b, s:s?}", "kind", "trial_end", "trial",
			    (int)run->attempts, "valid", reason == NULL, "reason", reason));
	if (reason)
		say("trial %u is invalid: %s", run->attempts, reason);
	trial_free(trial);
	run->trial = NULL;
	result_write(run);
	if (run->valid >= run->wanted) {
		run_stop(run);
	} else if (run->attempts >= attempts_max(run->wanted)) {
		say("giving up: %u of %u trials valid after %u attempts", run->valid, run->wanted,
		    run->attempts);
		run->failed = true;
		run_stop(run);
	} else if (!lab_is_settled(run->lab)) {
		say("giving up: the lab is not what it was");
		run->failed = true;
		run_stop(run);
	} else {
		trial_begin(run);
	}
}

static void on_note(void *ctx, const struct trial *trial, const char *text)
{
	(void)ctx;
	(void)trial;
	progress_clear();
	say("  %s", text);
}

static void trial_begin(struct run *run)
{
	static const struct trial_owner owner = { on_trial_done, on_note };

	run->attempts++;
	say("trial %u of %u: %u s", run->valid + 1, run->wanted, run->scenario->duration_ms / 1000);
	lab_event(run->lab, json_pack("{s:s, s:i, s:i, s:i}", "kind", "trial_begin", "trial",
				      (int)run->attempts, "of", (int)run->wanted, "duration_s",
				      (int)(run->scenario->duration_ms / 1000)));
	run->trial = trial_new(run->lab, run->users, run->attempts, &owner, run);
}

/* Whoever called "up" has what it wants. From now on our words go to the run's directory. */
static void caller_leave(struct run *run)
{
	char *path = xasprintf("%s/testbed.log", record_dir(run->record));
	int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	ev_io_stop(run->loop, &run->caller);
	if (write(run->options->ready, "", 1) < 0)
		run_stop(run);
	close(run->options->ready);
	if (log >= 0) {
		dup2(log, STDOUT_FILENO);
		dup2(log, STDERR_FILENO);
		close(log);
		record_give(path);
	}
	free(path);
}

/* Nobody reads what we write: "up" was interrupted before it was done. */
static void on_caller_gone(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	run_stop(w->data);
}

static void caller_watch(struct run *run)
{
	/* Nothing can be read here: the event is the pipe's other end closing. */
	ev_io_init(&run->caller, on_caller_gone, run->options->ready, EV_READ);
	run->caller.data = run;
	if (run->options->ready >= 0)
		ev_io_start(run->loop, &run->caller);
}

/* trial is the caller's storage. */
static struct command_context command_context(struct run *run, struct command_trial *trial)
{
	if (run->trial) {
		const struct trial_progress p = trial_progress(run->trial);

		*trial = (struct command_trial){ .number = p.number,
						 .of = run->wanted,
						 .valid = run->valid,
						 .elapsed_s = p.elapsed_s,
						 .duration_s = p.duration_s };
	}
	return (struct command_context){
		.lab = run->lab,
		.faults = run->trial ? trial_faults(run->trial) : &run->faults,
		.users = run->users,
		.trial = run->trial ? trial : NULL,
		.runtime = run->options->runtime->kind,
		.dir = record_dir(run->record),
	};
}

/* One line that is written over and over. */
static void progress_print(const struct run *run)
{
	const struct trial_progress p = trial_progress(run->trial);
	const struct users_count count = users_second(run->users);

	fprintf(stderr, "\r\033[K%4u s of %u s: %llu requests/s, %.1f %% failed", p.elapsed_s,
		p.duration_s, (unsigned long long)count.requests,
		count.requests ? 100.0 * (double)count.failed / (double)count.requests : 0.0);
}

static void on_second(void *ctx)
{
	struct run *run = ctx;
	struct command_trial trial;
	const struct command_context context = command_context(run, &trial);

	lab_event(run->lab, command_progress_event(&context));
	if (run->trial && isatty(STDERR_FILENO))
		progress_print(run);
}

static void on_up(void *ctx, struct lab *lab)
{
	struct run *run = ctx;
	double worst = 0;

	for (size_t i = 0; i < run->topology->link_count; i++) {
		double off = lab->wires[i].measured_ms - lab->wires[i].wanted_ms;

		if (off * off > worst * worst)
			worst = off;
	}
	say("lab %s: %zu nodes and %zu wires in %.1f s, wires right to %+.3f ms, converged after "
	    "%.1f s%s",
	    lab->name, run->topology->node_count, run->topology->link_count, lab->configured_s,
	    worst, lab->up_s,
	    wire_engine_is_realtime(lab->engine) ? "" : " (wires without real-time priority)");
	result_write(run);
	run->users = users_new(lab, on_second, run);
	if (!run->options->stay) {
		trial_begin(run);
		return;
	}
	prctl(PR_SET_PDEATHSIG, 0);
	if (!run->options->idle)
		users_live(run->users);
	if (run->options->ready >= 0)
		caller_leave(run);
}

static void on_failed(void *ctx, struct lab *lab, const char *reason)
{
	struct run *run = ctx;

	(void)lab;
	log_error("lab %s: %s", lab->name, reason);
	run->failed = true;
	run_stop(run);
}

static void on_mishap(void *ctx, struct lab *lab, const char *reason)
{
	struct run *run = ctx;

	log_warn("lab %s: %s", lab->name, reason);
	lab_event(lab, json_pack("{s:s, s:s}", "kind", "mishap", "reason", reason));
	if (run->trial)
		trial_mishap(run->trial, reason);
}

static void on_bfd_down(void *ctx, struct lab *lab, size_t pop, int64_t t_ns)
{
	struct run *run = ctx;

	(void)lab;
	if (run->trial)
		trial_bfd_down(run->trial, pop, t_ns);
}

static void on_client(void *ctx, struct lab *lab, const json_t *msg)
{
	struct run *run = ctx;

	(void)lab;
	if (!run->users)
		return;
	users_message(run->users, msg);
	if (run->trial)
		trial_client_message(run->trial, msg);
}

static json_t *on_command(void *ctx, struct lab *lab, struct control *from, const json_t *msg)
{
	struct run *run = ctx;
	struct command_trial trial;
	struct command_context context = command_context(run, &trial);
	enum command_effect effect;
	json_t *reply = command_answer(&context, from, msg, &effect);

	(void)lab;
	if (effect == COMMAND_FAULTS_CHANGED && run->trial) {
		trial_mishap(run->trial, "somebody broke or mended something by hand");
	} else if (effect == COMMAND_DOWN) {
		run->interrupted = !run->options->stay;
		run_stop(run);
	}
	return reply;
}

static void on_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct run *run = w->data;

	(void)loop;
	(void)revents;
	run->interrupted = true;
	run_stop(run);
}

static void signals_catch(struct run *run)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

	for (size_t i = 0; i < 3; i++) {
		ev_signal_init(&run->signals[i], on_signal, numbers[i]);
		run->signals[i].data = run;
		ev_signal_start(run->loop, &run->signals[i]);
	}
	signal(SIGPIPE, SIG_IGN);
}

/* A lab has two devices for each wire and a connection for each node, serve a lock for each run. */
void run_files_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= FILES_MAX)
		return;
	limit.rlim_cur = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warn("open files: %s", strerror(errno));
}

static int scenario_prepare(struct run *run)
{
	struct conf_error err = { 0 };
	char text[400];

	run->scenario = scenario_read(run->options->scenario, &err);
	/* Before anybody has drawn from it: users, wires and sessions take theirs from here. */
	if (run->scenario && run->options->has_seed)
		run->scenario->seed = run->options->seed;
	if (run->scenario)
		run->topology = topology_new(run->scenario, &err);
	if (!run->topology) {
		log_error("%s: %s", run->options->scenario,
			  conf_error_format(&err, text, sizeof(text)));
		return EXIT_BAD_INPUT;
	}
	run->wanted = run->options->trials ? run->options->trials : run->scenario->trials;
	run->seed = run->scenario->seed;
	return EXIT_DONE;
}

static int lab_refuse(const char *name, int err)
{
	if (err != -EBUSY)
		log_error("lab %s: " LAB_ROOT "/%s: %s", name, name, strerror(-err));
	else if (labs_is_running(name))
		log_error("lab %s: is running already: 'catchment-testbed down --lab %s' ends it",
			  name, name);
	else
		log_error("lab %s: is just starting or ending: wait a moment, then try again",
			  name);
	return EXIT_ENVIRONMENT;
}

static const char *lab_name(const struct run *run)
{
	return run->options->lab ? run->options->lab : run->scenario->name;
}

static int lab_run(struct run *run)
{
	static const struct lab_owner owner = { on_up,	     on_failed, on_mishap,
						on_bfd_down, on_client, on_command };
	const char *name = lab_name(run);
	struct lab_setup setup = {
		.name = name,
		.topology = run->topology,
		.owner = &owner,
		.ctx = run,
		.runtime = run->options->runtime,
		.keep_nodes = run->options->keep_nodes,
	};
	int err;

	/* Before there is a record, so that out/latest stays with the lab that runs. */
	setup.lock = lab_dir_take(name);
	if (setup.lock < 0)
		return lab_refuse(name, setup.lock);
	err = run->options->id ? record_new_at(&run->record, run->options->out, run->options->id)
			       : record_new(&run->record, run->options->out, run->scenario->name);
	if (err < 0) {
		log_error("%s: %s", run->options->out, strerror(-err));
		lab_dir_release(name, setup.lock);
		return EXIT_ENVIRONMENT;
	}
	setup.record = run->record;
	err = lab_start(&run->lab, run->loop, &setup);
	if (err < 0) {
		log_error("lab %s: %s", name, strerror(-err));
		return EXIT_ENVIRONMENT;
	}
	ev_run(run->loop, 0);
	progress_clear();
	/* However it has come to its end, what is broken is mended: the record says until when. */
	faults_undo(run->trial ? trial_faults(run->trial) : &run->faults, run->lab);
	if (run->trial) {
		json_array_append_new(run->trials, trial_to_json(run->trial, "interrupted"));
		trial_free(run->trial);
		run->trial = NULL;
	}
	record_flush(run->record);
	/* One that was never up has no result. */
	if (run->users)
		result_write(run);
	faults_clear(&run->faults);
	users_free(run->users);
	lab_free(run->lab);
	if (run->interrupted && !run->options->stay)
		say("interrupted: what was measured is kept");
	return run->failed || (run->interrupted && !run->options->stay) ? EXIT_FAILED : EXIT_DONE;
}

/* The command that measures any run's directory does it for this one. */
static int report(const struct run *run)
{
	static const char *const written[] = { "result.json", "report.html" };
	char command[] = "report", json[] = "--json", end[] = "--";
	char *words[] = { command, run->options->json ? json : end, NULL, NULL };
	int status;

	if (run->options->stay || !record_dir(run->record) || json_array_size(run->trials) == 0)
		return EXIT_DONE;
	words[2] = xstrdup(record_dir(run->record));
	optind = 0;
	status = report_main(3, words);
	free(words[2]);
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		char *path = xasprintf("%s/%s", record_dir(run->record), written[i]);

		record_give(path);
		free(path);
	}
	return status;
}

int run_scenario(const struct run_options *options)
{
	struct run run = { .options = options, .trials = json_array() };
	int status = scenario_prepare(&run), reported;

	if (status == EXIT_DONE)
		status = options->runtime->check(lab_name(&run), run.scenario);
	if (status == EXIT_DONE) {
		run.loop = ev_default_loop(EVFLAG_AUTO);
		run.versions = versions_to_json(options->runtime);
		run_files_raise();
		signals_catch(&run);
		caller_watch(&run);
		status = lab_run(&run);
		reported = run.record ? report(&run) : EXIT_DONE;
		status = status == EXIT_DONE ? reported : status;
	}
	record_free(run.record);
	json_decref(run.trials);
	json_decref(run.versions);
	topology_free(run.topology);
	scenario_free(run.scenario);
	return status;
}
