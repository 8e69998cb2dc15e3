"""`make demo` on a clean clone: one build, of spyhole and of the programs that the demo starts."""

import unittest

from common import metadata, output_of


def dependencies(package):
    """What a package needs beside its tests."""
    return {one["name"] for one in package["dependencies"] if one["kind"] != "dev"}


class Make(unittest.TestCase):
    def test_the_demo_is_built_once(self):
        said = output_of("make", "--dry-run", "--no-print-directory", "CARGO=cargo", "demo")
        builds = [line for line in said.splitlines() if line.startswith("cargo ")]
        # No `--examples`, `--tests` or the like: each of them also builds what only tests depend on.
        self.assertEqual(builds, ["cargo build --release --locked"], said)

    def test_that_build_makes_what_the_demo_starts_of_what_spyhole_is_made_of(self):
        known = metadata("--no-deps")
        packages = {package["name"]: package for package in known["packages"]}
        examples = packages["spyhole-examples"]
        self.assertIn(examples["id"], known["workspace_default_members"])
        for program in ("lab", "webapp"):
            kinds = [target["kind"] for target in examples["targets"] if target["name"] == program]
            self.assertEqual(kinds, [["bin"]], program)
        self.assertEqual(dependencies(examples) - dependencies(packages["spyhole"]), set())
