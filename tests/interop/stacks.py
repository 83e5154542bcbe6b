# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's BGP stacks behind one face: configured, started, asked and ended alike.

Each is the upstream of tests/support/lb_lab.py at t1: AS 65101, 10.1.1.2 and 2001:db8:f001:1::2
on a wire to catchment-lb at 10.1.1.3, AS 64500. All are their own processes with sockets and
files in the lab's directory; no service of the machine is touched.
"""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
import lb_lab  # noqa: E402
import support  # noqa: E402

ADDRESS, LB = "10.1.1.2", "10.1.1.3"
ADDRESS6, LB6 = "2001:db8:f001:1::2", "2001:db8:f001:1::3"


class Route:
    """What a stack holds of a prefix."""

    def __init__(self, as_path, med, communities, large, next_hop, local_pref=None):
        self.as_path, self.med, self.next_hop = list(as_path), med, next_hop
        self.local_pref = local_pref
        self.communities, self.large = set(communities), set(large)

    def __repr__(self):
        return str(vars(self))


class Options:
    """How the peer is set up; a stack that cannot do one says so in lacks."""

    def __init__(self, **changes):
        self.passive, self.hold_time, self.key = False, 9, None
        self.ttl_security, self.two_octet, self.role = False, False, None
        self.asn = 65101  # 64500: of the lb's AS
        self.restart = False  # graceful, both ways
        self.over_ipv6 = False  # the session, and IPv4 routes by IPv6 next hops
        self.unnumbered = False  # the same over link-local addresses, which nobody is told
        self.__dict__.update(changes)


class Stack:
    name = None
    lacks = {}  # feature: why
    signs_when = (True, False)  # passive, dialling: both with TCP-MD5
    near_when = (True, False)  # and with TTL security
    families = 2  # of default routes that it announces with a next hop
    says = "planned work"  # what a shutdown of its own tells us
    dies_silently = True  # when it is killed
    sessions_lost = 0  # at most, where two connections come to it at once

    def __init__(self, lab, options):
        self.lab, self.ns, self.options = lab, lab.t1, options
        self.directory = os.path.join(lab.directory, self.name.lower())
        os.makedirs(self.directory, exist_ok=True)
        self.processes = []
        self.here, self.there = (ADDRESS6, LB6) if options.over_ipv6 else (ADDRESS, LB)
        if options.unnumbered:
            self.here = self.there = "lb"  # the interface at its end

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="ascii") as out:
            out.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def run(self, *argv, env=None):
        """Output of one of the stack's own tools, in its namespace; '' when it fails."""
        done = subprocess.run(self.ns.command(*argv), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, timeout=20,
                              env={**os.environ, **(env or {})})
        return done.stdout

    def spawn(self, *argv, env=None):
        process = support.Daemon(list(argv), netns=self.ns, name=self.name, env=env,
                                 cwd=self.directory)
        process.__enter__()
        self.processes.append(process)
        return process

    def log(self):
        return "".join(process.log() for process in self.processes)

    def signal(self, number):
        """To each of its processes and those that they have started."""
        for process in self.processes:
            os.killpg(process.pid, number)

    def kill(self):
        """Without a word."""
        for process in reversed(self.processes):
            process.kill()
        self.processes = []

    close = kill

    def has(self, prefix):
        return self.route(prefix) is not None


# The other end must hear of us to dial.
RADV = 'protocol radv { interface "lb" { min ra interval 3; max ra interval 4; default lifetime 0; }; }'


