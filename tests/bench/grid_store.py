# SPDX-License-Identifier: GPL-3.0-or-later
"""A grid's directory, which outlives whoever writes it, and what is said about its progress."""
import fcntl
import hashlib
import json
import os
import secrets
import sys
import time

import grid_plan


class Refusal(Exception):
    """Nothing was done; the text says what to do."""


def seconds(s):
    """For people: 42 s, 3 min 10 s, 2 h 05 min."""
    s = int(s + .5)
    if s < 60:
        return f"{s} s"
    return f"{s // 60} min {s % 60:02} s" if s < 3600 else f"{s // 3600} h {s % 3600 // 60:02} min"


def write_json(path, value):
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump(value, f, indent=1)
        f.write("\n")
    os.replace(path + ".new", path)


def read_json(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


class Store:
    """A grid's directory: the plan that it belongs to, and what became of each run."""

    def __init__(self, path, grid, runtime):
        self.path = path
        os.makedirs(path, exist_ok=True)
        self.lock = open(self.file("lock"), "w", encoding="ascii")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until this process ends
        except BlockingIOError:
            raise Refusal(f"another grid.py is at work in {path}") from None
        self.runs = grid_plan.plan(grid)
        plan = {"grid": grid, "runtime": runtime, "digest": hashlib.sha256(json.dumps(
            [r["scenario"] for r in self.runs], sort_keys=True).encode()).hexdigest()}
        kept = self.file("plan.json")
        if os.path.exists(kept):
            self.plan = read_json(kept)
            changed = [k for k in plan if self.plan.get(k) != plan[k]]
            if changed:
                what = {"grid": "another grid", "runtime": "another runtime",
                        "digest": "the same grid of scenarios that have changed since"}[changed[0]]
                raise Refusal(f"{path} holds {what}: choose another --dir, or put it away")
        else:
            # The token is in the labs' names, by which we find our runs again.
            self.plan = {**plan, "token": secrets.token_hex(3), "created": time.strftime(
                "%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
            write_json(kept, self.plan)
        for run in self.runs:  # each time: whoever removes a run's folder wants it done again
            os.makedirs(self.of(run), exist_ok=True)
            write_json(self.of(run, "scenario.json"), run["scenario"])
        self.states = {}
        for number, run in enumerate(self.runs, 1):
            run["number"] = number
            run["lab"] = f"grid-{self.plan['token']}-{number}"
            try:
                self.states[run["id"]] = read_json(self.of(run, "state.json"))
            except FileNotFoundError:
                self.states[run["id"]] = {"state": "waiting"}

    def file(self, name):
        return os.path.join(self.path, name)

    def of(self, run, name=""):
        return os.path.join(self.path, "runs", run["id"], name)

    def state(self, run):
        return self.states[run["id"]]

    def save(self, run, **state):
        self.states[run["id"]] = state
        write_json(self.of(run, "state.json"), state)

    def is_done(self, run):
        return self.state(run)["state"] == "done"

    def with_result(self):
        """(run, result.json) of those that have one: all done, and what the failed ones left."""
        for run in self.runs:
            if os.path.exists(self.of(run, "result.json")):
                yield run, read_json(self.of(run, "result.json"))


class Progress:
    """A line per run, and on a terminal a last one that changes."""

    def __init__(self, store):
        self.store = store
        self.live = sys.stdout.isatty()
        self.width = 0

    def left(self):
        """Seconds for what is still to do, from the plan corrected by what runs really took."""
        took = [(self.store.state(r)["seconds"], grid_plan.expected_s(r)) for r in self.store.runs
                if self.store.is_done(r)]
        factor = sum(t for t, _ in took) / sum(e for _, e in took) if took else 1
        return factor * sum(grid_plan.expected_s(r) for r in self.store.runs
                            if self.store.state(r)["state"] in ("waiting", "running"))

    def say(self, run, text):
        self.clear()
        print(f"[{run['number']}/{len(self.store.runs)}] {run['id']}: {text}", flush=True)

    def clear(self):
        if self.width:
            print("\r" + " " * self.width + "\r", end="", flush=True)
            self.width = 0

    def show(self, run, answer, since):
        if not self.live:
            return
        progress, trials = answer.get("progress"), answer.get("trials") or {}
        text = answer["state"]
        if progress:
            text = (f"trial {progress['trial']}, {trials.get('valid', 0)} of "
                    f"{trials.get('wanted', '?')} done, {progress['elapsed_s']} of "
                    f"{progress['duration_s']} s")
        left = max(0, self.left() - (time.monotonic() - since))
        line = f"  {run['id']}: {text}; about {seconds(left)} left"
        self.clear()
        print(line, end="", flush=True)
        self.width = len(line)
