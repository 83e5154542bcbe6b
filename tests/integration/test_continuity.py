#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections and a change of routes: what becomes of them with catchment-lb at the PoPs."""
import json
import os
import signal
import socket
import struct
import subprocess
import time
import unittest

from support.continuity import CLIENT4, VIPS, Pops, own4, own6
from support.front import listener
from support.lb_lab import LB, Lab, configuration, wait_until
from support.wait import Patience


class Continuity(Pops):
    def test_a_connection_survives_its_catchment(self):
        self.start()
        for vip in VIPS:
            with self.connection(vip) as (client, server):
                for pop in (1, 0, 1, 1, 0):
                    self.route(pop)
                    for _ in range(5):
                        self.exchange(client, server)
                self.route(1)
                client.shutdown(socket.SHUT_WR)
                self.assertEqual(server.recv(1), b"")
                server.close()
                self.assertEqual(client.recv(1), b"")
            self.route(0)
        owner, guest = (pop.daemon.get("/v1/status")[1]["continuity"] for pop in self.pops)
        self.assertEqual(guest["flows"]["settled"], 2)
        self.assertEqual(owner["answered"]["yes"], 2)
        self.assertEqual(guest["flows"]["resets"], 0)
        self.assertEqual(owner["packets"]["gue_delivered"], owner["packets"]["gue_accepted"])
        self.assertGreater(guest["packets"]["handed_over"], 20)

    def handed_over(self, client, server):
        """It has come to another PoP, and the table there knows whose it is."""
        self.exchange(client, server)
        self.route(1)
        self.exchange(client, server)
        self.assertEqual(self.pops[1].counts()["flows"]["settled"], 1)

    def test_a_handed_over_connection_is_reset(self):
        """By the client; what ends a connection finds its owner, too."""
        self.start()
        with self.connection(VIPS[0]) as (client, server):
            self.handed_over(client, server)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            with self.assertRaises(ConnectionResetError):
                server.recv(1)

    def test_the_mesh_moves_to_another_family(self):
        """By a reload: packets leave from the other address, from the first one on."""
        self.start()
        for pop in self.pops:
            conf = pop.configuration(self.pops, True)
            for other, there in zip(self.pops, conf["mesh"]["pops"]):
                there["address"] = own6(other.number)
            with open(pop.daemon.path, "w", encoding="ascii") as out:
                json.dump(conf, out)
        for pop in self.pops:
            pop.daemon.signal(signal.SIGHUP)
        for pop in self.pops:
            pop.daemon.events({"kind": "reloaded"})
        self.wait_ready()
        bound = self.pops[1].lb.run("ss", "-Hlnu", "sport", "=", ":6080")
        self.assertIn(f"[{own6(1)}]:6080", bound)
        self.assertNotIn(own4(1), bound)
        with self.connection(VIPS[0]) as (client, server):
            self.handed_over(client, server)

    def test_the_owner_of_a_handed_over_connection_dies(self):
        """What was learnt of a PoP ends with it: nobody has the connection then."""
        self.start()
        with self.connection(VIPS[0]) as (client, server):
            self.handed_over(client, server)
            since = self.pops[1].daemon.last_id()
            self.router.ip("link set r0 down")
            self.pops[1].daemon.events({"kind": "mesh_down", "pop": "fra"}, since=since)
            client.sendall(b"is anybody there?")
            with self.assertRaises(ConnectionResetError):
                client.recv(1)
            self.assertEqual(self.pops[1].counts()["flows"]["refused"], 1)

    def test_the_owner_has_it_no_more(self):
        """It says so (GONE), is asked once more, and nobody else has it."""
        self.start()
        owner, guest = self.pops
        with self.connection(VIPS[0]) as (client, server):
            self.handed_over(client, server)
            # It ends without a word that would arrive.
            owner.lb.ip(f"route add blackhole {CLIENT4}")
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            server.close()
            owner.lb.ip(f"route del blackhole {CLIENT4}")
            client.sendall(b"is anybody there?")
            with self.assertRaises(ConnectionResetError):
                client.recv(1)
            self.assertGreater(owner.counts()["packets"]["gue_gone"], 0)
            self.assertGreater(guest.counts()["flows"]["resets"], 0)
            self.assertEqual(guest.counts()["flows"]["refused"], 1)

    def test_without_privileges(self):
        """One line says so, and all else works."""
        drop = "-bpf,-perfmon,-sys_admin"
        pop, other = self.pops
        pop.start([other], prefix=("setpriv", "--bounding-set=" + drop, "--inh-caps=" + drop))
        self.stack.callback(pop.daemon.stop)
        wait_until(lambda: pop.daemon.vip("any")["state"] == "up", what="up")
        lines = [line for line in pop.daemon.log().splitlines() if "continuity" in line]
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON", lines[0])
        self.assertIsNone(pop.counts())

    def test_without_it_a_connection_is_reset(self):
        self.start(has_continuity=False)
        with self.connection(VIPS[0]) as (client, _):
            self.route(1)
            client.sendall(b"is anybody there?")
            with self.assertRaises(ConnectionResetError):
                client.recv(1)

    def test_a_connection_of_a_dead_pop_is_reset(self):
        """Not before it has been dead for reset_after, and then at once."""
        self.start()
        with self.connection(VIPS[0]) as (client, _):
            since = self.pops[1].daemon.last_id()
            self.router.ip("link set r0 down")
            self.route(1)
            ticks, began = Patience.now(), time.monotonic()
            client.sendall(b"is anybody there?")
            with self.assertRaises(ConnectionResetError):
                client.recv(1)
            took = time.monotonic() - began
            self.pops[1].daemon.events({"kind": "mesh_down", "pop": "fra"}, since=since)
            self.assertGreater(took, 1.0)
            flows = self.pops[1].counts()["flows"]
            self.assertEqual((flows["refused"], flows["resets"]), (1, 1))
            self.assertGreater(flows["unanswered"], 0, "what it sent again meanwhile")
            stolen, total = (new - old for new, old in zip(Patience.now(), ticks))
            self.assertLess(took, (1.0 + 0.3 + 0.1) * (1 + Patience.PER_SHARE * stolen / total))


