# SPDX-License-Identifier: GPL-3.0-or-later
"""A peer that breaks the rules: every way to get OPEN, UPDATE and NOTIFICATION wrong, and one that
stops reading. Each is answered as its RFC says, costs at most that one session, and can be seen.
"""
import os
import socket
import struct
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
from bgp_peer import (KEEPALIVE, MARKER, NOTIFICATION, OPEN, ROUTE_REFRESH, UPDATE, Peer,  # noqa: E402
                      SpeakerTest, message, need_root)
from lb_lab import wait_until  # noqa: E402
from support.bench import memory_kib  # noqa: E402

PREFIX = "198.18.0.0/24"
RESET, WITHDRAWN, DISCARDED = "reset", "treated as withdraw", "attribute discarded"


def setUpModule():
    need_root()


def attribute(flags, code, value=b""):
    return bytes([flags, code, len(value)]) + value


ORIGIN = attribute(0x40, 1, b"\0")
PATH = attribute(0x40, 2, b"\2\1\0\0\xfe\x4e")
HOP = attribute(0x40, 3, b"\x0a\1\2\2")
GOOD = ORIGIN + PATH + HOP
MP_REACH = attribute(0x80, 14, b"\0\2\1\x10" + b"\x20\1\x0d\xb8" + b"\0" * 11 + b"\1" + b"\0")
MP_UNREACH = attribute(0x80, 15, b"\0\2\1")


def update(attributes, withdrawn=b"", nlri=b"\0"):
    """By default an announcement of the default route."""
    return message(UPDATE, struct.pack(">H", len(withdrawn)) + withdrawn +
                   struct.pack(">H", len(attributes)) + attributes + nlri)


def open_with(parameters, fixed=b"\x04\xfe\x4e\0\x09\x0a\1\2\2"):
    """An OPEN of AS 65102, hold time 9, 10.1.2.2 with these optional parameters."""
    return message(OPEN, fixed + bytes([len(parameters)]) + parameters)


def capability(code, value=b""):
    return bytes([2, len(value) + 2, code, len(value)]) + value


# (what, NOTIFICATION in answer, the message)
OPENS = (
    ("shorter than an OPEN can be", (1, 2), MARKER + struct.pack(">HB", 28, OPEN) + b"\0" * 9),
    ("parameters overrun the message", (2, 0), message(OPEN, b"\x04\xfe\x4e\0\x09\x0a\1\2\2\x05")),
    ("a byte behind the parameters", (2, 0), message(OPEN, b"\x04\xfe\x4e\0\x09\x0a\1\2\2\0\0")),
    ("a parameter overruns the rest", (2, 0), open_with(b"\2\x09\1")),
    ("a parameter nobody knows", (2, 4), open_with(b"\1\0")),
    ("a capability overruns its parameter", (2, 0), open_with(b"\2\3\1\4\0")),
    ("a capability without a length", (2, 0), open_with(b"\2\1\1")),
    ("multiprotocol of five octets", (2, 0), open_with(capability(1, b"\0\1\0\1\0"))),
    ("4-octet AS of two octets", (2, 0), open_with(capability(65, b"\0\1"))),
    ("4-octet AS 0", (2, 2), open_with(capability(65, b"\0\0\0\0"))),
    ("AS 0", (2, 2), open_with(b"", b"\x04\0\0\0\x09\x0a\1\2\2")),
    ("another AS in the capability", (2, 2), open_with(capability(65, b"\0\0\xfe\x4f"))),
    ("no family that is ours", (2, 7), open_with(capability(1, b"\0\x19\0\x41"))),
    ("a role nobody knows", (2, 11), open_with(capability(9, b"\x7f"))),
    ("extended parameters overrun", (2, 0), message(OPEN, b"\x04\xfe\x4e\0\x09\x0a\1\2\2"
                                                    b"\xff\xff\0\x09\2\0\2")),
)

