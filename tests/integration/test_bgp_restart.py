# SPDX-License-Identifier: GPL-3.0-or-later
"""Graceful restart (RFC 4724, RFC 8538): of a peer, which is BIRD or raw bytes, and our own."""
import json
import os
import signal
import socket
import struct
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
import support  # noqa: E402
from bgp_peer import (NOTIFICATION, OPEN, UPDATE, KEEPALIVE, Peer, SpeakerTest, message,  # noqa: E402
                      need_root, open_body)
from lb_lab import Bird, configuration, wait_until  # noqa: E402

PREFIX, ALWAYS = "198.18.0.0/24", "198.18.33.0/24"
RESTARTED, NOTIFY = 0x8000, 0x4000
ROUTE = b"\x40\1\1\0" + b"\x40\2\6\2\1\0\0\xfe\x4e" + b"\x40\3\4\x0a\1\2\2"
DEFAULT = message(UPDATE, struct.pack(">HH", 0, len(ROUTE)) + ROUTE + b"\0")
END_OF_RIB = message(UPDATE, b"\0\0\0\0")


def setUpModule():
    need_root()


class RestartingBird(Bird):
    """Keeps, and asks to keep; -R: it is back from a restart."""
    options = ()
    restart_time = 30

    def start(self):
        with open(self.config, encoding="ascii") as file:
            text = file.read()
        with open(self.config, "w", encoding="ascii") as file:
            file.write(text.replace("bfd on;", "graceful restart on; graceful restart time %d;" %
                                    self.restart_time))
        if os.path.exists(self.control):
            os.unlink(self.control)
        self.daemon = support.Daemon(["bird", "-f", "-c", self.config, "-s", self.control,
                                      *self.options], netns=self.ns, name=self.name)
        self.daemon.__enter__()

    def capabilities(self):
        return self.ask("show", "protocols", "all", "lb")


class RestartTest(SpeakerTest):
    def start_with(self, **options):
        return self.start(peers=[
            {"name": name, "address": "10.1.%s.2" % name[1], "local_address": "10.1.%s.3" % name[1],
             "asn": 65100 + int(name[1]), "families": families, "default_route": True,
             "passive": name == "t2", "graceful_restart": {"restart_time": 30, **options}}
            for name, families in (("t1", ["ipv4", "ipv6"]), ("t2", ["ipv4"]))])

    def again(self):
        """The daemon that is started after one that was killed, as it was configured."""
        with open(self.lab.daemon.path, encoding="utf-8") as file:
            conf = json.load(file)
        return self.lab.start(bgp=conf["bgp"])


