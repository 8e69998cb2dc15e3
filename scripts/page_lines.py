"""The command lines of a page and what each printed: runs them again, compares, and writes them down."""
import re
import sys

COLUMNS = 150


def shape(line):
    """The first words of a line, without what differs from one run or one kernel to the next."""
    return re.sub(r"[\d.,]+", "0", " ".join(line.split()[:2]))


def told(lines, most):
    """The first lines of an output, as the page has them."""
    lines = [line[:COLUMNS].rstrip() for line in lines]
    return lines if len(lines) <= most else [*lines[:most], "…"]


def walk(page, prompt, ask, most):
    """Runs each line that begins with the prompt: `ask` takes what is behind it, and gives the exit code and
    what was printed. The page as it is now with at most so many lines of each, what differs, and how many
    command lines were run."""
    new, wrong, ran = [], [], 0
    lines = page.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        new.append(line)
        if not line.startswith(prompt):
            continue
        before = []
        while not (lines[at].startswith("```") or lines[at].startswith("$ ")):
            before += lines[at:at + 1] if lines[at] else []
            at += 1
        typed, _, expected = line.partition("# exit code ")
        code, said = ask(typed[len(prompt):].strip())
        ran += 1
        if code != int(expected or 0):
            wrong.append((True, f"{line}\nexit code {code}:\n{said}"))
        said = said.rstrip("\n").split("\n")
        if shape("".join(before[:1])) != shape(said[0][:COLUMNS]):
            wrong.append((False, f"{line}\nbegins with {said[0]!r}, in the page {before[:1]!r}"))
        new += told(said, most) if said != [""] else []
        if lines[at].startswith("$ "):
            new.append("")
    return "\n".join(new), wrong, ran


def check(path, prompt, ask, write, most=12):
    """Walks through the file; with `write` writes what was printed into it. The exit code: 1 where something
    differs, or, with `write`, ended with another exit code."""
    with open(path) as file:
        page = file.read()
    new, wrong, ran = walk(page, prompt, ask, most)
    if write:
        wrong = [one for one in wrong if one[0]]
        with open(path, "w") as file:
            file.write(new)
    for _, what in wrong:
        print(what, file=sys.stderr)
    print(f"{ran} command lines, {len(wrong)} differ from the page")
    return 1 if wrong or not ran else 0
