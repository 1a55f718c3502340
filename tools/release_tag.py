"""Say what a tag releases, and refuse one that the tree does not bear out: `python tools/release_tag.py TAG`.

Prints `package=inpaint` and `version=0.2.0`, as a GitHub workflow takes its outputs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from releasing.changelog import sections
from releasing.errors import ReleaseError
from releasing.tags import read_tag
from releasing.tree import Package, packages_of

ROOT = Path(__file__).parents[1]


def tagged(tree: Path, tag: str) -> tuple[str, str]:
    """Package and version of a tag of this tree.

    Raises:
        ReleaseError: if pyproject.toml has another version, or CHANGELOG.md does not begin with it and a date.
    """
    package, version = read_tag(tag, [other.name for other in packages_of(tree)])
    declared = Package(tree / "packages" / package).version
    if declared != version:
        raise ReleaseError(f"the tag {tag} says {version}, but the pyproject.toml of {package} says {declared}")
    newest = sections((tree / "packages" / package / "CHANGELOG.md").read_text("utf-8"))[:1]
    if not newest or newest[0].version != version or not newest[0].released:
        raise ReleaseError(f"the CHANGELOG.md of {package} does not begin with {version} and the date of its release")
    return package, version


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tag", help="such as inpaint-v0.2.0")
    try:
        package, version = tagged(ROOT, parser.parse_args().tag)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    print(f"package={package}\nversion={version}")


if __name__ == "__main__":
    main()
