"""Whether m of other weights finds the subject of the results, too.

    git show c62475d^:packages/animate/src/maskreel/animate/tiny.safetensors > /tmp/before.safetensors
    python packages/animate/benchmarks/bench_judge.py /tmp/bench_actors --judge /tmp/before.safetensors

A model that was trained with --consistency-weight pleases its own m, which therefore says too much good of it. The m of
weights that it was not trained against is a better witness. Rendered people whom nobody has trained on, reconstructed
and moved by somebody else. Prints the mean IoU of the subject that each m finds with the true one. Rendered videos are
those of bench_actors.py, in the same folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from _people import parser_of

from maskreel.animate.evaluation import ANIMATION, RECONSTRUCTION, animate, found_masks, stored_case
from maskreel.animate.weights import load_model
from maskreel.common.cli import plain_table
from maskreel.common.metrics import iou

if TYPE_CHECKING:
    import argparse

    from maskreel.animate.evaluation import WorldCase
    from maskreel.animate.model import AnimationModel

WAYS = ("raw", "refined")


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    model = load_model(options.weights)
    judges = model, load_model(options.judge)
    sums: dict[tuple[str, str], torch.Tensor] = {}
    for number in range(options.videos):
        case = stored_case(options.out / "cache", number, size=model.config.size, frames=options.frames)
        for key, found in _scores(model, case, judges).items():
            sums[key] = sums.get(key, torch.zeros(len(judges), dtype=torch.float64)) + found
    rows = [(*key, *(f"{value / options.videos:.4f}" for value in total.tolist())) for key, total in sums.items()]
    print(plain_table(("task", "method", "its own m", "m of the judge"), rows), end="")


def _scores(
    model: AnimationModel, case: WorldCase, judges: tuple[AnimationModel, ...]
) -> dict[tuple[str, str], torch.Tensor]:
    """By task and method: mean IoU with the truth of what each judge finds, float64."""
    tasks = {RECONSTRUCTION: (case.own, case.own_masks), ANIMATION: (case.driving, case.target_masks)}
    scores = {}
    for task, (driving, truth) in tasks.items():
        for way, made in animate(model, case.source, driving).results(WAYS).items():
            found = [iou(found_masks(judge, made), truth).mean() for judge in judges]
            scores[task, way] = torch.stack(found).double()
    return scores


def _options() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("--judge", type=Path, required=True, help="weights (.safetensors) whose m judges, too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
