#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed answers before those who check them: delv, drill, DNSViz and a validating Unbound. A
zone with keys of BIND and ldns, below it one with a key of OpenSSL and one without any."""

import json
import os
import re
import socket
import struct
import subprocess
import tempfile
import unittest

from support import Netns, geodns_lab, wait_until

PARENT, CHILD, TWIN = geodns_lab.NS4, "10.1.0.60", "10.1.0.54"
RESOLVER, CHICAGO = geodns_lab.RESOLVER, geodns_lab.CHICAGO

ZONE = """
$TTL 3600
@ 600 SOA ns1 hostmaster 1 7200 3600 1209600 60
@ NS ns1
@ NS ns2
@ MX 10 ns1
ns1 A 10.1.0.53
ns2 A 10.1.0.53
www CNAME home.geo
dangling CNAME nothing
deep.ent TXT "x"
*.wild TXT "wild"
*.wildcname CNAME ns1
geo MX 10 ns1
old DNAME new
host.new A 10.2.0.1
secure NS ns.secure
ns.secure A 10.1.0.60
bare NS ns.bare
ns.bare A 10.1.0.60
""" + "".join('big TXT "%d %s"\n' % (i, "x" * 100) for i in range(20))

CHILD_ZONE = """
$TTL 3600
@ 600 SOA ns hostmaster 1 7200 3600 1209600 60
@ NS ns
ns A 10.1.0.60
www A 10.2.0.2
"""

# name and type, and what delv and Unbound must find: an answer (part of it), None: nothing.
SHAPES = [
    ("ns1.lab.test", "A", "10.1.0.53"), ("NS1.Lab.Test", "A", "10.1.0.53"),
    ("lab.test", "SOA", "hostmaster"), ("lab.test", "NS", "ns2.lab.test"),
    ("lab.test", "MX", "10 ns1"), ("lab.test", "DNSKEY", "257 3 13"),
    ("lab.test", "CDS", " 13 2 "), ("lab.test", "CDNSKEY", "257 3 13"),
    ("big.lab.test", "TXT", "19 xxx"),
    ("u1.geo.lab.test", "A", "198.18.34.1"), ("u1.geo.lab.test", "AAAA", "2001:db8:1002::1"),
    ("www.lab.test", "A", "198.18.34.1"), ("x.wildcname.lab.test", "A", "10.1.0.53"),
    ("a.b.wild.lab.test", "TXT", "wild"), ("*.wild.lab.test", "TXT", "wild"),
    ("host.old.lab.test", "A", "10.2.0.1"),
    ("secure.lab.test", "DS", " 13 2 "),
    ("nothing.lab.test", "A", None), ("a.b.c.nothing.lab.test", "TXT", None),
    ("ns1.lab.test", "TXT", None), ("lab.test", "A", None), ("ent.lab.test", "A", None),
    ("geo.lab.test", "A", None), ("u1.geo.lab.test", "TXT", None),
    ("x.wild.lab.test", "A", None), ("bare.lab.test", "DS", None),
    ("dangling.lab.test", "A", None), ("x.old.lab.test", "A", None),
    ("secure.lab.test", "MX", None),
    # what policies answer
    ("svc.lab.test", "A", "198.18.33.1"), ("svc.lab.test", "HTTPS", "1 . alpn"),
    ("svc.lab.test", "SVCB", None), ("svc.lab.test", "AAAA", None),
    ("cdn.lab.test", "A", "10.1.0.53"), ("cdn.lab.test", "MX", None),
    ("a.b.edge.lab.test", "A", "10.1.0.53"), ("*.edge.lab.test", "CNAME", "ns1.lab.test"),
    ("down.lab.test", "A", None), ("down.lab.test", "TXT", None),
    ("downcdn.lab.test", "A", None), ("x.down.lab.test", "A", None),
]


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: network namespaces")
    unittest.enterModuleContext(unittest.enterModuleContext(Netns()).entered())
    for addr in (PARENT, CHILD, TWIN, RESOLVER, CHICAGO):
        run("ip", "addr", "add", addr + "/32", "dev", "lo")


def run(*argv, cwd=None, text_in=None):
    done = subprocess.run(argv, capture_output=True, text=True, cwd=cwd, input=text_in, timeout=60)
    if done.returncode != 0:
        raise AssertionError("%s: %s" % (" ".join(argv), done.stdout + done.stderr))
    return done.stdout


def write(folder, name, text):
    with open(os.path.join(folder, name), "w") as f:
        f.write(text)


def configuration(listen, zones, **changes):
    pops = [{"pop": "fra", "a": ["198.18.33.1"], "aaaa": ["2001:db8:1001::1"]},
            {"pop": "nyc", "a": ["198.18.34.1"], "aaaa": ["2001:db8:1002::1"]}]
    has_geo = any(zone["name"] == "lab.test" for zone in zones)
    check = {"pop": "fra", "check": "closed", "address": PARENT}
    names = [
        {"name": "*.geo.lab.test", "pops": pops},
        {"name": "svc.lab.test", "answers": 2, "policy": "sticky", "https": {"alpn": ["h2", "h3"]},
         "pops": [{"pop": "fra", "a": ["198.18.33.1"]}, {"pop": "nyc", "a": ["198.18.34.1"]}]},
        {"name": "cdn.lab.test", "pops": [{"pop": "fra", "cname": "NS1.lab.test"}]},
        {"name": "*.edge.lab.test", "pops": [{"pop": "fra", "cname": "ns1.lab.test"}]},
        {"name": "down.lab.test", "when_all_down": "none", "pops": [{**check, "a": ["198.18.33.1"]}]},
        {"name": "downcdn.lab.test", "when_all_down": "none",
         "pops": [{**check, "cname": "ns1.lab.test"}]}]
    return {"version": 1, "listen": [listen + ":53"], "threads": 2, "zones": zones,
            "pops": [{"name": "fra", "at": [50.1, 8.7]}, {"name": "nyc", "at": [40.7, -74.0]}],
            "networks": [{"prefix": "100.64.1.0/24", "at": [41.9, -87.6]}],
            "default_at": [40.7, -74.0],
            "checks": {"closed": {"type": "tcp", "port": 1, "interval_ms": 100, "timeout_ms": 100,
                                  "fall": 1}} if has_geo else {},
            "cookies": {"secrets_file": "secrets"}, "rate_limit": {"per_second": 100000},
            "names": names if has_geo else [], **changes}


class Nameserver(geodns_lab.Nameserver):
    def __init__(self, folder, name, conf):
        super().__init__(dict(conf, api={"listen": "unix:%s.sock" % name}), folder=folder, name=name)


class Unbound(geodns_lab.Unbound):
    """One that validates, by that anchor."""

    def __init__(self, anchor):
        super().__init__(""" aggressive-nsec: yes
 harden-dnssec-stripped: yes
 trust-anchor-file: "%s"