class Bird(Stack):
    name = "BIRD"

    @staticmethod
    def version():
        return subprocess.run(["bird", "--version"], stderr=subprocess.PIPE, text=True,
                              check=False).stderr.split()[-1]

    def start(self):
        o = self.options
        conf = self.write("bird.conf", """
log stderr all;
router id %s;
protocol device { scan time 1; }
protocol static { ipv4; route 0.0.0.0/0 unreachable; }
protocol static { ipv6; route ::/0 unreachable; }
%s
protocol bgp lb {
	%s
	%s check link no; hold time %d; error wait time 1, 2; connect retry time 1; connect delay time 0;
	%s
	ipv4 { %s import all; export where net = 0.0.0.0/0; next hop self; };
	ipv6 { import all; export where net = ::/0; next hop %s; };
}
""" % (ADDRESS, RADV if o.unnumbered else "",
       'local as %d; neighbor range fe80::/10 external; interface "lb";' % o.asn if o.unnumbered
       else "local %s as %d; neighbor %s as 64500;" % (self.here, o.asn, self.there),
       "direct;" if o.asn == 64500 else "", o.hold_time, " ".join(
            (["passive;"] if o.passive else []) +
            (['password "%s";' % o.key] if o.key else []) +
            (["ttl security on;"] if o.ttl_security else []) +
            (["enable as4 off;"] if o.two_octet else []) +
            (["local role %s;" % o.role.replace("-", "_")] if o.role else []) +
            (["graceful restart on; graceful restart time 30;"] if o.restart else [])),
       "extended next hop on;" if o.over_ipv6 or o.unnumbered else "",
       "self" if o.unnumbered else "address " + ADDRESS6))
        self.spawn("bird", "-f", "-c", conf, "-s", self.path("ctl"))

    def ask(self, *words):
        return self.run("birdc", "-s", self.path("ctl"), *words)

    def established(self):
        return "Established" in self.ask("show", "protocols", "all",
                                         "dynbgp1" if self.options.unnumbered else "lb")

    def route(self, prefix):
        text = self.ask("show", "route", prefix, "all")
        if "BGP.as_path" not in text:
            return None
        found = dict(re.findall(r"BGP\.(\w+): (.*)", text))
        return Route(map(int, found["as_path"].split()), int(found.get("med", -1)),
                     [c.replace(",", ":") for c in re.findall(r"\((\d+,\d+)\)",
                                                              found.get("community", ""))],
                     [c.replace(", ", ":") for c in re.findall(r"\((\d+, \d+, \d+)\)",
                                                               found.get("large_community", ""))],
                     found["next_hop"].replace(":: ", "").split()[0],
                     int(found.get("local_pref", -1)))

    def refresh(self):
        self.ask("reload", "in", "lb")

    def shut_down(self, text):
        self.ask("disable", "lb", '"%s"' % text)

    def start_again(self):
        self.ask("enable", "lb")


