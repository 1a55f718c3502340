"""The protocol of the field at 432x240: every mode and fill of maskreel beside simple peers, on unseen clips.

    python packages/inpaint/benchmarks/bench_protocol.py --out /tmp/bench_protocol --json protocol.json

Shapes, standing still and moving, are laid over clips of the procedural world and real clips; what they cover is the
truth. `object` takes the world's people out instead, against the clean plate. Masks are dilated 4 times by a cross of
3x3, and results are composited: the fill in the hole, the input elsewhere. PSNR, SSIM (window 65) and E_warp on whole
frames and in the holes, flicker in the holes; see _protocol_scores.py. Each figure is kept in the JSON as soon as it is
there; a second run goes on from it, and repeats what was measured with other settings.
"""

from __future__ import annotations

import argparse
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from _baselines import run_inpainter
from _protocol_clips import CLIPS, KINDS, LONGEST, make_case
from _protocol_peers import FlowGuided, telea_each_frame, temporal_median
from _protocol_scores import composite, score_case
from _protocol_tables import Store, print_all

from maskreel.common.errors import InputError, MissingExtraError
from maskreel.common.masks import write_masks
from maskreel.common.show import contact_sheet, save_image
from maskreel.common.video import Clip, read, write
from maskreel.inpaint import InpaintConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from _protocol_clips import Case, Kind

# Masks are dilated as the protocol does it, and no further.
_COMMON = {"dilation": 0.0, "lossless": True}
ROWS = {
    "auto": InpaintConfig(mode="auto", **_COMMON),
    "static": InpaintConfig(mode="static", **_COMMON),
    "registered": InpaintConfig(mode="registered", **_COMMON),
    "flow": InpaintConfig(mode="flow", **_COMMON),
    "flow, ns": InpaintConfig(mode="flow", fill="ns", **_COMMON),
    "flow, telea": InpaintConfig(mode="flow", fill="telea", **_COMMON),
    "flow, background": InpaintConfig(mode="flow", completion="background", **_COMMON),
    "flow, laplace": InpaintConfig(mode="flow", completion="laplace", **_COMMON),
    "flow, gradient seam": InpaintConfig(mode="flow", seam="gradient", **_COMMON),
    "dfc": InpaintConfig(mode="dfc", **_COMMON),
    "dfc, threshold 20": InpaintConfig(mode="dfc", threshold=20.0, **_COMMON),
}
"""maskreel's rows: to add one is to add a line."""
PEERS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "Telea, every frame": telea_each_frame,
    "temporal median": temporal_median,
    "FGVC-like": FlowGuided(),
}
_SHOWN = (0.1, 0.5, 0.9)  # moments on the contact sheets, as fractions of the clip


def main() -> None:
    """Measure what is missing, print one table per case, the means and the verdict on auto, leave the pictures."""
    options = _options()
    settings = {row: f"{options.frames} frames, {ROWS.get(row, row)!r}" for row in options.rows}
    store = Store(options.json or options.out / "protocol.json", settings)
    cases = [(clip, kind) for clip in options.clips for kind in options.kinds]
    for clip, kind in cases:
        _measure(clip, kind, options, store)
    names = [_name(clip, kind, options.seed) for clip, kind in cases]
    tables = {name: store.table(name) for name in names}
    print_all({name: rows for name, rows in tables.items() if rows}, options.kinds, own=tuple(ROWS))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [*ROWS, *PEERS]
    parser.add_argument("--out", type=Path, required=True, help="folder for work and pictures")
    parser.add_argument("--json", type=Path, help="keeps the figures; by default protocol.json in --out")
    parser.add_argument("--clips", nargs="+", choices=tuple(CLIPS), default=tuple(CLIPS), metavar="CLIP")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--frames", type=int, default=LONGEST, help=f"frames of each clip, 3 to {LONGEST}")
    parser.add_argument("--rows", nargs="+", choices=names, default=names, metavar="ROW", help=f"of {', '.join(names)}")
    parser.add_argument("--seed", type=int, default=0, help="0 to 999, of shapes and rendered scenes")
    parser.add_argument("--again", action="store_true", help="measure anew what the JSON has, after a change of code")
    options = parser.parse_args()
    if not 3 <= options.frames <= LONGEST:
        parser.error(f"--frames must be 3 to {LONGEST}, got {options.frames}")
    if not 0 <= options.seed < 1000:
        parser.error(f"--seed must be 0 to 999, got {options.seed}")
    options.out.mkdir(parents=True, exist_ok=True)
    return options


