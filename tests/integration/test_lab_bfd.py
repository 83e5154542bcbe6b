# SPDX-License-Identifier: GPL-3.0-or-later
"""BFD in the lab: two sessions on each wire between a pop and its upstream, and what one of them is for.

Slow on purpose (200 ms x 4): that nobody is found dead by a busy machine matters more here than how
soon somebody is. tests/bench/bench_bfd_lab.py measures that.
"""
import csv
import json
import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from support import wait_until
from test_lab import Case, TESTBED, quick

UPSTREAMS = {"fra": "t1-frankfurt", "nyc": "t1-newyork", "sin": "t2"}
BFD = {"interval_ms": 200, "multiplier": 4}
HOLD_S = 60  # never matters here


def scenario(**changes):
    s = quick(hold_time=HOLD_S, bfd=BFD, **changes)
    s["variants"] = [{"name": "any", "mode": "anycast"},
                     {"name": "any-bfd", "mode": "anycast", "bfd": True},
                     {"name": "geo-bfd", "mode": "geodns", "ttl": 4, "bfd": True}]
    return s


class Bfd(Case):
    frr = False  # the upstreams' make

    def start(self, **changes):
        self.up(self.write("bfd.json", scenario(**changes)))

    def ask(self, node, *words):
        """BIRD or FRR."""
        shell = ["vtysh", "-c", " ".join(words)] if self.frr else [
            "birdc", "-r", "-s", "/run/bird/bird.ctl", *words]
        return self.exec(node, *shell)[1]

    def sessions(self, node, pop):
        """Of this pop at its upstream: without BFD, and with it."""
        if self.frr:
            peers = json.loads(self.ask(node, "show", "bgp", "neighbors", "json"))
            states = {p["nbrDesc"]: p["bgpState"] for p in peers.values() if "nbrDesc" in p}
            return [states.get(pop), states.get(pop + ", BFD")]
        words = [line.split() for line in self.ask(node, "show", "protocols").splitlines()]
        states = {w[0].rpartition("_")[2] == "bfd": w[-1] for w in words
                  if w and w[0].startswith("pop_")}
        return [states.get(False), states.get(True)]

    def watched(self, node):
        """BFD sees the pop."""
        if self.frr:
            return [p["status"] for p in json.loads(self.ask(node, "show", "bfd", "peers",
                                                             "json"))] == ["up"]
        return " Up " in self.ask(node, "show", "bfd", "sessions")

    def rows(self, **wanted):
        with open(self.dir + "/out/latest/events.csv", encoding="utf-8", newline="") as f:
            return [r for r in csv.DictReader(f) if wanted.items() <= r.items()]

    def via(self, node, address):
        """The interface by which a node sends there, None for no way."""
        status, said = self.exec(node, "ip", "-j", "route", "get", address)
        return json.loads(said)[0]["dev"] if status == 0 else None

    def ways(self):
        """By which interfaces fra's upstream sends to each variant."""
        return [self.via(UPSTREAMS["fra"], a) for a in ("198.18.0.1", "198.18.32.1", "198.18.65.1")]

    def settled(self):
        return self.status()["routes_missing"] == 0

    def check_rows(self, fault):
        """First noticed, then acted on; nothing happened to the variant without BFD."""
        window = range(fault["t_ns"], fault["undone_ns"])
        noticed = [int(r["t_ns"]) for r in self.rows(kind="bfd_down", pop="fra",
                                                     source=UPSTREAMS["fra"])
                   if int(r["t_ns"]) in window]
        self.assertEqual(len(noticed), 1)
        # The last packet came up to an interval before the crash.
        self.assertGreater(noticed[0] - fault["t_ns"],
                           1e6 * BFD["interval_ms"] * (BFD["multiplier"] - 1.2))
        for variant in ("any-bfd", "geo-bfd"):
            acted = [int(r["t_ns"]) for r in self.rows(kind="route", source=UPSTREAMS["fra"],
                                                       variant=variant) if int(r["t_ns"]) in window]
            # A log is read when there is time for it.
            self.assertGreater(min(acted), noticed[0] - 50e6, variant)
        self.assertEqual([r for r in self.rows(kind="route", variant="any")
                          if int(r["t_ns"]) in window], [])

    def life(self):
        for pop, node in UPSTREAMS.items():
            self.assertEqual(self.sessions(node, pop), ["Established"] * 2, node)
            wait_until(lambda n=node: self.watched(n), 10, f"BFD up at {node}")
        self.assertEqual(self.ways(), ["fra", "fra", "fra"])
        said, _ = self.run_testbed("fault", "--json", "--lab", self.lab, "pop_crash", "fra")
        wait_until(lambda: self.ways()[1:] == ["t1-newyork", None], 10, "what BFD is for")
        self.assertEqual(self.ways()[0], "fra", "nobody has told the other session")
        self.assertFalse(self.settled(), "its upstream sends into no pop")
        said, _ = self.run_testbed("restore", "--json", "--lab", self.lab,
                                   str(json.loads(said)["id"]))
        wait_until(self.settled, 30, "all is as it was")
        self.assertEqual(self.ways(), ["fra", "fra", "fra"])
        self.down()
        self.check_rows(json.loads(said))

    def test_lb(self):
        self.start()
        self.life()

    def test_bird(self):
        self.start(speaker="bird")
        self.life()

    def test_frr(self):
        self.frr = True
        networks = scenario()["networks"]
        for network in networks:
            network["router"] = "frr" if network["name"] in ("t1", "t2") else "bird"
        self.start(networks=networks)
        self.life()

    def test_without_a_variant_that_wants_it_there_is_none(self):
        plain = scenario()
        for variant in plain["variants"]:
            variant.pop("bfd", None)
        self.up(self.write("bfd.json", plain))
        self.assertEqual(self.sessions("t2", "sin"), ["Established", None])
        self.assertNotIn("bfd", self.ask("t2", "show", "protocols").lower())

    def router_process(self, node):
        """The BIRD of this node, by its number here."""
        name = self.exec(node, "readlink", "/proc/self/ns/net")[1].strip()
        (found,) = [pid for pid, words in self.processes().items()
                    if words[0] == "bird" and self.namespace(pid, "net") == name]
        return found

    def test_a_path_found_dead_that_is_not_spoils_the_trial(self):
        """Not even a failure of its origin explains it: who does BFD does not ask that."""
        path = self.write("short.json", scenario(
            name="short", ramp_ms=500, duration_ms=6000,
            timeline=[{"at_ms": 500, "fault": "origin_failure", "target": "sin"}]))
        run = subprocess.Popen([TESTBED, "run", path, "--lab", self.lab, "--out", self.dir + "/out"],
                               env=self.env, text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(run.stderr.close)
        self.addCleanup(run.wait)
        self.addCleanup(run.send_signal, signal.SIGINT)
        lines = iter(run.stderr.readline, "")
        self.assertIn("  origin_failure sin\n", lines)
        bird = self.router_process("t2")
        os.kill(bird, signal.SIGSTOP)
        self.addCleanup(os.kill, bird, signal.SIGCONT)
        # How long it stands still is the test; nothing tells when it is over.
        time.sleep(2 * 1e-3 * BFD["interval_ms"] * BFD["multiplier"])
        os.kill(bird, signal.SIGCONT)
        self.assertIn("trial 1 is invalid: BFD found sin dead, which it was not\n", lines)

    def test_check_says_where_a_mistake_is(self):
        bad = scenario()
        bad["links"][0]["bfd"] = {"interval_ms": 20}
        self.refused(2, r"links\[0\]\.bfd: is for links between a pop and its upstream", "check",
                     self.write("bad.json", bad))


if __name__ == "__main__":
    unittest.main()
