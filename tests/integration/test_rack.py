# SPDX-License-Identifier: GPL-3.0-or-later
"""A pop of shape rack: an edge router before the lb, which tells it its prefixes by iBGP."""
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_lab
from support import BIN, free_name, recompute, wait_until
from support.scenarios import NUMBERS

TESTBED = os.path.join(BIN, "catchment-testbed")
PREFIX, PREFIX6 = "198.18.0.0/24", "2001:db8::/48"  # the shared ones of the variant anycast
IDENTITY = "10.200.1.1"
LB, EDGE = "10.201.1.2", "10.201.1.1"
FAULT = "pop_crash fra"
USERS = 32  # of each variant, half of them served by fra
BACK_S = 30
RUN_S = 240


def rack(router="bird", **changes):
    """quick.json with fra as a rack."""
    scenario = test_lab.quick(**{"name": "rack", **changes})
    scenario["pops"][0].update(shape="rack", router=router)
    return scenario


class Case(test_lab.Case):
    def setUp(self):
        super().setUp()
        self.scenario = self.write("rack.json", rack())

    def route(self, node, prefix, family="-4"):
        return self.exec(node, "ip", family, "route", "show", prefix)[1].strip()

    def down_nodes(self):
        return [n["name"] for n in self.status()["nodes"] if not n["up"]]

    def fault(self, kind):
        return json.loads(self.run_testbed("fault", "--lab", self.lab, "--json", kind, "fra")[0])

    def restore(self, fault):
        self.run_testbed("restore", "--lab", self.lab, str(fault["id"]))
        wait_until(lambda: self.down_nodes() == [], BACK_S, "every node up")
        wait_until(lambda: self.status()["routes_missing"] == 0, BACK_S, "every route back")
        wait_until(lambda: self.reaches("paris", IDENTITY), BACK_S, "fra reached")

    def routes_since(self, t_ns, variant="anycast"):
        """Rows of kind route of a variant, once the lab is down."""
        with open(self.dir + "/out/latest/events.csv", newline="", encoding="utf-8") as f:
            return sorted((r for r in csv.DictReader(f) if r["kind"] == "route" and
                           r["variant"] == variant and int(r["t_ns"]) >= t_ns),
                          key=lambda r: int(r["t_ns"]))


class Shape(Case):
    def looks_right(self, speaker, router):
        text, _ = self.run_testbed("status", "--lab", self.lab)
        self.assertIn("18 nodes, 18 wires", text)
        self.assertRegex(text, rf"\n  fra +pop +up +nginx origin {speaker}\n")
        daemons = {"bird": "bird", "frr": "zebra bgpd"}[router]
        self.assertRegex(text, rf"\n  fra-edge +edge +up +{daemons}\n")
        # From the users through the edge to the lb, and back through both.
        self.assertRegex(self.route("fra-edge", PREFIX), f"{PREFIX} via {LB} dev fra proto (bird|bgp)")
        self.assertRegex(self.route("fra-edge", PREFIX6, "-6"), f"{PREFIX6} via [0-9a-f:]+ dev fra")
        self.assertRegex(self.route("fra-edge", "default"), r"^default via 10\.1\.128\.\d+ ")
        self.assertRegex(self.route("fra", "default"), f"^default via {EDGE} ")
        self.assertRegex(self.route("fra", "default", "-6"), "^default via [0-9a-f:]+ dev fra-edge")
        for address in (IDENTITY, "198.18.0.1", "2001:db8:f701::1"):
            self.assertTrue(self.reaches("paris", address), address)
        hops = self.exec("paris", "traceroute", "-n", "-q1", "-w2", IDENTITY)[1].splitlines()[1:]
        self.assertEqual(len(hops), 4, hops)
        self.assertEqual(hops[-1].split()[1], IDENTITY)
        # Two nodes, one AS: the upstream sees it once.
        seen = self.exec("t1-frankfurt", "birdc", "show", "route", PREFIX, "protocol", "pop_3", "all")
        self.assertRegex(seen[1], r"(?m)^\s*BGP\.as_path: 64500$", seen)

    def test_two_nodes_make_a_pop(self):
        for speaker, router in (("lb", "bird"), ("bird", "bird"), ("lb", "frr")):
            with self.subTest(speaker=speaker, router=router):
                self.up(self.write("rack.json", rack(speaker=speaker, router=router)))
                self.looks_right(speaker, router)
                self.down()

    def legs(self, node, family="-4"):
        """Next hops of the default route."""
        return sorted(re.findall(r"via (\S+)", self.route(node, "default", family)))

    def two_upstreams(self, router):
        scenario = rack(router=router)
        scenario["links"].append({"from": "t2", "to": "fra", "relation": "provider", "delay_ms": 5})
        self.up(self.write("rack.json", scenario))
        for family in ("-4", "-6"):
            wait_until(lambda f=family: len(self.legs("fra-edge", f)) == 2, 5, f"two legs, {family}")
            self.assertEqual(len(self.legs("fra", family)), 1, family)

    def test_every_upstream_is_a_way_out(self):
        self.two_upstreams("frr")
        self.down()
        self.two_upstreams("bird")
        both = self.legs("fra-edge")
        self.assertEqual(self.exec("fra-edge", "birdc", "disable", "up_1")[0], 0)
        wait_until(lambda: self.legs("fra-edge") == both[1:], 10, "one leg")
        self.assertEqual(self.legs("fra"), [EDGE])
        self.exec("fra-edge", "birdc", "disable", "up_2")
        wait_until(lambda: self.legs("fra") == [] and self.legs("fra", "-6") == [], 10, "no way out")
        for up in ("up_1", "up_2"):
            self.exec("fra-edge", "birdc", "enable", up)
        wait_until(lambda: self.legs("fra-edge") == both, 20, "both legs")
        wait_until(lambda: self.legs("fra") == [EDGE], 10, "the lb's way out")
        wait_until(lambda: self.reaches("jakarta", IDENTITY), 20, "fra reached")
        self.down()

    def test_configurations_are_accepted(self):
        self.up()
        nodes = self.dir + "/out/latest/nodes/"
        path = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"}
        for argv in (["bird", "-p", "-c", nodes + "fra-edge/bird.conf"],
                     [BIN + "/catchment-lb", "--check", "--config", nodes + "fra/lb.json"]):
            done = subprocess.run(argv, env=path, text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False)
            self.assertEqual(done.returncode, 0, f"{argv}: {done.stdout}")
        self.down()

    def test_mistakes(self):
        def edited(edit):
            scenario = rack()
            edit(scenario)
            return self.write("bad.json", scenario)

        for pattern, edit in (
                (r"pops\[0\]\.shape: unknown value 'tower'",
                 lambda s: s["pops"][0].update(shape="tower")),
                (r"pops\[0\]\.router: unknown value 'ios'",
                 lambda s: s["pops"][0].update(router="ios")),
                (r"pops\[1\]\.router: is a rack's", lambda s: s["pops"][1].update(router="bird")),
                (r"pops\[0\]\.origins\[0\]: a pop of shape rack has the origin 'local'",
                 lambda s: s["pops"][0].update(origins=["fra2"])),
                (r"links\[2\]: from: an edge's links are given with its pop's name",
                 lambda s: s["links"][2].update({"from": "fra-edge"})),
                (r"two nodes are named 'fra-edge'",
                 lambda s: s["clients"][0].update(name="fra-edge")),
                (r"timeline\[0\]\.target: unknown pop 'fra-edge'",
                 lambda s: s["timeline"][0].update(target="fra-edge"))):
            with self.subTest(pattern=pattern):
                self.refused(2, pattern, "check", edited(edit))