class Frr(Stack):
    name = "FRR"
    lacks = {"2-octet peer": "it cannot leave that capability out alone"}
    # Having moved the connection that won to its place, it obeys the stop meant for the one there.
    sessions_lost = 1

    @staticmethod
    def version():
        return subprocess.run(["/usr/lib/frr/bgpd", "--version"], stdout=subprocess.PIPE,
                              text=True, check=False).stdout.split()[2]

    def start(self):
        o, there = self.options, self.there
        os.makedirs(self.path("vty"), exist_ok=True)
        os.chmod(self.lab.directory, 0o711)
        for path in (self.directory, self.path("vty")):
            shutil.chown(path, "frr", "frr")
        session = (["passive"] if o.passive else []) + \
            (["password %s" % o.key] if o.key else []) + \
            (["ttl-security hops 1"] if o.ttl_security else []) + \
            (["local-role %s" % o.role] if o.role else []) + \
            (["capability extended-nexthop"] if o.over_ipv6 else [])
        conf = self.write("frr.conf", """
log stdout
debug bgp neighbor-events
router bgp %d
 bgp router-id %s
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 bgp graceful-restart%s
 neighbor %s
 neighbor %s timers %d %d
 neighbor %s timers connect 1
 neighbor %s advertisement-interval 0
%s
 address-family ipv4 unicast
  neighbor %s activate
  neighbor %s default-originate
 exit-address-family
 address-family ipv6 unicast
  neighbor %s activate
  neighbor %s default-originate
%s
 exit-address-family
!
route-map hop6 permit 10
 set ipv6 next-hop global %s
!
""" % (o.asn, ADDRESS, "" if o.restart else "-disable", there + (" interface remote-as external" if o.unnumbered else
                                " remote-as 64500"), there, o.hold_time // 3, o.hold_time, there, there,
       "\n".join(" neighbor %s %s" % (there, line) for line in session),
       there, there, there, there,
       "" if o.unnumbered else " neighbor %s route-map hop6 out" % there, ADDRESS6))
        common = ["--vty_socket", self.path("vty"), "-z", self.path("zserv"), "-u", "frr", "-g",
                  "frr"]
        self.spawn("/usr/lib/frr/zebra", "-f", "/dev/null", "-i", self.path("zebra.pid"), *common)
        support.wait_until(lambda: os.path.exists(self.path("zserv")), 10, "zebra")
        self.spawn("/usr/lib/frr/bgpd", "-f", conf, "-i", self.path("bgpd.pid"), "-n",
                   *([] if o.unnumbered else ["-l", self.here]), "--log", "stdout", *common)
        support.wait_until(lambda: "not running" not in self.ask("show version") and
                           "FRRouting" in self.ask("show version"), 10, "bgpd")

    def ask(self, *commands):
        words = [word for command in commands for word in ("-c", command)]
        return self.run("vtysh", "--vty_socket", self.path("vty"), "-d", "bgpd", *words)

    def ask_json(self, command):
        try:
            return json.loads(self.ask(command))
        except ValueError:
            return {}

    def established(self):
        return self.ask_json("show bgp neighbors %s json" % self.there).get(self.there, {}).get(
            "bgpState") == "Established"

    def route(self, prefix):
        family = "ipv6" if ":" in prefix else "ipv4"
        paths = self.ask_json("show bgp %s unicast %s json" % (family, prefix)).get("paths")
        if not paths:
            return None
        path = paths[0]
        return Route(map(int, path["aspath"]["string"].replace("Local", "").split()), path.get("metric", -1),
                     path.get("community", {}).get("string", "").replace(
                         "graceful-shutdown", "65535:0").split(),
                     path.get("largeCommunity", {}).get("string", "").split(),
                     path["nexthops"][0]["ip"], path.get("locPrf"))

    def refresh(self):
        self.ask("clear bgp ipv4 unicast %s soft in" % self.there)
        self.ask("clear bgp ipv6 unicast %s soft in" % self.there)

    def shut_down(self, text):
        self.ask("configure terminal", "router bgp %d" % self.options.asn,
                 "neighbor %s shutdown message %s" % (self.there, text))

    def start_again(self):
        self.ask("configure terminal", "router bgp %d" % self.options.asn, "no neighbor %s shutdown" % self.there)

    def log(self):
        return super().log() + self.ask("show bgp neighbors %s" % self.there)


