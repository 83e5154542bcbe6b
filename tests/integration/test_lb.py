# SPDX-License-Identifier: GPL-3.0-or-later
"""catchment-lb as a whole: from an origin's health to routes in BIRD, and everything taken back."""
import copy
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import support  # noqa: E402
from support import openapi  # noqa: E402
from support.lb_lab import LB, ROOT, Lab, configuration, wait_until  # noqa: E402

VIP, VIP6, DNS_VIP = "198.18.0.1", "2001:db8:1000::1", "198.18.33.1"
IDENTITY, IDENTITY6 = "10.200.1.1", "2001:db8:f701::1"


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root for network namespaces")


ORIGIN_PATH = "/v1/vips/{name}/origins/{origin}"
OF_PLANE_XDP = {"origin_found", "origin_lost", "origin_share"}  # test_plane_xdp


class LabTest(unittest.TestCase):
    birds = True

    def setUp(self):
        self.lab = Lab(self.birds)
        self.addCleanup(self.lab.close)

    def start_converged(self, **changes):
        """The daemon, with both peers up and every prefix arrived there."""
        daemon = self.lab.start(**changes)
        daemon.events({"kind": "vip_up", "vip": "anycast"})
        for bird in self.lab.birds:
            for prefix in ("198.18.0.0/24", "2001:db8:1000::/48", "198.18.33.0/24",
                           "10.200.1.0/24"):
                wait_until(lambda b=bird, p=prefix: b.has(p), what="%s at %s" % (prefix, bird.name))
        wait_until(lambda: len(self.lab.legs()) == len(self.lab.legs("-6")) == 2, what="both legs")
        return daemon


