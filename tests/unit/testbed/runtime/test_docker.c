/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/runtime/docker.h"

#include <criterion/criterion.h>
#include <string.h>

#include "testbed/runtime/runtime.h"

Test(docker, version)
{
	static const struct {
		const char *text;
		unsigned major, minor;
		bool good;
	} rows[] = {
		{ "20.10.24+dfsg1", 20, 10, true },
		{ "20.10", 20, 10, true },
		{ "20.9.1", 20, 10, false },
		{ "19.03.15", 20, 10, false },
		{ "28.2.2", 20, 10, true },
		{ "v2.24.6", 1, 29, true },
		{ "1.29.2", 1, 29, true },
		{ "1.25.0", 1, 29, false },
		{ "", 20, 10, false },
		{ "v", 20, 10, false },
		{ "twenty", 20, 10, false },
		{ "20", 20, 10, false },
		{ "-1.10", 0, 0, false },
		{ "99999999999999999999.1", 20, 10, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect(docker_version_good(rows[i].text, rows[i].major, rows[i].minor) ==
				  rows[i].good,
			  "'%s' against %u.%u", rows[i].text, rows[i].major, rows[i].minor);
}

Test(docker, name)
{
	static const struct {
		const char *name;
		bool good;
	} rows[] = {
		{ "quick", true }, { "a-b_c9", true }, { "9", true },	 { "", false },
		{ "A", false },	   { "a.b", false },   { "a b", false }, { "a;b", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect(docker_name_good(rows[i].name) == rows[i].good, "'%s'", rows[i].name);
}

Test(docker, place)
{
	static const struct {
		const char *name, *info, *mistake;
	} rows[] = {
		{ "here", "6.1.0-18-amd64 [name=seccomp,profile=default]", NULL },
		{ "here, without options", "6.1.0-18-amd64 []", NULL },
		{ "another kernel", "5.15.49-linuxkit [name=seccomp]", "another machine" },
		{ "a longer name", "6.1.0-18-amd64-x []", "another machine" },
		{ "nothing said", "", "another machine" },
		{ "only the kernel's name", "6.1.0-18-amd64", "another machine" },
		{ "rootless", "6.1.0-18-amd64 [name=seccomp name=rootless]", "without root" },
		{ "userns-remap", "6.1.0-18-amd64 [name=userns]", "another user" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = docker_place_mistake(rows[i].info, "6.1.0-18-amd64");

		cr_expect(rows[i].mistake ? got && strstr(got, rows[i].mistake) : !got, "%s: %s",
			  rows[i].name, got ? got : "nothing");
	}
}

Test(docker, reason)
{
	static const struct {
		const char *name, *lines[4], *reason;
	} rows[] = {
		{ "nothing said", { NULL }, "" },
		{ "the last line",
		  { "Pulling", "no space left on device" },
		  "no space left on device" },
		{ "Compose 1",
		  { "Creating lab_fra_1 ... error",
		    "ERROR: for fra  Cannot start service fra: no tun",
		    "ERROR: Encountered errors while bringing up the project." },
		  "ERROR: for fra  Cannot start service fra: no tun" },
		{ "Compose 2",
		  { " Container lab-fra-1  Starting", "Error response from daemon: no tun", "",
		    "  " },
		  "Error response from daemon: no tun" },
		{ "the first of several",
		  { "ERROR: for fra  no tun", "ERROR: for nyc  no tun", "x" },
		  "ERROR: for fra  no tun" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char reason[200] = "";

		for (size_t n = 0; n < 4 && rows[i].lines[n]; n++)
			docker_reason_note(reason, sizeof(reason), rows[i].lines[n]);
		cr_expect_str_eq(reason, rows[i].reason, "%s: '%s'", rows[i].name, reason);
	}
}

Test(docker, a_long_line_is_cut)
{
	char reason[8] = "";

	docker_reason_note(reason, sizeof(reason), "0123456789");
	cr_expect_str_eq(reason, "0123456");
}

Test(runtime, found_by_name)
{
	cr_expect_eq(runtime_find("namespaces"), &runtime_namespaces);
	cr_expect_eq(runtime_find("docker"), &runtime_docker);
	cr_expect_eq(runtime_find("compose"), &runtime_compose);
	cr_expect_null(runtime_find("podman"));
	cr_expect_null(runtime_find(""));
	/* Who reads a result does not care who has called Compose. */
	cr_expect_str_eq(runtime_docker.kind, runtime_compose.kind);
}
