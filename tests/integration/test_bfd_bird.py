# SPDX-License-Identifier: GPL-3.0-or-later
"""BFD beside BIRD 2 and beside a peer of raw packets that does not keep to the rules.

In the namespaces of lb_lab.py: BIRD speaks BGP in t1, and BFD or the raw peer does. Silence is made
by stopping BIRD's process: its TCP session stays, its packets do not come.
"""
import hashlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
from lb_lab import LB, Bird, Lab, configuration, wait_until  # noqa: E402
import support  # noqa: E402

ADMIN_DOWN, DOWN, INIT, UP = range(4)
IP_RECVTTL, SO_TIMESTAMPNS = 12, 35  # not in Python 3.11
KEY = "not to be told"


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root for network namespaces")


class BfdBird(Bird):
    """One BGP session, IPv4 or IPv6, with BFD as given (a protocol bfd {...}, or none)."""

    def __init__(self, lab, bfd, ipv6=False, multihop=False):
        self.bfd, self.ipv6, self.multihop = bfd, ipv6, multihop
        super().__init__(lab.t1, lab.directory, "t1", 65101, "10.1.1.2", "10.1.1.3",
                         "2001:db8:f001:1::2")

    def start(self):
        net = "2001:db8:f001:1::" if self.ipv6 else "10.1.1."
        with open(self.config, "w", encoding="ascii") as out:
            out.write("""
log stderr all;
router id 10.1.1.2;
protocol device { scan time 1; }
protocol static { ipv4; route 0.0.0.0/0 unreachable; }
protocol static { ipv6; route ::/0 unreachable; }
%s
protocol bgp lb {
	local %s2 as 65101;
	neighbor %s3 as 64500;
	%s %s hold time 30; check link no; error wait time 1, 2; connect delay time 0;
	%s { import all; export none; %s };
}
""" % (self.bfd, net, net, "bfd on;" if self.bfd else "", "multihop 2;" if self.multihop else "",
       "ipv6" if self.ipv6 else "ipv4", "next hop self;"))
        super().start()

    def sessions(self):
        return self.ask("show", "bfd", "sessions")


def bfd_words(interval=50, auth="", multihop=False):
    timers = "min rx interval %d ms; min tx interval %d ms; idle tx interval 1 s; multiplier 3;" % (
        interval, interval)
    key = 'authentication %s; password "%s" { id 1; };' % (auth, KEY) if auth else ""
    return "protocol bfd { %s { %s %s }; }" % ("multihop" if multihop else 'interface "lb"', timers,
                                               key)


class BfdTest(unittest.TestCase):
    def setUp(self):
        self.lab = Lab(birds=False)
        self.addCleanup(self.lab.close)

    def start(self, bfd, address="10.1.1.2", **bgp):
        """The daemon, t1 its only peer; started and not yet looked at."""
        ipv6 = ":" in address
        conf = configuration(self.lab.socket)["bgp"]
        conf["peers"] = [{"name": "t1", "address": address, "asn": 65101, "hold_time": 30,
                          "local_address": "2001:db8:f001:1::3" if ipv6 else "10.1.1.3",
                          "default_route": True}]
        if bfd is not None:
            conf["peers"][0]["bfd"] = bfd
        conf.update(bgp)
        return self.lab.start(bgp=conf)

    def bird(self, *args, **kwargs):
        bird = BfdBird(self.lab, *args, **kwargs)
        self.lab.birds.append(bird)
        return bird

    def auth(self, kind, key=KEY):
        path = os.path.join(self.lab.directory, "bfd.key")
        with open(path, "w", encoding="ascii") as out:
            out.write(key + "\n")
        return {"type": kind, "key_id": 1, "key_file": path}

    def wait_bfd(self, daemon, state="Up", seconds=10):
        wait_until(lambda: daemon.peer("t1")["bfd"]["state"] == state, seconds, "BFD " + state)

    def wait_bgp(self, daemon, state="Established", seconds=15):
        wait_until(lambda: daemon.peer("t1")["state"] == state, seconds, "BGP " + state)

    def wait_both(self, daemon, bird):
        self.wait_bgp(daemon)
        self.wait_bfd(daemon)
        # Both polls are over: the intervals are those that were wished for.
        wait_until(lambda: daemon.peer("t1")["bfd"]["detection_time_us"] == 150000, 5, "150 ms")
        wait_until(lambda: "Up" in bird.sessions() and "0.150" in bird.sessions(), 5,
                   "Up at BIRD, with 150 ms")


