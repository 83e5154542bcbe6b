# SPDX-License-Identifier: GPL-3.0-or-later
"""A process under test: started with a block, ended with it, its log kept for failures."""
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time

from .netns import die_with_parent
from .wait import Patience, wait_until

_started = []


class Daemon:
    """argv runs in its own process group; stdout and stderr go to one log.

    The block fails if the process has ended in it without stop(), kill() or wait().
    """

    def __init__(self, argv, netns=None, name=None, env=None, cwd=None):
        self.name = name or os.path.basename(argv[0])
        self.argv = netns.command(*argv) if netns else list(map(str, argv))
        self.env = {**os.environ, **(env or {})}
        self.cwd = cwd
        self.expected_end = False
        self.file = tempfile.TemporaryFile()

    def __enter__(self):
        _started.append(self)
        self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=self.file,
                                        stderr=self.file, env=self.env, cwd=self.cwd,
                                        process_group=0, preexec_fn=die_with_parent)
        self.pid = self.process.pid
        return self

    def __exit__(self, kind, *_):
        ended = self.process.poll()
        if not self.expected_end and ended is None:
            self.stop()
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if kind is None and not self.expected_end and ended is not None:
            raise AssertionError(f"{self.name} ended by itself, status {ended}:\n{self.log()}")

    def stop(self, timeout=10):
        """SIGTERM; the exit status. What does not end in time is killed, and that is a failure."""
        return self.signal(signal.SIGTERM, timeout)

    def stop_impatiently(self, timeout=10):
        """SIGTERM and SIGINT without a pause until it has ended; the exit status."""
        deadline = time.monotonic() + timeout
        while self.is_running() and time.monotonic() < deadline:
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGINT)
        return self.wait(timeout=1)

    def kill(self):
        return self.signal(signal.SIGKILL, 10)

    def signal(self, number, timeout=None):
        """Send a signal; with a timeout wait for the end and return the status."""
        self.process.send_signal(number)
        return None if timeout is None else self.wait(timeout)

    def wait(self, timeout=10):
        self.expected_end = True
        patience = Patience(timeout)
        while not patience.is_over():
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.process.wait(0.1)
        self.process.kill()
        self.process.wait()
        raise AssertionError(f"{self.name} does not end\n{self.log()}")

    def is_running(self):
        return self.process.poll() is None

    def log(self):
        return os.pread(self.file.fileno(), 1 << 24, 0).decode(errors="replace")

    def wait_log(self, text, timeout=5):
        wait_until(lambda: text in self.log() or not self.is_running(), timeout,
                   f"'{text}' in the log of {self.name}")
        assert text in self.log(), f"{self.name} ended without '{text}':\n{self.log()}"


def dump_logs(out=sys.stderr, lines=60):
    """The last lines of every daemon of the test that has just failed; tests/run calls it."""
    for daemon in _started:
        tail = daemon.log().splitlines()[-lines:]
        if tail:
            print(f"--- log of {daemon.name} ---", *tail, sep="\n", file=out)


def end_of_test():
    """Forget daemons that have ended; those of a class live on."""
    _started[:] = [d for d in _started if d.is_running()]
