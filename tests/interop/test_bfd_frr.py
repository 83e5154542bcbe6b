# SPDX-License-Identifier: GPL-3.0-or-later
"""BFD and BGP beside FRR, whose BFD is a process of its own: zebra, bgpd and bfdd in t1 of lb_lab.py."""
import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import Daemon
from support.lb_lab import Lab, configuration, wait_until

FRR = "/usr/lib/frr"


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root for network namespaces")
    if not os.path.exists(FRR + "/bfdd"):
        raise unittest.SkipTest("needs FRR: sudo .ci/deps interop")


class Frr:
    def __init__(self, test, ns, directory, address, peer, multihop):
        self.directory, self.ns = directory + "/frr", ns
        os.mkdir(self.directory)
        os.chmod(directory, 0o711)
        shutil.chown(self.directory, "frr", "frr")
        family = "ipv6" if ":" in peer else "ipv4"
        hops = f"\n neighbor {peer} ebgp-multihop 2" if multihop else ""
        bgp = f"""router bgp 65101
 bgp router-id 10.1.1.2
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 neighbor {peer} remote-as 64500
 neighbor {peer} update-source {address}
 neighbor {peer} timers 10 30
 neighbor {peer} timers connect 1{hops}
 neighbor {peer} bfd 3 50 50
 address-family {family} unicast
  neighbor {peer} activate
  neighbor {peer} default-originate
 exit-address-family
"""
        self.daemons = {}
        for name, text in (("zebra", ""), ("bfdd", ""), ("bgpd", bgp)):
            self.start(test, name, text)

    def start(self, test, name, text):
        path = f"{self.directory}/{name}.conf"
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        socket = f"{self.directory}/{name}.vty"
        argv = [f"{FRR}/{name}", "-f", path, "-i", f"{self.directory}/{name}.pid", "-u", "frr",
                "-g", "frr", "-z", self.directory + "/zserv", "--vty_socket", self.directory,
                "--log", "stdout", "-P", "0"]
        if name == "bfdd":
            argv += ["--bfdctl", self.directory + "/bfdd.ctl"]
        daemon = Daemon(argv, netns=self.ns, name=name)
        self.daemons[name] = test.enterContext(daemon)
        wait_until(lambda: os.path.exists(socket), 10, name)

    def show(self, name, command):
        return subprocess.run(["vtysh", "--vty_socket", self.directory, "-d", name, "-c", command],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False).stdout

    def session(self):
        """FRR's one BFD session, or {}."""
        try:
            sessions = json.loads(self.show("bfdd", "show bfd peers json"))
        except ValueError:
            return {}
        return sessions[0] if sessions else {}


class WithFrr(unittest.TestCase):
    def setUp(self):
        self.lab = Lab(birds=False)
        self.addCleanup(self.lab.close)

    def start(self, ipv6=False, multihop=False):
        ours, theirs = (("2001:db8:f001:1::3", "2001:db8:f001:1::2") if ipv6 else
                        ("10.1.1.3", "10.1.1.2"))
        frr = Frr(self, self.lab.t1, self.lab.directory, theirs, ours, multihop)
        conf = configuration(self.lab.socket)["bgp"]
        conf["peers"] = [{"name": "frr", "address": theirs, "local_address": ours, "asn": 65101,
                          "hold_time": 30, "default_route": True,
                          "bfd": {"interval_ms": 50, "multiplier": 3, "multihop": multihop}}]
        daemon = self.lab.start(bgp=conf)
        self.wait_up(daemon, frr)
        return daemon, frr

    def wait_up(self, daemon, frr):
        wait_until(lambda: daemon.peer("frr")["state"] == "Established", 30, "BGP")
        wait_until(lambda: daemon.peer("frr")["bfd"]["state"] == "Up", 10, "BFD")
        wait_until(lambda: daemon.peer("frr")["bfd"]["detection_time_us"] == 150000, 10, "150 ms")
        wait_until(lambda: frr.session().get("status") == "up", 5, "up at FRR")

    def check(self, ipv6=False, multihop=False):
        daemon, frr = self.start(ipv6, multihop)
        session = frr.session()
        self.assertEqual((session["multihop"], session["remote-receive-interval"],
                          session["remote-transmit-interval"],
                          session["remote-detect-multiplier"]), (multihop, 50, 50, 3))
        self.assertEqual(session["diagnostic"], "ok")
        self.assertEqual(daemon.peer("frr")["bfd"]["discarded"], {})

        # FRR's BFD falls silent, its BGP does not.
        since = daemon.last_id()
        frr.daemons["bfdd"].process.send_signal(signal.SIGSTOP)
        events = daemon.events({"kind": "peer_down", "peer": "frr"}, since)
        down = next(event for event in events if event["kind"] == "bfd_down")
        self.assertEqual(down["diagnostic"], "Control Detection Time Expired")
        self.assertLessEqual(down["silent_ms"], 165, "110 % of the Detection Time")
        self.assertIn("Cease/BFD Down (6/10)", events[-1]["reason"])
        frr.daemons["bfdd"].process.send_signal(signal.SIGCONT)
        self.wait_up(daemon, frr)

        # And now we.
        daemon.process.send_signal(signal.SIGSTOP)
        try:
            wait_until(lambda: frr.session().get("status") == "down", 5, "down at FRR")
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        self.wait_up(daemon, frr)

    def test_single_hop_ipv4(self):
        self.check()

    def test_single_hop_ipv6(self):
        self.check(ipv6=True)

    def test_multihop_ipv4(self):
        self.check(multihop=True)


if __name__ == "__main__":
    unittest.main()
