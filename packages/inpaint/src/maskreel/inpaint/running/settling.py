"""After the masks are known: shots whose mode is in doubt are tried, and chunks are given the mode that won."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

import numpy as np
import torch

from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.common.json_file import read_json
from maskreel.common.video import iterate
from maskreel.inpaint.running.trial import TRIAL_FRAMES, Trial, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from maskreel.inpaint.running.chunks import Chunk
    from maskreel.inpaint.running.trial import Triers
    from maskreel.inpaint.scene.survey import Shot

    LoadMasks = Callable[[Chunk], torch.Tensor]

__all__ = ["settled", "try_shots"]

logger = logging.getLogger(__name__)


def settled(chunks: Sequence[Chunk], trials: Mapping[int, Trial]) -> tuple[Chunk, ...]:
    """Chunks with the modes that trials, by the first frame of a shot, have settled."""
    shots: dict[int, Shot] = {}
    for chunk in chunks:
        if chunk.shot.start not in shots:
            shots[chunk.shot.start] = _settled(chunk.shot, trials.get(chunk.shot.start))
    return tuple(replace(chunk, shot=shots[chunk.shot.start]) for chunk in chunks)


def _settled(shot: Shot, trial: Trial | None) -> Shot:
    best = None if trial is None else trial.best
    if best is None or best == shot.mode:
        return shot
    if best == "static":
        return replace(shot.held(), laid_anew=True)
    return replace(shot, mode="flow" if best == "following" else best, follows=best == "following")


def try_shots(
    path: Path, video: Path, chunks: Sequence[Chunk], masks: LoadMasks, triers: Callable[[], Triers]
) -> dict[int, Trial]:
    """Try every shot of which frames can be laid over each other, once: what was found is kept in `path` (JSON).

    Args:
        path: where the trials are kept.
        video: the source.
        chunks: of the whole video.
        masks: loads the masks of a chunk.
        triers: makes what to try with; its networks are loaded only if nothing is kept yet.

    Raises:
        InputError: `path` is damaged, or holds something else.
    """
    if path.exists():
        return _kept(path)
    shots = list({chunk.shot.start: chunk.shot for chunk in chunks if chunk.shot.has_canvas}.values())
    made = triers()
    trials = {
        shot.start: _try(shot, [chunk for chunk in chunks if chunk.shot is shot], video, masks, made) for shot in shots
    }
    with atomic_path(path) as scratch:
        scratch.write_text(json.dumps({start: trial.quality for start, trial in trials.items()}))
    return trials


def _kept(path: Path) -> dict[int, Trial]:
    found, ways = read_json(path), get_args(Way)
    try:
        rows = {int(start): {ways[ways.index(way)]: float(row[way]) for way in row} for start, row in found.items()}
    except (AttributeError, TypeError, ValueError):
        raise InputError(f"{path} does not hold trials of {', '.join(ways)}; delete it to try them anew") from None
    return {start: Trial(row) for start, row in rows.items()}


def _try(shot: Shot, chunks: Sequence[Chunk], video: Path, masks: LoadMasks, triers: Triers) -> Trial:
    marked = np.concatenate([_marked_pixels(masks(chunk)) for chunk in chunks])
    if not marked.any():
        return Trial()
    start = shot.start + _busiest(marked)
    stop = min(shot.stop, start + TRIAL_FRAMES)
    frames = np.concatenate([clip.numpy() for clip in iterate(video, start=start, stop=stop)])
    touched = [chunk for chunk in chunks if chunk.start < stop and chunk.stop > start]
    inner = slice(start - touched[0].start, stop - touched[0].start)
    trial = triers.run(shot, frames, torch.cat([masks(chunk) for chunk in touched])[inner].numpy(), start)
    tried = ", ".join(f"{way} {quality:.1f} dB" for way, quality in trial.quality.items())
    logger.info("frames %d to %d, tried on known pixels: %s", shot.start, shot.stop, tried or "nothing")
    return trial


def _marked_pixels(masks: torch.Tensor) -> np.ndarray:
    """int (T,): pixels of each frame; bool (T, H, W).

    Not by the sum of the tensor: that copies it to eight times the size, and the copies of all chunks of a long video
    leave holes in memory that nothing else fits into, so that it grew by 20 MB a chunk.
    """
    return np.count_nonzero(masks.flatten(1).numpy(), axis=1)


def _busiest(marked: np.ndarray) -> int:
    """First of the `TRIAL_FRAMES` frames with most masked pixels."""
    total = np.concatenate([[0], np.cumsum(marked)])
    length = min(TRIAL_FRAMES, len(marked))
    return int(np.argmax(total[length:] - total[:-length]))
