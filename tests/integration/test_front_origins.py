#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program in front of the kernel as plane `xdp`, packet by packet: which origin a packet goes
to, and what the connection table keeps of it."""
import time
import unittest

from support.front import (ACK, FIN, RST, SYN, UDP, flow_key, frame, gue, icmp_error, ip,
                           tcp, udp)
from support.front_rig import (CLIENT4, CLIENT6, KEY_IN, OURS4, PAIRS, THEIRS4, VIP4, VIP6,
                               Namespaces)

ROUND_TRIP_S = 0.0003  # more than the least that there can be
FROM = bytes.fromhex("0200000000aa")
LO = 1  # where BPF_PROG_TEST_RUN's frames come in


def mac(index):
    return bytes([2, 0, 0, 0, 1, index])


class Rack(Namespaces):
    options = {"xdp": 1, "services": 3, "maglev": 251, "flows": 1000}

    def tell(self, front):
        front.try_do("own", OURS4)
        self.pops(front)
        for i in range(4):
            front.try_do("origin", i, mac(i), LO, FROM)
        front.try_do("service", 0, 0, 1)
        front.try_do("service", 1, 0, 1)
        front.try_do("vip", VIP4[0], 80, 6, 0, 0)
        front.try_do("vip", VIP6[0], 80, 6, 1, 0)
        front.try_do("vip", VIP4[0], 80, UDP, 2, 1)

    def origin(self, packet, **counted):
        """The packet goes as it is to one of them: which."""
        out = self.verdict("tx", packet, **counted)
        self.assertEqual(out[6:12], FROM)
        self.assertEqual(out[12:], frame(packet)[12:])
        self.assertEqual(out[:5], mac(0)[:5])
        return out[5]

    def syn(self, client, vip):
        return self.origin(tcp(client, vip, SYN), packets=1, syn=1)

    def served(self, packet):
        return self.origin(packet, packets=1, known=1)

    def open(self, client, vip):
        """A connection is opened: SYN, and after a round trip the third packet."""
        at = self.syn(client, vip)
        time.sleep(ROUND_TRIP_S)
        self.assertEqual(self.served(tcp(client, vip)), at)
        return at


class Origins(Rack):
    def test_stays(self):
        """Whatever the weights become, and an origin that drains keeps what it has."""
        flows = {}
        for client, vip in PAIRS:
            for port in range(1000, 1020):
                flows[(client[0], port), vip] = self.open((client[0], port), vip)
        self.assertEqual(set(flows.values()), {0, 1})
        self.front.try_do("service", 0, 2)
        for (client, vip), at in flows.items():
            for flags in (ACK, ACK | FIN, ACK):
                self.assertEqual(self.served(tcp(client, vip, flags)), at)
            found, _ = self.front.try_do("find", flow_key(client, vip))
            self.assertEqual(found, "1")
        self.assertEqual(self.syn(("100.64.9.9", 1), VIP4), 2)

    def test_same_syn(self):
        """A SYN that is sent again goes where it went, also when the table has changed."""
        for client, vip in PAIRS:
            self.front.try_do("service", 0, 0)
            self.assertEqual(self.syn(client, vip), 0)
            self.front.try_do("service", 0, 1)
            self.assertEqual(self.syn(client, vip), 0)
            time.sleep(ROUND_TRIP_S)
            self.assertEqual(self.served(tcp(client, vip)), 0)

    def test_unknown(self):
        """In the middle of a flow, without a SYN: it is asked about, and no state is made."""
        for client, vip in PAIRS:
            for flags in (ACK, RST, ACK | FIN, SYN | ACK):
                self.verdict("drop", tcp(client, vip, flags), packets=1, asked=1)
            self.assertEqual(self.front.try_do("find", flow_key(client, vip)), ["0", "0"])
            self.front.try_do("learn", flow_key(client, vip), 2)
            self.verdict("redirect", tcp(client, vip), packets=1, handed_over=1)
            # A SYN takes ownership.
            self.open(client, vip)
            self.front.try_do("refuse", flow_key(client, vip))
            self.served(tcp(client, vip))

    def test_origin_gone(self):
        for client, vip in PAIRS:
            self.front.try_do("service", 0, 3)
            self.open(client, vip)
            self.front.try_do("service", 0, 1)
            self.front.try_do("origin", 3)
            self.assertEqual(self.served(tcp(client, vip)), 1)
            self.front.try_do("origin", 3, mac(3), LO, FROM)
        self.front.try_do("service", 0, 3)
        self.front.try_do("origin", 3)
        self.verdict("drop", tcp(("100.64.3.3", 3), VIP4, SYN), packets=1, syn=1, no_origin=1)

    def test_datagrams(self):
        """They follow the weights at once, by flow."""
        seen = set()
        for port in range(40):
            at = self.served(udp((CLIENT4[0], port), VIP4, b"x"))
            self.assertEqual(self.served(udp((CLIENT4[0], port), VIP4, b"y" * 99)), at)
            seen.add(at)
        self.assertEqual(seen, {0, 1})
        self.front.try_do("service", 1, 2)
        self.assertEqual(self.served(udp((CLIENT4[0], 1), VIP4, b"x")), 2)
        self.unchanged(udp((CLIENT4[0], 1), (VIP4[0], 81), b"x"))
        self.unchanged(tcp(CLIENT4, (VIP4[0], 81)))
        packets, octets = self.front.try_do("origin_count", 2)
        self.assertEqual((packets, octets), ("1", "29"))

    def test_errors(self):
        for client, vip, router in ((CLIENT4, VIP4, "203.0.113.7"),
                                    (CLIENT6, VIP6, "2001:db8:bad::7")):
            at = self.open(client, vip)
            self.assertEqual(self.served(icmp_error(router, client, vip)), at)
            other = (client[0], client[1] + 1)
            self.verdict("drop", icmp_error(router, other, vip), packets=1, asked=1)
        self.served(icmp_error("203.0.113.7", CLIENT4, VIP4, quoted=udp(VIP4, CLIENT4, b"12")))

    def test_fragments(self):
        """The first one has the ports; what follows has none, and passes."""
        at = self.open(CLIENT4, VIP4)
        first = tcp(CLIENT4, VIP4, data=bytes(96), fragment=1 << 15)
        self.assertEqual(self.served(first), at)
        self.unchanged(ip(CLIENT4[0], VIP4[0], 6, bytes(60), fragment=20))

    def test_handed_over(self):
        at = self.open(CLIENT4, VIP4)
        inner, key = tcp(CLIENT4, VIP4, data=b"more"), flow_key(CLIENT4, VIP4)
        out = self.verdict("tx", gue(KEY_IN, THEIRS4, OURS4, inner, key, epoch=7),
                           gue_accepted=1, gue_delivered=1)
        self.assertEqual(out, mac(at) + FROM + frame(inner)[12:])
        other = (CLIENT4[0], 7)
        inner, key = tcp(other, VIP4), flow_key(other, VIP4)
        self.verdict("drop", gue(KEY_IN, THEIRS4, OURS4, inner, key, epoch=7),
                     gue_accepted=1, gue_gone=1)

    def test_census(self):
        for port in range(30):
            self.open((CLIENT4[0], port), VIP4)
        self.front.try_do("refuse", flow_key(CLIENT4, VIP4))
        self.front.try_do("learn", flow_key(CLIENT6, VIP6), 2)
        states = self.front.try_do("sweep", 600)
        self.assertEqual(states[1:5], ["30", "0", "1", "1"])


class Flood(Rack):
    options = {"xdp": 1, "services": 3, "maglev": 251, "flows": 64}

    def test_flood(self):
        """Neither SYNs nor other packets of nobody's flows take the place of what is open."""
        flows = [(CLIENT4[0], 5000 + i) for i in range(20)]
        at = [self.open(client, VIP4) for client in flows]
        for i in range(2000):
            for j, flags in enumerate((SYN, ACK)):
                client = ("100.%d.%d.7" % (65 + 3 * j + i % 3, i % 250), 1024 + i)
                self.front.run(frame(tcp(client, VIP4, flags)))
        for client, origin in zip(flows, at):
            self.assertEqual(self.served(tcp(client, VIP4)), origin)
        counts = self.front.counts()
        self.assertEqual(counts["asked"] + counts["limit_prefix"] + counts["limit_all"], 2000)
        self.assertEqual(counts["table_full"], 0)


if __name__ == "__main__":
    unittest.main()
