/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab_links.c - a lab's links: plugged in, cut, joined.
 *
 * A cut that is seen is that of a cable: the devices at its ends lose their carrier. One that is
 * not is a fault somewhere between, behind a switch or a media converter.
 */
#include "testbed/runtime/lab.h"

static int carrier_set(struct lab *lab, size_t link, bool carrier)
{
	int first = 0;

	for (unsigned end = 0; end < 2; end++) {
		int err = wire_engine_carrier(lab->engine, (struct wire_end){ link, end }, carrier);

		if (first == 0)
			first = err;
	}
	return first;
}

void lab_link_plug(struct lab *lab, struct wire_end at, int fd)
{
	wire_engine_plug(lab->engine, at, fd);
	if (lab->wires[at.wire].down)
		wire_engine_carrier(lab->engine, at, false);
}

/* Packets first: what comes of the carrier takes its time. */
struct instant lab_link_cut(struct lab *lab, size_t link, bool carrier)
{
	struct instant at = wire_engine_sever(lab->engine, link, true);

	lab->wires[link].down = carrier;
	if (carrier && carrier_set(lab, link, false) < 0)
		lab_mishap(lab, "the ends of a link do not see that it is cut");
	return at;
}

int lab_link_join(struct lab *lab, size_t link)
{
	int err = lab->wires[link].down ? carrier_set(lab, link, true) : 0;

	lab->wires[link].down = false;
	wire_engine_sever(lab->engine, link, false);
	return err;
}
