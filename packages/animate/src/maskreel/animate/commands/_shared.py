"""What several verbs need."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from maskreel.common.cli import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from maskreel.animate.model import AnimationModel

__all__ = ["bar", "opened"]


@contextmanager
def bar(stage: str, total: int) -> Iterator[Callable[[int], object]]:
    """A `Watch` that shows a bar."""
    with progress(description=stage, total=total) as shown:
        yield shown.update


def opened(weights: Path | None, device: Literal["auto", "cpu", "cuda"]) -> AnimationModel:
    """The model to be measured, as `maskreel animate run` runs it."""
    from maskreel.animate.config import AnimateConfig
    from maskreel.animate.ready_model import ready_model

    return ready_model(AnimateConfig(weights=None if weights is None else str(weights), device=device))
