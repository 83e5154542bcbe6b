#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does GeoDNS cost what detection and TTL say? Six minutes; longer where trials are repeated.

bench_model.py [DIR]: with DIR the run is kept there.
"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ROOT, free_name
from support.bench import TESTBED, row

FAULT = "pop_crash fra"
VARIANT = "geodns30"
TRIALS = 4
USERS = 150  # of each of the two groups that the fault cuts off


def scenario():
    """The internet of quick.json with more and quieter users, whose cache phases fill the TTL."""
    with open(os.path.join(ROOT, "testbed/scenarios/quick.json"), encoding="utf-8") as f:
        s = json.load(f)
    for client in s["clients"]:
        client["users"] = USERS if client["name"] in ("paris", "berlin") else 2
        client["traffic"] = [{"kind": "udp", "period_ms": 500}]
    s.update(name="model", trials=TRIALS, ramp_ms=30000, duration_ms=83000, hold_time=9,
             checks={"interval_ms": 1000, "timeout_ms": 1000, "rise": 2, "fall": 3},
             variants=[{"name": VARIANT, "mode": "geodns", "ttl": 30}],
             timeline=[{"at_ms": 31000, "jitter_ms": 5000, "fault": "pop_crash", "target": "fra",
                        "undo_ms": 46000}])
    return s


def measure(out):
    path = os.path.join(out, "model.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(scenario(), f)
    subprocess.run([TESTBED, "run", path, "--lab", free_name("bench"), "--out", out], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    with open(os.path.join(out, "latest", "result.json"), encoding="utf-8") as f:
        return json.load(f)["summary"]["variants"][VARIANT][FAULT]


def report(fault):
    model, times = fault["model"], fault["reconnect_ms"]
    row("GeoDNS, TTL 30: reconnect p50, p90", f"{times['p50'] / 1e3:.1f} s, "
        f"{times['p90'] / 1e3:.1f} s", "", None)
    row(f"GeoDNS, TTL 30: users cut off in {fault['trials']} trials", model["n"], ">= 300",
        model["n"] >= 300)
    row("their reconnect times, KS distance from the model",
        f"{model['distance']:.3f} (critical {model['critical']:.3f} at 5 %)", "< 0.1",
        model["distance"] < 0.1)


def main():
    with tempfile.TemporaryDirectory(prefix="bench") as temporary:
        report(measure(sys.argv[1] if len(sys.argv) > 1 else temporary))


if __name__ == "__main__":
    main()
