"""FlowNet2 (Ilg et al., CVPR 2017), as mmflow builds it, behind the `FlowEstimator` protocol."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Self

import torch
from torch.nn import functional

from maskreel.common.errors import InputError
from maskreel.common.weights import load_into
from maskreel.inpaint._device import network_device
from maskreel.inpaint.flow.estimation import check_frames
from maskreel.inpaint.openmmlab._checkpoints import read_checkpoint
from maskreel.inpaint.openmmlab._configs import build_network, read_config, scope
from maskreel.inpaint.openmmlab._correlation import Correlation
from maskreel.inpaint.openmmlab._nvidia_flownet2 import is_nvidia, to_mmflow

if TYPE_CHECKING:
    import os

    from maskreel.inpaint._device import Device

_CONFIGS = {
    "flownet2": "flownet2_8xb1_sfine_flyingthings3d-subset-384x768",
    "flownet2-css": "flownet2css_8xb1_sfine_flyingthings3d-subset-384x768",
    "flownet2-cs": "flownet2cs_8xb1_sfine_flyingthings3d-subset-384x768",
    "flownet2-sd": "flownet2sd_8xb1_slong_chairssdhom-384x448",
    "flownet2-css-sd": "flownet2css-sd_8xb1_sfine_flyingthings3d-subset-chairssdhom-384x448",
}
_DIVISOR = 64  # six levels, each half the size of the one before


class FlowNet2:
    """Estimates flow with FlowNet2, or another network of its family. A `FlowEstimator`.

    Frames of any size are padded, to the right and below, by repeating their borders.

    Args:
        weights: a checkpoint of mmflow for this very network, or NVIDIA's FlowNet2_checkpoint.pth.tar for "flownet2".
        config: "flownet2", "flownet2-css", "flownet2-cs", "flownet2-sd", "flownet2-css-sd", the name of a configuration
            that mmflow brings, or the path of one (which is read without running it).
        device: where the network works; auto is CUDA where there is a device, else the CPU.
        batch: pairs that go through the network at a time, at most. Memory grows with it.

    Raises:
        InputError: the weights are not to be had or not for this network, there is no such configuration, or cuda is
            asked for, and there is none.
        MissingExtraError: OpenMMLab is not installed.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str],
        *,
        config: str | os.PathLike[str] = "flownet2",
        device: Device | torch.device = "auto",
        batch: int = 1,
    ) -> None:
        checkpoint = read_checkpoint(weights)
        self._set_up(config, device, batch, weights=checkpoint.description, nvidia=is_nvidia(checkpoint.state))
        source = str(checkpoint.path)
        state = to_mmflow(checkpoint.state, source=source) if self._nvidia else checkpoint.state
        load_into(self._network, state, source=source)

    @classmethod
    def with_random_weights(
        cls,
        *,
        config: str | os.PathLike[str] = "flownet2",
        device: Device | torch.device = "auto",
        batch: int = 1,
    ) -> Self:
        """A network that was never trained, always the same one: its flow means nothing. For tests and timing."""
        estimator = cls.__new__(cls)
        estimator._set_up(config, device, batch, weights="random", nvidia=False)
        return estimator

    def _set_up(
        self,
        config: str | os.PathLike[str],
        device: Device | torch.device,
        batch: int,
        *,
        weights: str,
        nvidia: bool,
    ) -> None:
        if batch < 1:
            raise ValueError(f"batch must be 1 or more, got {batch}")
        self.device = network_device(device)
        self._batch, self._nvidia = batch, nvidia
        network = build_network("mmflow", read_config("mmflow", config, _CONFIGS).model)
        if self.device.type != "cuda":
            _make_portable(network)
        self._network: Any = network.to(self.device)
        self._decoder = _last_decoder(network, config)
        self._description = f"{str(config)!r}, weights={weights!r}"

    def __repr__(self) -> str:
        """All that decides the flow, so that a job knows whether what was made earlier still holds."""
        return f"{type(self).__name__}({self._description})"

    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Flow from `first` to `second`, uint8 (N, 3, H, W) each, as float32 (N, 2, H, W) on the CPU.

        Raises:
            TypeError: a frame is not uint8.
            ValueError: the shapes differ or are not (N, 3, H, W).
        """
        check_frames(first, second)
        flow = torch.empty(len(first), 2, *first.shape[2:])
        for start in range(0, len(first), self._batch):
            part = slice(start, start + self._batch)
            flow[part] = self._flow(first[part].to(self.device), second[part].to(self.device))
        return flow

    @torch.inference_mode()
    def _flow(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        height, width = first.shape[2:]
        pairs = torch.stack((first, second), dim=1)  # (N, 2, 3, H, W)
        inputs = _nvidia_inputs(pairs) if self._nvidia else self._mmflow_inputs(pairs)
        inputs = functional.pad(inputs, (0, -width % _DIVISOR, 0, -height % _DIVISOR), mode="replicate")
        return self._predict(inputs)[..., :height, :width]

    def _mmflow_inputs(self, pairs: torch.Tensor) -> torch.Tensor:
        """What the configuration asks for, from the BGR frames that mmflow reads: uint8 to float32 (N, 6, H, W)."""
        return self._network.data_preprocessor({"inputs": list(pairs.flip(2))})["inputs"]

    def _predict(self, inputs: torch.Tensor) -> torch.Tensor:
        """(N, 6, H, W) with sides that _DIVISOR divides -> flow (N, 2, H, W) in pixels."""
        # Not by the network's predict(), which drops the results of all pairs of a batch but the first.
        with scope("mmflow"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "torch.meshgrid: in an upcoming release", UserWarning)
            flow = self._network(inputs, mode="tensor")[self._decoder.end_level]
        return functional.interpolate(flow, inputs.shape[2:], mode="bilinear") * self._decoder.flow_div


def _last_decoder(network: torch.nn.Module, config: str | os.PathLike[str]) -> Any:
    """The decoder that the network's flow comes from."""
    for name in ("flownet_fusion", "flownetS2", "flownetS1"):
        network = getattr(network, name, network)
    if not hasattr(getattr(network, "decoder", None), "end_level"):
        raise InputError(f"config {config} must be of a network of the FlowNet family, not {type(network).__name__}")
    return network.decoder


def _make_portable(network: torch.nn.Module) -> None:
    """Correlate with PyTorch, because mmcv's compiled correlation works on CUDA only."""
    blocks: Any = [module for module in network.modules() if type(module).__name__ == "CorrBlock"]
    for block in blocks:
        block.corr_block[0] = _portable(block.corr_block[0])


def _portable(correlation: Any) -> Correlation:
    if isinstance(correlation, Correlation):
        return correlation
    names = ("kernel_size", "max_displacement", "stride", "padding", "dilation", "dilation_patch")
    return Correlation(**{name: getattr(correlation, name) for name in names})


def _nvidia_inputs(pairs: torch.Tensor) -> torch.Tensor:
    """RGB less the mean of each channel over the pair: uint8 (N, 2, 3, H, W) -> float32 (N, 6, H, W)."""
    frames = pairs.float() / 255
    return (frames - frames.mean(dim=(1, 3, 4), keepdim=True)).flatten(1, 2)
