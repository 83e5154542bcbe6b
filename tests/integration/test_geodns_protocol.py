#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire of catchment-geodns: what dig, kdig, drill and delv make of it; malformed messages, each
with what it deserves; cookies; the rate limit, as the owner of a forged source would meet it."""

import json
import os
import re
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from support import BIN, Daemon, Netns, Rest, wait_until

GEODNS = os.path.join(os.environ.get("CATCHMENT_BIN", BIN), "catchment-geodns")
NS, LIMITED, PARIS, CHICAGO, VICTIM = "10.1.0.53", "10.1.0.54", "100.64.0.1", "100.64.1.1", "100.64.2.1"
SECRET, OTHER_SECRET = "e5e973e5a6b2a43f48e7dc849e37bfcf", "445536bcd2513298075a5d379663c962"
ZONE = """
$TTL 3600
@ 600 SOA ns1 hostmaster 1 7200 3600 1209600 60
@ NS ns1
ns1 A 10.1.0.53
www CNAME u1
deleg NS ns.deleg
ns.deleg A 10.1.0.60
""" + "".join("big A 10.2.0.%d\n" % i for i in range(1, 101)) + \
    "".join("half A 10.2.0.%d\n" % i for i in range(1, 61))
NOERROR, FORMERR, NOTIMP, REFUSED, BADVERS = 0, 1, 4, 5, 16


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: network namespaces")
    unittest.enterModuleContext(unittest.enterModuleContext(Netns()).entered())
    for addr in (NS, LIMITED, PARIS, CHICAGO, VICTIM):
        subprocess.run(["ip", "addr", "add", addr + "/32", "dev", "lo"], check=True)


def configuration(address, **changes):
    pops = [{"pop": "fra", "a": ["198.18.33.1"], "aaaa": ["2001:db8:1001::1"]},
            {"pop": "nyc", "a": ["198.18.34.1"], "aaaa": ["2001:db8:1002::1"]}]
    return {
        "version": 1, "listen": [address + ":53"], "identity": "ns1",
        "api": {"listen": "unix:api.sock"}, "cookies": {"secrets_file": "secrets"},
        "zones": [{"name": "lab.test", "file": "zone"}],
        "pops": [{"name": "fra", "at": [50.1, 8.7]}, {"name": "nyc", "at": [40.7, -74.0]}],
        "networks": [{"prefix": "100.64.1.0/24", "at": [41.9, -87.6]}], "default_at": [50.1, 8.7],
        "names": [{"name": "u1.lab.test", "ttl": 30, "pops": pops}], **changes}


class Nameserver:
    def __init__(self, conf, secrets=SECRET):
        self.conf, self.secrets = conf, secrets

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="geodns-")
        for name, text in (("zone", ZONE), ("conf", json.dumps(self.conf)),
                           ("secrets", self.secrets + "\n")):
            with open(os.path.join(self.folder.name, name), "w") as f:
                f.write(text)
        self.daemon = Daemon([GEODNS, "--config", "conf"], cwd=self.folder.name).__enter__()
        self.rest = Rest(os.path.join(self.folder.name, "api.sock"))
        wait_until(self.is_ready, 5, "the API answers")
        return self

    def is_ready(self):
        if not self.daemon.is_running():
            raise AssertionError("ended: " + self.daemon.log())
        return self.rest.get("/healthz")["status"] == "ok"

    def __exit__(self, *what):
        status = self.daemon.stop()
        self.daemon.__exit__(*what)
        self.folder.cleanup()
        assert status == 0, f"status {status}"

    def metric(self, name):
        lines = self.rest.request("GET", "/metrics")[2].splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines
                   if line.startswith("catchment_geodns_" + name))


def run(*argv):
    out = subprocess.run(argv, capture_output=True, text=True, timeout=10)
    return out.stdout + out.stderr


def wire(name):
    return b"".join(bytes([len(l)]) + l.encode() for l in name.split(".") if l) + b"\0"


def header(qd=1, an=0, ns=0, ar=0, flags=0):
    return struct.pack(">6H", 0x1234, flags, qd, an, ns, ar)


def question(name="u1.lab.test", qtype=1, qclass=1):
    return wire(name) + struct.pack(">HH", qtype, qclass)


def opt(options=b"", size=1232, version=0, flags=0, length=None):
    return b"\0" + struct.pack(">HHBBHH", 41, size, 0, version, flags,
                               len(options) if length is None else length) + options


def option(code, data):
    return struct.pack(">HH", code, len(data)) + data


def ecs(family=1, source=24, scope=0, address=b"\x64\x40\1"):
    return option(8, struct.pack(">HBB", family, source, scope) + address)


def query(name="u1.lab.test", options=None, **keys):
    if options is None:
        return header() + question(name, **keys)
    return header(ar=1) + question(name, **keys) + opt(options)


def rcode_of(reply):
    """Of the reply's header, and of its OPT if there is one, which is last."""
    rcode = reply[3] & 15
    at = 12
    if struct.unpack(">H", reply[4:6])[0]:
        while reply[at]:
            at += 1 + reply[at]
        at += 5
    has_opt = struct.unpack(">H", reply[10:12])[0] and b"\0\0\x29\x04\xd0" in reply[at:]
    if has_opt:
        rcode |= reply[reply.rindex(b"\0\0\x29\x04\xd0") + 5] << 4
    return rcode, bool(has_opt)


