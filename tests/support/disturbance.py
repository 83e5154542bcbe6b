# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of the machine was the host's: stolen time, and alarms that nothing else can delay."""
import collections
import ctypes
import math
import mmap
import os
import signal
import struct
import time

from .verdict import Disturbance

PERIOD = 0.01
# The alarm keeps its worst lateness of every BUCKET seconds, for longer than a file may take.
BUCKET, BUCKETS = 0.1, 1 << 15
ENTRY = struct.Struct("=qd")
DUE = struct.Struct("=d")
PR_SET_PDEATHSIG = 1


def ticks():
    """(stolen, all) of all cores since boot, see proc(5)."""
    with open("/proc/stat", encoding="ascii") as f:
        words = [int(word) for word in f.readline().split()[1:9]]
    return words[7] if len(words) > 7 else 0, sum(words)


def note(memory, due, now):
    """The alarm that was due has come."""
    bucket = int(due / BUCKET)
    at = DUE.size + bucket % BUCKETS * ENTRY.size
    seen, worst = ENTRY.unpack_from(memory, at)
    ENTRY.pack_into(memory, at, bucket, max(now - due, worst if seen == bucket else 0))


def worst_late(memory, start, now):
    """Since start, and of the alarm that has not come yet."""
    worst, last = max(0, now - DUE.unpack_from(memory)[0]), int(now / BUCKET)
    for bucket in range(max(int(start / BUCKET), last - BUCKETS + 1), last + 1):
        seen, late = ENTRY.unpack_from(memory, DUE.size + bucket % BUCKETS * ENTRY.size)
        if seen == bucket:
            worst = max(worst, late)
    return worst


def ring(memory, core):
    """The alarm's process: it runs before everything else on its core."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.sched_setaffinity(0, {core})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))
    ctypes.CDLL(None).mlockall(3)
    due = time.monotonic()
    while True:
        due += PERIOD
        DUE.pack_into(memory, 0, due)
        time.sleep(max(0, due - time.monotonic()))
        now = time.monotonic()
        note(memory, due, now)
        due = max(due, now - PERIOD)  # what was missed is said once


# When, and the ticks by then.
Mark = collections.namedtuple("Mark", "time stolen total")


class Watch:
    """An alarm on every core, as long as the caller lives. pids: of the alarms."""

    def __init__(self):
        self.alarms = {}
        for core in sorted(os.sched_getaffinity(0)):
            memory = mmap.mmap(-1, DUE.size + BUCKETS * ENTRY.size)
            DUE.pack_into(memory, 0, math.inf)  # until it has begun
            pid = os.fork()
            if pid == 0:
                try:
                    ring(memory, core)
                finally:
                    os._exit(1)
            self.alarms[pid] = memory
        self.pids = frozenset(self.alarms)

    @staticmethod
    def mark():
        return Mark(time.monotonic(), *ticks())

    def between(self, start, now):
        """The Disturbance between two marks, the second of which is fresh."""
        for pid in list(self.alarms):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG):
                print("*** no real-time priority: alarms are not measured ***", flush=True)
                del self.alarms[pid]
        hz = os.sysconf("SC_CLK_TCK")
        late = [worst_late(memory, start.time, now.time) for memory in self.alarms.values()]
        return Disturbance((now.stolen - start.stolen) / hz, (now.total - start.total) / hz,
                           max(late, default=0))

    def end(self):
        for pid in self.alarms:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
