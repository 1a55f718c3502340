"""`ImageAnimator`, with networks that know red things: what it makes of pictures and videos of all kinds."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from maskreel.animate.animator import ImageAnimator
from maskreel.animate.config import AnimateConfig
from maskreel.animate.model import AnimationModel, ModelConfig, Source
from maskreel.common.errors import InputError
from maskreel.common.show import save_animation, save_image
from maskreel.common.video import Clip, probe, read, write, write_frames

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

FPS = Fraction(30000, 1001)
RED, BLUE, GREY = (230, 20, 20), (20, 20, 230), (120, 120, 120)


class RedThings(AnimationModel):
    """Finds what is red, and paints the source's red thing where the mask is, over the rest of the source in grey."""

    def masks(self, images: Tensor) -> Tensor:
        red = ((images[:, :1] > 0.6) & (images[:, 2:] < 0.4)).float()
        return F.avg_pool2d(red, self.config.factor)

    def refined(self, source: Source, masks: Tensor, *, perturbed: bool = False) -> Tensor:
        return masks

    def pictures(self, source: Source, masks: Tensor) -> tuple[Tensor, Tensor]:
        source = source.expand(len(masks))
        there, was = self.enlarge(masks) > 0.5, source.large_mask > 0.01
        red = torch.tensor([value / 255 for value in RED]).view(1, 3, 1, 1)
        rest = torch.where(was, torch.tensor(GREY[0] / 255), source.image)
        made = torch.where(there, red, rest)
        return made, made

    def swapped(
        self, foreground: Tensor, masks: Tensor, backdrop: Tensor, backdrop_masks: Tensor
    ) -> tuple[Tensor, Tensor]:
        made = torch.where(self.enlarge(masks) > 0.5, foreground, backdrop)
        return made, made


@pytest.fixture
def model(small: ModelConfig) -> RedThings:
    return RedThings(small).eval()


def block(size: tuple[int, int], top: int, left: int, side: int, ground: tuple[int, ...] = GREY) -> Tensor:
    """A red square, uint8 (3, H, W)."""
    frame = torch.tensor(ground, dtype=torch.uint8).view(3, 1, 1).repeat(1, *size)
    frame[:, top : top + side, left : left + side] = torch.tensor(RED, dtype=torch.uint8).view(3, 1, 1)
    return frame


def walk(frames: int = 12, size: tuple[int, int] = (64, 64), *, first: int = 0) -> Clip:
    """A square moves right by 4 pixels a frame."""
    return Clip(torch.stack([block(size, 24, first + 4 * t, 16) for t in range(frames)]), FPS)


def red_box(frame: Tensor) -> tuple[int, int, int, int]:
    """top, left, bottom, right of what is red."""
    red = (frame[0].int() - frame[2].int()) > 100
    rows, columns = red.any(1).nonzero()[:, 0], red.any(0).nonzero()[:, 0]
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def animator(model: AnimationModel, **settings: object) -> ImageAnimator:
    return ImageAnimator(AnimateConfig(fused=False, **settings), model=model)  # type: ignore[arg-type]


def test_the_subject_goes_where_the_driving_subject_is(model: RedThings) -> None:
    source, driving = block((64, 64), 8, 40, 16, BLUE), walk()
    made = animator(model).animate(source, driving)
    assert (made.fps, made.size, len(made)) == (FPS, (64, 64), 12)
    for frame, driven in zip(made.frames, driving.frames, strict=True):
        assert np.allclose(red_box(frame), red_box(driven), atol=1)
    assert torch.equal(made.frames[0][:, 44:, :], source[:, 44:, :]), "what the networks leave alone is the source"


def test_a_wide_source_keeps_its_size_and_the_subject_its_place_in_the_square(model: RedThings) -> None:
    source, driving = block((48, 96), 10, 10, 12, BLUE), walk()
    made = animator(model, source_framing="whole").animate(source, driving)
    assert made.size == (48, 96)
    for frame, driven in zip(made.frames[2:10], driving.frames[2:10], strict=True):
        top, left, bottom, right = (value * 96 / 64 for value in red_box(driven))
        assert np.allclose(red_box(frame), (top - 24, left, bottom - 24, right), atol=2)


