/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client.h - "catchment-testbed client": the users of one client group.
 *
 *	client --config FILE --control PATH
 *
 * Configuration as in conf.h, messages to the supervisor as in report.h. Runs
 * until SIGTERM or SIGINT, then lets what is under way end, reports it and says
 * bye. A supervisor that goes away ends it too.
 */
#ifndef TESTBED_CLIENT_CLIENT_H
#define TESTBED_CLIENT_CLIENT_H

/*
 * argv[0] is the subcommand's name. Returns the exit status: 0 done, 1 the supervisor is gone,
 * 2 bad input, 3 environment.
 */
int client_main(int argc, char **argv);

#endif
