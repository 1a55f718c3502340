"""The page that shows what a job did: figures, before and after, and where to look twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from maskreel.common.show import Page, heatmap, overlay, save_image, side_by_side
from maskreel.common.video import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from maskreel.inpaint.result import Summary
    from maskreel.inpaint.running.figures import Figures

__all__ = ["write_report"]

_STRIP_HEIGHT = 360
_STRIPS = 4


def write_report(
    path: Path,
    source: Path,
    output: Path,
    masks: Callable[[], Iterator[torch.Tensor]],
    figures: Figures,
    summary: Summary,
) -> Path:
    """Write the page, and beside it a picture of frames before and after.

    Args:
        path: the .html file to write; the picture gets the same name with .sheet.jpg.
        source: the video before.
        output: the video after.
        masks: iterates over the replaced pixels, chunk by chunk, bool (T, H, W).
        figures: the figures of every frame.
        summary: the figures of the video.
    """
    picked = summary.worth_checking or _most_covered(figures)
    strips = dict(_strips(source, output, masks, sorted({*picked, *_most_covered(figures)})))
    if strips:
        best = [strips[index] for index in _most_covered(figures)] or list(strips.values())
        save_image(path.with_suffix(".sheet.jpg"), torch.cat(best, dim=1))
    page = Page(f"{output.name}: what was removed")
    page.text(_in_words(summary))
    page.table(_rows(summary))
    if summary.worth_checking:
        page.heading("Worth checking")
        page.text("The frames in which the result is least certain: before, what was replaced, after.")
        for index in summary.worth_checking:
            page.image(strips[index], f"frame {index}, confidence {figures.confidence[index]:.2f}")
    page.heading("Before and after")
    for index in _most_covered(figures):
        page.image(strips[index], f"frame {index}")
    _add_maps(page, figures)
    page.save(path)
    return path


def _in_words(summary: Summary) -> str:
    if not summary.removed_something:
        return "Nothing to remove was found; no pixel was replaced."
    text = f"{summary.covered:.1%} of all pixels were replaced."
    if summary.never_seen:
        text += f" {summary.never_seen:.1%} of those are never seen in the video and were painted."
    return text


def _rows(summary: Summary) -> list[tuple[str, str]]:
    return [
        ("frames", str(summary.frames)),
        ("filled by", ", ".join(summary.ways)),
        ("replaced", f"{summary.covered:.2%} of all pixels"),
        ("never seen, painted", f"{summary.never_seen:.2%} of the replaced pixels"),
        ("confidence", f"{summary.confidence:.3f} (1: past and future agree; 0: painted)"),
        ("flicker", f"{summary.flicker:.2f} grey levels between frames in replaced regions"),
    ]


def _add_maps(page: Page, figures: Figures) -> None:
    if not figures.covered_map.any():
        return
    page.heading("Where")
    often = torch.from_numpy(figures.covered_map / len(figures.covered))
    doubt = torch.from_numpy(figures.doubt_map / np.maximum(figures.covered_map, 1))
    page.images_row(
        [heatmap(often), heatmap(doubt, limits=(0.0, 1.0))],
        [
            f"how often a pixel was replaced (bright: {float(often.max()):.0%} of the frames)",
            "doubt where it was (bright: painted)",
        ],
    )


def _most_covered(figures: Figures) -> tuple[int, ...]:
    """Up to four frames, spread over the video, in which much was replaced."""
    parts = np.array_split(np.arange(len(figures.covered)), min(_STRIPS, len(figures.covered)))
    best = [int(part[np.argmax(figures.covered[part])]) for part in parts]
    return tuple(index for index in best if figures.covered[index] > 0)


def _strips(
    source: Path, output: Path, masks: Callable[[], Iterator[torch.Tensor]], indices: list[int]
) -> Iterator[tuple[int, torch.Tensor]]:
    """For each frame: before, what was replaced, after, side by side: uint8 (3, h, w)."""
    start = 0
    wanted = list(indices)
    for chunk in masks():
        while wanted and wanted[0] < start + len(chunk):
            index = wanted.pop(0)
            before, after = (read(path, start=index, stop=index + 1).frames[0] for path in (source, output))
            pictures = (before, overlay(before, chunk[index - start]), after)
            yield index, side_by_side(*(_shrunk(picture) for picture in pictures))
        start += len(chunk)


def _shrunk(image: torch.Tensor) -> torch.Tensor:
    scale = min(1.0, _STRIP_HEIGHT / image.shape[1])
    small = cv2.resize(image.permute(1, 2, 0).numpy(), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small).permute(2, 0, 1)
