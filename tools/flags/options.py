"""Every option of every `maskreel` command, found in the parameters and fields that the commands are made from."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any, get_args, get_type_hints
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Option", "Verb", "options", "verbs"]


@dataclass(frozen=True)
class Verb:
    """A command that takes options."""

    command: str
    """All its words after `maskreel`, for example `animate train tiny`."""
    made_from: Callable[..., Any]
    """The function or dataclass."""


@dataclass(frozen=True)
class Option:
    """A parameter of a command's function, or a field of a dataclass that one or more commands take."""

    owner: str
    """The command, or the dataclass where the field is declared first."""
    name: str
    """The name in Python."""
    flags: frozenset[str]
    """The names on the command line; none for what is told by its place."""
    commands: tuple[str, ...]
    """The commands that take it."""
    callables: frozenset[str]
    """Names in Python of what takes it by keyword: the function, or the dataclass and those made from it."""
    place: int | None
    """Where it stands among the arguments without keyword; None: it is told by keyword only."""
    required: bool
    """No command runs without it."""
    kind: str
    """The annotation, as text."""
    default: object
    """None where there is none."""

    def __str__(self) -> str:
        return f"{self.owner}.{self.name}"


def verbs() -> list[Verb]:
    """All commands of all installed parts, in order of their names."""
    found = []
    for entry in sorted(metadata.entry_points(group="maskreel.commands"), key=lambda entry: entry.name):
        found += list(_below(entry.load(), (), f"{entry.name}"))
    return found


def _below(main: Callable[..., Any], words: tuple[str, ...], prog: str) -> Iterator[Verb]:
    """What `main` hands to tyro, and the commands below a word that has some of its own, as `animate train`."""
    name = " ".join((prog, *words))
    made_from = _handed_over(main, list(words), prog)
    if not isinstance(made_from, dict):
        yield Verb(name, made_from)
        return
    for word in made_from:
        deeper = _handed_over(main, [*words, word], prog)
        if deeper.keys() == made_from.keys():
            yield Verb(f"{name} {word}", deeper[word])
        else:
            yield from _below(main, (*words, word), prog)


def _handed_over(main: Callable[..., Any], words: list[str], prog: str) -> Any:
    taken = []
    stand_ins = {
        "run_subcommands": lambda verbs, *_: taken.append(dict(verbs)),
        "run_command": lambda verb, *_: taken.append(verb),
    }
    with mock.patch.multiple("maskreel.common.cli", **stand_ins):
        main(words, prog=prog)
    return taken[0]


def options() -> list[Option]:
    """Every option once, whatever number of commands shares it."""
    found: dict[tuple[str, str], Option] = {}
    for verb in verbs():
        for option in _of_callable(verb.made_from, verb.command):
            known = found.get((option.owner, option.name), option)
            found[option.owner, option.name] = dataclasses.replace(
                option,
                flags=known.flags | option.flags,
                commands=tuple(dict.fromkeys([*known.commands, *option.commands])),
                callables=known.callables | option.callables,
                required=known.required and option.required,
            )
    return list(found.values())


def _of_callable(made_from: Any, command: str) -> Iterator[Option]:
    hints = get_type_hints(made_from, include_extras=True)
    for name in _names(made_from):
        hint = hints[name]
        if dataclasses.is_dataclass(hint):
            yield from _of_callable(hint, command)
            continue
        owner, callables = _owner(made_from, name, command)
        yield Option(owner, name, _flags(name, hint), (command,), callables, *_signed(made_from, name, hint))


def _names(made_from: Any) -> list[str]:
    if dataclasses.is_dataclass(made_from):
        return [field.name for field in dataclasses.fields(made_from) if field.init]
    return list(inspect.signature(made_from).parameters)


def _signed(made_from: Any, name: str, hint: Any) -> tuple[int | None, bool, str, object]:
    parameters = inspect.signature(made_from).parameters
    parameter = parameters[name]
    place = None if parameter.kind is inspect.Parameter.KEYWORD_ONLY else list(parameters).index(name)
    required = parameter.default is inspect.Parameter.empty
    plain = get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
    return place, required, str(plain), None if required else parameter.default


def _owner(made_from: Any, name: str, command: str) -> tuple[str, frozenset[str]]:
    if not inspect.isclass(made_from):
        return command, frozenset({made_from.__name__})
    line = [cls for cls in made_from.__mro__ if name in getattr(cls, "__annotations__", {})]
    return f"{line[-1].__module__}.{line[-1].__qualname__}", frozenset(cls.__name__ for cls in made_from.__mro__[:-1])


def _flags(name: str, hint: Any) -> frozenset[str]:
    import tyro

    extras: Mapping | tuple = getattr(hint, "__metadata__", ())
    if set(get_args(tyro.conf.Positional[int])[1:]) & {extra for extra in extras if not hasattr(extra, "name")}:
        return frozenset()
    named = next((extra.name for extra in extras if getattr(extra, "name", None)), None)
    first = f"--{named or name.replace('_', '-').strip('-')}"
    aliases = [alias for extra in extras for alias in getattr(extra, "aliases", None) or ()]
    return frozenset({first, first.replace("--", "--no-", 1), *aliases})
