"""Squares of frames of any size: cut, place, coverage, and the way to the subject."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.animate.framing import Framing, around_moving_subject, around_subject, whole
from maskreel.animate.model import AnimationModel, ModelConfig

if TYPE_CHECKING:
    from torch import Tensor

WIDE = (90, 160)


class BrightFinder(AnimationModel):
    """Its m takes what is bright for the subject, and it remembers how many pictures it was shown at once."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.seen: list[int] = []

    def masks(self, images: Tensor) -> Tensor:
        self.seen.append(len(images))
        return torch.nn.functional.avg_pool2d((images.mean(1, keepdim=True) > 0.5).float(), 2)


@pytest.fixture
def finder(small: ModelConfig) -> BrightFinder:
    return BrightFinder(replace(small, size=64)).eval()


def frames(size: tuple[int, int], *boxes: tuple[int, int, int, int]) -> Tensor:
    """Black, one for each box x0, y0, x1, y1, which is white."""
    made = torch.zeros(len(boxes), 3, *size, dtype=torch.uint8)
    for frame, (x0, y0, x1, y1) in zip(made, boxes, strict=True):
        frame[:, y0:y1, x0:x1] = 255
    return made


def noise(count: int, size: tuple[int, int]) -> Tensor:
    return torch.randint(0, 256, (count, 3, *size), generator=torch.Generator().manual_seed(1)).byte()


@pytest.mark.parametrize(
    ("size", "expected"),
    [((90, 160), (-35, 0, 160)), ((160, 90), (0, -35, 160)), ((7, 4), (0, -1, 7)), ((5, 5), (0, 0, 5))],
)
def test_whole_is_the_smallest_centred_square(size: tuple[int, int], expected: tuple[int, int, int]) -> None:
    framing = whole(size)
    assert (framing.top, framing.left, framing.side) == expected
    assert framing.box == (0, 0, size[1], size[0])


@pytest.mark.parametrize(
    "framing",
    [Framing(-35, 0, 160, WIDE), Framing(10, 30, 64, WIDE), Framing(50, -20, 70, WIDE), Framing(-3, 100, 101, WIDE)],
)
def test_cut_and_place_at_full_size_are_the_identity(framing: Framing) -> None:
    given = noise(2, WIDE)
    placed = framing.place(framing.cut(given, framing.side))
    x0, y0, x1, y1 = framing.box
    expected = torch.zeros(2, 3, *WIDE)
    expected[:, :, y0:y1, x0:x1] = given[:, :, y0:y1, x0:x1].float() / 255
    assert torch.equal(placed, expected)


def test_cut_repeats_the_border_of_the_frame() -> None:
    given = noise(2, (5, 8))
    rows, columns = torch.arange(-4, 6).clamp(0, 4), torch.arange(1, 11).clamp(0, 7)
    expected = given[:, :, rows][..., columns].float() / 255
    assert torch.equal(Framing(-4, 1, 10, (5, 8)).cut(given, 10), expected)


def test_cut_shrinks_by_means_and_skips_nothing() -> None:
    # a triangle of 8 pixels' width over stripes of period 2 sees grey; picking pixels would see black or white
    stripes = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    stripes[..., ::2] = 255
    cut = whole((32, 32)).cut(stripes, 8)
    assert (cut[..., 1:-1] - 0.5).abs().max() < 0.02


def test_cut_equals_pillows_bilinear() -> None:
    given = noise(1, (60, 60))
    cut = Framing(10, 20, 40, (60, 60)).cut(given, 13)
    image = Image.fromarray(given[0].permute(1, 2, 0).numpy()[10:50, 20:60])
    expected = np.asarray(image.resize((13, 13), Image.Resampling.BILINEAR), np.float32) / 255
    assert np.abs(cut[0].permute(1, 2, 0).numpy() - expected).max() < 1.5 / 255  # Pillow rounds


def test_masks_are_cut_as_frames_are() -> None:
    given = noise(2, WIDE)
    framing = Framing(-20, 30, 120, WIDE)
    masks = framing.cut_masks(given[:, :1].float() / 255, 32)
    assert masks.shape == (2, 1, 32, 32)
    assert torch.allclose(masks, framing.cut(given, 32)[:, :1], atol=1e-6)


def test_place_enlarges_bilinearly() -> None:
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    placed = Framing(2, 4, 16, (20, 24)).place(ramp)
    # pixel x of the square lies at (x + 0.5) / 2 - 0.5 of the picture, and no farther out than its last pixels
    expected = ((torch.arange(16) + 0.5) / 2 - 0.5).clamp(0, 7)
    assert torch.allclose(placed[0, 0, 2:18, 4:20], expected.expand(16, 16), atol=1e-5)
    assert placed.sum() == placed[:, :, 2:18, 4:20].sum()


