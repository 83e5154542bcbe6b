#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How right wires are over 6 hops while every core is busy, and what one wire carries."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support.bench import Lab, row
from support.netns import die_with_parent

HOP_MS = 5
HOPS = 6
RATE = 2000
SECONDS = 5

# The kernel stamps what arrives, so the receiver's own wait for a core is not measured.
RECEIVER = """
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
s.bind(("10.200.1.1", 9))
print("ready", flush=True)
late = []
while True:
    data, control, _, _ = s.recvmsg(64, 128)
    if data == b"end":
        break
    seconds, ns = struct.unpack("qq", control[0][2])
    late.append(seconds * 10**9 + ns - struct.unpack("q", data)[0])
print(*late)
"""

# Open loop, with priority below the wires' and above the rest: its own lateness would not count
# either, for it stamps when it sends, but being interrupted between the two would.
SENDER = """
import os, socket, struct, sys, time
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(40))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("10.200.1.1", 9))
start = time.monotonic_ns()
for i in range({count}):
    wait = start + i * {period_ns} - time.monotonic_ns()
    if wait > 0:
        time.sleep(wait / 1e9)
    s.send(struct.pack("q", time.time_ns()))
time.sleep(0.2)
s.send(b"end")
"""


def chain():
    routers = HOPS - 1
    links = [{"from": "p", "to": "r1", "relation": "customer", "delay_ms": HOP_MS}]
    links += [{"from": f"r{i + 1}", "to": f"r{i}", "relation": "customer", "delay_ms": HOP_MS}
              for i in range(1, routers)]
    return {"version": 1, "name": "chain", "speaker": "bird",
            "networks": [{"name": f"r{i}", "asn": 65000 + i, "at": "Paris"}
                         for i in range(1, routers + 1)],
            "pops": [{"name": "p", "at": "Paris"}], "links": links,
            "nameservers": [{"name": "ns1", "network": "r1", "delay_ms": 0.1}],
            "clients": [{"name": "c", "network": f"r{routers}", "users": 1, "access_ms": HOP_MS,
                         "traffic": [{"kind": "udp", "period_ms": 1000}]}],
            "variants": [{"name": "any", "mode": "anycast"}]}


def delay(lab):
    # Bounded, in case nobody is left to end them.
    hogs = [subprocess.Popen(["timeout", str(4 * SECONDS), "sh", "-c", "while :; do :; done"],
                             preexec_fn=die_with_parent) for _ in range(os.cpu_count())]
    try:
        receiver = lab.start("p", sys.executable, "-c", RECEIVER)
        assert receiver.stdout.readline() == "ready\n"
        lab.exec("c", sys.executable, "-c",
                 SENDER.format(count=RATE * SECONDS, period_ns=10**9 // RATE))
        ns = [int(word) for word in receiver.communicate(timeout=30)[0].split()]
    finally:
        for hog in hogs:
            hog.terminate()
            hog.wait()
    assert len(ns) == RATE * SECONDS, f"{RATE * SECONDS - len(ns)} packets are lost"
    error = sorted(abs(n / 1e6 - HOPS * HOP_MS) for n in ns)
    p50, p99 = error[len(error) // 2], error[len(error) * 99 // 100]
    what = f"error of {HOPS * HOP_MS} ms over {HOPS} wires, {RATE}/s, all cores busy"
    row(f"{what}: p50", f"{p50:.3f} ms", "< 0.15 ms", p50 < 0.15)
    row(f"{what}: p99", f"{p99:.3f} ms", "< 0.5 ms", p99 < 0.5)
    row(f"{what}: worst", f"{error[-1]:.3f} ms", "", None)


def throughput(lab):
    server = lab.start("ns1", "iperf3", "--server", "--one-off", "--forceflush")
    for line in server.stdout:
        if "listening" in line:
            break
    result = json.loads(lab.exec("r1", "iperf3", "--json", "--time", "4", "--client", "10.1.1.1"))
    server.communicate(timeout=10)
    gbit = result["end"]["sum_received"]["bits_per_second"] / 1e9
    row("TCP through one wire", f"{gbit:.2f} Gbit/s", ">= 1 Gbit/s", gbit >= 1)


if __name__ == "__main__":
    with Lab(chain()) as the_lab:
        delay(the_lab)
        throughput(the_lab)
