#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A planned restart (SIGUSR2) of catchment-lb, with connections open: of the PoP that has them, and
of the one that they come by."""
import os
import shlex
import signal
import subprocess
import threading
import time
import unittest

from support import lb_lab
from support.continuity import VIPS, Pops
from support.lb_lab import wait_until

DETECTION_S, RESET_AFTER_S = 0.24, 1.0


class Restart(Pops):
    def setUp(self):
        super().setUp()
        self.folder = self.pops[0].directory + "-bpf"
        os.mkdir(self.folder)
        subprocess.run(["mount", "-t", "bpf", "bpf", self.folder], check=True)
        self.stack.callback(subprocess.run, ["umount", self.folder], check=True)

    def start_pinned(self, program=lb_lab.LB):
        for pop in self.pops:
            pop.start(self.pops, program=program, pin=os.path.join(self.folder, pop.name))
            self.stack.callback(pop.daemon.stop)
        self.wait_ready()

    def started(self, pop):
        return pop.daemon.get("/v1/status")[1]["started_ns"]

    def restart(self, pop):
        before = self.started(pop)
        os.kill(pop.daemon.process.pid, signal.SIGUSR2)

        def is_another():
            try:
                return self.started(pop) > before
            except OSError:
                return False
        wait_until(is_another, what=f"{pop.name} is another")

    def test_of_either(self):
        """Data flows all the time, and every packet of it is checked."""
        self.start_pinned()
        for vip in VIPS:
            for came_by in (0, 1):
                self.route(0)
                with self.connection(vip) as (client, server):
                    self.route(came_by)
                    self.exchange(client, server)
                    for pop in self.pops:
                        done, faults = threading.Event(), []

                        def talk(client=client, server=server, done=done, faults=faults):
                            try:
                                while not done.is_set():
                                    self.exchange(client, server)
                            except (OSError, AssertionError) as error:
                                faults.append(error)
                        thread = threading.Thread(target=talk)
                        thread.start()
                        self.restart(pop)
                        self.wait_ready()
                        done.set()
                        thread.join()
                        self.assertEqual(faults, [], (vip, came_by, pop.name))
                        self.exchange(client, server)
        for pop in self.pops:
            self.assertEqual(pop.counts()["flows"]["resets"], 0)

    def test_forwarding_is_as_it_was(self):
        """What the first life has allowed on the loopback the last one takes back."""
        words = ["cat", *(f"/proc/sys/net/{ip}/conf/lo/forwarding" for ip in ("ipv4", "ipv6"))]
        pop = self.pops[0]
        pop.lb.run("sysctl", "-qw", "net.ipv4.conf.lo.forwarding=0")
        before = pop.lb.run(*words).split()
        self.start_pinned()
        self.assertEqual(pop.lb.run(*words).split(), ["1", "1"])
        for _ in range(2):
            self.restart(pop)
            self.assertEqual(pop.lb.run(*words).split(), ["1", "1"])
        pop.daemon.stop()
        self.assertEqual(pop.lb.run(*words).split(), before)
        self.assertNotIn(pop.name, os.listdir(self.folder))

    def test_it_takes_its_time(self):
        """Longer than a PoP may be silent, and than the dead are waited for."""
        program = os.path.join(self.pops[0].directory, "program")
        hold = os.path.join(self.pops[0].directory, "hold")
        os.symlink(lb_lab.LB, program)
        self.start_pinned(program)
        owner, guest = self.pops
        with self.connection(VIPS[0]) as (client, server):
            os.unlink(program)
            with open(program, "w", encoding="ascii") as file:
                file.write(f"#!/bin/sh\nwhile [ -e {shlex.quote(hold)} ]; do sleep 0.05; done\n"
                           f"exec {shlex.quote(lb_lab.LB)} \"$@\"\n")
            os.chmod(program, 0o755)
            with open(hold, "w", encoding="ascii"):
                pass
            os.kill(owner.daemon.process.pid, signal.SIGUSR2)
            wait_until(lambda: guest.mesh(owner)["state"] == "restarting", what="it says so")
            self.route(1)
            client.sendall(b"x")
            end = time.monotonic() + 2 * (DETECTION_S + RESET_AFTER_S)
            while time.monotonic() < end:
                self.assertEqual(guest.mesh(owner)["state"], "restarting")
            self.assertEqual(guest.counts()["flows"]["resets"], 0)
            os.unlink(hold)
            self.assertEqual(server.recv(1), b"x")
            self.wait_ready()
            self.exchange(client, server)
        self.assertEqual(guest.counts()["flows"]["settled"], 1)


if __name__ == "__main__":
    unittest.main()
