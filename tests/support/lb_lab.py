# SPDX-License-Identifier: GPL-3.0-or-later
"""A catchment-lb between two BIRDs, each in an anonymous network namespace of its own.

    t1 (AS 65101) 10.1.1.2 ---- 10.1.1.3  lb  10.1.2.3 ---- 10.1.2.2 t2 (AS 65102)

A namespace lives as long as its holder process, so nothing stays behind.
"""
import contextlib
import http.client
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import support  # noqa: E402

ROOT = support.ROOT
LB = os.environ.get("CATCHMENT_LB", os.path.join(support.BIN, "catchment-lb"))


def wait_until(condition, seconds=10, what="condition"):
    return support.wait_until(condition, seconds, what)


class Namespace(support.Netns):
    def __init__(self):
        self.__enter__()

    def get(self, address, port, path):
        """GET over TCP from inside: (status, JSON)."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.socket(family, socket.SOCK_STREAM) as sock:
            sock.settimeout(2)
            sock.connect((address, port))
            return fetch(sock, path)

    def close(self):
        self.__exit__()


def fetch(sock, path):
    connection = http.client.HTTPConnection("catchment")
    connection.sock = sock
    connection.request("GET", path)
    reply = connection.getresponse()
    body = reply.read().decode()
    if "json" in reply.getheader("Content-Type", ""):
        body = json.loads(body)
    return reply.status, body


class Origin:
    """An HTTP server inside a namespace that can be sick, dead and alive again."""

    def __init__(self, ns, port):
        self.ns, self.port, self.body, self.status = ns, port, "I am fra", 200
        self.server = None
        self.start()

    def start(self):
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(origin.status)
                self.send_header("Content-Length", str(len(origin.body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(origin.body.encode())

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("", 0), Handler, False)
        self.server.socket.close()
        self.server.socket = self.ns.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.server.socket.bind(("127.0.0.1", self.port))
        self.server.socket.listen()
        self.server.handle_error = lambda *args: None
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
        self.server = None


class Bird:
    """An upstream: sends a default route in both families, takes everything. words: more of its
    session's configuration."""

    def __init__(self, ns, directory, name, asn, address, lb, address6, words=""):
        self.ns, self.name = ns, name
        self.control = os.path.join(directory, name + ".ctl")
        self.config = os.path.join(directory, name + ".conf")
        with open(self.config, "w", encoding="ascii") as out:
            out.write("""
log stderr all;
router id %(address)s;
protocol device { scan time 1; }
protocol kernel { ipv4 { export all; import none; }; }
protocol kernel { ipv6 { export all; import none; }; }
protocol static { ipv4; route 0.0.0.0/0 unreachable; }
protocol static { ipv6; route ::/0 unreachable; }
protocol bfd { interface "lb" { interval 100 ms; multiplier 3; }; }
protocol bgp lb {
	bfd on;
	local %(address)s as %(asn)d;
	neighbor %(lb)s as 64500;
	check link no; hold time 9; connect retry time 1; connect delay time 0; error wait time 1, 2;
	%(words)s
	ipv4 { import all; export where net = 0.0.0.0/0; next hop self; };
	ipv6 { import all; export where net = ::/0; next hop address %(address6)s; };
}
""" % {"address": address, "asn": asn, "lb": lb, "address6": address6, "words": words})
        self.daemon = None
        self.start()

    @property
    def process(self):
        return self.daemon.process

    def start(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.control)
        self.daemon = support.Daemon(["bird", "-f", "-c", self.config, "-s", self.control],
                                     netns=self.ns, name=self.name)
        self.daemon.__enter__()

    def ask(self, *words):
        return subprocess.run(["birdc", "-r", "-s", self.control, *words], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False).stdout

    def has(self, prefix):
        return "unicast" in self.ask("show", "route", prefix)

    def stop(self, how=signal.SIGKILL):
        self.daemon.signal(how, 5)

    def close(self):
        if self.daemon.is_running():
            self.stop()


def configuration(socket_path, **changes):
    """Checks every 100 ms so that tests are quick; timers of BGP as in the lab."""
    conf = {
        "version": 1, "pop": "fra", "asn": 64500, "router_id": "10.200.1.1",
        "api": {"listen": "unix:" + socket_path},
        "identity": {"prefixes": ["10.200.1.0/24", "2001:db8:f701::/48"],
                     "addresses": ["10.200.1.1", "2001:db8:f701::1"], "port": 8053},
        "checks": {"web": {"type": "http", "port": 8080, "path": "/", "match": "fra",
                           "interval_ms": 100, "timeout_ms": 100, "rise": 2, "fall": 2}},
        "origins": [{"name": "local", "address": "127.0.0.1", "check": "web"}],
        "vips": [
            {"name": "anycast", "prefixes": ["198.18.0.0/24", "2001:db8:1000::/48"],
             "addresses": ["198.18.0.1", "2001:db8:1000::1"], "origins": ["local"],
             "linger_ms": 1000, "policy": {"prepend": 1, "communities": ["65101:100"], "med": 10}},
            {"name": "geodns30", "prefixes": ["198.18.33.0/24"], "addresses": ["198.18.33.1"],
             "announce": "always", "origins": ["local"]}],
        "bgp": {"hold_time": 9, "connect_retry": 1, "peers": [
            {"name": "t1", "address": "10.1.1.2", "local_address": "10.1.1.3", "asn": 65101,
             "families": ["ipv4", "ipv6"], "default_route": True},
            {"name": "t2", "address": "10.1.2.2", "local_address": "10.1.2.3", "asn": 65102,
             "families": ["ipv4", "ipv6"], "default_route": True}]},
        "dataplane": {"type": "local"},
    }
    conf.update(changes)
    return conf


