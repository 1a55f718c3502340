"""How much nobody can know who animates a person without the distance that each video was filmed from.

    python packages/animate/benchmarks/bench_distance.py [--people 50]

A person of rendered motion, filmed from a distance that is drawn for that motion, beside the same person in the very
same motion from the distance in the middle: the best guess of somebody who knows all but the distance. Prints the mean
IoU of the two figures over all frames, and that of another person filmed from the right distance.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from fractions import Fraction

import numpy as np
import torch

from maskreel.common.metrics import iou
from maskreel.common.world import ActorsScene

_MIDDLE = 0.77  # of the heights that a scene draws
_SEED = 3_000_017


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--size", type=int, default=128)
    options = parser.parse_args()
    drawn = ActorsScene(size=(options.size, options.size), frames=4, fps=Fraction(2))
    guessed = replace(drawn, person_height=_MIDDLE)
    rows = []
    for number in range(options.people):
        person, other, motion, place = np.random.SeedSequence([_SEED, number]).generate_state(4).tolist()
        truth = _masks(drawn, person, motion, place)
        rows.append([iou(_masks(*seen, motion, place), truth).mean() for seen in ((guessed, person), (drawn, other))])
    found = torch.tensor(rows, dtype=torch.float64)
    spread = found.std(0) / len(found) ** 0.5
    for name, mean, error in zip(("all but the distance", "somebody else"), found.mean(0), spread, strict=True):
        print(f"{name}: IoU {mean:.3f} (standard error {error:.3f})")


def _masks(scene: ActorsScene, person: int, motion: int, place: int) -> torch.Tensor:
    """Bool (T, S, S)."""
    return scene.compose(person, motion, place).visible.any(dim=1)


if __name__ == "__main__":
    main()
