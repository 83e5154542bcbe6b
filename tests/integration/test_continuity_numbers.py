#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What make bench-continuity measures, in small: fates and bounds, with PoPs, BGP, BFD and wires
(support/sessions.py). One life of three PoPs, in the order of the tests' names."""
import os
import subprocess
import time
import unittest

from support.sessions import (ONE_WAY_MS, PLAIN, PORT, RESET_AFTER_MS, SPOOFED, TOOLS, VIP, Rig,
                              round_trip_ms)
from support.wait import Patience, wait_until

SESSIONS, PLAIN_SESSIONS, BULK = 60, 6, 4
FLOOD_S = 1


class Numbers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root: network namespaces and BPF")
        cls.rig = cls.enterClassContext(Rig(SESSIONS, PLAIN_SESSIONS, BULK))

    def setUp(self):
        self.rig.lead_to("fra")
        self.rig.open()
        self.assertEqual(self.rig.silent(20), 0)
        self.rig.mark()
        self.ticks = Patience.now()

    def limit_ms(self, milliseconds):
        """So long, and more on a machine whose cores others have, or whose wires are late."""
        stolen, total = (new - old for new, old in zip(Patience.now(), self.ticks))
        return (milliseconds + 50) * (1 + Patience.PER_SHARE * stolen / max(1, total))

    def assert_nobody_is_broken(self, new):
        """Of all who moved; without continuity everybody who did was."""
        wait_until(lambda: len(self.rig.watched(new)) == SESSIONS, 10, f"all have come to {new}")
        wait_until(lambda: self.rig.report()[PLAIN]["reset"] == PLAIN_SESSIONS, 10,
                   "without continuity everybody is reset")
        self.assertEqual(self.rig.silent(20), 0)
        report = self.rig.report()[VIP]
        self.assertEqual([report[fate] for fate in ("open", "reset", "closed", "wrong")],
                         [SESSIONS, 0, 0, 0])

    def test_1_catchment_shift(self):
        self.rig.bird.prefer("ams", "fra", "nyc")
        self.rig.lead_to("ams")
        wait_until(lambda: len(self.rig.hand_overs_ms("ams")) == SESSIONS, 10, "hand-overs")
        delays = self.rig.hand_overs_ms("ams")
        # Less than a question and its answer would be a measure that is wrong.
        self.assertGreaterEqual(delays[0], 1.5 * round_trip_ms("fra", "ams") - 1)
        self.assertLessEqual(delays[len(delays) // 2],
                             self.limit_ms(1.5 * round_trip_ms("fra", "ams") + 5))
        self.assert_nobody_is_broken("ams")
        self.rig.bird.prefer("fra", "ams", "nyc")

    def test_2_drain(self):
        fra = self.rig.pop("fra")
        status, answer = fra.request("POST", "/v1/drain", {"deadline_ms": 10000})
        self.assertIn(status, (200, 202), answer)
        self.rig.lead_to("ams")
        wait_until(lambda: fra.request("GET", "/v1/drain")[1]["phase"] == "withdrawn", 15,
                   "its users have gone")
        self.assert_nobody_is_broken("ams")
        # They came with the routes, not with the deadline.
        self.assertFalse(fra.request("GET", "/v1/drain")[1].get("late"))
        fra.request("DELETE", "/v1/drain")

    def flood(self, kind):
        before = self.rig.pop("fra").daemon.get("/v1/status")[1]["continuity"]["packets"]["packets"]
        done = subprocess.run(
            self.rig.pop("fra").attacker.command(os.path.join(TOOLS, "flood"), kind, FLOOD_S,
                                                 SPOOFED, 12, VIP, PORT),
            stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(self.rig.silent(30), 0)
        report = self.rig.report()[VIP]
        self.assertEqual([report[fate] for fate in ("open", "reset", "closed", "wrong")],
                         [SESSIONS, 0, 0, 0])
        after = self.rig.pop("fra").daemon.get("/v1/status")[1]["continuity"]["packets"]["packets"]
        self.assertGreater(after - before, int(done.stdout) / 10, "the flood was there")

    def test_3_syn_flood(self):
        self.flood("syn")

    def test_4_ack_flood(self):
        self.flood("ack")

    def test_5_pop_crash(self):
        """Everybody is told, not before reset_after is over, and soon then."""
        began = time.monotonic()
        self.rig.cut("fra")
        self.rig.lead_to("ams")
        wait_until(lambda: len(self.rig.resets_ms("ams")) == SESSIONS, 10, "resets")
        resets = self.rig.resets_ms("ams")
        self.assertGreater(time.monotonic() - began, RESET_AFTER_MS / 1000)
        self.assertLessEqual(resets[-1], self.limit_ms(
            max(2 * (ONE_WAY_MS["ams"] + ONE_WAY_MS["nyc"]), RESET_AFTER_MS) + 10))
        wait_until(lambda: self.rig.report()[VIP]["reset"] == SESSIONS, 5, "users hear of it")

        # And back: they belong to ams now.
        self.rig.open()
        self.rig.mark()
        self.rig.mend("fra")
        self.rig.lead_to("fra")
        self.assert_nobody_is_broken("fra")


class Mesh(unittest.TestCase):
    def test_what_200_pops_say_under_a_flood_is_bounded(self):
        """By what owner_conf_default() allows."""
        done = subprocess.run([os.path.join(TOOLS, "owner_flood"), "200", "1", "20000", "3"],
                              text=True, stdout=subprocess.PIPE, check=True)
        first, last, questions, resets = map(int, done.stdout.split())
        self.assertLessEqual(first, 40000 / 2 + 10000 + 1)
        self.assertLessEqual(last, 10000 + 199)
        self.assertGreater(questions, 0)
        self.assertLessEqual(resets, questions)


if __name__ == "__main__":
    unittest.main()
