"""Shared by the benchmark scripts: what maskreel is compared with, how results are scored, how tables are printed."""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from maskreel.common.masks import dilate, iterate_masks
from maskreel.common.metrics import PSNR, flicker
from maskreel.common.show import contact_sheet, save_image
from maskreel.common.video import iterate, probe
from maskreel.inpaint import InpaintConfig, InpaintResult, VideoInpainter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SEED_SECONDS_PER_FRAME = 28.8
"""What the original description states: 2 hours for 250 frames."""
SHARED_DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
_CHUNK = 32


@dataclass(frozen=True)
class Score:
    """A result against the truth, in the holes only."""

    psnr: float
    """dB, from the squared error pooled over all hole pixels of the video."""
    frame_psnr: float
    """dB, mean over the frames."""
    flicker: float
    """Mean absolute change between frames that the truth does not show, grey levels."""


@dataclass
class StageTimes:
    """A `watch` for `VideoInpainter.inpaint` that adds up the seconds of each stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, stage: str, total: int) -> Iterator[Callable[[int], object]]:
        begin = time.perf_counter()
        yield lambda _: None
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begin


def run_inpainter(
    config: InpaintConfig, video: Path, masks: Path | None, folder: Path
) -> tuple[InpaintResult, dict[str, float]]:
    """One fresh job in `folder`, which is emptied; the result and the seconds of each stage."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    times = StageTimes()
    suffix = ".mkv" if config.lossless else ".mp4"
    output = folder / f"output{suffix}"
    result = VideoInpainter(config).inpaint(video, masks, output=output, job=folder / "job", watch=times)
    return result, times.seconds


def telea(video: Path, masks: Path, *, radius: float = 5) -> Iterator[torch.Tensor]:
    """Every frame filled from itself alone (Telea 2004); uint8 (t, 3, H, W)."""
    for clip, holes in zip(iterate(video, chunk=_CHUNK), iterate_masks(masks, chunk=_CHUNK), strict=True):
        filled = [
            cv2.inpaint(frame, hole.numpy().astype(np.uint8), radius, cv2.INPAINT_TELEA)
            for frame, hole in zip(clip.numpy(), holes, strict=True)
        ]
        yield torch.from_numpy(np.stack(filled)).permute(0, 3, 1, 2)


def global_median(video: Path, masks: Path, *, samples: int = 121) -> Iterator[torch.Tensor]:
    """Holes filled with the median over time of the same pixel where it is not masked; uint8 (t, 3, H, W).

    The median is over `samples` frames spread over the video; pixels masked in all of them become grey.
    """
    plate = torch.from_numpy(masked_median(video, masks, samples=samples)).permute(2, 0, 1)
    for clip, holes in zip(iterate(video, chunk=_CHUNK), iterate_masks(masks, chunk=_CHUNK), strict=True):
        yield torch.where(holes[:, None], plate, clip.frames)


def masked_median(video: Path, masks: Path | None, *, samples: int = 121) -> np.ndarray:
    """The median over time of the frames, uint8 (H, W, 3), without masked pixels."""
    wanted = set(np.linspace(0, frame_total(video) - 1, samples).round().astype(int).tolist())
    frames = chain.from_iterable(clip.numpy() for clip in iterate(video, chunk=_CHUNK))
    kept = np.stack([frame for index, frame in enumerate(frames) if index in wanted])
    if masks is None:
        return np.median(kept, axis=0).astype(np.uint8)
    holes = chain.from_iterable(iterate_masks(masks, chunk=_CHUNK))
    held = np.stack([hole.numpy() for index, hole in enumerate(holes) if index in wanted])
    rows = [_median_of_seen(kept[:, y : y + 8], held[:, y : y + 8]) for y in range(0, kept.shape[1], 8)]
    return np.concatenate(rows)


def _median_of_seen(frames: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Median over the first axis of what is not hidden: sort the hidden to the end, take the middle of the rest."""
    ordered = np.sort(np.where(hidden[..., None], np.int16(256), frames), axis=0)
    seen = (~hidden).sum(axis=0)
    middle = np.maximum(seen - 1, 0) // 2
    values = np.take_along_axis(ordered, np.broadcast_to(middle[None, ..., None], (1, *ordered.shape[1:])), axis=0)[0]
    return np.where(seen[..., None] > 0, values, 128).astype(np.uint8)


def frame_total(video: Path) -> int:
    """How many frames a file has."""
    count = probe(video).frame_count
    assert count is not None  # unknown for streams only
    return count


def frames_of(video: Path) -> Iterator[torch.Tensor]:
    """The frames of a file in chunks, uint8 (t, 3, H, W)."""
    return (clip.frames for clip in iterate(video, chunk=_CHUNK))


def masks_of(path: Path, *, grow: float = 0) -> Iterator[torch.Tensor]:
    """Masks of a file or folder in chunks, bool (t, H, W), dilated by `grow` pixels."""
    for masks in iterate_masks(path, chunk=_CHUNK):
        yield dilate(masks, grow) if grow else masks


def score(result: Iterable[torch.Tensor], truth: Iterable[torch.Tensor], holes: Iterable[torch.Tensor]) -> Score:
    """Compare frames uint8 (t, 3, H, W) with the truth in the holes bool (t, H, W); all in chunks of one length."""
    psnr, changes, last = PSNR(), [], None
    for ours, theirs, where in zip(result, truth, holes, strict=True):
        psnr.update(ours, theirs, mask=where)
        if last is not None:
            ours, theirs, where = (torch.cat(pair) for pair in zip(last, (ours, theirs, where), strict=True))
        changes.append(flicker(ours, where, reference=theirs))
        last = ours[-1:], theirs[-1:], where[-1:]
    return Score(float(psnr.compute()), float(psnr.frame_mean()), float(torch.cat(changes).nanmean()))


def timed(frames: Iterable[torch.Tensor], seconds: list[float]) -> Iterator[torch.Tensor]:
    """Pass chunks through and append the seconds that each took to make."""
    chunks = iter(frames)
    while True:
        begin = time.perf_counter()
        chunk = next(chunks, None)
        if chunk is None:
            return
        seconds.append(time.perf_counter() - begin)
        yield chunk


def peak_megabytes() -> float:
    """Largest resident set of this process so far. Not ru_maxrss, which remembers the process that forked this one."""
    status = Path("/proc/self/status").read_text()
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kilobytes) / 1024


def print_table(rows: list[dict[str, object]], *, title: str, note: str = "") -> None:
    """A table with the keys of all rows as its head."""
    head = list(dict.fromkeys(chain.from_iterable(rows)))
    cells = [[_text(row.get(name)) for name in head] for row in rows]
    widths = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(head)]
    print(f"\n## {title}\n")
    for line in [head, ["-" * width for width in widths], *cells]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |")
    if note:
        print(f"\n{note}")


def save_json(path: Path | None, rows: list[dict[str, object]]) -> None:
    """Keep the rows with the number of cores that they were measured on."""
    if path is not None:
        path.write_text(json.dumps({"cores": len(os.sched_getaffinity(0)), "rows": rows}, indent=2) + "\n")


def save_strips(path: Path, videos: dict[str, Path], indices: list[int]) -> None:
    """One row per index, one column per video."""
    cells, titles = [], []
    for index in indices:
        for name, video in videos.items():
            cells.append(next(iterate(video, chunk=1, start=index, stop=index + 1)).frames[0])
            titles.append(f"{name}, frame {index}")
    save_image(path, contact_sheet(cells, columns=len(videos), titles=titles))


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"
    return "" if value is None else str(value)
