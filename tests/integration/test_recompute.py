# SPDX-License-Identifier: GPL-3.0-or-later
"""Every number of a report follows from its events.csv: recomputed by an independent script."""
import html.parser
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

from support import BIN, ROOT, recompute, schema

TESTBED = os.path.join(BIN, "catchment-testbed")
SYNTHETIC = os.path.join(ROOT, "tests", "support", "synthetic_run.py")
SCHEMA = os.path.join(ROOT, "testbed", "report", "result.schema.json")

RUNS = {
    "one trial, undone": ["--users", "4"],
    "six trials, one of them not valid": ["--trials", "6", "--users", "2", "--seconds", "50",
                                          "--undo-s", "22", "--invalid", "2"],
    "two faults, one at no pop": ["--users", "3", "--seconds", "60", "--undo-s", "20", "--outage"],
    "BFD at both upstreams": ["--users", "2", "--seconds", "50", "--undo-s", "22", "--bfd"],
    "never undone": ["--trials", "2", "--users", "3", "--seconds", "40", "--undo-s", "50"],
}


class Page(html.parser.HTMLParser):
    """Collects what would reach outside, and checks that every element is closed."""

    VOID = {"meta", "br", "link", "img", "hr", "input"}

    def __init__(self):
        super().__init__()
        self.open, self.outside, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        self.outside += [f"{tag} {k}={v}" for k, v in attrs if k in ("src", "href", "xlink:href")]
        if tag in ("script", "link", "iframe", "object"):
            self.outside.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> closes nothing at {self.getpos()}")

    def handle_data(self, data):
        self.text.append(data)


