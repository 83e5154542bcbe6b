# SPDX-License-Identifier: GPL-3.0-or-later
"""What integration tests share: waiting, names, namespaces, daemons, REST, scenarios.

    with Netns() as ns, Daemon([BIN + "/catchment-lb", "--config", path], netns=ns) as lb:
        api = Rest("/run/x.sock")
        wait_until(lambda: api.get("/v1/status")["vips"][0]["state"] == "up", 5, "vip up")

Everything ends with its block, and dies with the test's process at the latest.
"""
import os

from .daemon import Daemon, dump_logs, end_of_test
from .netns import Netns, veth
from .rest import Rest
from .scenarios import tolerant
from .wait import free_name, free_port, holds_for, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.join(ROOT, "build", "bin")
