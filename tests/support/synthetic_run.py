# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the record of a made-up run: events.csv and the skeleton of result.json.

Two variants, with --bfd a third, twelve client groups, one crash of the pop "fra" with its undo. What
the users see follows from a simple model of each variant, so that the shapes in a report look as they
should; the numbers mean nothing. Used by the tests of the measuring code.

    synthetic_run.py DIR [--trials N] [--users N] [--period-ms P] [--seconds S] [--undo-s U]
"""
import argparse
import csv
import json
import math
import os
import random

POPS = {"fra": [50.1, 8.7], "nyc": [40.7, -74.0], "sao": [-23.5, -46.6], "sin": [1.35, 103.8],
        "syd": [-33.9, 151.2]}
CLIENTS = {"paris": [48.9, 2.35], "madrid": [40.4, -3.7], "warsaw": [52.2, 21.0],
           "cairo": [30.0, 31.2], "lagos": [6.5, 3.4], "chicago": [41.9, -87.6],
           "mexico": [19.4, -99.1], "lima": [-12.0, -77.0], "mumbai": [19.1, 72.9],
           "tokyo": [35.7, 139.7], "sydney": [-33.9, 151.2], "joburg": [-26.2, 28.0]}
VARIANTS = [{"name": "geodns30", "mode": "geodns", "ttl": 30}, {"name": "anycast", "mode": "anycast"}]
BFD = {"name": "anycast-bfd", "mode": "anycast", "bfd": True}
ROUTED = {"anycast": 8.7, "anycast-bfd": 0.14}  # seconds until the first router acts
MOVED = {"anycast": 9.0, "anycast-bfd": 0.15}  # and until it has moved users
# Their users keep answers longer than the TTL, so no model of it is about them.
DISHONEST = {"cairo": {"cache": "jvm"}, "lagos": {"resolver": {"stretch_ttl": 60}}}
MISPLACED = {"lagos": "nyc", "mumbai": "fra", "lima": "nyc"}  # by anycast, whatever the distance
NS = 1_000_000_000
MS = 1_000_000


def distance_km(a, b):
    (la, lo), (lb, mo) = [(math.radians(p[0]), math.radians(p[1])) for p in (a, b)]
    h = math.sin((lb - la) / 2) ** 2 + math.cos(la) * math.cos(lb) * math.sin((mo - lo) / 2) ** 2
    return 2 * 6371.0 * math.asin(min(1, math.sqrt(h)))


def by_distance(group):
    return sorted(POPS, key=lambda p: distance_km(CLIENTS[group], POPS[p]))


class Run:
    def __init__(self, options):
        self.o = options
        self.rng = random.Random(options.seed)
        self.rows = []
        self.variants = VARIANTS + [BFD] * options.bfd
        self.trials = []

    def row(self, t, trial, source, kind, variant="", user="", pop="", result="", latency="",
            detail=""):
        self.rows.append((int(t), trial, source, kind, variant, user, pop, result, latency, detail))

    def rtt_us(self, group, pop):
        base = 2 * distance_km(CLIENTS[group], POPS[pop]) / 200 * 1.6 + 8
        return int(1000 * (base + self.rng.expovariate(1 / 0.4)))

    def places(self, group, variant):
        """Home and the place to fall back to, as the variant steers."""
        near = by_distance(group)
        home = near[0]
        if variant in MOVED and group in MISPLACED:
            home = MISPLACED[group]
        return home, next(p for p in near if p != "fra")

    def user(self, trial, t, group, variant, number):
        """t: begin, t0, undo and end of the trial; moved and back are when this user follows."""
        home, other = self.places(group, variant)
        hit = home == "fra"
        if variant in MOVED:
            moved = t["t0"] + (MOVED[variant] + self.group_lag[group]) * NS
            back = t["undo"] + (2 + self.group_lag[group]) * NS
        else:
            moved = t["t0"] + (self.detected + self.rng.uniform(0, 30)) * NS
            back = t["undo"] + (3 + self.rng.uniform(0, 30)) * NS
        period = self.o.period_ms * MS
        planned = t["begin"] + int(self.rng.random() * period)
        while planned < t["end"]:
            pop, result = home, "ok"
            if hit and t["t0"] <= planned < t["undo"]:
                pop, result = (other, "ok") if planned >= moved else ("", "silent")
                if not pop and variant in MOVED and moved - planned < 400 * MS:
                    result = "unreachable"
            elif hit and t["undo"] <= planned < back:
                pop = other if moved < t["undo"] else home
            elif self.rng.random() < 0.0003:
                pop, result = "", "silent"
            latency = self.rtt_us(group, pop) if pop else (1000000 if result == "silent" else 900)
            address = "198.18.0.1" if variant in MOVED else f"198.18.{33 + list(POPS).index(home)}.1"
            self.row(planned, trial, group, "udp", variant, number, pop, result, latency, address)
            planned += period
        self.session(trial, t, group, variant, number, hit, home, other, moved)

    def session(self, trial, t, group, variant, number, hit, home, other, moved):
        if number % 2:
            return
        at = t["begin"] + self.rng.randrange(NS)
        self.row(at, trial, group, "session", variant, number, home, "open",
                 self.rtt_us(group, home), "1")
        while (at := at + NS) < t["end"]:
            if hit and at >= t["t0"] and not (variant in MOVED and number % 10 == 0):
                if variant in MOVED:
                    self.row(max(at, moved), trial, group, "session", variant, number, other, "reset",
                             self.rtt_us(group, other), "1")
                elif at + 30 * NS < t["end"]:
                    self.row(at, trial, group, "session", variant, number, "", "timed_out", 30000000,
                             "1")
                return
            late = max(0, moved - at) // 1000 if hit and at >= t["t0"] else 0
            self.row(at, trial, group, "session", variant, number, home, "ok",
                     int(late) + self.rtt_us(group, home), "1")
        self.row(t["end"] - 1, trial, group, "session", variant, number, home, "closed", "", "1")

    def daemons(self, trial, t):
        fra = json.dumps({"pop": "fra"}, separators=(",", ":"))
        for n in (1, 2, 3):
            down = t["t0"] + int((self.detected - 0.3 + 0.1 * n) * NS)
            self.row(down, trial, f"ns{n}", "pop_down", "geodns30", "", "fra", "", "", fra)
            self.row(down + 40000, trial, f"ns{n}", "record_changed", "geodns30", "", "", "", "",
                     json.dumps({"name": "*.geodns30.lab.test", "why": "pop \"fra\" down"}))
        for n, group in enumerate(CLIENTS):
            for variant in self.variants[1:]:
                at = t["t0"] + int((ROUTED[variant["name"]] + self.group_lag[group]) * NS)
                self.row(at, trial, f"t{n}", "route", variant["name"], "", "", "del", "",
                         "198.18.0.0/24 via 10.0.0.1")
                self.row(at + 3 * MS, trial, f"t{n}", "route", variant["name"], "", "", "add", "",
                         "198.18.0.0/24 via 10.0.0.5")
        for variant in self.variants[1:]:
            self.row(t["undo"] + 2 * NS, trial, "t0", "route", variant["name"], "", "", "add", "",
                     "198.18.0.0/24 via 10.0.0.1")
        for n, pop, source in ((0, "fra", "fra"), (1, "fra", "t1"), (2, "fra", "t2")):
            if self.o.bfd:
                self.row(t["t0"] + (120 + 10 * n) * MS, trial, source, "bfd_down", "", "", pop, "",
                         "", "2001:db8:f001:1::")

    def trial(self, number, begin):
        fault = {"begin": begin, "t0": begin + 10 * NS + self.rng.randrange(5 * NS)}
        fault["undo"] = fault["t0"] + self.o.undo_s * NS
        fault["end"] = begin + self.o.seconds * NS
        self.detected = 3 + self.rng.random()
        self.group_lag = {g: self.rng.uniform(0, 1.5) for g in CLIENTS}
        self.row(begin, number, "testbed", "trial", result="begin")
        user = 0
        for group in CLIENTS:
            for _ in range(self.o.users):
                user += 1
                for variant in self.variants:
                    self.user(number, fault, group, variant["name"], user)
        self.row(fault["t0"], number, "testbed", "fault", pop="fra", result="begin",
                 detail="1 pop_crash fra")
        if fault["undo"] >= fault["end"]:  # undone when the users are gone
            fault["undo"] = fault["end"] + NS
        self.row(fault["undo"], number, "testbed", "fault", pop="fra", result="end",
                 detail="1 pop_crash fra")
        if self.o.outage:  # of a nameserver, which costs nobody anything here
            outage = fault["begin"] + 3 * NS
            self.row(outage, number, "testbed", "fault", pop="ns1", result="begin",
                     detail="2 dns_outage ns1")
            self.row(outage + 2 * NS, number, "testbed", "fault", pop="ns1", result="end",
                     detail="2 dns_outage ns1")
        self.daemons(number, fault)
        self.row(fault["end"], number, "testbed", "wires", result="ok",
                 detail=json.dumps({"late_us": {"p50": 41, "p99": 212, "max": 390}, "dropped": 0}))
        bad = number in self.o.invalid
        self.row(fault["end"] + 3 * NS, number, "testbed", "trial",
                 result="invalid" if bad else "end", detail="wires late" if bad else "")
        self.trials.append({"trial": number, "valid": not bad, "reason": "wires late" if bad else "",
                            "faults": [{"id": 1, "kind": "pop_crash", "target": "fra",
                                        "t_ns": fault["t0"], "undone_ns": fault["undo"]}]})
        return fault["end"] + 5 * NS

    def scenario(self):
        traffic = [{"kind": "udp", "period_ms": self.o.period_ms},
                   {"kind": "session", "period_ms": 1000}]
        return {"version": 1, "name": "synthetic", "seed": self.o.seed, "trials": self.o.trials,
                "profile": "ideal", "networks": [], "links": [],
                "pops": [{"name": p, "at": at, "origins": ["local"]} for p, at in POPS.items()],
                "clients": [{"name": g, "network": f"acc-{g}", "users": self.o.users,
                             "traffic": traffic, **DISHONEST.get(g, {})} for g in CLIENTS],
                "variants": self.variants,
                "timeline": [{"at_ms": 10000, "jitter_ms": 5000, "fault": "pop_crash",
                              "target": "fra", "undo_ms": self.o.undo_s * 1000}]}

    def write(self):
        at = 1000 * NS
        for number in range(1, self.o.trials + 1):
            at = self.trial(number, at)
        # As the supervisor hears of things: in order of completion.
        self.rows.sort(key=lambda r: r[0] + (r[8] or 0) * 1000)
        os.makedirs(self.o.dir, exist_ok=True)
        with open(os.path.join(self.o.dir, "events.csv"), "w", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow("t_ns,trial,source,kind,variant,user,pop,result,latency_us,detail".split(","))
            writer.writerows(self.rows)
        wires = [{"link": f"{p} t{n}", "wanted_ms": 2.5 * n + 1,
                  "measured_ms": round(2.5 * n + 1.03 + 0.01 * n, 3)}
                 for n, p in enumerate(POPS)]
        with open(os.path.join(self.o.dir, "result.json"), "w") as out:
            json.dump({"version": 1, "scenario": self.scenario(), "seed": self.o.seed,
                       "profile": "ideal", "runtime": "namespaces",
                       "versions": {"catchment-testbed": "0.1.0", "bird": "2.0.12",
                                    "unbound": "1.17.1"},
                       "places": {"clients": CLIENTS, "pops": POPS}, "wires": wires,
                       "trials": self.trials}, out)


def options(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("dir")
    parser.add_argument("--trials", type=int, default=1)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--period-ms", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=130)
    parser.add_argument("--undo-s", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--outage", action="store_true", help="of a nameserver, before the crash")
    parser.add_argument("--bfd", action="store_true", help="a third variant, with BFD")
    parser.add_argument("--invalid", type=int, nargs="*", default=[])
    return parser.parse_args(argv)


if __name__ == "__main__":
    Run(options()).write()
