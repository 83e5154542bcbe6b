# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab when people and processes do what nobody planned."""
import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest

from support import wait_until
from support.scenarios import LIMITS

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_lab import Case, TESTBED, quick

UP_AND_TWO_TRIALS_S = 120
STANDSTILL_S = 1.5  # less than the hold time


class Manners(Case):
    def background(self, *argv):
        done = subprocess.Popen([TESTBED, *argv, "--lab", self.lab, "--out", self.dir + "/out"],
                                env=self.env, text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(done.stderr.close)
        self.addCleanup(done.wait)
        self.addCleanup(done.kill)
        return done

    def users(self):
        return [pid for pid, words in self.processes().items() if words[1:2] == ["client"]]

    def log(self):
        with open(self.dir + "/out/latest/testbed.log", encoding="utf-8") as f:
            return f.read()

    def run_with(self, disturb, **changes):
        """A short run that is disturbed once its users are at work; its first trial."""
        path = self.write("short.json", quick(**{"name": "short", "speaker": "bird",
                                                 "ramp_ms": 500, "duration_ms": 5000,
                                                 "timeline": [], **changes}))
        self.testbed = run = self.background("run", path)
        for line in run.stderr:
            if line.startswith("trial 1"):
                break
        wait_until(lambda: len(self.users()) == 4, 20, "users")
        disturb()
        text = run.stderr.read()
        self.assertEqual(run.wait(UP_AND_TWO_TRIALS_S), 0, text)
        with open(self.dir + "/out/latest/result.json", encoding="utf-8") as f:
            return json.load(f)["trials"][0]

    def test_users_that_are_stuck(self):
        trial = self.run_with(lambda: os.kill(self.users()[0], signal.SIGSTOP))
        self.assertFalse(trial["valid"])
        self.assertIn("have not ended", trial["reason"])

    def test_users_that_die(self):
        trial = self.run_with(lambda: os.kill(self.users()[0], signal.SIGKILL))
        self.assertFalse(trial["valid"])

    def test_a_testbed_that_stands_still(self):
        def disturb():
            self.testbed.send_signal(signal.SIGSTOP)
            time.sleep(STANDSTILL_S)
            self.testbed.send_signal(signal.SIGCONT)

        limit_ms = STANDSTILL_S * 1000 / 5
        trial = self.run_with(disturb, limits={**LIMITS, "wires_late_ms": limit_ms})
        self.assertFalse(trial["valid"])
        late = re.search(r"wires stood still for (\d+\.\d\d) ms \(p99\)", trial["reason"])
        self.assertGreater(float(late[1]), limit_ms)

    def test_hands_in_a_trial(self):
        def disturb():
            self.run_testbed("fault", "--lab", self.lab, "pop_crash", "nyc")

        trial = self.run_with(disturb, timeline=[
            {"at_ms": 3000, "fault": "pop_crash", "target": "nyc"}])
        self.assertFalse(trial["valid"])
        self.assertIn("by hand", trial["reason"])
        # The timeline's own finds the pop broken, and leaves it at that.
        self.assertEqual([f["target"] for f in trial["faults"]], ["nyc"])

    def test_a_second_of_that_name_leaves_the_first_alone(self):
        self.up()
        latest = os.readlink(self.dir + "/out/latest")
        for command in ("up", "run"):
            self.refused(3, "is running already", command, self.scenario, "--lab", self.lab,
                         "--out", self.dir + "/out")
        self.assertEqual(sorted(os.listdir(self.dir + "/out")), sorted(["latest", latest]))
        self.assertEqual(os.readlink(self.dir + "/out/latest"), latest)
        self.down()

    def test_what_is_said_in_the_background(self):
        self.up()
        self.assertEqual(self.log(), "")
        self.exec("nyc", "pkill", "-9", "-x", "bird")
        wait_until(lambda: "bird at nyc has ended" in self.log(), 5, "the death in the log")
        self.run_testbed("fault", "--lab", self.lab, "lb_crash", "fra")
        self.run_testbed("restore", "--lab", self.lab, "1")
        wait_until(lambda: self.reaches("paris", "10.200.1.1"), 30, "fra again")
        self.assertNotIn("at fra", self.log())
        self.down()

    def test_a_pop_that_is_not_up_cannot_be_broken(self):
        self.up()
        for argv in (["fault", "pop_crash", "fra"], ["restore", "1"]):
            self.run_testbed(*argv, "--lab", self.lab)
        os.kill(next(n["pid"] for n in self.status()["nodes"] if n["name"] == "nyc"),
                signal.SIGKILL)
        wait_until(lambda: "node nyc has died" in self.log(), 5, "nyc's death")
        self.refused(1, "not up", "fault", "lb_crash", "nyc", "--lab", self.lab)
        # The lab goes on without it.
        status = self.status()
        self.assertEqual([n["name"] for n in status["nodes"] if not n["up"]], ["nyc"])
        self.assertEqual(status["phase"], "up")
        wait_until(lambda: not self.reaches("boston", "10.200.2.1"), 20, "nyc withdrawn")
        wait_until(lambda: self.reaches("boston", "10.200.1.1"), 30, "fra again")
        self.down()

    def test_up_interrupted(self):
        up = self.background("up", self.scenario)
        wait_until(lambda: len(self.nodes()) == 17, 20, "every node")
        up.send_signal(signal.SIGINT)
        # At once, not when the lab would have been up; the kernel takes a second for the wires' ends.
        wait_until(lambda: not self.processes(), 3, "the end of every process")
        self.assertFalse(os.path.exists(f"/run/catchment/{self.lab}"))


if __name__ == "__main__":
    unittest.main()
