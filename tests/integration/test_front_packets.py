#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program in front of the kernel, packet by packet: BPF_PROG_TEST_RUN in a namespace with real
sockets, routes and neighbours. What it sends is held against what tests/support/front.py makes."""
import socket
import struct
import time
import unittest

from support.front_rig import (CLIENT4, CLIENT6, KEY_IN, KEY_OUT, OURS4, OURS6, PAIRS, PATH_MAC,
                               THEIRS4, THEIRS6, VIP4, VIP6, Namespaces)
from support.front import (ACK, FIN, RST, SYN, TCP, UDP, flow_key, frame, gue, icmp_error,
                           ip, listener, tcp, udp, checksum, pseudo, packed)

KNOWN = {"packets": 1, "known": 1}
ASKED = {"packets": 1, "asked": 1}


class Local(Namespaces):
    def connect(self, vip, address):
        """(client's end, server's end) of a connection that the PoP's kernel has."""
        with listener(self.pop, vip[0], vip[1]) as sock:
            client = self.pop.socket(sock.family)
            client.bind((address, 0))
            client.connect(vip)
            server = sock.accept()[0]
        return client, server

    def ask(self, packet, client, vip, **expected):
        self.verdict("drop", packet, **ASKED)
        (kind, flags, error, _, row, cut, key, data), = self.front.packets()
        self.assertEqual((kind, key, data, cut), ("ask", flow_key(client, vip), packet, 0))
        self.assertEqual(row, (VIP4, VIP6).index(vip))
        for name, value in expected.items():
            self.assertEqual({"flags": flags, "error": error}[name], value)

    # ---- whose networks are served ----

    def networks(self):
        return sorted(bytes.fromhex(word) for word in self.front.try_do("networks"))

    def test_networks(self):
        """Of connections that are here, however they have come; each is told once."""
        ends = []
        for vip, address in ((VIP4, "127.0.0.9"), (VIP6, "2001:db8::1")):
            client, server = self.connect(vip, address)
            self.addCleanup(client.close)
            self.addCleanup(server.close)
            ends.append((client.getsockname()[:2], vip))
        for client, vip in PAIRS:
            self.verdict("drop", tcp(client, vip), **ASKED)
            self.verdict("pass", tcp(client, vip, SYN), packets=1, syn=1)
        self.assertEqual(self.networks(), [])
        for end, vip in ends:
            self.unchanged(icmp_error("192.0.2.7" if vip == VIP4 else "2001:db8:9::7", end, vip),
                           **KNOWN)
        self.assertEqual(self.networks(), [])
        for end, vip in ends:
            self.unchanged(tcp(end, vip), **KNOWN)
        self.assertEqual(self.networks(), [
            bytes(10) + b"\xff\xff" + packed("127.0.0.0"), packed("2001:db8::")])
        self.assertEqual(self.networks(), [])

    # ---- what is none of ours ----

    def test_others(self):
        for client, vip in PAIRS:
            other = ("198.18.0.2" if client == CLIENT4 else "2001:db8:100::2", 80)
            self.unchanged(tcp(client, other))
            self.unchanged(frame(tcp(client, vip), to=b"\xff" * 6)[:0] or
                           frame(tcp(client, other), to=b"\2\1\1\1\1\1"))
        arp = b"\2\0\0\0\0\1" * 2 + b"\x08\x06" + bytes(28)
        vlan = frame(tcp(CLIENT4, VIP4))
        vlan = vlan[:12] + b"\x81\0\0\5" + vlan[12:]
        for octets in (arp, vlan, frame(tcp(CLIENT4, VIP4))[:14], frame(tcp(CLIENT4, VIP4))[:40]):
            self.unchanged(octets)
        broadcast = frame(tcp(CLIENT4, VIP4), to=b"\xff" * 6)
        with self.front.counting(self):
            self.assertEqual(self.front.run(broadcast), ("pass", broadcast))

    def test_contradictions(self):
        """They pass, for the kernel to drop: nothing is counted, asked or changed."""
        good = tcp(CLIENT4, VIP4)
        for packet in (good[:-1], b"\x43" + good[1:], b"\x65" + good[1:],
                       good[:32] + b"\x40" + good[33:],
                       tcp(CLIENT4, VIP4, total=19), tcp(CLIENT4, VIP4, total=30),
                       tcp(CLIENT6, VIP6)[:-1], tcp(CLIENT6, VIP6, total=5000)):
            self.unchanged(packet)

    def test_not_tcp(self):
        for client, vip in PAIRS:
            self.unchanged(udp(client, vip, b"hello"), packets=1, other=1)
            echo = ip(client[0], vip[0], 1 if client == CLIENT4 else 58,
                      bytes([8 if client == CLIENT4 else 128]) + bytes(15))
            self.unchanged(echo, packets=1, other=1)
            self.unchanged(ip(client[0], vip[0], 50, bytes(40)), packets=1, other=1)

    # ---- who knows a flow ----

    def test_known(self):
        for vip, address in ((VIP4, "127.0.0.9"), (VIP6, "2001:db8::1")):
            client, server = self.connect(vip, address)
            end = client.getsockname()[:2]
            for flags in (ACK, ACK | FIN, ACK | RST, RST, SYN | ACK):
                self.unchanged(tcp(end, vip, flags), **KNOWN)
            self.unchanged(frame(tcp(end, vip), pad=6), **KNOWN)
            found, age = self.front.try_do("find", flow_key(end, vip))
            self.assertEqual(found, "1")
            self.assertLess(int(age), 5000)
            # Another port of the same client is another flow.
            self.ask(tcp((end[0], end[1] ^ 1), vip), (end[0], end[1] ^ 1), vip)
            server.close()
            client.close()

    def test_time_wait(self):
        client, server = self.connect(VIP4, "127.0.0.9")
        end = client.getsockname()
        server.close()
        client.close()
        self.assertIn("TIME-WAIT", self.pop.run("ss", "-tan"))
        self.unchanged(tcp(end, VIP4), **KNOWN)

    def test_listener(self):
        """A listener alone does not know what is in the middle of a flow; a SYN is for it."""
        for client, vip in PAIRS:
            with listener(self.pop, *vip):
                self.unchanged(tcp(client, vip, SYN), packets=1, syn=1)
                self.ask(tcp(client, vip, ACK, b"data"), client, vip, flags=ACK)
                self.ask(tcp(client, vip, RST), client, vip, flags=RST)
                self.ask(tcp(client, vip, SYN | ACK), client, vip, flags=SYN | ACK)
            self.unchanged(tcp(client, vip, SYN), packets=1, syn=1)
            self.assertEqual(self.front.try_do("find", flow_key(client, vip))[0], "0")

    def handshake(self, client, vip):
        """A SYN over the wire; the number of the SYN-ACK."""
        with self.path.entered():
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        with raw:
            raw.bind(("q0", 0))
            raw.settimeout(5)
            raw.send(frame(tcp(client, vip, SYN, seq=999, ack=0), to=self.mac))
            at = 14 + (40 if ":" in vip[0] else 20)
            while True:
                got = raw.recv(2000)
                if len(got) > at + 20 and got[at + 13] == SYN | ACK:
                    return struct.unpack("!I", got[at + 4:at + 8])[0]

    def test_handshake(self):
        """Half-open connections, and those of which only a cookie is known."""
        for words in ("ip route add 100.64.0.0/10 via 192.0.2.2",
                      "ip -6 route add 2001:db8:f800::/40 via 2001:db8::2"):
            self.pop.run(*words.split())
        for cookies in ("0", "2"):
            self.pop.run("sysctl", "-qw", "net.ipv4.tcp_syncookies=" + cookies)
            for client, vip in PAIRS:
                client = (client[0], client[1] + int(cookies))
                with listener(self.pop, *vip):
                    number = self.handshake(client, vip)
                    third = tcp(client, vip, ACK, seq=1000, ack=number + 1 & 0xffffffff)
                    self.unchanged(third, **KNOWN)
                    if cookies == "2":
                        self.ask(tcp(client, vip, ACK, seq=1000, ack=number + 77 & 0xffffffff),
                                 client, vip)

    # ---- what is asked, and how much ----

    def test_limits(self):
        for client, vip in PAIRS:
            for i in range(16):
                self.verdict("drop", tcp(client, vip, seq=i), **ASKED)
            self.verdict("drop", tcp(client, vip), packets=1, limit_flow=1)
            self.assertEqual(len(self.front.packets()), 16)
            # Once it has been judged, there may be more.
            self.front.try_do("forget", flow_key(client, vip))
            self.ask(tcp(client, vip), client, vip)

    def test_long_packet(self):
        packet = tcp(CLIENT4, VIP4, data=bytes(range(250)) * 5)
        self.ask(packet, CLIENT4, VIP4)
        packet = tcp(CLIENT4, VIP4, data=bytes(5000))[:2048]
        whole = tcp(CLIENT4, VIP4, data=bytes(3000))
        self.verdict("drop", whole, **ASKED)
        (_, _, _, _, _, cut, _, data), = self.front.packets()
        self.assertEqual((cut, data), (1, whole[:2048]))

    def test_padding(self):
        """What Ethernet adds to a short packet is not part of it."""
        packet = tcp(CLIENT4, VIP4)
        self.verdict("drop", frame(packet, pad=6), **ASKED)
        self.assertEqual(self.front.packets()[0][7], packet)

    def test_refused(self):
        for client, vip in PAIRS:
            self.front.try_do("refuse", flow_key(client, vip))
            self.verdict("drop", tcp(client, vip), packets=1, refused=1)
            # A SYN is welcome at any time, and what follows it is new.
            self.unchanged(tcp(client, vip, SYN), packets=1, syn=1)
            self.ask(tcp(client, vip), client, vip)
            self.front.try_do("refuse", flow_key(client, vip))
            time.sleep(1.1)
            self.ask(tcp(client, vip), client, vip)

    # ---- to another PoP ----

    def outer(self, out, pop, inner, flow):
        """The frame to that PoP, but for its source port, which is the flow's."""
        theirs, ours = (THEIRS4, OURS4) if pop == 2 else (THEIRS6, OURS6)
        want = frame(gue(KEY_OUT, ours, theirs, inner, flow, epoch=9),
                     to=bytes.fromhex(PATH_MAC.replace(":", "")), source=self.mac)
        at = 14 + (20 if pop == 2 else 40)
        self.assertGreaterEqual(struct.unpack("!H", out[at:at + 2])[0], 0xc000)
        if pop == 2:
            self.assertEqual(checksum(out[14:34]), 0)
            self.assertEqual(out[22:24], b"\x40\x11")
            self.assertEqual(out[20:22], b"\x40\0")
        self.assertEqual(out[14 + (12 if pop == 2 else 8):at], want[14 + (12 if pop == 2 else 8):at])
        self.assertEqual((out[:14], out[at + 2:]), (want[:14], want[at + 2:]))

    def test_elsewhere(self):
        for pop in (2, 3):
            for client, vip in PAIRS:
                key = flow_key(client, vip)
                self.assertEqual(self.front.try_do("learn", key, pop)[0], "1")
                for packet in (tcp(client, vip), tcp(client, vip, ACK | FIN, b"x" * 1001),
                               tcp(client, vip, RST)):
                    out = self.verdict("redirect", packet, packets=1, handed_over=1)
                    self.outer(out, pop, packet, key)
                    out = self.verdict("redirect", frame(packet, pad=9), packets=1, handed_over=1)
                    self.outer(out, pop, packet, key)
                self.front.try_do("forget", key)
                self.ask(tcp(client, vip), client, vip)
        self.assertEqual(self.front.vip_counts(0)["handed"], 12)

    def test_options(self):
        """IP options and extension headers are stepped over, and go along."""
        cases = ((CLIENT4, VIP4, {"options": b"\x94\4\0\0" + b"\1" * 4}),
                 (CLIENT6, VIP6, {"extensions": ((0, bytes(6)), (60, bytes(14)))}),
                 (CLIENT6, VIP6, {"fragment": 0}))
        for client, vip, options in cases:
            key = flow_key(client, vip)
            packet = tcp(client, vip, **options)
            self.ask(packet, client, vip)
            self.front.try_do("learn", key, 2)
            self.outer(self.verdict("redirect", packet, packets=1, handed_over=1), 2, packet, key)
            self.front.try_do("forget", key)

    def test_fragments(self):
        for client, vip in PAIRS:
            first = tcp(client, vip, data=bytes(100), fragment=1 << 15)
            later = ip(client[0], vip[0], TCP, bytes(60), fragment=20)
            self.unchanged(later, packets=1, other=1, fragment_up=1)
            self.verdict("drop", first, packets=1, fragment_drop=1)
            self.front.try_do("learn", flow_key(client, vip), 2)
            self.verdict("drop", first, packets=1, fragment_drop=1)
        connection = self.connect(VIP4, "127.0.0.9")
        first = tcp(connection[0].getsockname(), VIP4, data=bytes(96), fragment=1 << 15)
        self.unchanged(first, **KNOWN)
        for sock in connection:
            sock.close()

    def test_tos(self):
        """DSCP goes along, congestion marks stay inside."""
        packet = tcp(CLIENT4, VIP4, tos=0xb9)
        self.front.try_do("learn", flow_key(CLIENT4, VIP4), 2)
        self.assertEqual(self.verdict("redirect", packet, packets=1, handed_over=1)[15], 0xb8)

    def test_too_big(self):
        for client, vip in PAIRS:
            for pop, overhead in ((2, 52), (3, 72)):
                self.front.try_do("learn", flow_key(client, vip), pop)
                room = 1500 - overhead
                head = 40 if client == CLIENT4 else 60
                fits = tcp(client, vip, data=bytes(room - head))
                self.verdict("redirect", fits, packets=1, handed_over=1)
                packet = tcp(client, vip, data=bytes(room - head + 1))
                out = self.verdict("tx", packet, packets=1, too_big=1)
                self.assertEqual(out[:14], b"\2\0\0\0\0\2\2\0\0\0\0\1" + frame(packet)[12:14])
                self.too_big(out[14:], packet, client, vip, room)
                self.front.try_do("forget", flow_key(client, vip))

    def too_big(self, got, packet, client, vip, room):
        if client == CLIENT4:
            self.assertEqual(checksum(got[:20]), 0)
            self.assertEqual(got[12:20], packed(vip[0]) + packed(client[0]))
            self.assertEqual(struct.unpack("!H", got[2:4])[0], len(got))
            self.assertEqual(checksum(got[20:]), 0)
            self.assertEqual(got[20:22] + got[24:28], b"\3\4" + struct.pack("!I", room))
            self.assertEqual(got[28:], packet[:64])
            return
        self.assertEqual(got[8:40], packed(vip[0]) + packed(client[0]))
        self.assertEqual(struct.unpack("!HB", got[4:7]), (len(got) - 40, 58))
        self.assertEqual(checksum(pseudo(vip[0], client[0], 58, len(got) - 40) + got[40:]), 0)
        self.assertEqual(got[40:42] + got[44:48], b"\2\0" + struct.pack("!I", room))
        self.assertEqual(got[48:], packet[:128])

    def test_may_be_fragmented(self):
        """What may be, user space sends: it is shown with where to."""
        packet = tcp(CLIENT4, VIP4, data=bytes(1440), df=False)
        self.front.try_do("learn", flow_key(CLIENT4, VIP4), 2)
        self.verdict("drop", packet, packets=1, released=1)
        (kind, _, _, pop, _, _, _, data), = self.front.packets()
        self.assertEqual((kind, pop, data), ("release", 2, packet))

    def test_no_way(self):
        """Without a neighbour or a route, user space sends it, and the kernel finds out."""
        self.front.try_do("learn", flow_key(CLIENT4, VIP4), 2)
        self.pop.ip("neigh del 192.0.2.2 dev p0")
        self.verdict("drop", tcp(CLIENT4, VIP4), packets=1, released=1)
        self.pop.ip("route del default")
        self.verdict("drop", tcp(CLIENT4, VIP4), packets=1, released=1)
        self.assertEqual([p[0] for p in self.front.packets()], ["release", "release"])

    def test_pop_gone(self):
        key = flow_key(CLIENT4, VIP4)
        self.front.try_do("learn", key, 2)
        self.front.try_do("pop_forget", 3)
        self.verdict("redirect", tcp(CLIENT4, VIP4), packets=1, handed_over=1)
        self.front.try_do("pop_forget", 2)
        self.ask(tcp(CLIENT4, VIP4), CLIENT4, VIP4)
        self.front.try_do("learn", key, 2)
        self.front.try_do("pop", 2)
        self.ask(tcp(CLIENT4, VIP4), CLIENT4, VIP4)

    def test_vip_removed(self):
        self.front.try_do("unvip", VIP4[0], 0, 0)
        self.unchanged(tcp(CLIENT4, VIP4))
        self.front.try_do("vip", VIP4[0], 0, 0, 1)
        self.verdict("drop", tcp(CLIENT4, VIP4), **ASKED)
        self.assertEqual(self.front.vip_counts(1)["asked"], 1)

    # ---- errors ----

    def test_errors(self):
        for client, vip, router in ((CLIENT4, VIP4, "203.0.113.7"),
                                    (CLIENT6, VIP6, "2001:db8:bad::7")):
            packet = icmp_error(router, client, vip)
            self.ask(packet, client, vip, error=1, flags=0)
            self.front.try_do("learn", flow_key(client, vip), 2)
            out = self.verdict("redirect", packet, packets=1, handed_over=1)
            self.outer(out, 2, packet, flow_key(client, vip))
            self.front.try_do("refuse", flow_key(client, vip))
            self.verdict("drop", packet, packets=1, refused=1)
            # About UDP, the kernel's; about nothing that we have sent, too.
            quoted = udp(vip, client, bytes(8))
            self.unchanged(icmp_error(router, client, vip, quoted=quoted), packets=1, other=1)
            quoted = tcp(("198.18.0.9" if client == CLIENT4 else "2001:db8::9", 80), client)
            self.unchanged(icmp_error(router, client, vip, quoted=quoted))
            self.unchanged(icmp_error(router, client, vip, quoted=b""))

    def test_error_known(self):
        for vip, address in ((VIP4, "127.0.0.9"), (VIP6, "2001:db8::1")):
            client, server = self.connect(vip, address)
            end = client.getsockname()[:2]
            self.unchanged(icmp_error("203.0.113.7" if vip == VIP4 else "2001:db8:bad::7", end,
                                      vip), **KNOWN)
            client.close()
            server.close()

    # ---- from another PoP ----

    def handed(self, inner, flow, pop=2, **changes):
        ours, theirs = (THEIRS4, OURS4) if pop == 2 else (THEIRS6, OURS6)
        return gue(KEY_IN, ours, theirs, inner, flow, **{"epoch": 7, **changes})

    def test_delivered(self):
        for vip, address in ((VIP4, "127.0.0.9"), (VIP6, "2001:db8::1")):
            client, server = self.connect(vip, address)
            end = client.getsockname()[:2]
            router = "203.0.113.7" if vip == VIP4 else "2001:db8:bad::7"
            for inner in (tcp(end, vip, data=b"some data"), tcp(end, vip, ACK | FIN),
                          icmp_error(router, end, vip)):
                for pop in (2, 3):
                    for epoch in (7, 6):
                        out = self.verdict("pass", self.handed(inner, flow_key(end, vip), pop,
                                                               epoch=epoch),
                                           gue_accepted=1, gue_delivered=1)
                        self.assertEqual(out, frame(inner))
            client.close()
            server.close()
        self.assertEqual(self.front.vip_counts(0)["delivered"], 12)
        self.assertEqual(self.front.vip_counts(0)["packets"], 0)

    def test_gone(self):
        """Not known here: it is not sent on, whatever the table says, and its sender is told."""
        for client, vip in PAIRS:
            inner, key = tcp(client, vip), flow_key(client, vip)
            for learnt in (False, True):
                if learnt:
                    self.front.try_do("learn", key, 3)
                self.verdict("drop", self.handed(inner, key), gue_accepted=1, gue_gone=1)
                (kind, _, _, pop, _, _, shown, _), = self.front.packets()
                self.assertEqual((kind, pop, shown), ("gone", 2, key))
        # Nor is its VIP.
        key = flow_key(CLIENT4, ("198.18.0.9", 80))
        self.verdict("drop", self.handed(tcp(CLIENT4, ("198.18.0.9", 80)), key), gue_accepted=1,
                     gue_no_vip=1)
        (kind, _, _, pop, _, _, shown, _), = self.front.packets()
        self.assertEqual((kind, pop, shown), ("gone", 2, key))

    def test_forged(self):
        client, server = self.connect(VIP4, "127.0.0.9")
        end = client.getsockname()
        inner, key = tcp(end, VIP4), flow_key(end, VIP4)
        other = flow_key((end[0], end[1] ^ 1), VIP4)
        syn, datagram = tcp(end, VIP4, SYN), udp(end, VIP4, b"x")
        cases = (
            (self.handed(inner, key, tag=1), "forged"),
            (gue(KEY_OUT, THEIRS4, OURS4, inner, key, epoch=7), "forged"),
            (self.handed(inner, other), "forged"),
            (self.handed(inner, key, epoch=8), "old_epoch"),
            (self.handed(inner, key, epoch=0), "old_epoch"),
            (self.handed(inner, key, source="10.200.3.1"), "stranger"),
            (gue(KEY_IN, THEIRS4, OURS4, inner, key, epoch=7, source=THEIRS4)
             .replace(packed(THEIRS4), packed("10.200.9.9"), 1), "stranger"),
            (self.handed(inner, key, hop=2), "bad_header"),
            (self.handed(inner, key, hop=255), "bad_header"),
            (self.handed(inner, key, flags=1), "bad_header"),
            (self.handed(inner, key, proto=41), "bad_inner"),
            (self.handed(inner, key, proto=6), "bad_header"),
            (self.handed(inner, key, zero=1), "bad_header"),
            (self.handed(inner, key, reserved=1), "bad_header"),
            (self.handed(inner, key, version=2), "bad_version"),
            (self.handed(inner, key, first=0x25), "bad_version"),
            (self.handed(inner, key, first=0x15), "bad_header"),
            (self.handed(inner, key, first=4), "bad_header"),
            (self.handed(inner, key, cut=23), "truncated"),
            (self.handed(inner, key, cut=0), "truncated"),
            (self.handed(inner, key, cut=24), "bad_inner"),
            (self.handed(inner, key, cut=-1), "bad_inner"),
            (self.handed(syn, key), "bad_inner"),
            (self.handed(datagram, flow_key(end, VIP4, UDP)), "bad_inner"),
        )
        for i, (packet, counter) in enumerate(cases):
            with self.subTest(i):
                self.verdict("drop", packet, **{"gue_" + counter: 1})
        # To another port, or to us from inside of a fragment: nothing to us.
        good = self.handed(inner, key)
        self.unchanged(good[:22] + b"\0\1" + good[24:])
        self.verdict("pass", good, gue_accepted=1, gue_delivered=1)
        self.assertEqual(self.front.packets(), [])
        client.close()
        server.close()

    def test_in_fragments(self):
        """An outer packet that a path has cut: its beginning is dropped, so that none arrives."""
        client, server = self.connect(VIP4, "127.0.0.9")
        end = client.getsockname()
        whole = self.handed(tcp(end, VIP4, data=bytes(600)), flow_key(end, VIP4))
        payload = whole[20:]
        for more, part in ((1 << 15, payload[:304]), (1 << 15 | 0, payload[:8])):
            self.verdict("drop", ip(THEIRS4, OURS4, UDP, part, fragment=more), gue_fragment=1)
        self.verdict("pass", ip(THEIRS4, OURS4, UDP, payload[304:], fragment=304 // 8))
        self.verdict("pass", whole, gue_accepted=1, gue_delivered=1)
        client.close()
        server.close()

    def test_own_address_only(self):
        """GUE that passes by is none of ours."""
        key = flow_key(CLIENT4, VIP4)
        self.unchanged(gue(KEY_IN, THEIRS4, "10.200.7.1", tcp(CLIENT4, VIP4), key, epoch=7))

    def test_new_epoch(self):
        client, server = self.connect(VIP4, "127.0.0.9")
        end = client.getsockname()
        inner, key = tcp(end, VIP4), flow_key(end, VIP4)
        self.pops(self.front, 70, 7)
        self.verdict("pass", self.handed(inner, key, epoch=70), gue_accepted=1, gue_delivered=1)
        self.verdict("pass", self.handed(inner, key, epoch=7), gue_accepted=1, gue_delivered=1)
        self.verdict("drop", self.handed(inner, key, epoch=6), gue_old_epoch=1)
        client.close()
        server.close()

    def test_ended_here(self):
        """A flow that was here and has ended is asked about like any other."""
        client, server = self.connect(VIP4, "127.0.0.9")
        end = client.getsockname()
        self.unchanged(tcp(end, VIP4), **KNOWN)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.close()
        client.close()
        self.ask(tcp(end, VIP4), end, VIP4)
        self.assertEqual(self.front.try_do("learn", flow_key(end, VIP4), 2)[0], "1")

    def test_learnt_too_late(self):
        """What a SYN has opened here meanwhile is not given away by a late answer."""
        client, server = self.connect(VIP4, "127.0.0.9")
        end = client.getsockname()
        self.unchanged(tcp(end, VIP4), **KNOWN)
        self.assertEqual(self.front.try_do("learn", flow_key(end, VIP4), 2)[0], "0")
        self.unchanged(tcp(end, VIP4), **KNOWN)
        client.close()
        server.close()


class Buckets(Namespaces):
    options = {"prefix_burst": 5, "all_burst": 12}

    def test_buckets(self):
        for i in range(5):
            self.verdict("drop", tcp(("100.64.1.%d" % i, 1000 + i), VIP4), **ASKED)
        self.verdict("drop", tcp(("100.64.1.200", 9), VIP4), packets=1, limit_prefix=1)
        for i in range(5):
            self.verdict("drop", tcp(("2001:db8:f801:%x::1" % i, i), VIP6), **ASKED)
        self.verdict("drop", tcp(("2001:db8:f801:ffff::1", 9), VIP6), packets=1, limit_prefix=1)
        # An error counts for who sends it, not for whom it quotes.
        for i in range(2):
            self.verdict("drop", icmp_error("203.0.113.7", ("100.64.%d.1" % (i + 20), 5), VIP4),
                         **ASKED)
        self.verdict("drop", tcp(("100.64.2.1", 9), VIP4), packets=1, limit_all=1)


if __name__ == "__main__":
    unittest.main()
