"""Flow completion: endpoint error in the hole for Laplace, the background's motion, and the small network.

    python packages/inpaint/benchmarks/bench_completion.py --out /tmp/bench_completion --videos FOLDER

Rendered clips have seeds that no training uses, and their truth is exact: the flow of the scene without what is
removed (planes, lecture and actors "removed"), or of the whole scene with holes that cover anything ("holes"). Real
clips have holes of three kinds, and the truth there is only what the estimator (DIS) finds in the frames without
holes, so a method is also asked for the estimator's faults, and holes cover foreground and background alike. All at
240x432. Intervals: 95 %, bootstrap over sequences. Pictures of flows are written to --out.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from maskreel.common.flow import flow_to_colour
from maskreel.common.show import contact_sheet, save_image
from maskreel.common.video import probe, read
from maskreel.inpaint.dfc import dfc_completer
from maskreel.inpaint.dfc.weights_file import SMALL_WEIGHTS
from maskreel.inpaint.dfc_training.holes import random_holes
from maskreel.inpaint.dfc_training.material import Material, as_tensor, planes_material, world_material
from maskreel.inpaint.flow.completer import BackgroundCompleter, FlowPair, LaplaceCompleter
from maskreel.inpaint.flow.completion import flow_mask
from maskreel.inpaint.flow.estimation import DISFlow
from maskreel.inpaint.running.reading import count_frames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maskreel.inpaint.flow.completer import FlowCompleter

SIZE = (240, 432)
UNSEEN = 5_000_000
KINDS = ("middle", "box", "shapes")
WORLD = ("lecture", "lecture", "actors", "table")


@dataclass(frozen=True)
class Sequence:
    """Pairs to complete, and what they should become."""

    group: str
    name: str
    pairs: list[FlowPair]
    forward: np.ndarray
    backward: np.ndarray


def main() -> None:
    """Complete everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures and rows")
    parser.add_argument("--videos", type=Path, nargs="*", default=(), help="real clips: video files or frame folders")
    parser.add_argument("--weights", type=Path, default=SMALL_WEIGHTS)
    parser.add_argument("--planes", type=int, default=12, help="unseen clips of planes")
    parser.add_argument("--world", type=int, default=24, help="unseen clips of the procedural world")
    parser.add_argument("--frames", type=int, default=19, help="frames of a real clip")
    parser.add_argument("--starts", type=int, default=2, help="places in every real clip")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    methods: dict[str, FlowCompleter] = {
        "laplace": LaplaceCompleter(),
        "background": BackgroundCompleter(),
        "dfc small": dfc_completer(options.weights, device="cpu"),
    }
    rows, seconds, pairs = [], dict.fromkeys(methods, 0.0), 0
    for sequence in _sequences(options):
        errors, drawn = {}, {}
        for name, method in methods.items():
            begin = time.process_time()
            done = list(method(iter(sequence.pairs)))
            seconds[name] += time.process_time() - begin
            errors[name] = _error(done, sequence)
            drawn[name] = done
        pairs += len(sequence.pairs)
        rows.append({"group": sequence.group, "name": sequence.name, **errors})
        print(f"{sequence.group:20} {sequence.name:34} " + " ".join(f"{errors[m]:7.3f}" for m in methods), flush=True)
        _draw(options.out / f"{sequence.group}-{sequence.name}.png".replace(" ", "_"), sequence, drawn)
    (options.out / "rows.json").write_text(json.dumps(rows, indent=1))
    _print_table(rows, list(methods))
    cost = ", ".join(f"{name} {1000 * spent / max(pairs, 1):.0f} ms" for name, spent in seconds.items())
    print(f"\nProcessor time for a pair, both directions: {cost}")


def _sequences(options: argparse.Namespace) -> Iterator[Sequence]:
    for i in range(options.planes):
        yield _rendered("planes", UNSEEN + i, planes_material(UNSEEN + i, size=SIZE, frames=13))
    for i in range(options.world):
        yield _rendered(WORLD[i % 4], UNSEEN + i, world_material(UNSEEN + i, size=SIZE, frames=13))
    for video in options.videos:
        yield from _real(video, options)


def _rendered(kind: str, seed: int, material: Material) -> Sequence:
    masks, how = material.subject, "removed"
    if masks is None:
        masks, how = random_holes(KINDS[seed % 3], len(material.frames), SIZE, np.random.default_rng(seed)), "holes"
    found = _flows(material.frames)
    assert material.forward is not None
    assert material.backward is not None
    return Sequence(
        f"{kind}, {how}", str(seed), _pairs(*found, masks, leaks=how == "removed"), material.forward, material.backward
    )


