"""A saved motion in place of the driving video: the same frames to the last bit, and no picture given away."""

from __future__ import annotations

import copy
import json
import zipfile
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.animate.animator import ImageAnimator
from maskreel.animate.config import AnimateConfig
from maskreel.animate.model import AnimationModel, ModelConfig
from maskreel.animate.motion import load_motion, save_motion
from maskreel.animate.weights import save_model
from maskreel.common.cli import main
from maskreel.common.errors import InputError
from maskreel.common.show import save_image
from maskreel.common.video import Clip, probe, read, write

if TYPE_CHECKING:
    from pathlib import Path

FPS = Fraction(25)
SETTINGS = [
    {},
    {"motion": "relative", "smoothing": 0.6},
    {"motion": "relative", "start": 5},
    {"fused": True, "batch": 3},
]


@pytest.fixture(scope="module")
def frames() -> torch.Tensor:
    """uint8 (14, 3, 40, 64): wider than high, so that framings go close."""
    coarse = torch.rand(14, 3, 5, 8, generator=torch.Generator().manual_seed(1))
    return (torch.nn.functional.interpolate(coarse, (40, 64), mode="bilinear") * 255).byte()


@pytest.fixture
def files(tmp_path: Path, frames: torch.Tensor) -> Path:
    write(tmp_path / "driving.mkv", Clip(frames, FPS), codec="ffv1")
    save_image(tmp_path / "source.png", frames[7, :, :, 10:52].flip(-1))
    return tmp_path


def animated(animator: ImageAnimator, files: Path, driving: str, output: str) -> Path:
    return animator.animate(files / "source.png", files / driving, output=files / output).output


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_frames_are_those_of_the_video(model: AnimationModel, files: Path, settings: dict[str, object]) -> None:
    config = AnimateConfig(**{"fused": False, "lossless": True, "batch": 4} | settings)  # type: ignore[arg-type]
    animator = ImageAnimator(config, model=model)
    assert animator.save_motion(files / "driving.mkv", files / "walk.npz") == files / "walk.npz"
    of_video, of_motion = (animated(animator, files, name, f"{name}.mkv") for name in ("driving.mkv", "walk.npz"))
    assert torch.equal(read(of_motion).frames, read(of_video).frames)
    assert probe(of_motion).fps == probe(of_video).fps
    records = [json.loads(path.with_suffix(".json").read_text()) for path in (of_video, of_motion)]
    assert records[0]["summary"] == records[1]["summary"]
    assert records[0]["driving_square"] == records[1]["driving_square"]


def test_times_that_vary_stay(model: AnimationModel, tmp_path: Path, frames: torch.Tensor) -> None:
    times = tuple(Fraction(tick, 100) for tick in (0, 4, 6, 20, 21, 30, 34, 38, 50, 52, 54, 70, 71, 90))
    write(tmp_path / "driving.mkv", Clip(frames, FPS, Fraction(0), times), codec="ffv1")
    save_image(tmp_path / "source.png", frames[3])
    animator = ImageAnimator(AnimateConfig(fused=False, lossless=True, batch=4), model=model)
    animator.save_motion(tmp_path / "driving.mkv", tmp_path / "walk.npz")
    of_video, of_motion = (animated(animator, tmp_path, name, f"{name}.mkv") for name in ("driving.mkv", "walk.npz"))
    assert read(of_video).times == times
    assert of_motion.read_bytes() == of_video.read_bytes()


def test_the_command_saves_and_uses_a_motion(model: AnimationModel, files: Path) -> None:
    weights = files / "small.safetensors"
    save_model(model, weights)
    options = ["--weights", str(weights)]
    assert main(["-q", "animate", "motion", str(files / "driving.mkv"), "-o", str(files / "walk.npz"), *options]) == 0
    for driving, output in (("driving.mkv", "a.mkv"), ("walk.npz", "b.mkv")):
        words = ["-q", "animate", "run", str(files / "source.png"), str(files / driving), "-o", str(files / output)]
        assert main([*words, "--lossless", "--background", "navy", *options]) == 0
    assert torch.equal(read(files / "a.mkv").frames, read(files / "b.mkv").frames)
    page = (files / "b.html").read_text()
    assert "source, driving subject, subject of the result, result" in page
    assert "source, driving, driving subject" in (files / "a.html").read_text()
    assert main([*words, "--dry-run", *options]) == 0


