# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as a user of Docker meets it: docker-compose up, and what Docker's own tools do to it."""
import collections
import ipaddress
import json
import os
import re
import socket
import struct
import subprocess
import threading
import unittest

from support import ROOT, Rest, schema, tolerant, wait_until
from support.compose import Compose, docker

SCHEMA = os.path.join(ROOT, "testbed", "report", "result.schema.json")
NODES = 17  # of quick.json
RUN_S = 260  # patience: up to four trials are repeated on a loaded machine
OWNER = 4321
ANYCAST, FRA_ONLY = "198.18.0.1", "198.18.33.1"  # A of the variant anycast, U of geodns4 at fra
ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD


class Capture:
    """Counts the kinds of frames on an interface, by what a management network may carry."""

    def __init__(self, interface, subnet):
        self.subnet = ipaddress.ip_network(subnet)
        self.kinds = collections.Counter()
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        self.socket.bind((interface, 0))
        self.socket.settimeout(0.2)
        self.done = False
        self.thread = threading.Thread(target=self.read, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done = True
        self.thread.join()
        self.socket.close()

    def read(self):
        while not self.done:
            try:
                self.kinds[self.kind(self.socket.recv(2048))] += 1
            except TimeoutError:
                continue
            except OSError:  # the bridge has gone
                return

    def inside(self, packed):
        return ipaddress.ip_address(packed) in self.subnet

    def kind(self, frame):
        """"arp", "nd", "rest", or what else it is in words."""
        ethertype = struct.unpack_from("!H", frame, 12)[0]
        if ethertype == ARP:
            ok = self.inside(frame[28:32]) and self.inside(frame[38:42])
            return "arp" if ok else f"arp {frame[28:42].hex()}"
        if ethertype == IPV6:
            proto = frame[54] if frame[20] == 0 else frame[20]  # MLD has a hop-by-hop header
            src = ipaddress.ip_address(frame[22:38])
            local = src.is_link_local or src.is_unspecified
            return "nd" if proto == 58 and local else f"ipv6 {src} protocol {proto}"
        if ethertype == IPV4:
            header = (frame[14] & 15) * 4
            src, dst = frame[26:30], frame[30:34]
            ports = struct.unpack_from("!HH", frame, 14 + header)
            if frame[23] == 6 and 8080 in ports and self.inside(src) and self.inside(dst):
                return "rest"
            return (f"ipv4 {ipaddress.ip_address(src)} to {ipaddress.ip_address(dst)} "
                    f"protocol {frame[23]} ports {ports}")
        return f"ethertype {ethertype:04x}"


def capture_of(lab):
    network = lab.network()
    return Capture("br-" + network["Id"][:12], network["IPAM"]["Config"][0]["Subnet"])


class QuickRun(unittest.TestCase):
    """docker-compose up --build, to its end and beyond."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Compose("quick"))
        os.chown(cls.lab.out, OWNER, OWNER)
        cls.run_it()
        cls.states = [cls.lab.inspect(name, "{{.State.Status}} {{.State.ExitCode}}")
                      for name in ("testbed", "fra", "t2", "ns1", "paris")]
        latest = os.path.join(cls.lab.out, "latest")
        if not os.path.exists(latest):
            raise AssertionError(f"no report; status {cls.status}:\n{cls.said}")
        cls.dir = os.path.realpath(latest)
        with open(os.path.join(cls.dir, "result.json"), encoding="utf-8") as f:
            cls.result = json.load(f)

    @classmethod
    def run_it(cls):
        cls.lab("up", "--build", "--no-start")
        path = os.path.join(cls.lab.base.name, "said")
        with open(path, "w+", encoding="utf-8") as said, capture_of(cls.lab) as cls.capture:
            run = cls.lab.popen("up", "--no-color", stdout=said)
            cls.addClassCleanup(run.kill)
            cls.lab.wait_up()
            # So that there is something to be seen on the bridge.
            cls.health = {port: Rest(cls.lab.rest(port)).request("GET", "/healthz")[0]
                          for port in (1, 2, 3, 51, 52, 53)}
            cls.status = run.wait(RUN_S)
            said.seek(0)
            cls.said = said.read()

    def test_the_table_is_the_last_thing_said(self):
        lines = [line.partition("| ")[2] for line in self.said.splitlines()
                 if line.startswith("testbed")]
        table = "\n".join(lines)
        for variant in ("anycast", "geodns4"):
            self.assertRegex(table, rf"(?m)^{variant} +16/32 +\d", self.said)
        self.assertRegex(lines[-1], r"^/out/quick-\d{8}-\d{6}/report\.html$")
        after = self.said[self.said.index(lines[-1]) + len(lines[-1]):]
        self.assertNotRegex(after, r"\|", "only that the testbed's container has ended")

    def test_all_containers_have_ended_well(self):
        self.assertEqual(self.status, 0, self.said)
        self.assertEqual(self.states, ["exited 0"] * 5)

    def test_result(self):
        with open(SCHEMA, encoding="utf-8") as f:
            self.assertEqual(list(schema.errors(self.result, json.load(f))), [])
        self.assertEqual(self.result["runtime"], "docker")
        self.assertEqual(self.result["summary"]["trials"]["valid"], 1)
        for wire in self.result["wires"]:
            self.assertAlmostEqual(wire["measured_ms"], wire["wanted_ms"], delta=1, msg=wire)

    def test_a_crash_means_what_it_means_in_namespaces(self):
        """The users of the pop time out until its routers' hold time, 3 s, has run down."""
        for variant in ("anycast", "geodns4"):
            row = self.result["summary"]["variants"][variant]["pop_crash fra"]
            self.assertEqual(row["catchment"]["before"]["paris"], {"fra": 8})
            self.assertNotIn("fra", row["catchment"]["during"]["paris"])
            self.assertEqual(row["catchment"]["after"], row["catchment"]["before"])
            self.assertEqual(row["reconnect_ms"]["never"], 0)
            self.assertEqual(row["failback"]["returned"], 16)
        anycast = self.result["summary"]["variants"]["anycast"]["pop_crash fra"]
        self.assertTrue(1500 < anycast["cause_ms"]["detected"] < 5000, anycast["cause_ms"])

    def test_the_report_belongs_to_the_folder_s_owner(self):
        for path in (self.dir, os.path.join(self.dir, "report.html"),
                     os.path.join(self.dir, "nodes", "fra")):
            self.assertEqual((os.stat(path).st_uid, os.stat(path).st_gid), (OWNER, OWNER), path)

    def test_each_lb_and_geodns_answers_on_loopback(self):
        self.assertEqual(self.health, dict.fromkeys((1, 2, 3, 51, 52, 53), 200))

    def test_no_packet_of_the_lab_was_on_the_bridge(self):
        self.assertGreater(self.capture.kinds.pop("rest", 0), 20, "the capture saw nothing")
        self.capture.kinds.pop("arp", 0)
        self.capture.kinds.pop("nd", 0)
        self.assertEqual(dict(self.capture.kinds), {})

    def test_zz_nothing_is_left_after_down(self):
        self.assertEqual(len(self.lab.left()[0]), NODES + 1)
        bridge = "/sys/class/net/br-" + self.lab.network()["Id"][:12]
        self.lab("down", "-v")
        self.assertEqual(self.lab.left(), [[], [], []])
        self.assertFalse(os.path.exists(bridge))


class Stay(unittest.TestCase):
    """LAB=stay: a lab to put one's hands on, with Docker's own tools."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Compose("quick", LAB="stay"))
        cls.lab("up", "-d")
        cls.lab.wait_up()

    def pop_of(self, client="paris"):
        """Who answers a user there at the anycast address."""
        return self.lab.exec(client, "curl", "-sm", "1", f"http://{ANYCAST}/", check=False).strip()

    def wait_pop(self, wanted, what):
        wait_until(lambda: self.pop_of() == wanted, 40, what, interval=0.1)

    def wait_users_suffer(self):
        """As the testbed's REST tells it."""
        testbed = Rest(self.lab.rest(0))
        wait_until(lambda: (testbed.get("/v1/lab")["users"] or {}).get("failed"), 20,
                   "requests fail", interval=0.2)

    def tearDown(self):
        """Whatever became of the test, the next one finds fra running."""
        docker("unpause", self.lab.id("fra"), check=False)
        docker("start", self.lab.id("fra"), check=False)

    def setUp(self):
        self.wait_pop("fra", "users in Paris are served by fra")

    def check_comes_back(self):
        """Wired, with its routes, its daemons and its REST."""
        self.wait_pop("fra", "fra is back, and its users with it")
        peers = Rest(self.lab.rest(1)).get("/v1/peers")["peers"]
        self.assertEqual({p["state"] for p in peers}, {"Established"})

    def test_names_lead_to_pops(self):
        """Once the resolver has forgotten what other tests did to fra; TTL 4 s."""
        wait_until(lambda: self.lab.exec("berlin", "dig", "+short", "u1.geodns4.lab.test").strip()
                   == FRA_ONLY, 20, "the nearest pop's address", interval=0.5)

    def test_traceroute_shows_the_internet_in_between(self):
        hops = self.lab.exec("jakarta", "traceroute", "-n", "-w", "1", "-q", "1", ANYCAST)
        self.assertGreaterEqual(len(re.findall(r"(?m)^ *\d+  10\.", hops)), 2, hops)
        self.assertRegex(hops, rf"(?m)^ *\d+  {ANYCAST} ")

    def test_routers_show_their_routes(self):
        routes = self.lab.exec("t1-frankfurt", "birdc", "show", "route", "for", ANYCAST)
        self.assertRegex(routes, r"198\.18\.0\.0/24 .*unicast")

    def test_no_default_route_leads_through_the_management_network(self):
        management = [name for name in ("fra", "nyc", "sin", "ns1", "ns2", "root")
                      if "eth0" in self.lab.exec(name, "ip", "-o", "link")]
        self.assertEqual(len(management), 6)
        for name in management:
            for family in ("-4", "-6"):
                routes = self.lab.exec(name, "ip", family, "route", "show", "default")
                self.assertNotIn("eth0", routes, name)
                self.assertNotEqual(routes, "", name)

    def test_routers_and_clients_are_not_on_it(self):
        for name in ("t1-frankfurt", "acc-paris", "paris"):
            self.assertNotIn("eth0", self.lab.exec(name, "ip", "-o", "link"), name)

    def test_docker_kill_is_a_crash_that_start_undoes(self):
        docker("kill", self.lab.id("fra"))
        self.wait_users_suffer()
        wait_until(lambda: self.pop_of() in ("nyc", "sin"), 30, "another pop takes over",
                   interval=0.1)
        # Its own prefix is withdrawn now: from a node that has a way out over the bridge, too.
        with capture_of(self.lab) as capture:
            gone = self.lab.exec("ns1", "ping", "-c", "2", "-i", "0.2", "-W", "2", FRA_ONLY, check=False)
            self.assertIn("Unreachable", gone)
            gone = self.lab.exec("nyc", "ping", "-c", "2", "-i", "0.2", "-W", "2", FRA_ONLY, check=False)
            self.assertRegex(gone, "Unreachable|unreachable")
        self.assertEqual({k for k in capture.kinds if k not in ("arp", "nd", "rest")}, set())
        self.assertEqual(self.lab.inspect("fra", "{{.State.Running}}"), "false",
                         "what a user has killed stays so")
        docker("start", self.lab.id("fra"))
        self.check_comes_back()

    def test_docker_pause_is_a_silence_that_unpause_ends(self):
        docker("pause", self.lab.id("fra"))
        self.wait_users_suffer()
        wait_until(lambda: self.pop_of() in ("nyc", "sin"), 30, "another pop takes over",
                   interval=0.1)
        docker("unpause", self.lab.id("fra"))
        self.check_comes_back()

    def test_docker_restart_gives_a_pop_that_is_wired(self):
        before = self.lab.inspect("fra", "{{.State.StartedAt}}")
        docker("restart", self.lab.id("fra"))
        self.assertNotEqual(self.lab.inspect("fra", "{{.State.StartedAt}}"), before)
        self.check_comes_back()

    def test_services_have_what_they_need_and_no_more(self):
        template = "{{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}} {{.HostConfig.Privileged}}"
        wanted = {"t2": "[ALL] [NET_ADMIN NET_RAW] false", "fra": "[ALL] [NET_ADMIN NET_RAW] false",
                  "ns1": "[ALL] [NET_ADMIN NET_RAW] false",
                  "paris": "[ALL] [NET_ADMIN NET_RAW SYS_NICE] false",
                  "testbed": "[ALL] [SYS_NICE DAC_OVERRIDE CHOWN] false"}
        got = {name: self.lab.inspect(name, template).replace("CAP_", "") for name in wanted}
        self.assertEqual(got, wanted)

    def test_ports_are_published_on_loopback_alone(self):
        for name in ("testbed", "fra", "ns1"):
            found = self.lab.inspect(name, "{{json .NetworkSettings.Ports}}")
            hosts = {p["HostIp"] for ports in json.loads(found).values() for p in ports}
            self.assertEqual(hosts, {"127.0.0.1"}, name)

    def test_zz_stop_is_an_orderly_end(self):
        self.lab("stop")
        self.assertEqual(self.lab.inspect("testbed", "{{.State.ExitCode}}"), "0",
                         self.lab.logs("testbed"))
        self.lab("down", "-v")
        self.assertEqual(self.lab.left(), [[], [], []])


class OverRest(unittest.TestCase):
    """LAB=serve: nodes that wait for runs, one after the other."""

    def test_two_runs_on_the_same_containers(self):
        scenario = tolerant("quick", ramp_ms=500, duration_ms=4000, timeline=[
            {"at_ms": 1500, "fault": "pop_crash", "target": "fra", "undo_ms": 1000}])
        with Compose("quick", LAB="serve") as lab:
            lab("up", "-d")
            rest = Rest(lab.rest(0))
            wait_until(lambda: rest.request("GET", "/healthz")[0] == 200, 20, "the testbed serves")
            for _ in range(2):
                status, headers, text = rest.request("POST", "/v1/runs", {"scenario": scenario},
                                                     {"Content-Type": "application/json"})
                self.assertEqual(status, 202, text)
                run = wait_until(lambda at=headers["Location"]: self.ended(rest, at), RUN_S,
                                 "the run has ended", interval=0.5)
                self.assertEqual(run["state"], "done", run)
            running = docker("ps", "-q", "--filter", f"label=com.docker.compose.project={lab.project}")
            self.assertEqual(len(running.split()), NODES + 1, "they wait for the next")
            lab("down", "-v")
            self.assertEqual(lab.left(), [[], [], []])
            self.assertEqual(len([d for d in os.listdir(lab.out) if d.startswith("quick-")]), 2)

    @staticmethod
    def ended(rest, location):
        run = rest.get(location)
        return run["state"] in ("done", "failed", "cancelled") and run


class BadInput(unittest.TestCase):
    def test_a_port_that_is_taken_is_named_and_nothing_stays(self):
        with Compose("quick") as lab, socket.socket() as taken:
            taken.bind(lab.rest(2))
            taken.listen()
            done = lab("up", "-d", check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertRegex(done.stdout, rf"127\.0\.0\.1:{lab.rest(2)[1]}.*address already in use")
            lab("down", "-v")
            self.assertEqual(lab.left(), [[], [], []])

    def test_a_mode_that_is_none(self):
        with Compose("quick") as lab:
            done = lab("up", check=False, LAB="walk", timeout=60)
            self.assertIn("LAB is 'walk': run, stay or serve", done.stdout)
            self.assertEqual(lab.inspect("fra", "{{.State.Status}}"), "exited", "the nodes end, too")

    def test_two_labs_of_one_scenario_at_once(self):
        with Compose("quick", LAB="stay") as one:
            one("up", "-d")
            with Compose("quick", LAB="stay") as two:
                two("up", "-d")
                one.wait_up()
                two.wait_up()
                two("down", "-v")
            self.assertEqual(Rest(one.rest(1)).request("GET", "/healthz")[0], 200)
            wait_until(lambda: one.exec("paris", "curl", "-sm", "1", f"http://{ANYCAST}/",
                                        check=False) == "fra\n", 20, "the other lab is as it was")


if __name__ == "__main__":
    unittest.main()
