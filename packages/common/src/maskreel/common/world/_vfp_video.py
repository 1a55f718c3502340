"""One rendered video on disk, in the layout of vfp."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from maskreel.common.atomic import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    from maskreel.common.world._label_noise import LabelNoise

_FRAMES = 22
_SEEN_FRAMES = 11


class LabelledScene(Protocol):
    """A scene that is a dataclass, can be pickled and gives 22 frames with class ids, as `TableScene` does."""

    def frames_and_labels(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """uint8 (22, H, W, 3) RGB and uint8 (22, H, W) class ids."""
        ...

    def labels(self, seed: int) -> np.ndarray:
        """The class ids alone."""
        ...


def video_seed(seed: int, number: int) -> int:
    """The seed, below 2**63, from which video `number` of the data set `seed` is rendered."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1, np.uint64)[0] >> np.uint64(1))


@dataclass(frozen=True)
class VfpVideos:
    """Renders videos of a data set, each known by its split and number; what it writes appears when it is whole."""

    scene: LabelledScene
    root: Path
    seed: int
    padded: bool
    label_noise: LabelNoise | None
    hidden_truth: bool

    def is_done(self, video: tuple[str, int]) -> bool:
        """Whether nothing of the video is missing."""
        return self._folder(video).is_dir() and not (self._wants_truth(video) and not self._truth(video).is_file())

    def render(self, video: tuple[str, int]) -> None:
        """Write what is missing."""
        split, number = video
        seed, folder = video_seed(self.seed, number), self._folder(video)
        if folder.is_dir():
            _save_array(self._truth(video), self.scene.labels(seed))
            return
        frames, labels = self.scene.frames_and_labels(seed)
        if len(frames) != _FRAMES or len(labels) != _FRAMES:
            raise ValueError(f"scene must give {_FRAMES} frames and label maps, got {len(frames)} and {len(labels)}")
        if self._wants_truth(video):
            _save_array(self._truth(video), labels)
        if self.label_noise is not None:
            labels = self.label_noise.apply(labels, seed)
        self._write(
            folder,
            frames[: _SEEN_FRAMES if split == "hidden" else _FRAMES],
            labels if split in ("train", "val") else None,
        )

    def remove_scratch(self) -> None:
        """Delete what a killed run was writing."""
        for folder in self.root.glob("*/.video_*.part"):
            shutil.rmtree(folder)
        for file in self.root.glob("hidden_truth/.video_*.part.npy"):
            file.unlink()

    def _write(self, folder: Path, frames: np.ndarray, labels: np.ndarray | None) -> None:
        scratch = folder.with_name(f".{folder.name}.part")
        scratch.mkdir(parents=True)
        for index, frame in enumerate(frames):
            (scratch / f"image_{index}.png").write_bytes(_png(frame))
        if labels is not None:
            _save_array(scratch / "mask.npy", labels)
        scratch.rename(folder)

    def _folder(self, video: tuple[str, int]) -> Path:
        return self.root / video[0] / self._name(video[1])

    def _truth(self, video: tuple[str, int]) -> Path:
        return self.root / "hidden_truth" / f"{self._name(video[1])}.npy"

    def _wants_truth(self, video: tuple[str, int]) -> bool:
        return self.hidden_truth and video[0] == "hidden"

    def _name(self, number: int) -> str:
        return f"video_{number:05d}" if self.padded else f"video_{number}"


def _save_array(file: Path, array: np.ndarray) -> None:
    with atomic_path(file) as scratch:
        np.save(scratch, array)


def _png(frame: np.ndarray) -> bytes:
    import cv2  # twice as quick as Pillow at this size of file

    done, data = cv2.imencode(".png", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    assert done, "an 8-bit picture of three channels can always be encoded"
    return data.tobytes()