# What is sent, the rcode that comes back (None: nothing does), and whether with OPT.
MALFORMED = [
    ("empty", b"", None, False),
    ("11 octets", header()[:11], None, False),
    ("a reply", header(flags=0x8000) + question(), None, False),
    ("a header alone", header(), FORMERR, False),
    ("no question", header(qd=0), FORMERR, False),
    ("no question, but OPT", header(qd=0, ar=1) + opt(), FORMERR, True),
    ("two questions", header(qd=2) + question() * 2, FORMERR, False),
    ("65535 questions", header(qd=65535) + question(), FORMERR, False),
    ("a name that ends early", header() + b"\3lab\4te", FORMERR, False),
    ("a name without its end", header() + b"\3lab\4test", FORMERR, False),
    ("a name of 256 octets", header() + (b"\x3f" + b"a" * 63) * 4 + b"\0\0\1\0\1", FORMERR, False),
    ("a pointer to itself", header() + b"\xc0\x0c\0\1\0\1", FORMERR, False),
    ("a pointer to the header", header() + b"\xc0\x00\0\1\0\1", FORMERR, False),
    ("a label of type 0x40", header() + b"\x41x\0\0\1\0\1", FORMERR, False),
    ("a label of type 0x80", header() + b"\x81x\0\0\1\0\1", FORMERR, False),
    ("no class", header() + wire("lab.test") + b"\0\1", FORMERR, False),
    ("an octet too many", header() + question() + b"x", FORMERR, False),
    ("a record that is not there", header(ar=1) + question(), FORMERR, False),
    ("record data longer than the message", header(an=1) + question() + b"\0\0\1\0\1\0\0\0\0\xff\xff",
     FORMERR, False),
    ("STATUS", header(flags=0x1000) + question(), NOTIMP, False),
    ("NOTIFY", header(flags=0x2400) + question("lab.test", 6), NOTIMP, False),
    ("UPDATE", header(flags=0x2800) + question("lab.test", 6), NOTIMP, False),
    ("opcode 15, and nothing else that is right", header(flags=0x7800) + b"\xff" * 9, NOTIMP, False),
    ("AXFR", header() + question("lab.test", 252), REFUSED, False),
    ("IXFR", header() + question("lab.test", 251), REFUSED, False),
    ("MAILA", header() + question("lab.test", 254), NOTIMP, False),
    ("OPT as a type", header() + question("lab.test", 41), NOTIMP, False),
    ("class ANY", header() + question(qclass=255), REFUSED, False),
    ("class NONE", header() + question(qclass=254), REFUSED, False),
    ("another's name", header() + question("example.org"), REFUSED, False),
    ("EDNS version 1", header(ar=1) + question() + opt(version=1), BADVERS, True),
    ("EDNS version 255, with rubbish", header(ar=1) + question() + opt(b"\0\x08\xff", version=255),
     BADVERS, True),
    ("EDNS version 1, with a cookie", header(ar=1) + question() +
     opt(option(10, b"12345678"), version=1), BADVERS, True),
    ("EDNS version 1, only a cookie", header(qd=0, ar=1) + opt(option(10, b"12345678"), version=1),
     BADVERS, True),
    ("two OPT", header(ar=2) + question() + opt() * 2, FORMERR, True),
    ("OPT as an answer", header(an=1) + question() + opt(), FORMERR, False),
    ("OPT in authority", header(ns=1) + question() + opt(), FORMERR, False),
    ("OPT of a name", header(ar=1) + question() + b"\1x" + opt(), FORMERR, False),
    ("OPT cut short", header(ar=1) + question() + opt(length=1), FORMERR, False),
    ("an option that overruns", header(ar=1) + question() + opt(b"\xfd\xe9\0\2x"), FORMERR, True),
    ("half an option", header(ar=1) + question() + opt(b"\xfd\xe9\0"), FORMERR, True),
    ("an unknown option", query(options=option(65001, b"x")), NOERROR, True),
    ("Z bits", header(ar=1) + question() + opt(flags=0x3fff), NOERROR, True),
    ("NSID with data", query(options=option(3, b"x")), FORMERR, True),
    ("client subnet", query(options=ecs()), NOERROR, True),
    ("client subnet, SCOPE 24", query(options=ecs(scope=24)), FORMERR, True),
    ("client subnet, an octet too few", query(options=ecs(address=b"\x64\x40")), FORMERR, True),
    ("client subnet, an octet too many", query(options=ecs(address=b"\x64\x40\1\0")), FORMERR, True),
    ("client subnet, bits behind SOURCE", query(options=ecs(source=23)), FORMERR, True),
    ("client subnet, SOURCE 33", query(options=ecs(source=33, address=b"\x64\x40\1\0\0")), FORMERR, True),
    ("client subnet, IPv6 SOURCE 129", query(options=ecs(2, 129, address=b"\0" * 17)), FORMERR, True),
    ("client subnet, FAMILY 3", query(options=ecs(family=3)), FORMERR, True),
    ("client subnet twice", query(options=ecs() * 2), FORMERR, True),
    ("client subnet of 3 octets", query(options=option(8, b"\0\1\0")), FORMERR, True),
    ("cookie of 7 octets", query(options=option(10, b"1234567")), FORMERR, True),
    ("cookie of 15 octets", query(options=option(10, b"1" * 15)), FORMERR, True),
    ("cookie of 41 octets", query(options=option(10, b"1" * 41)), FORMERR, True),
    ("cookie of 40 octets", query(options=option(10, b"1" * 40)), NOERROR, True),
    ("only a cookie", header(qd=0, ar=1) + opt(option(10, b"12345678")), NOERROR, True),
]


