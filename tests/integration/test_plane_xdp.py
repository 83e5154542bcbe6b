#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plane xdp of catchment-lb: a PoP as it is in reality, each machine a namespace.

    client ---- edge router ---- bridge ---- lb (one-armed)
                                   `-------- origins a, b, c, which answer by the edge router
"""
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from support import Netns, holds_for, lb_lab, openapi
from support.front import icmp_error, tcp
from support.netns import veth
from support.offload import offload

VIP4, VIP6 = ("198.18.0.1", 80), ("2001:db8:100::1", 80)
DNS4 = ("198.18.0.1", 53)
CLIENT4, CLIENT6 = "100.64.1.9", "2001:db8:f801::9"
NAMES = "abc"
ETHTOOL_GRO, ETHTOOL_TX_CHECKSUM = 0x2c, 0x17
FLOWS = 150
ROUND_TRIP_S = 0.0003  # more than the least that there can be


class Server:
    """An origin's: says its name to whom connects, then echoes; the same of datagrams. Its check
    asks at another port, which can be closed."""

    def __init__(self, ns, name):
        self.ns, self.name, self.sockets = ns, name.encode(), []
        for vip in (VIP4, VIP6):
            self.listen(vip, self.serve)
        self.listen(("0.0.0.0", 8080), lambda connection: connection.close())
        self.check = self.sockets[-1]
        datagrams = ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind(DNS4)
        self.spawn(self.answer, datagrams)

    def spawn(self, work, *args):
        threading.Thread(target=work, args=args, daemon=True).start()

    def listen(self, at, serve):
        sock = self.ns.socket(socket.AF_INET6 if ":" in at[0] else socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(at)
        sock.listen(256)
        self.sockets.append(sock)
        self.spawn(self.accept, sock, serve)

    def accept(self, sock, serve):
        with contextlib.suppress(OSError):
            while True:
                self.spawn(serve, sock.accept()[0])

    def serve(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.sendall(self.name)
            while data := connection.recv(65536):
                connection.sendall(data)

    def answer(self, sock):
        self.sockets.append(sock)
        with contextlib.suppress(OSError):
            while sender := sock.recvfrom(2048)[1]:  # None: it has been shut
                sock.sendto(self.name, sender)

    def sicken(self):
        self.check.shutdown(socket.SHUT_RDWR)
        self.check.close()

    def recover(self):
        self.listen(("0.0.0.0", 8080), lambda connection: connection.close())
        self.check = self.sockets[-1]

    def close(self):
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


class World:
    """The client, and the router that decides which PoP its packets come to."""

    def __init__(self, stack):
        self.client, self.edge = (stack.enter_context(Netns()) for _ in range(2))
        self.edge.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        veth(self.client, "net", ["192.0.2.2/30", "2001:db8:a::2/64"],
             self.edge, "net", ["192.0.2.1/30", "2001:db8:a::1/64"])
        self.client.ip(f"addr add {CLIENT4}/32 dev lo")
        self.client.ip(f"-6 addr add {CLIENT6}/128 dev lo nodad")
        self.client.ip(f"route add default via 192.0.2.1 src {CLIENT4}")
        self.client.ip(f"-6 route add default via 2001:db8:a::1 src {CLIENT6}")
        self.edge.ip(f"route add {CLIENT4} via 192.0.2.2")
        self.edge.ip(f"-6 route add {CLIENT6} via 2001:db8:a::2")

    def route(self, pop):
        """The catchment."""
        self.edge.ip(f"route replace {VIP4[0]} via {pop.net}.2")
        self.edge.ip(f"-6 route replace {VIP6[0]} via {pop.net6}::2")


class Pop:
    """A lab to lb_lab.Daemon."""

    def __init__(self, stack, world, number=1):
        self.stack, self.world, self.number = stack, world, number
        self.client, self.edge = world.client, world.edge
        self.name = ("fra", "ams")[number - 1]
        self.net, self.net6 = f"10.201.{number}", f"2001:db8:b{number}"
        self.own = f"10.200.{number}.1"
        self.directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="plane-xdp-"))
        self.socket = os.path.join(self.directory, "lb.sock")
        self.lan, self.lb = (stack.enter_context(Netns()) for _ in range(2))
        self.lan.ip("link add br0 type bridge")
        self.lan.ip("link set br0 up")
        self.plug(self.edge, "edge", 1, self.name)
        self.plug(self.lb, "lb", 2)
        # What XDP sends arrives only with the first; what a veth leaves to its other end to fill
        # in does not survive XDP without the second.
        offload(self.lan, "lb", ETHTOOL_GRO, 1)
        offload(self.lan, "lb", ETHTOOL_TX_CHECKSUM, 0)
        self.lb.ip(f"route add default via {self.net}.1")
        self.lb.ip(f"-6 route add default via {self.net6}::1")
        self.edge.ip(f"route add {self.own} via {self.net}.2")
        self.origins, self.servers = {}, {}
        for i, name in enumerate(NAMES):
            ns = self.origins[name] = stack.enter_context(Netns())
            self.plug(ns, "o" + name, 11 + i)
            ns.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1")
            ns.ip(f"addr add {VIP4[0]}/32 dev lo")
            ns.ip(f"-6 addr add {VIP6[0]}/128 dev lo nodad")
            ns.ip(f"route add default via {self.net}.1")
            ns.ip(f"-6 route add default via {self.net6}::1")
            self.servers[name] = Server(ns, name)
            stack.callback(self.servers[name].close)
        self.daemon = None

    def plug(self, ns, port, host, interface="eth0"):
        """Into the LAN."""
        veth(ns, interface, [f"{self.net}.{host}/24", f"{self.net6}::{host}/64"], self.lan, port,
             [])
        self.lan.ip(f"link set {port} master br0")

    def configuration(self, **changes):
        plane = {"type": "xdp", "routes": False, "mode": "native", "flows": 4096,
                 "interfaces": [{"name": "eth0", "neighbor": f"{self.net}.1"}]}
        return {
            "version": 1, "pop": self.name, "asn": 64500, "router_id": self.own,
            "api": {"listen": "unix:" + self.socket},
            "identity": {"prefixes": [self.own[:-1] + "0/24"], "addresses": [self.own]},
            "checks": {"tcp": {"type": "tcp", "port": 8080, "interval_ms": 100, "rise": 1,
                               "fall": 2}},
            "origins": [{"name": name, "address": f"{self.net}.{11 + i}", "check": "tcp"}
                        for i, name in enumerate(NAMES)],
            "vips": [{"name": "web", "prefixes": ["198.18.0.0/24", "2001:db8:100::/48"],
                      "addresses": [VIP4[0], VIP6[0]], "services": ["tcp/80", "udp/53"],
                      "origins": list(NAMES)}],
            "bgp": {"peers": []},
            "dataplane": plane, **changes,
        }

    def start(self, **changes):
        self.daemon = lb_lab.Daemon(self, self.configuration(**changes), ())
        self.stack.callback(lambda daemon=self.daemon: daemon.is_running() and daemon.stop())
        lb_lab.wait_until(lambda: self.daemon.vip("web")["healthy"] == len(NAMES),
                          what="all origins are up")
        return self.daemon

    def put(self, origin, **share):
        """(status, what it answers)"""
        body = json.dumps(share).encode()
        with self.daemon.connect() as sock:
            sock.sendall(b"PUT /v1/vips/web/origins/%s HTTP/1.1\r\nHost: lb\r\nConnection: close\r\n"
                         b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                         % (origin.encode(), len(body), body))
            answer = b""
            while more := sock.recv(65536):
                answer += more
        head, _, text = answer.partition(b"\r\n\r\n")
        status, value = int(head.split()[1]), json.loads(text)
        spec = openapi.Spec("lb.yaml")
        content = spec.response("PUT", "/v1/vips/{name}/origins/{origin}", status)["content"]
        for kind in content.values():
            wrong = spec.errors(value, kind["schema"])
            assert not wrong, wrong
        return status, value

    def origin(self, name):
        return next(o for o in self.daemon.vip("web")["origins"] if o["name"] == name)


def wait_meshed(*pops):
    for pop in pops:
        lb_lab.wait_until(lambda pop=pop: pop.daemon.get("/v1/mesh")[1]["pops"][0]["state"] ==
                          "live", what=f"{pop.name} knows the other")


def start_meshed(*pops, change=lambda pop: {}):
    """Both of them. change: what is different in a PoP's configuration."""
    keys = []
    for pop in pops:
        path = os.path.join(pop.directory, "key")
        keys.append((path, subprocess.run([lb_lab.LB, "--mesh-key", path], text=True, check=True,
                                          stdout=subprocess.PIPE).stdout.strip()))
    for i, pop in enumerate(pops):
        pop.start(**change(pop), mesh={"key_file": keys[i][0], "pops": [
            {"name": p.name, "address": p.own, "public_key": keys[j][1]}
            for j, p in enumerate(pops) if p is not pop]})
    wait_meshed(*pops)


class PlaneXdp(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("needs root: network namespaces and BPF")
        self.stack = self.enterContext(contextlib.ExitStack())
        self.world = World(self.stack)
        self.pop = Pop(self.stack, self.world)
        self.world.route(self.pop)

    def connect(self, vip=VIP4):
        """(socket, which origin has it)"""
        family = socket.AF_INET6 if vip == VIP6 else socket.AF_INET
        sock = self.stack.enter_context(self.pop.client.socket(family))
        sock.settimeout(10)
        sock.connect(vip)
        at = sock.recv(1).decode()
        # No user is nearer than that, and a connection is one from then on.
        time.sleep(ROUND_TRIP_S)
        self.echo(sock, 1)
        return sock, at

    def spread(self, count=FLOWS):
        """Origins of so many new connections, half of them over IPv6, with the connections."""
        open_ones = [self.connect((VIP4, VIP6)[i % 2]) for i in range(count)]
        return open_ones, {name: sum(at == name for _, at in open_ones) for name in NAMES}

    def echo(self, sock, size=20000):
        data = os.urandom(size)
        sock.sendall(data)
        got = b""
        while len(got) < size:
            more = sock.recv(size)
            self.assertTrue(more, "it has been closed")
            got += more
        self.assertEqual(got, data)

    def wait_origin(self, name, **expected):
        return lb_lab.wait_until(lambda: expected.items() <= self.pop.origin(name).items(),
                                 what=f"origin {name}: {expected}")

    def test_flows_spread_and_stay(self):
        """Over all origins, by weight; what is open stays where it is, whatever is changed."""
        daemon = self.pop.start()
        flows, spread = self.spread()
        self.assertTrue(all(FLOWS / 6 <= n <= FLOWS / 2 for n in spread.values()), spread)
        for sock, _ in flows:
            self.echo(sock)
        for name, count in spread.items():
            self.wait_origin(name, flows=count)
            origin = self.pop.origin(name)
            link, = json.loads(self.pop.origins[name].ip("-json link show eth0"))
            self.assertEqual((origin["mac"], origin["state"], origin["weight"], origin["drain"]),
                             (link["address"], "up", 100, False))
            self.assertGreater(origin["packets"], 2 * count)
        # b drains, c has little weight: new ones go by that.
        self.assertEqual(self.pop.put("b", drain=True)[0], 200)
        self.assertEqual(self.pop.put("c", weight=0)[1]["weight"], 0)
        self.assertEqual(set(at for _, at in self.spread(20)[0]), {"a"})
        vip = daemon.vip("web")
        self.assertEqual((vip["state"], vip["healthy"]), ("up", 1))
        self.assertIn("origin b: it drains", vip["reason"])
        for sock, _ in flows:
            self.echo(sock, 5000)
        # The last one: users have to go elsewhere.
        self.pop.put("a", drain=True)
        self.assertEqual(daemon.vip("web")["state"], "down")
        for sock, _ in flows:
            self.echo(sock, 5000)
        for name in NAMES:
            self.pop.put(name, weight=100, drain=False)
        self.assertEqual(daemon.vip("web")["state"], "up")
        _, again = self.spread()
        self.assertTrue(all(again.values()), again)
        for sock, _ in flows:
            self.echo(sock, 5000)
        metrics = daemon.get("/metrics")[1]
        for line in ('catchment_lb_origin_flows{vip="web",origin="a"} ',
                     'catchment_lb_vip_syns_total{vip="web"} '):
            self.assertGreater(float(metrics.split(line)[1].split("\n")[0]), 0, line)

    def test_datagrams(self):
        self.pop.start()
        seen = set()
        for _ in range(30):
            with self.pop.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(5)
                sock.connect(DNS4)
                answers = set()
                for _ in range(3):
                    sock.send(b"?")
                    answers.add(sock.recv(10))
                self.assertEqual(len(answers), 1)
                seen |= answers
        self.assertEqual(seen, {b"a", b"b", b"c"})

    def test_a_sick_origin_keeps_its_flows(self):
        daemon = self.pop.start()
        flows, _ = self.spread(30)
        self.pop.servers["b"].sicken()
        self.wait_origin("b", state="down")
        self.assertEqual(daemon.vip("web")["healthy"], 2)
        self.assertNotIn("b", {at for _, at in self.spread(20)[0]})
        for sock, _ in flows:
            self.echo(sock)
        self.pop.servers["b"].recover()
        self.wait_origin("b", state="up")
        self.assertIn("b", {at for _, at in self.spread(30)[0]})
        for sock, _ in flows:
            self.echo(sock)

    def test_a_dead_origin(self):
        """Its users get a reset, soon, and nobody else's."""
        daemon = self.pop.start()
        flows, spread = self.spread(30)
        self.assertGreater(spread["c"], 0)
        since = daemon.last_id()
        self.pop.lan.ip("link set oc down")
        daemon.events({"kind": "origin_lost", "origin": "c"}, since=since)
        self.assertIsNone(self.pop.origin("c")["mac"])
        for sock, at in flows:
            if at != "c":
                self.echo(sock)
                continue
            with self.assertRaises(ConnectionResetError):
                sock.sendall(b"are you there?")
                sock.recv(1)
        self.assertNotIn("c", {at for _, at in self.spread(20)[0]})
        since = daemon.last_id()
        self.pop.lan.ip("link set oc up")
        daemon.events({"kind": "origin_found", "origin": "c"}, since=since)
        self.wait_origin("c", state="up")
        self.assertIn("c", {at for _, at in self.spread(30)[0]})

    def test_a_flap_of_its_own_port(self):
        """Who was there before is there after it: nobody is given up, and no connection is reset."""
        daemon = self.pop.start()
        flows, _ = self.spread(30)
        since = daemon.last_id()
        self.pop.lan.ip("link set lb down")
        lb_lab.wait_until(lambda: daemon.vip("web")["healthy"] == 0, what="checks notice")
        holds_for(2, lambda: daemon.vip("web")["healthy"] == 0, "it is down")
        self.pop.lan.ip("link set lb up")
        for sock, _ in flows:
            self.echo(sock)
        lb_lab.wait_until(lambda: daemon.vip("web")["healthy"] == len(NAMES), what="all are up")
        self.pop.lan.ip("link set oc down")
        seen = daemon.events({"kind": "origin_lost"}, since=since)
        self.assertEqual([event["origin"] for event in seen if event["kind"] == "origin_lost"],
                         ["c"], seen)
        kinds = [event["kind"] for event in seen]
        self.assertLess(kinds.index("check_down"), kinds.index("vip_down"), seen)

    def test_another_mac(self):
        """Another machine has the address: frames go there."""
        daemon = self.pop.start()
        flows, _ = self.spread(30)
        since = daemon.last_id()
        ns = self.pop.origins["a"]
        ns.ip("link set eth0 address 02:00:00:00:aa:01")
        ns.run("sysctl", "-qw", "net.ipv4.conf.eth0.arp_notify=1")
        # What its system says by itself when it comes up.
        with ns.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
            mac, address = bytes.fromhex("02000000aa01"), socket.inet_aton("10.201.1.11")
            raw.bind(("eth0", 0))
            raw.send(b"\xff" * 6 + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) +
                     mac + address + b"\0" * 6 + address)
        daemon.events({"kind": "origin_found", "origin": "a", "mac": "02:00:00:00:aa:01"},
                      since=since)
        for sock, _ in flows:
            self.echo(sock)

    def test_too_big(self):
        """An ICMP error goes to the origin whose packet it is about, and to no other."""
        self.pop.start()
        for vip, router, client in ((VIP4, "203.0.113.7", CLIENT4),
                                    (VIP6, "2001:db8:bad::7", CLIENT6)):
            sock, at = self.connect(vip)
            lost = tcp(vip, (client, sock.getsockname()[1]))[:48]
            error = icmp_error(router, (client, sock.getsockname()[1]), vip, quoted=lost)
            with contextlib.ExitStack() as stack:
                ears = {}
                for name, ns in self.pop.origins.items():
                    kind = socket.IPPROTO_ICMPV6 if vip == VIP6 else socket.IPPROTO_ICMP
                    family = socket.AF_INET6 if vip == VIP6 else socket.AF_INET
                    with ns.entered():
                        ears[name] = stack.enter_context(
                            socket.socket(family, socket.SOCK_RAW, kind))
                link, = json.loads(self.pop.edge.ip("-json link show fra"))
                lb_link, = json.loads(self.pop.lb.ip("-json link show eth0"))
                frame = bytes.fromhex((lb_link["address"] + link["address"]).replace(":", ""))
                with self.pop.edge.entered(), \
                        socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
                    raw.bind(("fra", 0))
                    raw.send(frame + (b"\x86\xdd" if vip == VIP6 else b"\x08\0") + error)
                ears[at].settimeout(5)
                while lost[:40] not in ears[at].recv(2048):
                    pass
                for name in set(NAMES) - {at}:
                    ears[name].setblocking(False)
                    with contextlib.suppress(BlockingIOError):
                        while True:
                            self.assertNotIn(lost[:40], ears[name].recv(2048))

    def test_another_catchment(self):
        """Routes move the users to another PoP of this plane, and their connections stay where
        they are: at their origin of the PoP before."""
        other = Pop(self.stack, self.world, 2)
        pops = (self.pop, other)
        start_meshed(*pops)
        flows, spread = self.spread(30)
        self.assertTrue(all(spread.values()), spread)
        for pop in (other, self.pop, other):
            self.world.route(pop)
            for sock, _ in flows:
                self.echo(sock, 3000)
        owner, guest = (pop.daemon.get("/v1/status")[1]["continuity"] for pop in pops)
        self.assertEqual((guest["flows"]["settled"], guest["flows"]["resets"]), (30, 0))
        self.assertGreaterEqual(owner["answered"]["yes"], 30)  # who is late is asked again
        self.assertEqual(owner["packets"]["gue_delivered"], owner["packets"]["gue_accepted"])
        self.assertGreater(guest["packets"]["handed_over"], 30)
        # And those that begin there are its own.
        self.spread(10)
        lb_lab.wait_until(lambda: sum(o["flows"] for o in other.daemon.vip("web")["origins"]) == 10,
                          what="10 connections at the other PoP")

    def restart(self, pop):
        """By SIGUSR2, in its place, until it knows its origins and the other PoP again."""
        def started():
            return pop.daemon.get("/v1/status")[1]["started_ns"]
        before = started()
        pop.daemon.process.send_signal(signal.SIGUSR2)
        lb_lab.wait_until(lambda: started() > before, what=f"{pop.name} is another")
        lb_lab.wait_until(lambda: pop.daemon.vip("web")["healthy"] == len(NAMES),
                          what="all origins are up")

    def test_a_planned_restart(self):
        """What is pinned says where connections are: those of its origins, and those of another
        PoP, about which nobody is asked again."""
        folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="plane-xdp-bpf-"))
        subprocess.run(["mount", "-t", "bpf", "bpf", folder], check=True)
        self.stack.callback(subprocess.run, ["umount", folder], check=True)
        owner, guest = pops = self.pop, Pop(self.stack, self.world, 2)
        start_meshed(*pops, change=lambda pop: {"dataplane": {
            **pop.configuration()["dataplane"], "pin": os.path.join(folder, pop.name)}})

        def continuity(pop):
            return pop.daemon.get("/v1/status")[1]["continuity"]
        flows, spread = self.spread(30)
        self.assertTrue(all(spread.values()), spread)
        for by in (owner, guest):
            self.world.route(by)
            for sock, _ in flows:
                self.echo(sock, 3000)
            for restarted in (guest, owner):
                answered = continuity(owner)["answered"]["yes"]
                self.restart(restarted)
                wait_meshed(*pops)
                for sock, _ in flows:
                    self.echo(sock, 3000)
                if restarted is guest:
                    self.assertEqual(continuity(owner)["answered"]["yes"], answered)
                for pop in pops:
                    self.assertEqual(continuity(pop)["flows"]["resets"], 0)

    def test_reload(self):
        """Origins come and go, and only those that go take their connections along."""
        daemon = self.pop.start()
        flows, _ = self.spread(30)
        conf = self.pop.configuration()
        conf["vips"][0]["origins"] = ["c", {"name": "a", "weight": 7}]
        with open(daemon.path, "w", encoding="ascii") as out:
            json.dump(conf, out)
        since = daemon.last_id()
        daemon.process.send_signal(signal.SIGHUP)
        daemon.events({"kind": "reloaded"}, since=since)
        self.assertEqual(self.pop.origin("a")["weight"], 7)
        for sock, at in flows:
            if at == "b":
                with self.assertRaises(ConnectionResetError):
                    sock.sendall(b"are you there?")
                    sock.recv(1)
            else:
                self.echo(sock)
        self.assertEqual(self.pop.put("b", weight=1)[0], 404)
        self.assertNotIn("b", {at for _, at in self.spread(20)[0]})

    def test_unknown_flow(self):
        """Nobody has it: it gets its reset."""
        daemon = self.pop.start()
        sock, _ = self.connect()
        self.echo(sock)
        daemon.stop()
        self.pop.start()
        # Once this life is older than a PoP has to be dead.
        with self.assertRaises(ConnectionResetError):
            sock.sendall(b"are you there?")
            sock.recv(1)

    def test_mistakes(self):
        self.pop.start()
        for body, status, pointer in (({"weight": -1}, 422, "/weight"), ({}, 422, ""),
                                      ({"weight": 65536}, 422, "/weight"),
                                      ({"drain": 1}, 422, "/drain"),
                                      ({"wait": 1}, 422, "/wait")):
            got, problem = self.pop.put("a", **body)
            self.assertEqual((got, problem.get("pointer", "")), (status, pointer), problem)
        self.assertEqual(self.pop.put("x", weight=1)[0], 404)
        self.assertEqual(self.pop.origin("a")["weight"], 100)

    def refused(self, *prefix, **changes):
        """The start ends: the lines that it says."""
        path = os.path.join(self.pop.directory, "lb.json")
        with open(path, "w", encoding="ascii") as out:
            json.dump(self.pop.configuration(**changes), out)
        done = subprocess.run(self.pop.lb.command(*prefix, lb_lab.LB, "--config", path), text=True,
                              stderr=subprocess.PIPE, check=False, timeout=30)
        self.assertEqual(done.returncode, 3, done.stderr)
        return done.stderr

    def test_no_start(self):
        """A frame does not come back, or there is no privilege: one line, with the way out."""
        offload(self.pop.lan, "lb", ETHTOOL_GRO, 0)
        plane = self.pop.configuration()["dataplane"]
        for words, text in (
                ((), "no plane xdp on eth0: a frame sent by XDP is not answered"),
                (("setpriv", "--bounding-set", "-bpf,-perfmon,-sys_admin"),
                 "no plane xdp: needs CAP_BPF")):
            plane["interfaces"] = [{"name": "eth0", "neighbor": f"{self.pop.net}.99"}]
            lines = [line for line in self.refused(*words, dataplane=plane).splitlines()
                     if "dataplane" in line]
            self.assertEqual(len(lines), 1, lines)
            self.assertIn(text, lines[0])
            self.assertIn('type "local"', lines[0])


if __name__ == "__main__":
    unittest.main()
