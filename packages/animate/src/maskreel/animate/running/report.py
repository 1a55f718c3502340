"""The page and the picture that show what an animation did, and the record that can make it again."""

from __future__ import annotations

import shlex
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from maskreel.animate.config import AnimateConfig
from maskreel.common.atomic import write_json
from maskreel.common.show import Page, contact_sheet, save_image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from maskreel.animate.running.inputs import Inputs
    from maskreel.animate.running.plan import Plan
    from maskreel.animate.running.renderer import Rendered
    from maskreel.animate.running.result import AnimateResult, Summary

__all__ = ["LOOKS", "command", "frames_shown", "look_of", "titles_of", "write_record", "write_report"]

LOOKS = 6
"""Frames that are shown, with all that belongs to them."""
_HEIGHT = 192
_DRIVING = "driving"
_TITLES = ("source", _DRIVING, "driving subject", "subject of the result", "result")
_CHECKS = (0.6, 0.8)
_CHECK_PIXELS = 8


def frames_shown(count: int) -> list[int]:
    """Numbers of the frames that are shown, spread over the video."""
    looks = min(LOOKS, count)
    return sorted({round(look * (count - 1) / max(1, looks - 1)) for look in range(looks)})


def look_of(plan: Plan, rendered: Rendered, index: int) -> Tensor:
    """Source, driving frame, its mask, the refined mask and the result beside each other: uint8 (3, h, w).

    A saved motion has no driving frame to show.
    """
    pictures = [
        plan.view.source.image[0],
        *([] if rendered.driving is None else [rendered.driving[index]]),
        rendered.driving_masks[index].expand(3, -1, -1),
        rendered.masks[index].expand(3, -1, -1),
        _opaque(rendered.frames[index]),
    ]
    titles = titles_of(with_driving=rendered.driving is not None)
    return contact_sheet([_shown(picture) for picture in pictures], columns=len(pictures), titles=titles)


def titles_of(*, with_driving: bool) -> tuple[str, ...]:
    """Of the pictures of a look."""
    return tuple(title for title in _TITLES if with_driving or title != _DRIVING)


def write_report(result: AnimateResult, looks: Sequence[Tensor], again: str, titles: Sequence[str] = _TITLES) -> None:
    """Write the page, and beside it the looks as one picture.

    Args:
        result: where the result is, and where page and picture go.
        looks: of `look_of`.
        again: the command that makes the same again.
        titles: of the pictures of a look.
    """
    output = result.output
    save_image(result.sheet, torch.cat(list(looks), dim=1))
    page = Page(f"{output.name}: what was animated")
    if output.suffix.lower() in (".mp4", ".webm"):
        page.video(output)
    elif output.suffix.lower() in (".gif", ".png", ".jpg", ".jpeg", ".webp"):
        page.image(output)
    page.text(_in_words(result.summary))
    page.table(_rows(result.summary))
    page.heading("What the networks saw and made")
    page.image(result.sheet, "from left to right: " + ", ".join(titles) + "; from top to bottom: moments of the video")
    page.heading("Once more")
    page.text(again)
    page.save(result.report)


def write_record(result: AnimateResult, inputs: Inputs, plan: Plan, about: Mapping[str, Any]) -> None:
    """Write what the result was made of, as JSON; `about` goes in first."""
    record = {
        **about,
        "inputs": {name: str(file) for name, file in inputs.files.items()},
        "background": inputs.background,
        "source_square": asdict(plan.view.framing),
        "driving_square": asdict(plan.driving_framing),
        "summary": asdict(result.summary),
    }
    write_json(result.record, record)


def command(inputs: Inputs, config: AnimateConfig, output: Path, *, seconds: float | None = None) -> str:
    """The command that makes the same: inputs, and settings that are not the default."""
    words = ["maskreel", "animate", "run", str(inputs.source), str(inputs.driving)]
    options = {
        "background": inputs.background,
        "background-mask": inputs.background_mask,
        "preview": None if seconds is None else f"{seconds}s",
    }
    for name, value in options.items():
        words += [] if value is None else [f"--{name}", str(value)]
    for field in fields(AnimateConfig):
        value, flag = getattr(config, field.name), field.name.replace("_", "-")
        if value == field.default:
            continue
        words += [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    return shlex.join([*words, "-o", str(output)])


def _in_words(summary: Summary) -> str:
    if not summary.lost:
        return ""
    return (
        f"In {summary.lost} of {summary.frames} driving frames no subject was found. If there is one, let the networks "
        "look closer (--driving-framing subject), or use weights that were trained on such subjects."
    )


def _rows(summary: Summary) -> list[tuple[str, str]]:
    height, width = summary.size
    start = [] if summary.start is None else [("starting frame", str(summary.start))]
    return [
        ("frames", str(summary.frames)),
        ("size", f"{width} x {height} pixels, {summary.fps:.3f} frames per second"),
        *start,
        ("driving subject", f"{summary.driving_area:.1%} of the square that was looked at"),
        ("subject of the result", f"{summary.area:.1%} of the square that was made"),
        ("driving frames without a subject", str(summary.lost)),
    ]


def _opaque(frame: Tensor) -> Tensor:
    """float (3, H, W); what is transparent is shown on a chequered ground."""
    pixels = frame.float() / 255
    if len(pixels) == 3:
        return pixels
    rows, columns = (torch.arange(length) // _CHECK_PIXELS for length in pixels.shape[1:])
    light, dark = _CHECKS
    ground = torch.where((rows[:, None] + columns) % 2 == 0, light, dark)
    return pixels[3:] * pixels[:3] + (1 - pixels[3:]) * ground


def _shown(picture: Tensor) -> Tensor:
    """As high as the others: float (3, h, w) to uint8."""
    height, width = picture.shape[1:]
    size = (_HEIGHT, max(1, round(width * _HEIGHT / height)))
    sized = F.interpolate(picture[None].float().cpu(), size=size, mode="bilinear", antialias=True)
    return (sized[0] * 255).round().clamp(0, 255).to(torch.uint8)
