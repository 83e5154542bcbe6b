#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""catchment-geodns with 100 000 geographic names, each of three PoPs of 32 with A, AAAA and a check:
its start until it answers, its memory, and what /metrics costs when each of the names has been asked."""
import json
import os
import re
import socket
import struct
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "integration"))

import test_geoip as geoip  # noqa: E402
from support import Daemon, Rest, free_port, wait_until  # noqa: E402
from support.bench import quantile, row, run_delay_ns  # noqa: E402

NAMES, PER_NAME, TRIALS, WINDOW = 100000, 3, 5, 64
POPS = list(geoip.CITIES)


def entry(number, index):
    pop = (number + 5 * index) % len(POPS)
    return {"pop": POPS[pop], "a": ["10.%d.%d.%d" % (pop, number >> 8 & 255, number & 255)],
            "aaaa": ["2001:db8:%x:1::%x:%x" % (pop, number >> 16, number & 65535)],
            "check": "web", "address": "127.0.1.%d" % (pop + 1)}


def configuration(port, closed):
    return geoip.configuration(
        geoip.CITIES, port,
        checks={"web": {"type": "tcp", "port": closed, "interval_ms": 10000}},
        names=[{"name": "n%d.lab.test" % number, "ttl": 60,
                "pops": [entry(number, index) for index in range(PER_NAME)]}
               for number in range(NAMES)])


def query(number):
    label = b"n%d" % number
    return (struct.pack(">6H", number & 65535, 0x100, 1, 0, 0, 0) + bytes([len(label)]) + label +
            b"\x03lab\x04test\0" + struct.pack(">2H", 1, 1))


def memory(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(key + r":\s+(\d+) kB", f.read()).group(1)) / 1024


def cpu_s(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e9


def answers(sock, number):
    try:
        sock.send(query(number))
        return sock.recv(512)[7] == 1
    except OSError:
        return False


def start(folder, sock):
    """The daemon, and seconds that it took until the last of its names was answered."""
    begun = time.monotonic()
    daemon = Daemon([geoip.GEODNS, "--config", "geodns.json"], cwd=folder)
    daemon.__enter__()
    wait_until(lambda: answers(sock, NAMES - 1) or not daemon.is_running(), 60, "it answers",
               interval=0.01)
    took = time.monotonic() - begun
    if not daemon.is_running():
        raise AssertionError("ended: " + daemon.log())
    return daemon, took


def starts(folder, sock):
    trials = []
    for _ in range(TRIALS):
        daemon, took = start(folder, sock)
        used, delay = cpu_s(daemon.pid), run_delay_ns(daemon.pid) / 1e9
        trials.append((took, used, delay > 0.2 * used, memory(daemon.pid, "VmHWM"),
                       memory(daemon.pid, "VmRSS")))
        daemon.stop()
        daemon.__exit__(None, None, None)
    took, used, noise, peak, resident = min(trials)
    what = f"{NAMES // 1000} 000 names of {PER_NAME} PoPs: "
    row(what + "start until the last one is answered", f"{took:.2f} s, {used:.2f} s of processor time",
        "< 2 s", took < 2, noise)
    row(what + "memory at the peak, resident after it", f"{peak:.0f}, {resident:.0f} MiB", "", None)


def ask_all(sock):
    """WINDOW at a time; what is lost is asked again."""
    missing = set(range(NAMES))
    while missing:
        todo = list(missing)
        for first in range(0, len(todo), WINDOW):
            for number in todo[first:first + WINDOW]:
                sock.send(query(number))
            try:
                for _ in todo[first:first + WINDOW]:
                    reply = sock.recv(512)
                    missing.discard(int(reply[14:13 + reply[12]]))
            except socket.timeout:
                pass


class Pings:
    """How long the control loop lets others wait, in ms: GET /healthz, one after the other."""

    def __init__(self, path):
        self.rest, self.waits, self.stop = Rest(path), [], threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.is_set():
            begun = time.monotonic()
            self.rest.get("/healthz")
            self.waits.append(1000 * (time.monotonic() - begun))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def metrics(folder, sock):
    daemon, _ = start(folder, sock)
    path = os.path.join(folder, "api.sock")
    rest = Rest(path)
    ask_all(sock)
    used, worst = [], []
    for _ in range(TRIALS):
        with Pings(path) as pings:
            before = cpu_s(daemon.pid)
            page = rest.request("GET", "/metrics")[2]
            used.append(1000 * (cpu_s(daemon.pid) - before))
        worst.append(max(pings.waits))
    samples = page.count("catchment_geodns_answers_total{")
    assert samples >= NAMES, f"{samples} of {NAMES} names are told of"
    row("/metrics, all of them asked: size, processor time, longest wait of another request",
        f"{len(page) / 1e6:.1f} MB, {quantile(used, 0.5):.0f} ms, {quantile(worst, 0.5):.0f} ms", "",
        None)
    daemon.stop()
    daemon.__exit__(None, None, None)


def main():
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="names-") as folder, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        geoip.write(folder, configuration(port, free_port()), {})
        sock.settimeout(0.5)
        sock.connect(("127.0.0.1", port))
        starts(folder, sock)
        metrics(folder, sock)


if __name__ == "__main__":
    main()
