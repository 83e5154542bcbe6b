# SPDX-License-Identifier: GPL-3.0-or-later
"""catchment-geodns as its users meet it: kdig, a real Unbound, raw sockets, health targets that
die. Everything lives in a network namespace that this process makes for itself."""
import os
import signal
import socket
import struct
import time
import unittest

from support import openapi, wait_until
from support.geodns_lab import (ASIDE, CHICAGO, GEODNS, NS4, NS6, PARIS, RESOLVER, STUB, TARGETS,
                                Nameserver, Target, Unbound, configuration, enter_namespace, kdig,
                                query, short)


def setUpModule():
    enter_namespace()


class Geodns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.targets = {}
        for pop in TARGETS:
            cls.target_start(pop)
        cls.server = cls.enterClassContext(Nameserver(configuration()))
        cls.all_up()

    @classmethod
    def target_start(cls, pop, says=None):
        cls.targets[pop] = cls.enterClassContext(Target(pop, says))

    @classmethod
    def all_up(cls):
        wait_until(lambda: set(cls.server.states().values()) == {"up"}, 5, "all targets are up")

    def tearDown(self):
        self.assertTrue(self.server.daemon.is_running(), "the daemon has died")

    # ---- what is answered ----

    def test_client_subnet_decides_and_scope_is_told(self):
        out = kdig("u1.geo.lab.test", "+subnet=100.64.1.0/24", "+nsid")
        self.assertIn("198.18.34.1", out)
        self.assertIn("CLIENT-SUBNET: 100.64.1.0/24/24", out)
        self.assertIn('"ns1"', out)
        out = kdig("u1.geo.lab.test", "+subnet=100.64.0.0/16")
        self.assertIn("198.18.33.1", out)
        self.assertIn("CLIENT-SUBNET: 100.64.0.0/16/24", out)

    def test_resolver_address_decides_without(self):
        for source, a, aaaa in ((PARIS, "198.18.33.1", "2001:db8:1001::1"),
                                (CHICAGO, "198.18.34.1", "2001:db8:1002::1")):
            self.assertEqual(short("u1.geo.lab.test", "-b", source), [a])
            self.assertEqual(short("u1.geo.lab.test", "AAAA", "-b", source), [aaaa])

    def test_case_is_kept_and_does_not_count(self):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(2)
        sock.connect((NS4, 53))
        sock.send(query("u1.GEO.lAb.teST"))
        reply = sock.recv(4096)
        sock.close()
        self.assertIn(b"\x02u1\x03GEO\x03lAb\x04teST\0", reply)
        self.assertIn(socket.inet_aton("198.18.33.1"), reply)

    def test_both_families_and_transports(self):
        for server in (NS4, NS6):
            for tcp in ("+notcp", "+tcp"):
                self.assertEqual(short("ns1.lab.test", tcp, server=server), [NS4])

    def test_chain_delegation_and_negatives(self):
        self.assertEqual(short("www.lab.test", "-b", PARIS), ["home.geo.lab.test.", "198.18.33.1"])
        out = kdig("x.deleg.lab.test")
        self.assertNotIn(" aa", out.split("\n")[1])
        self.assertIn("10.1.0.60", out.split("ADDITIONAL SECTION")[1])
        out = kdig("nothing.lab.test")
        self.assertIn("status: NXDOMAIN", out)
        self.assertRegex(out, r"lab\.test\.\s+60\s+IN\s+SOA")
        out = kdig("ent.lab.test")
        self.assertIn("status: NOERROR", out)
        self.assertRegex(out, r"lab\.test\.\s+60\s+IN\s+SOA")
        self.assertEqual(short("included.lab.test"), ["10.1.0.61"])
        self.assertIn("status: REFUSED", kdig("example.org"))
        self.assertIn("REFUSED", kdig("lab.test", "AXFR"))

    def test_truncated_over_udp_whole_over_tcp(self):
        out = kdig("big.lab.test", "+ignore", "+bufsize=1232")
        self.assertIn(" tc", out.split("\n")[1])
        self.assertNotIn("10.2.0.", out)
        self.assertEqual(len(short("big.lab.test")), 100)

    # ---- health ----

    def test_a_dead_target_moves_the_answer_and_back(self):
        before = time.monotonic_ns()
        self.targets["fra"].kill()
        wait_until(lambda: short("u1.geo.lab.test", "-b", PARIS) == ["198.18.34.1"], 5,
                   "the other PoP is answered")
        self.assertEqual(short("u1.geo.lab.test", "AAAA", "-b", PARIS), ["2001:db8:1002::1"])
        events = self.server.events(before, "record_changed", 2)
        kinds = [e["kind"] for e in events]
        self.assertEqual(kinds, ["check_down", "pop_down", "pop_down", "record_changed",
                                 "record_changed"])
        self.assertEqual({e["name"] for e in events[1:3]}, {"*.geo.lab.test", "strict.lab.test"})
        self.assertEqual(events[0]["target"], TARGETS["fra"] + ":8053")
        self.assertIn("refused", events[0]["reason"])
        self.assertEqual(events[3]["state"], "down")
        detection = (events[0]["t_ns"] - before) / 1e6
        self.assertTrue(150 < detection < 900, "three checks at 100 ms: %g ms" % detection)

        explained = self.server.rest.get("/v1/explain?name=u1.geo.lab.test&client=100.64.0.7")
        self.assertEqual((explained["pop"], explained["network"], explained["scope"]),
                         ("nyc", "100.64.0.0/24", 24))
        self.assertEqual([(o["pop"], o["state"]) for o in explained["order"]],
                         [("fra", "down"), ("nyc", "up")])

        self.target_start("fra")
        wait_until(lambda: short("u1.geo.lab.test", "-b", PARIS) == ["198.18.33.1"], 5, "it is back")

    def test_a_target_that_answers_for_another_pop_is_down(self):
        self.targets["fra"].kill()
        self.target_start("fra", says="nyc")
        wait_until(lambda: self.server.states()["fra"] == "down", 5, "fra is down")
        self.targets["fra"].kill()
        self.target_start("fra")
        self.all_up()

    def test_all_down(self):
        for t in self.targets.values():
            t.kill()
        wait_until(lambda: set(self.server.states().values()) == {"down"}, 5, "both are down")
        self.assertEqual(short("u1.geo.lab.test", "-b", CHICAGO), ["198.18.34.1"], "all: nearest")
        out = kdig("strict.lab.test")
        self.assertIn("status: NOERROR", out)
        self.assertIn("SOA", out, "none: NODATA")
        for pop in TARGETS:
            self.target_start(pop)
        self.all_up()

    # ---- what should not hurt ----

    def test_malformed_packets(self):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(2)
        sock.connect((NS4, 53))
        good = query("u1.geo.lab.test")
        for n in range(len(good)):
            sock.send(good[:n])
        for junk in (b"\xff" * 512, b"\0" * 12, b"\xc0\x0c" * 300, os.urandom(1200), b"x" * 5000):
            sock.send(junk)
        opt = b"\0\0\x29\x04\xd0\0\0\0\0"
        bad = query("lab.test", extra=opt + b"\0\x08\0\x08\0\x07\0\x01")
        sock.send(bad[:11] + b"\x01" + bad[12:])
        sock.send(query("u1.geo.lab.test", ident=0xbeef))
        while struct.unpack(">H", sock.recv(4096)[:2])[0] != 0xbeef:
            pass
        sock.close()

    def test_source_port_0_is_dropped(self):
        before = self.server.metric("unanswered_total")
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        packet = query("ns1.lab.test")
        raw.sendto(struct.pack(">4H", 0, 53, 8 + len(packet), 0) + packet, (NS4, 0))
        raw.close()
        wait_until(lambda: self.server.metric("unanswered_total") == before + 1, 5,
                   "it is counted")

    # ---- with a real resolver in front ----

    def test_unbound_caches_for_the_ttl(self):
        with Unbound("", STUB):
            self.assertEqual(short("u7.GEO.lab.test", server=RESOLVER), ["198.18.34.1"],
                             "from Chicago")
            self.assertEqual(len(short("big.lab.test", "+tcp", server=RESOLVER)), 100)
            asked = self.server.metric("geographic_total")
            begun = time.monotonic()
            self.assertEqual(short("u8.geo.lab.test", server=RESOLVER), ["198.18.34.1"])
            self.assertEqual(self.server.metric("geographic_total"), asked + 1)

            def asks_again():
                short("u8.geo.lab.test", server=RESOLVER)
                return self.server.metric("geographic_total") > asked + 1

            wait_until(asks_again, 4, "asked again")
            self.assertGreater(time.monotonic() - begun, 0.95, "not before the TTL of 1 s")
            self.assertIn("NXDOMAIN", kdig("nothing.lab.test", server=RESOLVER))

    def test_unbound_keeps_client_subnets_apart(self):
        before = self.server.metric("ecs_total")
        server = " send-client-subnet: %s\n max-client-subnet-ipv4: 24" % NS4
        with Unbound(server, STUB, "subnetcache iterator"):
            for source, a in ((PARIS, "198.18.33.1"), (CHICAGO, "198.18.34.1"),
                              (PARIS, "198.18.33.1")):
                self.assertEqual(short("u9.geo.lab.test", "-b", source, server=RESOLVER), [a])
            self.assertGreaterEqual(self.server.metric("ecs_total"), before + 2)

    def test_unbound_from_a_root_of_ours(self):
        conf = configuration(listen=[ASIDE + ":53"], names=[], checks={},
                             zones=[{"name": ".", "file": "root"}])
        with Nameserver(conf), Unbound(" root-hints: hints", ""):
            self.assertEqual(short("u1.geo.lab.test", server=RESOLVER), ["198.18.34.1"])
            self.assertIn("NXDOMAIN", kdig("nothing.lab.test", server=RESOLVER))
            self.assertIn("NXDOMAIN", kdig("x.example", server=RESOLVER))

    # ---- the API ----

    def test_api(self):
        """docs/api/geodns.yaml is what is answered: every path, status, key and kind of event."""
        with Nameserver(configuration(listen=[ASIDE + ":53"])) as server:
            api = openapi.Checker(openapi.Spec("geodns.yaml"), server.rest)
            for path in ("/healthz", "/v1/names", "/v1/status"):  # with checks unknown, perhaps
                api.ask("GET", path, 200)
            wait_until(lambda: server.rest.get("/v1/status")["checks"]["up"] == 2, 5, "checks")
            api.probe()
            self.check_answers(server, api)
            self.targets["fra"].kill()
            wait_until(lambda: server.states()["fra"] == "down", 5, "fra down")
            self.assertEqual(self.explain(api)["pop"], "nyc")
            self.target_start("fra")
            self.check_pops(server, api)
            self.check_reload(server, api)
            wait_until(lambda: server.states()["fra"] == "up", 5, "fra up")
            with api.stream("/v1/events", since=0) as events:
                server.daemon.signal(signal.SIGTERM)
                ids = [event["id"] for event in events]
            self.assertEqual(ids, list(range(1, len(ids) + 1)))
            api.finish()
        self.all_up()

    @staticmethod
    def explain(api):
        return api.ask("GET", "/v1/explain", 200,
                       query={"name": "u1.geo.lab.test", "client": "100.64.0.0/24"})

    def check_pops(self, server, api):
        said = {"name": "fra"}
        for wrong in (None, {}, {"state": "gone"}, {"state": "up", "x": 1}, {"state": "up", "ttl_s": 0},
                      {"state": "up", "source": "a b"}, {"state": "up", "source": "lb"}):
            api.ask("PUT", "/v1/pops/{name}/state", 422, said, body=wrong)
        for i in range(17):
            api.ask("PUT", "/v1/pops/{name}/state", 200 if i < 16 else 409, said,
                    body={"state": "up", "source": "s%d" % i, "ttl_s": 3600})
        for i in range(16):
            api.ask("PUT", "/v1/pops/{name}/state", 200, said,
                    body={"state": "auto", "source": "s%d" % i})
        api.ask("PUT", "/v1/pops/{name}/state", 404, {"name": "xx"}, body={"state": "up"})
        api.ask("GET", "/v1/pops/{name}", 404, {"name": "xx"})
        blocker = os.path.join(server.folder, "states.new")
        os.mkdir(blocker)
        api.ask("PUT", "/v1/pops/{name}/state", 500, said, body={"state": "down"})
        os.rmdir(blocker)
        self.assertEqual(api.ask("GET", "/v1/pops/{name}", 200, said)["state"], "auto")
        pop = api.ask("PUT", "/v1/pops/{name}/state", 200, said, body={"state": "drain"})
        self.assertEqual(pop["statements"], [{"source": "operator", "state": "drain",
                                              "ends_in_s": None, "lasting": True}])
        self.assertEqual([p["state"] for p in api.ask("GET", "/v1/pops", 200)["pops"]],
                         ["drain", "auto"])
        self.assertEqual(api.ask("GET", "/v1/status", 200)["pops_said"], 1)
        api.ask("PUT", "/v1/pops/{name}/state", 200, said, body={"state": "auto"})

    def check_reload(self, server, api):
        """One that is applied, then one that is refused."""
        self.assertEqual(api.ask("GET", "/v1/reload", 200)["state"], "none")
        api.ask("POST", "/v1/reload", 422, body={"x": 1})
        for state in ("applied", "refused"):
            number = api.ask("POST", "/v1/reload", 202, body={})["reload"]

            def is_over():
                told = server.rest.get("/v1/reload")
                return told["reload"] == number and told["state"] != "loading"
            wait_until(is_over, 5, "its end")
            self.assertEqual(api.ask("GET", "/v1/reload", 200)["state"], state)
            if state == "applied":
                os.unlink(os.path.join(server.folder, "zone"))

    def check_answers(self, server, api):
        status = api.ask("GET", "/v1/status", 200)
        self.assertEqual(status["checks"], {"up": 2, "down": 0, "unknown": 0})
        self.assertEqual(len(api.ask("GET", "/v1/names", 200)["names"]), 2)
        first = api.ask("GET", "/v1/names", 200, query={"limit": 1})
        self.assertEqual(len(api.ask("GET", "/v1/names", 200,
                                     query={"after": first["next"]})["names"]), 1)
        api.ask("GET", "/v1/names", 400, query={"limit": 0})
        api.ask("GET", "/v1/names/{name}", 200, {"name": "*.geo.lab.test"})
        for wrong in ("x.lab.test", "u1.geo.lab.test", "..", "a" * 64 + ".lab.test", "/"):
            api.ask("GET", "/v1/names/{name}", 404, {"name": wrong})
        self.assertEqual(self.explain(api)["pop"], "fra")
        good = {"name": "a.geo.lab.test", "client": "10.0.0.1"}
        for wrong in ({"name": "ns1.lab.test"}, {"name": "geo.lab.test"}, {"name": "example.org"}):
            api.ask("GET", "/v1/explain", 404, query={**good, **wrong})
        for wrong in ({"name": "a..b"}, {"name": "a" * 64}, {"name": ".".join(["a" * 60] * 5)},
                      {"client": ""}, {"client": "10.0.0.1/33"}, {"client": "10.0.0.256"}):
            api.ask("GET", "/v1/explain", 400, query={**good, **wrong})
        for missing in good:
            api.ask("GET", "/v1/explain", 400, query={missing: good[missing]})
        self.assertIn("catchment_geodns_check_up{", api.ask("GET", "/metrics", 200))
        self.assertEqual(server.metric("check_up"), 2)
        with open("/proc/%d/status" % server.daemon.pid) as f:
            rss = [int(line.split()[1]) for line in f if line.startswith("VmRSS")][0]
        if "san" not in GEODNS:
            self.assertLess(rss, 20 * 1024, "resident, KiB")
