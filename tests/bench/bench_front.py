#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a packet costs the plane `xdp`, by itself and beside nftables and HAProxy.

By itself: BPF_PROG_TEST_RUN, a thousand origins and a million flows, one drawn at random for each
packet (tests/tools/front_bench.c); what making the packet takes is measured beside it and taken off.
The best of the rounds counts, all are shown: what is above it is the machine's.

Beside others: client, balancer and origin are namespaces. All that the balancer does is done on
core 0, by the threads in which the kernel takes packets from its wires and by HAProxy's own; core 1
has the others. Frames of established flows come from front_flood as fast as it can, HAProxy's from
connections that write one octet and wait for it, as a proxy has to take part in them. What counts is
packets that the balancer's upstream wire has brought in a second of the balancer's time by the
scheduler, so that it does not matter who was at the end of his strength. After apt-get install
nftables haproxy (.ci/deps continuity). CATCHMENT_BENCH_FULL=1: five turns, else two.
"""
import contextlib
import glob
import json
import os
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support import BIN, Netns, wait_until  # noqa: E402
from support.bench import FULL, quantile, row  # noqa: E402
from support.front import ACK, SYN, TCP, Front  # noqa: E402
from support.netns import die_with_parent, veth  # noqa: E402

TOOLS = os.path.join(os.path.dirname(BIN), "tools")
FLOWS, PACKETS, ROUNDS = 1048576, 1000000, 9 if FULL else 3
KNOWN_NS, NEW_NS = 120, 250
TURNS, SECONDS = (5, 5) if FULL else (2, 2)
WIRE_FLOWS = 10000
TIMES_NFTABLES, TIMES_HAPROXY = 3, 8
CONNECTIONS = 64
VIP, ORIGIN, PORT = "198.18.0.1", "10.9.0.2", 80
MACS = {"frb0": "02:00:00:00:00:01", "frc0": "02:00:00:00:00:02", "frb1": "02:00:00:00:01:01",
        "fro0": "02:00:00:00:01:02"}
ORIGIN_DROPS = """table netdev sink {
 chain dropped {
  type filter hook ingress device "fro0" priority 0; policy accept;
  counter drop
 }
}
"""
BALANCER_NATS = f"""table ip balance {{
 chain pre {{
  type nat hook prerouting priority -100; policy accept;
  ip daddr {VIP} tcp dport {PORT} dnat to {ORIGIN}:{PORT}
 }}
}}
"""
HAPROXY = f"""global
 nbthread 1
 maxconn 1000
defaults
 mode tcp
 timeout connect 5s
 timeout client 60s
 timeout server 60s
listen vip
 bind {VIP}:{PORT}
 server origin {ORIGIN}:{PORT}
