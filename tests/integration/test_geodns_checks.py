#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A catchment-geodns that checks nameservers: the answers of one decide about those of the other."""

import json
import os
import subprocess
import tempfile
import unittest

from support import BIN, Daemon, Netns, Rest, wait_until

GEODNS = os.path.join(os.environ.get("CATCHMENT_BIN", BIN), "catchment-geodns")
ZONE = "@ 600 SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ NS ns1\nns1 A 10.1.0.53\nok A %s\n"
ASKING, ASKED = "10.1.0.53", "10.200.1.1"


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: network namespaces")
    unittest.enterModuleContext(unittest.enterModuleContext(Netns()).entered())
    for addr in (ASKING, ASKED, "10.200.2.1"):
        subprocess.run(["ip", "addr", "add", addr + "/32", "dev", "lo"], check=True)


class Checks(unittest.TestCase):
    def server(self, listen, conf, ok="192.0.2.1"):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="geodns-"))
        conf = {"version": 1, "listen": [listen + ":53"], "api": {"listen": "unix:api.sock"},
                "zones": [{"name": "lab.test", "file": "zone"}], **conf}
        for name, text in (("geodns.json", json.dumps(conf)), ("zone", ZONE % ok)):
            with open(os.path.join(folder, name), "w") as f:
                f.write(text)
        self.enterContext(Daemon([GEODNS, "--config", "geodns.json"], cwd=folder))
        rest = Rest(os.path.join(folder, "api.sock"))
        wait_until(lambda: rest.get("/healthz"), 5, "the API answers")
        return rest, folder

    def test_dns(self):
        check = {"type": "dns", "name": "ok.lab.test", "answer": "192.0.2.1",
                 "interval_ms": 100, "timeout_ms": 100, "rise": 1, "fall": 2}
        rest, _ = self.server(ASKING, {
            "pops": [{"name": "fra", "at": [50.1, 8.7]}, {"name": "nyc", "at": [40.7, -74.0]}],
            "checks": {"ok": check},
            "names": [{"name": "www.lab.test", "pops": [
                {"pop": "fra", "a": ["198.18.33.1"], "check": "ok", "address": ASKED},
                {"pop": "nyc", "a": ["198.18.34.1"], "check": "ok", "address": "10.200.2.1"}]}]})

        def state():
            fra = rest.get("/v1/names/www.lab.test")["pops"][0]
            return fra["state"], fra["check"]["reason"]
        wait_until(lambda: state() == ("down", "connection refused"), 5, "nobody is there")
        other, folder = self.server(ASKED, {})
        wait_until(lambda: state() == ("up", ""), 5, "it answers as it should")
        with open(os.path.join(folder, "zone"), "w") as f:
            f.write(ZONE % "192.0.2.2")
        other.request("POST", "/v1/reload", "{}")
        wait_until(lambda: state() == ("down", "192.0.2.1 is not in the answer"), 5,
                   "it answers something else")
        with open(os.path.join(folder, "zone"), "w") as f:
            f.write((ZONE % "192.0.2.2").replace("ok A", "other A"))
        other.request("POST", "/v1/reload", "{}")
        wait_until(lambda: state() == ("down", "rcode NXDOMAIN"), 5, "the name is gone")


if __name__ == "__main__":
    unittest.main()
