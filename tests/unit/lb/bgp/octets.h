/* SPDX-License-Identifier: GPL-3.0-or-later */
/* octets.h - path attributes as they stand in an UPDATE, and short names of the verdicts on them.
 */
#ifndef TESTS_UNIT_LB_BGP_OCTETS_H
#define TESTS_UNIT_LB_BGP_OCTETS_H

#include "lb/bgp/path_attr.h"

#define ORIGIN	0x40, 1, 1, 0
#define PATH	0x40, 2, 6, 2, 1, 0, 0, 0xfe, 0x4d /* 65101 */
#define HOP	0x40, 3, 4, 10, 0, 0, 1
#define MP_HEAD 0, 2, 1, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0

#define OK	BGP_UPDATE_OK
#define DISCARD BGP_UPDATE_ATTR_DISCARDED
#define TAW	BGP_UPDATE_TREAT_AS_WITHDRAW
#define RESET	BGP_UPDATE_RESET

#endif
