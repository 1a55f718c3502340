"""Holes that move before a camera that moves: real pixels with known truth, in DAVIS' tennis clip (854x480, 70 frames).

    python packages/inpaint/benchmarks/bench_moving.py --out /tmp/bench_moving

Opaque things that were never there are laid over the clip: `blob`, an ellipse of 60x120 px that drifts across, and
`player`, the mask of the real player moved aside. What they cover is known, and painted over in the source, so that no
method can see it. The real player is masked as well, but what lies behind him is unknown: he and 8 px around him do not
count.
Last, the player himself is removed with his true masks, to be looked at.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from _baselines import (
    SHARED_DATA,
    frames_of,
    masks_of,
    print_table,
    run_inpainter,
    save_json,
    save_strips,
    score,
    telea,
    timed,
)

from maskreel.common.masks import dilate, read_masks, write_masks
from maskreel.common.video import Clip, VideoWriter, read
from maskreel.inpaint import InpaintConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

Shape = Literal["blob", "player"]

_PAINT = (90, 140, 60)  # RGB of the things laid over the clip
_UNKNOWN_MARGIN = 8.0
_MODES = ("flow", "registered", "auto")


def main() -> None:
    """Run all rows, print one table per shape, leave the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED_DATA, help="folder that holds davis_tennis/")
    parser.add_argument("--out", type=Path, required=True, help="folder for clips, results and pictures")
    parser.add_argument("--json", type=Path, help="keep the rows here too")
    parser.add_argument("--shapes", nargs="+", choices=("blob", "player"), default=("blob", "player"))
    options = parser.parse_args()
    clip = read(options.data / "davis_tennis" / "video.mp4")
    player = read_masks(options.data / "davis_tennis" / "mask.mp4")
    rows = []
    for shape in options.shapes:
        rows += _bench(shape, clip, player, options.out / shape)
    _remove_player(clip, player, options.out / "removed")
    save_json(options.json, rows)


def _bench(shape: Shape, clip: Clip, player: torch.Tensor, out: Path) -> list[dict[str, object]]:
    things = moving_things(shape, player)
    source, masks, truth, scored = _write(clip, player, things, out)
    rows: list[dict[str, object]] = []

    def add(name: str, frames: Iterator[torch.Tensor], seconds: float | None) -> None:
        result = score(frames, frames_of(truth), masks_of(scored))
        rows.append(
            {
                "method": name,
                "hole PSNR dB": result.psnr,
                "per-frame mean dB": result.frame_psnr,
                "flicker": result.flicker,
                "fill s/frame": None if seconds is None else seconds / len(clip),
            }
        )

    for mode in _MODES:
        result, seconds = run_inpainter(InpaintConfig(mode=mode, lossless=True), source, masks, out / mode)
        chosen = "+".join(sorted(set(result.summary.modes)))
        add(mode if mode == chosen else f"{mode} ({chosen})", frames_of(result.output), seconds.get("fill"))
    spent: list[float] = []
    add("Telea, every frame", timed(telea(source, masks), spent), None)
    rows[-1]["fill s/frame"] = sum(spent) / len(clip)
    print_table(rows, title=f"tennis: {shape} laid over a moving camera, {len(clip)} frames of 854x480")
    videos = {"source": source, "truth": truth, **{mode: out / mode / "output.mkv" for mode in _MODES}}
    save_strips(out / "strips.png", videos, [5, 20, 35, 50, 65])
    print(f"Pictures: {out / 'strips.png'}")
    return [{"shape": shape, **row} for row in rows]


def moving_things(shape: Shape, player: torch.Tensor) -> torch.Tensor:
    """Masks of things that were never there, bool (T, H, W) like the player's."""
    count, height, width = player.shape
    if shape == "player":
        # He moves through the middle: half a picture aside he is beside himself, and wraps around once.
        return torch.roll(player, shifts=width // 2, dims=2)
    t = np.arange(count)[:, None, None]
    y, x = np.mgrid[:height, :width]
    centre_x = width * (0.12 + 0.76 * t / (count - 1))
    centre_y = height * (0.45 + 0.12 * np.sin(2 * np.pi * t / 40))
    return torch.from_numpy(((x - centre_x) / 30) ** 2 + ((y - centre_y) / 60) ** 2 <= 1)


def _write(clip: Clip, player: torch.Tensor, things: torch.Tensor, out: Path) -> tuple[Path, Path, Path, Path]:
    """The source with things, the masks to fill, the truth and the pixels that count, as lossless files."""
    out.mkdir(parents=True, exist_ok=True)
    paint = torch.tensor(_PAINT, dtype=torch.uint8)[:, None, None]
    paths = out / "source.mkv", out / "masks.mkv", out / "truth.mkv", out / "scored.mkv"
    covered = torch.where(things[:, None], paint, clip.frames)
    for path, frames in ((paths[0], covered), (paths[2], clip.frames)):
        with VideoWriter(path, fps=clip.fps, size=clip.size, codec="ffv1") as writer:
            writer.write(Clip(frames, clip.fps))
    write_masks(paths[1], things | player, fps=clip.fps)
    write_masks(paths[3], things & ~dilate(player, _UNKNOWN_MARGIN), fps=clip.fps)
    return paths


def _remove_player(clip: Clip, player: torch.Tensor, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    source, masks = out / "source.mkv", out / "masks.mkv"
    with VideoWriter(source, fps=clip.fps, size=clip.size, codec="ffv1") as writer:
        writer.write(clip)
    write_masks(masks, player, fps=clip.fps)
    result, _ = run_inpainter(InpaintConfig(dilation=6), source, masks, out / "auto")
    save_strips(out / "strips.png", {"source": source, "auto": result.output}, [0, 14, 28, 42, 56, 69])
    print(f"\nThe player himself removed (mode {'+'.join(set(result.summary.modes))}): look at {out / 'strips.png'}")


if __name__ == "__main__":
    main()
