"""Options that no other file of tests drives: each has an effect."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from maskreel.animate.animator import ImageAnimator
from maskreel.animate.commands.train import PRESETS
from maskreel.animate.config import AnimateConfig
from maskreel.animate.motion import load_motion
from maskreel.animate.ready_model import ready_model
from maskreel.animate.running import renderer
from maskreel.animate.training.samples import Samples, samples_of_videos
from maskreel.animate.training.settings import ClipSettings
from maskreel.animate.weights import save_model
from maskreel.common.cli import main
from maskreel.common.show import save_image
from maskreel.common.video import Clip, write

if TYPE_CHECKING:
    from maskreel.animate.model import AnimationModel, ModelConfig

FPS = Fraction(10)


def noise(frames: int, size: tuple[int, int], seed: int = 0) -> Clip:
    return Clip.from_numpy(np.random.default_rng(seed).integers(0, 256, (frames, *size, 3), np.uint8), FPS)


@pytest.fixture
def files(model: AnimationModel, tmp_path: Path) -> Path:
    """source.png, driving.mkv of 8 wide frames, and the weights small.safetensors."""
    clip = noise(8, (40, 64))
    write(tmp_path / "driving.mkv", clip, codec="ffv1")
    save_image(tmp_path / "source.png", clip.frames[3].flip(-1))
    save_model(model, tmp_path / "small.safetensors")
    return tmp_path


def motion(files: Path, name: str, *options: object) -> Any:
    words = ["motion", files / "driving.mkv", "-o", files / name, "--weights", files / "small.safetensors", *options]
    assert main(["-q", "animate", *map(str, words)]) == 0
    return load_motion(files / name)


def test_options_of_motion(files: Path) -> None:
    plain = motion(files, "plain.npz", "--mask-border", "zero")
    assert plain.frame_count == 8
    assert motion(files, "brief.npz", "--preview", "0.3s").frame_count == 3
    whole = motion(files, "whole.npz", "--driving-framing", "whole", "--mask-border", "zero")
    assert (plain.recipe["driving_framing"], whole.recipe["driving_framing"]) == ("auto", "whole")
    replicated = motion(files, "replicated.npz", "--driving-framing", "whole", "--mask-border", "replicate")
    assert whole.masks()[:, 0, 0].amax() == 0
    assert replicated.masks()[:, 0, 0].amax() > 0


def test_motion_does_not_depend_on_the_batch(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from maskreel.animate.model import AnimationModel

    masks, sizes = AnimationModel.masks, []

    def counted(self: AnimationModel, images: torch.Tensor) -> torch.Tensor:
        sizes.append(len(images))
        return masks(self, images)

    monkeypatch.setattr(AnimationModel, "masks", counted)
    one, three = motion(files, "a.npz"), motion(files, "b.npz", "--batch", 3)
    assert torch.equal(one.masks(), three.masks())
    assert {3, 8} <= set(sizes)


@pytest.mark.parametrize(
    "words",
    [
        ["run", "source.png", "driving.mkv"],
        ["motion", "driving.mkv", "-o", "walk.npz"],
        ["reconstruct", "driving.mkv", "-o", "out"],
        ["evaluate", "-o", "out", "--world", "1"],
    ],
)
def test_the_device_is_asked_for(
    words: list[str], files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(files)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["-q", "animate", *words, "--weights", "small.safetensors", "--device", "cuda"]) == 2
    assert "device is cuda, but torch finds no CUDA device" in capsys.readouterr().err


def test_bf16_computes_pictures_with_fewer_digits(model: AnimationModel) -> None:
    image, mask = torch.rand(1, 3, 32, 32), torch.rand(1, 1, 16, 16)
    found = {}
    for precision in ("fp32", "bf16"):
        ready = ready_model(AnimateConfig(precision=precision), model)
        _, found[precision] = ready.pictures(ready.source(image), mask)
    difference = (found["fp32"].float() - found["bf16"].float()).abs()
    assert 0 < difference.mean() < 0.02


def test_unfinished_work_lies_where_it_is_told(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from maskreel.animate.running import segments

    monkeypatch.setattr(segments, "_SEGMENT_FRAMES", 2)
    render, left = renderer.Renderer.render, [2]

    def failing(*arguments: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("enough")
        return render(*arguments)

    monkeypatch.setattr(renderer.Renderer, "render", failing)
    animator = ImageAnimator(AnimateConfig(weights=str(files / "small.safetensors"), batch=2))
    with pytest.raises(RuntimeError, match="enough"):
        animator.animate(files / "source.png", files / "driving.mkv", job=files / "elsewhere")
    assert (files / "elsewhere" / "000001.nut").is_file()
    assert not list(files.glob("*.job"))


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Two takes of one person and one of another to learn from, and one to measure on."""
    for number, name in enumerate(("train/x#1", "train/x#2", "train/y#1", "test/z#1")):
        path = tmp_path / "data" / f"{name}.mkv"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, noise(6, (36, 48), number), codec="ffv1")
    return tmp_path / "data"


def samples(videos: Path, folder: str, small: ModelConfig, settings: ClipSettings) -> Samples:
    return samples_of_videos(videos, videos.parent / folder, small, settings, seed=0, watched=1)


def test_options_of_clips(videos: Path, small: ModelConfig) -> None:
    plain = samples(videos, "plain", small, ClipSettings())
    assert len(plain.pairs) == 3
    assert len(samples(videos, "plain", small, ClipSettings(id_sampling=True)).pairs) == 2
    assert len(samples(videos, "plain", small, ClipSettings(repeats=4)).pairs) == 12
    few = samples(videos, "few", small, ClipSettings(frames=2))
    assert not torch.equal(few.watched[0]["driving"], plain.watched[0]["driving"]), "another last frame"
    for fit in ("pad", "squash"):
        fitted = samples(videos, fit, small, ClipSettings(fit=fit))
        assert not torch.equal(fitted.watched[0]["source"], plain.watched[0]["source"])


def test_a_cache_of_frames_is_used_where_it_is(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    preset = PRESETS["tiny"]
    monkeypatch.setattr(preset, "_samples", lambda _, folder: used.append(folder) or (_ for _ in ()).throw(KeyError))
    for clips in (ClipSettings(), ClipSettings(cache=Path("frames"))):
        with pytest.raises(KeyError):
            preset(output=Path("run"), data=videos, clips=clips).run()
    assert used == [Path("run/cache"), Path("frames")]


def test_a_head_start_passes_pictures_on(small: ModelConfig) -> None:
    preset, image = PRESETS["tiny"], torch.rand(1, 3, 32, 32)
    errors = []
    for head_start in (False, True):
        torch.manual_seed(0)
        network = preset(output=Path("run"), model=small, head_start=head_start)._network().eval().requires_grad_(False)
        source = network.source(image)
        errors.append(float((network.pictures(source, source.mask)[1] - image).abs().mean()))
    assert errors[1] < 0.5 * errors[0]


def test_rendered_videos_are_kept_where_they_are_told(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(files)
    words = ["evaluate", "-o", "out", "--world", "1", "--frames", "2", "--weights", "small.safetensors"]
    assert main(["-q", "animate", *words, "--cache", "cases", "--shown", "0"]) == 0
    assert len(list(Path("cases").iterdir())) == 1
    assert not Path("out/cache").exists()
    assert json.loads(Path("out/scores.json").read_text())["world"] == 1
