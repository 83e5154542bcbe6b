# SPDX-License-Identifier: GPL-3.0-or-later
"""Which peer is told of which VIPs: two sessions with one router, and peers that get less."""
import json
import os
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support.lb_lab import Lab, configuration, wait_until  # noqa: E402

ANYCAST, ANYCAST6, DNS, IDENTITY, IDENTITY6 = PREFIXES = (
    "198.18.0.0/24", "2001:db8:1000::/48", "198.18.33.0/24", "10.200.1.0/24", "2001:db8:f701::/48")


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root for network namespaces")


class PeerVips(unittest.TestCase):
    def setUp(self):
        self.lab = Lab()
        self.addCleanup(self.lab.close)

    def start(self, t1, t2):
        conf = configuration(self.lab.socket)
        conf["bgp"]["peers"][0].update(t1)
        conf["bgp"]["peers"][1].update(t2)
        return self.lab.start(bgp=conf["bgp"])

    def explained(self, daemon, prefix):
        """By peer: was it sent, and why."""
        reply = daemon.get("/v1/explain?prefix=" + prefix)[1]
        return {p["peer"]: (p["sent"], p["reason"]) for p in reply["peers"]}

    @staticmethod
    def configure(bird):
        return subprocess.run(["birdc", "-s", bird.control, "configure"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False).stdout

    def wait_for(self, daemon, t1, t2):
        """Each router has these prefixes, and none of the others."""
        for bird, name, prefixes in zip(self.lab.birds, ("t1", "t2"), (t1, t2)):
            for prefix in PREFIXES:
                wait_until(lambda b=bird, p=prefix, h=prefix in prefixes: b.has(p) == h,
                           what=f"{prefix} at {name}: {prefix in prefixes}")
            self.assertEqual(daemon.peer(name)["announced"], len(prefixes))

    def test_each_peer_has_its_own_and_explain_says_why(self):
        daemon = self.start({"vips": ["anycast"]}, {"vips": ["geodns30"], "identity": False})
        daemon.events({"kind": "vip_up", "vip": "anycast"})
        self.wait_for(daemon, {ANYCAST, ANYCAST6, IDENTITY, IDENTITY6}, {DNS})
        sent = (True, "it has been sent")
        self.assertEqual(self.explained(daemon, ANYCAST6), {
            "t1": sent, "t2": (False, "vip anycast is not among those that this peer is told of")})
        self.assertEqual(self.explained(daemon, DNS), {
            "t1": (False, "vip geodns30 is not among those that this peer is told of"), "t2": sent})
        self.assertEqual(self.explained(daemon, IDENTITY), {
            "t1": sent, "t2": (False, "this peer is not told of the identity")})

    def test_what_a_peer_is_not_told_of_is_not_withdrawn_there_either(self):
        daemon = self.start({}, {"vips": []})
        daemon.events({"kind": "vip_up", "vip": "anycast"})
        self.wait_for(daemon, set(PREFIXES), {IDENTITY, IDENTITY6})
        before = daemon.last_id()
        self.lab.origin.stop()
        daemon.events({"kind": "sent", "peer": "t1", "prefix": ANYCAST6, "action": "withdraw"},
                      before)
        self.lab.origin.start()
        events = daemon.events({"kind": "sent", "peer": "t1", "prefix": ANYCAST6,
                                "action": "announce"}, before)
        self.assertEqual({e["peer"] for e in events if e["kind"] == "sent"}, {"t1"})
        self.wait_for(daemon, set(PREFIXES), {IDENTITY, IDENTITY6})

    def test_two_sessions_with_one_router(self):
        """One for each VIP over either family: the same wire, next hops given."""
        bird = self.lab.birds[0]
        with open(bird.config, "a", encoding="ascii") as out:
            out.write("""
protocol bgp second {
	bfd on;
	local 2001:db8:f001:1::2 as 65101;
	neighbor 2001:db8:f001:1::3 as 64500;
	check link no; hold time 9; passive yes; error wait time 1, 2;
	ipv4 { import all; export none; };
	ipv6 { import all; export none; };
}
""")
        wait_until(lambda: "Reconfigured" in self.configure(bird), what="BIRD reads it")
        conf = configuration(self.lab.socket)
        conf["bgp"]["peers"][0]["vips"] = ["geodns30"]
        conf["bgp"]["peers"][1] = {
            "name": "t1-bfd", "address": "2001:db8:f001:1::2",
            "local_address": "2001:db8:f001:1::3", "asn": 65101, "families": ["ipv4", "ipv6"],
            "next_hop": {"ipv4": "10.1.1.3", "ipv6": "2001:db8:f001:1::3"}, "vips": ["anycast"],
            "identity": False, "bfd": {"interval_ms": 100}}
        daemon = self.lab.start(bgp=conf["bgp"])
        wait_until(lambda: all(bird.has(p) for p in PREFIXES), what="all of them")
        for prefix, session, via in ((ANYCAST, "second", "10.1.1.3"),
                                     (ANYCAST6, "second", "2001:db8:f001:1::3"),
                                     (DNS, "lb", "10.1.1.3"), (IDENTITY, "lb", "10.1.1.3")):
            route = bird.ask("show", "route", prefix)
            self.assertIn(f"[{session} ", route)
            self.assertIn(f"via {via} on lb", route)
        wait_until(lambda: daemon.peer("t1-bfd")["bfd"]["state"] == "Up", what="BFD over IPv6")
        self.assertIsNone(daemon.peer("t1")["bfd"])
        kernel = json.loads(self.lab.t1.run("ip", "-j", "route", "show", ANYCAST))
        self.assertEqual(kernel[0]["gateway"], "10.1.1.3")

        # The router is dead, and only one session can tell at once.
        before = daemon.last_id()
        bird.process.send_signal(signal.SIGSTOP)
        self.addCleanup(bird.process.send_signal, signal.SIGCONT)
        events = daemon.events({"kind": "peer_down", "peer": "t1-bfd"}, before, 3)
        self.assertIn("BFD", events[-1]["reason"])
        self.assertEqual([daemon.peer(p)["state"] == "Established" for p in ("t1", "t1-bfd")],
                         [True, False])
        bird.process.send_signal(signal.SIGCONT)
        wait_until(lambda: daemon.peer("t1-bfd")["bfd"]["state"] == "Up" and
                   daemon.peer("t1-bfd")["announced"] == 2, what="back again")
        self.assertNotIn("peer_down", [e["kind"] for e in daemon.events(
            {"kind": "peer_up", "peer": "t1-bfd"}, before) if e.get("peer") == "t1"])


if __name__ == "__main__":
    unittest.main()
