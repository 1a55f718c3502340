"""Layers and chain against frames that are made independently, in the same run: steadiness, fidelity, seconds.

    python packages/inversion/benchmarks/bench_video.py --out /tmp/bench_video --threads 1 \\
        --davis ../shared/data/davis_masks/camel ../shared/data/davis_masks/dog

The clips of the table world are rendered, so their exact flow is known; the folders hold the masks of real videos, of
which only what the masks tell is known. All three have the same flags: steps are those of a group of frames, so
independent frames and chains take more of them, see the seconds. A video that does not move has no error: read the
steadiness beside the fidelity. The last columns are ratios against independent frames.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from _clips import UNSEEN, add_config_flags, clock, config_of, markdown, targets_of

from maskreel.common.maskrcnn import SHAPES_CLASS_NAMES
from maskreel.common.show import contact_sheet, save_image
from maskreel.common.world import TableScene
from maskreel.inversion.inverter import MaskInverter
from maskreel.inversion.report import (
    DeclaredFlow,
    Steadiness,
    Subject,
    estimate,
    mask_motion,
    open_verifier,
    require_independent,
    score_frames,
    self_score,
    steadiness,
)
from maskreel.inversion.sources import open_masks
from maskreel.inversion.targets import FrameTarget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maskreel.inversion.config import InversionConfig
    from maskreel.inversion.report import Verifier

UNET = Path(__file__).resolve().parents[2] / "common/tests/assets/unet.safetensors"
WAYS = ("none", "chain", "layers")
SHOWN = 6
"""Neighbouring frames on a picture."""


@dataclass(frozen=True)
class Video:
    """Masks to be made into a video."""

    subject: Subject
    """With blank frames."""
    targets: list[FrameTarget]
    """With the labels of the teacher."""
    exact: DeclaredFlow | None = None


@dataclass(frozen=True)
class Result:
    """One video, made in one way."""

    seconds: float
    masks: Steadiness
    exact: Steadiness | None
    teacher: float
    verifier: float
    found: float

    def values(self) -> list[float]:
        exact = float("nan") if self.exact is None else 100 * self.exact.warping
        steady = [100 * self.masks.warping, exact, self.masks.background, self.masks.drift]
        return [self.seconds, *steady, self.teacher, self.verifier, self.found]


COLUMNS = ("s/frame", "E_warp x 100, masks", "E_warp x 100, exact", "background flicker", "colour drift")
COLUMNS += ("teacher J", "verifier J", "found, J 0.6")
RATIOS = (0, 1, 2, 3)
"""Columns that are set against those of independent frames."""


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    configs = {way: config_of(options, coherence=way) for way in WAYS}
    verifier = open_verifier(options.verifier)
    results: dict[str, dict[str, Result]] = {}
    print(f"Steps of a group of {configs['none'].batch} frames: {configs['none'].steps}; witness: {verifier.name}")
    for video in _videos(options):
        made = {way: _made(video, config) for way, config in configs.items()}
        name = video.subject.name
        results[name] = {way: _judged(video, *one, configs[way], verifier) for way, one in made.items()}
        _sheet({way: frames for way, (frames, _) in made.items()}, video, options.out / f"{name}.png")
        _table(name, video, results[name])
    if len(results) > 1:
        _all(results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures")
    parser.add_argument("--davis", type=Path, nargs="*", default=[], help="folders of masks, such as davis_masks/camel")
    parser.add_argument("--height", type=int, default=160, help="of these")
    parser.add_argument("--clips", type=int, default=2, help="of the table world")
    parser.add_argument("--frames", type=int, default=16, help="of each video")
    parser.add_argument("--verifier", default=f"unet:{UNET}", help="as in `maskreel inversion report`")
    parser.add_argument("--threads", type=int, default=1)
    add_config_flags(parser)
    return parser.parse_args()


def _videos(options: argparse.Namespace) -> Iterator[Video]:
    for seed in range(UNSEEN, UNSEEN + options.clips):
        yield _of_world(seed, options.frames)
    for folder in options.davis:
        yield _of_masks(folder, options.height, options.frames)


def _of_world(seed: int, frames: int) -> Video:
    clip = TableScene(frames=frames).render(seed)
    targets = targets_of(clip.labels)
    exact = DeclaredFlow("exact flow of the world", clip.forward_flow, clip.forward_occluded)
    return Video(_subject(f"seed_{seed}", targets, SHAPES_CLASS_NAMES), targets, exact)


def _of_masks(folder: Path, height: int, frames: int) -> Video:
    """Real masks; the teacher knows none of the classes, so any is right."""
    sequence = open_masks(folder).resized(height)
    sequence = sequence.part(0, min(frames, len(sequence)))
    asked = [FrameTarget(one.masks, torch.full((len(one.masks),), -1), one.void) for one in sequence]
    numbers = torch.arange(1, len(sequence.object_ids) + 1)
    told = [replace(target, labels=numbers) for target in asked]
    return Video(_subject(sequence.name, told, ("background", *(None for _ in numbers))), asked)


def _subject(name: str, targets: list[FrameTarget], class_names: tuple[str | None, ...]) -> Subject:
    blank = torch.zeros(len(targets), 3, *targets[0].size, dtype=torch.uint8)
    return Subject(name, blank, tuple(targets), class_names)


def _made(video: Video, config: InversionConfig) -> tuple[torch.Tensor, float]:
    inverter = MaskInverter(config)
    start = clock()
    return inverter.invert(video.targets), clock() - start


def _judged(video: Video, frames: torch.Tensor, seconds: float, config: InversionConfig, verifier: Verifier) -> Result:
    teacher, subject = MaskInverter(config).teacher, video.subject.with_frames(frames)
    require_independent(verifier, teacher)
    seen = score_frames(frames, subject.targets, subject.class_names, verifier)
    exact = None if video.exact is None else steadiness(frames, subject.targets, video.exact)
    return Result(
        seconds / len(frames),
        steadiness(frames, subject.targets, mask_motion(subject.targets)),
        exact,
        self_score(teacher, subject).mean(),
        seen.mean(),
        estimate([seen.found(0.6)]).value,
    )


def _table(name: str, video: Video, results: dict[str, Result]) -> None:
    print(f"\n{name}: {len(video.targets)} frames of {'x'.join(map(str, video.targets[0].size))}")
    alone = results["none"].values()
    header = ["way", *COLUMNS, *(f"{COLUMNS[place]} by none" for place in RATIOS)]
    rows = []
    for way, result in results.items():
        values = result.values()
        rows.append([way, *values, *(_ratio(values[place], alone[place]) for place in RATIOS)])
    markdown(header, rows)


def _all(results: dict[str, dict[str, Result]]) -> None:
    """Means over the videos."""
    rows = []
    for way in WAYS:
        values = [each[way].values() for each in results.values()]
        alone = [each["none"].values() for each in results.values()]
        means = [str(estimate([[row[place]] for row in values])) for place in range(len(COLUMNS))]
        ratios = [
            [_ratio(row[place], base[place]) for row, base in zip(values, alone, strict=True)] for place in RATIOS
        ]
        rows.append([way, *means, *(str(estimate([[one] for one in each])) for each in ratios)])
    print(f"\nMeans over {len(results)} videos; of the ratios, too")
    markdown(["way", *COLUMNS, *(f"{COLUMNS[place]} by none" for place in RATIOS)], rows)


def _ratio(value: float, base: float) -> float:
    return value / base if base else float("nan")


def _sheet(made: dict[str, torch.Tensor], video: Video, file: Path) -> None:
    columns = min(SHOWN, len(video.targets))
    cells = [frame for frames in made.values() for frame in frames[:columns]]
    titles = [f"{way} {number}" for way in made for number in range(columns)]
    save_image(file, contact_sheet(cells, columns=columns, titles=titles, gap=4))


if __name__ == "__main__":
    main()
