# SPDX-License-Identifier: GPL-3.0-or-later
"""BGP peers for tests of the speaker: one of raw bytes, BIRD over IPv6, and their test case."""
import os
import socket
import struct
import subprocess
import unittest

from lb_lab import Bird, Lab, configuration, wait_until

MARKER = b"\xff" * 16
OPEN, UPDATE, NOTIFICATION, KEEPALIVE, ROUTE_REFRESH = 1, 2, 3, 4, 5
IP_MINTTL, TCP_MD5SIG, TCP_SAVE_SYN, TCP_SAVED_SYN = 21, 14, 27, 28


def need_root():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root for network namespaces")


def message(kind, body=b""):
    return MARKER + struct.pack(">HB", 19 + len(body), kind) + body


def open_body(asn=65102, hold_time=9, router_id="10.1.2.2", version=4, capabilities=True):
    caps = b"\x01\x04\x00\x01\x00\x01" + b"\x02\x00" + b"\x41\x04" + struct.pack(">I", asn)
    options = bytes([2, len(caps)]) + caps if capabilities else b""
    return (struct.pack(">BHH", version, asn, hold_time) + socket.inet_aton(router_id) +
            bytes([len(options)]) + options)


def md5_key(address, text=b"a secret"):
    """For a socket: TCP-MD5 towards this address, struct tcp_md5sig."""
    where = struct.pack("=HH4s120x", socket.AF_INET, 0, socket.inet_aton(address))
    return lambda sock: sock.setsockopt(
        socket.IPPROTO_TCP, TCP_MD5SIG, where + struct.pack("=BBHI80s", 0, 0, len(text), 0, text))


def control(bird, *words):
    """birdc, allowed to change things."""
    return subprocess.run(["birdc", "-s", bird.control, *words], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=True).stdout


class Peer:
    """A BGP peer of raw bytes, dialling the lb from t2."""

    def __init__(self, lab, source="10.1.2.2", prepare=lambda sock: None):
        self.sock = lab.t2.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.settimeout(10)
        prepare(self.sock)
        self.sock.bind((source, 0))
        self.sock.connect(("10.1.2.3", 179))
        self.received = b""

    def send(self, *messages):
        self.sock.sendall(b"".join(messages))
        return self

    def read(self):
        """(type, body) of the next message, None at the end."""
        while True:
            if len(self.received) >= 19:
                size, kind = struct.unpack(">HB", self.received[16:19])
                if len(self.received) >= size:
                    body, self.received = self.received[19:size], self.received[size:]
                    return kind, body
            try:
                more = self.sock.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.received += more

    def read_until(self, kind):
        """The body of the first message of this type."""
        while True:
            got = self.read()
            if got is None:
                raise AssertionError("closed without a message of type %d" % kind)
            if got[0] == kind:
                return got[1]

    def establish(self, hold_time=9):
        self.send(message(OPEN, open_body(hold_time=hold_time)))
        self.read_until(OPEN)
        self.read_until(KEEPALIVE)
        return self.send(message(KEEPALIVE))

    def close(self):
        self.sock.close()


class Bird6(Bird):
    """The same upstream, spoken to over IPv6, for IPv6 alone, and only when it is dialled."""

    def start(self):
        with open(self.config, "w", encoding="ascii") as out:
            out.write("""
log stderr all;
router id 10.1.1.2;
protocol device { scan time 1; }
protocol static { ipv6; route ::/0 unreachable; }
protocol bgp lb {
	local 2001:db8:f001:1::2 as 65101;
	neighbor 2001:db8:f001:1::3 as 64500;
	passive; check link no; hold time 9; error wait time 1, 2;
	ipv6 { import all; export where net = ::/0; next hop self; };
}
""")
        super().start()


class SpeakerTest(unittest.TestCase):
    def setUp(self):
        self.lab = Lab(birds=False)
        self.addCleanup(self.lab.close)

    def bird(self, kind=Bird, **options):
        bird = kind(self.lab.t1, self.lab.directory, "t1", 65101, "10.1.1.2", "10.1.1.3",
                    "2001:db8:f001:1::2", **options)
        self.lab.birds.append(bird)
        return bird

    def start(self, **bgp):
        """The daemon: t1 dialled and dialling, t2 passive."""
        conf = configuration(self.lab.socket)["bgp"]
        conf["listen"] = ["0.0.0.0:179"]
        conf["peers"][1]["passive"] = True
        conf.update(bgp)
        daemon = self.lab.start(bgp=conf)
        daemon.events({"kind": "vip_up", "vip": "anycast"})
        return daemon

    def wait_state(self, daemon, name, state, seconds=10):
        wait_until(lambda: daemon.peer(name)["state"].lower() == state, seconds,
                   "%s %s" % (name, state))
