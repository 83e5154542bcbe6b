#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""grid.py GRID [--dir DIR]: run a grid of scenarios over REST; one CSV, three plots, one page.

GRID is a file, or one of tests/bench/grids by name: small (a quarter of an hour), full (a night).
Without --url it starts a `catchment-testbed serve` of its own, which needs root. In DIR (default
out/grid-NAME) are index.html, grid.csv, the plots, and below runs/ the scenario and result.json of
each run. Started again with the same DIR it goes on where it stopped, whatever stopped it: runs
that are done are not done again, and those that failed get another try.
Status: 0 all done, 1 some failed, 2 bad input, 3 environment, 130 interrupted.
"""
import argparse
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import grid_data
import grid_page
import grid_plan
from grid_serve import ENDED, BadUrl, Gone, Refused, Serve, Testbed
from grid_store import Progress, Refusal, Store, read_json, seconds, write_json

ATTEMPTS = 2  # of a run that fails
PATIENCE_S = 60  # for a testbed that somebody else runs, and that does not answer
SERVE_DEATHS = 3  # of our own in a row, after which it is not started again
POLL_S = 1  # how often a run says how far it is


class Stop(Exception):
    """SIGINT or SIGTERM came; raised where nothing is half done."""


class Signals:
    """A signal in the middle of a request would leave a run that nobody knows of."""

    def __init__(self):
        self.came = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.on_signal)

    def on_signal(self, *_):
        self.came = True

    def pause(self, s):
        time.sleep(s)
        if self.came:
            raise Stop


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")),
                     os.uname().machine)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Linux {os.uname().release}"


class Runner:
    """Posts the runs, waits for them, keeps what they measured."""

    def __init__(self, store, testbed, serve, o):
        self.store, self.testbed, self.serve = store, testbed, serve
        self.parallel, self.signals = o.parallel, o.signals
        self.progress = Progress(store)
        self.active = {}  # id of the plan's run -> {"run", "remote", "since", "attempt"}
        self.deaths = 0

    def all(self):
        """True when every run is done."""
        todo = [r for r in self.store.runs if not self.store.is_done(r)]
        for run in todo:
            self.store.save(run, state="waiting")
        earlier = len(self.store.runs) - len(todo)
        if earlier:
            print(f"{earlier} of {len(self.store.runs)} runs were done before", flush=True)
        queue = [(run, 1) for run in todo]
        try:
            while queue or self.active:
                while queue and len(self.active) < self.parallel:
                    self.begin(*queue.pop(0))
                self.signals.pause(POLL_S)
                for entry in list(self.active.values()):
                    again = self.look(entry)
                    if again:
                        queue.insert(0, again)
        except (Stop, Gone, Refused):
            self.cancel()
            raise
        return all(self.store.is_done(r) for r in self.store.runs)

    def insist(self, ask, busy=()):
        """What ask() returns. A testbed that does not answer is started again if it is ours, and
        waited for if not; so is one that is busy: a lab that just ends still has its name."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = ask()
                self.deaths = 0
                return answer
            except Refused as refused:
                if refused.status not in busy or time.monotonic() > deadline:
                    raise
                self.signals.pause(POLL_S)
            except Gone as gone:
                if self.serve and self.serve.ended():
                    self.deaths += 1
                    if self.deaths > SERVE_DEATHS:
                        raise
                    self.progress.clear()
                    print("catchment-testbed serve has died; starting it again", flush=True)
                    self.serve.start()
                elif time.monotonic() > deadline:
                    raise
                else:
                    self.progress.clear()
                    print(f"{gone}; trying again", flush=True)
                    self.signals.pause(POLL_S)

    def begin(self, run, attempt):
        since = time.monotonic()
        remote = self.insist(lambda: self.adopted(run)) if attempt == 1 else None
        if remote:
            self.progress.say(run, f"found again, {remote['state']}")
        else:
            body = {"scenario": run["scenario"], "trials": run["scenario"]["trials"],
                    "seed": run["scenario"]["seed"], "runtime": self.store.plan["runtime"],
                    "lab": run["lab"]}
            asked = []

            def ask():
                """An answer that was lost on its way leaves a run behind: look for it first."""
                found = self.adopted(run) if asked else None
                asked.append(True)
                return found or self.testbed.start(body)

            try:
                remote = self.insist(ask, busy=(409, 503))
            except Refused as refused:
                if refused.status in (401, 403, 404):
                    raise  # so will be all others
                self.failed(run, f"refused: {refused}", since)
                return
            scenario = run["scenario"]
            self.progress.say(run, f"{scenario['trials']} trials of {scenario['duration_ms'] / 1e3:g} s, "
                              f"{len(scenario['variants'])} variants"
                              + (", once more" if attempt > 1 else "")
                              + f"; about {seconds(self.progress.left())} left")
        self.store.save(run, state="running", remote=remote["id"])
        self.active[run["id"]] = {"run": run, "remote": remote["id"], "since": since,
                                  "attempt": attempt}

    def adopted(self, run):
        """Our run, if an earlier grid.py has started it and it still goes on, or is done."""
        mine = [r for r in self.testbed.runs() if r.get("lab") == run["lab"]
                and r["state"] not in ("failed", "cancelled")]
        return max(mine, key=lambda r: r["created"], default=None)

    def look(self, entry):
        """(run, attempt) when it is to be tried again."""
        run = entry["run"]
        try:
            answer = self.insist(lambda: self.testbed.run(entry["remote"]))
        except Refused as refused:
            if refused.status != 404:
                raise
            answer = {"state": "failed", "reason": "the testbed knows no such run any more"}
        if answer["state"] not in ENDED:
            self.progress.show(run, answer, entry["since"])
            return None
        del self.active[run["id"]]
        valid = self.keep(run, entry)
        if answer["state"] == "done" and valid:
            self.done(run, entry, valid)
            return None
        reason = answer.get("reason") or ("no valid trial" if answer["state"] == "done"
                                          else answer["state"])
        if entry["attempt"] < ATTEMPTS:
            self.progress.say(run, f"failed ({reason}); once more")
            return run, entry["attempt"] + 1
        self.failed(run, reason, entry["since"])
        return None

    def keep(self, run, entry):
        """Fetch result.json; how many valid trials it has. Of two the one with more is kept."""
        try:
            result = self.insist(lambda: self.testbed.result(entry["remote"]))
        except Refused:
            return 0
        valid = sum(t["valid"] for t in result["trials"])
        path = self.store.of(run, "result.json")
        before = sum(t["valid"] for t in read_json(path)["trials"]) if os.path.exists(path) else 0
        if valid and valid >= before:
            write_json(path, result)
        return valid

    def done(self, run, entry, valid):
        took = time.monotonic() - entry["since"]
        self.store.save(run, state="done", remote=entry["remote"], seconds=round(took, 1),
                        valid=valid, where=machine() if self.serve else self.testbed.where,
                        ended=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        left = self.progress.left()
        self.progress.say(run, f"done in {seconds(took)}, {valid} valid trials"
                          + (f"; about {seconds(left)} left" if left else ""))

    def failed(self, run, reason, since):
        self.store.save(run, state="failed", reason=reason,
                        seconds=round(time.monotonic() - since, 1))
        self.progress.say(run, f"FAILED: {reason}")

    def cancel(self):
        """Leave nothing running, and a state to go on from."""
        self.progress.clear()
        for entry in self.active.values():
            try:
                self.testbed.cancel(entry["remote"])
                deadline = time.monotonic() + PATIENCE_S
                while (self.testbed.run(entry["remote"])["state"] not in ENDED
                       and time.monotonic() < deadline):
                    time.sleep(0.2)
            except (Gone, Refused) as error:
                print(f"{entry['run']['id']}: not cancelled: {error}", file=sys.stderr)
            self.store.save(entry["run"], state="waiting")


def report(store):
    """grid.csv, the plots and the page from the results that are there."""
    rows = [row for run, result in store.with_result() for row in grid_data.rows_of(run, result)]
    if not rows:
        return
    grid_data.write(rows, store.file("grid.csv"))
    grid_page.write(store, grid_data.read(store.file("grid.csv")))
    print(store.file("index.html"), flush=True)


def put_aside(path, grid):
    """With --again: a directory in which everything is done makes room for a new measurement."""
    try:
        plan = read_json(os.path.join(path, "plan.json"))
        states = [read_json(os.path.join(path, "runs", r["id"], "state.json"))["state"]
                  for r in grid_plan.plan(grid)]
    except (OSError, ValueError, KeyError):
        return  # nothing there, or something unfinished
    if all(s == "done" for s in states):
        aside = f"{path}-{plan['created'][:10]}-{plan['token']}"
        os.rename(path, aside)
        print(f"the grid that was done before is now in {aside}", flush=True)


def options(argv):
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("grid")
    p.add_argument("--dir", help="default: out/grid-NAME")
    p.add_argument("--url", help="of a testbed that runs already: http://HOST:PORT or unix:PATH")
    p.add_argument("--token", default=os.environ.get("CATCHMENT_TOKEN"),
                   help="default: the environment's CATCHMENT_TOKEN")
    p.add_argument("--runtime", default="namespaces", choices=["namespaces", "docker", "compose"])
    p.add_argument("--trials", type=int, help="instead of the grid's")
    p.add_argument("--seed", type=int, help="instead of the grid's")
    p.add_argument("--parallel", type=int, default=1, help="runs at a time (1)")
    p.add_argument("--again", action="store_true", help="put a DIR that is complete aside first")
    what = p.add_mutually_exclusive_group()
    what.add_argument("--plan", action="store_true", help="say what would be run, and how long")
    what.add_argument("--page", action="store_true", help="only write the page once more")
    return p.parse_args(argv)


def show_plan(store):
    for run in store.runs:
        s = run["scenario"]
        print(f"{run['id']}: {s['trials']} trials of {s['duration_ms'] / 1e3:g} s, "
              f"{', '.join(v['name'] for v in s['variants'])}")
    print(f"{len(store.runs)} runs, about "
          f"{seconds(sum(grid_plan.expected_s(r) for r in store.runs))}")


def run_grid(o, grid, path):
    if o.again:
        put_aside(path, grid)
    store = Store(path, grid, o.runtime)
    if o.page:
        report(store)
        return 0
    if o.url:
        return measure(store, Testbed(o.url, o.token), None, o)
    if all(store.is_done(r) for r in store.runs):
        return measure(store, None, None, o)
    if os.geteuid() != 0:
        print("the lab needs root: sudo, or --url of a testbed that runs already", file=sys.stderr)
        return 3
    with Serve(store.file("records"), o.runtime, o.parallel) as serve:
        return measure(store, serve.testbed, serve, o)


def measure(store, testbed, serve, o):
    try:
        return 0 if Runner(store, testbed, serve, o).all() else 1
    finally:
        report(store)


def main(argv=None):
    o = options(argv)
    try:
        grid = grid_plan.grid_load(o.grid, o.trials, o.seed)
        if o.plan:
            show_plan(argparse.Namespace(runs=grid_plan.plan(grid)))
            return 0
        o.signals = Signals()
        return run_grid(o, grid, o.dir or os.path.join("out", "grid-" + grid["name"]))
    except (grid_plan.PlanError, Refusal, BadUrl) as error:
        print(error, file=sys.stderr)
        return 2
    except (Gone, Refused) as error:
        print(f"{error}\nwhat is done is kept: start it again to go on", file=sys.stderr)
        return 3
    except Stop:
        print("interrupted; what is done is kept: start it again to go on", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
