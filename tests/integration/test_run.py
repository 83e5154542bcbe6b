# SPDX-License-Identifier: GPL-3.0-or-later
"""One real run of quick.json, looked at from every side: what a new user gets."""
import collections
import csv
import html.parser
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from support import BIN, ROOT, free_name, recompute, schema, tolerant
from support.scenarios import NUMBERS

TESTBED = os.path.join(BIN, "catchment-testbed")
SCHEMA = os.path.join(ROOT, "testbed", "report", "result.schema.json")
VARIANTS = ["anycast", "geodns4"]
FAULT = "pop_crash fra"
USERS = 32  # of each variant: four groups of eight
COLUMNS = "t_ns,trial,source,kind,variant,user,pop,result,latency_us,detail"
SEED = 7
RAMP_NS, PERIOD_NS = 4 * 10**9, 10**8  # of quick.json's users and their udp probes
RUN_S = 300  # patience, with what takes 45 s


class Outside(html.parser.HTMLParser):
    """Collects what a browser would fetch, and the text."""

    def __init__(self):
        super().__init__()
        self.found, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.found += [f"{tag} {k}={v}" for k, v in attrs
                       if k in ("src", "href", "xlink:href", "srcset", "data", "action")
                       or "url(" in (v or "")]
        if tag in ("script", "link", "iframe", "object", "embed", "img"):
            self.found.append(tag)

    def handle_data(self, data):
        self.text.append(data)


