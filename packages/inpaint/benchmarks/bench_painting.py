"""Painting holes of single images: rendered views, textures and real frames with made-up holes of the size of a person.

    python packages/inpaint/benchmarks/bench_painting.py --out /tmp/bench_painting

Compared are OpenCV's two methods as they are (cv2 telea, cv2 ns), the same coarse to fine (`fill_image`: telea, ns),
the small network that comes with the package, and patches that begin with what it paints. No image was seen in its
training: rendered views and textures have other seeds, real frames were never used. Half of the images are shown at 240
rows, half at 480; persons are 21 to 52 % of that high. All numbers are of the hole only, means over the images with
bootstrap intervals of 95 %. *Gain* is the mean difference in PSNR to telea, image by image. *Sharpness* is the mean
absolute slope over that of the truth: 1 is as sharp as the truth, less is smoother. It says nothing of whether it is
right.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from _baselines import SHARED_DATA, print_table, save_json

from maskreel.common.metrics import psnr, ssim
from maskreel.common.show import contact_sheet, save_image
from maskreel.common.video import iterate, probe
from maskreel.inpaint.generator import SmallInpainter
from maskreel.inpaint.generator._holes import random_hole
from maskreel.inpaint.generator._pictures import made_picture
from maskreel.inpaint.painting.hole_fill import fill_image
from maskreel.inpaint.painting.patch_inpainter import PatchInpainter

if TYPE_CHECKING:
    from collections.abc import Callable

    Painter = Callable[[np.ndarray, np.ndarray], np.ndarray]

_SEED = 5_000_011
_SIZE = 480, 854
_PERSON = 0.21, 0.52
_RESAMPLES = 2000
_REFERENCE = "telea"
_SHOWN = 10


@dataclass(frozen=True)
class Case:
    """An image with a hole."""

    truth: np.ndarray
    hole: np.ndarray


def main() -> None:
    """Run all methods on all kinds, print one table per kind, leave the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED_DATA, help="folder of real videos")
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures")
    parser.add_argument("--json", type=Path, help="keep the rows here too")
    parser.add_argument("--count", type=int, default=60, help="images of each kind")
    parser.add_argument("--weights", type=Path, help="in place of the package's own")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    painters = _painters(options.weights)
    rows = []
    for kind, images in _images(options.data, options.count).items():
        cases = [_case(np.random.default_rng([_SEED, number]), image) for number, image in enumerate(images)]
        rows += _bench(kind, cases, painters, options.out)
    save_json(options.json, rows)


def _painters(weights: Path | None) -> dict[str, Painter]:
    small = SmallInpainter(weights)
    return {
        "cv2 telea": lambda image, hole: cv2.inpaint(image, hole.view(np.uint8), 5, cv2.INPAINT_TELEA),
        "cv2 ns": lambda image, hole: cv2.inpaint(image, hole.view(np.uint8), 5, cv2.INPAINT_NS),
        "telea": lambda image, hole: fill_image(image, hole, "telea"),
        "ns": lambda image, hole: fill_image(image, hole, "ns"),
        "small": small,
        "patches": PatchInpainter(small),
    }


def _images(data: Path, count: int) -> dict[str, list[np.ndarray]]:
    textures = [made_picture(np.random.default_rng([_SEED, 1, n]), (480, 640)) for n in range(count)]
    return {"world": _world(count), "texture": textures, "real": _real(data, count)}


