# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a state instead of sleeping, watching one that stays, names that nobody else uses."""
import itertools
import os
import socket
import time

_counter = itertools.count()


class Patience:
    """So many seconds, and more on a virtual machine whose cores the host has given to others.

    With half of them stolen all that takes turns, as the end of seventeen namespaces does, was seen
    to take six times as long. On a machine of one's own, however busy, it is what it says.
    """

    PER_SHARE = 10

    def __init__(self, seconds):
        self.seconds, self.start, self.ticks = seconds, time.monotonic(), self.now()

    @staticmethod
    def now():
        """(stolen, all), in ticks since boot, of all cores."""
        with open("/proc/stat", encoding="ascii") as f:
            ticks = [int(word) for word in f.readline().split()[1:9]]
        return ticks[7], sum(ticks)

    def is_over(self):
        if time.monotonic() < self.start + self.seconds:
            return False
        stolen, total = (new - old for new, old in zip(self.now(), self.ticks))
        stretch = 1 + self.PER_SHARE * stolen / max(1, total)
        return time.monotonic() > self.start + self.seconds * stretch


def wait_until(predicate, timeout, what, interval=0.02):
    """Call predicate until it returns something true; return that. OSError counts as not yet.

    timeout: in seconds, see Patience.
    """
    patience = Patience(timeout)
    last = None
    while True:
        try:
            last = predicate()
            if last:
                return last
        except OSError as error:
            last = error
        if patience.is_over():
            raise AssertionError(f"not within {timeout} s: {what} (last seen: {last!r})")
        time.sleep(interval)


def holds_for(seconds, predicate, what, interval=0.02):
    """Call predicate for so long, the last time at the end of it: each time it must be true."""
    start = time.monotonic()
    while True:
        elapsed = time.monotonic() - start
        last = predicate()
        if not last:
            raise AssertionError(f"not for {seconds} s: {what} (after {elapsed:.2f} s: {last!r})")
        if elapsed >= seconds:
            return last
        time.sleep(interval)


def free_name(prefix="t"):
    """Unique on this machine, at most 15 characters for prefixes up to 4: fits an interface."""
    return f"{prefix}{os.getpid()}{next(_counter)}"


def free_port(kind=socket.SOCK_STREAM, host="127.0.0.1"):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind((host, 0))
        return s.getsockname()[1]