# (what, the verdict of RFC 7606, attributes of an announcement of the default route)
ATTRIBUTES = (
    ("ORIGIN of 2 octets", WITHDRAWN, attribute(0x40, 1, b"\0\0") + PATH + HOP),
    ("ORIGIN of no meaning", WITHDRAWN, attribute(0x40, 1, b"\3") + PATH + HOP),
    ("ORIGIN missing", WITHDRAWN, PATH + HOP),
    ("ORIGIN with wrong flags", WITHDRAWN, attribute(0xc0, 1, b"\0") + PATH + HOP),
    ("ORIGIN twice", DISCARDED, ORIGIN + GOOD),
    ("AS_PATH missing", WITHDRAWN, ORIGIN + HOP),
    ("AS_PATH whose segment overruns", WITHDRAWN,
     ORIGIN + attribute(0x40, 2, b"\2\2\0\0\xfe\x4e") + HOP),
    ("AS_PATH with an empty segment", WITHDRAWN, ORIGIN + attribute(0x40, 2, b"\2\0") + HOP),
    ("AS_PATH with a confederation", WITHDRAWN,
     ORIGIN + attribute(0x40, 2, b"\3\1\0\0\xfe\x4e") + HOP),
    ("AS_PATH with AS 0", WITHDRAWN, ORIGIN + attribute(0x40, 2, b"\2\1\0\0\0\0") + HOP),
    ("NEXT_HOP missing", WITHDRAWN, ORIGIN + PATH),
    ("AS_PATH missing, worse than what else is wrong", WITHDRAWN,
     ORIGIN + HOP + attribute(0x40, 5, b"\0\0\0\x64")),
    ("NEXT_HOP of 5 octets", WITHDRAWN, ORIGIN + PATH + attribute(0x40, 3, b"\x0a\1\2\2\0")),
    ("MULTI_EXIT_DISC of 3 octets", WITHDRAWN, GOOD + attribute(0x80, 4, b"\0\0\1")),
    ("LOCAL_PREF from outside", DISCARDED, GOOD + attribute(0x40, 5, b"\0\0\0\x64")),
    ("ATOMIC_AGGREGATE of 1 octet", DISCARDED, GOOD + attribute(0x40, 6, b"\0")),
    ("AGGREGATOR of 6 octets", DISCARDED, GOOD + attribute(0xc0, 7, b"\0\1\1\2\3\4")),
    ("COMMUNITIES of 5 octets", WITHDRAWN, GOOD + attribute(0xc0, 8, b"\0" * 5)),
    ("ORIGINATOR_ID from outside", DISCARDED, GOOD + attribute(0x80, 9, b"\x0a\0\0\1")),
    ("CLUSTER_LIST from outside", DISCARDED, GOOD + attribute(0x80, 10, b"\x0a\0\0\1")),
    ("EXTENDED_COMMUNITIES of 7 octets", WITHDRAWN, GOOD + attribute(0xc0, 16, b"\0" * 7)),
    ("AS4_PATH of 5 octets", DISCARDED, GOOD + attribute(0xc0, 17, b"\2\1\0\0\0")),
    ("AS4_AGGREGATOR of 7 octets", DISCARDED, GOOD + attribute(0xc0, 18, b"\0" * 7)),
    ("IPV6_EXTENDED_COMMUNITIES of 19 octets", WITHDRAWN, GOOD + attribute(0xc0, 25, b"\0" * 19)),
    ("AIGP from outside", DISCARDED, GOOD + attribute(0x80, 26, b"\1\0\x0b" + b"\0" * 8)),
    ("LARGE_COMMUNITIES of 11 octets", WITHDRAWN, GOOD + attribute(0xc0, 32, b"\0" * 11)),
    ("OTC of 3 octets", WITHDRAWN, GOOD + attribute(0xc0, 35, b"\0\0\1")),
    ("MP_REACH_NLRI with wrong flags", WITHDRAWN, GOOD + b"\xc0" + MP_REACH[1:]),
    ("MP_UNREACH_NLRI with wrong flags", WITHDRAWN, GOOD + b"\xc0" + MP_UNREACH[1:]),
    ("a list that ends within an attribute", WITHDRAWN, GOOD + b"\x80\4\x09\0"),
)

