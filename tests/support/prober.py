# SPDX-License-Identifier: GPL-3.0-or-later
"""prober.py USERS PERIOD_MS ADDRESS...: users of UDP services who ask on and on, and who answered them.

Each user has a socket of its own for each address, and asks it every PERIOD_MS at planned times,
spread evenly. A line "dump" on standard input: the answers since the last one come as JSON,
{"late_ns": p99 of how late questions were sent, "answers": {address: [[user, sent_ns, who]...]}},
sent_ns the planned time on CLOCK_MONOTONIC.
"""
import json
import select
import socket
import struct
import sys
import time

PORT = 7


class User:
    def __init__(self, address, number):
        self.address, self.number = address, number
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.connect((address, PORT))

    def ask(self, planned):
        try:
            self.sock.send(struct.pack(">Q", planned))
        except OSError:  # an earlier question was refused, which is said only now
            pass

    def answers(self):
        while True:
            try:
                data = self.sock.recv(64)
            except BlockingIOError:
                return
            except OSError:
                continue
            yield self.number, struct.unpack(">Q", data[:8])[0], data[8:].decode()


class Prober:
    def __init__(self, users, period_ms, addresses):
        self.users = [User(address, i) for i in range(users) for address in addresses]
        self.by_fd = {user.sock.fileno(): user for user in self.users}
        self.step = int(period_ms * 1e6 / len(self.users))
        self.poll = select.epoll()
        for fd in [*self.by_fd, sys.stdin.fileno()]:
            self.poll.register(fd, select.EPOLLIN)
        self.forget()

    def forget(self):
        self.late, self.got = [], {user.address: [] for user in self.users}

    def dump(self):
        self.late.sort()
        late = self.late[len(self.late) * 99 // 100] if self.late else 0
        print(json.dumps({"late_ns": late, "answers": self.got}), flush=True)
        self.forget()

    def hear(self, seconds):
        """False when nobody wants to know any more."""
        for fd, _ in self.poll.poll(seconds):
            if fd in self.by_fd:
                user = self.by_fd[fd]
                self.got[user.address] += user.answers()
            elif sys.stdin.readline():
                self.dump()
            else:
                return False
        return True

    def run(self):
        planned, turn = time.monotonic_ns(), 0
        while self.hear(max(0, planned - time.monotonic_ns()) / 1e9):
            now = time.monotonic_ns()
            while planned <= now:
                self.late.append(now - planned)
                self.users[turn % len(self.users)].ask(planned)
                planned, turn = planned + self.step, turn + 1


if __name__ == "__main__":
    Prober(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]).run()
