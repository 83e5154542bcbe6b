# SPDX-License-Identifier: GPL-3.0-or-later
"""Recompute trials[].variants and summary of a result.json from its events.csv.

A second implementation of docs/measuring.md, written for reading and sharing no code with the
first: dictionaries, lists, no haste. compare() names every value that differs.

    recompute.py DIR        exit 0: every number agrees
"""
import csv
import json
import math
import os
import sys
from collections import defaultdict

FAILURES = ["refused", "unreachable", "reset", "silent", "wrong", "dns_failed"]
KINDS = ["udp", "http", "dns"]  # the first that a user has is the one measured
K = 10
RESAMPLES = 1000


def km_ms(ns):
    return None if ns is None or math.isinf(ns) else ns / 1e6


class Survival:
    """(time, ended, cluster), as a step function of the share that has ended."""

    def __init__(self, lives):
        self.lives = sorted(lives, key=lambda l: (l[0], not l[1], l[2]))

    def quantile(self, p, weights=None):
        lives = [(t, e, 1 if weights is None else weights[c]) for t, e, c in self.lives]
        at_risk, alive = sum(w for _, _, w in lives), 1.0
        for t, ended, w in lives:
            if w and ended:
                alive *= 1 - w / at_risk
                if 1 - alive >= p - 1e-9:
                    return t
            at_risk -= w
        return math.inf

    def interval(self, p, trial_of, seed):
        """trial_of: for each cluster its trial, clusters of a trial in a row."""
        members = defaultdict(list)
        for cluster, trial in enumerate(trial_of):
            members[trial].append(cluster)
        trials = list(members.values())
        if len(trials) < 5:
            return None
        rng, found = SplitMix(seed), []
        for _ in range(RESAMPLES):
            weights = [0] * len(trial_of)
            for _ in trials:
                trial = trials[rng.below(len(trials))]
                for _ in trial:
                    weights[trial[rng.below(len(trial))]] += 1
            found.append(self.quantile(p, weights))
        found.sort()
        return [km_ms(found[25]), km_ms(found[974])]


class SplitMix:
    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return ((z ^ (z >> 31)) >> 32) * n >> 32


def distance(a, b):
    lat1, lon1, lat2, lon2 = map(math.radians, (*a, *b))
    h = (math.sin((lat2 - lat1) / 2) ** 2
         + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2)
    return 2 * 6371.0 * math.asin(math.sqrt(min(1, h)))


