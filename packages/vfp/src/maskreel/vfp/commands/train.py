"""`maskreel vfp train`: the network that predicts frames, from clips to weights with their record."""

from __future__ import annotations

import itertools
import logging
from dataclasses import replace
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import InputError, require_extra
from maskreel.common.training import TrainingConfig
from maskreel.vfp.commands._training import record
from maskreel.vfp.frames import FeedConfig, FrameLoss, PredictorConfig, SourceConfig, WindowConfig
from maskreel.vfp.timeline import FRAMES, OBSERVED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maskreel.vfp.frames import FramePredictor, Frames

logger = logging.getLogger(__name__)

SHIPPED = TrainingConfig(
    steps=1800,
    batch_size=4,
    optimiser="adamw",
    lr=2e-3,
    weight_decay=1e-2,
    schedule="onecycle",
    warmup=0.15,
    clip_norm=1.0,
    checkpoint_every=100,
    evaluate_every=250,
    samples_every=500,
    log_every=25,
)
"""What trained the weights that come with the package."""

_MEASURED = 200
"""Clips from which mean and std of the colours are taken."""


def train(
    data: tyro.conf.Positional[tuple[Path, ...]],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    config: TrainingConfig = SHIPPED,
    predictor: PredictorConfig = PredictorConfig(),  # noqa: B008 (frozen)
    windows: WindowConfig = WindowConfig(),  # noqa: B008
    loss: FrameLoss = FrameLoss(),  # noqa: B008
    feed: FeedConfig = FeedConfig(),  # noqa: B008
    sources: SourceConfig = SourceConfig(),  # noqa: B008
    held_out: tuple[Path, ...] = (),
    weights: Path | None = None,
    statistics: Literal["measured", "given"] = "measured",
    watched: int = 24,
) -> int:
    """Train a network that predicts frames 12 to 22 from frames 1 to 11, and measure it on held-out clips.

    Killed? Run the same command again: it goes on where it was. With the defaults, on the table scene in three
    difficulties, this made the weights that come with the package, in an hour on one core (`--threads 1`).

    Args:
        data: Where clips are: data sets or splits in the layout of vfp (DIR, DIR/train, DIR/unlabeled), folders of
            videos or of folders of frames, arrays uint8 (N, T, 3, H, W) as .npy. Of a data set DIR, it is train.
        output: The folder of the run: predictor.safetensors, predictor.json, log.jsonl and pictures.
        config: How it is trained.
        predictor: The network.
        windows: How clips are cut and varied.
        loss: What is minimised.
        feed: What a ConvLSTM is fed.
        sources: How clips are opened.
        held_out: Clips to measure on, like DATA; by default the val splits beside the train splits in DATA.
        weights: Start from these: those of another run, which then also say what the network is, or a checkpoint of
            OpenSTL or SimVP (.pth, .ckpt) that fits the flags of the network.
        statistics: Take the mean and std of the colours from DATA, or as the flags give them.
        watched: Held-out clips that are measured during training; all are at the end.
    """
    require_extra("maskreel-vfp[train]", "mmengine")
    import torch

    from maskreel.common.training import is_first
    from maskreel.common.training import train as run
    from maskreel.vfp.data import spread
    from maskreel.vfp.frames import FramePredictionTask, VideoWindows, save_predictor
    from maskreel.vfp.frames._sources import open_training_clips

    if not data:
        raise InputError("DATA must name one or more places of clips, such as a data set in the layout of vfp")
    _check_flags(predictor, windows, watched)
    seen = [clip for path in data for clip in open_training_clips(path, sources, output / "cache")]
    unseen = _held_out(held_out, data, sources, output / "cache")
    torch.manual_seed(config.seed)
    network = _network(_measured(predictor, seen) if statistics == "measured" else predictor, weights)
    looked_at = spread([clip for clips in unseen.values() for clip in clips], watched)
    task = FramePredictionTask(network, looked_at, loss=loss, feed=feed)
    result = run(task, VideoWindows(seen, windows), config, output)
    if is_first(config):
        quality = _quality(network, unseen)
        told = f"{len(seen)} clips of {' and '.join(map(_origin, data))}"
        about = record(config, result, data=told, quality=quality)
        save_predictor(network, output / "predictor.safetensors", about)
        logger.info("%s", output / "predictor.safetensors")
    return 0


