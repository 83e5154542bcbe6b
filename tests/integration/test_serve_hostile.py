# SPDX-License-Identifier: GPL-3.0-or-later
"""catchment-testbed serve among clients and labs that mean it no good: it serves the others."""
import contextlib
import glob
import json
import os
import re
import socket
import sys
import threading
import time
import unittest

from support import Rest, free_port, wait_until
from support.fake_lab import FakeLab, idle

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_serve import TOKEN, Serve, short


class Hostile(Serve):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.daemon, self.rest = self.serve(listen=f"127.0.0.1:{self.port}", token=TOKEN)

    def raw(self, data=b""):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.addCleanup(s.close)
        s.sendall(data)
        return s

    def expect_alive(self):
        begun = time.monotonic()
        self.assertEqual(self.rest.get("/healthz"), {"status": "ok"})
        self.assertIn("runs", self.rest.get("/v1/runs"))
        self.assertLess(time.monotonic() - begun, 1)
        self.assertTrue(self.daemon.is_running())

    def memory_kib(self):
        with open(f"/proc/{self.daemon.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])

    def head(self, length, path="/v1/runs"):
        return (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                f"Authorization: Bearer {TOKEN}\r\nContent-Length: {length}\r\n\r\n").encode()

    def test_a_hundred_clients_at_once(self):
        answers, lock = [], threading.Lock()

        def client(n):
            rest = Rest(("127.0.0.1", self.port), token=TOKEN if n % 4 else "wrong", timeout=30)
            for body in (None, {"scenario": "nobody"}):
                got = rest.request("POST" if body else "GET", "/v1/runs", body)
                with lock:
                    answers.append((n % 4 != 0, body is None, got[0],
                                    got[1]["Content-Type"]))

        threads = [threading.Thread(target=client, args=(n,)) for n in range(100)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        self.assertEqual(len(answers), 200)
        problem = "application/problem+json"
        self.assertEqual(set(answers), {(True, True, 200, "application/json"),
                                        (True, False, 422, problem), (False, True, 401, problem),
                                        (False, False, 401, problem)})
        self.expect_alive()

    def test_slow_clients(self):
        """Heads and bodies that come a byte at a time, or never, hold up nobody."""
        slow = [self.raw(b"GET /v1/runs HTTP/1.1\r\nHost: x\r\nX-A: ") for _ in range(60)]
        slow += [self.raw(self.head(60000) + b'{"scenario"') for _ in range(60)]
        slow += [self.raw() for _ in range(20)]
        for _ in range(5):
            for s in slow:
                s.sendall(b"a")
            self.expect_alive()

    def test_truncated_bodies(self):
        for cut in (b"", b"{", b'{"scenario":"quick"', b"\xff" * 50):
            s = self.raw(self.head(100) + cut)
            s.shutdown(socket.SHUT_WR)
            s = self.raw(self.head(100) + cut)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            s.close()
        self.expect_alive()
        self.assertEqual(self.rest.get("/v1/runs"), {"runs": []})

    def test_ways_out_of_the_folder(self):
        os.makedirs(self.out, exist_ok=True)
        with open(self.dir + "/result.json", "w", encoding="ascii") as f:
            f.write('{"secret": 1}')
        os.symlink(self.dir, self.out + "/link")
        for name in ("..", "%2e%2e", "..%2f", ".%2e", "%2e%2e%2fout", "link", ".", "%2e", "%00",
                     "%2f", "%2fetc", "a%00b", "-", "%ff", "%c0%ae%c0%ae", "x" * 5000):
            for tail in ("", "/result", "/report", "/table"):
                status, headers, text = self.rest.request("GET", f"/v1/runs/{name}{tail}")
                self.assertIn(status, (400, 404), name)
                self.assertEqual(headers["Content-Type"], "application/problem+json", name)
                self.assertNotIn("secret", text)
        self.expect_alive()

    def test_readers_that_do_not_read(self):
        """A lab tells more than they have room for: they miss it, and nobody waits for them."""
        told = threading.Event()

        def chatter(command):
            if command != "subscribe":
                yield from idle(command)
                return
            for n in range(20000):
                yield {"type": "event", "event": {"kind": "node", "t_ns": n + 1, "up": True,
                                                  "node": "x" * 1000}}
            told.set()

        with contextlib.ExitStack() as stack:
            for _ in range(30):
                s = socket.socket()
                stack.callback(s.close)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                s.connect(("127.0.0.1", self.port))
                s.sendall(f"GET /v1/events?since=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                          f"Authorization: Bearer {TOKEN}\r\n\r\n".encode())
            self.expect_alive()
            stack.enter_context(FakeLab(chatter))
            while not told.wait(0.2):
                self.expect_alive()
            self.expect_alive()
            # 4096 events of a kilobyte are kept, once; a reader's own buffers are small.
            self.assertLess(self.memory_kib(), 64 * 1024)

    def test_labs_that_talk_nonsense(self):
        nonsense = [b"x", b"", b"[]", b"null", b"\xff" * 100, b"{" * 10000, b'{"type":"reply"',
                    {"type": "event", "event": 7}, {"type": "event", "event": []},
                    {"type": "event", "event": {}}, {"type": "event", "event": {"kind": 7}},
                    {"type": "event", "event": {"kind": "progress", "trial": "x", "id": {},
                                                "t_ns": -1, "lab": 3}},
                    {"type": "event", "event": {"kind": "trial_begin", "t_ns": "x"}},
                    {"type": "reply", "error": 7}, {"type": "reply", "faults": 7},
                    {"type": "reply", "a": "x" * 500000}, {}]
        for message in nonsense:
            with FakeLab(lambda _, m=message: [m] if m != b"" else []) as lab:
                for path in ("/v1/lab", "/v1/topology", "/v1/faults"):
                    status, _, _ = self.rest.request("GET", f"{path}?lab={lab.name}")
                    self.assertIn(status, (200, 404, 409, 504), message)
                self.rest.request("GET", "/v1/labs/" + lab.name)
                self.rest.request("GET", "/metrics")
                wait_until(lambda: len(lab.connections) > 4, 5, "the subscription")
            self.expect_alive()

    def test_scenarios_of_all_kinds(self):
        for scenario in (None, 7, [], "", "/etc/passwd", "../scenarios/quick", {}, {"version": 1},
                         short(pops=[{}] * 1000), short(name="../../x"), short(name=""),
                         short(clients=[{"name": "a" * 60000}]), short(networks={"a": {"b": []}}),
                         short(**{"a/b~c": 1})):
            status, headers, text = self.rest.request("POST", "/v1/runs", {"scenario": scenario})
            self.assertEqual((status, headers["Content-Type"]), (422, "application/problem+json"))
            self.assertTrue(json.loads(text)["pointer"].startswith("/scenario"), text)
        self.assertEqual(glob.glob(self.out + "/*"), [])
        self.expect_alive()


if __name__ == "__main__":
    unittest.main()