def test_only_masks_and_how_they_were_made_are_saved(model: AnimationModel, files: Path) -> None:
    animator = ImageAnimator(AnimateConfig(mask_border="zero"), model=model)
    path = animator.save_motion(files / "driving.mkv", files / "walk.npz", seconds=0.2)
    assert set(zipfile.ZipFile(path).namelist()) == {"masks_00000.npy", "recipe.npy", "about.npy"}
    motion = load_motion(path)
    assert motion.frame_count == 5
    assert motion.recipe is not None
    assert motion.recipe.keys() == {"weights", "mask_network", "driving_framing", "mask_border", "version"}
    assert (motion.recipe["mask_border"], motion.recipe["driving_framing"]) == ("zero", "auto")
    with np.load(path) as arrays:
        assert arrays["masks_00000"].shape == (5, 16, 16)


def test_the_first_seconds_of_a_motion(model: AnimationModel, files: Path) -> None:
    animator = ImageAnimator(AnimateConfig(fused=False, lossless=True), model=model)
    animator.save_motion(files / "driving.mkv", files / "walk.npz")
    made = animator.animate(files / "source.png", files / "walk.npz", output=files / "made.mkv", seconds=0.2)
    assert made.summary.frames == 5


def test_what_a_motion_cannot_do_is_said(small: ModelConfig, model: AnimationModel, files: Path) -> None:
    animator = ImageAnimator(AnimateConfig(fused=False), model=model)
    motion = animator.save_motion(files / "driving.mkv", files / "walk.npz")

    def run(config: AnimateConfig, background: str | None = None, other: AnimationModel = model) -> None:
        ImageAnimator(config, model=other).animate(files / "source.png", motion, background)

    with pytest.raises(InputError, match=r"walk\.npz holds a motion without pictures; name another background"):
        run(AnimateConfig(), "driving")
    with pytest.raises(InputError, match=r"--driving-framing whole: the square of .*walk\.npz was chosen"):
        run(AnimateConfig(driving_framing="whole"))
    large = AnimationModel(replace(small, size=64))
    with pytest.raises(InputError, match=r"walk\.npz holds masks of 16 x 16 pixels, but these networks work with 32"):
        run(AnimateConfig(), other=large)
    for name in ("walk.npz", "source.png"):
        with pytest.raises(InputError, match=rf"{name} is no video; give a video, GIF or folder"):
            animator.save_motion(files / name, files / "again.npz")
    with pytest.raises(InputError, match=r"walk\.mkv must end in \.npz"):
        animator.save_motion(files / "driving.mkv", files / "walk.mkv")


@pytest.mark.parametrize("fused", [False, True])
def test_a_motion_of_other_weights_is_told(
    small: ModelConfig, model: AnimationModel, files: Path, fused: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """However the networks are run: the same weights are the same, in the fused graph or not."""
    ImageAnimator(AnimateConfig(fused=True), model=model).save_motion(files / "driving.mkv", files / "walk.npz")
    torch.manual_seed(5)
    other = copy.deepcopy(model)
    other.high_resolution.load_state_dict(AnimationModel(small).high_resolution.state_dict())
    job = files / "source.png", files / "walk.npz"
    for fitting in (model, other):  # what draws the picture is free
        ImageAnimator(AnimateConfig(fused=fused), model=fitting).animate(*job)
        assert "other weights" not in caplog.text
    ImageAnimator(AnimateConfig(fused=fused), model=AnimationModel(small)).animate(*job)
    assert "walk.npz was saved with other weights (those of the package): its masks are not those" in caplog.text


def test_a_motion_of_another_border_is_refused(model: AnimationModel, files: Path) -> None:
    job = files / "source.png", files / "walk.npz"

    def animated(border: str) -> None:
        ImageAnimator(AnimateConfig(mask_border=border), model=model).animate(*job)  # type: ignore[arg-type]

    for saved, other in (("zero", "replicate"), ("replicate", "zero"), ("model", "replicate")):
        config = AnimateConfig(mask_border=saved)  # type: ignore[arg-type]
        ImageAnimator(config, model=model).save_motion(files / "driving.mkv", files / "walk.npz")
        made_with = "zero" if saved == "model" else saved
        with pytest.raises(
            InputError, match=rf"walk\.npz was saved with the mask border {made_with}, not {other}; say"
        ):
            animated(other)
        animated(made_with)


def test_a_motion_that_does_not_tell_how_it_was_made_is_used(
    model: AnimationModel, files: Path, caplog: pytest.LogCaptureFixture
) -> None:
    animator = ImageAnimator(AnimateConfig(), model=model)
    motion = load_motion(animator.save_motion(files / "driving.mkv", files / "walk.npz"))
    save_motion(files / "bare.npz", motion.masks(), motion.fps, motion.framing)
    animator.animate(files / "source.png", files / "bare.npz")
    assert "other weights" not in caplog.text
