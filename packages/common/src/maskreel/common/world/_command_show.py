"""`maskreel world show`: a contact sheet of a scene."""

from __future__ import annotations

import logging
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    import torch

    from maskreel.common.world._clip import Scene, WorldClip

logger = logging.getLogger(__name__)


def show(
    scene: tyro.conf.Positional[Literal["table", "actors", "lecture"]],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    seed: int = 0,
    videos: int = 4,
    frames: int = 3,
    difficulty: Literal["easy", "medium", "hard"] | None = None,
) -> int:
    """Make a contact sheet: some frames of several clips, each with its masks beside it.

    Args:
        scene: What to show.
        output: The picture to write: .png, .jpg or .webp.
        seed: The first clip; the others follow with the next numbers.
        videos: How many clips, one below the other.
        frames: How many frames of each.
        difficulty: How fast things move on the table.
    """
    from maskreel.common.show import contact_sheet, save_image
    from maskreel.common.show._save import IMAGE_OPTIONS
    from maskreel.common.world import render

    _check(seed=seed, videos=videos, frames=frames)
    if output.suffix.lower() not in IMAGE_OPTIONS:
        raise InputError(f"{output} must end in one of {', '.join(IMAGE_OPTIONS)}")
    described = _scene(scene, difficulty)
    images: list[torch.Tensor] = []
    titles: list[str] = []
    for number in progress(range(seed, seed + videos), description="render", unit="videos"):
        for frame, picture, drawn in _pictures(render(described, number), frames):
            images += [picture, drawn]
            titles += [f"seed {number}, frame {frame}", "masks"]
    save_image(output, contact_sheet(images, columns=len(images) // videos, titles=titles))
    logger.info("%s", output)
    return 0


def _scene(name: str, difficulty: Literal["easy", "medium", "hard"] | None) -> Scene:
    from maskreel.common.world._actors._scene import ActorsScene
    from maskreel.common.world._lecture._scene import LectureScene
    from maskreel.common.world._table.scene import TableScene

    if name == "table":
        return TableScene.preset(difficulty or "medium")
    if difficulty is not None:
        raise InputError(f"--difficulty is for the table, {name} has none")
    return ActorsScene() if name == "actors" else LectureScene()


def _pictures(made: WorldClip, count: int) -> list[tuple[int, torch.Tensor, torch.Tensor]]:
    """Numbers of frames spread over the clip, these frames and these frames with masks."""
    from maskreel.common.show import overlay

    last = len(made) - 1
    chosen = sorted({round(index * last / max(1, count - 1)) for index in range(count)})
    drawn = overlay(made.clip.frames[chosen], made.visible[chosen])
    return list(zip(chosen, made.clip.frames[chosen], drawn, strict=True))


def _check(*, seed: int, videos: int, frames: int) -> None:
    if seed < 0:
        raise InputError(f"--seed must be 0 or more, got {seed}")
    if videos < 1 or frames < 1:
        raise InputError(f"--videos and --frames must be 1 or more, got {videos} and {frames}")