class GoBgp(Stack):
    name = "GoBGP"
    says = ""  # its command takes a text and does not send it
    lacks = {"hold time 0": "it gives its writes the hold time, so that all time out",
             "2-octet peer": "it cannot leave the capability out",
             "peer asks for a refresh": "it keeps what it has heard and never asks",
             "roles": "it has none"}

    @staticmethod
    def version():
        return subprocess.run(["gobgpd", "--version"], stdout=subprocess.PIPE, text=True,
                              check=False).stdout.split()[-1]

    def find_neighbour(self):
        """Unnumbered it looks once, at its start, into the kernel's table; a ping gets us in there."""
        def found():
            self.run("ping", "-6", "-c", "1", "-W", "1", "ff02::1%lb")
            return "fe80:" in self.ns.run("ip", "-6", "neighbor", "show", "dev", "lb")
        support.wait_until(found, 10, "a neighbour")

    def start(self):
        o = self.options
        if o.unnumbered:
            self.find_neighbour()
        conf = self.write("gobgpd.toml", """
[global.config]
  as = %d
  router-id = "%s"
  local-address-list = ["%s"]
[[neighbors]]
  [neighbors.config]
    %s
    %s
  [neighbors.transport.config]
    passive-mode = %s
    %s
  [neighbors.timers.config]
    hold-time = %d
    keepalive-interval = %d
    connect-retry = 1
    idle-hold-time-after-reset = 1
  [neighbors.graceful-restart.config]
    enabled = %s
    restart-time = 30
  [neighbors.ttl-security.config]
    enabled = %s
    ttl-min = 255
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = %s
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = %s
""" % (o.asn, ADDRESS, "::" if o.unnumbered else self.here,
       'neighbor-interface = "lb"' if o.unnumbered else
       'neighbor-address = "%s"\n    peer-as = 64500' % self.there,
       'auth-password = "%s"' % o.key if o.key else "", str(o.passive).lower(),
       "" if o.unnumbered else 'local-address = "%s"' % self.here, o.hold_time, o.hold_time // 3,
       str(o.restart).lower(), str(o.ttl_security).lower(), str(o.restart).lower(),
       str(o.restart).lower()))
        self.spawn("gobgpd", "-f", conf, "-l", "debug", "-p", "--api-hosts", "127.0.0.1:50051",
                   "--pprof-disable")
        support.wait_until(lambda: str(o.asn) in self.ask("global"), 10, "gobgpd")
        here4, here6 = ("0.0.0.0", "::") if o.unnumbered else (self.here, ADDRESS6)
        self.ask("global", "rib", "add", "0.0.0.0/0", "nexthop", here4)
        self.ask("global", "rib", "add", "::/0", "nexthop", here6, "-a", "ipv6")

    def ask(self, *words):
        return self.run("gobgp", *words)

    def established(self):
        return "BGP_FSM_ESTABLISHED" in self.ask("neighbor", self.there) or \
            "state = ESTABLISHED" in self.ask("neighbor", self.there) or \
            "ESTABLISHED" in self.ask("neighbor", self.there).upper().split("BGP STATE =")[-1][:20]

    def route(self, prefix):
        family = "ipv6" if ":" in prefix else "ipv4"
        try:
            paths = json.loads(self.ask("-j", "global", "rib", "-a", family, prefix))
        except ValueError:
            return None
        if isinstance(paths, dict):
            paths = next(iter(paths.values()), None)
        if not paths:
            return None
        attrs = {a["type"]: a for a in paths[0]["attrs"]}
        return Route([asn for segment in attrs[2].get("as_paths", [])
                      for asn in segment["asns"]], attrs.get(4, {}).get("metric", -1),
                     ["%d:%d" % (c >> 16, c & 0xffff)
                      for c in attrs.get(8, {}).get("communities", [])],
                     ["%d:%d:%d" % (c["ASN"], c["LocalData1"], c["LocalData2"])
                      for c in attrs.get(32, {}).get("value", [])],
                     attrs[3]["nexthop"] if 3 in attrs else attrs[14]["nexthop"],
                     attrs.get(5, {}).get("value"))

    def refresh(self):
        self.ask("neighbor", self.there, "softresetin", "-a", "ipv4")
        self.ask("neighbor", self.there, "softresetin", "-a", "ipv6")

    def shut_down(self, text):
        self.ask("neighbor", self.there, "disable", "--reason", text)

    def start_again(self):
        self.ask("neighbor", self.there, "enable")


