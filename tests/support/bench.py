# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benches share: a lab for a block, the memory of its processes, rows of the table."""
import glob
import json
import os
import shutil
import subprocess
import tempfile

from . import BIN, free_name
from .netns import die_with_parent

TESTBED = BIN + "/catchment-testbed"
ALARM = os.path.join(os.path.dirname(BIN), "tools/alarm")
# As long and as often as the project's promises say; else what shows that the bench works.
FULL = os.environ.get("CATCHMENT_BENCH_FULL") == "1"


def row(what, measured, limit, good, noise=False):
    """good None: a number without a limit. noise: the machine was too busy for it to say anything."""
    verdict = "" if good is None else "noise" if noise else "ok" if good else "MISSED"
    print(f"{what} | {measured} | {limit} | {verdict}", flush=True)


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))]


def run_delay_ns(pid):
    """How long this process's threads have been ready to run and had no core, since they began."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path, encoding="ascii") as f:
            total += int(f.read().split()[1])
    return total


class Alarms:
    """How late a process that does nothing else comes to a core, one with real-time priority on each.

    What is later than that is ours; what is not may be the machine's.
    """

    def __init__(self, period_ms=5, worth_ms=1):
        """Times later than worth_ms are kept in `late`, (due, come) on the monotonic clock in ns."""
        self.times = [str(round(ms * 1000)) for ms in (period_ms, worth_ms)]

    def __enter__(self):
        self.late, self.alarms = [], [
            subprocess.Popen([ALARM, str(core), *self.times], text=True, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, preexec_fn=die_with_parent)
            for core in range(os.cpu_count())]
        return self

    def __exit__(self, *_):
        self.latest_ms()

    def latest_ms(self):
        """The worst of them since the block began; they end."""
        if self.alarms:
            told = [alarm.communicate()[0].splitlines() for alarm in self.alarms]
            self.latest = max(int(lines[-1]) for lines in told) / 1e6
            self.late = [tuple(map(int, line.split())) for lines in told for line in lines[:-1]]
            self.alarms = []
        return self.latest


class Lab:
    """A lab of this scenario (a name or a dict), up in the block, gone after it."""

    def __init__(self, scenario):
        self.scenario = scenario
        self.name = free_name("bench")

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="bench")
        path = self.scenario
        if isinstance(path, dict):
            path = self.dir + "/scenario.json"
            with open(path, "w", encoding="utf-8") as f:
                json.dump(self.scenario, f)
        done = subprocess.run([TESTBED, "up", "--no-users", path, "--lab", self.name, "--out",
                               self.dir + "/out"],
                              env={**os.environ, "CATCHMENT_BENCH": self.name}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            shutil.rmtree(self.dir)
            raise RuntimeError(f"the lab is not up: {done.stdout}")
        with open(self.dir + "/out/latest/result.json", encoding="utf-8") as f:
            self.result = json.load(f)
        return self

    def __exit__(self, *_):
        subprocess.run([TESTBED, "down", "--lab", self.name], check=False)
        shutil.rmtree(self.dir)

    def command(self, node, *argv):
        return [TESTBED, "exec", "--lab", self.name, node, "--", *map(str, argv)]

    def exec(self, node, *argv):
        """Its output; a failure raises."""
        return subprocess.run(self.command(node, *argv), text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=True).stdout

    def start(self, node, *argv, **kwargs):
        return subprocess.Popen(self.command(node, *argv), text=True, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, preexec_fn=die_with_parent, **kwargs)

    def processes(self):
        """(name, pid) of everything in the lab: "node", "bird", "nginx", "up" (the supervisor)."""
        mark = f"CATCHMENT_BENCH={self.name}".encode()
        for path in glob.glob("/proc/[0-9]*/environ"):
            try:
                with open(path, "rb") as f:
                    if mark not in f.read().split(b"\0"):
                        continue
                with open(path.replace("environ", "cmdline"), encoding="utf-8") as f:
                    words = f.read().split("\0")
            except OSError:
                continue
            name = os.path.basename(words[0])
            yield (words[1] if name == "catchment-testbed" else name), int(path.split("/")[2])


def memory_kib(pid, key):
    """A line of smaps_rollup: "Pss" shares pages out among their users, "Rss" does not."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
            return next(int(line.split()[1]) for line in f if line.startswith(key + ":"))
    except (OSError, StopIteration):
        return 0


def memory_available_kib():
    with open("/proc/meminfo", encoding="utf-8") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("MemAvailable"))
