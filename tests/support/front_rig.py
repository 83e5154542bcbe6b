# SPDX-License-Identifier: GPL-3.0-or-later
"""A PoP with sockets, routes and neighbours of its own, in front of which the program runs by
BPF_PROG_TEST_RUN."""
import json
import os
import unittest

from .front import Front, frame
from .netns import Netns, veth

VIP4, VIP6 = ("198.18.0.1", 80), ("2001:db8:100::1", 80)
CLIENT4, CLIENT6 = ("100.64.1.9", 40000), ("2001:db8:f801::9", 40000)
OURS4, OURS6 = "10.200.1.1", "2001:db8:f701::1"
THEIRS4, THEIRS6 = "10.200.2.1", "2001:db8:f702::1"
KEY_IN, KEY_OUT = bytes(range(16)), bytes(range(100, 116))
PATH_MAC = "02:00:00:00:00:99"
PAIRS = ((CLIENT4, VIP4), (CLIENT6, VIP6))


class Namespaces(unittest.TestCase):
    options = {}

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("needs root: network namespaces and BPF")
        self.pop = self.enterContext(Netns())
        self.path = self.enterContext(Netns())
        veth(self.pop, "p0", ["192.0.2.1/24", "2001:db8::1/64"],
             self.path, "q0", ["192.0.2.2/24", "2001:db8::2/64"])
        for words in ("addr add 198.18.0.1/32 dev lo", "addr add 10.200.1.1/32 dev lo",
                      "-6 addr add 2001:db8:100::1/128 dev lo nodad",
                      "-6 addr add 2001:db8:f701::1/128 dev lo nodad",
                      "route add default via 192.0.2.2", "-6 route add default via 2001:db8::2",
                      f"neigh replace 192.0.2.2 lladdr {PATH_MAC} dev p0 nud permanent",
                      f"-6 neigh replace 2001:db8::2 lladdr {PATH_MAC} dev p0 nud permanent"):
            self.pop.ip(words)
        link, = json.loads(self.pop.ip("-json link show p0"))
        self.mac = bytes.fromhex(link["address"].replace(":", ""))
        self.front = self.enterContext(Front(self.pop, **self.options))
        self.tell(self.front)

    def tell(self, front):
        front.try_do("own", OURS4, OURS6)
        for row, vip in enumerate((VIP4, VIP6)):
            front.try_do("vip", vip[0], 0, 0, row)
        self.pops(front)

    def pops(self, front, epoch=7, before=6):
        front.try_do("pop", 2, THEIRS4, OURS4, KEY_IN, KEY_OUT, epoch, before, 9)
        front.try_do("pop", 3, THEIRS6, OURS6, KEY_IN, KEY_OUT, epoch, before, 9)

    def verdict(self, expected, packet, **counted):
        """What becomes of the packet; which counters grow with it."""
        octets = packet if isinstance(packet, bytes) and packet[:1] == b"\2" else frame(packet)
        with self.front.counting(self, **counted):
            verdict, out = self.front.run(octets)
        self.assertEqual(verdict, expected)
        return out

    def unchanged(self, packet, **counted):
        """It passes as it came."""
        octets = packet if packet[:1] == b"\2" else frame(packet)
        self.assertEqual(self.verdict("pass", octets, **counted), octets)
