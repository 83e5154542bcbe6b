# SPDX-License-Identifier: GPL-3.0-or-later
"""From a grid's file to runs: which scenarios to run, and how long each trial must be. Pure.

A grid names a reference condition and sweeps that depart from it:

    {"version": 1, "name": "small", "trials": 5, "seed": 1,
     "reference": {"scenario": "quick", "fault": "pop_crash", "target": "fra", "speaker": "lb",
                   "interval_ms": 500, "fall": 3, "hold_time": 3,
                   "modes": ["anycast", "geodns"], "ttl": 2, "sessions": true},
     "sweeps": [{"ttl": [1, 2, 4, 8]}, {"interval_ms": [500, 1000], "sessions": false}]}

A sweep is the product of its lists; what it leaves out is the reference's. Whatever has the same
scenario, fault, target, speaker, checks and hold time is one run, with all modes and TTLs asked of
it as variants that one fault hits at the same instant. "sessions": trials last until every session
at the failed pop has either survived or broken, which takes longer than the users' recovery.
"""
import copy
import itertools
import json
import math
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VARIANTS_MAX = 15  # of a scenario
FAULTS = ["pop_crash", "lb_crash", "origin_failure"]
QUIET_MS = 1500  # between the last user's start and the earliest fault: lookups done, sessions open
MARGIN_MS = 1000
UNBOUND_TICK_MS = 1000  # it counts whole seconds, see docs/measuring.md
SUCCESSES = 10  # that make a failover
SESSION_TIMEOUT_MS = 32000  # a session is given up 30 s after its last answer

# axis: (kind of one value, least, most)
AXES = {"scenario": (str, None, None), "fault": (str, None, None), "target": (str, None, None),
        "speaker": (str, None, None), "interval_ms": (int, 50, 3600000), "fall": (int, 1, 100),
        "hold_time": (int, 3, 65535)}
VARIANT_AXES = {"modes": (str, None, None), "ttl": (int, 0, 86400)}
CHOICES = {"fault": FAULTS, "speaker": ["lb", "bird"], "modes": ["anycast", "geodns"]}


class PlanError(Exception):
    """What is wrong with the grid's file, beginning with its path in the file."""


def values_of(at, key, value):
    """The list of an axis, checked."""
    kind, least, most = {**AXES, **VARIANT_AXES}[key]
    values = value if isinstance(value, list) else [value]
    if not values:
        raise PlanError(f"{at}.{key}: at least one value")
    for v in values:
        if not isinstance(v, kind) or isinstance(v, bool):
            raise PlanError(f"{at}.{key}: {json.dumps(v)} is not "
                            + ("a string" if kind is str else "an integer"))
        if kind is int and not least <= v <= most:
            raise PlanError(f"{at}.{key}: {v} is not in {least} to {most}")
        if key in CHOICES and v not in CHOICES[key]:
            raise PlanError(f"{at}.{key}: '{v}' is none of {', '.join(CHOICES[key])}")
    return list(dict.fromkeys(values))


def condition_of(at, given):
    """An object of axes, as lists."""
    if not isinstance(given, dict):
        raise PlanError(f"{at}: an object is wanted")
    out = {}
    for key, value in given.items():
        if key == "sessions":
            if not isinstance(value, bool):
                raise PlanError(f"{at}.sessions: true or false")
            out[key] = value
        elif key in AXES or key in VARIANT_AXES:
            out[key] = values_of(at, key, value)
        else:
            raise PlanError(f"{at}.{key}: unknown key")
    return out


