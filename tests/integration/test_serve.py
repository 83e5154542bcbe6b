# SPDX-License-Identifier: GPL-3.0-or-later
"""catchment-testbed serve: labs and runs over REST, and how both end."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import unittest

from support import Daemon, Rest, free_name, free_port, openapi, wait_until
from support.fake_lab import FakeLab, idle

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_lab import Case, TESTBED, quick

TOKEN = "a-secret-of-the-test"
RUN_S = 150  # patience for a run that takes 12 s when the machine has nothing else to do
FINAL = ("done", "failed", "cancelled")


def short(**changes):
    """A run of a few seconds with a fault and its undo."""
    fault = {"at_ms": 1500, "fault": "lb_crash", "target": "fra", "undo_ms": 1000}
    return {**quick(name="short", speaker="bird", ramp_ms=500, duration_ms=4000, timeline=[fault]),
            **changes}


class Serve(Case):
    def setUp(self):
        super().setUp()
        self.out = self.dir + "/out"
        self.where = self.dir + "/s"

    def serve(self, *options, listen=None, token=None, limit=()):
        """The server in a block that ends it, and its client; limit as of prlimit(1)."""
        if token:
            with open(self.dir + "/token", "w", encoding="ascii") as f:
                f.write(token + "\n")
            options += ("--token-file", self.dir + "/token")
        daemon = self.enterContext(Daemon(
            [*limit, TESTBED, "serve", "--listen", listen or "unix:" + self.where, "--out", self.out,
             *options], env=self.env))
        daemon.wait_log("serving on")
        host, _, port = (listen or "").rpartition(":")
        return daemon, Rest((host, int(port)) if listen else self.where, token=token, timeout=15)

    def post(self, rest, body, path="/v1/runs"):
        status, headers, text = rest.request("POST", path, body)
        self.assertEqual(status, 202, text)
        self.assertRegex(headers["Location"], f"^{path}/[^/]+$")
        return json.loads(text)

    def wait_run(self, rest, run, *states):
        """The run in one of these states; no state is ever left for an earlier one."""
        return wait_until(lambda: next((r for r in [rest.get("/v1/runs/" + run["id"])]
                                        if r["state"] in states), None), RUN_S, states)

    def runs_of(self, pid):
        """The children of the server."""
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(p) for p in f.read().split()]

    def halt(self, daemon):
        """The process of the only run, which does nothing any more."""
        child = self.runs_of(daemon.pid)[0]
        os.kill(child, signal.SIGSTOP)
        self.addCleanup(self.resume, child)
        # Until it has stopped, another signal still ends it.
        wait_until(lambda: self.state_of(child) == "T", 10, "a stopped process")
        return child

    @staticmethod
    def state_of(pid):
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rpartition(")")[2].split()[0]

    @staticmethod
    def resume(child):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGCONT)


class Described(Serve):
    """docs/api/testbed.yaml: everything in it is provoked, and nothing else is answered."""

    def test_answers_are_as_described(self):
        daemon, rest = self.serve(token=TOKEN)
        self.api = openapi.Checker(openapi.Spec("testbed.yaml"), rest)
        self.rest = rest
        self.api.probe()
        self.assertEqual(self.api.ask("GET", "/healthz", 200), {"status": "ok"})
        self.check_a_run()
        self.check_a_lab()
        self.check_labs_that_hang()
        self.check_events()
        self.check_the_end(daemon)
        self.api.finish()

    def check_a_run(self):
        ask = self.api.ask
        for wrong in ({}, {"scenario": "nobody"}, {"scenario": short(pops=[])},
                      {"scenario": short(), "trials": 0}, {"scenario": short(), "x": 1}):
            ask("POST", "/v1/runs", 422, body=wrong)
        problem = ask("POST", "/v1/runs", 422, body={"scenario": short(duration_ms="x")})
        self.assertEqual(problem["pointer"], "/scenario/duration_ms")
        self.assertEqual(ask("GET", "/v1/runs", 200), {"runs": []})

        body = {"scenario": short(), "trials": 1, "seed": 7, "lab": self.lab}
        run = ask("POST", "/v1/runs", 202, body=body)
        self.assertEqual((run["state"], run["lab"], run["scenario"], run["progress"]),
                         ("queued", self.lab, "short", None))
        name = {"id": run["id"]}
        waiting = ask("POST", "/v1/runs", 202, body=body)
        self.assertNotEqual(waiting["id"], run["id"])
        for path in ("result", "report", "table"):
            ask("GET", "/v1/runs/{id}/" + path, 409, name)
            ask("GET", "/v1/runs/{id}/" + path, 404, {"id": "../" + run["id"]})
        progress = wait_until(lambda: ask("GET", "/v1/runs/{id}", 200, name)["progress"], RUN_S,
                              "progress")
        self.assertEqual((progress["trial"], progress["duration_s"]), (1, 4))
        self.assertEqual(ask("GET", "/v1/lab", 200, query={"lab": self.lab})["dir"], run["dir"])
        # The other one is for the same lab.
        self.assertEqual(ask("GET", "/v1/runs/{id}", 200, {"id": waiting["id"]})["state"], "queued")
        ask("DELETE", "/v1/labs/{name}", 409, {"name": self.lab})
        gone = ask("DELETE", "/v1/runs/{id}", 202, {"id": waiting["id"]})
        self.assertEqual((gone["state"], gone["exit_status"]), ("cancelled", None))

        runs = [gone["id"], run["id"]]
        run = self.wait_run(self.rest, run, *FINAL)
        name = {"id": run["id"]}
        self.assertEqual((run["state"], run["exit_status"], run["reason"], run["progress"]),
                         ("done", 0, None, None))
        self.assertEqual(run["trials"]["valid"], 1)
        self.measured = run["id"]
        result = ask("GET", "/v1/runs/{id}/result", 200, name)
        self.assertEqual((result["seed"], result["scenario"]), (7, short()))
        self.assertIn("anycast", result["summary"]["variants"])
        table = ask("GET", "/v1/runs/{id}/table", 200, name)
        self.assertRegex(table, r"(?m)^anycast +\d+/32")
        self.assertIn("<svg", ask("GET", "/v1/runs/{id}/report", 200, name))
        self.assertEqual([r["id"] for r in ask("GET", "/v1/runs", 200)["runs"]], runs)
        self.assertEqual(len(ask("GET", "/v1/runs", 200, query={"limit": 1})["runs"]), 1)
        for limit in ("0", "1001", "-1", "x", ""):
            ask("GET", "/v1/runs", 400, query={"limit": limit})
        ask("DELETE", "/v1/runs/{id}", 409, name)
        latest = {"id": "latest"}
        self.assertEqual(ask("GET", "/v1/runs/{id}", 200, latest)["id"], runs[0])
        ask("DELETE", "/v1/runs/{id}", 404, latest)
        for method in ("GET", "DELETE"):
            for wrong in ("nobody", "..", "../../etc", "Latest", "a\nb", "ä", "x" * 300):
                ask(method, "/v1/runs/{id}", 404, {"id": wrong})
        self.assertRegex(ask("GET", "/metrics", 200),
                         'catchment_testbed_runs_ended_total{state="done"} 1\n')

    def check_a_lab(self):
        ask, name = self.api.ask, {"name": self.lab}
        lab = {"lab": self.lab}
        scenario = quick(name="hands", speaker="bird")
        ask("POST", "/v1/labs", 422, body={"scenario": scenario, "trials": 1})
        ask("GET", "/v1/labs/{name}", 404, name)
        self.assertEqual(ask("POST", "/v1/labs", 202, body={"scenario": scenario, **lab})["state"],
                         "starting")
        ask("POST", "/v1/labs", 409, body={"scenario": scenario, **lab})
        ask("POST", "/v1/runs", 409, body={"scenario": scenario, **lab})
        wait_until(lambda: ask("GET", "/v1/labs/{name}", 200, name)["state"] == "up", RUN_S, "up")
        ask("POST", "/v1/runs", 409, body={"scenario": scenario, **lab})
        self.assertEqual(ask("GET", "/v1/lab", 200, query=lab)["phase"], "up")
        self.assertIn(self.lab, [x["lab"] for x in ask("GET", "/v1/labs", 200)["labs"]])
        self.assertIn("fra", [n["name"] for n in ask("GET", "/v1/topology", 200, query=lab)["nodes"]])
        wait_until(lambda: {"fra": 8} in [c["pops"] for c in ask("GET", "/v1/catchments", 200,
                                                                 query=lab)["catchments"]],
                   30, "users of fra")
        metrics = ask("GET", "/metrics", 200)
        self.assertIn(f'catchment_testbed_lab_up{{lab="{self.lab}"}} 1\n', metrics)
        self.assertRegex(metrics, f'catchment_testbed_lab_requests{{lab="{self.lab}"}} [1-9]')
        self.check_faults(lab)
        with self.rest.events() as events:
            subprocess.run([TESTBED, "exec", "--lab", self.lab, "nyc", "--", "pkill", "-9", "-x",
                            "bird"], env=self.env, check=True)
            self.assertTrue(any(e["kind"] == "mishap" and e["lab"] == self.lab for e in events))
        self.assertEqual(ask("DELETE", "/v1/labs/{name}", 202, name)["state"], "ending")
        wait_until(lambda: not os.path.exists("/run/catchment/" + self.lab), 30, "the lab's end")
        ask("DELETE", "/v1/labs/{name}", 404, name)
        self.check_a_lab_that_cannot_be(scenario)

    def check_faults(self, lab):
        ask = self.api.ask
        for wrong in ({}, {"kind": "meteor", "target": "fra"}, {"kind": "lb_crash"},
                      {"kind": "lb_crash", "target": "nobody"}, {"kind": 1, "target": "fra"},
                      {"kind": "lb_crash", "target": "fra", "x": 1},
                      {"kind": "lb_crash", "target": "fra", "carrier": False},
                      {"kind": "link_cut", "target": "fra"}, {"kind": "drain", "target": "nobody"}):
            ask("POST", "/v1/faults", 422, query=lab, body=wrong)
        self.assertEqual(ask("GET", "/v1/faults", 200, query=lab), {"faults": []})
        body = {"kind": "pop_crash", "target": "fra"}
        fault = ask("POST", "/v1/faults", 201, query=lab, body=body)
        self.assertEqual((fault["kind"], fault["target"], fault["undone_ns"]),
                         ("pop_crash", "fra", None))
        ask("POST", "/v1/faults", 409, query=lab, body=body)
        wait_until(lambda: {"nyc": 8} in [c["pops"] for c in ask("GET", "/v1/catchments", 200,
                                                                 query=lab)["catchments"]
                                          if c["group"] == "paris"], 30, "users elsewhere")
        name = {"id": fault["id"]}
        self.assertTrue(ask("DELETE", "/v1/faults/{id}", 200, name, query=lab)["undone_ns"])
        ask("DELETE", "/v1/faults/{id}", 409, name, query=lab)
        for wrong in ("0", "99", "-1", "x", "1" * 30, "1x"):
            ask("DELETE", "/v1/faults/{id}", 404, {"id": wrong}, query=lab)
        self.assertEqual([f["id"] for f in ask("GET", "/v1/faults", 200, query=lab)["faults"]], [1])

    def check_a_lab_that_cannot_be(self, scenario):
        """A file stands where its directory belongs."""
        taken = free_name("taken")
        path = f"/run/catchment/{taken}"
        with open(path, "w", encoding="ascii"):
            self.addCleanup(os.unlink, path)
        self.api.ask("POST", "/v1/labs", 202, body={"scenario": scenario, "lab": taken})
        lab = wait_until(lambda: next((x for x in [self.api.ask("GET", "/v1/labs/{name}", 200,
                                                                {"name": taken})]
                                       if x["state"] == "failed"), None), 20, "its failure")
        self.assertIn(taken, lab["reason"])
        self.api.ask("DELETE", "/v1/labs/{name}", 202, {"name": taken})
        self.api.ask("GET", "/v1/labs/{name}", 404, {"name": taken})

    def check_labs_that_hang(self):
        ask = self.api.ask
        fault = {"kind": "lb_crash", "target": "fra"}
        everything = (("GET", "/v1/lab", None, None), ("GET", "/v1/topology", None, None),
                      ("GET", "/v1/catchments", None, None), ("GET", "/v1/faults", None, None),
                      ("POST", "/v1/faults", None, fault),
                      ("DELETE", "/v1/faults/{id}", {"id": 1}, None))
        with FakeLab() as hung, FakeLab(idle) as good:
            for method, path, params, body in everything:
                for status, query in ((404, {"lab": "nobody"}), (404, {"lab": "../x"}), (409, {}),
                                      (409, {"lab": good.name}), (504, {"lab": hung.name})):
                    begun = time.monotonic()
                    ask(method, path, status, params, query, body)
                    self.assertLess(time.monotonic() - begun, 5)
            labs = ask("GET", "/v1/labs", 200)
            for name in (hung.name, good.name):
                self.assertIn(name, labs["silent"])
                lab = ask("GET", "/v1/labs/{name}", 200, {"name": name})
                self.assertEqual((lab["state"], lab["status"]), ("silent", None))
            self.assertIn(f'catchment_testbed_lab_up{{lab="{hung.name}"}} 0\n',
                          ask("GET", "/metrics", 200))

    def check_events(self):
        """All that was told so far, and what the story needs of it, in its order."""
        kinds = set(self.api.kinds("/v1/events"))
        states = []
        with self.api.stream("/v1/events", since=0) as events:
            for event in events:
                kinds.discard(event["kind"])
                if event["kind"] == "run_state":
                    states.append((event["run"], event["state"]))
                if event["kind"] == "lab_gone" and not kinds:
                    break
        self.assertEqual([state for run, state in states if run == self.measured],
                         ["queued", "starting", "running", "reporting", "done"])
        for wrong in ("-1", "x", "1x"):
            self.api.expect_problem("GET", "/v1/events?since=" + wrong, 400)

    def check_the_end(self, daemon):
        """While a run ends the server answers, and starts nothing."""
        run = self.api.ask("POST", "/v1/runs", 202, body={"scenario": short(), "lab": self.lab})
        self.wait_run(self.rest, run, "starting", "running")
        child = self.halt(daemon)
        daemon.signal(signal.SIGTERM)
        wait_until(lambda: self.rest.request("GET", "/healthz")[0] == 503, 10, "stopping")
        self.api.ask("GET", "/healthz", 503)
        self.api.expect_problem("POST", "/v1/runs", 503, {"scenario": short()})
        self.api.expect_problem("POST", "/v1/labs", 503, {"scenario": short()})
        self.resume(child)
        self.assertEqual(daemon.wait(40), 0)
        with open(self.out + f"/{run['id']}/run.json", encoding="utf-8") as f:
            run = json.load(f)
        self.assertEqual((run["state"], run["reason"]), ("cancelled", "the server was stopped"))
        wait_until(lambda: not self.processes(), 5, "the end of every process")


class Life(Serve):
    def test_a_killed_server_leaves_no_run(self):
        daemon, rest = self.serve()
        run = self.post(rest, {"scenario": short(), "lab": self.lab})
        later = self.post(rest, {"scenario": short(), "lab": self.lab})
        self.wait_run(rest, run, "running")
        daemon.kill()
        wait_until(lambda: not self.processes(), 30, "the end of every process")
        self.assertFalse(os.path.exists("/run/catchment/" + self.lab))
        _, rest = self.serve()
        for r in rest.get("/v1/runs")["runs"]:
            self.assertEqual((r["state"], r["reason"]),
                             ("failed", "the server died, or could not write, before the run ended"),
                             r)
        self.assertEqual({r["id"] for r in rest.get("/v1/runs")["runs"]}, {run["id"], later["id"]})
        self.assertEqual(rest.request("GET", f"/v1/runs/{later['id']}/result")[0], 409)

    def test_a_second_signal_kills(self):
        """A run that takes no signals, and its lab, do not keep the server."""
        daemon, rest = self.serve()
        run = self.post(rest, {"scenario": short(duration_ms=60000), "lab": self.lab})
        self.wait_run(rest, run, "running")
        self.halt(daemon)
        daemon.signal(signal.SIGTERM)
        wait_until(lambda: rest.request("GET", "/healthz")[0] == 503, 10, "stopping")
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(10), 0)
        wait_until(lambda: not self.processes(), 10, "the end of every process")
        with open(self.out + f"/{run['id']}/run.json", encoding="utf-8") as f:
            run = json.load(f)
        self.assertEqual((run["state"], run["reason"], run["exit_status"]),
                         ("cancelled", "the server was stopped", 137))

    def test_cancelled_in_a_trial(self):
        _, rest = self.serve("--lab", self.lab)
        run = self.post(rest, {"scenario": short(duration_ms=60000)})
        self.assertEqual(run["lab"], self.lab)
        _, other = self.serve(listen=f"127.0.0.1:{free_port()}")
        wait_until(lambda: (rest.get("/v1/runs/" + run["id"])["progress"] or {}).get("elapsed_s"),
                   RUN_S, "a trial")
        # It is seen by all who serve the same folder, and is only one's to end.
        self.assertEqual(other.get("/v1/runs/" + run["id"])["state"], "running")
        self.assertEqual(other.request("GET", f"/v1/runs/{run['id']}/result")[0], 409)
        self.assertEqual(other.request("DELETE", "/v1/runs/" + run["id"])[0], 409)
        self.assertEqual(rest.request("DELETE", "/v1/runs/" + run["id"])[0], 202)
        run = self.wait_run(rest, run, *FINAL)
        self.assertEqual((run["state"], run["reason"], run["exit_status"]),
                         ("cancelled", "cancelled", 1))
        self.assertEqual(run["trials"], {"wanted": 1, "valid": 0, "attempts": 1})
        result = rest.get(f"/v1/runs/{run['id']}/result")
        self.assertEqual(result["trials"][0]["reason"], "interrupted")
        wait_until(lambda: len(self.processes()) == 2, 5, "nothing but the servers")

    def test_a_run_that_fails_says_why(self):
        """Its lab's name is taken by something that is none."""
        _, rest = self.serve()
        path = f"/run/catchment/{self.lab}"
        with open(path, "w", encoding="ascii"):
            self.addCleanup(os.unlink, path)
        run = self.wait_run(rest, self.post(rest, {"scenario": short(), "lab": self.lab}), *FINAL)
        self.assertEqual((run["state"], run["exit_status"]), ("failed", 3))
        self.assertIn(f"lab {self.lab}: ", run["reason"])
        status, headers, _ = rest.request("GET", f"/v1/runs/{run['id']}/table")
        self.assertEqual((status, headers["Content-Type"]), (409, "application/problem+json"))

    def test_a_run_without_a_lab_has_no_result(self):
        """It was told to end while its lab was being made, and has never been running."""
        _, rest = self.serve()
        run = self.post(rest, {"scenario": short(), "lab": self.lab})
        wait_until(lambda: os.path.exists(f"/run/catchment/{self.lab}/control"), RUN_S, "a lab")
        self.assertEqual(rest.request("DELETE", "/v1/runs/" + run["id"])[0], 202)
        run = self.wait_run(rest, run, *FINAL)
        self.assertEqual((run["state"], run["reason"]), ("cancelled", "cancelled"))
        self.assertEqual(rest.request("GET", f"/v1/runs/{run['id']}/result")[0], 409)
        with rest.events(since=0) as events:
            states = []
            while states[-1:] != ["cancelled"]:
                event = next(events)
                if event["kind"] == "run_state":
                    states.append(event["state"])
        self.assertEqual(states, ["queued", "starting", "cancelled"])

    def test_a_feed_that_breaks_and_a_killed_run(self):
        daemon, rest = self.serve()
        run = self.post(rest, {"scenario": short(), "lab": self.lab})
        child = self.halt(daemon)  # long before it makes its lab

        def answer(_):
            yield {"type": "event", "event": {"kind": "trial_begin", "trial": 1}}

        with FakeLab(answer, self.lab) as lab:
            self.wait_run(rest, run, "running")
            before = len(lab.connections)
            for connection in lab.connections:
                connection.shutdown(socket.SHUT_RDWR)
            wait_until(lambda: len(lab.connections) > before, 5, "another subscription")
            self.assertEqual(rest.get("/v1/runs/" + run["id"])["state"], "running")
        os.kill(child, signal.SIGKILL)
        run = self.wait_run(rest, run, *FINAL)
        self.assertEqual((run["state"], run["exit_status"]), ("failed", 137))
        self.assertRegex(run["reason"], "^killed by signal 9")

    def test_more_runs_than_open_files(self):
        daemon, rest = self.serve(limit=("prlimit", "--nofile=64:4096"))
        body = {"scenario": short(), "lab": self.lab}
        self.post(rest, body)
        child = self.halt(daemon)
        for _ in range(80):
            self.post(rest, body)
        self.assertEqual(len(rest.get("/v1/runs")["runs"]), 81)
        self.assertIn("labs", rest.get("/v1/labs"))
        daemon.signal(signal.SIGTERM)
        self.resume(child)
        self.assertEqual(daemon.wait(40), 0)

    def test_labs_that_failed_are_forgotten(self):
        """No name for containers: each has failed before the next one comes."""
        _, rest = self.serve()
        for n in range(65):
            lab = {"lab": f"Not-{n}", "runtime": "docker"}
            self.post(rest, {"scenario": short(), **lab}, "/v1/labs")
            wait_until(lambda: rest.get("/v1/labs/" + lab["lab"])["state"] == "failed", 10, lab)
        self.assertEqual(rest.request("GET", "/v1/labs/Not-0")[0], 404)

    def test_the_queue(self):
        """Runs that fail at once, in their order; those of one lab never at the same time."""
        _, rest = self.serve("--parallel", "3")
        path = f"/run/catchment/{self.lab}"
        with open(path, "w", encoding="ascii"):
            self.addCleanup(os.unlink, path)
        runs = [self.post(rest, {"scenario": short(), "lab": self.lab}) for _ in range(12)]
        for run in runs:
            self.wait_run(rest, run, "failed")
        self.assertEqual(len({r["id"] for r in runs}), 12)
        with rest.events(since=0) as events:
            order = []
            for event in events:
                if event["kind"] == "run_state" and event["state"] != "queued":
                    order.append((event["run"], event["state"]))
                    if len(order) == 24:
                        break
        self.assertEqual(order, [(r["id"], s) for r in runs for s in ("starting", "failed")])

    def test_refusals(self):
        missing, empty = self.dir + "/nothing", self.dir + "/empty"
        with open(empty, "w", encoding="ascii"):
            pass
        port = free_port()
        for options, pattern in (
                (["--listen", "0.0.0.0:1"], "off loopback needs a token"),
                (["--listen", "[::]:1"], "off loopback needs a token"),
                (["--listen", "8080"], "--listen: "),
                (["--listen", "unix:"], "--listen: "),
                (["--listen", f"127.0.0.1:{port}", "--token-file", missing], "--token-file: "),
                (["--listen", f"127.0.0.1:{port}", "--token-file", empty], "--token-file: "),
                (["more"], "usage: "), (["--parallel", "0"], "usage: "),
                (["--parallel", "99"], "usage: "), (["--lab", "../x"], "usage: ")):
            self.refused(2, pattern, "serve", "--out", self.out, *options)
        self.serve()
        self.refused(3, "(?i)address already in use.*--listen", "serve", "--out", self.out,
                     "--listen", "unix:" + self.where)
        with socket.create_server(("127.0.0.1", port)):
            self.refused(3, "(?i)address already in use.*--listen", "serve", "--out", self.out,
                         "--listen", f"127.0.0.1:{port}")
        self.refused(3, "/dev/null/out: ", "serve", "--out", "/dev/null/out", "--listen",
                     "unix:" + self.dir + "/s2")


if __name__ == "__main__":
    unittest.main()
