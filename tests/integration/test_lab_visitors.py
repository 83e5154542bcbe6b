# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that come by themselves (--runtime compose), without a container engine.

A shell that makes namespaces and runs the agent in them, again after each failure, is all that
an engine's restart policy does.
"""
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import unittest

from support import holds_for, wait_until

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_lab import Case, TESTBED, UP_S, quick

PROTOCOL = 3  # CONTROL_VERSION
NODES = ("t1-frankfurt", "t1-newyork", "t2", "acc-paris", "acc-berlin", "acc-boston",
         "acc-jakarta", "fra", "nyc", "sin", "root", "ns1", "ns2", "paris", "berlin", "boston",
         "jakarta")

# $0 is the program, $1 a directory, $2 the lab, $3 the node, $4 what is done first inside.
INSIDE = """
eval "$4"
mount --bind /run/catchment "$1" && mount -t tmpfs none /run && mkdir /run/catchment &&
mount --bind "$1" /run/catchment && : >/run/resolv.conf &&
mount --bind /run/resolv.conf /etc/resolv.conf &&
exec "$0" node --wait --control "/run/catchment/$2/control" --name "$3"
"""
ENGINE = """
until unshare -n -m -p -u -i -f --kill-child --mount-proc sh -c "$4" "$0" "$1" "$2" "$3" "$5"
do :; done
"""
# A management network with its ways out.
MANAGEMENT = """
ip link add out type veth peer name far && ip address add 172.31.0.2/24 dev out &&
sysctl -qw net.ipv6.conf.all.accept_dad=0 && ip address add 2001:db8:aaaa::2/64 nodad dev out &&
ip link set lo up && ip link set far up && ip link set out up &&
ip route add default via 172.31.0.1 && ip -6 route add default via 2001:db8:aaaa::1 || exit 0
"""


class Visitors(Case):
    def setUp(self):
        super().setUp()
        self.scenario = self.write("quick.json", quick())
        self.engines = {}
        self.dir_inside = self.dir + "/inside"
        os.mkdir(self.dir_inside)
        os.makedirs("/run/catchment", exist_ok=True)

    def bring(self, *names, first=":"):
        """What 'docker start' does."""
        path = f"{os.environ['PATH']}:{os.path.dirname(TESTBED)}:/usr/sbin"
        for name in names:
            self.engines[name] = subprocess.Popen(
                ["sh", "-c", ENGINE, TESTBED, self.dir_inside, self.lab, name, INSIDE,
                 first],
                env={**self.env, "PATH": path}, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.addCleanup(self.engines[name].wait)
            self.addCleanup(self.kill_all)

    def agents(self, node):
        return [pid for pid, words in self.processes().items()
                if words[1:2] == ["node"] and node in words]

    def up(self, scenario=None, lab=None, *more):
        return self.run_testbed("up", "--runtime", "compose", "--no-users", scenario or
                                self.scenario, "--lab", self.lab, "--out", self.dir + "/out", *more)

    def node(self, name):
        return next(n for n in self.status()["nodes"] if n["name"] == name)

    def log(self):
        with open(self.dir + "/out/latest/testbed.log", encoding="utf-8") as f:
            return f.read()

    def ended(self, status=0):
        for name, engine in self.engines.items():
            self.assertEqual(engine.wait(10), status, name)

    def test_a_life(self):
        self.bring(*NODES)
        _, err = self.up()
        self.assertIn("17 nodes and 17 wires", err)
        with open(self.dir + "/out/latest/result.json", encoding="utf-8") as f:
            self.assertEqual(json.load(f)["runtime"], "docker")
        self.assertTrue(self.reaches("paris", "10.200.1.1"))
        self.assertEqual(self.exec("fra", "cat", "/proc/1/comm"), (0, "node\n"))
        # The first process buries everybody's children.
        self.exec("fra", "sh", "-c", "for i in 1 2 3; do (true &) done")
        wait_until(lambda: "<defunct>" not in self.exec("fra", "ps", "-ef")[1], 5, "no zombie")
        self.down()
        self.ended()
        wait_until(lambda: not self.processes(), 5, "the end of every process")

    def test_one_that_dies_comes_again(self):
        self.bring(*NODES)
        self.up()
        for node, user, address in (("nyc", "boston", "10.200.2.1"),
                                    ("t2", "jakarta", "10.200.3.1"),
                                    ("ns1", "paris", "10.1.1.1")):
            with self.subTest(node=node):
                before = self.node(node)["pid"]
                os.kill(before, signal.SIGKILL)
                wait_until(lambda node=node, before=before: self.node(node)["up"] and
                           self.node(node)["pid"] != before, 20, "another one")
                self.assertIn(f"node {node} has died", self.log())
                wait_until(lambda: self.status()["routes_missing"] == 0, 30, "every route back")
                wait_until(lambda user=user, address=address: self.reaches(user, address), 30,
                           "packets on its wires")
        self.assertEqual(self.status()["phase"], "up")
        self.down()
        self.ended()

    def test_a_crash_and_its_undo(self):
        self.bring(*NODES)
        self.up()
        lab = ("--lab", self.lab)
        before = self.node("fra")["pid"]
        namespaces = self.namespaces([before])
        held = [os.open(f"/proc/{before}/ns/{kind}", os.O_RDONLY)  # or their numbers go to new ones
                for kind in ("net", "mnt", "pid", "uts")]
        for fd in held:
            self.addCleanup(os.close, fd)
        self.run_testbed("fault", *lab, "pop_crash", "fra")
        self.assertFalse(self.reaches("paris", "10.200.1.1"))
        # The next one is there, and is told nothing.
        new = wait_until(lambda: [p for p in self.agents("fra") if p != before and
                                  not self.namespaces([p]) & namespaces], 10, "a new agent")[0]
        wait_until(lambda: self.node("fra")["pid"] == new, 10, "its hello")
        self.refused(1, "not there now", "exec", *lab, "fra", "--", "true")
        self.refused(1, "broken already", "fault", *lab, "lb_crash", "fra")
        self.assertFalse(self.node("fra")["up"])
        self.run_testbed("restore", *lab, "1")
        wait_until(lambda: self.reaches("paris", "10.200.1.1"), 30, "fra again")
        self.assertEqual(self.node("fra")["pid"], new)
        self.assertEqual(self.log(), "", "a fault is no mishap")
        # Undone before the next agent has said a word, and broken again as soon as it is up.
        for fault in ("2", "3"):
            self.run_testbed("fault", *lab, "pop_crash", "fra")
            self.run_testbed("restore", *lab, fault)
            wait_until(lambda: self.node("fra")["up"], 20, "fra up")
        # It dies while it is kept waiting, and nobody is astonished.
        self.run_testbed("fault", *lab, "pop_crash", "fra")
        waiting = wait_until(lambda: self.node("fra")["pid"], 10, "a new agent")
        os.kill(waiting, signal.SIGKILL)
        wait_until(lambda: self.node("fra")["pid"] not in (0, waiting), 10, "the next")
        self.run_testbed("restore", *lab, "4")
        wait_until(lambda: self.reaches("paris", "10.200.1.1"), 30, "fra again")
        self.assertEqual(self.log(), "")
        self.down()
        self.ended()

    def test_mending_what_has_come_again(self):
        """The undo of a killed daemon finds a node that has all its daemons."""
        self.bring(*NODES)
        self.up()
        lab = ("--lab", self.lab)
        self.run_testbed("fault", *lab, "lb_crash", "fra")
        os.kill(self.node("fra")["pid"], signal.SIGKILL)
        wait_until(lambda: self.node("fra")["up"], 20, "fra up")
        wait_until(lambda: self.reaches("paris", "10.200.1.1"), 30, "fra again")
        self.run_testbed("restore", *lab, "1")
        # A second lb would end, as its socket is taken.
        holds_for(0.5, lambda: self.exec("fra", "sh", "-c", "ps -e | grep -c catchment-lb")[1] ==
                  "1\n", "one lb", interval=0.1)
        self.assertNotIn("has ended", self.log())
        self.down()
        self.ended()

    def test_the_supervisor_is_killed_and_the_next_comes(self):
        self.bring(*NODES)
        self.up()
        before = {n["pid"] for n in self.status()["nodes"]}
        supervisor = [pid for pid, words in self.processes().items() if words[1:2] == ["up"]]
        os.kill(supervisor[0], signal.SIGKILL)
        wait_until(lambda: not before & set(self.processes()), 10, "the end of every agent")
        self.up()
        self.assertTrue(self.reaches("paris", "10.200.1.1"))
        self.down()
        self.ended()

    def test_nodes_that_are_kept(self):
        self.bring(*NODES)
        for _ in range(2):
            self.up(None, None, "--keep-nodes")
            self.down()
        self.assertTrue(all(engine.poll() is None for engine in self.engines.values()))
        self.up()
        self.down()
        self.ended()

    def test_all_gone(self):
        """As when the engine ends."""
        self.bring(*NODES)
        run = subprocess.Popen([TESTBED, "run", "--runtime", "compose", self.scenario, "--lab",
                                self.lab, "--out", self.dir + "/out"], env=self.env, text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, cwd=self.dir)
        with run.stderr:
            for line in run.stderr:
                if line.startswith("trial 1"):
                    break
            for engine in self.engines.values():
                engine.kill()
            for name in NODES:
                for pid in self.agents(name):
                    os.kill(pid, signal.SIGKILL)
            text = run.stderr.read()
        self.assertEqual(run.wait(20), 1, text)
        self.assertIn("all its nodes have gone", text)

    def test_the_ways_out_are_closed(self):
        self.bring(*[n for n in NODES if n not in ("t2", "paris")])
        self.bring("t2", "paris", first=MANAGEMENT)
        self.up()
        for node in ("t2", "paris"):
            with self.subTest(node=node):
                self.assertIn("172.31.0.2/24", self.exec(node, "ip", "address")[1])
                for family in ("-4", "-6"):
                    routes = self.exec(node, "ip", family, "route", "show", "default")[1]
                    self.assertNotIn("dev out", routes)
                    # A router's default drops what it takes, a host's is its wire.
                    self.assertRegex(routes, r"^unreachable default [^\n]*\n$" if node == "t2" else
                                     r"^default via \S+ dev acc-paris [^\n]*\n$")
        self.assertTrue(self.reaches("paris", "10.200.1.1"))
        self.assertFalse(self.reaches("t2", "192.0.2.1"))
        self.down()
        self.ended()

    def test_settings_that_are_not_ours(self):
        """A container's /proc/sys: what is right already will do, what is not is said."""
        run = self.start()
        with run.stderr:
            self.bring("t2", first="mount --bind /proc/sys /proc/sys && "
                                   "mount -o remount,ro,bind /proc/sys")
            text = run.stderr.read()
        self.assertEqual(run.wait(20), 1)
        self.assertRegex(text, r"^lab \S+: node t2: /proc/sys/net/\S+ is not \d and read-only: "
                               "the compose file must set it\n$")

    def hello(self, **words):
        """Say hello; whether the supervisor has answered."""
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with s:
            wait_until(lambda: s.connect(f"/run/catchment/{self.lab}/control") is None, 10,
                       "the control socket")
            s.settimeout(10)
            s.send(json.dumps({"type": "hello", "role": "agent", **words}).encode())
            return s.recv(1 << 20) != b""

    def start(self):
        return subprocess.Popen([TESTBED, "run", "--runtime", "compose", self.scenario, "--lab",
                                 self.lab, "--out", self.dir + "/out"], env=self.env, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, cwd=self.dir)

    def test_an_old_image(self):
        run = self.start()
        with run.stderr:
            self.assertFalse(self.hello(node="fra", version=1))
            text = run.stderr.read()
        self.assertEqual(run.wait(10), 1)
        self.assertIn(f"node fra speaks protocol 1, this is {PROTOCOL}: build the image again", text)
        self.assertEqual(len(text.splitlines()), 1, text)

    def test_strangers_and_doubles(self):
        run = self.start()
        with run.stderr:
            self.assertFalse(self.hello(node="oslo", version=PROTOCOL))
            self.assertTrue(self.hello(node="fra", version=PROTOCOL))
            run.send_signal(signal.SIGINT)
            text = run.stderr.read()
        self.assertEqual(run.wait(10), 1)
        self.assertIn("a node 'oslo' says hello that the scenario does not have", text)
        self.assertIn("node fra has gone, and is waited for", text)

    def agent(self, *before):
        """An agent by itself, and our end of its control socket."""
        control = self.dir + "/control"
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(10)
            s.bind(control)
            s.listen()
            agent = subprocess.Popen([*before, TESTBED, "node", "--control", control, "--name",
                                      "fra"], env=self.env)
            self.addCleanup(agent.wait)
            self.addCleanup(agent.kill)
            peer, _ = s.accept()
        self.addCleanup(peer.close)
        peer.settimeout(10)
        self.assertEqual(json.loads(peer.recv(1 << 16))["type"], "hello")
        return agent, peer

    def test_an_agent_that_cannot(self):
        """What it is told to do and cannot is said, as a lab would wait for it in vain."""
        agent, peer = self.agent("setpriv", "--bounding-set", "-net_raw")
        peer.send(b'{"type": "measure", "count": 1, "targets": []}')
        self.assertEqual(json.loads(peer.recv(1 << 16) or b"null"), {
            "type": "failed", "reason": "cannot measure its wires: Operation not permitted"})
        files = len(os.listdir(f"/proc/{agent.pid}/fd"))
        resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, (files, files))
        peer.send(b'{"type": "start", "daemon": {"name": "lb", "argv": ["true"]}}')
        self.assertEqual(json.loads(peer.recv(1 << 16) or b"null"), {
            "type": "failed", "reason": "cannot start lb: Too many open files"})
        peer.send(b'{"type": "end"}')
        self.assertEqual(agent.wait(10), 0)

    def test_last_words(self):
        """What a daemon has said before it died is heard, though its death is heard first."""
        if not os.path.exists("/run/lab"):  # where daemons start
            os.mkdir("/run/lab")
            self.addCleanup(os.rmdir, "/run/lab")
        agent, peer = self.agent()
        argv = ["sh", "-c", "kill -STOP $PPID; seq 10000"]
        peer.send(json.dumps({"type": "start",
                              "daemon": {"name": "lb", "argv": argv}}).encode())

        def state(pid):
            with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                return f.read().rpartition(") ")[2][0]

        def children():
            with open(f"/proc/{agent.pid}/task/{agent.pid}/children", encoding="ascii") as f:
                return f.read().split()
        wait_until(lambda: state(agent.pid) == "T" and [state(p) for p in children()] == ["Z"], 10,
                   "the daemon's death")
        agent.send_signal(signal.SIGCONT)
        lines = []
        while True:
            message = json.loads(peer.recv(1 << 16) or b"null")
            if message["type"] == "exited":
                break
            lines += [message["line"]] if message["type"] == "log" else []
        self.assertEqual(lines, [str(n) for n in range(1, 10001)])

    def test_an_agent_waits(self):
        control = self.dir + "/control"
        words = [TESTBED, "node", "--control", control, "--name", "fra"]
        done = subprocess.run(words, env=self.env, stderr=subprocess.PIPE, text=True, check=False,
                              timeout=UP_S)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1))
        self.assertIn(f"node fra: cannot connect to {control}: No such file", done.stderr)
        for last_words, status in (({"type": "end"}, 0), ({"type": "crash"}, 1), (None, 1)):
            with self.subTest(last_words=last_words):
                agent = subprocess.Popen([*words, "--wait"], env=self.env)
                self.addCleanup(agent.wait)
                self.addCleanup(agent.kill)
                with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
                    s.settimeout(10)
                    s.bind(control)
                    s.listen()
                    peer, _ = s.accept()
                    with peer:
                        hello = json.loads(peer.recv(1 << 16))
                        self.assertEqual(hello, {"type": "hello", "role": "agent", "node": "fra",
                                                 "version": PROTOCOL})
                        if last_words:
                            peer.send(json.dumps(last_words).encode())
                            self.assertEqual(agent.wait(10), status)
                self.assertEqual(agent.wait(10), status)
                os.unlink(control)
        agent = subprocess.Popen([*words, "--wait"], env=self.env)
        wait_until(lambda: "node" in open(f"/proc/{agent.pid}/comm", encoding="ascii").read(), 5,
                   "the agent at work")
        wait_until(lambda: "e" in open(f"/proc/{agent.pid}/wchan", encoding="ascii").read(), 5,
                   "it waits")
        agent.terminate()
        self.assertEqual(agent.wait(10), 0)


if __name__ == "__main__":
    unittest.main()
