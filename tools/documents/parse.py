"""Parse a command of a document as its program would, without running it: what the program does not know is a fault."""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import io
import re
import shutil
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any
from unittest import mock

from documents.markdown import ROOT

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

__all__ = ["UnknownError", "maskreel_words", "parse"]

SYSTEM = ("cd", "export", "git", "squeue", "scancel", "scontrol", "sinfo", "source", "uv")
"""Programs of others whose commands are taken as they are."""


class UnknownError(Exception):
    """A command that its program would refuse, or that nobody here knows how to check."""


def parse(words: Sequence[str]) -> None:
    """Check a command.

    Raises:
        UnknownError: it would be refused; says why.
    """
    words = _without_prefixes(words)
    match words:
        case ["maskreel", *rest]:
            _maskreel(rest)
        case ["python", "-m", "nox", *rest] | ["nox", *rest]:
            _nox(rest)
        case ["python", "-m", "pip", "install", *rest] | ["uv", "pip", "install", *rest]:
            _pip(rest)
        case ["python", "-m", module, *rest]:
            _module(module, rest)
        case ["python", script, *rest] if script.endswith(".py"):
            _script(script, rest)
        case ["torchrun", *rest]:
            _torchrun(rest)
        case ["sbatch", *rest]:
            _sbatch(rest)
        case ["srun", *rest]:
            _srun(rest)
        case [program, *rest] if (ROOT / program).is_file():
            _shell_script(program, rest)
        case [program, *_] if program in SYSTEM:
            pass
        case _:
            raise UnknownError(f"nobody knows how to check {words[0]!r}")


def maskreel_words(words: Sequence[str]) -> list[str] | None:
    """What follows `maskreel` in a command, or None if it is another's."""
    words = _without_prefixes(words)
    return words[1:] if words[:1] == ["maskreel"] else None


def _without_prefixes(words: Sequence[str]) -> list[str]:
    """Without variables set for this command, and without sudo."""
    rest = list(words)
    while rest and (re.fullmatch(r"[A-Z_]+=.*", rest[0]) or rest[0] == "sudo"):
        rest.pop(0)
    return rest


def _maskreel(words: Sequence[str]) -> None:
    """By the real command line, whose last step, calling the verb, is left out."""
    from maskreel.common.cli import main

    said = io.StringIO()
    try:
        with _nothing_called(), contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            code = main(list(words))
    except SystemExit as stopped:
        code = stopped.code
    if code not in (0, None):
        raise UnknownError(" ".join(said.getvalue().split()) or f"exit code {code}")


@contextlib.contextmanager
def _nothing_called() -> Iterator[None]:
    import tyro

    parsed = tyro.cli

    def only_parsed(verb: Callable[..., Any], *args: Any, **options: Any) -> object:
        if inspect.isclass(verb):
            parsed(verb, *args, **options)
            return mock.Mock(run=lambda: 0)
        return parsed(_uncalled(verb), *args, **options)

    with mock.patch.object(tyro, "cli", only_parsed):
        yield


def _uncalled(verb: Callable[..., Any]) -> Callable[..., int]:
    @functools.wraps(verb)
    def stand_in(*_: object, **__: object) -> int:
        return 0

    return stand_in


def _nox(words: Sequence[str]) -> None:
    known = _sessions()
    if "-s" in words and (name := words[list(words).index("-s") + 1].split("(")[0]) not in known:
        raise UnknownError(f"noxfile.py has no session {name!r}; it has {', '.join(sorted(known))}")


@functools.cache
def _sessions() -> set[str]:
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    return {
        _session_name(decorator) or node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if "nox.session" in ast.unparse(decorator)
    }


def _session_name(decorator: ast.expr) -> str | None:
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    return next((ast.literal_eval(keyword.value) for keyword in keywords if keyword.arg == "name"), None)


