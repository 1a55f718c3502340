"""More frames than a SimVP gives at once: its predictions are fed back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import torch

if TYPE_CHECKING:
    from maskreel.vfp.networks._simvp import SimVP

Advance = Literal["blocks", "frames"]


def roll_out(network: SimVP, x: torch.Tensor, steps: int, *, advance: Advance = "blocks") -> torch.Tensor:
    """The `steps` frames after `x`, (B, steps, channels, H, W); gradients flow through all of them.

    Args:
        network: Its outputs have as many channels as its inputs.
        x: Observed frames (B, frames, channels, H, W).
        steps: Any number; of the last block only what is needed is kept.
        advance: "blocks": all frames of a pass are kept, then the newest `frames` frames are the next input (OpenSTL).
            "frames": only the next frame is kept of every pass, which costs a pass for each frame.

    Raises:
        ValueError: `steps` or `advance` is not allowed, or one pass is not enough and outputs and inputs differ
            in channels.
    """
    if advance not in get_args(Advance):
        raise ValueError(f"advance must be one of {get_args(Advance)}, got {advance!r}")
    if steps < 1:
        raise ValueError(f"steps must be 1 or more, got {steps}")
    config = network.config
    per_pass = config.frames_out if advance == "blocks" else 1
    if steps > per_pass and (config.channels_out or config.channels) != config.channels:
        raise ValueError(
            f"{steps} steps need {config.channels_out = } to equal {config.channels = }, to feed frames back"
        )
    history, done = x, 0
    while done < steps:
        new = min(per_pass, steps - done)
        predicted = network(history[:, -config.frames :], slots=range(new))
        if (done := done + new) == steps and history is x:
            return predicted
        history = torch.cat([history, predicted], dim=1)
    return history[:, -steps:]
