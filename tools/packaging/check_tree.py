"""Whether packages of this tree can stand alone, as far as their sources tell; takes a second.

python tools/packaging/check_tree.py          # all packages
python tools/packaging/check_tree.py vfp      # one
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from package_tree import ROOT, Package, packages_of
from private_imports import private_import_faults
from public_names import inventory_faults
from stray_inits import namespace_faults
from undeclared_imports import import_faults
from version_ranges import range_faults

__all__ = ["package_faults"]


def package_faults(package: Package, root: Path = ROOT) -> list[str]:
    """Say all that is wrong with one package."""
    return [
        *namespace_faults(package),
        *import_faults(package),
        *private_import_faults(package),
        *range_faults(package),
        *inventory_faults(package, root),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="by default all")
    parser.add_argument("--root", type=Path, default=ROOT, help="the tree")
    arguments = parser.parse_args()
    there = {package.name: package for package in packages_of(arguments.root)}
    for name in arguments.packages:
        if name not in there:
            parser.error(f"{name} is no package of {arguments.root}, which has {', '.join(there) or 'none'}")
    chosen = [there[name] for name in arguments.packages or there]
    faults = [fault for package in chosen for fault in package_faults(package, arguments.root)]
    if faults:
        sys.exit("\n".join(faults))
    print(f"{', '.join(package.name for package in chosen)}: imports, namespace, ranges and public names are right.")


if __name__ == "__main__":
    main()
