"""No dead options: tests drive every one, of every command. One option of one name is the same everywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from flags import options as options_module
from flags.by_hand import BY_HAND
from flags.driven import drivers, read_tests
from flags.options import Option, Verb, options, verbs

from maskreel.common.cli import main

ROOT = Path(__file__).parents[2]
VERBS, OPTIONS = verbs(), options()


def package_of(option: Option) -> str:
    """Where its tests are: beside the dataclass that declares it, else beside the command."""
    first = option.owner.split(".")[1] if option.owner.startswith("maskreel.") else option.owner.split()[0]
    return "common" if first in ("world", "web") else first


def files_of(package: str) -> list[Path]:
    return sorted((ROOT / "packages" / package / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("package", ["animate", "common", "inpaint", "inversion", "vfp"])
def test_every_option_is_driven_by_a_test(package: str) -> None:
    files = read_tests(files_of(package))
    own = [option for option in OPTIONS if package_of(option) == package and not option.required]
    assert len(own) > 30
    undriven = [str(option) for option in own if not drivers(option, files)]
    assert sorted(set(undriven) - set(BY_HAND)) == [], "write a test that sees an effect of each"


def test_what_is_told_by_hand_is_needed_and_true() -> None:
    seen = {str(option): option for option in OPTIONS}
    assert set(BY_HAND) <= set(seen)
    found = [name for name in BY_HAND if drivers(seen[name], read_tests(files_of(package_of(seen[name]))))]
    assert found == [], "these are found without"
    for path, test in BY_HAND.values():
        assert f"def {test}(" in (ROOT / path).read_text()


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.command)
def test_help_shows_the_options_that_are_known(verb: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*verb.command.split(), "--help"])
    rows = re.findall(r"(?m)^[│ ] (-.*?)(?: {2,}|│|$)", capsys.readouterr().out)
    shown = {flag for row in rows for flag in re.findall(r"(?<!\S)--[a-z][\w-]*", row)}
    known = {flag for option in OPTIONS if verb.command in option.commands for flag in option.flags}
    assert shown - {"--help"} <= known
    listed = {f for o in OPTIONS if verb.command in o.commands for f in o.flags if not f.startswith("--no-")}
    assert {flag for flag in listed if flag.startswith("--")} <= shown


SHARED = {
    "--device": ("typing.Literal['auto', 'cpu', 'cuda']", "auto"),
    "--seed": ("<class 'int'>", 0),
    "--threads": ("int | None", None),
    "--overwrite": ("<class 'bool'>", False),
    "--dry-run": ("<class 'bool'>", False),
    "--skip-bad": ("<class 'bool'>", False),
    "--tensorboard": ("<class 'bool'>", False),
    "--lossless": ("<class 'bool'>", False),
    "--crf": ("<class 'int'>", 18),
    "--preview": ("str | None", None),
    "--job": ("pathlib.Path | None", None),
    "--slurm": ("str | None", None),
    "--batch": ("<class 'int'>", 8),
}
"""What these take, and by default, in every command."""


@pytest.mark.parametrize("flag", SHARED)
def test_an_option_is_the_same_in_all_parts(flag: str) -> None:
    found = [option for option in OPTIONS if flag in option.flags]
    assert len({command for option in found for command in option.commands}) > 1
    assert {(option.kind, option.default) for option in found} == {SHARED[flag]}


def test_every_output_has_a_short_name() -> None:
    outputs = [option for option in OPTIONS if "--output" in option.flags]
    assert len(outputs) > 25
    assert all("-o" in option.flags for option in outputs)


@dataclass(frozen=True)
class Config:
    depth: int = 1


def verb(size: int = 3, config: Config = Config()) -> None:
    """A command."""


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> dict[str, Option]:
    monkeypatch.setattr(options_module, "verbs", lambda: [Verb("part verb", verb)])
    return {option.name: option for option in options()}


def test_options_of_a_function_and_of_what_it_takes(made_up: dict[str, Option]) -> None:
    assert made_up.keys() == {"size", "depth"}
    assert str(made_up["size"]) == "part verb.size"
    assert str(made_up["depth"]).endswith(".Config.depth")
    assert made_up["depth"].flags == {"--depth", "--no-depth"}
    assert (made_up["size"].kind, made_up["size"].default) == ("<class 'int'>", 3)


@pytest.mark.parametrize(
    ("name", "text", "driven"),
    [
        ("size", "def test_a(): assert main(['verb', '--size', '3']) == 0", True),
        ("size", "def test_a(): assert main(['verb', '--size=3']) == 0", True),
        ("size", "def test_a(): assert main(['other', '--size', '3']) == 0", False),
        ("size", "def test_a(): assert main(['verb', '--size', '0']) == 2", False),
        ("size", "def test_a():\n    'verb --size'\n    main(['verb'])", False),
        ("size", "def run(*words): return main(['verb', *words])\ndef test_a(): assert run('--size', 3) == 0", True),
        ("size", "def test_a(): main(['verb'])\ndef test_b(): main(['other', '--size', '3'])", False),
        ("size", "FLAGS = '--size 3'\ndef test_a(): main(['verb', *FLAGS.split()])", True),
        ("size", "@pytest.fixture\ndef made(): main(['verb', '--size', '3'])\ndef test_a(made): assert made", True),
        ("size", "@pytest.fixture\ndef made(): main(['verb', '--size', '3'])\ndef test_a(): assert other", False),
        ("size", "from x import verb\ndef test_a(): assert verb(3)", True),
        ("size", "def verb(x): ...\ndef test_a(): assert verb(3)", False),
        ("size", "from x import verb\ndef test_a(): assert verb(size=3)", True),
        ("size", "from x import verb\ndef test_a(): assert other(size=3)", False),
        ("depth", "def test_a(): assert f(Config(depth=2))", True),
        ("depth", "def test_a():\n    with pytest.raises(ValueError): Config(depth=-1)", False),
        ("depth", "def make(**k): return Config(**k)\ndef test_a(): assert make(depth=2)", True),
        ("depth", "def test_a(): assert other(depth=2) == Config()", False),
        ("depth", "def test_a(): assert Config(**{'depth': 2})", True),
    ],
)
def test_what_counts_as_driven(name: str, text: str, driven: bool, made_up: dict[str, Option], tmp_path: Path) -> None:
    path = tmp_path / "test_made_up.py"
    path.write_text(text)
    assert bool(drivers(made_up[name], read_tests([path]))) == driven
