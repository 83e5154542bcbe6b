# SPDX-License-Identifier: GPL-3.0-or-later
"""Several labs on one machine: found by name, none in another's way, and names that come free."""
import fcntl
import json
import os
import signal
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

from support import wait_until
from support.control import Control

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_lab import Case, TESTBED, links, quick

UP_S = 90


class Labs(Case):
    def setUp(self):
        super().setUp()
        self.other = self.lab + "b"
        self.addCleanup(lambda: os.path.exists(self.directory(self.other)) and
                        self.run_testbed("down", "--lab", self.other))

    @staticmethod
    def directory(lab):
        return f"/run/catchment/{lab}"

    def start(self, command, lab, *more, scenario=None):
        done = subprocess.Popen([TESTBED, command, scenario or self.scenario, "--lab", lab,
                                 "--out", self.dir + "/out", *more], env=self.env, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, cwd=self.dir)
        self.addCleanup(done.stderr.close)
        self.addCleanup(done.wait)
        self.addCleanup(done.kill)
        return done

    def records(self):
        return sorted(set(os.listdir(self.dir + "/out")) - {"latest"})

    def supervisors(self):
        return [pid for pid, words in self.processes().items() if words[1:2] in (["up"], ["run"])]


class Several(Labs):
    def test_two_at_once(self):
        before = links()
        both = {lab: self.start("up", lab, "--no-users") for lab in (self.lab, self.other)}
        for lab, up in both.items():
            self.assertEqual(up.wait(UP_S), 0, up.stderr.read())
        namespaces = self.namespaces(self.nodes())
        self.assertEqual(len(self.nodes()), 34)
        # Everybody has a record, and latest is one of them.
        self.assertEqual(len(self.records()), 2)
        self.assertIn(os.readlink(self.dir + "/out/latest"), self.records())
        self.assertFalse([name for name in os.listdir(self.dir + "/out") if name[0] == "."])
        found = {s["lab"]: s for s in json.loads(self.run_testbed("status", "--json")[0])}
        self.assertLessEqual(both.keys(), found.keys())
        self.assertEqual(len({found[lab]["dir"] for lab in both}), 2)
        text, _ = self.run_testbed("status")
        for lab in both:
            self.assertIn(f"lab {lab}: scenario quick, up", text)
        # By name, or not at all.
        names = f"{self.lab}, (.*, )?{self.other}"
        for argv in (["down"], ["fault", "pop_crash", "fra"], ["restore", "1"],
                     ["exec", "paris", "--", "true"]):
            self.refused(1, rf"labs are running \((.*, )?{names}(, .*)?\): say which with --lab",
                         *argv)
        self.run_testbed("fault", "--lab", self.other, "pop_crash", "fra")
        self.assertEqual(self.status()["faults"], [])
        self.assertTrue(self.reaches("boston", "10.200.1.1"))
        self.run_testbed("down", "--lab", self.other)
        self.assertFalse(os.path.exists(self.directory(self.other)))
        self.assertTrue(self.reaches("boston", "10.200.1.1"))
        self.assertEqual(len(self.nodes()), 17)
        self.down()
        self.nothing_left(before, namespaces)

    def test_a_run_beside_a_lab(self):
        self.up()
        path = self.write("short.json", quick(name="short", speaker="bird", ramp_ms=500,
                                              duration_ms=3000, timeline=[]))
        run = self.start("run", self.other, scenario=path)
        wait_until(lambda: os.path.exists(self.directory(self.other) + "/control"), 20, "a socket")
        control = Control(self.other)
        self.assertEqual(control.ask("status")["scenario"], "short")
        control.close()
        text = run.stderr.read()
        # Two labs and their users may be more than this machine measures well.
        self.assertIn(run.wait(120), (0, 1), text)
        self.assertIn("trial 1", text)
        self.assertFalse(os.path.exists(self.directory(self.other)))
        self.assertEqual(self.status()["phase"], "up")
        self.assertTrue(self.reaches("paris", "10.200.1.1"))
        self.down()

    def test_one_name_for_many(self):
        tries = [self.start("up", self.lab, "--no-users") for _ in range(4)]
        said = [(up.wait(UP_S), up.stderr.read()) for up in tries]
        self.assertEqual(sorted(status for status, _ in said), [0, 3, 3, 3], said)
        for status, text in said:
            if status == 3:
                self.assertRegex(text, rf"^\S* ?lab {self.lab}: is (running already: "
                                 rf"'catchment-testbed down --lab {self.lab}' ends it|just "
                                 r"starting or ending: wait a moment, then try again)\n$")
        # The refused have left nothing, not even a record.
        self.assertEqual(len(self.records()), 1)
        self.assertEqual(self.status()["phase"], "up")
        self.assertEqual(len(self.nodes()), 17)
        self.down()
        self.assertFalse(os.path.exists(self.directory(self.lab)))

    def test_ends_and_starts_cross(self):
        """Directories come and go at once; a start never stumbles over another's end."""
        def churn(lab):
            failures = []
            for _ in range(12):
                up = subprocess.Popen([TESTBED, "up", self.scenario, "--lab", lab, "--out",
                                       self.dir + "/out", "--no-users"], env=self.env,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE, text=True)
                try:
                    wait_until(lambda: os.path.exists(self.directory(lab) + "/control") or
                               up.poll() is not None, 20, "a socket", 0.001)
                finally:
                    up.send_signal(signal.SIGINT)
                    _, text = up.communicate(timeout=20)
                    wait_until(lambda: not os.path.exists(self.directory(lab)), 20, "its end",
                               0.001)
                if "No such file" in text or "lab " in text:
                    failures.append(text)
            return failures

        with ThreadPoolExecutor(3) as pool:
            # What goes wrong in a thread is raised here.
            self.assertEqual(sum(pool.map(churn, [f"{self.lab}-{i}" for i in range(3)]), []), [])
        wait_until(lambda: not self.processes(), 10, "the end of every process")


