"""Optical flow by RAFT (Teed and Deng, ECCV 2020), as torchvision builds and publishes it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch.nn import functional

from maskreel.common.errors import MissingExtraError
from maskreel.common.flow import resize_flow
from maskreel.common.weights import WeightsEntry, load_into, load_state_dict, short_identity, torchvision_entry
from maskreel.inpaint._device import network_device
from maskreel.inpaint._given_weights import given_weights
from maskreel.inpaint.flow.estimation import check_frames

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from maskreel.inpaint._device import Device

__all__ = ["RAFTFlow", "RAFTName", "published_raft_weights"]

RAFTName = Literal["raft-large", "raft-small"]

_MULTIPLE = 8  # the network computes at an eighth of the size
_MIN_SIDE = 128  # below, the coarsest level of its correlations is too small


class RAFTFlow:
    """Finds flow with RAFT. A `FlowEstimator`.

    Frames of any size: those whose sides are no multiples of 8, or below 128, are continued to the right and below by
    their last pixels, and the flow is cropped. Memory is dominated by the correlation of all pairs of pixels of both
    frames at an eighth of the size, 1.33 * 4 bytes * (H W / 64)^2 for a pair: 14 MB at 432x240, 1.1 GB at 1280x720,
    5.6 GB at 1920x1080. `scale` reduces it by its fourth power.

    Args:
        name: raft-large is the accurate one; raft-small has a fifth of its parameters.
        weights: a state dict for this very network, as .pth or .safetensors; None downloads the published one, once.
        device: where the network works; auto is CUDA where there is a device, else the CPU. Flow comes back on
            the CPU.
        iterations: how often the flow is refined. Time grows with it.
        batch: pairs that go through the network at a time, at most. Memory grows with it.
        scale: fraction (0, 1] of the frame's size at which flow is computed. The result always has the frame's size.
        amp: compute in half precision where that is safe. CUDA only.
        random_seed: values drawn at random instead of weights. Such a network finds no motion; it serves tests.

    Raises:
        InputError: the weights cannot be had, or are not for this network; or CUDA is asked for and there is none.
        MissingExtraError: torchvision is not installed.
    """

    def __init__(
        self,
        name: RAFTName = "raft-large",
        *,
        weights: str | os.PathLike[str] | None = None,
        device: Device | torch.device = "auto",
        iterations: int = 12,
        batch: int = 2,
        scale: float = 1.0,
        amp: bool = False,
        random_seed: int | None = None,
    ) -> None:
        if iterations < 1 or batch < 1:
            raise ValueError(f"iterations and batch must be 1 or more, got {iterations = }, {batch = }")
        if not 0 < scale <= 1:
            raise ValueError(f"scale must be above 0 and at most 1, got {scale}")
        if weights is not None and random_seed is not None:
            raise ValueError(f"give weights or random_seed, not both, got {weights = }, {random_seed = }")
        variant = _variant(name)
        self.device = network_device(device)
        if amp and self.device.type != "cuda":
            raise ValueError(f"amp works on cuda only, got device {self.device.type}")
        if random_seed is not None:
            network, source = _random(variant, random_seed), f"random {random_seed}"
        else:
            path = published_raft_weights(name).fetch() if weights is None else given_weights(weights)
            network, source = _loaded(variant, path), short_identity(path)
        self._network = network.eval().to(self.device)
        self._iterations, self._batch, self._scale, self._amp = iterations, batch, scale, amp
        if amp:
            _correlate_in_full_precision(self._network)
        self._description = f"{name!r}, weights={source!r}, {iterations=}, {scale=}, {amp=}"

    def __repr__(self) -> str:
        """All that decides the flow, so that a job knows whether what was made earlier still holds."""
        return f"{type(self).__name__}({self._description})"

    @torch.inference_mode()
    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Flow from `first` to `second`, uint8 (N, 3, H, W) each, as float32 (N, 2, H, W) on the CPU.

        Raises:
            TypeError: a frame is not uint8.
            ValueError: the shapes differ or are not (N, 3, H, W).
        """
        check_frames(first, second)
        count, _, height, width = first.shape
        flows = torch.empty(count, 2, height, width)
        for start in range(0, count, self._batch):
            part = slice(start, start + self._batch)
            flows[part] = self._flows(first[part], second[part])
        return flows

    def _flows(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        height, width = first.shape[-2:]
        small = (max(1, round(height * self._scale)), max(1, round(width * self._scale)))
        # Resized on the CPU, so that the network sees the same picture on every device.
        images = [_prepared(frames.cpu(), small).to(self.device) for frames in (first, second)]
        with self._precision():
            flow = self._network(*images, num_flow_updates=self._iterations)[-1]
        return resize_flow(flow[..., : small[0], : small[1]].float(), (height, width)).cpu()

    def _precision(self) -> AbstractContextManager[Any]:
        return torch.autocast("cuda", torch.float16) if self._amp else nullcontext()


def published_raft_weights(name: RAFTName) -> WeightsEntry:
    """The weights that torchvision publishes for a network; `.fetch()` gets them beforehand.

    Raises:
        MissingExtraError: torchvision is not installed.
    """
    published = _variant(name).published
    data = "FlyingChairs and FlyingThings3D"
    if "SKHT" in published.name:
        data += ", then Sintel, KITTI and HD1K"
    entry = torchvision_entry(published, data=data, preprocessing="RGB from -1 to 1, sides that are multiples of 8")
    return replace(entry, licence=f"BSD-3-Clause, torchvision's; the terms of its training data may apply: {data}")


@dataclass(frozen=True)
class _Variant:
    """One network of torchvision."""

    build: Callable[..., torch.nn.Module]
    published: Any
    """Its entry in torchvision's enum of weights."""


def _variant(name: RAFTName) -> _Variant:
    if name not in get_args(RAFTName):
        raise ValueError(f"name must be one of {', '.join(get_args(RAFTName))}, got {name!r}")
    try:
        from torchvision.models import optical_flow
    except ModuleNotFoundError as error:
        raise MissingExtraError("torchvision", "maskreel-inpaint[torchvision]") from error
    if name == "raft-small":
        return _Variant(optical_flow.raft_small, optical_flow.Raft_Small_Weights.C_T_V2)
    return _Variant(optical_flow.raft_large, optical_flow.Raft_Large_Weights.C_T_SKHT_V2)


def _loaded(variant: _Variant, path: Path) -> torch.nn.Module:
    """The network with the weights in `path`; every key and shape must fit."""
    state = load_state_dict(path)
    with torch.device("meta"):  # no time, memory or random numbers for first values that are replaced at once
        network = variant.build(weights=None)
    network.to_empty(device="cpu")
    load_into(network, state, source=str(path))
    return network


def _random(variant: _Variant, seed: int) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return variant.build(weights=None)


def _correlate_in_full_precision(network: Any) -> None:
    """Sums of products over hundreds of channels overflow half precision; the published code keeps them out of it."""
    build = network.corr_block.build_pyramid

    def build_pyramid(first: torch.Tensor, second: torch.Tensor) -> None:
        with torch.autocast("cuda", enabled=False):
            build(first.float(), second.float())

    network.corr_block.build_pyramid = build_pyramid


def _prepared(frames: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """uint8 (N, 3, H, W) as the network wants it: `size`, -1 to 1, continued to a size that it accepts."""
    images = frames.float() / 127.5 - 1
    if images.shape[-2:] != size:
        images = functional.interpolate(images, size, mode="bilinear", antialias=True)
    bottom, right = (max(_MIN_SIDE, -(-side // _MULTIPLE) * _MULTIPLE) - side for side in size)
    return functional.pad(images, (0, right, 0, bottom), mode="replicate")
