# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab in use: its users in "up", and what its control socket tells."""
import os
import signal
import subprocess
import sys
import time
import unittest

from support import wait_until
from support.control import Control

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_lab import Case, TESTBED, quick

HOME = {"paris": "fra", "berlin": "fra", "boston": "nyc", "jakarta": "sin"}
VARIANTS = ("anycast", "geodns4")
SERVED_S = 20


class Live(Case):
    def control(self, **options):
        control = Control(self.lab, **options)
        self.addCleanup(control.close)
        return control

    def served(self):
        """Of each group and variant: the pops and how many of its users they serve."""
        table = self.control().ask("catchments")["catchments"]
        return {(c["group"], c["variant"]): {**c["pops"],
                                             **({None: c["unserved"]} if c["unserved"] else {})}
                for c in table}

    def all_at_home(self):
        return self.served() == {(group, variant): {pop: 8} for group, pop in HOME.items()
                                 for variant in VARIANTS}

    def users(self):
        return [pid for pid, words in self.processes().items() if words[1:2] == ["client"]]

    def events_csv(self):
        with open(self.dir + "/out/latest/events.csv", encoding="utf-8") as f:
            return {line.split(",")[3] for line in f}


class HandsOn(Live):
    def test_a_session(self):
        self.up(users=True)
        control = self.control()
        self.assertEqual(control.ask("subscribe"), {"type": "reply"})
        wait_until(self.all_at_home, SERVED_S, "everybody served by the nearest")
        progress = control.wait_event(3, "progress", kind="progress")
        self.assertEqual((progress["trial"], progress["elapsed_s"], progress["duration_s"]),
                         (None, None, None))
        text, _ = self.run_testbed("status", "--lab", self.lab)
        self.assertRegex(text, r"\n  users: \d+ requests/s, 0.0 % failed\n")
        self.assertIn("\n  paris: anycast fra, geodns4 fra\n", text)

        self.run_testbed("fault", "--lab", self.lab, "pop_crash", "fra")
        wait_until(lambda: self.status()["users"]["failed"] > 0, 5, "failing requests")
        wait_until(lambda: all(self.served()[group, variant] == {"nyc": 8}
                               for group in ("paris", "berlin") for variant in VARIANTS),
                   SERVED_S, "the groups at another pop")
        self.assertEqual(self.served()["jakarta", "anycast"], {"sin": 8})
        text, _ = self.run_testbed("status", "--lab", self.lab)
        self.assertIn("\n  paris: anycast nyc, geodns4 nyc\n", text)
        self.assertIn("fault 1: pop_crash fra\n", text)
        self.run_testbed("restore", "--lab", self.lab, "1")
        wait_until(self.all_at_home, 30, "everybody at home again")

        control.ask("status")  # and every event before its reply
        self.check_events(control.events)
        # Counted, not recorded.
        self.assertIn("fault", self.events_csv())
        self.assertFalse(self.events_csv() & {"udp", "http", "session", "dns", "sender"})
        self.down()
        self.assertEqual(self.users(), [])

    def check_events(self, events):
        """What a subscriber has heard of it."""
        def first(**keys):
            return next(e for e in events if all(e.get(k) == v for k, v in keys.items()))

        fault = first(kind="fault")
        self.assertEqual({k: fault[k] for k in ("id", "target", "fault_kind")},
                         {"id": 1, "target": "fra", "fault_kind": "pop_crash"})
        restore = first(kind="restore", id=1)
        down, up = first(kind="node", node="fra", up=False), first(kind="node", node="fra", up=True)
        # The fault's instant is that of the wires, which go first.
        self.assertLessEqual(fault["t_ns"], down["t_ns"])
        self.assertLess(restore["t_ns"], up["t_ns"])
        for variant in VARIANTS:
            for group in ("paris", "berlin"):
                at = {"fra": 8, "nyc": 0, "sin": 0, None: 0}
                moves = [e for e in events if e["kind"] == "catchment" and
                         (e["variant"], e["group"]) == (variant, group)]
                for e in moves:
                    if e["t_ns"] > fault["t_ns"]:
                        at[e["from"]] -= e["users"]
                        at[e["to"]] += e["users"]
                        self.assertGreaterEqual(min(at.values()), 0, moves)
                self.assertEqual(at["fra"], 8, moves)
        progress = [e for e in events if e["kind"] == "progress"]
        self.assertGreater(max(e["failed"] for e in progress), 0)
        for earlier, later in zip(progress, progress[1:]):
            self.assertLess(later["t_ns"] - earlier["t_ns"], 5e9)
        self.assertFalse([e for e in events if e["kind"] == "mishap"])

    def test_users_that_die_come_back(self):
        self.up(users=True)
        control = self.control()
        control.ask("subscribe")
        wait_until(self.all_at_home, SERVED_S, "everybody served")
        before = self.users()
        self.assertEqual(len(before), 4)
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: len(self.users()) == 4 and before[0] not in self.users(), 10,
                   "a new process of users")
        wait_until(self.all_at_home, SERVED_S, "everybody served again")
        self.assertEqual(len(self.users()), 4)
        control.ask("status")
        self.assertFalse([e for e in control.events if e["kind"] == "mishap"])
        with open(self.dir + "/out/latest/testbed.log", encoding="utf-8") as f:
            self.assertEqual(f.read(), "")
        self.down()

    def test_idle(self):
        self.up()
        status = self.status()
        self.assertEqual(status["users"], {"live": False, "requests": 0, "failed": 0})
        self.assertEqual(self.users(), [])
        self.assertEqual(self.served()["paris", "anycast"], {None: 8})
        self.assertNotIn("users", self.run_testbed("status", "--lab", self.lab)[0])
        self.down()
        for argv in (["run", "--no-users", "quick"], ["up", "--users", "quick"]):
            _, err = self.run_testbed(*argv, status=2)
            self.assertIn("usage", err)


