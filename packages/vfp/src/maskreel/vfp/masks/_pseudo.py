"""Label maps of clips that nobody has labelled, from a segmenter that is checked against itself."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.array_file import open_npy
from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from maskreel.common.datasets import VfpSequence
    from maskreel.vfp.segmentation import Segmenter

__all__ = ["PseudoLabels", "pseudo_label", "pseudo_labels_of"]

logger = logging.getLogger(__name__)

LEAST_FRAMES = 3
"""Frames in which an object must be found; the others are taken for errors."""


@dataclass(frozen=True)
class PseudoLabels:
    """What a segmenter says about a clip, and how far it can be trusted."""

    labels: torch.Tensor
    """uint8 (T, H, W)"""
    confidence: torch.Tensor
    """float32 (T,): in how much of the objects' pixels the segmenter says the same of the mirrored frame."""


def pseudo_labels_of(frames: torch.Tensor, segmenter: Segmenter) -> PseudoLabels:
    """Segment a clip, uint8 (T, 3, H, W), twice, the second time mirrored, and compare.

    Objects that are found in fewer than three frames are removed.
    """
    labels, mirrored = segmenter(frames), segmenter(frames.flip(-1)).flip(-1)
    found = (labels > 0) | (mirrored > 0)
    same = (labels == mirrored) & found
    confidence = same.sum((1, 2)) / found.sum((1, 2)).clamp(min=1)
    confidence[~found.flatten(1).any(1)] = 1.0
    return PseudoLabels(_steady(labels), confidence.float())


def pseudo_label(
    videos: Iterable[VfpSequence],
    segmenter: Segmenter,
    output: str | os.PathLike[str],
    *,
    least: float = 0.9,
    progress: Callable[[int], object] | None = None,
) -> list[Path]:
    """Label videos, each once; what is there from an earlier call is taken as it is.

    Args:
        videos: For example `VfpFolder(root, "unlabeled")`.
        segmenter: Labels the frames.
        output: Gets one folder per video, of the same name, with mask.npy, uint8 (T, H, W), and confidence.npy,
            float32 (T,).
        least: Videos whose lowest confidence of a frame is below it are not trusted.
        progress: Called with 1 after every video.

    Returns:
        The mask.npy of the videos that can be trusted, in order.

    Raises:
        InputError: A video cannot be read.
    """
    if not 0 <= least <= 1:
        raise ValueError(f"least must be 0 to 1, got {least}")
    trusted, count = [], 0
    for video in videos:
        folder = Path(output) / video.name
        if not (folder / "mask.npy").is_file():
            found = pseudo_labels_of(video.frames(), segmenter)
            folder.mkdir(parents=True, exist_ok=True)
            for name, array in (("confidence", found.confidence), ("mask", found.labels)):
                with atomic_path(folder / f"{name}.npy") as scratch:
                    np.save(scratch, array.numpy())
        if float(_confidence(folder).min()) >= least:
            trusted.append(folder / "mask.npy")
        count += 1
        if progress is not None:
            progress(1)
    logger.info("%d of %d videos were labelled alike in all frames and can be trusted", len(trusted), count)
    return trusted


def _confidence(folder: Path) -> np.ndarray:
    try:
        return np.array(open_npy(folder / "confidence.npy"))
    except InputError as error:
        raise InputError(
            f"{folder / 'confidence.npy'} is not readable: {error}; delete {folder} to label it again"
        ) from error


def _steady(labels: torch.Tensor) -> torch.Tensor:
    """Without the objects that are there in too few frames."""
    ids = labels.unique()
    present = torch.stack([(labels == number).flatten(1).any(1) for number in ids]).sum(1)
    fleeting = ids[(present < min(LEAST_FRAMES, len(labels))) & (ids != 0)]
    return torch.where(torch.isin(labels, fleeting), 0, labels)
