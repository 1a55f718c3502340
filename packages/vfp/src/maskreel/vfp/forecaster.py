"""`MaskForecaster`: from 11 frames to the mask of the 22nd, one clip after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from maskreel.common.device import chosen_device
from maskreel.vfp.config import ForecastConfig
from maskreel.vfp.occupancy import Occupancy
from maskreel.vfp.timeline import OBSERVED, SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

    from maskreel.vfp.config import Method
    from maskreel.vfp.interaction import InteractionForecaster
    from maskreel.vfp.objects import ObjectForecaster

    Part = Callable[[torch.Tensor], Occupancy]

__all__ = ["Forecast", "MaskForecaster"]

_THRESHOLDS: dict[Method, float | None] = {"best": 0.35, "objects": 0.35, "masks": None, "frames": None, "copy": None}
"""Those with which the masks of frame 22 fitted 180 training clips of the table scene best, of 0.25, 0.3, ... 0.45; a
network on masks knows its own."""
_SHARES = (1.0, 0.25, 0.25)
"""What objects, interaction and masks count in the best forecast; chosen on the same training clips."""


@dataclass(frozen=True)
class Forecast:
    """What is forecast for one clip, and what it rests on."""

    labels: torch.Tensor
    """uint8 (H, W): the label map of frame 22."""
    observed: torch.Tensor
    """uint8 (11, H, W): the label maps of the frames that were given."""
    occupancy: Occupancy
    """How probable every object is in every pixel of frame 22."""
    frames: torch.Tensor | None = None
    """uint8 (11, 3, H, W): the predicted frames 12 to 22, by the method frames."""


class MaskForecaster:
    """Forecasts the label map of frame 22 from frames 1 to 11 by the method of a config.

        forecaster = MaskForecaster()
        forecaster.forecast(frames).labels

    Weights are loaded once, on construction.

    Raises:
        InputError: Weights are missing or do not fit.
        MissingExtraError: torchvision, which the segmenter needs, is not installed.
    """

    def __init__(self, config: ForecastConfig = ForecastConfig()) -> None:  # noqa: B008 (frozen)
        from maskreel.vfp.segmentation import load_segmenter

        self.config = config
        self._device = torch.device(chosen_device(config.device))
        self._segment = load_segmenter(config.segmenter).to(self._device)
        self._forecast_frames = _FrameMethod(config, self._device) if config.method == "frames" else None
        self._forecast_masks = _mask_method(config, self._device)
        self._threshold = _threshold(config, self._forecast_masks)

    @torch.inference_mode()
    def forecast(self, frames: torch.Tensor, *, observed: torch.Tensor | None = None) -> Forecast:
        """Forecast one clip.

        Args:
            frames: The 11 frames that are known, uint8 (11, 3, 160, 240), RGB.
            observed: Their label maps, uint8 (11, 160, 240), if they are known; None: they are segmented.

        Raises:
            TypeError: The frames are not uint8.
            ValueError: They have another shape.
        """
        if frames.dtype != torch.uint8:
            raise TypeError(f"frames must be uint8, got {frames.dtype}")
        if tuple(frames.shape) != (OBSERVED, 3, *SIZE):
            raise ValueError(f"frames must have shape {(OBSERVED, 3, *SIZE)}, got {tuple(frames.shape)}")
        maps = self._segment(frames) if observed is None else observed
        if self._forecast_frames is not None:
            predicted, labels = self._forecast_frames(frames)
            return Forecast(labels, maps, Occupancy.of_labels(labels), predicted)
        occupancy = self._forecast_masks(maps)
        return Forecast(occupancy.above(self._threshold), maps, occupancy)


class _FrameMethod:
    """Predicted frames, the last of which is segmented."""

    def __init__(self, config: ForecastConfig, device: torch.device) -> None:
        from maskreel.vfp.frames import load_predictor
        from maskreel.vfp.segmentation import load_segmenter

        self._predictor = load_predictor(config.predictor).to(device)
        self._segment = load_segmenter(config.segmenter, frames="predicted").to(device)
        self._device = device

    def __call__(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Predicted frames uint8 (11, 3, H, W) and the label map of the last."""
        predicted = self._predictor.predict(frames[None].to(self._device))[0].cpu()
        return predicted, self._segment(predicted[-1:])[0]


class _Blend:
    """The mean of three forecasts, two of which go by the same tracks."""

    def __init__(self, objects: ObjectForecaster, interaction: InteractionForecaster, masks: Part) -> None:
        self._objects, self._interaction, self._masks = objects, interaction, masks

    def __call__(self, labels: torch.Tensor) -> Occupancy:
        from maskreel.vfp.objects.tracks import observed_tracks

        clip = observed_tracks(self._objects.table, labels)
        parts = (self._objects.of_tracks(clip), self._interaction.of_tracks(clip), self._masks(labels))
        return Occupancy.mean(parts, _SHARES)


def _mask_method(config: ForecastConfig, device: torch.device) -> Part:
    """The forecaster that works on label maps."""
    if config.method == "objects":
        return _objects(config)
    if config.method == "masks":
        return _masks(config, device)
    if config.method == "best":
        from maskreel.vfp.interaction import InteractionForecaster, load_interaction

        objects, network = _objects(config), load_interaction(config.interaction).to(device)
        interaction = InteractionForecaster(network, objects.table, futures=config.futures, seed=config.seed)
        return _Blend(objects, interaction, _masks(config, device))
    return lambda labels: Occupancy.of_labels(labels[-1])


def _objects(config: ForecastConfig) -> ObjectForecaster:
    from maskreel.vfp.objects import ObjectForecaster, Table

    return ObjectForecaster(Table.load(config.table), futures=config.futures, seed=config.seed)


def _masks(config: ForecastConfig, device: torch.device) -> Part:
    from maskreel.vfp.masks import MaskSpaceForecaster, load_mask_network

    return MaskSpaceForecaster(load_mask_network(config.masks).to(device))


def _threshold(config: ForecastConfig, part: Part) -> float | None:
    from maskreel.vfp.masks import MaskSpaceForecaster

    if config.threshold is not None:
        return config.threshold
    return part.network.config.threshold if isinstance(part, MaskSpaceForecaster) else _THRESHOLDS[config.method]
