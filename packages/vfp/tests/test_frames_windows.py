"""Windows of clips: which frames they hold, and how they are varied."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from maskreel.vfp.frames import VideoWindows, WindowConfig, window_places

PLAIN = WindowConfig(mirror=False, brightness=0.0)


def numbered(length: int = 22, size: tuple[int, int] = (2, 4)) -> torch.Tensor:
    """Frame t has the value t everywhere."""
    return torch.arange(length, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, *size).contiguous()


def times(frames: torch.Tensor) -> list[int]:
    assert all(frame.unique().numel() == 1 for frame in frames)
    return (frames[:, 0, 0, 0] * 255).round().int().tolist()


def windows(clips: list[Any] | None = None, **options: Any) -> VideoWindows:
    return VideoWindows(clips or [numbered()], replace(PLAIN, **options))


@pytest.mark.parametrize(("ahead", "count"), [(1, 11), (6, 6), (11, 1)])
def test_windows_per_clip(ahead: int, count: int) -> None:
    """22 - (11 + ahead) + 1, and never from one clip into the next."""
    found = windows([numbered(), numbered()], ahead=ahead)
    assert len(found) == 2 * count == 2 * (22 - (11 + ahead) + 1)
    for index in range(2 * count):
        start = index % count
        assert times(found[index]["observed"]) == list(range(start, start + 11))
        assert times(found[index]["future"]) == list(range(start + 11, start + 11 + ahead))
        assert found[index]["known"].tolist() == [True] * ahead


def test_skipping_frames_of_a_short_clip() -> None:
    """Stride 2 in 22 frames, worked out by hand: two windows, 6 real observed frames and 5 future ones in each."""
    found = windows(strides=(2,))
    assert len(found) == 2
    assert times(found[0]["observed"]) == [0, 0, 0, 0, 0, 0, 2, 4, 6, 8, 10]
    assert times(found[0]["future"]) == [12, 14, 16, 18, 20, 0, 0, 0, 0, 0, 0]
    assert times(found[1]["observed"]) == [0, 0, 0, 0, 0, 1, 3, 5, 7, 9, 11]
    assert times(found[1]["future"]) == [13, 15, 17, 19, 21, 0, 0, 0, 0, 0, 0]
    for index in range(2):
        assert found[index]["known"].tolist() == [True] * 5 + [False] * 6


def test_skipping_frames_of_a_long_clip() -> None:
    found = windows([numbered(43)], strides=(2,), least_observed=11, least_future=11)
    assert len(found) == 1
    assert times(found[0]["observed"]) == list(range(0, 22, 2))
    assert times(found[0]["future"]) == list(range(22, 44, 2))
    assert found[0]["known"].all()


def test_strides_one_after_the_other() -> None:
    assert window_places(22, WindowConfig(strides=(1, 2))) == [(1, 10), (2, 10), (2, 11)]
    assert window_places(22, WindowConfig(strides=(3,), least_observed=5, least_future=3)) == [(3, 12)]
    assert window_places(22, WindowConfig(strides=(2,), ahead=2, least_observed=9)) == [(2, 16), (2, 17)]
    assert window_places(21, WindowConfig()) == []


def test_short_clips_give_no_window_beside_long_ones() -> None:
    found = windows([numbered(21), numbered(23)])
    assert len(found) == 2
    assert times(found[0]["observed"])[0] == 0
    assert times(found[1]["observed"])[0] == 1


def test_all_frames_of_a_window_are_mirrored_alike_and_never_upside_down() -> None:
    clip = torch.randint(0, 256, (22, 3, 4, 6), dtype=torch.uint8)
    found = windows([clip], mirror=True)
    seen = set()
    for seed in range(12):
        torch.manual_seed(seed)
        sample = found[0]
        frames = torch.cat([sample["observed"], sample["future"]])
        mirrored = torch.equal(frames, clip.flip(-1).float() / 255)
        assert mirrored or torch.equal(frames, clip.float() / 255)
        seen.add(mirrored)
    assert seen == {True, False}


def test_brightness_is_one_factor_for_a_window() -> None:
    clip = torch.randint(20, 200, (22, 3, 4, 6), dtype=torch.uint8)
    found = windows([clip], brightness=0.2)
    factors = []
    for seed in range(20):
        torch.manual_seed(seed)
        sample = found[0]
        ratio = torch.cat([sample["observed"], sample["future"]]) / (clip.float() / 255)
        assert torch.allclose(ratio, ratio.flatten()[0].expand_as(ratio), atol=1e-5)
        factors.append(float(ratio.mean()))
    assert 0.8 <= min(factors) < 0.9
    assert 1.1 < max(factors) <= 1.2
    white = windows([torch.full((22, 3, 2, 2), 250, dtype=torch.uint8)], brightness=0.5)
    assert all(white[0]["observed"].max() <= 1 for _ in range(10))


def test_arrays_and_tensors_give_equal_samples() -> None:
    clip = torch.randint(0, 256, (24, 3, 4, 6), dtype=torch.uint8)
    from_tensor, from_array = windows([clip], ahead=2), windows([clip.numpy()])
    assert torch.equal(from_tensor[2]["observed"], from_array[2]["observed"])
    read_only = clip.numpy().copy()
    read_only.setflags(write=False)
    assert torch.equal(windows([read_only])[0]["future"], clip[11:22].float() / 255)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ahead": 0}, "ahead must be 1 or more, got 0"),
        ({"least_observed": 12}, "least_observed must be 1 to 11, got 12"),
        ({"least_future": 0}, "least_future must be 1 or more, got 0"),
        ({"brightness": 1.0}, r"brightness must be in \[0, 1\), got 1.0"),
        ({"strides": ()}, r"strides must be different numbers of 1 or more, got \(\)"),
        ({"strides": (1, 1)}, "strides must be different numbers"),
        ({"strides": (0,)}, "strides must be different numbers of 1 or more"),
    ],
)
def test_refuses_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        windows(**options)


def test_refuses_clips_that_do_not_do() -> None:
    with pytest.raises(ValueError, match="clips must hold a window of 22 frames, got 1 clips without one"):
        windows([numbered(21)])
    with pytest.raises(ValueError, match=r"clips must be of one size, got \(3, 2, 4\) and \(3, 4, 4\)"):
        windows([numbered(), numbered(size=(4, 4))])
    with pytest.raises(IndexError, match="index must be 0 to 0, got 1"):
        windows()[1]
