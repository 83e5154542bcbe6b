# SPDX-License-Identifier: GPL-3.0-or-later
"""The BGP speaker beside BIRD 2 and beside peers that do not keep to the rules.

Runs in the namespaces of lb_lab.py: BIRD in t1, whatever else speaks BGP in t2.
"""
import contextlib
import os
import random
import signal
import socket
import struct
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
from bgp_peer import (KEEPALIVE, MARKER, NOTIFICATION, OPEN, ROUTE_REFRESH, UPDATE,  # noqa: E402
                      Bird6, Peer, SpeakerTest, control, message, need_root, open_body)
from lb_lab import Origin, configuration, wait_until  # noqa: E402

PREFIX, PREFIX6 = "198.18.0.0/24", "2001:db8:1000::/48"


def setUpModule():
    need_root()


class WithBird(SpeakerTest):
    def test_both_families_with_their_attributes(self):
        bird, daemon = self.bird(), self.start()
        for prefix in (PREFIX, PREFIX6):
            wait_until(lambda p=prefix: bird.has(p), what=prefix)
            route = bird.ask("show", "route", prefix, "all")
            self.assertIn("BGP.as_path: 64500 64500\n", route)
            self.assertIn("BGP.origin: IGP", route)
            self.assertIn("BGP.med: 10", route)
            self.assertIn("BGP.community: (65101,100)", route)
        self.assertIn("BGP.next_hop: 10.1.1.3\n", bird.ask("show", "route", PREFIX, "all"))
        self.assertIn("BGP.next_hop: 2001:db8:f001:1::3\n",
                      bird.ask("show", "route", PREFIX6, "all"))
        self.assertNotIn("BGP.med", bird.ask("show", "route", "198.18.33.0/24", "all"))
        peer = daemon.peer("t1")
        self.assertEqual(peer["state"].lower(), "established")
        wait_until(lambda: self.lab.legs() == ["10.1.1.2"], what="default route")
        wait_until(lambda: self.lab.legs("-6") == ["2001:db8:f001:1::2"], what="IPv6 default")

    def test_session_over_ipv6(self):
        bird = self.bird(Bird6)
        self.start(peers=[{"name": "t1", "address": "2001:db8:f001:1::2", "asn": 65101,
                           "default_route": True}])
        wait_until(lambda: bird.has(PREFIX6), what=PREFIX6)
        self.assertIn("BGP.next_hop: 2001:db8:f001:1::3", bird.ask("show", "route", PREFIX6, "all"))
        wait_until(lambda: self.lab.legs("-6") == ["2001:db8:f001:1::2"], what="IPv6 default")
        self.assertFalse(bird.has(PREFIX), "IPv4 was not negotiated")

    def test_route_refresh_sends_everything_again(self):
        bird, daemon = self.bird(), self.start()
        wait_until(lambda: bird.has(PREFIX6), what=PREFIX6)
        wait_until(lambda: bird.has("10.200.1.0/24"), what="identity")
        wait_until(lambda: bird.has(PREFIX) and bird.has("198.18.33.0/24"), what="all of it")
        before = daemon.peer("t1")["messages_out"]["update"]
        self.assertIn("lb: ", control(bird, "reload", "in", "lb"))
        # Two sets of attributes in IPv4 and two in IPv6, so four messages at least.
        wait_until(lambda: daemon.peer("t1")["messages_out"]["update"] >= before + 4,
                   what="everything again")
        self.assertEqual(daemon.peer("t1")["messages_in"]["route_refresh"], 2)
        self.assertTrue(bird.has(PREFIX) and bird.has(PREFIX6))

    def test_enhanced_refresh_marks_begin_and_end(self):
        """BIRD would drop what is not sent between the marks, so it must all still be there."""
        bird, daemon = self.bird(), self.start()
        wait_until(lambda: bird.has(PREFIX) and bird.has(PREFIX6), what="announced")
        self.assertTrue(daemon.peer("t1")["capabilities"]["enhanced_refresh"])
        control(bird, "reload", "in", "lb")
        # One beginning and one end for each family.
        wait_until(lambda: daemon.peer("t1")["messages_out"]["route_refresh"] == 4, what="marks")
        self.assertTrue(bird.has(PREFIX) and bird.has(PREFIX6))
        # And BIRD's own marks around what it sends again leave the default route where it is.
        before = daemon.peer("t1")["messages_in"]["update"]
        since = daemon.last_id()
        control(bird, "reload", "out", "lb")
        wait_until(lambda: daemon.peer("t1")["messages_in"]["update"] > before, what="again")
        self.assertEqual(daemon.last_id(), since, "nothing has changed")
        self.assertEqual(self.lab.legs(), ["10.1.1.2"])

    def test_withdrawal_and_announcement_follow_the_origin(self):
        bird = self.bird()
        self.start()
        wait_until(lambda: bird.has(PREFIX) and bird.has(PREFIX6), what="announced")
        self.lab.origin.stop()
        wait_until(lambda: not bird.has(PREFIX) and not bird.has(PREFIX6), what="withdrawn")
        self.assertTrue(bird.has("198.18.33.0/24"), "announced always")
        self.lab.origin.start()
        wait_until(lambda: bird.has(PREFIX) and bird.has(PREFIX6), what="announced again")

    def test_hold_timer_expires_and_the_session_returns(self):
        bird, daemon = self.bird(), self.start(hold_time=3)
        wait_until(lambda: bird.has(PREFIX), what=PREFIX)
        since = daemon.last_id()
        bird.process.send_signal(signal.SIGSTOP)
        begin = time.monotonic()
        events = daemon.events({"kind": "peer_down", "peer": "t1"}, since)
        # The hold timer counts from the last message, up to a keepalive time before.
        self.assertGreater(time.monotonic() - begin, 1.9)
        self.assertLess(time.monotonic() - begin, 3.5)
        self.assertIn("Hold Timer Expired (4/0)", str(events[-1]))
        wait_until(lambda: not self.lab.legs(), what="no default route")
        bird.process.send_signal(signal.SIGCONT)
        self.wait_state(daemon, "t1", "established", 20)
        wait_until(lambda: bird.has(PREFIX), 20, "announced again")

    def test_killed_bird_is_dialled_again(self):
        bird, daemon = self.bird(), self.start()
        wait_until(lambda: bird.has(PREFIX), what=PREFIX)
        since = daemon.last_id()
        bird.stop()
        daemon.events({"kind": "peer_down", "peer": "t1"}, since)
        bird.start()
        wait_until(lambda: bird.has(PREFIX) and bird.has(PREFIX6), what="announced again")

    def test_disabled_and_enabled(self):
        bird, daemon = self.bird(), self.start()
        wait_until(lambda: bird.has(PREFIX), what=PREFIX)
        since = daemon.last_id()
        control(bird, "disable", "lb", '"planned work"')
        events = daemon.events({"kind": "peer_down", "peer": "t1"}, since)
        said = "Cease/Administrative Shutdown (6/2): planned work"
        self.assertIn(said, str(events[-1]))
        wait_until(lambda: daemon.peer("t1")["timers"]["connect_retry"]["next_ms"], what="dialling")
        peer = daemon.peer("t1")
        self.assertLessEqual(peer["timers"]["connect_retry"]["next_ms"], 1000)
        self.assertEqual((peer["timers"]["hold"]["negotiated"], peer["negotiated"]), (None, None))
        self.assertEqual(peer["offered"]["families"], ["ipv4", "ipv6"])
        control(bird, "enable", "lb")
        wait_until(lambda: bird.has(PREFIX) and bird.has(PREFIX6), what="announced again")
        peer = daemon.peer("t1")
        self.assertEqual((peer["established"], peer["downs"]), (2, 1))
        self.assertEqual((peer["last_error_in"], peer["last_error_out"]), (said, ""))
        self.assertLess(abs(peer["last_error_in_ns"] - events[-1]["t_ns"]), 1e9)
        self.assertGreaterEqual(peer["last_down_ns"], peer["last_error_in_ns"])
        self.assertIsNone(peer["last_error_out_ns"])

    def test_large_communities(self):
        bird = self.bird()
        self.start(peers=[{"name": "t1", "address": "10.1.1.2", "asn": 65101, "policy": {
            "communities": ["4200000000:1:2", "64500:3:4", "no-export"]}}])
        wait_until(lambda: bird.has(PREFIX), what=PREFIX)
        route = bird.ask("show", "route", PREFIX, "all")
        self.assertIn("BGP.large_community: (4200000000, 1, 2) (64500, 3, 4)", route)
        self.assertIn("BGP.community: (65535,65281) (65101,100)", route)

    def test_ladder_deprefers_before_it_withdraws(self):
        bird = self.bird()
        base = configuration(self.lab.socket)
        base["checks"]["echo"] = {**base["checks"]["web"], "port": 8081}
        base["origins"].append({"name": "second", "address": "127.0.0.1", "check": "echo"})
        base["vips"][0]["origins"].append("second")
        base["vips"][0]["ladder"] = [
            {"healthy_below": 2, "policy": {"communities": ["graceful-shutdown"], "prepend": 2}}]
        base["bgp"]["peers"][0]["deprefer"] = {"med": 77}
        second = Origin(self.lab.lb, 8081)
        self.addCleanup(second.stop)
        daemon = self.lab.start(**base)
        wait_until(lambda: bird.has(PREFIX), what=PREFIX)
        self.assertIn("BGP.as_path: 64500 64500\n", bird.ask("show", "route", PREFIX, "all"))
        second.stop()
        wait_until(lambda: "(65535,0)" in bird.ask("show", "route", PREFIX, "all"),
                   what="graceful shutdown")
        route = bird.ask("show", "route", PREFIX, "all")
        self.assertIn("BGP.as_path: 64500 64500 64500 64500\n", route)
        self.assertIn("BGP.med: 77\n", route)
        explained = daemon.get("/v1/explain?prefix=198.18.0.1")[1]
        self.assertEqual(explained["state"], "de-preferred")
        self.assertIn("step 1 of its ladder: fewer than 2 origins are healthy",
                      explained["reason"])
        self.lab.origin.stop()
        wait_until(lambda: not bird.has(PREFIX), what="withdrawn")
        self.lab.origin.start()
        second.start()
        wait_until(lambda: bird.has(PREFIX) and
                   "(65535,0)" not in bird.ask("show", "route", PREFIX, "all"), what="as before")

    def test_drains_before_it_stops(self):
        """Drained, withdrawn, in that order; a second signal does not wait."""
        for impatient in (False, True):
            with self.subTest(impatient=impatient):
                bird = self.bird()
                daemon = self.start(drain_ms=30000 if impatient else 1000)
                wait_until(lambda b=bird: b.has(PREFIX), what=PREFIX)
                daemon.process.send_signal(signal.SIGTERM)
                wait_until(lambda b=bird: "(65535,0)" in b.ask("show", "route", PREFIX, "all"),
                           what="graceful shutdown")
                begin = time.monotonic()
                self.assertEqual(daemon.get("/v1/explain?prefix=" + PREFIX)[1]["state"],
                                 "de-preferred")
                if impatient:
                    daemon.process.send_signal(signal.SIGTERM)
                self.assertEqual(daemon.process.wait(10), 0)
                self.assertEqual(time.monotonic() - begin > 0.5, not impatient)
                self.assertFalse(bird.has(PREFIX))
                bird.stop()

    def test_shutdown_text_reaches_the_peer(self):
        bird, daemon = self.bird(), self.start(shutdown_text="k\u00fchl and dry")
        wait_until(lambda: bird.has(PREFIX), what=PREFIX)
        self.assertEqual(daemon.stop(), 0)
        self.assertIn("k\u00fchl and dry", bird.daemon.log())

    def test_stopped_daemon_leaves_nothing_with_the_peer(self):
        bird, daemon = self.bird(), self.start()
        wait_until(lambda: bird.has(PREFIX), what=PREFIX)
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(bird.has(PREFIX) or bird.has(PREFIX6))
        self.assertIn("Administrative shutdown", bird.ask("show", "protocols", "all", "lb"))


