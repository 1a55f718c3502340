"""Small choices that several verbs of this room make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["chosen_device", "spread"]

T = TypeVar("T")


def spread(items: Sequence[T], count: int) -> list[T]:
    """At most `count` of them, evenly."""
    count = min(count, len(items))
    return [items[place * len(items) // count] for place in range(count)]


def chosen_device(device: Literal["auto", "cpu", "cuda"]) -> str:
    """cpu or cuda; auto is cuda where there is a device."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device is cuda, but torch finds no CUDA device; leave it out or say cpu")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
