"""Statistics of label maps, against clips whose numbers can be told by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from maskreel.common.metrics import MeanIoU
from maskreel.common.world import MaskStatistics

SIZE = (40, 60)


def blank() -> np.ndarray:
    return np.zeros((22, *SIZE), np.uint8)


@pytest.fixture
def clip() -> np.ndarray:
    """1: 4x5 px, at rest. 2: 6x6 px, 2 px to the right and 1 down per frame. 3: 4x4 px from frame 15 on, at rest."""
    labels = blank()
    labels[:, 30:34, 2:7] = 1
    for t in range(22):
        labels[t, 1 + t : 7 + t, 1 + 2 * t : 7 + 2 * t] = 2
    labels[15:, 34:38, 50:54] = 3
    return labels


def test_a_clip_by_hand(clip: np.ndarray) -> None:
    found = MaskStatistics.measure([clip])
    assert (found.clips, found.size) == (1, SIZE)
    assert found.objects_per_frame == pytest.approx((22 + 22 + 7) / 22)
    assert found.object_area == pytest.approx((22 * 20 + 22 * 36 + 7 * 16) / 51)
    # 21 displacements of 0, 21 of sqrt(5), 6 of 0
    assert found.displacements == pytest.approx((0, 0, 0, math.sqrt(5), math.sqrt(5)))
    assert found.median_displacement == 0
    assert found.static_share == pytest.approx(27 / 48)
    assert found.unseen_share == pytest.approx(1 / 3)
    assert found.channel_mean is None
    assert found.channel_std is None


def test_copy_last_is_pooled_and_by_clip(clip: np.ndarray) -> None:
    other = blank()
    other[:, :8, :8] = 1
    found = MaskStatistics.measure([clip, other])
    pooled = MeanIoU(49)
    single = []
    for labels in (clip, other):
        metric = MeanIoU(49)
        for one in (pooled, metric):
            one.update(torch.from_numpy(labels[10]), torch.from_numpy(labels[21]))
        single.append(metric.compute())
    assert found.copy_last == pytest.approx(pooled.compute(), abs=1e-12)
    assert found.copy_last_per_clip == pytest.approx(sum(single) / 2, abs=1e-12)
    assert single[1] == 1
    # Class 2 has left its place, class 3 is new, class 1 stays; the background loses 36 + 16 and gains 36 pixels.
    background = 2400 - 20 - 36 - 16 - 36
    assert single[0] == pytest.approx((1 + 0 + 0 + background / (background + 36 + 16 + 36)) / 4)


def test_objects_of_fewer_than_12_pixels_do_not_count() -> None:
    labels = blank()
    labels[:, 0, :11] = 4
    found = MaskStatistics.measure([labels])
    assert found.objects_per_frame == 0
    assert all(math.isnan(value) for value in (found.object_area, *found.displacements))
    assert math.isnan(found.static_share)
    assert math.isnan(found.unseen_share)
    labels[:, 0, 11] = 4
    assert MaskStatistics.measure([labels]).objects_per_frame == 1


def test_an_object_that_was_seen_once_in_the_first_11_frames_is_not_unseen() -> None:
    labels = blank()
    labels[10, :4, :4] = labels[21, 8:12, 8:12] = 5
    labels[11, 20:24, :4] = labels[21, 20:24, 8:12] = 6
    found = MaskStatistics.measure([labels])
    assert found.unseen_share == 0.5
    assert all(math.isnan(value) for value in found.displacements)  # never in two frames in a row


def test_small_displacements_are_static() -> None:
    labels = blank()
    for t in range(22):
        labels[t, :6, :4] = 7
        labels[t, :3, 4] = 7 * (t % 2)  # 3 more pixels pull the centroid of 24 by 3/27 * hypot(2.5, 1.5) = .324
        labels[t, 20:26, :4] = 8
        labels[t, 20:22, 4] = 8 * (t % 2)  # and 2 by 2/26 * hypot(2.5, 2) = .246
    found = MaskStatistics.measure([labels])
    assert found.static_share == 0.5
    ways = 3 / 27 * math.hypot(2.5, 1.5), 2 / 26 * math.hypot(2.5, 2)
    assert (found.displacements[-1], found.displacements[0]) == pytest.approx(ways)


def test_channels() -> None:
    frames = np.zeros((2, 4, 6, 3), np.uint8)
    frames[1] = 255
    frames[..., 2] = 51
    rng = np.random.default_rng(0)
    more = rng.integers(0, 256, (3, 5, 5, 3), np.uint8)
    found = MaskStatistics.measure([blank()], frames=[frames])
    assert found.channel_mean == pytest.approx((0.5, 0.5, 0.2))
    assert found.channel_std == pytest.approx((0.5, 0.5, 0))
    found = MaskStatistics.measure([blank()], frames=iter([frames, more]))
    pixels = np.concatenate([frames.reshape(-1, 3), more.reshape(-1, 3)]) / 255
    assert found.channel_mean == pytest.approx(pixels.mean(0).tolist())
    assert found.channel_std == pytest.approx(pixels.std(0).tolist())


def test_tensors_and_generators_will_do(clip: np.ndarray) -> None:
    expected = MaskStatistics.measure([clip, clip])
    assert MaskStatistics.measure(torch.from_numpy(clip) for _ in range(2)) == expected  # pyright: ignore[reportArgumentType]


def test_guards(clip: np.ndarray) -> None:
    def refused(error: type[Exception], match: str, *clips: np.ndarray, frames: np.ndarray | None = None) -> None:
        with pytest.raises(error, match=match):
            MaskStatistics.measure(clips, frames=None if frames is None else [frames])

    refused(ValueError, "clips must hold at least one clip")
    refused(TypeError, "clips must be uint8, got int32", clip.astype(np.int32))
    refused(ValueError, r"clips must have shape \(22, H, W\), got \(21, 40, 60\)", clip[:21])
    refused(ValueError, r"clips must have shape \(22, H, W\), got \(22, 60\)", clip[:, 0])
    refused(ValueError, r"clips must have shape \(22, H, W\), got \(22, 0, 60\)", clip[:, :0])
    refused(ValueError, r"clips must all be of one size, got \(40, 60\) and \(39, 60\)", clip, clip[:, 1:])
    refused(ValueError, "clips must hold class ids 0 to 48, got 49", np.full_like(clip, 49))
    refused(TypeError, "frames must be uint8, got float64", clip, frames=np.zeros((1, 4, 4, 3)))
    refused(
        ValueError,
        r"frames must have shape \(T, H, W, 3\), got \(1, 3, 4, 4\)",
        clip,
        frames=np.zeros((1, 3, 4, 4), np.uint8),
    )
    refused(ValueError, "frames must hold at least one picture", clip, frames=np.zeros((0, 4, 4, 3), np.uint8))
