# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that leave every node alive: links that are cut, and users whom routing moves to another PoP."""
import csv
import json
import os
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from support import holds_for, recompute, wait_until
from support.scenarios import NUMBERS, fates, sessions
from test_lab import Case, TESTBED, links, quick

ANYCAST = "198.18.0.1"
ONLY_FRA = "198.18.33.1"  # fra's own prefix of the variant geodns4
IDENTITY = "10.200.1.1"
UPLINK, UPSTREAM = "fra-t1-frankfurt", "t1-frankfurt"
HOLD_S = 60  # nobody is found dead by silence here
ACT_S, RUN_S = 15, 240


def scenario(frr=False, **changes):
    """quick.json, whose first networks, the pops' upstreams, are FRR's if so wanted."""
    s = quick(**{"speaker": "lb", **changes})
    for network in s["networks"][:2]:
        network["router"] = "frr" if frr else "bird"
    return s


class Faults(Case):
    def setUp(self):
        super().setUp()
        self.scenario = self.write("quick.json", scenario(hold_time=HOLD_S))

    def fault(self, *words):
        return json.loads(self.run_testbed("fault", "--lab", self.lab, "--json", *words)[0])

    def restore(self, fault):
        self.run_testbed("restore", "--lab", self.lab, str(fault["id"]))

    def via(self, node, address):
        """The interface by which a node sends there, None for no way."""
        status, said = self.exec(node, "ip", "-j", "route", "get", address)
        return json.loads(said)[0]["dev"] if status == 0 else None

    def settled(self):
        return self.status()["routes_missing"] == 0

    def rows(self, **wanted):
        with open(self.dir + "/out/latest/events.csv", encoding="utf-8", newline="") as f:
            return sorted((r for r in csv.DictReader(f) if wanted.items() <= r.items()),
                          key=lambda r: int(r["t_ns"]))

    def run_numbers(self, **changes):
        return self.run_scenario(scenario(**{**NUMBERS, **changes}))

    def run_scenario(self, run):
        """A run with users; its result and its table, its numbers computed twice."""
        path = self.write("run.json", run)
        done = subprocess.run([TESTBED, "run", path, "--lab", self.lab, "--out", self.dir + "/out"],
                              env=self.env, check=False, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=RUN_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        found, compared = recompute.differences(self.dir + "/out/latest")
        self.assertEqual(found, [])
        self.assertGreater(compared, 200)
        with open(self.dir + "/out/latest/result.json", encoding="utf-8") as f:
            return json.load(f), done.stdout

    def carriers(self):
        """Whether each end of the uplink has carrier."""
        said = [self.exec(node, "cat", f"/sys/class/net/{dev}/carrier")[1].strip()
                for node, dev in (("fra", UPSTREAM), (UPSTREAM, "fra"))]
        return said if said != [said[0]] * 2 else said[0]


class Links(Faults):
    def test_a_cut_that_is_seen(self):
        """Routers act at once, at any hold time."""
        for frr in (False, True):
            with self.subTest(frr=frr):
                self.up(self.write("cut.json", scenario(frr, hold_time=HOLD_S)))
                self.assertEqual(self.carriers(), "1")
                fault = self.fault("link_cut", UPLINK)
                self.assertEqual((fault["kind"], fault["target"]), ("link_cut", UPLINK))
                self.assertEqual(self.carriers(), "0")
                wait_until(lambda: self.via(UPSTREAM, ANYCAST) == "t1-newyork", ACT_S, "another pop")
                wait_until(lambda: self.via(UPSTREAM, ONLY_FRA) is None, ACT_S, "no way to fra")
                self.assertFalse(self.reaches("paris", IDENTITY))
                self.refused(1, "cut already", "fault", "--lab", self.lab, "link_cut",
                             "t1-frankfurt-fra")
                self.restore(fault)
                self.assertEqual(self.carriers(), "1")
                wait_until(self.settled, 30, "every route back")
                wait_until(lambda: self.reaches("paris", IDENTITY), 10, "fra reached")
                self.assertEqual(self.via(UPSTREAM, ANYCAST), "fra")
                self.down()

    def test_a_cut_that_is_not(self):
        self.up()
        fault = self.fault("--no-carrier", "link_cut", UPLINK)
        self.assertFalse(self.reaches("paris", IDENTITY))
        holds_for(3, lambda: self.via(UPSTREAM, ANYCAST) == "fra" and self.carriers() == "1",
                  "nobody knows")
        # It is the link's own, not that of who is at its ends.
        crash = self.fault("pop_crash", "fra")
        self.restore(crash)
        wait_until(lambda: all(n["up"] for n in self.status()["nodes"]), 30, "fra's new node")
        self.assertFalse(self.reaches(UPSTREAM, "10.1.128.6"))
        self.restore(fault)
        wait_until(lambda: self.reaches(UPSTREAM, "10.1.128.6"), 10, "the other end reached")
        wait_until(self.settled, 30, "every route back")
        self.down()

    def test_a_new_device_is_down_where_the_cut_is_seen(self):
        self.up()
        fault = self.fault("link_cut", UPLINK)
        crash = self.fault("pop_crash", "fra")
        self.restore(crash)
        wait_until(lambda: all(n["up"] for n in self.status()["nodes"]), 30, "fra's new node")
        wait_until(lambda: self.carriers() == "0", 5, "no carrier at the new one either")
        self.restore(fault)
        wait_until(self.settled, 30, "every route back")
        self.assertEqual(self.carriers(), "1")
        self.down()

    def test_any_link(self):
        """Of users and of a network's own as well; the network has another way round."""
        self.up()
        users, inside = self.fault("link_cut", "paris-acc-paris"), self.fault(
            "link_cut", "t1-newyork-t1-frankfurt")
        wait_until(lambda: self.via("acc-paris", "10.200.2.1") and not
                   self.reaches("paris", IDENTITY), ACT_S, "paris alone is cut off")
        self.assertTrue(self.reaches("berlin", IDENTITY))
        for fault in (users, inside):
            self.restore(fault)
        wait_until(self.settled, 30, "every route back")
        wait_until(lambda: self.reaches("paris", "10.200.2.1"), 10, "nyc reached")
        self.down()

    def test_mistakes(self):
        self.up()
        for status, pattern, words in (
                (1, "no such link", ("link_cut", "fra-t2")),
                (1, "no such link", ("link_cut", "fra")),
                (1, "no such pop", ("catchment_shift", UPLINK)),
                (1, "no such pop", ("pop_crash", UPLINK)),
                (1, "is of the fault link_cut", ("--no-carrier", "pop_crash", "fra")),
                (2, "usage", ("--no-carrier", "link_cut")),
                (2, "unknown kind", ("cable_cut", UPLINK))):
            with self.subTest(words=words):
                self.refused(status, pattern, "fault", "--lab", self.lab, *words)
        self.assertEqual(self.status()["faults"], [])
        self.down()


class Shift(Faults):
    def ways(self):
        return [self.via(UPSTREAM, a) for a in (ANYCAST, ONLY_FRA, IDENTITY)]

    def live(self, frr):
        self.up(self.write("shift.json", scenario(frr, hold_time=HOLD_S)))
        at_home, elsewhere = ["fra"] * 3, ["t1-newyork", "fra", "fra"]
        own = [self.via(UPSTREAM, f"2001:db8:100{i}::1") for i in (1, 2, 3)]
        self.assertNotIn(None, own)
        self.assertEqual(self.ways(), at_home)
        fault = self.fault("catchment_shift", "fra")
        wait_until(lambda: self.ways() == elsewhere, ACT_S, "only what is shared is led elsewhere")
        wait_until(lambda: "2001:db8::" in self.exec(
            UPSTREAM, "ip", "-6", "route", "show", "2001:db8::/48", "dev", "t1-newyork")[1],
                   ACT_S, "IPv6 as well")
        self.assertTrue(all(n["up"] for n in self.status()["nodes"]))
        self.refused(1, "elsewhere already", "fault", "--lab", self.lab, "catchment_shift", "fra")
        # Both of them, at routers of one network, and the first alone back.
        other = self.fault("catchment_shift", "nyc")
        wait_until(lambda: self.via(UPSTREAM, ANYCAST) == "t2", ACT_S, "all at sin")
        self.restore(fault)
        wait_until(lambda: self.ways() == at_home, ACT_S, "fra has its users back")
        self.assertNotEqual(self.via("t1-newyork", ANYCAST), "nyc")
        self.restore(other)
        wait_until(self.settled, 30, "every route back")
        self.assertEqual(self.via("t1-newyork", ANYCAST), "nyc")
        self.assertEqual([self.via(UPSTREAM, f"2001:db8:100{i}::1") for i in (1, 2, 3)], own)
        self.down()
        rows = self.rows(kind="route", variant="geodns4", source=UPSTREAM)
        after = [r for r in rows if int(r["t_ns"]) > fault["t_ns"]]
        if not frr:
            self.assertEqual(after, [])
        # FRR's zebra puts an IPv6 route anew by deleting it first, and calls its next hop by the
        # link-local address then, where it had the other one before.
        state = {r["detail"].split()[0]: r["result"] for r in after}
        self.assertNotIn("del", state.values(), after)

    def test_bird(self):
        self.live(frr=False)

    def test_frr(self):
        self.live(frr=True)

    def test_sessions(self):
        """The pop lives, and has them all; plain anycast breaks those whose packets go elsewhere."""
        result, table = self.run_numbers(duration_ms=24000, timeline=[
            {"at_ms": 7000, "fault": "catchment_shift", "target": "fra", "undo_ms": 8000}])
        any_, geo = (result["summary"]["variants"][v]["catchment_shift fra"]
                     for v in ("anycast", "geodns4"))
        # What is planned for the last instant may be asked after the undo.
        during = any_["catchment"]["during"]["paris"]
        self.assertEqual(sum(during.values()), 8)
        self.assertGreaterEqual(during["nyc"], 7)
        self.assertEqual(geo["catchment"]["during"]["paris"], {"fra": 8})
        # What was under way at that instant may have been the first to go elsewhere.
        self.assertGreater(any_["catchment"]["moved"], 11)
        self.assertEqual(geo["catchment"]["moved"], 0)
        broken = any_["sessions"]
        self.assertGreater(broken["open"], 0)
        self.assertEqual(broken["reset"], broken["open"], broken)
        self.assertEqual(geo["sessions"]["survived"], geo["sessions"]["open"], geo["sessions"])
        self.assertEqual(any_["failback"]["returned"], any_["affected"])
        # It lives and is where the operator wants them, so half of them are astray.
        self.assertAlmostEqual(any_["control"]["during"], 0.5, delta=1 / 32)
        self.assertEqual(geo["control"]["during"], 1)
        self.assertIn("catchment_shift fra", table)


class Drain(Faults):
    def phase(self):
        status, said = self.exec("fra", "curl", "-s", "--unix-socket", "/run/catchment-lb.sock",
                                 "http://localhost/v1/drain")
        return json.loads(said) if status == 0 else None

    def withdrawn(self, since):
        return [json.loads(r["detail"]) for r in self.rows(kind="drain_withdrawn", source="fra")
                if int(r["t_ns"]) > since]

    def test_users_leave_before_anything_is_withdrawn(self):
        result, _ = self.run_numbers(duration_ms=32000, timeline=[
            {"at_ms": 7000, "fault": "drain", "target": "fra", "deadline_ms": 14000,
             "undo_ms": 16000}])
        trial = next(t for t in result["trials"] if t["valid"])
        begun = trial["faults"][0]["t_ns"]
        (done,) = self.withdrawn(begun)
        self.assertFalse(done["late"], "DNS takes check, TTL and a second: seven of fourteen")
        self.assertGreater(done["t_ns"] - begun, 4e9, "what DNS has told lasts so long")
        any_, geo = (result["summary"]["variants"][v]["drain fra"] for v in ("anycast", "geodns4"))
        self.assertLess(any_["cause_ms"]["detected"], 1000)
        for row in (any_, geo):
            self.assertGreater(row["catchment"]["moved"], 11)
            self.assertNotIn("fra", row["catchment"]["during"]["paris"])
            self.assertEqual(row["failback"]["returned"], row["affected"])
        broken = any_["sessions"]
        self.assertGreater(broken["open"], 0)
        self.assertEqual(broken["reset"], broken["open"], broken)
        # Nobody has told them to go, so the withdrawal cuts them off, until the undo.
        self.assertEqual(geo["sessions"]["stalled"], geo["sessions"]["open"], geo["sessions"])

    def test_a_transit_that_does_not_listen(self):
        networks = scenario()["networks"]
        networks[0]["ignores_communities"] = True
        self.up(self.write("deaf.json", scenario(hold_time=HOLD_S, networks=networks)), users=True)
        wait_until(lambda: "paris: anycast fra, geodns4 fra" in
                   self.run_testbed("status", "--lab", self.lab)[0], 30, "users at fra")
        fault = self.fault("--deadline-ms", "12000", "drain", "fra")
        wait_until(lambda: self.phase()["phase"] == "depreferred", 5, "draining")
        holds_for(6, lambda: self.via(UPSTREAM, ANYCAST) == "fra" and
                  self.phase()["phase"] == "depreferred", "they are sent here still", interval=0.3)
        self.assertGreater({v["name"]: v for v in self.phase()["vips"]}["anycast"]["now"], 0)
        wait_until(lambda: self.via(UPSTREAM, ANYCAST) == "t1-newyork", 20, "a withdrawal helps")
        said = self.phase()
        self.assertEqual((said["phase"], said["late"]), ("withdrawn", True))
        self.refused(1, "broken already", "fault", "--lab", self.lab, "lb_crash", "fra")
        self.restore(fault)
        wait_until(lambda: self.phase()["phase"] == "none", 5, "undone")
        wait_until(self.settled, 30, "every route back")
        self.assertEqual(self.via(UPSTREAM, ANYCAST), "fra")
        self.down()

    def test_one_that_listens(self):
        self.up()
        fault = self.fault("drain", "fra")
        wait_until(lambda: self.via(UPSTREAM, ANYCAST) == "t1-newyork", 10, "at once")
        wait_until(lambda: self.phase()["phase"] == "withdrawn", 10, "without users soon")
        self.assertFalse(self.phase()["late"])
        self.assertTrue(self.reaches("paris", IDENTITY))
        self.restore(fault)
        wait_until(self.settled, 30, "every route back")
        self.down()

    def test_bird_does_not(self):
        self.up(self.write("bird.json", scenario(speaker="bird")))
        self.refused(1, "no catchment-lb", "fault", "--lab", self.lab, "drain", "fra")
        self.down()


class Sessions(Faults):
    def test_continuity_keeps_what_anycast_breaks(self):
        """All that were open at fra, when its users are led away and when it is drained."""
        result, table = self.run_scenario(sessions())
        for fault in ("catchment_shift fra", "drain fra"):
            self.assertEqual(fates(result, fault), {"anycast": (16, 0, 16),
                                                    "anycast-continuity": (16, 16, 0)}, table)


class Interrupted(Faults):
    def test_all_is_undone(self):
        wanted = [("catchment_shift", "fra"), ("drain", "fra"), ("link_cut", "acc-paris-t1"), ("lb_crash", "nyc"),
                  ("pop_crash", "sin")]
        path = self.write("run.json", scenario(duration_ms=100000, timeline=[
            {"at_ms": 500, "fault": kind, "target": target} for kind, target in wanted]))
        before = links()
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number.name):
                run = subprocess.Popen([TESTBED, "run", path, "--lab", self.lab, "--out",
                                        self.dir + "/out"], env=self.env, text=True,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT)
                wait_until(lambda: len(self.faults()) == len(wanted), 60, "everything broken")
                namespaces = self.namespaces(self.nodes())
                run.send_signal(number)
                said = run.communicate(timeout=60)[0]
                self.assertEqual(run.returncode, 1, said)
                self.check_record(wanted)
                self.nothing_left(before, namespaces)

    def faults(self):
        try:
            return self.status()["faults"]
        except AssertionError:
            return []

    def check_record(self, wanted):
        with open(self.dir + "/out/latest/result.json", encoding="utf-8") as f:
            (trial,) = json.load(f)["trials"]
        self.assertEqual(sorted((f["kind"], f["target"]) for f in trial["faults"]), sorted(wanted))
        self.assertEqual([f for f in trial["faults"] if not f["undone_ns"]], [])
        with open(self.dir + "/out/latest/events.csv", encoding="utf-8", newline="") as f:
            rows = [r["result"] for r in csv.DictReader(f) if r["kind"] == "fault"]
        self.assertEqual(sorted(rows), ["begin"] * len(wanted) + ["end"] * len(wanted))


if __name__ == "__main__":
    unittest.main()
