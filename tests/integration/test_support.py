# SPDX-License-Identifier: GPL-3.0-or-later
"""What the other tests stand on does what it says."""
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

from support import ROOT, Daemon, Netns, Rest, dump_logs, holds_for, openapi, veth, wait_until
from support.wait import Patience


class Waiting(unittest.TestCase):
    def test_what_stays_is_watched_to_the_end(self):
        start = time.monotonic()
        self.assertEqual(holds_for(0.1, lambda: "here", "it stays"), "here")
        self.assertGreaterEqual(time.monotonic() - start, 0.1)

    def test_what_does_not_stay_fails_at_once(self):
        start, seen = time.monotonic(), iter((1, 1, 0, 1))
        with self.assertRaisesRegex(AssertionError, r"^not for 60 s: it stays \(after .* s: 0\)$"):
            holds_for(60, lambda: next(seen), "it stays")
        self.assertLess(time.monotonic() - start, 5)

    def test_the_last_look_is_at_the_end(self):
        start = time.monotonic()
        with self.assertRaises(AssertionError):
            holds_for(0.1, lambda: time.monotonic() - start < 0.1, "it stays", interval=30e-3)


    def test_patience_grows_with_what_the_host_steals(self):
        for stolen, share in ((0, 0), (50, .5)):
            ticks = [(7, 1000), *[(7 + stolen, 1100)] * 1000]
            with self.subTest(share=share), mock.patch.object(Patience, "now", side_effect=ticks):
                start = time.monotonic()
                with self.assertRaisesRegex(AssertionError, "not within 0.1 s: never"):
                    wait_until(lambda: False, 0.1, "never")
                self.assertGreaterEqual(time.monotonic() - start, 0.1 * (1 + 10 * share))


class Namespaces(unittest.TestCase):
    def test_wire_carries_both_families(self):
        with Netns() as a, Netns() as b:
            veth(a, "eth0", ["192.0.2.1/24", "2001:db8::1/64"],
                 b, "eth0", ["192.0.2.2/24", "2001:db8::2/64"])
            for family, there in ((socket.AF_INET, "192.0.2.2"), (socket.AF_INET6, "2001:db8::2")):
                with b.socket(family) as server, a.socket(family) as client:
                    server.bind((there, 7))
                    server.listen()
                    client.settimeout(5)
                    client.connect((there, 7))

    def test_gone_with_the_block(self):
        with Netns() as ns:
            path = ns.path
            self.assertIn("lo", ns.run("ip", "link"))
        self.assertFalse(os.path.exists(path))

    def test_failing_command_says_why(self):
        with Netns() as ns, self.assertRaisesRegex(AssertionError, "nosuch"):
            ns.run("ip", "link", "show", "nosuch")


class Daemons(unittest.TestCase):
    def test_stop_gives_the_status(self):
        with Daemon(["sh", "-c", "trap 'exit 7' TERM; echo up; while :; do sleep 0.1; done"]) as d:
            d.wait_log("up")
            self.assertEqual(d.stop(), 7)

    def test_a_death_fails_the_block_and_shows_the_log(self):
        with self.assertRaisesRegex(AssertionError, "status 3:\nlast words"):
            with Daemon(["sh", "-c", "echo last words; exit 3"]) as d:
                wait_until(lambda: not d.is_running(), 5, "end")
        out = io.StringIO()
        dump_logs(out)
        self.assertIn("last words", out.getvalue())

    def test_helpers_of_a_daemon_end_with_it(self):
        with Daemon(["sh", "-c", "sleep 1000 & echo $!; wait"]) as d:
            wait_until(d.log, 5, "the helper's pid")
            helper = int(d.log())
        wait_until(lambda: not os.path.exists(f"/proc/{helper}"), 5, "end of the helper")


SERVER = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
while True:
    c, _ = s.accept()
    request = c.recv(4096).decode()
    if "/v1/events" in request:
        c.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\nid: 1\\ndata: {\\"id\\":1}\\n\\n: hm\\n\\nid: 2\\ndata: {\\"id\\":2}\\n\\n")
    elif "Bearer secret" in request:
        c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 7\\r\\n\\r\\n{\\"a\\":1}")
    else:
        c.sendall(b"HTTP/1.1 401 No\\r\\nContent-Length: 0\\r\\n\\r\\n")
    c.close()
