/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

/* The one exception to "no file-level variables": a log has no context to hang on. */
static bool log_verbose;

void log_set_verbose(bool verbose)
{
	log_verbose = verbose;
}

static void write_line(int priority, const char *fmt, va_list ap)
{
	char line[1024];
	int used = 0, n;

	if (getenv("JOURNAL_STREAM"))
		used = snprintf(line, sizeof(line), "<%d>", priority);
	n = vsnprintf(line + used, sizeof(line) - (size_t)used - 1, fmt, ap);
	if (n < 0)
		return;
	used += n;
	if (used > (int)sizeof(line) - 2)
		used = (int)sizeof(line) - 2;
	line[used++] = '\n';
	/* Nothing can be done about a log that cannot be written. */
	if (write(STDERR_FILENO, line, (size_t)used) < 0)
		return;
}

#define WRITE_LINE(priority)                                                                       \
	do {                                                                                       \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		write_line(priority, fmt, ap);                                                     \
		va_end(ap);                                                                        \
	} while (0)

void log_debug(const char *fmt, ...)
{
	if (log_verbose)
		WRITE_LINE(LOG_DEBUG);
}

void log_info(const char *fmt, ...)
{
	WRITE_LINE(LOG_INFO);
}

void log_warn(const char *fmt, ...)
{
	WRITE_LINE(LOG_WARNING);
}

void log_error(const char *fmt, ...)
{
	WRITE_LINE(LOG_ERR);
}

void log_fatal(int status, const char *fmt, ...)
{
	WRITE_LINE(LOG_ERR);
	exit(status);
}
