#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""catchment-geodns as its users meet it: kdig, a real Unbound, raw sockets, health targets that
die. Everything lives in a network namespace that this process makes for itself."""

import contextlib
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from support import BIN, Daemon, Netns, Rest, ROOT, openapi, wait_until

GEODNS = os.path.join(os.environ.get("CATCHMENT_BIN", BIN), "catchment-geodns")
NS4, NS6, RESOLVER, ASIDE = "10.1.0.53", "2001:db8:f001::53", "10.1.0.99", "10.1.0.77"
PARIS, CHICAGO = "100.64.0.1", "100.64.1.1"
TARGETS = {"fra": "10.200.1.1", "nyc": "10.200.2.1"}

TARGET = """
import http.server, sys
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64
    def handle_error(self, *args):
        pass
class Verdict(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ('{"pop":"%s"}' % sys.argv[2]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
Server((sys.argv[1], 8053), Verdict).serve_forever()
"""

ZONE = """
$TTL 3600
@ 600 SOA ns1 hostmaster 1 7200 3600 1209600 60
@ NS ns1
ns1 A 10.1.0.53
ns1 AAAA 2001:db8:f001::53
www CNAME home.geo
deep.ent TXT "x"
$INCLUDE more
deleg NS ns.deleg
ns.deleg A 10.1.0.60
""" + "".join("big A 10.2.0.%d\n" % i for i in range(1, 101))


ROOT_ZONE = """
$TTL 3600
. SOA root. hostmaster. 1 7200 3600 1209600 60
. NS root.
root. A 10.1.0.77
lab.test. NS ns1.lab.test.
ns1.lab.test. A 10.1.0.53
"""

STUB = """stub-zone:
 name: "lab.test"
 stub-addr: %s
""" % NS4


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: network namespaces")
    unittest.enterModuleContext(unittest.enterModuleContext(Netns()).entered())
    for addr in (NS4, RESOLVER, ASIDE, PARIS, CHICAGO, *TARGETS.values()):
        ip("addr", "add", addr + "/32", "dev", "lo")
    for addr in (NS6, "2001:db8:f001::77"):
        ip("addr", "add", addr + "/128", "dev", "lo", "nodad")


def ip(*args):
    subprocess.run(["ip", *args], check=True)


def target(name, pop):
    return {"pop": name, "check": "verdict", "address": TARGETS[name], "path": "/verdict/geo",
            "match": '"pop":"%s"' % pop}


def configuration(**changes):
    both = [dict(target("fra", "fra"), a=["198.18.33.1"], aaaa=["2001:db8:1001::1"]),
            dict(target("nyc", "nyc"), a=["198.18.34.1"], aaaa=["2001:db8:1002::1"])]
    conf = {
        "version": 1, "listen": [NS4 + ":53", "[" + NS6 + "]:53"], "threads": 2, "identity": "ns1",
        "api": {"listen": "unix:api.sock"},
        "tcp": {"connections": 20, "per_client": 5, "idle_ms": 1000},
        "zones": [{"name": "lab.test", "file": "zone"}],
        "networks": [{"prefix": "100.64.0.0/24", "at": [48.8, 2.3]},
                     {"prefix": "100.64.1.0/24", "at": [41.9, -87.6]}],
        "default_at": [50.1, 8.7],
        "pops": [{"name": "fra", "at": [50.1, 8.7]}, {"name": "nyc", "at": [40.7, -74.0]}],
        "checks": {"verdict": {"type": "http", "port": 8053, "interval_ms": 100,
                               "timeout_ms": 100, "rise": 2, "fall": 3}},
        "names": [{"name": "*.geo.lab.test", "ttl": 1, "pops": both},
                  {"name": "strict.lab.test", "when_all_down": "none", "pops": both}]}
    conf.update(changes)
    return conf


def files_write(folder, **files):
    for name, text in files.items():
        with open(os.path.join(folder, name.replace("_", ".")), "w") as f:
            f.write(text)


class Nameserver:
    """A catchment-geodns with its API; ends with its block, and must do so with status 0."""

    def __init__(self, conf):
        self.conf = conf

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="geodns-"))
            files_write(folder, zone=ZONE, root=ROOT_ZONE, more="included A 10.1.0.61\n",
                        geodns_json=json.dumps(self.conf))
            self.daemon = stack.enter_context(Daemon([GEODNS, "--config", "geodns.json"],
                                                     cwd=folder))
            self.rest = Rest(os.path.join(folder, "api.sock"))
            wait_until(self.is_ready, 5, "the API answers")
            self.stack = stack.pop_all()
        return self

    def is_ready(self):
        if not self.daemon.is_running():
            raise AssertionError("ended: " + self.daemon.log())
        return self.rest.get("/healthz")["status"] == "ok"

    def __exit__(self, *what):
        try:
            status = self.daemon.stop()
        finally:
            self.stack.__exit__(*what)
        assert status == 0, "SIGTERM must end it with status 0, not %d" % status

    def metric(self, name):
        lines = self.rest.request("GET", "/metrics")[2].splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines
                   if line.startswith("catchment_geodns_" + name))

    def events(self, since_ns, kind, count):
        """What happened from that instant on, until that many of a kind have come."""
        found = []
        with self.rest.events(since=0) as events:
            for event in events:
                if event["t_ns"] > since_ns:
                    found.append(event)
                if sum(e["kind"] == kind for e in found) == count:
                    return found
        raise AssertionError("the stream has ended")

    def states(self):
        return {p["pop"]: p["state"] for p in self.rest.get("/v1/names/*.geo.lab.test")["pops"]}


class Unbound:
    """A resolver at RESOLVER that asks from CHICAGO; how it finds the zone is the caller's."""

    def __init__(self, server, other, modules="iterator"):
        self.conf = """server:
 interface: %s
 outgoing-interface: %s
 access-control: 0.0.0.0/0 allow
 do-daemonize: no
 chroot: ""
 username: ""
 directory: "."
 pidfile: ""
 use-syslog: no
 module-config: "%s"
 do-ip6: no
 local-zone: "test." nodefault
 domain-insecure: "test."
%s
remote-control:
 control-enable: no
%s
""" % (RESOLVER, CHICAGO, modules, server, other)

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="unbound-"))
            files_write(folder, unbound_conf=self.conf,
                        hints=". 3600 NS root.\nroot. 3600 A %s\n" % ASIDE)
            stack.enter_context(Daemon(["unbound", "-d", "-c", "unbound.conf"], cwd=folder))
            wait_until(lambda: socket.create_connection((RESOLVER, 53)).close() is None, 5,
                       "Unbound listens")
            wait_until(lambda: short("ns1.lab.test", server=RESOLVER) == [NS4], 5,
                       "Unbound answers")
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *what):
        self.stack.__exit__(*what)


