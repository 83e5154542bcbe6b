# SPDX-License-Identifier: GPL-3.0-or-later
"""What is tried with each stack. A feature is a function of a Trial; it raises when it fails."""
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
import lb_lab  # noqa: E402
import support  # noqa: E402
from stacks import ADDRESS, ADDRESS6, LB, LB6, Options  # noqa: E402

PREFIX, PREFIX6 = "198.18.0.0/24", "2001:db8:1000::/48"
WAIT = 20
FEATURES = []


def feature(name):
    def register(function):
        FEATURES.append((name, function))
        return function
    return register


def wait(condition, what, seconds=WAIT):
    lb_lab.wait_until(condition, seconds, what)


class Trial:
    """A lab with one stack and one catchment-lb."""

    def __init__(self, kind):
        self.kind = kind
        self.lab = lb_lab.Lab(birds=False)
        self.stack, self.daemon = None, None

    def start_stack(self, **options):
        self.stack = self.kind(self.lab, Options(**options))
        self.stack.start()
        return self.stack

    def start_lb(self, peer=None, **bgp):
        conf = lb_lab.configuration(self.lab.socket)
        one = {"name": "t1", "asn": 65101, "families": ["ipv4", "ipv6"], "default_route": True,
               **(peer or {})}
        if "interface" not in one:
            one = {"address": ADDRESS, "local_address": LB, **one}
        conf["bgp"].update({"listen": [LB + ":179", "[::]:179"], "peers": [one], **bgp})
        conf["vips"][0]["policy"]["communities"].append("4200000000:1:2")
        self.daemon = self.lab.start(bgp=conf["bgp"], vips=conf["vips"])
        return self.daemon

    def both(self, stack=None, peer=None, **bgp):
        if peer and peer.get("passive"):  # whoever listens comes first
            self.start_lb(peer, **bgp)
            self.start_stack(**(stack or {}))
        else:
            self.start_stack(**(stack or {}))
            self.start_lb(peer, **bgp)
        self.wait_established()
        return self.stack, self.daemon

    def state(self):
        return self.daemon.peer("t1")

    def is_first(self):
        """The first session is there still."""
        state = self.state()
        return (state["state"], state["established"]) == ("Established", 1)

    def wait_established(self, seconds=WAIT):
        wait(lambda: self.state()["state"] == "Established", "established here", seconds)
        wait(self.stack.established, "established there", seconds)

    def wait_announced(self):
        wait(lambda: self.stack.has(PREFIX), PREFIX)
        wait(lambda: self.stack.has(PREFIX6), PREFIX6)

    def wait_last_down(self, text):
        wait(lambda: text in self.state()["last_down"] + self.state()["last_error_in"], text)

    def key(self, text):
        path = os.path.join(self.lab.directory, "key")
        with open(path, "w", encoding="ascii") as out:
            out.write(text + "\n")
        return path

    def close(self):
        try:
            if self.stack:
                self.stack.close()
        finally:
            self.lab.close()


@feature("we dial")
def we_dial(trial):
    trial.both({"passive": True})
    assert not trial.state()["incoming"]


@feature("peer dials")
def peer_dials(trial):
    trial.both(peer={"passive": True})
    assert trial.state()["incoming"]


@feature("announce, withdraw")
def announce(trial):
    stack, _ = trial.both()
    trial.wait_announced()
    trial.lab.origin.stop()
    wait(lambda: not stack.has(PREFIX) and not stack.has(PREFIX6), "withdrawn")
    assert stack.has("198.18.33.0/24"), "announced always"
    trial.lab.origin.start()
    trial.wait_announced()


@feature("attributes")
def attributes(trial):
    """Prepend, MED, communities small and large, next hops of both families."""
    stack, _ = trial.both()
    trial.wait_announced()
    for prefix, hop in ((PREFIX, LB), (PREFIX6, "2001:db8:f001:1::3")):
        route = stack.route(prefix)
        assert route.as_path == [64500, 64500], route
        assert route.med == 10, route
        assert "65101:100" in route.communities, route
        assert "4200000000:1:2" in route.large, route
        assert route.next_hop == hop, route


@feature("default route")
def default_route(trial):
    trial.both()
    wait(lambda: trial.lab.legs() == [ADDRESS], "IPv4 default")
    if trial.kind.families == 2:
        wait(lambda: trial.lab.legs("-6") == [ADDRESS6], "IPv6 default")
    trial.stack.kill()
    wait(lambda: not trial.lab.legs() and not trial.lab.legs("-6"), "gone with the session")


