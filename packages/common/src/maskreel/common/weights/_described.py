"""Networks whose sizes stand in the file with their weights: built only as large as the weights are."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from torch.nn.modules import module as torch_module

from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import torch

__all__ = ["build_described"]

C = TypeVar("C")

_LARGEST = 4096
"""Number of channels, layers, rows or classes of a network."""


def build_described(
    build: Callable[[C], torch.nn.Module], config: C, state: Mapping[str, torch.Tensor], *, source: str
) -> torch.nn.Module:
    """Build the network that a file describes, unless it needs more memory or layers than its weights can fill.

    Args:
        build: Makes a network of the description.
        config: The description, a dataclass.
        state: The weights; what is said of them here is a limit, `load_into` compares exactly.
        source: What the error calls the file.

    Raises:
        InputError: A number is absurd, or such a network cannot be built.
    """
    if too_large := [number for number in _numbers(config) if not abs(number) <= _LARGEST]:
        raise InputError(f"{source} tells of a network with the size {too_large[0]}, at most {_LARGEST} is allowed")
    values = sum(tensor.numel() for tensor in state.values())
    try:
        with _at_most(values=2 * values + 1_000_000, modules=20 * len(state) + 1000):
            return build(config)
    except Exception as error:  # sizes that do not go together, or values of a wrong kind, fail anywhere
        raise InputError(f"{source} does not tell of a network that can be built: {error}") from error


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, (int, float)):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from _numbers(getattr(value, field.name))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _numbers(item)


@contextmanager
def _at_most(*, values: int, modules: int) -> Iterator[None]:
    """Stop this thread when it makes more; layers register their weights before they give them first values."""
    owner, left = threading.get_ident(), {"values": values, "layers": modules}

    def take(what: str, count: int) -> None:
        if threading.get_ident() == owner:
            left[what] -= count
            if left[what] < 0:
                raise ValueError(f"it is larger than its weights, in {what}")

    hooks = [
        torch_module.register_module_parameter_registration_hook(
            lambda _module, _name, parameter: take("values", 0 if parameter is None else parameter.numel())
        ),
        torch_module.register_module_module_registration_hook(lambda _module, _name, _submodule: take("layers", 1)),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
