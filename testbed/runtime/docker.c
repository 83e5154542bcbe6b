/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * docker.c - is there an engine that can make the containers, and is it good enough?
 */
#include "testbed/runtime/docker.h"

#include <ctype.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "testbed/run.h"

#define ANSWER_SIZE   300
#define ENGINE_MAJOR  20
#define ENGINE_MINOR  10
#define COMPOSE_MAJOR 1
#define COMPOSE_MINOR 29

const char *docker_image(void)
{
	const char *image = getenv("CATCHMENT_IMAGE");

	return image && image[0] ? image : "catchment";
}

bool docker_name_good(const char *lab)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";

	return lab[0] != '\0' && lab[strspn(lab, good)] == '\0';
}

/* Digits, a dot, digits; what follows is of no interest. */
bool docker_version_good(const char *text, unsigned major, unsigned minor)
{
	unsigned long a, b;
	char *dot, *end;

	text += text[0] == 'v';
	if (!isdigit((unsigned char)text[0]))
		return false;
	a = strtoul(text, &dot, 10);
	if (dot[0] != '.' || !isdigit((unsigned char)dot[1]) || dot - text > 4)
		return false;
	b = strtoul(dot + 1, &end, 10);
	return a > major || (a == major && b >= minor);
}

void docker_reason_note(char *reason, size_t size, const char *line)
{
	static const char *const telling[] = { "ERROR: for ", "Error response", "rror: ", NULL };
	/* Compose 1 ends with this, whatever it was. */
	static const char empty[] = "ERROR: Encountered errors";

	if (line[strspn(line, " \t\r")] == '\0' || strncmp(line, empty, sizeof(empty) - 1) == 0)
		return;
	for (size_t i = 0; telling[i]; i++) {
		if (strstr(reason, telling[i]))
			return;
	}
	snprintf(reason, size, "%s", line);
}

/* The command's first words, without the line's end. Its exit status, -1 when it did not exit. */
static int ask(const char *command, char answer[ANSWER_SIZE])
{
	FILE *f = popen(command, "re");
	char line[ANSWER_SIZE];
	int status;

	answer[0] = '\0';
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (answer[0] == '\0')
			snprintf(answer, ANSWER_SIZE, "%s", line);
	}
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Warnings about the client's own affairs are on standard error, and no answer. */
#define VERSION_COMMAND "timeout 20 docker version --format '{{.Server.Version}}'"
#define PLACE_COMMAND                                                                              \
	"timeout 20 docker info --format '{{.KernelVersion}} {{.SecurityOptions}}' 2>/dev/null"

static void engine_missing(int status)
{
	char answer[ANSWER_SIZE];

	if (status == 127) {
		log_error("'docker' is not there: install it (Debian: docker.io), or use "
			  "--runtime namespaces");
		return;
	}
	if (status != 124)
		ask(VERSION_COMMAND " 2>&1 >/dev/null", answer);
	log_error("no container engine answers, start it (%s)",
		  status == 124 ? "it has not within 20 s" : answer);
}

static bool engine_good(void)
{
	char answer[ANSWER_SIZE];
	int status = ask("docker --version 2>/dev/null", answer);

	if (status == 0 && strncmp(answer, "podman", 6) == 0) {
		log_error("'docker' is %s here: Docker itself is needed, or use --runtime "
			  "namespaces",
			  answer);
		return false;
	}
	status = ask(VERSION_COMMAND " 2>/dev/null", answer);
	if (status != 0) {
		engine_missing(status);
		return false;
	}
	if (!docker_version_good(answer, ENGINE_MAJOR, ENGINE_MINOR)) {
		log_error("the container engine is version %s: %d.%d or newer is needed", answer,
			  ENGINE_MAJOR, ENGINE_MINOR);
		return false;
	}
	return true;
}

/* "6.1.0-18-amd64 [name=seccomp,profile=builtin name=rootless]" */
const char *docker_place_mistake(const char *info, const char *kernel)
{
	size_t len = strlen(kernel);

	if (strncmp(info, kernel, len) != 0 || info[len] != ' ')
		return "is on another machine, or in a virtual one";
	if (strstr(info, "name=rootless"))
		return "runs without root";
	if (strstr(info, "name=userns"))
		return "maps the containers' root to another user";
	return NULL;
}

/* The containers must be able to open the control socket of this process. */
static bool engine_near(void)
{
	char answer[ANSWER_SIZE];
	const char *mistake;
	struct utsname uts;

	uname(&uts);
	ask(PLACE_COMMAND, answer);
	mistake = docker_place_mistake(answer, uts.release);
	if (mistake)
		log_error("the container engine %s, and its containers cannot reach this lab: use "
			  "'docker-compose up' with what 'catchment-testbed compose' writes, or "
			  "--runtime namespaces",
			  mistake);
	return !mistake;
}

static bool compose_good(void)
{
	char answer[ANSWER_SIZE];

	if (ask("docker compose version --short 2>/dev/null", answer) != 0 &&
	    ask("docker-compose version --short 2>/dev/null", answer) != 0) {
		log_error("neither 'docker compose' nor 'docker-compose' is there: install one "
			  "(Debian: docker-compose)");
		return false;
	}
	if (!docker_version_good(answer, COMPOSE_MAJOR, COMPOSE_MINOR)) {
		log_error("Compose is version %s: %d.%d or newer is needed", answer, COMPOSE_MAJOR,
			  COMPOSE_MINOR);
		return false;
	}
	return true;
}

/* The name comes from the environment, and no shell shall read it. */
static bool image_there(void)
{
	char inspect[] = "inspect", docker[] = "docker", image[] = "image", end[] = "--";
	char *argv[] = { docker, image, inspect, end, (char *)docker_image(), NULL };
	posix_spawn_file_actions_t quiet;
	int status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", 1, 0);
	posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", 1, 0);
	if (posix_spawnp(&pid, "docker", &quiet, NULL, argv, environ) == 0)
		waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&quiet);
	if (status == 0)
		return true;
	log_error("there is no image '%s': build it with 'docker-compose -f "
		  "docker/docker-compose.yml build', or name it in CATCHMENT_IMAGE",
		  docker_image());
	return false;
}

int docker_environment_check(void)
{
	return engine_good() && engine_near() && compose_good() && image_there() ? EXIT_DONE
										 : EXIT_ENVIRONMENT;
}