def test_framing_goes_close_to_subjects_that_stand_apart(model: RedThings) -> None:
    source = block((48, 192), 10, 150, 24, BLUE)
    made = animator(model, driving_framing="subject", source_framing="subject").animate(source, walk(4))
    far = made.frames[:, :, :, :90]
    assert torch.equal(far, source[:, :, :90].expand_as(far)), "outside the square the source stays"
    assert all(red_box(frame)[1] > 110 for frame in made.frames)


def test_relative_motion_starts_where_the_source_stands(model: RedThings) -> None:
    source = block((64, 64), 40, 20, 8, BLUE)
    made = animator(model, motion="relative", start=0).animate(source, walk(4, first=16))
    assert np.allclose(red_box(made.frames[0]), red_box(source), atol=1)
    moved = np.array([red_box(frame)[1] for frame in made.frames]) - red_box(made.frames[0])[1]
    assert np.allclose(moved, [0, 2, 4, 6], atol=1), "half as large, so half as far"


@pytest.mark.parametrize(
    ("framing", "ground", "start"), [("whole", BLUE, None), ("subject", BLUE, 0), ("subject", RED, None)]
)
def test_motion_is_relative_where_the_square_is_close(
    model: RedThings, tmp_path: Path, framing: str, ground: tuple[int, ...], start: int | None
) -> None:
    """`RED`: all of the source is red, so that there is no subject to go close to."""
    save_image(tmp_path / "source.png", block((64, 64), 40, 20, 12, ground))
    write(tmp_path / "driving.mkv", walk(4, first=16), codec="ffv1")
    made = animator(model, source_framing=framing)
    result = made.animate(tmp_path / "source.png", tmp_path / "driving.mkv")
    assert result.summary.start == start
    if start is not None:
        assert np.allclose(red_box(read(result.output).frames[0]), (40, 20, 52, 32), atol=2)


def test_the_best_start_is_the_frame_of_the_same_shape(model: RedThings, tmp_path: Path) -> None:
    frames = walk(9).frames.clone()
    frames[:, :, 20:30] = torch.tensor(RED, dtype=torch.uint8).view(1, 3, 1, 1)  # a bar in all frames
    frames[5] = block((64, 64), 24, 24, 16)
    write(tmp_path / "driving.mkv", Clip(frames, FPS), codec="ffv1")
    save_image(tmp_path / "source.png", block((64, 64), 8, 8, 16, BLUE))
    result = animator(model, motion="relative").animate(tmp_path / "source.png", tmp_path / "driving.mkv")
    assert result.summary.start == 5
    assert np.allclose(red_box(read(result.output).frames[5]), (8, 8, 24, 24), atol=1)


def test_a_colour_comes_behind_the_subject(model: RedThings) -> None:
    source = block((64, 64), 8, 40, 16, BLUE)
    made = animator(model, lock_background=True).animate(source, walk(), "#00ff00")
    green = torch.tensor([0, 255, 0], dtype=torch.uint8).view(3, 1, 1)
    for frame, driven in zip(made.frames, walk().frames, strict=True):
        top, left, bottom, right = red_box(driven)
        assert torch.equal(frame[:, : top - 6], green.expand_as(frame[:, : top - 6]))
        inside = frame[:, top + 3 : bottom - 3, left + 3 : right - 3].float()
        assert (inside - torch.tensor(RED).view(3, 1, 1)).abs().max() < 12


@pytest.mark.parametrize("swap", ["network", "composite"])
def test_a_film_comes_behind_the_subject(model: RedThings, swap: str) -> None:
    behind = Clip(torch.arange(0, 240, 20, dtype=torch.uint8).view(-1, 1, 1, 1).repeat(1, 3, 64, 64), FPS)
    made = animator(model, swap=swap, lock_background=True).animate(block((64, 64), 8, 40, 16, BLUE), walk(), behind)
    assert torch.equal(made.frames[:, :, 60, 32], behind.frames[:, :, 60, 32])


