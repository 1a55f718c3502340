"""What an inpainting job returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import torch

    from maskreel.inpaint.running.figures import Figures

__all__ = ["InpaintResult", "Summary", "summarise"]

_WORTH_CHECKING = 5


@dataclass(frozen=True)
class Summary:
    """The job in a few figures."""

    frames: int
    modes: tuple[str, ...]
    """The mode of every shot."""
    completions: tuple[str | None, ...]
    """How flow behind holes was found in every shot; None where no flow was used, or somebody gave a completer."""
    covered: float
    """Fraction of all pixels that was replaced."""
    never_seen: float
    """Fraction of the replaced pixels that no frame shows, so that they had to be painted."""
    confidence: float
    """Mean confidence over the replaced pixels, 0 to 1; 1 where nothing was replaced."""
    flicker: float
    """Mean absolute change between frames inside the replaced regions, in grey levels."""
    worth_checking: tuple[int, ...]
    """Up to five frames, apart from each other, in which the result is least certain."""

    @property
    def ways(self) -> tuple[str, ...]:
        """How shots were filled, each way once, in the words that ask for it on the command line."""
        told = zip(self.modes, self.completions, strict=True)
        return tuple(dict.fromkeys(f"--mode {mode}" + (f" --completion {how}" if how else "") for mode, how in told))

    @property
    def removed_something(self) -> bool:
        """Whether any pixel was replaced."""
        return self.covered > 0


@dataclass(frozen=True)
class InpaintResult:
    """Where everything is."""

    output: Path
    """The finished video."""
    report: Path
    """An HTML page with figures and pictures."""
    record: Path
    """A JSON file with the settings and the figures."""
    job: Path
    """The job folder."""
    summary: Summary
    figures: Figures
    """The figures of every frame."""
    masks: Callable[[], Iterator[torch.Tensor]]
    """Iterates over the replaced pixels, chunk by chunk: bool (T, H, W)."""


def summarise(figures: Figures, modes: tuple[str, ...], completions: tuple[str | None, ...] = ()) -> Summary:
    """Reduce the figures of every frame to those of the video.

    Args:
        figures: of all frames.
        modes: of every shot.
        completions: of every shot; none given: no flow was used.
    """
    covered = figures.covered.astype(np.float64)
    total = covered.sum()
    doubt = float((covered * (1 - figures.confidence)).sum() / total) if total else 0.0
    return Summary(
        frames=len(covered),
        modes=modes,
        completions=completions or (None,) * len(modes),
        covered=float(covered.mean()),
        never_seen=float(figures.never_seen.sum() / total) if total else 0.0,
        confidence=1 - doubt,
        flicker=float((covered * figures.flicker).sum() / total) if total else 0.0,
        worth_checking=_most_doubtful(figures),
    )


def _most_doubtful(figures: Figures) -> tuple[int, ...]:
    """The frames with the largest doubtful area, none within a tenth of the video of another."""
    doubt = figures.covered * (1 - figures.confidence)
    apart = max(1, len(doubt) // 10)
    chosen: list[int] = []
    for index in np.argsort(-doubt, kind="stable"):
        if doubt[index] <= 0 or len(chosen) == _WORTH_CHECKING:
            break
        if all(abs(index - other) >= apart for other in chosen):
            chosen.append(int(index))
    return tuple(sorted(chosen))