# (what, NOTIFICATION in answer, the message)
UPDATES = (
    ("MP_REACH_NLRI twice", (3, 1), update(GOOD + MP_REACH * 2)),
    ("MP_UNREACH_NLRI twice", (3, 1), update(GOOD + MP_UNREACH * 2)),
    ("MP_REACH_NLRI cut off", (3, 9), update(GOOD + attribute(0x80, 14, b"\0\2\1"))),
    ("MP_REACH_NLRI with a next hop of 5 octets", (3, 9),
     update(GOOD + attribute(0x80, 14, b"\0\2\1\5" + b"\0" * 6))),
    ("MP_REACH_NLRI with a prefix of 129 bits", (3, 9),
     update(GOOD + attribute(0x80, 14, MP_REACH[3:] + b"\x81" + b"\0" * 17))),
    ("MP_UNREACH_NLRI cut off", (3, 9), update(GOOD + attribute(0x80, 15, b"\0\2"))),
    ("MP_UNREACH_NLRI with a prefix that overruns", (3, 9),
     update(GOOD + attribute(0x80, 15, b"\0\2\1\x40\0"))),
    ("well-known and unknown", (3, 2), update(GOOD + attribute(0x40, 99))),
    ("withdrawn routes overrun", (3, 1), message(UPDATE, b"\0\x09\0\0")),
    ("attributes overrun", (3, 1), message(UPDATE, b"\0\0\0\x09\0")),
    ("a withdrawn prefix of 33 bits", (3, 10), update(b"", b"\x21\0\0\0\0\0", b"")),
    ("a prefix of 33 bits", (3, 10), update(GOOD, nlri=b"\x21\0\0\0\0\0")),
    ("a prefix that overruns", (3, 10), update(GOOD, nlri=b"\x18\x0a")),
    ("worst of two", (3, 2), update(PATH + HOP + attribute(0x40, 99))),
)

# (what, body, what /v1/peers says of it)
NOTIFICATIONS = (
    ("shutdown with a text", b"\6\2\3bye", "Cease/Administrative Shutdown (6/2): bye"),
    ("a text longer than it is", b"\6\2\xffbye", "Cease/Administrative Shutdown (6/2)"),
    ("a text with control bytes", b"\6\4\4a\x1b[b", "Cease/Administrative Reset (6/4): a?[b"),
    ("a text that is not UTF-8", b"\6\2\2\xff\xfe", "Cease/Administrative Shutdown (6/2)"),
    ("a hard reset around another", b"\6\x09\4\0", "Hold Timer Expired (4/0)"),
    ("a hard reset around nothing", b"\6\x09", "(6/9)"),
    ("codes nobody knows", b"\x63\x07", "(99/7)"),
    ("more data than we keep", b"\3\1" + b"\0" * 3000, "(3/1)"),
)