@pytest.mark.parametrize(("kind", "stays"), [("other", True), ("same", False), ("auto", False)])
def test_what_kind_a_background_is_can_be_said(model: RedThings, tmp_path: Path, kind: str, stays: bool) -> None:
    """A background with a red square of its own, which only `other` leaves there."""
    save_image(tmp_path / "source.png", block((64, 64), 8, 40, 16, BLUE))
    save_image(tmp_path / "behind.png", block((64, 64), 44, 2, 16))
    write(tmp_path / "driving.mkv", walk(2), codec="ffv1")
    job = tmp_path / "source.png", tmp_path / "driving.mkv", str(tmp_path / "behind.png")
    made = read(
        animator(model, kind=kind, lossless=True, lock_background=True)
        .animate(*job, output=tmp_path / "made.mkv")
        .output
    )
    red = made.frames[:, 0, 51:53, 7:9].int() - made.frames[:, 2, 51:53, 7:9].int()
    assert bool((red > 100).all()) == stays


def test_lock_keeps_the_source_outside_both_subjects(small: ModelConfig) -> None:
    class Restless(RedThings):
        def pictures(self, source: Source, masks: Tensor) -> tuple[Tensor, Tensor]:
            made = super().pictures(source, masks)[1] * 0.8
            return made, made

    source, driving = block((64, 64), 8, 40, 16, BLUE), walk(6)
    restless = Restless(small).eval()
    free = animator(restless).animate(source, driving)
    locked = animator(restless, lock_background=True).animate(source, driving)
    away = torch.ones(6, 64, 64, dtype=torch.bool)
    for t in range(6):
        for top, left, bottom, right in (red_box(source), red_box(driving.frames[t])):
            away[t, max(0, top - 14) : bottom + 14, max(0, left - 14) : right + 14] = False
    own = source.expand(6, -1, -1, -1).movedim(1, -1)
    assert torch.equal(locked.frames.movedim(1, -1)[away], own[away])
    assert not torch.equal(free.frames.movedim(1, -1)[away], own[away])
    assert not torch.equal(locked.frames[0, :, 12, 50], source[:, 12, 50]), "where the subject was, it changes"


def test_a_locked_background_is_there_pixel_by_pixel_where_the_file_is_lossless(
    small: ModelConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Restless(RedThings):
        def swapped(
            self, foreground: Tensor, masks: Tensor, backdrop: Tensor, backdrop_masks: Tensor
        ) -> tuple[Tensor, Tensor]:
            made = super().swapped(foreground, masks, backdrop, backdrop_masks)[1] * 0.9
            return made, made

    caplog.set_level("INFO", logger="maskreel.animate")
    model, behind = Restless(small).eval(), torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)
    save_image(tmp_path / "source.png", block((64, 64), 8, 40, 16, BLUE))
    save_image(tmp_path / "behind.png", behind)
    write(tmp_path / "driving.mkv", walk(3), codec="ffv1")

    def kept(name: str, **settings: object) -> tuple[bool, str]:
        """Whether all pixels far from the driving subject are those of the background, and what was told."""
        caplog.clear()
        settings = {"kind": "other", "swap": "network", "lock_background": True} | settings
        job = tmp_path / "source.png", tmp_path / "driving.mkv", tmp_path / "behind.png"
        made = animator(model, **settings).animate(*job, output=tmp_path / name)
        output = made.output if made.output.is_file() else made.output / "00002.png"
        frame = read(output).frames[-1] if output.suffix != ".png" else torch.from_numpy(np.array(Image.open(output)))
        frame = frame if output.suffix != ".png" else frame.permute(2, 0, 1)
        return torch.equal(frame[:, 50:], behind[:, 50:]), caplog.text

    assert kept("a.mkv", lossless=True) == (True, "")
    assert kept("a") == (True, "")
    assert kept("b.mkv", lossless=True, lock_background=False) == (False, "")
    same, told = kept("c.mp4")
    assert not same
    assert "H.264 changes all of them a little; add --lossless" in told
    same, told = kept("d.mkv", lossless=True, swap="composite")
    assert same
    assert "--lock-background adds nothing to --swap composite" in told
    assert kept("e.mkv", lossless=True, swap="composite", lock_background=False) == (True, "")