class OpenBgpd(Stack):
    name = "OpenBGPD"
    lacks = {"hold time 0": "its configuration begins at 3",
             "extended next hop": "it does not have RFC 8950",
             "unnumbered": "it does not have RFC 8950"}
    families = 1  # over IPv4 its next hop of IPv6 is ::1
    signs_when = (False,)  # on Linux it sets no key on its listening socket
    dies_silently = False  # its other processes outlive the one that is killed, and say Cease

    @staticmethod
    def version():
        return subprocess.run(["bgpd", "-V"], stderr=subprocess.STDOUT, stdout=subprocess.PIPE,
                              text=True, check=False).stdout.split()[-1]

    def start(self):
        o = self.options
        session = (["passive"] if o.passive else []) + \
            (['tcp md5sig password "%s"' % o.key] if o.key else []) + \
            (["ttl-security yes"] if o.ttl_security else []) + \
            (["announce as-4byte no"] if o.two_octet else []) + \
            (["announce policy %s" % o.role] if o.role else [])
        conf = self.write("bgpd.conf", """
AS %d
router-id %s
listen on %s
socket "%s"
holdtime %d
fib-update no
nexthop qualify via default
network 0.0.0.0/0
network ::/0
neighbor %s {
	remote-as 64500
	local-address %s
	local-address %s
	announce IPv4 unicast
	announce IPv6 unicast
	announce restart %s
	announce enhanced refresh yes
	enforce neighbor-as %s
	export default-route
	%s
}
allow from any
allow to any
""" % (o.asn, ADDRESS, ADDRESS, self.path("ctl"), o.hold_time, LB, ADDRESS, ADDRESS6,
       "yes" if o.restart else "no", "no" if o.asn == 64500 else "yes", "\n\t".join(session)), 0o600)
        # Its processes chroot to a directory that only its service makes: one of our own over /run.
        self.spawn("unshare", "--mount", "sh", "-c",
                   "mount -t tmpfs none /run && mkdir /run/openbgpd && exec bgpd -d -v -f " + conf)

    def ask(self, *words):
        return self.run("bgpctl", "-s", self.path("ctl"), *words)

    def ask_json(self, *words):
        try:
            return json.loads(self.ask("-j", *words))
        except ValueError:
            return {}

    def established(self):
        return "BGP state = Established" in self.ask("show", "neighbor", LB)

    def route(self, prefix):
        rib = self.ask_json("show", "rib", "in", "detail", prefix).get("rib")
        if not rib:
            return None
        entry = rib[0]
        return Route(map(int, entry["aspath"].split()), entry.get("metric", -1),
                     [{"GRACEFUL_SHUTDOWN": "65535:0"}.get(c, c)
                      for a in entry.get("attributes", []) for c in a.get("communities", [])] +
                     [{"GRACEFUL_SHUTDOWN": "65535:0"}.get(c, c)
                      for c in entry.get("communities", [])],
                     entry.get("large_communities", []) + [
                         c for a in entry.get("attributes", [])
                         for c in a.get("large_communities", [])],
                     entry["exit_nexthop"], entry.get("localpref"))

    def refresh(self):
        self.ask("neighbor", LB, "refresh")

    def shut_down(self, text):
        self.ask("neighbor", LB, "down", text)

    def start_again(self):
        self.ask("neighbor", LB, "up")

    def log(self):
        return super().log() + self.ask("show", "neighbor", LB)


