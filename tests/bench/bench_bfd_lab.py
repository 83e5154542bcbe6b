#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long users of a silently dead PoP wait, with BFD (50 ms x 3) and with the hold timer (9 s) alone.

A lab of quick's size in profile ideal; the next PoP is near, so that the way there fits into the 50 ms
that are allowed for. One fault strikes both variants. Per trial the first upstream's bfd_down is the
detection, and from there to the last route change of the variant is propagation, both as the routers
logged them. Within these, one probe period and 50 ms 95 % of the users are to be served elsewhere.
BFD_LAB_TRIALS (5) trials of 17 s. --json: rows and, per trial, what they are made of.
"""
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import free_name
from support.bench import TESTBED, row

TRIALS = int(os.environ.get("BFD_LAB_TRIALS", "5"))
INTERVAL_MS, MULTIPLIER, HOLD_S, PERIOD_MS, SLACK_MS = 50, 3, 9, 100, 50
DETECTION_MS = INTERVAL_MS * MULTIPLIER
BFD, HOLD = "anycast-bfd", "anycast"
POP = "fra"

SCENARIO = {
    "version": 1, "name": "bfd", "profile": "ideal", "hold_time": HOLD_S, "ramp_ms": 1000,
    "duration_ms": 20000, "bfd": {"interval_ms": INTERVAL_MS, "multiplier": MULTIPLIER},
    "networks": [
        {"name": "t1", "asn": 65101, "at": ["Frankfurt", "Amsterdam"]},
        {"name": "t2", "asn": 65102, "at": "Brussels"},
        {"name": "r1", "asn": 65111, "at": "Frankfurt"},
        {"name": "acc-berlin", "asn": 65201, "at": "Berlin"},
        {"name": "acc-prague", "asn": 65202, "at": "Prague"},
        {"name": "acc-zurich", "asn": 65203, "at": "Zurich"},
        {"name": "acc-london", "asn": 65204, "at": "London"}],
    "pops": [{"name": POP, "at": "Frankfurt"}, {"name": "ams", "at": "Amsterdam"},
             {"name": "bru", "at": "Brussels"}],
    "links": [
        {"from": "t1-amsterdam", "to": "t2", "relation": "peer"},
        {"from": "r1", "to": "t1-frankfurt", "relation": "customer"},
        {"from": "r1", "to": "t2", "relation": "customer"},
        {"from": POP, "to": "t1-frankfurt", "relation": "customer"},
        {"from": POP, "to": "r1", "relation": "customer"},
        {"from": "ams", "to": "t1-amsterdam", "relation": "customer"},
        {"from": "bru", "to": "t2", "relation": "customer"},
        {"from": "acc-berlin", "to": "t1-frankfurt", "relation": "customer"},
        {"from": "acc-prague", "to": "r1", "relation": "customer"},
        {"from": "acc-zurich", "to": "r1", "relation": "customer"},
        {"from": "acc-london", "to": "t2", "relation": "customer"}],
    "nameservers": [{"name": "ns1", "network": "t2"}],
    "clients": [{"name": city, "network": f"acc-{city}", "users": 8,
                 "traffic": [{"kind": "udp", "period_ms": PERIOD_MS}]}
                for city in ("berlin", "prague", "zurich", "london")],
    "variants": [{"name": BFD, "mode": "anycast", "bfd": True},
                 {"name": HOLD, "mode": "anycast"}],
    "timeline": [{"at_ms": 2000, "jitter_ms": 3000, "fault": "pop_crash", "target": POP,
                  "undo_ms": 14000}]}


def run(directory):
    """The folder of a run with all its trials, of which some may be invalid."""
    path = os.path.join(directory, "scenario.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(SCENARIO, out)
    done = subprocess.run([TESTBED, "run", path, "--trials", str(TRIALS), "--lab",
                           free_name("bench"), "--out", directory + "/out"], text=True, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    sys.stderr.write(done.stderr)
    latest = os.path.join(directory, "out", "latest")
    if not os.path.exists(latest + "/result.json"):
        raise RuntimeError(f"no run: {done.stderr}")
    return latest


def detections(folder, trial):
    """Milliseconds from the crash until each upstream's BFD had noticed, nearest first."""
    (fault,) = trial["faults"]
    with open(folder + "/events.csv", encoding="utf-8", newline="") as f:
        return sorted((int(r["t_ns"]) - fault["t_ns"]) / 1e6 for r in csv.DictReader(f)
                      if r["kind"] == "bfd_down" and r["pop"] == POP != r["source"]
                      and int(r["trial"]) == trial["trial"]
                      and fault["t_ns"] <= int(r["t_ns"]) < fault["undone_ns"])


