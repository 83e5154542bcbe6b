#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program in front of the kernel on a wire: two PoPs, each a namespace, and a router between
them that has the client. GRO is on, so that a veth takes what comes by XDP."""
import contextlib
import os
import socket
import subprocess
import tempfile
import unittest

from support import Netns, wait_until
from support.front import ACK, SHELL, Front, flow_key, frame, gue, listener, tcp
from support.netns import veth
from support.offload import offload

VIP4, VIP6 = ("198.18.0.1", 80), ("2001:db8:100::1", 80)
CLIENT4, CLIENT6 = "100.64.1.9", "2001:db8:f801::9"
OWN4, OWN6 = ("10.200.1.1", "10.200.2.1"), ("2001:db8:f701::1", "2001:db8:f702::1")
KEYS = (bytes(range(16)), bytes(range(16, 32)))  # of what the first, the second PoP sends
EPOCHS = (71, 72)


class Wire(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("needs root: network namespaces and BPF")
        self.router = self.enterContext(Netns())
        self.pops = [self.enterContext(Netns()), self.enterContext(Netns())]
        self.router.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        self.router.ip(f"addr add {CLIENT4}/32 dev lo")
        self.router.ip(f"-6 addr add {CLIENT6}/128 dev lo nodad")
        for i, pop in enumerate(self.pops):
            veth(pop, "p0", [f"192.0.2.{4 * i + 1}/30", f"2001:db8:{i}::1/64"],
                 self.router, f"r{i}", [f"192.0.2.{4 * i + 2}/30", f"2001:db8:{i}::2/64"])
            for words in (f"addr add {VIP4[0]}/32 dev lo", f"addr add {OWN4[i]}/32 dev lo",
                          f"-6 addr add {VIP6[0]}/128 dev lo nodad",
                          f"-6 addr add {OWN6[i]}/128 dev lo nodad",
                          f"route add default via 192.0.2.{4 * i + 2}",
                          f"-6 route add default via 2001:db8:{i}::2"):
                pop.ip(words)
            self.router.ip(f"route add {OWN4[i]} via 192.0.2.{4 * i + 1}")
            self.router.ip(f"-6 route add {OWN6[i]} via 2001:db8:{i}::1")
            # What a veth leaves to its other end to fill in does not survive a tunnel.
            offload(self.router, f"r{i}", 0x17, 0)
            offload(self.router, f"r{i}", 0x2c, 1)
        # Neighbours are known on all sides.
        for i, pop in enumerate(self.pops):
            pop.run("ping", "-c1", "-W5", f"192.0.2.{4 * i + 2}")
            pop.run("ping", "-c1", "-W5", f"2001:db8:{i}::2")
        self.route(0)

    def route(self, pop):
        """The catchment: where packets for the VIPs go."""
        self.router.ip(f"route replace {VIP4[0]} via 192.0.2.{4 * pop + 1}")
        self.router.ip(f"-6 route replace {VIP6[0]} via 2001:db8:{pop}::1")

    @contextlib.contextmanager
    def fronts(self, mode="native", neighbor=True, **options):
        with contextlib.ExitStack() as stack:
            fronts = [stack.enter_context(Front(pop, **options)) for pop in self.pops]
            for i, front in enumerate(fronts):
                self.tell(front, i)
                near = [f"192.0.2.{4 * i + 2}"] if neighbor else []
                self.assertEqual(front.try_do("attach", "p0", mode, *near), [mode])
            yield fronts

    def tell(self, front, i):
        front.try_do("own", OWN4[i], OWN6[i])
        for row, vip in enumerate((VIP4, VIP6)):
            front.try_do("vip", vip[0], 0, 0, row)
        other = 1 - i
        for index, own in ((2, OWN4), (3, OWN6)):
            front.try_do("pop", index, own[other], own[i], KEYS[other], KEYS[i], EPOCHS[other],
                         EPOCHS[other], EPOCHS[i])

    def connect(self, vip):
        with listener(self.pops[0], *vip) as sock:
            client = self.router.socket(sock.family)
            client.settimeout(10)
            client.bind((CLIENT4 if vip == VIP4 else CLIENT6, 0))
            client.connect(vip)
            server = sock.accept()[0]
            server.settimeout(10)
        return client, server

    def shifted(self, fronts, pop):
        """A connection of the first PoP goes on, with its packets coming in at the second."""
        for vip in (VIP4, VIP6):
            self.route(0)
            client, server = self.connect(vip)
            client.sendall(b"before")
            self.assertEqual(server.recv(100), b"before")
            key = flow_key(client.getsockname()[:2], vip)
            self.route(1)
            client.sendall(b"after")
            wait_until(lambda: fronts[1].packets(), 5, "the second PoP shows it")
            self.assertEqual(fronts[0].try_do("find", key)[0], "1")
            self.assertEqual(fronts[1].try_do("find", key)[0], "0")
            fronts[1].try_do("learn", key, pop)
            self.assertEqual(server.recv(100), b"after")
            for _ in range(20):
                data = os.urandom(20000)
                client.sendall(data)
                got = b""
                while len(got) < len(data):
                    got += server.recv(len(data))
                self.assertEqual(got, data)
                server.sendall(data[:5000])
                got = b""
                while len(got) < 5000:
                    got += client.recv(5000)
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(server.recv(1), b"")
            server.close()
            self.assertEqual(client.recv(1), b"")
            client.close()
            counts = [front.counts() for front in fronts]
            self.assertGreater(counts[1]["handed_over"], 10)
            self.assertEqual(counts[0]["gue_delivered"], counts[0]["gue_accepted"])
            for name in ("gue_forged", "gue_gone", "gue_bad_inner", "gue_stranger"):
                self.assertEqual(counts[0][name], 0)

    def test_native(self):
        with self.fronts() as fronts:
            self.shifted(fronts, 2)

    def test_native_over_ipv6(self):
        with self.fronts() as fronts:
            self.shifted(fronts, 3)

    def test_generic(self):
        with self.fronts("generic", neighbor=False) as fronts:
            self.shifted(fronts, 2)

    def test_forged(self):
        """What a stranger sends is dropped, and the connection lives."""
        with self.fronts() as fronts:
            client, server = self.connect(VIP4)
            end = client.getsockname()
            inner = tcp(end, VIP4, ACK, b"forged")
            self.router.ip(f"addr add {OWN4[1]}/32 dev lo")
            with self.router.entered():
                raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            with raw:
                for key, source in ((bytes(16), OWN4[1]), (KEYS[0], OWN4[1]),
                                    (KEYS[1], "192.0.2.2")):
                    raw.sendto(gue(key, OWN4[1], OWN4[0], inner, flow_key(end, VIP4),
                                   epoch=EPOCHS[1], source=source), (OWN4[0], 0))
            wait_until(lambda: fronts[0].counts()["gue_stranger"] == 1, 5, "they are counted")
            self.assertEqual(fronts[0].counts()["gue_forged"], 2)
            self.assertEqual(fronts[0].counts()["gue_delivered"], 0)
            client.sendall(b"mine")
            self.assertEqual(server.recv(100), b"mine")
            client.close()
            server.close()

    def test_no_gro(self):
        """Where frames do not arrive, it is not native; or not at all, if it has to be."""
        offload(self.router, "r0", 0x2c, 0)
        with Front(self.pops[0]) as front:
            self.assertEqual(front.do("attach", "p0", "native", "192.0.2.2")[0], "error")
            self.assertNotIn("xdp", self.pops[0].ip("link show p0"))
            self.assertEqual(front.try_do("attach", "p0", "auto", "192.0.2.2"), ["generic"])
            front.try_do("detach", "p0")
            self.assertEqual(front.try_do("attach", "p0", "auto"), ["generic"])
            front.try_do("detach", "p0")
        offload(self.router, "r0", 0x2c, 1)
        with Front(self.pops[0]) as front:
            for neighbor in ("192.0.2.2", "2001:db8:0::2"):
                self.assertEqual(front.try_do("attach", "p0", "auto", neighbor), ["native"])
                front.try_do("detach", "p0")
            self.assertEqual(front.do("attach", "p9", "auto")[0], "error")
            self.assertEqual(front.do("attach", "p0", "native", "192.0.2.77")[0], "error")

    def test_gone_with_the_process(self):
        forwarding = ("cat", "/proc/sys/net/ipv4/conf/lo/forwarding",
                      "/proc/sys/net/ipv6/conf/lo/forwarding")
        before = self.pops[0].run(*forwarding)
        with self.fronts():
            self.assertIn("xdp", self.pops[0].ip("link show p0"))
        self.assertNotIn("xdp", self.pops[0].ip("link show p0"))
        self.assertEqual(self.pops[0].run(*forwarding), before)

    def test_kept(self):
        """What is pinned goes on without the process, and the next one has it."""
        with tempfile.TemporaryDirectory(prefix="front-") as folder:
            subprocess.run(["mount", "-t", "bpf", "bpf", folder], check=True)
            try:
                self.kept(os.path.join(folder, "ams"))
                self.assertNotIn("ams", os.listdir(folder))
            finally:
                subprocess.run(["umount", folder], check=True)

    def kept(self, pin):
        client, server = self.connect(VIP4)
        end = client.getsockname()
        stranger = ("100.64.1.77", 5)
        with Front(self.pops[0], pin=pin, flows=1000) as front:
            self.tell(front, 0)
            front.try_do("attach", "p0", "native", "192.0.2.2")
            client.sendall(b"one")
            self.assertEqual(server.recv(100), b"one")
            front.try_do("learn", flow_key(stranger, VIP4), 2)
            front.try_do("free", 1)
        self.assertIn("xdp", self.pops[0].ip("link show p0"))
        client.sendall(b"two")
        self.assertEqual(server.recv(100), b"two")
        with Front(self.pops[0], pin=pin, flows=1000) as front:
            self.tell(front, 0)
            self.assertEqual(front.try_do("attach", "p0", "native"), ["native"])
            age = int(front.try_do("find", flow_key(end, VIP4))[1])
            self.assertGreater(age, 0)
            self.assertEqual(front.run(frame(tcp(stranger, VIP4)))[0], "redirect")
            client.sendall(b"three")
            self.assertEqual(server.recv(100), b"three")
            front.try_do("free", 0)
        self.assertNotIn("xdp", self.pops[0].ip("link show p0"))
        # A table of another size is begun anew.
        with Front(self.pops[0], pin=pin, flows=1000) as front:
            front.try_do("free", 1)
        with Front(self.pops[0], pin=pin, flows=5000) as front:
            front.try_do("free", 0)
        client.close()
        server.close()

    def test_without_privileges(self):
        drop = ("setpriv", "--bounding-set=-bpf,-net_admin,-sys_admin,-perfmon",
                "--inh-caps=-bpf,-net_admin,-sys_admin,-perfmon")
        done = subprocess.run([*self.pops[0].command(*drop, SHELL)], input="new\n", text=True,
                              stdout=subprocess.PIPE, check=True)
        self.assertEqual(done.stdout, "error Operation not permitted: needs CAP_BPF, "
                         "CAP_NET_ADMIN and CAP_PERFMON, or root\n")


if __name__ == "__main__":
    unittest.main()
