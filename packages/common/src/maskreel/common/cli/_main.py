"""`maskreel PART ...`: finds the installed parts by their entry points and hands over to one of them."""

from __future__ import annotations

import ast
import re
import sys
from importlib import metadata
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

from maskreel.common.cli._help import closest, listing
from maskreel.common.cli._logging import set_up_logging, take_verbosity
from maskreel.common.cli._outcome import exit_code
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec

__all__ = ["main"]

GROUP = "maskreel.commands"
PARTS = ("animate", "inpaint", "inversion", "vfp")
"""Parts that have a command, installed or not: an unknown name is answered with the command that installs it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `maskreel` with `argv` (default: the command line) and return its exit code.

    0 is success; 2 is a mistake in the command or its input, told in one sentence; 130 is an interruption, 143 one by
    SIGTERM, and 75 by Slurm's SIGUSR1. Any other error is a bug and leaves as an exception, with its traceback.
    """
    arguments, level = take_verbosity(sys.argv[1:] if argv is None else argv)
    set_up_logging(level)
    return exit_code(lambda: _dispatch(arguments))


def _dispatch(arguments: list[str]) -> int | None:
    if not arguments:
        sys.stderr.write(_help_text())
        return 2
    first, *rest = arguments
    if first in ("-h", "--help"):
        sys.stdout.write(_help_text())
        return 0
    if first == "--version":
        sys.stdout.write(_versions())
        return 0
    return _find_part(first).load()(rest, prog=f"maskreel {first}")


def _find_part(name: str) -> metadata.EntryPoint:
    installed = _parts()
    if name in installed:
        return installed[name]
    if name in PARTS:
        raise InputError(f"'{name}' is not installed; run: python -m pip install maskreel-{name}")
    raise InputError(f"maskreel has no part '{name}'{closest(name, [*installed, *PARTS])}")


def _parts() -> dict[str, metadata.EntryPoint]:
    return {entry.name: entry for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name)}


def _help_text() -> str:
    parts = _parts()
    rows = [(name, _summary(entry)) for name, entry in parts.items()]
    missing = [name for name in PARTS if name not in parts]
    return "\n".join(
        [
            "usage: maskreel [--version] [-h] PART ...",
            "",
            "Masks in, video out.",
            "",
            "installed parts:",
            listing(rows) if rows else "  none yet",
            *(["", f"not installed: {', '.join(missing)}", "  python -m pip install maskreel-PART"] if missing else []),
            "",
            "maskreel PART --help shows what a part can do.",
            "With every command, -v shows more messages, -q only warnings and errors.",
            "",
        ]
    )


def _summary(entry: metadata.EntryPoint) -> str:
    """The first sentence of the module's docstring, less the name of the command."""
    tree = ast.parse(_source(entry.module))
    sentence = re.split(r"(?<=\.)\s", " ".join((ast.get_docstring(tree) or "").split()), maxsplit=1)[0]
    sentence = sentence.removeprefix(f"`maskreel {entry.name}`: ").rstrip(".")
    return sentence[:1].upper() + sentence[1:]


def _source(module: str) -> str:
    """The text of a module that is not imported; "" if there is none."""
    spec = find_module(module)
    return getattr(spec and spec.loader, "get_source", lambda _: None)(module) or ""


def find_module(module: str) -> ModuleSpec | None:
    """Where a module lies, without importing the packages around it, which may be heavy."""
    folders, spec, name = None, None, ""
    for part in module.split("."):
        name = f"{name}.{part}".lstrip(".")
        spec = PathFinder.find_spec(name, folders)
        folders = spec.submodule_search_locations if spec else []
    return spec


def _versions() -> str:
    found = {dist.name: dist.version for dist in metadata.distributions() if dist.name.startswith("maskreel-")}
    return "".join(f"{name} {version}\n" for name, version in sorted(found.items()))
