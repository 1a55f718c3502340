"""People, by DeepLabv3 (Chen et al. 2017), FCN (Long et al. 2015) or another network of mmsegmentation."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Self

import torch
from torch.nn import functional

from maskreel.common.errors import InputError
from maskreel.common.weights import load_into
from maskreel.inpaint.openmmlab._checkpoints import Checkpoint, read_checkpoint
from maskreel.inpaint.openmmlab._class_names import class_names, person_classes
from maskreel.inpaint.openmmlab._configs import build_network, read_config, scope
from maskreel.inpaint.segmenters.person_masks import PersonSegmenter

if TYPE_CHECKING:
    import os

    import numpy as np

    from maskreel.inpaint._device import Device

_CONFIGS = {
    "deeplabv3": "deeplabv3_r50-d8_4xb4-20k_voc12aug-512x512",
    "fcn": "fcn_r50-d8_4xb4-20k_voc12aug-512x512",
}
_TRAINING_ONLY = "auxiliary_head"  # a second head, for its loss


class OpenMMLabSegmenter(PersonSegmenter):
    """Segments people with a network of mmsegmentation. A `Segmenter`.

    Which class is a person is read from the checkpoint, or from the data set of the configuration. Frames are resized
    with anti-aliasing and normalised as the configuration says; the probability of a person is brought back to the
    frame's size, bilinearly. The network works on the CPU or a GPU; masks come back on the CPU.

    Args:
        weights: a checkpoint of mmsegmentation for this very network.
        config: "deeplabv3" or "fcn" (ResNet-50, 21 classes of Pascal VOC), the name of a configuration that
            mmsegmentation brings, or the path of one (which is read without running it).
        device: where the network works; auto is CUDA where there is a device, else the CPU.
        short_side: pixels that the frame's shorter side is resized to; None keeps frames as they are. Time grows with
            its square.
        low: probability that a pixel needs where it hangs together with a likelier one.
        high: probability that one pixel of a region needs for the region to count.
        batch: frames that go through the network at a time, at most. Memory grows with it.

    Raises:
        InputError: the weights are not to be had or not for this network, there is no such configuration, no class is
            a person, or cuda is asked for, and there is none.
        MissingExtraError: OpenMMLab is not installed.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str],
        *,
        config: str | os.PathLike[str] = "deeplabv3",
        device: Device | torch.device = "auto",
        short_side: int | None = 512,
        low: float = 0.3,
        high: float = 0.6,
        batch: int = 4,
    ) -> None:
        self._set_up(read_checkpoint(weights), config, device, short_side, low, high, batch)

    @classmethod
    def with_random_weights(
        cls,
        *,
        config: str | os.PathLike[str] = "deeplabv3",
        device: Device | torch.device = "auto",
        short_side: int | None = 512,
        low: float = 0.3,
        high: float = 0.6,
        batch: int = 4,
    ) -> Self:
        """A network that was never trained, always the same one: its masks mean nothing. For tests and timing."""
        segmenter = cls.__new__(cls)
        segmenter._set_up(None, config, device, short_side, low, high, batch)
        return segmenter

    def _set_up(
        self,
        checkpoint: Checkpoint | None,
        config: str | os.PathLike[str],
        device: Device | torch.device,
        short_side: int | None,
        low: float,
        high: float,
        batch: int,
    ) -> None:
        super().__init__(device, short_side, low=low, high=high, batch=batch)
        settings = read_config("mmseg", config, _CONFIGS)
        classes = class_names({} if checkpoint is None else checkpoint.meta, settings)
        self._person = person_classes(classes)
        model = {key: value for key, value in settings.model.items() if key != _TRAINING_ONLY}
        network: Any = build_network("mmseg", model)
        if network.out_channels != len(classes):
            raise InputError(f"config {config} has {network.out_channels} outputs for {len(classes)} classes")
        if checkpoint is not None:
            kept = {k: v for k, v in checkpoint.state.items() if not k.startswith(f"{_TRAINING_ONLY}.")}
            load_into(network, kept, source=str(checkpoint.path))
        self._network: Any = network.to(self.device, memory_format=torch.channels_last)
        name = "random" if checkpoint is None else checkpoint.description
        self._description = f"{str(config)!r}, weights={name!r}"

    @torch.inference_mode()
    def _probabilities(self, frames: torch.Tensor) -> np.ndarray:
        """Probability of a person: uint8 (N, 3, H, W) -> float32 (N, H, W)."""
        # Resized on the CPU, so that the network sees the same picture on every device.
        pictures = _resized(frames.cpu().float(), self._short_side).to(self.device)
        size = pictures.shape[-2:]
        logits = self._logits(pictures.flip(1))[..., : size[0], : size[1]]
        person = logits.softmax(dim=1)[:, self._person].sum(dim=1, keepdim=True)
        return functional.interpolate(person, frames.shape[-2:], mode="bilinear")[:, 0].cpu().numpy()

    def _logits(self, pictures: torch.Tensor) -> torch.Tensor:
        """float32 (N, 3, H, W), BGR as mmsegmentation reads them, 0 to 255 -> (N, classes, H, W), perhaps padded."""
        sample_type = importlib.import_module("mmseg.structures").SegDataSample
        size = tuple(pictures.shape[-2:])
        meta = {"ori_shape": size, "img_shape": size, "pad_shape": size, "padding_size": [0, 0, 0, 0]}
        samples = [sample_type(metainfo=meta) for _ in pictures]
        with scope("mmseg"):
            data = self._network.data_preprocessor({"inputs": list(pictures), "data_samples": samples})
            inputs = data["inputs"].contiguous(memory_format=torch.channels_last)
            return self._network.inference(inputs, [sample.metainfo for sample in data["data_samples"]])


def _resized(frames: torch.Tensor, short_side: int | None) -> torch.Tensor:
    """float32 (N, 3, H, W) with the shorter side at `short_side`, rounded to whole levels as mmsegmentation does."""
    height, width = frames.shape[-2:]
    if short_side is None or short_side == min(height, width):
        return frames
    scale = short_side / min(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return functional.interpolate(frames, size, mode="bilinear", antialias=True).round_()
