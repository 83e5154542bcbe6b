#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another configuration for a catchment-geodns that runs: what follows, what stays, and that
nobody who asks meanwhile is left without an answer."""

import datetime
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from support import BIN, Daemon, Netns, Rest, wait_until

GEODNS = os.path.join(os.environ.get("CATCHMENT_BIN", BIN), "catchment-geodns")
SERVER = "10.1.0.53"
ZONE = """
$TTL 3600
@ 600 SOA ns1 hostmaster %d 7200 3600 1209600 60
@ NS ns1
ns1 A 10.1.0.53
"""
NAME = "www.lab.test"


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: network namespaces")
    unittest.enterModuleContext(unittest.enterModuleContext(Netns()).entered())
    for addr in (SERVER, "10.200.1.1", "10.200.2.1"):
        subprocess.run(["ip", "addr", "add", addr + "/32", "dev", "lo"], check=True)


def query(name, ident):
    wire = b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0"
    return struct.pack(">6H", ident, 0, 1, 0, 0, 0) + wire + struct.pack(">HH", 1, 1)


def accept_all(listener):
    """Until it is shut down. What has been reset would fill up the queue."""
    while True:
        try:
            listener.accept()[0].close()
        except ConnectionError:
            pass
        except OSError:
            return


def configuration(**changes):
    conf = {
        "version": 1, "listen": [SERVER + ":53"], "threads": 2, "api": {"listen": "unix:api.sock"},
        "zones": [{"name": "lab.test", "file": "zone"}],
        "pops": [{"name": "fra", "at": [50.1, 8.7]}, {"name": "nyc", "at": [40.7, -74.0]}],
        "default_at": [50.1, 8.7],
        "checks": {"port": {"type": "tcp", "port": 8053, "interval_ms": 100, "fall": 2}},
        "names": [{"name": NAME, "ttl": 1, "pops": [
            {"pop": "fra", "a": ["198.18.33.1"], "check": "port", "address": "10.200.1.1"},
            {"pop": "nyc", "a": ["198.18.34.1"], "check": "port", "address": "10.200.2.1"}]}]}
    conf.update(changes)
    return conf


class Reload(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="geodns-"))
        self.write(configuration())
        self.write_zone(1)
        # Nobody listens in nyc: it is down.
        self.listener = socket.create_server(("10.200.1.1", 8053), backlog=64)
        self.accepting = threading.Thread(target=accept_all, args=[self.listener])
        self.accepting.start()
        self.addCleanup(self.refuse)
        self.daemon = self.enterContext(Daemon([GEODNS, "--config", "geodns.json"],
                                               cwd=self.folder))
        self.rest = Rest(os.path.join(self.folder, "api.sock"))
        wait_until(self.is_ready, 5, "the checks have spoken")
        self.addCleanup(self.stop)

    def stop(self):
        if self.daemon.is_running():
            self.assertEqual(self.daemon.stop(), 0)

    def refuse(self):
        """From now on fra is down too."""
        if self.accepting.is_alive():
            self.listener.shutdown(socket.SHUT_RDWR)
            self.accepting.join()
            self.listener.close()

    def is_ready(self):
        if not self.daemon.is_running():
            raise AssertionError("ended: " + self.daemon.log())
        return self.states() == {"fra": "up", "nyc": "down"}

    def states(self):
        return {p["pop"]: p["state"] for p in self.rest.get("/v1/names/" + NAME)["pops"]}

    def write(self, conf, name="geodns.json"):
        with open(os.path.join(self.folder, name), "w") as f:
            f.write(conf if isinstance(conf, str) else json.dumps(conf))

    def write_zone(self, serial, more=""):
        self.write(ZONE % serial + more, "zone")

    def reload(self):
        """How it ended."""
        status, headers, text = self.rest.request("POST", "/v1/reload", "{}")
        self.assertEqual(status, 202, text)
        number = json.loads(text)["reload"]
        return self.ended(number)

    def ended(self, number):
        def is_over():
            told = self.rest.get("/v1/reload")
            return told["reload"] >= number and told["state"] != "loading" and told
        return wait_until(is_over, 20, "the reload has ended")

    def ask(self, name=NAME):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.connect((SERVER, 53))
            sock.send(query(name, 7))
            reply = sock.recv(4096)
        if struct.unpack(">H", reply[6:8])[0] == 0:
            return None
        return socket.inet_ntoa(reply[-4:])

    def test_names_zones_and_places_follow(self):
        self.assertEqual(self.ask(), "198.18.33.1")
        self.assertIsNone(self.ask("new.lab.test"))
        conf = configuration()
        conf["names"].append({"name": "new.lab.test", "pops": [{"pop": "nyc", "a": ["198.18.9.9"]}]})
        self.write(conf)
        self.write_zone(2, "also A 10.9.9.9\n")
        told = self.reload()
        self.assertEqual(told["state"], "applied")
        self.assertEqual(told["changes"], {"names_added": 1, "names_removed": 0, "checks_kept": 2,
                                           "checks_added": 0, "checks_removed": 0})
        self.assertEqual(self.ask("new.lab.test"), "198.18.9.9")
        self.assertEqual(self.ask("also.lab.test"), "10.9.9.9")
        self.assertEqual(self.ask(), "198.18.33.1")

    def test_verdicts_stay(self):
        with self.rest.events(since=0) as events:
            last = [e["id"] for _, e in zip(range(6), events)][-1]
        self.assertEqual(self.reload()["changes"]["checks_kept"], 2)
        # Not unknown for a moment: nyc would count as healthy.
        self.assertEqual(self.states(), {"fra": "up", "nyc": "down"})
        conf = configuration()
        conf["checks"]["port"]["fall"] = 3
        self.write(conf)
        changes = self.reload()["changes"]
        self.assertEqual((changes["checks_kept"], changes["checks_added"],
                          changes["checks_removed"]), (0, 2, 2))
        wait_until(lambda: self.states() == {"fra": "up", "nyc": "down"}, 5, "they ask anew")
        kinds = []
        with self.rest.events(since=last) as events:
            for event in events:
                kinds.append(event["kind"])
                if kinds.count("check_down") + kinds.count("check_up") >= 2:
                    break
        self.assertLess(kinds.index("reloaded"), min(kinds.index("check_up"),
                                                     kinds.index("check_down")), kinds)
        self.assertEqual(kinds.count("reloaded"), 2, "the first has kept both verdicts")

    def test_checks_that_stay_go_on(self):
        self.reload()
        self.refuse()
        wait_until(lambda: self.states()["fra"] == "down", 5, "the check is still at work")

    def test_mistakes_keep_what_is_there(self):
        bad_pop = configuration()
        bad_pop["names"][0]["pops"][1]["pop"] = "xx"
        rows = (
            ("no JSON", "{", ZONE % 2, "", None),
            ("a mistake", bad_pop, ZONE % 2, "names[0].pops[1].pop", "/names/0/pops/1/pop"),
            ("zone's syntax", configuration(), ZONE % 2 + "x A nowhere\n", "line 6",
             "/zones/0/file"),
            ("an empty zone", configuration(), "", "SOA", "/zones/0/file"),
            ("no database", configuration(databases=[{"file": "none.mmdb"}]), ZONE % 2, "none.mmdb",
             "/databases/0/file"),
            ("an empty database", configuration(databases=[{"file": "empty.mmdb"}]), ZONE % 2,
             "empty.mmdb", "/databases/0/file"),
            ("a damaged database", configuration(databases=[{"file": "damaged.mmdb"}]), ZONE % 2,
             "damaged.mmdb", "/databases/0/file"),
            ("no file", configuration(databases=[{"file": "api.sock"}]), ZONE % 2, "",
             "/databases/0/file"),
            ("needs a restart", configuration(threads=1), ZONE % 2, "restart", "/threads"),
            ("descriptors", configuration(tcp={"connections": 100000, "idle_ms": 3600000}),
             ZONE % 2, "descriptors", None),
        )
        self.write("", "empty.mmdb")
        self.write("hello\n" * 1000, "damaged.mmdb")
        for what, conf, zone, reason, pointer in rows:
            with self.subTest(what):
                self.write(conf)
                self.write(zone, "zone")
                if what == "descriptors":
                    subprocess.run(["prlimit", f"--pid={self.daemon.pid}", "--nofile=2000:2000"],
                                   check=True)
                told = self.reload()
                self.assertEqual(told["state"], "refused", told)
                self.assertIn(reason, told["reason"])
                self.assertEqual(told.get("pointer"), pointer, told)
                self.assertEqual(self.ask(), "198.18.33.1")
                self.assertEqual(self.states(), {"fra": "up", "nyc": "down"})
        self.assertIn("nothing has changed: geodns.json: zones[0].file: ", self.daemon.log())
        self.write(configuration())
        self.write_zone(3, "after A 10.9.9.8\n")
        self.assertEqual(self.reload()["state"], "applied")
        self.assertEqual(self.ask("after.lab.test"), "10.9.9.8")
        page = self.rest.request("GET", "/metrics")[2]
        self.assertIn('reloads_total{result="refused"} %d\n' % len(rows), page)

    def test_keys_follow_and_the_parent_is_told(self):
        """Signatures are remembered, but not those by another key."""
        for name in "ab":
            subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                            "ec_paramgen_curve:P-256", "-out", os.path.join(self.folder, name)],
                           check=True, capture_output=True)
        tags = []
        for key in "aba":
            self.write(configuration(zones=[{"name": "lab.test", "file": "zone",
                                             "dnssec": {"csk": key}}]))
            self.assertEqual(self.reload()["state"], "applied")
            told = re.findall(r"zone lab.test: signed, DS (\d+) 13 2", self.daemon.log())
            tags.append(told[-1])
            self.assertEqual(len(told), len(tags), "told of once for each change")
            for _ in range(2):
                out = subprocess.run(["dig", "@" + SERVER, "+dnssec", "+short", NAME],
                                     capture_output=True, text=True, check=True).stdout
                self.assertEqual(re.findall(r" (\d+) lab.test\. ", out), [tags[-1]], out)
        self.assertEqual(tags[0], tags[2])
        self.assertEqual(self.reload()["state"], "applied")
        self.assertEqual(self.daemon.log().count("signed, DS"), 3, "nothing has changed")
        self.write(configuration())
        self.reload()
        self.assertIn("zone lab.test: no longer signed, its DS was " + tags[2], self.daemon.log())

    def test_the_limit_and_cookies_follow(self):
        def cookie():
            out = subprocess.run(["dig", "@" + SERVER, "+cookie=0102030405060708", NAME],
                                 capture_output=True, text=True, check=False).stdout
            found = re.search("; COOKIE: ([0-9a-f]+)", out)
            return found and found[1][16:]

        def answered(count):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(0.3)
                sock.connect((SERVER, 53))
                for i in range(count):
                    sock.send(query(NAME, i))
                try:
                    return [len(sock.recv(512)) for _ in range(count)]
                except TimeoutError:
                    return []
        self.assertFalse(cookie())
        self.assertEqual(len(answered(40)), 40)
        self.write("00112233445566778899aabbccddeeff\n", "secrets")
        limit = {"per_second": 1, "burst": 2, "slip": 0}
        self.write(configuration(cookies={"secrets_file": "secrets"}, rate_limit=limit))
        self.assertEqual(self.reload()["state"], "applied")
        self.assertEqual(len(cookie() or ""), 32)
        self.assertEqual(answered(40), [])
        self.write("0\n", "secrets")
        told = self.reload()
        self.assertEqual((told["state"], told["pointer"]), ("refused", "/cookies/secrets_file"))
        self.write(configuration())
        self.assertEqual(self.reload()["state"], "applied")
        self.assertEqual(len(answered(40)), 40)
        self.assertFalse(cookie())

    def test_caches_remember_what_was_before_the_last_reload(self):
        """Of two reloads the second one knew nothing of the TTL before the first."""
        target = f"/v1/explain?name={NAME}&client=192.0.2.1"
        for ttl in (600, 5, 5):
            conf = configuration()
            conf["names"][0]["ttl"] = ttl
            self.write(conf)
            self.assertEqual(self.reload()["state"], "applied")
        until = datetime.datetime.fromisoformat(self.rest.get(target)["cached_until"])
        self.assertAlmostEqual(until.timestamp() - time.time(), 600, delta=10)

    def test_many_names_are_told_of_by_their_number(self):
        conf = configuration()
        conf["names"] += [dict(conf["names"][0], name=f"n{i}.lab.test") for i in range(300)]
        self.write(conf)
        self.assertEqual(self.reload()["state"], "applied")
        with self.rest.events(since=0) as events:
            self.refuse()
            told = []
            for event in events:
                if event["kind"] in ("pop_down", "record_changed") and event["pop"] == "fra":
                    told.append((event["kind"], event.get("names"), event.get("name")))
                if len(told) == 2:
                    break
        self.assertEqual(told, [("pop_down", 301, None), ("record_changed", 301, None)])

    def test_hangup_and_many_at_once(self):
        self.write_zone(2, "hup A 10.9.9.7\n")
        os.kill(self.daemon.pid, signal.SIGHUP)
        self.ended(1)
        self.assertEqual(self.ask("hup.lab.test"), "10.9.9.7")
        numbers = set()
        for serial in range(3, 23):
            self.write_zone(serial, "n%d A 10.9.8.%d\n" % (serial, serial))
            numbers.add(json.loads(self.rest.request("POST", "/v1/reload", "{}")[2])["reload"])
        told = self.ended(max(numbers))
        self.assertEqual(told["reload"], max(numbers), "none more than asked for")
        self.assertEqual(self.ask("n22.lab.test"), "10.9.8.22", "the last one sees the last file")

    def test_no_query_is_lost(self):
        """Over 20 reloads, with a hundred queries on their way at any moment."""
        socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(10)]
        poller = select.poll()
        waiting = {}
        for sock in socks:
            self.addCleanup(sock.close)
            sock.connect((SERVER, 53))
            poller.register(sock, select.POLLIN)
        by_fd = {sock.fileno(): sock for sock in socks}
        asked, answered, done = 0, 0, 0
        deadline = time.monotonic() + 60
        number = 0
        while (done < 20 or asked < 5000 or waiting) and time.monotonic() < deadline:
            if done < 20 or asked < 5000:
                told = self.rest.get("/v1/reload")
                if told["reload"] >= number and told["state"] in ("none", "applied"):
                    done += number > 0
                    number = json.loads(self.rest.request("POST", "/v1/reload", "{}")[2])["reload"]
                while len(waiting) < 100:
                    sock, ident = socks[asked % len(socks)], asked % 65536
                    sock.send(query(NAME, ident))
                    waiting[sock, ident] = time.monotonic()
                    asked += 1
            for fd, _ in poller.poll(1000):
                reply = by_fd[fd].recv(4096)
                waiting.pop((by_fd[fd], struct.unpack(">H", reply[:2])[0]))
                self.assertEqual(reply[-4:], socket.inet_aton("198.18.33.1"))
                answered += 1
            late = [t for t in waiting.values() if time.monotonic() - t > 10]
            self.assertEqual(late, [], "a query was lost")
        self.assertGreaterEqual(done, 20)
        self.assertEqual(answered, asked)

    def test_stopped_while_loading(self):
        self.write_zone(9, "".join("n%d A 10.0.0.1\n" % i for i in range(100000)))
        self.assertEqual(self.rest.request("POST", "/v1/reload", "{}")[0], 202)
        self.assertEqual(self.daemon.stop(), 0)

    def test_compared_before(self):
        """--diff says whom the reload would move, and a broken file is told apart."""
        conf = configuration(networks=[{"prefix": "20.0.0.0/8", "at": [40.7, -74.0]}])
        self.write(conf, "next.json")

        def diff(*args):
            out = subprocess.run([GEODNS, "--diff", *args], capture_output=True, text=True,
                                 timeout=10, cwd=self.folder)
            return out.returncode, out.stdout + out.stderr
        self.assertEqual(diff("geodns.json", "geodns.json"), (0, "nobody moves\n"))
        status, text = diff("geodns.json", "next.json", "--json")
        self.assertEqual(status, 0, text)
        told = json.loads(text)
        self.assertEqual([n["name"] for n in told["names"]], [NAME])
        move, = told["names"][0]["moves"]
        self.assertEqual((move["from"], move["to"], move["ipv4"]["networks"]),
                         (["fra"], ["nyc"], 1))
        self.assertAlmostEqual(move["ipv4"]["share"], 1 / 256, delta=1e-4)
        self.assertEqual(move["ipv6"], {"networks": 0, "share": 0.0})
        self.assertIn("fra -> nyc: 0.39", diff("geodns.json", "next.json")[1])
        self.write("{", "next.json")
        status, text = diff("geodns.json", "next.json")
        self.assertEqual(status, 2)
        self.assertIn("next.json: ", text)
        self.assertEqual(diff("geodns.json")[0], 2)


if __name__ == "__main__":
    unittest.main()
