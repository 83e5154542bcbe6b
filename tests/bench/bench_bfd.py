#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""BFD 50 ms x 3 with 64 sessions between two daemons while every core is busy.

False detections while nothing is wrong, how late packets were sent and alarms came that do nothing
else, and how long after its last packet a peer that fell silent was found dead. BFD_SECONDS (20, with
CATCHMENT_BENCH_FULL=1 600) is how long nothing is wrong, in windows of 20 s; those in which the machine
stood still do not count. BFD_KILLS (2 or 4): how often the other daemon is stopped then, silently.
"""
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import BIN, Daemon, Netns, Rest, veth, wait_until
from support.bench import FULL, Alarms, memory_kib, quantile, row
from support.netns import die_with_parent

SESSIONS, INTERVAL_MS, MULTIPLIER = 64, 50, 3
SECONDS = int(os.environ.get("BFD_SECONDS", "600" if FULL else "20"))
WINDOW_S = 20
KILLS = int(os.environ.get("BFD_KILLS", "4" if FULL else "2"))
WHAT = f"{SESSIONS} sessions, {INTERVAL_MS} ms x {MULTIPLIER}, cores busy"


def address(side, i):
    return f"10.9.{side}.{i + 1}"


def configuration(directory, side):
    """Session i is between the i-th addresses of both sides; side 1 dials."""
    other = 3 - side
    peers = [{"name": f"p{i}", "address": address(other, i), "local_address": address(side, i),
              "asn": 64500 + other, "passive": side == 2,
              "bfd": {"interval_ms": INTERVAL_MS, "multiplier": MULTIPLIER}}
             for i in range(SESSIONS)]
    conf = {"version": 1, "pop": f"side{side}", "asn": 64500 + side, "router_id": f"10.9.0.{side}",
            "api": {"listen": f"unix:{directory}/{side}.sock"},
            "bgp": {"hold_time": 90, "connect_retry": 1, "peers": peers,
                    "listen": ["0.0.0.0:179"]},
            "dataplane": {"type": "local"}}
    path = f"{directory}/{side}.json"
    with open(path, "w", encoding="ascii") as out:
        json.dump(conf, out)
    return path


class Side:
    def __init__(self, stack, directory, ns, side):
        self.daemon = stack.enter_context(
            Daemon([BIN + "/catchment-lb", "--config", configuration(directory, side)], netns=ns,
                   name=f"side{side}"))
        self.rest = Rest(f"{directory}/{side}.sock")

    def peers(self):
        return self.rest.get("/v1/peers")["peers"]

    def bfd(self, key):
        return [peer["bfd"][key] for peer in self.peers()]

    def all_up(self):
        try:
            peers = self.peers()
        except OSError:
            return False
        return all(p["state"] == "Established" and p["bfd"]["state"] == "Up" and
                   p["bfd"]["detection_time_us"] == 1000 * INTERVAL_MS * MULTIPLIER for p in peers)

    def latest_ms(self):
        text = self.rest.request("GET", "/metrics")[2]
        value = next(line.split()[-1] for line in text.splitlines()
                     if line.startswith("catchment_lb_bfd_lateness_seconds_max"))
        return float(value) * 1000


def window(sides):
    """(false detections, how late a bare alarm was) in some seconds in which nothing is wrong."""
    before = sum(sum(side.bfd("downs")) for side in sides)
    # A look at what ought not to happen: only its end can be waited for.
    with Alarms() as alarms, contextlib.suppress(subprocess.TimeoutExpired):
        sides[0].daemon.process.wait(WINDOW_S)
    false = sum(sum(side.bfd("downs")) for side in sides) - before
    for side in sides:
        wait_until(side.all_up, 60, "all sessions up")
    return false, alarms.latest_ms()


def quiet(sides):
    """As many seconds in which the machine was there; at most twice as many in all."""
    good, bad = [], []
    while len(good) * WINDOW_S < SECONDS and (len(good) + len(bad)) * WINDOW_S < 2 * SECONDS:
        false, late_ms = window(sides)
        # A machine that stands still for so long may well be silent for a Detection Time.
        (bad if late_ms > (MULTIPLIER - 1) * INTERVAL_MS else good).append((false, late_ms))
    counted = good or bad
    false, late_ms = sum(f for f, _ in counted), max(ms for _, ms in counted)
    row(f"BFD, {WHAT}: false detections in {len(counted) * WINDOW_S} s", str(false), "0", false == 0,
        len(good) * WINDOW_S < SECONDS)
    row("BFD: meanwhile a bare alarm with real-time priority was late by up to",
        f"{late_ms:.2f} ms", "", None)
    row(f"BFD: besides, the machine stood still for over {(MULTIPLIER - 1) * INTERVAL_MS} ms in",
        f"{len(bad)} of {len(good) + len(bad)} x {WINDOW_S} s", "", None)
    row("BFD: packets sent meanwhile and before",
        str(sum(sum(side.bfd("packets_out")) for side in sides)), "", None)
    latest = max(side.latest_ms() for side in sides)
    row("BFD: latest packet after its time", f"{latest:.2f} ms", "", None)


def kills(us, them):
    """They fall silent; ours is the clock, from the last packet that came."""
    shares = []
    for _ in range(KILLS):
        before = us.bfd("detections")
        them.daemon.process.send_signal(signal.SIGSTOP)
        wait_until(lambda b=before: all(n > m for n, m in zip(us.bfd("detections"), b)), 10,
                   "all sessions down")
        shares += [us_silent / (10 * INTERVAL_MS * MULTIPLIER)
                   for us_silent in us.bfd("last_silence_us")]
        them.daemon.process.send_signal(signal.SIGCONT)
        wait_until(us.all_up, 60, "all sessions up again")
        wait_until(them.all_up, 60, "all sessions up again")
    p99 = quantile(shares, 0.99)
    row(f"BFD: {len(shares)} silent deaths detected, share of the Detection Time, p50",
        f"{quantile(shares, 0.5):.2f} %", "", None)
    row("BFD: the same, p99", f"{p99:.2f} %", "< 110 %", p99 <= 110)
    row("BFD: the same, worst", f"{max(shares):.2f} %", "", None)


def main():
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-bfd"))
        ns = [stack.enter_context(Netns()) for _ in range(2)]
        ends = [[f"{address(side, i)}/16" for i in range(SESSIONS)] for side in (1, 2)]
        veth(ns[0], "wire", ends[0], ns[1], "wire", ends[1])
        sides = [Side(stack, directory, ns[side - 1], side) for side in (1, 2)]
        wait_until(lambda: all(side.all_up() for side in sides), 60, "all sessions up")
        for _ in range(os.cpu_count()):
            hog = subprocess.Popen([sys.executable, "-c", "while True: pass"],
                                   preexec_fn=die_with_parent)
            stack.callback(hog.wait)
            stack.callback(hog.kill)
        realtime = all(sides[0].bfd("realtime"))
        row("BFD: its thread has real-time priority", "yes" if realtime else "no", "yes", realtime)
        quiet(sides)
        kills(*sides)
        row(f"catchment-lb with {SESSIONS} peers: resident",
            f"{memory_kib(sides[0].daemon.pid, 'Rss') / 1024:.1f} MiB", "< 16 MiB",
            memory_kib(sides[0].daemon.pid, "Rss") < 16 * 1024)


if __name__ == "__main__":
    main()
