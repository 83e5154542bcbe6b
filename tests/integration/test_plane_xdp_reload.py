#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reloads of plane xdp: services, neighbours and places, in the pop of test_plane_xdp.py."""
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_plane_xdp
from support import lb_lab
from support.front import siphash24

VIP_SLOTS, VIP_PROBES, PLACES = 16384, 16, 4096  # lb/dataplane/front_layout.h, lb/place.h
CROWD, OVER, LAST = "198.18.9.1", "198.18.10.1", "198.18.11.1"


def vip_hash(address, port):
    """front_vip_hash() of a service over TCP: where its slot is looked for first."""
    lo, = struct.unpack("<Q", b"\0\0\xff\xff" + socket.inet_aton(address))
    mask = 2 ** 64 - 1
    value = (socket.htons(port) | socket.IPPROTO_TCP << 16) * 0x9e3779b97f4a7c15 & mask
    value = (value ^ value >> 29 ^ lo) * 0xbf58476d1ce4e5b9 & mask
    return (value >> 40 & 0xffffffff) % VIP_SLOTS


def crowds(address, count):
    """So many sets of ports, each of which fills the slots where one service is looked for."""
    ports = {}
    for port in range(1024, 65536):
        ports.setdefault(vip_hash(address, port), []).append(port)
    at = next(at for at in range(VIP_SLOTS - VIP_PROBES)
              if all(len(ports.get(at + i, ())) >= count for i in range(VIP_PROBES)))
    return at, [[ports[at + i][n] for i in range(VIP_PROBES)] for n in range(count)]


