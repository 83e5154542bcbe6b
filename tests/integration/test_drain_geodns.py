#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drain of catchment-lb, and what nameservers say of the PoP from then on."""
import contextlib
import json
import os
import signal
import socket
import tempfile
import threading
import time
import unittest

from support.geodns_lab import (CHICAGO, PARIS, ROOT_ZONE, ZONE, Nameserver, configuration,
                                enter_namespace, files_write, kdig)
from support.lb_lab import Lab, wait_until
from support.rest import Rest

FRA, NYC, TTL = "198.18.33.1", "198.18.34.1", 30


def setUpModule():
    enter_namespace()


def nameserver(folder, name, **changes):
    conf = configuration(
        api={"listen": f"unix:{name}.sock"}, state_file=name + ".states",
        names=[{"name": "*.geo.lab.test", "ttl": TTL,
                "pops": [{"pop": "fra", "a": [FRA]}, {"pop": "nyc", "a": [NYC]}]}], **changes)
    conf.pop("checks")
    return Nameserver(conf, folder=folder, name=name)


def answer(client=PARIS):
    """(addresses, TTL) for a client of that network."""
    lines = [line.split() for line in kdig("x.geo.lab.test", "+subnet=" + client + "/24", "+noall",
                                           "+answer").splitlines()]
    lines = [line for line in lines if len(line) == 5 and line[3] == "A"]
    return [line[4] for line in lines], int(lines[0][1])


class FakeServer(threading.Thread):
    """A nameserver's API on TCP: answers with these statuses, one after the other."""

    def __init__(self, netns, statuses):
        super().__init__(daemon=True)
        self.sock = netns.socket(socket.AF_INET)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", 5380))
        self.sock.listen()
        self.statuses, self.requests = statuses, []
        self.start()

    def run(self):
        for status in self.statuses:
            peer = self.sock.accept()[0]
            with peer, peer.makefile("rb") as file:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += file.read(1)
                fields = dict(line.split(": ", 1) for line in head.decode().splitlines()[1:-1])
                body = json.loads(file.read(int(fields["Content-Length"])))
                self.requests.append((head.decode().splitlines()[0], fields, body))
                text = f"HTTP/1.1 {status} Whatever\r\nContent-Length: 2\r\n\r\n{{}}".encode()
                # Whoever has read what he wants hangs up.
                with contextlib.suppress(OSError):
                    for octet in text:
                        peer.send(bytes([octet]))


class MuteServer(threading.Thread):
    """A nameserver's API on TCP that accepts every connection, hears what is said, answers nothing.

    ended: for each connection, in seconds, how long it was held open by who made it."""

    def __init__(self, netns):
        super().__init__(daemon=True)
        self.sock = netns.socket(socket.AF_INET)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", 5381))
        self.sock.listen()
        self.heard, self.ended = [], []
        self.start()

    def stop(self):
        self.sock.shutdown(socket.SHUT_RDWR)  # which close() alone does not tell accept()
        self.join(5)
        self.sock.close()

    def run(self):
        while True:
            try:
                peer = self.sock.accept()[0]
            except OSError:
                return
            begun, heard = time.monotonic(), b""
            with peer:
                while octets := peer.recv(4096):
                    heard += octets
            self.ended.append(time.monotonic() - begun)
            self.heard.append(heard)