def test_gradients_pass_after_inference() -> None:
    framing = Framing(3, 1, 9, (13, 11))
    with torch.inference_mode():
        framing.place(framing.cut(noise(1, (13, 11)), 5))
    picture = torch.zeros(1, 3, 5, 5, requires_grad=True)
    framing.place(picture).sum().backward()
    assert picture.grad is not None
    assert picture.grad.sum().item() == pytest.approx(3 * 9 * 9, rel=1e-5)  # each placed pixel is a mean


def test_place_drops_what_sticks_out() -> None:
    placed = whole((4, 8)).place(torch.arange(8.0)[:, None].expand(8, 8)[None, None])
    assert torch.equal(placed[0, 0], torch.arange(2.0, 6)[:, None].expand(4, 8))


def test_nothing_is_cut_from_no_frames() -> None:
    assert whole(WIDE).cut(noise(0, WIDE), 16).shape == (0, 3, 16, 16)


def test_coverage_falls_only_towards_edges_inside_the_frame() -> None:
    covered = Framing(4, -2, 10, (20, 20)).coverage(feather=3)[0, 0]
    ramp = torch.tensor([0.25, 0.5, 0.75])
    down = torch.cat([torch.zeros(4), ramp, torch.ones(4), ramp.flip(0), torch.zeros(6)])
    across = torch.cat([torch.ones(5), ramp.flip(0), torch.zeros(12)])
    assert torch.allclose(covered, down[:, None] * across)


def test_coverage_of_a_whole_frame_is_one() -> None:
    assert torch.equal(whole(WIDE).coverage(), torch.ones(1, 1, *WIDE))


