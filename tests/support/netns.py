# SPDX-License-Identifier: GPL-3.0-or-later
"""Anonymous network namespaces, held by a process and gone with it, and wires between them."""
import contextlib
import ctypes
import os
import signal
import socket
import subprocess

from .wait import wait_until

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1


def die_with_parent():
    """For preexec_fn: a test that is killed takes its children along."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Netns:
    """A network namespace with its loopback up."""

    def __enter__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"],
                                       preexec_fn=die_with_parent)
        self.pid = self.holder.pid
        self.path = f"/proc/{self.pid}/ns/net"
        own = os.readlink("/proc/self/ns/net")
        try:
            wait_until(lambda: os.readlink(self.path) != own, 5, "a namespace of its own")
            self.run("ip", "link", "set", "lo", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.holder.kill()
        self.holder.wait()

    def command(self, *argv):
        """The command that runs argv inside."""
        return ["nsenter", f"--net={self.path}", "--", *map(str, argv)]

    def run(self, *argv, check=True):
        """Run argv inside and return its output; a failure raises with what it said."""
        done = subprocess.run(self.command(*argv), text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, argv))}: {done.stdout.strip()}")
        return done.stdout

    def ip(self, words):
        return self.run("ip", *words.split())

    def popen(self, *argv, **options):
        """The process itself is the caller's to signal: nsenter becomes what it runs."""
        return subprocess.Popen(self.command(*argv), **options)

    @contextlib.contextmanager
    def entered(self):
        """This thread is inside for the block: sockets made there stay in the namespace."""
        with open("/proc/thread-self/ns/net", "rb") as own, open(self.path, "rb") as inner:
            _setns(inner.fileno())
            try:
                yield
            finally:
                _setns(own.fileno())

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM):
        with self.entered():
            return socket.socket(family, kind)


def veth(a, name_a, addresses_a, b, name_b, addresses_b):
    """A wire between namespaces a and b; the addresses as '192.0.2.1/24', set without DAD."""
    subprocess.run(["ip", "link", "add", name_a, "netns", str(a.pid), "type", "veth",
                    "peer", "name", name_b, "netns", str(b.pid)], check=True)
    for ns, name, addresses in ((a, name_a, addresses_a), (b, name_b, addresses_b)):
        for address in addresses:
            ns.run("ip", "addr", "add", address, "dev", name,
                   *(["nodad"] if ":" in address else []))
        ns.run("ip", "link", "set", name, "up")
    # Carrier comes a moment after both ends are up; a first packet before that is lost.
    for ns, name in ((a, name_a), (b, name_b)):
        wait_until(lambda ns=ns, name=name: "LOWER_UP" in ns.run("ip", "link", "show", name),
                   5, f"carrier on {name}")
