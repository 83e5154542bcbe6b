# SPDX-License-Identifier: GPL-3.0-or-later
"""A catchment-geodns with a zone, the targets of its checks, and an Unbound before it.

All are addresses on lo in a network namespace that the test's process enters.
"""
import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

from . import BIN
from .daemon import Daemon
from .netns import Netns
from .rest import Rest
from .wait import wait_until

GEODNS = os.path.join(os.environ.get("CATCHMENT_BIN", BIN), "catchment-geodns")
NS4, NS6, RESOLVER, ASIDE = "10.1.0.53", "2001:db8:f001::53", "10.1.0.99", "10.1.0.77"
PARIS, CHICAGO = "100.64.0.1", "100.64.1.1"
TARGETS = {"fra": "10.200.1.1", "nyc": "10.200.2.1"}

TARGET = """
import http.server, sys
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64
    def handle_error(self, *args):
        pass
class Verdict(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ('{"pop":"%s"}' % sys.argv[2]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
Server((sys.argv[1], 8053), Verdict).serve_forever()
"""

ZONE = """
$TTL 3600
@ 600 SOA ns1 hostmaster 1 7200 3600 1209600 60
@ NS ns1
ns1 A 10.1.0.53
ns1 AAAA 2001:db8:f001::53
www CNAME home.geo
deep.ent TXT "x"
$INCLUDE more
deleg NS ns.deleg
ns.deleg A 10.1.0.60
""" + "".join("big A 10.2.0.%d\n" % i for i in range(1, 101))

ROOT_ZONE = """
$TTL 3600
. SOA root. hostmaster. 1 7200 3600 1209600 60
. NS root.
root. A 10.1.0.77
lab.test. NS ns1.lab.test.
ns1.lab.test. A 10.1.0.53
"""

STUB = """stub-zone:
 name: "lab.test"
 stub-addr: %s
""" % NS4


def enter_namespace():
    """For setUpModule: this process into a namespace with all these addresses."""
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: network namespaces")
    unittest.enterModuleContext(unittest.enterModuleContext(Netns()).entered())
    for addr in (NS4, RESOLVER, ASIDE, PARIS, CHICAGO, *TARGETS.values()):
        ip("addr", "add", addr + "/32", "dev", "lo")
    for addr in (NS6, "2001:db8:f001::77"):
        ip("addr", "add", addr + "/128", "dev", "lo", "nodad")


def ip(*args):
    subprocess.run(["ip", *args], check=True)


def target(name, pop):
    return {"pop": name, "check": "verdict", "address": TARGETS[name], "path": "/verdict/geo",
            "match": '"pop":"%s"' % pop}


def configuration(**changes):
    both = [dict(target("fra", "fra"), a=["198.18.33.1"], aaaa=["2001:db8:1001::1"]),
            dict(target("nyc", "nyc"), a=["198.18.34.1"], aaaa=["2001:db8:1002::1"])]
    conf = {
        "version": 1, "listen": [NS4 + ":53", "[" + NS6 + "]:53"], "threads": 2, "identity": "ns1",
        "api": {"listen": "unix:api.sock"}, "state_file": "states",
        "tcp": {"connections": 20, "per_client": 5, "idle_ms": 1000},
        "zones": [{"name": "lab.test", "file": "zone"}],
        "networks": [{"prefix": "100.64.0.0/24", "at": [48.8, 2.3]},
                     {"prefix": "100.64.1.0/24", "at": [41.9, -87.6]}],
        "default_at": [50.1, 8.7],
        "pops": [{"name": "fra", "at": [50.1, 8.7]}, {"name": "nyc", "at": [40.7, -74.0]}],
        "checks": {"verdict": {"type": "http", "port": 8053, "interval_ms": 100,
                               "timeout_ms": 100, "rise": 2, "fall": 3}},
        "names": [{"name": "*.geo.lab.test", "ttl": 1, "pops": both},
                  {"name": "strict.lab.test", "when_all_down": "none", "pops": both}]}
    conf.update(changes)
    return conf


def files_write(folder, **files):
    for name, text in files.items():
        with open(os.path.join(folder, name.replace("_", ".")), "w") as f:
            f.write(text)