class BrokenPeer(SpeakerTest):
    def connect(self, prepare=lambda sock: None):
        peer = Peer(self.lab, prepare=prepare)
        self.addCleanup(peer.close)
        return peer

    def establish(self, daemon):
        peer = self.connect().establish()
        self.wait_state(daemon, "t2", "established")
        return peer

    def end_of(self, peer):
        """(code, subcode) of the NOTIFICATION that ends it."""
        body = peer.read_until(NOTIFICATION)
        while peer.read() is not None:
            pass
        peer.close()
        return body[0], body[1]

    def test_open(self):
        daemon = self.start()
        for what, want, wrong in OPENS:
            with self.subTest(what):
                self.assertEqual(self.end_of(self.connect().send(wrong)), want)
                self.assertIn("(%d/%d)" % want, daemon.peer("t2")["last_error_out"])
        self.establish(daemon)

    def test_attributes_that_leave_the_session(self):
        """One session outlives them all; each is a line in the log and a number in the API."""
        daemon = self.start()
        peer = self.establish(daemon)
        for count, (what, verdict, attributes) in enumerate(ATTRIBUTES):
            with self.subTest(what):
                peer.send(update(GOOD))
                wait_until(lambda: self.lab.legs() == ["10.1.2.2"], what="installed")
                peer.send(update(attributes))
                wait_until(lambda n=count: daemon.peer("t2")["updates_malformed"] == n + 1,
                           what="counted")
                self.assertEqual(self.lab.legs(), [] if verdict == WITHDRAWN else ["10.1.2.2"])
        self.assertIn("peer t2: malformed ORIGIN (1) in UPDATE: treated as withdraw, RFC 7606",
                      daemon.log())
        state = daemon.peer("t2")
        self.assertEqual((state["state"], state["established"]), ("Established", 1))

    def test_attributes_are_named_in_the_log(self):
        """Lines are limited in number, so each attribute first in a run of its own."""
        chosen = ("missing", "LOCAL_PREF", "AIGP", "OTC")
        for what, verdict, attributes in ATTRIBUTES:
            if not any(word in what for word in chosen):
                continue
            with self.subTest(what):
                daemon = self.start()
                self.establish(daemon).send(update(attributes))
                daemon.wait_log("malformed %s (" % what.split()[0])
                daemon.wait_log("in UPDATE: %s, RFC 7606" % verdict)
                daemon.stop()

    def test_updates_that_end_the_session(self):
        daemon = self.start()
        for what, want, wrong in UPDATES:
            with self.subTest(what):
                peer = self.establish(daemon).send(update(GOOD))
                wait_until(lambda: self.lab.legs() == ["10.1.2.2"], what="installed")
                self.assertEqual(self.end_of(peer.send(wrong)), want)
                wait_until(lambda: self.lab.legs() == [], what="gone with the session")
                self.assertIn("(%d/%d)" % want, daemon.peer("t2")["last_error_out"])
        self.establish(daemon)

    def test_notifications(self):
        """They end the session and are not answered (RFC 4271, section 6.4)."""
        daemon = self.start()
        for what, body, said in NOTIFICATIONS:
            with self.subTest(what):
                peer = self.establish(daemon)
                before = daemon.peer("t2")["messages_out"]["notification"]
                peer.send(message(NOTIFICATION, body))
                while peer.read() is not None:
                    pass
                wait_until(lambda text=said: text in daemon.peer("t2")["last_error_in"], what=said)
                self.assertEqual(daemon.peer("t2")["messages_out"]["notification"], before)
                peer.close()
        peer = self.establish(daemon)
        peer.send(MARKER + struct.pack(">HB", 20, NOTIFICATION) + b"\6")
        self.assertEqual(self.end_of(peer), (1, 2))

    def test_a_peer_that_stops_reading(self):
        """It asks for everything again and again and takes none of it: others are served as ever,
        what is queued stays small, and when it reads on it hears how things are now."""
        bird, daemon = self.bird(), self.start(hold_time=90)
        wait_until(lambda: bird.has(PREFIX), what=PREFIX)

        def prepare(sock):
            # The window has to close before the buffer is full of small segments: a full buffer
            # drops acknowledgements too, and then what we ask for comes late as well.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP, 4096)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        # No keepalive is sent while it does not read: its own hold time has to outlast that.
        peer = self.connect(prepare).establish(hold_time=90)
        self.wait_state(daemon, "t2", "established")
        peer.read_until(UPDATE)
        before = memory_kib(daemon.pid, "Rss")
        wanted = 0

        def is_stuck():
            """Requests come in and nothing goes out."""
            nonlocal wanted
            out = daemon.peer("t2")["messages_out"]["update"]
            wanted += 3000
            for _ in range(3000):  # one by one: those that come together are answered together
                peer.send(message(ROUTE_REFRESH, b"\0\1\0\1"))
            wait_until(lambda: daemon.peer("t2")["messages_in"]["route_refresh"] == wanted,
                       what="requests heard")
            return daemon.peer("t2")["messages_out"]["update"] == out

        wait_until(is_stuck, 60, "the peer takes no more")
        self.lab.origin.stop()
        wait_until(lambda: not bird.has(PREFIX), 3, "withdrawn at the other peer")
        self.assertEqual(daemon.peer("t2")["state"], "Established")
        self.assertLess(memory_kib(daemon.pid, "Rss") - before, 4096)
        # For this peer the way still leads here, so the address stays (exabgp#993).
        def gone():
            return "198.18.0.1" not in self.lab.addresses()

        with self.assertRaises(AssertionError):
            wait_until(gone, 2.5, "longer than its linger_ms")
        withdrawn = b"\x18\xc6\x12\x00"
        while True:
            body = peer.read_until(UPDATE)
            if withdrawn in body[2:2 + struct.unpack(">H", body[:2])[0]]:
                break
        wait_until(gone, 5, "the address, as the last peer knows")
        self.assertIsNone(daemon.process.poll())


if __name__ == "__main__":
    unittest.main()
