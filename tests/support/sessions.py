# SPDX-License-Identifier: GPL-3.0-or-later
"""PoPs that share VIPs, an internet between them, and users with long connections.

    users, attackers -- hub (BIRD) -- wires with a delay -- fra, ams, nyc (catchment-lb each)

Each is a namespace. The hub prefers fra, then ams, then nyc, honours graceful-shutdown, and finds
by BFD that one is dead. Of two VIPs one goes with continuity and one without, through the same
faults at the same time.
"""
import contextlib
import json
import os
import subprocess
import tempfile
import time

from . import lb_lab
from .daemon import Daemon
from .netns import Netns, die_with_parent
from .wait import Patience, wait_until

TOOLS = os.path.join(os.path.dirname(os.path.dirname(lb_lab.LB)), "tools")
NAMES = ("fra", "ams", "nyc")
ONE_WAY_MS = {"fra": 5, "ams": 8, "nyc": 20}  # to the hub
# Of the wires. In full 90 000 packets a second go over them, and twice that when sessions have
# moved: what is handed over takes three of them.
QUANTUM_US = 250
# Packets in an interface's queue: 2000 users are reset at once, and a wire may be a turn late.
QUEUE = 10000
VIP, PLAIN = "198.18.0.1", "198.18.1.1"
PORT = 7300
RESET_AFTER_MS = 1000
# A PoP that comes back shall know the others before it gets their users: they hear of each other
# by the route to its identity, which is announced meanwhile.
MIN_UP_MS = 2000
# By VIP: where its users are. One address in each /24.
NETWORKS = {VIP: "100.64.0.9", PLAIN: "100.65.0.9"}
SOURCES = 200
SPOOFED = "100.96.0.0"  # /12: nobody there


def round_trip_ms(a, b):
    return 2 * (ONE_WAY_MS[a] + ONE_WAY_MS[b])


