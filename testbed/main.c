/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * catchment-testbed - the lab: one program, its commands a table.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/version.h"
#include "testbed/api/api.h"
#include "testbed/ask.h"
#include "testbed/client/client.h"
#include "testbed/command.h"
#include "testbed/config/compose.h"
#include "testbed/graph.h"
#include "testbed/origin/origin.h"
#include "testbed/record.h"
#include "testbed/report/report.h"
#include "testbed/run.h"
#include "testbed/runtime/agent.h"

static int bad_usage(const char *text)
{
	log_error("usage: catchment-testbed %s", text);
	return EXIT_BAD_INPUT;
}

static bool number_parse(const char *text, unsigned long long max, unsigned long long *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *out <= max;
}

static bool run_options_parse(struct run_options *o, int argc, char **argv)
{
	static const struct option options[] = { { "trials", required_argument, NULL, 't' },
						 { "seed", required_argument, NULL, 's' },
						 { "runtime", required_argument, NULL, 'r' },
						 { "lab", required_argument, NULL, 'l' },
						 { "out", required_argument, NULL, 'o' },
						 { "keep-nodes", no_argument, NULL, 'k' },
						 { "id", required_argument, NULL, 'i' },
						 { "json", no_argument, NULL, 'j' },
						 { "no-users", no_argument, NULL, 'n' },
						 { "foreground", no_argument, NULL, 'f' },
						 { NULL, 0, NULL, 0 } };
	unsigned long long n;
	int opt;

	*o = (struct run_options){ .out = "out", .runtime = &runtime_namespaces, .ready = -1 };
	optind = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (opt) {
		case 't':
			if (!number_parse(optarg, 10000, &n) || n == 0)
				return false;
			o->trials = (unsigned)n;
			break;
		case 's':
			if (!number_parse(optarg, INT64_MAX, &n))
				return false;
			o->has_seed = true;
			o->seed = n;
			break;
		case 'r':
			o->runtime = runtime_find(optarg);
			if (!o->runtime) {
				log_error("runtime '%s': there are namespaces, docker and compose",
					  optarg);
				return false;
			}
			break;
		case 'k':
			o->keep_nodes = true;
			break;
		case 'f':
			o->foreground = true;
			break;
		case 'l':
			o->lab = optarg;
			break;
		case 'o':
			o->out = optarg;
			break;
		case 'i': /* by serve, which has made the directory */
			o->id = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'n':
			o->idle = true;
			break;
		default:
			return false;
		}
	}
	if (optind != argc - 1)
		return false;
	o->scenario = argv[optind];
	if (o->keep_nodes && o->runtime != &runtime_compose) {
		log_error("--keep-nodes: only those of --runtime compose come again by themselves");
		return false;
	}
	return (!o->id || record_id_is_valid(o->id)) && (!o->lab || lab_name_is_valid(o->lab));
}

static int main_run(int argc, char **argv)
{
	struct run_options options;

	if (!run_options_parse(&options, argc, argv) || options.idle)
		return bad_usage("run SCENARIO [--trials N] [--seed S] [--lab NAME] [--out DIR] "
				 "[--json] [--runtime namespaces|docker|compose] [--keep-nodes]");
	return run_scenario(&options);
}

/* In the background nothing of the caller's stays open, or 'up ... | cat' would never end. */
static _Noreturn void supervisor_main(struct run_options *options, int said)
{
	int null = open("/dev/null", O_RDONLY);

	setsid();
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* until the lab is up, it goes with its caller */
	dup2(null, STDIN_FILENO);
	dup2(said, STDOUT_FILENO);
	dup2(said, STDERR_FILENO);
	options->stay = true;
	options->ready = fcntl(said, F_DUPFD_CLOEXEC, 3);
	close(null);
	close(said);
	exit(run_scenario(options));
}

/* Pass on what the supervisor says until it is ready, which a zero byte says. */
static bool supervisor_hear(int said)
{
	char buf[512], *end;
	ssize_t n;

	while ((n = read(said, buf, sizeof(buf))) > 0) {
		end = memchr(buf, '\0', (size_t)n);
		fwrite(buf, 1, end ? (size_t)(end - buf) : (size_t)n, stderr);
		if (end)
			return true;
	}
	return false;
}

static int main_up(int argc, char **argv)
{
	struct run_options options;
	int said[2], status = 0;
	pid_t pid;

	if (!run_options_parse(&options, argc, argv))
		return bad_usage("up SCENARIO [--no-users] [--seed S] [--lab NAME] [--out DIR] "
				 "[--foreground] "
				 "[--runtime namespaces|docker|compose] [--keep-nodes]");
	if (options.foreground) {
		options.stay = true;
		return run_scenario(&options);
	}
	if (pipe2(said, O_CLOEXEC) < 0)
		return EXIT_ENVIRONMENT;
	pid = fork();
	if (pid < 0)
		return EXIT_ENVIRONMENT;
	if (pid == 0) {
		close(said[0]);
		supervisor_main(&options, said[1]);
	}
	close(said[1]);
	if (supervisor_hear(said[0])) {
		printf("'catchment-testbed exec NODE -- COMMAND' enters a node, 'down' ends the "
		       "lab\n");
		return EXIT_DONE;
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

static struct topology *topology_read(const char *name, struct scenario **scenario)
{
	struct conf_error err = { 0 };
	struct topology *t = NULL;
	char text[400];

	*scenario = scenario_read(name, &err);
	if (*scenario)
		t = topology_new(*scenario, &err);
	if (!t) {
		log_error("%s: %s", name, conf_error_format(&err, text, sizeof(text)));
		scenario_free(*scenario);
	}
	return t;
}

static int main_check(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
						 { NULL, 0, NULL, 0 } };
	struct scenario *s;
	struct topology *t;
	bool json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) == 'j')
		json = true;
	if (opt >= 0 || optind != argc - 1)
		return bad_usage("check [--json] SCENARIO");
	t = topology_read(argv[optind], &s);
	if (!t)
		return EXIT_BAD_INPUT;
	printf(json ? "{\"scenario\":\"%s\",\"nodes\":%zu,\"wires\":%zu,\"packet_hops\":%.0f,"
		      "\"trial_s\":%u}\n"
		    : "%s: %zu nodes, %zu wires, about %.0f packet-hops/s, %u s a trial\n",
	       s->name, t->node_count, t->link_count, t->packet_hops, s->duration_ms / 1000);
	topology_free(t);
	scenario_free(s);
	return EXIT_DONE;
}