class Daemon(support.Daemon):
    def __init__(self, lab, conf, prefix, program=LB):
        self.lab = lab
        self.path = os.path.join(lab.directory, "lb.json")
        with open(self.path, "w", encoding="ascii") as out:
            json.dump(conf, out)
        super().__init__([*prefix, program, "--config", self.path, "--verbose"], netns=lab.lb)
        self.__enter__()
        wait_until(self.answers, what="catchment-lb answers")

    def answers(self):
        if not self.is_running():
            raise AssertionError("catchment-lb has ended: " + self.log())
        return self.get("/healthz")[0] == 200

    def connect(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(5)
        try:
            sock.connect(self.lab.socket)
        except OSError:
            sock.close()
            raise
        return sock

    def get(self, path):
        with self.connect() as sock:
            return fetch(sock, path)

    def vip(self, name):
        return self.get("/v1/vips/" + name)[1]

    def peer(self, name):
        return self.get("/v1/peers/" + name)[1]

    def events(self, until, since=0, seconds=10):
        """All events after id since, until one of this kind and with these fields has come."""
        seen, end = [], time.monotonic() + seconds
        with self.connect() as sock:
            sock.sendall(b"GET /v1/events?since=%d HTTP/1.1\r\nHost: lb\r\n\r\n" % since)
            text = b""
            while time.monotonic() < end:
                sock.settimeout(max(0.01, end - time.monotonic()))
                with contextlib.suppress(TimeoutError):
                    more = sock.recv(65536)
                    if not more:
                        break  # the daemon has ended
                    text += more
                lines = text.split(b"\n")
                text = lines.pop()
                for line in lines:
                    if not line.startswith(b"data: "):
                        continue
                    seen.append(json.loads(line[6:]))
                    if until.items() <= seen[-1].items():
                        return seen
        raise AssertionError("no %s in %s" % (until, "\n".join(map(str, seen))))

    def last_id(self):
        return self.get("/v1/status")[1]["last_event_id"]

    def stop(self, how=signal.SIGTERM):
        return self.signal(how, 5)


class Lab:
    def __init__(self, birds=True):
        self.temporary = tempfile.TemporaryDirectory(prefix="lb-")
        self.directory = self.temporary.name
        self.socket = os.path.join(self.directory, "lb.sock")
        self.lb, self.t1, self.t2 = Namespace(), Namespace(), Namespace()
        self.wire(self.t1, "t1", "10.1.1", "2001:db8:f001:1:")
        self.wire(self.t2, "t2", "10.1.2", "2001:db8:f001:2:")
        self.origin = Origin(self.lb, 8080)
        self.birds, self.daemon = [], None
        if birds:
            self.birds = [
                Bird(self.t1, self.directory, "t1", 65101, "10.1.1.2", "10.1.1.3",
                     "2001:db8:f001:1::2"),
                Bird(self.t2, self.directory, "t2", 65102, "10.1.2.2", "10.1.2.3",
                     "2001:db8:f001:2::2")]

    def wire(self, other, name, net, net6):
        ends = [["%s.%d/24" % (net, host), "%s:%d/64" % (net6, host)] for host in (3, 2)]
        support.veth(self.lb, name, ends[0], other, "lb", ends[1])

    def start(self, prefix=(), **changes):
        """The daemon; prefix: words before its command."""
        self.daemon = Daemon(self, configuration(self.socket, **changes), prefix)
        return self.daemon

    def addresses(self):
        """Addresses on lo in the lb's namespace."""
        links = json.loads(self.lb.run("ip", "-j", "address", "show", "dev", "lo"))
        return {a["local"] for a in links[0]["addr_info"]}

    def own_routes(self, family="-4"):
        return self.lb.run("ip", family, "route", "show", "proto", "67")

    def legs(self, family="-4"):
        """Next hops of the default route that the daemon has installed."""
        words = self.lb.run("ip", family, "route", "show", "default", "metric", "32").split()
        return [words[i + 1] for i, word in enumerate(words) if word == "via"]

    def close(self):
        if self.daemon and self.daemon.is_running():
            self.daemon.stop(signal.SIGKILL)
        for bird in self.birds:
            bird.close()
        self.origin.stop()
        for ns in (self.lb, self.t1, self.t2):
            ns.close()
        self.temporary.cleanup()
