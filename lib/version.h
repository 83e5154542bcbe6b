/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * version.h - what --version prints: the VERSION file and the commit built.
 */
#ifndef LIB_VERSION_H
#define LIB_VERSION_H

const char *version_number(void); /* "0.1.0" */
const char *version_text(void);	  /* "0.1.0 (a1b2c3d)" */

#endif
