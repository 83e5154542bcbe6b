# SPDX-License-Identifier: GPL-3.0-or-later
"""A reload applies the difference and nothing else, by SIGHUP or POST /v1/reload.

BIRD in t1 says since when its session is there; a peer of raw bytes in t2 keeps all it is told.
"""
import copy
import json
import os
import re
import signal
import socket
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
from bgp_peer import (KEEPALIVE, NOTIFICATION, UPDATE, Peer, SpeakerTest, md5_key,  # noqa: E402
                      message, need_root)
from lb_lab import configuration, wait_until  # noqa: E402
import support  # noqa: E402

PREFIX, PREFIX6, ALWAYS = "198.18.0.0/24", "2001:db8:1000::/48", "198.18.33.0/24"
END_OF_RIB = ([], [])  # of IPv4, among the updates of a Listener


def setUpModule():
    need_root()


def nlri(data):
    """Prefixes of IPv4 in bytes, as text."""
    found = []
    while data:
        size = (data[0] + 7) // 8
        found.append("%s/%d" % (socket.inet_ntoa(data[1:1 + size].ljust(4, b"\0")), data[0]))
        data = data[1 + size:]
    return found


class Listener:
    """Takes what a raw peer is told, in a thread, and keeps it alive."""

    def __init__(self, peer):
        self.peer, self.updates, self.end = peer, [], None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                got = self.peer.read()
            except OSError:  # the test is over
                break
            if got is None:
                break
            if got[0] == KEEPALIVE:
                self.peer.send(message(KEEPALIVE))
            elif got[0] == UPDATE:
                withdrawn = struct.unpack(">H", got[1][:2])[0]
                attributes = struct.unpack(">H", got[1][2 + withdrawn:4 + withdrawn])[0]
                self.updates.append((nlri(got[1][2:2 + withdrawn]),
                                     nlri(got[1][4 + withdrawn + attributes:])))
            elif got[0] == NOTIFICATION:
                self.end = tuple(got[1][:2])

    def is_open(self):
        return self.end is None and self.thread.is_alive()

    def announced(self, prefix):
        return sum(prefix in told for _, told in self.updates)

    def withdrawn(self):
        return [prefix for gone, _ in self.updates for prefix in gone]


class ReloadTest(SpeakerTest):
    def start_lb(self, change=lambda conf: None):
        """t1 dialled, t2 waited for."""
        conf = configuration(self.lab.socket)
        conf["bgp"]["listen"] = ["0.0.0.0:179"]
        conf["bgp"]["peers"][1].update({"passive": True, "families": ["ipv4"]})
        change(conf)
        self.conf = conf
        self.daemon = self.lab.start(**conf)
        self.daemon.events({"kind": "vip_up", "vip": "anycast"})
        self.rest = support.Rest(self.lab.socket)
        return self.daemon

    def write(self, change=lambda conf: None):
        """Change the file; the daemon does not know of it yet."""
        self.conf = copy.deepcopy(self.conf)
        change(self.conf)
        with open(self.daemon.path, "w", encoding="ascii") as out:
            json.dump(self.conf, out)

    def post(self):
        status, _, text = self.rest.request("POST", "/v1/reload", {})
        return status, json.loads(text)

    def reload(self, change=lambda conf: None):
        """The answer."""
        self.write(change)
        status, answer = self.post()
        self.assertEqual(status, 200, answer)
        return answer

    def hangup(self, change=lambda conf: None, kind="reloaded"):
        """The last event: how it went."""
        since = self.daemon.last_id()
        self.write(change)
        self.daemon.process.send_signal(signal.SIGHUP)
        return self.daemon.events({"kind": kind}, since)[-1]

    def listener(self, prepare=lambda sock: None):
        peer = Peer(self.lab, prepare=prepare)
        self.addCleanup(peer.close)
        peer.establish()
        self.wait_state(self.daemon, "t2", "established")
        listener = Listener(peer)
        wait_until(lambda: END_OF_RIB in listener.updates, what="told of everything")
        self.assertEqual(listener.announced(ALWAYS), 1)
        return listener

    def state(self):
        return self.daemon.get("/v1/explain?prefix=" + PREFIX)[1]["state"]

    @staticmethod
    def since(bird):
        """Since when BIRD's session is established."""
        line = bird.ask("show", "protocols", "lb").splitlines()[-1].split()
        assert line[-1] == "Established", line
        hours, minutes, seconds = line[4].split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)

    @staticmethod
    def peer(conf, name):
        return next(p for p in conf["bgp"]["peers"] if p["name"] == name)


