#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users with long connections see of a shift of routes, a drain, a crash, a return, a flood.

Three PoPs with catchment-lb, an internet of one BIRD, and wires with a delay between them
(support/sessions.py). In full 2000 sessions with heartbeats every 100 ms, 40 of them sending
32 KiB at a time and getting it back, every octet checked at both ends; and beside them, through the
same faults at the same time, a tenth as many to a VIP without continuity: plain anycast. "Routing
alone" are datagrams, which any PoP answers.

The delay of a hand-over runs from the arrival of a connection's first packet at its new PoP to the
arrival of the same packet at the owner, by the kernel's clock at the hub and at the owner, less the
wire in between: a question and its answer, and the way to the owner, are 1.5 round trips. How late
the wires were is in it, and the 0.25 ms at most by which each takes longer than its delay
(support/sessions.py: QUANTUM_US). Where p99 of that was over a millisecond, for packets that were
due or for those that waited to be read, or the cores had less than a tenth of their time left,
times are "noise". Users and origins give way to the daemons, and look at what has come every
millisecond.

Floods come by a link of their own into a PoP, so that wires do not slow them down. They take
what the machine has, also from users: those wait, and what is counted is who is broken.
"""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support.bench import FULL, quantile, row
from support.sessions import (ONE_WAY_MS, PLAIN, PORT, RESET_AFTER_MS, SPOOFED, TOOLS, VIP, Rig,
                                round_trip_ms)
from support.wait import wait_until

SESSIONS = 2000 if FULL else 400
FLOOD_S = 10 if FULL else 3
ROUTING_S = 3  # after a change: users have had time to see it; who is silent sends keep-alives
HAND_OVER_MS = 1.5 * round_trip_ms("fra", "ams") + 5
LATE_MS = 1
IDLE = 0.1


def broken(report):
    return report["reset"] + report["closed"] + report["wrong"]


def milliseconds(values_us):
    return (f"{quantile(values_us, 0.5) / 1000:.0f} / {quantile(values_us, 0.99) / 1000:.0f} / "
            f"{max(values_us) / 1000:.0f} ms")


def ticks():
    """(idle, all), of all cores since boot."""
    with open("/proc/stat", encoding="ascii") as f:
        words = [int(word) for word in f.readline().split()[1:9]]
    return words[3], sum(words)


class Bench:
    def __init__(self, rig):
        self.rig = rig
        self.since = ticks()

    def is_noise(self):
        """Since everybody was at home."""
        idle, total = (new - old for new, old in zip(ticks(), self.since))
        late, _, unread = self.rig.late_ms()
        return max(late, unread) > LATE_MS or idle < IDLE * total

    def home(self):
        """Everybody is at fra, open and quiet, and what comes is measured from here."""
        self.rig.lead_to("fra")
        self.rig.open()
        self.rig.silent(60)
        self.begin()

    def begin(self):
        self.rig.late_ms()
        self.rig.mark()
        self.since = ticks()

    def fates(self, what, new):
        """Rows of what has happened since the mark, by which users came to `new`."""
        time.sleep(ROUTING_S)
        moved, delays = len(self.rig.watched(new)), self.rig.hand_overs_ms(new)
        noise = self.is_noise()
        reports = self.rig.report()
        any_, plain = reports[VIP], reports[PLAIN]
        row(f"{what}: sessions broken, continuity", f"{broken(any_)} of {moved} that moved", "0",
            broken(any_) == 0 and moved == SESSIONS)
        row(f"{what}: sessions broken, plain anycast",
            f"{broken(plain)} of {self.rig.sizes[PLAIN][0]}", "", None)
        row(f"{what}: sessions with an octet that is wrong", any_["wrong"], "0",
            any_["wrong"] == 0)
        if delays:
            row(f"{what}: arrival to hand-over, p50 / p99 of {len(delays)}",
                f"{quantile(delays, 0.5):.1f} / {quantile(delays, 0.99):.1f} ms",
                f"{HAND_OVER_MS:.0f} ms", quantile(delays, 0.99) <= HAND_OVER_MS,
                noise)
        else:
            row(f"{what}: arrival to hand-over", "none was seen", f"{HAND_OVER_MS:.0f} ms", False)
        if any_["silence_us"]:
            row(f"{what}: longest silence of a session, p50 / p99 / worst",
                milliseconds(any_["silence_us"]), "", None)
        row(f"{what}: the same of routing alone", milliseconds(any_["probe_us"]), "", None)

    def catchment_shift(self):
        self.home()
        self.rig.bird.prefer("ams", "fra", "nyc")
        self.rig.lead_to("ams")
        self.fates("catchment_shift", "ams")
        self.rig.bird.prefer("fra", "ams", "nyc")

    def drain(self):
        self.home()
        fra = self.rig.pop("fra")
        status, answer = fra.request("POST", "/v1/drain", {"deadline_ms": 10000})
        assert status in (200, 202), answer
        self.rig.lead_to("ams")
        wait_until(lambda: fra.request("GET", "/v1/drain")[1]["phase"] in ("withdrawn", "drained"),
                   20, "the VIPs are withdrawn")
        self.fates("drain", "ams")
        fra.request("DELETE", "/v1/drain")

    def pop_crash(self):
        """And the return of that PoP."""
        self.home()
        self.rig.cut("fra")
        self.rig.lead_to("ams")
        time.sleep(ROUTING_S)
        moved, resets = len(self.rig.watched("ams")), self.rig.resets_ms("ams")
        noise = self.is_noise()
        limit = max(round_trip_ms("ams", "nyc"), RESET_AFTER_MS) + 10
        row("pop_crash: sessions that came to another PoP and were reset",
            f"{len(resets)} of {moved}", f"{SESSIONS}", len(resets) == moved == SESSIONS)
        if resets:
            row("pop_crash: arrival to reset, p50 / worst",
                f"{quantile(resets, 0.5):.0f} / {resets[-1]:.0f} ms", f"{limit} ms",
                resets[-1] <= limit, noise)
        self.rig.open()
        self.rig.silent(60)
        self.begin()
        self.rig.mend("fra")
        self.rig.lead_to("fra")
        self.fates("fail-back", "fra")

    def flood(self, what, pop, kind, meanwhile=None):
        self.home()
        attacker = self.rig.pop(pop).attacker
        with attacker.popen(os.path.join(TOOLS, "flood"), kind, FLOOD_S, SPOOFED, 12, VIP, PORT,
                            stdout=subprocess.PIPE, text=True) as process:
            if meanwhile:
                meanwhile()
            sent = int(process.communicate()[0])
        silent = self.rig.silent(60)
        report = self.rig.report()[VIP]
        row(f"{what}, {sent / FLOOD_S / 1000:.0f} k packets/s for {FLOOD_S} s: sessions broken",
            f"{broken(report) + silent} of {SESSIONS}", "0", broken(report) + silent == 0)

    def floods(self):
        self.flood("SYN flood", "fra", "syn")
        self.flood("ACK flood", "fra", "ack")
        self.flood("ACK flood, and users come there", "ams", "ack",
                   lambda: self.rig.bird.prefer("ams", "fra", "nyc"))
        self.rig.bird.prefer("fra", "ams", "nyc")


def mesh_of_200():
    """In virtual time, with the machines as they are."""
    for flooded, rate in ((1, 20000), (10, 1000)):
        words = (200, flooded, rate, 3)
        done = subprocess.run([os.path.join(TOOLS, "owner_flood"), *map(str, words)], text=True,
                              stdout=subprocess.PIPE, check=True)
        first, last, _, _ = map(int, done.stdout.split())
        row(f"200 PoPs, {flooded} get {rate} unknown flows/s each: messages/s of one PoP",
            f"{last} (in the first second {first})", "", None)


def main():
    delays = ", ".join(f"{name} {ms}" for name, ms in ONE_WAY_MS.items())
    print(f"one way to the hub, ms: {delays}; round trip fra-ams {round_trip_ms('fra', 'ams')}",
          file=sys.stderr)
    mesh_of_200()
    with Rig(SESSIONS, SESSIONS // 10, SESSIONS // 50) as rig:
        bench = Bench(rig)
        bench.catchment_shift()
        bench.drain()
        bench.floods()
        bench.pop_crash()


if __name__ == "__main__":
    main()