@feature("TCP-MD5")
def md5(trial):
    for passive in trial.kind.signs_when:
        trial.both({"key": "secret", "passive": passive},
                   {"md5_key_file": trial.key("secret"), "passive": not passive})
        trial.stack.kill()
        trial.daemon.stop()


@feature("TCP-MD5, wrong key")
def md5_wrong(trial):
    trial.start_stack(key="another")
    trial.start_lb({"md5_key_file": trial.key("secret")})
    wait(lambda: trial.state()["last_down"] == "connection attempt timed out", "silence")
    assert trial.state()["messages_in"]["open"] == 0


@feature("GTSM")
def gtsm(trial):
    for passive in trial.kind.near_when:
        trial.both({"ttl_security": True, "passive": passive},
                   {"ttl_security": True, "passive": not passive})
        trial.stack.kill()
        trial.daemon.stop()


@feature("shutdown text from us")
def shutdown_text(trial):
    _, daemon = trial.both(shutdown_text="moved to rack seven")
    daemon.stop()
    wait(lambda: "moved to rack seven" in trial.stack.log(), "our words")


@feature("shutdown by the peer")
def shutdown_by_peer(trial):
    """With its text where it can send one, and back again."""
    trial.both()
    trial.stack.shut_down("planned work")
    trial.wait_last_down("Cease/Administrative Shutdown (6/2)" + (": " if trial.kind.says else "") +
                         trial.kind.says)
    trial.stack.start_again()
    trial.wait_established(30)


@feature("peer asks for a refresh")
def refresh(trial):
    trial.both()
    trial.wait_announced()
    before = trial.state()["messages_out"]["update"]
    trial.stack.refresh()
    wait(lambda: trial.state()["messages_in"]["route_refresh"] >= 2, "both families")
    wait(lambda: trial.state()["messages_out"]["update"] >= before + 4, "everything again")
    trial.wait_announced()
    assert trial.state()["established"] == 1


@feature("graceful shutdown")
def graceful_shutdown(trial):
    _, daemon = trial.both(drain_ms=15000)
    trial.wait_announced()
    daemon.process.send_signal(signal.SIGTERM)
    wait(lambda: "65535:0" in trial.stack.route(PREFIX).communities, "the community", 10)
    daemon.process.send_signal(signal.SIGTERM)
    wait(lambda: not trial.stack.has(PREFIX), "withdrawn")


@feature("hold time 3")
def hold_time_3(trial):
    trial.both({"hold_time": 3}, hold_time=3)
    assert trial.state()["hold_time"] == 3
    # Longer than the hold time: keepalives must flow both ways.
    support.holds_for(4, lambda: trial.is_first() and trial.stack.established(), "one session",
                      interval=0.2)


@feature("hold time 0")
def hold_time_0(trial):
    trial.both({"hold_time": 0}, hold_time=0)
    assert (trial.state()["hold_time"], trial.state()["keepalive"]) == (0, 0)
    trial.wait_announced()
    assert trial.state()["messages_out"]["keepalive"] == 1, "but the one that answers OPEN"


@feature("2-octet peer")
def two_octet(trial):
    trial.both({"two_octet": True})
    assert not trial.state()["capabilities"]["four_octet_asn"]
    trial.wait_announced()
    assert trial.stack.route(PREFIX).as_path == [64500, 64500]


@feature("roles")
def roles(trial):
    trial.both({"role": "provider"}, {"role": "customer", "role_strict": True})
    assert trial.state()["capabilities"]["role"] == "provider"
    trial.wait_announced()


def stays(trial):
    """There is a session, and it is the same for a second: another connection would end it."""
    trial.wait_established()
    first, end = trial.state()["established"], time.monotonic() + 1
    while time.monotonic() < end:
        state = trial.state()
        if (state["state"], state["established"]) != ("Established", first):
            return False
        time.sleep(0.05)
    return trial.stack.established()


@feature("collision")
def collision(trial):
    """Both dial at once, five times: one session each time, and it stays.

    What the stack sends when it dials goes astray until it stands still; then we come up and have
    two connections, ours in its kernel's backlog and its own, before it can say a word on either.
    """
    astray = ["lladdr", "02:00:00:00:00:99", "nud", "permanent"]
    for _ in range(5):
        trial.lab.t1.run("ip", "neighbor", "replace", LB, "dev", "lb", *astray)
        trial.start_stack()
        wait(lambda: LB + ":179" in trial.lab.t1.run("ss", "-Htn", "state", "syn-sent"), "it dials")
        trial.stack.signal(signal.SIGSTOP)
        trial.lab.t1.run("ip", "neighbor", "del", LB, "dev", "lb")
        trial.start_lb(hold_time=3)
        wait(lambda: trial.state()["messages_out"]["open"] == 2, "an OPEN on each connection")
        assert trial.state()["state"] == "OpenSent", trial.state()
        trial.stack.signal(signal.SIGCONT)
        wait(lambda: stays(trial), "a session that stays")
        assert trial.state()["downs"] <= trial.kind.sessions_lost, trial.state()
        trial.stack.kill()
        trial.daemon.stop()