class WithBird(ReloadTest):
    def established(self):
        bird = self.bird()
        self.start_lb()
        wait_until(lambda: bird.has(PREFIX) and bird.has(PREFIX6) and bird.has(ALWAYS),
                   what="announced")
        wait_until(lambda: self.lab.legs() == ["10.1.1.2"], what="default route")
        time.sleep(1.1)  # BIRD counts in seconds
        return bird

    def assert_untouched(self, bird, since, updates=None):
        # BIRD works it out anew each time, a millisecond more or less.
        self.assertAlmostEqual(self.since(bird), since, delta=0.02)
        peer = self.daemon.peer("t1")
        self.assertEqual((peer["state"], peer["established"]), ("Established", 1))
        if updates is not None:
            self.assertEqual(peer["messages_out"]["update"], updates)

    def test_metallb_1944_an_unrelated_change_does_not_flap_a_peer(self):
        bird = self.established()
        since, updates = self.since(bird), self.daemon.peer("t1")["messages_out"]["update"]

        def change(conf):
            conf["bgp"]["peers"].insert(0, {"name": "t0", "address": "10.1.1.9", "asn": 65100})
            conf["bgp"]["drain_ms"] = 1
            conf["origins"].insert(0, {"name": "o0", "address": "127.0.0.9", "check": "web"})
        answer = self.reload(change)
        self.assertEqual(answer["peers"], {"added": ["t0"], "removed": [], "changed": [],
                                           "reset": []})
        self.assertEqual(answer["origins"]["added"], ["o0"])
        self.assertEqual(answer["settings"], ["bgp.drain_ms"])
        event = self.hangup(lambda conf: conf["bgp"]["peers"].pop(0))
        self.assertEqual(event["changes"]["peers"]["removed"], ["t0"])
        self.assert_untouched(bird, since, updates)
        self.assertEqual(self.lab.legs(), ["10.1.1.2"])
        # And it is still the peer that is told of what happens.
        self.lab.origin.stop()
        wait_until(lambda: not bird.has(PREFIX), what="withdrawn")
        self.assert_untouched(bird, since)

    def test_metallb_880_the_same_configuration_changes_nothing(self):
        bird = self.established()
        since, updates = self.since(bird), self.daemon.peer("t1")["messages_out"]["update"]
        answer = self.reload(lambda conf: self.peer(conf, "t1").update(
            {"port": 179, "passive": False, "policy": {}, "hold_time": 9}))
        self.assertEqual([names for kind in ("peers", "vips", "origins")
                          for names in answer[kind].values() if names] + answer["settings"], [])
        last = self.daemon.last_id()
        self.hangup()
        self.assertEqual(self.daemon.last_id(), last + 1, "one event: that it was done")
        self.assertIn("reloaded: nothing has changed", self.daemon.log())
        self.assert_untouched(bird, since, updates)

    def test_policy_is_told_within_the_session(self):
        bird = self.established()
        since, updates = self.since(bird), self.daemon.peer("t1")["messages_out"]["update"]
        answer = self.reload(lambda conf: self.peer(conf, "t1").update(
            {"policy": {"prepend": 2, "communities": ["64500:7"]}, "deprefer": {"med": 5}}))
        self.assertEqual(answer["peers"]["changed"], ["t1"])
        wait_until(lambda: "BGP.as_path: 64500 64500 64500 64500\n" in
                   bird.ask("show", "route", PREFIX, "all"), what="prepended")
        wait_until(lambda: "(64500,7)" in bird.ask("show", "route", PREFIX6, "all"),
                   what="community")
        # Two sets of attributes in each family, and not one UPDATE more.
        self.assert_untouched(bird, since, updates + 4)

    def test_session_parameters_begin_it_anew(self):
        bird = self.established()
        answer = self.reload(lambda conf: self.peer(conf, "t1").update({"hold_time": 6}))
        self.assertEqual(answer["peers"]["reset"], ["t1"])
        wait_until(lambda: "Other configuration change" in bird.daemon.log(), what="Cease 6")
        self.wait_state(self.daemon, "t1", "established")
        peer = self.daemon.peer("t1")
        self.assertEqual((peer["hold_time"], peer["established"]), (6, 2))
        self.assertIn("(6/6)", peer["last_error_out"])
        wait_until(lambda: bird.has(PREFIX), what="announced again")

    def test_removed_peer_is_told_so_and_forgotten(self):
        bird = self.established()
        answer = self.reload(lambda conf: conf["bgp"]["peers"].pop(0))
        self.assertEqual(answer["peers"]["removed"], ["t1"])
        wait_until(lambda: "Peer de-configured" in bird.daemon.log(), what="Cease 3")
        wait_until(lambda: not bird.has(PREFIX), what="routes gone")
        self.assertEqual(self.daemon.get("/v1/peers/t1")[0], 404)
        self.assertEqual(self.lab.legs(), [], "its default route, too")
        self.hangup(lambda conf: conf["bgp"]["peers"].append(
            {"name": "t1", "address": "10.1.1.2", "asn": 65101, "default_route": True}))
        wait_until(lambda: bird.has(PREFIX), what="back again")
        wait_until(lambda: self.lab.legs() == ["10.1.1.2"], what="default route")

    def test_two_in_quick_succession(self):
        bird = self.established()
        since = self.since(bird)
        for count in (2, 3):
            self.write(lambda conf, n=count: self.peer(conf, "t1").update(
                {"policy": {"prepend": n}}))
            self.daemon.process.send_signal(signal.SIGHUP)
        self.write(lambda conf: conf["vips"].append(
            {"name": "third", "prefixes": ["198.18.44.0/24"], "addresses": ["198.18.44.1"],
             "origins": ["local"]}))
        self.assertEqual(self.post()[0], 200)
        self.assertEqual(self.post()[0], 200)
        wait_until(lambda: "BGP.as_path: 64500 64500 64500 64500\n" in
                   bird.ask("show", "route", "198.18.44.0/24", "all"), what="the last one counts")
        self.assert_untouched(bird, since)

    def test_bfd_comes_and_goes_and_bgp_stays(self):
        bird = self.established()
        since = self.since(bird)
        sets = ({"interval_ms": 100}, {"interval_ms": 200, "multiplier": 5})
        last = self.daemon.last_id()
        self.reload(lambda conf: self.peer(conf, "t1").update(bfd=sets[0]))
        self.daemon.events({"kind": "bfd_up", "peer": "t1"}, last)
        discriminator = self.daemon.peer("t1")["bfd"]["local_discriminator"]
        # Timers change in the session that there is, by a Poll Sequence.
        self.reload(lambda conf: self.peer(conf, "t1").update(bfd=sets[1]))
        wait_until(lambda: self.daemon.peer("t1")["bfd"]["tx_interval_us"] == 200000,
                   what="another interval")
        self.assertEqual(self.daemon.peer("t1")["bfd"]["local_discriminator"], discriminator)
        self.assertEqual(self.daemon.peer("t1")["bfd"]["downs"], 0)
        self.assert_untouched(bird, since)
        # With a peer before it in the list it is still its session that is told of.
        self.reload(lambda conf: conf["bgp"]["peers"].insert(
            0, {"name": "t0", "address": "10.1.1.9", "asn": 65100}))
        self.assertEqual(self.daemon.peer("t1")["bfd"]["local_discriminator"], discriminator)
        self.assertIsNone(self.daemon.peer("t0")["bfd"])
        self.assert_untouched(bird, since)
        last = self.daemon.last_id()
        bird.process.send_signal(signal.SIGSTOP)
        self.daemon.events({"kind": "bfd_down", "peer": "t1"}, last)
        self.daemon.events({"kind": "peer_down", "peer": "t1"}, last)
        bird.process.send_signal(signal.SIGCONT)


