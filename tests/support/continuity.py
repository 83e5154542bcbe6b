# SPDX-License-Identifier: GPL-3.0-or-later
"""PoPs with catchment-lb and continuity, each a namespace, and a router between them that has the
client and decides which PoP its packets come to."""
import contextlib
import os
import subprocess
import tempfile
import unittest

from . import lb_lab
from .front import listener
from .netns import Netns, veth
from .offload import offload

VIPS = (("198.18.0.1", 80), ("2001:db8:100::1", 80))
CLIENT4, CLIENT6 = "100.64.1.9", "2001:db8:f801::9"
NAMES = ("fra", "ams", "lon")


def own4(pop):
    return f"10.200.{pop + 1}.1"


def own6(pop):
    return f"2001:db8:f70{pop + 1}::1"


class Pop:
    """A lab to lb_lab.Daemon."""

    def __init__(self, stack, directory, number):
        self.number, self.name = number, NAMES[number]
        self.lb = stack.enter_context(Netns())
        self.directory = os.path.join(directory, self.name)
        os.mkdir(self.directory)
        self.socket = os.path.join(self.directory, "lb.sock")
        self.key = os.path.join(self.directory, "key")
        self.public_key = subprocess.run([lb_lab.LB, "--mesh-key", self.key], text=True, check=True,
                                         stdout=subprocess.PIPE).stdout.strip()
        self.origin = lb_lab.Origin(self.lb, 8080)
        stack.callback(self.origin.stop)
        self.daemon = None

    def configuration(self, pops, has_continuity, **continuity):
        i, near = self.number, 4 * self.number + 2
        dataplane = {"type": "local", "routes": False}
        if has_continuity:
            dataplane["continuity"] = {
                "interfaces": [{"name": "p0", "neighbor": f"192.0.2.{near}"}], "mode": "native",
                **continuity}
        return {
            "version": 1, "pop": self.name, "asn": 64500, "router_id": own4(i),
            "api": {"listen": "unix:" + self.socket},
            "identity": {"prefixes": [f"10.200.{i + 1}.0/24", f"2001:db8:f70{i + 1}::/48"],
                         "addresses": [own4(i), own6(i)]},
            "checks": {"tcp": {"type": "tcp", "port": 8080, "interval_ms": 100}},
            "origins": [{"name": "local", "address": "127.0.0.1", "check": "tcp"}],
            "vips": [{"name": "any", "prefixes": ["198.18.0.0/24", "2001:db8:100::/48"],
                      "addresses": [vip[0] for vip in VIPS], "origins": ["local"]}],
            "bgp": {"peers": []},
            "mesh": {"key_file": self.key, "pops": [
                {"name": pop.name, "address": own4(pop.number), "public_key": pop.public_key}
                for pop in pops]},
            "dataplane": dataplane,
        }

    def start(self, pops, has_continuity=True, program=lb_lab.LB, prefix=(), **continuity):
        """pops: all of them; it passes over itself."""
        self.daemon = lb_lab.Daemon(
            self, self.configuration(pops, has_continuity, **continuity), prefix, program)

    def mesh(self, other):
        """What it knows of another PoP."""
        pops = self.daemon.get("/v1/mesh")[1]["pops"]
        return next(pop for pop in pops if pop["name"] == other.name)

    def is_ready(self):
        return (self.daemon.vip("any")["state"] == "up" and
                all(pop["state"] == "live" for pop in self.daemon.get("/v1/mesh")[1]["pops"]))

    def counts(self):
        return self.daemon.get("/v1/status")[1]["continuity"]


class Pops(unittest.TestCase):
    count = 2

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("needs root: network namespaces and BPF")
        self.stack = self.enterContext(contextlib.ExitStack())
        directory = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="continuity-"))
        self.router = self.stack.enter_context(Netns())
        self.router.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        self.router.ip(f"addr add {CLIENT4}/32 dev lo")
        self.router.ip(f"-6 addr add {CLIENT6}/128 dev lo nodad")
        self.pops = [Pop(self.stack, directory, i) for i in range(self.count)]
        for i, pop in enumerate(self.pops):
            veth(pop.lb, "p0", [f"192.0.2.{4 * i + 1}/30", f"2001:db8:{i}::1/64"],
                 self.router, f"r{i}", [f"192.0.2.{4 * i + 2}/30", f"2001:db8:{i}::2/64"])
            pop.lb.ip(f"route add default via 192.0.2.{4 * i + 2}")
            pop.lb.ip(f"-6 route add default via 2001:db8:{i}::2")
            self.router.ip(f"route add {own4(i)} via 192.0.2.{4 * i + 1}")
            self.router.ip(f"-6 route add {own6(i)} via 2001:db8:{i}::1")
            # What a veth leaves to its other end to fill in does not survive a tunnel.
            offload(self.router, f"r{i}", 0x17, 0)
            offload(self.router, f"r{i}", 0x2c, 1)
        self.route(0)

    def route(self, pop):
        """The catchment: where packets for the VIPs go."""
        self.router.ip(f"route replace {VIPS[0][0]} via 192.0.2.{4 * pop + 1}")
        self.router.ip(f"-6 route replace {VIPS[1][0]} via 2001:db8:{pop}::1")

    def start(self, has_continuity=True, **continuity):
        for pop in self.pops:
            pop.start(self.pops, has_continuity, **continuity)
            self.stack.callback(pop.daemon.stop)
        self.wait_ready()

    def wait_ready(self):
        for pop in self.pops:
            lb_lab.wait_until(pop.is_ready, what=f"{pop.name} is up and knows the others")

    @contextlib.contextmanager
    def connection(self, vip, pop=0):
        """With the PoP that it comes to now: (client, server)."""
        with listener(self.pops[pop].lb, *vip) as sock:
            with self.router.socket(sock.family) as client:
                client.settimeout(20)
                client.bind((CLIENT4 if vip == VIPS[0] else CLIENT6, 0))
                client.connect(vip)
                server = sock.accept()[0]
                with server:
                    server.settimeout(20)
                    self.exchange(client, server)
                    yield client, server

    def exchange(self, client, server):
        for source, sink in ((client, server), (server, client)):
            data = os.urandom(20000)
            source.sendall(data)
            got = b""
            while len(got) < len(data):
                more = sink.recv(len(data))
                self.assertTrue(more, "it has been closed")
                got += more
            self.assertEqual(got, data)
