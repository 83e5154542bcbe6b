/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log.h - one line, one fact, to standard error.
 *
 * Where the journal reads standard error, lines carry the syslog priority prefix
 * of sd-daemon(3) ("<4>"). Say the object first: "peer fra1: hold timer
 * expired". The caller that knows the context logs, once; whoever returns an
 * error does not log it too. Safe from any thread: a line is one write(2).
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdbool.h>

void log_set_verbose(bool verbose);
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Log as error, then exit with status. */
void log_fatal(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));

#endif
