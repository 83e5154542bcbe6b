# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab's supervisor that says what a test wants: /run/catchment/NAME/control without a lab."""
import contextlib
import json
import os
import shutil
import socket
import threading

from .wait import free_name


class FakeLab:
    """A supervisor that answers each command by answer(command), a list of JSON values or bytes;
    without it one that takes no connection at all."""

    def __init__(self, answer=None, name=None):
        self.name = name or free_name("fake")
        self.dir = f"/run/catchment/{self.name}"
        self.answer = answer
        self.connections = []

    def __enter__(self):
        os.makedirs(self.dir)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(self.dir + "/control")
        self.socket.listen(64)
        if self.answer:
            threading.Thread(target=self._accept, daemon=True).start()
        return self

    def _accept(self):
        while True:
            try:
                connection = self.socket.accept()[0]
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        with contextlib.suppress(OSError):
            while text := connection.recv(1 << 20):
                for message in self.answer(json.loads(text)["command"]):
                    connection.send(message if isinstance(message, bytes) else
                                    json.dumps(message).encode())

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        shutil.rmtree(self.dir)


def idle(command):
    """What a lab that knows nothing answers."""
    return [{"type": "reply", "error": f"{command}: the lab is not up yet"}]