class Answers(Live):
    def test_what_it_tells(self):
        self.up()
        control = self.control()
        with self.subTest("status"):
            status = control.ask("status")
            self.assertEqual({k: status[k] for k in ("lab", "scenario", "runtime", "seed", "phase",
                                                     "trial", "faults")},
                             {"lab": self.lab, "scenario": "quick", "runtime": "namespaces",
                              "seed": 1, "phase": "up", "trial": None, "faults": []})
            self.assertTrue(os.path.samefile(os.path.join(self.dir, status["dir"]),
                                             self.dir + "/out/latest"))
        with self.subTest("topology"):
            self.check_topology(control.ask("topology"))
        with self.subTest("nonsense"):
            for message in ({"type": "command"}, {"type": "command", "command": "nosuch"},
                            {"type": "command", "command": ["status"]}, {"no": "type"},
                            {"type": "command", "command": "fault"},
                            {"type": "command", "command": "restore", "id": "1"},
                            {"type": "command", "command": "restore", "id": -1},
                            {"type": "command", "command": "pid", "node": {}}):
                control.send(message)
                self.assertIn("error", control.receive(), message)
        for junk in (b"[]", b"{", b"\0" * 1000, b'"status"'):
            broken = self.control()
            broken.socket.send(junk)
            self.assertIsNone(broken.receive(), junk)
        self.assertEqual(control.ask("status")["phase"], "up")
        self.down()
        self.assertIsNone(control.receive())

    def check_topology(self, topology):
        self.assertEqual((topology["lab"], topology["scenario"]), (self.lab, "quick"))
        nodes = {n["name"]: n for n in topology["nodes"]}
        self.assertEqual(len(nodes), 17)
        self.assertEqual(nodes["fra"]["kind"], "pop")
        self.assertIsNone(nodes["fra"]["network"])
        self.assertEqual(nodes["fra"]["addresses"], ["10.200.1.1", "2001:db8:f701::1"])
        self.assertEqual(nodes["paris"]["addresses"][0], "100.64.0.10")
        self.assertEqual((nodes["t1-frankfurt"]["kind"], nodes["t1-frankfurt"]["network"]),
                         ("router", "t1"))
        self.assertEqual(nodes["fra"]["place"]["name"], "Frankfurt")
        self.assertAlmostEqual(nodes["fra"]["place"]["lat"], 50.1, 0)
        self.assertEqual(len(topology["links"]), 17)
        for link in topology["links"]:
            self.assertLessEqual({link["from"], link["to"]}, nodes.keys())
            self.assertGreater(link["delay_ms"], 0)
        self.assertEqual(sum(link["internal"] for link in topology["links"]), 1)
        self.assertEqual(topology["variants"],
                         [{"name": "anycast", "mode": "anycast",
                           "ttl": topology["variants"][0]["ttl"]},
                          {"name": "geodns4", "mode": "geodns", "ttl": 4}])

    def test_a_subscriber_that_does_not_read(self):
        self.up()
        stuck, other = self.control(), self.control()
        stuck.ask("subscribe")
        # Answers wait in the same queue as events, and are quicker to come by.
        sent = 0
        try:
            while sent < 100000:
                stuck.send({"type": "command", "command": "topology"})
                sent += 1
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.assertLess(sent, 100000, "it was never disconnected")
        begun = time.monotonic()
        self.assertEqual(other.ask("status")["phase"], "up")
        self.assertLess(time.monotonic() - begun, 2)
        other.ask("subscribe")
        other.wait_event(3, "progress", kind="progress")
        self.down()

    def test_from_the_first_phase_to_the_last(self):
        up = subprocess.Popen([TESTBED, "up", self.scenario, "--lab", self.lab, "--out",
                               self.dir + "/out", "--no-users"], env=self.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
        self.addCleanup(up.wait)
        wait_until(lambda: os.path.exists(f"/run/catchment/{self.lab}/control"), 10, "a socket")
        control = self.control()
        self.assertEqual(control.ask("catchments")["catchments"], [])
        control.ask("subscribe")
        control.wait_event(60, "the lab up", kind="phase", phase="up")
        self.assertEqual([e["phase"] for e in control.events if e["kind"] == "phase"][-3:],
                         ["measuring wires", "converging", "up"])
        self.assertEqual(up.wait(10), 0)
        self.down()
        while control.receive() is not None:
            pass


class Trials(Live):
    def test_a_run_seen_from_outside(self):
        path = self.write("short.json", quick(
            name="short", speaker="bird", ramp_ms=500, duration_ms=6000,
            timeline=[{"at_ms": 1500, "fault": "origin_failure", "target": "fra",
                       "undo_ms": 2000}]))
        run = subprocess.Popen([TESTBED, "run", path, "--lab", self.lab, "--out",
                                self.dir + "/out", "--seed", "7"], env=self.env,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        wait_until(lambda: os.path.exists(f"/run/catchment/{self.lab}/control"), 10, "a socket")
        control = self.control()
        control.ask("subscribe")
        begin = control.wait_event(60, "the trial", kind="trial_begin")
        self.assertEqual((begin["trial"], begin["of"], begin["duration_s"]), (1, 1, 6))
        control.wait_event(10, "the fault", kind="fault", fault_kind="origin_failure",
                           target="fra")
        status = control.ask("status")
        self.assertEqual({k: status["trial"][k] for k in ("number", "of", "valid", "duration_s")},
                         {"number": 1, "of": 1, "valid": 0, "duration_s": 6})
        self.assertLess(status["trial"]["elapsed_s"], 6)
        self.assertEqual((status["seed"], status["users"]["live"]), (7, False))
        self.assertEqual(len(status["faults"]), 1)
        text, _ = self.run_testbed("status", "--lab", self.lab)
        self.assertRegex(text, r"\n  trial 1, 0 of 1 valid so far, \d s of 6 s: \d+ requests/s, ")
        control.wait_event(10, "the undo", kind="restore", id=1)
        end = control.wait_event(90, "the end", kind="trial_end", trial=1)
        self.assertEqual(end["valid"], end["reason"] is None)
        progress = [e for e in control.events if e["kind"] == "progress" and e["trial"]]
        self.assertEqual({e["trial"] for e in progress}, {1})
        self.assertGreater(max(e["requests"] for e in progress), 100)
        self.assertEqual([e["elapsed_s"] for e in progress],
                         sorted(e["elapsed_s"] for e in progress))
        for group in HOME:
            for variant in VARIANTS:
                self.assertTrue(any(e["kind"] == "catchment" and e["group"] == group and
                                    e["variant"] == variant for e in control.events))
        run.send_signal(signal.SIGINT)
        run.wait(30)


if __name__ == "__main__":
    unittest.main()