def _check_flags(predictor: PredictorConfig, windows: WindowConfig, watched: int) -> None:
    if watched < 1:
        raise InputError(f"--watched must be 1 or more, got {watched}")
    fixed = predictor.head != "rollout" and predictor.network != "convlstm"
    if fixed and windows.ahead != FRAMES - OBSERVED:
        raise InputError(f"--ahead must be {FRAMES - OBSERVED} with --head {predictor.head}, got {windows.ahead}")


def _held_out(
    named: Sequence[Path], data: Sequence[Path], sources: SourceConfig, cache: Path
) -> dict[Path, Sequence[Frames]]:
    """The clips to measure on, by their places: those that are named, else the val splits beside the train splits."""
    from maskreel.vfp.frames._sources import held_out_of, open_training_clips

    paths = named or [path for path in map(held_out_of, data) if path is not None]
    unseen = {path: open_training_clips(path, sources, cache) for path in paths}
    for path, clips in unseen.items():
        if min(clip.shape[0] for clip in clips) < FRAMES:
            raise InputError(f"{path} holds a clip of fewer than {FRAMES} frames, too short to be held out")
    return unseen


def _measured(predictor: PredictorConfig, clips: Sequence[Frames]) -> PredictorConfig:
    from maskreel.vfp.data import channel_statistics, spread
    from maskreel.vfp.frames._frames import as_tensor

    found = channel_statistics(as_tensor(clip[:OBSERVED]) for clip in spread(clips, _MEASURED))
    logger.info("mean of red, green, blue: %s, standard deviation: %s", found.mean, found.std)
    return replace(predictor, mean=found.mean, std=found.std)


def _network(config: PredictorConfig, weights: Path | None) -> FramePredictor:
    from maskreel.vfp.frames import build_predictor, start_from

    network = build_predictor(config) if weights is None else start_from(weights, config)
    millions = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    logger.info("%s, head %s: %.2f million parameters", network.config.network, network.config.head, millions)
    return network


def _quality(network: FramePredictor, unseen: Mapping[Path, Sequence[Frames]]) -> dict[str, float]:
    """Scores of the network and the baselines on each held-out source, by names such as easy_copy_last_psnr."""
    from maskreel.vfp.frames import BASELINES, frame_quality

    forecasts = {"": network.predict, **{f"{name}_": forecast for name, forecast in BASELINES.items()}}
    scores: dict[str, float] = {}
    for (path, clips), (name, predict) in itertools.product(unseen.items(), forecasts.items()):
        with progress(description=f"measure {name or 'network'}", total=len(clips), unit="clips") as bar:
            overall = frame_quality(predict, clips, first=network.first, progress=bar.update).overall
        source = "" if len(unseen) == 1 else f"{path.parent.name if path.name == 'val' else path.stem}_"
        for key in ("psnr", "ssim", "mse"):
            scores[f"{source}{name}{key}"] = getattr(overall, key)
            logger.info("%s%s%s: %.5g", source, name, key, scores[f"{source}{name}{key}"])
    _warn(scores)
    return scores


def _warn(scores: Mapping[str, float]) -> None:
    """A training that was for nothing should say so."""
    for name, value in scores.items():
        source, found, measure = name.partition("copy_last_")
        if found and measure in ("psnr", "ssim") and not scores[f"{source}{measure}"] > value:
            logger.warning("%s%s is not better than that of the last observed frame, copied", source, measure)


def _origin(path: Path) -> str:
    """What a source is, in words."""
    from maskreel.common.world import origin_of

    return origin_of(path.parent if path.name == "train" else path)