def test_a_folder_of_pictures_is_lossless_and_may_be_transparent(model: RedThings, tmp_path: Path) -> None:
    save_image(tmp_path / "source.png", block((64, 64), 8, 40, 16, BLUE))
    write(tmp_path / "driving.mkv", walk(2), codec="ffv1")

    def made(name: str, background: str | None = None) -> Path:
        job = tmp_path / "source.png", tmp_path / "driving.mkv", background
        return animator(model, lossless=True).animate(*job, output=tmp_path / name).output

    def last(folder: Path) -> Tensor:
        with Image.open(folder / "00001.png") as picture:
            return torch.from_numpy(np.array(picture)).permute(2, 0, 1)

    assert torch.equal(last(made("folder")), read(made("film.mkv")).frames[1])
    colours = last(made("clear", "transparent"))
    assert colours.shape == (4, 64, 64)
    assert set(colours[3].unique().tolist()) >= {0, 255}


def test_without_pasting_back_the_square_is_the_result(model: RedThings) -> None:
    made = animator(model, paste_back=False).animate(block((64, 64), 8, 40, 16, BLUE), walk(3))
    assert made.size == (32, 32)
    assert np.allclose(red_box(made.frames[1]), [value / 2 for value in red_box(walk().frames[1])], atol=1)


def test_odd_sizes(model: RedThings, tmp_path: Path) -> None:
    save_image(tmp_path / "source.png", block((51, 33), 8, 9, 12, BLUE))
    write(tmp_path / "driving.mp4", walk(3, (47, 61)))
    result = animator(model).animate(tmp_path / "source.png", tmp_path / "driving.mp4", output=tmp_path / "made.mp4")
    info = probe(result.output)
    assert (info.size, info.fps, info.frame_count, result.summary.size) == ((51, 33), FPS, 3, (51, 33))


def test_varying_frame_times_are_kept(model: RedThings) -> None:
    times = tuple(Fraction(t * t + 3 * t, 90) for t in range(5))
    driving = Clip(walk(5).frames, Fraction(4, 1) / times[-1], times[0], times)
    made = animator(model).animate(block((64, 64), 8, 40, 16), driving)
    assert made.timestamps == times


def source_files(folder: Path) -> dict[str, Path]:
    still = block((64, 64), 8, 40, 16, BLUE)
    clip = Clip(torch.stack([still, torch.zeros_like(still)]), Fraction(10))
    save_image(folder / "source.png", still)
    write(folder / "source.mkv", clip, codec="ffv1")
    save_animation(folder / "source.gif", clip)
    write_frames(folder / "source", [clip])
    return {path.suffix: path for path in folder.iterdir()}


@pytest.mark.parametrize("suffix", [".png", ".mkv", ".gif", ""])
def test_a_source_is_an_image_or_the_first_frame(model: RedThings, tmp_path: Path, suffix: str) -> None:
    source = source_files(tmp_path)[suffix]
    write(tmp_path / "driving.mkv", walk(2), codec="ffv1")
    animator(model, lossless=True).animate(source, tmp_path / "driving.mkv", output=tmp_path / "made.mkv")
    assert np.allclose(read(tmp_path / "made.mkv").frames[0, :, 55, 5], BLUE, atol=2)


def still(folder: Path) -> Path:
    save_image(folder / "driving.png", walk().frames[7])
    return folder / "driving.png"


def gif(folder: Path) -> Path:
    save_animation(folder / "driving.gif", Clip(walk(8).frames, Fraction(10)))
    return folder / "driving.gif"


def images(folder: Path) -> Path:
    write_frames(folder / "driving", [walk(8)])
    return folder / "driving"


