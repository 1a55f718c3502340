"""Import every module of an installed package: `python -I import_everything.py PACKAGE...`, in the environment to try.

Run it from outside the checkout; that what is imported is what was installed is checked, too. A module that needs a
library of an extra may be private and fail with its ModuleNotFoundError, or raise MissingExtraError; with --extras, no
module may fail.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import re
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

__all__ = ["module_faults"]

NOT_ON_PYPI = {"detectron2"}


def module_faults(package: str, *, extras: bool) -> list[str]:
    """Say which modules of `maskreel.PACKAGE` do not import, lie elsewhere, or lack a name of their `__all__`."""
    root = importlib.import_module(f"maskreel.{package}")
    optional = _optional(package)
    faults: list[str] = []
    elsewhere: list[str] = []
    names = [root.__name__, *(found.name for found in pkgutil.walk_packages(root.__path__, f"{root.__name__}."))]
    for name in names:
        if name.endswith("__main__"):
            continue
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            if not _excused(error, name, optional, extras=extras):
                faults.append(f"{name}: {type(error).__name__}: {error}")
            continue
        if not Path(str(module.__file__)).resolve().is_relative_to(Path(sysconfig.get_path("purelib")).resolve()):
            elsewhere.append(f"{name} was imported from {module.__file__}, not from where packages are installed")
        faults += [
            f"{name}.__all__ lists {public}, which is not there"
            for public in getattr(module, "__all__", [])
            if not hasattr(module, public)
        ]
    return faults + elsewhere[:1]  # the others lie there, too


def _optional(package: str) -> bool:
    """Whether the package has extras, without which some of its modules do not import."""
    return bool(metadata.metadata(f"maskreel-{package}").get_all("Provides-Extra"))


def _excused(error: ImportError, name: str, optional: bool, *, extras: bool) -> bool:
    if (error.name or "").partition(".")[0] in NOT_ON_PYPI:
        return _is_private(name)
    if extras or not optional:
        return False
    if type(error).__name__ == "MissingExtraError":
        return True
    absent = isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("maskreel")
    return absent and _is_private(name)


def _is_private(name: str) -> bool:
    return re.search(r"\._", name) is not None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="+", metavar="PACKAGE")
    parser.add_argument("--extras", action="store_true", help="all extras are installed, so nothing is excused")
    arguments = parser.parse_args()
    if not sys.flags.isolated:
        parser.error("expected python -I, so that neither the current folder nor PYTHONPATH is imported from")
    faults = [fault for package in arguments.packages for fault in module_faults(package, extras=arguments.extras)]
    if faults:
        sys.exit("\n".join(faults))
    print(f"All modules of {', '.join(f'maskreel.{package}' for package in arguments.packages)} import.")


if __name__ == "__main__":
    main()
