"""A forecaster of masks that treats all objects alike: which class an object is of changes nothing but its shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from maskreel.vfp.masks._draft import Draft
from maskreel.vfp.masks._network import NOTHING, MaskNetwork
from maskreel.vfp.masks._planes import SHAPES, shape_of
from maskreel.vfp.networks import build_simvp
from maskreel.vfp.timeline import OBSERVED, TARGET

if TYPE_CHECKING:
    from maskreel.vfp.masks._config import MaskNetworkConfig

__all__ = ["ObjectMaskNetwork"]

BLOCK = 2
"""Input cells, in each direction, that are put side by side as channels before SimVP."""
FINER = 2
"""Output cells per input cell, in each direction."""
START_BIAS, START_GAIN = -4.0, 6.0
"""The forecast before training is the draft, with a probability of 0.88 for its masks and 0.02 elsewhere."""


class ObjectMaskNetwork(MaskNetwork):
    """SimVP from the point of view of each object in turn: its own masks, and those of all others by their shape.

    The objects of a clip are samples of one batch: what is learned of one holds for all, an exchange of colours or
    materials exchanges the answers and does nothing else. Besides the observed frames, SimVP is shown some of the
    future as it would be if every object went on alone (`drafts`), and it answers with what has to be changed there.

    Height and width must be multiples of 8 pixels times SimVP's stride.
    """

    cell, fine = 4, 2

    def __init__(self, config: MaskNetworkConfig) -> None:
        super().__init__(config)
        self.simvp = build_simvp(
            config.simvp(
                frames=len(config.observed) + len(config.drafts) + config.prior,
                frames_out=len(config.targets),
                channels=(1 + SHAPES) * BLOCK**2 + SHAPES + 2,
                channels_out=(BLOCK * FINER) ** 2,
            )
        )
        for parameter in self.simvp.dec.readout.parameters():
            nn.init.zeros_(parameter)  # before training it changes nothing
        self.draft = Draft(config.drafts, OBSERVED, config.draft_width)
        self.bias = nn.Parameter(torch.tensor(START_BIAS))
        self.gain = nn.Parameter(torch.tensor(START_GAIN)) if config.drafts or config.prior else None

    def forward(self, classes: torch.Tensor, planes: torch.Tensor, prior: torch.Tensor | None = None) -> torch.Tensor:
        self._check(classes, planes, prior)
        if not classes.any():
            return self._nothing(classes, planes)
        present = classes > 0
        own = planes.transpose(1, 2)[present]  # (M, T, h, w): the objects of all clips, one after the other
        shapes, clips = shape_of(classes)[present], present.nonzero()[:, 0]
        drafts = self.draft(own, shapes)
        views = [own[:, list(self.config.observed)], drafts]
        if prior is not None:
            views.append(prior[present][:, None])
        sequence = torch.cat(views, 1)
        x = torch.cat([_cells(sequence, shapes, clips, len(classes)), _constants(sequence, shapes)], 2)
        change = functional.pixel_shuffle(self.simvp(x), BLOCK * FINER)[:, :, 0]
        return _in_clips(change + self._guess(drafts, prior, present), present)

    def draft_loss(self, classes: torch.Tensor, planes: torch.Tensor, future: torch.Tensor) -> torch.Tensor:
        """How far off the drafts are; `future` (B, len(drafts), K, h, w) are the true planes of their frames."""
        present = classes > 0
        own, truth = (part.transpose(1, 2)[present] for part in (planes, future))
        return self.draft.loss(own, shape_of(classes)[present], truth)

    def _nothing(self, classes: torch.Tensor, planes: torch.Tensor) -> torch.Tensor:
        """The forecast without an object; it has a gradient, 0, of all parameters, as a training step needs one."""
        size = [side * self.cell // self.fine for side in planes.shape[-2:]]
        logits = planes.new_full((len(classes), len(self.config.targets), 1 + classes.shape[1], *size), NOTHING)
        logits[:, :, 0] = 0
        return logits + 0 * torch.stack([parameter.sum() for parameter in self.parameters()]).sum()

    def _guess(self, drafts: torch.Tensor, prior: torch.Tensor | None, present: torch.Tensor) -> torch.Tensor:
        """What the logits of the targets are before SimVP's changes: (M, F, h * FINER, w * FINER) or a scalar."""
        planes = dict(zip(self.config.drafts, drafts.unbind(1), strict=True))
        if prior is not None:
            planes[TARGET] = prior[present]
        if self.gain is None:
            return self.bias
        nothing = torch.zeros_like(next(iter(planes.values())))
        known = torch.stack([planes.get(frame, nothing) for frame in self.config.targets], 1)
        return self.bias + self.gain * functional.interpolate(known, scale_factor=FINER, mode="bilinear")


def _cells(sequence: torch.Tensor, shapes: torch.Tensor, clips: torch.Tensor, batch: int) -> torch.Tensor:
    """The object and the sums of all others of each shape: (M, S, (1 + SHAPES) * BLOCK**2, h / BLOCK, w / BLOCK)."""
    sums = sequence.new_zeros(batch * SHAPES, *sequence.shape[1:])
    sums = sums.index_add(0, clips * SHAPES + shapes, sequence).unflatten(0, (batch, SHAPES))
    own_shape = functional.one_hot(shapes, SHAPES).to(sequence.dtype)[:, :, None, None, None]
    others = sums[clips] - own_shape * sequence[:, None]
    return functional.pixel_unshuffle(torch.cat([sequence[:, None], others], 1).transpose(1, 2), BLOCK)


def _constants(sequence: torch.Tensor, shapes: torch.Tensor) -> torch.Tensor:
    """Shape, and place in the picture, because perspective makes equal motions differ: (M, S, SHAPES + 2, ...)."""
    count, views, height, width = sequence.shape
    height, width = height // BLOCK, width // BLOCK
    kind = functional.one_hot(shapes, SHAPES).to(sequence.dtype)[:, None, :, None, None]
    x = torch.linspace(-1, 1, width, dtype=sequence.dtype, device=sequence.device).expand(height, width)
    y = torch.linspace(-1, 1, height, dtype=sequence.dtype, device=sequence.device)[:, None].expand(height, width)
    place = torch.stack([x, y])[None, None].expand(count, views, -1, -1, -1)
    return torch.cat([kind.expand(-1, views, -1, height, width), place], 2)


def _in_clips(logits: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """(M, F, H, W) of objects to (B, F, 1 + K, H, W) of clips; the background has logit 0."""
    objects = logits.new_full((*present.shape, *logits.shape[1:]), NOTHING)
    objects[present] = logits
    background = logits.new_zeros(len(present), 1, *logits.shape[1:])
    return torch.cat([background, objects], 1).transpose(1, 2)