def _name(clip: str, kind: Kind, seed: int) -> str:
    return f"{clip} {seed}, {kind}" if seed else f"{clip}, {kind}"


@dataclass
class _Outcome:
    """One method on one case."""

    frames: np.ndarray
    seconds: dict[str, float]
    notes: dict[str, object] = field(default_factory=dict)


def _measure(clip: str, kind: Kind, options: argparse.Namespace, store: Store) -> None:
    name = _name(clip, kind, options.seed)
    folder = options.out / name.removesuffix(f", {kind}") / kind
    missing = options.rows if options.again else store.missing(name)
    if not missing:
        return
    case = make_case(clip, kind, options.frames, options.seed)
    if case is None:
        print(f"{name}: skipped, nobody knows what is behind the people of this clip", flush=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{name}: {len(case.source)} frames, holes {100 * case.masks.mean():.1f} %", flush=True)
    write(folder / "source.mkv", Clip.from_numpy(case.source, case.fps), codec="ffv1")
    write_masks(folder / "masks.mkv", torch.from_numpy(case.masks), fps=case.fps)
    _save_pictures(folder / "truth", case.truth)
    _save_pictures(folder / "source", case.source)
    for row in missing:
        try:
            outcome = _peer(row, case) if row in PEERS else _maskreel(ROWS[row], case, folder)
        except (InputError, MissingExtraError) as error:
            print(f"  {row}: skipped, {error}", flush=True)
            continue
        result = composite(case, outcome.frames)
        figures = score_case(case, result)
        stages = {f"{stage} s/frame": spent / len(result) for stage, spent in outcome.seconds.items()}
        store.keep(name, row, {**outcome.notes, **figures, **stages})
        _save_pictures(folder / row, result)
        print(f"  {row}: hole PSNR {figures['hole PSNR']:.2f} dB {outcome.notes or ''}", flush=True)
    _save_sheet(folder)


def _peer(row: str, case: Case) -> _Outcome:
    begin = time.perf_counter()
    frames = PEERS[row](case.source, case.masks)
    return _Outcome(frames, {"fill": time.perf_counter() - begin})


def _maskreel(config: InpaintConfig, case: Case, folder: Path) -> _Outcome:
    work = folder / "work"
    result, seconds = run_inpainter(config, folder / "source.mkv", folder / "masks.mkv", work)
    frames = read(result.output).frames.permute(0, 2, 3, 1).numpy()
    shutil.rmtree(work)
    notes: dict[str, object] = {"mode": "+".join(sorted(set(result.summary.modes)))}
    return _Outcome(frames, seconds, notes | {"painted %": 100 * result.summary.never_seen})


def _save_pictures(folder: Path, frames: np.ndarray) -> None:
    folder.mkdir(exist_ok=True)
    for moment in _SHOWN:
        frame = np.ascontiguousarray(frames[round(moment * (len(frames) - 1))])
        save_image(folder / f"{moment}.png", torch.from_numpy(frame).permute(2, 0, 1))


def _save_sheet(folder: Path) -> None:
    """One row per method that has pictures, the truth and the source first; one column per moment."""
    from torchvision.io import read_image

    names = [name for name in ("truth", "source", *ROWS, *PEERS) if (folder / name).is_dir()]
    cells = [read_image(str(folder / name / f"{moment}.png")) for name in names for moment in _SHOWN]
    titles = [f"{name}, {moment:.0%}" for name in names for moment in _SHOWN]
    save_image(folder / "sheet.png", contact_sheet(cells, columns=len(_SHOWN), titles=titles))


if __name__ == "__main__":
    main()
