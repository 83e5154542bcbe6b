# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab whose routers are FRR: the same routes as with BIRD, the same policy, the same failover."""
import glob
import json
import os
import subprocess
import sys
import unittest

from support import wait_until
from support.scenarios import NUMBERS

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_lab
from test_lab import quick

BACK_S = 40  # patience for a session or a route on a busy machine
RUN_S = 260  # for a run, which repeats trials that were disturbed
NETWORKS = ["t1", "t2", "acc-paris", "acc-berlin", "acc-boston", "acc-jakarta"]
ROUTERS = ["t1-frankfurt", "t1-newyork", "t2", "acc-paris", "acc-berlin", "acc-boston", "acc-jakarta"]
DAEMONS = {"zebra", "staticd", "bgpd", "ospfd", "ospf6d"}


def with_frr(names, **changes):
    scenario = quick(**changes)
    for network in scenario["networks"]:
        network["router"] = "frr" if network["name"] in names else "bird"
    return scenario


def expected():
    """The prefixes that every router of quick must know."""
    for family in ("10.%d.0.0/16", "2001:db8:f%03x::/48"):
        yield from (family % n for n in range(1, 7))
    for family in ("100.64.%d.0/24", "2001:db8:f8%02x::/48"):
        yield from (family % n for n in range(4))
    for family in ("10.200.%d.0/24", "2001:db8:f7%02x::/48", "198.18.%d.0/24"):
        yield from (family % n for n in (1, 2, 3))
    yield from ("198.18.%d.0/24" % n for n in (0, 33, 34, 35))
    yield from ("2001:db8:100%d::/48" % n for n in (1, 2, 3))
    yield from ("2001:db8::/48", "default")


class Case(test_lab.Case):
    def setUp(self):
        super().setUp()
        self.before = {path: os.path.exists(path) for path in ("/run/frr", "/var/tmp/frr")}

    def tearDown(self):
        # What FRR keeps, it keeps inside the nodes.
        self.assertEqual({path: os.path.exists(path) for path in self.before}, self.before)

    def routes(self, node):
        """Of every expected prefix: what becomes of its packets, and for IPv4 the next router."""
        found = {}
        for family in ("-4", "-6"):
            status, text = self.exec(node, "ip", "-j", family, "route", "show")
            self.assertEqual(status, 0, text)
            for route in json.loads(text):
                key = route["dst"] if route["dst"] != "default" else "default" + family
                found[key] = (route.get("type", "unicast"), route.get("dev"),
                              route.get("gateway") if family == "-4" else None)
        wanted = set(expected()) - {"default"} | {"default-4", "default-6"}
        return {prefix: found.get(prefix) for prefix in sorted(wanted & set(found))}

    def tables(self, scenario):
        """Every router's routes, once they stay."""
        self.up(self.write("scenario.json", scenario))
        tables = {}

        def settled():
            before = dict(tables)
            tables.update({node: self.routes(node) for node in ROUTERS})
            return before == tables

        wait_until(settled, BACK_S, "routes that stay", interval=2)
        return tables


class Routes(Case):
    def test_frr_chooses_what_bird_chooses(self):
        bird = self.tables(with_frr([]))
        self.down()
        for node in ROUTERS:
            self.assertGreater(len(bird[node]), 30, node)
        for what, names in (("all FRR", NETWORKS), ("mixed", NETWORKS[::2])):
            with self.subTest(routers=what):
                self.assertEqual(self.tables(with_frr(names)), bird)
                self.check_inside(names)
                self.down()

    def check_inside(self, names):
        nodes = {node["name"]: node for node in self.status()["nodes"]}
        self.assertEqual(set(nodes["acc-paris"]["daemons"]), {"zebra", "staticd", "bgpd"})
        if "t1" in names:
            self.assertEqual(set(nodes["t1-frankfurt"]["daemons"]), DAEMONS)
        status, text = self.exec("acc-paris", "vtysh", "-c", "show bgp ipv4 unicast 198.18.0.0/24")
        self.assertEqual(status, 0)
        self.assertIn("65101 64500", text)
        # Nothing was refused by any daemon, and FRR's shell takes each file as a whole.
        for path in glob.glob(f"{self.dir}/out/latest/nodes/*/vtysh.log"):
            with open(path, encoding="utf-8") as log:
                self.assertNotRegex(log.read(), "(?i)unknown command|processing failure|error")
        files = glob.glob(f"{self.dir}/out/latest/nodes/*/frr.conf")
        self.assertEqual(len(files), 7 if len(names) == 6 else 4)
        for path in files:
            done = subprocess.run(["vtysh", "-C", "-f", path], stdout=subprocess.PIPE, text=True,
                                  stderr=subprocess.STDOUT, check=False)
            self.assertEqual(done.returncode, 0, f"{path}: {done.stdout}")


# Instead of what bird_pop_config() lets out: routes with a community, and two that are not the pop's.
EXPORT = """
protocol static wrong4 { ipv4; route 10.99.0.0/16 unreachable; route 10.200.2.0/24 unreachable; }
"""