"""


class RestClient(unittest.TestCase):
    def test_requests_and_events(self):
        with tempfile.TemporaryDirectory() as d, \
                Daemon([sys.executable, "-c", SERVER, f"{d}/s"]):
            api = Rest(f"{d}/s", token="secret")
            self.assertEqual(wait_until(lambda: api.get("/v1/status"), 5, "server"), {"a": 1})
            self.assertEqual(Rest(f"{d}/s").request("GET", "/v1/status")[0], 401)
            with api.events(since=0) as events:
                self.assertEqual([e["id"] for e in events], [1, 2])


class OpenApi(unittest.TestCase):
    """The checker finds each kind of difference between a description and answers."""
    DOC = {"paths": {"/a/{n}": {
        "get": {"summary": "x", "parameters": [{"name": "n", "in": "path", "schema": {}}],
                "responses": {
            "200": {"headers": {"X": {"schema": {"type": "string"}}},
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}},
            "404": {"$ref": "#/components/responses/P"},
            "default": {"$ref": "#/components/responses/P"}}}}},
        "components": {
            "schemas": {"A": {"type": "object", "required": ["a"],
                              "properties": {"a": {"type": "integer"}, "b": {"enum": [1]}}}},
            "responses": {"P": {"content": {openapi.PROBLEM: {"schema": {"type": "object"}}}}}}}

    def spec(self, doc):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
            f.write("# comment\n" + json.dumps(doc))
            f.flush()
            return openapi.Spec(f.name)

    class Fake:
        """A Rest that gives what it is told to, and the same without a body for HEAD."""
        token = None

        def __init__(self, status, headers, text):
            self.answer = status, {"Cache-Control": "no-store", **headers}, text

        def request(self, method, *_):
            status, headers, text = self.answer
            return status, headers, "" if method == "HEAD" else text

    def ask(self, status, headers, text, expected=None):
        api = openapi.Checker(self.spec(self.DOC), self.Fake(status, headers, text))
        api.ask("GET", "/a/{n}", expected or status, {"n": "x/y"})
        return api

    def test_answers(self):
        good = {"Content-Type": "application/json; charset=utf-8", "X": "1"}
        problem = {"Content-Type": openapi.PROBLEM}
        api = self.ask(200, good, '{"a":1,"b":1}')
        with self.assertRaisesRegex(AssertionError, "never provoked: GET /a/{n} 404"):
            api.finish()
        self.ask(404, problem, '{"status":404,"title":"x"}')
        self.ask(405, {**problem, "Allow": "GET"}, '{"status":405,"title":"x"}')
        for status, headers, text, why in (
                (200, good, '{"a":1,"c":1}', "c: not allowed"), (200, good, "{}", "lacks a"),
                (200, good, '{"a":1,"b":true}', "none of"), (200, good, '{"a":true}', "expected"),
                (200, good, '{"a":1,"a":1}', "twice"), (200, good, '{"a":NaN}', "is not JSON"),
                (200, {"X": "1", "Content-Type": "text/plain"}, "a", "documented are"),
                (200, {"Content-Type": "application/json"}, '{"a":1}', "X: expected string"),
                (200, {**good, "Cache-Control": "public"}, '{"a":1}', "cached"),
                (201, good, "{}", "201 is not documented"),
                (404, good, '{"a":1}', "documented are"),
                (404, problem, '{"status":400,"title":"x"}', "says 400"),
                (404, problem, '{"status":404}', "no title"),
                (405, problem, '{"status":405,"title":"x"}', "no Allow"),
                (401, problem, '{"status":401,"title":"x"}', "no token")):
            with self.subTest(text=text, why=why), self.assertRaisesRegex(AssertionError, why):
                self.ask(status, headers, text)
        with self.assertRaisesRegex(AssertionError, "200 instead of 404"):
            self.ask(200, good, '{"a":1}', expected=404)

    def test_documents(self):
        def change(at, value):
            doc = json.loads(json.dumps(self.DOC))
            node = doc
            for key in at[:-1]:
                node = node[key]
            node[at[-1]] = value
            return doc
        get = ("paths", "/a/{n}", "get")
        for at, value, why in (
                ((*get, "parameters"), [], "path parameters"),
                ((*get, "summary"), "", "no summary"),
                ((*get, "responses", "200"), {}, "nobody refers to schemas/A"),
                ((*get, "responses"), {"200": {"$ref": "#/components/schemas/A"},
                                       "404": {"$ref": "#/components/responses/P"}}, "default"),
                ((*get, "responses", "404"), {"$ref": "#/no"}, "leads nowhere"),
                (("components", "schemas", "A", "properties", "a"), {"nullable": True}, "nullable"),
                (("components", "schemas", "A", "required"), ["z"], "required, but")):
            with self.subTest(why=why), self.assertRaisesRegex(AssertionError, why):
                self.spec(change(at, value))


class Runner(unittest.TestCase):
    def run_tests(self, body, *args, **env):
        with tempfile.NamedTemporaryFile("w", prefix="test_", suffix=".py") as f:
            f.write("import unittest, subprocess, time, os\nclass T(unittest.TestCase):\n" + body)
            f.flush()
            return subprocess.run([os.path.join(ROOT, "tests/run"), f.name, *args], text=True,
                                  env={**os.environ, **env}, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, check=False)

    def test_counts(self):
        body = ("  def test_a(self): pass\n  def test_b(self): self.fail('so')\n"
                "  @unittest.skip('why')\n  def test_c(self): pass\n"
                "  def test_d(self): self.skipTest('late')\n"
                "  def test_e(self):\n    for i in (1, 2):\n      with self.subTest(i=i): self.fail()\n")
        done = self.run_tests(body, CI="")
        self.assertEqual(done.stdout.splitlines()[-1], "1 passed, 2 failed, 2 skipped")
        self.assertEqual(done.returncode, 1)
        done = self.run_tests(body, "-k", "T.test_a", CI="1")
        self.assertEqual((done.stdout.splitlines()[-1], done.returncode), ("1 passed, 0 failed", 0))
        self.assertEqual(self.run_tests(body, "-k", "T.test_c", CI="1").returncode, 1)
        self.assertEqual(self.run_tests(body, "-k", "T.test_d", CI="").returncode, 0)
        done = self.run_tests(body, "-k", "tset_a", CI="")
        self.assertEqual(done.stdout, "0 passed, 0 failed\nno test matches tset_a\n")
        self.assertEqual(done.returncode, 1, "a slip of the hand has tested nothing")

    def test_started_in_the_background(self):
        """A shell has what it starts there ignore SIGINT; what is tested shall hear of it."""
        body = ("  def test_a(self):\n"
                "    done = subprocess.run(['sh', '-c', 'kill -s INT $$; exit 3'])\n"
                "    self.assertEqual(done.returncode, -2)\n")
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            done = self.run_tests(body)
        finally:
            signal.signal(signal.SIGINT, before)
        self.assertEqual((done.stdout.splitlines()[-1], done.returncode), ("1 passed, 0 failed", 0))

    def test_what_cannot_count_as_passed(self):
        for body, why in (("  pass\n", "has no tests"),
                          ("  def test_a(self): os._exit(0)\n", "has no tests"),
                          ("  def test_a(self): os._exit(4)\n", "status 4"),
                          ("  def test_a(self): time.sleep(60)\n", "not done in 1 s"),
                          ("  @classmethod\n  def setUpClass(cls): 1 / 0\n  def test_a(self): pass\n",
                           "ZeroDivisionError"),
                          ("  def test_a(self): subprocess.Popen(['setsid', 'sleep', '99'])\n",
                           "left behind"),
                          ("  def test_a(self):\n", "status 1")):
            with self.subTest(why=why):
                done = self.run_tests(body, "--timeout", "1" if "not done" in why else "60")
                self.assertIn(why, done.stdout)
                self.assertEqual(done.returncode, 1)
