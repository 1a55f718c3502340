"""Published weights in DFC-S.

The checkpoints of the paper's authors (github.com/nbei/Deep-Flow-Guided-Video-Inpainting, MIT licence) are on Google
Drive only, so they cannot be fetched from here; the README there links to them:

    resnet50_stage1.pth                    stage 1
    davis_stage2.pth, davis_stage3.pth     stages 2 and 3, trained on DAVIS
    resnet101_movie.pth                    stage 1 of the demo, on a ResNet-101

Each holds {"n_iter", "model", "optimizer"}, with "module." before every name of the model, as DataParallel leaves it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.common.errors import InputError
from maskreel.common.weights import load_into
from maskreel.inpaint.dfc.cascade import Cascade
from maskreel.inpaint.dfc.dfc_s import DFCS
from maskreel.inpaint.dfc.networks import filled_stage
from maskreel.inpaint.dfc.weights_file import ImageWeights, PublishedStage, SavedCascade, read_weights

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import torch

__all__ = ["load_imagenet", "load_published", "meant", "published_cascade", "published_stage"]


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
    return published_stage(read_weights(path), stage=stage)


def published_stage(file: SavedCascade | PublishedStage | ImageWeights, *, stage: int) -> DFCS:
    """The network of a file that was read, for inference; see `load_published`.

    Raises:
        InputError: the file holds something else, or its network is not one for this stage.
    """
    if isinstance(file, SavedCascade):
        raise InputError(f"{file.path} holds stages that train-dfc saved, not one published stage of DFC-Net")
    if isinstance(file, ImageWeights):
        raise InputError(
            f"{file.path} holds a ResNet for images, which completes no flow; `maskreel inpaint train-dfc --network "
            "dfc-s` can start from it"
        )
    channels = 33 if stage == 1 else 66
    if file.channels != channels:
        raise InputError(
            f"{file.path} is for {meant(file)} of DFC-Net ({file.channels} channels in), but stage {stage} needs"
            f" {channels}"
        )
    network = filled_stage(file.state, stage, network="dfc-s", source=str(file.path))
    assert isinstance(network, DFCS)
    return network.eval()


def meant(file: PublishedStage) -> str:
    """The stage that a file is for, in words."""
    return {33: "stage 1", 66: "stage 2 or 3"}.get(file.channels, "no stage")


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


def load_imagenet(network: DFCS, state: Mapping[str, torch.Tensor], *, source: str = "state") -> None:
    """Start a ResNet of DFC-S from weights for images, as its authors do; the head keeps its values.

    Args:
        network: receives the values. Its first convolution gets the mean over red, green and blue, divided by the
            number of channels, for every channel.
        state: the state dict of torchvision's resnet50 (or resnet101, for `dfc_s_movie`), for example
            `torchvision.models.ResNet50_Weights.IMAGENET1K_V1.get_state_dict()`.
        source: what an error calls the state.

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
    load_into(network, {**backbone, **kept}, source=source)