class Life(LabTest):
    def test_origin_dies_and_comes_back(self):
        lab, daemon = self.lab, self.start_converged()
        self.assertEqual(lab.legs(), ["10.1.1.2", "10.1.2.2"])
        self.assertEqual(lab.legs("-6"), ["2001:db8:f001:1::2", "2001:db8:f001:2::2"])
        self.assertLessEqual({VIP, VIP6, DNS_VIP, IDENTITY, IDENTITY6}, lab.addresses())
        route = lab.birds[0].ask("show", "route", "198.18.0.0/24", "all")
        self.assertIn("BGP.as_path: 64500 64500", route)
        self.assertIn("BGP.med: 10", route)
        self.assertIn("(65101,100)", route)
        up = {"pop": "fra", "vip": "anycast", "state": "up"}
        self.assertEqual(lab.lb.get(IDENTITY, 8053, "/verdict/anycast"), (200, up))
        self.assertEqual(lab.t1.get(IDENTITY, 8053, "/verdict/anycast"), (200, up), "by the route")
        self.assertEqual(lab.lb.get(IDENTITY6, 8053, "/verdict/anycast"), (200, up))
        self.assertEqual(lab.lb.get(IDENTITY, 8053, "/verdict/nothing")[0], 404)

        before = daemon.last_id()
        lab.origin.stop()
        events = daemon.events({"kind": "sent", "peer": "t2", "prefix": "2001:db8:1000::/48",
                                "action": "withdraw"}, before)
        kinds = [event["kind"] for event in events]
        order = [kinds.index(k) for k in ("check_down", "vip_down", "withdrawn", "sent")]
        self.assertEqual(order, sorted(order))
        self.assertEqual(events[0]["reason"], "connection refused")
        self.assertEqual({e["prefix"] for e in events if e["kind"] == "withdrawn"},
                         {"198.18.0.0/24", "2001:db8:1000::/48"}, "not that of announce: always")
        instants = [event["t_ns"] for event in events]
        self.assertLess(instants[kinds.index("sent")] - instants[0], 50e6, "told at once")
        for bird in lab.birds:
            wait_until(lambda b=bird: not b.has("198.18.0.0/24"), what="gone at " + bird.name)
            self.assertTrue(bird.has("198.18.33.0/24"))
        status, verdict = lab.lb.get(IDENTITY, 8053, "/verdict/geodns30")
        self.assertEqual((status, verdict["state"]), (503, "down"))
        self.assertIn("connection refused", verdict["reason"])
        explained = daemon.get("/v1/explain?prefix=198.18.0.77")[1]
        self.assertEqual(explained["state"], "withdrawn")
        self.assertIn("origin local: connection refused", explained["reason"])
        self.assertEqual([p["sent"] for p in explained["peers"]], [False, False])
        daemon.events({"kind": "vip_absent", "vip": "anycast"}, before)
        self.assertFalse({VIP, VIP6} & lab.addresses())
        self.assertIn(DNS_VIP, lab.addresses())
        self.assertIn("unreachable 198.18.0.0/24", lab.own_routes(), "no loop")

        before = daemon.last_id()
        lab.origin.start()
        events = daemon.events({"kind": "sent", "peer": "t1", "prefix": "198.18.0.0/24",
                                "action": "announce"}, before)
        kinds = [event["kind"] for event in events]
        order = [kinds.index(k) for k in ("check_up", "vip_up", "vip_present", "announced", "sent")]
        self.assertEqual(order, sorted(order))
        wait_until(lambda: lab.birds[0].has("198.18.0.0/24"), what="back at t1")
        with open("/proc/%d/status" % daemon.process.pid, encoding="ascii") as status:
            rss = [line for line in status if line.startswith("VmRSS")][0].split()[1]
        if "CATCHMENT_LB" not in os.environ:  # a build of another kind, as one with sanitizers
            self.assertLess(int(rss), 10 * 1024, "KiB resident")

    def test_wrong_answers_count_as_failures(self):
        daemon = self.start_converged()
        before = daemon.last_id()
        self.lab.origin.status = 500
        event = daemon.events({"kind": "vip_down", "vip": "anycast"}, before)[0]
        self.assertIn("status 500", event["reason"])
        self.lab.origin.status = 200
        daemon.events({"kind": "vip_up", "vip": "anycast"}, before)
        before = daemon.last_id()
        self.lab.origin.body = "I am another"
        daemon.events({"kind": "vip_down", "vip": "anycast"}, before)

    def test_peer_dies_and_comes_back(self):
        lab, daemon = self.lab, self.start_converged()
        before = daemon.last_id()
        lab.birds[1].stop(signal.SIGKILL)
        events = daemon.events({"kind": "default_route", "peer": "t2", "family": "ipv6"}, before)
        self.assertIn("peer_down", [event["kind"] for event in events])
        self.assertIsNone(events[-1]["next_hop"])
        wait_until(lambda: lab.legs() == ["10.1.1.2"], what="one leg")
        self.assertEqual(lab.legs("-6"), ["2001:db8:f001:1::2"])
        self.assertNotEqual(daemon.peer("t2")["state"], "Established")
        self.assertEqual(daemon.peer("t1")["state"], "Established")
        self.assertTrue(lab.birds[0].has("198.18.0.0/24"), "the other is not touched")
        self.assertEqual(daemon.vip("anycast")["state"], "up")
        lab.birds[1].start()
        wait_until(lambda: len(lab.legs()) == 2, what="both legs again")
        wait_until(lambda: lab.birds[1].has("198.18.0.0/24"), what="announced again")

    def test_link_flaps_faster_than_the_session(self):
        """The kernel drops routes of a link that goes down; the session may not even notice."""
        lab, daemon = self.lab, self.start_converged()
        for name in ("t1", "t2"):
            wait_until(lambda n=name: daemon.peer(n)["announced"] == 5, what="all sent to " + name)
        before = daemon.last_id()
        lab.lb.run("sh", "-c", "ip link set t1 down && ip link set t2 down")
        self.assertEqual(lab.legs(), [])
        lab.lb.run("sh", "-c", "ip link set t1 up && ip link set t2 up")
        wait_until(lambda: len(lab.legs()) == 2, 3, "both legs again")
        self.assertEqual(daemon.last_id(), before, "something has happened to the sessions")

    def test_interface_of_the_addresses_flaps(self):
        """The kernel takes the IPv6 addresses and routes of a link that goes down."""
        lab = self.lab
        self.start_converged()
        lab.lb.run("sh", "-c", "ip link set lo down && ip link set lo up")
        wait_until(lambda: {VIP, VIP6, IDENTITY, IDENTITY6} <= lab.addresses(), 3, "all again")
        wait_until(lambda: "unreachable 2001:db8:1000::/48" in lab.own_routes("-6"), 3, "guarded")

    def test_default_route_of_somebody_else_is_left_alone(self):
        lab = self.lab
        lab.lb.run("ip", "route", "add", "default", "via", "10.1.2.2", "metric", "32")
        daemon = lab.start()
        for peer in ("t1", "t2"):
            daemon.events({"kind": "default_route", "peer": peer, "family": "ipv4"})
        self.assertIn("choose another dataplane.metric", daemon.log())
        self.assertEqual(lab.legs(), ["10.1.2.2"])
        wait_until(lambda: len(lab.legs("-6")) == 2, what="the other family is not concerned")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(lab.legs(), ["10.1.2.2"])


