"""The first look: shots, modes and windows of videos whose camera path is known."""

from __future__ import annotations

import itertools
import tracemalloc
import weakref
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from maskreel.common.errors import InputError
from maskreel.common.video import Clip
from maskreel.inpaint.scene import survey as survey_module
from maskreel.inpaint.scene.background import fit_background
from maskreel.inpaint.scene.camera import CameraTracker, Registration, corner_shift
from maskreel.inpaint.scene.survey import Survey, Surveyor, canvas_box

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = (96, 128)
FPS = Fraction(25)


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(-1, 1, (height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.clip(soft * 40 / soft.std() + 127, 20, 235).astype(np.uint8)


def clip_along(path: Callable[[int], tuple[float, float]], frames: int, seed: int = 0) -> Clip:
    """What a camera at `path(t)` sees of a large picture."""
    world = texture(300, 600, seed)
    shifts = [np.array([[1, 0, 100 + x], [0, 1, 100 + y]], float) for x, y in map(path, range(frames))]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return Clip.from_numpy(np.stack([cv2.warpAffine(world, s, SIZE[::-1], flags=flags) for s in shifts]), FPS)


def surveyed(*clips: Clip) -> Survey:
    surveyor = Surveyor(SIZE, FPS, sum(map(len, clips)))
    for clip in clips:
        surveyor.add(clip)
    return surveyor.finish()


def still(t: int) -> tuple[float, float]:
    return 0.0, 0.0


def hand(t: int) -> tuple[float, float]:
    return 6 * np.sin(t / 6), 4 * np.sin(t / 5)


def pan(t: int) -> tuple[float, float]:
    return 5.0 * t, 0.0


def test_a_tripod_is_static_and_its_matrices_are_exact() -> None:
    shot = surveyed(clip_along(still, 30)).shots[0]
    assert shot.mode == "static"
    assert np.array_equal(shot.matrices, np.broadcast_to(np.eye(3), (30, 3, 3)))


def test_a_tripod_that_shivers_is_static() -> None:
    shot = surveyed(clip_along(lambda t: (0.1 * (-1) ** t, 0.05 * (-1) ** (t // 2)), 30)).shots[0]
    assert shot.mode == "static"


def test_a_hand_held_camera_is_registered() -> None:
    survey = surveyed(clip_along(hand, 50))
    shot = survey.shots[0]
    assert shot.mode == "registered"
    for t in (0, 20, 49):
        truth = np.array([[1, 0, hand(t)[0]], [0, 1, hand(t)[1]], [0, 0, 1]])
        assert corner_shift(np.linalg.inv(truth) @ shot.matrix(t), SIZE) < 0.5
    assert shot.shift == pytest.approx(np.hypot(6, 4), abs=1)
    assert shot.inliers > 0.8


def test_a_pan_over_three_frame_widths_wants_flow() -> None:
    assert surveyed(clip_along(pan, 60)).shots[0].mode == "flow"


def test_a_registered_background_is_the_scene_where_the_canvas_says() -> None:
    """Positions in the first frame lead to places of the plate with the same colour."""
    clip = clip_along(hand, 50)
    background = surveyed(clip).backgrounds[0]
    assert background.dominant.shape[:2] > SIZE
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    back = cv2.warpPerspective(background.dominant, background.to_canvas, SIZE[::-1], flags=flags)
    apart = np.abs(back.astype(int) - clip.numpy()[0])
    assert float(np.median(apart)) < 4
    shifted = np.abs(back[:, 1:].astype(int) - clip.numpy()[0, :, :-1])
    assert float(np.median(shifted)) > 7  # what one pixel of error would look like


def test_a_cut_makes_two_shots_with_backgrounds_of_their_own() -> None:
    night, day = clip_along(still, 20), clip_along(hand, 30, seed=1)
    night = Clip(night.frames // 2, FPS)
    day = Clip(day.frames // 2 + 127, FPS)
    survey = surveyed(night, day)
    assert [(shot.start, shot.stop, shot.mode) for shot in survey.shots] == [(0, 20, "static"), (20, 50, "registered")]
    assert [(part.start, part.stop) for part in survey.backgrounds] == [(0, 20), (20, 50)]
    assert survey.frame_count == 50
    assert survey.shot(19) is survey.shots[0]
    assert survey.shot(20) is survey.shots[1]
    assert survey.background(20) is survey.backgrounds[1]
    assert np.array_equal(survey.backgrounds[0].dominant, night.numpy()[0])
    assert np.array_equal(survey.shots[1].matrix(20), np.eye(3))


def test_a_flash_of_one_frame_is_a_shot_by_itself() -> None:
    clip = clip_along(still, 12)
    frames = clip.frames // 2
    frames[5] = 250
    survey = surveyed(Clip(frames, FPS))
    assert [(shot.start, shot.stop) for shot in survey.shots] == [(0, 5), (5, 6), (6, 12)]


@pytest.mark.parametrize("frames", [1, 2, 119, 121, 170, 240, 241])
def test_a_short_video_has_one_background_from_all_of_it(frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    monkeypatch.setattr(
        survey_module, "fit_background", lambda s, *rest: counts.append(len(s)) or fit_background(s, *rest)
    )
    clip = clip_along(still, 1)
    survey = surveyed(Clip(clip.frames.expand(frames, -1, -1, -1), FPS))
    assert [(part.start, part.stop) for part in survey.backgrounds] == [(0, frames)]
    assert min(frames, 60) <= counts[0] <= 120


def test_long_videos_are_cut_into_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    survey = surveyed(many_windows(monkeypatch))
    assert [(part.start, part.stop) for part in survey.backgrounds] == [(0, 20), (20, 40), (40, 61)]
    assert [survey.background(t).start for t in (0, 19, 20, 60)] == [0, 0, 20, 40]


def test_a_window_ends_when_the_camera_has_swept_too_far() -> None:
    survey = surveyed(clip_along(pan, 70))
    bounds = [(part.start, part.stop) for part in survey.backgrounds]
    assert len(bounds) > 1
    assert all(a[1] == b[0] for a, b in itertools.pairwise(bounds))
    assert (bounds[0][0], bounds[-1][1]) == (0, 70)
    areas = [part.dominant.shape[0] * part.dominant.shape[1] for part in survey.backgrounds]
    assert max(areas) <= 2.6 * SIZE[0] * SIZE[1]


def test_frames_may_come_in_clips_of_any_length() -> None:
    clip = clip_along(hand, 40)
    whole, pieces = surveyed(clip), surveyed(clip[:1], clip[1:17], clip[17:])
    assert np.array_equal(whole.shots[0].matrices, pieces.shots[0].matrices)
    assert np.array_equal(whole.backgrounds[0].before, pieces.backgrounds[0].before)


def test_saving_and_loading_gives_the_same_survey(tmp_path: Path) -> None:
    survey = surveyed(Clip(clip_along(still, 8).frames // 2, FPS), Clip(clip_along(hand, 30).frames // 2 + 127, FPS))
    survey.save(tmp_path / "survey.npz")
    loaded = Survey.load(tmp_path / "survey.npz")
    assert loaded.size == survey.size
    for a, b in itertools.chain(
        zip(survey.shots, loaded.shots, strict=True), zip(survey.backgrounds, loaded.backgrounds, strict=True)
    ):
        assert type(a) is type(b)
        for name, value in vars(a).items():
            assert np.array_equal(value, getattr(b, name)), name
            assert np.asarray(value).dtype == np.asarray(getattr(b, name)).dtype, name


def many_windows(monkeypatch: pytest.MonkeyPatch) -> Clip:
    """With 10 samples a window and a sample every 2 frames: windows of 20 frames, the rest of 1 joins the last one."""
    monkeypatch.setattr(survey_module, "_WINDOW_SAMPLES", 10)
    monkeypatch.setattr(survey_module, "_LONGEST_PERIOD", 2 / 25)
    return clip_along(still, 61)


def test_backgrounds_that_go_to_files_at_once_are_those_that_stay_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = many_windows(monkeypatch)
    surveyor = Surveyor(SIZE, FPS, len(clip), tmp_path)
    surveyor.add(clip[:45])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["background-000000.npz", "background-000001.npz"]
    surveyor.add(clip[45:])
    surveyor.finish().save(tmp_path / "survey.npz")
    loaded, held = Survey.load(tmp_path / "survey.npz"), surveyed(clip)
    assert [(part.start, part.stop) for part in loaded.backgrounds] == [(0, 20), (20, 40), (40, 61)]
    for a, b in zip(loaded.backgrounds, held.backgrounds, strict=True):
        assert all(np.array_equal(value, getattr(b, name)) for name, value in vars(a).items())
    assert [loaded.background(t).start for t in (0, 19, 20, 60)] == [0, 0, 20, 40]
    assert [part.start for part in loaded.backgrounds[1:]] == [20, 40]
    assert loaded.backgrounds[-1].stop == 61
    with pytest.raises(IndexError):
        loaded.background(61)


def test_of_backgrounds_in_files_one_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    surveyed(many_windows(monkeypatch)).save(tmp_path / "survey.npz")
    survey = Survey.load(tmp_path / "survey.npz")
    first = weakref.ref(survey.background(0))
    assert survey.background(19) is first()
    survey.background(20)
    assert first() is None


def test_a_background_that_is_not_of_this_survey_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    surveyed(many_windows(monkeypatch)).save(tmp_path / "survey.npz")
    survey, files = Survey.load(tmp_path / "survey.npz"), sorted(tmp_path.glob("background-*.npz"))
    files[0].write_bytes(files[1].read_bytes())
    with pytest.raises(InputError, match=r"background-000000\.npz does not hold this job's background; delete the job"):
        survey.background(0)
    np.savez(files[1], start=20)
    with pytest.raises(InputError, match=r"background-000001\.npz does not hold this job's background; delete the job"):
        survey.background(20)
    files[2].unlink()
    with pytest.raises(InputError, match=r"background-000002\.npz does not exist"):
        survey.background(60)


def test_a_survey_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one frame, got none"):
        Surveyor(SIZE, FPS, 10).finish()


@pytest.mark.parametrize(
    ("shifts", "box"),
    [
        ([(0, 0)], (0, 0, 128, 96)),
        ([(0, 0), (3, -2)], (0, -2, 131, 96)),
        ([(0, 0), (3.2, 0), (-1.5, 0.5)], (-2, 0, 132, 97)),
    ],
)
def test_the_canvas_holds_every_frame(shifts: list[tuple[float, float]], box: tuple[int, int, int, int]) -> None:
    matrices = np.stack([np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]]) for x, y in shifts])
    assert canvas_box(matrices, SIZE) == box


def test_a_small_video_does_not_stay_in_memory() -> None:
    """Only the samples do: 12 of 300 frames, each of 37 kB, and of the camera less than 100 bytes a frame."""
    surveyor, frames = Surveyor(SIZE, FPS, 3000), clip_along(still, 1).numpy()
    surveyor.add(Clip.from_numpy(np.repeat(frames, 30, axis=0), FPS))  # what the first frames make once
    tracemalloc.start()
    try:
        for _ in range(10):
            surveyor.add(Clip.from_numpy(np.repeat(frames, 30, axis=0), FPS))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 12 * frames.nbytes + 300 * 100 + 60_000


def test_a_long_shot_takes_80_bytes_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine numbers of the camera and one of how much follows it; objects took four times as much."""
    registration = Registration(np.eye(3), 1.0, 0.0, cut=False)
    monkeypatch.setattr(CameraTracker, "add", lambda *_: replace(registration, matrix=np.eye(3)))
    surveyor, clip = Surveyor(SIZE, FPS, 10**6), clip_along(still, 1)
    frames = Clip(clip.frames.expand(5000, -1, -1, -1), FPS)
    monkeypatch.setattr(surveyor, "_sample", lambda _: None)
    tracemalloc.start()
    try:
        surveyor.add(frames)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 5000 * 100 + 60_000