def marked(mark):
    """Command lines of the processes with this mark in their environment."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                if mark.encode() in f.read().split(b"\0"):
                    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as g:
                        found.append(g.read().replace("\0", " "))
        except OSError:
            continue
    return found


def hashed(seed, user, purpose):
    """The users' share of the seed: splitmix64's finalizer, three times."""
    mask = (1 << 64) - 1

    def mix(x):
        x = (x + 0x9E3779B97F4A7C15) & mask
        x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & mask
        x = ((x ^ x >> 27) * 0x94D049BB133111EB) & mask
        return x ^ x >> 31

    return mix(mix(mix(seed) ^ user) ^ purpose)


class QuickRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = tempfile.mkdtemp(prefix="run")
        cls.addClassCleanup(shutil.rmtree, cls.base)
        cls.lab = free_name("lab")
        cls.mark = f"CATCHMENT_TEST={cls.lab}"
        cls.links = set(os.listdir("/sys/class/net"))
        cls.out = os.path.join(cls.base, "out")
        cls.scenario = os.path.join(cls.base, "quick.json")
        with open(cls.scenario, "w", encoding="utf-8") as f:
            json.dump(tolerant("quick", **NUMBERS), f)
        cls.done = subprocess.run(
            [TESTBED, "run", cls.scenario, "--seed", str(SEED), "--lab", cls.lab, "--out", cls.out],
            check=False, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={**os.environ, "CATCHMENT_TEST": cls.lab},
            timeout=RUN_S)
        if cls.done.returncode != 0:
            raise AssertionError(f"status {cls.done.returncode}: {cls.done.stderr}")
        cls.dir = os.path.join(cls.out, os.readlink(os.path.join(cls.out, "latest")))
        cls.result = cls.load()
        with open(os.path.join(cls.dir, "events.csv"), newline="", encoding="utf-8") as f:
            cls.header = f.readline().rstrip("\n")
            cls.rows = list(csv.DictReader(f, fieldnames=COLUMNS.split(",")))
        cls.faults = {v: cls.result["summary"]["variants"][v][FAULT] for v in VARIANTS}

    @classmethod
    def load(cls):
        with open(os.path.join(cls.dir, "result.json"), encoding="utf-8") as f:
            return json.load(f)

    def test_the_table_compares_the_variants(self):
        for variant in VARIANTS:
            self.assertRegex(self.done.stdout, rf"(?m)^{variant} +\d+/{USERS} +\d")
        self.assertIn("anycast less geodns4, the 16 users cut off in both", self.done.stdout)
        self.assertRegex(self.done.stdout,
                         r"geodns4, model: KS distance \d\.\d+ over 16 users \(critical 0\.\d+")
        self.assertRegex(self.done.stdout, r"report\.html\s*$")
        self.assertRegex(self.done.stdout, r"^quick: .* 1 trial.*, valid up to wires 100, senders "
                                           r"200 ms late \(does not compare\)\n")

    def test_latest_leads_to_the_one_folder(self):
        self.assertEqual(sorted(os.listdir(self.out)), ["latest", os.path.basename(self.dir)])
        self.assertRegex(os.path.basename(self.dir), r"^quick-\d{8}-\d{6}$")
        self.assertEqual(sorted(os.listdir(self.dir)),
                         ["events.csv", "nodes", "report.html", "result.json"])

    def test_result_fits_its_schema(self):
        with open(SCHEMA, encoding="utf-8") as f:
            self.assertEqual(list(schema.errors(self.result, json.load(f))), [])
        self.assertEqual(self.result["summary"]["trials"]["valid"], 1)

    def test_every_number_follows_from_the_events(self):
        found, compared = recompute.differences(self.dir)
        self.assertEqual(found, [])
        self.assertGreater(compared, 500)

    def test_reporting_again_gives_the_same_numbers(self):
        with tempfile.TemporaryDirectory() as again:
            shutil.copytree(self.dir, again, dirs_exist_ok=True)
            os.unlink(os.path.join(again, "report.html"))
            subprocess.run([TESTBED, "report", again], check=True, stdout=subprocess.DEVNULL)
            with open(os.path.join(again, "result.json"), encoding="utf-8") as f:
                self.assertEqual(json.load(f), self.result)
            self.assertTrue(os.path.exists(os.path.join(again, "report.html")))

    def test_report_is_one_file(self):
        page = Outside()
        with open(os.path.join(self.dir, "report.html"), encoding="utf-8") as f:
            text = f.read()
        page.feed(text)
        self.assertEqual(page.found, [])
        self.assertNotRegex(text, r"@import|https?://(?!www\.w3\.org/2000/svg)")
        for variant in VARIANTS:
            self.assertIn(variant, page.text)

    def test_events(self):
        self.assertEqual(self.header, COLUMNS)
        counts = collections.Counter(r["kind"] for r in self.rows)
        for kind in ("udp", "http", "session", "route", "wires", "sender", "peer_up", "pop_down"):
            self.assertGreater(counts[kind], 0, kind)
        faults = [(r["result"], r["pop"]) for r in self.rows if r["kind"] == "fault"]
        self.assertEqual(faults[-2:], [("begin", "fra"), ("end", "fra")])
        for r in self.rows:
            self.assertRegex(r["t_ns"], r"^\d+$")
            if r["kind"] in ("udp", "http"):
                self.assertIn(r["variant"], VARIANTS)
                self.assertEqual(r["result"] == "ok", r["pop"] != "", r)
                self.assertRegex(r["latency_us"], r"^\d+$")
        # Open loop: every user of each variant sends on time, whatever became of the last one.
        valid = str(next(t["trial"] for t in self.result["trials"] if t["valid"]))
        sent = collections.Counter((r["variant"], r["user"]) for r in self.rows
                                   if r["kind"] == "udp" and r["trial"] == valid)
        self.assertEqual(len(sent), 2 * USERS)
        for user, n in sent.items():
            self.assertTrue(290 <= n <= 341, f"{user}: {n} requests in 30 to 34 s, ten a second")

    def test_the_seed_given_is_the_users_too(self):
        """First requests of the second group, relative to each other, to the nanosecond."""
        self.assertEqual(self.result["seed"], SEED)
        trial = next(t["trial"] for t in self.result["trials"] if t["valid"])
        seed = SEED + trial * 1000003 + 7919
        first = {}
        for r in self.rows:
            if (r["source"], r["kind"], r["trial"]) == ("berlin", "udp", str(trial)):
                user, t = int(r["user"]), int(r["t_ns"])
                first[user] = min(t, first.get(user, t))
        self.assertEqual(list(sorted(first)), list(range(9, 17)))
        starts = {t - (hashed(seed, user, 1) * RAMP_NS >> 64)
                  - (hashed(seed, user, 2) * PERIOD_NS >> 64) for user, t in first.items()}
        self.assertEqual(len(starts), 1)

    def test_the_same_users_are_cut_off_in_both(self):
        trial = next(t for t in self.result["trials"] if t["valid"])
        hit = [next(iter(trial["variants"][v]["faults"].values()))["users"] for v in VARIANTS]
        self.assertEqual(hit[0], hit[1])
        for variant in VARIANTS:
            self.assertEqual(self.faults[variant]["affected"], 16)
            self.assertEqual(self.faults[variant]["users"], USERS)
            before = self.faults[variant]["catchment"]["before"]
            self.assertEqual([before[g] for g in ("paris", "berlin", "boston", "jakarta")],
                             [{"fra": 8}, {"fra": 8}, {"nyc": 8}, {"sin": 8}])

    def test_users_come_back(self):
        for variant in VARIANTS:
            row = self.faults[variant]
            self.assertEqual(row["reconnect_ms"]["never"], 0)
            self.assertGreater(row["reconnect_ms"]["p50"], 500, "it did hurt")
            self.assertGreaterEqual(row["failover_ms"]["max"], row["reconnect_ms"]["max"])
            self.assertNotIn("fra", row["catchment"]["during"]["paris"])
            self.assertEqual(row["catchment"]["after"], row["catchment"]["before"])
            self.assertEqual(row["failback"]["returned"], 16)
        # Hold time 3 s: the routers notice after 2 to 3 s, and convergence is fast in `ideal`.
        self.assertLess(self.faults["anycast"]["reconnect_ms"]["max"], 5000)

    def test_where_the_time_went(self):
        geodns, anycast = self.faults["geodns4"]["cause_ms"], self.faults["anycast"]["cause_ms"]
        self.assertTrue(1900 < geodns["detected"] < 5000, geodns)  # 2 to 3 s and 1 s
        self.assertLess(geodns["detected"], geodns["record_changed"])
        self.assertIsNone(anycast["record_changed"])
        self.assertTrue(1500 < anycast["detected"] <= anycast["routers_converged"] < 5000, anycast)
        self.assertLess(anycast["detected"], anycast["last_user"])

    def test_every_session_is_accounted_for(self):
        for variant in VARIANTS:
            s = self.faults[variant]["sessions"]
            self.assertEqual(s["open"], sum(s[k] for k in ("survived", "reset", "timed_out",
                                                           "undecided")))
            self.assertEqual((s["open"], s["others"]), (16, 16))
            self.assertEqual((s["survived"], s["collateral"]), (0, 0), "the pop died with them")

    def test_model(self):
        self.assertNotIn("model", self.faults["anycast"])
        model = self.faults["geodns4"]["model"]
        self.assertEqual((model["n"], model["ttl_s"], model["detection_s"]), (16, 4, [3.0, 4.0]))
        self.assertTrue(0 < model["distance"] <= 1)

    def test_resolvers_find_their_way_from_the_start(self):
        """IPv6 too: a black hole there shows as lookups that run into the users' patience."""
        asked = [r for r in self.rows if r["kind"] == "udp"]
        failed = sum(r["result"] == "dns_failed" for r in asked)
        self.assertLess(failed, 0.001 * len(asked), "users without an address")

    def test_wires_are_what_they_should_be(self):
        self.assertEqual(len(self.result["wires"]), 17)
        for wire in self.result["wires"]:
            self.assertAlmostEqual(wire["measured_ms"], wire["wanted_ms"], delta=1, msg=wire)

    def test_configurations_and_logs_are_kept(self):
        nodes = os.path.join(self.dir, "nodes")
        wanted = {"fra": ["lb.json", "lb.log", "nginx.conf"], "ns1": ["geodns.json", "lab.test.zone"],
                  "t1-newyork": ["bird.conf", "bird.log"], "paris": ["unbound.conf", "unbound.log"]}
        self.assertEqual(len(os.listdir(nodes)), 17)
        for node, files in wanted.items():
            for name in files:
                path = os.path.join(nodes, node, name)
                self.assertGreater(os.path.getsize(path) if os.path.exists(path) else 0, 0, path)

    def test_nothing_is_left(self):
        self.assertFalse(os.path.exists("/run/catchment/" + self.lab))
        self.assertEqual(marked(self.mark), [])
        left = set(os.listdir("/sys/class/net")) - self.links
        self.assertEqual([i for i in left if re.match(re.escape(self.lab), i)], [])


if __name__ == "__main__":
    unittest.main()
