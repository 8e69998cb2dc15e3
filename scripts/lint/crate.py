"""The crate, as `cargo install` gets it."""

import functools
import os
import re
import tempfile
import unittest

from common import TOP, output_of, run, text_of

MAY_BE = {
    "Cargo.toml",
    "Cargo.toml.orig",
    "Cargo.lock",
    ".cargo_vcs_info.json",
    ".cargo/config.toml",
    "CHANGELOG.md",
    "README.md",
    "SECURITY.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
}
NEEDED = {
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "src/main.rs",
    "src/lib.rs",
}


@functools.cache
def files():
    """What `cargo package` puts into the crate."""
    cargo = os.environ.get("CARGO", "cargo")
    flags = ("--package=spyhole", "--list", "--locked", "--offline", "--allow-dirty")
    return set(output_of(cargo, "package", *flags).splitlines())


def included(source):
    """The files that a source reads by `include_…!` where it is no test."""
    if source.endswith("tests.rs") or "/tests/" in source:
        return []
    shipped = text_of(source).split("#[cfg(test)]")[0]
    names = re.findall(r'include_(?:str|bytes)!\("([^"]*)"', shipped)
    beside = (TOP / source).parent
    return [os.path.relpath(beside / name, TOP) for name in names]


def of_the_page():
    """The files of web/ that are built in."""
    listed = re.search(r"^assets!\[(.*?)\];", text_of("src/serve/page.rs"), re.DOTALL | re.MULTILINE)[1]
    return {f"web/{name}" for name in re.findall(r'"([^"]+)"', listed)}


class Crate(unittest.TestCase):
    def test_the_crate_holds_what_it_takes_to_build_it(self):
        self.assertEqual(NEEDED - files(), set())
        sources = [file for file in files() if file.endswith(".rs")]
        read = {name for source in sources for name in included(source)}
        self.assertIn("src/model/schema.json", read)
        self.assertEqual(read - files(), set(), "read at build time")
        self.assertIn("web/index.html", of_the_page())
        self.assertEqual(of_the_page() - files(), set(), "built in")

    def test_nothing_new_is_wrong_with_it(self):
        cargo = os.environ.get("CARGO", "cargo")
        with tempfile.TemporaryDirectory() as place:
            flags = ("--package=spyhole", "--no-verify", "--locked", "--offline", "--allow-dirty", "--target-dir", place)
            packed = run(cargo, "package", *flags)
        self.assertEqual(packed.returncode, 0, packed.stderr)
        said = re.findall(r"^warning: (.*)", packed.stderr, re.MULTILINE)
        # Where the repository is published is not written down; the tests read files that are not in the crate.
        known = r"manifest has no documentation, homepage or repository|ignoring test `.*"
        self.assertEqual([warning for warning in said if not re.fullmatch(known, warning)], [])

    def test_the_crate_holds_nothing_else(self):
        others = {file for file in files() if not file.startswith("src/")}
        self.assertEqual(others - MAY_BE - of_the_page(), set())