class WithBird(BfdTest):
    def check_detection(self, daemon, since):
        """In time; then BGP down at once, and the default route with it."""
        events = daemon.events({"kind": "peer_down", "peer": "t1"}, since)
        down = next(event for event in events if event["kind"] == "bfd_down")
        self.assertEqual(down["diagnostic"], "Control Detection Time Expired")
        self.assertEqual(down["detection_time_ms"], 150)
        self.assertGreaterEqual(down["silent_ms"], 150)
        self.assertLessEqual(down["silent_ms"], 165, "110 % of the Detection Time")
        self.assertIn("Cease/BFD Down (6/10)", events[-1]["reason"])
        # Against a hold time of 30 s; the main loop has no real-time priority.
        self.assertLess(events[-1]["t_ns"] - down["t_ns"], 500e6, "BGP waits for nothing")
        wait_until(lambda: not self.lab.legs() and not self.lab.legs("-6"), 2, "no default route")

    def check_silence(self, daemon, bird, since):
        """BIRD falls silent, and comes back."""
        bird.process.send_signal(signal.SIGSTOP)
        self.check_detection(daemon, since)
        bird.process.send_signal(signal.SIGCONT)
        self.wait_both(daemon, bird)
        # BIRD begins a session with every BGP session, and with it its sequence numbers: signed, it
        # may be refused until the old one has been given up.
        self.assertIn(daemon.peer("t1")["bfd"]["detections"], (1, 2))

    def check_pair(self, address, kind=None, **bird):
        words = {"sha1": "keyed sha1", "meticulous-sha1": "meticulous keyed sha1", None: ""}[kind]
        multihop = bird.get("multihop", False)
        bfd = {"interval_ms": 50, "multiplier": 3, "multihop": multihop}
        if kind:
            bfd["auth"] = self.auth(kind)
        router = self.bird(bfd_words(auth=words, multihop=multihop), ipv6=":" in address, **bird)
        daemon = self.start(bfd, address)
        self.wait_both(daemon, router)
        peer = daemon.peer("t1")["bfd"]
        self.assertEqual((peer["auth"], peer["multihop"]), (kind or "none", multihop))
        self.assertEqual(peer["discarded"], {})
        self.check_silence(daemon, router, daemon.last_id())

    def test_single_hop_ipv4(self):
        self.check_pair("10.1.1.2")

    def test_single_hop_ipv6_keyed_sha1(self):
        self.check_pair("2001:db8:f001:1::2", "sha1")

    def test_single_hop_ipv4_meticulous_sha1(self):
        self.check_pair("10.1.1.2", "meticulous-sha1")

    def test_multihop_ipv4_meticulous_sha1(self):
        self.check_pair("10.1.1.2", "meticulous-sha1", multihop=True)

    def test_multihop_ipv6(self):
        self.check_pair("2001:db8:f001:1::2", multihop=True)

    def test_dead_path_with_the_carrier_up(self):
        """Nothing comes back, neither BFD nor TCP: the NOTIFICATION is not waited for."""
        bird = self.bird(bfd_words())
        daemon = self.start({"interval_ms": 50})
        self.wait_both(daemon, bird)
        since = daemon.last_id()
        entry = ("10.1.1.3", "dev", "lb")
        self.lab.t1.run("ip", "neigh", "replace", *entry, "lladdr", "02:00:00:00:00:99")
        self.check_detection(daemon, since)
        self.lab.t1.run("ip", "neigh", "del", *entry)
        self.wait_both(daemon, bird)

    def test_our_silence_is_seen_by_bird(self):
        bird = self.bird(bfd_words())
        daemon = self.start({"interval_ms": 50})
        self.wait_both(daemon, bird)
        daemon.process.send_signal(signal.SIGSTOP)
        try:
            wait_until(lambda: "Up" not in bird.sessions(), 2, "down at BIRD")
            wait_until(lambda: "Established" not in bird.ask("show", "protocols", "lb"), 2,
                       "BGP down at BIRD")
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        self.wait_both(daemon, bird)

    def test_slower_peer_is_followed(self):
        """maghemite#798: it negotiates, it does not flap."""
        bird = self.bird(bfd_words(interval=400))
        daemon = self.start({"interval_ms": 50})
        self.wait_bgp(daemon)
        self.wait_bfd(daemon)
        wait_until(lambda: daemon.peer("t1")["bfd"]["detection_time_us"] == 1200000, 10, "1.2 s")

        def steady():
            peer = daemon.peer("t1")["bfd"]
            return (peer["state"], peer["downs"], peer["tx_interval_us"]) == ("Up", 0, 400000)

        wait_until(steady, 10, "as slow as BIRD")
        before = daemon.peer("t1")["bfd"]["packets_out"]
        support.holds_for(4, steady, "up, and as slow as BIRD", interval=0.1)
        self.assertLess(daemon.peer("t1")["bfd"]["packets_out"] - before, 16)
        self.assertIn("Up", bird.sessions())

    def test_wrong_key_is_refused_and_seen_and_bgp_comes_up_all_the_same(self):
        """RFC 5882: what has never been up is not acted on."""
        self.bird(bfd_words(auth="meticulous keyed sha1"))
        daemon = self.start({"interval_ms": 50, "auth": self.auth("meticulous-sha1", "wrong")})
        self.wait_bgp(daemon)
        wait_until(lambda: daemon.peer("t1")["bfd"]["discarded"].get("auth_wrong_hash", 0) >= 3, 10,
                   "refused packets")
        peer = daemon.peer("t1")
        self.assertEqual((peer["bfd"]["state"], peer["bfd"]["ups"]), ("Down", 0))
        self.assertEqual((peer["state"], peer["established"]), ("Established", 1))
        self.assertEqual(daemon.log().count("its key is not ours"), 1, "one line")
        self.assertNotIn(KEY, daemon.log())


