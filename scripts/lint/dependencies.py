"""docs/dependencies.md against Cargo.toml."""

import re
import tomllib
import unittest

from common import text_of

PAGE = "docs/dependencies.md"


class Dependencies(unittest.TestCase):
    def setUp(self):
        self.cargo = tomllib.loads(text_of("Cargo.toml"))

    def test_each_direct_dependency_has_its_row(self):
        rows = {}
        for line in text_of(PAGE).splitlines():
            if line.startswith("| `"):
                name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
                rows[re.match(r"`(\S+)`", name)[1]] = cells
        self.assertEqual(list(rows), sorted(self.cargo["dependencies"]))
        for name, (use, kibibytes, maintainer, _) in rows.items():
            self.assertTrue(use and maintainer, name)
            self.assertRegex(kibibytes, r"\A\d+( \+)?\Z", name)

    def test_what_the_tests_need_is_named(self):
        (tests,) = re.findall(r"^For the tests alone(.*?)\n\n", text_of(PAGE), re.DOTALL | re.MULTILINE)
        named = set(re.findall(r"`([\w-]+)`", tests))
        own = set(self.cargo["dependencies"])
        self.assertEqual(named, set(self.cargo["dev-dependencies"]) - own)
