"""The states of a board as files: a PDF with a page each, or a contact sheet, and a list of the times."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from maskreel.common.atomic import atomic_path, write_json
from maskreel.common.errors import InputError
from maskreel.common.show import contact_sheet, save_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from maskreel.inpaint.board.states import BoardState

__all__ = ["SHEETS", "write_pages"]

SHEETS = (".png", ".jpg", ".jpeg")
_THUMBNAIL_WIDTH = 480
_COLUMNS = 3
_RESOLUTION = 100.0  # pixels per inch of a PDF page


def write_pages(path: Path, states: Iterable[BoardState], *, title: str, made: float = 0.0) -> list[dict[str, float]]:
    """Write a page for every state, and beside it a .json file with their times, which are also returned.

    A PDF is written page by page, so one state is held at a time; a sheet holds small pictures of all.

    Args:
        path: .pdf, .png or .jpg.
        states: in order.
        title: of the PDF.
        made: seconds since the epoch that the PDF calls its date of creation, so that the same video gives the same
            bytes.

    Raises:
        InputError: the suffix is another, or there is no state.
    """
    if path.suffix.lower() not in (".pdf", *SHEETS):
        raise InputError(f"{path}: the board's pages must end in .pdf or {' or '.join(SHEETS)}")
    times: list[dict[str, float]] = []
    if path.suffix.lower() == ".pdf":
        with atomic_path(path) as scratch:
            for page in _captioned(_timed(states, times)):
                _append(scratch, page, title, made, first=scratch.stat().st_size == 0)
            _require_one(path, times)
    else:
        small = [(_thumbnail(state.image), _caption(number, state)) for number, state in _timed(states, times)]
        _require_one(path, times)
        sheet = contact_sheet(
            [picture for picture, _ in small], columns=_COLUMNS, titles=[caption for _, caption in small]
        )
        save_image(path, sheet)
    write_json(path.with_suffix(".json"), times)
    return times


def _timed(states: Iterable[BoardState], times: list[dict[str, float]]) -> Iterator[tuple[int, BoardState]]:
    """Number the states, and note their times."""
    for number, state in enumerate(states, 1):
        seconds = {"start": state.start, "stop": state.stop, "shown": state.time}
        times.append({"page": number} | {name: round(value, 3) for name, value in seconds.items()})
        yield number, state


def _require_one(path: Path, times: list[dict[str, float]]) -> None:
    if not times:
        raise InputError(f"{path}: the video has no frame, so there is no board to show")


def _captioned(states: Iterable[tuple[int, BoardState]]) -> Iterator[np.ndarray]:
    """Pages: uint8 (h, w, 3)."""
    for number, state in states:
        picture = torch.from_numpy(state.image).permute(2, 0, 1)
        yield contact_sheet([picture], columns=1, titles=[_caption(number, state)]).permute(1, 2, 0).numpy()


def _caption(number: int, state: BoardState) -> str:
    return f"{number}    {_clock(state.start)} to {_clock(state.stop)}, shown: {_clock(state.time)}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _append(path: Path, page: np.ndarray, title: str, made: float, *, first: bool) -> None:
    moment = time.gmtime(made)
    dates = {"creationDate": moment} if first else {}
    Image.fromarray(page).save(
        path, "PDF", append=not first, resolution=_RESOLUTION, quality=92, title=title, modDate=moment, **dates
    )


def _thumbnail(image: np.ndarray) -> torch.Tensor:
    picture = Image.fromarray(image)
    if picture.width > _THUMBNAIL_WIDTH:
        height = max(1, round(picture.height * _THUMBNAIL_WIDTH / picture.width))
        picture = picture.resize((_THUMBNAIL_WIDTH, height), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)