class ThePeer(RestartTest):
    def test_its_default_route_stays_while_bird_restarts(self):
        bird, daemon = self.bird(RestartingBird), self.start_with()
        wait_until(lambda: self.lab.legs() == ["10.1.1.2"] and self.lab.legs("-6"), what="default")
        since = daemon.last_id()
        bird.stop()
        daemon.events({"kind": "peer_down", "peer": "t1"}, since)
        self.assertTrue(daemon.peer("t1")["default_route_kept"])
        self.assertEqual(self.lab.legs(), ["10.1.1.2"])
        bird.options = ("-R",)
        bird.start()
        self.wait_state(daemon, "t1", "established", 20)
        wait_until(lambda: not daemon.peer("t1")["default_route_kept"], 20, "End-of-RIB")
        self.assertEqual(self.lab.legs(), ["10.1.1.2"])
        self.assertEqual(self.lab.legs("-6"), ["2001:db8:f001:1::2"])
        events = daemon.events({"kind": "peer_up", "peer": "t1"}, since)
        self.assertNotIn("default_route", [event["kind"] for event in events])

    def test_its_time_is_over(self):
        RestartingBird.restart_time = 2
        self.addCleanup(setattr, RestartingBird, "restart_time", 30)
        bird, _ = self.bird(RestartingBird), self.start_with()
        wait_until(lambda: self.lab.legs() == ["10.1.1.2"], what="default")
        begin = time.monotonic()
        bird.stop()
        wait_until(lambda: self.lab.legs() == [], what="gone")
        self.assertGreater(time.monotonic() - begin, 1.9)

    def establish(self, flags=0, kept=True, seconds=30):
        """A raw peer at t2 that keeps IPv4, and its default route, installed."""
        body = open_body(hold_time=3)
        caps = body[12:] + b"\x40\6" + struct.pack(">HHBB", flags | seconds, 1, 1,
                                                   0x80 if kept else 0)
        peer = Peer(self.lab)
        self.addCleanup(peer.close)
        peer.send(message(OPEN, body[:9] + bytes([len(caps) + 2, 2, len(caps)]) + caps))
        peer.read_until(KEEPALIVE)
        return peer.send(message(KEEPALIVE))

    def with_default(self, flags=0, **options):
        daemon = self.start_with(**options)
        peer = self.establish(flags).send(DEFAULT, END_OF_RIB)
        wait_until(lambda: self.lab.legs() == ["10.1.2.2"], what="default")
        return daemon, peer, daemon.last_id()

    def check(self, daemon, since, kept):
        daemon.events({"kind": "peer_down", "peer": "t2"}, since)
        wait_until(lambda: self.lab.legs() == (["10.1.2.2"] if kept else []), what="its route")
        self.assertEqual(daemon.peer("t2")["default_route_kept"], kept)

    def test_end_of_rib_without_it(self):
        daemon, peer, since = self.with_default()
        peer.close()
        self.check(daemon, since, True)
        peer = self.establish(RESTARTED)
        self.wait_state(daemon, "t2", "established")
        self.assertEqual(self.lab.legs(), ["10.1.2.2"])
        peer.send(END_OF_RIB)
        wait_until(lambda: self.lab.legs() == [], what="gone")

    def test_another_route_takes_its_place(self):
        daemon, peer, since = self.with_default()
        peer.close()
        self.check(daemon, since, True)
        self.establish(RESTARTED).send(DEFAULT, END_OF_RIB)
        wait_until(lambda: not daemon.peer("t2")["default_route_kept"], what="said anew")
        self.assertEqual(self.lab.legs(), ["10.1.2.2"])

    def test_lost_twice(self):
        """RFC 4724, section 4.2: what is said anew is kept again, what is stale already is not."""
        daemon, peer, since = self.with_default()
        for says, stale in ((DEFAULT, False), (b"", True)):
            peer.close()
            self.check(daemon, since, True)
            peer = self.establish(RESTARTED).send(says)
            self.wait_state(daemon, "t2", "established")
            wait_until(lambda want=stale: daemon.peer("t2")["default_route_kept"] == want,
                       what="what it has said")
            since = daemon.last_id()
        self.assertEqual(self.lab.legs(), ["10.1.2.2"])
        peer.close()
        self.check(daemon, since, False)

    def test_its_packets_have_not_flowed_on(self):
        daemon, peer, since = self.with_default()
        peer.close()
        self.check(daemon, since, True)
        self.establish(RESTARTED, kept=False)
        wait_until(lambda: self.lab.legs() == [], what="gone")

    def test_it_dials_anew_and_the_old_session_counts_as_closed(self):
        """RFC 4724, section 4.2; a session of a moment ago may be a collision, so wait."""
        daemon, old, since = self.with_default()
        end = time.monotonic() + 6
        while time.monotonic() < end:
            old.send(message(KEEPALIVE))
            time.sleep(0.8)  # its keepalive timer
        self.establish(RESTARTED)
        self.check(daemon, since, True)
        self.wait_state(daemon, "t2", "established")

    def test_a_notification_ends_it(self):
        daemon, peer, since = self.with_default()
        peer.send(message(NOTIFICATION, b"\6\4"))
        self.check(daemon, since, False)

    def test_an_expired_hold_timer_ends_it(self):
        daemon, _, since = self.with_default()
        self.check(daemon, since, False)
        self.assertIn("Hold Timer Expired", daemon.peer("t2")["last_down"])

    def test_with_rfc_8538_neither_does(self):
        for how in ("notification", "hold timer"):
            with self.subTest(how):
                daemon, peer, since = self.with_default(NOTIFY, notification=True)
                if how == "notification":
                    peer.send(message(NOTIFICATION, b"\6\4"))
                self.check(daemon, since, True)
                peer.close()
                daemon.stop()

    def test_but_a_hard_reset_does(self):
        daemon, peer, since = self.with_default(NOTIFY, notification=True)
        peer.send(message(NOTIFICATION, b"\6\x09\6\2\3bye"))
        self.check(daemon, since, False)
        self.assertIn("Administrative Shutdown (6/2): bye", daemon.peer("t2")["last_error_in"])

    def test_our_own_end_is_a_hard_reset(self):
        daemon, peer, _ = self.with_default(NOTIFY, notification=True)
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(peer.read_until(NOTIFICATION)[:4], b"\6\x09\6\2")