class Faults(Case):
    def test_pop_crash_takes_both_in_silence(self):
        self.up()
        fault = self.fault("pop_crash")
        self.assertEqual(self.down_nodes(), ["fra", "fra-edge"])
        self.assertFalse(self.reaches("boston", IDENTITY))
        for node in ("fra", "fra-edge"):
            self.refused(1, "the node is not there now", "exec", "--lab", self.lab, node, "--",
                         "true")
        self.refused(1, "broken already", "fault", "--lab", self.lab, "lb_crash", "fra")
        self.refused(1, "no such pop", "fault", "--lab", self.lab, "pop_crash", "fra-edge")
        wait_until(lambda: self.reaches("paris", "198.18.0.1"), 20, "another pop")
        self.restore(fault)
        hops = self.exec("paris", "traceroute", "-n", "-q1", "-w2", "198.18.0.1")[1]
        self.assertEqual(len(hops.splitlines()), 5, hops)
        # It can break again.
        again = self.fault("pop_crash")
        self.restore(again)
        self.down()
        rows = self.routes_since(fault["t_ns"])
        self.assertGreater(len(rows), 0)
        # Nobody hears of it before a hold time of 3 s, less a keepalive's second, is over.
        self.assertGreater(min(int(r["t_ns"]) for r in rows) - fault["t_ns"], 1.5e9)
        self.assertNotEqual(rows[0]["source"], "fra-edge")

    def test_bfd_between_the_edge_and_its_upstream(self):
        for router in ("bird", "frr"):
            with self.subTest(router=router):
                self.bfd_is_faster(router)

    def bfd_is_faster(self, router):
        scenario = rack(router=router, bfd={"interval_ms": 100, "multiplier": 5})
        scenario["variants"].append({"name": "fast", "mode": "anycast", "bfd": True})
        self.up(self.write("rack.json", scenario))
        ask, up = {"bird": (("birdc", "show", "bfd", "sessions"), " Up "),
                   "frr": (("vtysh", "-c", "show bfd peers brief"), " up ")}[router]
        wait_until(lambda: self.exec("fra-edge", *ask)[1].count(up) == 2, 10, "both wires watched")
        fault = self.fault("pop_crash")
        wait_until(lambda: self.reaches("paris", "198.18.0.1"), 20, "another pop")
        self.restore(fault)
        self.down()
        slow, fast = ([int(r["t_ns"]) for r in self.routes_since(fault["t_ns"], variant)
                       if r["source"] == "t1-frankfurt"][0] for variant in ("anycast", "fast"))
        self.assertLess(fast, slow - 0.5e9, "half a second instead of two to three")
        self.assertLess(slow, fault["t_ns"] + 6e9, "and nothing is kept for a restart")

    def test_lb_crash_is_withdrawn_by_the_edge(self):
        self.up()
        fault = self.fault("lb_crash")
        wait_until(lambda: self.route("fra-edge", PREFIX).startswith("unreachable"), 10,
                   "the edge knows")
        self.assertEqual(self.down_nodes(), [])
        self.assertEqual(self.route("fra-edge", PREFIX).splitlines(),
                         [f"unreachable {PREFIX} proto static metric 4278198272"])
        # What still comes does not go back by the default route, which is there.
        self.assertNotEqual(self.route("fra-edge", "default"), "")
        self.assertRegex(self.exec("fra-edge", "ip", "route", "get", "198.18.0.1")[1],
                         "No route to host")
        wait_until(lambda: self.reaches("paris", "198.18.0.1"), 20, "another pop")
        self.restore(fault)
        self.assertIn(f"via {LB} ", self.route("fra-edge", PREFIX))
        self.down()
        first = next(r for r in self.routes_since(fault["t_ns"]) if r["source"] == "fra-edge")
        self.assertEqual((first["result"], first["pop"]), ("del", "fra"))
        self.assertLess(int(first["t_ns"]) - fault["t_ns"], 1e9, "a reset, not a time-out")

    def test_origin_failure_is_withdrawn_by_the_lb(self):
        self.up()
        fault = self.fault("origin_failure")
        wait_until(lambda: self.route("fra-edge", PREFIX).startswith("unreachable"), 20,
                   "the lb has told the edge")
        # The identity stays, and so does what only DNS withdraws.
        self.assertTrue(self.reaches("paris", IDENTITY))
        self.assertIn(f"via {LB} ", self.route("fra-edge", "198.18.33.0/24"))
        self.restore(fault)
        self.assertIn(f"via {LB} ", self.route("fra-edge", PREFIX))
        self.down()