def grid_load(path, trials=None, seed=None):
    """The file of a grid, checked; a name means one of tests/bench/grids."""
    if "/" not in path and not path.endswith(".json"):
        path = os.path.join(ROOT, "tests/bench/grids", path + ".json")
    try:
        with open(path, encoding="utf-8") as f:
            grid = json.load(f)
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise PlanError(f"{path}: {error}") from None
    if not isinstance(grid, dict) or grid.get("version") != 1:
        raise PlanError(f"{path}: version: 1 is wanted")
    for key in grid:
        if key not in ("version", "name", "why", "trials", "seed", "reference", "sweeps"):
            raise PlanError(f"{path}: {key}: unknown key")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", str(grid.get("name", ""))):
        raise PlanError(f"{path}: name: small letters, digits and hyphens are wanted")
    for key, given, least in (("trials", trials, 1), ("seed", seed, 0)):
        if given is not None:
            grid[key] = given
        value = grid.setdefault(key, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise PlanError(f"{path}: {key}: an integer from {least} on is wanted")
    reference = condition_of("reference", grid.get("reference"))
    for key in (*AXES, *VARIANT_AXES):
        if key not in reference:
            raise PlanError(f"{path}: reference.{key}: missing")
        if key in AXES and len(reference[key]) != 1:
            raise PlanError(f"{path}: reference.{key}: one value is wanted")
    if not isinstance(grid.get("sweeps"), list) or not grid["sweeps"]:
        raise PlanError(f"{path}: sweeps: a list of objects is wanted")
    for i, sweep in enumerate(grid["sweeps"]):
        condition_of(f"sweeps[{i}]", sweep)
    return grid


def scenario_read(name):
    """A shipped scenario's name, or a path."""
    path = name
    if "/" not in name and not name.endswith(".json"):
        path = os.path.join(ROOT, "testbed/scenarios", name + ".json")
    try:
        with open(path, encoding="utf-8") as f:
            scenario = json.load(f)
    except (OSError, ValueError) as error:
        raise PlanError(f"scenario {name}: {error}") from None
    if not isinstance(scenario, dict) or not isinstance(scenario.get("pops"), list):
        raise PlanError(f"scenario {name}: has no pops")
    return scenario


def variants_of(modes, ttls):
    """Anycast always answers the same address, so its TTL makes no second variant."""
    out = []
    for mode in modes:
        if mode == "anycast":
            out.append({"name": mode, "mode": mode})
        else:
            out += [{"name": f"{mode}{ttl}", "mode": mode, "ttl": ttl} for ttl in sorted(ttls)]
    return out


def check_timeout_ms(interval_ms):
    return min(interval_ms, 1000)


def detection_ms(condition):
    """The longest that a nameserver, or the pop itself, may take to see the fault."""
    rounds = condition["fall"] * condition["interval_ms"]
    if condition["fault"] == "origin_failure":
        rounds *= 2  # the pop sees its origin down, and then the nameservers see what it says
    return rounds + check_timeout_ms(condition["interval_ms"])


def timing(condition, variants, sessions, period_ms):
    """How long what lasts. Users that can recover must have done so by the undo, wherever in TTL
    and timer periods the fault falls; caches that start together must be spread over the TTL."""
    ttls = [v["ttl"] for v in variants if "ttl" in v]
    ttl_ms = 1000 * max(ttls, default=0)
    dns_ms = detection_ms(condition) + ttl_ms + UNBOUND_TICK_MS if ttls else 0
    bgp_ms = max(1000 * condition["hold_time"] + 1000, detection_ms(condition))
    undo_ms = max(dns_ms, bgp_ms) + SUCCESSES * period_ms + MARGIN_MS
    undo_ms = math.ceil(undo_ms / 500) * 500
    ramp_ms = max(ttl_ms, 2000)
    jitter_ms = max(ttl_ms, 1000 * condition["hold_time"] // 3, condition["interval_ms"])
    # A session that met silence tries again after twice the time, so at the latest when as much
    # time as the fault lasted has passed once more. A failed origin resets it at once.
    watch_ms = undo_ms + 3000
    if sessions and condition["fault"] != "origin_failure":
        watch_ms = max(watch_ms, min(2 * undo_ms + 2000, SESSION_TIMEOUT_MS))
    at_ms = ramp_ms + QUIET_MS
    return {"ramp_ms": ramp_ms, "duration_ms": at_ms + jitter_ms + watch_ms,
            "fault": {"at_ms": at_ms, "jitter_ms": jitter_ms, "undo_ms": undo_ms}}


def period_of(scenario):
    """Of the requests that recovery is measured on, the slowest group's."""
    periods = []
    for client in scenario["clients"]:
        kinds = {t["kind"]: t["period_ms"] for t in client["traffic"]}
        periods += [next((kinds[k] for k in ("udp", "http", "dns") if k in kinds), 0)]
    return max(periods)


def derive(base, run_id, grid, condition, variants, sessions):
    """The scenario of a run: the shipped one, changed where the grid says so."""
    scenario = copy.deepcopy(base)
    times = timing(condition, variants, sessions, period_of(base))
    interval_ms = condition["interval_ms"]
    scenario.update(
        name=run_id, seed=grid["seed"], trials=grid["trials"], speaker=condition["speaker"],
        hold_time=condition["hold_time"], ramp_ms=times["ramp_ms"],
        duration_ms=times["duration_ms"], variants=variants,
        checks={"interval_ms": interval_ms, "timeout_ms": check_timeout_ms(interval_ms),
                "rise": base.get("checks", {}).get("rise", 2), "fall": condition["fall"]},
        timeline=[{**times["fault"], "fault": condition["fault"], "target": condition["target"]}])
    return scenario


def run_id_of(name, condition):
    c = condition
    return (f"{name}-{c['fault']}-{c['target']}-{c['interval_ms']}x{c['fall']}"
            f"-hold{c['hold_time']}-{c['speaker']}")


def merged(grid):
    """condition -> [modes, TTLs, sessions], each once, in the order of the file."""
    reference = condition_of("reference", grid["reference"])
    found = {}
    for i, sweep in enumerate(grid["sweeps"]):
        wanted = {"sessions": True, **reference, **condition_of(f"sweeps[{i}]", sweep)}
        for values in itertools.product(*(wanted[axis] for axis in AXES)):
            modes, ttls, sessions = found.get(values, ([], [], False))
            found[values] = (list(dict.fromkeys(modes + wanted["modes"])),
                             sorted({*ttls, *wanted["ttl"]}), sessions or wanted["sessions"])
    return found


def plan(grid):
    """The runs: [{"id", "condition", "sessions", "scenario"}], as few as there can be."""
    runs, bases = [], {}
    for values, (modes, ttls, sessions) in merged(grid).items():
        condition = dict(zip(AXES, values))
        name = condition["scenario"]
        base = bases.setdefault(name, scenario_read(name))
        if condition["target"] not in [p["name"] for p in base["pops"]]:
            raise PlanError(f"target '{condition['target']}': scenario {name} has no such pop")
        variants = variants_of(modes, ttls)
        parts = math.ceil(len(variants) / VARIANTS_MAX)
        for part in range(parts):
            mine = variants[part * VARIANTS_MAX:(part + 1) * VARIANTS_MAX]
            run_id = run_id_of(base["name"], condition) + (f"-{part + 1}" if parts > 1 else "")
            if len(run_id) > 63:
                raise PlanError(f"'{run_id}' is too long for a scenario's name (63 characters)")
            runs.append({"id": run_id, "condition": condition, "sessions": sessions,
                         "scenario": derive(base, run_id, grid, condition, mine, sessions)})
    return runs


def expected_s(run):
    """How long a run takes if no trial is repeated: to set up the lab and report, and to settle
    between trials, measured on two cores."""
    scenario = run["scenario"]
    return 6 + scenario["trials"] * (scenario["duration_ms"] / 1000 + 0.5)


def reference_of(grid):
    """The one value of each axis that is the grid's point of departure."""
    reference = condition_of("reference", grid["reference"])
    return {axis: reference[axis][0] for axis in AXES}