def _real(video: Path, options: argparse.Namespace) -> Iterator[Sequence]:
    name = video.stem if video.stem != "video" else video.parent.name
    last = count_frames(probe(video)) - options.frames
    for start in np.linspace(0, last, options.starts + 2).astype(int)[1:-1].tolist():
        clip = read(video, start=start, stop=start + options.frames).frames.permute(0, 2, 3, 1).numpy()
        frames = np.stack([cv2.resize(frame, SIZE[::-1], interpolation=cv2.INTER_AREA) for frame in clip])
        forward, backward = _flows(frames)
        for kind in KINDS:
            masks = random_holes(kind, len(frames), SIZE, np.random.default_rng(start))
            pairs = _pairs(forward, backward, masks, leaks=False)
            yield Sequence(f"real, {name}", f"frame {start}, {kind}", pairs, forward, backward)


def _flows(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float32 (T - 1, H, W, 2) forward and backward."""
    tensors, estimator = as_tensor(frames), DISFlow()
    both = estimator(tensors[:-1], tensors[1:]), estimator(tensors[1:], tensors[:-1])
    forward, backward = (flow.permute(0, 2, 3, 1).contiguous().numpy() for flow in both)
    return forward, backward


def _pairs(forward: np.ndarray, backward: np.ndarray, masks: np.ndarray, *, leaks: bool) -> list[FlowPair]:
    """With the reach of flow masks that the fill uses where something is really removed, and little else."""
    reach = (15, 21) if leaks else (4, 4)
    regions = [flow_mask(mask, dilation=reach[0], closing=reach[1]) for mask in masks]
    unions = [here | there for here, there in pairwise(regions)]
    return [FlowPair(f, b, u) for f, b, u in zip(forward, backward, unions, strict=True)]


def _error(done: list[FlowPair], sequence: Sequence) -> float:
    """Mean endpoint error in the holes of a sequence, both directions, pixels."""
    total, count = 0.0, 0
    for pair, forward, backward in zip(done, sequence.forward, sequence.backward, strict=True):
        for flow, truth in ((pair.forward, forward), (pair.backward, backward)):
            total += float(np.linalg.norm(flow - truth, axis=-1)[pair.region].sum())
            count += int(pair.region.sum())
    return total / max(count, 1)


def _print_table(rows: list[dict], methods: list[str]) -> None:
    print(f"\n{'group':28} {'n':>3}  " + "  ".join(f"{name:>22}" for name in methods) + f"  {'small - background':>26}")
    groups = sorted({row["group"] for row in rows})
    real = [row for row in rows if row["group"].startswith("real")]
    parts = {group: [row for row in rows if row["group"] == group] for group in groups}
    parts |= {"ALL RENDERED": [row for row in rows if row not in real], "ALL REAL": real}
    for group, part in parts.items():
        if part:
            values = {name: np.array([row[name] for row in part]) for name in methods}
            cells = "  ".join(f"{_told(values[name]):>22}" for name in methods)
            print(f"{group:28} {len(part):3}  {cells}  {_told(values['dfc small'] - values['background']):>26}")


def _told(values: np.ndarray) -> str:
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (4000, len(values)))].mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{values.mean():.3f} [{low:.3f} {high:.3f}]"


def _draw(path: Path, sequence: Sequence, drawn: dict[str, list[FlowPair]]) -> None:
    """Truth and the completed flows of the middle pair, less the median of the truth."""
    middle = len(sequence.pairs) // 2
    truth, region = sequence.forward[middle], sequence.pairs[middle].region
    rows = {"input": sequence.pairs[middle].forward, "truth": truth}
    rows |= {name: done[middle].forward for name, done in drawn.items()}
    centre = np.median(truth, axis=(0, 1))
    norm = max(float(np.quantile(np.linalg.norm(truth - centre, axis=-1), 0.99)), 0.5)
    edge = cv2.morphologyEx(region.view(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    pictures = []
    for flow in rows.values():
        picture = flow_to_colour(torch.from_numpy(flow - centre).permute(2, 0, 1), max_norm=norm)
        picture[:, torch.from_numpy(edge)] = 0
        pictures.append(picture)
    save_image(path, contact_sheet(pictures, columns=3, titles=list(rows)))


if __name__ == "__main__":
    main()
