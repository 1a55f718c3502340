"""Evaluation on rendered people, where the exact result of everything is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.animate.evaluation._difference import difference_masks
from maskreel.animate.evaluation._judges import Judges
from maskreel.animate.evaluation._methods import animate, found_masks, swap, to_unit
from maskreel.animate.evaluation._scores import AnimationScore
from maskreel.animate.evaluation._table import ANIMATION, RECONSTRUCTION, Row
from maskreel.animate.metrics import MaskScore, PictureScore, SwapScore
from maskreel.animate.model import SWAP_THRESHOLD

if TYPE_CHECKING:
    from torch import Tensor

    from maskreel.animate.evaluation._methods import Animation
    from maskreel.animate.evaluation._world_case import WorldCase
    from maskreel.animate.model import AnimationModel

__all__ = ["ANIMATION", "OTHER", "RECONSTRUCTION", "SAME", "CaseResult", "evaluate_case"]

SAME, OTHER = "swap, third picture with a subject", "swap, third picture without a subject"
EXACT = "exact result"
"""The truth itself, scored like a method: what the metrics make of a perfect result."""

Pictures = dict[str, "Tensor"]


class CaseResult:
    """Scores of all methods on one case, and what they made."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.pictures: dict[str, Pictures] = {}
        """By task, then by method: uint8 (N, 3, S, S)."""


def evaluate_case(model: AnimationModel, case: WorldCase, number: int, *, judges: Judges | None = None) -> CaseResult:
    """Reconstruct the source's own video, animate the source by the driving one, and change its background twice.

    Args:
        model: in evaluation mode; pictures of the case have its size.
        case: with its truth.
        number: stands in the rows as `video`.
        judges: networks that look at reconstruction and animation, too.
    """
    result, scorer = CaseResult(), _Scorer(model, case, judges or Judges())
    own = animate(model, case.source, case.own)
    _add(result, number, RECONSTRUCTION, scorer.animated(RECONSTRUCTION, own, case.own, case.own_masks, case.own_masks))
    crossed = animate(model, case.source, case.driving)
    found = scorer.animated(ANIMATION, crossed, case.target, case.target_masks, case.driving_masks)
    _add(result, number, ANIMATION, found)
    with torch.inference_mode():
        hole = model.masks(to_unit(case.third, model))
    for task, third, soft in ((SAME, case.third, hole), (OTHER, case.third_plate, None)):
        _add(result, number, task, scorer.swapped(crossed, third, soft))
    return result


def _add(result: CaseResult, number: int, task: str, made: dict[str, tuple[Tensor, dict[str, float]]]) -> None:
    result.pictures[task] = {method: pictures for method, (pictures, _) in made.items()}
    result.rows += [Row(str(number), task, method, scores) for method, (_, scores) in made.items()]


class _Scorer:
    def __init__(self, model: AnimationModel, case: WorldCase, judges: Judges) -> None:
        self._model, self._case, self._judges = model, case, judges

    def animated(
        self, task: str, animation: Animation, target: Tensor, subject: Tensor, driver: Tensor
    ) -> dict[str, tuple[Tensor, dict[str, float]]]:
        results = {EXACT: target, **animation.results()}
        for method, made in results.items():
            self._judges.see(task, method, made, target)
        return {method: (made, self._animated(made, target, subject, driver)) for method, made in results.items()}

    def _animated(self, made: Tensor, target: Tensor, subject: Tensor, driver: Tensor) -> dict[str, float]:
        case = self._case
        score = AnimationScore(case.source, case.source_mask, self._judges.scores())
        score.update(made, found_masks(self._model, made), subject, driver, truth=target)
        seen = difference_masks(made, case.plate, target, subject)
        return score.compute() | _by_difference(seen, subject, driver)

    def swapped(
        self, animation: Animation, third: Tensor, hole: Tensor | None
    ) -> dict[str, tuple[Tensor, dict[str, float]]]:
        results = {EXACT: self._case.swapped, **swap(self._model, animation, third, hole)}
        before = {EXACT: self._case.target, "paste": animation.driving}
        told = {EXACT: self._case.target_masks, "paste": animation.driver}
        region = animation.region()
        return {
            method: (
                made,
                self._swapped(made, before.get(method, results["no swap"]), third, hole, told.get(method, region)),
            )
            for method, made in results.items()
        }

    def _swapped(
        self, made: Tensor, animated: Tensor, third: Tensor, hole: Tensor | None, own: Tensor
    ) -> dict[str, float]:
        case, pictures, masks = self._case, PictureScore(), MaskScore()
        pictures.update(made, case.swapped, case.target_masks)
        masks.update(found_masks(self._model, made), case.target_masks)
        backdrop = third.expand_as(made)
        holes = case.third_mask.expand(len(made), -1, -1) if hole is not None else None
        plate = case.third_plate.expand_as(made) if hole is not None else None
        true, told = SwapScore(), SwapScore()
        true.update(made, animated, backdrop, case.target_masks, holes=holes, plate=plate)
        told.update(made, animated, backdrop, own, holes=self._holes(hole, len(made)))
        beside = {f"{name}_own": value for name, value in told.compute().items() if name in ("leak", "bleed")}
        seen = difference_masks(made, case.third_plate, case.swapped, case.target_masks)
        differing = _by_difference(seen, case.target_masks, case.driving_masks)
        return pictures.compute() | masks.compute() | differing | true.compute() | beside

    def _holes(self, hole: Tensor | None, count: int) -> Tensor | None:
        """What the methods take for the third picture's subject."""
        if hole is None:
            return None
        with torch.inference_mode():
            return (self._model.enlarge(hole)[:, 0] > SWAP_THRESHOLD).cpu().expand(count, -1, -1)


def _by_difference(seen: Tensor, subject: Tensor, driver: Tensor) -> dict[str, float]:
    scores = MaskScore(), MaskScore()
    for score, truth in zip(scores, (subject, driver), strict=True):
        score.update(seen, truth)
    return {"iou_difference": scores[0].compute()["iou"], "iou_difference_driver": scores[1].compute()["iou"]}
