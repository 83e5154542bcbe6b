#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An origin dies: when the last user is served elsewhere, beside BIRD and beside ExaBGP.

Two PoPs of each kind, one upstream router (BIRD), the users behind it. catchment-lb checks by itself,
BIRD is told by a script in the shell (birdc disable), ExaBGP by its own healthcheck module. All
check by HTTP at the same interval with the same rise and fall, and in each trial all three lose their
origin at the same instant. From each one's own verdict, and from the death itself, to the first
question of the last user that the other PoP answers.

CATCHMENT_BENCH_FULL=1: 30 trials, else 5.
"""
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import BIN, Daemon, Netns, Rest, veth, wait_until
from support.bench import FULL, quantile, row
from support.netns import die_with_parent

TRIALS = 30 if FULL else 5
INTERVAL_S, RISE, FALL = 0.5, 2, 3
USERS, PERIOD_MS = 10, 10
LATE_NS = 5e6  # of questions, p99: more is noise
KINDS = ("catchment-lb", "BIRD", "ExaBGP")
SUPPORT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support")
PYTHON = "/usr/bin/python3"  # the one that has Debian's modules

ORIGIN = """
import http.server, socket, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
users = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
users.setsockopt(socket.IPPROTO_IP, 15, 1)  # IP_FREEBIND: the address may come later
users.bind((sys.argv[1], 7))
while True:
    data, where = users.recvfrom(64)
    users.sendto(data + sys.argv[2].encode(), where)
"""

# A loop as operators write it: RISE and FALL in a row, then birdc.
BIRD_CHECK = """#!/bin/bash
ups=0 downs=0 state=down
while :; do
	if curl -sf -m 0.5 -o /dev/null http://127.0.0.1:8080/; then
		ups=$((ups + 1)) downs=0
	else
		downs=$((downs + 1)) ups=0
	fi
	if [ $state = down ] && [ $ups -ge %(rise)d ]; then
		state=up; echo "up $EPOCHREALTIME" >>%(log)s
		birdc -s %(ctl)s enable anycast >/dev/null
	elif [ $state = up ] && [ $downs -ge %(fall)d ]; then
		state=down; echo "down $EPOCHREALTIME" >>%(log)s
		birdc -s %(ctl)s disable anycast >/dev/null
	fi
	sleep %(interval)g
done
"""


def monotonic(realtime_s):
    # The clocks are read one after the other: the largest difference is the closest.
    return int(realtime_s * 1e9) - max(time.time_ns() - time.monotonic_ns() for _ in range(5))


class Pop:
    """One of two of its kind: 0 is the one that the upstream prefers, and whose origin dies."""

    def __init__(self, bench, kind, number):
        self.bench, self.kind, self.which = bench, kind, number % 2
        self.net = f"10.7.{number + 1}"
        self.service = f"198.18.{32 * KINDS.index(kind)}"
        self.name = f"{kind}-{self.which}"
        self.ns = bench.stack.enter_context(Netns())
        veth(self.ns, "wire", [f"{self.net}.2/24"], bench.router, f"p{number}", [f"{self.net}.1/24"])
        if kind != "catchment-lb":  # which does that itself
            self.ns.ip(f"address add {self.service}.1/32 dev lo")
        self.ns.ip(f"route add default via {self.net}.1")
        self.origin = None
        self.start_origin()
        {"catchment-lb": self.start_lb, "BIRD": self.start_bird, "ExaBGP": self.start_exabgp}[kind]()

    def path(self, name):
        return os.path.join(self.bench.directory, f"{self.name}.{name}")

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as out:
            out.write(text)
        os.chmod(self.path(name), 0o755)
        return self.path(name)

    def spawn(self, *argv, env=None):
        return self.bench.stack.enter_context(Daemon(list(argv), netns=self.ns, name=self.name,
                                                     env=env))

    def start_origin(self):
        self.origin = self.ns.popen(PYTHON, "-c", ORIGIN, f"{self.service}.1", self.name,
                                    preexec_fn=die_with_parent)

    def kill_origin(self):
        self.origin.kill()
        self.origin.wait()

    def start_lb(self):
        conf = {"version": 1, "pop": "pop", "asn": 64500, "router_id": f"{self.net}.2",
                "api": {"listen": "unix:" + self.path("sock")}, "dataplane": {"type": "local"},
                "checks": {"web": {"type": "http", "port": 8080, "path": "/", "rise": RISE,
                                   "interval_ms": int(1000 * INTERVAL_S), "timeout_ms": 500,
                                   "fall": FALL}},
                "origins": [{"name": "local", "address": "127.0.0.1", "check": "web"}],
                "vips": [{"name": "any", "prefixes": [f"{self.service}.0/24"], "origins": ["local"],
                          "addresses": [f"{self.service}.1"]}],
                "bgp": {"hold_time": 90, "connect_retry": 1, "peers": [
                    {"name": "up", "address": f"{self.net}.1", "asn": 65101}]}}
        self.spawn(BIN + "/catchment-lb", "--config", self.write("json", json.dumps(conf)))

    def start_bird(self):
        control = self.path("ctl")
        conf = self.write("conf", f"""
