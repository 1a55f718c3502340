"""Key maps for checkpoints from elsewhere: their names in, our names out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch


def rename_keys(state: Mapping[str, torch.Tensor], rules: Sequence[tuple[str, str]]) -> dict[str, torch.Tensor]:
    r"""Apply every rule, in order, to every key: `re.sub(pattern, replacement, key)`.

    Example: `rename_keys(state, [(r"^backbone\.", ""), (r"\.gamma$", ".weight")])`.

    Raises:
        ValueError: Two keys would get the same name, or a rule changes no key (it is misspelt, or for another file).
    """
    names = {key: key for key in state}
    for pattern, replacement in rules:
        changed = {key: re.sub(pattern, replacement, name) for key, name in names.items()}
        if changed == names:
            raise ValueError(f"the rule {pattern!r} -> {replacement!r} changes none of the {len(state)} keys")
        names = changed
    return _renamed(state, names)


def strip_prefix(state: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """Take `prefix` off every key, as "module." after DataParallel; a state without it comes back as it is.

    Raises:
        ValueError: Only some of the keys have the prefix.
    """
    without = [key for key in state if not key.startswith(prefix)]
    if without and len(without) < len(state):
        raise ValueError(f"{len(without)} of {len(state)} keys do not start with {prefix!r}, such as {without[0]!r}")
    return _renamed(state, {key: key.removeprefix(prefix) for key in state})


def _renamed(state: Mapping[str, torch.Tensor], names: Mapping[str, str]) -> dict[str, torch.Tensor]:
    origin: dict[str, str] = {}
    for key, name in names.items():
        if name in origin:
            raise ValueError(f"{origin[name]!r} and {key!r} would both be called {name!r}")
        origin[name] = key
    return {name: state[key] for name, key in origin.items()}
