# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets for the program in front of the kernel, and front_shell, which runs it. SipHash, GUE and
checksums are written down here once more: nothing is shared with the program."""
import contextlib
import ipaddress
import json
import os
import socket
import struct
import subprocess

from .netns import die_with_parent

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHELL = os.path.join(ROOT, "build/tools/front_shell")
XDP = {0: "aborted", 1: "drop", 2: "pass", 3: "tx", 4: "redirect"}
FIN, SYN, RST, ACK = 1, 2, 4, 16
MASK = (1 << 64) - 1
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
GUE_PORT = 6080


def _rotate(x, by):
    return (x << by | x >> (64 - by)) & MASK


def siphash24(key, data):
    """Aumasson and Bernstein, 2012, figure 2.1."""
    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
         k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573]

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & MASK
            v[2] = (v[2] + v[3]) & MASK
            v[1] = _rotate(v[1], 13) ^ v[0]
            v[3] = _rotate(v[3], 16) ^ v[2]
            v[0] = _rotate(v[0], 32)
            v[2] = (v[2] + v[1]) & MASK
            v[0] = (v[0] + v[3]) & MASK
            v[1] = _rotate(v[1], 17) ^ v[2]
            v[3] = _rotate(v[3], 21) ^ v[0]
            v[2] = _rotate(v[2], 32)

    padded = data + bytes(-(len(data) + 1) % 8) + bytes([len(data) & 255])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xff
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def packed(address):
    return ipaddress.ip_address(address).packed


def mapped(address):
    octets = packed(address)
    return octets if len(octets) == 16 else bytes(10) + b"\xff\xff" + octets


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip(source, target, proto, payload, *, df=True, options=b"", extensions=(), fragment=None,
       tos=0, total=None):
    """extensions: (type, octets behind the first two); fragment: offset / 8 | more << 15."""
    if ":" not in source:
        flags = 0x4000 if df else 0
        if fragment is not None:
            flags = (fragment & 0x1fff) | (fragment >> 15) << 13
        size = 20 + len(options)
        head = struct.pack("!BBHHHBBH4s4s", 0x40 | size // 4, tos,
                           size + len(payload) if total is None else total, 0, flags, 57, proto,
                           0, packed(source), packed(target)) + options
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload
    if fragment is not None:
        payload = struct.pack("!BBHI", proto, 0, (fragment & 0x1fff) << 3 | fragment >> 15,
                              7) + payload
        proto = 44
    for kind, octets in reversed(extensions):
        payload = bytes([proto, (len(octets) + 2) // 8 - 1]) + octets + payload
        proto = kind
    return struct.pack("!IHBB16s16s", 6 << 28 | tos << 20,
                       len(payload) if total is None else total, proto, 57, packed(source),
                       packed(target)) + payload


def pseudo(source, target, proto, length):
    return packed(source) + packed(target) + struct.pack("!II", length, proto)


def tcp_segment(source, target, sport, dport, flags, data=b"", seq=1000, ack=2000):
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack if flags & ACK else 0, 0x50, flags,
                       65535, 0, 0) + data
    total = checksum(pseudo(source, target, TCP, len(head)) + head)
    return head[:16] + struct.pack("!H", total) + head[18:]


def tcp(client, vip, flags=ACK, data=b"", seq=1000, ack=2000, **options):
    """From client to vip, both (address, port)."""
    return ip(client[0], vip[0], TCP,
              tcp_segment(client[0], vip[0], client[1], vip[1], flags, data, seq, ack), **options)


def udp(source, target, data, **options):
    length = 8 + len(data)
    return ip(source[0], target[0], UDP,
              struct.pack("!HHHH", source[1], target[1], length, 0) + data, **options)


def icmp_error(router, client, vip, kind=None, quoted=None):
    """Of a packet from vip to client that did not arrive."""
    lost = quoted if quoted is not None else tcp(vip, client)[:48]
    if ":" in vip[0]:
        message = bytes([kind or 2, 0, 0, 0]) + struct.pack("!I", 1280) + lost
        total = checksum(pseudo(router, vip[0], ICMPV6, len(message)) + message)
        return ip(router, vip[0], ICMPV6, message[:2] + struct.pack("!H", total) + message[4:])
    message = bytes([kind or 3, 4, 0, 0]) + struct.pack("!I", 1400) + lost
    return ip(router, vip[0], ICMP,
              message[:2] + struct.pack("!H", checksum(message)) + message[4:])


def frame(packet, pad=0, to=b"\x02\0\0\0\0\x01", source=b"\x02\0\0\0\0\x02"):
    kind = 0x0800 if packet[0] >> 4 == 4 else 0x86dd
    return to + source + struct.pack("!H", kind) + packet + bytes(pad)


def flow_key(client, vip, proto=TCP):
    return mapped(client[0]) + mapped(vip[0]) + struct.pack("!HHBBH", client[1], vip[1], proto,
                                                            0, 0)


def gue(key, ours, theirs, inner, flow, epoch=1, **changes):
    """What a PoP at ours sends to the one at theirs; changes: of what it should be."""
    proto = 4 if inner[0] >> 4 == 4 else 41
    fields = {"first": 5, "proto": proto, "flags": 0, "version": 1, "hop": 1, "zero": 0,
              "epoch": epoch, "reserved": 0, "source": ours, **changes}
    tagged = (flow + mapped(ours) + mapped(theirs) +
              bytes([fields["hop"], fields["proto"], fields["version"], 0]) +
              struct.pack("!I", fields["epoch"]))
    tag = fields.get("tag", siphash24(key, tagged))
    head = struct.pack("!BBHBBHII", fields["first"], fields["proto"], fields["flags"],
                       fields["version"], fields["hop"], fields["zero"], fields["epoch"],
                       fields["reserved"]) + struct.pack("<Q", tag)
    payload = head + inner
    return udp((fields["source"], 50000), (theirs, GUE_PORT), payload[:fields.get("cut")])


class Front:
    """front_shell in a namespace."""

    def __init__(self, netns, **options):
        self.process = subprocess.Popen(netns.command(SHELL), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True,
                                        preexec_fn=die_with_parent)
        self.seen = []
        self.try_do("new", *(word for pair in options.items() for word in pair))

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def do(self, *words):
        """The answer's words behind "ok" or "error"; packets go to seen."""
        print(*(w.hex() if isinstance(w, bytes) else w for w in words), file=self.process.stdin,
              flush=True)
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError(f"front_shell has ended: {words}")
            if line.startswith("packet "):
                self.seen.append(line.split()[1:])
            else:
                return line.split()

    def try_do(self, *words):
        got = self.do(*words)
        if not got or got[0] != "ok":
            raise AssertionError(f"{words}: {got}")
        return got[1:]

    def run(self, octets):
        """(verdict, frame)"""
        verdict, out = (self.try_do("run", octets) + [""])[:2]
        return XDP[int(verdict)], bytes.fromhex(out)

    def packets(self):
        """What user space was shown since: [(kind, flags, is_error, pop, row, is_cut, key, data)]"""
        self.try_do("read")
        seen, self.seen = self.seen, []
        return [(kind, int(flags), int(error), int(pop), int(row), int(cut), bytes.fromhex(key),
                 bytes.fromhex(data)) for kind, flags, error, pop, row, cut, key, data in seen]

    def counts(self):
        return json.loads(self.try_do("count")[0])

    def vip_counts(self, row):
        return json.loads(self.try_do("vip_count", row)[0])

    @contextlib.contextmanager
    def counting(self, test, **expected):
        """These counters grow so much in the block, and no other one does."""
        before = self.counts()
        yield
        after = self.counts()
        test.assertEqual({k: v - before[k] for k, v in after.items() if v != before[k]}, expected)


def listener(netns, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = netns.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    sock.listen(16)
    return sock