class Ourselves(RestartTest):
    def kill_and_wait(self, daemon, bird):
        """Killed, and BIRD has noticed but keeps what it has."""
        daemon.stop(signal.SIGKILL)
        wait_until(lambda: "Established" not in bird.capabilities(), what="noticed")
        self.assertTrue(bird.has(PREFIX) and bird.has(ALWAYS))
        self.assertIn("198.18.0.1", self.lab.addresses(), "packets flow on")

    def test_a_first_start_claims_nothing(self):
        bird, _ = self.bird(RestartingBird), self.start_with()
        wait_until(lambda: bird.has(PREFIX), what=PREFIX)
        text = bird.capabilities()
        self.assertIn("Restart time: 30", text)
        self.assertNotIn("Restart recovery", text)
        self.assertNotIn("AF preserved: ipv", text)

    def test_bird_does_not_miss_us(self):
        bird, daemon = self.bird(RestartingBird), self.start_with()
        wait_until(lambda: bird.has(PREFIX) and bird.has(ALWAYS), what="announced")
        self.kill_and_wait(daemon, bird)
        missed = []

        def back():
            missed.extend(p for p in (PREFIX, ALWAYS) if not bird.has(p))
            text = bird.capabilities()
            return "Established" in text and "Restart recovery" in text and \
                "AF preserved: ipv4 ipv6" in text
        self.again()
        wait_until(back, 20, "restarted, and it says so")
        end = time.monotonic() + 2  # End-of-RIB after the first verdicts, and what comes of it
        while time.monotonic() < end:
            back()
        self.assertEqual(missed, [])

    def test_in_place(self):
        """SIGUSR2: the same process, and BIRD keeps the routes meanwhile."""
        bird, daemon = self.bird(RestartingBird), self.start_with()
        wait_until(lambda: bird.has(PREFIX) and bird.has(ALWAYS), what="announced")
        before, missed = daemon.get("/v1/status")[1]["started_ns"], []

        def back():
            missed.extend(p for p in (PREFIX, ALWAYS) if not bird.has(p))
            if "198.18.0.1" not in self.lab.addresses():
                missed.append("198.18.0.1")
            return "Restart recovery" in bird.capabilities()
        os.kill(daemon.process.pid, signal.SIGUSR2)
        wait_until(back, 20, "restarted, and it says so")
        self.wait_state(daemon, "t1", "established", 20)
        self.assertGreater(daemon.get("/v1/status")[1]["started_ns"], before)
        wait_until(lambda: daemon.vip("anycast")["state"] == "up", what="verdict")
        self.assertTrue(bird.has(PREFIX) and bird.has(ALWAYS))
        self.assertEqual(missed, [])

    def test_not_into_a_mistake(self):
        """The daemon goes on if its file would not let the next one start."""
        daemon = self.start_with()
        before = daemon.get("/v1/status")[1]["started_ns"]
        with open(daemon.path, "w", encoding="ascii") as file:
            file.write("{}")
        os.kill(daemon.process.pid, signal.SIGUSR2)
        wait_until(lambda: "not restarted: " in daemon.log(), what="refused")
        self.assertEqual(daemon.get("/v1/status")[1]["started_ns"], before)

    def test_what_is_not_announced_again_goes(self):
        bird, daemon = self.bird(RestartingBird), self.start_with()
        wait_until(lambda: bird.has(PREFIX) and bird.has(ALWAYS), what="announced")
        self.kill_and_wait(daemon, bird)
        self.lab.origin.stop()
        self.again()
        wait_until(lambda: not bird.has(PREFIX), 20, "gone with End-of-RIB")
        self.assertTrue(bird.has(ALWAYS))

    def test_end_of_rib_waits_for_the_verdicts(self):
        bird, daemon = self.bird(RestartingBird), self.start_with()
        wait_until(lambda: bird.has(PREFIX), what=PREFIX)
        self.kill_and_wait(daemon, bird)
        self.lab.origin.stop()
        base = configuration(self.lab.socket)
        base["checks"]["web"].update(timeout_ms=3000, interval_ms=3000)
        silent = self.lab.lb.socket()
        self.addCleanup(silent.close)
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        silent.bind(("127.0.0.1", 8080))
        silent.listen()  # takes connections, and never answers
        with open(daemon.path, encoding="utf-8") as file:
            conf = json.load(file)
        daemon = self.lab.start(bgp=conf["bgp"], checks=base["checks"])
        self.wait_state(daemon, "t1", "established", 20)
        state = daemon.vip("anycast")["state"]
        if state == "unknown":
            self.assertTrue(bird.has(PREFIX), "not while nobody knows")
        wait_until(lambda: not bird.has(PREFIX), 20, "gone when it is known")
        self.assertEqual(daemon.vip("anycast")["state"], "down")
        self.assertEqual(state, "unknown", "or there was nothing to see")


if __name__ == "__main__":
    unittest.main()
