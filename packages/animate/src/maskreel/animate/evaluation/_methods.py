"""The ways to animate and to change a background that are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.animate.backdrop import StillBackdrop
from maskreel.animate.compositing import Compositor
from maskreel.animate.framing import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from maskreel.animate.model import AnimationModel

__all__ = ["METHODS", "SWAPS", "Animation", "animate", "found_masks", "swap", "to_bytes", "to_unit"]

_SURE = 0.5
_MAYBE = 0.1
"""What is below it in a mask is background to a locked swap."""
METHODS = ("copy", "paste", "raw", "refined", "composite")
SWAPS = ("no swap", "paste", "composite", "network", "lock")


class Animation:
    """All ways to animate one source, and what they need again for a change of background.

    Args:
        model: in evaluation mode.
        source: uint8 (1, 3, S, S).
        driving: uint8 (N, 3, S, S).
    """

    def __init__(self, model: AnimationModel, source: Tensor, driving: Tensor) -> None:
        self._model, self._known = model, model.source(to_unit(source, model))
        self.source, self.driving = source, driving
        self.masks = model.masks(to_unit(driving, model))
        """m of the driving frames, float (N, 1, s, s)."""
        self.refined = model.refined(self._known, self.masks)
        """The same through P_test and r."""
        self.pictures = model.pictures(self._known, self.refined)[1]
        """H's, from refined masks, float (N, 3, S, S)."""
        self.driver = (model.enlarge(self.masks)[:, 0] > _SURE).cpu()
        """Where the driving subject is, bool (N, S, S)."""
        self.source_mask = (model.enlarge(self._known.mask)[:, 0] > _SURE).cpu()
        """Where the source's subject is, bool (1, S, S)."""

    def results(self, methods: Sequence[str] = METHODS) -> dict[str, Tensor]:
        """uint8 (N, 3, S, S) by the name of the method.

        copy: the source as it is. paste: the driving frame's subject, cut out by m and pasted into the source. raw:
        masks of m straight to L and H, as the published reconstruction is measured. refined: through P_test and r, as
        in every animation. composite: the refined subject before the source's background with its own subject
        filled, without the networks of the swap.
        """
        made = (self._copy, self._paste, self._raw, self._refined, self._composite)
        ways: dict[str, Callable[[], Tensor]] = dict(zip(METHODS, made, strict=True))
        unknown = [method for method in methods if method not in ways]
        if unknown:
            raise ValueError(f"methods must be among {', '.join(METHODS)}, got {', '.join(unknown)}")
        return {method: ways[method]() for method in methods}

    def should_be(self) -> Tensor:
        """Where the subject of the animated pictures should be, by its refined mask: bool (N, S, S)."""
        return (self._model.enlarge(self.refined)[:, 0] > _SURE).cpu()

    def region(self) -> Tensor:
        """Everything that may be the subject of the animated pictures, bool (N, S, S)."""
        return (self._model.enlarge(self.refined)[:, 0] > _MAYBE).cpu()

    def _copy(self) -> Tensor:
        return self.source.expand_as(self.driving).contiguous()

    def _paste(self) -> Tensor:
        return torch.where(self.driver[:, None], self.driving, self.source)

    @torch.inference_mode()
    def _raw(self) -> Tensor:
        return to_bytes(self._model.pictures(self._known, self.masks)[1])

    def _refined(self) -> Tensor:
        return to_bytes(self.pictures)

    def _composite(self) -> Tensor:
        backdrop = StillBackdrop(self.source[0], self._model.enlarge(self._known.mask)[0].cpu())
        size = (self.source.shape[-2], self.source.shape[-1])
        return Compositor(self._model, backdrop, whole(size), swap="composite")(self.pictures, self.refined, 0)


def animate(model: AnimationModel, source: Tensor, driving: Tensor) -> Animation:
    """Animate a source by driving frames in all ways; without gradients."""
    with torch.inference_mode():
        return Animation(model, source, driving)


@torch.inference_mode()
def swap(model: AnimationModel, animation: Animation, third: Tensor, hole: Tensor | None) -> dict[str, Tensor]:
    """The animated subject before a third picture: uint8 (N, 3, S, S) by the names in `SWAPS`.

    no swap: the animated picture with its old background. paste: the driving frame's subject, cut out by m and pasted
    into the third picture. composite: blended by the mask, no network. network: BGBase and BGRefine. lock: the same,
    with everything but the subject from the third picture itself.

    Args:
        model: in evaluation mode.
        animation: what is put there.
        third: uint8 (1, 3, S, S).
        hole: the third picture's own subject, soft, float (1, 1, s, s); None: it has none.
    """
    size = (third.shape[-2], third.shape[-1])
    backdrop = StillBackdrop(third[0], None if hole is None else model.enlarge(hole)[0].cpu())

    def composed(kind: str) -> Tensor:
        compositor = Compositor(
            model,
            backdrop,
            whole(size),
            swap="composite" if kind == "composite" else "network",
            lock_background=kind == "lock",
        )
        return compositor(animation.pictures, animation.refined, 0)

    results = {
        "no swap": to_bytes(animation.pictures),
        "paste": torch.where(animation.driver[:, None], animation.driving, third),
    }
    return results | {kind: composed(kind) for kind in SWAPS[2:]}


@torch.inference_mode()
def found_masks(model: AnimationModel, pictures: Tensor) -> Tensor:
    """Where m finds the subject: uint8 (N, 3, S, S) -> bool (N, S, S)."""
    return (model.enlarge(model.masks(to_unit(pictures, model)))[:, 0] > _SURE).cpu()


def to_unit(pictures: Tensor, model: AnimationModel) -> Tensor:
    """uint8 as the model takes it."""
    return pictures.to(model.device).float() / 255


def to_bytes(pictures: Tensor) -> Tensor:
    """What a video of the pictures would hold."""
    return (pictures * 255).round().clamp(0, 255).byte().cpu()