class Target(Daemon):
    """The page of a PoP that says how it is; killed, its kernel refuses connections."""

    def __init__(self, pop, says=None):
        super().__init__([sys.executable, "-c", TARGET, TARGETS[pop], says or pop], name=pop)


def kdig(*args, server=NS4):
    out = subprocess.run(["kdig", "@" + server, "+retry=0", "+timeout=2", *args],
                         capture_output=True, text=True)
    return out.stdout + out.stderr


def short(*args, server=NS4):
    return [line for line in kdig(*args, "+short", server=server).split("\n")
            if line and not line.startswith(";;")]


def query(name, qtype=1, ident=0x1234, extra=b""):
    wire = b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0"
    return struct.pack(">6H", ident, 0, 1, 0, 0, 0) + wire + struct.pack(">HH", qtype, 1) + extra


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

    # ---- TCP ----

    def connect(self):
        sock = socket.create_connection((NS4, 53), 3)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.addCleanup(sock.close)
        return sock

    def read(self, sock):
        data = b""
        while len(data) < 2 or len(data) < 2 + struct.unpack(">H", data[:2])[0]:
            more = sock.recv(2 + struct.unpack(">H", data[:2])[0] - len(data) if len(data) >= 2
                             else 2 - len(data))
            if not more:
                return None
            data += more
        return data[2:]

    def framed(self, *args, **kwargs):
        packet = query(*args, **kwargs)
        return struct.pack(">H", len(packet)) + packet

    def test_tcp_byte_by_byte(self):
        sock = self.connect()
        for byte in self.framed("ns1.lab.test"):
            sock.send(bytes([byte]))
        self.assertIn(socket.inet_aton(NS4), self.read(sock))

    def test_tcp_pipelined_half_closed(self):
        sock = self.connect()
        sock.sendall(b"".join(self.framed("big.lab.test", ident=i) for i in range(300)))
        sock.shutdown(socket.SHUT_WR)
        for i in range(300):
            self.assertEqual(struct.unpack(">H", self.read(sock)[:2])[0], i)
        self.assertIsNone(self.read(sock))

    def test_tcp_length_0_closes(self):
        sock = self.connect()
        sock.sendall(self.framed("ns1.lab.test") + b"\0\0" + self.framed("ns1.lab.test"))
        self.assertIsNotNone(self.read(sock))
        self.assertIsNone(self.read(sock))

    def test_tcp_idle_closes(self):
        sock, begun = self.connect(), time.monotonic()
        sock.send(b"\0")
        self.assertIsNone(self.read(sock))
        self.assertTrue(0.9 < time.monotonic() - begun < 2)

    def test_tcp_limit_per_client(self):
        wait_until(lambda: self.server.rest.get("/v1/status")["tcp"]["connections"] == 0, 5,
                   "no connection is left")
        socks = [self.connect() for _ in range(5)]
        for sock in socks:
            sock.sendall(self.framed("ns1.lab.test"))
            self.assertIsNotNone(self.read(sock))
        sixth = self.connect()
        self.assertIsNone(self.read(sixth))
        other = socket.create_connection((NS4, 53), 3, source_address=(PARIS, 0))
        other.sendall(self.framed("ns1.lab.test"))
        self.assertIsNotNone(self.read(other))
        other.close()

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

    def check_answers(self, server, api):
        status = api.ask("GET", "/v1/status", 200)
        self.assertEqual(status["checks"], {"up": 2, "down": 0, "unknown": 0})
        self.assertEqual(len(api.ask("GET", "/v1/names", 200)["names"]), 2)
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