@feature("dies silently, returns")
def silent_death(trial):
    trial.both({"hold_time": 3}, hold_time=3)
    trial.wait_announced()
    trial.lab.t1.run("ip", "link", "set", "lb", "down")
    trial.wait_last_down("hold timer expired")
    trial.stack.kill()
    trial.lab.t1.run("ip", "link", "set", "lb", "up")
    trial.lab.t1.run("ip", "address", "replace", ADDRESS6 + "/64", "dev", "lb", "nodad")
    trial.start_stack(hold_time=3)
    trial.wait_established(30)
    trial.wait_announced()


@feature("well-formed")
def well_formed(trial):
    """tshark takes apart all that a short life sends, and finds nothing to complain about."""
    path = os.path.join(trial.lab.directory, "all.pcap")
    capture = support.Daemon(["tshark", "-q", "-i", "t1", "-f", "tcp port 179", "-w", path],
                             netns=trial.lab.lb, name="tshark")
    with capture:
        capture.wait_log("Capturing", 20)
        stack, daemon = trial.both({"role": None}, drain_ms=500)
        trial.wait_announced()
        if "peer asks for a refresh" not in trial.kind.lacks:
            stack.refresh()
            wait(lambda: trial.state()["messages_in"]["route_refresh"] >= 2, "refreshed")
        trial.lab.origin.stop()
        wait(lambda: not stack.has(PREFIX), "withdrawn")
        daemon.stop()
        time.sleep(1)  # what was written last reaches the file
        capture.signal(signal.SIGINT, 10)
    bad = trial.lab.lb.run(
        "tshark", "-r", path, "-Y",
        "bgp && ip.src == %s && (_ws.malformed || _ws.expert.severity >= 0x600000)" % LB)
    seen = trial.lab.lb.run("tshark", "-r", path, "-Y", "bgp.type == 2 && ip.src == " + LB,
                            "-T", "fields", "-e", "frame.number")
    lines = [line for line in bad.splitlines() if "root" not in line]
    assert not lines, lines
    assert sum(line.strip().isdigit() for line in seen.splitlines()) >= 2, seen


@feature("iBGP")
def internal(trial):
    """An empty path, LOCAL_PREF 100 and then 0, and a default route from within the AS."""
    stack, daemon = trial.both({"asn": 64500}, {"asn": 64500, "policy": {"prepend": 3}},
                               drain_ms=15000)
    trial.wait_announced()
    for prefix, hop in ((PREFIX, LB), (PREFIX6, "2001:db8:f001:1::3")):
        route = stack.route(prefix)
        assert route.as_path == [], route
        assert route.local_pref == 100, route
        assert route.next_hop == hop, route
    wait(lambda: trial.lab.legs() == [ADDRESS], "IPv4 default")
    assert trial.state()["updates_malformed"] == 0
    daemon.process.send_signal(signal.SIGTERM)
    wait(lambda: stack.route(PREFIX).local_pref == 0, "LOCAL_PREF 0", 10)


@feature("extended next hop")
def extended_next_hop(trial):
    """IPv4 routes by IPv6 next hops over a session of IPv6, both ways (RFC 8950)."""
    stack, _ = trial.both({"over_ipv6": True}, {"address": ADDRESS6, "local_address": LB6,
                                                "extended_next_hop": True})
    assert trial.state()["capabilities"]["extended_next_hop"]
    trial.wait_announced()
    assert stack.route(PREFIX).next_hop == LB6, stack.route(PREFIX)
    wait(lambda: trial.state()["default_route"]["ipv4"] == ADDRESS6, "IPv4 default")
    wait(lambda: trial.lab.legs() == ["inet6"], "installed")
    trial.lab.origin.stop()
    wait(lambda: not stack.has(PREFIX) and not stack.has(PREFIX6), "withdrawn")
    assert trial.state()["established"] == 1, trial.state()


