# SPDX-License-Identifier: GPL-3.0-or-later
"""The testbed over REST: a client, and a `serve` of one's own that ends with the block."""
import ctypes
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import BIN
from support.rest import Rest

TESTBED = os.path.join(BIN, "catchment-testbed")
START_S = 10
PR_SET_PDEATHSIG = 1
ENDED = ("done", "failed", "cancelled")


class Refused(Exception):
    """The testbed's answer was no: its status, and what it said."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class BadUrl(Exception):
    """Where the testbed should be is no place."""


class Gone(Exception):
    """The testbed does not answer."""


def problem(text):
    """The one line of a problem document (RFC 9457), or the text."""
    try:
        document = json.loads(text)
        line = document.get("detail") or document.get("title") or text
        return f"{document['pointer']}: {line}" if document.get("pointer") else line
    except (ValueError, AttributeError, TypeError):
        return text.strip()[:200]


class Testbed:
    """where: "http://HOST:PORT" or "unix:PATH"."""

    def __init__(self, where, token=None):
        tcp = re.fullmatch(r"http://(\[[0-9a-fA-F:]+\]|[^:/]+):(\d+)/?", where)
        if where.startswith("unix:"):
            address = where[5:]
        elif tcp:
            address = (tcp.group(1).strip("[]"), int(tcp.group(2)))
        else:
            raise BadUrl(f"'{where}' is neither http://HOST:PORT nor unix:PATH")
        self.where = where
        self.rest = Rest(address, token=token, timeout=20)

    def ask(self, method, target, body=None):
        """(headers, text) of a good answer."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            status, headers, text = self.rest.request(method, target, body, headers)
        except (OSError, http.client.HTTPException) as error:
            raise Gone(f"{self.where}: {error or type(error).__name__}") from None
        if status >= 300:
            raise Refused(status, problem(text))
        return headers, text

    def get(self, target):
        return json.loads(self.ask("GET", target)[1])

    def runs(self):
        return self.get("/v1/runs?limit=1000")["runs"]

    def run(self, run_id):
        return self.get(f"/v1/runs/{run_id}")

    def result(self, run_id):
        return self.get(f"/v1/runs/{run_id}/result")

    def start(self, body):
        return json.loads(self.ask("POST", "/v1/runs", body)[1])

    def cancel(self, run_id):
        self.ask("DELETE", f"/v1/runs/{run_id}")

    def answers(self):
        try:
            self.ask("GET", "/healthz")
            return True
        except Gone:
            return False


def _end_with_parent():
    """SIGTERM, so that it ends its runs."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Serve:
    """`catchment-testbed serve` on a socket of its own, its records in out; restarted by start()
    when it has died. It is in a process group of its own: Ctrl-C is for us, who cancel the run."""

    def __init__(self, out, runtime, parallel=1):
        self.out, self.runtime, self.parallel = out, runtime, parallel
        self.process = None

    def __enter__(self):
        self.dir = tempfile.TemporaryDirectory(prefix="grid")
        self.testbed = Testbed(f"unix:{self.dir.name}/sock")
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        os.makedirs(self.out, exist_ok=True)
        with open(os.path.join(self.out, "serve.log"), "ab") as log:
            log_from = log.tell()
            self.process = subprocess.Popen(
                [TESTBED, "serve", "--listen", self.testbed.where, "--out", self.out,
                 "--runtime", self.runtime, "--parallel", str(self.parallel)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0,
                preexec_fn=_end_with_parent)
        deadline = time.monotonic() + START_S
        while not self.testbed.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(os.path.join(self.out, "serve.log"), encoding="utf-8",
                          errors="replace") as f:
                    f.seek(log_from)
                    said = f.read().strip().splitlines()
                raise Gone("catchment-testbed serve does not start: "
                           + (said[-1] if said else f"silent for {START_S} s"))
            time.sleep(0.05)

    def ended(self):
        return self.process.poll() is not None

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.dir.cleanup()
