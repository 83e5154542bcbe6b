# SPDX-License-Identifier: GPL-3.0-or-later
"""The grid's CSV, and every number of its plots computed from that alone.

Two kinds of rows, told apart by the column "row":

user    an affected user of a trial: when it was back. Empty reconnect_ms and failover_ms: not
        before observed_ms, when the fault was undone or the trial over (censored).
trial   a variant in a trial: counts of requests and sessions, and when what was seen.

Only valid trials are in it. The estimators are those of docs/measuring.md, and shared with the
program that recomputes a run: Kaplan and Meier's quantiles, and a bootstrap over trials and the
resolvers in them, seeded alike, so that the numbers here are those of each run's result.json.
"""
import csv
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support.recompute import RESAMPLES, SplitMix, Survival

TRIALS_MIN = 5  # with fewer there is no interval
KEY = ["row", "run", "runtime", "scenario", "fault", "target", "speaker", "interval_ms",
       "timeout_ms", "fall", "hold_time", "undo_ms", "seed", "variant", "mode", "ttl", "trial"]
USER = ["group", "user", "period_ms", "reconnect_ms", "failover_ms", "loss_window_ms"]
SESSIONS = ["open", "survived", "stalled", "reset", "timed_out", "undecided", "others",
            "collateral"]
CAUSES = ["detected", "withdrawn", "record_changed", "routers_converged"]
TRIAL = (["users", "affected", "requests", "failed"] + [f"sessions_{s}" for s in SESSIONS]
         + [f"{c}_ms" for c in CAUSES])
COLUMNS = KEY + ["observed_ms"] + USER + TRIAL
TEXT = {"row", "run", "runtime", "scenario", "fault", "target", "speaker", "variant", "mode",
        "group"}


# --- from a run's result.json to rows ---

def groups_of(scenario):
    """user's number -> (group, period of what its recovery is measured on); from 1 on, group
    after group."""
    out, number = {}, 0
    for client in scenario["clients"]:
        kinds = {t["kind"]: t["period_ms"] for t in client["traffic"]}
        period = next((kinds[k] for k in ("udp", "http", "dns") if k in kinds), 0)
        for _ in range(client["users"]):
            number += 1
            out[number] = client["name"], period
    return out


def key_of(run, result):
    c, scenario = run["condition"], result["scenario"]
    return {**c, "run": run["id"], "runtime": result["runtime"], "seed": result["seed"],
            "timeout_ms": scenario["checks"]["timeout_ms"],
            "undo_ms": scenario["timeline"][0]["undo_ms"]}


def fault_rows(key, fault, groups):
    """Of one fault, in one trial, on one variant."""
    causes = {f"{c}_ms": None if fault["cause_ns"].get(c) is None else fault["cause_ns"][c] / 1e6
              for c in CAUSES}
    yield {**key, "row": "trial", "observed_ms": fault["lasted_ms"], "users": fault["all_users"],
           "affected": fault["affected"], "requests": fault["requests"], "failed": fault["failed"],
           **{f"sessions_{s}": fault["sessions"][s] for s in SESSIONS}, **causes}
    for i, user in enumerate(fault["users"]):
        group, period = groups[user]
        yield {**key, "row": "user", "observed_ms": fault["lasted_ms"], "group": group,
               "user": user, "period_ms": period,
               **{m: fault[m][i] for m in ("reconnect_ms", "failover_ms", "loss_window_ms")}}


def rows_of(run, result):
    """Of a run of the plan; result is its result.json."""
    key, groups = key_of(run, result), groups_of(result["scenario"])
    for trial in result["trials"]:
        if not trial["valid"]:
            continue
        for variant in result["scenario"]["variants"]:
            mine = {**key, "variant": variant["name"], "mode": variant["mode"],
                    "ttl": variant.get("ttl"), "trial": trial["trial"]}
            for fault in trial["variants"][variant["name"]]["faults"].values():
                yield from fault_rows(mine, fault, groups)


