"""`Layers`: a video as a background that all frames share and objects that carry their picture along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self, cast

import torch
from torch import nn

from maskreel.inversion.canvas import Canvas
from maskreel.inversion.resize import resized
from maskreel.inversion.video._cast import Cast
from maskreel.inversion.video._sequence import check_targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from maskreel.inversion.targets import FrameTarget
    from maskreel.inversion.video._flow import Kind
    from maskreel.inversion.video._pieces import Piece

__all__ = ["Layers"]

_MOST_DETAIL = 0.5  # how far details may lead away from the texture


class Layers(nn.Module):
    """Parameters of T frames: background, one texture for each object, and small details of single frames.

        layers = Layers.of(targets, size=(120, 180))
        optimiser = torch.optim.Adam(layers.parameters(), 0.05)
        images = layers.frames([0, 1, 2])       # differentiable
        layers.clamp_()                         # after each step
        layers = layers.resized((240, 360))     # coarse to fine; needs a new optimiser

    A frame is the background, with the objects on top wherever their masks, softened at the contour, cover it. The
    texture of an object rides with it by the motion of its masks. Details are added to objects only, so what the masks
    leave free is the same in every frame, to the bit: this takes the camera to stand still. Where it does not, let each
    frame have its own background.

    Details, own backgrounds and own foregrounds are one parameter for each frame: those of frames that took no part in
    a step have no gradient, and optimisers leave them alone. `state_dict` holds the pixels, not the masks.
    """

    def __init__(
        self,
        cast: Cast,
        size: tuple[int, int],
        *,
        backgrounds: Iterable[Canvas],
        textures: Mapping[str, Canvas],
        details: Iterable[torch.Tensor],
    ) -> None:
        """From parts; use `of`."""
        super().__init__()
        self.size = size
        self.backgrounds = nn.ModuleList(backgrounds)
        self.textures = nn.ModuleDict(textures)
        self.details = nn.ParameterList(nn.Parameter(values) for values in details)
        self._cast = cast
        self._pieces = cast.pieces(size)

    @classmethod
    def of(
        cls,
        targets: Sequence[FrameTarget],
        *,
        size: tuple[int, int] | None = None,
        background: Literal["shared", "own"] = "shared",
        foreground: Literal["riding", "own"] = "riding",
        kind: Kind = "free",
        details: float = 0.5,
        levels: int = 0,
        softness: float = 1.0,
        level: float = 0.5,
        spread: float = 0.1,
        generator: torch.Generator | None = None,
    ) -> Self:
        """New layers with random pixels.

        Args:
            targets: T frames of one size with the same objects in the same order.
            size: (height, width) of the frames to be made; None: that of the targets.
            background: One for all frames, or one for each.
            foreground: "riding": textures and details; "own": a picture for each frame in place of both.
            kind: How textures ride, see `mask_flow`.
            details: Resolution of the details as a share of that of the frames, 0 to 1; 0: none.
            levels: Of backgrounds and textures, see `Canvas`.
            softness: How far in pixels objects fade out beyond their contours, 0 or more.
            level: Mean of the pixels to start from.
            spread: Their standard deviation.
            generator: Where they are drawn from.

        Raises:
            ValueError: An argument is out of its range, or the targets do not go together.
        """
        check_targets(targets, kind)
        _check(background, foreground, details, softness)
        riding = foreground == "riding"
        players = Cast.of(targets, kind=kind, softness=softness, riding=riding)
        size = targets[0].size if size is None else size

        def noise(height: int, width: int) -> torch.Tensor:
            return (level + spread * torch.randn(1, height, width, generator=generator)).clamp(0, 1).repeat(3, 1, 1)

        def canvas(height: int, width: int) -> Canvas:
            return Canvas(noise(height, width), levels)

        backgrounds = [canvas(*size) for _ in (targets if background == "own" else targets[:1])]
        textures = {number: canvas(*sides) for number, sides in players.texture_sizes(size).items()}
        if not riding:
            return cls(players, size, backgrounds=backgrounds, textures={}, details=[noise(*size) for _ in targets])
        small = (max(1, round(size[0] * details)), max(1, round(size[1] * details)))
        blank = [torch.zeros(3, *small) for _ in targets] if details else []
        return cls(players, size, backgrounds=backgrounds, textures=textures, details=blank)

    def __len__(self) -> int:
        """T, the number of frames."""
        return len(self._cast.targets)

    @property
    def background_canvases(self) -> list[Canvas]:
        """One, or one for each frame."""
        return [cast("Canvas", canvas) for canvas in self.backgrounds]

    @property
    def texture_canvases(self) -> dict[str, Canvas]:
        """By the number of the object."""
        return {number: cast("Canvas", canvas) for number, canvas in self.textures.items()}

    def frames(self, indices: Iterable[int] | torch.Tensor | None = None) -> torch.Tensor:
        """Paint frames, float32 (B, 3, H, W) in [0, 1], differentiable; None: all of them.

        Values beyond the range are cut off, and the gradient is as if they were not, so no pixel gets stuck.
        """
        numbers = range(len(self)) if indices is None else [int(index) for index in indices]
        backgrounds = self._backgrounds(numbers)
        textures = {number: canvas() for number, canvas in self.texture_canvases.items()}
        images = torch.stack([self._frame(number, backgrounds[number], textures) for number in numbers])
        return images + (images.clamp(0, 1) - images).detach()

    def tint_(self, colours: torch.Tensor) -> None:
        """Start the texture of each object from its colour, RGB (N, 3)."""
        for number, canvas in self.texture_canvases.items():
            canvas.tint_(colours[int(number)])

    @torch.no_grad()
    def clamp_(self) -> None:
        """Bring the pixels back into [0, 1] after a step, and details into ±0.5 around their texture."""
        for canvas in (*self.background_canvases, *self.texture_canvases.values()):
            canvas.clamp_()
        for pixels in self.details:
            pixels.clamp_(-_MOST_DETAIL if self.textures else 0, _MOST_DETAIL if self.textures else 1)

    def resized(self, size: tuple[int, int]) -> Layers:
        """The same video at another size, as new layers with parameters of their own."""
        rows, columns = size[0] / self.size[0], size[1] / self.size[1]
        sides = self._cast.texture_sizes(size)
        return Layers(
            self._cast,
            size,
            backgrounds=[canvas.resized(size) for canvas in self.background_canvases],
            textures={number: canvas.resized(sides[number]) for number, canvas in self.texture_canvases.items()},
            details=[
                resized(
                    pixels.detach()[None],
                    (max(1, round(pixels.shape[1] * rows)), max(1, round(pixels.shape[2] * columns))),
                )[0].clone()
                for pixels in self.details
            ],
        )

    def _backgrounds(self, numbers: Iterable[int]) -> dict[int, torch.Tensor]:
        """By frame; a shared one is painted once."""
        canvases = self.background_canvases
        if len(canvases) == 1:
            picture = canvases[0]()
            return {number: picture for number in numbers}  # noqa: C420 (fromkeys has no type here)
        return {number: canvases[number]() for number in numbers}

    def _frame(self, number: int, image: torch.Tensor, textures: Mapping[str, torch.Tensor]) -> torch.Tensor:
        detail = resized(self.details[number][None], self.size)[0] if self.details else None
        image = image.clone()  # the background is that of other frames, too
        for index, piece in enumerate(self._on(image.device, number)):
            if piece is None:
                continue
            rows, columns = piece.window
            paint = 0 if detail is None else detail[:, rows, columns]
            if str(index) in textures:
                paint = paint + piece.painted(textures[str(index)])
            cover = piece.cover.to(image.dtype)
            behind = image[:, rows, columns]
            image[:, rows, columns] = behind + cover * (paint - behind)
        return image

    def _on(self, device: torch.device, number: int) -> list[Piece | None]:
        """The pieces of a frame, moved to the device of the parameters once."""
        pieces = self._pieces[number]
        if any(piece is not None and piece.cover.device != device for piece in pieces):
            pieces = self._pieces[number] = [None if piece is None else piece.to(device) for piece in pieces]
        return pieces


def _check(background: str, foreground: str, details: float, softness: float) -> None:
    if background not in ("shared", "own"):
        raise ValueError(f"background must be 'shared' or 'own', got {background!r}")
    if foreground not in ("riding", "own"):
        raise ValueError(f"foreground must be 'riding' or 'own', got {foreground!r}")
    if not 0 <= details <= 1:
        raise ValueError(f"details must be 0 to 1, got {details}")
    if not softness >= 0:
        raise ValueError(f"softness must be 0 or more pixels, got {softness}")