static int main_graph(int argc, char **argv)
{
	static const struct option options[] = { { "format", required_argument, NULL, 'f' },
						 { NULL, 0, NULL, 0 } };
	const char *format = "mermaid";
	struct scenario *s;
	struct topology *t;
	bool svg;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) == 'f')
		format = optarg;
	svg = strcmp(format, "svg") == 0;
	if (opt >= 0 || optind != argc - 1 || (!svg && strcmp(format, "mermaid") != 0))
		return bad_usage("graph [--format mermaid|svg] SCENARIO");
	t = topology_read(argv[optind], &s);
	if (!t)
		return EXIT_BAD_INPUT;
	if (svg)
		graph_svg(stdout, t);
	else
		graph_mermaid(stdout, t);
	topology_free(t);
	scenario_free(s);
	return EXIT_DONE;
}

static int main_compose(int argc, char **argv)
{
	static const struct option options[] = { { "lab", required_argument, NULL, 'l' },
						 { NULL, 0, NULL, 0 } };
	struct compose_options o = { .supervisor = true };
	struct scenario *s;
	struct topology *t;
	char *mistake;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) == 'l')
		o.lab = optarg;
	if (opt >= 0 || optind != argc - 1 || (o.lab && !lab_name_is_valid(o.lab)))
		return bad_usage("compose [--lab NAME] SCENARIO");
	t = topology_read(argv[optind], &s);
	if (!t)
		return EXIT_BAD_INPUT;
	o.lab = o.lab ? o.lab : s->name;
	mistake = compose_mistake(t, &o);
	if (mistake)
		log_error("%s: %s", s->name, mistake);
	else
		compose_write(stdout, t, &o);
	topology_free(t);
	scenario_free(s);
	free(mistake);
	return mistake ? EXIT_BAD_INPUT : EXIT_DONE;
}

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *help; /* NULL: for the lab itself, not for people */
} commands[] = {
	{ "run", main_run, "SCENARIO: make the lab, break things, measure, report" },
	{ "check", main_check, "SCENARIO: what is wrong with it, or how large it is" },
	{ "up", main_up, "SCENARIO: make the lab and leave it running, users at work" },
	{ "down", command_down, "end a running lab" },
	{ "status", command_status, "the running labs: nodes, users, who serves them, faults" },
	{ "exec", command_exec, "NODE -- COMMAND: run a command inside a node" },
	{ "graph", main_graph, "SCENARIO: its internet as Mermaid text or an SVG map" },
	{ "compose", main_compose, "SCENARIO: the lab as a compose file, a container a node" },
	{ "fault", command_fault, "KIND TARGET: break something in a running lab" },
	{ "restore", command_restore, "ID: undo a fault" },
	{ "report", report_main, "DIR: measure a run again, write its report, print the table" },
	{ "compare", compare_main, "DIR DIR: two runs side by side" },
	{ "serve", serve_main, "the labs and their runs over REST" },
	{ "node", agent_main, NULL },
	{ "client", client_main, NULL },
	{ "origin", origin_main, NULL },
};

static void help_print(void)
{
	printf("usage: catchment-testbed COMMAND ...\n\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (commands[i].help)
			printf("  %-8s %s\n", commands[i].name, commands[i].help);
	}
	printf("\nA SCENARIO is a file or the name of a shipped one. --json prints JSON; --lab "
	       "NAME\n"
	       "names a lab. Exit status: 0 done, 1 failed, 2 bad input, 3 environment.\n");
}

/* The lab's programs are found beside this one, the system's daemons below sbin. */
static void path_extend(void)
{
	char exe[512], *path;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n <= 0)
		return;
	exe[n] = '\0';
	path = xasprintf("%s:%s:/usr/local/sbin:/usr/sbin:/sbin", dirname(exe),
			 getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
	setenv("PATH", path, 1);
	free(path);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "--version") == 0) {
		printf("catchment-testbed %s\n", version_text());
		return EXIT_DONE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
		help_print();
		return EXIT_DONE;
	}
	path_extend();
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		if (argc > 2 && strcmp(argv[2], "--help") == 0 && commands[i].help) {
			printf("catchment-testbed %s %s\n", name, commands[i].help);
			return EXIT_DONE;
		}
		return commands[i].main(argc - 1, argv + 1);
	}
	if (argc < 2)
		return bad_usage("COMMAND ...: see 'catchment-testbed --help'");
	log_error("unknown command '%s': see 'catchment-testbed --help'", name);
	return EXIT_BAD_INPUT;
}
