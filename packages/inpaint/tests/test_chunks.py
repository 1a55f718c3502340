"""Cutting a video into chunks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from maskreel.inpaint.running import chunks as chunks_module
from maskreel.inpaint.running.chunks import can_be_laid, frames_per_chunk, plan_chunks
from maskreel.inpaint.scene.survey import Mode, Shot, Survey

SIZE = (1080, 1920)


def survey_of(*shots: tuple[int, Mode], size: tuple[int, int] = SIZE) -> Survey:
    built, start = [], 0
    for length, mode in shots:
        built.append(Shot(start, start + length, mode, np.broadcast_to(np.eye(3), (length, 3, 3)), 0.0, 1.0))
        start += length
    return Survey(size, tuple(built), ())


@pytest.mark.parametrize(("size", "frames"), [((96, 128), 128), ((1080, 1920), 10), ((2160, 3840), 8)])
def test_a_chunk_takes_64_mebibytes_within_limits(size: tuple[int, int], frames: int) -> None:
    assert frames_per_chunk(size) == frames


@pytest.mark.parametrize("lengths", [(1,), (10,), (11,), (95, 3, 40), (1, 1, 21)])
def test_chunks_cover_every_frame_once_and_cross_no_cut(lengths: tuple[int, ...]) -> None:
    shots: list[tuple[int, Mode]] = [(length, "static") for length in lengths]
    survey = survey_of(*shots)
    chunks = plan_chunks(survey)
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert list(itertools.chain(*(range(c.start, c.stop) for c in chunks))) == list(range(sum(lengths)))
    for chunk in chunks:
        assert any(chunk.shot is shot for shot in survey.shots)
        assert chunk.shot.start <= chunk.start < chunk.stop <= chunk.shot.stop
        assert chunk.stop - chunk.start <= 10


def test_chunks_of_a_shot_are_nearly_equal() -> None:
    lengths = [chunk.stop - chunk.start for chunk in plan_chunks(survey_of((41, "registered")))]
    assert sorted(lengths) == [8, 8, 8, 8, 9]


def test_flow_gets_chunks_of_32_frames_or_more() -> None:
    chunks = plan_chunks(survey_of((64, "flow"), (20, "static")))
    assert [(chunk.start, chunk.stop) for chunk in chunks] == [(0, 32), (32, 64), (64, 74), (74, 84)]


def test_frames_around_a_chunk_end_with_the_shot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks_module, "frames_per_chunk", lambda _: 5)
    first, second, third = plan_chunks(survey_of((5, "static"), (10, "static")))
    assert first.around(2, 3) == (0, 5)
    assert second.around(2, 3) == (5, 13)
    assert third.around(2, 3) == (8, 15)


def swept(shift: float, inliers: float = 0.8) -> Shot:
    """100 frames of a camera in mode flow that goes `shift` pixels to the side."""
    matrices = np.broadcast_to(np.eye(3), (100, 3, 3)).copy()
    matrices[:, 0, 2] = np.linspace(0, shift, 100)
    return Shot(0, 100, "flow", matrices, shift, inliers)


@pytest.mark.parametrize(
    ("size", "shift", "inliers", "can"),
    [
        ((240, 432), 0.0, 0.8, True),
        ((240, 432), 7 * 432.0, 0.8, True),  # 8 frames side by side, 100 deep: 237 MiB
        ((240, 432), 10 * 432.0, 0.8, False),  # 326 MiB
        ((240, 432), 0.0, 0.3, False),
        ((1080, 1920), 0.5 * 1920, 0.8, True),  # 1.5 frames, 32 deep: 285 MiB
        ((1080, 1920), 0.8 * 1920, 0.8, False),
        ((2160, 3840), 0.0, 0.8, False),
    ],
)
def test_frames_may_be_laid_over_each_other_if_corners_follow_and_memory_lasts(
    size: tuple[int, int], shift: float, inliers: float, can: bool
) -> None:
    assert can_be_laid(swept(shift, inliers), size) == can
