#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""catchment-geodns answering on the interface: the real daemon behind a veth, and the program
alone against answer() with 100 000 random queries."""
import contextlib
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from support import BIN, Daemon, Netns, Rest, ROOT, wait_until
from support.netns import veth

GEODNS = os.path.join(os.environ.get("CATCHMENT_BIN", BIN), "catchment-geodns")
DIFF = os.path.join(ROOT, "build/tools/xdp_diff")
PASS = os.path.join(ROOT, "build/tests/tools/pass.bpf.o")
NS4, NS6 = "192.0.2.53", "2001:db8:53::53"
ZONE = "@ 600 SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ NS ns1\nns1 A 192.0.2.53\n"
PARIS, CHICAGO = "100.64.0.0/24", "100.64.1.0/24"


def configuration(**changes):
    pops = [{"pop": "fra", "a": ["198.18.33.1"], "aaaa": ["2001:db8:1001::1"]},
            {"pop": "nyc", "a": ["198.18.34.1"], "aaaa": ["2001:db8:1002::1"]}]
    return {"version": 1, "listen": [NS4 + ":53", f"[{NS6}]:53"],
            "api": {"listen": "unix:api.sock"}, "zones": [{"name": "lab.test", "file": "zone"}],
            "pops": [{"name": "fra", "at": [50.1, 8.7]}, {"name": "nyc", "at": [40.7, -74.0]}],
            "networks": [{"prefix": PARIS, "at": [48.8, 2.3]},
                         {"prefix": CHICAGO, "at": [41.9, -87.6]}],
            "default_at": [50.1, 8.7], "xdp": {"interfaces": ["s0"], "mode": "native"},
            "names": [{"name": "*.geo.lab.test", "ttl": 30, "pops": pops},
                      {"name": "weighted.lab.test", "policy": "weighted", "pops": pops}],
            **changes}


@unittest.skipUnless(os.geteuid() == 0, "needs root: network namespaces and BPF")
class Fastpath(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Netns())
        self.client = self.enterContext(Netns())
        veth(self.server, "s0", [NS4 + "/24", NS6 + "/64"],
             self.client, "c0", ["192.0.2.10/24", "2001:db8:53::10/64"])
        # Without a program at this end, what the other end sends back by XDP does not arrive.
        self.client.ip(f"link set dev c0 xdp obj {PASS} sec xdp")
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="xdp-"))

    def write(self, conf):
        for name, text in (("geodns.json", json.dumps(conf)), ("zone", ZONE)):
            with open(os.path.join(self.folder, name), "w", encoding="ascii") as f:
                f.write(text)

    @contextlib.contextmanager
    def running(self, conf, before=()):
        self.write(conf)
        argv = [*before, GEODNS, "--config", "geodns.json"]
        with Daemon(argv, netns=self.server, name="catchment-geodns", cwd=self.folder) as daemon:
            self.rest = Rest(os.path.join(self.folder, "api.sock"))

            def is_ready():
                if not daemon.is_running():
                    raise AssertionError("ended: " + daemon.log())
                return self.rest.get("/healthz")["status"] == "ok" and "started" in daemon.log()

            wait_until(is_ready, 5, "the API answers")
            yield daemon
            self.assertEqual(daemon.stop(), 0)

    def metric(self, name):
        lines = self.rest.request("GET", "/metrics")[2].splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines
                   if line.startswith("catchment_geodns_" + name))

    def dig(self, *words, server=NS4):
        return self.client.run("dig", "@" + server, "+tries=1", "+timeout=2", *words)

    def short(self, *words, server=NS4):
        return self.dig("+short", "+nocookie", *words, server=server).split()

    def taken(self):
        """Queries that the program would answer, and did but where a veth's buffer cannot grow."""
        return self.metric("xdp_answered_total") + self.metric('xdp_passed_total{reason="room"}')

    def answered(self, count, words, server=NS4):
        """What is answered to one query, which the program must have taken count times."""
        before = self.taken()
        got = self.short(*words, server=server)
        self.assertEqual(self.taken() - before, count, (words, got))
        return got

    def test_both_families(self):
        """The kernel of the client checks both checksums, dig the rest."""
        with self.running(configuration()) as daemon:
            self.assertIn("xdp: s0: answers 1 names, native", daemon.log())
            for server in (NS4, NS6):
                for subnet, a, aaaa in ((PARIS, "198.18.33.1", "2001:db8:1001::1"),
                                        (CHICAGO, "198.18.34.1", "2001:db8:1002::1")):
                    words = ("+subnet=" + subnet, "u1.geo.lab.test")
                    self.assertEqual(self.answered(1, (*words, "A"), server), [a])
                    self.assertEqual(self.answered(1, (*words, "AAAA"), server), [aaaa])
                # A length that is odd, and no EDNS at all.
                self.assertEqual(self.answered(1, ("u12.geo.lab.test", "+noedns"), server),
                                 ["198.18.33.1"])
            out = self.dig("+nocookie", "+subnet=" + CHICAGO, "U1.gEo.lab.test")
            self.assertRegex(out, r"CLIENT-SUBNET: 100\.64\.1\.0/24/24\n")
            self.assertRegex(out, r"U1\.gEo\.lab\.test\.\s+30\s+IN\s+A\s+198\.18\.34\.1\n")
            self.assertRegex(out, r"flags: qr aa rd;")
            self.assertEqual(self.metric('answers_total{name="*.geo.lab.test",pop="fra"}'), 6)
            self.assertEqual(self.metric('answers_total{name="*.geo.lab.test",pop="nyc"}'), 5)
            self.assertEqual(self.metric('queries_total{transport="udp",family="ipv4"}'), 6)
            self.assertEqual(self.metric("geographic_total"), 11)
            self.assertGreaterEqual(self.metric("xdp_answered_total"), 8)

    def test_left_to_user_space(self):
        with self.running(configuration()):
            self.assertEqual(self.answered(0, ("ns1.lab.test",)), [NS4])
            self.assertEqual(self.metric('xdp_passed_total{reason="other"}'), 1)
            self.assertEqual(len(self.answered(0, ("weighted.lab.test",))), 1)
            self.assertEqual(self.metric('xdp_passed_total{reason="policy"}'), 1)
            self.assertEqual(self.answered(0, ("u1.geo.lab.test", "+nsid")), ["198.18.33.1"])
            self.assertEqual(self.metric('xdp_passed_total{reason="edns"}'), 1)
            self.assertEqual(self.answered(0, ("u1.geo.lab.test", "TXT")), [])
            self.assertEqual(self.metric('xdp_passed_total{reason="type"}'), 1)
            self.assertEqual(self.answered(0, ("u1.geo.lab.test", "+tcp")), ["198.18.33.1"])

    def say(self, pop, state):
        status = self.rest.request("PUT", f"/v1/pops/{pop}/state", {"state": state})[0]
        self.assertEqual(status, 200)

    def test_health(self):
        """Once a word about a PoP is answered, nobody is answered without it."""
        words = ("+subnet=" + PARIS, "u1.geo.lab.test")
        with self.running(configuration()):
            for _ in range(5):
                self.assertEqual(self.answered(1, words), ["198.18.33.1"])
                self.say("fra", "down")
                self.assertEqual(self.answered(1, words), ["198.18.34.1"])
                self.say("fra", "auto")

    def ask_on(self, stop, seen):
        """One query after the other; of each, the last octet but one of the address."""
        query = (b"\x12\x34\0\0\0\1\0\0\0\0\0\0\2u1\3geo\3lab\4test\0\0\1\0\1")
        with self.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(2)
            sock.connect((NS4, 53))
            while not stop.is_set():
                sock.send(query)
                try:
                    seen.append(sock.recv(600)[-2])
                except TimeoutError:
                    seen.append(None)

    def test_reload(self):
        """Another program takes the place of the first one: none is lost, counters go on."""
        conf, stop, seen = configuration(), threading.Event(), []
        with self.running(conf) as daemon:
            asking = threading.Thread(target=self.ask_on, args=(stop, seen))
            asking.start()
            try:
                for octet in (40, 41, 42):
                    conf["names"][0]["pops"][0]["a"] = [f"198.18.{octet}.1"]
                    self.write(conf)
                    self.rest.request("POST", "/v1/reload", {})
                    # The program is made in the background, which may have to wait for a core.
                    wait_until(lambda: octet in seen[-3:], 30, "the new address")
            finally:
                stop.set()
                asking.join()
            self.assertEqual(list(dict.fromkeys(seen)), [33, 40, 41, 42])
            self.assertEqual(self.taken(), len(seen))
            self.assertGreater(self.metric("xdp_answered_total"), 0.9 * len(seen))
            self.assertEqual(self.metric('answers_total{name="*.geo.lab.test",pop="fra"}'),
                             len(seen))
            self.assertEqual(self.rest.get("/v1/status")["xdp"][0]["mode"], "native")
            conf["names"][0]["policy"] = "weighted"
            self.write(conf)
            self.rest.request("POST", "/v1/reload", {})
            wait_until(lambda: "no name that it could answer" in daemon.log(), 5, "it is off")
            self.assertEqual(len(self.answered(0, ("u1.geo.lab.test",))), 1)
            self.assertNotIn("xdp", self.server.ip("link show s0"))

    def test_gone_with_the_process(self):
        with self.running(configuration()) as daemon:
            self.assertIn("xdp", self.server.ip("link show s0"))
        self.assertNotIn("xdp", self.server.ip("link show s0"))
        self.write(configuration())
        with Daemon([GEODNS, "--config", "geodns.json"], netns=self.server,
                    cwd=self.folder) as daemon:
            wait_until(lambda: "xdp: s0: answers" in daemon.log(), 5, "it is on")
            daemon.kill()
        wait_until(lambda: "xdp" not in self.server.ip("link show s0"), 5, "it is off")

    def is_off(self, daemon, reason):
        lines = [line for line in daemon.log().splitlines() if "xdp" in line]
        self.assertEqual(len(lines), 1, lines)
        self.assertRegex(lines[0], reason)
        place, = self.rest.get("/v1/status")["xdp"]
        self.assertIsNone(place["mode"])
        self.assertRegex(lines[0], place["why"])
        self.assertEqual(self.answered(0, ("u1.geo.lab.test",)), ["198.18.33.1"])

    def test_without_privileges(self):
        drop = ("setpriv", "--bounding-set=-bpf,-net_admin,-sys_admin,-perfmon",
                "--inh-caps=-bpf,-net_admin,-sys_admin,-perfmon")
        with self.running(configuration(), before=drop) as daemon:
            self.is_off(daemon, "xdp: off, user space answers: Operation not permitted")

    def test_without_the_interface(self):
        conf = configuration(xdp={"interfaces": ["s9"]})
        with self.running(conf) as daemon:
            self.is_off(daemon, "xdp: s9: off, user space answers: No such device")

    def test_where_it_may_not_be(self):
        conf = configuration(listen=["0.0.0.0:53"])
        with self.running(conf) as daemon:
            self.is_off(daemon, "xdp: off, user space answers: listen has no address but")

    def test_generic(self):
        """What a veth gets by itself: it works whatever is at the other end."""
        conf = configuration(xdp={"interfaces": ["s0"]})
        self.client.ip("link set dev c0 xdp off")
        with self.running(conf) as daemon:
            self.assertIn("xdp: s0: answers 1 names, generic", daemon.log())
            for server in (NS4, NS6):
                self.assertEqual(self.short("u1.geo.lab.test", server=server), ["198.18.33.1"])
            self.assertEqual(self.taken(), 2)
            place = {"interface": "s0", "mode": "generic", "why": None}
            self.assertEqual(self.rest.get("/v1/status")["xdp"], [place])
            self.server.ip("link delete s0")
            place.update(mode=None, why="No such device")
            self.assertEqual(self.rest.get("/v1/status")["xdp"], [place])

    def flood(self, source, count):
        """(whole, short) answers to so many queries at once, of which some get none."""
        query = b"\x12\x34\0\0\0\1\0\0\0\0\0\0\2u1\3geo\3lab\4test\0\0\1\0\1"
        before = self.metric("queries_total")
        with self.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((source, 0))
            for _ in range(count):
                sock.sendto(query, (NS4, 53))
            wait_until(lambda: self.metric("queries_total") - before == count, 5, "all are counted")
            replies = []
            with contextlib.suppress(BlockingIOError):
                while True:
                    replies.append(sock.recv(600, socket.MSG_DONTWAIT))
        short = [reply for reply in replies if reply[2] & 2]
        self.assertEqual({reply[2:] for reply in short}, {b"\x82\0" + query[4:]} if short else set())
        return len(replies) - len(short), len(short)

    def test_rate_limit(self):
        """Of a network's queries so many are answered, each second one above that with TC; who is
        exempt is, and the nameserver's own answers are counted by itself."""
        conf = configuration(xdp={"interfaces": ["s0"]}, rate_limit={
            "per_second": 1, "burst": 10, "slip": 2, "exempt": ["192.0.2.11/32"]})
        self.client.ip("addr add 192.0.2.11/24 dev c0")
        with self.running(conf) as daemon:
            self.assertIn("xdp: s0: answers 1 names, generic", daemon.log())
            started = time.monotonic()
            whole, short = self.flood("192.0.2.10", 100)
            most = 10 + int(time.monotonic() - started) + 1
            self.assertTrue(10 <= whole <= most, whole)
            self.assertEqual(short, (100 - whole) // 2)
            self.assertEqual(self.metric("xdp_answered_total"), whole)
            self.assertEqual(self.metric("limited_total"), 100 - whole)
            self.assertEqual(self.metric("unanswered_total"), 100 - whole - short)
            self.assertEqual(self.flood("192.0.2.11", 50), (50, 0))
            self.assertEqual(self.short("ns1.lab.test"), [NS4])
            self.assertEqual(self.short("u1.geo.lab.test", server=NS6), ["198.18.33.1"])


@unittest.skipUnless(os.geteuid() == 0, "needs root: BPF_PROG_TEST_RUN")
class Differential(unittest.TestCase):
    def diff(self, *argv):
        done = subprocess.run([DIFF, "100000", *argv], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        seen = json.loads(done.stdout)
        self.assertEqual(seen["answered"], seen["counted"])
        self.assertEqual(seen["ecs"], seen["counted_ecs"])
        return seen

    def test_against_answer(self):
        for seed in ("1", "2", "3", "4"):
            seen = self.diff(seed)
            self.assertGreater(min(seen["answered"]), 5000)
            self.assertEqual(seen["left"] + sum(seen["answered"]), 100000)
            for reason in ("length", "header", "name", "type", "edns", "other", "policy", "empty"):
                self.assertGreater(seen["reasons"][reason], 100, reason)
            self.assertEqual(seen["reasons"]["signed"], 0)

    def test_with_a_rate_limit(self):
        seen = self.diff("5", "limited")
        self.assertEqual((seen["short"] + seen["dropped"], seen["dropped"]),
                         (seen["counted_limited"], seen["counted_dropped"]))
        self.assertLessEqual(abs(seen["short"] - seen["dropped"]), os.cpu_count())
        self.assertGreater(min(seen["short"], seen["exempt"]), 1000)
        self.assertGreater(seen["often"], 5)

    def test_in_a_signed_zone(self):
        """Who wants signatures is left; all others get what they get without keys."""
        seen = self.diff("6", "signed")
        self.assertGreater(min(seen["answered"]), 5000)
        self.assertGreater(seen["reasons"]["signed"], 1000)


if __name__ == "__main__":
    unittest.main()