class Policy(Case):
    """What a pop (a BIRD here) says of its routes, and how FRR takes it."""

    def announce(self, community):
        status, text = self.exec("fra", "sh", "-c", (
            "cd /run/lab && cp -n bird.conf plain.conf && "
            "sed 's/export where source = RTS_STATIC;/export filter { if source = RTS_STATIC then "
            "{ %s accept; } reject; };/' plain.conf >bird.conf && echo '%s' >>bird.conf && "
            "birdc configure" % (community, EXPORT.replace("\n", " "))))
        self.assertEqual(status, 0, text)
        self.assertIn("Reconfigur", text)

    def route(self, node, prefix):
        text = self.exec(node, "vtysh", "-c", f"show bgp ipv4 unicast {prefix} json")[1]
        return json.loads(text or "{}").get("paths", [])

    def from_pop(self, prefix):
        return [p for p in self.route("t1-frankfurt", prefix) if p["aspath"]["string"] == "64500"
                and p["peer"]["type"] == "external"]

    def test_preferences_and_what_is_refused(self):
        self.up(self.write("scenario.json", with_frr(NETWORKS, speaker="bird")))
        wait_until(lambda: self.from_pop("198.18.0.0/24"), BACK_S, "the route of fra")
        for community, local_pref in (("bgp_community.add((65101,40));", 40),
                                      ("bgp_community.add((65535,0));", 0),
                                      ("bgp_community.add((65101,40)); bgp_community.add((65535,0));",
                                       0),
                                      # A mark is the network's own to give.
                                      ("bgp_community.add((65101,3));", 200)):
            with self.subTest(community=community):
                self.announce(community)
                wait_until(lambda lp=local_pref: [p.get("locPrf", 0) for p in
                                                  self.from_pop("198.18.0.0/24")] == [lp],
                           BACK_S, f"LOCAL_PREF {local_pref}")
                route = self.from_pop("198.18.0.0/24")[0]
                marks = [c for c in route["community"]["list"] if c in ("65101:1", "65101:2",
                                                                          "65101:3")]
                self.assertEqual(marks, ["65101:1"])
                # Lowered, the other way out is better.
                _, text = self.exec("t1-frankfurt", "ip", "route", "get", "198.18.0.1")
                self.assertEqual("dev fra" in text, local_pref == 200, text)
        # Announced all the while, and nobody has taken them from this pop.
        self.assertIn("10.99.0.0/16", self.exec("fra", "birdc", "show", "route")[1])
        self.assertEqual(self.from_pop("10.99.0.0/16"), [])
        self.assertEqual(self.from_pop("10.200.2.0/24"), [])
        self.assertEqual(len(self.from_pop("10.200.1.0/24")), 1)
        # A peer hears of customers' routes and its own, a customer of all; host routes stay inside.
        self.assertEqual(self.route("t2", "10.1.1.1/32"), [])
        self.assertEqual(len(self.route("t1-newyork", "10.1.1.1/32")), 1)
        self.assertEqual(self.route("acc-jakarta", "0.0.0.0/0")[0]["nexthops"][0]["ip"], "0.0.0.0")
        self.down()


class Failover(Case):
    def run_quick(self, scenario):
        path, out = self.write("run.json", scenario), self.dir + "/runs"
        done = subprocess.run(
            [test_lab.TESTBED, "run", path, "--seed", "7", "--lab", self.lab, "--out", out],
            env=self.env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, check=False, timeout=RUN_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(out + "/latest/result.json", encoding="utf-8") as f:
            return json.load(f)

    def test_users_come_back(self):
        result = self.run_quick(with_frr(NETWORKS, **NUMBERS))
        self.assertEqual(result["summary"]["trials"]["valid"], 1)
        self.assertRegex(result["versions"]["frr"], r"^bgpd version \d")
        for variant in ("anycast", "geodns4"):
            fault = result["summary"]["variants"][variant]["pop_crash fra"]
            self.assertEqual(fault["reconnect_ms"]["n"], 16, variant)
            self.assertEqual(fault["reconnect_ms"]["never"], 0, variant)


class Profile(Case):
    def test_internet(self):
        scenario = quick(name="slow", profile="internet")
        text, _ = self.run_testbed("check", self.write("slow.json", scenario))
        self.assertIn("slow: 17 nodes", text)
        scenario["networks"][1]["router"] = "bird"
        self.refused(2, r"networks\[1\].router: bird has no MRAI",
                     "check", self.write("bird.json", scenario))
        # Routes come by rounds of MRAI.
        done = subprocess.run([test_lab.TESTBED, "up", self.dir + "/slow.json", "--lab", self.lab,
                               "--out", self.dir + "/out", "--no-users"], env=self.env, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.PIPE, timeout=RUN_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        waits = [self.waits(node) for node in ROUTERS]
        # Six sessions between networks: three with MRAI, at both ends.
        mrai = [w for one in waits for w in one if w > 0]
        self.assertEqual(len(mrai), 6)
        self.assertTrue(all(23 <= w <= 30 for w in mrai), mrai)
        # The wires are as ever; a BGP session over one takes its time.
        self.assertEqual(self.exec("acc-paris", "ping", "-c1", "-W1", "10.3.128.1")[0], 0)
        sessions = json.loads(self.exec("acc-paris", "vtysh", "-c", "show bgp neighbors json")[1])
        rtt = [s["estimatedRttInMsecs"] for s in sessions.values() if "estimatedRttInMsecs" in s]
        self.assertEqual(len(rtt), 1)
        self.assertGreater(rtt[0], 100)
        self.down()

    def waits(self, node):
        sessions = json.loads(self.exec(node, "vtysh", "-c", "show bgp neighbors json")[1])
        return [s.get("minBtwnAdvertisementRunsTimerMsecs", 0) // 1000 for s in sessions.values()]


class Missing(test_lab.Case):
    def test_frr_that_is_needed_and_not_there(self):
        path = self.write("frr.json", with_frr(["t2"], speaker="bird"))
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /usr/lib/frr && exec "$@"', "sh",
             test_lab.TESTBED, "up", path, "--lab", self.lab, "--out", self.dir + "/out"],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, env=self.env)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertRegex(done.stdout, "^.*'/usr/lib/frr/bgpd' is not there: run 'sudo make deps'\n$")


if __name__ == "__main__":
    unittest.main()