class Leftovers(Labs):
    def is_let_go(self):
        """Nobody has the name: of a killed process some thread may live on after its nodes."""
        with open(self.directory(self.lab) + "/lock", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    def kill(self):
        before = links()
        namespaces = self.namespaces(self.nodes())
        for pid in self.supervisors():
            os.kill(pid, signal.SIGKILL)
        self.nothing_left(before, namespaces)
        wait_until(self.is_let_go, 10, "the end of the supervisor")

    def test_down_removes_them(self):
        self.up()
        self.kill()
        self.assertNotIn(self.lab, self.run_testbed("status")[0])
        _, err = self.run_testbed("down", "--lab", self.lab)
        self.assertRegex(err, f"^.*no lab '{self.lab}' is running; its leftovers are removed\n$")
        self.assertFalse(os.path.exists(self.directory(self.lab)))
        self.refused(1, f"no lab '{self.lab}' is running", "down", "--lab", self.lab)

    def test_the_next_start_takes_them_over(self):
        self.up()
        self.kill()
        self.up()
        self.assertEqual(self.status()["phase"], "up")
        self.down()
        self.assertFalse(os.path.exists(self.directory(self.lab)))

    def test_down_of_a_lab_that_starts(self):
        up = self.start("up", self.lab, "--no-users")
        wait_until(lambda: os.path.exists(self.directory(self.lab) + "/lock"), 20, "a lock", 0.001)
        # With or without its socket already.
        self.down()
        self.assertEqual(up.wait(20), 1)
        self.assertFalse(os.path.exists(self.directory(self.lab)))
        wait_until(lambda: not self.processes(), 10, "the end of every process")

    def test_down_of_a_lab_that_hangs(self):
        self.up()
        pid = self.supervisors()[0]
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(lambda: os.path.exists(f"/proc/{pid}") and os.kill(pid, signal.SIGCONT))
        self.refused(1, f"has not ended within 1 s: its supervisor is process {pid}", "down",
                     "--lab", self.lab, "--patience", "1")
        os.kill(pid, signal.SIGCONT)
        # What it was told then it does now.
        wait_until(lambda: not os.path.exists(self.directory(self.lab)), 20, "its end")

    def test_a_name_that_is_in_the_way(self):
        os.makedirs("/run/catchment", exist_ok=True)
        with open(self.directory(self.lab), "w", encoding="ascii"):
            pass
        self.addCleanup(lambda: os.path.exists(self.directory(self.lab)) and
                        os.unlink(self.directory(self.lab)))
        self.refused(3, f"lab {self.lab}: /run/catchment/{self.lab}: Not a directory", "up",
                     self.scenario, "--lab", self.lab, "--out", self.dir + "/out")
        self.refused(1, f"no lab '{self.lab}' is running", "down", "--lab", self.lab)
        self.assertEqual(self.run_testbed("status", "--json")[1], "")


if __name__ == "__main__":
    unittest.main()
