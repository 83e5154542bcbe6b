# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS over TCP and TLS from a client's side, octet by octet where a test wants that."""
import contextlib
import os
import socket
import ssl
import struct
import subprocess

from .geodns_lab import query


def certificate_make(folder, name, address, prefix="tls"):
    """PREFIX.crt, which is its own authority, and PREFIX.key."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=" + name,
                    "-addext", "subjectAltName=DNS:%s,IP:%s" % (name, address),
                    "-keyout", os.path.join(folder, prefix + ".key"),
                    "-out", os.path.join(folder, prefix + ".crt")],
                   check=True, capture_output=True)


def framed(*args, **kwargs):
    packet = query(*args, **kwargs)
    return struct.pack(">H", len(packet)) + packet


class Stream:
    """A connection to a nameserver. What is not asked for in time is an error."""

    def __init__(self, address, source=None, timeout=10, receive_room=None):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if receive_room:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_room)
        self.sock.settimeout(timeout)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def send_singly(self, data):
        """Each octet in a segment, and with TLS in a record, of its own."""
        for byte in data:
            self.send(bytes([byte]))

    def say_end(self):
        """No more queries will come."""
        self.sock.shutdown(socket.SHUT_WR)

    def receive(self, size):
        """Some octets; b"" when the server has closed."""
        return self.sock.recv(size)

    def read(self):
        """One message, None at the end."""
        data = b""
        while len(data) < 2 or len(data) < 2 + struct.unpack(">H", data[:2])[0]:
            want = 2 + struct.unpack(">H", data[:2])[0] if len(data) >= 2 else 2
            more = self.receive(want - len(data))
            if not more:
                assert not data, "closed within a message"
                return None
            data += more
        return data[2:]

    def ask(self, *args, **kwargs):
        self.send(framed(*args, **kwargs))
        return self.read()


def client_context(authority, alpn=("dot",)):
    context = ssl.create_default_context(cafile=authority)
    context.set_alpn_protocols(list(alpn))
    return context


class TlsStream(Stream):
    """The same over TLS. The end must be said by the server (close_notify)."""

    def __init__(self, address, context, name=None, session=None, **kwargs):
        super().__init__(address, **kwargs)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name,
                                    session=session)
        self.until_done(self.tls.do_handshake)

    def flush(self):
        self.sock.sendall(self.outgoing.read())

    def until_done(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                with contextlib.suppress(OSError):  # it may be closed that way
                    self.flush()
                data = self.sock.recv(65536)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()
            finally:
                with contextlib.suppress(OSError):
                    self.flush()

    def send(self, data):
        self.tls.write(data)
        self.flush()

    def say_end(self):
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.flush()

    def receive(self, size):
        try:
            return self.until_done(lambda: self.tls.read(size))
        except ssl.SSLZeroReturnError:
            return b""