def run(*argv, status=0):
    done = subprocess.run([TESTBED, *argv], capture_output=True, text=True, timeout=60)
    if done.returncode != status:
        raise AssertionError(f"{argv}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Recompute(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.dir = temporary.name

    def synthetic(self, *options):
        subprocess.run([sys.executable, SYNTHETIC, self.dir, *options], check=True)

    def result(self):
        with open(os.path.join(self.dir, "result.json")) as f:
            return json.load(f)

    def test_every_number(self):
        for name, options in RUNS.items():
            with self.subTest(name):
                self.synthetic(*options)
                table = run("report", self.dir).stdout
                self.assertLessEqual(max(map(len, table.splitlines()[:-1])), 100)
                found, compared = recompute.differences(self.dir)
                self.assertEqual(found, [])
                self.assertGreater(compared, 500)

    def test_schema(self):
        with open(SCHEMA) as f:
            wanted = json.load(f)
        self.synthetic(*RUNS["six trials, one of them not valid"])
        self.assertTrue(list(schema.errors(self.result(), wanted)), "a skeleton has no summary")
        run("report", self.dir)
        result = self.result()
        self.assertEqual(list(schema.errors(result, wanted)), [])
        result["summary"]["variants"]["anycast"]["pop_crash fra"]["failed"] = -1
        result["trials"][0]["variants"]["anycast"]["sessions"].pop("reset")
        self.assertEqual(len(list(schema.errors(result, wanted))), 2)

    def test_model(self):
        """The synthetic GeoDNS follows the model; only honest groups count, and only there."""
        self.synthetic("--trials", "8", "--users", "20", "--seconds", "80", "--undo-s", "50")
        table = run("report", self.dir).stdout
        variants = self.result()["summary"]["variants"]
        model = variants["geodns30"]["pop_crash fra"]["model"]
        self.assertNotIn("model", variants["anycast"]["pop_crash fra"])
        # Paris, Madrid and Warsaw; not Cairo and Lagos.
        self.assertEqual(model["n"], 3 * 20 * 8)
        self.assertEqual(variants["geodns30"]["pop_crash fra"]["affected"], 5 * 20 * 8)
        self.assertEqual((model["ttl_s"], model["detection_s"]), (30, [3, 4]))
        self.assertLess(model["distance"], model["critical"])
        self.assertIn(f"geodns30, model: KS distance {model['distance']:.3f} over 480 users "
                      f"(critical {model['critical']:.3f} at 5 %)", table)
        with open(os.path.join(self.dir, "report.html")) as f:
            self.assertIn(f"dotted: the model, KS distance {model['distance']:.3f}", f.read())

    def test_detection_by_bfd_is_that_of_an_upstream(self):
        self.synthetic("--users", "2", "--seconds", "50", "--undo-s", "22", "--bfd")
        run("report", self.dir)
        causes = {v: faults["pop_crash fra"]["cause_ms"]
                  for v, faults in self.result()["summary"]["variants"].items()}
        self.assertEqual(causes["anycast-bfd"]["detected"], 130)
        self.assertGreater(causes["anycast"]["detected"], 8000)
        with open(os.path.join(self.dir, "report.html")) as f:
            self.assertIn("anycast-bfd", f.read())

    def test_reporting_again_changes_nothing(self):
        self.synthetic("--users", "1", "--seconds", "40", "--undo-s", "20")
        run("report", self.dir)
        first = self.result()
        run("report", self.dir)
        self.assertEqual(self.result(), first)

    def test_the_comparison_would_notice(self):
        """Shift one answer, drop one heartbeat, move one fault: each shows."""
        self.synthetic("--users", "1", "--seconds", "60", "--undo-s", "25")
        run("report", self.dir)
        path = os.path.join(self.dir, "events.csv")
        with open(path) as f:
            lines = f.read().splitlines()
        for name, at in {
                "a success of nobody": next(i for i, l in enumerate(lines) if ",silent," in l),
                "no end of a session": next(i for i, l in enumerate(lines) if ",reset," in l),
                "no fault": next(i for i, l in enumerate(lines) if ",fault," in l)}.items():
            with self.subTest(name):
                changed = list(lines)
                changed[at] = changed[at].replace(",silent,", ",ok,")
                if changed[at] == lines[at]:
                    del changed[at]
                with open(path, "w") as f:
                    f.write("\n".join(changed) + "\n")
                self.assertTrue(recompute.differences(self.dir)[0])

    def test_page_and_picture(self):
        self.synthetic("--users", "2", "--seconds", "60", "--undo-s", "25")
        result = self.result()
        result["versions"]["odd"] = "<b>&\"'"
        with open(os.path.join(self.dir, "result.json"), "w") as f:
            json.dump(result, f)
        picture = os.path.join(self.dir, "reconnect.svg")
        run("report", "--svg", picture, self.dir)
        page = Page()
        with open(os.path.join(self.dir, "report.html")) as f:
            page.feed(f.read())
        self.assertEqual(page.open, [])
        self.assertEqual(page.outside, [])
        self.assertIn("<b>&\"'", page.text, "escaped, so it comes back as text")
        for title in ("What users saw over time", "How long users were cut off", "Long connections",
                      "Catchments before, during and after", "Where the time went", "Near and far",
                      "Wires", "Conditions"):
            self.assertIn(title, page.text)
        self.assertTrue(xml.etree.ElementTree.parse(picture).getroot().tag.endswith("svg"))

    def test_compare(self):
        self.synthetic("--users", "1", "--seconds", "60", "--undo-s", "25")
        table = run("compare", self.dir, self.dir).stdout
        self.assertIn("anycast, pop_crash fra", table)
        self.assertIn("0 ms", table)
        both = json.loads(run("compare", "--json", self.dir, self.dir).stdout)
        self.assertEqual(both[0], both[1])
        self.assertNotIn("does not compare", table)
        other = shutil.copytree(self.dir, os.path.join(self.dir, "other"))
        result = self.result()
        result["scenario"]["limits"] = {"wires_late_ms": 20}
        with open(os.path.join(other, "result.json"), "w") as f:
            json.dump(result, f)
        table = run("compare", self.dir, other).stdout
        self.assertIn("B was valid up to wires 20, senders 5 ms late: it does not compare", table)
        self.assertNotIn("A was", table)

    def test_bad_input(self):
        run("report", status=2)
        run("report", self.dir, status=2)
        run("compare", self.dir, status=2)
        self.synthetic("--users", "1", "--seconds", "20", "--undo-s", "5")
        with open(os.path.join(self.dir, "events.csv"), "a") as f:
            f.write("1,2,3\n")
        said = run("report", self.dir, status=2).stderr
        self.assertRegex(said, r"events\.csv:\d+: fewer than ten columns")


if __name__ == "__main__":
    unittest.main()
