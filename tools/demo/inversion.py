"""A video from nothing but masks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from demo.films import save_film
from demo.story import Figures, Row, Story
from demo.vfp import FPS, drawn
from maskreel.common.show import save_image
from maskreel.common.video import read
from maskreel.common.world import TableScene

if TYPE_CHECKING:
    from demo.scale import Scale
    from demo.workshop import Workshop

__all__ = ["make"]

ROOT = Path(__file__).resolve().parents[2]
VERIFIER = ROOT / "packages/common/tests/assets/unet.safetensors"
SEED = 900_000_036
"""Of a clip that no network was trained on, chosen because much moves in it."""
CLIP = 22
"""Frames of a rendered clip."""
STEPS = 240
KINDS = {
    "inverted": "made from masks",
    "real frames": "real frames",
    "silhouette": "flat silhouettes of the masks",
    "noise": "noise",
}


def make(place: Workshop, scale: Scale, *, video: Path | None) -> Story:
    """Render a clip, hand over its masks alone, and let another network look at the frames that come out."""
    del video
    frames, steps = scale.inversion_frames, scale.inversion_steps
    with place.step("rendering masks and the frames that belong to them", "clip/mask.npy", "real") as wanted:
        if wanted:
            _render(place.folder, frames)
    options = [] if steps == STEPS else ["--steps", str(steps)]
    options += [] if frames == CLIP else ["--frames", "0", str(frames)]
    words = ["inversion", "report", "video.run", "-o", "report.html", "--verifier", "unet:unet.safetensors"]
    commands = [
        place.run("inversion", "run", "clip", "-o", "video.mp4", *options, makes="video.mp4"),
        place.run(*words, "--real", "real", makes="report.json"),
    ]
    with place.step("films of masks, result and real frames", "masks.mp4", "result.mp4", "real.mp4") as wanted:
        if wanted:
            _films(place.folder, frames)
    figures, summary = _measured(json.loads((place.folder / "report.json").read_text()))
    return Story(
        title="Masks to a video",
        sentence="Masks and the names of their objects go in; pixels change until a Mask R-CNN sees these objects.",
        commands=commands,
        rows=[
            Row(
                {
                    "masks.mp4": "input: masks, and nothing else",
                    "result.mp4": "result: frames made from them",
                    "real.mp4": "for comparison: the frames that the masks are of, which were not looked at",
                }
            )
        ],
        figures=[figures],
        remark="The network that was inverted would call nearly everything right, so it has no say: the judge is a "
        "U-Net, another architecture, which is given nothing but the frames. Colours and background come out of the "
        "inverted network.",
        links={"report.html": "report with all controls", "video.mp4": "the result"},
        seconds=place.seconds,
        summary=summary,
    )


def _render(folder: Path, count: int) -> None:
    frames, labels = TableScene.preset("easy").frames_and_labels(SEED)
    for name in ("clip", "real"):
        (folder / name).mkdir(exist_ok=True)
    for number, frame in enumerate(frames[:count]):
        save_image(folder / f"real/image_{number:02d}.png", torch.from_numpy(frame).permute(2, 0, 1))
    shutil.copyfile(VERIFIER, folder / "unet.safetensors")
    np.save(folder / "clip/mask.npy", labels)


def _films(folder: Path, count: int) -> None:
    labels = torch.from_numpy(np.load(folder / "clip/mask.npy")[:count])
    save_film(folder / "masks.mp4", drawn(labels), FPS)
    save_film(folder / "result.mp4", read(folder / "video.mp4").frames, FPS)
    save_film(folder / "real.mp4", read(folder / "real", fps=FPS).frames, FPS)


def _measured(report: dict[str, Any]) -> tuple[Figures, str]:
    """What the judge says of our frames and of the controls."""
    (scores,) = (table for name, table in report.items() if name.startswith("scores by "))
    known = {row["pictures"]: row for row in scores}
    rows: list[list[str | float | None]] = [
        [words, float(known[kind]["right class"]), float(known[kind]["J"])] for kind, words in KINDS.items()
    ]
    about = (
        f"{known['inverted']['n objects']} objects: the share that the judge gives the right class, and the mean "
        "intersection over union (J) of its mask with the given one; more is better."
    )
    summary = f"a judge finds the right class in {rows[0][1]:.0%} of the objects; in silhouettes {rows[2][1]:.0%}"
    return Figures(["", "right class", "J"], rows, about), summary
