# SPDX-License-Identifier: GPL-3.0-or-later
"""When a failed test is a verdict, and when the machine has failed: decisions without a clock.

A test that fails while the host gives the machine's cores to others has shown nothing: it is run
again, alone, until it passes, fails on a quiet machine, or has failed TRIES times.
"""
import collections
import re

TRIES = 3
# Of the time of all cores; and in seconds, as one tick of a short test is a large share of it.
STOLEN_SHARE, STOLEN_SECONDS = 0.05, 0.05
LATE_SECONDS = 0.03


class Disturbance(collections.namedtuple("Disturbance", "stolen seconds late")):
    """What the host did meanwhile.

    stolen: core-seconds it took, of seconds that all cores had; late: of the alarm, at worst, in
    seconds.
    """

    def is_over(self):
        return (self.late > LATE_SECONDS or
                self.stolen > max(STOLEN_SECONDS, STOLEN_SHARE * self.seconds))

    def __str__(self):
        share = self.stolen / self.seconds if self.seconds > 0 else 0
        return f"{share:.0%} stolen, alarm {self.late * 1e3:.0f} ms late".replace("%", " %")


# outcome: "ok", "FAIL" or "skip"; seconds it took.
Outcome = collections.namedtuple("Outcome", "name outcome seconds detail disturbance")


def part_of(name):
    """The pattern of what is run again for this failure; None: the whole file."""
    if fixture := re.fullmatch(r"(?:setUp|tearDown)Class \((.+)\)", name):
        return fixture[1] + ".*"
    return name if name.count(".") >= 2 and " " not in name else None


def settle(run, pattern, tell):
    """Run what pattern selects in a file until every failure is one, or is none.

    run(pattern, again): yields Outcomes. When again is set, it has to run something or to say that
    it failed. tell(word, outcome): about each one when it is there, word is "ok", "FAIL", "skip"
    or, if it is run again, "again". Returns the Outcomes that count, and how many were run again.
    """
    settled, suspects = {}, {}
    todo = [(pattern, 1)]
    for part, attempt in todo:
        retry = {}
        for outcome in run(part, attempt > 1):
            is_verdict = (outcome.outcome != "FAIL" or attempt >= TRIES or
                          not outcome.disturbance.is_over())
            tell(outcome.outcome if is_verdict else "again", outcome)
            if not is_verdict:
                suspects[outcome.name] = outcome
                retry[part_of(outcome.name)] = None
            elif outcome.name not in settled or settled[outcome.name].outcome != "FAIL":
                settled[outcome.name] = outcome
        if None in retry:
            # Not less than was asked for, and not more.
            retry = {pattern if attempt == 1 else part: None}
        todo += [(again, attempt + 1) for again in retry]
    for name, outcome in suspects.items():
        # A fixture that works says nothing; a test that was not there again has not passed.
        if name not in settled and part_of(name) == name:
            tell("FAIL", outcome)
            settled[name] = outcome
    return list(settled.values()), len(todo) - 1
