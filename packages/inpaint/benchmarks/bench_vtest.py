"""All pedestrians out of a real video: OpenCV's vtest.avi, 768x576, 795 frames, static camera.

    python packages/inpaint/benchmarks/bench_vtest.py vtest.avi --out /tmp/bench_vtest

Truth: the temporal median of the whole clip, checked by eye to hold no person. The holes are the pixels that the job
replaced, so the figure says how well holes are filled, and the recall against hand-drawn boxes (see vtest_truth.py)
says whether the holes are where the people are. The median is not the truth where light or a tape in the wind changes:
the same figure for the untouched pixels of the source is printed as the ceiling that can be expected.
"""

from __future__ import annotations

import argparse
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from _baselines import frames_of, masked_median, print_table, run_inpainter, save_json
from vtest_truth import FOUND_FROM, Person, covered_pixels, load_people

from maskreel.common.metrics import PSNR
from maskreel.common.show import contact_sheet, overlay, save_image
from maskreel.inpaint import InpaintConfig, InpaintResult

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEFT_FROM = 20.0  # grey levels: a core that differs this much from the plate still shows somebody


def main() -> None:
    """Run the job, print the tables, leave the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, help="vtest.avi")
    parser.add_argument("--out", type=Path, required=True, help="folder for the result and pictures")
    parser.add_argument("--json", type=Path, help="keep the rows here too")
    parser.add_argument("--mode", choices=("auto", "static", "registered", "flow"), default="auto")
    parser.add_argument("--lossless", action="store_true", help="score without what H.264 takes away")
    options = parser.parse_args()
    config = InpaintConfig(mode=options.mode, lossless=options.lossless)
    result, seconds = run_inpainter(config, options.video, None, options.out / "job")
    plate = masked_median(options.video, None, samples=159)
    save_image(options.out / "plate.png", torch.from_numpy(plate).permute(2, 0, 1))
    shots = _annotated_frames(options.video, result)
    people = load_people()
    rows = [_person_row(p, shots[p.frame], plate) for group in people.values() for p in group]
    summary = [_quality(options.video, result, plate), _recall(people, shots, plate, rows)]
    if troubles := [row for row in rows if not row["found"] or row["left"]]:
        print_table(troubles, title="People missed or left")
    for row, title in zip(summary, ("Holes against the median plate", "People in ten frames"), strict=True):
        print_table([row], title=f"vtest: {title}")
    print_table([{name: round(value, 1) for name, value in seconds.items()}], title="Seconds of each stage")
    for index, (before, after, mask) in shots.items():
        sheet = contact_sheet([before, overlay(before, mask[None]), after], columns=3)
        save_image(options.out / f"frame_{index:03d}.png", sheet)
    print(f"\nLook at {options.out}/frame_*.png: source, mask, result; and at plate.png: no person.")
    save_json(options.json, [*summary, *rows])


def _annotated_frames(video: Path, result: InpaintResult) -> dict[int, tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Source uint8 (3, H, W), result and replaced pixels bool (H, W) of the annotated frames."""
    wanted = load_people()
    every = zip(*(chain.from_iterable(part) for part in _together(video, result)), strict=True)
    return {index: shot for index, shot in enumerate(every) if index in wanted}


def _together(
    video: Path, result: InpaintResult
) -> tuple[Iterator[torch.Tensor], Iterator[torch.Tensor], Iterator[torch.Tensor]]:
    return frames_of(video), frames_of(result.output), result.masks()


def _quality(video: Path, result: InpaintResult, plate: np.ndarray) -> dict[str, object]:
    filled, untouched = PSNR(), PSNR()
    truth = torch.from_numpy(plate).permute(2, 0, 1)
    for before, after, mask in zip(*(chain.from_iterable(part) for part in _together(video, result)), strict=True):
        filled.update(after, truth, mask=mask)
        untouched.update(before, truth, mask=~mask)
    return {
        "mode": "+".join(sorted(set(result.summary.modes))),
        "hole PSNR dB": filled.compute(),
        "per-frame mean dB": filled.frame_mean(),
        "source outside holes dB": untouched.compute(),
        "replaced %": 100 * result.summary.covered,
        "never seen %": 100 * result.summary.never_seen,
    }


def _recall(
    people: dict[int, list[Person]],
    shots: dict[int, tuple[torch.Tensor, torch.Tensor, torch.Tensor]],
    plate: np.ndarray,
    rows: list[dict[str, object]],
) -> dict[str, object]:
    counts = np.zeros(2, int)
    for index, group in people.items():
        before, _, mask = shots[index]
        counts += covered_pixels(group, mask.numpy(), before.permute(1, 2, 0).numpy(), plate)
    return {
        "people": len(rows),
        "found": sum(bool(row["found"]) for row in rows),
        "recall": sum(bool(row["found"]) for row in rows) / len(rows),
        "changed pixels covered %": 100 * float(counts[0] / counts[1]),
        "left in the result": sum(bool(row["left"]) for row in rows),
    }


def _person_row(
    person: Person, shot: tuple[torch.Tensor, torch.Tensor, torch.Tensor], plate: np.ndarray
) -> dict[str, object]:
    _, after, mask = shot
    coverage = person.coverage(mask.numpy())
    x0, y0, x1, y1 = person.core
    difference = np.abs(after.permute(1, 2, 0).numpy().astype(int) - plate)[y0:y1, x0:x1].max(axis=2).mean()
    return {
        "frame": person.frame,
        "box": " ".join(map(str, person.box)),
        "core covered": coverage,
        "core differs": float(difference),
        "found": coverage >= FOUND_FROM,
        "left": bool(difference >= _LEFT_FROM),
    }


if __name__ == "__main__":
    main()
