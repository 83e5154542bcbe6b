# SPDX-License-Identifier: GPL-3.0-or-later
"""catchment-geodns at its start and at its end: what is refused, and how it goes."""
import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import tempfile
import unittest

from support import ROOT
from support.geodns_lab import (ASIDE, GEODNS, NS4, NS6, ZONE, Nameserver, configuration,
                                enter_namespace, files_write, query)


def setUpModule():
    enter_namespace()


class Start(unittest.TestCase):
    """What is refused, and how."""

    def start(self, conf, preexec_fn=None):
        with tempfile.TemporaryDirectory() as folder:
            files_write(folder, zone=ZONE, more="", geodns_json=json.dumps(conf))
            path = os.path.join(folder, "geodns.json")
            out = subprocess.run([GEODNS, "--config", path], capture_output=True, text=True,
                                 timeout=5, cwd=folder, preexec_fn=preexec_fn)
            return out.returncode, out.stderr.replace(path, "FILE")

    def test_bad_configuration(self):
        conf = configuration()
        conf["names"][0]["pops"][1]["pop"] = "xx"
        self.assertEqual(self.start(conf), (2, "FILE: names[0].pops[1].pop: unknown pop 'xx'\n"))

    def test_bad_zone(self):
        conf = configuration(zones=[{"name": "lab.test", "file": "none.zone"}])
        self.assertEqual(self.start(conf),
                         (2, "FILE: zones[0].file: cannot open: No such file or directory\n"))

    def test_conflict_with_the_zone(self):
        conf = configuration()
        conf["names"][0]["name"] = "ns1.lab.test"
        self.assertEqual(self.start(conf),
                         (2, "FILE: names[0].name: ns1.lab.test: has addresses in the zone file\n"))

    def test_address_in_use(self):
        with Nameserver(configuration(listen=[ASIDE + ":53"])):
            status, err = self.start(configuration(listen=[ASIDE + ":53"]))
            self.assertEqual(status, 3)
            self.assertIn("cannot listen on 10.1.0.77:53: Address already in use", err)

    def test_too_few_descriptors(self):
        conf = configuration(tcp={"connections": 800})
        status, err = self.start(
            conf, lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024)))
        self.assertEqual((status, err), (3, "800 TCP connections and the rest need 1114 "
                                            "descriptors, the limit is 1024\n"))

    def test_any_address_answers_from_the_one_asked(self):
        with Nameserver(configuration(listen=["0.0.0.0:5300", "[::]:5300"])):
            for family, addr in ((socket.AF_INET, ASIDE), (socket.AF_INET, NS4),
                                 (socket.AF_INET6, "2001:db8:f001::77"), (socket.AF_INET6, NS6)):
                with socket.socket(family, socket.SOCK_DGRAM) as sock:
                    sock.settimeout(2)
                    sock.connect((addr, 5300))  # from now on only replies from there are seen
                    sock.send(query("ns1.lab.test"))
                    self.assertIn(socket.inet_aton(NS4), sock.recv(4096), addr)

    def test_requests_that_come_with_the_end(self):
        """They are answered or not, but from nothing that has been freed."""
        with Nameserver(configuration(listen=[ASIDE + ":53"])) as server, \
                contextlib.ExitStack() as stack:
            server.daemon.signal(signal.SIGSTOP)
            for target in ("/metrics", "/v1/names", "/v1/status") * 5:
                sock = stack.enter_context(server.rest.socket(5))
                sock.sendall(("GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % target).encode())
            server.daemon.signal(signal.SIGTERM)
            server.daemon.signal(signal.SIGCONT)
            self.assertEqual(server.daemon.wait(), 0, server.daemon.log())

    def test_more_signals_do_not_cut_the_stop_short(self):
        with Nameserver(configuration(listen=[ASIDE + ":53"])) as server:
            self.assertEqual(server.daemon.stop_impatiently(), 0)

    def test_check_starts_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            example = os.path.join(ROOT, "docs/example/geodns.json")
            out = subprocess.run([GEODNS, "--config", example, "--check"], capture_output=True,
                                 text=True, timeout=5, cwd=folder)
            self.assertEqual((out.returncode, out.stdout), (0, example + ": ok\n"))
