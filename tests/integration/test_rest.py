#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile clients of the REST interfaces of catchment-lb and catchment-geodns, over TCP on loopback
with a token and over a Unix socket without: the server stays up, goes on serving the others, and
says what was wrong in problem documents, but for the few that libmicrohttpd answers (lib/http.h)."""
import contextlib
import json
import os
import random
import resource
import select
import socket
import tempfile
import threading
import time
import unittest

from support import BIN, Daemon, Netns, Rest, holds_for, openapi, wait_until
from support.lb_lab import configuration

TOKEN = "s3cret-token-of-the-test"
BY_MHD = b"<html>"  # an answer that libmicrohttpd gives by itself


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: network namespaces")
    unittest.enterModuleContext(unittest.enterModuleContext(Netns()).entered())


class Connection:
    """A raw one. What comes is kept in .text."""

    def __init__(self, rest, timeout=5):
        self.sock = rest.socket(timeout)
        self.text = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        """False when the other side has hung up."""
        try:
            self.sock.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def read(self, until=None):
        """All until the end, or that text. A reset is an end."""
        with contextlib.suppress(ConnectionResetError):
            while until is None or until not in self.text:
                more = self.sock.recv(65536)
                if not more:
                    break
                self.text += more
        return self.text

    def is_open(self):
        readable, _, _ = select.select([self.sock], [], [], 0)
        if not readable:
            return True
        with contextlib.suppress(ConnectionResetError):
            more = self.sock.recv(65536)
            self.text += more
            return bool(more)
        return False


class Hostile:
    """The tests; a class below gives each server."""

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="rest-"))
        with open(os.path.join(folder, "token"), "w", encoding="ascii") as f:
            f.write(TOKEN + "\n")
        cls.rest = cls.client(folder)
        cls.daemon = cls.enterClassContext(cls.start(folder))
        wait_until(lambda: cls.rest.request("GET", "/healthz")[0] == 200, 5, "the API")
        cls.api = openapi.Checker(openapi.Spec(cls.program.removeprefix("catchment-") + ".yaml"),
                                  cls.rest)
        wait_until(lambda: cls.descriptors() == cls.descriptors(), 5, "rest")
        cls.descriptors_at_rest = cls.descriptors()

    @classmethod
    def client(cls, folder):
        return Rest(os.path.join(folder, "api.sock"))

    @classmethod
    def api_conf(cls):
        return {"listen": "unix:api.sock"}

    @classmethod
    def descriptors(cls):
        return len(os.listdir(f"/proc/{cls.daemon.pid}/fd"))

    @classmethod
    def memory_kib(cls):
        with open(f"/proc/{cls.daemon.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    def tearDown(self):
        """Alive, serving, and nothing of what was opened is held. An end that comes together with
        a request's last bytes libmicrohttpd may miss: the time limit finds it."""
        self.assertTrue(self.daemon.is_running(), "the daemon has died")
        self.api.ask("GET", "/v1/status", 200)
        wait_until(lambda: self.descriptors() <= self.descriptors_at_rest, 15,
                   "connections are closed")

    def head(self, method="GET", target="/v1/status", fields=""):
        token = f"Authorization: Bearer {self.rest.token}\r\n" if self.rest.token else ""
        return f"{method} {target} HTTP/1.1\r\nHost: x\r\n{token}{fields}".encode()

    def exchange(self, data, close=True):
        """Send, and perhaps half-close; everything that comes back."""
        with Connection(self.rest) as c:
            if c.send(data) and close:
                with contextlib.suppress(OSError):
                    c.sock.shutdown(socket.SHUT_WR)
            return c.read()

    def expect_problem(self, answer, status, what):
        """The first answer is a whole problem document."""
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertIn(b"HTTP/1.1 %d " % status, head, what)
        self.assertIn(b"application/problem+json", head, what)
        body = body[:int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])]
        self.assertEqual(json.loads(body)["status"], status, what)

    # ---- what is asked ----

    def test_whatever_path_and_method(self):
        self.api.probe()

    def test_targets(self):
        for target, status in (("/v1/status%00", 404), ("/v1/%", 404), ("/v1/%zz", 404),
                               ("/v1/status/", 404), ("//v1/status", 404), ("/../v1/status", 404),
                               ("/v1/status;x", 404), ("/%2e%2e/etc/passwd", 404),
                               ("/v1/status?" + "a=1&" * 1000, 400), ("/v1/status?%00", 400),
                               ("/v1/status?a=%ff", 400), ("/v1/events?since=-1", 400),
                               ("/v1/events?since=1e3", 400), ("/v1/events?since=" + "9" * 30, 400),
                               ("/v1/events?since=1&since=1", 400), ("*", 400), ("v1", 400),
                               ("http://x", 400), ("/" + "a" * 8000, 404), ("/" + "a" * 9000, 414),
                               ("/v1/status?" + "a" * 9000, 414), ("/" + "%41" * 2700, 404)):
            with self.subTest(target=target[:60]):
                answer = self.exchange(self.head(target=target, fields="Connection: close\r\n\r\n"))
                self.expect_problem(answer, status, target[:60])

    def test_hosts(self):
        """Names of web pages are taken only where a token keeps their scripts out."""
        status = 200 if self.rest.token else 421
        for host in ("evil.example", "127.0.0.1.evil.example", "localhost.:8080", "a" * 999 + ".b"):
            got, fields, text = self.rest.request("GET", "/v1/status", None, {"Host": host})
            self.assertEqual(got, status, host)
            if got != 200:
                self.assertEqual(openapi.media_type(fields), openapi.PROBLEM)
                self.assertIn("Host", json.loads(text)["detail"])
        for host in ("localhost:8080", "127.0.0.1", "[::1]:8080", "fra"):
            self.assertEqual(self.rest.request("GET", "/v1/status", None, {"Host": host})[0], 200)

    def test_bodies_that_nobody_wants(self):
        """A GET with a body of any kind is a GET; other methods are 405 before their body counts."""
        for body in (b"{", b"\0" * 1000, b"[" * 5000, b'{"a":1,"a":2}', b"\xff\xfe"):
            self.assertEqual(self.rest.request("GET", "/v1/status", body)[0], 200)
            self.api.expect_problem("POST", "/v1/status", 405, body)
            self.api.expect_problem("PUT", "/nobody", 404, body)
        self.api.expect_problem("PUT", "/v1/status", 413, b"a" * 65537)
        self.api.expect_problem("PUT", "/v1/status", 413, b"a" * (1 << 20))

    def test_lengths_that_lie(self):
        too_long = self.exchange(self.head("PUT", fields="Content-Length: 99999999999\r\n\r\n{}"))
        self.expect_problem(too_long, 413, "declared")
        chunked = "Transfer-Encoding: chunked\r\n\r\n"
        whole = self.exchange(self.head("PUT", fields=chunked).replace(
            b"Transfer", b"Connection: close\r\nTransfer") + b"2\r\n{}\r\n0\r\n\r\n")
        self.expect_problem(whole, 405, "chunked")
        chunk = b"8000\r\n" + b"a" * 0x8000 + b"\r\n"
        over = self.exchange(self.head("PUT", fields=chunked).replace(
            b"Transfer", b"Connection: close\r\nTransfer") + chunk * 3 + b"0\r\n\r\n")
        self.expect_problem(over, 413, "chunked, too long")
        for bad in (b"zz\r\n", b"-1\r\n{}\r\n", b"2\r\n{}0\r\n\r\n",
                    b"fffffffffffffffffffffffff\r\n", chunk * 64):
            with self.subTest(chunk=bad[:20]):
                answer = self.exchange(self.head("PUT", fields=chunked) + bad)
                self.assertNotIn(b" 200 ", answer)

    def test_heads_that_are_none(self):
        """libmicrohttpd answers these or hangs up; none is taken for a request."""
        for data in (b"GET\r\n\r\n", b"GET /v1/status\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                     b"GET /v1/status HTTP/9.9\r\nHost: x\r\n\r\n",
                     b"GET /v1/status HTTP/1.1\r\n\r\n",
                     self.head(fields="Content-Length: -1\r\n\r\n"),
                     self.head(fields="Content-Length: 1x\r\n\r\n"),
                     self.head(fields="Content-Length: 99999999999999999999999\r\n\r\n"),
                     self.head(fields="X: " + "a" * 100000 + "\r\n\r\n"),
                     self.head(fields="X: a\r\n" * 9000 + "\r\n"),
                     self.head(target="/" + "a" * 100000, fields="\r\n")):
            with self.subTest(data=data[:40]):
                answer = self.exchange(data)
                self.assertTrue(not answer or BY_MHD in answer or b"problem+json" in answer,
                                answer[:200])

    # ---- how it is asked ----

    def test_pipelined_and_half_closed(self):
        with Connection(self.rest) as c:
            c.send(self.head(fields="\r\n") * 20 + self.head(target="/nobody", fields="\r\n"))
            c.sock.shutdown(socket.SHUT_WR)
            c.read(b"nothing at this path")
            answer = c.text
        self.assertEqual((answer.count(b"HTTP/1.1 200 OK"), answer.count(b"HTTP/1.1 404")), (20, 1))

    def test_hundred_at_once(self):
        """100 clients that stay, each with ten requests, good and bad mixed."""
        wrong = []

        def client(number):
            try:
                for i in range(10):
                    target, status = (("/v1/status", 200), ("/nobody", 404))[(number + i) % 2]
                    if self.rest.request("GET", target)[0] != status:
                        wrong.append((number, target))
            except OSError as error:
                wrong.append((number, error))

        threads = [threading.Thread(target=client, args=(n,)) for n in range(100)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])
        with contextlib.ExitStack() as stack:
            all_ = [stack.enter_context(Connection(self.rest)) for _ in range(100)]
            for c in all_:
                self.assertTrue(c.send(self.head(fields="\r\n")))
            for c in all_:
                self.assertIn(b"HTTP/1.1 200 OK", c.read(b"}\n"))

    def test_descriptors_run_out(self):
        """No more of them: those who are in are served, the loop does not spin, and then the
        rest is served too."""
        limit = resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE)
        with contextlib.ExitStack() as stack:
            inside = stack.enter_context(Connection(self.rest))
            inside.send(self.head(fields="\r\n"))
            inside.read(b"}\n")
            resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE,
                             (self.descriptors(), limit[1]))
            stack.callback(resource.prlimit, self.daemon.pid, resource.RLIMIT_NOFILE, limit)
            outside = [stack.enter_context(Connection(self.rest)) for _ in range(10)]
            for c in outside:
                c.send(self.head(fields="\r\n"))
            inside.text = b""
            inside.send(self.head(fields="\r\n"))
            self.assertIn(b"HTTP/1.1 200 OK", inside.read(b"}\n"))
            began = self.cpu_s()
            # Checks and sessions come and go: what they leave lets one or the other in.
            sockets = [c.sock for c in outside]
            holds_for(0.7, lambda: len(select.select(sockets, [], [], 0)[0]) < len(sockets),
                      "some have no answer")
            self.assertLess(self.cpu_s() - began, 0.3, "CPU seconds in 0.7 s")
            resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE, limit)
            for c in outside:
                self.assertIn(b"HTTP/1.1 200 OK", c.read(b"}\n"))

    def cpu_s(self):
        with open(f"/proc/{self.daemon.pid}/stat", encoding="ascii") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Slow:
    """Tests that take their time; once per transport is enough."""

    def test_requests_that_never_end(self):
        """Cut off by a half-close, or nothing that has an end, or noise: hung up on in 10 s."""
        rng = random.Random(7)
        good = self.head(fields="X: y\r\nContent-Length: 2\r\n\r\n{}") * 2
        bad = [b"\0\0\0\0", b"\r\n\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", good[:-1],
               self.head("PUT", fields="Content-Length: 100\r\n\r\n{}"),
               self.head("PUT", fields="Transfer-Encoding: chunked\r\n\r\n2"),
               self.head("PUT", fields="Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}")]
        for _ in range(100):
            data = bytearray(good)
            for _ in range(rng.randrange(1, 6)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            bad.append(bytes(data[:rng.randrange(1, len(data))]))
        with contextlib.ExitStack() as stack:
            all_ = [stack.enter_context(Connection(self.rest, 15)) for _ in bad * 2]
            for i, c in enumerate(all_):
                if c.send(bad[i % len(bad)]) and i < len(bad):
                    with contextlib.suppress(OSError):
                        c.sock.shutdown(socket.SHUT_WR)
            for c in all_:
                c.read()

    def test_slow_clients(self):
        """300 of them, a byte now and then, in the head or the body or none at all: others are
        served all the time, and after 10 s the slow ones are gone."""
        begun = [b"", self.head()[:20], self.head(fields="X: "),
                 self.head("PUT", fields="Content-Length: 9999\r\n\r\n{"),
                 self.head("PUT", fields="Transfer-Encoding: chunked\r\n\r\n2000\r\n{")]
        with contextlib.ExitStack() as stack:
            all_ = [stack.enter_context(Connection(self.rest)) for _ in range(300)]
            for i, c in enumerate(all_):
                c.send(begun[i % len(begun)])
            started, worst, served = time.monotonic(), 0, 0
            while any(c.is_open() for c in all_):
                self.assertLess(time.monotonic() - started, 25, "still open")
                for i, c in enumerate(all_):
                    if i % len(begun):
                        c.send(b"a")
                asked = time.monotonic()
                self.api.ask("GET", "/v1/status", 200)
                worst = max(worst, time.monotonic() - asked)
                served += 1
                time.sleep(0.2)  # the pace of the slow ones
            self.assertGreater(served, 20, "they were not slow")
            self.assertLess(worst, 4, "seconds that another one waited")
            for c in all_:
                self.assertNotIn(b" 200 ", c.text)

    def test_streams_that_nobody_reads(self):
        """As many as are let in, and events: memory stays where it is, others are served."""
        with contextlib.ExitStack() as stack:
            all_ = [stack.enter_context(Connection(self.rest)) for _ in range(140)]
            for c in all_:
                c.send(self.head(target="/v1/events?since=0", fields="\r\n"))
            firsts = [c.read(b"\r\n\r\n") for c in all_]
            self.assertEqual(sum(b"HTTP/1.1 200" in text for text in firsts), 128)
            for text, c in zip(firsts, all_):
                if b"HTTP/1.1 200" not in text:
                    self.expect_problem(c.read(b"}\n"), 503, "streams")
            before = self.memory_kib()
            for _ in range(50):
                self.api.ask("GET", "/v1/status", 200)
            self.assertLess(self.memory_kib() - before, 4096, "KiB more")
        # With the second comment at the latest: a TCP takes the first, and is reset for it.
        wait_until(lambda: self.descriptors() <= self.descriptors_at_rest, 40,
                   "streams without a reader are found out")


class OverTcp:
    """With a token."""

    @classmethod
    def client(cls, folder):
        return Rest(("127.0.0.1", cls.port), token=TOKEN)

    @classmethod
    def api_conf(cls):
        return {"listen": f"127.0.0.1:{cls.port}", "token_file": "token"}


class Lb:
    program, port = "catchment-lb", 8080

    @classmethod
    def start(cls, folder):
        return started(cls.program, configuration("", api=cls.api_conf()), folder)


class Geodns:
    program, port = "catchment-geodns", 8081

    @classmethod
    def start(cls, folder):
        with open(os.path.join(folder, "zone"), "w", encoding="ascii") as f:
            f.write("$TTL 60\n@ SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ NS ns1\n"
                    "ns1 A 127.0.0.1\n")
        pop = {"name": "fra", "at": [50.1, 8.7]}
        conf = {"version": 1, "listen": ["127.0.0.1:53"], "api": cls.api_conf(),
                "zones": [{"name": "lab.test", "file": "zone"}], "networks": [],
                "default_at": pop["at"], "pops": [pop],
                "names": [{"name": "*.geo.lab.test", "ttl": 1,
                           "pops": [{"pop": "fra", "a": ["198.18.33.1"]}]}]}
        return started(cls.program, conf, folder)


def started(program, conf, folder):
    path = os.path.join(folder, "conf.json")
    with open(path, "w", encoding="ascii") as f:
        json.dump(conf, f)
    return Daemon([os.path.join(BIN, program), "--config", path], cwd=folder)


class LbUnix(Lb, Hostile, unittest.TestCase):
    pass


class LbTcp(Lb, OverTcp, Slow, Hostile, unittest.TestCase):
    pass


class GeodnsUnix(Geodns, Slow, Hostile, unittest.TestCase):
    pass


class GeodnsTcp(Geodns, OverTcp, Hostile, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
