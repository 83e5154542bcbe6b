# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner's judgement: what is run again, what counts, and what the machine is blamed for."""
import mmap
import os
import signal
import subprocess
import sys
import unittest

from support import wait_until
from support.disturbance import BUCKET, BUCKETS, DUE, ENTRY, PERIOD, Watch, note, worst_late
from support.verdict import LATE_SECONDS, TRIES, Disturbance, Outcome, part_of, settle

QUIET = Disturbance(0, 20, 0.004)
STOLEN = Disturbance(6.8, 20, 0.18)
A, B, SETUP = "test_x.T.test_a", "test_x.T.test_b", "setUpClass (test_x.T)"


class Limits(unittest.TestCase):
    def test_over(self):
        for stolen, seconds, late, over in (
                (0, 20, 0, False), (0, 0, 0, False), (0, 20, 0.03, False), (0, 20, 0.031, True),
                (1, 20, 0, False), (1.01, 20, 0, True),
                (0.05, 0.2, 0, False), (0.06, 0.2, 0, True)):
            with self.subTest(stolen=stolen, seconds=seconds, late=late):
                self.assertEqual(Disturbance(stolen, seconds, late).is_over(), over)

    def test_told(self):
        self.assertEqual(str(STOLEN), "34 % stolen, alarm 180 ms late")
        self.assertEqual(str(Disturbance(0, 0, 0)), "0 % stolen, alarm 0 ms late")

    def test_what_is_run_again(self):
        for name, part in ((A, A), (SETUP, "test_x.T.*"),
                           ("tearDownClass (test_x.T)", "test_x.T.*"),
                           ("setUpModule (test_x)", None), ("test_x", None)):
            with self.subTest(name=name):
                self.assertEqual(part_of(name), part)


class Settling(unittest.TestCase):
    """Runs are told beforehand: by attempt, what was asked for and what came of it."""

    def settle(self, *script, pattern=None):
        script, self.told = list(script), []

        def run(part, again):
            asked, *outcomes = script.pop(0)
            self.assertEqual((part, again), (asked, bool(self.told)))
            for name, outcome, disturbance in outcomes:
                yield Outcome(name, outcome, 1, "", disturbance)
        settled, again = settle(run, pattern, lambda word, o: self.told.append((word, o.name)))
        self.assertEqual(script, [], "not asked for")
        return sorted((o.outcome, o.name) for o in settled), again

    def test_a_quiet_failure_fails_at_once(self):
        self.assertEqual(self.settle((None, (A, "FAIL", QUIET), (B, "ok", QUIET))),
                         ([("FAIL", A), ("ok", B)], 0))

    def test_a_disturbed_failure_has_to_pass_alone(self):
        self.assertEqual(self.settle((None, (A, "FAIL", STOLEN), (B, "ok", STOLEN)),
                                     (A, (A, "ok", STOLEN))),
                         ([("ok", A), ("ok", B)], 1))
        self.assertEqual(self.told, [("again", A), ("ok", B), ("ok", A)])

    def test_the_second_failure_is_quiet(self):
        self.assertEqual(self.settle((None, (A, "FAIL", STOLEN)), (A, (A, "FAIL", QUIET))),
                         ([("FAIL", A)], 1))

    def test_three_disturbed_failures(self):
        runs = [(None if i == 0 else A, (A, "FAIL", STOLEN)) for i in range(TRIES)]
        self.assertEqual(self.settle(*runs), ([("FAIL", A)], TRIES - 1))
        self.assertEqual(self.told, [("again", A)] * (TRIES - 1) + [("FAIL", A)])

    def test_each_failure_is_run_by_itself(self):
        self.assertEqual(self.settle((None, (A, "FAIL", STOLEN), (B, "FAIL", STOLEN)),
                                     (A, (A, "ok", QUIET)), (B, (B, "skip", QUIET))),
                         ([("ok", A), ("skip", B)], 2))

    def test_a_fixture_that_works_the_second_time(self):
        self.assertEqual(self.settle((None, (SETUP, "FAIL", STOLEN)),
                                     ("test_x.T.*", (A, "ok", QUIET), (B, "FAIL", QUIET))),
                         ([("FAIL", B), ("ok", A)], 1))

    def test_a_file_is_run_as_it_was_asked_for(self):
        self.assertEqual(self.settle(("*a*", (A, "FAIL", STOLEN), ("test_x", "FAIL", STOLEN)),
                                     ("*a*", (A, "ok", QUIET)), pattern="*a*"),
                         ([("ok", A)], 1))
        # Left behind by a test that runs alone.
        self.assertEqual(self.settle((None, (A, "FAIL", STOLEN)),
                                     (A, (A, "ok", QUIET), ("test_x", "FAIL", STOLEN)),
                                     (A, (A, "ok", QUIET))),
                         ([("ok", A)], 2))

    def test_a_quiet_failure_stays_one_when_its_file_is_run_again(self):
        self.assertEqual(self.settle((None, (A, "FAIL", QUIET), ("test_x", "FAIL", STOLEN)),
                                     (None, (A, "ok", QUIET), (B, "ok", QUIET))),
                         ([("FAIL", A), ("ok", B)], 1))

    def test_what_does_not_run_again_has_not_passed(self):
        self.assertEqual(self.settle((None, (A, "FAIL", STOLEN), ("test_x", "FAIL", STOLEN)),
                                     (None, (B, "ok", QUIET))),
                         ([("FAIL", A), ("ok", B)], 1))
        self.assertEqual(self.told[-1], ("FAIL", A))


class Alarm(unittest.TestCase):
    def test_worst_of_an_interval(self):
        memory = mmap.mmap(-1, DUE.size + BUCKETS * ENTRY.size)
        for due, late in ((10.01, .2), (20.01, .05), (20.02, .01), (30.01, .4)):
            note(memory, due, due + late)
        DUE.pack_into(memory, 0, 40)
        for start, now, late in ((15, 25, .05), (15, 31, .4), (31, 40, 0), (31, 41.5, 1.5),
                                 (10 + BUCKET * BUCKETS, 10.01 + BUCKET * BUCKETS, None)):
            with self.subTest(start=start, now=now):
                self.assertAlmostEqual(worst_late(memory, start, now),
                                       now - 40 if late is None else late)

    def test_only_what_stops_the_alarm_makes_it_late(self):
        spin = [sys.executable, "-c", "while True: pass"]
        watch = Watch()
        busy = [subprocess.Popen(spin) for _ in range(2 * len(watch.pids))]
        try:
            start = watch.mark()
            wait_until(lambda: watch.mark().time - start.time > 1, 5, "a second of spinning")
            spun = watch.between(start, watch.mark())
            self.assertEqual(set(watch.alarms), watch.pids, "they have their priority")
            # Of a disturbed machine this shows nothing, and the runner asks again.
            self.assertLess(spun.late, LATE_SECONDS)
            pid = max(watch.pids)
            start = watch.mark()
            os.kill(pid, signal.SIGSTOP)
            wait_until(lambda: watch.between(start, watch.mark()).late > 10 * PERIOD, 5,
                       "an overdue alarm")
            os.kill(pid, signal.SIGCONT)
            stopped = watch.mark()
            wait_until(lambda: watch.mark().time - stopped.time > 4 * BUCKET, 5,
                       "time for it to ring")
            now = watch.mark()
            self.assertGreater(watch.between(start, now).late, 8 * PERIOD)
            self.assertLess(watch.between(now._replace(time=now.time - BUCKET), now).late,
                            LATE_SECONDS)
        finally:
            for process in busy:
                process.kill()
                process.wait()
            watch.end()
