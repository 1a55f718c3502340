"""Clips that are decoded once."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest

from maskreel.vfp.frames import cached_clips

if TYPE_CHECKING:
    from pathlib import Path


class Counted:
    """A clip that counts how often it is decoded."""

    def __init__(self, seed: int = 0, *, broken: bool = False) -> None:
        self.frames = np.random.default_rng(seed).integers(0, 256, (5, 3, 4, 6), np.uint8)
        self.shape = self.frames.shape
        self.broken = broken
        self.count = 0

    def __getitem__(self, index: slice) -> np.ndarray:
        self.count += 1
        if self.broken:
            raise OSError("broken")
        return self.frames[index]


def test_decodes_each_clip_once_and_only_when_it_is_read(tmp_path: Path) -> None:
    clips = [Counted(0), Counted(1)]
    cached = cached_clips(clips, ["a", "b"], tmp_path / "cache")
    assert [clip.shape for clip in cached] == [(5, 3, 4, 6)] * 2
    assert [clip.count for clip in clips] == [0, 0]
    for _ in range(3):
        assert np.array_equal(cached[1][1:4], clips[1].frames[1:4])
        assert np.array_equal(cached[1][2], clips[1].frames[2])
    assert [clip.count for clip in clips] == [0, 1]
    again = Counted(1)
    assert np.array_equal(cached_clips([again], ["b"], tmp_path / "cache")[0][:], clips[1].frames)
    assert again.count == 0


def test_another_version_of_a_clip_is_decoded_anew(tmp_path: Path) -> None:
    cached_clips([Counted(0)], ["a:1"], tmp_path)[0][:]
    assert np.array_equal(cached_clips([Counted(1)], ["a:2"], tmp_path)[0][:], Counted(1).frames)


def test_cache_may_be_deleted_at_any_time(tmp_path: Path) -> None:
    clip = Counted()
    [cached] = cached_clips([clip], ["a"], tmp_path)
    first = cached[:]
    for file in tmp_path.iterdir():
        file.unlink()
    assert np.array_equal(cached[:], first)
    assert clip.count == 2


def test_a_clip_that_fails_leaves_nothing(tmp_path: Path) -> None:
    [cached] = cached_clips([Counted(broken=True)], ["a"], tmp_path)
    with pytest.raises(OSError, match="broken"):
        cached[:]
    assert list(tmp_path.iterdir()) == []


def test_what_is_read_belongs_to_the_reader(tmp_path: Path) -> None:
    [cached] = cached_clips([Counted()], ["a"], tmp_path)
    for _ in range(2):
        frames = cached[0:2]
        frames[:] = 0
    assert np.array_equal(cached[0:2], Counted().frames[0:2])


def test_travels_to_other_processes_by_name(tmp_path: Path) -> None:
    [cached] = cached_clips([Counted()], ["a"], tmp_path)
    cached[:]
    assert np.array_equal(pickle.loads(pickle.dumps(cached))[3], Counted().frames[3])


def test_refuses_names_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="names must be 2 different ones, one for each clip, got 1"):
        cached_clips([Counted(), Counted()], ["a", "a"], tmp_path)
