#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers per second under a flood by kxdpgun over a veth, beside Debian's gdnsd and Knot.

The servers, names and database are those of bench_geodns.py, one server at a time. All that the
server's end of the wire does is done on core 0: its one thread, and the thread that the kernel
takes packets from the wire with (threaded NAPI), programs on the interface included. kxdpgun has
core 1 and asks as fast as it can, from addresses drawn from a quarter of all, without EDNS. A
server that answers nine of ten queries may know more answers than kxdpgun had questions: such rows
are marked. Turns go round; the median counts. CATCHMENT_BENCH_FULL=1: 5 turns of 5 s, else 3 of 2.
"""
import contextlib
import glob
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bench_geodns as cpu  # noqa: E402
from support import Netns, veth  # noqa: E402
from support.bench import FULL, quantile, row  # noqa: E402

TURNS, SECONDS = (5, 5) if FULL else (3, 2)
SERVER, CLIENT, CLIENTS = "192.0.2.53", "192.0.2.10", "64.0.0.1/2"
QUERIES_PER_SECOND = 4000000  # more than it can
GENERATOR_LIMITED = 0.9  # of the queries answered
TIMES_GDNSD, TIMES_KNOT = 3, 2.5


class CatchmentXdp(cpu.Catchment):
    name = "catchment-geodns, XDP"

    def configuration(self):
        return {**super().configuration(), "xdp": {"interfaces": ["s0"], "mode": "native"}}


class KnotXdp(cpu.Knot):
    name = "Knot DNS geoip, AF_XDP"
    extra = "xdp:\n  listen: s0@53\n"


KINDS = (cpu.Catchment, CatchmentXdp, cpu.Gdnsd, cpu.Knot, KnotXdp)


class Wire:
    """Server's and client's namespaces, and what lies between."""

    def __init__(self, stack):
        self.server, self.client = (stack.enter_context(Netns()) for _ in range(2))
        veth(self.server, "s0", [SERVER + "/24"], self.client, "c0", [CLIENT + "/24"])
        for ns, other, link, there in ((self.server, self.client, "s0", CLIENT),
                                       (self.client, self.server, "c0", SERVER)):
            other_link = "c0" if link == "s0" else "s0"
            mac = re.search(r"link/ether (\S+)", other.run("ip", "link", "show", other_link))[1]
            ns.ip(f"neigh replace {there} lladdr {mac} dev {link} nud permanent")
        self.server.ip(f"route add default via {CLIENT}")
        self.server.run("ethtool", "-K", "s0", "gro", "on")

    def take_core(self):
        """Whoever attaches to the interface may have made its NAPI anew: threads for what there is."""
        self.server.run("unshare", "--mount", "sh", "-c", "mount -t sysfs none /sys && "
                        "cd /sys/class/net/s0 && echo 0 >threaded && echo 1 >threaded")
        for pid in napi_threads("s0"):
            os.sched_setaffinity(pid, {0})


def napi_threads(link):
    """Those of the kernel that take packets from that interface, the newest ones."""
    found = []
    for path in glob.glob("/proc/[0-9]*/comm"):
        with contextlib.suppress(OSError), open(path, encoding="ascii") as f:
            if f.read().startswith(f"napi/{link}"):
                found.append(int(path.split("/")[2]))
    return found


def flood(wire, questions):
    """(queries, answers) per second."""
    said = wire.client.run("kxdpgun", "-t", SECONDS, "-Q", QUERIES_PER_SECOND, "-F", "1", "-i",
                           questions, "-I", "c0", "-l", CLIENTS, SERVER)
    asked = re.search(r"total queries:\s+(\d+)", said)
    answered = re.search(r"total replies:\s+(\d+)", said)
    assert asked and answered, said
    return int(asked[1]) / SECONDS, int(answered[1]) / SECONDS


def turn(server, questions):
    """On a wire of its own: AF_XDP leaves one behind that is slower."""
    with contextlib.ExitStack() as stack:
        wire = Wire(stack)
        server.start(stack, wire.server)
        wire.take_core()
        asked, answered = flood(wire, questions)
        server.asked_rates.append(asked)
        server.rates.append(answered)


def report(servers):
    rate = {s.name: quantile(s.rates, 0.5) for s in servers}
    ours = rate["catchment-geodns, XDP"]
    for server in servers:
        mine = rate[server.name]
        measured = f"{mine / 1000:.0f} k, {min(server.rates) / 1000:.0f}-{max(server.rates) / 1000:.0f} k"
        asked = quantile(server.asked_rates, 0.5)
        measured += f" of {asked / 1000:.0f} k asked"
        if mine > GENERATOR_LIMITED * asked:
            measured += ": kxdpgun's limit"
        limit, good = "", None
        for kind, times in (("gdnsd", TIMES_GDNSD), ("Knot DNS geoip, AF_XDP", TIMES_KNOT)):
            if server.name == kind:
                limit, good = f"XDP: >= {times} x this: {ours / mine:.1f} x", ours >= times * mine
        row(f"answers per second under a flood, {server.name}", measured, limit, good)


def main():
    if not os.path.exists(cpu.GEOIP):
        print("there is no location data: make geoip", file=sys.stderr)
        return 1
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-flood"))
        os.chmod(base, 0o755)
        subprocess.run([cpu.TOOLS + "/dns_data", cpu.GEOIP, base + "/city.mmdb", base + "/queries",
                        "1"], check=True, stdout=sys.stderr)
        questions = base + "/questions"
        with open(questions, "w", encoding="ascii") as out:
            out.writelines(f"n{n}.lab.test. {kind}\n" for n in range(cpu.NAMES)
                           for kind in ("A", "AAAA"))
        servers = [kind(SERVER, base) for kind in KINDS if kind.is_installed()]
        for server in servers:
            server.rates, server.asked_rates = [], []
        for i in range(TURNS):
            for server in servers[i % len(servers):] + servers[:i % len(servers)]:
                turn(server, questions)
        report(servers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
