# SPDX-License-Identifier: GPL-3.0-or-later
"""What peers ask of the TCP connection: how far away they may be, and a key."""
import os
import socket
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
from bgp_peer import (IP_MINTTL, KEEPALIVE, NOTIFICATION, OPEN, TCP_SAVE_SYN,  # noqa: E402
                      TCP_SAVED_SYN, Peer, SpeakerTest, md5_key, message, need_root)
from lb_lab import wait_until  # noqa: E402

PREFIX = "198.18.0.0/24"


def setUpModule():
    need_root()


def ttl(value):
    return lambda sock: sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, value)


class Distance(SpeakerTest):
    def start_with(self, **options):
        return self.start(peers=[{"name": "t2", "address": "10.1.2.2", "asn": 65102, **options}])

    def peer(self, prepare):
        peer = Peer(self.lab, prepare=prepare)
        self.addCleanup(peer.close)
        return peer

    def test_ttl_of_what_is_sent(self):
        """1 to a peer on the wire, as many as it is hops away, 255 with TTL security."""
        listener = self.lab.t2.socket()
        self.addCleanup(listener.close)
        listener.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, 1)
        ttl(255)(listener)
        listener.bind(("10.1.2.2", 179))
        listener.listen()
        listener.settimeout(10)
        for options, want in (({}, 1), ({"multihop": 3}, 3), ({"ttl_security": True}, 255)):
            with self.subTest(str(options)):
                daemon = self.start_with(**options)
                sock, _ = listener.accept()
                with sock:
                    self.assertEqual(sock.getsockopt(socket.IPPROTO_TCP, TCP_SAVED_SYN, 128)[8],
                                     want)
                daemon.stop()

    def test_ttl_security_takes_what_is_near(self):
        daemon = self.start_with(ttl_security=True, passive=True)

        def prepare(sock):  # the answer to the SYN must have come with 255, too
            ttl(255)(sock)
            sock.setsockopt(socket.IPPROTO_IP, IP_MINTTL, 255)

        self.peer(prepare).establish()
        self.wait_state(daemon, "t2", "established")
        self.assertEqual(daemon.peer("t2")["transport"],
                         {"multihop": 1, "ttl_security": True, "md5": False})

    def test_ttl_security_is_silent_towards_what_is_far(self):
        daemon = self.start_with(ttl_security=True, passive=True)
        far = self.peer(ttl(254))
        self.assertIsNone(far.read(), "not one byte")
        self.assertEqual(daemon.peer("t2")["last_down"],
                         "a connection from further than 1 hops (RFC 5082) was closed")

    def test_ttl_security_counts_hops(self):
        daemon = self.start_with(ttl_security=True, multihop=3, passive=True)
        self.assertIsNone(self.peer(ttl(252)).read())
        self.peer(ttl(253)).establish()
        self.wait_state(daemon, "t2", "established")

    def test_ttl_security_drops_what_comes_later_from_afar(self):
        daemon = self.start(hold_time=3, peers=[
            {"name": "t2", "address": "10.1.2.2", "asn": 65102, "ttl_security": True,
             "passive": True}])
        peer = self.peer(ttl(255)).establish()
        self.wait_state(daemon, "t2", "established")
        since = daemon.last_id()
        ttl(254)(peer.sock)
        peer.send(message(KEEPALIVE))
        events = daemon.events({"kind": "peer_down", "peer": "t2"}, since)
        self.assertIn("Hold Timer Expired", str(events[-1]))

    def test_ttl_security_with_bird_from_either_side(self):
        for passive in (False, True):
            with self.subTest(passive=passive):
                bird = self.bird(words="ttl security on;" + ("" if passive else " passive;"))
                daemon = self.start(peers=[{"name": "t1", "address": "10.1.1.2", "asn": 65101,
                                            "ttl_security": True, "passive": passive}])
                wait_until(lambda b=bird: b.has(PREFIX), what=PREFIX)
                daemon.stop()
                bird.stop()


