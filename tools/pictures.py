"""Make the pictures of the front door, docs/pictures/*.gif, with the commands and weights that maskreel comes with.

python tools/pictures.py              all four: a quarter of an hour on one core
python tools/pictures.py animate      one of them, after its weights have changed

Everything in them is rendered by maskreel.common.world, so no picture shows what belongs to somebody else.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from maskreel.common.masks import read_masks
from maskreel.common.show import overlay, save_animation, save_image, side_by_side
from maskreel.common.video import Clip, read, write
from maskreel.common.world import ActorsScene, TableScene
from maskreel.vfp.show import draw_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parent.parent
LIMIT = 400_000
"""Bytes; a page with four of them should open at once."""
WIDTH = 560
FEW_COLOURS = {"inpaint": 32, "animate": 128}
"""Of pictures that would be too large in the quality of `save_animation`."""


def maskreel(*words: str | Path) -> None:
    """Run a command as a user would."""
    subprocess.run([sys.executable, "-m", "maskreel.common.cli", *map(str, words)], check=True)


def panels(*clips: torch.Tensor, titles: Sequence[str], fps: Fraction) -> Clip:
    """Frames uint8 (T, 3, H, W) side by side, under titles; a shorter one stays at its last frame."""
    length = max(map(len, clips))
    rows = [side_by_side(*(clip[min(t, len(clip) - 1)] for clip in clips), titles=titles) for t in range(length)]
    return Clip(torch.stack(rows), fps)


def inpaint(work: Path) -> Clip:
    """A rendered lecture, what was found in it, and the same without the lecturer."""
    size = ("--size", "180", "320")
    maskreel("world", "render", "lecture", "-o", work, "--seconds", "20", *size, "--noise", "1", "--seed", "3")
    maskreel("inpaint", "run", work / "video.mkv", "-o", work / "clean.mkv", "--lossless", "--keep-stages", "masks")
    source, clean = read(work / "video.mkv"), read(work / "clean.mkv")
    masks = read_masks(work / "clean.job" / "kept-masks", size=source.size, frame_count=len(source))
    shown = slice(40, 200, 10)
    drawn = overlay(source.frames[shown], masks[shown])
    return panels(drawn, clean.frames[shown], titles=["video, and what was found", "result"], fps=Fraction(4))


def vfp(work: Path) -> Clip:
    """11 frames, then the forecast for the 22nd beside what really came."""
    frames, labels = (torch.from_numpy(part) for part in TableScene.preset("easy").frames_and_labels(seed=4))
    frames = frames.movedim(-1, 1)
    write(work / "clip.mkv", Clip(frames[:11], Fraction(8)), codec="ffv1")
    maskreel("vfp", "forecast", work / "clip.mkv", "-o", work / "forecast.png", "--stride", "1")
    forecast = torch.from_numpy(np.array(Image.open(work / "forecast.png")))
    seen, truth = frames[:11], draw_labels(frames[21], labels[21])
    blank = torch.full_like(seen[0], 235)
    guess = draw_labels(blank, forecast)
    left = torch.cat([seen, seen[-1:].expand(9, -1, -1, -1)])
    middle = torch.cat([blank.expand(11, -1, -1, -1), guess.expand(9, -1, -1, -1)])
    right = torch.cat([blank.expand(14, -1, -1, -1), truth.expand(6, -1, -1, -1)])
    return panels(left, middle, right, titles=["frames 1 to 11", "forecast: 22", "what came: 22"], fps=Fraction(6))


def inversion(work: Path) -> Clip:
    """Masks, and the frames that were made from them."""
    labels = torch.from_numpy(TableScene.preset("easy").frames_and_labels(seed=900_000_036)[1])
    (work / "clip").mkdir()
    np.save(work / "clip" / "mask.npy", labels.numpy())
    maskreel("inversion", "run", work / "clip", "-o", work / "made.mkv")
    blank = torch.full((3, *labels.shape[1:]), 235, dtype=torch.uint8)
    drawn = torch.stack([draw_labels(blank, one, alpha=1.0) for one in labels])
    made = read(work / "made.mkv").frames
    return panels(drawn[::2], made[::2], titles=["masks", "frames made from them"], fps=Fraction(5))


def animate(work: Path) -> Clip:
    """A still picture, a driving video, and the picture moving."""
    scene = ActorsScene(size=(160, 160), frames=16, fps=Fraction(8))
    source, driving = scene.compose(11, 12, 13), scene.compose(21, 22, 23)
    save_image(work / "me.png", source.clip.frames[0])
    save_image(work / "beach.png", driving.plate[0])
    write(work / "dance.mkv", driving.clip, codec="ffv1")
    maskreel("animate", "run", work / "me.png", work / "dance.mkv", "-b", work / "beach.png", "-o", work / "moving.mkv")
    moving = read(work / "moving.mkv").frames
    titles = ["me.png", "dance.mp4", "me, moving"]
    return panels(source.clip.frames[:1], driving.clip.frames, moving, titles=titles, fps=Fraction(8))


PICTURES = {"inpaint": inpaint, "vfp": vfp, "inversion": inversion, "animate": animate}


def make(name: str, folder: Path) -> Path:
    """Make one picture in `folder`."""
    path = folder / f"{name}.gif"
    with tempfile.TemporaryDirectory() as work:
        clip = PICTURES[name](Path(work))
    if name in FEW_COLOURS:
        save_small(path, clip, FEW_COLOURS[name])
    else:
        save_animation(path, clip, max_width=660)
    return path


def save_small(path: Path, clip: Clip, colours: int) -> None:
    """Write a GIF with few colours and without dithering."""
    height, width = clip.size
    size = (min(WIDTH, width), round(height * min(WIDTH, width) / width))
    frames = [Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS) for frame in clip.numpy()]
    mosaic = Image.fromarray(np.concatenate([np.asarray(frame) for frame in frames[::4]]))
    palette = mosaic.quantize(colours, method=Image.Quantize.MEDIANCUT)
    first, *rest = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    first.save(path, save_all=True, append_images=rest, duration=round(1000 / clip.fps), loop=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="PICTURE", help=f"some of {', '.join(PICTURES)}; by default all")
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "pictures", help="where to write them")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(PICTURES):
        parser.error(f"there is no picture {', '.join(sorted(unknown))}; there are {', '.join(PICTURES)}")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    too_large = []
    for name in arguments.names or PICTURES:
        print(f"Making {name} ...", flush=True)
        path = make(name, arguments.folder)
        print(f"{path}: {path.stat().st_size // 1000} kB", flush=True)
        too_large += [path.name] * (path.stat().st_size > LIMIT)
    if too_large:
        sys.exit(f"{', '.join(too_large)}: more than {LIMIT // 1000} kB")


if __name__ == "__main__":
    main()
