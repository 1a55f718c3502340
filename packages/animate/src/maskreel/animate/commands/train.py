"""`maskreel animate train PRESET`: all six networks, from videos to weights with their record."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated

import tyro

from maskreel.animate.model_config import ModelConfig, published, tiny
from maskreel.animate.training.settings import ClipSettings, LossSettings
from maskreel.common.errors import InputError, require_extra
from maskreel.common.training import TrainingConfig

if TYPE_CHECKING:
    from maskreel.animate.model import AnimationModel
    from maskreel.animate.training.samples import Samples
    from maskreel.common.training import TrainingResult

__all__ = ["PRESETS"]

logger = logging.getLogger(__name__)


def _published(batch_size: int) -> TrainingConfig:
    return TrainingConfig(
        epochs=100,
        batch_size=batch_size,
        optimiser="adam",
        lr=2e-4,
        betas=(0.5, 0.999),
        schedule="step",
        milestones=(0.6, 0.9),
    )


_TAICHI, _VOX, _BAIR = _published(20), _published(16), _published(18)
_TINY = TrainingConfig(
    steps=2800,
    batch_size=4,
    optimiser="adam",
    lr=1e-3,
    betas=(0.5, 0.999),
    schedule="cosine",
    warmup=0.02,
    ema=0.995,
    checkpoint_every=100,
    evaluate_every=400,
    samples_every=200,
)
_VGG3, _VGG5 = LossSettings(compare="vgg3"), LossSettings(compare="vgg5")
_TINY_LOSS = LossSettings(
    compare="pyramid",
    refine_from=0.5,
    swap_from=3.75,
    truth_weight=10.0,
    crossed=None,
    redrawn=0.25,
    consistency_weight=10.0,
    pseudo_pairs=0.5,
    generated=0.25,
)
_CROSSED = 0.8
_EVERY_VIDEO = ClipSettings()


_SHORTEST_EPOCH = 100
"""Steps; with a few videos r and the swap would begin before masks mean anything."""


@dataclass(frozen=True, kw_only=True)
class _Train:
    """What all presets share; they differ in their defaults."""

    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """The folder of the run: animation.safetensors, animation.json, log.jsonl, and samples/ (source, driving frame,
    its mask, refined mask, first picture, final picture, background swap, from left to right)."""
    config: TrainingConfig
    """How they are trained."""
    model: ModelConfig
    """Sizes of the networks."""
    loss: LossSettings
    """What is minimised, and from when on."""
    clips: ClipSettings
    """How videos are read."""
    watched: int = 48
    """Held-out pairs of frames that the quality is measured on."""
    head_start: bool = False
    """Begin with networks that pass pictures on, in place of noise."""
    weights: Path | None = None
    """Begin with those networks of another run that are of the same sizes and purpose."""

    def run(self) -> int:
        """Train, measure, save."""
        require_extra("maskreel-animate[train]", "mmengine")
        if self.watched < 1:
            raise InputError(f"--watched must be 1 or more, got {self.watched}")
        import torch

        from maskreel.animate.training.held_out import HeldOutPairs
        from maskreel.animate.training.task import AnimationTask
        from maskreel.common.perceptual import perceptual_loss
        from maskreel.common.training import is_first, train

        compare = perceptual_loss(self.loss.compare, self.loss.vgg)
        samples = self._samples(self.clips.cache or self.output / "cache")
        torch.manual_seed(self.config.seed)
        network = self._network()
        epoch = max(len(samples.pairs) / self.config.batch_size, _SHORTEST_EPOCH)
        held_out = HeldOutPairs(samples.watched, warns=is_first(self.config))
        task = AnimationTask(network, compare, self._loss(samples), steps_per_epoch=epoch, held_out=held_out)
        result = train(task, samples.pairs, self.config, self.output)
        if is_first(self.config):
            self._save(network, result, samples.told)
        return 0

    def _samples(self, folder: Path) -> Samples:
        raise NotImplementedError

    def _loss(self, samples: Samples) -> LossSettings:
        """As asked for, as far as the data allow what is on by itself."""
        loss = self.loss if samples.has_masks else replace(self.loss, truth_weight=0.0)
        return loss if loss.crossed is not None else replace(loss, crossed=_CROSSED if samples.has_twins else 0.0)

    def _of_videos(self, root: Path, folder: Path) -> Samples:
        from maskreel.animate.training.samples import samples_of_videos

        return samples_of_videos(
            root,
            folder,
            self.model,
            self.clips,
            seed=self.config.seed,
            watched=self.watched,
            workers=self.config.workers,
        )

    def _network(self) -> AnimationModel:
        import torch

        from maskreel.animate.model import AnimationModel
        from maskreel.animate.training.start import pass_pictures_on, take_over
        from maskreel.animate.weights import load_model

        network = AnimationModel(self.model)
        if self.head_start:
            pass_pictures_on(network)
        if self.weights is not None:
            take_over(network, load_model(self.weights), told=str(self.weights))
        return network.to(memory_format=torch.channels_last)  # a tenth faster on CPUs, more on GPUs

    def _save(self, network: AnimationModel, result: TrainingResult, data: str) -> None:
        from maskreel.animate.weights import save_model
        from maskreel.common.training import provenance

        quality = result.metrics  # of these weights: the last step is always evaluated
        path = self.output / "animation.safetensors"
        record = {"data": data, **provenance(self.config, result), "quality": quality}
        save_model(network, path, record)
        for name, value in quality.items():
            logger.info("%s: %.4g", name, value)
        if quality["l1"] >= quality["l1_copy"]:
            logger.warning("the animated frame is not nearer to the truth than the source is; train for longer")
        logger.info("%s", path)


@dataclass(frozen=True, kw_only=True)
class Tiny(_Train):
    """Train small networks on rendered people, or on your videos, in an hour or two on two cores, without a download.

    Ten runs on rendered people, most of them longer, made the weights of the package (tiny.json beside them).
    Killed? Run the same command again: it goes on where it was.
    """

    data: tyro.conf.Positional[Path | None] = None
    """A folder of videos, one video, or a data set in the published layout; by default people are rendered."""
    rendered: int = 1600
    """Clips to render without DATA, each of another person."""
    config: TrainingConfig = _TINY
    model: ModelConfig = field(default_factory=tiny)
    loss: LossSettings = _TINY_LOSS
    clips: ClipSettings = _EVERY_VIDEO
    head_start: bool = True

    def _samples(self, folder: Path) -> Samples:
        from maskreel.animate.training.samples import samples_of_actors
        from maskreel.common.training import place_in_group

        if self.data is not None:
            return self._of_videos(self.data, folder)
        if self.rendered < 1:
            raise InputError(f"--rendered must be 1 or more, got {self.rendered}")
        return samples_of_actors(
            folder,
            self.model,
            clips=self.rendered,
            seed=self.config.seed,
            watched=self.watched,
            twins=self.loss.crossed != 0,
            workers=self.config.workers,
            place=place_in_group(self.config),
        )


@dataclass(frozen=True, kw_only=True)
class _Published(_Train):
    data: tyro.conf.Positional[Path]
    """A data set in the published layout (train/ and test/ with videos or folders of frames), any folder of videos, or
    one video."""
    model: ModelConfig = field(default_factory=published)
    loss: LossSettings = _VGG5

    def _samples(self, folder: Path) -> Samples:
        return self._of_videos(self.data, folder)


@dataclass(frozen=True, kw_only=True)
class Taichi(_Published):
    """Train the published networks as published for Tai-Chi-HD. Killed? Run the same command again: it goes on."""

    config: TrainingConfig = _TAICHI
    clips: ClipSettings = field(default_factory=lambda: ClipSettings(id_sampling=True, repeats=150))


@dataclass(frozen=True, kw_only=True)
class Vox(_Published):
    """Train the published networks as published for VoxCeleb. Killed? Run the same command again: it goes on."""

    config: TrainingConfig = _VOX
    model: ModelConfig = field(default_factory=lambda: published(100 / 255))
    loss: LossSettings = _VGG3
    clips: ClipSettings = field(default_factory=lambda: ClipSettings(id_sampling=True, repeats=75))


@dataclass(frozen=True, kw_only=True)
class Bair(_Published):
    """Train the published networks as published for BAIR. Killed? Run the same command again: it goes on."""

    config: TrainingConfig = _BAIR
    clips: ClipSettings = _EVERY_VIDEO


PRESETS = {"tiny": Tiny, "taichi": Taichi, "vox": Vox, "bair": Bair}
