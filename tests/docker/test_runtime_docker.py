# SPDX-License-Identifier: GPL-3.0-or-later
"""--runtime docker: a supervisor on the host, its nodes in containers."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

from support import ROOT, Rest, schema, wait_until
from support.scenarios import NUMBERS, fates, sessions

sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))
import test_lab

IMAGE = os.environ.get("CATCHMENT_IMAGE", "catchment")
SCHEMA = os.path.join(ROOT, "testbed", "report", "result.schema.json")
PROJECT = "com.docker.compose.project=catchment-"
GOOD_ENGINE = """case $1 in
version) echo 20.10.24 ;;
info) echo "$(uname -r) []" ;;
*) exit 1 ;;
esac
"""
BACK_S = 40  # patience for a pop: its wires, daemons, sessions and everybody's routes
RUN_S = 260  # for a run on a busy machine, which repeats trials

# Reads frames from an interface: the instant of each that came in over the wire.
CAPTURE = """
import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((sys.argv[1], 0))
print("ready", flush=True)
while True:
    frame, address = s.recvfrom(2048)
    if address[2] != socket.PACKET_OUTGOING:
        tcp = frame[12:14] == b"\\x08\\x00" and frame[23] == 6
        flags = frame[14 + (frame[14] & 15) * 4 + 13] if tcp else 0
        print(time.clock_gettime_ns(time.CLOCK_MONOTONIC), flags, flush=True)