def measured(folder):
    """A dict per valid trial."""
    with open(folder + "/result.json", encoding="utf-8") as f:
        result = json.load(f)
    found = []
    for trial in result["trials"]:
        if not trial["valid"]:
            continue
        cause = trial["variants"][BFD]["cause_ns"]
        found.append({
            "trial": trial["trial"], "detections_ms": detections(folder, trial),
            "detected_ms": cause["detected"] / 1e6,
            "propagation_ms": (cause["routers_converged"] - cause["detected"]) / 1e6,
            "hold_detected_ms": trial["variants"][HOLD]["cause_ns"]["detected"] / 1e6,
            **{v: trial["variants"][v]["reconnect_ms"] for v in (BFD, HOLD)}})
    return found, len(result["trials"])


def quantile(values, q):
    """Never comes last, as in docs/measuring.md."""
    values = sorted(float("inf") if v is None else v for v in values)
    return values[min(len(values) - 1, int(q * len(values)))]


def table(trials, attempts):
    """Rows: what, measured, limit, whether it is kept (None: no limit)."""
    users = [(t, ms) for t in trials for ms in t[BFD]]
    over = quantile([None if ms is None else ms - t["detected_ms"] - t["propagation_ms"]
                     for t, ms in users], .95)
    shares = [100 * ms / DETECTION_MS for t in trials for ms in t["detections_ms"]]
    held = [ms for t in trials for ms in t[HOLD]]
    what = f"silently dead PoP, {len(users)} users in {len(trials)} of {attempts} trials"
    bfd = f"BFD {INTERVAL_MS} ms x {MULTIPLIER}"
    yield (f"{what}, {bfd}: served elsewhere, p50",
           f"{quantile([ms for _, ms in users], .5):.0f} ms", "", None)
    yield (f"{bfd}: the same, p95", f"{quantile([ms for _, ms in users], .95):.0f} ms", "", None)
    yield (f"{bfd}: beyond detection and propagation, p95", f"{over:.0f} ms",
           f"< {PERIOD_MS} + {SLACK_MS} ms", over < PERIOD_MS + SLACK_MS)
    yield (f"{bfd}: detected at the first upstream, p50",
           f"{quantile([t['detected_ms'] for t in trials], .5):.1f} ms", "", None)
    yield (f"{bfd}: propagation from there, worst trial",
           f"{max(t['propagation_ms'] for t in trials):.1f} ms", "", None)
    yield (f"{bfd}: {len(shares)} detections, share of the Detection Time, p50",
           f"{quantile(shares, .5):.1f} %", "", None)
    yield (f"{bfd}: the same, worst", f"{max(shares):.1f} %", "< 110 %", max(shares) < 110)
    yield (f"hold timer alone ({HOLD_S} s): served elsewhere, p50",
           f"{quantile(held, .5) / 1000:.2f} s", "", None)
    yield (f"hold timer alone ({HOLD_S} s): the same, p95", f"{quantile(held, .95) / 1000:.2f} s",
           f"about {HOLD_S} s", None)


def main():
    directory = tempfile.mkdtemp(prefix="bench-bfd-lab")
    try:
        trials, attempts = measured(run(directory))
    finally:
        shutil.rmtree(directory)
    if not trials:
        print(f"none of {attempts} trials was valid", file=sys.stderr)
        return 1
    rows = list(table(trials, attempts))
    if "--json" in sys.argv[1:]:
        print(json.dumps({"rows": [dict(zip(("what", "measured", "limit", "good"), r))
                                   for r in rows], "trials": trials}, indent=1))
    else:
        for r in rows:
            row(*r)
    return 0


if __name__ == "__main__":
    sys.exit(main())