""" % anchor, geodns_lab.STUB, modules="validator iterator", insecure=False)

    def is_ready(self):
        """What it answers is for the test to see."""
        return "status: " in geodns_lab.kdig("lab.test", "SOA", server=RESOLVER)


def dig(name, qtype, *args, server=PARENT):
    return run("dig", "@" + server, name, qtype, "+tries=1", "+time=5", *args)


def status(text):
    return re.search(r"status: (\w+)", text)[1]


def rcode_and_flags(name, flags):
    """Of the answer to a query for A with those EDNS flags: dig 9.18 knows no CO."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query = struct.pack(">6H", 1, 0, 1, 0, 0, 1) + labels + struct.pack(">BHH", 0, 1, 1) + \
        struct.pack(">BHHIH", 0, 41, 1232, flags, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        sock.connect((PARENT, 53))
        sock.send(query)
        reply = sock.recv(4096)
    return reply[3] & 0xf, struct.unpack(">H", reply[-4:-2])[0]  # OPT without options is last


def signatures(text):
    return sorted(re.findall(r"^[^;].*\sRRSIG\s.*$", text, re.M))


class Dnssec(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="dnssec-"))
        cls.ksk = run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "lab.test",
                      cwd=cls.folder).strip()
        cls.zsk = run("ldns-keygen", "-a", "ECDSAP256SHA256", "lab.test", cwd=cls.folder).strip()
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-out", "secure.pem", cwd=cls.folder)
        write(cls.folder, "child.zone", CHILD_ZONE)
        write(cls.folder, "secrets", "e5e973e5a6b2a43f48e7dc849e37bfcf\n")
        cls.child = cls.enterClassContext(Nameserver(cls.folder, "child", configuration(CHILD, [
            {"name": "secure.lab.test", "file": "child.zone", "dnssec": {"csk": "secure.pem"}},
            {"name": "bare.lab.test", "file": "child.zone"}])))
        ds = re.search(r"zone secure.lab.test: signed, DS (.*)", cls.child.daemon.log())[1]
        write(cls.folder, "lab.zone", ZONE + "secure DS %s\n" % ds)
        cls.zones = [{"name": "lab.test", "file": "lab.zone",
                      "dnssec": {"ksk": cls.ksk + ".private", "zsk": cls.zsk + ".private"}}]
        cls.server = cls.enterClassContext(
            Nameserver(cls.folder, "parent", configuration(PARENT, cls.zones)))
        wait_until(lambda: not dig("down.lab.test", "A", "+short"), 5, "nothing listens on port 1")
        cls.anchor(cls.ksk, "anchors")

    @classmethod
    def anchor(cls, key, file):
        with open(os.path.join(cls.folder, key + ".key")) as f:
            line = [line for line in f if "DNSKEY" in line and not line.startswith(";")][0]
        flags, protocol, algorithm, octets = line.split("DNSKEY")[1].split(";")[0].split(None, 3)
        write(cls.folder, file, 'trust-anchors { lab.test static-key %s %s %s "%s"; };\n' %
              (flags, protocol, algorithm, octets.replace(" ", "").strip()))
        write(cls.folder, file + ".rr", line)

    def delv(self, name, qtype, anchors="anchors", server=PARENT):
        out = subprocess.run(["delv", "@" + server, "-a", anchors, "+root=lab.test", name, qtype],
                             capture_output=True, text=True, cwd=self.folder, timeout=30)
        return out.stdout + out.stderr

    def unbound(self, anchor="anchors.rr"):
        return Unbound(os.path.join(self.folder, anchor))

    # ---- those who check ----

    def test_delv(self):
        for name, qtype, wanted in SHAPES:
            if name == "secure.lab.test" and qtype == "MX":
                continue  # of the child: delv follows no referral
            with self.subTest(name=name, type=qtype):
                out = self.delv(name, qtype)
                self.assertIn("fully validated", out)
                self.assertNotIn("unsigned", out)
                self.assertIn(wanted or "ncache nxrrset", out)

    def test_delv_would_see_a_wrong_key(self):
        run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "lab.test",
            cwd=self.folder)
        other = [f[:-4] for f in os.listdir(self.folder)
                 if re.match(r"Klab.*\.key$", f) and f[:-4] not in (self.ksk, self.zsk)][0]
        self.anchor(other, "wrong")
        self.assertNotIn("fully validated", self.delv("ns1.lab.test", "A", "wrong"))
        with self.unbound("wrong.rr"):
            self.assertEqual(status(dig("ns1.lab.test", "A", server=RESOLVER)), "SERVFAIL")

    def test_unbound(self):
        with self.unbound():
            for name, qtype, wanted in SHAPES * 2:  # the second time from its cache
                with self.subTest(name=name, type=qtype):
                    out = dig(name, qtype, "+dnssec", server=RESOLVER)
                    self.assertIn(status(out), ("NOERROR", "NXDOMAIN"), out)
                    self.assertRegex(out, r"flags: [a-z ]* ad[ ;]")
                    answer = out.split("ANSWER SECTION:")[1] if "ANSWER SECTION" in out else ""
                    self.assertIn(wanted or "", answer)
                    if not wanted:
                        self.assertNotRegex(answer, r"\sIN\s+%s\s" % qtype)
            out = dig("www.secure.lab.test", "A", "+dnssec", server=RESOLVER)
            self.assertIn("10.2.0.2", out)
            self.assertRegex(out, r"flags: [a-z ]* ad[ ;]", "by the DS, the child's keys")
            out = dig("www.bare.lab.test", "A", "+dnssec", server=RESOLVER)
            self.assertIn("10.2.0.2", out)
            self.assertNotRegex(out, r"flags: [a-z ]* ad[ ;]", "proved to be unsigned")

    def test_drill_chases(self):
        for name, qtype, wanted in (("u1.geo.lab.test", "A", True), ("lab.test", "MX", True),
                                    ("nothing.lab.test", "A", False), ("ent.lab.test", "A", False),
                                    ("a.wild.lab.test", "TXT", True)):
            with self.subTest(name=name):
                out = run("drill", "-k", self.ksk + ".key", "-S", "@" + PARENT, name, qtype,
                          cwd=self.folder)
                self.assertIn("Chase successful", out)
                self.assertEqual("Existence is denied by" in out, not wanted, out)

    def test_dnsviz(self):
        names = ("lab.test", "u1.geo.lab.test", "nothing.lab.test", "x.wild.lab.test",
                 "ent.lab.test", "www.lab.test", "host.old.lab.test", "svc.lab.test",
                 "cdn.lab.test", "x.edge.lab.test", "down.lab.test", "downcdn.lab.test")
        probe = run("dnsviz", "probe", "-4", "-A", "-x", "lab.test+:" + PARENT, *names)
        out = run("dnsviz", "print", "-t", os.path.join(self.folder, "anchors.rr"), text_in=probe)
        self.assertGreater(out.count("[.]"), 50, out)
        for line in out.splitlines():
            self.assertNotRegex(line, r"\[[^.\]]*[!?-]", out)
        for name in names:
            self.assertRegex(out, "(?m)^%s( |$)" % name)

    # ---- what is in it ----

    def test_ds_of_others(self):
        """Our DS is the one that BIND computes; CDS and CDNSKEY say the same."""
        wanted = run("dnssec-dsfromkey", self.ksk + ".key", cwd=self.folder).split("DS ")[1].strip()
        self.assertIn("zone lab.test: signed, DS " + wanted, self.server.daemon.log())
        self.assertEqual(dig("lab.test", "CDS", "+short").replace(" ", "").strip(),
                         wanted.replace(" ", ""))
        keys = dig("secure.lab.test", "DNSKEY", "+noall", "+answer", server=CHILD)
        wanted = run("dnssec-dsfromkey", "-f", "-", "secure.lab.test", text_in=keys)
        self.assertEqual(wanted.split("DS ")[1].replace(" ", "").strip(),
                         dig("secure.lab.test", "DS", "+short").replace(" ", "").strip())

    def test_compact_denial(self):
        out = dig("nothing.lab.test", "A", "+dnssec")
        self.assertEqual(status(out), "NOERROR")
        self.assertRegex(out, r"nothing\.lab\.test\.\s+60\s+IN\s+NSEC\s+\\000\.nothing\.lab\.test\. "
                              r"RRSIG NSEC (TYPE128|NXNAME)")
        self.assertEqual(rcode_and_flags("nothing.lab.test", 0xc000), (3, 0xc000))
        self.assertEqual(rcode_and_flags("nothing.lab.test", 0x8000), (0, 0x8000))
        self.assertEqual(rcode_and_flags("ent.lab.test", 0xc000), (0, 0xc000))
        self.assertEqual(status(dig("nothing.lab.test", "A")), "NXDOMAIN")
        self.assertNotIn("RRSIG", dig("nothing.lab.test", "A"))
        self.assertEqual(status(dig("ns1.lab.test", "TYPE128")), "FORMERR")

    def test_every_server_gives_the_same_signatures(self):
        with Nameserver(self.folder, "twin", configuration(TWIN, self.zones)):
            wait_until(lambda: not dig("down.lab.test", "A", "+short", server=TWIN), 5, "a verdict")
            for name, qtype, _ in SHAPES:
                a, b = (signatures(dig(name, qtype, "+dnssec", server=s)) for s in (PARENT, TWIN))
                self.assertTrue(a)
                self.assertEqual(a, b, name)

    def test_truncated_over_udp(self):
        out = dig("big.lab.test", "TXT", "+dnssec", "+ignore", "+bufsize=1232")
        self.assertRegex(out, r"flags: qr aa tc")
        self.assertNotIn("xxx", out)
        self.assertEqual(len(signatures(dig("big.lab.test", "TXT", "+dnssec", "+tcp"))), 1)

    # ---- what it may cost ----

    def test_remembered(self):
        """By the thread that made it."""
        with Nameserver(self.folder, "twin", configuration(TWIN, self.zones, threads=1)) as twin:
            for _ in range(20):
                run("dig", "@" + TWIN, "host.new.lab.test", "A", "+dnssec", "+tcp")
            self.assertEqual(twin.metric("signatures_total"), 20)
            self.assertEqual(twin.metric("signatures_made_total"), 1)

    def test_budget(self):
        conf = configuration(TWIN, self.zones, threads=1, dnssec={"signatures_per_s": 1})
        with Nameserver(self.folder, "twin", conf) as twin:
            names = ["x%d.lab.test" % i for i in range(20)]
            batch = "".join("%s A +dnssec +ignore\n" % name for name in names)
            out = run("dig", "@" + TWIN, "-f", "-", text_in=batch)
            self.assertGreater(len(re.findall(r"flags: qr aa tc", out)), 5)
            self.assertGreater(twin.metric("signatures_refused_total"), 5)
            # A client that minds comes again by TCP, and gets all of them.
            out = run("dig", "@" + TWIN, "-f", "-",
                      text_in="".join("%s A +dnssec\n" % name for name in names))
            self.assertEqual(len(re.findall(r"RRSIG NSEC (TYPE128|NXNAME)", out)), 20)

    # ---- mistakes ----

    def start(self, dnssec, zone="lab.zone"):
        conf = configuration(TWIN, [dict(self.zones[0], dnssec=dnssec, file=zone)])
        write(self.folder, "bad.json", json.dumps(conf))
        out = subprocess.run([geodns_lab.GEODNS, "--config", "bad.json", "--check"], capture_output=True,
                             text=True, timeout=5, cwd=self.folder)
        return out.returncode, out.stderr.strip()

    def test_mistakes(self):
        write(self.folder, "rsa.private", "Private-key-format: v1.3\nAlgorithm: 8 (RSASHA256)\n")
        for dnssec, wanted in (
                ({"csk": "none"}, "zones[0].dnssec.csk: none: No such file or directory"),
                ({"ksk": self.ksk + ".private", "zsk": "rsa.private"},
                 "zones[0].dnssec.zsk: rsa.private: the algorithm is not 13 (ECDSAP256SHA256)"),
                ({"csk": self.ksk + ".key"}, "zones[0].dnssec.csk: %s.key: neither a "
                 "Private-key-format: v1 nor PEM" % self.ksk),
                ({"ksk": self.ksk + ".private"}, "zones[0].dnssec.zsk: required"),
                ({}, "zones[0].dnssec.ksk: required"),
                ({"csk": "a", "zsk": "b"}, "zones[0].dnssec: has either csk, or ksk and zsk"),
                ({"csk": "secure.pem", "validity_s": 60}, "zones[0].dnssec.validity_s: 60 is not")):
            with self.subTest(wanted):
                returncode, err = self.start(dnssec)
                self.assertEqual(returncode, 2)
                self.assertTrue(err.startswith("bad.json: " + wanted), err)
        write(self.folder, "signed.zone", ZONE + "x NSEC y A\n")
        self.assertEqual(self.start({"csk": "secure.pem"}, "signed.zone"), (
            2, "bad.json: zones[0].file: x.lab.test: RRSIG or NSEC in a zone that we are to sign"))


if __name__ == "__main__":
    unittest.main()
