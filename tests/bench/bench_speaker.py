#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""200 peers and 50 prefixes: sessions up, a verdict until it is on the wire at each peer, memory.

One origin serves all VIPs and dies; from the verdict as the daemon dates it to the arrival of the
UPDATE that withdraws a peer's last prefix, as the kernel of the peers' side dates that. The daemon has
a core to itself: real-time priority keeps all others off it, the kernel's work for the peers' side is
done on the other cores (receive packet steering), which are kept awake, and so is what the peers and
this process do, as it would be were they elsewhere. A trial in which the machine stood still (an alarm that does nothing else
was late) is noise and does not count; there are others in its place, up to twice as many.
CATCHMENT_BENCH_FULL=1: 100 trials, else 10.
"""
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import BIN, Daemon, Netns, Rest, veth, wait_until
from support.bench import FULL, Alarms, memory_kib, quantile, row
from support.netns import die_with_parent

PEERS, PREFIXES = 200, 50
STARTS, TRIALS = (5, 100) if FULL else (2, 10)
LIMIT_MS, UP_S, RSS_MIB = 2.0, 3.0, 16
ALARM_MS, STILL_MS = 0.5, LIMIT_MS / 4
COLLECTOR = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support",
                         "collector.py")


def address(i):
    return f"10.9.{2 + i // 200}.{1 + i % 200}"


def configuration(directory):
    conf = {"version": 1, "pop": "bench", "asn": 64500, "router_id": "10.9.1.1",
            "api": {"listen": f"unix:{directory}/lb.sock"},
            "checks": {"tcp": {"type": "tcp", "port": 8080, "interval_ms": 100, "rise": 1, "fall": 2}},
            "origins": [{"name": "local", "address": "127.0.0.1", "check": "tcp"}],
            "vips": [{"name": f"v{i}", "prefixes": [f"198.18.{i}.0/24"],
                      "addresses": [f"198.18.{i}.1"], "origins": ["local"]}
                     for i in range(PREFIXES)],
            "bgp": {"hold_time": 90, "connect_retry": 1,
                    "peers": [{"name": f"p{i}", "address": address(i), "local_address": "10.9.1.1",
                               "asn": 65000} for i in range(PEERS)]},
            "dataplane": {"type": "local"}}
    path = f"{directory}/lb.json"
    with open(path, "w", encoding="ascii") as out:
        json.dump(conf, out)
    return path


class Origin:
    """Takes connections to 127.0.0.1:8080 in a namespace, until it is told to be dead."""

    def __init__(self, ns):
        self.ns, self.listener = ns, None

    def start(self):
        self.listener = self.ns.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 8080))
        self.listener.listen(64)
        threading.Thread(target=self.serve, args=(self.listener,), daemon=True).start()

    @staticmethod
    def serve(listener):
        with contextlib.suppress(OSError):
            while True:
                listener.accept()[0].close()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Peers:
    """The other side: one process that is all peers."""

    def __init__(self, stack, ns):
        self.process = stack.enter_context(
            ns.popen(sys.executable, COLLECTOR, PEERS, PREFIXES, stdout=subprocess.PIPE, text=True,
                     preexec_fn=die_with_parent))
        stack.callback(self.process.kill)
        self.wait("ready")

    def wait(self, what):
        """The next time that it says this."""
        guard = threading.Timer(60, self.process.kill)
        guard.start()
        try:
            for line in self.process.stdout:
                told = json.loads(line)
                if what in told:
                    return told[what]
        finally:
            guard.cancel()
        raise AssertionError(f"the peers have not seen in a minute: {what}")


def receive_elsewhere(ns):
    """What arrives at the wire is not the sender's core's to deal with."""
    others = (1 << os.cpu_count()) - 2
    if others:
        os.sched_setaffinity(0, range(1, os.cpu_count()))  # the peers inherit it
        ns.run("unshare", "--mount", "sh", "-c", "mount -t sysfs none /sys && "
               f"echo {others:x} >/sys/class/net/wire/queues/rx-0/rps_cpus")


def keep_awake(stack):
    """To wake a sleeping virtual core is work for whoever sends to it, which no wire asks for."""
    for core in range(1, os.cpu_count()):
        loop = subprocess.Popen(["sh", "-c", "while :; do :; done"], preexec_fn=die_with_parent)
        stack.callback(loop.kill)
        os.sched_setaffinity(loop.pid, {core})
        os.sched_setscheduler(loop.pid, os.SCHED_IDLE, os.sched_param(0))


def start(path, directory, ns):
    """A daemon with every session up, and how long that took."""
    began = time.monotonic_ns()
    daemon = Daemon([BIN + "/catchment-lb", "--config", path], netns=ns)
    daemon.__enter__()
    os.sched_setaffinity(daemon.pid, {0})
    os.sched_setscheduler(daemon.pid, os.SCHED_FIFO, os.sched_param(50))
    rest = Rest(f"{directory}/lb.sock")
    wait_until(lambda: all(p["state"] == "Established" for p in rest.get("/v1/peers")["peers"]), 60,
               "all sessions up", interval=0.1)
    last = max(p["since_ns"] for p in rest.get("/v1/peers")["peers"])
    return daemon, rest, (last - began) / 1e9


def starts(path, directory, ns, peers):
    """Several, of which the last goes on."""
    took, daemon = [], None
    for _ in range(STARTS):
        if daemon:
            daemon.stop()
            peers.wait("left")
        daemon, rest, seconds = start(path, directory, ns)
        peers.wait("full")
        took.append(seconds)
    row(f"{PEERS} sessions established, longest of {STARTS} starts", f"{max(took):.2f} s",
        f"< {UP_S:.0f} s", max(took) < UP_S)
    return daemon, rest


def trial(rest, origin, peers):
    """(when the verdict was, when each peer's last withdrawal came)"""
    died = time.monotonic_ns()
    origin.stop()
    gone = peers.wait("gone")
    while min(at for _, at in gone) < died:  # checks that a busy machine has kept waiting
        gone = peers.wait("gone")
    verdict = min(vip["since_ns"] for vip in rest.get("/v1/vips")["vips"])
    origin.start()
    peers.wait("full")
    return verdict, [at for _, at in gone]


def some_trials(count, rest, origin, peers):
    """ms of each peer, a list a trial: those of the trials that nothing disturbed, and the others."""
    with Alarms(ALARM_MS, STILL_MS) as alarms:
        trials = [trial(rest, origin, peers) for _ in range(count)]
    good, bad = [], []
    for verdict, gone in trials:
        still = any(due < max(gone) and come > verdict for due, come in alarms.late)
        (bad if still else good).append([(at - verdict) / 1e6 for at in gone])
    return good, bad


def withdrawals(rest, origin, peers):
    good, bad = [], []
    while len(good) < TRIALS and len(good) + len(bad) < 3 * TRIALS:
        some = some_trials(min(10, TRIALS - len(good)), rest, origin, peers)
        for kept, more in zip((good, bad), some):
            kept += more
    noise = len(good) < TRIALS
    all_ms = [x for ms in (good or bad) for x in ms]
    what = f"verdict down to withdrawal at {PEERS} peers, {PREFIXES} prefixes"
    p99 = quantile(all_ms, 0.99)
    row(f"{what}: p50", f"{quantile(all_ms, 0.5):.2f} ms", "", None)
    row(f"{what}: p99", f"{p99:.2f} ms", f"< {LIMIT_MS:.0f} ms", p99 < LIMIT_MS, noise)
    row(f"{what}: worst of {len(good or bad)} trials", f"{max(all_ms):.2f} ms", "", None)
    row("the same, trials in which the machine stood still", f"{len(bad)} of {len(good) + len(bad)}",
        "", None)
    if bad:
        row("the same, p99 of those", f"{quantile([x for ms in bad for x in ms], 0.99):.2f} ms", "", None)


def main():
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-speaker"))
        ns = [stack.enter_context(Netns()) for _ in range(2)]
        veth(ns[0], "wire", ["10.9.1.1/16"], ns[1], "wire", [])
        receive_elsewhere(ns[1])
        keep_awake(stack)
        batch = "".join(f"address add {address(i)}/16 dev wire\n" for i in range(PEERS))
        subprocess.run(ns[1].command("ip", "-batch", "-"), input=batch, text=True, check=True)
        origin, peers = Origin(ns[0]), Peers(stack, ns[1])
        origin.start()
        daemon, rest = starts(configuration(directory), directory, ns[0], peers)
        stack.callback(daemon.stop)
        withdrawals(rest, origin, peers)
        rss = memory_kib(daemon.pid, "Rss") / 1024
        row(f"catchment-lb with {PEERS} peers, {PREFIXES} prefixes: resident", f"{rss:.1f} MiB",
            f"< {RSS_MIB} MiB", rss < RSS_MIB)


if __name__ == "__main__":
    main()
