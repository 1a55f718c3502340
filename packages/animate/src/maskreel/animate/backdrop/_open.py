"""`open_backdrop`: from what a person writes after --background to a `Backdrop`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import cv2
import numpy as np
import torch

from maskreel.animate.backdrop._evidence import shows_subject
from maskreel.animate.backdrop._film import FilmBackdrop
from maskreel.animate.backdrop._fitting import fitted
from maskreel.animate.backdrop._hole_filling import filled
from maskreel.animate.backdrop._still import StillBackdrop
from maskreel.animate.config import Kind
from maskreel.animate.picture_file import read_picture
from maskreel.common.errors import InputError
from maskreel.common.masks import read_masks
from maskreel.common.video import probe, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from torch import Tensor

    from maskreel.animate.backdrop._backdrop import Backdrop
    from maskreel.animate.model import AnimationModel

__all__ = ["is_transparent", "open_backdrop", "shows_nothing"]

_BLUR = 0.02
"""Standard deviation of the blur, of the longer side."""


def is_transparent(choice: str) -> bool:
    """Whether the result will have an alpha channel; for choosing the kind of file before anything is opened."""
    return choice == "transparent"


def shows_nothing(choice: str) -> bool:
    """Whether the background is none that could have a subject of its own: a colour, "blur" or "transparent"."""
    return is_transparent(choice) or choice == "blur" or _colour(choice) is not None


def open_backdrop(
    choice: str,
    *,
    source: Tensor,
    source_mask: Tensor,
    driving: Path | None,
    model: AnimationModel,
    kind: Kind = "auto",
    mask: Path | None = None,
    fps: Fraction | None = None,
) -> Backdrop:
    """What comes behind the subject, as large as `source`.

    Args:
        choice: "source" (the source without its subject), "driving" (the driving video without its subject, frame for
            frame), "blur" (the source without its subject, blurred), "transparent", a colour ("#rrggbb" or a name
            such as "navy"), or the path of a picture, GIF, video or folder of numbered images. Pictures cover the
            result and are cut to it; videos start again when they end.
        source: uint8 (3, H, W).
        source_mask: its subject, float (1, H, W).
        driving: path of the driving video, for "driving".
        model: its m finds subjects.
        kind: whether the backdrop has a subject of its own that has to go. "same": it is of the kind that the model
            knows, and m finds it (case 1 of the background swap). "other": there is none (case 2). "auto": "same" for
            "source" and "driving"; for files, whatever `shows_subject` says of m's mask of the first frame.
        mask: of the backdrop's own subject: a mask picture, or for videos also masks of every frame; as large as the
            backdrop itself. `kind` is not asked then.
        fps: frames per second of the result: videos play at their own speed. None: frame for frame.

    Raises:
        InputError: the choice is none of these, a file cannot be used, or a mask is given where nothing can be masked.
        ValueError: `kind` is none of the three.
    """
    if kind not in get_args(Kind):
        raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, got {kind!r}")
    size = source.shape[-2], source.shape[-1]
    find = _finder(model, size)
    if choice == "driving":
        if driving is None:
            raise InputError("the background 'driving' needs a driving video; name a file or a colour instead")
        return _from_file(driving, size, find, "same" if kind == "auto" else kind, mask, None)
    if choice == "source":
        own = None if kind == "other" else source_mask
        return StillBackdrop(source, own if mask is None else _still_mask(mask, size))
    flat = _without_file(choice, source, source_mask)
    if flat is not None:
        if mask is not None:
            raise InputError(f"{mask} cannot be used: the background {choice!r} shows nothing that a mask could remove")
        return flat
    path = Path(choice)
    if not path.exists():
        raise InputError(
            f"{path} is neither a file nor a colour nor one of source, driving, blur and transparent;"
            " name one of these as background"
        )
    return _from_file(path, size, find, kind, mask, fps)


def _finder(model: AnimationModel, size: tuple[int, int]) -> Callable[[Tensor], Tensor]:
    """m, for frames of the full size."""
    from maskreel.animate.framing import whole

    framing = whole(size)

    @torch.inference_mode()
    def find(frames: Tensor) -> Tensor:
        device = model.device
        masks = model.masks(framing.cut(frames.to(device), model.config.size))
        return framing.place(masks.float()).cpu()

    return find


def _without_file(choice: str, source: Tensor, source_mask: Tensor) -> StillBackdrop | None:
    if is_transparent(choice):
        return StillBackdrop(torch.zeros_like(source), transparent=True)
    if choice == "blur":
        return StillBackdrop(_blurred(filled(source[None], source_mask[None])[0]))
    colour = _colour(choice)
    if colour is None:
        return None
    return StillBackdrop(torch.tensor(colour, dtype=torch.uint8).view(3, 1, 1).expand(source.shape))


def _blurred(picture: Tensor) -> Tensor:
    pixels = picture.permute(1, 2, 0).cpu().numpy()
    soft = cv2.GaussianBlur(pixels, (0, 0), _BLUR * max(pixels.shape), borderType=cv2.BORDER_REPLICATE)
    return torch.from_numpy(np.ascontiguousarray(soft)).permute(2, 0, 1)


def _colour(choice: str) -> tuple[int, int, int] | None:
    from PIL import ImageColor

    try:
        colour = ImageColor.getrgb(choice)
    except ValueError:
        return None
    return None if len(colour) != 3 else colour


def _from_file(
    path: Path,
    size: tuple[int, int],
    find: Callable[[Tensor], Tensor],
    kind: Kind,
    mask: Path | None,
    fps: Fraction | None,
) -> Backdrop:
    picture = _picture(path)
    if picture is None:
        film = FilmBackdrop(path, size, fps=fps, mask=mask)
        if mask is None and _removes(kind, lambda: find(film.read(0, 1))[0]):
            return FilmBackdrop(path, size, fps=fps, find=find)
        return film
    shown = fitted(picture[None], size)
    if mask is not None:
        own = _still_mask(mask, (picture.shape[-2], picture.shape[-1]))
        return StillBackdrop(shown[0], fitted(own[None], size)[0])
    hole = None if kind == "other" else find(shown)[0]
    return StillBackdrop(shown[0], hole if hole is not None and _removes(kind, lambda: hole) else None)


def _picture(path: Path) -> Tensor | None:
    """uint8 (3, H, W) if the file or folder holds only one."""
    picture = read_picture(path)
    if picture is None and probe(path).frame_count == 1:
        return read(path).frames[0]
    return picture


def _removes(kind: Kind, look: Callable[[], Tensor]) -> bool:
    return kind == "same" or (kind == "auto" and shows_subject(look()))


def _still_mask(path: Path, size: tuple[int, int]) -> Tensor:
    return read_masks(path, size=size, frame_count=1).float()
