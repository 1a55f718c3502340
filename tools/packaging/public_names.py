"""The public names of all packages and their inventory, so that none vanishes unnoticed.

python tools/packaging/public_names.py            # compare the tree with the inventory
python tools/packaging/public_names.py --write    # what the tree has is right: write the inventory anew
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from pathlib import Path

from package_tree import ROOT, Package, packages_of

__all__ = ["inventory_faults", "public_names"]

INVENTORY = Path("tools") / "packaging" / "public_names.json"
COMMAND = "python tools/packaging/public_names.py --write"


def public_names(package: Package) -> dict[str, list[str]]:
    """What each public module lists in `__all__`: no word of its dotted name begins with an underscore."""
    found = {}
    for path in package.sources:
        module = package.module(path)
        if any(word.startswith("_") for word in module.split(".")):
            continue
        names = _listed(path)
        if names is not None:
            found[module] = sorted(names)
    return found


def inventory_faults(package: Package, root: Path = ROOT) -> list[str]:
    """Say which names of the inventory are gone, and which new ones it lacks."""
    path = root / INVENTORY
    known: dict[str, list[str]] = json.loads(path.read_text()).get(package.name, {}) if path.exists() else {}
    now = public_names(package)
    leaf = f"maskreel.{package.name}"
    return [
        *([] if leaf in now else [f"{leaf} lists no __all__ in its __init__.py"]),
        *(
            f"{module}: {', '.join(gone)} gone; bring back what is used outside, or tell it in the CHANGELOG of "
            f"{package.name}, and run: {COMMAND}"
            for module, names in known.items()
            if (gone := sorted(set(names) - set(now.get(module, []))))
        ),
        *(
            f"{module}: {', '.join(new)} public, but not in {INVENTORY}; run: {COMMAND}"
            for module, names in now.items()
            if (new := sorted(set(names) - set(known.get(module, []))))
        ),
    ]


def write_inventory(root: Path = ROOT) -> Path:
    """Write what the tree has."""
    path = root / INVENTORY
    names = {package.name: public_names(package) for package in packages_of(root)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(names, indent=1) + "\n")
    return path


def _listed(path: Path) -> list[str] | None:
    """The `__all__` of a file, or None if it has none."""
    for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if "__all__" in [ast.unparse(target) for target in targets]:
            try:
                return list(ast.literal_eval(node.value))
            except (ValueError, TypeError) as error:
                raise ValueError(f"__all__ of {path} must be a list of plain strings") from error
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the inventory anew")
    if parser.parse_args().write:
        print(f"{write_inventory()}: written")
        return
    faults = [fault for package in packages_of() for fault in inventory_faults(package)]
    if faults:
        sys.exit("\n".join(faults))
    print(f"All names of {INVENTORY} are there, and no others.")


if __name__ == "__main__":
    main()
