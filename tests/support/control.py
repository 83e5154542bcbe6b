# SPDX-License-Identifier: GPL-3.0-or-later
"""The control socket of a running lab (testbed/command.h)."""
import json
import socket
import time


class Control:
    """One connection; commands and, once subscribed, events."""

    def __init__(self, lab, patience=10):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(patience)
        self.socket.connect(f"/run/catchment/{lab}/control")
        self.events = []

    def close(self):
        self.socket.close()

    def send(self, message):
        self.socket.send(json.dumps(message).encode())

    def receive(self):
        """The next message, None at the end."""
        data = self.socket.recv(4 << 20)
        return json.loads(data) if data else None

    def ask(self, command, **words):
        """The reply; events that come before it are kept."""
        self.send({"type": "command", "command": command, **words})
        while True:
            message = self.receive()
            if message is None or message["type"] == "reply":
                return message
            self.events.append(message["event"])

    def wait_event(self, seconds, what, **keys):
        """The first event from now on with these values; everything on the way is kept."""
        deadline = time.monotonic() + seconds
        seen = 0
        while True:
            for event in self.events[seen:]:
                if all(event.get(k) == v for k, v in keys.items()):
                    return event
            seen = len(self.events)
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"no {what} within {seconds} s; heard {self.events[-20:]}")
            self.socket.settimeout(left)
            try:
                message = self.receive()
            except socket.timeout:
                continue
            if message is None:
                raise AssertionError(f"the lab has hung up before {what}")
            self.events.append(message["event"])
