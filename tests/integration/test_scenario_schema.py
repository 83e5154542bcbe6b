# SPDX-License-Identifier: GPL-3.0-or-later
"""The published schema of scenarios and the loader say the same."""
import copy
import glob
import json
import os
import re
import subprocess
import tempfile
import unittest

from support import BIN, ROOT
from support.schema import errors, resolve

FOLDER = os.path.join(ROOT, "testbed", "scenarios")

# What a schema cannot say: names that refer to each other, sums, and each kind at most once.
CROSS_REFERENCE = re.compile(
    r"unknown (network|pop|city)|unknown pop, network or router|two nodes are named|already the AS"
    r"|64500 is the pops' own|no way from|packet-hops/s|kind '\w+' twice|name '\S+' twice"
    r"|bird has no MRAI|the root alone|may come after the end of the trial|timeout_ms: \d+ is not between 10 and|is its network's customer"
    r"|is for links between a pop|is its pop's provider|two pops cannot be joined|is a rack's|both ends are in one network"
    r"|at\[0\]: [-\d.]+ is not between -90 and 90"
    r"|is of the fault|no such link|catchment_shift: no variant|drain: the pops have no")


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def full_scenario():
    """Valid, with every optional key present somewhere."""
    s = load(os.path.join(FOLDER, "quick.json"))
    s.update(seed=3, speaker="bird", path_stretch=1.5, duration_ms=40000,
             bfd={"interval_ms": 20, "multiplier": 4},
             limits={"wires_late_ms": 1.5, "senders_late_ms": 10})
    s["variants"][0]["bfd"] = True
    s["networks"][0]["router"] = "bird"
    s["networks"].append({"name": "sea", "asn": 65300, "at": [1.5, -20]})
    s["pops"][0].update(shape="rack", router="bird")
    s["links"].append({"from": "sea", "to": "t1", "relation": "customer"})
    s["links"][0].update(delay_ms=30, jitter_ms=0.5, loss=0.001, rate_mbit=100)
    s["nameservers"][0]["delay_ms"] = 1
    s["clients"][0].update(resolver={"ecs": True, "stretch_ttl": 60}, cache="jvm", access_ms=5)
    return s


def objects(schema, value, root, path=()):
    """(schema of an object, path) for every object in value; only the first of each array."""
    if "$ref" in schema:
        schema = resolve(root, schema["$ref"])
    if isinstance(value, dict):
        yield schema, path
        for key in value:
            yield from objects(schema["properties"][key], value[key], root, path + (key,))
    elif isinstance(value, list) and "items" in schema and value:
        yield from objects(schema["items"], value[0], root, path + (0,))


def candidates(schema, root):
    """Values around the borders of what the schema allows, good and bad ones."""
    if "$ref" in schema:
        schema = resolve(root, schema["$ref"])
    values = [None, {}]
    if "pattern" in schema:
        values += ["", "x" * 32, "x" * 33, "a/b", "a.b", "-a", 1]
    elif "minimum" in schema:
        values += [1.5, "1"]
    for key in ("minimum", "maximum"):
        if key in schema:
            values += [schema[key], schema[key] - 1, schema[key] + 1]
    values += schema.get("enum", []) + [schema[k] for k in ("const", "default") if k in schema]
    if "anyOf" in schema:
        values += [[0, 0], [90, 180], [91, 0], [0, 181], [0], "Paris", ["Paris", "Rome"],
                   ["Paris", [1, 1]], [["Paris"]]]
    return values


class ScenarioSchema(unittest.TestCase):
    def setUp(self):
        self.schema = load(os.path.join(FOLDER, "scenario.schema.json"))
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def check(self, scenario):
        path = os.path.join(self.dir.name, "s.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(scenario, f)
        done = subprocess.run([BIN + "/catchment-testbed", "check", path], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertIn(done.returncode, (0, 2), done.stdout)
        return None if done.returncode == 0 else done.stdout.strip()

    def agree(self, scenario, what):
        mistakes, refused = list(errors(scenario, self.schema)), self.check(scenario)
        if mistakes:
            self.assertIsNotNone(refused, f"{what}: loaded, but {mistakes[0]}")
        elif refused:
            self.assertTrue(CROSS_REFERENCE.search(refused), f"{what}: {refused}")
        return not mistakes

    def test_shipped_scenarios(self):
        paths = [p for p in glob.glob(FOLDER + "/*.json") if not p.endswith(".schema.json")]
        self.assertGreater(len(paths), 0)
        for path in paths:
            with self.subTest(path=path):
                self.assertEqual(list(errors(load(path), self.schema)), [])
                self.assertIsNone(self.check(load(path)))

    def test_every_border_of_every_key(self):
        full, good, bad = full_scenario(), 0, 0
        self.assertEqual(list(errors(full, self.schema)), [])
        self.assertIsNone(self.check(full))
        for schema, path in objects(self.schema, full, self.schema):
            for key, member in schema["properties"].items():
                for value in candidates(member, self.schema):
                    scenario = copy.deepcopy(full)
                    at = scenario
                    for part in path:
                        at = at[part]
                    at[key] = value
                    with self.subTest(path=path, key=key, value=value):
                        valid = self.agree(scenario, f"{path} {key} = {value!r}")
                    if valid:
                        good += 1
                    else:
                        bad += 1
        # Both sides were really tried.
        self.assertGreater(good, 80)
        self.assertGreater(bad, 200)

    def test_keys_removed_and_added(self):
        full = full_scenario()
        for schema, path in objects(self.schema, full, self.schema):
            for key in list(schema["properties"]) + ["surplus"]:
                scenario = copy.deepcopy(full)
                at = scenario
                for part in path:
                    at = at[part]
                if key == "surplus":
                    at[key] = 1
                else:
                    at.pop(key, None)
                valid = self.agree(scenario, f"{path} {key}")
                self.assertEqual(valid, key not in schema.get("required", []) + ["surplus"])

    def test_the_loader_knows_these_keys_and_no_others(self):
        calls = []
        for name in ("scenario.c", "scenario_timeline.c"):
            with open(os.path.join(ROOT, "testbed", name), encoding="utf-8") as f:
                calls += re.findall(r"CONF_KEYS\(&\w+,([^;]*)\);", f.read())
        loader = sorted(sorted(re.findall(r'"(\w+)"', call)) for call in calls)
        ours = sorted(sorted(schema["properties"])
                      for schema, _ in objects(self.schema, full_scenario(), self.schema))
        self.assertEqual(loader, ours)


if __name__ == "__main__":
    unittest.main()
