# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/operations.md, done as it stands there: its files, its unit, an unprivileged user."""
import http.server
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import textwrap
import threading
import unittest

from support import BIN, ROOT, Daemon, Netns, Rest, mmdb, wait_until

GEODNS = os.path.join(os.environ.get("CATCHMENT_BIN", BIN), "catchment-geodns")
ETC, RUN, STATE = "/etc/catchment/geodns", "/run/catchment-geodns", "/var/lib/catchment-geodns"


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: network namespaces")
    unittest.enterModuleContext(unittest.enterModuleContext(Netns()).entered())
    for address in ("192.0.2.53/32", "198.51.100.129/32", "203.0.113.129/32"):
        subprocess.run(["ip", "addr", "add", address, "dev", "lo"], check=True)
    subprocess.run(["ip", "addr", "add", "2001:db8::53/128", "dev", "lo", "nodad"], check=True)


def blocks():
    """What the guide has indented by seven."""
    with open(os.path.join(ROOT, "docs/operations.md")) as f:
        guide = f.read().split("### From a zone file")[1].split("### Every day")[0]
    found = re.findall(r"(?:^ {7}.*\n|^\n(?= {7}))+", guide, re.M)
    return [textwrap.dedent(text).lstrip("\n") for text in found]


def block(begins):
    return next(b for b in blocks() if b.startswith(begins))


class Healthz(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class Guide(unittest.TestCase):
    def setUp(self):
        for pop in ("198.51.100.129", "203.0.113.129"):
            server = http.server.ThreadingHTTPServer((pop, 80), Healthz)
            thread = threading.Thread(target=server.serve_forever, args=[0.05])
            thread.start()
            self.addCleanup(server.server_close)
            self.addCleanup(thread.join)
            self.addCleanup(server.shutdown)
        # Not below a folder of mode 0700, which the user could not enter.
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="geodns-guide-"))
        os.chmod(self.folder, 0o755)
        for path in (ETC, RUN, STATE):
            os.makedirs(self.moved(path))
        for path in (RUN, STATE):  # RuntimeDirectory and StateDirectory
            shutil.chown(self.moved(path), "nobody")
        self.unit = self.moved(block("[Unit]")).replace("/usr/local/bin/catchment-geodns",
                                                        self.program())
        self.write("example.net.zone", block("$TTL"))
        self.write("geodns.json", self.moved(block("{")))
        self.write("cookies", os.urandom(16).hex() + "\n")
        self.write("dbip-city-ipv4.mmdb", mmdb.build(
            {"203.0.113.0/24": mmdb.flat(40.7, -74.0, "US")}, 4))
        self.write("dbip-city-ipv6.mmdb", mmdb.build(
            {"2001:db8:1::/48": mmdb.flat(40.7, -74.0, "US")}))
        self.rest = Rest(self.moved(RUN) + "/api.sock")

    def moved(self, text):
        for path in (ETC, RUN, STATE):
            text = text.replace(path, self.folder + path)
        return text

    def program(self):
        """Where the user can reach it."""
        path = os.path.join(self.folder, "catchment-geodns")
        if not os.path.exists(path):
            shutil.copy(GEODNS, path)
        return path

    def write(self, name, content):
        path = os.path.join(self.moved(ETC), name)
        with open(path + ".new", "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        os.rename(path + ".new", path)

    def commands(self, key):
        return [shlex.split(found) for found in re.findall("^%s=(.*)$" % key, self.unit, re.M)]

    def as_user(self, command):
        """With the unit's capabilities and no others."""
        names = re.search("^AmbientCapabilities=(.*)$", self.unit, re.M)[1].split()
        caps = "".join(",+" + name.lower().replace("cap_", "") for name in names)
        return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--no-new-privs",
                "--inh-caps=-all" + caps, "--ambient-caps=-all" + caps,
                "--bounding-set=-all" + caps, *command]

    def are_up(self):
        pops = self.rest.get("/v1/names/www.example.net")["pops"]
        return [pop["state"] for pop in pops] == ["up", "up"]

    def dig(self, *args):
        return subprocess.run(["dig", *args, "+short", "+tries=1"], capture_output=True, text=True,
                              check=True).stdout.split()

    @unittest.skipUnless(shutil.which("systemd-analyze"), "needs systemd-analyze")
    def test_unit_is_understood(self):
        path = os.path.join(self.folder, "catchment-geodns.service")
        with open(path, "w") as f:
            f.write(re.sub("^User=.*", "User=daemon", self.unit, flags=re.M))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                               path], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_check(self):
        for command in self.commands("ExecReload")[:1]:
            done = subprocess.run(self.as_user(command), capture_output=True, text=True,
                                  check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        json.loads(block("{"))

    def test_runs(self):
        start = self.commands("ExecStart")[0]
        bare = [word.replace(",+net_bind_service", "") for word in self.as_user(start)]
        done = subprocess.run(bare, capture_output=True, text=True, timeout=10, check=False)
        self.assertEqual(done.returncode, 3, "the capability is needed: " + done.stderr)
        self.assertIn("192.0.2.53:53: Permission denied", done.stderr)
        with Daemon(self.as_user(start)) as daemon:
            wait_until(self.are_up, 10, "both PoPs are well")
            told = self.rest.get("/v1/explain?name=www.example.net&client=203.0.113.9")
            self.assertEqual((told["pop"], told["source"]), ("nyc", "database"))
            self.assertEqual(told["ttl"], 60)
            for server in ("@192.0.2.53", "@2001:db8::53"):
                self.assertEqual(self.dig(server, "+subnet=203.0.113.0/24", "www.example.net"),
                                 ["203.0.113.1"])
                self.assertEqual(self.dig(server, "www.example.net"), ["198.51.100.1"])
                self.assertEqual(self.dig(server, "mail.example.net"), ["192.0.2.25"])
            status, _, text = self.rest.request("PUT", "/v1/pops/nyc/state", {"state": "drain"})
            self.assertEqual(status, 200, text)
            self.write("dbip-city-ipv4.mmdb", mmdb.build(
                {"192.0.2.0/24": mmdb.flat(40.7, -74.0, "US")}, 4))
            os.kill(daemon.pid, signal.SIGHUP)
            wait_until(lambda: self.rest.get("/v1/reload")["state"] == "applied", 10, "reloaded")
            self.assertEqual(daemon.stop(), 0)
        with Daemon(self.as_user(start)) as daemon:
            wait_until(self.are_up, 10, "both PoPs are well")
            self.assertEqual(self.dig("@192.0.2.53", "+subnet=192.0.2.0/24", "www.example.net"),
                             ["198.51.100.1"], "nyc is nearest, and drained since before")
            self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
