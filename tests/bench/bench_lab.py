#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a lab takes to come up, and how much memory it takes."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support.bench import Lab, memory_available_kib, memory_kib, row

MIB = 1024


def world():
    before = memory_available_kib()
    with Lab("world") as lab:
        up = lab.result["up_s"]
        row("world: nodes and addresses there", f"{up['configured']:.1f} s", "", None)
        row("world: wires verified", f"{up['measured']:.1f} s", "", None)
        row("world: up and converged", f"{up['converged']:.1f} s", "< 10 s", up["converged"] < 10)
        processes = list(lab.processes())
        pss = sum(memory_kib(pid, "Pss") for _, pid in processes) / MIB
        taken = (before - memory_available_kib()) / MIB
        row(f"world: memory of its {len(processes)} processes", f"{pss:.0f} MiB", "< 1024 MiB",
            pss < 1024)
        row("world: memory that the system lacks", f"{taken:.0f} MiB", "< 1024 MiB", taken < 1024)
        for name, limit in (("catchment-lb", 10), ("catchment-geodns", 20)):
            rss = [memory_kib(pid, "Rss") / MIB for what, pid in processes if what == name]
            row(f"{name}: resident, largest of {len(rss)}", f"{max(rss, default=0):.1f} MiB",
                f"< {limit} MiB", bool(rss) and max(rss) < limit)


def many_nodes(count):
    """A star: the nodes do nothing, and their wires are short."""
    networks = count - 4  # a pop, a nameserver, the root, a client group
    scenario = {
        "version": 1, "name": "many", "speaker": "bird",
        "networks": [{"name": f"n{i}", "asn": 65000 + i, "at": "Paris"}
                     for i in range(1, networks + 1)],
        "pops": [{"name": "p", "at": "Paris"}],
        "links": [{"from": "p", "to": "n1", "relation": "customer", "delay_ms": 1}] +
                 [{"from": f"n{i}", "to": "n1", "relation": "customer", "delay_ms": 1}
                  for i in range(2, networks + 1)],
        "nameservers": [{"name": "ns1", "network": "n1"}],
        "clients": [{"name": "c", "network": "n2", "users": 1,
                     "traffic": [{"kind": "udp", "period_ms": 1000}]}],
        "variants": [{"name": "any", "mode": "anycast"}]}
    with Lab(scenario) as lab:
        seconds = lab.result["up_s"]["configured"]
        agents = [memory_kib(pid, "Pss") / MIB for name, pid in lab.processes() if name == "node"]
        assert len(agents) == count, len(agents)
        row(f"{count} idle nodes up", f"{seconds:.1f} s", "< 3 s", seconds < 3)
        row(f"memory of a node of {count}, its daemons apart", f"{sum(agents) / count:.2f} MiB",
            "< 3 MiB", sum(agents) / count < 3)


if __name__ == "__main__":
    many_nodes(100)
    world()
