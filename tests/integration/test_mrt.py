# SPDX-License-Identifier: GPL-3.0-or-later
"""What is dumped of a peer is what was said: read by a reader of our own and by bgpdump."""
import collections
import os
import resource
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
import mrt  # noqa: E402
from bgp_peer import KEEPALIVE, OPEN, UPDATE, Peer, SpeakerTest, control, message, need_root, open_body  # noqa: E402
from lb_lab import configuration, wait_until  # noqa: E402

PREFIX = "198.18.0.0/24"
NLRI = b"\x18\xc6\x12\x00"


def setUpModule():
    need_root()


def bgpdump(path):
    """Its lines, one a record, and what it complains of."""
    done = subprocess.run(["bgpdump", "-v", "-m", path], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=10, check=True)
    complaints = [line for line in done.stderr.splitlines() if "[info]" not in line]
    return done.stdout.splitlines(), complaints


class Dump(SpeakerTest):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.lab.directory, "peer.mrt")

    def start_dumping(self, peer, max_bytes=1 << 20, **more):
        peers = configuration(self.lab.socket)["bgp"]["peers"]
        peers[1]["passive"] = True
        peers[peer].update(dump={"file": self.path, "max_bytes": max_bytes}, **more)
        return self.start(peers=peers)

    def read(self, daemon):
        """All records, as many as the peer's counters say, while it goes on living."""
        files = [path for path in (self.path + ".1", self.path) if os.path.exists(path)]
        while True:
            before = daemon.peer("t1")
            records = [record for path in files for record in mrt.read(path)]
            after = daemon.peer("t1")
            if before["dump"] == after["dump"]:
                self.expect_counts(after, records)
                return records

    def expect_counts(self, peer, records):
        for sent, counts in ((False, peer["messages_in"]), (True, peer["messages_out"])):
            seen = collections.Counter(r.kind for r in records if r.sent is sent)
            self.assertEqual({k: n for k, n in counts.items() if n}, dict(seen))
        self.assertEqual((peer["dump"]["records"], peer["dump"]["lost"]), (len(records), 0))
        self.assertEqual(peer["dump"]["bytes"], os.path.getsize(self.path))

    def test_a_life_beside_bird(self):
        began = time.time()
        bird, daemon = self.bird(), self.start_dumping(0)
        wait_until(lambda: bird.has(PREFIX), what=PREFIX)
        self.lab.origin.stop()
        wait_until(lambda: not bird.has(PREFIX), what="withdrawn")
        since = daemon.last_id()
        control(bird, "disable", "lb", '"planned work"')
        daemon.events({"kind": "peer_down", "peer": "t1"}, since)
        wait_until(lambda: not daemon.peer("t1")["state"] == "Established", what="down")
        records = self.read(daemon)
        self.assertEqual({(r.peer_as, r.peer) for r in records}, {(65101, "10.1.1.2")})
        self.assertEqual({(r.local_as, r.local) for r in records}, {(64500, "10.1.1.3")})
        times = [r.t for r in records]
        self.assertEqual(times, sorted(times))
        self.assertTrue(began - 1 < times[0] and times[-1] < time.time() + 1)
        states = [r for r in records if r.now]
        self.assertEqual(states[0].was, "Idle")
        for before, after in zip(states, states[1:]):
            self.assertEqual(after.was, before.now, "a change is missing")
        self.assertIn(("OpenConfirm", "Established"), [(r.was, r.now) for r in states])
        updates = [r.message for r in records if r.sent and r.kind == "update"]
        told = [i for i, m in enumerate(updates) if m.endswith(NLRI)]
        withdrawn = [i for i, m in enumerate(updates) if m[19:].startswith(b"\x00\x04" + NLRI)]
        self.assertEqual((len(told), len(withdrawn)), (1, 1))
        self.assertLess(told[0], withdrawn[0])
        last = [r for r in records if r.kind == "notification"][-1]
        self.assertFalse(last.sent)
        self.assertEqual(last.message[19:21] + last.message[22:], b"\x06\x02planned work")
        lines, complaints = bgpdump(self.path)
        self.assertEqual(complaints, [])
        self.check_bgpdump(lines, records)

    def check_bgpdump(self, lines, records):
        """Every change of state and every route that was told."""
        fields = [line.split("|") for line in lines]
        self.assertEqual([(f[5], f[6]) for f in fields if f[2] == "STATE"],
                         [(str(mrt.STATES.index(r.was)), str(mrt.STATES.index(r.now)))
                          for r in records if r.now])
        announced = [f for f in fields if f[2] == "A" and f[5] == PREFIX]
        self.assertEqual([f[6] for f in announced], ["64500 64500"], "\n".join(lines))
        self.assertEqual(announced[0][8], "10.1.1.3", "next hop")
        self.assertEqual(announced[0][10:12], ["10", "65101:100"], "MED and communities")
        self.assertEqual([f[5] for f in fields if f[2] == "W" and f[5] == PREFIX], [PREFIX])

    def test_2_octet_peer(self):
        daemon = self.start_dumping(1)
        peer = Peer(self.lab)
        self.addCleanup(peer.close)
        peer.send(message(OPEN, open_body(capabilities=False)))
        peer.read_until(OPEN)
        peer.read_until(KEEPALIVE)
        peer.send(message(KEEPALIVE))
        peer.read_until(UPDATE)
        wait_until(lambda: daemon.peer("t2")["announced"] == 3, what="all of IPv4")
        wait_until(lambda: mrt.read(self.path)[-1].kind == "update", what="the last of it")
        records = mrt.read(self.path)
        subtypes = {(r.kind, r.sent): r.subtype for r in records if r.kind}
        self.assertEqual(subtypes["update", True], mrt.MESSAGE_LOCAL)
        self.assertEqual(subtypes["keepalive", False], mrt.MESSAGE)
        self.assertEqual({r.local_as for r in records}, {64500})
        lines, complaints = bgpdump(self.path)
        self.assertEqual(complaints, [])
        self.assertIn("64500 64500", [line.split("|")[6] for line in lines
                                      if "|A|" in line and PREFIX in line])

    def test_begins_anew_at_its_limit(self):
        bird, daemon = self.bird(), self.start_dumping(0, 16384)
        wait_until(lambda: bird.has(PREFIX), what=PREFIX)
        for i in range(100):
            before = daemon.peer("t1")["messages_out"]["route_refresh"]
            control(bird, "reload", "in", "lb")
            wait_until(lambda n=before: daemon.peer("t1")["messages_out"]["route_refresh"] == n + 4,
                       what="refreshed")
            if os.path.exists(self.path + ".1"):
                break
        self.assertTrue(14000 < os.path.getsize(self.path + ".1") <= 16384)
        self.assertEqual(self.read(daemon)[0].was, "Idle")

    def test_what_cannot_be_written_is_said_once(self):
        bird = self.bird()
        self.path = os.path.join(self.lab.directory, "missing", "peer.mrt")
        daemon = self.start_dumping(0)
        wait_until(lambda: bird.has(PREFIX), what="announced all the same")
        dump = daemon.peer("t1")["dump"]
        self.assertEqual((dump["file"], dump["records"]), (self.path, 0))
        self.assertGreater(dump["lost"], 5)
        line = "peer t1: cannot write %s: No such file or directory" % self.path
        self.assertEqual(daemon.log().count(line), 1)
        os.mkdir(os.path.dirname(self.path))
        control(bird, "reload", "in", "lb")
        wait_until(lambda: daemon.peer("t1")["dump"]["records"] > 0, what="written")
        self.assertIn("%s is written again" % self.path, daemon.log())

    def test_limit_to_the_size_of_files_costs_no_more_than_records(self):
        """LimitFSIZE= of systemd: beyond it the kernel sends SIGXFSZ."""
        bird, daemon = self.bird(), self.start_dumping(0)
        wait_until(lambda: bird.has(PREFIX), what=PREFIX)
        limits = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE,
                         (os.path.getsize(self.path), limits[1]))
        control(bird, "reload", "in", "lb")
        wait_until(lambda: daemon.peer("t1")["dump"]["lost"] > 0, what="lost")
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, limits)
        before = daemon.peer("t1")["dump"]["records"]
        control(bird, "reload", "in", "lb")
        wait_until(lambda: daemon.peer("t1")["dump"]["records"] > before, what="written again")
        self.assertEqual(daemon.peer("t1")["established"], 1)


if __name__ == "__main__":
    unittest.main()
