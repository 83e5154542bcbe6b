#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators and PoPs say about PoPs, seen in the answers of a catchment-geodns: over restarts,
reloads and the end of what ends by itself."""

import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest

from support import BIN, Daemon, Netns, Rest, wait_until

GEODNS = os.path.join(os.environ.get("CATCHMENT_BIN", BIN), "catchment-geodns")
SERVER = "10.1.0.53"
ZONE = """
@ 600 SOA ns1 hostmaster 1 7200 3600 1209600 60
@ NS ns1
ns1 A 10.1.0.53
"""
ADDRS = {"fra": "198.18.33.1", "nyc": "198.18.34.1", "sin": "198.18.35.1"}
PLACES = {"fra": [50.1, 8.7], "nyc": [40.7, -74.0], "sin": [1.35, 103.8]}
NAME = "www.lab.test"


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: network namespaces")
    unittest.enterModuleContext(unittest.enterModuleContext(Netns()).entered())
    subprocess.run(["ip", "addr", "add", SERVER + "/32", "dev", "lo"], check=True)


def ask(name=NAME):
    """The addresses of the answer."""
    wire = b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.connect((SERVER, 53))
        sock.send(struct.pack(">6H", 7, 0, 1, 0, 0, 0) + wire + struct.pack(">HH", 1, 1))
        reply = sock.recv(4096)
    count = struct.unpack(">H", reply[6:8])[0]
    return [socket.inet_ntoa(reply[len(reply) - 16 * n:][12:16]) for n in range(count, 0, -1)]


def pop_of(addrs):
    return {addr: pop for pop, addr in ADDRS.items()}[addrs[0]] if addrs else None


class Pops(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="geodns-"))
        targets = [{"pop": pop, "a": [ADDRS[pop]]} for pop in ADDRS]
        self.write({
            "version": 1, "listen": [SERVER + ":53"], "api": {"listen": "unix:api.sock"},
            "state_file": "states.json", "zones": [{"name": "lab.test", "file": "zone"}],
            "pops": [{"name": pop, "at": at} for pop, at in PLACES.items()],
            "default_at": [50.1, 8.7],
            "names": [{"name": NAME, "pops": targets},
                      {"name": "strict.lab.test", "pops": targets, "when_all_down": "none"}]})
        with open(os.path.join(self.folder, "zone"), "w") as f:
            f.write(ZONE)
        self.rest = Rest(os.path.join(self.folder, "api.sock"))

    def write(self, conf):
        self.conf = conf
        with open(os.path.join(self.folder, "geodns.json"), "w") as f:
            json.dump(conf, f)

    def server(self):
        daemon = Daemon([GEODNS, "--config", "geodns.json"], cwd=self.folder)
        self.enterContext(daemon)
        wait_until(lambda: self.rest.get("/healthz"), 5, "the API answers")
        return daemon

    def say(self, pop, state, **more):
        status, _, text = self.rest.request("PUT", f"/v1/pops/{pop}/state",
                                            {"state": state, **more})
        self.assertEqual(status, 200, text)
        return json.loads(text)

    def test_states_and_answers(self):
        self.server()
        self.assertEqual(pop_of(ask()), "fra")
        self.say("fra", "drain")
        self.assertEqual(pop_of(ask()), "nyc")
        self.say("nyc", "down")
        self.assertEqual(pop_of(ask()), "sin")
        self.say("sin", "down")
        self.assertEqual(pop_of(ask()), "fra", "a drained PoP before one that is down")
        self.assertEqual(ask("strict.lab.test"), [])
        explained = self.rest.get(f"/v1/explain?name={NAME}&client=192.0.2.1")
        self.assertEqual({o["pop"]: o["said"] for o in explained["order"]},
                         {"fra": "drain", "nyc": "down", "sin": "down"})
        self.assertIn("drained", explained["why"])
        self.say("nyc", "auto")
        self.assertEqual(pop_of(ask()), "nyc")
        self.assertEqual(pop_of(ask("strict.lab.test")), "nyc")

    def test_survives_restart_and_kill(self):
        daemon = self.server()
        self.say("fra", "drain")
        self.say("sin", "down", ttl_s=3600)
        self.say("nyc", "down", source="nyc-lb", ttl_s=3600)
        daemon.kill()
        daemon = self.server()
        states = {p["pop"]: p["state"] for p in self.rest.get("/v1/pops")["pops"]}
        self.assertEqual(states, {"fra": "drain", "nyc": "auto", "sin": "down"})
        self.assertEqual(pop_of(ask()), "nyc")
        left = self.rest.get("/v1/pops/sin")["statements"][0]["ends_in_s"]
        self.assertTrue(3590 <= left <= 3601, left)
        self.say("fra", "auto")
        self.say("sin", "auto")
        self.assertEqual(daemon.stop(), 0)
        self.server()
        self.assertEqual(pop_of(ask()), "fra")

    def test_ends_by_itself(self):
        self.server()
        begun = time.monotonic()
        self.say("fra", "down", source="fra-lb", ttl_s=2)
        self.assertEqual(pop_of(ask()), "nyc")
        wait_until(lambda: time.monotonic() > begun + 1, 5, "half of it")
        self.say("fra", "down", source="fra-lb", ttl_s=2)
        wait_until(lambda: pop_of(ask()) == "fra", 10, "it has ended")
        took = time.monotonic() - begun
        self.assertTrue(2.9 < took < 4.5, "%.2f s: said again after one" % took)
        with self.rest.events(since=0) as events:
            said = [e for _, e in zip(range(2), (e for e in events if e["kind"] == "pop_state"))]
        self.assertEqual([(e["state"], e["said"], e["source"]) for e in said],
                         [("down", "down", "fra-lb"), ("auto", "auto", "fra-lb")])

    def test_operator_wins(self):
        self.server()
        self.say("fra", "down", source="fra-lb", ttl_s=3600)
        self.assertEqual(pop_of(ask()), "nyc")
        self.say("fra", "up")
        self.assertEqual(pop_of(ask()), "fra")
        self.say("fra", "auto")
        self.assertEqual(pop_of(ask()), "nyc")

    def test_reload_keeps_them_by_name(self):
        daemon = self.server()
        self.say("fra", "drain")
        self.write(dict(self.conf, pops=self.conf["pops"][::-1]))
        os.kill(daemon.pid, signal.SIGHUP)
        wait_until(lambda: self.rest.get("/v1/reload")["state"] == "applied", 5, "reloaded")
        self.assertEqual([(p["pop"], p["state"]) for p in self.rest.get("/v1/pops")["pops"]],
                         [("sin", "auto"), ("nyc", "auto"), ("fra", "drain")])
        self.assertEqual(pop_of(ask()), "nyc")

    def test_damaged_file(self):
        """Nobody serves what an operator may have forbidden."""
        for text, wrong in (("{", "states.json"), ('{"version":1,"pops":[{"pop":"fra"}]}', "state"),
                            ("", "states.json")):
            with open(os.path.join(self.folder, "states.json"), "w") as f:
                f.write(text)
            for check in ([], ["--check"]):
                out = subprocess.run([GEODNS, "--config", "geodns.json", *check], timeout=5,
                                     capture_output=True, text=True, cwd=self.folder)
                self.assertEqual(out.returncode, 2, out.stderr)
                self.assertIn(wrong, out.stderr)

    def test_file_that_is_there_but_cannot_be_read(self):
        os.symlink("states.json", os.path.join(self.folder, "states.json"))
        out = subprocess.run([GEODNS, "--config", "geodns.json"], capture_output=True, text=True,
                             timeout=5, cwd=self.folder)
        self.assertEqual((out.returncode, out.stderr),
                         (2, "./states.json: cannot open: Too many levels of symbolic links\n"))

    def test_start_tells_what_was_said_before_and_what_cannot_be(self):
        daemon = self.server()
        self.say("fra", "drain")
        daemon.kill()
        self.assertIn("pop fra: operator says drain, since before this start", self.server().log())
        self.write(dict(self.conf, state_file="nowhere/states.json", listen=[SERVER + ":54"],
                        api={"listen": "unix:other.sock"}))
        daemon = Daemon([GEODNS, "--config", "geodns.json"], cwd=self.folder)
        self.enterContext(daemon)
        wait_until(lambda: "started" in daemon.log(), 5, "it runs all the same")
        self.assertIn("nowhere: No such file or directory", daemon.log())


if __name__ == "__main__":
    unittest.main()
