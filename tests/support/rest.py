# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the REST interfaces: over a Unix socket, or TCP, also inside a namespace."""
import contextlib
import http.client
import json
import socket


class _Connection(http.client.HTTPConnection):
    def __init__(self, rest, timeout):
        super().__init__("localhost", timeout=timeout)
        self.rest = rest

    def connect(self):
        self.sock = self.rest.socket(self.timeout)


class Rest:
    """where: a socket's path, or (host, port) with the namespace to connect from."""

    def __init__(self, where, netns=None, token=None, timeout=5):
        self.where = where
        self.netns = netns
        self.token = token
        self.timeout = timeout

    def socket(self, timeout):
        if isinstance(self.where, str):
            s = socket.socket(socket.AF_UNIX)
        else:
            family = socket.AF_INET6 if ":" in self.where[0] else socket.AF_INET
            s = self.netns.socket(family) if self.netns else socket.socket(family)
        s.settimeout(timeout)
        try:
            s.connect(self.where)
        except BaseException:
            s.close()
            raise
        return s

    def _headers(self):
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @contextlib.contextmanager
    def open(self, method, target, body=None, headers=None, timeout=None):
        """The answer, its body still unread; the connection ends with the block. A body is JSON
        unless headers has a Content-Type, an empty one for none."""
        connection = _Connection(self, timeout or self.timeout)
        fields = {**self._headers(), **(headers or {})}
        try:
            if body is not None and not isinstance(body, (str, bytes)):
                body = json.dumps(body)
            if body is not None and fields.setdefault("Content-Type", "application/json") == "":
                del fields["Content-Type"]
            connection.request(method, target, body, fields)
            yield connection.getresponse()
        finally:
            connection.close()

    def request(self, method, target, body=None, headers=None):
        """(status, headers, text)"""
        with self.open(method, target, body, headers) as answer:
            return answer.status, answer.headers, answer.read().decode()

    def get(self, target):
        """The JSON of a GET that must be 200."""
        status, _, text = self.request("GET", target)
        if status != 200:
            raise AssertionError(f"GET {target}: {status} {text}")
        return json.loads(text)

    @contextlib.contextmanager
    def events(self, since=None, timeout=10, target="/v1/events"):
        """An iterator over events as dicts; socket.timeout after so long without any byte."""
        query = "" if since is None else f"?since={since}"
        with self.open("GET", target + query, timeout=timeout) as answer:
            if answer.status != 200:
                raise AssertionError(f"GET {target}: {answer.status} {answer.read().decode()}")
            yield (json.loads(line[5:]) for line in answer if line.startswith(b"data:"))