"""


def by_itself():
    done = subprocess.run(["taskset", "-c", "1", TOOLS + "/front_bench", str(FLOWS), str(PACKETS),
                           str(ROUNDS)], check=True, stdout=subprocess.PIPE, text=True)
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    turn = min(r["turn"] for r in rounds)
    reads = [r["read"] for r in rounds]
    row(f"one read of a line of a table for {FLOWS} flows: ns",
        f"{min(reads)} ({', '.join(map(str, reads))})", "", None)
    for kind, what, limit in (("known", "packet of an open flow", KNOWN_NS),
                              ("new", "SYN of a new flow", NEW_NS)):
        took = [r[kind] - turn for r in rounds]
        row(f"front, {FLOWS} flows, {what}: ns", f"{min(took)} ({', '.join(map(str, took))})",
            f"<= {limit}", min(took) <= limit)
        row("so, one packet in a call: ns", str(min(r[kind + "_once"] for r in rounds)), "", None)


def threads(links):
    """Those of the kernel that take packets from these interfaces."""
    names, found = tuple(f"napi/{link}-" for link in links), []
    for path in glob.glob("/proc/[0-9]*/comm"):
        with contextlib.suppress(OSError), open(path, encoding="ascii") as f:
            if f.read().startswith(names):
                found.append(int(path.split("/")[2]))
    return found


def cpu_s(pids):
    total = 0
    for pid in pids:
        for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            with open(path, encoding="ascii") as f:
                total += int(f.read().split()[0])
    return total / 1e9


class Wires:
    """client frc0 - frb0 balancer frb1 - fro0 origin; the balancer's ends are core 0's."""

    def __init__(self, stack):
        self.client, self.balancer, self.origin = (stack.enter_context(Netns()) for _ in range(3))
        veth(self.balancer, "frb0", ["192.0.2.1/24"], self.client, "frc0", ["192.0.2.2/24"])
        veth(self.balancer, "frb1", ["10.9.0.1/24"], self.origin, "fro0", [ORIGIN + "/24"])
        ends = ((self.balancer, "frb0", "192.0.2.2", "frc0"), (self.client, "frc0", "192.0.2.1", "frb0"),
                (self.balancer, "frb1", ORIGIN, "fro0"), (self.origin, "fro0", "10.9.0.1", "frb1"))
        for ns, link, there, other in ends:
            ns.ip(f"link set {link} address {MACS[link]}")
        for ns, link, there, other in ends:
            ns.ip(f"neigh replace {there} lladdr {MACS[other]} dev {link} nud permanent")
            ns.run("ethtool", "-K", link, "gro", "on")
        self.balancer.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        for ns in (self.client, self.origin):
            ns.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
        self.balancer.ip("route add default via 192.0.2.2")
        self.client.ip("route add default via 192.0.2.1")
        self.origin.ip("route add default via 10.9.0.1")

    def take_cores(self):
        """Whoever attaches to an interface may have made its NAPI anew: threads for what there is."""
        for ns, links, core in ((self.balancer, ("frb0", "frb1"), 0), (self.client, ("frc0",), 1),
                                (self.origin, ("fro0",), 1)):
            for link in links:
                ns.run("unshare", "--mount", "sh", "-c", "mount -t sysfs none /sys && "
                       f"cd /sys/class/net/{link} && echo 0 >threaded && echo 1 >threaded")
            for pid in threads(links):
                os.sched_setaffinity(pid, {core})
                # What else this machine does, waits: or a full wire is all that is seen.
                os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))

    def flood(self, flags, seconds):
        return int(self.client.run("taskset", "-c", "1", TOOLS + "/front_flood", "frc0", WIRE_FLOWS,
                                   flags, seconds))

    def packets(self):
        """(from the client, to the origin) so far."""
        def statistic(ns, link, name):
            links = json.loads(ns.run("ip", "-j", "-s", "link", "show", link))
            return links[0]["stats64"][name]["packets"]
        return (statistic(self.balancer, "frb0", "rx"), self.dropped())

    def dropped(self):
        said = json.loads(self.origin.run("nft", "-j", "list", "ruleset"))["nftables"]
        return sum(e["counter"]["packets"] for rule in said if "rule" in rule
                   for e in rule["rule"]["expr"] if "counter" in e)


def loaded(ns, rules):
    with tempfile.NamedTemporaryFile("w", suffix=".nft") as f:
        f.write(rules)
        f.flush()
        ns.run("nft", "-f", f.name)


class Plane:
    name = "plane xdp"

    def start(self, stack, wires):
        front = stack.enter_context(Front(wires.balancer, xdp=1, services=1, maglev=251))
        index = json.loads(wires.balancer.run("ip", "-j", "link", "show", "frb1"))[0]["ifindex"]
        front.try_do("origin", 0, octets("fro0"), index, octets("frb1"))
        front.try_do("service", 0, 0)
        front.try_do("vip", VIP, PORT, TCP, 0, 0)
        front.try_do("attach", "frb0", "native", "192.0.2.2")


class Nftables:
    name = "nftables, DNAT"

    def start(self, _, wires):
        loaded(wires.balancer, BALANCER_NATS)
        # The frames have no TCP checksums: a device would have looked at them.
        wires.balancer.run("sysctl", "-qw", "net.netfilter.nf_conntrack_checksum=0",
                           "net.netfilter.nf_conntrack_tcp_be_liberal=1")


def octets(link):
    return bytes.fromhex(MACS[link].replace(":", ""))


def flooded(kind):
    """Packets that came to the origin in a second of the balancer's time, and in one of the clock."""
    with contextlib.ExitStack() as stack:
        wires = Wires(stack)
        loaded(wires.origin, ORIGIN_DROPS)
        kind.start(stack, wires)
        wires.take_cores()
        # The plane asks for a SYN; conntrack without its answer would not take what follows.
        for flags in (SYN, ACK) if isinstance(kind, Plane) else (ACK, ACK):
            wires.flood(flags, 0)
        mine = threads(("frb0", "frb1"))
        before, used, start = wires.dropped(), cpu_s(mine), time.monotonic()
        sent = wires.flood(ACK, SECONDS)
        lasted = time.monotonic() - start
        packets, used = wires.dropped() - before, cpu_s(mine) - used
        assert packets > 0 and used > 0, (kind.name, sent, packets, used)
        return packets / used, packets / lasted, used / lasted


