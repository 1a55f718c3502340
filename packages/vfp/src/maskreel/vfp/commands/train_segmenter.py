"""`maskreel vfp train-segmenter`: from labelled videos and blur images to weights with their record."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import InputError, require_extra
from maskreel.common.training import TrainingConfig
from maskreel.vfp.commands._training import record
from maskreel.vfp.timeline import OBSERVED, TARGET

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maskreel.common.datasets import Pixels, VfpSequence
    from maskreel.vfp.segmentation import FrameKind, SegmenterConfig

    Clips = Sequence[tuple[Pixels, Pixels]]

logger = logging.getLogger(__name__)

SHIPPED = TrainingConfig(
    steps=1500,
    batch_size=8,
    optimiser="adamw",
    lr=1e-3,
    weight_decay=1e-2,
    schedule="onecycle",
    warmup=0.1,
    clip_norm=10.0,
    checkpoint_every=100,
    evaluate_every=500,
    samples_every=500,
)
"""What trained the weights that come with the package."""


def train_segmenter(
    data: tyro.conf.Positional[tuple[Path, ...]],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    config: TrainingConfig = SHIPPED,
    network: Literal["shapes", "resnet50", "unet"] = "shapes",
    start: Literal["shapes", "scratch"] | Path = "shapes",
    blur: tuple[Path, ...] = (),
    held_out_blur: tuple[Path, ...] = (),
    blur_share: float = 0.5,
    calibration: int = 150,
    measured: int = 40,
    quarantine: tuple[Path, ...] = (),
    skip_bad: bool = False,
) -> int:
    """Train a segmenter on frames 1 to 11 of labelled videos and on predicted frames (`maskreel vfp blur`).

    With blur images it also chooses, on some of those that it is trained on, which detections in predicted frames to
    believe, so that the IoU of frame 22 is highest, and saves that with the weights. Killed? Run the same command
    again: it goes on where it was.

    Args:
        data: Data sets in the layout of vfp with train and val.
        output: The folder of the run: segmenter.safetensors, segmenter.json, log.jsonl and pictures.
        config: How it is trained.
        network: The small Mask R-CNN of this project, torchvision's with ResNet-50 and FPN, or the small U-Net.
        start: The weights of shapes that come with maskreel.common, new ones, or a file.
        blur: Folders of blur images of train videos.
        held_out_blur: Folders of blur images of val videos, to measure on.
        blur_share: Share of predicted frames among what it is trained on.
        calibration: Predicted last frames of train videos on which detections are judged.
        measured: Val videos of each data set to measure on.
        quarantine: A list of videos to leave out, as check-data writes it: one of all data sets, or one for each, in
            their order.
        skip_bad: Check all videos first and leave out the bad ones by name; else the first one ends the run.
    """
    _check(network, start)
    import torch

    from maskreel.common.training import is_first, train
    from maskreel.vfp.segmentation import BlurImages, Mixture, SegmenterTask, observed_clip, save_segmenter

    seen, unseen = _opened(data, quarantine, skip_bad=skip_bad, measured=measured)
    blurred = [clip for path in blur for clip in BlurImages(path).clips]
    last = {path: BlurImages(path, only=(TARGET,)).clips for path in held_out_blur}
    torch.manual_seed(config.seed)
    module, settings = _begin(network, start, seen)
    task = SegmenterTask(module, settings, observed=_some(unseen, 24), predicted=_some(last, 240))
    mixture = Mixture([observed_clip(one) for one in seen], blurred, blur_share=blur_share)
    result = train(task, mixture, config, output)
    if not is_first(config):
        return 0
    if blur and network != "unet":
        settings = _calibrated(module, settings, _last(blur, calibration))
    quality = _quality(module, settings, unseen, last)
    told = (
        f"frames 1 to 11 of {len(seen)} videos and predicted frames of {len(blurred)}, of {', '.join(map(str, data))}"
    )
    about = record(config, result, data=told, quality=quality)
    save_segmenter(module, output / "segmenter.safetensors", settings, about)
    logger.info("%s", output / "segmenter.safetensors")
    return 0


def _check(network: str, start: str | Path) -> None:
    """Before the work, not after it."""
    if start == "shapes" and network != "shapes":
        raise InputError(f"--start shapes goes with --network shapes, not {network}; say --start scratch or a file")
    require_extra("maskreel-vfp[train]", "mmengine")
    if network != "unet":
        require_extra("maskreel-vfp[segment]", "torchvision")


def _opened(
    data: Sequence[Path], quarantine: Sequence[Path], *, skip_bad: bool, measured: int
) -> tuple[list[VfpSequence], dict[Path, Clips]]:
    """The train videos of all data sets, and of each some clips of its val videos."""
    from maskreel.vfp.data import lists_for, open_split, spread
    from maskreel.vfp.segmentation import observed_clip

    seen: list[VfpSequence] = []
    unseen: dict[Path, Clips] = {}
    for path, unwanted in zip(data, lists_for(data, quarantine), strict=True):
        seen += open_split(path, "train", quarantine=unwanted, skip_bad=skip_bad)
        held_out = list(open_split(path, "val", quarantine=unwanted, skip_bad=skip_bad))
        unseen[path] = [observed_clip(video) for video in spread(held_out, measured)]
    return seen, unseen


def _begin(network: Any, start: str | Path, videos: Sequence[VfpSequence]) -> tuple[Any, SegmenterConfig]:
    """The network to train, and its configuration."""
    from maskreel.common.maskrcnn import shapes_maskrcnn
    from maskreel.vfp.segmentation import SegmenterConfig, build_segmenter_network, load_segmenter_network

    if start == "shapes":
        return shapes_maskrcnn().network.requires_grad_(True), SegmenterConfig()
    if start == "scratch":
        settings = SegmenterConfig(network=network)
        if network == "resnet50":
            settings = _with_statistics(settings, videos)
        return build_segmenter_network(settings), settings
    loaded, settings = load_segmenter_network(start)
    if settings.network != network:
        raise InputError(f"{start} holds the network {settings.network}, but --network asks for {network}")
    return loaded.requires_grad_(True), settings


def _with_statistics(settings: SegmenterConfig, videos: Sequence[VfpSequence]) -> SegmenterConfig:
    """Mean and standard deviation of the data's own colours."""
    from maskreel.vfp.data import channel_statistics, spread

    found = channel_statistics(video.frames(0, OBSERVED) for video in spread(videos, 200))
    mean, std = (tuple(round(value, 4) for value in values) for values in (found.mean, found.std))
    return replace(settings, mean=mean, std=std)


