#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What real location data cost catchment-geodns at load: both families of DB-IP's city data,
32 PoPs. Processor time, memory at the peak, and what stays."""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "integration"))

import test_geoip as geoip  # noqa: E402
from support import free_port  # noqa: E402
from support.bench import row, run_delay_ns  # noqa: E402

MIB = 1 << 20


def limit(what, value, unit, most, noise=False):
    row(what, f"{value:.1f} {unit}", f"< {most} {unit}", value < most, noise)


def compile_once(conf):
    """Seconds of processor time and MiB at the peak of --check, and if it had to wait for it."""
    with tempfile.TemporaryDirectory(prefix="geoip-") as folder:
        geoip.write(folder, conf, {})
        child = subprocess.Popen([geoip.GEODNS, "--check", "--config", "geodns.json"], cwd=folder,
                                 stdout=subprocess.DEVNULL)
        # The delays of a process that has ended, and is not waited for yet, can still be read.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        delay = run_delay_ns(child.pid) / 1e9
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            raise RuntimeError("--check has failed")
        used = usage.ru_utime + usage.ru_stime
        return used, usage.ru_maxrss / 1024, delay > 0.2 * used


def main():
    if not all(map(os.path.exists, geoip.REAL)):
        row("location data: run make geoip first", "", "", None)
        return
    conf = geoip.configuration(geoip.CITIES, free_port(),
                               databases=[{"file": path} for path in geoip.REAL])
    trials = [compile_once(conf) for _ in range(3)]
    used, peak, noise = min(trials)
    what = "both families of city data, 32 PoPs: "
    limit(what + "processor time to compile", used, "s", 8, noise)
    limit(what + "memory at the peak", peak, "MiB", 512)
    with geoip.Server(conf) as server:
        with open(f"/proc/{server.daemon.pid}/status", encoding="ascii") as f:
            resident = int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1)) / 1024
        told = server.rest.get("/v1/status")["map"]
    limit(what + "resident after it", resident, "MiB", 160)
    row(what + "leaves, classes of clients, the tree's share",
        f"{told['leaves']:,}, {told['classes']:,}, {told['bytes'] / MIB:.1f} MiB", "", None)


if __name__ == "__main__":
    main()
