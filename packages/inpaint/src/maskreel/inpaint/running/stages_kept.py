"""What comes between masks and result, kept to be looked at: masks, flow, completed flow and confidence of every frame.

Each kind has a folder of its own in the job folder, with one file per frame, named by the frame's number: %08d.png for
pictures and, as in the public DFVI code but with eight digits for its five, %08d.flo for the flow to the next frame and
%08d.rflo for the flow to the frame before. So a killed job keeps them, many workers can write them, and other programs
can read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
import torch

from maskreel.common.flow import flow_to_colour, read_flo, write_flo
from maskreel.common.masks import write_binary_png
from maskreel.common.show import save_image
from maskreel.common.video import Clip, VideoWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from maskreel.common.video import VideoInfo
    from maskreel.inpaint.flow.completer import FlowPair
    from maskreel.inpaint.flow.hole_links import PairRecorder

__all__ = ["SUFFIXES", "KeptStage", "StagesKept", "write_film"]

KeptStage = Literal["masks", "flow", "completed", "confidence"]
SUFFIXES: dict[KeptStage, str] = {"masks": ".png", "flow": ".flo", "completed": ".flo", "confidence": ".png"}
"""Of the files of each kind that its film shows."""

_FASTEST = 0.02  # of the frame's width and per frame, is a fully saturated colour


@dataclass(frozen=True)
class StagesKept:
    """Writes the kept stages of some frames; any process may write any frame."""

    folders: Mapping[KeptStage, Path]
    """Where each kind goes; kinds that are missing are not kept."""

    @property
    def record(self) -> PairRecorder | None:
        """To be told of flow; None if no flow is kept."""
        return self._add_pair if {"flow", "completed"} & self.folders.keys() else None

    def add_masks(self, start: int, masks: torch.Tensor) -> None:
        """Bool (T, H, W), of the frames from index `start` on."""
        if "masks" in self.folders:
            for t, mask in enumerate(masks):
                path = self.folders["masks"] / f"{start + t:08d}.png"
                if not path.exists():
                    write_binary_png(path, mask)

    def add_confidence(self, index: int, confidence: np.ndarray) -> None:
        """Float32 (H, W), 0 (painted) to 1, of one frame."""
        if "confidence" in self.folders:
            grey = torch.from_numpy(np.rint(confidence * 255).clip(0, 255).astype(np.uint8))
            save_image(self.folders["confidence"] / f"{index:08d}.png", grey.expand(3, -1, -1))

    def _add_pair(self, index: int, measured: FlowPair, completed: FlowPair) -> None:
        pairs: dict[KeptStage, FlowPair] = {"flow": measured, "completed": completed}
        for kind, pair in pairs.items():
            if kind in self.folders:
                for name, flow in ((f"{index:08d}.flo", pair.forward), (f"{index + 1:08d}.rflo", pair.backward)):
                    write_flo(self.folders[kind] / name, torch.from_numpy(flow).permute(2, 0, 1))


def write_film(path: Path, folder: Path, frames: range, like: VideoInfo) -> None:
    """Show the files of one kept stage as a video, H.264; white where there is nothing to show.

    Args:
        path: the .mp4 file to write.
        folder: of the stage.
        frames: indices of the frames to show.
        like: the source; gives size and frames per second.
    """
    with VideoWriter(path, fps=like.fps, size=like.size) as writer:
        for clip in _pictures(folder, frames, like):
            writer.write(clip)


def _pictures(folder: Path, frames: range, like: VideoInfo) -> Iterable[Clip]:
    for index in frames:
        picture = _picture(folder / f"{index:08d}", like.size)
        yield Clip(picture[None], like.fps, Fraction(index - frames.start) / like.fps)


def _picture(path: Path, size: tuple[int, int]) -> torch.Tensor:
    """uint8 (3, H, W)."""
    if path.with_suffix(".flo").exists():
        return flow_to_colour(read_flo(path.with_suffix(".flo")), max_norm=_FASTEST * size[1])
    if path.with_suffix(".png").exists():
        image = cv2.imread(str(path.with_suffix(".png")), cv2.IMREAD_GRAYSCALE)
        assert image is not None
        return torch.from_numpy(image).expand(3, -1, -1)
    return torch.full((3, *size), 255, dtype=torch.uint8)
