# SPDX-License-Identifier: GPL-3.0-or-later
"""The users of the lab against a real origin, nginx and Unbound, in two namespaces."""
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import support
from support import Netns, authority, veth

TESTBED = os.path.abspath(os.environ.get("TESTBED", "build/bin/catchment-testbed"))
FRA, LAX, FRA6 = "198.18.33.1", "198.18.34.1", "2001:db8:33::1"
MS = 1000000


def wait_until(condition, seconds=10, what="condition"):
    return support.wait_until(condition, seconds, what)


class Supervisor(threading.Thread):
    """Listens as the supervisor does and keeps what it is told."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        self.listener.listen(1)
        self.messages, self.rows, self.conn = [], [], None
        self.reading = threading.Event()
        self.reading.set()
        self.start()

    def run(self):
        try:
            self.conn, _ = self.listener.accept()
            while True:
                self.reading.wait()
                data = self.conn.recv(1 << 20)
                if not data:
                    return
                message = json.loads(data)
                self.messages.append(message)
                if message["type"] == "samples":
                    self.rows += message["rows"]
        except OSError:
            return

    def close(self):
        self.listener.close()
        if self.conn:
            self.conn.close()
        self.join(5)

    def of(self, kind, result=None, since=0):
        return [r for r in list(self.rows)
                if r[1] == kind and r[0] >= since and result in (None, r[5])]

    def typed(self, name):
        return [m for m in list(self.messages) if m["type"] == name]


class Users(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.TemporaryDirectory(prefix="catchment-users-")
        cls.addClassCleanup(cls.dir.cleanup)
        cls.here, cls.pop = cls.enterClassContext(Netns()), cls.enterClassContext(Netns())
        veth(cls.here, "wire", ["10.0.0.1/24", "2001:db8:f000::1/64"],
             cls.pop, "wire", ["10.0.0.2/24", "2001:db8:f000::2/64"])
        cls.here.ip("route add 198.18.0.0/15 via 10.0.0.2")
        cls.here.ip("-6 route add 2001:db8:33::/48 via 2001:db8:f000::2")
        for addr in (FRA, LAX, FRA6):
            cls.pop.ip(f"address add {addr} dev lo")
        # A limited router would leave most probes in silence.
        cls.pop.run("sh", "-c", "cd /proc/sys/net/ipv4; echo 0 >icmp_ratelimit; echo 1 >ip_forward")
        dns = cls.here.socket(socket.AF_INET, socket.SOCK_DGRAM)
        dns.bind(("127.0.0.1", 5300))
        cls.authority = authority.Authority(dns, ttl=1)
        cls.addClassCleanup(cls.authority.close)
        cls.start_unbound()
        cls.start_nginx()

    @classmethod
    def keep(cls, process):
        def end():
            process.kill()
            process.wait()
        cls.addClassCleanup(end)
        return process

    @classmethod
    def start_unbound(cls):
        conf = os.path.join(cls.dir.name, "unbound.conf")
        with open(conf, "w") as f:
            f.write("""server:
  interface: 127.0.0.53
  port: 53
  do-daemonize: no
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  module-config: "iterator"
  do-not-query-localhost: no
  local-zone: "test." nodefault
  access-control: 127.0.0.0/8 allow
  infra-host-ttl: 1
  qname-minimisation: no
stub-zone:
  name: "lab.test"
  stub-addr: 127.0.0.1@5300
""")
        cls.keep(cls.here.popen("unbound", "-d", "-c", conf, stderr=subprocess.DEVNULL))
        probe = cls.here.socket(socket.AF_INET, socket.SOCK_DGRAM)
        probe.connect(("127.0.0.53", 53))
        query = b"\x11\x11\1\0\0\1\0\0\0\0\0\0\4test\0\0\1\0\1"

        def answers():
            try:
                probe.send(query)
                return bool(select.select([probe], [], [], 0.1)[0]) and bool(probe.recv(512))
            except OSError:
                return False
        wait_until(answers, what="unbound")
        probe.close()

    @classmethod
    def start_nginx(cls):
        conf = os.path.join(cls.dir.name, "nginx.conf")
        with open(conf, "w") as f:
            f.write(f"""daemon off; master_process off; pid {cls.dir.name}/nginx.pid;