def _pip(words: Sequence[str]) -> None:
    from packaging.requirements import InvalidRequirement, Requirement

    for word in words:
        if word.startswith("-"):
            continue
        name, _, extras = word.partition("[")
        if word.startswith("./"):
            _require_extras(ROOT / name, extras)
            continue
        try:
            requirement = Requirement(word)
        except InvalidRequirement as error:
            raise UnknownError(f"{word}: {error}") from error
        if requirement.name.startswith("maskreel-"):
            _require_extras(
                ROOT / "packages" / requirement.name.removeprefix("maskreel-"), ",".join(requirement.extras)
            )


def _require_extras(package: Path, extras: str) -> None:
    if not (package / "pyproject.toml").is_file():
        raise UnknownError(f"there is no package in {package}")
    known = tomllib.loads((package / "pyproject.toml").read_text())["project"].get("optional-dependencies", {})
    if unknown := {extra for extra in extras.rstrip("]").split(",") if extra} - set(known):
        raise UnknownError(f"{package.name} has no extra {', '.join(sorted(unknown))}; it has {', '.join(known)}")


def _module(module: str, words: Sequence[str]) -> None:
    if module == "maskreel.common.cli":
        _maskreel(words)
    elif module not in ("pytest", "venv"):
        raise UnknownError(f"nobody knows how to check python -m {module}")


def _script(script: str, words: Sequence[str]) -> None:
    """A script of this repository, or one that the document itself shows, which has no flags."""
    places = [ROOT / script, *ROOT.glob(f"packages/*/{script}")]
    if not (found := [path for path in places if path.is_file()]):
        raise UnknownError(f"there is no {script}")
    text = found[0].read_text()
    if unknown := [word for word in words if word.startswith("--") and f'"{word}"' not in text]:
        raise UnknownError(f"{script} has no {', '.join(unknown)}")


def _shell_script(program: str, words: Sequence[str]) -> None:
    text = (ROOT / program).read_text()
    if words and f"\n{words[0]})" not in text:
        raise UnknownError(f"{program} has no command {words[0]!r}")


def _torchrun(words: Sequence[str]) -> None:
    from torch.distributed.run import get_args_parser

    options = _parsed(get_args_parser(), words)
    script = options.training_script
    if options.module:
        _module(script, options.training_script_args)
    elif script.endswith("/maskreel"):
        _maskreel(options.training_script_args)
    else:
        raise UnknownError(f"nobody knows how to check {script}")


def _parsed(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return parser.parse_args(list(words))
    except SystemExit:
        raise UnknownError(said.getvalue().splitlines()[-1]) from None


def _sbatch(words: Sequence[str]) -> None:
    """Options of sbatch, then one of our scripts, then what that hands to maskreel."""
    options, [script, *rest] = _options_first(words)
    _require_options("sbatch", options)
    if not (ROOT / script).is_file():
        raise UnknownError(f"there is no {script}")
    _maskreel([*rest, "--launcher", "slurm"] if script.endswith("train.sbatch") else rest)


def _srun(words: Sequence[str]) -> None:
    options, rest = _options_first(words)
    _require_options("srun", options)
    parse(rest)


def _options_first(words: Sequence[str]) -> tuple[list[str], list[str]]:
    count = next((place for place, word in enumerate(words) if not word.startswith("-")), len(words))
    return list(words[:count]), list(words[count:])


def _require_options(program: str, options: Sequence[str]) -> None:
    """By the help of Slurm's program, where it is installed and has a cluster, without which it tells nothing."""
    if shutil.which(program) is None:
        return
    asked = subprocess.run([program, "--help"], check=False, capture_output=True, text=True)
    if "failed to fetch config" in asked.stderr:
        return
    asked.check_returncode()
    told = asked.stdout
    for option in options:
        if not re.search(rf"(?<![\w-]){re.escape(option.split('=')[0])}(?![\w-])", told):
            raise UnknownError(f"{program} has no {option}")
