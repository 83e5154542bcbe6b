/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * origin.h - "catchment-testbed origin": the measuring services of an origin.
 *
 *	origin --pop fra [--udp 7000] [--tcp 7001]
 *
 * UDP echo and TCP heartbeat (protocol.h) on all addresses of both families,
 * in the foreground until SIGTERM or SIGINT. nginx beside it serves HTTP.
 */
#ifndef TESTBED_ORIGIN_ORIGIN_H
#define TESTBED_ORIGIN_ORIGIN_H

/* argv[0] is the subcommand's name. Returns the exit status: 0, 2 bad input, 3 cannot listen. */
int origin_main(int argc, char **argv);

#endif
