#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""TTLs that shrink towards a change of a verdict, and until when explain says that caches hold the
answer of before."""

import datetime
import json
import os
import socket
import struct
import subprocess
import tempfile
import time
import unittest

from support import BIN, Daemon, Netns, Rest, wait_until

GEODNS = os.path.join(os.environ.get("CATCHMENT_BIN", BIN), "catchment-geodns")
SERVER, NAME = "10.1.0.53", "www.lab.test"
ZONE = "@ 600 SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ NS ns1\nns1 A 10.1.0.53\n"
TTL, TTL_MIN, INTERVAL_S, FALL = 60, 2, 2, 3


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: network namespaces")
    unittest.enterModuleContext(unittest.enterModuleContext(Netns()).entered())
    for addr in (SERVER, "10.200.1.1", "10.200.2.1"):
        subprocess.run(["ip", "addr", "add", addr + "/32", "dev", "lo"], check=True)


def ask():
    """(address, TTL)"""
    wire = b"".join(bytes([len(l)]) + l.encode() for l in NAME.split(".")) + b"\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.connect((SERVER, 53))
        sock.send(struct.pack(">6H", 7, 0, 1, 0, 0, 0) + wire + struct.pack(">HH", 1, 1))
        reply = sock.recv(4096)
    return socket.inet_ntoa(reply[-4:]), struct.unpack(">I", reply[-10:-6])[0]


class Ttl(unittest.TestCase):
    def test_shrinks_before_and_is_whole_again_after(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="geodns-"))
        conf = {
            "version": 1, "listen": [SERVER + ":53"], "api": {"listen": "unix:api.sock"},
            "zones": [{"name": "lab.test", "file": "zone"}], "default_at": [50.1, 8.7],
            "pops": [{"name": "fra", "at": [50.1, 8.7]}, {"name": "nyc", "at": [40.7, -74.0]}],
            "checks": {"port": {"type": "tcp", "port": 8053, "interval_ms": INTERVAL_S * 1000,
                                "fall": FALL}},
            "names": [{"name": NAME, "ttl": TTL, "ttl_min": TTL_MIN, "pops": [
                {"pop": "fra", "a": ["198.18.33.1"], "check": "port", "address": "10.200.1.1"},
                {"pop": "nyc", "a": ["198.18.34.1"], "check": "port", "address": "10.200.2.1"}]}]}
        for name, text in (("geodns.json", json.dumps(conf)), ("zone", ZONE)):
            with open(os.path.join(folder, name), "w") as f:
                f.write(text)
        listeners = [socket.create_server((addr, 8053), backlog=64)
                     for addr in ("10.200.1.1", "10.200.2.1")]
        for listener in listeners:
            self.addCleanup(listener.close)
        self.enterContext(Daemon([GEODNS, "--config", "geodns.json"], cwd=folder))
        rest = Rest(os.path.join(folder, "api.sock"))
        wait_until(lambda: rest.get("/healthz"), 5, "the API answers")
        target = f"/v1/explain?name={NAME}&client=192.0.2.1"
        self.assertIn(ask()[1], (INTERVAL_S, TTL), "the first result is near, or has come")
        wait_until(lambda: ask() == ("198.18.33.1", TTL), 5, "verdicts")
        self.assertIsNone(rest.get(target)["cached_until"])

        listeners[0].close()
        seen = []
        deadline = time.monotonic() + (FALL + 2) * INTERVAL_S + 5
        while time.monotonic() < deadline and (not seen or seen[-1][0] != "198.18.34.1"):
            now = ask()
            if not seen or seen[-1] != now:
                seen.append(now)
        changed = time.time()
        self.assertEqual(seen, [("198.18.33.1", TTL), ("198.18.33.1", 2 * INTERVAL_S),
                                ("198.18.33.1", INTERVAL_S), ("198.18.34.1", TTL)])
        explained = rest.get(target)
        self.assertEqual((explained["pop"], explained["ttl"]), ("nyc", TTL))
        until = datetime.datetime.fromisoformat(explained["cached_until"]).timestamp()
        # Whole TTLs were given until the first failure, two intervals before.
        self.assertAlmostEqual(until - changed, TTL - 2 * INTERVAL_S, delta=1.6)


if __name__ == "__main__":
    unittest.main()
