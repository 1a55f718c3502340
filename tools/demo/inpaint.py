"""People vanish from a real video."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from demo.films import save_film
from demo.scale import QUICK
from demo.story import Figures, Row, Story
from demo.workshop import CommandFailedError, Workshop
from maskreel.common.atomic import write_json
from maskreel.common.masks import read_binary_png
from maskreel.common.metrics import PSNR
from maskreel.common.show import overlay
from maskreel.common.video import iterate, probe, read
from maskreel.common.world import LectureScene, write_lecture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from demo.scale import Scale

__all__ = ["EMPTY_PLACE", "make"]

ROOT = Path(__file__).resolve().parents[2]
EMPTY_PLACE = "clean.plate-00000000.png"
"""The scene without anybody, as `--plates` writes it."""
FILM_SECONDS, FILM_FRAMES = 12, 150
TELEA_RADIUS = 5
FIGURES = "figures.json"


def make(place: Workshop, scale: Scale, *, video: Path | None) -> Story:
    """Remove what moves from the video and compare what is in the holes with what should be there."""
    clip, true_frames = _source(place, scale, video)
    name = clip.name
    command = place.run(
        "inpaint", "run", name, "-o", "clean.mp4", "--plates", "--keep-stages", "masks", makes="clean.mp4"
    )
    masks = place.folder / "clean.job" / "kept-masks"
    with place.step("films of the source, what was found and the result", "result.mp4") as wanted:
        if wanted:
            _films(place.folder, clip, masks)
    with place.step("comparing with the truth", FIGURES) as wanted:
        if wanted:
            tables, words = _measured(place.folder, clip, masks, true_frames, scale.looked_at)
            write_json(place.folder / FIGURES, {"summary": words, "tables": [asdict(one) for one in tables]})
    measured = json.loads((place.folder / FIGURES).read_text())
    real = name == "vtest.avi"
    return Story(
        title="People vanish from a video",
        sentence=f"{name} goes in; what moves is found, and what was behind it is copied from moments that show it.",
        commands=[command],
        rows=[
            Row(
                {
                    "source.mp4": "input: " + ("OpenCV's vtest.avi, a real square" if real else name),
                    "found.mp4": "masks, found without being told what to look for",
                    "result.mp4": "result",
                }
            )
        ],
        figures=[Figures(**one) for one in measured["tables"]],
        remark="Nobody was marked by hand, and no network was needed to find people: whatever differs from the "
        "background, which is learnt from the video itself, is taken out.",
        links={"clean.html": "report of this run", "clean.mp4": "the whole result", name: "the source"},
        seconds=place.seconds,
        summary=measured["summary"],
    )


def _source(place: Workshop, scale: Scale, video: Path | None) -> tuple[Path, Path | None]:
    """The clip in the part's folder, and the file of true frames if it was rendered."""
    if scale is QUICK and video is None:
        with place.step("rendering a lecture", "lecture/video.mkv") as wanted:
            if wanted:
                write_lecture(
                    LectureScene(size=(180, 320), seconds=scale.lecture_seconds).open(0), place.folder / "lecture"
                )
        origin, name = place.folder / "lecture/video.mkv", "lecture.mkv"
    else:
        origin = video or _fetched()
        name = origin.name
    copy = place.folder / name
    if not copy.exists():
        shutil.copyfile(origin, copy)
    plates = [origin.parent / "plate.mkv", origin.with_suffix("") / "plate.mkv"]
    return copy, next((path for path in plates if path.exists()), None)


def _fetched() -> Path:
    call = [sys.executable, str(ROOT / "tools/fetch_sample.py"), "--folder", str(ROOT / ".cache")]
    answer = subprocess.run(call, check=False, stdout=subprocess.PIPE, text=True)
    if answer.returncode:
        raise CommandFailedError("no clip could be fetched or made; --video takes one of your own")
    return Path(answer.stdout.splitlines()[-1])


def _films(folder: Path, clip: Path, masks: Path) -> None:
    info = probe(clip)
    count = len(list(masks.glob("*.png")))
    length = min(count, FILM_FRAMES, round(FILM_SECONDS * info.fps))
    start = (count - length) // 2
    before, after = (read(path, start=start, stop=start + length).frames for path in (clip, folder / "clean.mp4"))
    found = torch.stack([_mask(masks, index) for index in range(start, start + length)])
    save_film(folder / "source.mp4", before, info.fps)
    save_film(folder / "found.mp4", overlay(before, found, alpha=0.6), info.fps)
    save_film(folder / "result.mp4", after, info.fps)