class Reload(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("needs root: network namespaces and BPF")
        self.stack = self.enterContext(contextlib.ExitStack())
        self.world = test_plane_xdp.World(self.stack)
        self.pop = test_plane_xdp.Pop(self.stack, self.world)
        self.world.route(self.pop)

    def write(self, conf):
        with open(self.pop.daemon.path, "w", encoding="ascii") as out:
            json.dump(conf, out)

    def reload(self, conf):
        daemon, since = self.pop.daemon, self.pop.daemon.last_id()
        self.write(conf)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.events({"kind": "reloaded"}, since=since)

    def serve(self, address, ports):
        """At every origin, and the way there."""
        self.world.edge.ip(f"route replace {address} via {self.pop.net}.2")
        for name, ns in self.pop.origins.items():
            if address not in ns.ip("addr show dev lo"):
                ns.ip(f"addr add {address}/32 dev lo")
            for port in ports:
                self.pop.servers[name].listen((address, port), self.pop.servers[name].serve)

    def reaches(self, address, port):
        """An origin behind that service says its name."""
        with self.pop.client.socket(socket.AF_INET) as sock:
            sock.settimeout(5)
            try:
                sock.connect((address, port))
                return sock.recv(1).decode() in test_plane_xdp.NAMES
            except ConnectionRefusedError:
                return False

    def vip(self, name, address, ports):
        return {"name": name, "prefixes": [address[:-1] + "0/24"], "addresses": [address],
                "services": [f"tcp/{port}" for port in ports],
                "origins": list(test_plane_xdp.NAMES)}

    def test_no_room_for_one_service(self):
        """The others have theirs, and what has gone makes room."""
        at, (first, second) = crowds(CROWD, 2)
        over = next(port for port in range(1024, 65536) if vip_hash(OVER, port) == at)
        self.serve(CROWD, first + second)
        self.serve(OVER, [over, 81])
        conf = self.pop.configuration()
        web, = conf["vips"]
        daemon = self.pop.start()
        conf["vips"] = [web, self.vip("crowd", CROWD, first)]
        self.reload(conf)
        self.assertEqual([port for port in first if not self.reaches(CROWD, port)], [])
        conf["vips"] = [web, self.vip("crowd", CROWD, second)]
        self.reload(conf)
        self.assertEqual([port for port in second if not self.reaches(CROWD, port)], [])
        self.assertFalse(self.reaches(CROWD, first[0]))
        self.assertNotIn("find room", daemon.log())
        conf["vips"] = [web, self.vip("crowd", CROWD, second), self.vip("over", OVER, [over, 81]),
                        self.vip("last", LAST, [82])]
        self.serve(LAST, [82])
        self.reload(conf)
        self.assertEqual([self.reaches(OVER, over), self.reaches(OVER, 81),
                          self.reaches(LAST, 82)], [False, True, True])
        self.assertEqual(daemon.log().count("not all services of the VIPs find room"), 1)

    def test_news_of_a_neighbor(self):
        """That come in the same turn of the loop as a reload are acted on."""
        origin, lan = self.pop.origins["c"], f"{self.pop.net}."
        macs = {name: json.loads(ns.ip("-json link show " + link))[0]["address"]
                for name, ns, link in (("c", origin, "eth0"), ("lb", self.pop.lb, "eth0"))}
        # It answers its checks, which come by the edge, and says to nobody where it is.
        origin.run("sysctl", "-qw", "net.ipv4.conf.eth0.arp_ignore=8")
        origin.ip(f"neigh replace {lan}2 lladdr {macs['lb']} dev eth0 nud permanent")
        self.world.edge.ip(f"neigh replace {lan}13 lladdr {macs['c']} dev fra nud permanent")
        for interface in ("all", "fra"):
            self.world.edge.run("sysctl", "-qw", f"net.ipv4.conf.{interface}.send_redirects=0")
        self.pop.lb.ip(f"rule add to {lan}13 ipproto tcp dport 8080 lookup 100")
        self.pop.lb.ip(f"route add {lan}13 via {lan}1 dev eth0 table 100")
        conf = self.pop.configuration()
        conf["vips"].append({**self.vip("solo", CROWD, [80]), "origins": ["c"]})
        daemon = lb_lab.Daemon(self.pop, conf, ())
        self.pop.daemon = daemon
        self.stack.callback(lambda: daemon.is_running() and daemon.stop())
        daemon.events({"kind": "check_up", "origin": "c"})
        daemon.events({"kind": "origin_lost", "origin": "c"})
        self.assertEqual(daemon.vip("solo")["state"], "down")
        since = daemon.last_id()
        conf["vips"][0]["origins"].remove("c")
        self.write(conf)
        daemon.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, daemon.process.pid, os.WSTOPPED | os.WNOWAIT)
        self.pop.lb.ip(f"neigh replace {lan}13 lladdr {macs['c']} dev eth0 nud permanent")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.process.send_signal(signal.SIGCONT)
        kinds = [event["kind"] for event in daemon.events({"kind": "reloaded"}, since=since)]
        self.assertIn("origin_found", kinds, "with the reload")
        self.assertIn("vip_up", kinds)
        self.serve(CROWD, [80])
        self.assertTrue(self.reaches(CROWD, 80))

    def rivals(self):
        """Names of two origins whose pairs with the VIP web would have the same place."""
        def half(name):
            return siphash24(b"place".ljust(16, b"\0"), name.encode())
        vip, seen = half("web"), {}
        for i in range(1000):
            place = (vip * 3 + half(f"x{i}") & 2 ** 64 - 1) >> 32 & PLACES - 1
            if place in seen:
                return seen[place], f"x{i}"
            seen[place] = f"x{i}"
        raise AssertionError("none in a thousand")

    def restart(self):
        """SIGUSR2, until the next life answers."""
        daemon = self.pop.daemon
        before = daemon.get("/v1/status")[1]["started_ns"]
        daemon.process.send_signal(signal.SIGUSR2)

        def is_another():
            try:
                return daemon.get("/v1/status")[1]["started_ns"] > before
            except OSError:
                return False
        lb_lab.wait_until(is_another, what="it is another")

    def test_places_over_a_restart(self):
        """Connections are at the same origins after it, though a reload before has removed one of
        two that would have had the same place."""
        folder = self.pop.directory + "-bpf"
        os.mkdir(folder)
        subprocess.run(["mount", "-t", "bpf", "bpf", folder], check=True)
        self.stack.callback(os.rmdir, folder)
        self.stack.callback(subprocess.run, ["umount", folder], check=True)
        conf = self.pop.configuration()
        conf["dataplane"]["pin"] = os.path.join(folder, "fra")
        names = [*self.rivals(), "c"]
        for origin, name in zip(conf["origins"], names):
            origin["name"] = name
        conf["vips"][0]["origins"] = names
        self.pop.start(**conf)
        flows, at = self.connect(30)
        self.assertEqual(set(at), {b"a", b"b", b"c"})
        # b gets nothing new, so that only its place leads there.
        conf["vips"][0]["origins"] = [{"name": names[1], "weight": 0}, "c"]
        self.reload(conf)
        kept = [sock for sock, name in zip(flows, at) if name != b"a"]
        for sock in kept:
            self.echo(sock)
        self.restart()
        for sock in kept:
            self.echo(sock)
        # And who comes back does not get it, either.
        conf["vips"][0]["origins"].insert(0, names[0])
        self.reload(conf)
        self.restart()
        for sock in kept:
            self.echo(sock)

    def test_a_service_that_others_hand_over_to(self):
        """Is taken away: their users get a reset, soon, though the VIP and its origins stay."""
        other = test_plane_xdp.Pop(self.stack, self.world, 2)
        test_plane_xdp.start_meshed(self.pop, other)
        flows, _ = self.connect(10)
        self.world.route(other)
        for sock in flows:
            self.echo(sock)
        with open(self.pop.daemon.path, encoding="ascii") as file:
            conf = json.load(file)
        conf["vips"][0]["services"] = ["tcp/81"]
        self.reload(conf)
        for sock in flows:
            with self.assertRaises(ConnectionResetError):
                sock.sendall(b"are you there?")
                sock.recv(1)
        packets = self.pop.daemon.get("/v1/status")[1]["continuity"]["packets"]
        self.assertGreater(packets["gue_no_vip"], 0)
        self.assertEqual(other.daemon.get("/v1/status")[1]["continuity"]["flows"]["refused"], 10)

    def connect(self, count):
        """(sockets, which origins have them)"""
        flows, at = [], []
        for _ in range(count):
            sock = self.stack.enter_context(self.pop.client.socket(socket.AF_INET))
            sock.settimeout(10)
            sock.connect(test_plane_xdp.VIP4)
            at.append(sock.recv(1))
            time.sleep(test_plane_xdp.ROUND_TRIP_S)
            self.echo(sock)
            flows.append(sock)
        return flows, at

    def echo(self, sock):
        data = os.urandom(1000)
        sock.sendall(data)
        self.assertEqual(sock.recv(len(data), socket.MSG_WAITALL), data)


if __name__ == "__main__":
    unittest.main()
