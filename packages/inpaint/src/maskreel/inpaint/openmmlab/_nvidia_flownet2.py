"""NVIDIA's FlowNet2 checkpoint (flownet2-pytorch, used by Deep-Flow-Guided Video Inpainting) as weights for mmflow's.

Both are FlowNet2 (Ilg et al., CVPR 2017) with other names and three differences in their arithmetic:

- NVIDIA's correlation is a mean over the C channels, mmflow's a sum: the next convolution's weights are divided by C.
- NVIDIA's small-displacement flow is divided by 20, mmflow's multiplied by 20: its last convolution is scaled by 1/400.
- NVIDIA's network wants RGB minus the mean of the pair, mmflow's BGR; see `FlowNet2`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

_FLOW_SCALE = 20
_BLOCKS = {
    "flownetc": "flownetCSS.flownetC",
    "flownets_1": "flownetCSS.flownetS1",
    "flownets_2": "flownetCSS.flownetS2",
    "flownets_d": "flownetSD",
    "flownetfusion": "flownet_fusion",
}
_WITH_INTER_CONV = ("flownets_d", "flownetfusion")


def is_nvidia(state: Mapping[str, torch.Tensor]) -> bool:
    """Whether names are those of NVIDIA's FlowNet2."""
    return any(key.startswith("flownetc.") for key in state)


def to_mmflow(state: Mapping[str, torch.Tensor], *, source: str) -> dict[str, torch.Tensor]:
    """Names and scales of NVIDIA's FlowNet2 to those of mmflow's.

    Raises:
        InputError: a name is not of this network, or one that has to be scaled is missing.
    """
    unknown = [key for key in state if _mmflow_name(key) is None]
    if unknown:
        raise InputError(f"{source} is no checkpoint of NVIDIA's FlowNet2: it has {unknown[0]}")
    try:
        scaled = dict(state) | _rescaled(state)
    except KeyError as error:
        raise InputError(f"{source} is no checkpoint of NVIDIA's FlowNet2: it lacks {error.args[0]}") from error
    return {str(_mmflow_name(key)): value for key, value in scaled.items()}


def _rescaled(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    redirected, channels = state["flownetc.conv_redir.0.weight"].shape[:2]
    after_correlation = state["flownetc.conv3_1.0.weight"].clone()
    after_correlation[:, redirected:] /= channels
    last = {f"flownets_d.predict_flow2.{kind}": 1 / _FLOW_SCALE**2 for kind in ("weight", "bias")}
    return {"flownetc.conv3_1.0.weight": after_correlation} | {key: state[key] * scale for key, scale in last.items()}


def _mmflow_name(key: str) -> str | None:
    """The name in mmflow; None where there is none."""
    match = re.fullmatch(r"(\w+)\.(.+)\.(weight|bias)", key)
    if match is None or match[1] not in _BLOCKS:
        return None
    block, layer, kind = match.groups()
    name = _convolution(block, layer) or _prediction(block, layer)
    return name and f"{_BLOCKS[block]}.{name}.{kind}"


def _convolution(block: str, layer: str) -> str | None:
    """Of the encoder: conv0 to conv6, the second of a level being conv3_1 and so on, and conv_redir."""
    if (block, layer) == ("flownetc", "conv_redir.0"):
        return "corr_encoder.conv_redir.conv"
    match = re.fullmatch(r"conv(\d)(_1)?\.0", layer)
    if match is None:
        return None
    level, second = int(match[1]), bool(match[2])
    if block == "flownets_d" and level == 0:
        return "encoder.plugin_layer.conv"
    if block == "flownetc" and (level > 3 or second):
        # The correlation comes between conv3 and conv3_1, which is the first of its level there.
        return f"corr_encoder.layers.{level - 3}.layers.{int(second and level > 3)}.conv"
    first_level = 0 if block == "flownetfusion" else 1
    return f"encoder.layers.{level - first_level}.layers.{int(second)}.conv"


def _prediction(block: str, layer: str) -> str | None:
    """Of the decoder, by the level that a layer's input has."""
    counted_from = 1 if block == "flownetfusion" else 0  # the fusion's full size is level 0 there, level 1 here
    names = {
        r"predict_flow(\d)": "pred_out",
        r"inter_conv(\d)\.0": "pred_out.0",
        r"upsampled_flow(\d)_to_\d": "upsample_pred.deconvs.0",
        r"deconv(\d)\.0": "deconv_out.deconvs.0",
    }
    for pattern, name in names.items():
        if match := re.fullmatch(pattern, layer):
            level = int(match[1]) + counted_from + name.startswith("deconv")
            coarsest = 3 if block == "flownetfusion" else 6
            after_inter_conv = name == "pred_out" and block in _WITH_INTER_CONV and level < coarsest
            return f"decoder.decoders.level{level}.{name}{'.1' if after_inter_conv else ''}"
    return None
