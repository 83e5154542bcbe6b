/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * svg.h - plots as SVG elements, written front to back.
 *
 * A frame maps values to a rectangle of the picture. Colours come from classes
 * and the variables of svg_style(), so that one picture serves light and dark
 * pages: c0 to c7 for variants, a0 to a7 for answers (cool), f0 to f5 for
 * failures (warm). The hues are told apart by colour-blind eyes (Okabe and
 * Ito, 2008) and differ in lightness. All text is escaped.
 */
#ifndef TESTBED_REPORT_SVG_H
#define TESTBED_REPORT_SVG_H

#include <stdio.h>

#define SVG_COLOURS 8

struct svg_frame {
	double left, top, width, height; /* in the picture */
	double x0, x1, y0, y1;		 /* values at the edges; y1 is at the top */
};

/* For HTML and SVG text and attributes in double quotes. */
void svg_escape(FILE *out, const char *text);
/* The colours and text styles, for a <style> element. */
void svg_style(FILE *out);
/* With its own style when it stands alone in a file. label is read out to who cannot see. */
void svg_begin(FILE *out, double width, double height, const char *label, int alone);
void svg_end(FILE *out);

double svg_x(const struct svg_frame *f, double value);
double svg_y(const struct svg_frame *f, double value);
/* The distance of round ticks (1, 2 or 5 times a power of ten), at most count in the range. */
double svg_tick_step(double range, int count);
/* Seconds (or minutes, where long) below the frame, from milliseconds. */
void svg_axis_time(FILE *out, const struct svg_frame *f, const char *label);
/* 0 to 100 % at the left, with lines across. */
void svg_axis_share(FILE *out, const struct svg_frame *f, int steps);
/* anchor: "start", "middle" or "end". */
void svg_text(FILE *out, double x, double y, const char *class, const char *anchor, const char *fmt,
	      ...) __attribute__((format(printf, 6, 7)));
void svg_line(FILE *out, const char *class, double x1, double y1, double x2, double y2);
void svg_rect(FILE *out, const char *class, double x, double y, double width, double height);

#endif