"""


def docker(*argv, status=0):
    done = subprocess.run(["docker", *argv], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False,
                          timeout=60)
    if status is not None and done.returncode != status:
        raise AssertionError(f"docker {argv}: {done.returncode}: {done.stdout}")
    return done.stdout.strip()


class Case(test_lab.Case):
    def setUp(self):
        super().setUp()
        self.lab = self.lab.replace("lab", "runtime-t")
        self.scenario = self.write("quick.json", test_lab.quick(**NUMBERS))
        self.addCleanup(self.remove, self.lab)

    def remove(self, lab):
        subprocess.run([test_lab.TESTBED, "down", "--lab", lab], stderr=subprocess.DEVNULL,
                       check=False, timeout=120)

    def start(self, command="run", *more):
        run = subprocess.Popen([test_lab.TESTBED, command, self.scenario, "--runtime", "docker",
                                "--lab", self.lab, "--out", self.dir + "/out", *more],
                               env=self.env, text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.dir)
        self.addCleanup(run.stdout.close)
        self.addCleanup(run.stderr.close)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        return run

    def up(self, scenario=None, lab=None, *more):
        return self.run_testbed("up", scenario or self.scenario, "--runtime", "docker", "--lab",
                                lab or self.lab, "--out", self.dir + "/out", *more)

    def left(self, lab=None):
        """Containers, networks and volumes of the lab."""
        label = "label=" + PROJECT + (lab or self.lab)
        return [docker(*what, "-q", "--filter", label) for what in
                (("ps", "-a"), ("network", "ls"), ("volume", "ls"))]

    def nothing_left(self, within=60):
        wait_until(lambda: self.left() == ["", "", ""], within, "nothing of the lab", 0.2)
        wait_until(lambda: not os.path.exists(f"/run/catchment/{self.lab}"), 5, "no directory")
        wait_until(lambda: not self.processes(), 5, "no process")

    def fake(self, name, text):
        path = os.path.join(self.dir, "bin", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as f:
            f.write("#!/bin/sh\n" + text)
        os.chmod(path, 0o755)
        return os.path.dirname(path) + ":" + os.environ["PATH"]

    def container(self, node):
        return docker("ps", "-aq", "--filter", "label=" + PROJECT + self.lab, "--filter",
                      "label=com.docker.compose.service=" + node)

    def node(self, name):
        return next(n for n in self.status()["nodes"] if n["name"] == name)

    def log(self):
        with open(self.dir + "/out/latest/testbed.log", encoding="utf-8") as f:
            return f.read()

    def back(self, node, user, address):
        """It is wired and converged."""
        wait_until(lambda: self.node(node)["up"], BACK_S, f"{node} up")
        wait_until(lambda: self.status()["routes_missing"] == 0, BACK_S, "every route back")
        wait_until(lambda: self.reaches(user, address), BACK_S, f"{node} reached")


class Run(Case):
    def test_quick(self):
        run = self.start()
        table, said = run.communicate(timeout=RUN_S)
        self.assertEqual(run.returncode, 0, said)
        for variant in ("anycast", "geodns4"):
            self.assertRegex(table, rf"(?m)^{variant} +16/32 +\d", said)
        with open(self.dir + "/out/latest/result.json", encoding="utf-8") as f:
            result = json.load(f)
        with open(SCHEMA, encoding="utf-8") as f:
            self.assertEqual(list(schema.errors(result, json.load(f))), [])
        self.assertEqual(result["runtime"], "docker")
        self.assertRegex(result["versions"]["bird"], "^BIRD version 2")
        self.assertTrue(any(t["valid"] for t in result["trials"]))
        self.nothing_left(within=1)

    def test_sessions_survive_shift_and_drain(self):
        """In a container too the program is loaded, and packets are handed over."""
        self.scenario = self.write("sessions.json", sessions())
        run = self.start()
        table, said = run.communicate(timeout=RUN_S)
        self.assertEqual(run.returncode, 0, said)
        with open(self.dir + "/out/latest/result.json", encoding="utf-8") as f:
            result = json.load(f)
        for fault in ("catchment_shift fra", "drain fra"):
            self.assertEqual(fates(result, fault), {"anycast": (16, 0, 16),
                                                    "anycast-continuity": (16, 16, 0)}, table)
        self.nothing_left(within=1)

    def test_the_engine_ends(self):
        """All nodes vanish: one line more than their deaths, and a clean state."""
        run = self.start()
        for line in run.stderr:
            if line.startswith("trial 1"):
                break
        docker("kill", *self.left()[0].split())
        said = run.stderr.read()
        self.assertEqual(run.wait(60), 1, said)
        self.assertIn("all its nodes have gone: has the container engine ended?", said)
        self.nothing_left(within=1)


class Faults(Case):
    def capture(self, node, interface):
        pid = self.node(node)["pid"]
        reader = subprocess.Popen(["nsenter", "-t", str(pid), "-n", sys.executable, "-c", CAPTURE,
                                   interface], stdout=subprocess.PIPE, text=True)
        self.addCleanup(reader.stdout.close)
        self.addCleanup(reader.wait)
        self.addCleanup(reader.kill)
        self.assertEqual(reader.stdout.readline(), "ready\n")
        return reader

    def test_a_crash_is_silent_and_its_undo_is_new(self):
        self.up()  # with users, whose sessions could be heard to end
        wait_until(lambda: self.status()["users"]["requests"] > 0, 20, "users at work")
        old = self.node("fra")["pid"]
        held = {kind: os.open(f"/proc/{old}/ns/{kind}", os.O_RDONLY)
                for kind in ("net", "mnt", "pid", "uts", "ipc")}
        for fd in held.values():
            self.addCleanup(os.close, fd)
        container = self.container("fra")
        reader = self.capture("t1-frankfurt", "fra")
        time.sleep(1.5)  # so much of what the pop has to say while it lives
        fault = json.loads(self.run_testbed("fault", "--lab", self.lab, "--json", "pop_crash",
                                            "fra")[0])
        new = wait_until(lambda: self.node("fra")["pid"] not in (0, old) and
                         self.node("fra")["pid"], 20, "a new agent")
        self.assertFalse(self.node("fra")["up"], "it is kept waiting")
        self.assertFalse(self.reaches("paris", "10.200.1.1"))
        self.assertEqual(docker("inspect", "-f", "{{.State.Status}}", container), "running")
        time.sleep(2)
        reader.kill()
        frames = [tuple(map(int, line.split())) for line in reader.stdout if line.count(" ") == 1]
        before = [flags for t, flags in frames if t < fault["t_ns"]]
        self.assertGreater(len(before), 10, "the capture works")
        self.assertTrue(any(flags & 1 for flags in before), "and sees the ends of connections")
        # What was under way on the wire, 1.4 ms long, was sent before.
        self.assertEqual([f for f in frames if f[0] > fault["t_ns"] + 20_000_000], [])
        for kind, fd in held.items():
            self.assertNotEqual(os.readlink(f"/proc/{new}/ns/{kind}"),
                                os.readlink(f"/proc/self/fd/{fd}"))
        self.run_testbed("restore", "--lab", self.lab, "1")
        self.back("fra", "paris", "10.200.1.1")
        self.assertEqual(self.node("fra")["pid"], new)
        self.assertEqual(self.log(), "", "a fault is no mishap")
        self.down()
        self.nothing_left(within=1)

    def test_with_dockers_own_tools(self):
        self.up()
        container = self.container("fra")
        for what, undo in (("kill", "start"), ("restart", None), ("pause", "unpause")):
            with self.subTest(what=what):
                docker(what, container)
                if what == "pause":
                    wait_until(lambda: self.status()["routes_missing"] > 0, 30, "fra withdrawn")
                if undo == "start":
                    wait_until(lambda: not self.node("fra")["up"], 10, "fra is missed")
                    self.assertFalse(self.reaches("paris", "10.200.1.1"))
                if undo:
                    docker(undo, container)
                self.back("fra", "paris", "10.200.1.1")
        self.assertEqual(self.log().count("node fra has died"), 2, self.log())
        self.assertEqual(self.status()["phase"], "up")
        # The container's way out of the lab is closed, and the lab's way to its REST.
        self.assertNotIn("eth0", self.exec("fra", "ip", "route", "show", "default")[1])
        self.assertIn("fra", self.exec("paris", "curl", "-s", "http://10.200.1.1/")[1])
        self.assertEqual(self.exec("paris", "curl", "-s", "http://10.200.1.1:8080/healthz")[0], 7)
        host, port = docker("port", self.container("nyc"), "8080").splitlines()[0].split(":")
        self.assertEqual(host, "127.0.0.1")
        self.assertEqual(Rest((host, int(port))).request("GET", "/healthz")[0], 200)
        self.down()
        self.nothing_left(within=1)


class Rack(Case):
    def test_a_crash_takes_both_nodes(self):
        scenario = test_lab.quick(name="rack")
        scenario["pops"][0]["shape"] = "rack"
        self.up(self.write("rack.json", scenario))
        self.assertTrue(self.reaches("paris", "10.200.1.1"))
        self.assertIn("via 10.201.1.1 ", self.exec("fra", "ip", "route", "show", "default")[1])
        old = [self.node(name)["pid"] for name in ("fra", "fra-edge")]
        self.run_testbed("fault", "--lab", self.lab, "pop_crash", "fra")
        for name in ("fra", "fra-edge"):
            wait_until(lambda name=name: self.node(name)["pid"] not in (0, *old), 20,
                       f"a new agent of {name}")
            self.assertFalse(self.node(name)["up"], "it is kept waiting")
        self.assertFalse(self.reaches("paris", "10.200.1.1"))
        self.run_testbed("restore", "--lab", self.lab, "1")
        self.back("fra-edge", "paris", "10.200.1.1")
        self.back("fra", "paris", "10.200.1.1")
        self.assertEqual(self.log(), "", "a fault is no mishap")
        self.down()
        self.nothing_left(within=1)


class Ends(Case):
    def test_the_supervisor_is_killed(self):
        moments = (("the first containers", lambda: len(self.left()[0].split()) >= 2),
                   ("every container", lambda: len(self.left()[0].split()) == 17),
                   ("users at work", lambda: self.status()["phase"] == "up"))
        for what, moment in moments:
            with self.subTest(moment=what):
                run = self.start()

                def reached(moment=moment):
                    try:
                        return moment()
                    except AssertionError:  # no status yet
                        return False
                wait_until(reached, 60, what, 0.05)
                run.kill()
                self.nothing_left()

    def test_interrupted_while_it_starts(self):
        run = self.start()
        wait_until(lambda: len(self.left()[0].split()) >= 2, 60, "the first containers", 0.05)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 1)
        self.assertIn("interrupted", said)
        self.nothing_left(within=1)

    def test_the_keeper_is_killed(self):
        """Nobody would remove the containers of a dead supervisor: so it ends, and does it."""
        run = self.start()
        keeper = wait_until(lambda: [pid for pid, words in self.processes().items()
                                     if words[:2] == ["sh", "-c"] and self.lab in words and
                                     "state" in words[2]], 20, "the keeper", 0.05)[0]
        wait_until(lambda: len(self.left()[0].split()) >= 2, 60, "the first containers", 0.05)
        os.kill(keeper, signal.SIGKILL)
        _, said = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 1)
        self.assertIn("its keeper has died", said)
        self.nothing_left(within=1)

    def test_leftovers(self):
        docker("create", "--label", PROJECT + self.lab, "--name", self.lab, IMAGE)
        self.up()
        self.assertEqual(docker("ps", "-aq", "--filter", "name=^" + self.lab + "$"), "")
        self.down()
        docker("create", "--label", PROJECT + self.lab, "--name", self.lab, IMAGE)
        self.down()
        self.nothing_left(within=1)
        self.refused(1, f"no lab '{self.lab}' is running", "down", "--lab", self.lab)

    def test_an_engine_that_hangs(self):
        """It is not waited for without end, neither by a command nor by a keeper."""
        self.env = {**self.env, "PATH": self.fake("docker", "exec sleep 300\n")}
        os.makedirs(f"/run/catchment/{self.lab}")
        self.addCleanup(shutil.rmtree, f"/run/catchment/{self.lab}", ignore_errors=True)
        with open(f"/run/catchment/{self.lab}/docker-compose.yml", "w", encoding="ascii"):
            pass
        self.refused(1, "its containers stay, as the container engine does not remove them",
                     "down", "--lab", self.lab)

    def test_two_at_once(self):
        other = self.lab + "b"
        self.addCleanup(self.remove, other)
        self.up()
        self.up(lab=other)
        for command in ("up", "run"):
            self.refused(3, "is running already", command, self.scenario, "--runtime", "docker",
                         "--lab", self.lab, "--out", self.dir + "/out")
        self.run_testbed("fault", "--lab", self.lab, "pop_crash", "fra")
        self.assertFalse(self.reaches("paris", "10.200.1.1"))
        self.run_testbed("exec", "--lab", other, "paris", "--", "ping", "-c1", "10.200.1.1")
        self.run_testbed("down", "--lab", other)
        self.assertEqual(self.left(other), ["", "", ""])
        self.assertEqual(self.status()["phase"], "up")
        self.run_testbed("restore", "--lab", self.lab, "1")
        self.back("fra", "paris", "10.200.1.1")
        self.down()


class Refused(Case):
    def refuse(self, status, pattern, lab=None, **env):
        self.env = {**self.env, **env}
        self.refused(status, pattern, "run", self.scenario, "--runtime", "docker", "--lab",
                     lab or self.lab, "--out", self.dir + "/out")
        self.assertFalse(os.path.exists(f"/run/catchment/{lab or self.lab}"))

    def test_no_engine(self):
        self.refuse(3, "no container engine answers, start it .*Cannot connect",
                    DOCKER_HOST=f"unix://{self.dir}/nobody")

    def test_no_image(self):
        self.refuse(3, "no image 'runtime-nosuch:1': build it with",
                    CATCHMENT_IMAGE="runtime-nosuch:1")

    def test_name(self):
        self.refuse(2, "has only a-z, 0-9, - and _", lab="Runtime.T")

    def test_an_old_engine(self):
        self.refuse(3, r"the container engine is version 18\.09\.1: 20\.10 or newer is needed",
                    PATH=self.fake("docker", "echo 18.09.1\n"))

    def test_warnings_are_no_version(self):
        """The client's, about its own configuration."""
        self.refuse(3, r"the container engine is version 18\.09\.1: 20\.10 or newer is needed",
                    PATH=self.fake("docker", "echo WARNING: no config >&2; echo 18.09.1\n"))

    def test_podman(self):
        self.refuse(3, "'docker' is podman version 4.3.1 here: Docker itself is needed",
                    PATH=self.fake("docker", "echo podman version 4.3.1\n"))

    def test_an_engine_elsewhere(self):
        for info, words in (("5.15.49-linuxkit [name=seccomp]", "is on another machine"),
                            (f"{os.uname().release} [name=rootless]", "runs without root")):
            with self.subTest(info=info):
                self.refuse(3, f"the container engine {words}", PATH=self.fake(
                    "docker", f'[ "$1" = info ] && echo "{info}" || echo 20.10.24\n'))

    def test_no_docker_at_all(self):
        self.refuse(3, "'docker' is not there: install it",
                    PATH=self.fake("docker", "exit 127\n"))

    def test_no_compose(self):
        path = self.fake("docker", GOOD_ENGINE)
        self.fake("docker-compose", "exit 1\n")
        self.refuse(3, "neither 'docker compose' nor 'docker-compose' is there", PATH=path)

    def test_an_old_compose(self):
        path = self.fake("docker", GOOD_ENGINE)
        self.fake("docker-compose", "echo 1.25.0\n")
        self.refuse(3, r"Compose is version 1\.25\.0: 1\.29 or newer is needed", PATH=path)

    def test_containers_that_cannot_start(self):
        """One line with the engine's reason, and a clean state."""
        self.refuse(1, "the containers cannot be started: .*(executable file not found|no such)",
                    CATCHMENT_IMAGE="debian:bookworm-slim")
        self.nothing_left(within=1)

    def test_keep_nodes(self):
        _, said = self.run_testbed("run", self.scenario, "--runtime", "docker", "--keep-nodes",
                                   status=2)
        self.assertIn("only those of --runtime compose come again", said)


class World(Case):
    def test_numbers(self):
        """All containers started, wired and converged in a minute, and small."""
        _, said = self.up("world", None, "--no-users")
        seconds = float(said.partition("converged after ")[2].split()[0])
        self.assertLess(seconds, 60, said)
        beside = [self.memory(n["pid"]) for n in self.status()["nodes"]]
        self.assertEqual(len(beside), 59)
        self.assertLess(max(beside), 20e6)
        print(f"world: converged after {seconds} s, beside the daemons at most "
              f"{max(beside) / 1e6:.1f} MB a container", file=sys.stderr)
        self.down()
        self.nothing_left(within=1)

    @staticmethod
    def memory(pid):
        """Bytes of the agent and the relay of a container."""
        total = 0
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            children = f.read().split()
        for process in (str(pid), *children):
            with open(f"/proc/{process}/comm", encoding="ascii") as f:
                if f.read().strip() not in ("node", "socat"):
                    continue
            with open(f"/proc/{process}/smaps_rollup", encoding="ascii") as f:
                total += next(int(line.split()[1]) for line in f if line.startswith("Rss:"))
        return total * 1024


if __name__ == "__main__":
    unittest.main()