def _world(count: int) -> list[np.ndarray]:
    """Lectures, places with people, and tables, in turn; clean plates of the first two."""
    from maskreel.common.world import ActorsScene, LectureScene, TableScene

    images = []
    for number in range(count):
        seed = _SEED + number
        if number % 3 == 0:
            take = LectureScene(size=_SIZE, board=("white", "green")[number % 2]).open(seed)
            images.append(take.render(take.frame_count * 3 // 4).plate)
        elif number % 3 == 1:
            plate = ActorsScene(size=_SIZE, frames=1).render(seed).plate
            images.append(plate[0].permute(1, 2, 0).numpy())
        else:
            clip = TableScene(size=_SIZE, frames=1, entry_seconds=(-2.6, -0.5)).render(seed).clip
            images.append(clip.frames[0].permute(1, 2, 0).numpy())
    return images


def _real(data: Path, count: int) -> list[np.ndarray]:
    """Frames spread over all videos in the folder and one below it."""
    videos = sorted({*data.glob("*.mp4"), *data.glob("*/video.mp4")})
    each = -(-count // len(videos))
    images = []
    for video in videos:
        frames = probe(video).frame_count or each
        for start in np.linspace(0, frames - 1, each).astype(int).tolist():
            images += [clip.numpy()[0].copy() for clip in iterate(video, chunk=1, start=start, stop=start + 1)]
    return images[:count]


def _case(rng: np.random.Generator, image: np.ndarray) -> Case:
    rows = int(rng.choice([240, 480]))
    width = max(rows, round(image.shape[1] * rows / image.shape[0]))
    interpolation = cv2.INTER_AREA if rows < image.shape[0] else cv2.INTER_CUBIC
    truth = cv2.resize(np.ascontiguousarray(image), (width, rows), interpolation=interpolation)
    hole = np.zeros((rows, width), bool)
    left = int(rng.integers(width - rows + 1))
    hole[:, left : left + rows] = random_hole(rng, rows, _PERSON)
    return Case(truth, hole)


def _bench(kind: str, cases: list[Case], painters: dict[str, Painter], out: Path) -> list[dict[str, object]]:
    painted = {name: [] for name in painters}
    seconds = dict.fromkeys(painters, 0.0)
    for case in cases:
        hidden = np.where(case.hole[..., None], np.uint8(0), case.truth)
        for name, paint in painters.items():
            begin = time.perf_counter()
            painted[name].append(paint(hidden, case.hole))
            seconds[name] += time.perf_counter() - begin
    scores = {
        name: np.array([_score(*pair) for pair in zip(cases, done, strict=True)]) for name, done in painted.items()
    }
    rows = [_row(kind, name, scores, seconds[name] / len(cases)) for name in painters]
    print_table(rows, title=f"{kind}: {len(cases)} images")
    _save_sheet(out / f"{kind}.png", cases, painted)
    return rows


def _row(kind: str, name: str, scores: dict[str, np.ndarray], seconds: float) -> dict[str, object]:
    mine, reference = scores[name], scores[_REFERENCE]
    return {
        "kind": kind,
        "method": name,
        "PSNR": _with_interval(mine[:, 0], 2),
        "SSIM": _with_interval(mine[:, 1], 3),
        "sharpness": _with_interval(mine[:, 2], 2),
        "gain": _with_interval(mine[:, 0] - reference[:, 0], 2),
        "better in": f"{np.mean(mine[:, 0] > reference[:, 0]):.0%}",
        "s/image": f"{seconds:.3f}",
    }


def _score(case: Case, painted: np.ndarray) -> tuple[float, float, float]:
    assert np.array_equal(painted[~case.hole], case.truth[~case.hole])
    answer, truth, hole = _planes(painted), _planes(case.truth), torch.from_numpy(case.hole)
    sharpness = _slope(painted, case.hole) / max(_slope(case.truth, case.hole), 1e-3)
    return min(60.0, float(psnr(answer, truth, mask=hole))), float(ssim(answer, truth, mask=hole)), sharpness


def _slope(image: np.ndarray, hole: np.ndarray) -> float:
    values = image.astype(np.float32)
    across, down = np.abs(np.diff(values, axis=1))[:-1], np.abs(np.diff(values, axis=0))[:, :-1]
    return float((across + down).mean(-1)[hole[:-1, :-1]].mean())


def _with_interval(values: np.ndarray, digits: int) -> str:
    rng = np.random.default_rng(0)
    means = values[rng.integers(len(values), size=(_RESAMPLES, len(values)))].mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{values.mean():.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _planes(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _save_sheet(path: Path, cases: list[Case], painted: dict[str, list[np.ndarray]]) -> None:
    """Masked, three methods and the truth, one image per row, cut out around the hole."""
    shown = ("telea", "ns", "small", "patches")
    cells = []
    for number in np.linspace(0, len(cases) - 1, min(_SHOWN, len(cases))).astype(int).tolist():
        case = cases[number]
        masked = np.where(case.hole[..., None], np.array([255, 0, 255], np.uint8), case.truth)
        for image in (masked, *(painted[name][number] for name in shown), case.truth):
            cells.append(_planes(_cut(image, case.hole)))
    titles = [*("masked", *shown, "truth")] * (len(cells) // 6)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_image(path, contact_sheet(cells, columns=6, titles=titles))


def _cut(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """A square of 300 px around the middle of the hole."""
    x, y, width, height = cv2.boundingRect(hole.view(np.uint8))
    top, left = max(0, y + height // 2 - 150), max(0, x + width // 2 - 150)
    return image[top : top + 300, left : left + 300]


if __name__ == "__main__":
    main()
