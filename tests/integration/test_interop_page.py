# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/interop.md tells of all that `make interop` tries, and gives the reasons that it gives."""
import os
import re
import sys
import unittest

from support import ROOT

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from features import FEATURES  # noqa: E402
from stacks import STACKS  # noqa: E402

NAMES = [name for name, _ in FEATURES]


class Page(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(ROOT, "docs", "interop.md"), encoding="utf-8") as page:
            self.text = page.read()
        tables = re.findall(r"(?:^\|.*\n)+", self.text, re.M)
        self.matrix, self.meanings = ([[cell.strip() for cell in line.strip("|").split("|")]
                                       for line in table.splitlines()] for table in tables)

    def test_matrix(self):
        self.assertEqual([title.split()[0] for title in self.matrix[0][1:]],
                         [kind.name for kind in STACKS])
        self.assertEqual([row[0] for row in self.matrix[2:]], NAMES)
        for name, *cells in self.matrix[2:]:
            for kind, cell in zip(STACKS, cells, strict=True):
                self.assertEqual(cell, "-" if name in kind.lacks else "ok", (kind.name, name))

    def test_reasons(self):
        self.assertEqual(re.findall(r"^- (\w+, .*: .*)$", self.text, re.M),
                         ["%s, %s: %s" % (kind.name, name, kind.lacks[name])
                          for kind in STACKS for name in NAMES if name in kind.lacks])

    def test_what_must_come_out(self):
        told = [name for row in self.meanings[2:] for name in row[0].split("; ")]
        self.assertEqual(told, NAMES)


if __name__ == "__main__":
    unittest.main()
