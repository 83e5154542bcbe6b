#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The short way of plane `xdp` beside the long one: the same packets, thousands of them drawn at
random, through a program that has both and one that has the long way only. Verdict, octets, counters
and what the connection table knows afterwards have to be the same.

Each program has a secret of its own, so where something has its place differs: what is compared does
not depend on it. All new flows go to one origin, another one with each turn.
"""
import os
import random
import time
import unittest

from support.front import (ACK, FIN, RST, SYN, TCP, UDP, Front, flow_key, frame, icmp_error, ip, tcp,
                           tcp_segment, udp)
from support.front_rig import KEY_IN, OURS4, THEIRS4, VIP4, VIP6, Namespaces

SEED = int(os.environ.get("CATCHMENT_SEED", "20261123"))
TURNS, PACKETS = 8, 1000
ROUND_TRIP_S = 0.0004
ORIGINS, LO = 8, 1
FROM = bytes.fromhex("0200000000aa")
OTHERS = {4: ("198.18.0.2", 80), 6: ("2001:db8:100::2", 80)}  # no VIP of ours
EXTENSIONS = ((0, bytes([1, 4]) + bytes(4)), (60, bytes([1, 4]) + bytes(4)), (43, bytes(6)),
              (43, bytes([0, 1]) + bytes(20)), (51, bytes(10)), (44, bytes(6)))


class Drawn:
    """Packets of a few hundred flows, of all kinds."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.flows = [(("100.64.%d.%d" % (n // 4, 1 + n % 4), 1024 + n), VIP4) for n in range(120)]
        self.flows += [(("2001:db8:f8%02x::%x" % (n // 4, 1 + n % 4), 1024 + n), VIP6)
                       for n in range(120)]

    def flags(self):
        return self.random.choice((ACK,) * 12 + (SYN,) * 3 + (ACK | 8, 0, FIN | ACK, RST, RST | ACK,
                                                              SYN | ACK, SYN | FIN, SYN | RST, 0xff,
                                                              ACK | 0xe0))

    def segment(self, client, vip, flags):
        """TCP with options, or a header that says it has them."""
        segment = bytearray(tcp_segment(client[0], vip[0], client[1], vip[1], flags,
                                        self.random.randbytes(self.random.choice((0, 1, 6, 40)))))
        segment[12] = self.random.choice((0x50, 0x50, 0x60, 0xa0, 0xf0, 0x40, 0x00, 0x5f))
        return bytes(segment)

    def packet(self):
        r = self.random
        client, vip = r.choice(self.flows)
        four, kind = ":" not in vip[0], r.randrange(20)
        if kind < 9:
            return tcp(client, vip, self.flags(), r.randbytes(r.choice((0, 0, 1, 7, 100))))
        if kind < 11:
            return ip(client[0], vip[0], TCP, self.segment(client, vip, self.flags()))
        if kind == 11:
            return tcp(client, vip, self.flags(),
                       **({"options": b"\1" * r.choice((4, 40))} if four else
                          {"extensions": r.sample(EXTENSIONS, r.choice((1, 2)))}))
        if kind == 12:
            return tcp(client, vip, self.flags(), b"x" * 16,
                       fragment=r.choice((0x8000, 0x8001, 1, 0, 185)))
        if kind == 13:
            return udp(client, vip, b"x" * r.randrange(9))
        if kind == 14:
            return icmp_error(client[0], client, vip, r.choice((None, 1, 3, 4, 8, 11, 128)),
                              r.choice((None, tcp(vip, client)[:r.randrange(70)])))
        if kind == 15:
            return tcp(client, vip, self.flags(), total=r.choice((0, 19, 20, 39, 40, 59, 60, 1500)))
        if kind == 16:
            return tcp(client, r.choice(((vip[0], 81), OTHERS[4 if four else 6])), self.flags())
        if kind == 17:
            return tcp(client, vip, self.flags())[:r.randrange(1, 60)]
        if kind == 18 and not four:
            return tcp(("::ffff:100.64.0.1", 1024), vip, self.flags())
        octets = bytearray(tcp(client, vip, self.flags()))
        for _ in range(r.choice((1, 1, 2))):
            octets[r.randrange(len(octets))] ^= 1 << r.randrange(8)
        return bytes(octets)

    def frame(self):
        r = self.random
        octets = bytearray(frame(self.packet(), r.choice((0, 0, 0, 6, 20)),
                                 to=r.choice((b"\2\0\0\0\0\1",) * 30 + (b"\xff" * 6,))))
        if r.random() < 0.02:
            octets[12:14] = r.choice((b"\x08\x00", b"\x86\xdd", b"\x08\x06", b"\x81\x00"))
        return bytes(octets)


def comparable(verdict, octets):
    """Of a packet in GUE not what comes of the flow's hash: its port and its checksum."""
    if verdict != "redirect":
        return verdict, octets
    at = 14 + (20 if octets[12:14] == b"\x08\x00" else 40)
    return verdict, octets[:at] + octets[at + 2:at + 6] + octets[at + 8:]


def counted(front):
    """Which limit stops a question is a matter of the instant."""
    counts = front.counts()
    asked = sum(counts.pop(name) for name in ("asked", "limit_flow", "limit_prefix", "limit_all"))
    return {**counts, "asked": asked}


class Ways(Namespaces):
    options = {"xdp": 1, "services": 2, "maglev": 251, "flows": 20000, "half": 1000000}

    def setUp(self):
        super().setUp()
        self.long = self.enterContext(Front(self.pop, **self.options, long=1))
        self.tell(self.long)

    def tell(self, front):
        front.try_do("own", OURS4)
        front.try_do("pop", 2, THEIRS4, OURS4, KEY_IN, KEY_IN, 7, 6, 9)
        for i in range(ORIGINS):
            front.try_do("origin", i, bytes([2, 0, 0, 0, 1, i]), LO, FROM)
        for service in range(2):
            front.try_do("service", service, 0)
        front.try_do("vip", VIP4[0], 80, TCP, 0, 0)
        front.try_do("vip", VIP6[0], 80, TCP, 1, 0)
        front.try_do("vip", VIP4[0], 80, UDP, 2, 1)

    def both(self, *words):
        return [front.try_do(*words) for front in (self.front, self.long)]

    def same_table(self, flows):
        for client, vip in flows:
            key = flow_key(client, vip)
            short, long = self.both("look", key)
            self.assertEqual(short[0], long[0], (client, vip))
            # The clocks of either may have ticked between the two.
            for one, other, tick in ((short[1], long[1], 1000), (short[2], long[2], 1074)):
                self.assertLessEqual(abs(int(one) - int(other)), tick, (client, vip))
            (short, _), (long, _) = self.both("find", key)
            self.assertEqual(short, long, (client, vip))
        self.assertEqual(*([front.try_do("origin_count", i) for i in range(ORIGINS)]
                           for front in (self.front, self.long)))
        # Two walks, so that the last one that is whole has begun now.
        self.assertEqual(*self.both("sweep", 1200))

    def same_counts(self):
        self.assertEqual(counted(self.front), counted(self.long))
        took = 0
        for row in range(3):
            short, long = (front.vip_counts(row) for front in (self.front, self.long))
            took += short.pop("plain")
            self.assertEqual(long.pop("plain"), 0)
            self.assertEqual(short, long)
        return took

    def test_same(self):
        drawn = Drawn(SEED)
        verdicts = {}
        for turn in range(TURNS):
            self.both("service", 0, turn % ORIGINS)
            for client, vip in drawn.random.sample(drawn.flows, 5):
                self.both("learn", flow_key(client, vip), 2)
            if turn == TURNS - 2:
                self.both("origin", 1)  # is no more: its flows go elsewhere
            for number in range(PACKETS):
                octets = drawn.frame()
                short, long = (comparable(*front.run(octets)) for front in (self.front, self.long))
                self.assertEqual(short, long, f"seed {SEED}, turn {turn}, packet {number}: "
                                              f"{octets.hex()}")
                verdicts[short[0]] = verdicts.get(short[0], 0) + 1
                if octets[47:48] and (octets[47] | octets[67 if len(octets) > 67 else 47]) & SYN:
                    time.sleep(ROUND_TRIP_S)
            # What is idle is told apart in seconds.
            time.sleep(0.3)
            self.same_table(drawn.flows)
            took = self.same_counts()
        for verdict in ("pass", "drop", "tx", "redirect"):
            self.assertGreater(verdicts.get(verdict, 0), 20, verdicts)
        # The short way was there, and so was the long one in the same program.
        self.assertGreater(took, TURNS * PACKETS // 20)
        self.assertLess(took, verdicts["tx"] - 1000)


if __name__ == "__main__":
    unittest.main()
