"""Published weights in DFC-S.

The checkpoints of the paper's authors (github.com/nbei/Deep-Flow-Guided-Video-Inpainting, MIT licence) are on Google
Drive only, so they cannot be fetched from here; the README there links to them:

    resnet50_stage1.pth                    stage 1
    davis_stage2.pth, davis_stage3.pth     stages 2 and 3, trained on DAVIS
    resnet101_movie.pth                    stage 1 of the demo, on a ResNet-101

Each holds {"n_iter", "model", "optimizer"}, with "module." before every name of the model, as DataParallel leaves it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from maskreel.common.errors import InputError
from maskreel.common.weights import load_into, load_state_dict, strip_prefix
from maskreel.inpaint.dfc.cascade import Cascade
from maskreel.inpaint.dfc.dfc_s import DFCS, dfc_s, dfc_s_movie

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["load_imagenet", "load_published", "published_cascade"]

_RESNET_101_ONLY = "layer3.6.conv1.weight"


def load_published(path: str | os.PathLike[str], *, stage: int) -> DFCS:
    """The network of a published checkpoint, for inference; a ResNet-101 is recognised by its names.

    Args:
        path: a checkpoint of the authors, or a plain state dict with the same names (.pth or .safetensors).
        stage: 1, 2 or 3: what the network is to be used for.

    Raises:
        InputError: the file is not there or not readable, or its network is not one for this stage.
    """
    if stage not in (1, 2, 3):
        raise ValueError(f"stage must be 1, 2 or 3, got {stage!r}")
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: there is no such weights file for stage {stage} of DFC-Net")
    state = _state(path)
    _check_stage(path, state, stage)
    # On the meta device first values, which are replaced at once, take no time, memory or random numbers.
    with torch.device("meta"):
        network = dfc_s_movie() if _RESNET_101_ONLY in state else _published_stage(stage)
    network.to_empty(device="cpu")
    for name, counter in network.named_buffers():
        if name.endswith("num_batches_tracked"):
            counter.zero_()  # old checkpoints lack them
    load_into(network, state, source=str(path))
    return network.eval()


def published_cascade(
    stage1: str | os.PathLike[str],
    stage2: str | os.PathLike[str] | None = None,
    stage3: str | os.PathLike[str] | None = None,
) -> Cascade:
    """DFC-Net with published weights; stages without a file are left out.

    Raises:
        InputError: see `load_published`; or there is a file for stage 3, but none for stage 2.
    """
    if stage3 is not None and stage2 is None:
        raise InputError(f"{stage3} is for stage 3 of DFC-Net, which needs weights for stage 2 too; give both")
    refining = [None if path is None else load_published(path, stage=i) for i, path in ((2, stage2), (3, stage3))]
    return Cascade(load_published(stage1, stage=1), *refining)


def load_imagenet(network: DFCS, state: Mapping[str, torch.Tensor]) -> None:
    """Start a ResNet of DFC-S from weights for images, as its authors do; the head keeps its values.

    Args:
        network: receives the values. Its first convolution gets the mean over red, green and blue, divided by the
            number of channels, for every channel.
        state: the state dict of torchvision's resnet50 (or resnet101, for `dfc_s_movie`), for example
            `torchvision.models.ResNet50_Weights.IMAGENET1K_V1.get_state_dict()`.

    Raises:
        InputError: the state is not that of such a ResNet.
    """
    own = network.state_dict()
    kept = {key: value for key, value in own.items() if key.startswith("layer5.") or key == "conv1.bias"}
    backbone = {key: value for key, value in state.items() if not key.startswith("fc.")}
    if "conv1.weight" in backbone and backbone["conv1.weight"].ndim == 4:
        channels = own["conv1.weight"].shape[1]
        grey = backbone["conv1.weight"].mean(dim=1, keepdim=True)
        backbone["conv1.weight"] = (grey / channels).repeat(1, channels, 1, 1)
    load_into(network, {**backbone, **kept}, source="state")


def _published_stage(stage: int) -> DFCS:
    return dfc_s(33, 2) if stage == 1 else dfc_s(66, 4)


def _state(path: Path) -> dict[str, torch.Tensor]:
    if path.suffix == ".safetensors":
        return load_state_dict(path)
    try:
        state = load_state_dict(path, entry="model")
    except InputError:  # a plain state dict, or a fault that is told better without the entry
        state = load_state_dict(path)
    try:
        return strip_prefix(state, "module.")
    except ValueError as error:
        raise InputError(f"{path} mixes two namings: {error}") from error


def _check_stage(path: Path, state: Mapping[str, torch.Tensor], stage: int) -> None:
    """Say in plain words which network the file is for, before shapes are compared."""
    first = state.get("conv1.weight")
    if first is None or first.ndim != 4 or not any(key.startswith("layer5.") for key in state):
        raise InputError(f"{path} does not hold a network of DFC-Net: it has no conv1 and layer5 as DFC-S has")
    channels = 33 if stage == 1 else 66
    if first.shape[1] != channels:
        meant = {33: "stage 1", 66: "stage 2 or 3"}.get(first.shape[1], "no stage of DFC-Net")
        raise InputError(
            f"{path} is for {meant} of DFC-Net ({first.shape[1]} channels in), but stage {stage} needs {channels}"
        )
