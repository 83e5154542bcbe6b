/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * profile.h - how the routers of different networks pass on what they hear.
 *
 * ideal: at once. What is measured is what the mechanisms themselves cost.
 *
 * internet: every BGP session between networks, and with pops, takes 50 to 500
 * ms over each message in each direction (a router's processing; the wire holds
 * BGP's packets back for so long). On half of the sessions between networks
 * both ends wait between two updates (MRAI, RFC 4271, section 9.2.1.1): 30 s
 * times a jitter of 0.75 to 1, drawn once for each end, in FRR's whole seconds.
 * FRR counts from the last update, withdrawals too (WRATE), and sends the first
 * one after a silence at once. Pops do not wait, nor do routers inside a
 * network.
 *
 * Which sessions and how long follows from the scenario's seed. Pure.
 */
#ifndef TESTBED_PROFILE_H
#define TESTBED_PROFILE_H

#include "testbed/topology.h"

#define PROFILE_MRAI_S		 30
#define PROFILE_MRAI_LEAST_S	 23 /* three quarters, in whole seconds */
#define PROFILE_BGP_DELAY_MIN_MS 50
#define PROFILE_BGP_DELAY_MAX_MS 500

/* Set mrai_s and bgp_delay_ms of all ends of links, by the profile and seed of the scenario. */
void profile_apply(struct topology *t);

#endif