def _last(folders: Sequence[Path], count: int) -> Clips:
    """Some predicted frames 22, evenly from all folders."""
    from maskreel.vfp.data import spread
    from maskreel.vfp.segmentation import BlurImages

    return spread([clip for folder in folders for clip in BlurImages(folder, only=(TARGET,)).clips], count)


def _calibrated(module: Any, settings: SegmenterConfig, clips: Clips) -> SegmenterConfig:
    from maskreel.vfp.segmentation import MaskRCNNSegmenter, calibrate_painting, segmenter_of

    with progress(description="calibrate", total=len(clips)) as bar:
        segmenter = segmenter_of(module.eval(), settings, frames="predicted", quick=False)
        assert isinstance(segmenter, MaskRCNNSegmenter), "a U-Net has nothing to choose"
        scored = calibrate_painting(segmenter.model, clips, progress=bar.update)
    for one in scored:
        logger.info("%s: IoU %.4f", one.painting, one.iou)
    best = scored[0].painting
    return replace(settings, predicted_score=best.min_score, predicted_share=best.share)


def _quality(
    module: Any, settings: SegmenterConfig, observed: Mapping[Path, Clips], predicted: Mapping[Path, Clips]
) -> dict[str, float]:
    """IoU by data set and kind of frame."""
    from maskreel.vfp.segmentation import check_colour_order, pooled_iou, segmenter_of

    quality: dict[str, float] = {}
    kinds: dict[FrameKind, Mapping[Path, Clips]] = {"observed": observed, "predicted": predicted}
    for kind, sources in kinds.items():
        segmenter = segmenter_of(module.eval(), settings, frames=kind)
        for path, clips in sources.items():
            metric = pooled_iou(segmenter, clips)
            if kind == "observed":
                check_colour_order(metric, path)
            quality[f"{path.name}_{kind}_iou"] = round(metric.compute(), 4)
    for name, value in quality.items():
        logger.info("%s: %s", name, value)
    return quality


def _some(sources: Mapping[Path, Clips], count: int) -> Clips:
    from maskreel.vfp.data import spread

    return spread([clip for clips in sources.values() for clip in clips], count)
