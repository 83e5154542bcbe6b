/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * docker_keeper.c - the shell scripts that make and remove a lab's containers.
 *
 * All that belongs to a lab carries the label of its compose project, so that
 * removing needs neither the file nor Compose. $1 is the lab, $2 its directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "testbed/runtime/docker.h"
#include "testbed/runtime/lab.h"

/*
 * left() fails when the engine does not answer. One that hangs lets its clients wait for ever, and
 * a keeper's clients inherit that it is deaf to a mild end.
 */
#define FUNCTIONS                                                                                  \
	"lab=$1 dir=$2\n"                                                                          \
	"limit='timeout --foreground -s KILL'\n"                                                   \
	"mine() {\n"                                                                               \
	"	$limit 30 docker \"$@\" --filter label=com.docker.compose.project=catchment-$lab\n"      \
	"}\n"                                                                                      \
	"left() { mine ps -aq && mine network ls -q && mine volume ls -q; }\n"                     \
	"clean() {\n"                                                                              \
	"	mine ps -aq | xargs -r -n 6 -P 3 $limit 100 docker rm -f -v\n"                           \
	"	mine network ls -q | xargs -r $limit 100 docker network rm\n"                            \
	"	mine volume ls -q | xargs -r $limit 100 docker volume rm\n"                              \
	"} >/dev/null 2>&1\n"

/*
 * Until standard input ends nothing is to be done. An "up" that was interrupted may have asked for
 * more than is there yet: then nothing must be left twice, a second apart.
 */
static const char keeper_script[] = FUNCTIONS
	"trap '' INT HUP TERM PIPE\n"
	"exec 3>&2 2>/dev/null\n"
	"log=$3 state= group= told= ending=\n"
	"say() { echo \"lab $lab: $*\" >&3; echo \"$*\" >>\"$log\"; }\n"
	"while read -r word number; do\n"
	"	case $word in end) ending=yes ;; *) state=$word group=$number ;; esac\n"
	"done\n"
	"[ \"$state\" != starting ] || kill -KILL -- \"-$group\"\n"
	"end=$(($(date +%s) + 120))\n"
	"until clean; found=$(left) && [ -z \"$found\" ] && [ \"$state\" = up ]; do\n"
	"	if [ $(date +%s) -ge $end ]; then\n"
	"		say \"its containers stay: 'catchment-testbed down --lab $lab' removes\" \\\n"
	"			\"them once the engine answers\"\n"
	"		exit 1\n"
	"	fi\n"
	"	if ! left >/dev/null; then\n"
	"		[ \"$told\" ] || say 'the container engine does not answer, waiting for it'\n"
	"		told=yes\n"
	"	elif [ -z \"$found\" ]; then\n"
	"		state=up\n"
	"	fi\n"
	"	sleep 1\n"
	"done\n"
	"[ ! \"$ending\" ] || exit 0\n" /* the supervisor is there, and sees to its directory */
	"rm -f \"$dir/control\" \"$dir/docker-compose.yml\" \"$dir/lock\"\n"
	"rmdir \"$dir\"\n";

static const char up_script[] = FUNCTIONS
	"clean\n"
	"if docker compose version >/dev/null 2>&1; then set -- docker compose\n"
	"else set -- docker-compose; fi\n"
	"export COMPOSE_HTTP_TIMEOUT=${COMPOSE_HTTP_TIMEOUT:-180}\n"
	"exec \"$@\" -p catchment-$lab -f \"$dir/docker-compose.yml\" up --detach --no-build\n";

/* Status 4: nothing there. */
static const char remove_script[] =
	FUNCTIONS "command -v docker >/dev/null || exit 4\n"
		  "found=$(left) || { [ -e \"$dir/docker-compose.yml\" ] && exit 1; exit 4; }\n"
		  "[ \"$found\" ] || [ -e \"$dir/docker-compose.yml\" ] || exit 4\n"
		  "clean\n"
		  "found=$(left) && [ -z \"$found\" ] || exit 1\n"
		  "rm -f \"$dir/control\" \"$dir/docker-compose.yml\" \"$dir/lock\"\n"
		  "rmdir \"$dir\"\n"
		  "exit 0\n";

/* Everything that the child of a program with threads may still do: no allocation, no locks. */
static _Noreturn void script_exec(const char *script, const char *const *args, int in, int out)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(in, STDIN_FILENO);
	if (out >= 0) {
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
	}
	execl("/bin/sh", "sh", "-c", script, "catchment-lab", args[0], args[1], args[2],
	      (char *)NULL);
	_exit(127);
}

pid_t docker_keeper_start(const char *lab, const char *dir, int lock, const char *log, int *hold)
{
	const char *const args[] = { lab, dir, log };
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		setsid(); /* neither the terminal's Ctrl-C nor its end is for the keeper */
		fcntl(lock, F_SETFD, 0);
		script_exec(keeper_script, args, ends[0], -1);
	}
	close(ends[0]);
	if (pid < 0) {
		close(ends[1]);
		return -errno;
	}
	*hold = ends[1];
	return pid;
}

pid_t docker_up_start(const char *lab, const char *dir, int *output)
{
	const char *const args[] = { lab, dir, NULL };
	int ends[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid;

	if (null < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		script_exec(up_script, args, null, ends[1]);
	}
	close(ends[1]);
	close(null);
	if (pid < 0) {
		close(ends[0]);
		return -errno;
	}
	setpgid(pid, pid);
	*output = ends[0];
	return pid;
}

/* A keeper that is still at it has the lock. True when there was one. */
static bool keeper_await(const char *dir)
{
	char *path = xasprintf("%s/lock", dir);
	int lock = open(path, O_RDWR | O_CLOEXEC);
	bool there = lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0;

	if (there)
		flock(lock, LOCK_EX);
	if (lock >= 0)
		close(lock);
	free(path);
	return there;
}

enum docker_removal docker_lab_remove(const char *lab)
{
	char *dir = xasprintf(LAB_ROOT "/%s", lab);
	const char *const args[] = { lab, dir, NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), status = -1;
	bool kept = docker_name_good(lab) && keeper_await(dir);
	pid_t pid = docker_name_good(lab) && null >= 0 ? fork() : -1;

	if (pid == 0)
		script_exec(remove_script, args, null, null);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (null >= 0)
		close(null);
	free(dir);
	if (pid < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 4))
		return kept ? DOCKER_REMOVED : DOCKER_NOTHING;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? DOCKER_REMOVED : DOCKER_STAYS;
}