@pytest.mark.parametrize(
    ("driving", "output", "frames"),
    [
        (still, "made.png", 1),
        (still, "made.jpg", 1),
        (gif, "made.gif", 8),
        (gif, "made.mp4", 8),
        (images, "made", 8),
    ],
)
def test_files_in_and_out(
    model: RedThings, tmp_path: Path, driving: Callable[[Path], Path], output: str, frames: int
) -> None:
    save_image(tmp_path / "source.png", block((64, 64), 8, 40, 16, BLUE))
    result = animator(model).animate(tmp_path / "source.png", driving(tmp_path), output=tmp_path / output)
    assert result.output == tmp_path / output
    if frames == 1:
        made = torch.from_numpy(np.array(Image.open(result.output))).permute(2, 0, 1)
    else:
        clip = read(result.output)
        assert (len(clip), clip.fps) == (8, Fraction(25) if output == "made" else Fraction(10))
        made = clip.frames[7]
    assert np.allclose(red_box(made), red_box(walk().frames[7]), atol=1)
    assert not (tmp_path / "made.job").exists(), "nothing unfinished is left"


def test_transparent_pictures(model: RedThings, tmp_path: Path) -> None:
    save_image(tmp_path / "source.png", block((64, 64), 8, 40, 16, BLUE))
    for driving, output in ((still(tmp_path), "made.png"), (images(tmp_path), "made")):
        result = animator(model).animate(tmp_path / "source.png", driving, "transparent", output=tmp_path / output)
        path = result.output if output == "made.png" else sorted(result.output.iterdir())[7]
        pixels = np.array(Image.open(path))
        assert pixels.shape == (64, 64, 4)
        assert pixels[2, 2, 3] == 0
        assert pixels[32, 36, 3] == 255


def test_names_by_default(model: RedThings, tmp_path: Path) -> None:
    save_image(tmp_path / "me.png", block((64, 64), 8, 40, 16, BLUE))
    write(tmp_path / "driving.mp4", walk(2))
    made = animator(model)
    assert made.animate(tmp_path / "me.png", tmp_path / "driving.mp4").output == tmp_path / "me.animated.mp4"
    assert made.animate(tmp_path / "me.png", still(tmp_path)).output == tmp_path / "me.animated.png"
    lossless = animator(model, lossless=True).animate(tmp_path / "me.png", tmp_path / "driving.mp4")
    assert probe(lossless.output).codec == "ffv1"


def test_the_given_model_is_left_alone(model: RedThings) -> None:
    model.train()
    made = animator(model, mask_border="replicate")
    assert made.model.mask_generator.border == "replicate"
    assert not made.model.training
    assert model.mask_generator.border == "zero"
    assert model.training


@pytest.mark.parametrize(
    ("settings", "levels"), [({}, 1), ({"precision": "bf16"}, 12), ({"mask_border": "replicate"}, 1)]
)
def test_the_fused_graph_makes_the_same(small: ModelConfig, settings: dict[str, str], levels: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        plain = AnimationModel(small).eval()
    draws = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8, generator=draws)
    border = settings.get("mask_border", "model")
    wanted = animator(plain, mask_border=border).animate(frames[0], Clip(frames, FPS), "source")
    config = AnimateConfig(**settings)  # type: ignore[arg-type]
    made = ImageAnimator(config, model=plain).animate(frames[0], Clip(frames, FPS), "source")
    difference = (made.frames.int() - wanted.frames.int()).abs()
    assert difference.max() <= levels
    if border == "replicate":
        assert not torch.equal(animator(plain).animate(frames[0], Clip(frames, FPS), "source").frames, wanted.frames)


def test_smoothing_changes_small_tremors_only_when_asked_for(model: RedThings) -> None:
    frames = torch.stack([block((64, 64), 24, 20 + t % 2, 16) for t in range(6)])
    source = block((64, 64), 24, 20, 16, BLUE)
    plain, steady = (animator(model, smoothing=s).animate(source, Clip(frames, FPS)) for s in (0.0, 0.9))
    change = [(clip.frames[1:].float() - clip.frames[:-1].float()).abs().mean() for clip in (plain, steady)]
    assert change[1] < 0.6 * change[0]


