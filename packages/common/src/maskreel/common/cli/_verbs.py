"""`maskreel PART VERB ...`: turns functions and dataclasses into verbs with flags, by way of tyro."""

from __future__ import annotations

import inspect
import itertools
import sys
import textwrap
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from maskreel.common.cli._help import WIDTH, closest, listing
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tyro.constructors import ConstructorRegistry

__all__ = ["run_command", "run_subcommands"]


def run_subcommands(verbs: Mapping[str, Callable[..., Any]], argv: Sequence[str], prog: str) -> int | None:
    """Run the verb named by `argv[0]` with the flags in the rest of `argv`, and return its exit code.

    A verb is a function whose parameters are the flags, or a dataclass whose fields are the flags and whose `run()`
    does the work. Parameters of a dataclass type (configs) contribute their fields without a prefix. Help comes from
    docstrings: `Args:` sections, and strings under the fields. `tyro.conf.Positional[Path]` is a positional argument,
    `some_name` becomes `--some-name`, booleans `--flag/--no-flag`, and `X | None` takes an X. Types must be importable
    at run time, not only under TYPE_CHECKING. A `ValueError` from a dataclass's `__post_init__` is shown as a bad flag.

    Raises:
        InputError: There is no such verb.
        SystemExit: With 2 after bad flags, with 0 after `--help`.
    """
    if not argv:
        sys.stderr.write(_overview(verbs, prog))
        return 2
    name, *flags = argv
    if name in ("-h", "--help"):
        sys.stdout.write(_overview(verbs, prog))
        return 0
    if name not in verbs:
        raise InputError(f"{prog} has no command '{name}'{closest(name, list(verbs))}")
    return run_command(verbs[name], flags, f"{prog} {name}")


def run_command(verb: Callable[..., Any], flags: Sequence[str], prog: str) -> int | None:
    """Run one verb, as `run_subcommands` describes it, with its flags, and return its exit code.

    Raises:
        SystemExit: With 2 after bad flags, with 0 after `--help`.
    """
    import tyro

    markers = (
        tyro.conf.OmitArgPrefixes,
        tyro.conf.HelptextFromCommentsOff,
        tyro.conf.PositionalMetavarFromFieldName,
        tyro.conf.DisallowNone,
    )
    outcome = tyro.cli(verb, prog=prog, description=_about(verb), args=flags, config=markers, registry=_registry())
    return outcome.run() if isinstance(verb, type) else outcome


def _overview(verbs: Mapping[str, Callable[..., Any]], prog: str) -> str:
    rows = [(name, _summary(verb)) for name, verb in verbs.items()]
    return f"usage: {prog} [-h] COMMAND ...\n\ncommands:\n{listing(rows)}\n\n{prog} COMMAND --help shows its options.\n"


def _summary(verb: Callable[..., Any]) -> str:
    return " ".join("".join(_paragraphs(verb)[:1]).split())


def _about(verb: Callable[..., Any]) -> str:
    """The docstring down to its first section, wrapped; tyro keeps line breaks only before indented lines."""
    wrapper = textwrap.TextWrapper(WIDTH, initial_indent="  ", subsequent_indent="  ")
    return "\n\n".join(wrapper.fill(" ".join(text.split())) for text in _paragraphs(verb))


def _paragraphs(verb: Callable[..., Any]) -> list[str]:
    paragraphs = (inspect.getdoc(verb) or "").split("\n\n")
    return list(itertools.takewhile(lambda text: not text.startswith(("Args:", "Returns:", "Raises:")), paragraphs))


def _registry() -> ConstructorRegistry:
    """What tyro does not know by itself: a Fraction, written as 30000/1001, 29.97 or 25."""
    from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec

    registry = ConstructorRegistry()
    fraction = PrimitiveConstructorSpec(
        nargs=1,
        metavar="FRACTION",
        instance_from_str=lambda words: _fraction(words[0]),
        is_instance=lambda value: isinstance(value, Fraction),
        str_from_instance=lambda value: [str(value)],
    )
    registry.primitive_rule(lambda info: fraction if info.type is Fraction else None)
    return registry


def _fraction(text: str) -> Fraction:
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise ValueError(f"{text} divides by zero") from None