class ToldOf(ReloadTest):
    """What a peer of raw bytes is told, to the byte."""

    def test_prefix_that_stays_is_never_withdrawn(self):
        def rename(conf):
            conf["vips"][0]["name"] = "renamed"

        def another_server(conf):
            conf["origins"][0].update(address="127.0.0.2", check="other")
            conf["checks"]["other"] = {"type": "tcp", "port": 8081, "interval_ms": 1000}

        def another_origin(conf):
            conf["origins"].append({"name": "new", "address": "127.0.0.1", "check": "web"})
            conf["vips"][0]["origins"] = ["new"]

        def check_anew(conf):
            conf["checks"]["web"]["interval_ms"] = 500

        def another_address(conf):
            conf["vips"][0]["addresses"] = ["198.18.0.7", "2001:db8:1000::7"]

        def another_first(conf):
            conf["vips"].insert(0, {"name": "first", "prefixes": ["198.18.55.0/24"],
                                    "addresses": ["198.18.55.1"], "origins": ["local"],
                                    "announce": "always"})

        def move_prefix(conf):
            conf["vips"][1].update(prefixes=[PREFIX6], addresses=["2001:db8:1000::7"])
            conf["vips"][2]["prefixes"].append(PREFIX)
            conf["vips"][2]["addresses"].append("198.18.0.7")
            conf["vips"][1], conf["vips"][2] = conf["vips"][2], conf["vips"][1]

        tcp = self.lab.lb.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(tcp.close)
        tcp.bind(("127.0.0.2", 8081))
        tcp.listen()
        self.start_lb()
        listener = self.listener()
        for change in (rename, check_anew, another_origin, another_address, another_server,
                       another_first):
            with self.subTest(change.__name__):
                self.reload(change)
                support.holds_for(0.3, lambda: self.state() == "announced",
                                  "announced over some results of checks")
        wait_until(lambda: "renamed" in str(self.daemon.get("/v1/vips")), what="served")
        self.reload(move_prefix)
        wait_until(lambda: listener.announced("198.18.55.0/24") == 1, what="the new one")
        # Its policy was another as of the move: told once more, by one UPDATE.
        wait_until(lambda: listener.announced(PREFIX) == 2, what="the new policy")
        support.holds_for(1.2, lambda: listener.announced(PREFIX) == 2 and listener.is_open() and
                          not listener.withdrawn(), "no more of it, for longer than linger_ms")
        self.assertEqual(self.daemon.peer("t2")["established"], 1)

    def test_changed_policy_is_one_update(self):
        self.start_lb(lambda conf: conf["vips"].append(
            {"name": "more", "prefixes": ["198.18.44.0/24"], "addresses": ["198.18.44.1"],
             "origins": ["local"], "policy": {"prepend": 1}}))
        listener = self.listener()
        wait_until(lambda: listener.announced("198.18.44.0/24") == 1, what="all of it")
        before = len(listener.updates)
        self.reload(lambda conf: conf["vips"][2].update(policy={"prepend": 5}))
        wait_until(lambda: listener.announced("198.18.44.0/24") == 2, what="told")
        support.holds_for(0.2, lambda: listener.updates[before:] == [([], ["198.18.44.0/24"])],
                          "one UPDATE and no more")

        def told():
            return sorted(p for _, prefixes in listener.updates[before + 1:] for p in prefixes)

        self.reload(lambda conf: self.peer(conf, "t2").update(policy={"med": 9}))
        wait_until(lambda: len(told()) >= 3, what="told of the other MED")
        # But for the VIP whose own MED wins.
        self.assertEqual(told(), sorted(["10.200.1.0/24", ALWAYS, "198.18.44.0/24"]))
        support.holds_for(0.2, lambda: len(told()) == 3, "each once")
        self.assertEqual(listener.withdrawn(), [])

    def test_vip_comes_and_goes(self):
        self.start_lb()
        listener = self.listener()
        more = {"name": "more", "prefixes": ["198.18.44.0/24"], "addresses": ["198.18.44.1"],
                "origins": ["local"], "linger_ms": 200}
        since = self.daemon.last_id()
        self.assertEqual(self.reload(lambda conf: conf["vips"].insert(0, more))["vips"]["added"],
                         ["more"])
        self.daemon.events({"kind": "vip_up", "vip": "more"}, since)
        wait_until(lambda: listener.announced("198.18.44.0/24") == 1, what="announced")
        self.assertIn("198.18.44.1", self.lab.addresses())
        self.assertIn("198.18.44.0/24", self.lab.own_routes())
        since = self.daemon.last_id()
        self.assertEqual(self.reload(lambda conf: conf["vips"].pop(0))["vips"]["removed"], ["more"])
        kinds = [(e["kind"], e.get("prefix")) for e in
                 self.daemon.events({"kind": "vip_absent", "vip": "more"}, since)]
        self.assertIn(("withdrawn", "198.18.44.0/24"), kinds)
        self.assertIn(("vip_lingering", None), kinds)
        wait_until(lambda: listener.withdrawn() == ["198.18.44.0/24"], what="withdrawn, alone")
        self.assertNotIn("198.18.44.1", self.lab.addresses())
        wait_until(lambda: "198.18.44.0/24" not in self.lab.own_routes(), what="no route")
        self.assertIn(PREFIX, self.lab.own_routes())
        self.assertEqual(self.daemon.get("/v1/explain?prefix=198.18.44.0/24")[0], 404)

    def test_removed_vip_back_before_it_is_gone(self):
        self.start_lb(lambda conf: conf["vips"][0].update(linger_ms=60000))
        listener = self.listener()
        vip = self.conf["vips"][0]
        self.reload(lambda conf: conf["vips"].pop(0))
        wait_until(lambda: PREFIX in listener.withdrawn(), what="withdrawn")
        self.assertIn("198.18.0.1", self.lab.addresses(), "packets may still come")
        self.reload(lambda conf: conf["vips"].append(vip))
        wait_until(lambda: listener.announced(PREFIX) == 2, what="announced again")
        self.assertEqual(self.daemon.vip("anycast")["presence"], "present")
        self.reload(lambda conf: conf["vips"][1].update(linger_ms=100))
        self.assertIn("198.18.0.1", self.lab.addresses())

    def test_address_moves_to_a_vip_that_is_down(self):
        """From one that is up, or out of those that leave: it lingers as any other."""
        moving = {"prefixes": ["198.18.44.0/24"], "addresses": ["198.18.44.1"]}
        self.start_lb(lambda conf: (
            conf["checks"].update(dead={"type": "tcp", "port": 8081, "interval_ms": 100}),
            conf["origins"].append({"name": "dead", "address": "127.0.0.1", "check": "dead"}),
            conf["vips"].append({"name": "sick", "prefixes": ["198.18.55.0/24"], "linger_ms": 200,
                                 "addresses": ["198.18.55.1"], "origins": ["dead"]}),
            conf["vips"].append({"name": "well", "prefixes": ["198.18.66.0/24"],
                                 "addresses": ["198.18.66.1"], "origins": ["local"]})))
        self.daemon.events({"kind": "vip_down", "vip": "sick"})
        good = copy.deepcopy(self.conf)

        def add(conf, vip):
            for key, values in moving.items():
                conf["vips"][vip][key] = conf["vips"][vip][key] + values

        for by_way_of_none in (False, True):
            with self.subTest(by_way_of_none=by_way_of_none):
                self.conf = copy.deepcopy(good)
                self.reload(lambda conf: add(conf, 3))
                self.assertIn("198.18.44.1", self.lab.addresses())
                self.conf = copy.deepcopy(good)
                if by_way_of_none:
                    self.reload()
                    self.assertIn("198.18.44.1", self.lab.addresses())
                since = self.daemon.last_id()
                self.reload(lambda conf: add(conf, 2))
                self.daemon.events({"kind": "vip_absent", "vip": "sick"}, since)
                self.assertNotIn("198.18.44.1", self.lab.addresses())

    def test_cease_says_why(self):
        self.start_lb()
        for change, end in ((lambda conf: self.peer(conf, "t2").update(hold_time=30), (6, 6)),
                            (lambda conf: conf["bgp"]["peers"].pop(1), (6, 3))):
            listener = self.listener()
            self.reload(change)
            wait_until(lambda who=listener: not who.thread.is_alive(), what="closed")
            self.assertEqual(listener.end, end)
        peer = Peer(self.lab)
        self.addCleanup(peer.close)
        self.assertEqual(tuple(peer.read_until(NOTIFICATION)[:2]), (6, 5), "a stranger now")

    def test_keys_follow(self):
        def key_file(text):
            path = os.path.join(self.lab.directory, "key-" + text)
            with open(path, "w", encoding="ascii") as out:
                out.write(text + "\n")
            return path

        def refused(prepare):
            peer = None
            try:
                peer = Peer(self.lab, prepare=lambda sock: (prepare(sock), sock.settimeout(1)))
                return False
            except TimeoutError:
                return True
            finally:
                if peer:
                    peer.close()

        self.start_lb()
        plain = lambda sock: None  # noqa: E731
        keyed = {text: md5_key("10.1.2.3", text.encode()) for text in ("first", "second")}
        listener = self.listener()
        self.reload(lambda conf: self.peer(conf, "t2").update(md5_key_file=key_file("first")))
        wait_until(lambda: listener.end == (6, 6), what="begun anew")
        self.assertTrue(refused(plain))
        listener = self.listener(keyed["first"])
        self.reload(lambda conf: self.peer(conf, "t2").update(md5_key_file=key_file("second")))
        wait_until(lambda: listener.end == (6, 6), what="begun anew")
        self.assertTrue(refused(keyed["first"]))
        listener = self.listener(keyed["second"])
        self.reload()
        support.holds_for(0.2, listener.is_open, "a session with the same key")
        self.reload(lambda conf: self.peer(conf, "t2").pop("md5_key_file"))
        wait_until(lambda: listener.end == (6, 6), what="begun anew")
        self.assertTrue(refused(keyed["second"]))
        self.listener()

    def test_range_shrinks_to_who_is_there(self):
        def ranged(limit):
            return {"name": "r", "range": "10.1.2.0/24", "asn": 65102, "limit": limit}
        self.start_lb(lambda conf: conf["bgp"]["peers"].__setitem__(1, ranged(3)))
        peer = Peer(self.lab)
        self.addCleanup(peer.close)
        listener = Listener(peer.establish())
        self.wait_state(self.daemon, "r-1", "established")
        answer = self.reload(lambda conf: conf["bgp"]["peers"].__setitem__(1, ranged(1)))
        self.assertEqual(answer["peers"]["removed"], ["r-2", "r-3"])
        answer = self.reload(lambda conf: conf["bgp"]["peers"].__setitem__(1, ranged(2)))
        self.assertEqual(answer["peers"]["added"], ["r-2"])
        self.assertEqual(self.daemon.peer("r-1")["remote"].split(":")[0], "10.1.2.2")
        self.assertEqual(self.daemon.peer("r-1")["established"], 1)
        self.assertIsNone(listener.end)

    def test_identity_moves(self):
        self.start_lb()
        listener = self.listener()
        self.assertEqual(self.lab.lb.get("10.200.1.1", 8053, "/verdict/anycast")[0], 200)
        identity = {"prefixes": ["10.200.2.0/24"], "addresses": ["10.200.2.1"], "port": 8054}
        self.assertEqual(self.reload(lambda conf: conf.update(identity=identity))["settings"],
                         ["identity"])
        self.assertEqual(self.lab.lb.get("10.200.2.1", 8054, "/verdict/anycast")[0], 200)
        wait_until(lambda: listener.withdrawn() == ["10.200.1.0/24"], what="the old withdrawn")
        wait_until(lambda: listener.announced("10.200.2.0/24") == 1, what="the new announced")
        wait_until(lambda: "10.200.1.1" not in self.lab.addresses(), what="its address gone")
        with self.assertRaises(OSError):
            self.lab.lb.get("10.200.1.1", 8053, "/verdict/anycast")

    def test_listens_elsewhere(self):
        self.start_lb()
        listener = self.listener()
        self.reload(lambda conf: conf["bgp"].update(listen=["10.1.2.3:1179"]))
        support.holds_for(0.2, listener.is_open, "the session is not where it was listened for")
        with self.assertRaises(ConnectionRefusedError):
            Peer(self.lab)
        self.reload(lambda conf: conf["bgp"].update(listen=["10.1.2.3"]))
        second = Peer(self.lab)
        self.addCleanup(second.close)
        self.assertEqual(tuple(second.read_until(NOTIFICATION)[:2]), (6, 7))

    def test_metric_of_the_default_route(self):
        bird = self.bird()
        self.start_lb()
        wait_until(lambda: bird.has(PREFIX), what=PREFIX)
        wait_until(lambda: self.lab.legs() == ["10.1.1.2"], what="default route")
        self.reload(lambda conf: conf["dataplane"].update(metric=77))
        routes = self.lab.lb.run("ip", "route", "show", "default")
        self.assertEqual(re.findall(r"metric (\d+)", routes), ["77"])
        self.reload(lambda conf: conf["dataplane"].update(routes=False))
        self.assertEqual(self.lab.lb.run("ip", "route", "show", "default"), "")
        self.assertEqual(self.lab.own_routes(), "")
        self.reload(lambda conf: conf["dataplane"].update(routes=True, metric=32))
        self.assertEqual(self.lab.legs(), ["10.1.1.2"])
        self.assertIn("unreachable " + PREFIX, self.lab.own_routes())


