#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""compare_runtimes.py [SCENARIO]: are failover times the same in namespaces and in containers?

The same scenario, seed and fault is run in both runtimes over REST, by a `catchment-testbed serve`
of its own (root, a Docker engine, the image) or that of --url. For every variant the table has
p50 and p90 of failover in each, and the difference with its 95 % interval: trials, and in them
resolvers, are drawn with replacement in each runtime apart, as docs/measuring.md does. The times
count as equal when every interval of a difference holds 0. How much of a difference could have been
seen is the interval's width, which is printed: five trials do not see 50 ms.
Status: 0 equal, 1 not, 2 bad input, 3 could not measure, 130 interrupted.
"""
import argparse
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import grid_data
import grid_plan
from grid_serve import ENDED, BadUrl, Gone, Refused, Serve, Testbed
from grid_store import read_json, write_json
from support.recompute import RESAMPLES, SplitMix, Survival

RUNTIMES = ("namespaces", "docker")
QUANTILES = (("p50", .5), ("p90", .9))


class Unequal(Exception):
    """The two results are not of the same experiment."""


def measured(testbed, scenario, runtime, trials, seed, say):
    """The result.json of a run, waited for."""
    run = testbed.start({"scenario": scenario, "trials": trials, "seed": seed, "runtime": runtime,
                         "lab": f"compare-{runtime}-{os.getpid()}"})
    say(f"{runtime}: {trials} trials")
    try:
        while run["state"] not in ENDED:
            time.sleep(1)
            run = testbed.run(run["id"])
    except KeyboardInterrupt:
        testbed.cancel(run["id"])
        raise
    if run["state"] != "done":
        say(f"{runtime}: {run['state']}: {run.get('reason')}")
    result = testbed.result(run["id"])  # also of a run that gave up: its valid trials count
    if not any(t["valid"] for t in result["trials"]):
        raise Gone(f"{runtime}: no valid trial")
    return result


def samples_of(result):
    """variant -> user rows, of a scenario with one fault."""
    groups, out = grid_data.groups_of(result["scenario"]), {}
    for trial in result["trials"]:
        if not trial["valid"]:
            continue
        for variant, found in trial["variants"].items():
            for fault in found["faults"].values():
                for user, failover in zip(fault["users"], fault["failover_ms"], strict=True):
                    out.setdefault(variant, []).append({
                        "row": "user", "trial": trial["trial"], "group": groups[user][0],
                        "seed": result["seed"], "failover_ms": failover,
                        "observed_ms": fault["lasted_ms"]})
    return out


class Sample:
    """The failover times of one variant in one runtime, to be drawn from."""

    def __init__(self, rows):
        self.clusters = grid_data.clusters_of(rows)
        self.survival = Survival([(r["observed_ms"] if r["failover_ms"] is None else r["failover_ms"],
                                   r["failover_ms"] is not None, self.clusters[r["trial"], r["group"]])
                                  for r in rows])
        members = {}
        for (trial, _), cluster in self.clusters.items():
            members.setdefault(trial, []).append(cluster)
        self.trials = list(members.values())

    def drawn(self, rng):
        """Weights of a resample: as many trials, and in each as many resolvers."""
        weights = [0] * len(self.clusters)
        for _ in self.trials:
            trial = self.trials[rng.below(len(self.trials))]
            for _ in trial:
                weights[trial[rng.below(len(trial))]] += 1
        return weights


def less(x, y):
    return 0 if x == y else x - y


def differences(a, b, seed):
    """{"p50": (of a, of b, [low, high] of b less a), "p90": ...}, in ms; the interval None with
    too few trials. Later than anybody watched is infinity, and never differs from itself."""
    a, b, rng = Sample(a), Sample(b), SplitMix(seed)
    found = {name: [] for name, _ in QUANTILES}
    enough = min(len(a.trials), len(b.trials)) >= grid_data.TRIALS_MIN
    for _ in range(RESAMPLES if enough else 0):
        wa, wb = a.drawn(rng), b.drawn(rng)
        for name, p in QUANTILES:
            found[name].append(less(b.survival.quantile(p, wb), a.survival.quantile(p, wa)))
    out = {}
    for name, p in QUANTILES:
        found[name].sort()
        out[name] = (a.survival.quantile(p), b.survival.quantile(p),
                     [found[name][25], found[name][974]] if enough else None)
    return out


def ms(t, form=".0f"):
    return "never" if abs(t) == float("inf") else f"{t:{form}} ms"


def compare(first, second):
    """(lines of a table, equal: None when there is no telling)"""
    for key in ("seed", "profile"):
        if first[key] != second[key]:
            raise Unequal(f"{key}: {first[key]} and {second[key]}")
    if first["scenario"]["timeline"] != second["scenario"]["timeline"]:
        raise Unequal("the faults differ")
    a, b = samples_of(first), samples_of(second)
    if not a or set(a) != set(b):
        raise Unequal("not the same variants had users cut off")
    lines = [("variant", "", first["runtime"], second["runtime"], "difference", "95 % interval", "")]
    verdicts = []
    for variant in a:
        found = differences(a[variant], b[variant], first["seed"])
        for name, (x, y, interval) in found.items():
            verdict = ""
            if interval:
                verdicts.append(interval[0] <= 0 <= interval[1])
                verdict = "equal" if verdicts[-1] else "DIFFERENT"
            lines.append((f"{variant} (n = {len(a[variant])}, {len(b[variant])})", name, ms(x), ms(y),
                          ms(less(y, x), "+.0f"), " to ".join(ms(v, "+.0f") for v in interval)
                          if interval else f"under {grid_data.TRIALS_MIN} trials: none", verdict))
    return lines, all(verdicts) if verdicts else None


def show(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def measure_both(testbed, o, scenario):
    for runtime in RUNTIMES:
        result = measured(testbed, scenario, runtime, o.trials, o.seed,
                          lambda text: print(text, file=sys.stderr, flush=True))
        write_json(os.path.join(o.dir, runtime + ".json"), result)
        yield result


def options(argv):
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("scenario", nargs="?", default="quick", help="a shipped name or a file (quick)")
    p.add_argument("--trials", type=int, default=10, help="in each runtime (10)")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--url", help="of a testbed that runs already: http://HOST:PORT or unix:PATH")
    p.add_argument("--token", default=os.environ.get("CATCHMENT_TOKEN"))
    p.add_argument("--dir", help="keeps both results, RUNTIME.json")
    p.add_argument("--results", nargs=2, metavar="RESULT.JSON", help="compare these, run nothing")
    return p.parse_args(argv)


def both(o):
    """The two results."""
    if o.results:
        return [read_json(path) for path in o.results]
    scenario = grid_plan.scenario_read(o.scenario)
    if o.url:
        return list(measure_both(Testbed(o.url, o.token), o, scenario))
    with Serve(os.path.join(o.dir, "records"), RUNTIMES[0]) as serve:
        return list(measure_both(serve.testbed, o, scenario))


def main(argv=None):
    o = options(argv)
    try:
        with tempfile.TemporaryDirectory(prefix="compare") as temporary:
            o.dir = o.dir or temporary
            os.makedirs(o.dir, exist_ok=True)
            lines, equal = compare(*both(o))
    except (grid_plan.PlanError, BadUrl, Unequal, OSError, ValueError, KeyError) as error:
        print(error, file=sys.stderr)
        return 2
    except (Gone, Refused) as error:
        print(error, file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130
    show(lines)
    compared = len(lines) - 1
    print({True: f"equal: no interval of {compared} leaves 0 out",
           False: f"not equal; of {compared} intervals of 95 % one in twenty leaves 0 out by chance",
           None: "no verdict without intervals"}[equal])
    return 0 if equal else 1 if equal is False else 3


if __name__ == "__main__":
    sys.exit(main())