class RawPeer(threading.Thread):
    """A BFD peer of few words in t1: says what it is told to, every 50 ms."""

    def __init__(self, lab, port=3784, ttl=255, address="10.1.1.2"):
        super().__init__(daemon=True)
        self.sock = lab.t1.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((address, port))
        self.sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.out = lab.t1.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.out.bind((address, 0))
        self.port = port
        self.set_ttl(ttl)
        self.state, self.diag, self.flags, self.mult = DOWN, 0, 0, 3
        self.mine, self.interval = 4711, 50000
        self.yours = None
        self.follows, self.talks, self.running = True, True, True
        self.seen = []  # (time of the kernel, ttl, source port, bytes)
        self.start()

    def set_ttl(self, ttl):
        self.out.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)

    def packet(self, **changes):
        values = {"version": 1, "state": self.state, "diag": self.diag, "flags": self.flags,
                  "mult": self.mult, "length": 24, "mine": self.mine, "yours": self.yours or 0,
                  "tail": b"", **changes}
        return struct.pack(">BBBBIIIII", values["version"] << 5 | values["diag"],
                           values["state"] << 6 | values["flags"], values["mult"],
                           values["length"], values["mine"], values["yours"],
                           self.interval, self.interval, 0) + values["tail"]

    def send(self, data):
        self.out.sendto(data, ("10.1.1.3", self.port))

    def take(self):
        data, control, _, source = self.sock.recvmsg(512, 128)
        told = {(level, kind): value for level, kind, value in control}
        seconds, ns = struct.unpack("qq", told[socket.SOL_SOCKET, SO_TIMESTAMPNS])
        ttl = struct.unpack("i", told[socket.IPPROTO_IP, socket.IP_TTL])[0]
        self.seen.append((seconds + ns / 1e9, ttl, source[1], data))
        self.yours, state = struct.unpack(">I", data[4:8])[0], data[1] >> 6
        if self.follows:
            self.state = {DOWN: INIT, INIT: UP, UP: UP if self.state != DOWN else DOWN}.get(
                state, DOWN)
        if self.talks and data[1] & 0x20:
            self.send(self.packet(flags=self.flags | 0x10))

    def run(self):
        due = time.monotonic()
        while self.running:
            wait = due - time.monotonic()
            if wait > 0 and select.select([self.sock], [], [], wait)[0]:
                self.take()
            elif wait <= 0:
                due += 0.045
                if self.talks:
                    self.send(self.packet())

    def close(self):
        self.running = False
        self.join()
        self.sock.close()
        self.out.close()