class Mss(unittest.TestCase):
    def test_room_for_handing_over(self):
        """Clients are told of an MSS that leaves room for GUE over IPv6, both families."""
        lab = Lab()
        self.addCleanup(lab.close)
        key = os.path.join(lab.directory, "key")
        subprocess.run([LB, "--mesh-key", key], check=True, stdout=subprocess.DEVNULL)
        conf = configuration(lab.socket)
        lab.start(mesh={"key_file": key, "pops": []}, dataplane={
            "type": "local", "continuity": {"interfaces": [{"name": "t1"}], "mode": "generic"}},
            bgp={"peers": conf["bgp"]["peers"][:1]})
        wait_until(lambda: lab.legs() and lab.legs("-6"), what="default routes")
        for family, mss in (("-4", 1388), ("-6", 1368)):
            route, = json.loads(lab.lb.run("ip", family, "-j", "route", "show", "default"))
            self.assertEqual(route["metrics"], [{"advmss": mss}])
        wait_until(lambda: lab.birds[0].has("198.18.0.0/24"), what="announced")
        lab.t1.ip("addr add 100.64.7.7/32 dev lo")
        with listener(lab.lb, "198.18.0.1", 80), lab.t1.socket(socket.AF_INET) as client:
            client.settimeout(10)
            client.bind(("100.64.7.7", 0))
            client.connect(("198.18.0.1", 80))
            timestamps = 12
            self.assertEqual(client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG),
                             1388 - timestamps)


class Hints(Pops):
    count = 3

    def test_who_served_the_network_is_asked_alone(self):
        """Of the two others, one has told that it serves the client's network."""
        self.start()
        owner, guest, other = self.pops
        for vip in VIPS:
            told = guest.mesh(owner)["networks"]
            with self.connection(vip) as (client, server):
                wait_until(lambda: guest.mesh(owner)["networks"] > told, what="told of the network")
                before = [guest.mesh(pop)["messages"]["asked"] for pop in (owner, other)]
                self.route(1)
                self.exchange(client, server)
                after = [guest.mesh(pop)["messages"]["asked"] for pop in (owner, other)]
                self.assertEqual([new - old for new, old in zip(after, before)], [1, 0])
            self.route(0)
        self.assertEqual(guest.counts()["flows"]["settled"], 2)
        self.assertEqual(guest.mesh(other)["networks"], 0)


if __name__ == "__main__":
    unittest.main()
