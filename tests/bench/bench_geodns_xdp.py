#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nanoseconds per answer of catchment-geodns on the interface, by BPF_PROG_TEST_RUN.

100 000 different queries, each a packet of its own, with client subnets of networks drawn from both
families of DB-IP's city data, 32 PoPs; beside a program that only turns the packet round. The
kernel's own clock is read twice for each packet, and the system call between two of them has driven
a part of everything out of the caches: that is in both numbers. The best of the rounds counts, and
all are shown: what is above it is the machine's.
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
QUERIES, ROUNDS, NAMES, LIMIT_NS = 100000, 9 if FULL else 3, 8, 400


def configuration():
    return geoip.configuration(
        geoip.CITIES, 53, listen=["192.0.2.53:53", "[2001:db8::53]:53"],
        databases=[{"file": path} for path in geoip.REAL],
        names=[{"name": f"n{i}.lab.test", "pops": [
            {"pop": pop, "a": [f"198.18.0.{k}"], "aaaa": [f"2001:db8::{k:x}"]}
            for k, pop in enumerate(geoip.CITIES)]} for i in range(NAMES)])


def main():
    if os.geteuid() != 0 or not all(map(os.path.exists, geoip.REAL)):
        row("XDP: run make geoip first, and this as root", "", "", None)
        return
    with tempfile.TemporaryDirectory(prefix="xdp-") as folder:
        geoip.write(folder, configuration(), {})
        done = subprocess.run(["taskset", "-c", "1", TOOL, folder + "/geodns.json", str(QUERIES),
                               str(ROUNDS)], check=True, stdout=subprocess.PIPE, text=True)
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    answer, turn = ([r[what]["mean"] for r in rounds] for what in ("answer", "turn"))
    medians = [r["answer"]["median"] for r in rounds]
    what = f"XDP: {QUERIES} different queries, client subnets of real networks: "
    row(what + "ns per answer, mean", f"{min(answer):.0f} ({', '.join(f'{n:.0f}' for n in answer)})",
        f"<= {LIMIT_NS}", min(answer) <= LIMIT_NS)
    row(what + "ns per answer, median", f"{min(medians)}", "", None)
    row(what + "ns to turn the packet round, mean", f"{min(turn):.0f}", "", None)


if __name__ == "__main__":
    main()
