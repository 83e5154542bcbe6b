# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab as a compose project of its own: its services, ports and what it leaves."""
import json
import os
import socket
import subprocess
import tempfile

from .scenarios import NUMBERS, tolerant
from .wait import free_name, wait_until

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TESTBED = os.path.join(HERE, "build", "bin", "catchment-testbed")
LABEL = "com.docker.compose.project"


def docker(*argv, check=True, timeout=120):
    """Its standard output, stripped; with check=False the finished process."""
    done = subprocess.run(["docker", *argv], check=False, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
    if not check:
        return done
    if done.returncode != 0:
        raise AssertionError(f"docker {' '.join(argv)}: {done.stderr}")
    return done.stdout.strip()


def compose_command():
    """Compose v2 if the engine's client has it, else 1.29."""
    if docker("compose", "version", check=False).returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"]


def port_is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports():
    """First digits of a hundred ports, of which the lab's are free."""
    for prefix in range(82, 320):
        if all(port_is_free(prefix * 100 + n) for n in (*range(30), *range(51, 60))):
            return str(prefix)
    raise AssertionError("no hundred ports are free")


class Compose:
    """with Compose("quick") as lab: lab("up", "-d"). What is left is taken down with the block."""

    def __init__(self, scenario, **env):
        self.scenario = scenario
        self.project = free_name("dock")
        self.ports = free_ports()
        self.env = {**os.environ, "COMPOSE_PROJECT_NAME": self.project, "CATCHMENT_SOURCE": HERE,
                    "CATCHMENT_PORTS": self.ports, "COMPOSE_ANSI": "never", **env}

    def __enter__(self):
        self.base = tempfile.TemporaryDirectory(prefix="compose")
        self.out = os.path.join(self.base.name, "out")
        os.mkdir(self.out)
        path = os.path.join(self.base.name, self.scenario + ".json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(tolerant(self.scenario, **NUMBERS), f)
        self.file = os.path.join(self.base.name, "docker-compose.yml")
        with open(self.file, "w", encoding="utf-8") as f:
            subprocess.run([TESTBED, "compose", path], check=True, stdout=f)
        self.env.setdefault("CATCHMENT_OUT", self.out)
        self.argv = [*compose_command(), "-f", self.file]
        return self

    def __exit__(self, *_):
        self("down", "-v", "-t", "0", check=False)
        self.base.cleanup()

    def __call__(self, *argv, check=True, timeout=180, **env):
        """docker-compose with these arguments: the finished process, its words in one text."""
        done = subprocess.run([*self.argv, *argv], check=False, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env={**self.env, **env})
        if check and done.returncode != 0:
            raise AssertionError(f"compose {' '.join(argv)}: status {done.returncode}\n"
                                 f"{done.stdout}")
        return done

    def popen(self, *argv, stdout, **env):
        return subprocess.Popen([*self.argv, *argv], stdin=subprocess.DEVNULL, stdout=stdout,
                                stderr=subprocess.STDOUT, env={**self.env, **env})

    def id(self, service):
        """The service's container, running or not."""
        return docker("ps", "-aq", "--no-trunc", "--filter", f"label={LABEL}={self.project}",
                      "--filter", f"label=com.docker.compose.service={service}")

    def exec(self, service, *argv, check=True):
        """In the service's container, as 'docker-compose exec' does: standard output."""
        done = docker("exec", self.id(service), *argv, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{service}: {' '.join(argv)}: {done.stdout}{done.stderr}")
        return done.stdout

    def logs(self, service):
        done = docker("logs", self.id(service), check=False)
        return done.stdout + done.stderr

    def inspect(self, service, template):
        return docker("inspect", "-f", template, self.id(service))

    def network(self):
        """{"Id", "IPAM", ...} of the management network."""
        return json.loads(docker("network", "inspect", f"{self.project}_management"))[0]

    def rest(self, last):
        """Where the published port that ends with these two digits is."""
        return ("127.0.0.1", int(f"{self.ports}{last:02d}"))

    def wait_up(self, timeout=60):
        wait_until(lambda: f"lab {self.scenario}: " in self.logs("testbed"), timeout,
                   "the lab is up", interval=0.2)

    def left(self):
        """Containers, networks and volumes of the project."""
        mine = f"label={LABEL}={self.project}"
        return [docker(*words, "-q", "--filter", mine).split()
                for words in (("ps", "-a"), ("network", "ls"), ("volume", "ls"))]