class Refused(ReloadTest):
    """Nothing is applied, and the old goes on."""

    def assert_as_before(self, listener):
        support.holds_for(0.2, lambda: listener.is_open() and not listener.withdrawn(),
                          "the session and all its routes")
        self.assertEqual({p["name"] for p in self.daemon.get("/v1/peers")[1]["peers"]},
                         {"t1", "t2"})
        self.assertEqual(self.state(), "announced")

    def test_bad_file_by_either_way(self):
        self.start_lb()
        listener = self.listener()
        good = copy.deepcopy(self.conf)

        def bad(conf):
            conf["bgp"]["peers"] = [{"name": "new", "address": "10.1.1.7", "asn": 65107}]
            conf["vips"][1]["origins"] = ["nobody"]
        self.write(bad)
        status, problem = self.post()
        self.assertEqual((status, problem["pointer"]), (422, "/vips/1/origins/0"))
        self.assertIn("vips[1].origins[0]: unknown origin 'nobody'", problem["detail"])
        event = self.hangup(kind="reload_refused")
        self.assertIn("unknown origin 'nobody'", event["reason"])
        self.assertEqual(self.daemon.log().count("not reloaded, all stays as it is: "), 2)
        for text in ("", "{", "[]", "{} {}", '{"version":1,"version":1}'):
            with open(self.daemon.path, "w", encoding="ascii") as out:
                out.write(text)
            self.assertEqual(self.post()[0], 422, text)
        os.unlink(self.daemon.path)
        self.assertEqual(self.post()[0], 422)
        self.assert_as_before(listener)
        self.conf = good
        self.reload()

    def test_what_needs_a_restart(self):
        self.start_lb()
        listener = self.listener()
        good = copy.deepcopy(self.conf)
        for pointer, change in (
                ("/pop", lambda conf: conf.update(pop="ams")),
                ("/asn", lambda conf: conf.update(asn=64501)),
                ("/router_id", lambda conf: conf.update(router_id="10.200.1.9")),
                ("/api", lambda conf: conf["api"].update(listen="127.0.0.1:8080")),
                ("/api", lambda conf: conf.pop("api")),
                ("/dataplane/interface", lambda conf: conf["dataplane"].update(interface="t1"))):
            self.conf = copy.deepcopy(good)
            self.write(lambda conf, c=change: (c(conf), conf["vips"].pop()))
            status, problem = self.post()
            self.assertEqual((status, problem["pointer"]), (409, pointer))
            self.assertIn("restart", problem["detail"])
        self.assert_as_before(listener)
        self.assertEqual(len(self.daemon.get("/v1/vips")[1]["vips"]), 2)

    def test_what_the_machine_does_not_let_be(self):
        self.start_lb()
        listener = self.listener()
        good = copy.deepcopy(self.conf)
        self.write(lambda conf: (conf["bgp"].update(listen=["0.0.0.0:179", "192.0.2.1"]),
                                 conf["bgp"]["peers"].pop()))
        status, problem = self.post()
        self.assertEqual(status, 500, problem)
        self.assertIn("bgp: cannot listen on 192.0.2.1:179", problem["detail"])
        taken = self.lab.lb.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(taken.close)
        taken.bind(("0.0.0.0", 8055))
        taken.listen()
        self.conf = copy.deepcopy(good)
        self.write(lambda conf: conf.update(identity={
            "prefixes": ["10.200.7.0/24"], "addresses": ["10.200.7.1"], "port": 8055}))
        self.assertEqual(self.post()[0], 500)
        self.assertNotIn("10.200.7.1", self.lab.addresses())
        self.assertEqual(self.lab.lb.get("10.200.1.1", 8053, "/verdict/anycast")[0], 200)
        self.assert_as_before(listener)
        second = Peer(self.lab)
        self.addCleanup(second.close)
        self.assertEqual(tuple(second.read_until(NOTIFICATION)[:2]), (6, 7), "still listening")

    def test_bfd_whose_port_is_taken(self):
        self.start_lb()
        listener = self.listener()
        taken = self.lab.lb.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(taken.close)
        taken.bind(("0.0.0.0", 3784))
        self.write(lambda conf: (conf["vips"].pop(), self.peer(conf, "t2").update(bfd={})))
        status, problem = self.post()
        self.assertEqual(status, 500, problem)
        self.assertIn("bfd t2: cannot open its UDP port: Address already in use",
                      problem["detail"])
        self.assert_as_before(listener)
        self.assertIsNone(self.daemon.peer("t2")["bfd"])
        self.assertEqual(len(self.daemon.get("/v1/vips")[1]["vips"]), 2)
        taken.close()
        self.reload()
        self.assertEqual(self.daemon.peer("t2")["bfd"]["state"], "Down")
        self.assertEqual(len(self.daemon.get("/v1/vips")[1]["vips"]), 1)

    def test_metric_of_somebody_else(self):
        """The default route that there is stays, and nothing new begins."""
        def metrics():
            return sorted(re.findall(r"metric (\d+)",
                                     self.lab.lb.run("ip", "route", "show", "default")))

        def change(conf):
            conf["dataplane"]["metric"] = 77
            conf["vips"].append({"name": "third", "prefixes": ["198.18.44.0/24"],
                                 "addresses": ["198.18.44.1"], "origins": ["local"]})

        bird = self.bird()
        self.start_lb()
        wait_until(lambda: bird.has(PREFIX), what=PREFIX)
        wait_until(lambda: self.lab.legs() == ["10.1.1.2"], what="default route")
        listener = self.listener()
        routes = self.lab.own_routes()
        self.lab.lb.run("ip", "route", "add", "default", "via", "10.1.2.2", "metric", "77",
                        "proto", "dhcp")
        self.write(change)
        status, problem = self.post()
        self.assertEqual(status, 500, problem)
        self.assertEqual(problem["detail"],
                         "dataplane: a default route of somebody else has metric 77")
        self.assertEqual((metrics(), self.lab.legs()), (["32", "77"], ["10.1.1.2"]))
        self.assertEqual(self.lab.own_routes(), routes)
        self.assertNotIn("198.18.44.1", self.lab.addresses())
        self.assert_as_before(listener)
        self.lab.lb.run("ip", "route", "del", "default", "metric", "77")
        # Now the metric is to be had, but what comes after it is not.
        self.write(lambda conf: conf["bgp"].update(listen=["0.0.0.0:179", "192.0.2.1"]))
        self.assertEqual(self.post()[0], 500)
        self.assertEqual((metrics(), self.lab.legs()), (["32"], ["10.1.1.2"]))
        self.assertEqual(self.lab.own_routes(), routes)
        self.assert_as_before(listener)
        self.reload(lambda conf: conf["bgp"].update(listen=["0.0.0.0:179"]))
        self.assertEqual(metrics(), ["77"])
        self.assertIn("198.18.44.0/24", self.lab.own_routes())

    def test_while_draining(self):
        self.start_lb(lambda conf: conf["bgp"].update(drain_ms=30000))
        self.listener()
        self.daemon.process.send_signal(signal.SIGTERM)
        wait_until(lambda: self.state() == "de-preferred", what="draining")
        self.write(lambda conf: conf["vips"].pop())
        status, problem = self.post()
        self.assertEqual((status, problem["detail"]), (409, "the daemon is draining"))
        event = self.hangup(kind="reload_refused")
        self.assertEqual(event["reason"], "the daemon is draining")
        self.assertEqual(len(self.daemon.get("/v1/vips")[1]["vips"]), 2)
        self.assertEqual(self.daemon.stop(), 0)

    def test_body(self):
        self.start_lb()
        status, _, text = self.rest.request("POST", "/v1/reload", {"vips": []})
        self.assertEqual((status, json.loads(text)["pointer"]), (422, ""))


if __name__ == "__main__":
    unittest.main()
