from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from maskreel.common.video import Clip

FPS = Fraction(30000, 1001)


def frames(count: int = 4, height: int = 2, width: int = 3) -> torch.Tensor:
    return torch.arange(count * 3 * height * width).reshape(count, 3, height, width).to(torch.uint8)


def test_times_follow_from_start_and_rate() -> None:
    clip = Clip(frames(3), FPS, start=Fraction(1, 2))
    assert clip.times == (Fraction(1, 2), Fraction(1, 2) + 1 / FPS, Fraction(1, 2) + 2 / FPS)
    assert clip.duration == 3 / FPS


def test_variable_rate_keeps_its_timestamps() -> None:
    stamps = (Fraction(0), Fraction(1, 10), Fraction(7, 10))
    clip = Clip(frames(3), Fraction(10), timestamps=stamps)
    assert clip.times == stamps
    assert clip.duration == Fraction(7, 10) + Fraction(1, 10)


@pytest.mark.parametrize("stamps", [None, (Fraction(0), Fraction(1), Fraction(3), Fraction(4))])
def test_slice_is_a_clip_with_its_own_times(stamps: tuple[Fraction, ...] | None) -> None:
    clip = Clip(frames(4), Fraction(2), timestamps=stamps)
    part = clip[1:3]
    assert torch.equal(part.frames, clip.frames[1:3])
    assert part.times == clip.times[1:3]
    assert part.start == clip.times[1]


def test_empty_slice() -> None:
    part = Clip(frames(4), Fraction(2))[4:]
    assert len(part) == 0
    assert part.duration == 0
    assert part.times == ()


def test_numpy_shares_memory_with_a_clip_from_numpy() -> None:
    pixels = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    clip = Clip.from_numpy(pixels, Fraction(25))
    assert clip.frames.shape == (2, 3, 4, 5)
    assert clip.size == (4, 5)
    assert clip.frames[1, 2, 3, 4] == pixels[1, 3, 4, 2]
    assert np.shares_memory(clip.numpy(), pixels)
    assert np.shares_memory(clip[1:].numpy(), pixels)


def test_repr_tells_the_shape() -> None:
    assert repr(Clip(frames(4), Fraction(25), Fraction(3, 2))) == "Clip(4 frames of 2x3, 25 fps, from 1.500 s)"


def test_rejects_what_is_no_clip() -> None:
    with pytest.raises(TypeError, match=r"frames must be a torch.uint8 tensor, got torch.float32"):
        Clip(frames().float(), FPS)
    with pytest.raises(TypeError, match=r"frames must be a torch\.uint8 tensor, got ndarray"):
        Clip(frames().numpy(), FPS)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"frames must have shape \(T, 3, H, W\), got \(4, 2, 3, 3\)"):
        Clip(frames().permute(0, 2, 3, 1).contiguous(), FPS)
    with pytest.raises(TypeError, match=r"fps must be a fractions.Fraction, got 29.97"):
        Clip(frames(), 29.97)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fps must be positive, got 0"):
        Clip(frames(), Fraction(0))
    with pytest.raises(ValueError, match="timestamps must name 4 frames, got 1"):
        Clip(frames(), FPS, timestamps=(Fraction(0),))


def test_rejects_other_indices() -> None:
    clip = Clip(frames(), FPS)
    with pytest.raises(TypeError, match="index a Clip with a slice"):
        clip[0]  # type: ignore[index]
    with pytest.raises(ValueError, match="step must be 1, got 2"):
        clip[::2]