class Start(unittest.TestCase):
    """What is refused, and how."""

    def start(self, conf, preexec_fn=None):
        with tempfile.TemporaryDirectory() as folder:
            files_write(folder, zone=ZONE, more="", geodns_json=json.dumps(conf))
            path = os.path.join(folder, "geodns.json")
            out = subprocess.run([GEODNS, "--config", path], capture_output=True, text=True,
                                 timeout=5, cwd=folder, preexec_fn=preexec_fn)
            return out.returncode, out.stderr.replace(path, "FILE")

    def test_bad_configuration(self):
        conf = configuration()
        conf["names"][0]["pops"][1]["pop"] = "xx"
        self.assertEqual(self.start(conf), (2, "FILE: names[0].pops[1].pop: unknown pop 'xx'\n"))

    def test_bad_zone(self):
        conf = configuration(zones=[{"name": "lab.test", "file": "none.zone"}])
        self.assertEqual(self.start(conf),
                         (2, "FILE: zones[0].file: cannot open: No such file or directory\n"))

    def test_conflict_with_the_zone(self):
        conf = configuration()
        conf["names"][0]["name"] = "ns1.lab.test"
        self.assertEqual(self.start(conf),
                         (2, "FILE: names[0].name: ns1.lab.test: has addresses in the zone file\n"))

    def test_address_in_use(self):
        with Nameserver(configuration(listen=[ASIDE + ":53"])):
            status, err = self.start(configuration(listen=[ASIDE + ":53"]))
            self.assertEqual(status, 3)
            self.assertIn("cannot listen on 10.1.0.77:53: Address already in use", err)

    def test_too_few_descriptors(self):
        conf = configuration(tcp={"connections": 800})
        status, err = self.start(
            conf, lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024)))
        self.assertEqual((status, err), (3, "800 TCP connections and the rest need 1108 "
                                            "descriptors, the limit is 1024\n"))

    def test_any_address_answers_from_the_one_asked(self):
        with Nameserver(configuration(listen=["0.0.0.0:5300", "[::]:5300"])):
            for family, addr in ((socket.AF_INET, ASIDE), (socket.AF_INET, NS4),
                                 (socket.AF_INET6, "2001:db8:f001::77"), (socket.AF_INET6, NS6)):
                with socket.socket(family, socket.SOCK_DGRAM) as sock:
                    sock.settimeout(2)
                    sock.connect((addr, 5300))  # from now on only replies from there are seen
                    sock.send(query("ns1.lab.test"))
                    self.assertIn(socket.inet_aton(NS4), sock.recv(4096), addr)

    def test_requests_that_come_with_the_end(self):
        """They are answered or not, but from nothing that has been freed."""
        with Nameserver(configuration(listen=[ASIDE + ":53"])) as server, \
                contextlib.ExitStack() as stack:
            server.daemon.signal(signal.SIGSTOP)
            for target in ("/metrics", "/v1/names", "/v1/status") * 5:
                sock = stack.enter_context(server.rest.socket(5))
                sock.sendall(("GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % target).encode())
            server.daemon.signal(signal.SIGTERM)
            server.daemon.signal(signal.SIGCONT)
            self.assertEqual(server.daemon.wait(), 0, server.daemon.log())

    def test_more_signals_do_not_cut_the_stop_short(self):
        with Nameserver(configuration(listen=[ASIDE + ":53"])) as server:
            self.assertEqual(server.daemon.stop_impatiently(), 0)

    def test_check_starts_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            example = os.path.join(ROOT, "docs/example/geodns.json")
            out = subprocess.run([GEODNS, "--config", example, "--check"], capture_output=True,
                                 text=True, timeout=5, cwd=folder)
            self.assertEqual((out.returncode, out.stdout), (0, example + ": ok\n"))

