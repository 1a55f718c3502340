"""A still picture brought to life before another place."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from demo.films import enlarged, save_film, white_on_black
from demo.inpaint import EMPTY_PLACE
from demo.story import Figures, Row, Story
from maskreel.animate import AnimateConfig
from maskreel.animate.ready_model import ready_model
from maskreel.common.show import save_image
from maskreel.common.video import read, write
from maskreel.common.world import ActorsScene

if TYPE_CHECKING:
    from pathlib import Path

    from demo.scale import Scale
    from demo.workshop import Workshop

__all__ = ["make"]

FPS = Fraction(16)
SIDE = 256
SOURCE, DANCER, DANCE, PLACE = 46, 51, 185, 245
"""Seeds: who is still, who dances, how (chosen for staying near the place of the still one), and where to."""
METHODS = {
    "refined": "ours",
    "raw": "ours, with the driving mask as it is",
    "paste": "the driving person pasted in",
    "copy": "the source as it is",
}
INPUTS = ("me.png", "dance.mp4", "place.png", "truth.mkv")


def make(place: Workshop, scale: Scale, *, video: Path | None) -> Story:
    """Let one rendered person dance as another does, before two other places, and measure on many."""
    del video
    with place.step("rendering two people and a place", *INPUTS) as wanted:
        if wanted:
            _render(place.folder, scale.dance_frames)
    commands = [
        place.run(
            "animate", "run", "me.png", "dance.mp4", "-b", "place.png", "-o", "elsewhere.mp4", makes="elsewhere.mp4"
        )
    ]
    square = _empty_square(place)
    if square:
        commands.append(
            place.run(
                "animate", "run", "me.png", "dance.mp4", "-b", "square.png", "-o", "square.mp4", makes="square.mp4"
            )
        )
    commands.append(
        place.run("animate", "evaluate", "--world", str(scale.dance_world), "-o", "report", makes="report/report.html")
    )
    rows = _rows(square=square)
    with place.step("films", *(name for row in rows for name in row.files)) as wanted:
        if wanted:
            _films(place.folder, square=square)
    figures, summary = _measured(json.loads((place.folder / "report/scores.json").read_text()), scale.dance_world)
    return Story(
        title="A still brought to life",
        sentence="A still picture and somebody else's dance go in; the person of the picture dances, somewhere else.",
        commands=commands,
        rows=rows,
        figures=[figures],
        remark="A mask tells where somebody is, not where his parts are, and the small network that comes with the "
        "package has seen rendered people only. It shows: faces and patterns are blurred.",
        links={"elsewhere.html": "report of the first run", "report/report.html": "evaluation, with all figures"},
        seconds=place.seconds,
        summary=summary,
    )


def _render(folder: Path, frames: int) -> None:
    scene = ActorsScene(size=(SIDE, SIDE), frames=frames, fps=FPS)
    me = ActorsScene(size=(SIDE, SIDE), frames=1).compose(SOURCE, SOURCE + 100, SOURCE + 200)
    truth = scene.compose(SOURCE, DANCE, PLACE)
    save_image(folder / "me.png", me.clip.frames[0])
    save_image(folder / "place.png", truth.plate[0])
    write(folder / "dance.mp4", scene.compose(DANCER, DANCE, DANCER + 200).clip, crf=10)
    write(folder / "truth.mkv", truth.clip, codec="ffv1")


def _empty_square(place: Workshop) -> bool:
    """Whether there is the place that inpaint has emptied; if so, its middle becomes square.png."""
    empty = place.folder.parent / "inpaint" / EMPTY_PLACE
    if not empty.exists():
        return False
    with Image.open(empty) as picture:
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        picture.convert("RGB").crop((left, top, left + side, top + side)).resize((SIDE, SIDE)).save(
            place.folder / "square.png"
        )
    return True


def _rows(*, square: bool) -> list[Row]:
    inputs = {
        "still.png": "input: a still picture",
        "driving.mp4": "input: somebody else's dance",
        "masks.mp4": "masks of the dancer, as the network finds them",
    }
    results = {
        "result.mp4": "result, before another place",
        "exact.mp4": "for comparison: the exact result, which the world knows",
    }
    results |= {"result_square.mp4": "result, before the real square that was emptied above"} if square else {}
    return [Row(inputs), Row(results)]


def _films(folder: Path, *, square: bool) -> None:
    driving = read(folder / "dance.mp4").frames
    with Image.open(folder / "me.png") as picture:
        me = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)
    save_image(folder / "still.png", enlarged(me))
    save_film(folder / "driving.mp4", driving, FPS)
    save_film(folder / "masks.mp4", white_on_black(_masks(driving)), FPS)
    save_film(folder / "result.mp4", read(folder / "elsewhere.mp4").frames, FPS)
    save_film(folder / "exact.mp4", read(folder / "truth.mkv").frames, FPS)
    if square:
        save_film(folder / "result_square.mp4", read(folder / "square.mp4").frames, FPS)


@torch.inference_mode()
def _masks(frames: torch.Tensor) -> torch.Tensor:
    """m of frames uint8 (T, 3, H, W), float (T, s, s)."""
    model = ready_model(AnimateConfig())
    side = model.config.size
    seen = enlarged(frames, width=side).float() / 255
    return torch.cat([model.masks(some)[:, 0] for some in seen.split(8)])


def _measured(record: dict[str, Any], count: int) -> tuple[Figures, str]:
    scores = record["scores"]["animation"]
    columns = {"whole picture": "l1", "person": "l1_foreground", "background": "l1_background"}
    rows: list[list[str | float | None]] = [
        [name, *(round(scores[method][column]["mean"], 4) for column in columns.values())]
        for method, name in METHODS.items()
    ]
    about = (
        f"Mean absolute difference from the exact result, pictures in [0, 1], of {count} rendered people whom nothing "
        "was trained on, four moments each, before their own background; less is better."
    )
    ours, copied = (scores[method]["l1"]["mean"] for method in ("refined", "copy"))
    return Figures(
        ["", *columns], rows, about
    ), f"mean difference from the exact result {ours:.3f}; of the source as it is {copied:.3f}"
