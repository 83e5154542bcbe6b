# SPDX-License-Identifier: GPL-3.0-or-later
"""collector.py PEERS PREFIXES: so many BGP peers in one process, and when each of them was told what.

Whoever dials port 179 of any local address gets a peer of AS 65000 that goes by that address. On
standard output a line of JSON says when all peers have all prefixes ("full"), when all have been
told that all are withdrawn ("gone": [address, ns] of each peer's last withdrawal), and when nobody
is connected any more ("left"). Times are the kernel's of the packet's arrival, taken over to
CLOCK_MONOTONIC: this process may be late.
"""
import json
import select
import socket
import struct
import sys
import time

SO_TIMESTAMPNS = 35
OPEN, UPDATE, KEEPALIVE = 1, 2, 4
ASN = 65000
HOLD_TIME = 90


def message(kind, body=b""):
    return b"\xff" * 16 + struct.pack(">HB", 19 + len(body), kind) + body


def open_message(address):
    capabilities = b"\x01\x04\x00\x01\x00\x01" + b"\x41\x04" + struct.pack(">I", ASN)
    return message(OPEN, struct.pack(">BHH4sBBB", 4, ASN, HOLD_TIME, socket.inet_aton(address),
                                     len(capabilities) + 2, 2, len(capabilities)) + capabilities)


def prefixes(block):
    """The prefixes of a field of an UPDATE, as they stand there."""
    at = 0
    while at < len(block):
        end = at + 1 + (block[at] + 7) // 8
        yield block[at:end]
        at = end


class Peer:
    def __init__(self, sock, address):
        self.sock, self.address = sock, address
        self.buffer, self.held, self.gone_at = b"", set(), None
        sock.send(open_message(address))

    def read(self):
        """False at the end."""
        try:
            data, control, _, _ = self.sock.recvmsg(65536, 128)
        except ConnectionError:
            return False
        at = next((struct.unpack("qq", value) for level, kind, value in control
                   if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS)), None)
        self.buffer += data
        while len(self.buffer) >= 19:
            size, kind = struct.unpack(">HB", self.buffer[16:19])
            if len(self.buffer) < size:
                break
            self.take(kind, self.buffer[19:size], at)
            self.buffer = self.buffer[size:]
        return bool(data)

    def take(self, kind, body, at):
        if kind in (OPEN, KEEPALIVE):  # one of ours for each of theirs is often enough
            self.sock.send(message(KEEPALIVE))
        if kind != UPDATE:
            return
        withdrawn, = struct.unpack(">H", body[:2])
        attributes, = struct.unpack(">H", body[2 + withdrawn:4 + withdrawn])
        for prefix in prefixes(body[2:2 + withdrawn]):
            self.held.discard(prefix)
        self.held.update(prefixes(body[4 + withdrawn + attributes:]))
        if withdrawn and not self.held:
            self.gone_at = at[0] * 10**9 + at[1]


class Collector:
    def __init__(self, peers, count):
        self.wanted, self.count, self.was_full = peers, count, False
        self.peers, self.poll = {}, select.epoll()
        self.listener = socket.create_server(("", 179), backlog=4 * peers)
        self.poll.register(self.listener, select.EPOLLIN)

    def accept(self):
        sock, _ = self.listener.accept()
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peers[sock.fileno()] = Peer(sock, sock.getsockname()[0])
        self.poll.register(sock, select.EPOLLIN)

    def tell(self):
        peers = self.peers.values()
        if len(peers) != self.wanted:
            self.was_full = False
        elif not self.was_full and all(len(p.held) == self.count for p in peers):
            self.was_full = True
            print('{"full": true}', flush=True)
        elif self.was_full and not any(p.held for p in peers):
            self.was_full = False
            # The two clocks are read one after the other: the largest difference is the closest.
            ahead = max(time.time_ns() - time.monotonic_ns() for _ in range(20))
            print(json.dumps({"gone": [[p.address, p.gone_at - ahead] for p in peers]}), flush=True)

    def run(self):
        print('{"ready": true}', flush=True)
        while True:
            for fd, _ in self.poll.poll():
                if fd == self.listener.fileno():
                    self.accept()
                elif not self.peers[fd].read():
                    self.peers.pop(fd).sock.close()
                    if not self.peers:
                        print('{"left": true}', flush=True)
            self.tell()


if __name__ == "__main__":
    Collector(*map(int, sys.argv[1:])).run()
