"""Evaluation on videos, whose only truth is their own frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.animate.data import examine, frames_from, masks_from
from maskreel.animate.evaluation._judges import Judges
from maskreel.animate.evaluation._methods import METHODS, animate, found_masks, to_bytes
from maskreel.animate.evaluation._scores import AnimationScore
from maskreel.animate.evaluation._table import RECONSTRUCTION
from maskreel.animate.framing import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from maskreel.animate.data import ClipPath
    from maskreel.animate.evaluation._methods import Animation
    from maskreel.animate.model import AnimationModel

__all__ = ["animate_video", "reconstruct_video"]

_SURE = 0.5


def reconstruct_video(
    model: AnimationModel,
    clip: ClipPath,
    *,
    methods: Sequence[str] = METHODS,
    frames: int | None = None,
    on_frames: Callable[[Tensor, dict[str, Tensor]], object] | None = None,
    judges: Judges | None = None,
) -> dict[str, dict[str, float]]:
    """Animate the first frame of a video by all its frames, and compare with them; in bounded memory.

    Frames are looked at as the networks see them: whole, in a square of the networks' size.

    Args:
        model: in evaluation mode.
        clip: the video; where it has true masks, they say where the subject is, else m's.
        methods: names as in `Animation.results`.
        frames: how many at most.
        on_frames: told of driving frames and results, uint8 (n, 3, S, S) each, as they come.
        judges: networks that look, too.

    Returns:
        Scores by method.

    Raises:
        InputError: the video cannot be read, or has less than two frames.
    """
    run = _Run(model, methods, on_frames, judges=judges)
    for squares, masks in _squares(clip, model.config.size, frames):
        run.add(squares, masks, exact=True)
    return run.compute()


def animate_video(
    model: AnimationModel,
    source: ClipPath,
    driving: ClipPath,
    *,
    methods: Sequence[str] = METHODS,
    frames: int | None = None,
    on_frames: Callable[[Tensor, dict[str, Tensor]], object] | None = None,
) -> dict[str, dict[str, float]]:
    """Animate the first frame of one video by another video. Nobody knows the exact result, so only proxies are given.

    The subject should be where the refined mask is. Arguments, result and errors are those of `reconstruct_video`,
    without `judges`, which need the exact result.
    """
    picture = next(_squares(source, model.config.size, 1))[0]
    run = _Run(model, methods, on_frames, picture)
    for squares, _ in _squares(driving, model.config.size, frames):
        run.add(squares, None, exact=False)
    return run.compute()


class _Run:
    def __init__(
        self,
        model: AnimationModel,
        methods: Sequence[str],
        on_frames: Callable[[Tensor, dict[str, Tensor]], object] | None,
        source: Tensor | None = None,
        *,
        judges: Judges | None = None,
    ) -> None:
        self._judges = judges or Judges()
        self._model, self._methods, self._on_frames, self._source = model, methods, on_frames, source
        self._scores: dict[str, AnimationScore] = {}

    def add(self, squares: Tensor, masks: Tensor | None, *, exact: bool) -> None:
        if self._source is None:
            self._source = squares[:1].clone()
        animation = animate(self._model, self._source, squares)
        results = animation.results(self._methods)
        subject = animation.should_be() if not exact else animation.driver if masks is None else masks
        for method, made in results.items():
            found = found_masks(self._model, made)
            score = self._score(method, animation)
            score.update(made, found, subject, animation.driver, truth=squares if exact else None)
            if exact:
                self._judges.see(RECONSTRUCTION, method, made, squares)
        if self._on_frames is not None:
            self._on_frames(squares, results)

    def compute(self) -> dict[str, dict[str, float]]:
        return {method: score.compute() for method, score in self._scores.items()}

    def _score(self, method: str, animation: Animation) -> AnimationScore:
        if method not in self._scores:
            self._scores[method] = AnimationScore(animation.source, animation.source_mask, self._judges.scores())
        return self._scores[method]


def _squares(clip: ClipPath, pixels: int, limit: int | None) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Frames, uint8 (n, 3, pixels, pixels), and their true masks, bool (n, pixels, pixels), if there are some."""
    size, count = examine(clip)
    start, stop = clip.span(count)
    left = stop - start if limit is None else min(limit, stop - start)
    framing = whole(size)
    masks = None if clip.masks is None else masks_from(clip.masks, start, size, count)
    for frames in frames_from(clip.path, start):
        marks = None if masks is None else next(masks)
        squares = to_bytes(framing.cut(frames[:left], pixels))
        cut = None if marks is None else framing.cut_masks(marks[:left].float() / 255, pixels)[:, 0] > _SURE
        yield squares, cut
        left -= len(squares)
        if left <= 0:
            return
