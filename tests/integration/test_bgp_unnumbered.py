# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers over link-local addresses: found by router advertisements, or known, or dialling us.

The wire between lb and t1 has no other addresses, so IPv4 goes by IPv6 next hops (RFC 8950).
"""
import json
import os
import signal
import socket
import struct
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
from bgp_peer import SpeakerTest, need_root  # noqa: E402
from lb_lab import Bird, wait_until  # noqa: E402

PREFIX, PREFIX6 = "198.18.0.0/24", "2001:db8:1000::/48"
SOLICIT, ADVERT = 133, 134


def setUpModule():
    need_root()


class LinkLocalBird(Bird):
    """Of the address family of the wire; NEIGHBOUR and the rest as the test has them."""

    def __init__(self, lab, lines, radv=True):
        self.lines, self.radv = lines, radv
        super().__init__(lab.t1, lab.directory, "t1", 65101, "10.1.1.2", "10.1.1.3", "::")

    def start(self):
        with open(self.config, "w", encoding="ascii") as out:
            out.write("""
log stderr all;
router id 10.1.1.2;
protocol device { scan time 1; }
protocol kernel { ipv4 { export where source = RTS_BGP; import none; }; }
protocol kernel { ipv6 { export where source = RTS_BGP; import none; }; }
protocol static { ipv4; route 0.0.0.0/0 unreachable; }
protocol static { ipv6; route ::/0 unreachable; }
%s
protocol bgp lb {
	local as 65101;
	%s
	check link no; hold time 9; error wait time 1, 2; connect retry time 1; connect delay time 0;
	ipv4 { extended next hop on; import all; export where net = 0.0.0.0/0; next hop self; };
	ipv6 { import all; export where net = ::/0; next hop self; };
}
""" % ('protocol radv { interface "lb" { min ra interval 3; max ra interval 4; '
                'default lifetime 0; }; }' if self.radv else "", self.lines))
        super().start()


class UnnumberedTest(SpeakerTest):
    def setUp(self):
        super().setUp()
        self.lab.lb.run("sysctl", "-qw", "net.ipv6.conf.t1.accept_ra=0")
        self.lab.lb.run("ip", "address", "flush", "dev", "t1", "scope", "global")
        self.lab.t1.run("ip", "address", "flush", "dev", "lb", "scope", "global")
        self.ours = self.link_local(self.lab.lb, "t1")
        self.theirs = self.link_local(self.lab.t1, "lb")

    def link_local(self, ns, interface):
        """Once it is no longer tentative."""
        def found():
            links = json.loads(ns.run("ip", "-6", "-j", "address", "show", "dev", interface))
            return [a["local"] for link in links for a in link.get("addr_info", [])
                    if a["scope"] == "link" and not a.get("tentative")]
        return wait_until(found, what="link-local address")[0]

    def bird_with(self, *lines, **options):
        bird = LinkLocalBird(self.lab, " ".join(lines), **options)
        self.lab.birds.append(bird)
        return bird

    def start_with(self, **options):
        return self.start(listen=["[::]:179"], peers=[
            {"name": "t1", "interface": "t1", "asn": "external", "default_route": True, **options}])

    def default_routes(self, family):
        """(via, device) of each leg."""
        routes = json.loads(self.lab.lb.run("ip", family, "-j", "route", "show", "default",
                                            "metric", "32"))
        return [((route.get("via") or {}).get("host") or route.get("gateway"), route["dev"])
                for route in routes]


class WithBird(UnnumberedTest):
    def check_both_ways(self, bird, daemon):
        wait_until(lambda: bird.has(PREFIX) and bird.has(PREFIX6), what="announced")
        for prefix in (PREFIX, PREFIX6):
            route = bird.ask("show", "route", prefix, "all")
            self.assertIn("via %s on lb" % self.ours, route)
            self.assertIn("BGP.as_path: 64500 64500\n", route)
        for family in ("-4", "-6"):
            wait_until(lambda f=family: self.default_routes(f) == [(self.theirs, "t1")],
                       what="default route " + family)
        peer = daemon.peer("t1")
        self.assertEqual(peer["asn"], 65101)
        self.assertTrue(peer["capabilities"]["extended_next_hop"])
        self.assertEqual(peer["next_hop"], {"ipv4": self.ours, "ipv6": self.ours})
        self.assertEqual(peer["default_route"], {"ipv4": self.theirs, "ipv6": self.theirs})

    def test_found_by_its_advertisements(self):
        """BIRD waits for whoever dials; it is we who have to find it."""
        bird = self.bird_with('neighbor range fe80::/10 external; interface "lb";')
        daemon = self.start_with()
        self.check_both_ways(bird, daemon)
        self.assertFalse(daemon.peer("t1")["incoming"])
        # Packets of IPv4 pass a wire without addresses of IPv4, there and back.
        self.lab.t1.run("ip", "address", "add", "192.0.2.1/32", "dev", "lo")
        self.lab.t1.run("ping", "-c", "1", "-W", "2", "-I", "192.0.2.1", "198.18.0.1")

    def test_it_dials_and_is_not_looked_for(self):
        bird = self.bird_with('neighbor %s external; interface "lb";' % self.ours, radv=False)
        daemon = self.start_with(passive=True)
        self.check_both_ways(bird, daemon)
        self.assertTrue(daemon.peer("t1")["incoming"])

    def test_known_by_its_link_local_address(self):
        bird = self.bird_with('neighbor %s external; interface "lb"; passive;' % self.ours,
                              radv=False)
        daemon = self.start_with(address=self.theirs, asn=65101, families=["ipv4", "ipv6"],
                                 extended_next_hop=True)
        self.check_both_ways(bird, daemon)

    def test_returns_with_its_interface(self):
        bird = self.bird_with('neighbor range fe80::/10 external; interface "lb";')
        daemon = self.start_with(hold_time=3)
        self.wait_state(daemon, "t1", "established")
        since = daemon.last_id()
        self.lab.lb.run("ip", "link", "del", "t1")
        daemon.events({"kind": "peer_down", "peer": "t1"}, since)
        wait_until(lambda: self.default_routes("-4") == [], what="no default route")
        bird.stop()
        self.lab.wire(self.lab.t1, "t1", "10.1.1", "2001:db8:f001:1:")
        bird.start()
        self.wait_state(daemon, "t1", "established", 20)
        wait_until(lambda: bird.has(PREFIX), what="announced again")

    def test_a_peer_of_our_own_as_is_not_external(self):
        bird = self.bird_with('neighbor range fe80::/10 external; interface "lb";')
        bird.stop()
        with open(bird.config, encoding="ascii") as file:
            text = file.read()
        with open(bird.config, "w", encoding="ascii") as file:
            file.write(text.replace("local as 65101", "local as 64500")
                       .replace("fe80::/10 external;", "fe80::/10 as 64500; direct;"))
        Bird.start(bird)
        daemon = self.start_with()
        wait_until(lambda: "Bad Peer AS (2/2)" in daemon.peer("t1")["last_error_out"],
                   what="refused")


class Advertisements(UnnumberedTest):
    """A router of raw bytes at the other end."""

    def setUp(self):
        super().setUp()
        with self.lab.t1.entered():
            self.sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            self.index = socket.if_nametoindex("lb")
        self.addCleanup(self.sock.close)
        for group in (1, 2):
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                                 socket.inet_pton(socket.AF_INET6, "ff02::%d" % group) +
                                 struct.pack("@I", self.index))
        self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        self.sock.settimeout(10)
        self.listener = None

    def send(self, kind, hops=255, to="ff02::1"):
        for option in (socket.IPV6_MULTICAST_HOPS, socket.IPV6_UNICAST_HOPS):
            self.sock.setsockopt(socket.IPPROTO_IPV6, option, hops)
        self.sock.sendto(bytes([kind]) + bytes(15 if kind == ADVERT else 7),
                         (to, 0, 0, self.index))

    def receive(self, kind):
        """The next message of this type from the lb: (bytes, hop limit)."""
        while True:
            data, control, _, address = self.sock.recvmsg(1500, 64)
            if data[0] == kind and address[0].split("%")[0] == self.ours:
                return data, struct.unpack("@i", control[0][2])[0]

    def listen(self):
        self.listener = self.lab.t1.socket(socket.AF_INET6)
        self.addCleanup(self.listener.close)
        self.listener.bind((self.theirs, 179, 0, self.index))
        self.listener.listen()
        self.listener.settimeout(10)

    def test_asks_and_says_that_it_is_no_way_out(self):
        self.start_with()
        data, hops = self.receive(SOLICIT)
        self.assertEqual((len(data), hops), (8, 255))
        data, hops = self.receive(ADVERT)
        self.assertEqual((len(data), hops), (16, 255))
        self.assertEqual(data[6:8], b"\0\0", "lifetime")

    def test_answers_who_asks(self):
        self.start_with()
        self.receive(SOLICIT)
        self.send(ADVERT)  # from now on it is in no hurry
        self.sock.settimeout(3)
        with self.assertRaises(TimeoutError):
            while True:
                self.receive(ADVERT)
        self.send(SOLICIT, to="ff02::2")
        self.receive(ADVERT)

    def test_dials_whom_it_hears(self):
        self.listen()
        daemon = self.start_with()
        wait_until(lambda: daemon.peer("t1")["last_down"] ==
                   "cannot connect: nobody is known at the interface", what="a reason")
        self.assertIsNone(daemon.peer("t1")["remote"])
        self.send(ADVERT)
        sock, address = self.listener.accept()
        self.addCleanup(sock.close)
        self.assertEqual(address[0].split("%")[0], self.ours)
        self.assertTrue(daemon.peer("t1")["remote"].startswith("[%s]" % self.theirs))

    def raw_sockets(self, daemon):
        """The inodes of those by which it looks for its peers."""
        with open("/proc/%d/net/raw6" % daemon.pid, encoding="ascii") as file:
            return sorted(line.split()[9] for line in file.readlines()[1:])

    def test_a_reload_that_does_not_touch_it(self):
        self.listen()
        daemon = self.start_with()
        self.receive(SOLICIT)
        before, since = self.raw_sockets(daemon), daemon.last_id()
        self.assertEqual(len(before), 1)
        for _ in range(2):  # the second configuration is freed by the next
            daemon.process.send_signal(signal.SIGHUP)
            daemon.events({"kind": "reloaded"}, since)
            since = daemon.last_id()
        self.assertEqual(self.raw_sockets(daemon), before)
        self.send(ADVERT)
        self.addCleanup(self.listener.accept()[0].close)

    def test_takes_nothing_from_beyond_the_wire(self):
        self.listen()
        daemon = self.start_with()
        self.receive(SOLICIT)
        self.send(ADVERT, hops=254)
        self.receive(SOLICIT)  # goes on asking
        self.assertIsNone(daemon.peer("t1")["remote"])


if __name__ == "__main__":
    unittest.main()
