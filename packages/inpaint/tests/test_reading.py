"""Windows that move forward through a video give what direct reading gives, and decode each frame once."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.common.video import Clip, iterate, probe, read, write
from maskreel.inpaint.running import reading
from maskreel.inpaint.running.reading import ForwardReader, count_frames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRAMES = 50


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reading") / "video.mkv"
    frames = np.random.default_rng(0).integers(0, 256, (FRAMES, 16, 24, 3)).astype(np.uint8)
    write(path, Clip.from_numpy(frames, Fraction(30000, 1001)), codec="ffv1")
    return path


@pytest.mark.parametrize(
    "windows",
    [
        [(0, 50)],
        [(0, 7), (7, 14), (14, 50)],
        [(0, 10), (9, 20), (9, 12), (19, 33), (32, 50)],
        [(0, 16), (16, 32), (32, 48), (48, 50)],
        [(3, 5), (40, 44), (41, 50)],
        [(0, 1), (0, 2), (0, 49), (48, 49)],
    ],
)
@pytest.mark.parametrize("chunk", [1, 8, 16])
def test_windows_hold_what_direct_reading_gives(video: Path, windows: list[tuple[int, int]], chunk: int) -> None:
    reader = ForwardReader(video, chunk=chunk)
    for start, stop in windows:
        found, direct = reader.window(start, stop), read(video, start=start, stop=stop)
        assert torch.equal(found.frames, direct.frames)
        assert found.fps == direct.fps
        assert found.times == direct.times


def test_times_of_a_varying_rate_are_kept(tmp_path: Path) -> None:
    times = tuple(Fraction(t * t, 100) for t in range(1, 21))
    clip = Clip(torch.zeros(20, 3, 16, 16, dtype=torch.uint8), Fraction(5), times[0], times)
    write(tmp_path / "varying.mkv", clip, codec="ffv1")
    reader = ForwardReader(tmp_path / "varying.mkv", chunk=8)
    for start, stop in ((0, 6), (4, 17), (17, 20)):
        assert reader.window(start, stop).times == read(tmp_path / "varying.mkv", start=start, stop=stop).times


def test_every_frame_is_decoded_once(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def counted(path: Path, *, chunk: int, start: int, stop: int | None) -> Iterator[Clip]:
        opened.append(start)
        return iterate(path, chunk=chunk, start=start, stop=stop)

    monkeypatch.setattr(reading, "iterate", counted)
    reader = ForwardReader(video, chunk=8)
    for start in range(0, 48, 8):  # windows that end where a decoded chunk ends
        reader.window(start, start + 8)
    assert opened == [0]


def test_frames_before_the_window_are_let_go(video: Path) -> None:
    reader = ForwardReader(video, chunk=8)
    for start in range(0, 40, 10):
        reader.window(start, start + 10)
        assert sum(map(len, reader._held)) < 10 + 2 * 8


def test_a_window_that_moves_backward_is_refused(video: Path) -> None:
    reader = ForwardReader(video, chunk=8)
    reader.window(20, 30)
    with pytest.raises(ValueError, match="windows must move forward: start must be at least 20, got 3"):
        reader.window(3, 30)


def test_a_window_beyond_the_end_is_refused(video: Path) -> None:
    reader = ForwardReader(video)
    reader.window(0, 10)
    with pytest.raises(InputError, match=r"video\.mkv: the video ends after 50 frames, but frame 50 is needed"):
        reader.window(40, 51)


def test_frames_of_a_file_that_does_not_tell_are_counted(video: Path, tmp_path: Path) -> None:
    info = probe(video)
    assert info.frame_count == count_frames(info) == FRAMES
    assert count_frames(replace(info, frame_count=None)) == FRAMES
    counted = [count_frames(info, seconds) for seconds in (0.001, 3 / float(info.fps), 1e6)]
    assert counted == [1, 3, FRAMES]
