"""The licences of all that is linked in, against the list of deny.toml."""

import functools
import re
import tomllib
import unittest

from common import metadata, text_of


def admitted(expression, allowed):
    """Whether a licence expression can be met with what is allowed: `OR` binds looser than `AND`,
    and the slash of old crates is an `OR`."""
    expression = expression.replace("/", " OR ")
    # Without brackets inside, from within outwards.
    innermost = re.compile(r"\(([^()]*)\)")
    while inner := innermost.search(expression):
        met = "TRUE" if admitted(inner[1], allowed) else "FALSE"
        expression = expression[: inner.start()] + met + expression[inner.end() :]
    return any(
        all(one.strip() == "TRUE" or one.strip() in allowed for one in every.split(" AND "))
        for every in expression.split(" OR ")
    )


def words(expression):
    """The licences that an expression names."""
    return {word.strip() for word in re.split(r"[()/]| OR | AND ", expression)}


def on_target(target):
    """The crates that come into a binary or help to build it, with their licences."""
    known = metadata("--filter-platform", target)
    nodes = {node["id"]: node for node in known["resolve"]["nodes"]}
    found, left = set(), [known["resolve"]["root"]]
    while left:
        crate = left.pop()
        if crate in found:
            continue
        found.add(crate)
        for dependency in nodes[crate]["deps"]:
            if any(kind["kind"] != "dev" for kind in dependency["dep_kinds"]):
                left.append(dependency["pkg"])
    packages = [package for package in known["packages"] if package["id"] in found]
    return {package["name"]: package["license"] or "none" for package in packages}


@functools.cache
def linked_in():
    found = {}
    for target in tomllib.loads(text_of("deny.toml"))["graph"]["targets"]:
        found |= on_target(target)
    assert len(found) > 50, found
    return found


class Licences(unittest.TestCase):
    def setUp(self):
        self.allowed = set(tomllib.loads(text_of("deny.toml"))["licenses"]["allow"])

    def test_all_that_is_linked_in_has_a_licence_of_the_list(self):
        crates = linked_in().items()
        refused = {name: of for name, of in crates if not admitted(of, self.allowed)}
        self.assertEqual(refused, {}, "deny.toml does not allow these")

    def test_the_list_names_no_licence_that_nothing_needs(self):
        named = set().union(*map(words, linked_in().values()))
        self.assertEqual(self.allowed - named, set())

    def test_an_expression_is_read_as_spdx_says(self):
        allowed = {"MIT", "A WITH x"}
        for expression, fits in (
            ("MIT", True),
            ("GPL-3.0", False),
            ("MIT OR GPL-3.0", True),
            ("MIT/GPL-3.0", True),
            ("MIT AND GPL-3.0", False),
            ("(GPL-3.0 OR MIT) AND MIT", True),
            ("(GPL-3.0 OR MIT) AND ISC", False),
            ("GPL-3.0 AND ISC OR MIT", True),
            ("A WITH x", True),
            ("A", False),
        ):
            self.assertEqual(admitted(expression, allowed), fits, expression)
