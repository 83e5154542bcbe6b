# SPDX-License-Identifier: GPL-3.0-or-later
"""A testbed's REST without a lab: runs are done at once, their results made up by a simple model.

    with FakeTestbed() as fake:
        fake.fails = 1                    # so many runs end as failed
        grid.main([..., "--url", fake.url])
        fake.posted                       # the bodies it was sent

The numbers mean nothing but follow docs/measuring.md's model, so that plots look as they should.
"""
import json
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CUT_OFF = ("paris", "berlin")  # by a fault at fra, in quick


def affected_users(scenario):
    number = 0
    for client in scenario["clients"]:
        for _ in range(client["users"]):
            number += 1
            if client["name"] in CUT_OFF:
                yield number


def times_of(rng, scenario, variant, users):
    """When each user is back, in ms; None: not before the undo."""
    checks, event = scenario["checks"], scenario["timeline"][0]
    if event["fault"] == "origin_failure" and scenario["speaker"] == "bird" and variant["mode"] == "anycast":
        return [None] * len(users)
    detection = (checks["fall"] - rng.random()) * checks["interval_ms"] + checks["timeout_ms"]
    out = []
    for _ in users:
        if variant["mode"] == "anycast":
            t = (1000 * scenario["hold_time"] - 700 * rng.random() if event["fault"] == "pop_crash" else 80)
        else:
            t = detection + rng.random() * variant.get("ttl", 30) * 1000
        t = round(t + rng.random() * 100, 3)
        out.append(t if t < event["undo_ms"] - 1000 else None)
    return out


def fault_of(rng, scenario, variant):
    event, users = scenario["timeline"][0], list(affected_users(scenario))
    times = times_of(rng, scenario, variant, users)
    survived = len(users) if event["fault"] == "lb_crash" and variant["mode"] == "geodns" else 0
    reset = rng.randint(len(users) // 2, len(users)) if not survived else 0
    return {"kind": event["fault"], "target": event["target"], "lasted_ms": event["undo_ms"] + 0.1,
            "all_users": sum(c["users"] for c in scenario["clients"]), "affected": len(users),
            "users": users, "reconnect_ms": times, "failover_ms": times,
            "loss_window_ms": [event["undo_ms"] if t is None else t for t in times],
            "failback_ms": times, "requests": 4000, "failed": rng.randint(200, 600), "failures": {},
            "sessions": {"open": len(users), "survived": survived, "reset": reset,
                         "timed_out": (len(users) - survived - reset) // 2,
                         "undecided": len(users) - survived - reset - (len(users) - survived - reset) // 2,
                         "stalled": survived // 2, "others": 16, "collateral": 0},
            "cause_ns": {"fault": 0, "detected": 1500000000, "record_changed": None}}


def result_of(body, stream=""):
    """The result.json of such a run: what of it the grid reads. stream: another, other times."""
    scenario = body["scenario"]
    rng = random.Random(f"{body['seed']} {scenario['name']}{stream}")
    return {"version": 1, "scenario": scenario, "seed": body["seed"], "profile": "ideal",
            "runtime": body["runtime"], "versions": {"catchment": "0.0.0 (fake)"},
            "trials": [{"trial": n, "valid": True, "reason": "",
                        "variants": {v["name"]: {"faults": {"1": fault_of(rng, scenario, v)}}
                                     for v in scenario["variants"]}}
                       for n in range(1, body["trials"] + 1)]}


class FakeTestbed:
    """fails, refuses, lose: how many of the next runs fail, are refused (422), are forgotten.
    hold: runs stay running until it is cleared, or they are cancelled."""

    def __init__(self, token=None):
        self.token = token
        self.fails = self.refuses = self.lose = 0
        self.hold = False
        self.posted, self.runs, self.cancelled = [], {}, []
        self.lock = threading.Lock()

    def __enter__(self):
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self, status, body):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def handle_any(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size)
                with fake.lock:
                    self.answer(*fake.handle(self.command, self.path, self.headers, body))

            do_GET = do_POST = do_DELETE = handle_any

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def handle(self, method, path, headers, body):
        """(status, document)"""
        if self.token and headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {"title": "Unauthorized", "detail": "a token is wanted"}
        parts = path.split("?")[0].strip("/").split("/")
        if path == "/healthz":
            return 200, {"status": "ok"}
        if parts[:2] != ["v1", "runs"]:
            return 404, {"title": "Not Found"}
        if method == "POST":
            return self.post(json.loads(body), headers)
        if len(parts) == 2:
            return 200, {"runs": [self.shown(r) for r in self.runs.values()]}
        run = self.runs.get(parts[2])
        if not run:
            return 404, {"title": "Not Found", "detail": "no such run"}
        if method == "DELETE":
            run["state"] = "cancelled"
            self.cancelled.append(run["id"])
            return 202, self.shown(run)
        if len(parts) == 4:
            return (200, run["result"]) if run["result"] else (409, {"title": "Conflict"})
        return 200, self.shown(run)

    def post(self, body, headers):
        if headers.get("Content-Type") != "application/json":
            return 415, {"title": "Unsupported Media Type"}
        if self.refuses:
            self.refuses -= 1
            return 422, {"title": "Unprocessable", "detail": "unknown pop 'xyz'",
                         "pointer": "/scenario/timeline/0/target"}
        self.posted.append(body)
        run_id = f"{body['scenario']['name']}-{len(self.posted)}"
        run = {"id": run_id, "lab": body["lab"], "state": "running", "reason": None, "body": body,
               "created": f"{time.time():020.6f}", "result": None}
        if self.fails:
            self.fails -= 1
            run.update(state="failed", reason="the lab did not converge")
        elif not self.hold:
            run.update(state="done", result=result_of(body))
        if self.lose:
            self.lose -= 1
        else:
            self.runs[run_id] = run
        return 202, self.shown(run)

    def finish(self):
        """The runs that were held are done."""
        with self.lock:
            self.hold = False
            for run in self.runs.values():
                if run["state"] == "running":
                    run.update(state="done", result=result_of(run["body"]))

    @staticmethod
    def shown(run):
        return {"id": run["id"], "lab": run["lab"], "scenario": run["body"]["scenario"]["name"],
                "runtime": run["body"]["runtime"], "state": run["state"], "created": run["created"],
                "reason": run["reason"], "exit_status": None, "dir": None,
                "trials": {"wanted": run["body"]["trials"], "valid": 0, "attempts": 0},
                "progress": {"trial": 1, "elapsed_s": 3, "duration_s": 20, "requests": 1, "failed": 0}}