def _mask(masks: Path, index: int) -> torch.Tensor:
    return read_binary_png(masks / f"{index:08d}.png")


class Look(NamedTuple):
    """One frame as it was, as it is and as it should be, uint8 (3, H, W), and what was replaced, bool (H, W)."""

    before: torch.Tensor
    after: torch.Tensor
    truth: torch.Tensor
    mask: torch.Tensor


def _measured(folder: Path, clip: Path, masks: Path, true_frames: Path | None, looks: int) -> tuple[list[Figures], str]:
    """Tables of the figures, and the main one in words."""
    count = len(list(masks.glob("*.png")))
    indices = sorted({round(index) for index in np.linspace(0, count - 1, min(looks, count))})
    before, after = list(_frames(clip, indices)), list(_frames(folder / "clean.mp4", indices))
    truths = _median(before) if true_frames is None else list(_frames(true_frames, indices))
    holes = [_mask(masks, index) for index in indices]
    seen = [Look(*look) for look in zip(before, after, truths, holes, strict=True)]
    rows: list[list[str | float | None]] = [
        ["ours", _decibels((one.after, one) for one in seen)],
        ["Telea (2004), each frame from itself alone", _decibels((_telea(one), one) for one in seen)],
        ["left as it was", _decibels((one.before, one) for one in seen)],
    ]
    kind = (
        "the temporal median of the clip, which shows nobody"
        if true_frames is None
        else "the truth that it was rendered from"
    )
    about = f"Peak signal to noise ratio in the holes of {len(seen)} frames, against {kind}; more is better."
    summary = f"{rows[0][1]:.1f} dB in the holes; painted frame by frame (Telea) {rows[1][1]:.1f} dB"
    tables = [Figures(["filled by", "dB"], rows, about)]
    if clip.name == "vtest.avi":
        found, people = _people_found(masks)
        summary = f"{found} of {people} people found; {summary}"
        tables.append(Figures(["in ten frames marked by hand", "people"], [["marked", people], ["found", found]], ""))
    return tables, summary


def _frames(video: Path, indices: Iterable[int]) -> Iterator[torch.Tensor]:
    wanted, index = set(indices), 0
    for clip in iterate(video, chunk=16):
        for frame in clip.frames:
            if index in wanted:
                yield frame
            index += 1


def _median(frames: list[torch.Tensor]) -> list[torch.Tensor]:
    """The same picture for every frame: the median over time, band by band to spare memory."""
    stack = np.stack([frame.numpy() for frame in frames])
    bands = [np.median(stack[:, :, top : top + 32], axis=0) for top in range(0, stack.shape[2], 32)]
    return [torch.from_numpy(np.concatenate(bands, axis=1).astype(np.uint8))] * len(frames)


def _telea(look: Look) -> torch.Tensor:
    import cv2

    holes = look.mask.numpy().astype(np.uint8)
    filled = cv2.inpaint(
        np.ascontiguousarray(look.before.permute(1, 2, 0).numpy()), holes, TELEA_RADIUS, cv2.INPAINT_TELEA
    )
    return torch.from_numpy(filled).permute(2, 0, 1)


def _decibels(pairs: Iterable[tuple[torch.Tensor, Look]]) -> float:
    score = PSNR()
    for picture, look in pairs:
        score.update(picture[None], look.truth[None], mask=look.mask[None])
    return round(float(score.compute()), 1)


def _people_found(masks: Path) -> tuple[int, int]:
    """How many of the people whom the benchmark of inpaint has marked in vtest.avi are covered: (found, all)."""
    truth = _vtest_truth()
    people = [person for group in truth.load_people().values() for person in group]
    covered = [person.coverage(_mask(masks, person.frame).numpy()) >= truth.FOUND_FROM for person in people]
    return sum(covered), len(covered)


def _vtest_truth() -> Any:
    path = ROOT / "packages/inpaint/benchmarks/vtest_truth.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    return module
