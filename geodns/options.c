/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "geodns/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/log.h"
#include "lib/version.h"

static const char usage[] =
	"Usage: catchment-geodns --config FILE [--check] [--verbose]\n"
	"       catchment-geodns --diff OLD NEW [--json]\n"
	"       catchment-geodns --version | --help\n"
	"\n"
	"Authoritative nameserver with geographic, health-aware answers.\n"
	"\n"
	"  -c, --config FILE  the configuration (docs/geodns.md)\n"
	"      --check        read it and the zones, say what is wrong, start nothing\n"
	"      --diff OLD NEW which networks NEW would move, name by name, all checks being up\n"
	"      --json         say it in JSON\n"
	"  -v, --verbose      log more\n"
	"      --version      print the version\n"
	"  -h, --help         print this\n"
	"\n"
	"SIGHUP reads the configuration again, with all files that it names.\n";

struct options options_parse(int argc, char **argv)
{
	enum { OPT_CHECK = 256, OPT_DIFF, OPT_JSON, OPT_VERSION };
	static const struct option known[] = { { "config", required_argument, NULL, 'c' },
					       { "check", no_argument, NULL, OPT_CHECK },
					       { "diff", required_argument, NULL, OPT_DIFF },
					       { "json", no_argument, NULL, OPT_JSON },
					       { "verbose", no_argument, NULL, 'v' },
					       { "version", no_argument, NULL, OPT_VERSION },
					       { "help", no_argument, NULL, 'h' },
					       { NULL, 0, NULL, 0 } };
	struct options o = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, "c:vh", known, NULL)) != -1) {
		if (c == 'c') {
			o.config = optarg;
		} else if (c == OPT_CHECK) {
			o.check = true;
		} else if (c == OPT_DIFF) {
			o.config = optarg;
			o.other = optind < argc ? argv[optind++] : NULL;
			if (!o.other)
				o.config = NULL;
		} else if (c == OPT_JSON) {
			o.json = true;
		} else if (c == 'v') {
			log_set_verbose(true);
		} else if (c == OPT_VERSION) {
			printf("catchment-geodns %s\n", version_text());
			exit(0);
		} else if (c == 'h') {
			fputs(usage, stdout);
			exit(0);
		} else {
			fputs(usage, stderr);
			exit(EXIT_BAD_INPUT);
		}
	}
	if (!o.config || optind < argc) {
		fputs(usage, stderr);
		exit(EXIT_BAD_INPUT);
	}
	return o;
}
