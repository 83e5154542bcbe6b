# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab from outside: up, status, exec, faults, down, and what remains when it is killed."""
import glob
import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from support import BIN, free_name, tolerant, wait_until

TESTBED = BIN + "/catchment-testbed"
IFF_PERSIST = 0x800
UP_S = 60  # patience for a lab, which takes 4 s when the machine has nothing else to do


def quick(**changes):
    return tolerant("quick", **changes)


def links():
    """The interfaces of the host; those of a container engine come and go by themselves."""
    return {name for name in os.listdir("/sys/class/net")
            if not name.startswith(("veth", "br-", "docker"))}


def elders(uptime):
    """Processes that had started by then (seconds since boot)."""
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8", errors="replace") as f:
                started = int(f.read().rpartition(")")[2].split()[19])
        except OSError:
            continue
        if started / os.sysconf("SC_CLK_TCK") <= uptime:
            yield int(path.split("/")[2])


class Case(unittest.TestCase):
    """A scenario in a folder of its own; every process of it carries a mark."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="lab")
        self.addCleanup(shutil.rmtree, self.dir)
        self.lab = free_name("lab")
        self.mark = f"CATCHMENT_TEST={self.lab}"
        self.env = {**os.environ, "CATCHMENT_TEST": self.lab}
        self.addCleanup(self.kill_all)
        self.scenario = self.write("quick.json", quick(speaker="bird"))

    def write(self, name, scenario):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(scenario, f)
        return path

    def run_testbed(self, *argv, status=0, **kwargs):
        """Standard output and error, the exit status being this."""
        done = subprocess.run([TESTBED, *argv], env=self.env, text=True, cwd=self.dir,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, timeout=UP_S, **kwargs)
        self.assertEqual(done.returncode, status, f"{argv}: {done.stdout}{done.stderr}")
        return done.stdout, done.stderr

    def refused(self, status, pattern, *argv, **kwargs):
        """One line that matches, and this status."""
        _, err = self.run_testbed(*argv, status=status, **kwargs)
        self.assertRegex(err, pattern)
        self.assertEqual(len(err.splitlines()), 1, err)

    def up(self, scenario=None, lab=None, users=False):
        return self.run_testbed("up", scenario or self.scenario, "--lab", lab or self.lab,
                                "--out", self.dir + "/out", *[] if users else ["--no-users"])

    def down(self):
        self.run_testbed("down", "--lab", self.lab)

    def status(self):
        return json.loads(self.run_testbed("status", "--json", "--lab", self.lab)[0])[0]

    def exec(self, node, *argv):
        done = subprocess.run([TESTBED, "exec", "--lab", self.lab, node, "--", *argv],
                              env=self.env, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              timeout=UP_S)
        return done.returncode, done.stdout

    def reaches(self, node, address):
        return self.exec(node, "ping", "-n", "-c1", "-W1", address)[0] == 0

    def processes(self):
        """Everything that this test has started and is still there, by process id."""
        found = {}
        for path in glob.glob("/proc/[0-9]*/environ"):
            try:
                with open(path, "rb") as f:
                    if self.mark.encode() in f.read().split(b"\0"):
                        folder = os.path.dirname(path)
                        with open(folder + "/cmdline", encoding="utf-8") as f2:
                            found[int(os.path.basename(folder))] = f2.read().split("\0")
            except OSError:
                continue
        return {pid: words for pid, words in found.items() if pid != os.getpid()}

    def namespaces(self, pids):
        """Of these processes, without our own."""
        return {self.namespace(pid, kind) for pid in pids for kind in ("net", "mnt", "pid", "uts")
                if self.namespace(pid, kind) != self.namespace("self", kind)} - {None}

    @staticmethod
    def namespace(pid, kind):
        try:
            return os.readlink(f"/proc/{pid}/ns/{kind}")
        except OSError:
            return None

    def nodes(self):
        return [pid for pid, words in self.processes().items() if words[1:2] == ["node"]]

    def kill_all(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        # The one thing that a killed supervisor leaves.
        shutil.rmtree(f"/run/catchment/{self.lab}", ignore_errors=True)

    def nothing_left(self, links_before, namespaces):
        """No process, no interface, no namespace."""
        with open("/proc/uptime", encoding="ascii") as f:
            now = float(f.read().split()[0])
        wait_until(lambda: not self.processes(), 30, "the end of every process")
        wait_until(lambda: not links() - links_before, 5, "no new interface")
        # The kernel gives the numbers of dead namespaces to new ones: look at who was there.
        wait_until(lambda: not namespaces & self.namespaces(elders(now)), 5, "no namespace")


class Life(Case):
    def test_up_status_down(self):
        before = links()
        out, err = self.up()
        self.assertIn("17 nodes and 17 wires", err)
        self.assertIn("exec", out)
        namespaces = self.namespaces(self.nodes())
        self.assertGreaterEqual(len(namespaces), 4 * 17)
        self.assertEqual(links(), before)
        text, _ = self.run_testbed("status", "--lab", self.lab)
        self.assertEqual(text.splitlines()[0],
                         f"lab {self.lab}: scenario quick, up, 17 nodes, 17 wires")
        self.assertRegex(text, r"\n  fra +pop +up +nginx origin bird\n")
        status = self.status()
        self.assertEqual((status["phase"], status["routes_missing"], status["faults"]),
                         ("up", 0, []))
        flags = int(self.exec("fra", "cat", "/sys/class/net/t1-frankfurt/tun_flags")[1], 16)
        self.assertTrue(flags & IFF_PERSIST, "else the end waits for each device")
        self.assertEqual(len(status["nodes"]), 17)
        self.assertTrue(all(n["up"] for n in status["nodes"]))
        self.assertIn(self.lab, [s["lab"] for s in
                                 json.loads(self.run_testbed("status", "--json")[0])])
        self.down()
        # It has waited for the end of everything but itself.
        self.assertEqual(self.nodes(), [])
        self.nothing_left(before, namespaces)
        self.assertFalse(os.path.exists(f"/run/catchment/{self.lab}"))

    def test_output_is_not_held_open(self):
        done = subprocess.run(["sh", "-c", '"$0" up "$1" --lab "$2" --out "$3" 2>&1 | cat', TESTBED,
                               self.scenario, self.lab, self.dir + "/out"], env=self.env,
                              stdout=subprocess.PIPE, timeout=UP_S, check=True, text=True)
        self.assertIn("17 nodes", done.stdout)
        self.down()

    def test_exec(self):
        self.up()
        self.assertEqual(self.exec("paris", "sh", "-c", "exit 7")[0], 7)
        self.assertEqual(self.exec("paris", "sh", "-c", "kill -KILL $$")[0], 128 + 9)
        self.assertEqual(self.exec("paris", "nosuch"), (127, "nosuch: No such file or directory\n"))
        self.assertEqual(self.exec("paris", "hostname"), (0, "paris\n"))
        # Options of the command are the command's.
        self.assertEqual(self.exec("paris", "echo", "--json", "-x"), (0, "--json -x\n"))
        status, routes = self.exec("acc-paris", "ip", "route")
        self.assertEqual(status, 0)
        for prefix in ("10.1.0.0/16", "10.200.1.0/24", "100.64.3.0/24", "198.18.0.0/24"):
            self.assertIn(f"{prefix} via ", routes)
        self.assertTrue(self.reaches("paris", "10.200.1.1"))
        status, hops = self.exec("paris", "traceroute", "-n", "-q1", "-w2", "10.200.1.1")
        self.assertEqual((status, [line.split()[1] for line in hops.splitlines()[1:]][-1]),
                         (0, "10.200.1.1"))
        status, sessions = self.exec("t2", "birdc", "show", "protocols")
        bgp = [line for line in sessions.splitlines() if " BGP " in line]
        self.assertEqual(status, 0)
        self.assertEqual(len(bgp), 4)
        self.assertTrue(all("Established" in line for line in bgp), sessions)
        # Everybody's processes are their own: a node sees its agent as the first.
        self.assertEqual(self.exec("fra", "cat", "/proc/1/comm"), (0, "node\n"))
        self.refused(1, "no such node", "exec", "--lab", self.lab, "nobody", "--", "true")
        self.refused(2, "usage", "exec", "--lab", self.lab, "paris", "--")
        self.down()

    def test_names(self):
        self.up()
        records = sorted(os.listdir(self.dir + "/out"))
        self.refused(3, f"lab {self.lab}: is running already", "up", self.scenario, "--lab",
                     self.lab, "--out", self.dir + "/out")
        self.assertEqual(sorted(os.listdir(self.dir + "/out")), records)
        self.assertEqual(self.status()["phase"], "up")
        other = self.lab + "b"
        self.up(lab=other)
        self.assertEqual(self.status()["phase"], "up")
        self.refused(1, r"\d+ labs are running .*: say which with --lab NAME", "exec", "paris", "--",
                     "true")
        self.run_testbed("down", "--lab", other)
        self.refused(1, f"no lab '{other}' is running", "status", "--lab", other)
        self.assertTrue(self.reaches("paris", "10.200.1.1"))
        self.down()

    def test_daemons_accept_what_they_are_given(self):
        checks = {"bird.conf": ["bird", "-p", "-c"],
                  "lb.json": [BIN + "/catchment-lb", "--check", "--config"],
                  "geodns.json": [BIN + "/catchment-geodns", "--check", "--config"]}
        counts = dict.fromkeys(checks, 0)
        path = self.write("lb.json", quick())
        self.up(path)
        for name, command in checks.items():
            for conf in glob.glob(f"{self.dir}/out/latest/nodes/*/{name}"):
                text = subprocess.run([*command, conf], text=True, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, check=False,
                                      env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
                self.assertEqual(text.returncode, 0, f"{conf}: {text.stdout}")
                counts[name] += 1
        self.assertEqual(counts, {"bird.conf": 7, "lb.json": 3, "geodns.json": 3})
        self.down()


class Faults(Case):
    def test_each_and_back(self):
        self.up()
        self.assertTrue(self.reaches("boston", "10.200.1.1"))
        said, _ = self.run_testbed("fault", "--lab", self.lab, "pop_crash", "fra")
        self.assertEqual(said, "fault 1: pop_crash fra injected\n")
        self.assertFalse(self.reaches("boston", "10.200.1.1"))
        self.refused(1, "broken already", "fault", "--lab", self.lab, "lb_crash", "fra")
        self.refused(1, "the node is not there now", "exec", "--lab", self.lab, "fra", "--", "true")
        self.assertEqual([n["name"] for n in self.status()["nodes"] if not n["up"]], ["fra"])
        reply = json.loads(self.run_testbed("fault", "--lab", self.lab, "--json", "lb_crash",
                                            "nyc")[0])
        self.assertEqual((reply["id"], reply["kind"], reply["target"], reply["undone_ns"]),
                         (2, "lb_crash", "nyc", None))
        wait_until(lambda: not self.reaches("boston", "10.200.2.1"), 20, "nyc withdrawn")
        self.run_testbed("fault", "--lab", self.lab, "origin_failure", "sin")
        wait_until(lambda: "nginx" not in self.exec("sin", "ps", "-e")[1], 5, "nginx killed")
        self.assertTrue(self.reaches("jakarta", "10.200.3.1"))
        text, _ = self.run_testbed("status", "--lab", self.lab)
        self.assertIn("  fault 3: origin_failure sin\n", text)

        for fault in ("1", "2", "3"):
            self.run_testbed("restore", "--lab", self.lab, fault)
        self.refused(1, "already restored", "restore", "--lab", self.lab, "1")
        self.refused(1, "no such fault", "restore", "--lab", self.lab, "4")
        self.assertTrue(all(f["undone_ns"] > f["t_ns"] for f in self.status()["faults"]))
        for pop in ("1", "2", "3"):
            wait_until(lambda pop=pop: self.reaches("boston", f"10.200.{pop}.1"), 30,
                       f"pop {pop} back")
        wait_until(lambda: "nginx" in self.exec("sin", "ps", "-e")[1], 5, "nginx back")
        wait_until(lambda: self.status()["routes_missing"] == 0, 30, "every route back")
        self.assertEqual(self.exec("fra", "cat", "/proc/1/comm"), (0, "node\n"))
        # It can break again.
        self.run_testbed("fault", "--lab", self.lab, "pop_crash", "fra")
        self.run_testbed("restore", "--lab", self.lab, "4")
        wait_until(lambda: self.reaches("boston", "10.200.1.1"), 30, "fra back again")
        self.down()

    def test_what_cannot_be(self):
        self.up()
        for pattern, status, argv in (("unknown kind of fault 'flood'", 2, ("flood", "fra")),
                                      ("no such pop", 1, ("pop_crash", "paris")),
                                      ("no such pop", 1, ("pop_crash", "nobody")),
                                      ("usage", 2, ("pop_crash",))):
            with self.subTest(argv=argv):
                self.refused(status, pattern, "fault", "--lab", self.lab, *argv)
        self.refused(2, "usage", "restore", "--lab", self.lab, "one")
        self.down()
        self.refused(1, f"no lab '{self.lab}' is running", "down", "--lab", self.lab)


class Killed(Case):
    """At any moment: kill -9 of the supervisor takes everything with it."""

    def start(self, command, *more):
        # A pipe, so that the lab's first words can be awaited.
        return subprocess.Popen([TESTBED, command, self.scenario, "--lab", self.lab, "--out",
                                 self.dir + "/out", *more], env=self.env, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, cwd=self.dir)

    def phase(self):
        done = subprocess.run([TESTBED, "status", "--json", "--lab", self.lab],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        labs = json.loads(done.stdout or "[]")
        return labs[0]["phase"] if labs else None

    def users(self):
        return [pid for pid, words in self.processes().items() if words[1:2] == ["client"]]

    def kill_when(self, moment, what):
        before = links()
        run = self.start("run")
        self.addCleanup(run.stderr.close)
        try:
            wait_until(moment, UP_S, what, interval=0.001)
            namespaces = self.namespaces(self.nodes())
        finally:
            run.kill()
            run.wait()
        self.nothing_left(before, namespaces)

    def test_at_every_moment(self):
        moments = (("at once", lambda: True),
                   ("the directory is there", lambda: os.path.exists(f"/run/catchment/{self.lab}")),
                   ("the first nodes", lambda: len(self.nodes()) >= 3),
                   ("every node", lambda: len(self.nodes()) == 17),
                   ("converging", lambda: self.phase() == "converging"),
                   ("up", lambda: self.phase() == "up"),
                   ("users at work", lambda: len(self.users()) == 4))
        for what, moment in moments:
            with self.subTest(moment=what):
                self.kill_when(moment, what)
        # What they leave behind is no hindrance.
        self.up()
        self.assertTrue(self.reaches("paris", "10.200.1.1"))
        self.down()

    def test_a_supervisor_in_the_background(self):
        before = links()
        self.up()
        namespaces = self.namespaces(self.nodes())
        supervisor = [pid for pid, words in self.processes().items() if words[1:2] == ["up"]]
        self.assertEqual(len(supervisor), 1)
        os.kill(supervisor[0], signal.SIGKILL)
        self.nothing_left(before, namespaces)

    def test_up_is_interrupted(self):
        before = links()
        for number in (signal.SIGINT, signal.SIGKILL):
            with self.subTest(number=number):
                up = self.start("up")
                with up.stderr:
                    wait_until(lambda: len(self.nodes()) >= 3, UP_S, "the first nodes", 0.001)
                    namespaces = self.namespaces(self.nodes())
                    up.send_signal(number)
                    up.wait(10)
                self.nothing_left(before, namespaces)
                self.assertFalse(os.path.exists(f"/run/catchment/{self.lab}"))
                self.assertTrue(os.path.isdir(self.dir + "/out/latest"))
                self.assertFalse(os.path.exists(self.dir + "/out/latest/result.json"),
                                 "ended only once up")

    def interrupted(self, number):
        before = links()
        run = self.start("run")
        with run.stderr:
            for line in run.stderr:
                if line.startswith("trial 1"):
                    break
            else:
                self.fail(f"ended early with status {run.wait()}")
            wait_until(lambda: len(self.users()) == 4, 20, "users")
            namespaces = self.namespaces(self.nodes())
            run.send_signal(number)
            rest = run.stderr.read()
        self.assertEqual(run.wait(20), 1, rest)
        self.assertIn("interrupted", rest)
        self.nothing_left(before, namespaces)
        with open(self.dir + "/out/latest/result.json", encoding="utf-8") as f:
            result = json.load(f)
        self.assertEqual(result["scenario"]["name"], "quick")
        self.assertEqual([(t["valid"], t["reason"]) for t in result["trials"]],
                         [(False, "interrupted")])
        with open(self.dir + "/out/latest/events.csv", encoding="utf-8") as f:
            rows = f.read()
        self.assertTrue(rows.startswith("t_ns,trial,source,kind,"))
        self.assertTrue(rows.endswith("\n"))
        self.assertFalse(os.path.exists(f"/run/catchment/{self.lab}"))

    def test_sigint(self):
        self.interrupted(signal.SIGINT)

    def test_sigterm(self):
        self.interrupted(signal.SIGTERM)


class Refused(Case):
    def nothing_started(self):
        self.assertFalse(self.processes())
        self.assertFalse(os.path.exists(f"/run/catchment/{self.lab}"))

    def test_bad_scenarios(self):
        bad = quick()
        bad["links"][3]["to"] = "t9"
        text = os.path.join(self.dir, "text.json")
        with open(text, "w", encoding="utf-8") as f:
            f.write('{"version": 1,\n')
        for path, pattern in (
                (self.write("a.json", bad), r"a\.json: links\[3\]: to: unknown pop"),
                (self.write("b.json", quick(speed=1)), r"b\.json: speed: unknown key"),
                (self.write("c.json", quick(pops=[])), r"c\.json: pops: needs at least 1 item"),
                (text, r"text\.json: line 2"),
                ("nosuch", "nosuch: cannot open: No such file")):
            for command in ("up", "run", "check", "graph"):
                with self.subTest(path=path, command=command):
                    lab = ["--lab", self.lab] if command in ("up", "run") else []
                    self.refused(2, pattern, command, *lab, path)
        self.nothing_started()
        self.assertFalse(os.path.exists(self.dir + "/out"))

    def test_usage(self):
        for argv in (["up"], ["run", "--trials", "0", "quick"], ["run", "--seed", "-1", "quick"],
                     ["run", "--lab", "../x", "quick"], ["run", "quick", "quick"], ["check"],
                     ["graph", "--format", "gif", "quick"], ["nosuch"], []):
            with self.subTest(argv=argv):
                self.refused(2, "usage|unknown command", *argv)

    def test_not_root(self):
        # Where anybody may reach it.
        shutil.copy(TESTBED, self.dir)
        os.chmod(self.dir, 0o755)
        os.chmod(self.scenario, 0o644)
        done = subprocess.run([self.dir + "/catchment-testbed", "up", self.scenario, "--lab",
                               self.lab], user=65534, group=65534, extra_groups=[], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              env=self.env, cwd="/")
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (3, 1), done.stdout)
        self.assertRegex(done.stdout, "sudo")
        self.nothing_started()

    def without(self, *hide):
        """The command 'up' where something is hidden; its status and output."""
        done = subprocess.run(["unshare", "--mount", "sh", "-c", " ".join(hide) + ' && exec "$@"',
                               "sh", TESTBED, "up", self.scenario, "--lab", self.lab, "--out",
                               self.dir + "/out"], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False, env=self.env, timeout=UP_S)
        self.nothing_started()
        return done.returncode, done.stdout

    def test_missing_daemon(self):
        for name in ("bird", "unbound", "nginx"):
            with self.subTest(name=name):
                found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
                status, text = self.without("mount", "--bind", "/dev/null",
                                            os.path.realpath(found))
                self.assertEqual(status, 3, text)
                self.assertRegex(text, f"^.*'{name}' is not there: run 'sudo make deps'\n$")

    def test_missing_tun(self):
        status, text = self.without("mount", "-t", "tmpfs", "none", "/dev/net")
        self.assertEqual(status, 3, text)
        self.assertRegex(text, "^.*/dev/net/tun: No such file or directory: .*\n$")

    def test_output_cannot_be_made(self):
        self.refused(3, "/dev/null/x: Not a directory", "up", self.scenario, "--lab", self.lab,
                     "--out", "/dev/null/x")
        self.nothing_started()


if __name__ == "__main__":
    unittest.main()
