# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces without names: they go with the process that holds them."""
import ctypes
import os
import socket
import subprocess
import threading

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    def __init__(self):
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--fork", "--kill-child", "sh", "-c", "echo up; exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.read(3) == b"up\n", "no network namespace"
        children = f"/proc/{self.holder.pid}/task/{self.holder.pid}/children"
        with open(children) as f:
            self.pid = int(f.read().split()[0])
        self.ip("link set lo up")

    def close(self):
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()

    def command(self, *argv):
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", *map(str, argv)]

    def ip(self, words):
        subprocess.run(self.command("ip", *words.split()), check=True)

    def sysctl(self, key, value):
        path = "/proc/sys/" + key.replace(".", "/")
        subprocess.run(self.command("sh", "-c", f"echo {value} >{path}"), check=True)

    def popen(self, *argv, **options):
        """The process itself is ours to signal: nsenter and what it runs are one pid."""
        return subprocess.Popen(self.command(*argv), **options)

    def socket(self, *args):
        """A socket that lives in this namespace, usable from any thread here."""
        made = []

        def make():
            fd = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
            if libc.setns(fd, CLONE_NEWNET) == 0:
                made.append(socket.socket(*args))
            os.close(fd)

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]


def connect(a, b, subnet):
    """A veth between two namespaces: a has .1, b has .2 of subnet ("10.0.0")."""
    a.ip(f"link add wire type veth peer name wire netns {b.pid}")
    for host, ns in enumerate((a, b), start=1):
        ns.ip(f"address add {subnet}.{host}/24 dev wire")
        ns.ip(f"address add 2001:db8:f000::{host}/64 dev wire nodad")
        ns.ip("link set wire up")
