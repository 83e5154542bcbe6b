/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * docker.h - the containers of a lab whose supervisor is on the host.
 *
 * They are the compose project catchment-NAME, made from the file
 * /run/catchment/NAME/docker-compose.yml. Beside the supervisor lives a keeper,
 * which holds the lab's lock too: when the pipe from the supervisor closes,
 * however that came about, it removes all containers, networks and volumes of
 * the project, waiting for the engine if need be, and then the directory.
 *
 *	supervisor --- "starting PGID", "up", "end" ---> keeper
 *	     |
 *	     +--- compose up, its words in the run's directory
 */
#ifndef TESTBED_RUNTIME_DOCKER_H
#define TESTBED_RUNTIME_DOCKER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The name of the image: from the environment, or catchment. */
const char *docker_image(void);
/* A lab of this name can be a compose project. */
bool docker_name_good(const char *lab);
/* "20.10.24+dfsg1" is at least 20.10; anything that is no version is not. */
bool docker_version_good(const char *text, unsigned major, unsigned minor);
/*
 * Why an engine's containers cannot share this machine's sockets, or NULL: from "KERNEL [SECURITY
 * OPTIONS]" as the engine says, and this machine's kernel.
 */
const char *docker_place_mistake(const char *info, const char *kernel);
/* From Compose's words, line by line, the one that says best why it failed. */
void docker_reason_note(char *reason, size_t size, const char *line);

/*
 * An engine that is there and new enough, Compose, and the image: 0, or 3 (EXIT_ENVIRONMENT) and
 * said what to do.
 */
int docker_environment_check(void);

/* Start the keeper of a lab: its process, or -errno. *hold is the pipe to it. */
pid_t docker_keeper_start(const char *lab, const char *dir, int lock, const char *log, int *hold);
/* Start "compose up", leftovers removed first; its words come from *output. Process or -errno. */
pid_t docker_up_start(const char *lab, const char *dir, int *output);

enum docker_removal { DOCKER_NOTHING, DOCKER_REMOVED, DOCKER_STAYS };
/* Remove what a dead supervisor has left of a lab; waits for its keeper. */
enum docker_removal docker_lab_remove(const char *lab);

#endif
