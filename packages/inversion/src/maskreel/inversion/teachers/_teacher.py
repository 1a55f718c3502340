"""`Teacher`: one interface to the networks that are inverted.

answer = teacher.look(images)              # one pass of the network, differentiable down to the pixels
terms = teacher.terms(answer, targets)     # how far the images are from the masks, one value per image and term
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import nn

from maskreel.common.errors import InputError
from maskreel.common.maskrcnn import batch_norm_layers
from maskreel.inversion.teachers._forward_order import in_forward_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.inversion.targets import FrameTarget


class Teacher(nn.Module, ABC):
    """A trained network, frozen: gradients reach the images, never the weights.

    Args:
        network: It is put into evaluation mode and its weights are frozen.
    """

    class_names: tuple[str, ...]
    """One per label, the background first."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.eval().requires_grad_(False)

    def look(self, images: torch.Tensor) -> Any:
        """Run the network once, for `terms` and `read`.

        Args:
            images: float RGB (B, 3, H, W) in [0, 1]; normalisation is the teacher's business.

        Raises:
            TypeError: The images are not floating point.
            ValueError: They have another shape, or the network is in training mode.
        """
        if not images.is_floating_point():
            raise TypeError(f"images must be floating point in [0, 1], got {images.dtype}")
        if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape:
            raise ValueError(f"images must have shape (B, 3, H, W), got {tuple(images.shape)}")
        if any(part.training for part in self.network.modules()):
            raise ValueError("the network is in training mode, where images change its batch statistics; call .eval()")
        return self._look(images)

    @abstractmethod
    def _look(self, images: torch.Tensor) -> Any: ...

    @abstractmethod
    def terms(
        self, answer: Any, targets: Sequence[FrameTarget], *, generator: torch.Generator | None = None
    ) -> dict[str, torch.Tensor]:
        """The terms of the loss by name, unweighted, each float32 (B,); "mask" is always there.

        A target's label is a position in `class_names`, or -1 for an object of any class. Frames without an object
        are allowed.

        Args:
            answer: What `look` returned for the images.
            targets: One per image, of the images' size.
            generator: Of what is drawn at random; None: torch's global one.

        Raises:
            ValueError: The targets do not fit the images, or a label is not allowed.
        """

    @abstractmethod
    def read(self, answer: Any, targets: Sequence[FrameTarget]) -> list[torch.Tensor]:
        """How probable every pixel of the given objects is: float32 (N_i, H, W) per image, without gradient.

        The boxes and classes of the objects are given to the network, so this tells how far the optimisation got, not
        whether a detector would find them. An object that is not in its frame gets zeros.
        """

    @torch.no_grad()
    def certainty(self, answer: Any, targets: Sequence[FrameTarget]) -> list[torch.Tensor]:
        """How sure the teacher is that the given objects are what they are to be: float32 (N_i,) per image, a logarithm
        of a probability; 0 for an object that is not in its frame. Here the mean over the pixels of `read`."""
        read = self.read(answer, targets)
        return [_mean_log(one, target.known.to(one.device)) for one, target in zip(read, targets, strict=True)]

    def norm_layers(self) -> dict[str, nn.Module]:
        """Layers that keep statistics of the training images, by name, in the order in which they are run."""
        layers = batch_norm_layers(self.network)
        return in_forward_order(layers, self._look, next(self.network.parameters()))

    def label(self, name: str) -> int:
        """The label of a class.

        Raises:
            InputError: There is no such class, or several are called that.
        """
        if name == self.class_names[0] or self.class_names.count(name) != 1:
            known = dict.fromkeys(one for one in self.class_names[1:] if self.class_names.count(one) == 1)
            raise InputError(f"{name!r} must be one of the teacher's classes, {', '.join(known)}")
        return self.class_names.index(name)

    def train(self, mode: bool = True) -> Self:
        """Evaluation mode only.

        Raises:
            ValueError: `mode` is true.
        """
        if mode:
            raise ValueError("a teacher has no training mode, where images would change its batch statistics")
        return super().train(False)


def _mean_log(probabilities: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Mean of the logarithms (N, H, W) in each mask, (N,); 0 for an empty one."""
    total = (probabilities.clamp(min=1e-6).log() * masks).flatten(1).sum(1)
    return total / masks.flatten(1).sum(1).clamp(min=1)