class Tool:
    """A program of tests/tools that is told a line and answers with one."""

    def __init__(self, name, *words, netns=None, gives_way=False):
        """gives_way: to the daemons, which would have a machine to themselves but for the bench."""
        argv = [os.path.join(TOOLS, name), *map(str, words)]
        if gives_way:
            argv = ["nice", "-n", "10", *argv]
        self.process = subprocess.Popen(netns.command(*argv) if netns else argv, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        preexec_fn=die_with_parent)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"{self.process.args} has ended")
        return line.strip()

    def ask(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        return self.line()


class Pop:
    """A lab to lb_lab.Daemon."""

    def __init__(self, rig, number):
        self.number, self.name = number, NAMES[number]
        self.near, self.far = f"192.0.2.{4 * number + 1}", f"192.0.2.{4 * number + 2}"
        self.identity = f"10.200.{number + 1}.1"
        self.lb = rig.stack.enter_context(Netns())
        self.directory = os.path.join(rig.directory, self.name)
        os.mkdir(self.directory)
        self.socket = os.path.join(self.directory, "lb.sock")
        self.key = os.path.join(self.directory, "key")
        self.public_key = subprocess.run([lb_lab.LB, "--mesh-key", self.key], text=True, check=True,
                                         stdout=subprocess.PIPE).stdout.strip()
        self.daemon = self.server = self.attacker = None

    def configuration(self, others):
        return {
            "version": 1, "pop": self.name, "asn": 64500, "router_id": self.identity,
            "api": {"listen": "unix:" + self.socket},
            "identity": {"prefixes": [f"10.200.{self.number + 1}.0/24"],
                         "addresses": [self.identity]},
            "checks": {"tcp": {"type": "tcp", "port": PORT, "interval_ms": 200}},
            "origins": [{"name": "local", "address": "127.0.0.1", "check": "tcp"}],
            "vips": [{"name": name, "prefixes": [vip[:-1] + "0/24"], "addresses": [vip],
                      "continuity": name == "any", "linger_ms": 1000, "min_up_ms": MIN_UP_MS,
                      "origins": ["local"]}
                     for name, vip in (("any", VIP), ("plain", PLAIN))],
            "bgp": {"hold_time": 9, "connect_retry": 1, "peers": [
                {"name": "hub", "address": self.far, "local_address": self.near, "asn": 65100,
                 "default_route": True, "bfd": {"interval_ms": 100, "multiplier": 3}}]},
            "mesh": {"key_file": self.key, "reset_after_ms": RESET_AFTER_MS, "pops": [
                {"name": pop.name, "address": pop.identity, "public_key": pop.public_key}
                for pop in others]},
            "dataplane": {"type": "local", "continuity": {"interfaces": [
                {"name": "w0"}, *([{"name": "a0"}] if self.attacker else [])]}},
        }

    def start(self, others):
        self.server = Tool("session_serve", PORT, "127.0.0.1", VIP, PLAIN, netns=self.lb,
                           gives_way=True)
        assert self.server.line() == "ready"
        self.daemon = lb_lab.Daemon(self, self.configuration(others), ())
        assert self.daemon.get("/v1/status")[1].get("continuity"), self.daemon.log()

    def is_ready(self):
        mesh = self.daemon.get("/v1/mesh")[1]["pops"]
        return (all(self.daemon.vip(name)["state"] == "up" for name in ("any", "plain")) and
                all(pop["state"] == "live" for pop in mesh))

    def kill(self):
        """As a loss of power: nobody says good-bye, if nothing can leave by then."""
        if self.server:
            self.server.__exit__()
            self.server = None
        if self.daemon:
            self.daemon.kill()
            self.daemon = None

    def request(self, method, path, body=None):
        """(status, answer)"""
        text = json.dumps(body).encode() if body is not None else b""
        with self.daemon.connect() as sock:
            sock.sendall(b"%s %s HTTP/1.1\r\nHost: lb\r\nConnection: close\r\n"
                         b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                         % (method.encode(), path.encode(), len(text), text))
            answer = b""
            while more := sock.recv(65536):
                answer += more
        head, _, rest = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(rest) if rest else None


class Hub:
    """The internet: a BIRD, whose preferences are the policy that sends users to a PoP."""

    CONFIG = """
log stderr all;
router id 192.0.2.2;
protocol device { scan time 1; }
protocol kernel { ipv4 { export all; import none; }; }
protocol static { ipv4; route 0.0.0.0/0 unreachable; }
protocol bfd { interface "h*" { interval 100 ms; multiplier 3; }; }
"""
    PEER = """
protocol bgp %(name)s {
	bfd on;
	local %(far)s as 65100;
	neighbor %(near)s as 64500;
	check link no; hold time 9; connect retry time 1; connect delay time 0; error wait time 1, 2;
	ipv4 {
		import filter {
			bgp_local_pref = %(preference)d;
			if (65535, 0) ~ bgp_community then bgp_local_pref = 0;
			accept;
		};
		export where net = 0.0.0.0/0;
		next hop self;
	};
}
"""

    def __init__(self, rig):
        self.rig = rig
        self.control = os.path.join(rig.directory, "hub.ctl")
        self.config = os.path.join(rig.directory, "hub.conf")
        self.write(NAMES)
        self.daemon = rig.stack.enter_context(
            Daemon(["bird", "-f", "-c", self.config, "-s", self.control], netns=rig.hub,
                   name="hub"))

    def write(self, order):
        with open(self.config, "w", encoding="ascii") as out:
            out.write(self.CONFIG)
            for pop in self.rig.pops:
                out.write(self.PEER % {"name": pop.name, "far": pop.far, "near": pop.near,
                                       "preference": 200 - order.index(pop.name)})

    def prefer(self, *order):
        """Another policy: users of all VIPs go to the first of these that announces them."""
        self.write(order)
        subprocess.run(["birdc", "-s", self.control, "configure"], check=True,
                       stdout=subprocess.DEVNULL)

    def pop_of(self, vip):
        """By the kernel: what packets follow."""
        words = self.rig.hub.run("ip", "route", "get", vip, check=False).split()
        via = words[words.index("via") + 1] if "via" in words else None
        return next((pop.name for pop in self.rig.pops if pop.near == via), None)


class Rig:
    """With `sessions` connections to the VIP with continuity, and `plain` to the other one."""

    def __init__(self, sessions, plain, bulk):
        self.sizes = {VIP: (sessions, bulk), PLAIN: (plain, 0)}
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.stack = stack
            self.build()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self.stack.__exit__(*error)

    def build(self):
        self.directory = self.stack.enter_context(
            tempfile.TemporaryDirectory(prefix="continuity-"))
        self.hub = self.stack.enter_context(Netns())
        self.pops = [Pop(self, i) for i in range(len(NAMES))]
        wires = []
        for pop in self.pops:
            wires += [self.hub.pid, "h" + pop.name, pop.lb.pid, "w0", 1000 * ONE_WAY_MS[pop.name]]
        self.wires = self.stack.enter_context(Tool("wires", QUANTUM_US, *wires))
        assert self.wires.line() == "ready"
        self.hub.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.hub.ip("route add local 100.64.0.0/15 dev lo")
        for pop in self.pops:
            self.wire(self.hub, "h" + pop.name, pop.far)
            self.wire(pop.lb, "w0", pop.near)
            self.stack.callback(pop.kill)
        self.attacker(self.pops[0], 0)
        self.attacker(self.pops[1], 1)
        for pop in self.pops:
            pop.start(self.others(pop))
        self.bird = Hub(self)
        self.stack.callback(self.drop_wires)
        for pop in self.pops:
            wait_until(pop.is_ready, 20, f"{pop.name} is up and knows the others")
        wait_until(lambda: {self.bird.pop_of(vip) for vip in NETWORKS} == {"fra"}, 20,
                   "users go to fra")
        self.load = {vip: self.stack.enter_context(
            Tool("session_load", vip, PORT, NETWORKS[vip], SOURCES, count, bulk, 100, 100,
                 netns=self.hub, gives_way=True)) for vip, (count, bulk) in self.sizes.items()}
        self.watch = {}
        for new in ("fra", "ams"):
            owner, = {"fra", "ams"} - {new}
            points = (self.hub.pid, "h" + new, "new", self.pop(owner).lb.pid, "w0", "owner",
                      self.hub.pid, "h" + new, "reset")
            self.watch[new] = self.stack.enter_context(Tool("flow_watch", VIP, PORT, *points))
            assert self.watch[new].line() == "ready"

    def drop_wires(self):
        """First, so that nobody says good-bye to anybody for long."""
        self.wires.__exit__()

    @staticmethod
    def wire(netns, name, address):
        netns.ip(f"link set {name} mtu 1500 txqueuelen {QUEUE}")
        netns.ip(f"addr add {address}/30 dev {name}")
        netns.ip(f"link set {name} up")

    def attacker(self, pop, number):
        """Beside the wires, which would be the limit: a link of its own into the PoP."""
        attacker = self.stack.enter_context(Netns())
        near, far = f"192.0.2.{129 + 4 * number}", f"192.0.2.{130 + 4 * number}"
        subprocess.run(["ip", "link", "add", "a0", "netns", str(attacker.pid), "type", "veth",
                        "peer", "name", "a0", "netns", str(pop.lb.pid)], check=True)
        self.wire(attacker, "a0", far)
        self.wire(pop.lb, "a0", near)
        attacker.ip(f"route add default via {near}")
        attacker.ip(f"route add blackhole {SPOOFED}/12")
        pop.lb.ip(f"route add {SPOOFED}/12 via {far}")
        pop.attacker = attacker

    def pop(self, name):
        return self.pops[NAMES.index(name)]

    def others(self, pop):
        return [other for other in self.pops if other is not pop]

    # What users do, and see.

    def open(self):
        """Everybody who is not connected connects; how many are then, by VIP."""
        for tool in self.load.values():
            tool.process.stdin.write("open\n")
            tool.process.stdin.flush()
        opened = {vip: int(tool.line()) for vip, tool in self.load.items()}
        for vip, count in opened.items():
            wanted = self.sizes[vip][0] + 100
            assert count == wanted, f"{count} of {wanted} sessions and probes at {vip} are open"

    def mark(self):
        for tool in (*self.load.values(), *self.watch.values()):
            assert tool.ask("mark") == "marked"

    def report(self):
        return {vip: json.loads(tool.ask("report")) for vip, tool in self.load.items()}

    def watched(self, new):
        """[(new, owner, reset)] in ns of connections that have come to the PoP `new`."""
        tool, found = self.watch[new], []
        line = tool.ask("report")
        while line != "end":
            found.append(tuple(map(int, line.split())))
            line = tool.line()
        return found

    def silent(self, seconds):
        """How many sessions with continuity are open and hear nothing, after at most so long."""
        patience = Patience(seconds)
        while True:
            self.mark()
            time.sleep(1)
            silences = self.report()[VIP]["silence_us"]
            count = sum(silence > 900000 for silence in silences)
            if count == 0 or patience.is_over():
                return count

    def late_ms(self):
        """p99, worst of the wires since the last time, and p99 of the wait to be read by them."""
        p99, worst, unread, _ = map(int, self.wires.ask("late").split())
        return p99 / 1e6, worst / 1e6, unread / 1e6

    # What happens to PoPs.

    def cut(self, name):
        """A loss of power."""
        self.wires.ask(f"sever {NAMES.index(name)}")
        self.pop(name).kill()

    def mend(self, name):
        self.wires.ask(f"join {NAMES.index(name)}")
        self.pop(name).start(self.others(self.pop(name)))

    def lead_to(self, name, seconds=20):
        wait_until(lambda: {self.bird.pop_of(vip) for vip in NETWORKS} == {name}, seconds,
                   f"users go to {name}", interval=0.1)

    def hand_overs_ms(self, new):
        """From the arrival at `new` to that at the owner, of all that came there."""
        return sorted((owner - first) / 1e6 - ONE_WAY_MS[new]
                      for first, owner, _ in self.watched(new) if owner)

    def resets_ms(self, new):
        """From the arrival at `new` of a connection's first packet until its reset leaves there."""
        return sorted((reset - first) / 1e6 - 2 * ONE_WAY_MS[new]
                      for first, _, reset in self.watched(new) if reset)
