"""Where each layer of ours stands in a reference checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maskreel.animate.model_config import ModelConfig

__all__ = ["ANTI_ALIAS", "ENTRIES", "SWAP_ENTRIES", "Place", "doublings", "is_unused", "places"]

ENTRIES = ("generator", "mask_generator")
"""Entries of every checkpoint; `generator` holds L, H and r."""
SWAP_ENTRIES = ("bg_generator", "bg_refiner")
"""Entries that the background swap adds: BGBase and BGRefine."""
ANTI_ALIAS = "down"
"""The layer of `mask_generator` whose weight is a constant Gaussian."""


class Place(NamedTuple):
    """A layer in a reference checkpoint."""

    entry: str
    layer: str


def places(config: ModelConfig) -> dict[str, Place]:
    """The place of each layer, by the name that it has in `AnimationModel`."""
    found = [
        *_hourglass("mask_generator.hourglass", Place("mask_generator", "predictor"), config.depth),
        ("mask_generator.head", Place("mask_generator", "ref")),
        *_hourglass("mask_refiner.hourglass", Place("generator", "mask_fix_net"), config.refiner_depth or config.depth),
        ("mask_refiner.head", Place("generator", "ref")),
        *_low("low_resolution", "generator", config),
        *_high("high_resolution", "generator", config),
        *_low("bg_base", "bg_generator", config),
        *_high("bg_refine", "bg_refiner", config),
    ]
    return dict(found)


def doublings(config: ModelConfig) -> int:
    """Doublings in L and BGBase."""
    return config.factor.bit_length() - 1


def is_unused(layer: str) -> bool:
    """Whether a layer of `generator` or `bg_generator` is one of the halvings that the reference makes, never calls."""
    return layer.startswith("down_blocks.")


def _hourglass(ours: str, theirs: Place, depth: int) -> Iterator[tuple[str, Place]]:
    for level in range(depth):
        for part, name in enumerate(("conv", "norm")):
            down, up = f"encoder.down_blocks.{level}.{name}", f"decoder.up_blocks.{level}.{name}"
            yield f"{ours}.encoder.{level}.0.{part}", Place(theirs.entry, f"{theirs.layer}.{down}")
            yield f"{ours}.decoder.{level}.1.{part}", Place(theirs.entry, f"{theirs.layer}.{up}")


def _low(ours: str, entry: str, config: ModelConfig) -> Iterator[tuple[str, Place]]:
    for part, name in enumerate(("conv", "norm")):
        yield f"{ours}.0.{part}", Place(entry, f"first.{name}")
        for level in range(doublings(config)):
            yield f"{ours}.{1 + config.low_blocks + level}.1.{part}", Place(entry, f"up_blocks.{level}.{name}")
    for block in range(config.low_blocks):
        for part, name in ((0, "norm1"), (2, "conv1"), (3, "norm2"), (5, "conv2")):
            yield f"{ours}.{1 + block}.branch.{part}", Place(entry, f"bottleneck.r{block}.{name}")
    yield f"{ours}.{1 + config.low_blocks + doublings(config)}", Place(entry, "final")


def _high(ours: str, entry: str, config: ModelConfig) -> Iterator[tuple[str, Place]]:
    yield from _hourglass(f"{ours}.hourglass", Place(entry, "hourglass"), config.high_depth or config.depth)
    yield f"{ours}.head", Place(entry, "final_hourglass")