log stderr all; router id {self.net}.2;
protocol device {{ scan time 10; }}
protocol static anycast {{ disabled; ipv4; route {self.service}.0/24 unreachable; }}
protocol bgp up {{
	local {self.net}.2 as 64500; neighbor {self.net}.1 as 65101;
	connect retry time 1; connect delay time 0; error wait time 1, 1;
	ipv4 {{ import none; export where proto = "anycast"; next hop self; }};
}}
""")
        self.spawn("bird", "-f", "-c", conf, "-s", control)
        self.spawn(self.write("check", BIRD_CHECK % {
            "rise": RISE, "fall": FALL, "interval": INTERVAL_S, "ctl": control,
            "log": self.write("log", "")}))

    def start_exabgp(self):
        """The verdict's time is that of the line that the module gives ExaBGP."""
        check = self.write("check", f"""#!/bin/bash
exec {PYTHON} {SUPPORT}/dated.py {self.write("log", "")} \\
	{PYTHON} -m exabgp healthcheck --no-syslog --no-ip-setup --withdraw-on-down \\
	--ip {self.service}.0/24 --interval {INTERVAL_S} --fast-interval {INTERVAL_S} \\
	--rise {RISE} --fall {FALL} --timeout 1 \\
	--cmd 'curl -sf -m 0.5 -o /dev/null http://127.0.0.1:8080/'
""")
        conf = self.write("conf", f"""
process check {{ run {check}; encoder text; }}
neighbor {self.net}.1 {{
	router-id {self.net}.2; local-address {self.net}.2; local-as 64500; peer-as 65101;
	hold-time 90; family {{ ipv4 unicast; }} api {{ processes [ check ]; }}
}}
""")
        self.spawn("exabgp", conf, env={
            "exabgp.daemon.user": "root", "exabgp.log.destination": "stdout",
            "exabgp.api.cli": "false", "exabgp.daemon.drop": "false"})

    def verdict(self):
        """When it last found its origin dead, on CLOCK_MONOTONIC."""
        if self.kind == "catchment-lb":
            vip = Rest(self.path("sock")).get("/v1/vips")["vips"][0]
            return vip["state"] == "down" and vip["since_ns"]
        with open(self.path("log"), encoding="ascii") as file:
            lines = [line.split() for line in file.read().split("\n")[:-1]]
        # ExaBGP's module says it again at every check: the first of those in a row counts.
        at = None
        for word, when in reversed(lines):
            if word not in ("down", "withdraw"):
                break
            at = monotonic(float(when))
        return at