class Nameserver:
    """A catchment-geodns with its API; ends with its block, and must do so with status 0.

    prepare: called with the folder, for files beside the zones. folder: one with all files in it,
    for several with different names; without it there are this module's, in one of its own.
    """

    def __init__(self, conf, prepare=None, folder=None, name="geodns"):
        self.conf, self.prepare, self.folder, self.name = conf, prepare, folder, name

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            if not self.folder:
                self.folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="geodns-"))
                files_write(self.folder, zone=ZONE, root=ROOT_ZONE, more="included A 10.1.0.61\n")
            files_write(self.folder, **{self.name + "_json": json.dumps(self.conf)})
            if self.prepare:
                self.prepare(self.folder)
            self.daemon = stack.enter_context(Daemon([GEODNS, "--config", self.name + ".json"],
                                                     cwd=self.folder, name=self.name))
            self.rest = Rest(os.path.join(self.folder,
                                          self.conf["api"]["listen"].removeprefix("unix:")))
            wait_until(self.is_ready, 5, "it is ready")
            self.stack = stack.pop_all()
        return self

    def is_ready(self):
        if not self.daemon.is_running():
            raise AssertionError("ended: " + self.daemon.log())
        return self.rest.get("/healthz")["status"] == "ok"

    def __exit__(self, *what):
        try:
            status = self.daemon.stop()
        finally:
            self.stack.__exit__(*what)
        assert status == 0, "SIGTERM must end it with status 0, not %d" % status

    def metric(self, name):
        lines = self.rest.request("GET", "/metrics")[2].splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines
                   if line.startswith("catchment_geodns_" + name))

    def events(self, since_ns, kind, count):
        """What happened from that instant on, until that many of a kind have come."""
        found = []
        with self.rest.events(since=0) as events:
            for event in events:
                if event["t_ns"] > since_ns:
                    found.append(event)
                if sum(e["kind"] == kind for e in found) == count:
                    return found
        raise AssertionError("the stream has ended")

    def states(self):
        return {p["pop"]: p["state"] for p in self.rest.get("/v1/names/*.geo.lab.test")["pops"]}


class Unbound:
    """A resolver at RESOLVER that asks from CHICAGO; how it finds the zone is the caller's, and
    what it must be to be believed: insecure, that is nothing."""

    def __init__(self, server, other, modules="iterator", insecure=True):
        self.conf = """server:
 interface: %s
 outgoing-interface: %s
 access-control: 0.0.0.0/0 allow
 do-daemonize: no
 chroot: ""
 username: ""
 directory: "."
 pidfile: ""
 use-syslog: no
 module-config: "%s"
 do-ip6: no
 local-zone: "test." nodefault
%s
%s
remote-control:
 control-enable: no
%s
""" % (RESOLVER, CHICAGO, modules, ' domain-insecure: "test."' if insecure else "", server, other)

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="unbound-"))
            files_write(folder, unbound_conf=self.conf,
                        hints=". 3600 NS root.\nroot. 3600 A %s\n" % ASIDE)
            stack.enter_context(Daemon(["unbound", "-d", "-c", "unbound.conf"], cwd=folder))
            wait_until(lambda: socket.create_connection((RESOLVER, 53)).close() is None, 5,
                       "Unbound listens")
            wait_until(self.is_ready, 5, "Unbound answers")
            self.stack = stack.pop_all()
        return self

    def is_ready(self):
        return short("ns1.lab.test", server=RESOLVER) == [NS4]

    def __exit__(self, *what):
        self.stack.__exit__(*what)


class Target(Daemon):
    """The page of a PoP that says how it is; killed, its kernel refuses connections."""

    def __init__(self, pop, says=None):
        super().__init__([sys.executable, "-c", TARGET, TARGETS[pop], says or pop], name=pop)


def kdig(*args, server=NS4):
    out = subprocess.run(["kdig", "@" + server, "+retry=0", "+timeout=2", *args],
                         capture_output=True, text=True)
    return out.stdout + out.stderr


def short(*args, server=NS4):
    return [line for line in kdig(*args, "+short", server=server).split("\n")
            if line and not line.startswith(";;")]


def query(name, qtype=1, ident=0x1234, extra=b""):
    wire = b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0"
    return struct.pack(">6H", ident, 0, 1, 0, 0, 0) + wire + struct.pack(">HH", qtype, 1) + extra
