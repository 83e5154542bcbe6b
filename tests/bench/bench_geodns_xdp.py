#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nanoseconds per answer of catchment-geodns on the interface, by BPF_PROG_TEST_RUN.

100 000 different queries, each a packet of its own, with client subnets of networks drawn from both
families of DB-IP's city data, 32 PoPs: the tables are far larger than the second-level cache, and
nothing is warmed or flushed, the first pass is a round like any other.

The limit is for packets back to back (tests/support/replay.h): the kernel repeats, a program copies
the next packet into the frame and tail-calls the answering one, as a NIC's ring hands packets over.
What copying costs is in the number. Further down is the same with a system call for each packet, as
BPF_PROG_TEST_RUN does it by itself: the kernel's clock is read twice for each, and the system call
has driven a part of everything out of the caches, which no NIC does; it has no limit, so that
both ways are to be seen. Beside them a program that only turns the packet round, in turns. The best
of the rounds counts, and all are shown: what is above it is the machine's.

The second row is with a rate limit that nobody reaches, sources being of 65536 networks.
"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "integration"))

import test_geoip as geoip  # noqa: E402
from support import BIN  # noqa: E402
from support.bench import FULL, row  # noqa: E402

TOOL = os.path.join(os.path.dirname(BIN), "tools/xdp_bench")
QUERIES, ROUNDS, NAMES, LIMIT_NS = 100000, 9 if FULL else 4, 8, 400


def configuration(**changes):
    return geoip.configuration(
        geoip.CITIES, 53, listen=["192.0.2.53:53", "[2001:db8::53]:53"],
        databases=[{"file": path} for path in geoip.REAL],
        names=[{"name": f"n{i}.lab.test", "pops": [
            {"pop": pop, "a": [f"198.18.0.{k}"], "aaaa": [f"2001:db8::{k:x}"]}
            for k, pop in enumerate(geoip.CITIES)]} for i in range(NAMES)], **changes)


def measure(conf):
    with tempfile.TemporaryDirectory(prefix="xdp-") as folder:
        geoip.write(folder, conf, {})
        done = subprocess.run(["taskset", "-c", "1", TOOL, folder + "/geodns.json", str(QUERIES),
                               str(ROUNDS)], check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    if os.geteuid() != 0 or not all(map(os.path.exists, geoip.REAL)):
        row("XDP: run make geoip first, and this as root", "", "", None)
        return
    rounds = measure(configuration())
    limited = measure(configuration(rate_limit={"per_second": 1000}))
    what = f"XDP: {QUERIES} different queries, client subnets of real networks, ns per answer: "
    answer, turn, nothing = ([r[key] for r in rounds] for key in ("answer", "turn", "nothing"))
    row(what + "back to back", f"{min(answer)} ({', '.join(map(str, answer))})", f"<= {LIMIT_NS}",
        min(answer) <= LIMIT_NS)
    row(what + "the same with a rate limit", f"{min(r['answer'] for r in limited)} "
        f"({', '.join(str(r['answer']) for r in limited)})", "", None)
    row(what + "to copy the packet in and turn it round", f"{min(turn)} ({min(nothing)} to copy)",
        "", None)
    row(what + "more than to turn it round", f"{min(answer) - min(turn)}", "", None)
    calls = [(r["answer_call"], r["turn_call"]) for r in rounds if "answer_call" in r]
    row(what + "a system call each, mean", f"{min(a['mean'] for a, _ in calls):.0f} "
        f"({', '.join('%.0f' % a['mean'] for a, _ in calls)})", "", None)
    row(what + "a system call each, median", f"{min(a['median'] for a, _ in calls)}", "", None)
    row(what + "a system call each, to turn it round", f"{min(t['mean'] for _, t in calls):.0f}",
        "", None)
    row("XDP: memory of the maps, both families, beside the nameserver's own",
        f"{rounds[0]['map_octets'] / 2**20:.0f} MiB", "", None)


if __name__ == "__main__":
    main()
