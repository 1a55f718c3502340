"""Verifiers: networks other than the teacher that say what they find in frames, without being told where to look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import torch

from maskreel.common.maskrcnn import Detections

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from torch import nn

    from maskreel.common.maskrcnn import MaskRCNN

__all__ = [
    "CallableVerifier",
    "Found",
    "MaskRCNNVerifier",
    "SemanticVerifier",
    "Verifier",
    "load_unet_verifier",
]

_MIN_REGION = 12
"""Pixels that a region of a class map needs to count as something found."""


@dataclass(frozen=True)
class Found:
    """What a verifier found in one frame."""

    masks: torch.Tensor
    """bool (N, H, W)."""
    names: tuple[str, ...]
    """Class of each mask."""
    scores: torch.Tensor
    """float (N,), in [0, 1]; average precision ranks by them."""

    def __post_init__(self) -> None:
        if self.masks.dtype != torch.bool or self.masks.ndim != 3:
            raise ValueError(f"masks must be bool (N, H, W), got {self.masks.dtype} {tuple(self.masks.shape)}")
        if not len(self.masks) == len(self.names) == len(self.scores):
            raise ValueError(
                f"masks, names and scores must be equally many, "
                f"got {len(self.masks)}, {len(self.names)} and {len(self.scores)}"
            )

    def above(self, score: float) -> Found:
        """Those with this score or more."""
        kept = [place for place, value in enumerate(self.scores.tolist()) if value >= score]
        return Found(self.masks[kept], tuple(self.names[place] for place in kept), self.scores[kept])


@runtime_checkable
class Verifier(Protocol):
    """Finds objects in frames by itself: no boxes, masks or classes are given to it."""

    @property
    def name(self) -> str:
        """What the report calls it."""
        ...

    @property
    def network(self) -> nn.Module | None:
        """What it runs, to compare its weights with the teacher's; None where there is no such thing."""
        ...

    @property
    def min_score(self) -> float:
        """Score from which on it says itself that something is there."""
        ...

    @property
    def is_teacher(self) -> bool:
        """Whether it admits to be the teacher; then the report calls its word a self score."""
        ...

    def __call__(self, frames: torch.Tensor) -> list[Found]:
        """uint8 (T, 3, H, W) -> what is in each frame."""
        ...


@dataclass(frozen=True)
class MaskRCNNVerifier:
    """A Mask R-CNN with its whole pipeline: proposals, classes, non-maximum suppression, masks."""

    network: MaskRCNN
    name: str
    min_score: float = 0.5
    is_teacher: bool = False
    batch: int = 8
    """Frames at a time."""

    def __call__(self, frames: torch.Tensor) -> list[Found]:
        return [self._found(one) for part in frames.split(self.batch) for one in self.network.detect(_unit(part, self))]

    def _found(self, one: Detections) -> Found:
        names = tuple(self.network.class_names[label] for label in one.labels.tolist())
        return Found(one.masks.cpu(), names, one.scores.cpu())


@dataclass(frozen=True)
class SemanticVerifier:
    """A network that names the class of every pixel: its regions, scored by their mean probability.

    `regions`: "class" takes all pixels of a class as one object, right where a class occurs once in a frame;
    "connected" takes each connected region (8 neighbours).
    """

    network: nn.Module
    """float (B, 3, H, W) in [0, 1] -> logits (B, C, H, W)."""
    class_names: Sequence[str]
    """Background first."""
    name: str
    regions: Literal["class", "connected"] = "class"
    min_score: float = 0.0
    is_teacher: bool = False
    batch: int = 4
    """Frames at a time."""

    @torch.no_grad()
    def __call__(self, frames: torch.Tensor) -> list[Found]:
        found = []
        for part in frames.split(self.batch):
            logits = self.network(_unit(part, self))
            if logits.shape[1] != len(self.class_names) or logits.shape[-2:] != part.shape[-2:]:
                expected = (len(part), len(self.class_names), *part.shape[-2:])
                raise ValueError(f"the network must give logits of shape {expected}, got {tuple(logits.shape)}")
            found += [self._found(*one.softmax(0).max(0)) for one in logits.float().cpu()]
        return found

    def _found(self, probability: torch.Tensor, labels: torch.Tensor) -> Found:
        masks, names, scores = [], [], []
        for label in labels.unique().tolist():
            for mask in self._split(labels == label) if label else ():
                masks.append(mask)
                names.append(self.class_names[label])
                scores.append(probability[mask].mean())
        empty = labels.new_zeros(0, *labels.shape, dtype=torch.bool)
        return Found(
            torch.stack(masks) if masks else empty, tuple(names), torch.stack(scores) if scores else probability[:0, 0]
        )

    def _split(self, mask: torch.Tensor) -> list[torch.Tensor]:
        parts = [mask] if self.regions == "class" else _connected(mask)
        return [part for part in parts if int(part.sum()) >= _MIN_REGION]


@dataclass(frozen=True)
class CallableVerifier:
    """Any function from frames uint8 (T, 3, H, W) to one `Found` per frame, or to `Detections` with `class_names`."""

    function: Callable[[torch.Tensor], Sequence[Found | Detections]]
    name: str
    class_names: Sequence[str] = ()
    """Names of the labels in `Detections`, background first."""
    network: nn.Module | None = None
    min_score: float = 0.5
    is_teacher: bool = False

    def __call__(self, frames: torch.Tensor) -> list[Found]:
        found = [self._named(one) for one in self.function(frames)]
        if len(found) != len(frames):
            raise ValueError(f"{self.name} must answer for each of {len(frames)} frames, got {len(found)} answers")
        return found

    def _named(self, one: Found | Detections) -> Found:
        if not isinstance(one, Detections):
            return one
        names = tuple(str(self.class_names[label]) for label in one.labels.tolist())
        return Found(one.masks.cpu(), names, one.scores.cpu())


def load_unet_verifier(path: str | os.PathLike[str], class_names: Sequence[str] | None = None) -> SemanticVerifier:
    """A saved `maskreel.common.unet.UNet`, such as the one that tests use.

    Args:
        path: What `save_unet` wrote.
        class_names: The classes it was trained with, background first; None: those of the table scene.

    Raises:
        InputError: The file is missing, broken or of other classes.
    """
    from maskreel.common.maskrcnn import SHAPES_CLASS_NAMES
    from maskreel.common.unet import load_unet

    names = SHAPES_CLASS_NAMES if class_names is None else tuple(class_names)
    return SemanticVerifier(load_unet(path, class_names=names), names, f"U-Net {Path(path).name}")


def _connected(mask: torch.Tensor) -> list[torch.Tensor]:
    import cv2
    import numpy as np

    count, regions = cv2.connectedComponents(mask.numpy().astype(np.uint8), connectivity=8)
    return [torch.from_numpy(np.asarray(regions) == number) for number in range(1, count)]


def _unit(frames: torch.Tensor, verifier: Any) -> torch.Tensor:
    if frames.dtype != torch.uint8 or frames.ndim != 4 or frames.shape[1] != 3:
        raise ValueError(f"frames must be uint8 (T, 3, H, W), got {frames.dtype} {tuple(frames.shape)}")
    some = next(iter(verifier.network.parameters()), None)
    return frames.to("cpu" if some is None else some.device).float() / 255
