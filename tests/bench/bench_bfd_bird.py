#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node dies without a word beside BIRD: when the other side's BFD finds out, 50 ms x 3.

Ten pairs of a catchment-lb and a BIRD at a time. First the lb falls silent and BIRD is the upstream
that must notice, then BIRD does and we must. From the arrival of the dead side's last packet, as the
kernel dates it, to the detection as BIRD's log or our event dates it, as a share of the detection
time that both sides say they have agreed on. CATCHMENT_BENCH_FULL=1: 100 deaths of each, else 10.
"""
import contextlib
import os
import random
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import BIN, Daemon, Netns, Rest, veth, wait_until
from support.bench import FULL, quantile, row, run_delay_ns

PAIRS, ROUNDS = (10, 10) if FULL else (5, 2)
INTERVAL_MS, MULTIPLIER = 50, 3
DETECTION_MS = INTERVAL_MS * MULTIPLIER
LIMIT = 110
WAIT_NS = DETECTION_MS * 1e6 / 20  # half of what the limit leaves
ETH_P_ALL, SO_TIMESTAMPNS, BFD_PORT = 3, 35, 3784

BIRD = """
log "LOG" all;
timeformat log "%%s.%%6f";
router id 10.8.0.2;
protocol device { scan time 1; }
protocol bfd up { debug { states, events }; interface "wire" { interval %d ms; multiplier %d; }; }
protocol bgp lb {
	local 10.8.0.2 as 65101; neighbor 10.8.0.1 as 64500; bfd on; check link no;
	connect retry time 1; connect delay time 0; error wait time 1, 1;
	ipv4 { import all; export none; };
}
""" % (INTERVAL_MS, MULTIPLIER)

LB = """{"version": 1, "pop": "fra", "asn": 64500, "router_id": "10.8.0.1",
 "api": {"listen": "unix:%s"}, "dataplane": {"type": "local"},
 "bgp": {"hold_time": 90, "connect_retry": 1, "listen": ["0.0.0.0:179"], "peers": [{"name": "up", "address": "10.8.0.2",
  "local_address": "10.8.0.1", "asn": 65101, "bfd": {"interval_ms": %d, "multiplier": %d}}]}}