class TestRefusals:
    @pytest.fixture
    def files(self, tmp_path: Path) -> Path:
        save_image(tmp_path / "source.png", block((64, 64), 8, 40, 16, BLUE))
        write(tmp_path / "driving.mp4", walk(3))
        return tmp_path

    def refused(self, model: RedThings, files: Path, *arguments: str, **options: object) -> str:
        settings = {
            name: options.pop(name) for name in list(options) if name in ("motion", "start", "kind", "lossless")
        }
        before = sorted(files.iterdir())
        with pytest.raises(InputError) as caught:
            animator(model, **settings).animate(*(files / name for name in arguments), **options)  # type: ignore[arg-type]
        assert sorted(files.iterdir()) == before, "nothing is left behind"
        return str(caught.value).replace(f"{files}/", "")

    @pytest.mark.parametrize(
        ("output", "message"),
        [
            ("made.avi", "made.avi does not end in a video format; use .mp4, .mov, .mkv or .gif"),
            ("made.png", "made.png holds one picture, but driving.mp4 is a video; use .mp4, .gif or a folder"),
            ("driving.mp4", "driving.mp4: the output would replace an input; choose another name"),
        ],
    )
    def test_outputs(self, model: RedThings, files: Path, output: str, message: str) -> None:
        assert self.refused(model, files, "source.png", "driving.mp4", output=files / output) == message

    def test_full_folder(self, model: RedThings, files: Path) -> None:
        (files / "made").mkdir()
        (files / "made" / "precious.txt").touch()
        message = self.refused(model, files, "source.png", "driving.mp4", output=files / "made")
        assert message == "made exists already; name a new or empty folder for the images"

    def test_a_driving_image_gives_no_film(self, model: RedThings, files: Path) -> None:
        message = self.refused(model, files, "source.png", "source.png", output=files / "made.mp4")
        assert message.startswith("made.mp4 does not fit one driving picture, which gives one picture; use .png")

    def test_a_gif_is_not_transparent(self, model: RedThings, files: Path) -> None:
        with pytest.raises(InputError, match=r"made\.gif cannot hold transparency; use \.mov"):
            animator(model).animate(
                files / "source.png", files / "driving.mp4", "transparent", output=files / "made.gif"
            )

    def test_lossless_needs_what_can_hold_it(self, model: RedThings, files: Path) -> None:
        job = "source.png", "driving.mp4"
        message = self.refused(model, files, *job, output=files / "made.mp4", lossless=True)
        assert message == (
            "made.mp4 cannot hold every pixel as it was made; with --lossless use .mkv or a folder of PNG images"
        )
        message = self.refused(model, files, "source.png", "source.png", output=files / "made.jpg", lossless=True)
        assert message == "made.jpg cannot hold every pixel as it was made; with --lossless use .png"

    @pytest.mark.parametrize("name", ["made.mov", "made.mkv", "made.webm", None])
    def test_what_is_transparent_and_lossless_is_a_folder(
        self, model: RedThings, files: Path, name: str | None
    ) -> None:
        lossless, output = animator(model, lossless=True), None if name is None else files / name
        with pytest.raises(InputError) as caught:
            lossless.animate(files / "source.png", files / "driving.mp4", "transparent", output=output)
        assert str(caught.value).replace(f"{files}/", "") == (
            "--lossless with a transparent background gives a folder of PNG images; name one with --output, without a "
            "suffix"
            if name is None
            else f"{name} cannot hold transparency without loss; with --lossless name a folder of PNG images (no "
            "suffix)"
        )

    @pytest.mark.parametrize(
        ("settings", "background", "message"),
        [
            ({"kind": "same"}, None, "--kind same is about a new background, but there is none; add --background"),
            ({"swap": "network"}, None, "--swap network is about a new background, but there is none; add --backgr"),
            ({"kind": "other"}, "navy", "--kind other cannot be used: the background 'navy' shows nothing that could"),
            ({"kind": "same"}, "blur", "--kind same cannot be used: the background 'blur' shows nothing that could be"),
            ({"swap": "network"}, "transparent", "--swap network cannot be used: a transparent background has nothing"),
            ({"lock_background": True}, "transparent", "--lock-background cannot be used: a transparent background"),
            ({"crf": 30, "lossless": True}, "navy", "--crf 30 is the quality of H.264, which source.animated.mkv is"),
        ],
    )
    def test_what_can_have_no_effect(
        self, model: RedThings, files: Path, settings: dict[str, object], background: str | None, message: str
    ) -> None:
        before = sorted(files.iterdir())
        with pytest.raises(InputError) as caught:
            animator(model, **settings).animate(files / "source.png", files / "driving.mp4", background)
        assert str(caught.value).replace(f"{files}/", "").startswith(message)
        assert sorted(files.iterdir()) == before

    def test_a_kind_beside_a_mask(self, model: RedThings, files: Path) -> None:
        job = "source.png", "driving.mp4", "source.png"
        message = self.refused(model, files, *job, background_mask=files / "source.png", kind="same")
        assert message.startswith("--kind same cannot be used: source.png tells where the background's own subject is")

    def test_missing_files(self, model: RedThings, files: Path) -> None:
        assert self.refused(model, files, "no.png", "driving.mp4") == (
            "no.png does not exist; give an image, a video or a folder of images"
        )
        assert self.refused(model, files, "source.png", "no.mp4").startswith("no.mp4 does not exist")
        assert "no.jpg is neither a file nor a colour" in self.refused(
            model, files, "source.png", "driving.mp4", "no.jpg"
        )

    def test_broken_images(self, model: RedThings, files: Path) -> None:
        (files / "bad.png").write_bytes(b"not a picture")
        assert self.refused(model, files, "bad.png", "driving.mp4").startswith("bad.png cannot be read as an image")
        whole = (files / "source.png").read_bytes()
        (files / "cut.png").write_bytes(whole[: len(whole) // 2])
        assert self.refused(model, files, "cut.png", "driving.mp4").startswith("cut.png cannot be read as an image")
        Image.fromarray(np.zeros((64, 64), np.uint16)).save(files / "deep.png")
        assert "more than 8 bits" in self.refused(model, files, "deep.png", "driving.mp4")

    def test_a_start_beyond_the_end(self, model: RedThings, files: Path) -> None:
        message = self.refused(model, files, "source.png", "driving.mp4", motion="relative", start=3)
        assert message == "--start 3: driving.mp4 has 3 frames, counted from 0; name one of them, or auto"

        message = self.refused(model, files, "source.png", "driving.mp4", start=3)
        assert message.startswith("--start 3: driving.mp4 has 3 frames")

    def test_a_start_that_auto_does_not_use_is_told(
        self, model: RedThings, files: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        job = files / "source.png", files / "driving.mp4"
        assert animator(model, start=2).animate(*job).summary.start is None
        told = "--start 2 has no effect, since --motion auto became absolute here; add --motion relative"
        assert [record.message for record in caplog.records] == [told]
        caplog.clear()
        animator(model).animate(*job)
        assert animator(model, start=2, motion="relative").animate(*job).summary.start == 2
        assert not caplog.records

    def test_nobody_to_start_from(self, model: RedThings, files: Path) -> None:
        save_image(files / "empty.png", torch.full((3, 64, 64), 90, dtype=torch.uint8))
        assert "the source picture shows no subject" in self.refused(
            model, files, "empty.png", "driving.mp4", motion="relative"
        )
        write(files / "empty.mp4", Clip(torch.full((3, 3, 64, 64), 90, dtype=torch.uint8), FPS))
        message = self.refused(model, files, "source.png", "empty.mp4", motion="relative")
        assert message == "no subject was found in any frame of empty.mp4; give a video of one that moves"

    def test_a_mask_without_a_background(self, model: RedThings, files: Path) -> None:
        message = self.refused(model, files, "source.png", "driving.mp4", background_mask=files / "source.png")
        assert message == "source.png masks a background, but there is none; add --background"

    def test_clips_and_paths_are_not_mixed(self, model: RedThings, files: Path) -> None:
        with pytest.raises(TypeError, match="with a path for driving, source and background must be paths, too"):
            animator(model).animate(walk(), files / "driving.mp4")  # type: ignore[call-overload]
        with pytest.raises(TypeError, match="with a Clip for driving, source must be a Clip or tensor, got PosixPath"):
            animator(model).animate(files / "source.png", walk())  # type: ignore[call-overload]
        with pytest.raises(ValueError, match="background must not be transparent for a Clip"):
            animator(model).animate(walk(), walk(), "transparent")
