"""What is put to the test: a small job of every part, its input, and the files that must come out the same."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PARTS", "Part", "prepare"]

TEACHER = Path(__file__).parents[2] / "packages/inversion/tests"
FPS = Fraction(25)


@dataclass(frozen=True)
class Part:
    """A job."""

    command: str
    """Words of the command; IN is the folder of the input, OUT that of the output."""
    results: str
    """Files in OUT, as patterns, that hold the same bytes in every run."""
    make_input: Callable[[Path], object]
    """Fills the folder of the input."""
    cut_small: Callable[[], object] = lambda: None
    """Makes the pieces so small that this short job has several."""
    training: bool = False

    def words(self, given: Path, output: Path) -> list[str]:
        """The arguments of `maskreel`."""
        return [word.replace("IN/", f"{given}/").replace("OUT/", f"{output}/") for word in self.command.split()]

    def found(self, output: Path) -> dict[str, bytes]:
        """The result files that are there; what is hidden is scratch."""
        paths = [path for pattern in self.results.split() for path in output.glob(pattern) if path.is_file()]
        names = {path.relative_to(output): path for path in paths}
        return {
            str(name): path.read_bytes()
            for name, path in names.items()
            if not any(part.startswith(".") for part in name.parts)
        }


def prepare(part: Part, folder: Path) -> None:
    """Make the input, cut the pieces small, and load what is slow to import; to be called once."""
    torch.set_num_threads(1)
    sys.path.append(str(TEACHER))
    folder.mkdir(parents=True)
    part.make_input(folder)
    part.cut_small()


def _walk(folder: Path) -> None:
    """A block that walks before a scene."""
    import cv2

    from maskreel.common.video import Clip, write

    noise = np.random.default_rng(0).uniform(-1, 1, (64, 80, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    frames = np.repeat(np.clip(soft * 40 / soft.std() + 127, 0, 255).astype(np.uint8)[None], 48, axis=0)
    for t, frame in enumerate(frames):
        frame[20:50, t : t + 12] = 10
    write(folder / "walk.mkv", Clip.from_numpy(frames, FPS), codec="ffv1")


def _cut_inpaint() -> None:
    from maskreel.inpaint.running import chunks, fill_stage

    chunks.frames_per_chunk = lambda size: 6
    chunks._SHORTEST_FLOW = 12
    fill_stage._SEGMENT_FRAMES = 12


def _source_and_driving(folder: Path) -> None:
    from maskreel.animate.model import AnimationModel, ModelConfig
    from maskreel.animate.weights import save_model
    from maskreel.common.show import save_image
    from maskreel.common.video import Clip, write

    draws = torch.Generator().manual_seed(1)
    coarse = torch.randint(0, 256, (60, 3, 5, 6), dtype=torch.uint8, generator=draws)
    frames = coarse.repeat_interleave(8, -1).repeat_interleave(8, -2)
    write(folder / "driving.mp4", Clip(frames, FPS))
    save_image(folder / "source.png", frames[7].flip(-1))
    torch.manual_seed(0)
    config = ModelConfig(
        size=32, factor=2, depth=3, mask_width=4, refiner_width=4, low_width=8, low_blocks=1, high_width=4, widest=16
    )
    save_model(AnimationModel(config), folder / "w.safetensors")


def _cut_animate() -> None:
    from maskreel.animate.running import segments

    segments._SEGMENT_FRAMES = 8


def _masks(folder: Path) -> None:
    from maskreel.common.masks import write_label_png

    for index in range(4):
        labels = torch.zeros(32, 48, dtype=torch.uint8)
        labels[8:20, 4 + 3 * index : 20 + 3 * index] = 1
        write_label_png(folder / "masks" / f"{index:05d}.png", labels)


def _cut_inversion() -> None:
    from maskreel.inversion import job

    job.SAVE_SECONDS = 0.05


def _tables(folder: Path) -> None:
    from maskreel.common.world import Splits, TableScene, write_dataset

    write_dataset(TableScene(), folder / "tables", Splits(val=3, hidden=8), seed=3, workers=0)


def _small_tables(folder: Path) -> None:
    from maskreel.common.unet import UNet
    from maskreel.common.world import Splits, TableScene, write_dataset
    from maskreel.vfp.segmentation import SegmenterConfig, save_segmenter

    write_dataset(TableScene(size=(32, 48)), folder / "tables", Splits(train=3, val=2), seed=8, workers=0)
    torch.manual_seed(0)
    save_segmenter(UNet(49), folder / "unet.safetensors", SegmenterConfig(network="unet"))


_OFTEN = "--threads 1 --device cpu --checkpoint-every 2 --evaluate-every 4 --samples-every 8 --log-every 1"
_SMALL_MASKS = "--spatial-width 4 --temporal-width 8 --temporal-depth 2 --mlp-ratio 1 --draft-width 8"
_SMALL_ANIMATION = (
    "--size 32 --factor 2 --depth 2 --refiner-depth 2 --high-depth 2 --mask-width 4 --refiner-width 4 --low-width 8 "
    "--low-blocks 1 --high-width 4 --widest 16"
)

PARTS = {
    "inpaint": Part("inpaint run IN/walk.mkv -o OUT/out.mkv --lossless", "out.mkv", _walk, _cut_inpaint),
    "animate": Part(
        "animate run IN/source.png IN/driving.mp4 --weights IN/w.safetensors --no-fused --batch 4 --device cpu "
        "-o OUT/out.mp4",
        "out.mp4",
        _source_and_driving,
        _cut_animate,
    ),
    "inversion": Part(
        "inversion run IN/masks -o OUT/film.mkv --teacher tiny_teacher:tiny --device cpu --steps 30 --stages 2 "
        "--levels 2 --preview-every 10",
        "film.mkv film.run/frames/*.png film.run/masks/*.png",
        _masks,
        _cut_inversion,
    ),
    "forecast": Part("vfp forecast IN/tables/hidden -o OUT/pred.npy --device cpu", "pred.npy", _tables),
    "forecast-pictures": Part(
        "vfp forecast IN/tables/hidden -o OUT/pictures --device cpu", "pictures/*.png pictures/*.gif", _tables
    ),
    "evaluate": Part("vfp evaluate IN/tables -o OUT/report --device cpu", "report/*.npy report/scores.json", _tables),
    "render": Part(
        "world render table -o OUT/data --train 8 --hidden 2 --seed 3 --size 48 64 --hidden-truth --workers 0",
        "data/*/*/* data/hidden_truth/*.npy",
        lambda folder: None,
    ),
    "render-videos": Part(
        "world render actors -o OUT/data --videos 6 --seed 3 --workers 0 --frames 12 --size 48 64",
        "data/*.mp4 data/masks/*/*.png",
        lambda folder: None,
    ),
    "train-masks": Part(
        f"vfp train-masks IN/tables -o OUT/run --segmenter IN/unet.safetensors {_SMALL_MASKS} --steps 16 "
        f"--batch-size 2 --watched 1 --measured 1 {_OFTEN}",
        "run/final.safetensors run/masks.safetensors",
        _small_tables,
        training=True,
    ),
    "train-fill": Part(
        f"inpaint train-fill -o OUT/run --rendered 4 --watched 3 --side 64 --steps 10 --batch-size 2 {_OFTEN}",
        "run/final.safetensors run/generator.safetensors",
        lambda folder: None,
        training=True,
    ),
    "train-dfc": Part(
        "inpaint train-dfc -o OUT/run --planes 3 --world 1 --watched 2 --size 64 96 --frames 3 --steps 10 "
        f"--batch-size 2 {_OFTEN}",
        "run/final.safetensors run/cascade.safetensors",
        lambda folder: None,
        training=True,
    ),
    "train-animate": Part(
        f"animate train tiny -o OUT/run --rendered 3 {_SMALL_ANIMATION} --steps 12 --batch-size 2 --watched 2 {_OFTEN}",
        "run/final.safetensors run/animation.safetensors",
        lambda folder: None,
        training=True,
    ),
}
