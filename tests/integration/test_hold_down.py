# SPDX-License-Identifier: GPL-3.0-or-later
"""What flaps is held down, on the wire and for DNS alike, and every change can be looked up."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support.lb_lab import Lab, configuration, wait_until  # noqa: E402

PREFIX = "198.18.0.0/24"
VERDICT = ("10.200.1.1", 8053, "/verdict/anycast")


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root for network namespaces")


class HoldDown(unittest.TestCase):
    def setUp(self):
        self.lab = Lab()
        self.addCleanup(self.lab.close)

    def start(self, **vip):
        vips = configuration(self.lab.socket)["vips"]
        vips[0].update(vip)
        daemon = self.lab.start(vips=vips)
        daemon.events({"kind": "sent", "peer": "t1", "prefix": PREFIX, "action": "announce"})
        daemon.events({"kind": "sent", "peer": "t2", "prefix": PREFIX, "action": "announce"})
        return daemon

    def explain(self, daemon):
        return daemon.get("/v1/explain?prefix=" + PREFIX)[1]

    def flap(self, daemon, flap, seconds):
        """The origin dies and is back at once; the prefix is not, for so long."""
        lab, before = self.lab, daemon.last_id()
        lab.origin.stop()
        events = daemon.events({"kind": "withdrawn", "prefix": PREFIX}, before)
        withdrawn = events[-1]
        self.assertIn("held down for another %.1f s (flap %d)" % (seconds, flap),
                      withdrawn["reason"])
        self.assertEqual(withdrawn["detected_ns"],
                         [e for e in events if e["kind"] == "vip_down"][0]["t_ns"])
        lab.origin.start()
        up = daemon.events({"kind": "vip_up", "vip": "anycast"}, before)[-1]
        explained = self.explain(daemon)
        self.assertEqual((explained["state"], explained["hold_down"]["held"],
                          explained["hold_down"]["flaps"]), ("withdrawn", True, flap))
        self.assertRegex(explained["reason"],
                         r"^vip anycast is up: .*; held down for another \d\.\d s \(flap %d\)$" % flap)
        self.assertTrue(daemon.vip("anycast")["held_down"])
        status, verdict = lab.lb.get(*VERDICT)
        self.assertEqual((status, verdict["state"]), (503, "down"), "DNS must not send users yet")
        self.assertIn("held down for another", verdict["reason"])
        metrics = daemon.get("/metrics")[1]
        self.assertIn('catchment_lb_vip_held_down{vip="anycast"} 1\n', metrics)
        self.assertIn('catchment_lb_vip_up{vip="anycast"} 1\n', metrics)
        self.assertFalse(lab.birds[0].has(PREFIX))
        announced = daemon.events({"kind": "announced", "prefix": PREFIX}, before)[-1]
        held_s = (announced["t_ns"] - withdrawn["t_ns"]) / 1e9
        self.assertTrue(seconds <= held_s < seconds + 0.5, held_s)
        self.assertEqual(explained["hold_down"]["until_ns"],
                         withdrawn["t_ns"] + int(seconds * 1e9), "as foretold")
        self.assertEqual(announced["detected_ns"], up["t_ns"])
        wait_until(lambda: lab.birds[0].has(PREFIX), what="announced again")
        self.assertEqual(lab.lb.get(*VERDICT)[0], 200)
        self.assertFalse(daemon.vip("anycast")["held_down"])

    def test_longer_each_time(self):
        daemon = self.start(hold_down={"initial_ms": 800, "max_ms": 1600, "decay_ms": 60000})
        for flap, seconds in ((1, 0.8), (2, 1.6), (2, 1.6)):
            self.flap(daemon, flap, seconds)
        self.assertIn('catchment_lb_vip_flaps_total{vip="anycast"} 3\n', daemon.get("/metrics")[1])
        wait_until(lambda: len(self.explain(daemon)["timeline"][-1]["sent"]) == 2, what="both told")
        sent = [e for e in daemon.events({"id": daemon.last_id()})
                if e["kind"] == "sent" and e["prefix"] == PREFIX]
        self.assertEqual([e["action"] for e in sent if e["peer"] == "t2"],
                         ["announce"] + ["withdraw", "announce"] * 3, "no more than was decided")
        self.check_timeline(self.explain(daemon)["timeline"], sent)

    def check_timeline(self, timeline, sent):
        self.assertEqual([change["state"] for change in timeline],
                         ["announced"] + ["withdrawn", "announced"] * 3)
        told = {(e["peer"], e["decided_ns"]): e["t_ns"] for e in sent}
        for change in timeline:
            self.assertEqual([s["peer"] for s in change["sent"]], ["t1", "t2"])
            self.assertLessEqual(change["detected_ns"], change["decided_ns"])
            for peer in change["sent"]:
                self.assertEqual(peer["sent_ns"], told[peer["peer"], change["decided_ns"]])
            if change["state"] == "withdrawn":
                late_ms = (max(s["sent_ns"] for s in change["sent"]) - change["detected_ns"]) / 1e6
                self.assertLess(late_ms, 50, "worse is told at once")

    def test_minimum_times(self):
        daemon = self.start(min_up_ms=700, min_down_ms=1500)
        events = daemon.events({"kind": "announced", "prefix": PREFIX})
        up = [e for e in events if e["kind"] == "vip_up"][-1]
        self.assertGreaterEqual(events[-1]["t_ns"] - up["t_ns"], 700e6)
        self.assertEqual(events[-1]["detected_ns"], up["t_ns"])
        identity = [e for e in events if e.get("prefix") == "10.200.1.0/24"][0]
        self.assertLess(identity["t_ns"], up["t_ns"] + 700e6, "does not wait")
        before = daemon.last_id()
        self.lab.origin.stop()
        withdrawn = daemon.events({"kind": "withdrawn", "prefix": PREFIX}, before)[-1]
        self.assertIn("held down for another 1.5 s", withdrawn["reason"])
        self.lab.origin.start()
        announced = daemon.events({"kind": "announced", "prefix": PREFIX}, before)[-1]
        self.assertGreaterEqual(announced["t_ns"] - withdrawn["t_ns"], 1500e6)

    def test_stops_while_held_down(self):
        daemon = self.start(min_down_ms=60000)
        before = daemon.last_id()
        self.lab.origin.stop()
        daemon.events({"kind": "withdrawn", "prefix": PREFIX}, before)
        self.lab.origin.start()
        daemon.events({"kind": "vip_up", "vip": "anycast"}, before)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
