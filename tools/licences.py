"""Write docs/licences.md: the licence of every dependency and of every published weight that maskreel can load.

python tools/licences.py            write it
python tools/licences.py --check    say what is missing or out of date, and exit with 1

What dependencies declare is compared with their installed metadata, so run it where the packages are installed. A
dependency or a `WeightsEntry` without an entry in licence_facts.py is a fault.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from licence_facts import DEPENDENCIES, OWN, PUBLISHED

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "licences.md"
MAKERS = ("WeightsEntry", "torchvision_entry")
"""Calls that name published weights."""

HEAD = """# Licences

maskreel itself is [Apache-2.0](../LICENSE): use it for anything, also commercially, and keep the notices. This page
says the same of what it stands on. It is no legal advice. `python tools/licences.py` writes it, from
`tools/licence_facts.py`.

**In short.** With the dependencies and weights that `pip install` brings, commercial use is allowed, all parts alike.
Of weights that you can fetch besides, some are for research only, and some come without any licence: the table says
which.

## Dependencies

| package | declared by | licence | commercial use |
|---|---|---|---|"""

OWN_HEAD = """
A name in brackets is an extra: it is installed only if you ask for it.

## Weights that come with maskreel

All are ours, trained from random numbers on scenes that `maskreel.common.world` renders, with no picture, clip or
network of others, and licensed Apache-2.0 like the code. Commercial use: yes.

| file | what |
|---|---|"""

PUBLISHED_HEAD = """
## Published weights that maskreel can load

None of them is part of maskreel or of these packages. Where it is said that nothing is stated, no right to use them has
been given in writing: ask the authors.

| weights | for | how they come | licence | commercial use |
|---|---|---|---|---|"""


def declared() -> dict[str, set[str]]:
    """For every package that a maskreel package declares: by which ones, and by which extra."""
    found: dict[str, set[str]] = {}
    for path in sorted(ROOT.glob("packages/*/pyproject.toml")):
        project = tomllib.loads(path.read_text())["project"]
        part = project["name"].removeprefix("maskreel-")
        groups = {part: project["dependencies"]}
        groups |= {f"{part}[{extra}]": lines for extra, lines in project.get("optional-dependencies", {}).items()}
        for user, lines in groups.items():
            for line in lines:
                name = re.split(r"[\s\[<>=!~;]", line, maxsplit=1)[0].lower()
                if not name.startswith("maskreel-"):
                    found.setdefault(name, set()).add(user)
    return found


def named_weights() -> dict[str, set[str]]:
    """Where the code makes entries of published weights: file, relative to packages, by the part of maskreel."""
    found: dict[str, set[str]] = {}
    for path in sorted(ROOT.glob("packages/*/src/**/*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        if any(isinstance(node, ast.FunctionDef) and node.name in MAKERS for node in nodes):
            continue  # makes entries of what others name
        calls = [node.func for node in nodes if isinstance(node, ast.Call)]
        if any(isinstance(called, ast.Name) and called.id in MAKERS for called in calls):
            found.setdefault(path.relative_to(ROOT / "packages").parts[0], set()).add(path.name)
    return found


def shipped_weights() -> set[str]:
    """Files with numbers in our own packages, relative to packages/*/src/maskreel."""
    return {
        str(path.relative_to(package / "src" / "maskreel"))
        for package in ROOT.glob("packages/*")
        for path in package.glob("src/**/*.safetensors")
    } | {str(Path("vfp/weights/table.json"))}


def installed_licence(name: str) -> str | None:
    """What an installed package says of its licence, in one line; None if it is not installed or says nothing."""
    try:
        data = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    classifiers = [text.rsplit(" :: ", 1)[-1] for text in data.get_all("Classifier") or [] if "License ::" in text]
    expression, text = ("".join(data.get_all(field) or []) for field in ("License-Expression", "License"))
    return expression or ", ".join(classifiers) or "".join(text.splitlines()[:1]) or None


def faults() -> list[str]:
    """What lacks an entry, and what has one in vain."""
    declares, entries = declared(), {entry.name: entry for entry in DEPENDENCIES}
    result = [
        f"{name} is declared by {', '.join(sorted(declares[name]))}, but licence_facts.py has no entry for it"
        for name in sorted(declares.keys() - entries.keys())
    ]
    result += [f"licence_facts.py has {name}, which no package declares" for name in sorted(entries.keys() - declares)]
    return result + _weights_faults()


def changes() -> list[str]:
    """Which installed packages say something else of their licence than when it was looked at.

    Apart from `faults`, as a new version of somebody else's package must not make our tests fail.
    """
    told = {entry: installed_licence(entry.name) for entry in DEPENDENCIES}
    return [
        f"{entry.name} says of its licence {now!r}, not {entry.metadata!r}: look, and change licence_facts.py"
        for entry, now in told.items()
        if now is not None and now != entry.metadata
    ]


def _weights_faults() -> list[str]:
    known = {place for weights in PUBLISHED for place in weights.code}
    made = {f"{part}/{file}" for part, files in named_weights().items() for file in files}
    result = [
        f"{place} names published weights, but no entry of licence_facts.py does" for place in sorted(made - known)
    ]
    lost = [place for place in sorted(known) if not list((ROOT / "packages" / place.split("/")[0]).rglob(_name(place)))]
    result += [f"licence_facts.py names {place}, which is not there" for place in lost]
    own = {entry.file for entry in OWN}
    result += [
        f"{file} is shipped, but licence_facts.py has no entry for it" for file in sorted(shipped_weights() - own)
    ]
    return result + [f"licence_facts.py has {file}, which is not shipped" for file in sorted(own - shipped_weights())]


def _name(place: str) -> str:
    return place.rsplit("/", 1)[-1]


def document() -> str:
    """The text of docs/licences.md."""
    declares = declared()
    lines = [HEAD]
    for entry in sorted(DEPENDENCIES, key=lambda entry: entry.name):
        users = ", ".join(f"`{user}`" for user in sorted(declares.get(entry.name, ())))
        lines.append(f"| {entry.name} | {users} | {entry.licence} | {entry.commercial} |")
    lines.append(OWN_HEAD)
    lines += [f"| `maskreel/{entry.file}` | {entry.what} |" for entry in OWN]
    lines.append(PUBLISHED_HEAD)
    lines += [
        f"| {entry.name} | {entry.use} | {entry.how} | {entry.licence} | {entry.commercial} |" for entry in PUBLISHED
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if something is wrong")
    check = parser.parse_args().check
    wrong = faults() + (changes() if check else [])
    if check and not wrong and DOCUMENT.read_text() != document():
        wrong = [f"{DOCUMENT.relative_to(ROOT)} is out of date: run python tools/licences.py"]
    if wrong:
        sys.exit("\n".join(wrong))
    if not check:
        DOCUMENT.write_text(document())
        print(DOCUMENT)


if __name__ == "__main__":
    main()
