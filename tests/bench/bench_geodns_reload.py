#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries lost while catchment-geodns takes over a new configuration, both families of city data compiled anew.

One UDP thread, on both cores like the thread of the reload; the generator on core 1 has 64 queries
on their way at any time, so that it asks as fast as it is answered. Each reload changes an address.
"""
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bench_geodns as geodns  # noqa: E402
from support import Netns, Rest, wait_until  # noqa: E402
from support.bench import row  # noqa: E402

RELOADS, SECONDS, WINDOW, LEAST = 3, 30, 64, 50000
DATA = [os.path.join(os.path.dirname(geodns.GEOIP), f"dbip-city-ipv{family}.mmdb")
        for family in (4, 6)]


class Reloading(geodns.Catchment):
    address_octet = 1

    def configuration(self):
        conf = {**super().configuration(), "databases": [{"file": path} for path in DATA],
                "api": {"listen": "unix:" + self.folder + "/api.sock"}}
        conf["names"][0]["pops"][0]["a"] = [f"198.18.0.{self.address_octet}"]
        return conf

    def start(self, stack, netns):
        super().start(stack, netns)
        subprocess.run(["taskset", "-apc", "0,1", str(self.daemon.pid)], check=True,
                       stdout=subprocess.DEVNULL)
        self.rest = Rest(self.folder + "/api.sock")

    def reload(self):
        """Seconds until it is in place."""
        self.address_octet += 1
        self.write("conf", json.dumps(self.configuration()))
        begun = time.monotonic()
        number = json.loads(self.rest.request("POST", "/v1/reload", "{}")[2])["reload"]
        told = wait_until(lambda: self.over(number), SECONDS, "the reload has ended")
        assert told["state"] == "applied", told
        return time.monotonic() - begun

    def over(self, number):
        told = self.rest.get("/v1/reload")
        return told["reload"] >= number and told["state"] != "loading" and told


def main():
    if not all(os.path.exists(path) for path in DATA):
        print("there is no location data: make geoip", file=sys.stderr)
        return 1
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-geodns"))
        netns = stack.enter_context(Netns())
        queries = base + "/queries"
        subprocess.run([geodns.TOOLS + "/dns_data", geodns.GEOIP, base + "/city.mmdb", queries,
                        str(geodns.QUERIES)], check=True, stdout=sys.stderr)
        server = Reloading("127.0.1.1", base)
        server.start(stack, netns)
        load = stack.enter_context(netns.popen(
            "taskset", "-c", "1", geodns.TOOLS + "/dns_load", server.address + ":53", queries, SECONDS,
            WINDOW, stdout=subprocess.PIPE, text=True))
        took = [server.reload() for _ in range(RELOADS)]
        during = load.poll() is None
        told = json.loads(load.communicate()[0])
    rate = told["answered"] / SECONDS
    row(f"{RELOADS} reloads of both families under {rate / 1000:.0f} k queries/s: queries lost",
        f"{told['lost']} of {told['answered']}; each took at most {max(took):.1f} s", "0",
        told["lost"] == 0 and during and rate >= LEAST)
    return 0


if __name__ == "__main__":
    sys.exit(main())