class ExaBgp(Stack):
    name = "ExaBGP"
    says = ""
    near_when = (False,)  # listening it answers a SYN with the TTL of the machine
    lacks = {"shutdown text from us": "it neither logs nor passes on the text",
             "collision": "it either dials or listens, never both",
             "roles": "it has none",
             "unnumbered": "it must be told the address",
             "graceful restart": "it keeps no routes"}

    @staticmethod
    def version():
        text = subprocess.run(["exabgp", "--version"], stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.STDOUT, check=False).stdout
        return re.search(r"ExaBGP : (\S+)", text).group(1)

    def start(self):
        o = self.options
        for fifo in ("exabgp.in", "exabgp.out"):
            if not os.path.exists(self.path(fifo)):
                os.mkfifo(self.path(fifo))
                os.chmod(self.path(fifo), 0o600)
        self.write("told", "")
        self.write("asked", "")
        helper = os.path.join(os.path.dirname(os.path.abspath(__file__)), "exabgp_api.py")
        conf = self.write("exabgp.conf", """
process told {
	run %s %s %s %s;
	encoder json;
}
neighbor %s {
	router-id %s;
	local-address %s;
	local-as %d;
	peer-as 64500;
	hold-time %d;
	%s
	capability { graceful-restart disable; route-refresh enable; asn4 %s; %s }
	family { ipv4 unicast; ipv6 unicast; }
	%s
	api { processes [ told ]; neighbor-changes; receive { parsed; update; open; refresh; } }
	static {
		route 0.0.0.0/0 next-hop %s;
		route ::/0 next-hop %s;
	}
}
""" % (sys.executable, helper, self.path("told"), self.path("asked"), self.there, ADDRESS, self.here, o.asn,
       o.hold_time, " ".join(
            (["passive;"] if o.passive else []) +
            (['md5-password "%s";' % o.key] if o.key else []) +
            (["outgoing-ttl 255; incoming-ttl 255;"] if o.ttl_security else [])),
            "disable" if o.two_octet else "enable",
       "nexthop enable;" if o.over_ipv6 else "",
       "nexthop { ipv4 unicast ipv6; }" if o.over_ipv6 else "", self.here, ADDRESS6))
        env = {"exabgp.daemon.user": "root", "exabgp.log.destination": "stdout",
               "exabgp.log.level": "DEBUG", "exabgp.api.cli": "false",
               "exabgp.daemon.drop": "false"}
        if o.passive:
            env.update({"exabgp.tcp.bind": self.here, "exabgp.tcp.port": "179"})
        self.spawn("exabgp", conf, env=env)

    def told(self):
        """The messages that it has passed on, as far as they are whole lines."""
        with open(self.path("told"), encoding="utf-8", errors="replace") as file:
            for line in file.read().split("\n")[:-1]:
                try:
                    yield json.loads(line)
                except ValueError:
                    continue

    def established(self):
        state = None
        for message in self.told():
            if message["type"] == "state":
                state = message["neighbor"]["state"]
        return state == "up"

    def route(self, prefix):
        found = None
        for message in self.told():
            if message["type"] == "state" and message["neighbor"]["state"] == "down":
                found = None
            if message["type"] != "update":
                continue
            update = message["neighbor"]["message"].get("update", {})
            for hops in update.get("announce", {}).values():
                for hop, routes in hops.items():
                    if any(r.get("nlri") == prefix for r in routes if isinstance(r, dict)):
                        found = (update["attribute"], hop)
            for routes in update.get("withdraw", {}).values():
                if any(r.get("nlri") == prefix for r in routes if isinstance(r, dict)):
                    found = None
        if not found:
            return None
        attribute, hop = found
        path = attribute.get("as-path", {})
        path = path.get("0", {"value": []})["value"] if isinstance(path, dict) else path
        return Route(path, attribute.get("med", -1),
                     ["%d:%d" % tuple(c) for c in attribute.get("community", [])],
                     ["%d:%d:%d" % tuple(c) for c in attribute.get("large-community", [])], hop,
                     attribute.get("local-preference"))

    def ask(self, command):
        with open(self.path("asked"), "a", encoding="ascii") as file:
            file.write(command + "\n")

    def refresh(self):
        self.ask("neighbor %s announce route-refresh ipv4 unicast" % self.there)
        self.ask("neighbor %s announce route-refresh ipv6 unicast" % self.there)

    def shut_down(self, text):
        self.ask("neighbor %s teardown 2" % self.there)

    def start_again(self):
        """It comes back by itself."""

    def log(self):
        with open(self.path("told"), encoding="utf-8", errors="replace") as file:
            return super().log() + file.read()


STACKS = [Bird, Frr, GoBgp, OpenBgpd, ExaBgp]