class Range(SpeakerTest):
    def connect(self, source, prepare=lambda sock: None):
        peer = Peer(self.lab, source, prepare)
        self.addCleanup(peer.close)
        return peer

    def start_with(self, **options):
        for host in (77, 78):
            self.lab.t2.run("ip", "address", "add", "10.1.2.%d/24" % host, "dev", "lb")
        return self.start(peers=[{"name": "ix", "range": "10.1.2.0/24", "asn": 65102, "limit": 2,
                                  **options}])

    def test_slots_are_lent_and_given_back(self):
        daemon = self.start_with()
        self.assertIsNone(daemon.peer("ix-1")["remote"])
        first = self.connect("10.1.2.2").establish()
        self.connect("10.1.2.77").establish()
        self.wait_state(daemon, "ix-1", "established")
        self.wait_state(daemon, "ix-2", "established")
        self.assertTrue(daemon.peer("ix-2")["remote"].startswith("10.1.2.77:"))
        self.assertEqual(self.connect("10.1.2.78").read_until(NOTIFICATION)[:2], b"\6\10")
        since = daemon.last_id()
        first.close()
        daemon.events({"kind": "peer_down", "peer": "ix-1"}, since)
        wait_until(lambda: self.connect("10.1.2.78").read()[0] == OPEN, what="a slot again")
        wait_until(lambda: daemon.peer("ix-1")["remote"].startswith("10.1.2.78"), what="his")

    def test_key_of_a_range(self):
        path = os.path.join(self.lab.directory, "key")
        with open(path, "w", encoding="ascii") as file:
            file.write("a secret\n")
        daemon = self.start_with(md5_key_file=path)
        self.connect("10.1.2.77", md5_key("10.1.2.3")).establish()
        self.wait_state(daemon, "ix-1", "established")


class Key(SpeakerTest):
    def start_with(self, text="a secret\n", **options):
        path = os.path.join(self.lab.directory, "key")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return self.start(peers=[{"name": "t2", "address": "10.1.2.2", "asn": 65102,
                                  "md5_key_file": path, **options}])

    def connect(self, prepare=lambda sock: None, source="10.1.2.2"):
        peer = Peer(self.lab, source, prepare)
        self.addCleanup(peer.close)
        return peer

    def test_the_peer_dials_with_the_key(self):
        daemon = self.start_with(passive=True)
        self.connect(md5_key("10.1.2.3")).establish()
        self.wait_state(daemon, "t2", "established")
        self.assertTrue(daemon.peer("t2")["transport"]["md5"])

    def test_wrong_key_and_none_are_silence(self):
        daemon = self.start_with(passive=True)

        def impatient(prepare):
            def both(sock):
                prepare(sock)
                sock.settimeout(1.5)
            return both
        for prepare in (md5_key("10.1.2.3", b"another"), lambda sock: None):
            with self.assertRaises(TimeoutError):
                Peer(self.lab, prepare=impatient(prepare))
        self.assertEqual(daemon.peer("t2")["messages_in"]["open"], 0)

    def test_strangers_need_no_key_to_be_refused(self):
        self.start_with(passive=True)
        self.lab.t2.run("ip", "address", "add", "10.1.2.77/24", "dev", "lb")
        stranger = self.connect(source="10.1.2.77")
        self.assertEqual(stranger.read_until(NOTIFICATION)[:2], b"\6\5")

    def test_we_dial_with_the_key_and_say_when_it_is_wrong(self):
        listener = self.lab.t2.socket()
        self.addCleanup(listener.close)
        md5_key("10.1.2.3")(listener)
        listener.bind(("10.1.2.2", 179))
        listener.listen()
        listener.settimeout(10)
        daemon = self.start_with()
        listener.accept()[0].close()
        daemon.stop()
        daemon = self.start_with("not the key\n")
        wait_until(lambda: daemon.peer("t2")["last_down"] == "connection attempt timed out",
                   what="a reason")
        self.assertEqual(daemon.peer("t2")["state"], "Connect")

    def test_bird_with_a_key_from_either_side(self):
        for passive in (False, True):
            with self.subTest(passive=passive):
                bird = self.bird(words='password "a secret";' + ("" if passive else " passive;"))
                daemon = self.start_with(name="t1", address="10.1.1.2", asn=65101,
                                         passive=passive)
                wait_until(lambda b=bird: b.has(PREFIX), what=PREFIX)
                daemon.stop()
                bird.stop()


if __name__ == "__main__":
    unittest.main()