class Bench:
    def __init__(self, stack):
        self.stack = stack
        self.directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-origin"))
        self.router, self.far = (stack.enter_context(Netns()) for _ in range(2))
        self.router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        veth(self.far, "wire", ["10.7.100.2/24"], self.router, "far", ["10.7.100.1/24"])
        self.far.ip("route add default via 10.7.100.1")
        self.pops = [Pop(self, kind, 2 * i + which)
                     for i, kind in enumerate(KINDS) for which in range(2)]
        self.start_router()
        services = [pop.service + ".1" for pop in self.first()]
        self.prober = stack.enter_context(self.far.popen(
            sys.executable, SUPPORT + "/prober.py", USERS, PERIOD_MS, *services, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=die_with_parent))
        stack.callback(self.prober.kill)
        for pop in self.pops:
            stack.callback(pop.kill_origin)

    def start_router(self):
        peers = "".join(f"""
protocol bgp p{i} from pop {{ local {pop.net}.1 as 65101; neighbor {pop.net}.2 as 64500; }}
""" for i, pop in enumerate(self.pops))
        path = os.path.join(self.directory, "router.conf")
        with open(path, "w", encoding="ascii") as out:
            out.write("""
log stderr all; router id 10.7.0.1;
protocol device { scan time 10; }
protocol kernel { scan time 60; ipv4 { import none; export where source = RTS_BGP; }; }
template bgp pop {
	connect retry time 1; connect delay time 0; error wait time 1, 1;
	ipv4 { import all; export none; };
}
""" + peers)
        self.stack.enter_context(Daemon(["bird", "-f", "-c", path, "-s", self.directory + "/router"],
                                        netns=self.router, name="router"))

    def first(self):
        return [pop for pop in self.pops if pop.which == 0]

    def dump(self):
        self.prober.stdin.write("dump\n")
        self.prober.stdin.flush()
        return json.loads(self.prober.stdout.readline())

    def all_at(self, which):
        """All users of all kinds are answered by their PoP of this number, and by no other."""
        answers = self.dump()["answers"]
        return all({user for user, _, _ in answers[pop.service + ".1"]} == set(range(USERS)) and
                   {who for _, _, who in answers[pop.service + ".1"]} == {f"{pop.kind}-{which}"}
                   for pop in self.first())


def last_moved(answers, pop, died):
    """The first question of the last user that the other PoP answered."""
    other = f"{pop.kind}-1"
    first = {}
    for user, sent, who in sorted(answers, key=lambda a: a[1]):
        if sent >= died and who == other:
            first.setdefault(user, sent)
    assert len(first) == USERS, f"{pop.kind}: {len(first)} users have moved"
    return max(first.values())


def trial(bench):
    """({kind: (ms from the verdict, ms from the death)}, whether the prober was in time)"""
    wait_until(lambda: bench.all_at(0), 60, "everybody at the first PoPs", 0.5)
    pause = random.random() * INTERVAL_S
    with contextlib.suppress(subprocess.TimeoutExpired):
        bench.prober.wait(pause)  # so that deaths come anywhere between two checks
    bench.dump()
    died = time.monotonic_ns()
    for pop in bench.first():
        pop.origin.kill()
    answers, late = {pop.kind: [] for pop in bench.first()}, 0

    def moved():
        nonlocal late
        told = bench.dump()
        late = max(late, told["late_ns"])
        for pop in bench.first():
            answers[pop.kind] += told["answers"][pop.service + ".1"]
        return all(len({user for user, sent, who in answers[pop.kind]
                        if who == f"{pop.kind}-1" and sent >= died}) == USERS
                   for pop in bench.first())

    wait_until(moved, 60, "everybody elsewhere", 0.2)
    result = {}
    for pop in bench.first():
        last = last_moved(answers[pop.kind], pop, died)
        result[pop.kind] = (last - pop.verdict()) / 1e6, (last - died) / 1e6
        pop.origin.wait()
        pop.start_origin()
    return result, late < LATE_NS


def main():
    with contextlib.ExitStack() as stack:
        bench = Bench(stack)
        trials = [trial(bench) for _ in range(TRIALS)]
    good = [result for result, in_time in trials if in_time]
    invalid, noise = len(trials) - len(good), 2 * len(good) < len(trials)
    good = good or [result for result, _ in trials]
    ours = [quantile([t["catchment-lb"][i] for t in good], 0.5) for i in range(2)]
    what = f"check every {INTERVAL_S:g} s, fall {FALL}, {TRIALS} trials"
    for i, since in enumerate(("verdict", "death of the origin")):
        for kind in KINDS:
            ms = [t[kind][i] for t in good]
            limit, good_enough = "", None
            if kind != "catchment-lb":
                limit, good_enough = f"> {ours[i]:.0f} ms", quantile(ms, 0.5) > ours[i]
            row(f"{since} to last user moved, {kind}: p50, p95",
                f"{quantile(ms, 0.5):.0f} ms, {quantile(ms, 0.95):.0f} ms", limit, good_enough,
                noise)
    row(f"the same: {what}, a question every {PERIOD_MS} ms of {USERS} users",
        f"noise: {invalid} of {TRIALS}", "", None)


if __name__ == "__main__":
    main()
