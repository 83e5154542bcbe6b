# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh between real daemons: PoPs in namespaces on one bridge, whose ports can be kept apart.

    fra 10.9.0.1   ams 10.9.0.2   lon 10.9.0.3      identities 10.200.N.1
        `--------------+--------------'
                      hub
"""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import support  # noqa: E402
from support import lb_lab  # noqa: E402
from support.lb_lab import LB, wait_until  # noqa: E402
from support.wait import Patience  # noqa: E402

PORT = 6079
NAMES = ("fra", "ams", "lon")
ETH_P_ALL = 3


class Limit:
    """So many milliseconds since now; more where the host has given the cores to others."""

    def __init__(self, ms):
        self.ms, self.start_ns, self.ticks = ms, time.monotonic_ns(), Patience.now()

    def check(self, test, t_ns, what):
        stolen, total = (new - old for new, old in zip(Patience.now(), self.ticks))
        limit = self.ms * (1 + Patience.PER_SHARE * stolen / max(1, total))
        test.assertLess((t_ns - self.start_ns) / 1e6, limit, what)


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root for network namespaces")


def make_key(path):
    return subprocess.run([LB, "--mesh-key", path], stdout=subprocess.PIPE, text=True,
                          check=True).stdout.strip()


class Pop:
    """One of them: its namespace, its keys and its daemon. A lab to lb_lab.Daemon."""

    def __init__(self, hub, number, directory):
        self.number, self.name = number, NAMES[number - 1]
        self.address, self.hub = f"10.200.{number}.1", hub
        self.port = f"p{number}"  # of the bridge
        self.directory = os.path.join(directory, self.name)
        os.mkdir(self.directory)
        self.socket = os.path.join(self.directory, "lb.sock")
        self.key_file = os.path.join(self.directory, "key")
        self.public_key = make_key(self.key_file)
        self.lb = lb_lab.Namespace()
        support.veth(self.lb, "eth0", [f"10.9.0.{number}/24"], hub, self.port, [])
        self.lb.ip(f"link set eth0 address 02:00:00:00:00:0{number}")
        hub.ip(f"link set {self.port} master br0")
        for other in range(1, len(NAMES) + 1):
            if other == number:
                continue
            # Whether a neighbour is there is for the mesh to find out, not for ARP.
            self.lb.ip(f"neigh replace 10.9.0.{other} lladdr 02:00:00:00:00:0{other} dev eth0")
            self.lb.ip(f"route add 10.200.{other}.0/24 via 10.9.0.{other}")
        self.origin = lb_lab.Origin(self.lb, 8080)
        self.daemon = None

    def known(self):
        """As the others have it in their configuration."""
        return {"name": self.name, "address": self.address, "public_key": self.public_key}

    def configuration(self, pops, **mesh):
        return {
            "version": 1, "pop": self.name, "asn": 64500, "router_id": self.address,
            "api": {"listen": "unix:" + self.socket},
            "identity": {"prefixes": [f"10.200.{self.number}.0/24"], "addresses": [self.address]},
            "checks": {"tcp": {"type": "tcp", "port": 8080, "interval_ms": 100}},
            "origins": [{"name": "local", "address": "127.0.0.1", "check": "tcp"}],
            "vips": [{"name": "anycast", "prefixes": ["198.18.0.0/24"],
                      "addresses": ["198.18.0.1"], "origins": ["local"], "linger_ms": 0}],
            "bgp": {"peers": []},
            "mesh": {"key_file": self.key_file, "pops": pops, **mesh},
            "dataplane": {"type": "local"},
        }

    def start(self, pops, **mesh):
        self.daemon = lb_lab.Daemon(self, self.configuration(pops, **mesh), ())

    def reload(self, pops, **mesh):
        with open(self.daemon.path, "w", encoding="ascii") as out:
            json.dump(self.configuration(pops, **mesh), out)
        before = self.daemon.last_id()
        self.daemon.signal(signal.SIGHUP)
        return self.daemon.events({"kind": "reloaded"}, since=before)[-1]["changes"]

    def mesh(self):
        return self.daemon.get("/v1/mesh")[1]

    def sees(self, other):
        return next(pop for pop in self.mesh()["pops"] if pop["name"] == other.name)

    def wait_for(self, other, state, what=None):
        def seen():
            pop = self.sees(other)
            return pop if pop["state"] == state else None
        return wait_until(seen, what=what or f"{self.name} sees {other.name} {state}")

    def event(self, kind, other, since=0):
        return self.daemon.events({"kind": kind, "pop": other.name}, since=since)[-1]

    def isolate(self, apart):
        """Ports that are isolated do not hear each other."""
        self.hub.ip(f"link set {self.port} type bridge_slave isolated {'on' if apart else 'off'}")

    def close(self):
        if self.daemon and self.daemon.is_running():
            self.daemon.stop(signal.SIGKILL)
        self.origin.stop()
        self.lb.close()


class MeshTest(unittest.TestCase):
    COUNT = 2

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="mesh-")
        self.addCleanup(temporary.cleanup)
        self.hub = lb_lab.Namespace()
        self.addCleanup(self.hub.close)
        self.hub.ip("link add br0 type bridge forward_delay 0")
        self.hub.ip("addr add 10.9.0.254/24 dev br0")
        self.hub.ip("link set br0 up")
        self.pops = []
        for number in range(1, self.COUNT + 1):
            self.pops.append(Pop(self.hub, number, temporary.name))
            self.addCleanup(self.pops[-1].close)

    def start(self, pops=None):
        everybody = [pop.known() for pop in self.pops]
        for pop in pops or self.pops:
            pop.start(everybody)  # itself among them

    def wait_all_live(self):
        for pop in self.pops:
            for other in self.pops:
                if other is not pop:
                    pop.wait_for(other, "live")

    def part(self, apart):
        for pop in self.pops[:2]:
            pop.isolate(apart)


class Two(MeshTest):
    def test_live_in_time_after_the_link_and_dead_in_time_after_a_death(self):
        a, b = self.pops
        self.part(True)
        self.start()
        for pop in self.pops:
            self.assertEqual([p["state"] for p in pop.mesh()["pops"]], ["down"])
        limit = Limit(300)
        self.part(False)
        for pop, other in ((a, b), (b, a)):
            limit.check(self, pop.event("mesh_up", other)["t_ns"], f"{pop.name} knows")
        seen = a.sees(b)
        self.assertEqual((seen["detection_ms"], seen["says"]), (240, "serving"))
        self.assertTrue(0 < seen["rtt_us"] < 300e3, seen)
        since = a.daemon.last_id()
        limit = Limit(300)
        b.daemon.stop(signal.SIGKILL)
        down = a.event("mesh_down", b, since)
        limit.check(self, down["t_ns"], "a silent death")
        self.assertEqual((down["reason"], down["state"]), ("silent", "down"))
        self.assertGreaterEqual(down["silent_ms"], 239)

    def test_what_is_told_of_vips_and_of_the_end(self):
        a, b = self.pops
        self.start()
        self.wait_all_live()
        wait_until(lambda: a.sees(b)["vips"] == [
            {"name": "anycast", "state": "announced", "up": True}], what="its VIP is announced")
        b.origin.stop()
        wait_until(lambda: a.sees(b)["vips"] == [
            {"name": "anycast", "state": "withdrawn", "up": False}], what="its VIP is withdrawn")
        since = a.daemon.last_id()
        self.assertEqual(b.daemon.stop(), 0)
        down = a.event("mesh_down", b, since)
        self.assertEqual((down["reason"], down["state"]), ("it has stopped", "down"))
        self.assertEqual(a.sees(b)["says"], "stopped")

    def test_restart(self):
        a, b = self.pops
        self.start()
        self.wait_all_live()
        for how in (signal.SIGKILL, signal.SIGTERM):
            life, since = a.sees(b)["life"], a.daemon.last_id()
            b.daemon.stop(how)
            self.start([b])
            a.event("mesh_up", b, since)
            b.wait_for(a, "live")
            self.assertNotEqual(a.wait_for(b, "live")["life"], life)

    def test_partition_and_heal(self):
        a, b = self.pops
        self.start()
        self.wait_all_live()
        for _ in range(2):
            since = [pop.daemon.last_id() for pop in self.pops]
            self.part(True)
            a.event("mesh_down", b, since[0])
            b.event("mesh_down", a, since[1])
            limit = Limit(300)
            self.part(False)
            limit.check(self, a.event("mesh_up", b, since[0])["t_ns"], "healed")
            limit.check(self, b.event("mesh_up", a, since[1])["t_ns"], "healed")
        self.assertEqual(a.sees(b)["messages"]["forged"], 0)

    def test_a_wrong_key_is_refused_and_counted(self):
        a, b = self.pops
        stranger = make_key(os.path.join(b.directory, "stranger"))
        a.start([b.known()])
        b.start([{**a.known(), "public_key": stranger}])
        # The one knows another key than the other has, who sees it by what that makes of theirs.
        for pop, other in ((a, b), (b, a)):
            wait_until(lambda pop=pop, other=other: pop.sees(other)["messages"]["forged"] > 5,
                       what="forged messages are counted")
            seen = pop.sees(other)
            self.assertEqual((seen["state"], seen["life"], seen["messages"]["received"]),
                             ("down", None, 0))
        metrics = a.daemon.get("/metrics")[1]
        self.assertIn('catchment_lb_mesh_up{pop="ams"} 0\n', metrics)
        self.assertRegex(metrics, r'catchment_lb_mesh_refused_total{pop="ams",why="forged"} [1-9]')
        b.reload([a.known()])
        self.wait_all_live()

    def tap(self, pop):
        """All frames at the bridge's port of this pop; and what is sent there goes to it."""
        tap = self.hub.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.addCleanup(tap.close)
        tap.bind((pop.port, ETH_P_ALL))
        tap.settimeout(10)
        return tap

    def record(self, pop, frm, count):
        """Frames that go to the mesh of pop, from that other one."""
        head = socket.inet_aton(frm.address) + socket.inet_aton(pop.address)
        port, frames = struct.pack("!H", PORT), []
        tap = self.tap(pop)
        while len(frames) < count:
            frame = tap.recv(2048)
            if frame[26:34] == head and frame[36:38] == port:
                frames.append(frame[:40] + b"\0\0" + frame[42:])  # the checksum is the sender's card's
        return frames

    def refused(self, pop, other):
        messages = pop.sees(other)["messages"]
        return messages["replayed"] + messages["stale"] + messages["unproven"]

    def test_replayed_datagrams_are_counted_and_nothing_else(self):
        a, b = self.pops
        self.start()
        self.wait_all_live()
        frames, tap = self.record(b, a, 10), self.tap(b)
        before = b.sees(a)
        for frame in frames * 20:
            tap.send(frame)
        wait_until(lambda: b.sees(a)["messages"]["replayed"] >=
                   before["messages"]["replayed"] + 200, what="replays are counted")
        # Sent back to who wrote it, under the other's address: not a word of it is believed.
        forged = a.sees(b)["messages"]["forged"]
        f = frames[0]
        self.tap(a).send(f[6:12] + f[:6] + f[12:26] + f[30:34] + f[26:30] + f[34:])
        wait_until(lambda: a.sees(b)["messages"]["forged"] > forged, what="a reflection is counted")
        # A life that has ended is no life, to one that lives now and to one that lived then.
        since = b.daemon.last_id()
        a.daemon.stop(signal.SIGKILL)
        b.event("mesh_down", a, since)
        for again in range(2):
            refused = self.refused(b, a)
            for frame in frames:
                tap.send(frame)
            wait_until(lambda n=refused: self.refused(b, a) == n + len(frames),
                       what="recordings are refused")
            self.assertEqual(b.sees(a)["state"], "down")
            if not again:
                b.daemon.stop(signal.SIGKILL)
                self.start([b])
        self.start([a])
        self.wait_all_live()

    def test_strangers_and_noise_are_counted(self):
        a, b = self.pops
        self.start()
        self.wait_all_live()
        self.hub.ip("route add 10.200.2.0/24 via 10.9.0.2")
        with self.hub.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for size in (0, 1, 48, 1232, 1233, 1400):
                sock.sendto(os.urandom(size), (b.address, PORT))
        wait_until(lambda: b.mesh()["strangers"] == 6, what="strangers are counted")
        with a.lb.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((a.address, 0))
            for size in (0, 1, 46, 1233, 1400):
                sock.sendto(b"\1" + bytes(size), (b.address, PORT))
            sock.sendto(b"\1" + bytes(100), (b.address, PORT))
        wait_until(lambda: b.sees(a)["messages"]["malformed"] == 5 and
                   b.sees(a)["messages"]["forged"] == 1, what="noise is counted")
        self.assertEqual(b.sees(a)["downs"], 0)


class Three(MeshTest):
    COUNT = 3

    def test_two_that_do_not_hear_each_other_are_heard_by_the_third(self):
        a, b, c = self.pops
        self.start()
        self.wait_all_live()
        self.part(True)
        a.wait_for(b, "down")
        b.wait_for(a, "down")
        self.assertEqual([p["state"] for p in c.mesh()["pops"]], ["live", "live"])
        self.part(False)
        self.wait_all_live()

    def test_reload_changes_one_pop_and_leaves_the_others(self):
        a, b, c = self.pops
        a.start([b.known()])
        b.start([a.known()])
        c.start([a.known(), b.known()])
        for pop, other in ((a, b), (b, a)):
            pop.wait_for(other, "live")
        before = a.sees(b)
        self.assertGreater(wait_until(lambda: a.mesh()["strangers"], what="nobody knows c yet"), 0)
        for pop, other in ((a, b), (b, a)):
            changes = pop.reload([c.known(), other.known()])
            self.assertEqual((changes["pops"]["added"], changes["settings"]), (["lon"], []))
        self.wait_all_live()
        since = c.daemon.last_id()
        self.assertEqual(a.reload([b.known()])["pops"]["removed"], ["lon"])
        self.assertEqual(c.event("mesh_down", a, since)["reason"], "it has stopped")
        self.assertEqual(a.reload([b.known(), c.known()])["pops"]["added"], ["lon"])
        self.wait_all_live()
        after = a.sees(b)
        self.assertEqual((after["since_ns"], after["life"], after["ups"]),
                         (before["since_ns"], before["life"], before["ups"]))

    def test_a_key_is_changed_pop_by_pop(self):
        a, b, c = self.pops
        self.start()
        self.wait_all_live()
        before = b.sees(c)
        os.unlink(a.key_file)
        a.public_key = make_key(a.key_file)
        everybody = [pop.known() for pop in self.pops]
        self.assertEqual(a.reload(everybody)["settings"], ["mesh"])
        for pop in (b, c):
            self.assertEqual(pop.reload(everybody)["pops"]["reset"], ["fra"])
        self.wait_all_live()
        self.assertEqual(b.sees(c)["since_ns"], before["since_ns"])

    def test_a_mesh_begins_and_ends_with_a_reload(self):
        a, b, c = self.pops
        a.start([b.known()])
        b.start([a.known()])
        c.start([])
        a.wait_for(b, "live")
        conf = a.configuration([])
        del conf["mesh"]
        with open(a.daemon.path, "w", encoding="ascii") as out:
            json.dump(conf, out)
        a.daemon.signal(signal.SIGHUP)
        self.assertEqual(b.event("mesh_down", a)["reason"], "it has stopped")
        wait_until(lambda: a.mesh() == {"pop": "fra", "enabled": False, "pops": []},
                   what="no mesh any more")
        since = b.daemon.last_id()
        self.assertEqual(a.reload([b.known()], interval_ms=40)["settings"], ["mesh"])
        b.event("mesh_up", a, since)
        self.assertEqual(b.sees(a)["detection_ms"], 120)


class KeyFile(unittest.TestCase):
    def test_made_once_and_never_overwritten(self):
        with tempfile.TemporaryDirectory(prefix="mesh-") as directory:
            path = os.path.join(directory, "key")
            public_key = make_key(path)
            self.assertRegex(public_key, "^[0-9a-f]{64}$")
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            self.assertEqual(make_key(path), public_key)
            with open(path, "w", encoding="ascii") as out:
                out.write("something else\n")
            done = subprocess.run([LB, "--mesh-key", path], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual((done.returncode, done.stdout), (3, ""))
            self.assertIn("left as it is", done.stderr)
            with open(path, encoding="ascii") as file:
                self.assertEqual(file.read(), "something else\n")


if __name__ == "__main__":
    unittest.main()
