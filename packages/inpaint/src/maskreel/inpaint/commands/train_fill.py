"""`maskreel inpaint train-fill`: the small network that paints holes, from pictures to weights with their record."""

from __future__ import annotations

import logging
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import InputError, require_extra
from maskreel.common.training import TrainingConfig

if TYPE_CHECKING:
    from maskreel.common.training import TrainingResult
    from maskreel.inpaint.generator import FillNetwork, FillTask, HoleSamples
    from maskreel.inpaint.generator._pool import StoredImage

__all__ = ["DEFAULTS", "train_fill"]

logger = logging.getLogger(__name__)

DEFAULTS = TrainingConfig(
    steps=6000,
    batch_size=4,
    optimiser="adamw",
    lr=1.5e-3,
    weight_decay=1e-3,
    schedule="cosine",
    warmup=0.03,
    clip_norm=1.0,
    ema=0.995,
    checkpoint_every=100,
    evaluate_every=500,
    samples_every=500,
    best="psnr",
)
"""About half an hour on a core. How the package's own weights came about stands in generator/small.json."""

_HELD_OUT_SEED = 1_000_003
_WATCH_SEED = 7
_LEAST_SIDE = 64


def train_fill(
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    config: TrainingConfig = DEFAULTS,
    images: tuple[Path, ...] = (),
    cache: Path | None = None,
    rendered: int = 2400,
    watched: int = 96,
    side: int = 96,
    weights: Path | None = None,
) -> int:
    """Train the small network that paints holes of single images (`--fill small`), and measure it.

    It learns from pictures with made-up holes (people, brush strokes, boxes): by default from rendered lectures,
    people, tables and textures alone, which needs no download. With --images it learns from yours too, which is best
    for one kind of video: take frames without the people that are to be removed.

    Killed? Run the same command again: it goes on where it was. Several processes: torchrun with --launcher pytorch,
    or srun with --launcher slurm.

    Args:
        output: The folder of the run: generator.safetensors, generator.json, log.jsonl, samples/ (masked, first guess,
            painted, true, from top to bottom).
        config: How it is trained.
        images: Folders with images or videos to learn from besides the rendered pictures; all folders in them count.
        cache: Where rendered pictures and copies of yours are kept for other runs; by default OUTPUT/cache.
        rendered: Rendered pictures to learn from; 0 only with --images.
        watched: Held-out rendered pictures that the quality is measured on; other seeds than the training's.
        side: Height and width in pixels of the crops, a multiple of 8; holes are a third to most of it.
        weights: Start from these, for example the package's own, in place of random ones.
    """
    require_extra("maskreel-inpaint[train]", "mmengine")
    _check(images, rendered, watched, side)
    import torch

    from maskreel.common.training import is_first, train
    from maskreel.inpaint.generator import FillNetwork, FillTask, HoleSamples, load_generator

    place = output / "cache" if cache is None else cache
    pictures = _pictures(images, rendered, config.seed, place)
    samples = HoleSamples(pictures, side=side)
    held_out = HoleSamples(_rendered(place, watched, _HELD_OUT_SEED), side=side)
    torch.manual_seed(config.seed)
    network = FillNetwork() if weights is None else load_generator(weights).requires_grad_(True)
    task = FillTask(network, _fixed(held_out))
    result = train(task, samples, config, output)
    if is_first(config):
        _save(network, task, output, config, result, _told(images, rendered, config.seed))
    return 0


def _check(images: tuple[Path, ...], rendered: int, watched: int, side: int) -> None:
    if rendered < 0 or (rendered == 0 and not images):
        raise InputError(f"--rendered must be 1 or more, or 0 with --images, got {rendered}")
    if watched < 1:
        raise InputError(f"--watched must be 1 or more, got {watched}")
    if side < _LEAST_SIDE or side % 8:
        raise InputError(f"--side must be a multiple of 8 and {_LEAST_SIDE} or more, got {side}")


def _pictures(images: tuple[Path, ...], rendered: int, seed: int, cache: Path) -> list[StoredImage]:
    from maskreel.inpaint.generator import images_of

    found = _rendered(cache, rendered, seed) if rendered else []
    for folder in images:
        with progress(description=f"read {folder}", total=None, unit="files") as bar:
            found += images_of(folder, cache / "given", progress=bar.update)
    return found


def _rendered(cache: Path, count: int, seed: int) -> list[StoredImage]:
    from maskreel.inpaint.generator import rendered_images

    with progress(description="render", total=count, unit="pictures") as bar:
        return rendered_images(cache / "rendered", count, seed=seed, progress=bar.update)


def _fixed(samples: HoleSamples) -> list[dict[str, Any]]:
    """One sample of every picture, the same in every run."""
    import numpy as np

    return [samples.sample(index, np.random.default_rng([_WATCH_SEED, index])) for index in range(len(samples))]


def _told(images: tuple[Path, ...], rendered: int, seed: int) -> str:
    parts = [f"{rendered} rendered pictures (lectures, people, tables, textures), seed {seed}"] if rendered else []
    return " and ".join([*parts, *(f"images and videos of {folder}" for folder in images)])


def _save(
    network: FillNetwork, task: FillTask, output: Path, config: TrainingConfig, result: TrainingResult, data: str
) -> None:
    from maskreel.common.training import provenance
    from maskreel.inpaint.generator import load_generator, save_generator

    path = output / "generator.safetensors"
    if result.best_weights is not None:
        network.load_state_dict(load_generator(result.best_weights).state_dict())
    quality = task.evaluate(network.eval())
    record = {"data": data, **provenance(config, result), "quality": quality}
    save_generator(network, path, record)
    for name, value in quality.items():
        logger.info("%s: %.4g", name, value)
    if quality["psnr"] <= quality["guess_psnr"]:
        logger.warning("the network is not better than the classical fill that it starts from; train it for longer")
    logger.info("%s", path)