class Homeless(LabTest):
    def test_prefix_without_its_address_is_not_announced(self):
        lab = self.lab
        lab.lb.run("sysctl", "-w", "net.ipv6.conf.lo.disable_ipv6=1")
        daemon = lab.start(identity={"prefixes": ["10.200.1.0/24"], "addresses": [IDENTITY]})
        daemon.events({"kind": "sent", "peer": "t1", "prefix": "198.18.0.0/24",
                       "action": "announce"})
        explained = daemon.get("/v1/explain?prefix=" + VIP6)[1]
        self.assertEqual((explained["state"], explained["vip"]["state"]), ("withdrawn", "up"))
        self.assertIn("cannot be put on this machine", explained["reason"])
        self.assertEqual(lab.lb.get(IDENTITY, 8053, "/verdict/anycast")[0], 503)
        self.assertEqual(lab.lb.get(IDENTITY, 8053, "/verdict/geodns30")[0], 200)
        since = daemon.last_id()
        lab.lb.run("sysctl", "-w", "net.ipv6.conf.lo.disable_ipv6=0")
        seen = daemon.events({"kind": "sent", "peer": "t1", "prefix": "2001:db8:1000::/48",
                              "action": "announce"}, since)
        self.assertNotIn("198.18.0.0/24", [event.get("prefix") for event in seen])
        self.assertIn(VIP6, lab.addresses())
        self.assertEqual(lab.lb.get(IDENTITY, 8053, "/verdict/anycast")[0], 200)
        self.assertEqual(daemon.log().count("cannot add " + VIP6), 1, "said once, tried often")


    def test_family_without_a_next_hop_is_explained(self):
        lab = self.lab
        lab.lb.run("ip", "address", "del", "2001:db8:f001:1::3/64", "dev", "t1")
        daemon = lab.start()
        for peer in ("t1", "t2"):
            daemon.events({"kind": "sent", "peer": peer, "prefix": "198.18.0.0/24",
                           "action": "announce"})
        wait_until(lambda: daemon.peer("t2")["announced"] == 5, what="all at t2")
        t1, t2 = daemon.get("/v1/explain?prefix=" + VIP6)[1]["peers"]
        self.assertEqual((t1["sent"], t2["sent"]), (False, True))
        self.assertIn("next hop", t1["reason"])


class Linger(LabTest):
    def test_addresses_stay_while_packets_arrive(self):
        lab, daemon = self.lab, self.start_converged()
        stop = threading.Event()
        sock = lab.t1.socket(socket.AF_INET, socket.SOCK_DGRAM)
        lab.t1.run("ip", "route", "add", VIP + "/32", "via", "10.1.1.3")

        def send():
            while not stop.wait(0.1):
                sock.sendto(b"late", (VIP, 9))

        sender = threading.Thread(target=send)
        sender.start()
        self.addCleanup(sock.close)
        self.addCleanup(sender.join)
        self.addCleanup(stop.set)
        before = daemon.last_id()
        lab.origin.stop()
        daemon.events({"kind": "vip_lingering", "vip": "anycast"}, before)
        support.holds_for(2.5, lambda: VIP in lab.addresses() and
                          daemon.vip("anycast")["presence"] == "lingering",
                          "it lingers for over twice linger_ms", interval=0.1)
        quiet = time.monotonic()
        stop.set()
        daemon.events({"kind": "vip_absent", "vip": "anycast"}, before)
        self.assertGreater(time.monotonic() - quiet, 0.8)
        self.assertNotIn(VIP, lab.addresses())