@feature("unnumbered")
def unnumbered(trial):
    """A wire with nothing but link-local addresses: found, spoken to, routed over."""
    for ns, interface in ((trial.lab.lb, "t1"), (trial.lab.t1, "lb")):
        ns.run("ip", "address", "flush", "dev", interface, "scope", "global")
        ns.run("sysctl", "-qw", "net.ipv6.conf.%s.accept_ra=0" % interface)
    trial.start_stack(unnumbered=True)
    trial.start_lb({"interface": "t1", "asn": "external"}, listen=["[::]:179"])
    trial.wait_established(30)
    trial.wait_announced()
    ours = trial.state()["local"].split("]")[0][1:]
    theirs = trial.state()["remote"].split("]")[0][1:]
    assert ours.startswith("fe80:") and theirs.startswith("fe80:"), trial.state()
    assert trial.stack.route(PREFIX).next_hop == ours, trial.stack.route(PREFIX)
    wait(lambda: trial.state()["default_route"] == {"ipv4": theirs, "ipv6": theirs}, "default")
    wait(lambda: trial.lab.legs() == ["inet6"] and trial.lab.legs("-6") == [theirs], "installed")
    trial.lab.origin.stop()
    wait(lambda: not trial.stack.has(PREFIX), "withdrawn")


@feature("graceful restart")
def graceful_restart(trial):
    """We are killed and come back: not missed. The stack is killed: its route stays a while.

    It does not dial, or OpenBGPD says OPEN twice if its connection was reset before it could.
    """
    stack, daemon = trial.both({"restart": True, "passive": True}, {"graceful_restart": {"restart_time": 30}})
    assert trial.state()["capabilities"]["graceful_restart"]
    trial.wait_announced()
    wait(lambda: trial.lab.legs() == [ADDRESS], "IPv4 default")
    daemon.stop(signal.SIGKILL)
    wait(lambda: not stack.established(), "noticed")
    assert stack.has(PREFIX) and stack.has(PREFIX6), "they are kept"
    trial.start_lb({"graceful_restart": {"restart_time": 30}})
    end = time.monotonic() + 60
    while trial.state()["state"] != "Established" or not stack.established():
        assert stack.has(PREFIX) and stack.has(PREFIX6), "until we are back"
        assert time.monotonic() < end, "back"
    support.holds_for(2, lambda: stack.has(PREFIX) and stack.has(PREFIX6), "End-of-RIB has come",
                      interval=0.2)
    wait(lambda: trial.lab.legs() == [ADDRESS], "IPv4 default again")
    if not stack.dies_silently:
        return
    stack.kill()
    wait(lambda: trial.state()["state"] != "Established", "noticed here")
    assert trial.state()["default_route_kept"] and trial.lab.legs() == [ADDRESS], trial.state()


@feature("reload")
def reload(trial):
    """Other peers come and go, a policy changes: the session stays. Another hold time: anew."""
    stack, daemon = trial.both()
    trial.wait_announced()

    def change(what):
        with open(daemon.path, encoding="ascii") as file:
            conf = json.load(file)
        what(conf)
        with open(daemon.path, "w", encoding="ascii") as out:
            json.dump(conf, out)
        since = daemon.last_id()
        daemon.process.send_signal(signal.SIGHUP)
        daemon.events({"kind": "reloaded"}, since)

    def add(conf):
        conf["bgp"]["peers"].insert(0, {"name": "t0", "address": "10.1.1.9", "asn": 65100})
        conf["bgp"]["peers"][1]["policy"] = {"prepend": 2}
        conf["vips"].append({"name": "more", "prefixes": ["198.18.44.0/24"],
                             "addresses": ["198.18.44.1"], "origins": ["local"]})
    change(add)
    wait(lambda: stack.has("198.18.44.0/24"), "the new VIP")
    wait(lambda: stack.route(PREFIX).as_path == [64500] * 4, "the new policy")
    change(lambda conf: (conf["bgp"]["peers"].pop(0), conf["vips"].pop()))
    wait(lambda: not stack.has("198.18.44.0/24"), "the VIP gone")
    state = trial.state()
    assert (state["state"], state["established"]) == ("Established", 1), state
    assert stack.has(PREFIX) and stack.has(PREFIX6) and stack.established()
    change(lambda conf: conf["bgp"]["peers"][0].update(hold_time=30))
    assert "Other Configuration Change (6/6)" in trial.state()["last_error_out"]
    wait(lambda: trial.state()["established"] == 2, "begun anew", 40)
    trial.wait_established(40)
    trial.wait_announced()
    change(lambda conf: conf["bgp"].update(peers=[]))
    wait(lambda: not stack.established(), "de-configured")
    wait(lambda: not stack.has(PREFIX), "its routes gone")
