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


def sessions(**changes):
    """sessions.json in 40 seconds, anycast only: its users' connections under a shift and a drain."""
    s = tolerant("sessions", duration_ms=38000, **changes)
    s["variants"] = [v for v in s["variants"] if v["mode"] == "anycast"]
    shift, drain = s["timeline"]
    s["timeline"] = [{**shift, "at_ms": 7000, "undo_ms": 6000},
                     {**drain, "at_ms": 19000, "deadline_ms": 4000, "undo_ms": 12000}]
    return s


def fates(result, fault):
    """{variant: (open, survived, reset)} of the sessions at the pop where that happened."""
    return {name: tuple(faults[fault]["sessions"][key] for key in ("open", "survived", "reset"))
            for name, faults in result["summary"]["variants"].items()}
