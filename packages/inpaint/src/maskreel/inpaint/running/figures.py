"""What the report tells of every frame, collected while the frames are filled."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import cv2
import numpy as np

from maskreel.common.array_file import read_npz, write_npz

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Figures", "FiguresRecorder"]

_MAP_HEIGHT = 180


@dataclass(frozen=True)
class Figures:
    """Figures per frame, as float32 (T,), and maps, as float32 (h, w), over consecutive frames."""

    covered: np.ndarray
    """Fraction of the frame that was replaced."""
    never_seen: np.ndarray
    """Fraction of the frame that was replaced and is never seen, so had to be painted."""
    confidence: np.ndarray
    """Mean confidence over the replaced pixels; 1 where nothing was replaced."""
    flicker: np.ndarray
    """Mean absolute change from the frame before, in grey levels, over pixels replaced in both."""
    covered_map: np.ndarray
    """In how many frames each pixel was replaced."""
    doubt_map: np.ndarray
    """Sum over those frames of 1 - confidence."""

    def save(self, path: Path) -> None:
        """Write to an .npz file, atomically."""
        write_npz(path, vars(self))

    @classmethod
    def load(cls, path: Path) -> Figures:
        """Read what `save` wrote."""
        file = read_npz(path)
        return cls(**{field.name: file[field.name] for field in fields(cls)})

    @classmethod
    def joined(cls, parts: Iterable[Figures]) -> Figures:
        """The figures of consecutive parts, at least one, as one; the maps of one part are held at a time."""
        series: list[list[np.ndarray]] = []
        maps: list[np.ndarray] = []
        for part in parts:
            series.append([getattr(part, name) for name in _SERIES])
            found = [getattr(part, name) for name in _MAPS]
            maps = [total + new for total, new in zip(maps, found, strict=True)] if maps else found
        return cls(*map(np.concatenate, zip(*series, strict=True)), *maps)


_SERIES = ("covered", "never_seen", "confidence", "flicker")
_MAPS = ("covered_map", "doubt_map")


class FiguresRecorder:
    """Collects figures frame by frame."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, float, float, float]] = []
        self._maps: list[np.ndarray] = []
        self._before: tuple[np.ndarray, np.ndarray] | None = None

    def add(self, output: np.ndarray, mask: np.ndarray, confidence: np.ndarray) -> None:
        """Take in one frame: uint8 (H, W, 3), bool (H, W) replaced pixels, float32 (H, W) confidence."""
        places = np.flatnonzero(mask)
        sure = confidence.reshape(-1)[places]
        mean = float(sure.mean()) if len(places) else 1.0
        never = float(np.count_nonzero(sure == 0)) / mask.size
        self._rows.append((len(places) / mask.size, never, mean, self._flicker(output, mask)))
        self._add_maps(mask, confidence)
        self._before = (output, mask)

    def figures(self) -> Figures:
        """The figures of all frames added."""
        rows = np.array(self._rows, np.float32).reshape(-1, len(_SERIES))
        return Figures(*rows.T, *self._maps)

    def _flicker(self, output: np.ndarray, mask: np.ndarray) -> float:
        if self._before is None:
            return 0.0
        both = np.flatnonzero(mask & self._before[1])
        if not len(both):
            return 0.0
        now, before = (image.reshape(-1, 3)[both].astype(np.int16) for image in (output, self._before[0]))
        return float(np.abs(now - before).mean())

    def _add_maps(self, mask: np.ndarray, confidence: np.ndarray) -> None:
        scale = min(1.0, _MAP_HEIGHT / mask.shape[0])
        size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
        covered = mask.astype(np.float32)
        maps = [cv2.resize(m, size, interpolation=cv2.INTER_AREA) for m in (covered, covered * (1 - confidence))]
        self._maps = [a + b for a, b in zip(self._maps, maps, strict=True)] if self._maps else maps
