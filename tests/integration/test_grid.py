# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/bench/grid.py: planning, numbers, plots, going on after whatever stops it.

All but TestReal needs no root and no lab: python3 -m unittest works for it too.
"""
import contextlib
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests/bench")]
import compare_runtimes
import grid
import grid_data
import grid_plan
import grid_plots
import grid_store
from support import BIN, schema, synthetic_run, tolerant, wait_until
from support.fake_testbed import FakeTestbed, result_of

TESTBED = BIN + "/catchment-testbed"
GRID_PY = os.path.join(ROOT, "tests/bench/grid.py")
REFERENCE = {"scenario": "quick", "fault": "pop_crash", "target": "fra", "speaker": "lb",
             "interval_ms": 500, "fall": 3, "hold_time": 3, "modes": ["anycast", "geodns"], "ttl": 2}


def a_grid(**changes):
    return {"version": 1, "name": "t", "trials": 5, "seed": 1, "reference": dict(REFERENCE),
            "sweeps": [{"ttl": [1, 4]}], **changes}


class Folder(unittest.TestCase):
    def setUp(self):
        self.base = tempfile.mkdtemp(prefix="grid")
        self.addCleanup(shutil.rmtree, self.base)
        self.dir = os.path.join(self.base, "out")

    def write(self, document):
        path = os.path.join(self.base, "grid.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(document, f)
        return path

    def read(self, name):
        with open(os.path.join(self.dir, name), encoding="utf-8") as f:
            return f.read()


class TestPlan(Folder):
    def test_one_condition_is_one_run_with_all_its_variants(self):
        runs = grid_plan.plan(a_grid(sweeps=[{"ttl": [8, 1]}, {"ttl": [2], "interval_ms": [500, 1000]},
                                             {"fault": ["pop_crash", "lb_crash"]}]))
        self.assertEqual([(r["id"], [v["name"] for v in r["scenario"]["variants"]]) for r in runs], [
            ("quick-pop_crash-fra-500x3-hold3-lb", ["anycast", "geodns1", "geodns2", "geodns8"]),
            ("quick-pop_crash-fra-1000x3-hold3-lb", ["anycast", "geodns2"]),
            ("quick-lb_crash-fra-500x3-hold3-lb", ["anycast", "geodns2"])])

    def test_more_variants_than_a_scenario_holds_are_several_runs(self):
        runs = grid_plan.plan(a_grid(sweeps=[{"ttl": list(range(20))}]))
        self.assertEqual([len(r["scenario"]["variants"]) for r in runs], [15, 6])
        self.assertEqual(len({r["id"] for r in runs}), 2)

    def test_trials_are_long_enough_for_whoever_can_recover(self):
        for name, change in [("a long TTL", {"ttl": 30}), ("slow checks", {"interval_ms": 5000}),
                             ("many checks", {"fall": 9}), ("hold time", {"hold_time": 90}),
                             ("origin", {"fault": "origin_failure"}), ("all short", {"ttl": 0}),
                             ("anycast alone", {"modes": ["anycast"]})]:
            for run in grid_plan.plan(a_grid(sweeps=[change])):
                with self.subTest(name):
                    c, s, event = run["condition"], run["scenario"], run["scenario"]["timeline"][0]
                    ttl_ms = max([1000 * v["ttl"] for v in s["variants"] if "ttl" in v] or [0])
                    detected = c["fall"] * c["interval_ms"] + s["checks"]["timeout_ms"]
                    self.assertGreaterEqual(event["jitter_ms"], max(
                        ttl_ms, c["interval_ms"], 1000 * c["hold_time"] // 3))
                    self.assertGreaterEqual(s["ramp_ms"], ttl_ms)
                    self.assertGreater(event["at_ms"], s["ramp_ms"])
                    if ttl_ms:  # then ten successes of 100 ms
                        self.assertGreaterEqual(event["undo_ms"], detected + ttl_ms + 1000 + 1000)
                    self.assertGreaterEqual(event["undo_ms"], 1000 * c["hold_time"] + 1000)
                    self.assertGreater(s["duration_ms"],
                                       event["at_ms"] + event["jitter_ms"] + event["undo_ms"])

    def test_sessions_are_waited_for_where_that_is_asked(self):
        waiting, not_waiting = (grid_plan.plan(a_grid(sweeps=[{"sessions": s}]))[0]["scenario"]
                                for s in (True, False))
        event = waiting["timeline"][0]
        self.assertGreaterEqual(waiting["duration_ms"] - event["at_ms"] - event["jitter_ms"],
                                2 * event["undo_ms"])
        self.assertLess(not_waiting["duration_ms"], waiting["duration_ms"])

    def test_the_small_grid_fits_into_a_quarter_of_an_hour(self):
        runs = grid_plan.plan(grid_plan.grid_load("small"))
        self.assertLess(sum(map(grid_plan.expected_s, runs)), 800)
        self.assertGreaterEqual(min(r["scenario"]["trials"] for r in runs), grid_data.TRIALS_MIN)

    def test_every_scenario_is_one(self):
        with open(os.path.join(ROOT, "testbed/scenarios/scenario.schema.json"), encoding="utf-8") as f:
            wanted = json.load(f)
        for name in ("small", "full"):
            for run in grid_plan.plan(grid_plan.grid_load(name)):
                with self.subTest(run["id"]):
                    self.assertEqual(list(schema.errors(run["scenario"], wanted)), [])
                    subprocess.run([TESTBED, "check", self.write(run["scenario"])], check=True,
                                   stdout=subprocess.DEVNULL)

    def test_mistakes_are_named(self):
        reference = {**REFERENCE}
        del reference["speaker"]
        for name, document, wanted in [
                ("no version", a_grid(version=2), "version: 1 is wanted"),
                ("a name with a slash", a_grid(name="a/b"), "name: small letters"),
                ("unknown key", a_grid(sweep=[]), "sweep: unknown key"),
                ("unknown axis", a_grid(sweeps=[{"tll": 3}]), "sweeps[0].tll: unknown key"),
                ("a missing axis", a_grid(reference=reference), "reference.speaker: missing"),
                ("a list in the reference", a_grid(reference={**REFERENCE, "fall": [1, 2]}),
                 "reference.fall: one value"),
                ("a fault that is none", a_grid(sweeps=[{"fault": "fire"}]), "'fire' is none of"),
                ("a string for a number", a_grid(sweeps=[{"ttl": ["4"]}]), 'sweeps[0].ttl: "4" is not'),
                ("out of range", a_grid(sweeps=[{"hold_time": 2}]), "sweeps[0].hold_time: 2 is not in"),
                ("true for a number", a_grid(sweeps=[{"fall": True}]), "true is not an integer"),
                ("nothing", a_grid(sweeps=[]), "sweeps: a list"),
                ("an empty axis", a_grid(sweeps=[{"ttl": []}]), "at least one value"),
                ("no trials", a_grid(trials=0), "trials: an integer"),
                ("no such pop", a_grid(sweeps=[{"target": "mars"}]), "has no such pop"),
                ("no such scenario", a_grid(sweeps=[{"scenario": "mars"}]), "scenario mars")]:
            with self.subTest(name), self.assertRaises(grid_plan.PlanError) as caught:
                grid_plan.plan(grid_plan.grid_load(self.write(document)))
            with self.subTest(name):
                self.assertIn(wanted, str(caught.exception))

    def test_a_file_that_is_none(self):
        for text in ("", "[]", "{"):
            path = self.write({})
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            with self.subTest(text), self.assertRaises(grid_plan.PlanError):
                grid_plan.grid_load(path)


def fake_rows(document):
    for run in grid_plan.plan(document):
        s = run["scenario"]
        yield from grid_data.rows_of(run, result_of(
            {"scenario": s, "seed": s["seed"], "trials": s["trials"], "runtime": "namespaces"}))


def user_row(trial, group, failover_ms, observed_ms=9000):
    return {"row": "user", "trial": trial, "group": group, "seed": 1, "observed_ms": observed_ms,
            "failover_ms": failover_ms, "reconnect_ms": failover_ms}


class TestData(Folder):
    def test_a_csv_read_is_the_rows_written(self):
        rows = list(fake_rows(a_grid(sweeps=[{"ttl": [1, 4]}, {"fault": "lb_crash"}])))
        path = os.path.join(self.base, "grid.csv")
        grid_data.write(rows, path)
        again = grid_data.read(path)
        self.assertEqual([{k: row.get(k) for k in grid_data.COLUMNS} for row in rows], again)
        self.assertEqual([p["failover"] for p in grid_data.points(again)],
                         [p["failover"] for p in grid_data.points(rows)])

    def test_numbers_are_those_of_the_runs_own_summary(self):
        synthetic_run.Run(synthetic_run.options([self.dir, "--trials", "6", "--users", "4",
                                                 "--seconds", "60", "--undo-s", "20"])).write()
        subprocess.run([TESTBED, "report", self.dir], check=True, stdout=subprocess.DEVNULL)
        result = json.loads(self.read("result.json"))
        result["scenario"].setdefault("checks", {"timeout_ms": 1000})
        run = {"id": "made-up", "condition": {a: REFERENCE[a] for a in grid_plan.AXES}}
        rows = list(grid_data.rows_of(run, result))
        for point in grid_data.points(rows):
            point["reconnect"] = grid_data.recovery(
                grid_data.select(rows, variant=point["variant"]), "reconnect_ms")
            (theirs,) = result["summary"]["variants"][point["variant"]].values()
            self.assertGreater(point["failover"]["n"], 20)
            for measure in ("failover", "reconnect"):
                for key in ("p50", "p90", "p50_interval", "p90_interval", "n", "never"):
                    with self.subTest(variant=point["variant"], measure=measure, key=key):
                        mine, wanted = point[measure][key], theirs[measure + "_ms"][key]
                        if isinstance(wanted, list):
                            for a, b in zip(mine, wanted, strict=True):
                                self.assertTrue(a == b or abs(a - b) < 0.001, (mine, wanted))
                        else:
                            self.assertTrue(mine == wanted or abs(mine - wanted) < 0.001, (mine, wanted))
            self.assertEqual({k: point["sessions"][k] for k in grid_data.SESSIONS},
                             {k: theirs["sessions"][k] for k in grid_data.SESSIONS})

    def test_who_never_recovers_stays_in(self):
        f = grid_data.recovery([user_row(1, "a", t) for t in (1000, 2000, None, None, None)])
        self.assertEqual((f["p50"], f["n"], f["never"], f["observed_ms"]), (None, 5, 3, 9000))
        self.assertEqual(grid_plots.text_of(f, "p50"), "> 9 s")
        f = grid_data.recovery([user_row(1, "a", t) for t in (1000, 2000, 3000, None)])
        self.assertEqual((f["p50"], f["p90"]), (2000, None))

    def test_no_interval_under_five_trials(self):
        for trials, wanted in ((4, False), (5, True)):
            rows = [user_row(t, g, 1000 * t) for t in range(1, trials + 1) for g in "ab"]
            self.assertEqual(grid_data.recovery(rows)["p50_interval"] is not None, wanted)

    def test_session_shares(self):
        def row(lost, opened):
            return {"row": "trial", "seed": 1, **{f"sessions_{s}": 0 for s in grid_data.SESSIONS},
                    "sessions_open": opened, "sessions_reset": lost, "sessions_survived": opened - lost}
        s = grid_data.sessions([row(n, 10) for n in (0, 2, 4, 6, 8)])
        self.assertEqual((s["lost"], s["open"]), (20, 50))
        low, high = s["interval"]
        self.assertTrue(0.05 < low < 0.4 < high < 0.75, s["interval"])
        self.assertEqual(grid_data.sessions([row(5, 5)] * 5)["interval"], [1, 1])
        self.assertIsNone(grid_data.sessions([row(5, 5)] * 4)["interval"])
        self.assertIsNone(grid_data.sessions([row(0, 0)] * 5)["interval"])

    def test_the_model_is_a_sum_of_uniform_times(self):
        rng = random.Random(1)
        for interval_ms, timeout_ms, fall, ttl in ((500, 500, 3, 8), (2000, 1000, 3, 2),
                                                   (1000, 1000, 1, 1), (500, 500, 3, 0)):
            drawn = sorted((fall - 1 + rng.random()) * interval_ms + timeout_ms
                           + rng.random() * ttl * 1000 for _ in range(40000))
            for p in (.1, .5, .9):
                with self.subTest(interval=interval_ms, ttl=ttl, p=p):
                    self.assertAlmostEqual(
                        grid_data.model_ms(p, interval_ms, timeout_ms, fall, ttl),
                        drawn[int(p * len(drawn))], delta=0.02 * (interval_ms + ttl * 1000))


class TestPlots(Folder):
    SWEEPS = [{"ttl": [1, 4]}, {"interval_ms": [500, 1000], "sessions": False},
              {"fault": ["lb_crash", "origin_failure"]}, {"fault": "origin_failure", "speaker": "bird"}]

    def points(self, **changes):
        return grid_data.points(list(fake_rows(a_grid(sweeps=self.SWEEPS, **changes))))

    @staticmethod
    def texts(plot):
        root = ElementTree.fromstring(grid_plots.drawing(plot))
        return root, ["".join(t.itertext()) for t in root.iter("{http://www.w3.org/2000/svg}text")]

    def test_a_plot_for_each_question(self):
        plots = dict(grid_plots.all_plots(self.points(), REFERENCE))
        self.assertEqual(list(plots), ["failover-by-ttl", "failover-by-interval", "sessions-by-fault"])
        for name, wanted in [("failover-by-ttl", ["TTL, seconds", "failover, seconds after the fault",
                                                  "geodns", "anycast"]),
                             ("failover-by-interval", ["check interval, ms", "500", "1000", "geodns2"]),
                             ("sessions-by-fault", ["100 %", "geodns2", "anycast", "reset"])]:
            _, texts = self.texts(plots[name])
            for text in wanted:
                self.assertIn(text, texts, name)

    def test_every_point_is_where_its_number_says(self):
        points = self.points()
        root, _ = self.texts(grid_plots.failover_by_ttl(points))
        marks = {}
        for circle in root.iter("{http://www.w3.org/2000/svg}circle"):
            title = circle.find("{http://www.w3.org/2000/svg}title")
            if title is not None:
                marks[title.text] = float(circle.get("cy"))
        run = [p for p in points if p["run"] == points[0]["run"]]
        self.assertEqual(len(marks), 2 * len(run))
        by_time = sorted((p["failover"][q], marks[f"{p['variant']} {q} {grid_plots.text_of(p['failover'], q)}"])
                         for p in run for q in ("p50", "p90"))
        (t0, y0), (t1, y1) = by_time[0], by_time[-1]
        for t, y in by_time:  # on one straight scale, later is higher
            self.assertAlmostEqual(y, y0 + (t - t0) / (t1 - t0) * (y1 - y0), delta=0.2)
        self.assertLess(y1, y0)

    def test_never_is_drawn_as_later(self):
        plot = grid_plots.failover_by_interval(grid_data.points(list(fake_rows(a_grid(sweeps=[
            {"fault": "origin_failure", "speaker": "bird", "interval_ms": [500, 1000]}])))))
        _, texts = self.texts(plot)
        self.assertTrue([t for t in texts if t.startswith("> ")], texts)

    def test_no_interval_bars_without_intervals(self):
        for trials, wanted in ((2, False), (5, True)):
            svg = grid_plots.drawing(grid_plots.failover_by_ttl(self.points(trials=trials)))
            self.assertEqual(bool(re.search(r'<line class="l\d bar"', svg)), wanted)

    def test_nothing_to_draw(self):
        one = grid_data.points(list(fake_rows(a_grid(sweeps=[{}]))))
        self.assertIsNone(grid_plots.failover_by_ttl(one))
        self.assertIsNone(grid_plots.failover_by_interval(one))


class TestCompare(Folder):
    """Two runtimes; what the second says is changed by hand."""

    def compare(self, change=lambda t: t, trials=6, **second):
        """(status, what it said)"""
        scenario = grid_plan.plan(a_grid(trials=trials, sweeps=[{"ttl": [4]}]))[0]["scenario"]
        body = {"scenario": scenario, "trials": trials, "seed": 1, "runtime": "namespaces"}
        other = result_of({**body, "runtime": "docker", **second}, stream="another")
        for trial in other["trials"]:
            for variant in trial["variants"].values():
                fault = variant["faults"]["1"]
                fault["failover_ms"] = [change(t) for t in fault["failover_ms"]]
        paths = []
        for name, result in (("a", result_of(body)), ("b", other)):
            paths.append(os.path.join(self.base, name))
            with open(paths[-1], "w", encoding="utf-8") as f:
                json.dump(result, f)
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status = compare_runtimes.main(["--results", *paths])
        return status, out.getvalue()

    def test_two_draws_of_one_model_are_equal(self):
        status, said = self.compare()
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"geodns4 \(n = 96, 96\) +p50 +\d+ ms +\d+ ms +[-+]\d+ ms +[-+]\d+ ms to .*equal")
        self.assertIn("equal: no interval of 4 leaves 0 out", said)

    def test_later_or_never_is_different(self):
        for name, change in (("later", lambda t: t + 1500), ("never", lambda t: None)):
            with self.subTest(name):
                status, said = self.compare(change)
                self.assertEqual(status, 1, said)
                self.assertRegex(said, r"(?m)^anycast.*DIFFERENT$")

    def test_too_few_trials_are_no_verdict(self):
        status, said = self.compare(trials=4)
        self.assertEqual(status, 3)
        self.assertIn("no verdict", said)

    def test_another_experiment_is_not_compared(self):
        status, said = self.compare(seed=2)
        self.assertEqual((status, said), (2, "seed: 1 and 2\n"))


class TestRunner(Folder):
    def setUp(self):
        super().setUp()
        for name, value in (("POLL_S", 0.01), ("PATIENCE_S", 0.3)):
            self.addCleanup(setattr, grid, name, getattr(grid, name))
            setattr(grid, name, value)
        self.fake = self.enterContext(FakeTestbed())
        self.path = self.write(a_grid(trials=2, sweeps=[{"ttl": [1, 4]}, {"fault": "lb_crash"}]))

    def main(self, *more, path=None):
        """(status, what it said)"""
        out, handlers = io.StringIO(), [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status = grid.main([path or self.path, "--url", self.fake.url, "--dir", self.dir, *more])
        signal.signal(signal.SIGINT, handlers[0])
        signal.signal(signal.SIGTERM, handlers[1])
        return status, out.getvalue()

    def child(self):
        child = subprocess.Popen([GRID_PY, self.path, "--url", self.fake.url, "--dir", self.dir],
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.addCleanup(child.stdout.close)
        return child

    def test_all_is_run_and_reported(self):
        status, said = self.main()
        self.assertEqual(status, 0, said)
        self.assertEqual(len(self.fake.posted), 2)
        self.assertRegex(said, r"\[1/2\] quick-pop_crash.*2 trials of .*left")
        self.assertRegex(said, r"\[2/2\] quick-lb_crash.*done in .*2 valid trials")
        page = self.read("index.html")
        self.assertNotRegex(page, r"@import|<script|https?://(?!www\.w3\.org/2000/svg|127\.0\.0\.1)")
        self.assertIn("catchment-testbed run runs/quick-lb_crash-fra-500x3-hold3-lb/scenario.json", page)
        self.assertIn("0.0.0 (fake)", page)
        for p in grid_data.points(grid_data.read(os.path.join(self.dir, "grid.csv"))):
            p50 = grid_plots.text_of(p["failover"], "p50")
            self.assertIn(p50.replace(">", "&gt;"), page)
            self.assertRegex(self.read("table.md"), rf"\| {p['variant']} \| 2 \|.*{re.escape(p50)}")
        for name in ("failover-by-ttl", "sessions-by-fault"):
            ElementTree.fromstring(self.read(name + ".svg"))
        body = self.fake.posted[0]
        self.assertEqual(json.loads(self.read(f"runs/{body['scenario']['name']}/scenario.json")),
                         body["scenario"])
        self.assertEqual((body["trials"], body["seed"], body["runtime"]), (2, 1, "namespaces"))

    def test_what_is_done_is_not_done_again(self):
        self.main()
        status, said = self.main()
        self.assertEqual((status, len(self.fake.posted)), (0, 2))
        self.assertIn("2 of 2 runs were done before", said)

    def test_two_at_once_in_one_directory(self):
        self.fake.hold = True
        child = self.child()
        wait_until(lambda: self.fake.posted, 10, "a run is posted")
        status, said = self.main()
        self.assertEqual((status, len(self.fake.posted)), (2, 1))
        self.assertIn("another grid.py is at work in", said)
        child.terminate()
        child.wait(10)

    def test_again_puts_a_complete_grid_aside(self):
        self.main()
        status, said = self.main("--again")
        self.assertEqual((status, len(self.fake.posted)), (0, 4), said)
        self.assertEqual(len(os.listdir(self.base)), 3)  # the file, the old and the new
        self.fake.fails = 2
        self.main("--again")
        self.main("--again")  # incomplete: goes on
        self.assertEqual(len(self.fake.posted), 4 + 3 + 1)

    def test_another_plan_is_refused(self):
        self.main()
        before = self.read("plan.json")
        for more in (["--trials", "7"], ["--runtime", "docker"], ["--seed", "2"]):
            status, said = self.main(*more)
            self.assertEqual(status, 2)
            self.assertIn("choose another --dir", said)
        self.assertEqual((self.read("plan.json"), len(self.fake.posted)), (before, 2))

    def test_a_failed_run_gets_one_more_try(self):
        self.fake.fails = 1
        status, said = self.main()
        self.assertEqual((status, len(self.fake.posted)), (0, 3), said)
        self.assertIn("failed (the lab did not converge); once more", said)

    def test_then_it_is_marked_and_tried_again_by_the_next_start(self):
        self.fake.fails = 2
        status, said = self.main()
        self.assertEqual(status, 1)
        self.assertIn("FAILED: the lab did not converge", said)
        page = self.read("index.html")
        self.assertRegex(page, r"Not done</h2>[^$]*quick-pop_crash[^$]*failed[^$]*did not converge")
        self.assertIn("1 of 2 runs", page)
        status, _ = self.main()
        self.assertEqual((status, len(self.fake.posted)), (0, 4))
        self.assertNotIn("Not done", self.read("index.html"))

    def test_a_refused_scenario_is_not_asked_twice(self):
        self.fake.refuses = 1
        status, said = self.main()
        self.assertEqual((status, len(self.fake.posted)), (1, 1))
        self.assertIn("refused: 422: /scenario/timeline/0/target: unknown pop 'xyz'", said)

    def test_a_run_whose_folder_is_removed_is_had_again(self):
        self.assertEqual(self.main()[0], 0)
        folder = os.path.join(self.dir, "runs", self.fake.posted[0]["scenario"]["name"])
        shutil.rmtree(folder)
        status, said = self.main()
        self.assertEqual(status, 0, said)
        self.assertEqual(sorted(os.listdir(folder)), ["result.json", "scenario.json", "state.json"])

    def test_a_run_that_the_testbed_forgot_is_posted_again(self):
        self.fake.lose = 1
        status, said = self.main()
        self.assertEqual((status, len(self.fake.posted)), (0, 3), said)

    def test_ctrl_c_cancels_and_leaves_something_to_go_on_from(self):
        self.fake.hold = True
        for number in (signal.SIGINT, signal.SIGTERM):
            self.fake.posted.clear()
            child = self.child()
            wait_until(lambda: self.fake.posted, 10, "a run is posted")
            child.send_signal(number)
            said, _ = child.communicate(timeout=10)
            self.assertEqual(child.returncode, 130, said)
            self.assertIn("start it again to go on", said)
        self.assertEqual(len(self.fake.cancelled), 2)
        self.fake.hold = False
        self.assertEqual(self.main()[0], 0)

    def test_a_run_outlives_who_started_it(self):
        self.fake.hold = True
        child = self.child()
        wait_until(lambda: self.fake.posted, 10, "a run is posted")
        child.kill()
        child.wait()
        self.fake.finish()
        status, said = self.main()
        self.assertEqual((status, len(self.fake.posted)), (0, 2), said)
        self.assertIn("found again", said)

    def test_no_testbed(self):
        self.fake.__exit__()
        try:
            status, said = self.main()
        finally:
            self.fake.__enter__()
        self.assertEqual(status, 3)
        self.assertIn("start it again to go on", said)
        self.assertEqual(self.main()[0], 0)

    def test_tokens(self):
        self.fake.token = "secret"
        status, said = self.main()
        self.assertEqual(status, 3)
        self.assertIn("401: a token is wanted", said)
        self.assertEqual(self.main("--token", "secret")[0], 0)

    def test_bad_input(self):
        for argv, wanted in ((["/nowhere.json"], "No such file"), ([self.path, "--url", "ftp://x"], "neither")):
            out = io.StringIO()
            with contextlib.redirect_stderr(out):
                self.assertEqual(grid.main([*argv, "--dir", self.dir]), 2)
            self.assertIn(wanted, out.getvalue())

    def test_time_left_follows_from_what_runs_took(self):
        store = grid_store.Store(self.dir, grid_plan.grid_load(self.path), "namespaces")
        self.addCleanup(store.lock.close)
        progress, (first, second) = grid_store.Progress(store), store.runs
        expected = grid_plan.expected_s(first), grid_plan.expected_s(second)
        self.assertAlmostEqual(progress.left(), sum(expected))
        store.save(first, state="done", seconds=2 * expected[0])
        self.assertAlmostEqual(progress.left(), 2 * expected[1])
        store.save(second, state="failed", reason="", seconds=1)
        self.assertEqual(progress.left(), 0)


@unittest.skipUnless(os.geteuid() == 0, "makes network namespaces")
class TestReal(Folder):
    """With a serve and a lab of its own, one short run; the serve is killed in the middle."""

    def test_the_death_of_serve_costs_only_the_run(self):
        base = os.path.join(self.base, "quick.json")
        with open(base, "w", encoding="utf-8") as f:
            json.dump(tolerant("quick"), f)
        path = self.write(a_grid(trials=1, reference={**REFERENCE, "scenario": base},
                                 sweeps=[{"fault": "origin_failure"}]))
        child = subprocess.Popen([GRID_PY, path, "--dir", self.dir], stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.addCleanup(child.send_signal, signal.SIGTERM)
        lab = wait_until(self.lab_of_plan, 20, "a plan")
        wait_until(lambda: os.path.exists(f"/run/catchment/{lab}/control"), 30, "the lab is there")
        with open(f"/proc/{child.pid}/task/{child.pid}/children", encoding="ascii") as f:
            serve = int(f.read().split()[0])
        os.kill(serve, signal.SIGKILL)
        said, _ = child.communicate(timeout=200)
        self.assertEqual(child.returncode, 0, said)
        self.assertIn("serve has died; starting it again", said)
        (run,) = os.listdir(os.path.join(self.dir, "runs"))
        result = json.loads(self.read(f"runs/{run}/result.json"))
        points = grid_data.points(grid_data.read(os.path.join(self.dir, "grid.csv")))
        self.assertEqual([p["variant"] for p in points], ["anycast", "geodns2"])
        for p in points:
            (theirs,) = result["summary"]["variants"][p["variant"]].values()
            self.assertEqual(p["failover"]["p50"], theirs["failover_ms"]["p50"])
            self.assertEqual(p["sessions"]["open"], theirs["sessions"]["open"])
            self.assertGreater(p["failover"]["n"], 0)

    def lab_of_plan(self):
        try:
            return f"grid-{json.loads(self.read('plan.json'))['token']}-1"
        except FileNotFoundError:
            return None