"""


class Ear:
    """When the last BFD packet from the other side came to an interface, on CLOCK_MONOTONIC."""

    def __init__(self, ns):
        with ns.entered():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self.sock.bind(("wire", ETH_P_ALL))
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.sock.setblocking(False)
        self.last = 0

    def take(self):
        with contextlib.suppress(OSError):  # nothing there, or the interface is down
            data, control, _, where = self.sock.recvmsg(256, 128)
            port = data[22:24] if data[:1] == b"\x45" and data[9] == socket.IPPROTO_UDP else b""
            if where[2] != socket.PACKET_OUTGOING and port == struct.pack(">H", BFD_PORT):
                seconds, ns = struct.unpack("qq", control[0][2])
                self.last = monotonic(seconds * 10**9 + ns)


def monotonic(realtime_ns):
    # The clocks are read one after the other: the largest difference is the closest.
    return realtime_ns - max(time.time_ns() - time.monotonic_ns() for _ in range(5))


class Pair:
    def __init__(self, stack, directory, number):
        self.directory, self.number = directory, number
        self.lb_ns, self.bird_ns = (stack.enter_context(Netns()) for _ in range(2))
        veth(self.lb_ns, "wire", ["10.8.0.1/24"], self.bird_ns, "wire", ["10.8.0.2/24"])
        self.lb_ear, self.bird_ear = Ear(self.lb_ns), Ear(self.bird_ns)
        self.rest = Rest(self.path("sock"))
        self.write("bird.conf", BIRD.replace("LOG", self.path("bird.log")))
        self.write("bird.log", "")
        self.write("lb.json", LB % (self.path("sock"), INTERVAL_MS, MULTIPLIER))
        self.lb = self.bird = None
        self.start_lb()
        self.start_bird()
        stack.callback(lambda: (self.lb.kill(), self.bird.kill()))

    def path(self, name):
        return f"{self.directory}/{self.number}.{name}"

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as out:
            out.write(text)

    def start_lb(self):
        self.lb = Daemon([BIN + "/catchment-lb", "--config", self.path("lb.json")],
                         netns=self.lb_ns)
        self.lb.__enter__()

    def start_bird(self):
        self.bird = Daemon(["bird", "-f", "-c", self.path("bird.conf"), "-s", self.path("ctl")],
                           netns=self.bird_ns)
        self.bird.__enter__()

    def peer(self):
        return self.rest.get("/v1/peers")["peers"][0]

    def bird_says(self):
        return subprocess.run(["birdc", "-r", "-s", self.path("ctl"), "show", "bfd", "sessions"],
                              stdout=subprocess.PIPE, text=True, check=False).stdout

    def is_up(self):
        """Both, with the detection time that this is about."""
        peer = self.peer()
        return peer["state"] == "Established" and peer["bfd"]["state"] == "Up" and \
            peer["bfd"]["detection_time_us"] == 1000 * DETECTION_MS and \
            re.search(rf"Up .* {DETECTION_MS / 1000:.3f}\s*$", self.bird_says(), re.MULTILINE)

    def bird_detected(self):
        """When, on CLOCK_MONOTONIC; None: not yet."""
        with open(self.path("bird.log"), encoding="ascii") as log:
            found = re.findall(r"^(\d+)\.(\d{6}) .*changed state from Up to Down", log.read(),
                               re.MULTILINE)
        return found and monotonic(int(found[-1][0]) * 10**9 + int(found[-1][1]) * 1000)

    def lb_detected(self):
        bfd = self.peer()["bfd"]
        return bfd["state"] != "Up" and bfd["since_ns"]

    def replace(self, of_lb):
        """Bury the dead, of whom the kernel shall not say a word, and start another."""
        ns = self.lb_ns if of_lb else self.bird_ns
        ns.ip("link set wire down")
        (self.lb if of_lb else self.bird).kill()
        ns.ip("link set wire up")
        (self.start_lb if of_lb else self.start_bird)()


def listen(pairs, end):
    ears = [ear for pair in pairs for ear in (pair.lb_ear, pair.bird_ear)]
    by_fd = {ear.sock.fileno(): ear for ear in ears}
    poll = select.epoll()
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    while not end.is_set():
        for fd, _ in poll.poll(0.2):
            by_fd[fd].take()


def die(pair, of_lb):
    """(share of the detection time in percent, whether the survivor had a core when it wanted one)"""
    dead, ear, survivor, detected = \
        (pair.lb, pair.bird_ear, pair.bird, pair.bird_detected) if of_lb else \
        (pair.bird, pair.lb_ear, pair.lb, pair.lb_detected)
    before = detected() or 0
    waited = run_delay_ns(survivor.pid)
    dead.process.send_signal(signal.SIGSTOP)  # all of its threads, between two instructions
    # Nothing is asked of the survivor while its clock runs.
    with contextlib.suppress(subprocess.TimeoutExpired):
        survivor.process.wait(2 * DETECTION_MS / 1000)
    waited = run_delay_ns(survivor.pid) - waited
    at = wait_until(lambda: (detected() or 0) > before and detected(), 5, "a detection")
    return (at - ear.last) / 1e4 / DETECTION_MS, waited < WAIT_NS


def all_die(pairs, of_lb):
    results = []
    for _ in range(ROUNDS):
        wait_until(lambda: all(pair.is_up() for pair in pairs), 60, "all sessions up", 0.2)
        threads = []
        for pair in pairs:
            threads.append(threading.Timer(random.random() * 0.5, lambda p=pair: results.append(
                die(p, of_lb))))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for pair in pairs:  # not by those threads: a daemon dies with the one that started it
            pair.replace(of_lb)
    return results


def report(what, results):
    assert len(results) == PAIRS * ROUNDS, "a death went wrong"
    good = [share for share, quiet in results if quiet]
    noise = 2 * len(good) < len(results)
    shares = good or [share for share, _ in results]
    p99 = quantile(shares, 0.99)
    row(f"{what}, {len(results)} deaths, share of the detection time: p50",
        f"{quantile(shares, 0.5):.1f} %", "", None)
    row(f"{what}: p99", f"{p99:.1f} %", f"< {LIMIT} %", p99 <= LIMIT, noise)
    row(f"{what}: worst", f"{max(shares):.1f} %", "", None)
    row(f"{what}: deaths that noise made invalid", f"{len(results) - len(good)} of {len(results)}",
        "", None)


def main():
    end = threading.Event()
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-bfd"))
        pairs = [Pair(stack, directory, i) for i in range(PAIRS)]
        listener = threading.Thread(target=listen, args=(pairs, end))
        listener.start()
        stack.callback(listener.join)
        stack.callback(end.set)
        report("BFD: a dead PoP, found by BIRD", all_die(pairs, True))
        report("BFD: a dead BIRD, found by us", all_die(pairs, False))


if __name__ == "__main__":
    main()
