/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/testbed/router/written.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void expect_text(const char *config, const char *part, const char *what)
{
	cr_expect_not_null(strstr(config, part), "%s: no '%s' in\n%s", what, part, config);
}

static bool takes(const char *program, const char *config)
{
	char path[] = "/tmp/router.XXXXXX", command[128];
	int fd = mkstemp(path), status;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, config, strlen(config)), (ssize_t)strlen(config));
	snprintf(command, sizeof(command), "PATH=$PATH:/usr/sbin %s %s >&2", program, path);
	status = system(command);
	close(fd);
	unlink(path);
	return status == 0;
}

bool bird_takes(const char *config)
{
	return takes("bird -p -c", config);
}

bool frr_takes(const char *config)
{
	return takes("vtysh -C -f", config);
}