class DrainAndDns(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="drain-"))
        files_write(self.folder, zone=ZONE, root=ROOT_ZONE, more="included A 10.1.0.61\n")
        self.lab = Lab(birds=False)
        self.addCleanup(self.lab.close)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, *servers, **bgp):
        daemon = self.lab.start(bgp={"peers": [], **bgp}, drain={"geodns": list(servers)})
        wait_until(lambda: daemon.vip("anycast")["state"] == "up", what="up")
        return daemon, Rest(self.lab.socket)

    def told(self, rest):
        return [server["told"] for server in rest.get("/v1/drain")["nameservers"]]

    def test_answers_move_and_come_back(self):
        with nameserver(self.folder, "ns1") as ns1:
            daemon, rest = self.start({"api": "unix:" + self.path("ns1.sock")},
                                      {"api": "unix:" + self.path("ns2.sock")})
            self.assertEqual(answer(), ([FRA], TTL))
            self.assertEqual(rest.request("POST", "/v1/drain", {"grace_ms": 200})[0], 200)
            wait_until(lambda: self.told(rest)[0], what="told")
            self.assertEqual(answer(), ([NYC], TTL), "and whoever has asked before, asks within TTL")
            self.assertEqual(answer(CHICAGO)[0], [NYC])
            wait_until(lambda: rest.get("/v1/drain")["nameservers"][1]["reason"], what="tried")
            self.assertEqual(self.told(rest), [True, False])
            # One that comes later is told, too.
            with nameserver(self.folder, "ns2", listen=["10.1.0.77:53"]) as ns2:
                wait_until(lambda: self.told(rest) == [True, True], what="both told")
                for server in (ns1, ns2):
                    fra, = (p for p in server.rest.get("/v1/pops")["pops"] if p["pop"] == "fra")
                    self.assertEqual(fra["state"], "drain")
                self.assertEqual(rest.request("DELETE", "/v1/drain")[0], 200)
                wait_until(lambda: self.told(rest) == [True, True], what="undone at both")
                self.assertEqual(answer(), ([FRA], TTL))
            daemon.stop()

    def test_a_stop_that_drains(self):
        with nameserver(self.folder, "ns1"):
            daemon, _ = self.start({"api": "unix:" + self.path("ns1.sock")}, drain_ms=20000)
            self.assertEqual(answer()[0], [FRA])
            os.kill(daemon.process.pid, signal.SIGTERM)
            wait_until(lambda: answer()[0] == [NYC], what="moved")
            self.assertTrue(daemon.is_running(), "it drains still")
            os.kill(daemon.process.pid, signal.SIGTERM)
            daemon.process.wait(5)

    def test_one_that_never_answers(self):
        """It holds up neither the drain nor what the others are told, and it is said."""
        mute = MuteServer(self.lab.lb)
        self.addCleanup(mute.stop)
        with nameserver(self.folder, "ns1"):
            daemon, rest = self.start({"api": "127.0.0.1:5381"},
                                      {"api": "unix:" + self.path("ns1.sock")})
            rest.request("POST", "/v1/drain", {"grace_ms": 200})
            daemon.events({"kind": "drain_withdrawn"})
            wait_until(lambda: self.told(rest) == [False, True], what="the other one is told")
            self.assertEqual(answer()[0], [NYC])
            wait_until(lambda: len(mute.ended) >= 2, what="asked, given up, asked again")
            for heard, seconds in zip(mute.heard, mute.ended):
                self.assertIn(b"PUT /v1/pops/", heard)
                self.assertTrue(1.8 < seconds < 5, f"its time-out is 2 s, not {seconds}")
            said = rest.get("/v1/drain")["nameservers"][0]
            self.assertEqual((said["told"], said["reason"]), (False, "no answer"))
            line = "nameserver 127.0.0.1:5381: not told that we drain: no answer"
            self.assertEqual(daemon.log().count(line), 1, "once, not at every try")
            daemon.stop()

    def test_what_is_said_is_renewed(self):
        """What ends after 60 s is never near that while the drain lasts."""
        def left():
            fra, = (p for p in ns1.rest.get("/v1/pops")["pops"] if p["pop"] == "fra")
            said, = fra["statements"]
            return said["ends_in_s"]

        with nameserver(self.folder, "ns1") as ns1:
            _, rest = self.start({"api": "unix:" + self.path("ns1.sock")})
            rest.request("POST", "/v1/drain", {})
            wait_until(lambda: self.told(rest) == [True], what="told")
            self.assertLessEqual(left(), 60)
            for _ in range(2):
                before = wait_until(lambda: (s := left()) < 57 and s, what="time passes")
                wait_until(lambda b=before: left() > b, 10, "said again")
            self.assertEqual(answer()[0], [NYC])

    def test_what_is_said(self):
        """To one with a token and another name for us, that is busy at first."""
        with open(self.path("token"), "w", encoding="ascii") as file:
            file.write("secret\n")
        server = FakeServer(self.lab.lb, [503, 200, 200])
        self.addCleanup(server.sock.close)
        _, rest = self.start({"api": "127.0.0.1:5380", "token_file": self.path("token"),
                              "pop": "frankfurt"})
        rest.request("POST", "/v1/drain", {})
        wait_until(lambda: self.told(rest) == [True], what="told")
        rest.request("DELETE", "/v1/drain")
        wait_until(lambda: len(server.requests) == 3 and self.told(rest) == [True], what="undone")
        for (line, fields, body), state in zip(server.requests, ("drain", "drain", "auto")):
            self.assertEqual(line, "PUT /v1/pops/frankfurt/state HTTP/1.1")
            self.assertEqual(fields["Authorization"], "Bearer secret")
            self.assertEqual(fields["Content-Type"], "application/json")
            self.assertEqual((body["state"], body["source"]), (state, "catchment-lb"))
            self.assertGreater(body["ttl_s"], 0)


if __name__ == "__main__":
    unittest.main()