error_log stderr;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {cls.dir.name}/b; proxy_temp_path {cls.dir.name}/p;
  fastcgi_temp_path {cls.dir.name}/f; uwsgi_temp_path {cls.dir.name}/u;
  scgi_temp_path {cls.dir.name}/s;
  server {{
    listen 80; listen [::]:80;
    location = / {{ add_header X-Pop fra; default_type text/plain; return 200 "fra\\n"; }}
    location / {{ return 404; }}
  }}
  server {{ listen {LAX}:80; location = / {{ return 503; }} }}
}}
""")
        cls.keep(cls.pop.popen("nginx", "-c", conf, stderr=subprocess.DEVNULL))

    def setUp(self):
        self.authority.answers = {authority.A: FRA, authority.AAAA: FRA6}
        self.authority.rcode, self.authority.silent = 0, False
        del self.authority.asked[:]
        self.origin = self.start_origin("fra")

    def start_origin(self, name):
        process = self.pop.popen(TESTBED, "origin", "--pop", name, stderr=subprocess.PIPE,
                                 text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertIn("udp 7000", process.stderr.readline())
        return process

    def client(self, **changes):
        """Start a client; its supervisor. Zones are new for each test: no answers left over."""
        path = os.path.join(self.dir.name, f"{len(os.listdir(self.dir.name))}.sock")
        zone = self._testMethodName.replace("_", "-")
        self.start_ns = time.monotonic_ns() + 200 * MS
        config = {"version": 1, "group": "paris", "seed": 7, "users": 3, "timeout_ms": 300,
                  "resolver": "127.0.0.53:53", "start_ns": self.start_ns,
                  "variants": [{"name": "geodns1", "zone": f"{zone}.lab.test"}],
                  "traffic": [{"kind": "udp", "period_ms": 50}], **changes}
        supervisor = Supervisor(path)
        self.addCleanup(supervisor.close)
        with open(path + ".json", "w") as f:
            json.dump(config, f)
        self.process = self.here.popen(TESTBED, "client", "--config", path + ".json",
                                       "--control", path)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        return supervisor

    def finish(self, supervisor):
        """End it as the supervisor does; everything reported must have arrived."""
        self.process.terminate()
        self.assertEqual(self.process.wait(10), 0)
        supervisor.join(5)
        bye = supervisor.messages[-1]
        self.assertEqual(bye["type"], "bye")
        self.assertEqual((bye["rows"], bye["lost"]), (len(supervisor.rows), 0))

    def check_grid(self, rows, period_ms):
        """Each slot of each user and variant once, without a gap, on the grid."""
        self.assertGreater(len(rows), 5)
        times = {}
        for r in rows:
            times.setdefault((r[2], r[3]), []).append(r[0])
        for who, at in times.items():
            at.sort()
            first = at[0]
            self.assertEqual(at, [first + i * period_ms * MS for i in range(len(at))], who)

    def test_everything_well(self):
        traffic = [{"kind": "udp", "period_ms": 50}, {"kind": "http", "period_ms": 200},
                   {"kind": "session", "period_ms": 100}, {"kind": "dns", "period_ms": 200}]
        zone = "everything.lab.test"
        s = self.client(first_user=41, traffic=traffic, ramp_ms=200, timeout_ms=1000, variants=[
            {"name": "a", "zone": f"a.{zone}"}, {"name": "b", "zone": f"b.{zone}"}])
        wait_until(lambda: len(s.of("http", "ok")) >= 60 and s.typed("sender"), what="rows")
        self.finish(s)
        self.assertEqual(s.messages[0], {"type": "hello", "role": "client", "node": "paris",
                                         "version": 1})
        self.assertEqual({r[3] for r in s.rows}, {41, 42, 43})
        self.assertEqual({r[2] for r in s.rows}, {"a", "b"})
        results = {(r[1], r[5]) for r in s.rows}
        self.assertEqual(results, {("udp", "ok"), ("http", "ok"), ("dns", "ok"),
                                   ("session", "open"), ("session", "ok"), ("session", "closed")})
        for r in s.rows:
            self.assertEqual(r[4], "" if r[1] == "dns" else "fra", r)
            self.assertEqual(r[7], "1" if r[1] == "session" else FRA, r)
            self.assertTrue(r[5] == "closed" or 0 <= r[6] < 1000000, r)
            self.assertGreaterEqual(r[0], self.start_ns)
        for kind in traffic:
            rows = [r for r in s.of(kind["kind"]) if r[5] != "closed"]
            if kind["kind"] != "session":
                self.check_grid(rows, kind["period_ms"])
            # Variants share the times of their user.
            self.assertEqual({r[0] for r in rows if r[2] == "a"},
                             {r[0] for r in rows if r[2] == "b"}, kind)
        self.assertEqual(len(s.of("session", "closed")), 6)
        self.assertEqual(len(s.of("session", "open")), 6)
        late = [m["late_us"] for m in s.typed("sender")]
        self.assertLess(min(l["p50"] for l in late), 5000)
        self.assertEqual(sum(n for l in late for _, n in l["buckets"]),
                         sum(m["sent"] for m in s.typed("sender")))

    def test_ipv6(self):
        s = self.client(family=6, traffic=[{"kind": "udp", "period_ms": 50},
                                           {"kind": "http", "period_ms": 100},
                                           {"kind": "session", "period_ms": 100}])
        wait_until(lambda: len(s.of("http", "ok")) > 5 and len(s.of("udp", "ok")) > 5 and
                   len(s.of("session", "ok")) > 5, what="IPv6 rows")
        self.finish(s)
        self.assertEqual({r[7] for r in s.of("udp", "ok")}, {FRA6})

    def test_origin_killed_is_refused_and_comes_back(self):
        s = self.client(traffic=[{"kind": "udp", "period_ms": 50},
                                 {"kind": "session", "period_ms": 100}])
        wait_until(lambda: len(s.of("session", "ok")) > 5, what="session")
        self.origin.kill()
        self.origin.wait()
        died = time.monotonic_ns()
        wait_until(lambda: len(s.of("udp", "refused", died)) > 10 and
                   len(s.of("session", "refused", died)) > 5, what="refused")
        self.origin = self.start_origin("fra")
        back = time.monotonic_ns()
        wait_until(lambda: len(s.of("session", "ok", back)) > 5, what="back")
        self.finish(s)
        self.assertLess(len(s.of("udp", "silent")), 5, "refusals, not silence")
        for r in s.of("udp", "refused"):
            self.assertEqual(r[4], "")
            self.assertLess(r[6], 250000, "a refusal is known at once")
        # One end per session and user, found when it happened; the next one is number 2.
        ends = s.of("session", "reset")
        self.assertEqual(sorted(r[3] for r in ends), [1, 2, 3])
        for r in ends:
            self.assertEqual(r[7], "1")
            self.assertLess(abs(r[0] - died), 200 * MS)
        self.assertEqual({r[7] for r in s.of("session", "refused")}, {"2"})
        self.assertEqual({r[7] for r in s.of("session", "open")}, {"1", "2"})
        self.check_grid(s.of("udp"), 50)

    def test_origin_stopped_is_silent_and_the_plan_goes_on(self):
        s = self.client(traffic=[{"kind": "udp", "period_ms": 50},
                                 {"kind": "session", "period_ms": 100}])
        wait_until(lambda: len(s.of("session", "ok")) > 5, what="session")
        self.origin.send_signal(signal.SIGSTOP)
        stopped = time.monotonic_ns()
        wait_until(lambda: len(s.of("udp", "silent", stopped)) > 30, what="silence")
        self.origin.send_signal(signal.SIGCONT)
        woken = time.monotonic_ns()
        wait_until(lambda: len(s.of("session", "ok", woken)) > 5, what="beats again")
        self.finish(s)
        for r in s.of("udp", "silent"):
            self.assertGreaterEqual(r[6], 300000)
            self.assertLess(r[6], 400000)
        # Open loop: not one slot is missing, and each failed for itself.
        self.check_grid(s.of("udp"), 50)
        # The sessions have survived, with beats far later than a request may be.
        self.assertEqual({r[5] for r in s.of("session")}, {"open", "ok", "closed"})
        self.check_grid(s.of("session", "ok"), 100)
        self.assertGreater(max(r[6] for r in s.of("session", "ok")), 300000)

    def test_session_times_out(self):
        s = self.client(session_timeout_ms=500, traffic=[{"kind": "session", "period_ms": 100}])
        wait_until(lambda: len(s.of("session", "ok")) > 5, what="session")
        self.origin.send_signal(signal.SIGSTOP)
        stopped = time.monotonic_ns()
        wait_until(lambda: len(s.of("session", "timed_out")) == 3, what="timed out")
        # The backlog still accepts: opening is silent, not refused.
        wait_until(lambda: len(s.of("session", "silent")) >= 3, what="silent opening")
        self.finish(s)
        for r in s.of("session", "timed_out"):
            self.assertTrue(500 * MS <= r[0] + r[6] * 1000 - stopped < 900 * MS, r)
            self.assertGreaterEqual(r[6], 500000)
        self.assertEqual(s.of("session", "closed"), [])

    def test_black_hole_is_silent(self):
        s = self.client(traffic=[{"kind": "udp", "period_ms": 50},
                                 {"kind": "http", "period_ms": 100},
                                 {"kind": "session", "period_ms": 100}])
        wait_until(lambda: len(s.of("session", "ok")) > 5, what="session")
        self.pop.ip("route add blackhole 10.0.0.1")
        hole = time.monotonic_ns()
        wait_until(lambda: len(s.of("udp", "silent", hole)) > 5 and
                   len(s.of("http", "silent", hole)) > 2, what="silent")
        self.pop.ip("route del blackhole 10.0.0.1")
        healed = time.monotonic_ns()
        wait_until(lambda: len(s.of("http", "ok", healed)) > 2 and
                   len(s.of("session", "ok", healed)) > 2, what="healed")
        self.finish(s)
        self.assertEqual({r[5] for r in s.of("udp")}, {"ok", "silent"})
        self.check_grid(s.of("udp"), 50)

    def test_unreachable_says_the_router(self):
        """
        One kind at a time: Linux sends five of these errors per asker, then one a second
        (net.ipv4.route.error_cost, which only the first namespace has), so that of several
        kinds on the same grid one would get them all. The rest of the requests meets silence.
        """
        for kind in ("udp", "http", "session"):
            s = self.client(traffic=[{"kind": kind, "period_ms": 50}])
            wait_until(lambda: len(s.of(kind, "open" if kind == "session" else "ok")) > 2,
                       what=f"{kind} ok")
            if kind == "session":
                # An open session takes no notice: only a new one hears the router.
                self.origin.kill()
                wait_until(lambda: s.of(kind, "refused"), what="session's end")
            self.pop.ip(f"address del {FRA}/32 dev lo")
            self.pop.ip(f"route add unreachable {FRA}")
            gone = time.monotonic_ns()
            try:
                wait_until(lambda: s.of(kind, "unreachable", gone), 20, f"{kind} unreachable")
            finally:
                self.pop.ip(f"route del unreachable {FRA}")
                self.pop.ip(f"address add {FRA} dev lo")
            self.finish(s)
            for r in s.of(kind, "unreachable"):
                self.assertLess(r[6], 250000, "known at once")

    def test_no_route_of_ones_own(self):
        s = self.client(traffic=[{"kind": "udp", "period_ms": 50},
                                 {"kind": "http", "period_ms": 50}])
        wait_until(lambda: len(s.of("http", "ok")) > 5, what="ok")
        for way in ("unreachable", "blackhole", "prohibit"):
            self.here.ip(f"route add {way} {FRA}")
            since = time.monotonic_ns()
            wait_until(lambda: len(s.of("udp", "unreachable", since)) > 5 and
                       len(s.of("http", "unreachable", since)) > 5, what=way)
            self.here.ip(f"route del {way} {FRA}")
        healed = time.monotonic_ns()
        wait_until(lambda: len(s.of("udp", "ok", healed)) > 5, what="healed")
        self.finish(s)
        self.check_grid(s.of("udp"), 50)

    def test_wrong_answers(self):
        self.authority.answers[authority.A] = LAX
        self.origin.kill()
        self.origin.wait()
        udp = self.pop.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((LAX, 7000))
        self.addCleanup(udp.close)

        def babble():
            while True:
                try:
                    data, client = udp.recvfrom(200)
                    token = data.split()[1].decode()
                    answer = f"catchment x{token} lax\n" if token.endswith("0") else "what?"
                    udp.sendto(answer.encode(), client)
                except OSError:
                    return
        threading.Thread(target=babble, daemon=True).start()
        s = self.client(traffic=[{"kind": "udp", "period_ms": 50},
                                 {"kind": "http", "period_ms": 100}])
        wait_until(lambda: len(s.of("udp", "wrong")) > 30 and len(s.of("http", "wrong")) > 5,
                   what="wrong")
        self.finish(s)
        self.assertEqual(s.of("udp", "ok"), [])
        self.assertEqual({r[7] for r in s.of("http", "wrong")}, {"status 503"})

    def test_names_are_asked_anew_and_followed(self):
        s = self.client(traffic=[{"kind": "udp", "period_ms": 50}], users=1)
        wait_until(lambda: len(s.of("udp", "ok")) > 40, what="ok")
        # TTL 1 s, a request every 50 ms: the resolver's cache stands in between.
        asked = len(self.authority.asked)
        self.assertIn(asked, range(2, 6), "asked once per TTL, by every user his own name")
        self.assertTrue(self.authority.asked[0][1].startswith("u1."))
        self.authority.answers[authority.A] = LAX
        moved = time.monotonic_ns()
        wait_until(lambda: any(r[7] == LAX for r in s.of("udp", "ok")), what="new address")
        self.finish(s)
        first = min(r[0] for r in s.of("udp", "ok") if r[7] == LAX)
        # Unbound counts whole seconds and keeps the last one: TTL 1 is 1 to 2 s.
        self.assertLess(first - moved, 2300 * MS)
        self.assertFalse([r for r in s.of("udp", "ok", first) if r[7] == FRA])
        self.check_grid(s.of("udp"), 50)

    def test_application_cache_outlives_the_ttl(self):
        s = self.client(cache="jvm", users=1)
        wait_until(lambda: len(s.of("udp", "ok")) > 40, what="ok")
        self.authority.answers[authority.A] = LAX
        moved = time.monotonic_ns()
        wait_until(lambda: len(s.of("udp", "ok", moved)) > 40, what="ok after the move")
        self.finish(s)
        self.assertEqual({r[7] for r in s.of("udp")}, {FRA})
        self.assertEqual(len({n for _, n, _ in self.authority.asked}), 1)
        self.assertEqual(len(self.authority.asked), 1)

    def test_dns_failures_are_told_apart(self):
        s = self.client(traffic=[{"kind": "dns", "period_ms": 100},
                                 {"kind": "http", "period_ms": 100}])
        wait_until(lambda: len(s.of("dns", "ok")) > 5, what="ok")
        for rcode, detail in ((3, "nxdomain"), (2, "servfail")):
            self.authority.rcode = rcode
            since = time.monotonic_ns()
            wait_until(lambda: detail in {r[7] for r in s.of("dns", "dns_failed", since)} and
                       detail in {r[7] for r in s.of("http", "dns_failed", since)}, what=detail)
        self.finish(s)
        self.assertTrue(all(r[4] == "" for r in s.of("dns", "dns_failed")))

    def test_silent_resolver_is_a_dns_timeout(self):
        deaf = self.here.socket(socket.AF_INET, socket.SOCK_DGRAM)
        deaf.bind(("127.0.0.54", 53))
        self.addCleanup(deaf.close)
        s = self.client(resolver="127.0.0.54", timeout_ms=600, users=1,
                        traffic=[{"kind": "dns", "period_ms": 1000}])
        wait_until(lambda: len(s.of("dns")) >= 1, what="row")
        self.finish(s)
        self.assertEqual({(r[5], r[7]) for r in s.rows}, {("dns_failed", "timeout")})
        self.assertTrue(all(600000 <= r[6] < 700000 for r in s.rows), s.rows)
        queries = []
        while select.select([deaf], [], [], 0)[0]:
            queries.append(deaf.recv(512))
        # Each question twice: the second time with the same id.
        self.assertEqual(len(queries), 2 * len(s.rows))
        self.assertEqual(queries[0], queries[1])

    def test_sigterm_waits_for_what_is_under_way(self):
        s = self.client(traffic=[{"kind": "udp", "period_ms": 50}], timeout_ms=500)
        wait_until(lambda: len(s.of("udp", "ok")) > 10, what="ok")
        self.origin.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        told = time.monotonic_ns()
        self.finish(s)
        took = time.monotonic_ns() - told
        self.assertTrue(300 * MS < took < 900 * MS, took)
        self.check_grid(s.of("udp"), 50)
        last = {r[3]: r[0] for r in sorted(s.rows)}
        for user, at in last.items():
            self.assertLess(abs(told - at), 100 * MS, f"user {user}: slots up to SIGTERM")

    def test_slow_supervisor_loses_nothing(self):
        s = self.client(users=40, traffic=[{"kind": "udp", "period_ms": 10}])
        wait_until(lambda: s.of("udp", "ok"), what="ok")
        s.reading.clear()
        time.sleep(2)
        s.reading.set()
        wait_until(lambda: len(s.of("udp", "ok")) > 8000, what="the rows of 2 s")
        self.finish(s)
        self.check_grid(s.of("udp"), 10)

    def test_supervisor_gone(self):
        s = self.client()
        wait_until(lambda: s.of("udp", "ok"), what="ok")
        s.conn.shutdown(socket.SHUT_RDWR)
        self.assertEqual(self.process.wait(5), 1)

    def test_bad_configuration(self):
        path = os.path.join(self.dir.name, "bad.json")
        with open(path, "w") as f:
            f.write('{"version":1,"group":"paris","seed":1,"users":0}')
        run = subprocess.run([TESTBED, "client", "--config", path, "--control", "/nowhere"],
                             capture_output=True, text=True)
        self.assertEqual(run.returncode, 2)
        self.assertIn("users: 0 is not between 1 and 5000", run.stderr)
        for argv in (["client"], ["origin"], ["origin", "--pop", "-x"],
                     ["origin", "--pop", "fra", "--udp", "0"]):
            run = subprocess.run([TESTBED, *argv], capture_output=True, text=True)
            self.assertEqual(run.returncode, 2, argv)
            self.assertTrue(run.stderr, argv)