class WithRawPeer(BfdTest):
    """BGP with BIRD, BFD with somebody else at the same address."""

    def start_up(self, **bfd):
        self.bird("")
        self.raw = RawPeer(self.lab)
        self.addCleanup(self.raw.close)
        daemon = self.start({"interval_ms": 50, **bfd})
        self.wait_bgp(daemon)
        self.wait_bfd(daemon)
        wait_until(lambda: daemon.peer("t1")["bfd"]["detection_time_us"] == 150000, 5, "150 ms")
        return daemon

    def test_what_is_sent(self):
        """RFC 5881: TTL 255, a source port of its own from 49152 up; slow until Up; jitter."""
        daemon = self.start_up()
        first = len(self.raw.seen)
        wait_until(lambda: len(self.raw.seen) > first + 100, 10, "100 packets")
        seen = list(self.raw.seen)
        self.assertEqual({ttl for _, ttl, _, _ in seen}, {255})
        self.assertEqual(len({port for _, _, port, _ in seen}), 1)
        self.assertGreaterEqual(seen[0][2], 49152)
        for _, _, _, data in seen:
            version_diag, flags, mult, length, mine, yours, tx, rx, echo = struct.unpack(
                ">BBBBIIIII", data)
            self.assertEqual((version_diag, mult, length, rx, echo), (0x20, 3, 24, 50000, 0))
            self.assertNotEqual(mine, 0)
            self.assertEqual(flags & 0x0f, 0, "no C, A, D or M")
            self.assertEqual(tx, 50000 if flags >> 6 == UP else 1000000)
            self.assertEqual(yours, 0 if flags >> 6 == DOWN else 4711)
        late = [b[0] - a[0] for a, b in zip(seen[first:], seen[first + 1:])]
        self.assertGreater(min(late), 0.030)
        self.assertLess(sorted(late)[len(late) // 2], 0.050)
        self.assertEqual(daemon.peer("t1")["bfd"]["send_errors"], 0)

    def test_remote_admin_down_leaves_bgp_alone(self):
        """RFC 5882, 4.1; rustbgpd#260."""
        daemon = self.start_up()
        since = daemon.last_id()
        self.raw.follows, self.raw.state, self.raw.diag = False, ADMIN_DOWN, 7
        events = daemon.events({"kind": "bfd_down", "peer": "t1"}, since)
        self.assertEqual(events[-1]["remote_state"], "AdminDown")
        self.raw.talks = False  # and then it is gone altogether

        def untouched():
            peer = daemon.peer("t1")
            return (peer["state"], peer["established"]) == ("Established", 1)

        support.holds_for(1, untouched, "BGP, without BFD")
        self.raw.state, self.raw.diag, self.raw.follows, self.raw.talks = DOWN, 0, True, True
        self.wait_bfd(daemon)

    def test_down_from_the_peer_is_acted_on_at_once(self):
        """FRR#22097; and a session that has come up since is not reset again (gobgp#3561)."""
        daemon = self.start_up()
        since = daemon.last_id()
        self.raw.follows, self.raw.state, self.raw.diag = False, DOWN, 1
        events = daemon.events({"kind": "peer_down", "peer": "t1"}, since)
        down = next(event for event in events if event["kind"] == "bfd_down")
        self.assertEqual((down["diagnostic"], down["remote_diagnostic"]),
                         ("Neighbor Signaled Session Down", "Control Detection Time Expired"))
        self.assertLess(events[-1]["t_ns"] - down["t_ns"], 500e6)
        self.wait_bgp(daemon)
        support.holds_for(0.5, lambda: daemon.peer("t1")["established"] == 2, "the second session")

    def test_stopped_daemon_says_that_it_is_no_failure(self):
        daemon = self.start_up()
        self.assertEqual(daemon.stop(), 0)
        wait_until(lambda: self.raw.seen[-1][3][0] == 0x20 | 7 and
                   self.raw.seen[-1][3][1] >> 6 == ADMIN_DOWN, 2,
                   "AdminDown, Administratively Down")
        self.assertIn("Administrative shutdown",
                      self.lab.birds[0].ask("show", "protocols", "all", "lb"))

    def test_wrong_packets_are_discarded_and_counted(self):
        daemon = self.start_up()
        raw = self.raw
        rows = (
            ("bad_version", raw.packet(version=0)),
            ("too_short", raw.packet(length=23)),
            ("length_beyond", raw.packet(length=40)),
            ("zero_multiplier", raw.packet(mult=0)),
            ("multipoint", raw.packet(flags=1)),
            ("zero_discriminator", raw.packet(mine=0)),
            ("no_session", raw.packet(yours=0)),
            ("no_session", raw.packet(yours=raw.yours ^ 1)),
            ("auth_unexpected", raw.packet(flags=4, length=33, tail=bytes([1, 9, 1]) + b"secret")),
        )
        for key, data in rows:
            before = daemon.peer("t1")["bfd"]["discarded"].get(key, 0)
            raw.send(data)
            wait_until(lambda k=key, n=before: daemon.peer("t1")["bfd"]["discarded"].get(k, 0) ==
                       n + 1, 2, key)
        peer = daemon.peer("t1")["bfd"]
        self.assertEqual((peer["state"], peer["downs"]), ("Up", 0))
        self.assertEqual(daemon.log().count("discarded: "), 1, "one line in ten seconds")

    def test_other_ttl_is_discarded(self):
        """GTSM (RFC 5881, 5; RFC 5082): a packet that came over a router is none."""
        daemon = self.start_up()
        since = daemon.last_id()
        self.raw.set_ttl(254)
        events = daemon.events({"kind": "bfd_down", "peer": "t1"}, since)
        self.assertEqual(events[-1]["diagnostic"], "Control Detection Time Expired")
        self.assertGreater(daemon.peer("t1")["bfd"]["discarded"]["wrong_ttl"], 0)

    def test_packet_of_another_sender_does_not_count(self):
        """The right discriminator from the wrong address keeps nobody alive, and kills nobody."""
        daemon = self.start_up()
        self.lab.t1.run("ip", "address", "add", "10.1.1.77/24", "dev", "lb")
        other = self.lab.t1.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(other.close)
        other.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
        other.bind(("10.1.1.77", 0))
        for _ in range(5):
            other.sendto(self.raw.packet(state=DOWN), ("10.1.1.3", 3784))
        wait_until(lambda: daemon.peer("t1")["bfd"]["discarded"].get("wrong_path") == 5, 2, "counted")
        self.assertEqual(daemon.peer("t1")["bfd"]["downs"], 0)

    def test_passive_side_waits(self):
        self.bird("")
        self.raw = RawPeer(self.lab)
        self.addCleanup(self.raw.close)
        self.raw.talks = False
        daemon = self.start({"interval_ms": 50, "passive": True})
        self.wait_bgp(daemon)
        self.assertEqual(self.raw.seen, [])
        self.raw.talks = True
        self.wait_bfd(daemon)

    def test_demand_mode_of_the_peer(self):
        daemon = self.start_up()
        self.raw.flags = 2
        wait_until(lambda: daemon.peer("t1")["bfd"]["remote_demand"], 2, "its D bit")
        before = daemon.peer("t1")["bfd"]["packets_out"]

        def quiet():
            peer = daemon.peer("t1")["bfd"]
            return (peer["state"], peer["downs"]) == ("Up", 0) and \
                peer["packets_out"] <= before + 1

        support.holds_for(1, quiet, "up, and nothing is sent")

    def test_replayed_packets_keep_nobody_alive(self):
        """Meticulous SHA1: the same packet again is outside the window."""
        bird = self.bird(bfd_words(auth="meticulous keyed sha1"))
        daemon = self.start({"interval_ms": 50, "auth": self.auth("meticulous-sha1")})
        self.wait_both(daemon, bird)
        out = self.lab.t1.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.addCleanup(out.close)
        out.bind(("lb", 0))
        with self.lab.t1.entered():
            every = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.addCleanup(every.close)
        every.settimeout(5)
        while True:
            frame = every.recv(2048)
            if frame[12:14] == b"\x08\x00" and frame[23] == 17 and frame[26:30] == bytes(
                    [10, 1, 1, 2]) and frame[36:38] == struct.pack(">H", 3784):
                break
        # The kernel leaves the UDP checksum to the card that a veth is not; zero is none.
        frame = frame[:40] + bytes(2) + frame[42:]
        digest = frame[42 + 32:42 + 52]
        signed = frame[42:42 + 32] + KEY.encode().ljust(20, b"\0")
        self.assertEqual(digest, hashlib.sha1(signed).digest(), "BIRD and the RFC agree")
        since = daemon.last_id()
        bird.process.send_signal(signal.SIGSTOP)
        self.addCleanup(bird.process.send_signal, signal.SIGCONT)
        for _ in range(20):
            out.send(frame)
            time.sleep(0.02)
        daemon.events({"kind": "bfd_down", "peer": "t1"}, since)
        self.assertGreater(daemon.peer("t1")["bfd"]["discarded"]["auth_old_sequence"], 3)


class Environment(BfdTest):
    def test_port_in_use_is_said(self):
        other = self.lab.lb.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(other.close)
        other.bind(("0.0.0.0", 3784))
        conf = configuration(self.lab.socket)
        conf["bgp"]["peers"][0]["bfd"] = {}
        path = os.path.join(self.lab.directory, "lb.json")
        with open(path, "w", encoding="ascii") as out:
            json.dump(conf, out)
        done = subprocess.run(self.lab.lb.command(LB, "--config", path), text=True, timeout=10,
                              stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("bfd t1: cannot open UDP port 3784: Address already in use", done.stderr)

    def test_without_the_right_to_real_time_it_says_so_and_works(self):
        self.raw = RawPeer(self.lab)
        self.addCleanup(self.raw.close)
        conf = configuration(self.lab.socket)["bgp"]
        conf["peers"] = [{"name": "t1", "address": "10.1.1.2", "asn": 65101,
                          "bfd": {"interval_ms": 100}}]
        daemon = self.lab.start(["capsh", "--drop=cap_sys_nice", "--", "-c", '"$0" "$@"'], bgp=conf)
        self.wait_bfd(daemon)
        self.assertEqual(daemon.log().count("bfd: no real-time priority"), 1)
        self.assertFalse(daemon.peer("t1")["bfd"]["realtime"])

    def test_without_a_session_there_is_no_thread(self):
        daemon = self.start(None)
        self.assertIsNone(daemon.peer("t1")["bfd"])
        self.assertEqual(len(os.listdir("/proc/%d/task" % daemon.process.pid)), 1)


if __name__ == "__main__":
    unittest.main()
