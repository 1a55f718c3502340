"""All numbers of one method on one video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.animate.metrics import IdentityScore, MaskScore, PictureScore, PoseScore, Steadiness, regions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from maskreel.animate.metrics import EmbeddingScore, KeypointScore

__all__ = ["AnimationScore"]


class AnimationScore:
    """Numbers of an animation in chunks, in bounded memory.

    Args:
        source: uint8 (1, 3, S, S).
        source_mask: bool (1, S, S).
        judges: scores of networks that compare with the truth, where that is known.
    """

    def __init__(
        self, source: Tensor, source_mask: Tensor, judges: Sequence[KeypointScore | EmbeddingScore] = ()
    ) -> None:
        self._judges = judges
        self._pictures, self._masks, self._driver = PictureScore(), MaskScore(), MaskScore()
        self._pose, self._identity, self._steadiness = PoseScore(), IdentityScore(source, source_mask), Steadiness()
        self._truth = False

    def update(
        self, result: Tensor, found: Tensor, subject: Tensor, driver: Tensor, *, truth: Tensor | None = None
    ) -> None:
        """Count frames, in the order of time.

        Args:
            result: uint8 (N, 3, S, S).
            found: bool (N, S, S), where m finds the subject in it.
            subject: bool (N, S, S), where the subject should be.
            driver: bool (N, S, S), where the driving subject is.
            truth: uint8 (N, 3, S, S), what the result should be, if that is known.
        """
        if truth is not None:
            self._pictures.update(result, truth, subject)
            self._truth = True
            for judge in self._judges:
                judge.update(result, truth)
        self._masks.update(found, subject)
        self._driver.update(found, driver)
        self._pose.update(found, driver)
        self._identity.update(result, found)
        self._steadiness.update(result, regions(subject | found).outside, reference=truth)

    def compute(self) -> dict[str, float]:
        """By name: those of the scores in `maskreel.animate.metrics`.

        `iou` and `f` are of the found masks against where the subject should be, `iou_driver` against the driving
        subject, which is of another build if it is another person.
        """
        exact = [self._pictures, *self._judges] if self._truth else []
        return {
            **{name: value for score in exact for name, value in score.compute().items()},
            **self._masks.compute(),
            "iou_driver": self._driver.compute()["iou"],
            **self._pose.compute(),
            **self._identity.compute(),
            **self._steadiness.compute(),
        }