def test_the_default_feather_grows_with_the_square() -> None:
    def feathered(side: int) -> int:
        line = Framing(500, 500, side, (2000, 2000)).coverage()[0, 0, 500 + side // 2]
        return int(((line > 0) & (line < 1)).sum())

    assert (feathered(40), feathered(640)) == (2 * 2, 2 * 20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0, 0, (4, 4)), "side must be 1 or more pixels, got 0"),
        ((0, 0, 3, (0, 4)), "size must be"),
        ((4, 0, 3, (4, 4)), "top must be above -3 and below 4, got 4"),
        ((0, -3, 3, (4, 4)), "left must be above -3 and below 4, got -3"),
    ],
)
def test_squares_without_any_of_the_frame_are_refused(
    arguments: tuple[int, int, int, tuple[int, int]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Framing(*arguments)


def test_wrong_pictures_are_refused() -> None:
    framing = whole((4, 6))
    with pytest.raises(TypeError, match=r"frames must be uint8, got torch.float32"):
        framing.cut(torch.zeros(1, 3, 4, 6), 4)
    with pytest.raises(ValueError, match=r"frames must have shape \(N, C, 4, 6\), got \(1, 3, 6, 4\)"):
        framing.cut(noise(1, (6, 4)), 4)
    with pytest.raises(ValueError, match="pixels must be 1 or more, got 0"):
        framing.cut(noise(1, (4, 6)), 0)
    with pytest.raises(TypeError, match=r"masks must be floating point, got torch.bool"):
        framing.cut_masks(torch.zeros(1, 1, 4, 6, dtype=torch.bool), 4)
    with pytest.raises(ValueError, match="pictures must be floating point"):
        framing.place(torch.zeros(1, 3, 4, 5))
    with pytest.raises(ValueError, match="feather must be 0 or more pixels, got -1"):
        framing.coverage(feather=-1)


def test_around_subject_shows_the_subject_with_its_margin(finder: BrightFinder) -> None:
    # 320 x 640 seen as 640 x 640: a mask pixel is 20 x 20, so this box is found exactly
    framing = around_subject(finder, frames((320, 640), (200, 100, 280, 220))[0], margin=0.25)
    assert framing == Framing(70, 150, 180, (320, 640))


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_a_square_at_the_corner_is_moved_into_the_frame(finder: BrightFinder, margin: float) -> None:
    framing = around_subject(finder, frames((320, 640), (580, 240, 640, 320)), margin=margin)
    side = int(80 * (1 + 2 * margin))
    assert (framing.side, framing.top + side, framing.left + side) == (side, 320, 640)


def test_the_square_sticks_out_no_more_than_it_must(finder: BrightFinder) -> None:
    # 280 pixels tall: with the margin more than the frame is high, so the square is as high as the frame
    tall = around_subject(finder, frames((320, 640), (200, 20, 280, 300)))
    assert (tall.top, tall.side) == (0, 320)
    # 400 wide: higher than the frame, which is centred in it
    lying = around_subject(finder, frames((320, 640), (100, 100, 500, 200)), margin=0.1)
    assert (lying.top, lying.left, lying.side) == (-80, 60, 480)
    assert tall.left == 80


@pytest.mark.parametrize("size", [(1080, 1920), (640, 360), (97, 203), (64, 64)])
def test_the_subject_lies_in_the_square_for_any_size(finder: BrightFinder, size: tuple[int, int]) -> None:
    height, width = size
    box = (width // 3, height // 4, width // 2, height - height // 5)
    framing = around_subject(finder, frames(size, box))
    x0, y0, x1, y1 = framing.box
    step = max(size) / 32  # a mask pixel
    gaps = torch.tensor([box[0] - x0, box[1] - y0, x1 - box[2], y1 - box[3]])
    assert (gaps >= -step / 2).all()
    assert framing.side <= 1.4 * (max(box[2] - box[0], box[3] - box[1]) + step) + 1


def test_closer_looks_are_more_exact_than_the_first(finder: BrightFinder) -> None:
    # in the first look a mask pixel is 60 x 60, so the box would reach from 360 to 660
    framing = around_subject(finder, frames((1080, 1920), (915, 395, 1011, 641)), margin=0)
    assert abs(framing.top - 395) <= 10
    assert abs(framing.side - 246) <= 16


def test_a_subject_in_pieces_is_one(finder: BrightFinder) -> None:
    given = frames((320, 640), (200, 100, 280, 150))
    given[:, :, 160:220, 200:280] = 255
    framing = around_subject(finder, given, margin=0)
    assert (framing.box[1], framing.box[3]) == (100, 220)


def test_the_largest_plausible_region_counts(finder: BrightFinder) -> None:
    given = frames((320, 640), (60, 40, 100, 80))
    given[:, :, 160:260, 400:460] = 255
    framing = around_subject(finder, given, margin=0)
    assert framing.box == (380, 160, 480, 260)


@pytest.mark.parametrize("what", ["nothing", "everything", "background"])
def test_without_a_plausible_subject_the_frame_is_taken_whole(
    finder: BrightFinder, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    given = frames((320, 640), (0, 0, 0, 0) if what == "nothing" else (0, 0, 640, 320))
    if what == "background":
        given[:, :, 60:280, 100:540] = 0
    with caplog.at_level(logging.WARNING):
        assert around_subject(finder, given) == whole((320, 640))
    assert "640 x 320 pixels is taken whole" in caplog.text


def test_a_found_subject_is_not_warned_about(finder: BrightFinder, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        around_subject(finder, frames((320, 640), (200, 100, 280, 220)))
    assert not caplog.text


@pytest.mark.parametrize("batch", [1, 3, 7, 20])
def test_one_square_holds_the_subject_of_all_frames(finder: BrightFinder, batch: int) -> None:
    video = frames((320, 640), *[(40 * step, 100, 40 * step + 40, 200) for step in range(13)])
    framing = around_moving_subject(finder, iter(video.split(batch)), margin=0)
    assert abs(framing.left) <= 4
    assert abs(framing.side - 520) <= 8
    assert framing == around_subject(finder, video, margin=0)


def test_frames_without_subject_are_passed_over(finder: BrightFinder) -> None:
    given = frames((320, 640), (0, 0, 0, 0), (200, 100, 280, 220), (0, 0, 0, 0))
    assert around_moving_subject(finder, [given], margin=0.25) == Framing(70, 150, 180, (320, 640))


def test_videos_are_looked_at_a_few_frames_at_once(finder: BrightFinder) -> None:
    around_moving_subject(finder, iter([frames((32, 32), *[(8, 8, 20, 20)] * 40)]))
    assert max(finder.seen) == 8


def test_wrong_videos_are_refused(finder: BrightFinder) -> None:
    given = frames((32, 64), (8, 8, 20, 20))
    with pytest.raises(ValueError, match="batches must hold one or more frames, got none"):
        around_moving_subject(finder, [given[:0]])
    with pytest.raises(ValueError, match=r"frames must be of one size, got \(64, 32\) after \(32, 64\)"):
        around_moving_subject(finder, [given, given.transpose(-1, -2)])
    with pytest.raises(ValueError, match=r"frames must have shape \(N, 3, H, W\), got \(3, 32, 64\)"):
        around_moving_subject(finder, given)
    with pytest.raises(ValueError, match=r"margin must be 0 or more, got -0.1"):
        around_moving_subject(finder, [given], margin=-0.1)