def write(rows, path):
    """Whole or not at all."""
    with open(path + ".new", "w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: "" if v is None else v for k, v in row.items()})
    os.replace(path + ".new", path)


def number(text):
    if text == "":
        return None
    return float(text) if "." in text or "e" in text else int(text)


def read(path):
    with open(path, newline="", encoding="utf-8") as f:
        return [{k: v or None if k in TEXT else number(v) for k, v in row.items()}
                for row in csv.DictReader(f)]


# --- from rows to numbers ---

def clusters_of(rows):
    """(trial, group) -> number, in the order of the rows: trial by trial, group by group."""
    return {key: i for i, key in enumerate(dict.fromkeys((r["trial"], r["group"]) for r in rows))}


def recovery(rows, measure="failover_ms"):
    """Of the user rows of one run and variant:
    {"n", "never", "observed_ms", "trials", "p50", "p90", "p50_interval", "p90_interval"};
    a quantile of None is later than observed_ms, an interval of None was not to be had."""
    rows = [r for r in rows if r["row"] == "user"]
    clusters = clusters_of(rows)
    lives = [((r["observed_ms"] if r[measure] is None else r[measure]) * 1e6,
              r[measure] is not None, clusters[r["trial"], r["group"]]) for r in rows]
    survival, trial_of = Survival(lives), [trial for trial, _ in clusters]
    out = {"n": len(rows), "never": sum(not life[1] for life in lives),
           "observed_ms": max((life[0] for life in lives), default=0) / 1e6,
           "trials": len(set(trial_of))}
    for name, p in (("p50", .5), ("p90", .9)):
        at = survival.quantile(p)
        out[name] = None if at == float("inf") else at / 1e6
        out[name + "_interval"] = survival.interval(p, trial_of, rows[0]["seed"]) if rows else None
    return out


def sessions(rows):
    """Of the trial rows of one run and variant: counts by fate, "lost" (reset or timed out) of
    "open", and the interval of that share over trials, None under five of them."""
    rows = [r for r in rows if r["row"] == "trial"]
    out = {s: sum(r["sessions_" + s] for r in rows) for s in SESSIONS}
    out["lost"] = out["reset"] + out["timed_out"]
    out["trials"] = len(rows)
    out["interval"] = None
    pairs = [(r["sessions_reset"] + r["sessions_timed_out"], r["sessions_open"]) for r in rows]
    if len(pairs) >= TRIALS_MIN and out["open"]:
        rng, found = SplitMix(rows[0]["seed"]), []
        for _ in range(RESAMPLES):
            drawn = [pairs[rng.below(len(pairs))] for _ in pairs]
            among = sum(n for _, n in drawn)
            found.append(sum(lost for lost, _ in drawn) / among if among else 0)
        found.sort()
        out["interval"] = [found[25], found[974]]
    return out


def select(rows, **wanted):
    return [r for r in rows if all(r[k] == v for k, v in wanted.items())]


def points(rows):
    """Every (run, variant) of the rows in their order, with its condition and numbers."""
    by = {}
    for r in rows:
        by.setdefault((r["run"], r["variant"]), []).append(r)
    return [{**{k: mine[0][k] for k in KEY if k not in ("row", "trial")},
             "failover": recovery(mine), "sessions": sessions(mine),
             "users": [r for r in mine if r["row"] == "user"],
             "requests": sum(r["requests"] for r in mine if r["row"] == "trial"),
             "failed": sum(r["failed"] for r in mine if r["row"] == "trial")}
            for mine in by.values()]


# --- what GeoDNS should cost ---

def has_model(point):
    return point["mode"] == "geodns" and point["fault"] == "pop_crash"


def model_ms(p, interval_ms, timeout_ms, fall, ttl):
    """The p-quantile of detection + U(0, TTL), of docs/measuring.md: a sum of two uniform times
    after the earliest detection."""
    first, a, b = (fall - 1) * interval_ms + timeout_ms, interval_ms, ttl * 1000

    def share(x):
        if not b:
            return min(1, x / a)
        whole = [max(0, y) ** 2 / 2 for y in (x, x - a, x - b, x - a - b)]
        return (whole[0] - whole[1] - whole[2] + whole[3]) / (a * b)

    low, high = 0, a + b
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (middle, high) if share(middle) < p else (low, middle)
    return first + high