class Stop(LabTest):
    def test_sigterm_withdraws_and_removes_everything(self):
        lab, daemon = self.lab, self.start_converged()
        lab.lb.run("ip", "address", "add", "192.0.2.9/32", "dev", "lo")
        began = time.monotonic()
        self.assertEqual(daemon.stop(signal.SIGTERM), 0)
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(lab.addresses(), {"127.0.0.1", "::1", "192.0.2.9"})
        self.assertEqual(lab.own_routes() + lab.own_routes("-6"), "")
        for bird in lab.birds:
            for prefix in ("198.18.0.0/24", "198.18.33.0/24", "10.200.1.0/24"):
                wait_until(lambda b=bird, p=prefix: not b.has(p), 2, "%s gone" % prefix)
        self.assertFalse(os.path.exists(lab.socket))

    def test_more_signals_do_not_cut_the_stop_short(self):
        daemon = self.start_converged()
        self.assertEqual(daemon.stop_impatiently(), 0)
        self.assertEqual(self.lab.addresses(), {"127.0.0.1", "::1"})

    def test_stops_in_time_with_a_deaf_peer(self):
        lab, daemon = self.lab, self.start_converged()
        os.kill(lab.birds[0].process.pid, signal.SIGSTOP)
        began = time.monotonic()
        self.assertEqual(daemon.stop(signal.SIGINT), 0)
        self.assertLess(time.monotonic() - began, 2.1)
        self.assertEqual(lab.addresses(), {"127.0.0.1", "::1"})
        wait_until(lambda: not lab.birds[1].has("198.18.0.0/24"), 2, "gone at the other peer")


class LeastPrivilege(LabTest):
    def test_three_capabilities_are_enough(self):
        """As docs/operations.md says: nobody, with what the service file grants."""
        lab = self.lab
        os.chmod(lab.directory, 0o777)
        some = "-all,+net_admin,+net_bind_service,+net_raw"
        conf = configuration(lab.socket)
        daemon = lab.start(
            ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
             "--bounding-set=" + some, "--inh-caps=" + some, "--ambient-caps=" + some),
            bgp=dict(conf["bgp"], listen=["0.0.0.0:179"]))
        daemon.events({"kind": "vip_up", "vip": "anycast"})
        with open("/proc/%d/status" % daemon.pid, encoding="ascii") as status:
            self.assertIn("Uid:\t65534\t65534", status.read())
        wait_until(lambda: len(lab.legs()) == len(lab.legs("-6")) == 2, what="both legs")
        self.assertLessEqual({VIP, VIP6, DNS_VIP, IDENTITY, IDENTITY6}, lab.addresses())
        since = daemon.last_id()
        lab.origin.stop()
        daemon.events({"kind": "vip_absent", "vip": "anycast"}, since)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(lab.addresses(), {"127.0.0.1", "::1"})
        self.assertEqual(lab.own_routes() + lab.own_routes("-6"), "")
        self.assertNotIn("cannot", daemon.log())


