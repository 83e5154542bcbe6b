# SPDX-License-Identifier: GPL-3.0-or-later
"""Shipped scenarios for tests that are about what a lab does, not about its numbers.

A machine that others use too makes trials invalid, and a lab that repeats them may give up. These
tolerate it, which the table of a run says.
"""
import json
import os

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                      "testbed", "scenarios")
LIMITS = {"wires_late_ms": 1000, "senders_late_ms": 2000}


def tolerant(scenario, /, **changes):
    with open(os.path.join(FOLDER, scenario + ".json"), encoding="utf-8") as f:
        return {**json.load(f), "limits": LIMITS, **changes}
