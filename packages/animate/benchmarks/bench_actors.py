"""Reconstruction, animation of one person by another, and change of background on people nobody has trained on.

    python packages/animate/benchmarks/bench_actors.py /tmp/bench_actors
    python packages/animate/benchmarks/bench_actors.py /tmp/bench_actors --weights run/animation.safetensors

The exact result of everything is known: identity, pose and place of the rendered people are exchanged one by one. The
row "exact result" shows what the metrics make of it, so how far anything could get. Prints all tables and the goals,
and writes report.html, scores.csv, scores.json and contact sheets of every video: look at them. Rendered videos stay in
the folder, for the next weights. With the small model 50 videos take about 7 minutes on one core.
"""

from __future__ import annotations

import logging

import torch
from _people import parser_of

from maskreel.animate.commands.evaluate import evaluate


def main() -> None:
    options = parser_of(__doc__).parse_args()
    torch.set_num_threads(options.threads)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    weights = None if options.weights is None else options.weights.resolve()
    name = "shipped" if weights is None else f"{weights.parent.name}_{weights.stem}"
    evaluate(
        options.out / name,
        world=options.videos,
        weights=weights,
        frames=options.frames,
        cache=options.out / "cache",
        shown=options.videos,
    )


if __name__ == "__main__":
    main()
