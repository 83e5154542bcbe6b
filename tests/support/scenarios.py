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
# For tests of numbers: less lateness, and checks over the globe (466 ms) that it does not fail.
NUMBERS = {"limits": {"wires_late_ms": 100, "senders_late_ms": 200},
           "checks": {"interval_ms": 1000, "timeout_ms": 1000, "rise": 2, "fall": 3},
           "duration_ms": 34000}


def tolerant(scenario, /, **changes):
    with open(os.path.join(FOLDER, scenario + ".json"), encoding="utf-8") as f:
        return {**json.load(f), "limits": LIMITS, **changes}
