"""Frames as a video, an animation or pictures."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common import video
from maskreel.common.errors import InputError
from maskreel.inversion.exports import ExportSequence, export_gif, export_png, export_video, from_targets
from maskreel.inversion.targets import FrameTarget

if TYPE_CHECKING:
    from pathlib import Path

GREYS = (20, 90, 160, 230)


def sequence() -> ExportSequence:
    frames = [torch.full((3, 32, 48), grey, dtype=torch.uint8) for grey in GREYS]
    mask = torch.zeros(1, 32, 48, dtype=torch.bool)
    mask[:, 8:24, 8:24] = True
    return from_targets("clip", frames, [FrameTarget(mask, torch.tensor([1]))] * 4, fps=Fraction(10))


def test_video_has_the_frames(tmp_path: Path) -> None:
    steps: list[int] = []
    export_video(tmp_path / "clip.mp4", sequence(), progress=steps.append)
    clip = video.read(tmp_path / "clip.mp4")
    assert (len(clip), clip.size, clip.fps) == (4, (32, 48), Fraction(10))
    assert clip.frames.float().mean(dim=(1, 2, 3)).tolist() == pytest.approx(GREYS, abs=3)
    assert steps == [1] * 4


def test_masks_stand_to_the_left(tmp_path: Path) -> None:
    export_png(tmp_path / "pictures", sequence(), masks=True)
    picture = np.array(Image.open(tmp_path / "pictures" / "00002.png"))
    assert picture.shape == (32, 96, 3)
    assert (picture[:, 48:] == 160).all()
    assert (picture[8:24, 8:24] == (128, 0, 0)).all()  # DAVIS's colour of object 1
    assert (picture[:8, :48] == 0).all()


def test_pictures_are_exact(tmp_path: Path) -> None:
    export_png(tmp_path / "pictures", sequence())
    assert [int(np.array(Image.open(tmp_path / "pictures" / f"{i:05d}.png"))[0, 0, 0]) for i in range(4)] == [*GREYS]


def test_gif(tmp_path: Path) -> None:
    export_gif(tmp_path / "clip.gif", sequence(), max_width=24)
    with Image.open(tmp_path / "clip.gif") as image:
        assert (image.size, getattr(image, "n_frames", 1), image.info["duration"]) == ((24, 16), 4, 100)


def test_names_that_are_no_video(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"clip\.png must end in \.gif or \.webp"):
        export_gif(tmp_path / "clip.png", sequence())
    with pytest.raises(InputError, match=r"clip\.xyz does not end in a video format"):
        export_video(tmp_path / "clip.xyz", sequence())


@pytest.mark.parametrize("export", [export_video, export_gif])
def test_no_frames(tmp_path: Path, export) -> None:
    suffix = "mp4" if export is export_video else "gif"
    with pytest.raises(ValueError, match="nothing must have at least one frame"):
        export(tmp_path / f"clip.{suffix}", ExportSequence("nothing", Fraction(10), {}, []))
    assert not list(tmp_path.iterdir())


def test_a_fault_leaves_no_file(tmp_path: Path) -> None:
    broken = from_targets(
        "clip", sequence_frames(), [FrameTarget(torch.ones(1, 32, 48).bool(), torch.tensor([1]))] * 2, fps=Fraction(10)
    )
    with pytest.raises(ValueError, match="size"):
        export_video(tmp_path / "clip.mp4", broken)
    assert not list(tmp_path.iterdir())


def sequence_frames() -> list[torch.Tensor]:
    return [torch.zeros(3, 32, 48, dtype=torch.uint8), torch.zeros(3, 32, 50, dtype=torch.uint8)]