class Protocol(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Nameserver(configuration(NS)))

    def tearDown(self):
        self.assertTrue(self.server.daemon.is_running(), "the daemon has died")

    def udp(self, source=PARIS, server=NS):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sock.close)
        sock.settimeout(5)
        sock.bind((source, 0))
        sock.connect((server, 53))
        return sock

    def check(self, what, sent, reply, rcode, has_opt):
        self.assertEqual(reply[:2], sent[:2], what)
        self.assertEqual(rcode_of(reply), (rcode, has_opt), what)
        self.assertEqual(reply[2] & 0xf8, 0x80 | sent[2] & 0x78, f"{what}: QR, opcode echoed")
        self.assertEqual(reply[3] & 0xf0, 0, f"{what}: RA, Z, AD, CD")

    def test_malformed_over_udp(self):
        sock = self.udp()
        probe = b"\xbe\xef" + query()[2:]
        for what, sent, rcode, has_opt in MALFORMED:
            with self.subTest(what):
                sock.send(sent)
                sock.send(probe)
                reply = sock.recv(4096)
                if rcode is not None:
                    self.check(what, sent, reply, rcode, has_opt)
                    reply = sock.recv(4096)
                self.assertEqual(reply[:2], b"\xbe\xef", f"{what}: no reply, then the next query's")

    def test_no_answer_is_fragmented(self):
        """Not on the way, and not by us either when somebody has forged a path's MTU."""
        sock = self.udp()
        heard = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        self.addCleanup(heard.close)
        heard.settimeout(5)
        heard.bind((PARIS, 0))
        port = sock.getsockname()[1]
        ours = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 1028, 0, 0x4000, 64, 17, 0,
                           socket.inet_aton(NS), socket.inet_aton(PARIS))
        too_big = struct.pack(">BBHHH", 3, 4, 0, 0, 576) + ours + struct.pack(">4H", 53, port, 1008, 0)
        words = struct.unpack(f">{len(too_big) // 2}H", too_big)
        total = sum(words)
        total = (total & 0xffff) + (total >> 16)
        too_big = too_big[:2] + struct.pack(">H", 0xffff - (total & 0xffff) - (total >> 16)) + too_big[4:]
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as forger:
            forger.bind((PARIS, 0))
            forger.sendto(too_big, (NS, 0))
        sock.send(query("half.lab.test", b""))
        reply = sock.recv(4096)
        self.assertEqual((reply[2] & 2, reply[6:8]), (0, b"\0\x3c"), "60 addresses, whole")
        packet = heard.recv(4096)
        while packet[20:22] != b"\0\x35":
            packet = heard.recv(4096)
        length, identification, fragment = struct.unpack(">3H", packet[2:8])
        self.assertEqual((length, identification, fragment), (20 + 8 + len(reply), 0, 0x4000))
        self.assertGreater(length, 576)

    def test_malformed_over_tcp(self):
        for what, sent, rcode, has_opt in MALFORMED:
            with self.subTest(what), socket.create_connection((NS, 53), 5) as sock:
                sock.sendall(struct.pack(">H", len(sent)) + sent)
                data = sock.makefile("rb")
                prefix = data.read(2)
                if rcode is None:
                    self.assertEqual(prefix, b"", f"{what}: closed")
                else:
                    self.check(what, sent, data.read(struct.unpack(">H", prefix)[0]), rcode, has_opt)

    # ---- clients ----

    def test_dig(self):
        out = run("dig", "@" + NS, "-b", PARIS, "www.lab.test", "+subnet=100.64.1.0/24", "+nsid",
                  "+cookie=2464c4abcf10c957")
        self.assertIn("status: NOERROR", out)
        self.assertIn("198.18.34.1", out)
        self.assertIn("CLIENT-SUBNET: 100.64.1.0/24/24", out)
        self.assertIn('("ns1")', out)
        self.assertRegex(out, r"COOKIE: 2464c4abcf10c957010000[0-9a-f]{26} \(good\)")
        self.assertNotIn("WARNING: recursion", run("dig", "@" + NS, "u1.lab.test", "+norec"))
        self.assertIn("BADVERS", run("dig", "@" + NS, "u1.lab.test", "+edns=1", "+noednsneg"))
        self.assertEqual(run("dig", "@" + NS, "big.lab.test", "+short").count("\n"), 100)
        out = run("dig", "@" + NS, "u1.lab.test", "+header-only", "+cookie")
        self.assertIn("status: NOERROR", out)
        self.assertIn("(good)", out)

    def test_kdig(self):
        out = run("kdig", "@" + NS, "-b", CHICAGO, "u1.lab.test", "AAAA", "+cookie", "+nsid")
        self.assertIn("2001:db8:1002::1", out)
        self.assertRegex(out, r"COOKIE: [0-9A-F]{48}")
        self.assertIn('"ns1"', out)
        out = run("kdig", "@" + NS, "x.deleg.lab.test", "+norec")
        self.assertIn("10.1.0.60", out)
        self.assertIn("BADVERS", run("kdig", "@" + NS, "u1.lab.test", "+edns=1"))

    def test_drill(self):
        out = run("drill", "-b", "1232", "u1.lab.test", "@" + NS)
        self.assertIn("rcode: NOERROR", out)
        self.assertRegex(out, r"u1\.lab\.test\.\s+30\s+IN\s+A\s+198\.18\.33\.1")
        self.assertIn("rcode: NXDOMAIN", run("drill", "nothing.lab.test", "@" + NS))
        self.assertEqual(len(re.findall(r"10\.2\.0\.\d", run("drill", "-t", "big.lab.test", "@" + NS))),
                         100)

    def test_delv(self):
        """It validates nothing here: there is no chain to this zone."""
        out = run("delv", "@" + NS, "-i", "-b", CHICAGO, "www.lab.test")
        self.assertIn("198.18.34.1", out)
        self.assertIn("; authoritative", out)
        self.assertIn("ncache nxdomain", run("delv", "@" + NS, "-i", "nothing.lab.test"))

    # ---- cookies ----

    def cookie_of(self, sock, cookie):
        sock.send(query(options=option(10, cookie)))
        reply = sock.recv(4096)
        at = reply.index(option(10, b"x" * 24)[:4] + cookie[:8])
        return reply[at + 4:at + 28]

    def test_a_cookie_is_good_at_every_server_with_the_secret(self):
        cookie = self.cookie_of(self.udp(), b"12345678")
        before = self.server.metric('cookies_total{cookie="good"}')
        self.assertEqual(self.cookie_of(self.udp(), cookie), cookie)
        self.assertEqual(self.server.metric('cookies_total{cookie="good"}'), before + 1)
        # The same bits from elsewhere are no good, nor are they where another secret is.
        self.assertNotEqual(self.cookie_of(self.udp(CHICAGO), cookie), cookie)
        conf = configuration(LIMITED)
        for secrets, state in ((f"{OTHER_SECRET}\n{SECRET}", "good"), (SECRET, "good"),
                               (OTHER_SECRET, "bad")):
            with Nameserver(conf, secrets) as other:
                fresh = self.cookie_of(self.udp(server=LIMITED), cookie)
                self.assertEqual(other.metric('cookies_total{cookie="%s"}' % state), 1, secrets)
                self.assertEqual(fresh == cookie, secrets == SECRET, secrets)

    # ---- the rate limit ----

    def burst(self, sock, packet, count):
        """The lengths and rcodes of what comes back to that many queries."""
        for _ in range(count):
            sock.send(packet)
        replies = []
        end = self.udp(CHICAGO, LIMITED)
        end.send(query())  # another network's: all of the others have been dealt with then
        end.recv(4096)
        sock.setblocking(False)
        while True:
            try:
                replies.append(sock.recv(4096))
            except BlockingIOError:
                return replies

    def test_rate_limit(self):
        limit = {"per_second": 1, "burst": 10, "slip": 2}
        with Nameserver(configuration(LIMITED, rate_limit=limit)) as server:
            plain, half = query(), query("big.lab.test", option(10, b"12345678"))
            replies = self.burst(self.udp(VICTIM, LIMITED), plain, 100)
            whole = [r for r in replies if r[7]]
            short = [r for r in replies if not r[7]]
            self.assertTrue(10 <= len(whole) <= 12, len(whole))
            self.assertTrue(43 <= len(short) <= 45, len(short))
            for r in short:
                self.assertTrue(r[2] & 2, "TC")
                self.assertLessEqual(len(r), 2 * len(plain))
            self.assertTrue(88 <= server.metric("limited_total") <= 90)
            # The network is short of tokens: half a cookie gets a whole one, which is as good as ever.
            replies = self.burst(self.udp(VICTIM, LIMITED), half, 20)
            bad = [r for r in replies if rcode_of(r)[0] == 23]
            self.assertTrue(8 <= len(bad) <= 10, len(bad))
            self.assertTrue(all(len(r) <= 2 * len(half) for r in bad))
            at = bad[0].index(b"\0\x0a\0\x18")
            good = query(options=option(10, bad[0][at + 4:at + 28]))
            replies = self.burst(self.udp(VICTIM, LIMITED), good, 200)
            self.assertEqual(len([r for r in replies if r[7]]), 200)
            # TCP has no limit: dig finds its way by TC.
            self.burst(self.udp(VICTIM, LIMITED), plain, 20)
            for _ in range(5):
                self.assertIn("198.18.33.1", run("dig", "@" + LIMITED, "-b", VICTIM, "u1.lab.test",
                                                 "+nocookie", "+tries=10", "+timeout=1"))

    def test_exempt(self):
        limit = {"per_second": 1, "exempt": [VICTIM + "/32"]}
        with Nameserver(configuration(LIMITED, rate_limit=limit)):
            replies = self.burst(self.udp(VICTIM, LIMITED), query(), 100)
            self.assertEqual(len([r for r in replies if r[7]]), 100)

    # ---- one moment for a packet ----

    def test_a_packet_sees_one_moment(self):
        """A geographic CNAME leads to another geographic name: while a PoP goes down and comes up
        again, both are always of the same PoP."""
        pops = (("fra", "198.18.33.1"), ("nyc", "198.18.34.1"))
        names = [{"name": "first.lab.test", "policy": "failover",
                  "pops": [{"pop": p, "cname": p + ".second.lab.test"} for p, _ in pops]},
                 {"name": "*.second.lab.test", "policy": "failover",
                  "pops": [{"pop": p, "a": [a]} for p, a in pops]}]
        meanings = {(b"\3fra\6second", "198.18.33.1"): "fra", (b"\3nyc\6second", "198.18.34.1"): "nyc"}
        seen = {"fra": 0, "nyc": 0}
        with Nameserver(configuration(LIMITED, names=names, threads=2)) as server:
            stop = threading.Event()

            def flap():
                while not stop.is_set():
                    for state in ("down", "auto"):
                        server.rest.request("PUT", "/v1/pops/fra/state", {"state": state})

            flapper = threading.Thread(target=flap)
            flapper.start()
            try:
                socks = [self.udp(server=LIMITED) for _ in range(4)]
                end = time.monotonic() + 20
                while min(seen.values()) < 500 and time.monotonic() < end:
                    for sock in socks:
                        for _ in range(16):
                            sock.send(query("first.lab.test"))
                    for sock in socks:
                        for _ in range(16):
                            reply = sock.recv(4096)
                            pop = [meanings[m] for m in meanings
                                   if m[0] in reply and reply.endswith(socket.inet_aton(m[1]))]
                            self.assertEqual(len(pop), 1, "both of one PoP: %r" % reply)
                            seen[pop[0]] += 1
            finally:
                stop.set()
                flapper.join()
        self.assertGreaterEqual(min(seen.values()), 500, seen)

    # ---- metrics ----

    def test_answers_are_counted_by_name_and_pop(self):
        def counted(pop):
            return self.server.metric('answers_total{name="u1.lab.test",pop="%s"}' % pop)

        before = {pop: counted(pop) for pop in ("fra", "nyc")}
        for source in (PARIS, CHICAGO, CHICAGO):
            for how in ("+notcp", "+tcp"):
                run("dig", "@" + NS, "-b", source, "u1.lab.test", how)
        self.assertEqual({pop: counted(pop) - before[pop] for pop in before}, {"fra": 2, "nyc": 4})


if __name__ == "__main__":
    unittest.main()
