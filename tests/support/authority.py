# SPDX-License-Identifier: GPL-3.0-or-later
"""A nameserver for one zone whose answers a test changes while it runs."""
import ipaddress
import struct
import threading
import time

A, AAAA = 1, 28


class Authority:
    """answers: address text per qtype, or an rcode; None: silence."""

    def __init__(self, sock, ttl):
        self.sock = sock
        self.ttl = ttl
        self.answers = {}
        self.rcode = 0
        self.silent = False
        self.asked = []  # (monotonic seconds, name, qtype)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def close(self):
        self.sock.close()

    def serve(self):
        while True:
            try:
                query, client = self.sock.recvfrom(4096)
            except OSError:
                return
            reply = self.answer(query)
            if reply:
                self.sock.sendto(reply, client)

    def answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12:at + 5]
        qtype = struct.unpack("!H", query[at + 1:at + 3])[0]
        name = ".".join(labels).lower()
        if qtype in (A, AAAA):
            self.asked.append((time.monotonic(), name, qtype))
        if self.silent:
            return None
        address = self.answers.get(qtype) if not self.rcode and name.startswith("u") else None
        records = b""
        if address:
            packed = ipaddress.ip_address(address).packed
            records = struct.pack("!HHHIH", 0xC00C, qtype, 1, self.ttl, len(packed)) + packed
        header = query[:2] + struct.pack("!HHHHH", 0x8400 | self.rcode, 1, bool(records), 0, 0)
        return header + question + records
