"""After the masks are known: shots whose mode is in doubt are tried, and chunks are given the mode that won."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.atomic import atomic_path
from maskreel.common.video import iterate
from maskreel.inpaint.trial import TRIAL_FRAMES, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from maskreel.inpaint.chunks import Chunk
    from maskreel.inpaint.survey import Shot
    from maskreel.inpaint.trial import Triers

    LoadMasks = Callable[[Chunk], torch.Tensor]

__all__ = ["settled", "try_shots"]

logger = logging.getLogger(__name__)


def settled(chunks: Sequence[Chunk], trials: Mapping[int, Trial]) -> tuple[Chunk, ...]:
    """Chunks with the modes that trials, by the first frame of a shot, have settled."""
    shots: dict[int, Shot] = {}
    for chunk in chunks:
        if chunk.shot.start not in shots:
            trial = trials.get(chunk.shot.start)
            flow = trial is not None and trial.prefers_flow
            shots[chunk.shot.start] = replace(chunk.shot, mode="flow") if flow else chunk.shot
    return tuple(replace(chunk, shot=shots[chunk.shot.start]) for chunk in chunks)


def try_shots(
    path: Path, video: Path, chunks: Sequence[Chunk], masks: LoadMasks, triers: Callable[[], Triers]
) -> dict[int, Trial]:
    """Try every shot in mode `registered`, once: what was found is kept in the file `path` (JSON).

    A camera that stands needs no trial, and one that sweeps leaves no choice.

    Args:
        path: where the trials are kept.
        video: the source.
        chunks: of the whole video.
        masks: loads the masks of a chunk.
        triers: makes what to try with; its networks are loaded only if nothing is kept yet.
    """
    if path.exists():
        return {int(start): Trial(**values) for start, values in json.loads(path.read_text()).items()}
    shots = list({chunk.shot.start: chunk.shot for chunk in chunks if chunk.shot.mode == "registered"}.values())
    made = triers()
    trials = {
        shot.start: _try(shot, [chunk for chunk in chunks if chunk.shot is shot], video, masks, made) for shot in shots
    }
    with atomic_path(path) as scratch:
        scratch.write_text(json.dumps({start: asdict(trial) for start, trial in trials.items()}))  # NaN is allowed here
    return trials


def _try(shot: Shot, chunks: Sequence[Chunk], video: Path, masks: LoadMasks, triers: Triers) -> Trial:
    marked = torch.cat([masks(chunk).flatten(1).sum(1) for chunk in chunks])
    if not marked.any():
        return Trial(np.nan, np.nan, 0.0)
    start = shot.start + _busiest(marked.numpy())
    stop = min(shot.stop, start + TRIAL_FRAMES)
    frames = np.concatenate([clip.numpy() for clip in iterate(video, start=start, stop=stop)])
    touched = [chunk for chunk in chunks if chunk.start < stop and chunk.stop > start]
    inner = slice(start - touched[0].start, stop - touched[0].start)
    trial = triers.run(shot, frames, torch.cat([masks(chunk) for chunk in touched])[inner].numpy(), start)
    logger.info(
        "frames %d to %d: tried on known pixels, registered %.1f dB, flow %.1f dB with a reach of %.0f %%",
        shot.start,
        shot.stop,
        trial.registered,
        trial.flow,
        100 * trial.reach,
    )
    return trial


def _busiest(marked: np.ndarray) -> int:
    """First of the `TRIAL_FRAMES` frames with most masked pixels."""
    total = np.concatenate([[0], np.cumsum(marked)])
    length = min(TRIAL_FRAMES, len(marked))
    return int(np.argmax(total[length:] - total[:-length]))