class Run(unittest.TestCase):
    """A run with users, as quick.json has it; the other faults are those of Faults."""

    @classmethod
    def setUpClass(cls):
        cls.base = tempfile.mkdtemp(prefix="rack")
        cls.addClassCleanup(shutil.rmtree, cls.base)
        path = os.path.join(cls.base, "rack.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(rack(**NUMBERS), f)
        cls.out = os.path.join(cls.base, "out")
        done = subprocess.run([TESTBED, "run", path, "--lab", free_name("lab"), "--out", cls.out],
                              check=False, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=RUN_S)
        if done.returncode != 0:
            raise AssertionError(f"status {done.returncode}: {done.stderr}")
        cls.dir = os.path.join(cls.out, "latest")
        with open(cls.dir + "/result.json", encoding="utf-8") as f:
            cls.result = json.load(f)
        cls.summary = cls.result["summary"]["variants"]

    def test_it_is_valid(self):
        self.assertEqual(self.result["summary"]["trials"]["valid"], 1)
        self.assertEqual(len(self.result["wires"]), 18)
        lan = next(w for w in self.result["wires"] if w["link"] == "fra-fra-edge")
        self.assertEqual(lan["wanted_ms"], 0.05)

    def test_every_number_follows_from_the_events(self):
        found, compared = recompute.differences(self.dir)
        self.assertEqual(found, [])
        self.assertGreater(compared, 200)

    def test_users_leave_and_come_back(self):
        for variant in ("anycast", "geodns4"):
            with self.subTest(variant=variant):
                row = self.summary[variant][FAULT]
                self.assertEqual((row["users"], row["affected"]), (USERS, USERS // 2))
                self.assertEqual(row["reconnect_ms"]["never"], 0)
                self.assertEqual(row["catchment"]["before"]["paris"], {"fra": 8})
                self.assertNotIn("fra", row["catchment"]["during"]["paris"])
                self.assertEqual(row["failback"]["returned"], USERS // 2)

    def test_where_the_time_went(self):
        """In silence: the upstream's hold time."""
        cause = self.summary["anycast"][FAULT]["cause_ms"]
        self.assertTrue(1500 < cause["detected"] < 5000, cause)
        self.assertLessEqual(cause["detected"], cause["routers_converged"])

    def test_a_dead_edge_says_nothing(self):
        with open(self.dir + "/events.csv", newline="", encoding="utf-8") as f:
            rows = sorted(csv.DictReader(f), key=lambda r: int(r["t_ns"]))
        trial = str(next(t["trial"] for t in self.result["trials"] if t["valid"]))
        begun = next(int(r["t_ns"]) for r in rows
                     if (r["kind"], r["result"], r["trial"]) == ("fault", "begin", trial))
        first = next(r for r in rows if int(r["t_ns"]) >= begun and r["source"] == "fra-edge" and
                     (r["kind"], r["variant"]) == ("route", "anycast"))
        self.assertEqual((first["result"], first["pop"]), ("add", "fra"))
        self.assertGreater(int(first["t_ns"]) - begun, 10e9)


if __name__ == "__main__":
    unittest.main()