def echo():
    """The origin: what comes goes back."""
    with selectors.EpollSelector() as chosen, socket.create_server((ORIGIN, PORT)) as listener:
        chosen.register(listener, selectors.EVENT_READ)
        print("listening", flush=True)
        while True:
            for key, _ in chosen.select():
                if key.fileobj is listener:
                    one = listener.accept()[0]
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    chosen.register(one, selectors.EVENT_READ)
                    continue
                data = key.fileobj.recv(4096)
                if not data:
                    chosen.unregister(key.fileobj)
                    key.fileobj.close()
                    continue
                key.fileobj.send(data)


def proxied():
    """The same of HAProxy: packets are what came from the client."""
    with contextlib.ExitStack() as stack:
        wires = Wires(stack)
        wires.balancer.ip(f"addr add {VIP}/32 dev lo")
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-front"))
        with open(folder + "/haproxy.cfg", "w", encoding="ascii") as f:
            f.write(HAPROXY)
        origin = stack.enter_context(ended(wires.origin.popen(
            "taskset", "-c", "1", sys.executable, os.path.abspath(__file__), "echo",
            stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)))
        assert origin.stdout.readline() == "listening\n"
        proxy = stack.enter_context(ended(wires.balancer.popen(
            "taskset", "-c", "0", "haproxy", "-db", "-f", folder + "/haproxy.cfg",
            preexec_fn=die_with_parent)))
        wires.take_cores()
        os.sched_setaffinity(0, {1})
        clients = [stack.enter_context(connected(wires)) for _ in range(CONNECTIONS)]
        mine = [*threads(("frb0", "frb1")), proxy.pid]
        before, used, start = wires.packets()[0], cpu_s(mine), time.monotonic()
        while time.monotonic() < start + SECONDS:
            for client in clients:
                client.send(b"x")
            for client in clients:
                assert client.recv(1) == b"x"
        lasted = time.monotonic() - start
        packets, used = wires.packets()[0] - before, cpu_s(mine) - used
        return packets / used, packets / lasted, used / lasted


@contextlib.contextmanager
def ended(process):
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def connected(wires):
    client = wires.client.socket()
    client.settimeout(10)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wait_until(lambda: client.connect_ex((VIP, PORT)) == 0, 10, "HAProxy takes connections")
    client.send(b"x")
    assert client.recv(1) == b"x"
    return client


def beside_others():
    kinds = [(Plane.name, lambda: flooded(Plane())),
             (Nftables.name, lambda: flooded(Nftables()), "nft", TIMES_NFTABLES),
             ("HAProxy, TCP", proxied, "haproxy", TIMES_HAPROXY)]
    if not shutil.which("nft"):
        row("front beside others: .ci/deps continuity first", "", "", None)
        return
    kinds = [kind for kind in kinds if len(kind) < 3 or shutil.which(kind[2])]
    got = {kind[0]: [] for kind in kinds}
    for _ in range(TURNS):
        for name, measured, *_ in kinds:
            got[name].append(measured())
    ours = quantile([g[0] for g in got[Plane.name]], 0.5)
    for name, _, *limit in kinds:
        per_core = quantile([g[0] for g in got[name]], 0.5)
        busy = quantile([g[2] for g in got[name]], 0.5)
        said = f"{per_core / 1000:.0f} k ({', '.join(f'{g[0] / 1000:.0f}' for g in got[name])})"
        times = limit[1] if limit else None
        row(f"packets a second of a core, {name}",
            f"{said}; {quantile([g[1] for g in got[name]], 0.5) / 1000:.0f} k/s, "
            f"{'balancer' if busy > 0.9 else 'generator'} limits",
            f"plane xdp: >= {times} x this: {ours / per_core:.1f} x" if times else "",
            ours >= times * per_core if times else None)


def main():
    if sys.argv[1:] == ["echo"]:
        echo()
    by_itself()
    beside_others()


if __name__ == "__main__":
    main()