class Recomputed:
    def __init__(self, directory):
        with open(os.path.join(directory, "result.json")) as f:
            self.result = json.load(f)
        with open(os.path.join(directory, "events.csv"), newline="") as f:
            self.rows = list(csv.DictReader(f))
        for row in self.rows:
            row["t"] = int(row["t_ns"])
            row["done"] = row["t"] + max(0, int(row["latency_us"] or 0)) * 1000
            row["trial"] = int(row["trial"]) if row["trial"] else None
        scenario = self.result["scenario"]
        self.pops = [p["name"] for p in scenario["pops"]]
        self.groups = [c["name"] for c in scenario["clients"]]
        self.modes = {v["name"]: v["mode"] for v in scenario["variants"]}
        self.bfd = {v["name"] for v in scenario["variants"] if v.get("bfd")}
        self.places = self.result.get("places", {"clients": {}, "pops": {}})
        self.periods = {(c["name"], "http" if t["kind"] == "https" else t["kind"]): t["period_ms"] * 1e6
                        for c in scenario["clients"] for t in c["traffic"]}
        self.sort_out()

    def sort_out(self):
        numbers = [t["trial"] for t in self.result["trials"]]
        self.valid = {t["trial"]: t["valid"] for t in self.result["trials"]}
        self.end = dict.fromkeys(numbers, 0)  # of the last answer or failure
        series, self.sessions = defaultdict(list), defaultdict(list)
        self.requests, self.control = defaultdict(list), []
        for row in self.rows:
            trial, variant = row["trial"], row["variant"]
            if row["kind"] == "trial":
                if row["result"] == "invalid":
                    self.valid[trial] = False
            if row["kind"] in KINDS and trial in numbers:
                series[trial, variant, int(row["user"]), row["kind"]].append(row)
                self.requests[trial, variant].append(row)
            elif row["kind"] == "session" and trial in numbers:
                self.sessions[trial, variant, int(row["user"]), row["detail"]].append(row)
            else:
                self.control.append(row)
        for key, rows in (*series.items(), *self.sessions.items()):
            self.end[key[0]] = max(self.end[key[0]], 1 + max(r["done"] for r in rows))
        self.users = defaultdict(dict)  # (trial, variant) -> user -> its primary rows
        for trial, variant, user, kind in sorted(series, key=lambda k: -KINDS.index(k[3])):
            self.users[trial, variant][user] = sorted(
                series[trial, variant, user, kind], key=lambda r: r["t"])
        self.find_faults()

    def find_faults(self):
        self.faults = []
        for row in sorted((r for r in self.control if r["kind"] == "fault"), key=lambda r: r["t"]):
            fid, kind, target = (row["detail"].split(" ", 2) + ["", ""])[:3]
            if row["result"] == "begin":
                self.faults.append({"id": fid, "kind": kind, "target": target, "trial": row["trial"],
                                    "key": row["detail"].split(" ", 1)[1], "pop": row["pop"] if row["pop"] in self.pops else "",
                                    "t0": row["t"], "undone": False, "end": self.end[row["trial"]]})
            else:
                for f in self.faults:
                    if (f["id"], f["trial"], f["undone"]) == (fid, row["trial"], False) and f["t0"] <= row["t"]:
                        f["undone"] = row["t"] < self.end[row["trial"]]
                        f["end"] = min(row["t"], self.end[row["trial"]])
                        break
        self.faults.sort(key=lambda f: (list(self.valid).index(f["trial"]), f["t0"]))
        for f in self.faults:
            later = [g["t0"] for g in self.faults if g["trial"] == f["trial"] and g["t0"] >= f["end"]]
            f["until"] = min(later, default=self.end[f["trial"]])
        self.first_fault = {t: min([f["t0"] for f in self.faults if f["trial"] == t],
                                   default=self.end[t]) for t in self.valid}

    def nearest(self, group, dead=""):
        at, pops = self.places["clients"].get(group), self.places["pops"]
        alive = [p for p in self.pops if p in pops and p != dead]
        return min(alive, key=lambda p: distance(at, pops[p])) if at and alive else None

    # --- one fault, one variant ---

    def user_effect(self, f, rows):
        before = [r for r in rows if r["t"] < f["t0"]]
        during = [r for r in rows if f["t0"] <= r["t"] < f["end"]]
        after = [r for r in rows if f["end"] <= r["t"] < f["until"]]
        ok = [[r for r in part if r["result"] == "ok"] for part in (before, during, after)]
        u = {"group": rows[0]["source"], "during": during, "ok": ok[1], "after": after,
             "pops": [part[-1]["pop"] if part else None for part in ok],
             "period": self.periods.get((rows[0]["source"], rows[0]["kind"]), 0),
             "failed": len(during) - len(ok[1])}
        u["reconnect"] = ok[1][0]["done"] - f["t0"] if ok[1] else None
        u["failover"] = None
        for i in range(len(during) - K + 1):
            run = during[i:i + K]
            if all(r["result"] == "ok" and r["pop"] == run[0]["pop"] for r in run):
                u["failover"] = run[0]["done"] - f["t0"]
                break
        home = [r for r in ok[2] if r["pop"] == u["pops"][0]]
        u["failback"] = home[0]["done"] - f["end"] if home else None
        u["flips"] = sum(a["pop"] != b["pop"] for a, b in zip(ok[1], ok[1][1:]))
        u["affected"] = u["pops"][0] == f["pop"] if f["pop"] else u["failed"] > 0
        return u

    def session_effect(self, f, rows):
        rows = sorted(rows, key=lambda r: r["t"])
        opened = [r for r in rows if r["result"] == "open" and r["done"] < f["t0"]]
        ends = [r for r in rows if r["result"] in ("reset", "timed_out", "closed")]
        if not opened or any(r["done"] < f["t0"] for r in ends):
            return None
        beats = [r for r in rows if r["result"] == "ok"]
        pop = (opened + [r for r in beats if r["t"] < f["t0"]])[-1]["pop"]
        breaks = [r for r in ends if r["result"] != "closed"]
        in_fault = any(r["t"] >= f["t0"] and r["done"] < f["end"] for r in beats)
        if breaks and (breaks[0]["done"] < f["end"] or not in_fault):
            return pop, breaks[0]["result"], False
        if not any(r["t"] >= f["t0"] for r in beats):
            return pop, "undecided", False
        period = self.periods.get((rows[0]["source"], "session"), 0)
        gap, last = 0, opened[-1]["done"]
        for r in beats:
            if r["done"] > last:
                if r["done"] >= f["t0"] and last + period < f["end"]:
                    gap = max(gap, r["done"] - last)
                last = r["done"]
        return pop, "survived", gap > 3 * period

    def cause(self, f, variant):
        mode = self.modes[variant]
        dns, bgp = mode != "anycast", not mode.startswith("geodns")
        rows = [r for r in self.control if f["t0"] <= r["t"] < f["end"] and r["variant"] in ("", variant)]
        routes = [r for r in rows if r["kind"] == "route" and r["variant"]]
        seen = [r for r in rows if dns and r["kind"] == "pop_down" and r["pop"] == f["pop"]]
        at_pop = [r for r in rows if f["pop"] and r["source"] == f["pop"]]
        if bgp:
            seen += routes + [r for r in at_pop if r["kind"] in ("check_down", "vip_down", "drain_begin")]
        if variant in self.bfd:
            seen += [r for r in rows if r["kind"] == "bfd_down" and r["pop"] == f["pop"] != r["source"]]
        gone = [r for r in routes if r["result"] == "del"] + [r for r in at_pop if r["kind"] == "withdrawn"]
        changed = {}
        for r in rows:
            if r["kind"] == "record_changed" and r["pop"] in ("", f["pop"]):
                changed[r["source"]] = min(r["t"], changed.get(r["source"], r["t"]))

        def since(ts, pick):
            return pick(ts) - f["t0"] if ts else None
        return {"detected": since([r["t"] for r in seen], min),
                "withdrawn": since([r["t"] for r in gone], min),
                "record_changed": since(list(changed.values()), max),
                "routers_converged": since([r["t"] for r in routes], max)}

    def effect(self, f, variant):
        users = {n: self.user_effect(f, rows)
                 for n, rows in sorted(self.users[f["trial"], variant].items())}
        affected = {n: u for n, u in users.items() if u["affected"]}
        fates = [e for key, rows in self.sessions.items() if key[:2] == (f["trial"], variant)
                 for e in [self.session_effect(f, rows)] if e]
        mine = [e for e in fates if not f["pop"] or e[0] == f["pop"]]
        sessions = {fate: sum(e[1] == fate for e in mine)
                    for fate in ("survived", "reset", "timed_out", "undecided")}
        sessions.update(open=len(mine), stalled=sum(e[2] for e in mine), others=len(fates) - len(mine),
                        collateral=sum(e[1] in ("reset", "timed_out") for e in fates if e not in mine))
        cause = self.cause(f, variant)
        back = [u["reconnect"] for u in affected.values()]
        stay = [u["failover"] for u in affected.values()]
        cause["first_user"] = min([b for b in back if b is not None], default=None)
        cause["last_user"] = max(back) if back and None not in back else None
        cause["stable"] = max(stay) if stay and None not in stay else None
        return {"fault": f, "users": users, "affected": affected, "sessions": sessions, "cause": cause}

    def fault_json(self, e):
        affected, during = e["affected"].values(), [r for u in e["users"].values() for r in u["during"]]
        return {"kind": e["fault"]["kind"], "target": e["fault"]["target"],
                "lasted_ms": km_ms(e["fault"]["end"] - e["fault"]["t0"]),
                "all_users": len(e["users"]), "affected": len(affected), "users": list(e["affected"]),
                "reconnect_ms": [km_ms(u["reconnect"]) for u in affected],
                "failover_ms": [km_ms(u["failover"]) for u in affected],
                "loss_window_ms": [km_ms(u["failed"] * u["period"]) for u in affected],
                "failback_ms": [km_ms(u["failback"]) for u in affected],
                "requests": len(during), "failed": sum(r["result"] != "ok" for r in during),
                "failures": {k: sum(r["result"] == k for r in during) for k in FAILURES},
                "sessions": e["sessions"], "cause_ns": {"fault": 0, **e["cause"]}}

    def trial_json(self, effects, trial, variant):
        mine = [e for (t, _, v), e in effects.items() if (t, v) == (trial, variant)]
        faults = {e["fault"]["id"]: self.fault_json(e) for e in mine}
        rows = self.requests[trial, variant]
        zero = dict.fromkeys(["open", "survived", "reset", "timed_out", "undecided", "stalled",
                              "others", "collateral"], 0)
        return {"reconnect_ms": sum((f["reconnect_ms"] for f in faults.values()), []),
                "failover_ms": sum((f["failover_ms"] for f in faults.values()), []),
                "requests": len(rows), "failed": sum(r["result"] != "ok" for r in rows),
                "failures": {k: sum(r["result"] == k for r in rows) for k in FAILURES},
                "sessions": {k: sum(e["sessions"][k] for e in mine) for k in zero},
                "cause_ns": next(iter(faults.values()))["cause_ns"] if faults else {},
                "faults": faults}

    # --- all valid trials together ---

    def distribution(self, pool, measure, clusters):
        lives = []
        for e in pool:
            f = e["fault"]
            if measure == "failback" and not f["undone"]:
                continue
            limit = f["until"] - f["end"] if measure == "failback" else f["end"] - f["t0"]
            for u in e["affected"].values():
                t = u["failed"] * u["period"] if measure == "loss" else u[measure]
                cluster = clusters.get((f["trial"], u["group"]), 0)
                lives.append((limit, False, cluster) if t is None else (t, True, cluster))
        s = Survival(lives)
        out = {name: km_ms(s.quantile(p)) for name, p in
               (("p50", .5), ("p90", .9), ("p99", .99), ("max", 1))}
        out.update(n=len(lives), never=sum(not l[1] for l in lives),
                   observed_ms=km_ms(max(l[0] for l in lives)) if lives else None)
        self.add_intervals(out, s, clusters, {"p50_interval": .5, "p90_interval": .9})
        return out

    def add_intervals(self, out, survival, clusters, wanted):
        for key, p in wanted.items():
            interval = survival.interval(p, [trial for trial, _ in clusters], self.result["seed"])
            if interval:
                out[key] = interval

    def clusters(self, pool):
        keys = [(e["fault"]["trial"], g) for e in pool for g in self.groups
                if any(u["group"] == g for u in e["affected"].values())]
        return {key: i for i, key in enumerate(dict.fromkeys(keys))}

    def model(self, pool, variant):
        """Of resolvers that honour the TTL, against t = detection + U(0, TTL)."""
        scenario, mode = self.result["scenario"], self.modes[variant]
        honest = {c["name"] for c in scenario["clients"] if c.get("cache", "none") == "none"
                  and not c.get("resolver", {}).get("stretch_ttl", 0)}
        times = sorted(math.inf if u["reconnect"] is None else u["reconnect"] / 1e9
                       for e in pool for u in e["affected"].values() if u["group"] in honest)
        if mode != "geodns" or pool[0]["fault"]["kind"] != "pop_crash" or not times:
            return {}
        checks = scenario.get("checks", {})
        ttl = next(v.get("ttl", 30) for v in scenario["variants"] if v["name"] == variant)
        interval = checks.get("interval_ms", 1000)
        every = interval / 1000
        first = ((checks.get("fall", 3) - 1) * interval
                 + checks.get("timeout_ms", min(interval, 1000))) / 1000

        def share(t):  # of a sum of two uniform variables, by areas of triangles
            x = t - first
            if x >= every + ttl:
                return 1
            if ttl == 0:
                return max(0, x) / every
            half = [max(0, y) ** 2 / 2 for y in (x, x - every, x - ttl)]
            return (half[0] - half[1] - half[2]) / (every * ttl)

        n = len(times)
        gaps = [max(share(t) - i / n, (i + 1) / n - share(t)) for i, t in enumerate(times)]
        return {"model": {"n": n, "distance": max(gaps), "ttl_s": ttl,
                          "critical": 1.358 / (n ** .5 + .12 + .11 / n ** .5),
                          "detection_s": [first, first + every]}}

    def pool_json(self, pool, variant):
        first, clusters = pool[0]["fault"], self.clusters(pool)
        users = [(e["fault"], u) for e in pool for u in e["users"].values()]
        during = [r for _, u in users for r in u["during"]]
        affected = [u for e in pool for u in e["affected"].values()]
        periods = [km_ms(u["period"]) for _, u in users]
        failed = sum(r["result"] != "ok" for r in during)
        after = [r for u in affected for r in u["after"]]
        moved = [u for _, u in users if u["pops"][0] and u["pops"][1] and u["pops"][0] != u["pops"][1]]
        out = {"kind": first["kind"], "target": first["target"], "pop": first["pop"] or None,
               "trials": len(pool), "users": len(users), "affected": len(affected),
               "period_ms": {"min": min(periods, default=0), "max": max(periods, default=0)},
               "requests": len(during), "failed": failed,
               "failed_share": failed / len(during) if during else None,
               "failures": {k: sum(r["result"] == k for r in during) for k in FAILURES},
               "sessions": {k: sum(e["sessions"][k] for e in pool) for k in pool[0]["sessions"]},
               "cause_ms": {}, "catchment": {}, "control": {}}
        for key, measure in (("reconnect_ms", "reconnect"), ("failover_ms", "failover"),
                             ("loss_window_ms", "loss")):
            out[key] = self.distribution(pool, measure, clusters)
        for key in pool[0]["cause"]:
            if key in ("first_user", "last_user", "stable"):  # never is longest
                seen = sorted(math.inf if e["cause"][key] is None else e["cause"][key]
                              for e in pool if e["affected"])
            else:
                seen = sorted(e["cause"][key] for e in pool if e["cause"][key] is not None)
            out["cause_ms"][key] = km_ms(seen[(len(seen) - 1) // 2]) if seen else None
        out["failback"] = {
            "undone": sum(e["fault"]["undone"] for e in pool),
            "returned": sum(u["failback"] is not None and u["pops"][2] == u["pops"][0] for u in affected),
            "requests": len(after), "failed": sum(r["result"] != "ok" for r in after),
            "ms": self.distribution(pool, "failback", clusters)}
        for i, phase in enumerate(("before", "during", "after")):
            cells = {g: defaultdict(int) for g in self.groups}
            placed = near = 0
            for f, u in users:
                if u["pops"][i] not in self.pops:
                    continue
                cells[u["group"]][u["pops"][i]] += 1
                out_now = phase == "during" and f["kind"] not in ("link_cut", "catchment_shift")
                nearest = self.nearest(u["group"], f["pop"] if out_now else "")
                placed += nearest is not None
                near += nearest is not None and nearest == u["pops"][i]
            out["catchment"][phase] = cells
            out["control"][phase] = near / placed if placed else None
        out["catchment"].update(moved=len(moved), moved_unaffected=sum(not u["affected"] for u in moved),
                                flips=sum(u["flips"] for _, u in users))
        out.update(self.model(pool, variant))
        return out

    def pair_json(self, a, b, names):
        lives, both_never, clusters = [], 0, self.clusters(a)
        for x, y in zip(a, b):
            for n in x["affected"].keys() & y["affected"].keys():
                s, t = x["affected"][n]["reconnect"], y["affected"][n]["reconnect"]
                if s is None and t is None:
                    both_never += 1
                    continue
                d = math.inf if s is None else -math.inf if t is None else s - t
                lives.append((d, True, clusters[x["fault"]["trial"], x["affected"][n]["group"]]))
        s = Survival(lives)
        out = {"a": names[0], "b": names[1], "fault": a[0]["fault"]["key"],
               "n": len(lives) + both_never, "both_never": both_never,
               "a_first": sum(l[0] < 0 for l in lives), "b_first": sum(l[0] > 0 for l in lives),
               "p50_ms": km_ms(s.quantile(.5))}
        self.add_intervals(out, s, clusters, {"p50_interval": .5})
        return out

    def placement(self):
        quiet = defaultdict(list)  # (variant, trial, user) -> successes before the first fault
        for (trial, variant), users in self.users.items():
            for user, rows in users.items():
                quiet[variant, trial, user] = [
                    r for r in rows if self.valid[trial] and r["result"] == "ok"
                    and r["pop"] in self.pops and r["t"] < self.first_fault[trial]]
        seen = defaultdict(list)
        for rows in quiet.values():
            for r in rows:
                seen[r["source"], r["pop"]].append(r["done"] - r["t"])
        best = {}
        for g in self.groups:
            times = [sorted(seen[g, p])[(len(seen[g, p]) - 1) // 2] for p in self.pops if seen[g, p]]
            if g in self.places["clients"]:
                times += [2 * distance(self.places["clients"][g], self.places["pops"][p]) / 200 * 1.4e6
                          for p in self.pops if not seen[g, p] and p in self.places["pops"]]
            best[g] = min(times, default=None)
        out = {}
        for variant in self.modes:
            mine = [rows for (v, _, _), rows in quiet.items() if v == variant and rows]
            near = [(rows[-1]["pop"], self.nearest(rows[0]["source"])) for rows in mine]
            near = [(pop, nearest) for pop, nearest in near if nearest]
            overs = sorted(sorted(r["done"] - r["t"] for r in rows)[(len(rows) - 1) // 2]
                           - best[rows[0]["source"]] for rows in mine)
            worse = sum(o >= 25e6 for o in overs)
            hits = sum(pop == nearest for pop, nearest in near)
            out[variant] = {
                "users": len(near), "nearest": hits, "nearest_share": hits / len(near) if near else None,
                "timed": len(overs), "worse_25ms": worse,
                "worse_25ms_share": worse / len(overs) if overs else None,
                "over_best_p50_ms": km_ms(overs[(len(overs) + 1) // 2 - 1]) if overs else None,
                "over_best_p90_ms": km_ms(overs[(len(overs) * 9 + 9) // 10 - 1]) if overs else None}
        return out

    def all(self):
        effects = {(f["trial"], i, v): self.effect(f, v)
                   for i, f in enumerate(self.faults) for v in self.modes}
        trials = [{v: self.trial_json(effects, t, v) for v in self.modes} for t in self.valid]
        pools = {v: {k: [e for (t, _, w), e in effects.items()
                         if w == v and e["fault"]["key"] == k and self.valid[t]]
                     for k in dict.fromkeys(f["key"] for f in self.faults)} for v in self.modes}
        names = list(self.modes)
        pairs = [self.pair_json(pools[a][k], pools[b][k], (a, b))
                 for k in dict.fromkeys(f["key"] for f in self.faults)
                 for i, a in enumerate(names) for b in names[i + 1:] if pools[a][k] and pools[b][k]]
        valid = sum(self.valid.values())
        return trials, {"trials": {"valid": valid, "invalid": len(self.valid) - valid},
                        "variants": {v: {k: self.pool_json(pool, v) for k, pool in faults.items() if pool}
                                     for v, faults in pools.items()},
                        "paired": pairs, "placement": self.placement()}


def compare(mine, theirs, at="", counts=None):
    """Yields a line per difference; counts[0] becomes the number of single values compared."""
    counts = counts if counts is not None else [0]
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key in list(theirs) + [k for k in mine if k not in theirs]:
            if key not in mine or key not in theirs:
                yield f"{at}.{key}: only in {'result.json' if key in theirs else 'the recomputation'}"
            else:
                yield from compare(mine[key], theirs[key], f"{at}.{key}", counts)
    elif isinstance(mine, list) and isinstance(theirs, list):
        if len(mine) != len(theirs):
            yield f"{at}: {len(theirs)} entries, recomputed {len(mine)}"
        for i, (a, b) in enumerate(zip(mine, theirs)):
            yield from compare(a, b, f"{at}[{i}]", counts)
    else:
        counts[0] += 1
        numbers = all(isinstance(x, (int, float)) for x in (mine, theirs))
        # Times in the file are rounded to microseconds.
        limit = 0.000501 if "ms" in at or "interval" in at else 1e-9  # written to the microsecond
        if not (abs(mine - theirs) <= limit if numbers else mine == theirs):
            yield f"{at}: {theirs}, recomputed {mine}"


def differences(directory):
    """(list of differences, number of values compared)"""
    again = Recomputed(directory)
    trials, summary = again.all()
    counts = [0]
    found = list(compare(summary, again.result["summary"], "summary", counts))
    for i, trial in enumerate(trials):
        found += compare(trial, again.result["trials"][i]["variants"], f"trials[{i}].variants", counts)
    return found, counts[0]


if __name__ == "__main__":
    lines, compared = differences(sys.argv[1])
    print("\n".join(lines[:50]))
    print(f"{compared} values compared, {len(lines)} differ")
    sys.exit(1 if lines else 0)
