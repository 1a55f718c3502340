"""`maskreel inpaint board`."""

from __future__ import annotations

import logging
from itertools import chain
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maskreel.common.video import Clip

__all__ = ["board"]

logger = logging.getLogger(__name__)


def board(
    video: tyro.conf.Positional[Path],
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    period: float = 0.5,
    settle: float = 2.0,
    change: float = 0.0015,
) -> int:
    """Make a PDF of what stood on the board, or on the slides, of a lecture whose lecturer has been removed.

    Every state is shown once, at its fullest: before it was wiped or the slide was changed, and at the end. The times
    are on the pages, and in a .json file beside them.

    Args:
        video: A finished video, or the job folder of one.
        output: The file to write: .pdf, a page for every state, or .png or .jpg, a contact sheet; by default VIDEO.pdf.
        period: Seconds from one look to the next.
        settle: Seconds that a new state must rest to count.
        change: Fraction of the picture that must have vanished for a state to end; less tells smaller changes.
    """
    from maskreel.inpaint.board.pages import SHEETS, write_pages
    from maskreel.inpaint.board.states import find_states

    for name, value in (("period", period), ("settle", settle), ("change", change)):
        if not value > 0:
            raise InputError(f"--{name} {value}: write a number above 0")
    target = output or video.resolve().with_suffix(".pdf")
    if target.suffix.lower() not in (".pdf", *SHEETS):
        raise InputError(f"{target}: the board's pages must end in .pdf or {' or '.join(SHEETS)}")
    files = _files(video)
    made = max((path.stat().st_mtime for path in files if path.exists()), default=0.0)
    states = find_states(_watched(files), period=period, settle=settle, change=change)
    times = write_pages(target, states, title=target.stem, made=made)
    logger.info("%d pages: %s", len(times), target)
    return 0


def _files(video: Path) -> list[Path]:
    """The video itself, a folder of frames, or the segments in a job folder."""
    if not (video / "fill" / "settings.json").exists():
        return [video]
    segments = [path for path in sorted((video / "fill").glob("??????.nut")) if path.with_suffix(".npz").exists()]
    if not segments:
        raise InputError(f"{video} is the folder of a job that has filled nothing yet; run the job first")
    return segments


def _watched(files: list[Path]) -> Iterator[Clip]:
    from maskreel.common.video import iterate, probe

    counts = [probe(path).frame_count for path in files]
    total = None if None in counts else sum(count for count in counts if count is not None)
    with progress(description="board ", total=total) as bar:
        for clip in chain.from_iterable(iterate(path, chunk=16) for path in files):
            yield clip
            bar.update(len(clip))
