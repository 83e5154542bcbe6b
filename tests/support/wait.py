# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a state instead of sleeping, watching one that stays, names that nobody else uses."""
import itertools
import os
import socket
import time

_counter = itertools.count()


def wait_until(predicate, timeout, what, interval=0.02):
    """Call predicate until it returns something true; return that. OSError counts as not yet."""
    deadline = time.monotonic() + timeout
    last = None
    while True:
        try:
            last = predicate()
            if last:
                return last
        except OSError as error:
            last = error
        if time.monotonic() > deadline:
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
