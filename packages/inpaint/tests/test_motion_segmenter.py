"""Motion against a known truth: a disk that moves over a noisy scene."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch

from maskreel.common.video import Clip
from maskreel.inpaint.scene.survey import Survey, Surveyor
from maskreel.inpaint.segmenters.motion import MotionSegmenter

SIZE = (96, 128)
FRAMES = 64
FPS = Fraction(25)


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(-1, 1, (height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.clip(soft * 30 / soft.std() + 127, 20, 235).astype(np.uint8)


def disk(t: int, radius: int = 12) -> np.ndarray:
    """bool (H, W): a disk that crosses the frame."""
    ys, xs = np.mgrid[: SIZE[0], : SIZE[1]]
    centre = -radius + t * (SIZE[1] + 2 * radius) / (FRAMES - 1)
    return (xs - centre) ** 2 + (ys - 50) ** 2 <= radius**2


def scene(*, contrast: int = 60, radius: int = 12, noise: float = 3.0, shake: float = 0.0) -> tuple[Clip, np.ndarray]:
    """The clip, and bool (T, H, W) where the disk is."""
    rng = np.random.default_rng(1)
    world = texture(SIZE[0] + 40, SIZE[1] + 40)
    frames, truth = np.empty((FRAMES, *SIZE, 3), np.uint8), np.empty((FRAMES, *SIZE), bool)
    for t in range(FRAMES):
        x, y = 20 + shake * np.sin(t / 5), 20 + shake * np.cos(t / 7)
        shift = np.array([[1, 0, x], [0, 1, y]])
        view = cv2.warpAffine(world, shift, SIZE[::-1], flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP).astype(float)
        truth[t] = disk(t, radius)
        view[truth[t]] += contrast
        frames[t] = np.clip(np.rint(view + rng.normal(0, noise, view.shape)), 0, 255)
    return Clip.from_numpy(frames, FPS), truth


def surveyed(clip: Clip) -> Survey:
    surveyor = Surveyor(clip.size, clip.fps, len(clip))
    surveyor.add(clip)
    return surveyor.finish()


def scores(found: torch.Tensor, truth: np.ndarray) -> tuple[float, float]:
    """Recall and precision of pixels."""
    both = float((found.numpy() & truth).sum())
    return both / truth.sum(), both / max(1, int(found.sum()))


@pytest.fixture(scope="module")
def static() -> tuple[Clip, np.ndarray, Survey]:
    clip, truth = scene()
    return clip, truth, surveyed(clip)


def test_a_moving_disk_is_found_and_little_else(static: tuple[Clip, np.ndarray, Survey]) -> None:
    clip, truth, survey = static
    assert survey.shots[0].mode == "static"
    recall, precision = scores(MotionSegmenter(survey)(clip, 0), truth)
    assert recall > 0.97
    assert precision > 0.85  # the edge counts as foreground, a pixel too much rather than one too little


def test_a_hand_held_camera_makes_no_motion(static: tuple[Clip, np.ndarray, Survey]) -> None:
    clip, truth = scene(shake=5)
    survey = surveyed(clip)
    assert survey.shots[0].mode == "registered"
    recall, precision = scores(MotionSegmenter(survey)(clip, 0), truth)
    assert recall > 0.95
    assert precision > 0.75


def test_sharp_edges_under_a_hand_held_camera_are_not_marked() -> None:
    """Half a pixel of blur on an edge of 200 grey levels differs by more than any noise."""
    frames = []
    for t in range(FRAMES):
        board = np.full((SIZE[0] + 40, SIZE[1] + 40, 3), 20, np.uint8)
        for k in range(0, 160, 16):
            board[:, k : k + 8] = 220
            board[k : k + 4] = 140
        shift = np.array([[1, 0, 20 + 5 * np.sin(t / 5)], [0, 1, 20 + 5 * np.cos(t / 7)]])
        frames.append(cv2.warpAffine(board, shift, SIZE[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP))
    clip = Clip.from_numpy(np.stack(frames), FPS)
    assert MotionSegmenter(surveyed(clip))(clip, 0).float().mean() < 0.001


def test_where_there_is_no_background_nothing_is_marked(static: tuple[Clip, np.ndarray, Survey]) -> None:
    clip, truth, survey = static
    seen = np.ones(SIZE, bool)
    seen[:, 64:] = False
    background = replace(survey.backgrounds[0], seen=seen)
    found = MotionSegmenter(replace(survey, backgrounds=(background,)))(clip, 0).numpy()
    assert not found[:, :, 70:].any()
    assert (found & truth)[:, :, :60].sum() > 0.95 * truth[:, :, :60].sum()


def test_frames_may_come_in_pieces(static: tuple[Clip, np.ndarray, Survey]) -> None:
    clip, _, survey = static
    segmenter = MotionSegmenter(survey)
    pieces = [segmenter(clip[a:b], a) for a, b in ((0, 7), (7, 40), (40, FRAMES))]
    assert torch.equal(torch.cat(pieces), segmenter(clip, 0))


def test_nothing_moves_nothing_is_marked() -> None:
    clip, _ = scene(contrast=0, noise=6)
    assert not MotionSegmenter(surveyed(clip))(clip, 0).any()


def test_a_faint_disk_is_found_with_more_sensitivity() -> None:
    clip, truth = scene(contrast=22)
    survey = surveyed(clip)
    timid, keen = (MotionSegmenter(survey, low=0.8 / s, high=1.6 / s)(clip, 0) for s in (1.0, 2.0))
    assert scores(keen, truth)[0] > scores(timid, truth)[0] + 0.2
    assert scores(keen, truth)[0] > 0.9


def test_things_below_the_smallest_size_are_left_alone() -> None:
    clip, truth = scene(radius=4)  # 49 pixels
    survey = surveyed(clip)
    small, large = (MotionSegmenter(survey, min_size=pixels / SIZE[0])(clip, 0) for pixels in (5.0, 10.0))
    assert scores(small, truth)[0] > 0.8
    assert not large.any()


def test_a_camera_forced_to_stand_still_may_have_backgrounds_that_move() -> None:
    """`--mode static` on a hand-held video, or a bumped tripod in one window: plates larger than the frame."""
    clip, _ = scene(shake=5)
    survey = surveyed(clip)
    shot = survey.shots[0]
    still = replace(shot, mode="static", matrices=np.broadcast_to(np.eye(3), shot.matrices.shape).copy())
    assert survey.backgrounds[0].dominant.shape[:2] != SIZE
    found = MotionSegmenter(replace(survey, shots=(still,)))(clip, 0)
    first = found[:1].numpy()  # it lies where the plates expect it
    assert first.mean() < 0.02
    assert found[1:].any()


def test_a_large_frame_is_marked_at_its_own_size() -> None:
    clip, truth = scene()
    large = clip.frames.repeat_interleave(4, 2).repeat_interleave(4, 3)[::2]
    truth = truth.repeat(4, 1).repeat(4, 2)[::2]
    clip = Clip(large, FPS)
    found = MotionSegmenter(surveyed(clip))(clip, 0)
    assert found.shape == (FRAMES // 2, 384, 512)
    recall, precision = scores(found, truth)
    assert recall > 0.97
    assert precision > 0.85


def test_a_clip_of_another_size_is_refused(static: tuple[Clip, np.ndarray, Survey]) -> None:
    clip, _, survey = static
    with pytest.raises(ValueError, match=r"clip must have the surveyed size \(96, 128\), got \(48, 128\)"):
        MotionSegmenter(survey)(Clip(clip.frames[:, :, :48], FPS), 0)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (2.0, 1.0), (-1.0, 1.0)])
def test_thresholds_must_be_in_order(static: tuple[Clip, np.ndarray, Survey], low: float, high: float) -> None:
    with pytest.raises(ValueError, match=rf"0 < low <= high, got {low = }, {high = }"):
        MotionSegmenter(static[2], low=low, high=high)


def test_the_smallest_size_must_not_be_negative(static: tuple[Clip, np.ndarray, Survey]) -> None:
    with pytest.raises(ValueError, match=r"min_size must not be negative, got -0\.1"):
        MotionSegmenter(static[2], min_size=-0.1)