class Leftovers(LabTest):
    birds = False

    def test_killed_daemon_is_taken_over(self):
        lab = self.lab
        lab.lb.run("ip", "address", "add", "192.0.2.9/32", "dev", "lo")
        lab.lb.run("ip", "address", "add", DNS_VIP + "/32", "dev", "lo")
        daemon = lab.start()
        daemon.events({"kind": "vip_up", "vip": "anycast"})
        wait_until(lambda: VIP in lab.addresses(), what="the VIP")
        daemon.stop(signal.SIGKILL)
        self.assertLessEqual({VIP, VIP6, IDENTITY}, lab.addresses(), "that is what is left")
        self.assertIn("unreachable 198.18.0.0/24", lab.own_routes())

        monitor = subprocess.Popen(lab.lb.command("ip", "monitor", "address"),
                                   stdout=subprocess.PIPE, text=True)
        conf = configuration(lab.socket)
        conf["vips"][0]["prefixes"] = ["198.18.0.0/24"]
        conf["vips"][0]["addresses"] = [VIP]
        daemon = lab.start(vips=conf["vips"])
        daemon.events({"kind": "vip_up", "vip": "anycast"})
        self.assertIn(VIP, lab.addresses())
        self.assertNotIn(VIP6, lab.addresses(), "not configured any more")
        self.assertNotIn("2001:db8:1000::/48", lab.own_routes("-6"))
        self.assertEqual(daemon.stop(), 0)
        monitor.terminate()
        changes = monitor.communicate()[0].splitlines()
        self.assertEqual([line for line in changes if VIP + "/32" in line and "Deleted" not in line],
                         [], "taken over without a gap")
        self.assertEqual(lab.addresses(), {"127.0.0.1", "::1", "192.0.2.9", DNS_VIP},
                         "what others have added stays")
        self.assertEqual(lab.own_routes() + lab.own_routes("-6"), "")

    def test_leftover_of_a_vip_that_is_down_lingers_out(self):
        lab = self.lab
        daemon = lab.start()
        daemon.events({"kind": "vip_present", "vip": "anycast"})
        daemon.stop(signal.SIGKILL)
        lab.origin.stop()
        daemon = lab.start()
        daemon.events({"kind": "vip_absent", "vip": "anycast"})
        self.assertNotIn(VIP, lab.addresses())

    def test_second_daemon_leaves_the_first_alone(self):
        lab, daemon = self.lab, self.lab.start()
        wait_until(lambda: VIP in lab.addresses(), what="the VIP")
        done = subprocess.run(lab.lb.command(LB, "--config", daemon.path), stderr=subprocess.PIPE,
                              text=True, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("another catchment-lb runs", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertLessEqual({VIP, DNS_VIP, IDENTITY}, lab.addresses())
        self.assertEqual(daemon.get("/healthz")[0], 200)


class Refused(LabTest):
    """What does not start says why in one line and changes nothing."""
    birds = False

    def refuse(self, conf, status, *prefix):
        path = os.path.join(self.lab.directory, "bad.json")
        with open(path, "w", encoding="ascii") as out:
            out.write(conf if isinstance(conf, str) else json.dumps(conf))
        done = subprocess.run(self.lab.lb.command(*prefix, LB, "--config", path),
                              stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, timeout=5,
                              check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertEqual(self.lab.addresses(), {"127.0.0.1", "::1"})
        self.assertEqual(self.lab.own_routes() + self.lab.own_routes("-6"), "")
        return done.stderr.strip().replace(path, "FILE")

    def test_bad_configuration(self):
        good = configuration(self.lab.socket)
        bad = copy.deepcopy(good)
        bad["vips"][0]["origins"] = ["locla"]
        self.assertEqual(self.refuse(bad, 2), "FILE: vips[0].origins[0]: unknown origin 'locla'")
        self.assertRegex(self.refuse('{"version": 1,', 2), r"^FILE: line 1, column \d+: ")
        self.assertEqual(self.refuse("[]", 2), "FILE: expected an object at the top")

    def test_environment(self):
        good = configuration(self.lab.socket)
        os.chmod(self.lab.directory, 0o777)
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        self.assertIn("run as root or with CAP_NET_ADMIN", self.refuse(good, 3, *nobody))
        self.assertIn("no interface 'eth7'",
                      self.refuse(dict(good, dataplane={"type": "local", "interface": "eth7"}), 3))
        self.lab.lb.run("ip", "link", "add", "eth8", "type", "veth", "peer", "name", "eth9")
        self.assertIn("interface eth8 is down: ip link set eth8 up",
                      self.refuse(dict(good, dataplane={"type": "local", "interface": "eth8"}), 3))
        self.assertIn("api: cannot listen on /nowhere/lb.sock",
                      self.refuse(dict(good, api={"listen": "unix:/nowhere/lb.sock"}), 3))
        self.assertIn("bgp: cannot listen on 192.0.2.1:179",
                      self.refuse(dict(good, bgp={"listen": ["192.0.2.1"]}), 3))

    def test_command_line(self):
        def run(*argv):
            done = subprocess.run([LB, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, check=False)
            return done.returncode, done.stdout, done.stderr

        example = os.path.join(ROOT, "docs/example/lb.json")
        self.assertEqual(run("--config", example, "--check"), (0, "", ""))
        self.assertEqual(run("--config", "/nowhere", "--check")[::2],
                         (2, "/nowhere: cannot open: No such file or directory\n"))
        self.assertEqual(run()[::2], (2, "catchment-lb: --config FILE is required\n"))
        self.assertEqual(run("--config", example, "more")[0], 2)
        with open(os.path.join(ROOT, "VERSION"), encoding="ascii") as version:
            self.assertIn(version.read().strip(), run("--version")[1])
        self.assertIn("--config FILE", run("--help")[1])


class Api(LabTest):
    """docs/api/lb.yaml is what is answered: every path, status, key and kind of event."""

    def test_answers_are_as_described(self):
        conf = configuration(self.lab.socket)
        conf["vips"][1]["ladder"] = [{"healthy_below": 1, "policy": {"med": 200}}]
        for vip in conf["vips"]:
            vip["linger_ms"] = 300
        conf["bgp"]["peers"][0].update(bfd={"interval_ms": 100}, dump={
            "file": os.path.join(self.lab.directory, "t1.mrt")})
        pops = [self.mesh_pop(name, number) for name, number in (("fra", 1), ("ams", 2))]
        meshes = [{"key_file": self.key_file(pop["name"]), "pops": [other]}
                  for pop, other in zip(pops, reversed(pops))]
        lab, daemon = self.lab, self.start_converged(vips=conf["vips"], bgp=conf["bgp"],
                                                     mesh=meshes[0])
        daemon.events({"kind": "bfd_up", "peer": "t1"})
        self.meet_another_pop(daemon, meshes[1])
        api = openapi.Checker(openapi.Spec("lb.yaml"), support.Rest(lab.socket))
        api.probe()
        api.ask("GET", "/healthz", 200)
        for path in ("/v1/status", "/v1/vips", "/v1/peers", "/v1/announcements", "/v1/mesh"):
            api.ask("GET", path, 200)
        for path, good in (("/v1/vips/{name}", "geodns30"), ("/v1/vips/{name}", "anycast"),
                           ("/v1/peers/{name}", "t1")):
            api.ask("GET", path, 200, {"name": good})
            api.ask("GET", path, 404, {"name": "nobody/../" + good})
        for status, vip, origin in ((409, "anycast", "local"), (404, "anycast", "other"),
                                    (404, "other", "local")):
            api.ask("PUT", ORIGIN_PATH, status, {"name": vip, "origin": origin},
                    body={"drain": True})
        for prefix in ("10.200.1.0/24", "2001:db8:1000::1", "198.18.33.0/25"):
            api.ask("GET", "/v1/explain", 200, query={"prefix": prefix})
        api.ask("GET", "/v1/explain", 404, query={"prefix": "203.0.113.0/24"})
        for wrong in ({}, {"prefix": ""}, {"prefix": "198.18.0.0/33"}, {"prefix": "198.18.0.1/24 x"}):
            api.ask("GET", "/v1/explain", 400, query=wrong)
        self.check_values(daemon, api)
        self.check_reload(daemon, api)
        self.check_drain(daemon, api)
        self.check_events(api)
        os.kill(lab.birds[1].process.pid, signal.SIGSTOP)  # keeps it from ending at once
        daemon.signal(signal.SIGTERM)
        wait_until(lambda: daemon.get("/healthz")[0] == 503, 2, "stopping")
        api.ask("GET", "/healthz", 503)
        self.assertTrue(api.ask("GET", "/v1/status", 200)["stopping"])
        with api.stream("/v1/events", since=0) as events:
            self.assertIn("stopping", [event["kind"] for event in events])  # to its end
        self.assertEqual(daemon.wait(5), 0)
        api.finish({("PUT", ORIGIN_PATH, status) for status in (200, 422)}, OF_PLANE_XDP)

    def key_file(self, name):
        return os.path.join(self.lab.directory, name + ".key")

    def mesh_pop(self, name, number):
        key = subprocess.run([LB, "--mesh-key", self.key_file(name)], stdout=subprocess.PIPE,
                             text=True, check=True).stdout.strip()
        return {"name": name, "address": f"10.200.{number}.1", "public_key": key}

    def meet_another_pop(self, daemon, mesh):
        """One that lives behind t1 for a moment."""
        conf = {"version": 1, "pop": "ams", "asn": 64500, "router_id": "10.200.2.1",
                "identity": {"prefixes": ["10.200.2.0/24"], "addresses": ["10.200.2.1"]},
                "bgp": {"peers": []}, "mesh": mesh, "dataplane": {"type": "local"}}
        path = os.path.join(self.lab.directory, "ams.json")
        self.lab.lb.ip("route add 10.200.2.0/24 via 10.1.1.2")
        with open(path, "w", encoding="ascii") as out:
            json.dump(conf, out)
        with support.Daemon([LB, "--config", path], netns=self.lab.t1) as other:
            daemon.events({"kind": "mesh_up", "pop": "ams"})
            wait_until(lambda: daemon.get("/v1/mesh")[1]["pops"][0]["state"] == "live", 5, "live")
            other.signal(signal.SIGTERM, 5)
        down = daemon.events({"kind": "mesh_down", "pop": "ams"})[-1]
        self.assertEqual(down["reason"], "it has stopped")

    def check_values(self, daemon, api):
        peer = daemon.peer("t1")
        self.assertEqual((peer["state"], peer["asn"], peer["hold_time"], peer["families"]),
                         ("Established", 65101, 9, ["ipv4", "ipv6"]))
        self.assertEqual(peer["default_route"]["ipv4"], "10.1.1.2")
        self.assertEqual(peer["announced"], 5)
        explained = api.ask("GET", "/v1/explain", 200, query={"prefix": "198.18.0.1"})
        self.assertEqual([(p["peer"], p["sent"]) for p in explained["peers"]],
                         [("t1", True), ("t2", True)])
        self.assertEqual(explained["peers"][0]["policy"],
                         {"prepend": 1, "communities": ["65101:100"], "med": 10})
        self.check_timers(peer)
        families = ["ipv4", "ipv6"]
        self.assertLessEqual({"families": families, "four_octet_asn": True,
                              "enhanced_refresh": True}.items(), peer["negotiated"].items())
        self.assertEqual((peer["offered"]["families"], peer["capabilities"]["families"]),
                         (families, families))
        self.assertEqual((peer["last_error_in_ns"], peer["downs"]), (None, 0))
        self.assertEqual(peer["dump"]["bytes"], os.path.getsize(peer["dump"]["file"]))
        self.assertIsNone(daemon.peer("t2")["dump"])
        metrics = api.ask("GET", "/metrics", 200)
        self.check_metrics_text(metrics)
        self.assertIn('catchment_lb_peer_established{peer="t1"} 1\n', metrics)
        self.assertIn('catchment_lb_peer_state{peer="t1"} 6\n', metrics)
        self.assertIn('catchment_lb_peer_messages_out_total{peer="t2",type="open"} 1\n', metrics)
        self.assertIn('catchment_lb_peer_prefixes_announced{peer="t1"} 5\n', metrics)
        self.assertIn('catchment_lb_peer_default_routes{peer="t1"} 2\n', metrics)
        self.assertIn('catchment_lb_bfd_detection_silence_seconds_bucket{peer="t1",le="+Inf"} 0\n',
                      metrics)
        self.assertIn('catchment_lb_vip_held_down{vip="anycast"} 0\n', metrics)
        self.assertIn('catchment_lb_prefix_changes_total{prefix="10.200.1.0/24"} 1\n', metrics)
        self.assertIn('catchment_lb_bfd_up{peer="t1"} 1\n', metrics)
        self.assertNotIn('catchment_lb_bfd_up{peer="t2"}', metrics)
        self.assertIn('catchment_lb_prefix_announced{prefix="198.18.0.0/24"} 1\n', metrics)

    def check_timers(self, peer):
        timers = peer["timers"]
        self.assertEqual((timers["hold"]["configured"], timers["hold"]["negotiated"]), (9, 9))
        self.assertTrue(3000 < timers["hold"]["next_ms"] <= 9000, timers)
        self.assertEqual((timers["keepalive"]["configured"], timers["keepalive"]["negotiated"]), (3, 3))
        self.assertTrue(0 <= timers["keepalive"]["next_ms"] <= 3000, timers)
        self.assertEqual(timers["connect_retry"], {"configured": 1, "negotiated": None,
                                                   "next_ms": None})
        self.assertIsNone(timers["idle_hold"]["next_ms"])

    def check_metrics_text(self, text):
        """Each family has its head once, before its samples, and no sample comes twice."""
        families, samples = [], set()
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                families.append(line.split()[2])
            elif not line.startswith("#"):
                sample = line.rpartition(" ")[0]
                self.assertNotIn(sample, samples)
                samples.add(sample)
                self.assertTrue(sample.startswith(families[-1]), line)
        self.assertEqual(len(families), len(set(families)))
        self.assertGreater(len(families), 35)
        with open(os.path.join(ROOT, "docs/operations.md"), encoding="utf-8") as page:
            told = set(re.findall(r"catchment_lb_\w*[a-z]", page.read()))
        self.assertGreater(len(told), 15)
        self.assertEqual(told - set(families), set(), "what operators shall watch")

    def check_reload(self, daemon, api):
        """Every status; what is refused leaves the daemon as it is."""
        with open(daemon.path, encoding="ascii") as file:
            good = json.load(file)
        for status, pointer, change in ((422, "/vips", {"vips": 7}), (409, "/pop", {"pop": "lon"}),
                                        (500, None, {"bgp": {**good["bgp"],
                                                             "listen": ["192.0.2.1"]}})):
            with open(daemon.path, "w", encoding="ascii") as out:
                json.dump({**good, **change}, out)
            problem = api.ask("POST", "/v1/reload", status, body={})
            self.assertEqual(problem.get("pointer"), pointer, problem)
        good["bgp"]["peers"][1]["policy"] = {"prepend": 1}
        with open(daemon.path, "w", encoding="ascii") as out:
            json.dump(good, out)
        self.assertEqual(api.ask("POST", "/v1/reload", 200, body={})["peers"]["changed"], ["t2"])

    def check_drain(self, daemon, api):
        """Begun, undone; begun, to its end, and undone: all is announced again."""
        def states():
            return {a["prefix"]: a["state"] for a in daemon.get("/v1/announcements")[1]["announcements"]}

        before = states()
        identity = daemon.get("/v1/status")[1]["identity"]["prefixes"]
        self.assertEqual(api.ask("GET", "/v1/drain", 200)["phase"], "none")
        api.ask("DELETE", "/v1/drain", 409)
        problem = api.ask("POST", "/v1/drain", 422, body={"deadline_ms": -1})
        self.assertEqual(problem["pointer"], "/deadline_ms")
        problem = api.ask("POST", "/v1/drain", 409, body={})
        self.assertIn("no other PoP", problem["detail"])
        drain = api.ask("POST", "/v1/drain", 200, body={"deadline_ms": 60000, "force": True})
        self.assertEqual((drain["phase"], drain["stops"], [v["counted"] for v in drain["vips"]]),
                         ("depreferred", False, [True] * len(drain["vips"])))
        self.assertEqual({p: s for p, s in states().items() if s == "announced"},
                         dict.fromkeys(identity, "announced"))
        api.ask("POST", "/v1/drain", 409, body={})
        self.assertEqual(api.ask("DELETE", "/v1/drain", 200)["phase"], "none")
        self.assertEqual(states(), before)
        api.ask("POST", "/v1/drain", 200, body={"force": True, "deadline_ms": 0, "grace_ms": 100})
        wait_until(lambda: api.ask("GET", "/v1/drain", 200)["phase"] == "drained", 10, "drained")
        self.assertEqual(daemon.vip("anycast")["presence"], "present", "for who is idle")
        api.ask("DELETE", "/v1/drain", 200)
        self.assertEqual(states(), before)

    def check_events(self, api):
        """Ids without gaps, and a life in which every kind of this plane happens but the last."""
        self.lab.origin.stop()
        self.lab.birds[0].stop()
        wanted, ids = set(api.kinds("/v1/events")) - {"stopping"} - OF_PLANE_XDP, []
        with api.stream("/v1/events", since=0) as events:
            for event in events:
                ids.append(event["id"])
                wanted.discard(event["kind"])
                if not wanted:
                    break
        self.assertEqual(ids, list(range(1, len(ids) + 1)))


if __name__ == "__main__":
    unittest.main()
