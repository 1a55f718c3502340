"""What a training is measured on meanwhile: fixed held-out pairs, and the state of the masks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from maskreel.common.show import contact_sheet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

__all__ = ["HeldOutPairs"]

logger = logging.getLogger(__name__)

_AREA = (0.02, 0.8)
_LEAST_MOTION = 1e-3
_MOST_ENTROPY = 0.9
_SHOWN = 6


class HeldOutPairs:
    """Measures an `AnimationModel` on the same pairs each time.

    Args:
        batches: as `AnimationTask` takes them, without jitter: `driving` is `target`.
        warns: of collapsed masks; of several processes that train as one, the first.
    """

    def __init__(self, batches: Sequence[Mapping[str, Tensor]], *, warns: bool = True) -> None:
        if not batches:
            raise ValueError("batches must be one or more, got none")
        self._batches, self._warns = batches, warns

    def measure(self, module: Any) -> dict[str, float]:
        """Means over all pairs.

        `l1` of H's pictures from m's masks and `l1_refined` from masks that went through P_test and r, `l1_copy` of the
        source as it is; `l1_swap` of the background swap onto the source's own background. Of the masks: `area` (share
        of the picture), `entropy` (bits, 1 if nothing is decided), `motion` (mean difference between the masks of a
        pair); with true masks `iou` of m and `iou_refined` of r for the driving frame; with twins `iou_crossed` and
        `l1_crossed`, as the refined ones, from a twin's masks.
        """
        device = module.device
        rows = [self._row(module, {name: part.to(device) for name, part in batch.items()}) for batch in self._batches]
        counts = [len(batch["source"]) for batch in self._batches]
        found = {
            name: sum(count * row[name].item() for count, row in zip(counts, rows, strict=True)) / sum(counts)
            for name in rows[0]
        }
        if self._warns:
            _warn_of_collapse(found)
        return found

    def sheet(self, module: Any) -> Tensor:
        """A row for each pair: source, driving frame, its mask, the refined mask, L, H, the swap."""
        device = module.device
        batch = {name: part[:_SHOWN].to(device) for name, part in self._batches[0].items()}
        source, masks, refined, (low, high), (_, swapped) = _made(module, batch)
        columns = [source.image, batch["driving"], module.enlarge(masks), module.enlarge(refined), low, high, swapped]
        pictures = [
            (column[number].expand(3, -1, -1) * 255).round().byte().cpu()
            for number in range(len(masks))
            for column in columns
        ]
        return contact_sheet(pictures, columns=len(columns))

    @staticmethod
    def _row(module: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        source, masks, refined, (_, high), (_, swapped) = _made(module, batch)
        target = batch["target"]
        sure = masks.clamp(1e-6, 1 - 1e-6)
        row = {
            "l1": (high - target).abs().mean(),
            "l1_refined": (module.pictures(source, refined)[1] - target).abs().mean(),
            "l1_copy": (source.image - target).abs().mean(),
            "l1_swap": (swapped - target).abs().mean(),
            "area": masks.mean(),
            "entropy": -(sure * sure.log2() + (1 - sure) * (1 - sure).log2()).mean(),
            "motion": (source.mask - masks).abs().mean(),
        }
        if "driving_mask" in batch:
            row |= {"iou": _iou(masks, batch["driving_mask"]), "iou_refined": _iou(refined, batch["driving_mask"])}
        if "twin" in batch:
            crossed = module.refined(source, module.masks(batch["twin"]))
            row["l1_crossed"] = (module.pictures(source, crossed)[1] - target).abs().mean()
            row["iou_crossed"] = _iou(crossed, batch["driving_mask"])
        return row


def _made(module: Any, batch: Mapping[str, Tensor]) -> tuple[Any, Tensor, Tensor, Any, Any]:
    source = module.source(batch["source"])
    masks = module.masks(batch["driving"])
    refined = module.refined(source, masks)
    pictures = module.pictures(source, masks)
    swapped = module.swapped(batch["target"], masks, source.image, source.mask)
    return source, masks, refined, pictures, swapped


def _iou(found: Tensor, true: Tensor) -> Tensor:
    found, true = found > 0.5, true > 0.5
    return ((found & true).sum((1, 2, 3)) / (found | true).sum((1, 2, 3)).clamp(min=1)).mean()


def _warn_of_collapse(found: Mapping[str, float]) -> None:
    low, high = _AREA
    fault = None
    if not low <= found["area"] <= high:
        fault = f"the masks hold {100 * found['area']:.1f} % of the picture"
    elif not found["motion"] >= _LEAST_MOTION:
        fault = "the masks of two frames of a clip do not differ"
    elif not found["entropy"] <= _MOST_ENTROPY:
        fault = "the masks decide nothing"
    if fault is not None:
        logger.warning(
            "%s: they have collapsed, or the subjects are not in one place; "
            "start again with another --seed, or with masks (--truth-weight)",
            fault,
        )