class WithBadPeers(SpeakerTest):
    def peer(self, *args):
        peer = Peer(self.lab, *args)
        self.addCleanup(peer.close)
        return peer

    def notification(self, *messages):
        """(code, subcode) of the answer to these first messages, then the end."""
        peer = self.peer().send(*messages)
        body = peer.read_until(NOTIFICATION)
        while peer.read() is not None:
            pass
        return body[0], body[1]

    def test_first_messages_are_judged(self):
        daemon = self.start()
        rows = (
            ("wrong ASN", (2, 2), message(OPEN, open_body(asn=65199))),
            ("version 3", (2, 1), message(OPEN, open_body(version=3))),
            ("router id 0", (2, 3), message(OPEN, open_body(router_id="0.0.0.0"))),
            ("hold time 1", (2, 6), message(OPEN, open_body(hold_time=1))),
            ("hold time 2", (2, 6), message(OPEN, open_body(hold_time=2))),
            ("not BGP", (1, 1), b"GET / HTTP/1.1\r\n\r\n"),
            ("length 5000", (1, 2), MARKER + struct.pack(">HB", 5000, OPEN)),
            ("length 0", (1, 2), MARKER + struct.pack(">HB", 0, OPEN)),
            ("type 9", (1, 3), message(9)),
            ("KEEPALIVE before OPEN", (5, 1), message(KEEPALIVE)),
            ("UPDATE before OPEN", (5, 1), message(UPDATE, b"\0" * 4)),
            ("two OPENs", (5, 2), message(OPEN, open_body()) * 2),
        )
        for what, want, first in rows:
            with self.subTest(what):
                self.assertEqual(self.notification(first), want)
        self.assertIsNone(daemon.process.poll())

    def test_established_and_then_wrong(self):
        daemon = self.start()
        rows = (
            ("attributes overrun", (3, 1), message(UPDATE, b"\0\0\0\x09")),
            ("NLRI /33", (3, 10), message(UPDATE, b"\0\0\0\0\x21\1\2\3\4\5")),
            ("unknown well-known", (3, 2), message(UPDATE, b"\0\0\0\3\x40\x63\0\0")),
            ("refresh too long", (1, 2), message(ROUTE_REFRESH, b"\0\1\0\1\0")),
            ("OPEN again", (5, 3), message(OPEN, open_body())),
        )
        for what, want, wrong in rows:
            with self.subTest(what):
                peer = self.peer().establish()
                self.wait_state(daemon, "t2", "established")
                body = peer.send(wrong).read_until(NOTIFICATION)
                self.assertEqual((body[0], body[1]), want)
                peer.close()

    def test_malformed_attribute_withdraws_and_the_session_stays(self):
        daemon = self.start()
        peer = self.peer().establish()
        good = b"\x40\1\1\0" + b"\x40\2\6\2\1\0\0\xfe\x4e" + b"\x40\3\4\x0a\1\2\2"
        bad = b"\x40\1\1\7" + good[4:]
        for attributes, legs in ((good, ["10.1.2.2"]), (bad, []), (good, ["10.1.2.2"])):
            peer.send(message(UPDATE, struct.pack(">HH", 0, len(attributes)) + attributes + b"\0"))
            wait_until(lambda want=legs: self.lab.legs() == want, what=str(legs))
        peer.send(message(UPDATE, b"\0\1\0\0\0"))
        wait_until(lambda: self.lab.legs() == [], what="withdrawn")
        self.assertEqual(daemon.peer("t2")["state"].lower(), "established")

    def test_a_default_route_not_refreshed_is_gone(self):
        """RFC 7313: what the peer does not say again between its marks it has no more."""
        daemon = self.start()
        peer = self.peer()
        body = open_body()
        caps = body[12:] + b"\x46\0"
        peer.send(message(OPEN, body[:9] + bytes([len(caps) + 2, 2, len(caps)]) + caps))
        peer.read_until(KEEPALIVE)
        peer.send(message(KEEPALIVE))
        route = b"\x40\1\1\0" + b"\x40\2\6\2\1\0\0\xfe\x4e" + b"\x40\3\4\x0a\1\2\2"
        update = message(UPDATE, struct.pack(">HH", 0, len(route)) + route + b"\0")
        begin, end = (message(ROUTE_REFRESH, bytes([0, 1, kind, 1])) for kind in (1, 2))
        peer.send(update)
        wait_until(lambda: self.lab.legs() == ["10.1.2.2"], what="installed")
        since = daemon.last_id()
        peer.send(begin, update, end)
        peer.send(begin, message(KEEPALIVE), end)
        wait_until(lambda: self.lab.legs() == [], what="gone")
        self.assertEqual([e["next_hop"] for e in
                          daemon.events({"kind": "default_route", "next_hop": None}, since)
                          if e["kind"] == "default_route"], [None], "not at the first refresh")
        self.assertEqual(daemon.peer("t2")["state"], "Established")

    def test_roles(self):
        """RFC 9234: what does not fit is refused, what leaks is not taken."""
        daemon = self.start(peers=[{"name": "t2", "address": "10.1.2.2", "asn": 65102,
                                    "passive": True, "default_route": True, "role": "peer"}])

        def with_role(role):
            body = open_body()
            caps = body[12:] + bytes([9, 1, role])
            return message(OPEN, body[:9] + bytes([len(caps) + 2, 2, len(caps)]) + caps)
        self.assertEqual(self.notification(with_role(3)), (2, 11))  # a customer
        peer = self.peer().send(with_role(4), message(KEEPALIVE))  # a peer
        self.wait_state(daemon, "t2", "established")
        self.assertEqual(daemon.peer("t2")["capabilities"]["role"], "peer")
        self.assertIn(b"\xc0\x23\4\0\0\xfb\xf4", peer.read_until(UPDATE), "OTC of our own")
        route = b"\x40\1\1\0" + b"\x40\2\6\2\1\0\0\xfe\x4e" + b"\x40\3\4\x0a\1\2\2"
        for otc, legs in ((65102, ["10.1.2.2"]), (65103, []), (65102, ["10.1.2.2"])):
            marked = route + b"\xc0\x23\4" + struct.pack(">I", otc)
            peer.send(message(UPDATE, struct.pack(">HH", 0, len(marked)) + marked + b"\0"))
            wait_until(lambda want=legs: self.lab.legs() == want, what=str(legs))
        self.assertEqual(daemon.peer("t2")["leaks"], 1)

    def test_one_byte_at_a_time(self):
        daemon = self.start()
        peer = self.peer()
        peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in message(OPEN, open_body()) + message(KEEPALIVE):
            peer.send(bytes([byte]))
        self.wait_state(daemon, "t2", "established")
        peer.read_until(UPDATE)

    def test_second_connection_is_refused(self):
        daemon = self.start()
        first = self.peer().establish()
        self.wait_state(daemon, "t2", "established")
        self.assertEqual(self.notification(), (6, 7))
        while first.read_until(UPDATE) != b"\0\0\0\0":
            pass  # up to End-of-RIB
        first.send(message(ROUTE_REFRESH, b"\0\1\0\1"))
        self.assertIn(b"\x18\xc6\x12", first.read_until(UPDATE), "an announcement again")
        self.assertEqual(daemon.peer("t2")["state"].lower(), "established")

    def test_damaged_sessions_never_end_the_process(self):
        daemon = self.start()
        dice = random.Random(1)
        update = b"\0\0\0\x14\x40\1\1\0\x40\2\6\2\1\0\0\xfe\x4e\x40\3\4\x0a\1\2\2\0"
        whole = (message(OPEN, open_body()) + message(KEEPALIVE) + message(UPDATE, update) +
                 message(ROUTE_REFRESH, b"\0\1\0\1") + message(NOTIFICATION, b"\6\2\3bye"))
        for _ in range(200):
            damaged = bytearray(whole)
            for _ in range(dice.randint(0, 4)):
                damaged[dice.randrange(len(damaged))] = dice.randrange(256)
            peer = Peer(self.lab)
            # The lb may be quicker to close than we are to send all.
            with contextlib.suppress(OSError):
                peer.send(bytes(damaged[:dice.randint(1, len(damaged))]))
            peer.close()
        self.peer().establish()
        self.wait_state(daemon, "t2", "established")
        self.assertIsNone(daemon.process.poll())

    def test_strangers_are_refused(self):
        self.start()
        self.lab.t2.run("ip", "address", "add", "10.1.2.77/24", "dev", "lb")
        stranger = self.peer("10.1.2.77")
        self.assertEqual(stranger.read_until(NOTIFICATION)[:2], b"\6\5")

    def test_two_octet_peer(self):
        """A peer without capabilities gets IPv4 and a path of two octets."""
        daemon = self.start()
        peer = self.peer().send(message(OPEN, open_body(capabilities=False)), message(KEEPALIVE))
        self.wait_state(daemon, "t2", "established")
        self.assertIn(b"\x40\2\4\2\1\xfb\xf4", peer.read_until(UPDATE))

    def test_a_pause_of_our_own_is_not_the_peers_fault(self):
        """Stopped for longer than the hold time, with the peer's keepalives in the socket."""
        daemon = self.start(hold_time=3)
        peer = self.peer().establish()
        self.wait_state(daemon, "t2", "established")
        daemon.process.send_signal(signal.SIGSTOP)
        for _ in range(5):
            time.sleep(0.8)  # the peer's own keepalive timer
            peer.send(message(KEEPALIVE))
        daemon.process.send_signal(signal.SIGCONT)
        state = daemon.peer("t2")
        self.assertEqual((state["state"].lower(), state["established"]), ("established", 1))
        self.assertEqual(state["messages_out"]["notification"], 0)

    def test_silent_peer_expires(self):
        daemon = self.start(hold_time=3)
        begin = time.monotonic()
        peer = self.peer().establish()
        self.assertEqual(peer.read_until(NOTIFICATION)[:2], b"\4\0")
        self.assertLess(time.monotonic() - begin, 4)
        self.assertIsNone(daemon.process.poll())


if __name__ == "__main__":
    unittest.main()
