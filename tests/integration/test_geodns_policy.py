#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies of catchment-geodns against a second implementation of their hash, in plain floating
point; and the records of a choice as dig and kdig read them."""

import ipaddress
import math
import os
import random
import socket
import struct
import subprocess
import unittest

from support import Netns, geodns_lab, openapi, wait_until

NS = "10.1.0.53"
POPS = {"fra": (50.1, 8.7), "nyc": (40.7, -74.0), "sin": (1.35, 103.8), "syd": (-33.9, 151.2)}
TARGET = {pop: f"10.200.{i}.1" for i, pop in enumerate(POPS, 1)}
ANSWER = {f"192.0.2.{i}": pop for i, pop in enumerate(POPS, 1)}
WEIGHTS = {"fra": 1, "nyc": 2, "sin": 5, "syd": 0}
ZONE = """
$TTL 3600
@ 600 SOA ns1 hostmaster 1 7200 3600 1209600 60
@ NS ns1
ns1 A 10.1.0.53
fra.edge A 198.51.100.1
nyc.edge A 198.51.100.2
"""
A, HTTPS = 1, 65


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: network namespaces")
    unittest.enterModuleContext(unittest.enterModuleContext(Netns()).entered())
    for addr in (NS, *TARGET.values()):
        subprocess.run(["ip", "addr", "add", addr + "/32", "dev", "lo"], check=True)


# ---- the hash a second time, from its description in geodns/geo/hash.h ----

def mix(x):
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9 % 2**64
    x = (x ^ x >> 27) * 0x94d049bb133111eb % 2**64
    return x ^ x >> 31


def seed(name):
    h = 14695981039346656037
    for byte in name.encode():
        h = (h ^ byte) * 1099511628211 % 2**64
    return mix(h)


def network_hash(addr):
    octets = addr.packed[:3 if addr.version == 4 else 6]
    return mix(int.from_bytes(bytes([addr.version]) + octets, "big"))


def costs(addr, weights):
    """By pop: the smallest wins."""
    network = network_hash(addr)
    return {pop: -math.log2((mix(network ^ seed(pop)) | 1) / 2**64) / w
            for pop, w in weights.items() if w}


def accepts(addr, pop, percent):
    salt = int.from_bytes(b"dial\0\0\0\0", "big")
    return (mix(network_hash(addr) ^ seed(pop) ^ salt) >> 32) * 100 >> 32 < percent


# ---- the server ----

def name(owner, addresses=True, **keys):
    pops = keys.pop("pops", list(POPS))
    entries = []
    for pop in pops:
        i = list(POPS).index(pop) + 1
        entries.append({"pop": pop, "check": "tcp", "address": TARGET[pop]})
        if addresses:
            entries[-1].update(a=[f"192.0.2.{i}"], aaaa=[f"2001:db8::{i}"])
        else:
            entries[-1]["cname"] = f"{pop}.edge.lab.test"
        if keys.get("policy") == "weighted" and "groups" not in keys:
            entries[-1]["weight"] = WEIGHTS[pop]
    return dict(keys, name=owner + ".lab.test", pops=entries)


def configuration(**dials):
    return {
        "version": 1, "listen": [NS + ":53"], "api": {"listen": "unix:api.sock"},
        "zones": [{"name": "lab.test", "file": "zone"}],
        "pops": [{"name": pop, "at": at, "dial": dials.get(pop, 100)} for pop, at in POPS.items()],
        "regions": {"eu": {"networks": ["21.0.0.0/8"]}},
        "networks": [{"prefix": "20.0.0.0/8", "at": POPS["nyc"]}],
        "default_at": POPS["fra"],
        "checks": {"tcp": {"type": "tcp", "port": 80, "interval_ms": 50, "timeout_ms": 50,
                           "rise": 1, "fall": 2}},
        "names": [
            name("weighted", policy="weighted"),
            name("sticky", policy="sticky", https={"alpn": ["h2", "h3"], "port": 8443}),
            name("near", pops=["fra", "nyc"],
                 when_all_down={"a": ["198.51.100.9"], "aaaa": ["2001:db8::9"]}),
            name("order", policy="failover", answers=2, pops=["sin", "nyc", "syd"], https={}),
            name("*.cdn", addresses=False, pops=["fra", "nyc"]),
            name("nested", fences=[{"region": "eu", "pops": ["fra"]}], policy="weighted",
                 groups=[{"name": "west", "policy": "sticky", "pops": ["fra", "nyc"], "weight": 3},
                         {"name": "east", "policy": "failover", "pops": ["syd", "sin"]}])]}


class Nameserver(geodns_lab.Nameserver):
    """Ready when each check has a result."""

    def __init__(self, conf):
        super().__init__(conf, lambda folder: geodns_lab.files_write(folder, zone=ZONE))

    def is_ready(self):
        return super().is_ready() and self.rest.get("/v1/status")["checks"]["unknown"] == 0

    def states(self):
        return {p["pop"]: p["state"] for p in self.rest.get("/v1/names/sticky.lab.test")["pops"]}


class Targets:
    """Who listens is up. Nobody need accept: the kernel does."""

    def __init__(self):
        self.sockets = {}
        for pop in TARGET:
            self.start(pop)

    def start(self, pop):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((TARGET[pop], 80))
        sock.listen(4096)
        self.sockets[pop] = sock

    def stop(self, pop):
        self.sockets.pop(pop).close()

    def close(self):
        for pop in list(self.sockets):
            self.stop(pop)


def query(owner, ident, subnet, qtype=A):
    """With the client subnet of a network."""
    wire = b"".join(bytes([len(l)]) + l.encode() for l in (owner + ".lab.test").split("."))
    octets = subnet.network_address.packed[:(subnet.prefixlen + 7) // 8]
    ecs = struct.pack(">HBB", 1 if subnet.version == 4 else 2, subnet.prefixlen, 0) + octets
    opt = struct.pack(">BHHIHHH", 0, 41, 1232, 0, 4 + len(ecs), 8, len(ecs)) + ecs
    return (struct.pack(">6H", ident, 0, 1, 0, 0, 1) + wire + b"\0" + struct.pack(">HH", qtype, 1)
            + opt)


def read(reply):
    """Number of the query, addresses, SCOPE; of an answer without CNAME."""
    ident, flags, _, answers, _, _ = struct.unpack(">6H", reply[:12])
    assert flags & 0xf == 0, "rcode %d" % (flags & 0xf)
    at = 12
    while reply[at]:
        at += 1 + reply[at]
    at += 5
    addrs = []
    for _ in range(answers):
        assert reply[at] & 0xc0 == 0xc0, "owner compressed"
        qtype, _, _, length = struct.unpack(">HHIH", reply[at + 2:at + 12])
        at += 12
        assert qtype == A and length == 4
        addrs.append(socket.inet_ntoa(reply[at:at + 4]))
        at += 4
    options = reply[-(len(reply) - at - 11):]
    assert struct.unpack(">H", options[:2])[0] == 8, "ECS is the only option"
    return ident, addrs, options[7]


def ask_all(owner, networks):
    """By network: addresses and SCOPE."""
    found = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        sock.connect((NS, 53))
        for start in range(0, len(networks), 50):
            batch = networks[start:start + 50]
            for i, net in enumerate(batch):
                sock.send(query(owner, start + i, net))
            for _ in batch:
                ident, addrs, scope = read(sock.recv(4096))
                found[networks[ident]] = addrs, scope
    return found


def networks_draw(count):
    """Public ones of both families."""
    rng, nets = random.Random(7), []
    while len(nets) < count:
        if len(nets) % 2:
            net = ipaddress.ip_network(((0x20 << 120) | rng.getrandbits(45) << 80, 48))
        else:
            net = ipaddress.ip_network((rng.randrange(1, 223) << 24 | rng.getrandbits(16) << 8, 24))
        if net.is_global and net not in nets[-1:]:
            nets.append(net)
    return list(dict.fromkeys(nets))


class Policies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.targets = Targets()
        cls.addClassCleanup(cls.targets.close)
        cls.networks = networks_draw(4000)
        cls.server = cls.enterClassContext(Nameserver(configuration(fra=30)))
        cls.up()

    @classmethod
    def up(cls, *but):
        wait_until(lambda: cls.server.states() == {p: "down" if p in but else "up" for p in POPS},
                   5, "all but %s are up" % (but,))

    def hashed_check(self, owner, weights):
        """Answers are those of the second implementation; gives them by network."""
        chosen, unsure = {}, 0
        for net, (addrs, scope) in ask_all(owner, self.networks).items():
            self.assertEqual(scope, 24 if net.version == 4 else 48)
            self.assertEqual(len(addrs), 1)
            mine = {pop: w for pop, w in weights.items()
                    if pop != "fra" or accepts(net.network_address, pop, 30)}
            cost = sorted((c, pop) for pop, c in costs(net.network_address, mine).items())
            chosen[net] = ANSWER[addrs[0]]
            if chosen[net] != cost[0][1]:
                # The table's logarithm is 5e-5 off at most.
                self.assertEqual(chosen[net], cost[1][1])
                self.assertLess(cost[1][0] - cost[0][0], 1e-4)
                unsure += 1
        self.assertLess(unsure, len(chosen) / 200)
        return chosen

    def test_weighted_and_sticky_are_as_described(self):
        chosen = self.hashed_check("weighted", WEIGHTS)
        self.assertEqual(set(chosen.values()), {"fra", "nyc", "sin"}, "weight 0 has nobody")
        chosen = self.hashed_check("sticky", dict.fromkeys(POPS, 1))
        self.assertEqual(set(chosen.values()), set(POPS))

    def test_a_dead_pop_moves_its_own_networks_only(self):
        before = self.hashed_check("weighted", WEIGHTS)
        self.targets.stop("nyc")
        self.up("nyc")
        after = self.hashed_check("weighted", dict(WEIGHTS, nyc=0))
        self.assertEqual({before[n] for n in before if before[n] != after[n]}, {"nyc"})
        self.targets.start("nyc")
        self.up()
        self.assertEqual(self.hashed_check("weighted", WEIGHTS), before, "they are back")

    def dial_check(self, server, percent):
        """Networks that fra takes of those to which it is the nearest."""
        taken = set()
        for net, (addrs, scope) in ask_all("near", self.networks).items():
            self.assertEqual(scope, 24 if net.version == 4 else 48)
            is_far = net.version == 4 and str(net).startswith("20.")
            fra = accepts(net.network_address, "fra", percent) and not is_far
            self.assertEqual(ANSWER[addrs[0]], "fra" if fra else "nyc", net)
            if fra:
                taken.add(net)
        explained = server.rest.get("/v1/explain?name=near.lab.test&client=%s"
                                    % next(n for n in sorted(taken, key=str) if n.version == 4))
        self.assertEqual(explained["pop"], "fra")
        self.assertIsNotNone(explained["hashed"])
        return taken

    def test_a_dial_turned_up_only_adds(self):
        low = self.dial_check(self.server, 30)
        conf = dict(configuration(fra=60), listen=["127.0.0.1:5399"])
        with Nameserver(conf) as server:
            high = {n for n in self.networks
                    if server.rest.get("/v1/explain?name=near.lab.test&client=%s" % n)["pop"]
                    == "fra"}
        self.assertLess(low, high)
        self.assertAlmostEqual(len(low) / len(self.networks), 0.3, delta=0.03)
        self.assertAlmostEqual(len(high) / len(self.networks), 0.6, delta=0.03)

    def run_tool(self, *args):
        return subprocess.run(args, capture_output=True, text=True, timeout=10, check=True).stdout

    def test_https_as_dig_and_kdig_read_it(self):
        net = next(n for n in self.networks if n.version == 4)
        addrs, _ = ask_all("sticky", [net])[net]
        i = list(POPS).index(ANSWER[addrs[0]]) + 1
        expected = "1 . alpn=%sh2,h3%s port=%s8443%s ipv4hint=192.0.2.%d ipv6hint=2001:db8::%d"
        for tool in ("dig", "kdig"):
            out = self.run_tool(tool, "@" + NS, "sticky.lab.test", "HTTPS", "+short",
                                "+subnet=%s" % net)
            self.assertEqual(out.replace('"', ""), expected % ("", "", "", "", i, i) + "\n", tool)
        out = self.run_tool("kdig", "@" + NS, "order.lab.test", "HTTPS", "+subnet=%s" % net)
        self.assertIn("1 . ipv4hint=192.0.2.3,192.0.2.2 ipv6hint=2001:db8::3,2001:db8::2", out)
        self.assertIn("CLIENT-SUBNET: %s/0" % net, out, "failover is everybody's")

    def test_cname_and_several_answers(self):
        def ask(owner, net):
            return self.run_tool("kdig", "@" + NS, owner + ".lab.test", "+short",
                                 "+subnet=%s" % net).split()
        self.assertEqual(ask("x.cdn", "20.1.2.0/24"), ["nyc.edge.lab.test.", "198.51.100.2"])
        self.assertEqual(ask("order", "20.1.2.0/24"), ["192.0.2.3", "192.0.2.2"])

    def test_last_resort(self):
        for pop in ("fra", "nyc"):
            self.targets.stop(pop)
        self.up("fra", "nyc")
        found = ask_all("near", self.networks[:20])
        self.assertEqual({addrs[0] for addrs, _ in found.values()}, {"198.51.100.9"})
        explained = self.server.rest.get("/v1/explain?name=near.lab.test&client=20.1.2.3")
        self.assertEqual((explained["pop"], explained["pops"], explained["a"]),
                         (None, [], ["198.51.100.9"]))
        self.assertIn("last resort", explained["why"])
        for pop in ("fra", "nyc"):
            self.targets.start(pop)
        self.up()

    def test_api_is_as_documented(self):
        api = openapi.Checker(openapi.Spec("geodns.yaml"), self.server.rest)
        names = {n["name"]: n for n in api.ask("GET", "/v1/names", 200)["names"]}
        self.assertEqual(names["nested.lab.test"]["groups"][1],
                         {"name": "east", "policy": "failover", "weight": 1,
                          "pops": ["syd", "sin"]})
        self.assertEqual(names["nested.lab.test"]["fences"], [{"region": "eu", "pops": ["fra"]}])
        self.assertEqual(names["near.lab.test"]["when_all_down"]["a"], ["198.51.100.9"])
        for owner in names:
            explained = api.ask("GET", "/v1/explain", 200,
                                query={"name": owner.replace("*", "x"), "client": "20.1.2.0/24"})
            self.assertEqual(explained["policy"], names[owner]["policy"])
            self.assertEqual(len(explained["pops"]), names[owner]["answers"])
            hashes = owner.split(".")[0] in ("weighted", "sticky", "near", "*", "nested")
            self.assertEqual(explained["hashed"], "20.1.2.0/24" if hashes else None, owner)


if __name__ == "__main__":
    unittest.main()
