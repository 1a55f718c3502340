"""Warping error and flicker by hand."""

from __future__ import annotations

import pytest
import torch

from maskreel.common.flow import occlusion
from maskreel.common.metrics import flicker, warping_error


def sliding_clip(frames: int = 4, step: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A texture that slides to the left, its flow and the pixels that leave the frame."""
    texture = torch.randint(0, 256, (3, 12, 40), dtype=torch.uint8)
    clip = torch.stack([texture[..., t * step : t * step + 20] for t in range(frames)])
    flows = torch.zeros(frames - 1, 2, 12, 20)
    flows[:, 0] = -step
    return clip, flows, occlusion(flows, -flows)


def still(*levels: float, size: tuple[int, int] = (4, 6)) -> torch.Tensor:
    """Flat grey frames."""
    return torch.tensor(levels)[:, None, None, None].expand(-1, 3, *size).clone()


def test_true_flow_leaves_no_warping_error(device: str) -> None:
    clip, flows, hidden = (x.to(device) for x in sliding_clip())
    assert hidden.sum(dim=(1, 2)).tolist() == [24, 24, 24]  # two columns
    errors = warping_error(clip, flows, hidden)
    assert errors.device.type == device
    assert errors.tolist() == pytest.approx([0, 0, 0], abs=1e-9)
    assert (warping_error(clip, -flows, hidden) > 0.01).all()
    assert (warping_error(clip, flows, torch.zeros_like(hidden)) > 0.001).all()


def test_warping_error_by_hand() -> None:
    clip, flows, hidden = sliding_clip(frames=3)
    frames = 0.5 * clip / 255
    frames[1, 0] += 0.3  # red only, so a third of the channels
    expected = 0.3**2 / 3
    assert warping_error(frames, flows, hidden).tolist() == pytest.approx([expected, expected], abs=1e-6)


def test_warping_error_of_uint8_is_that_of_floats() -> None:
    clip, flows, hidden = sliding_clip()
    flows += 0.3
    torch.testing.assert_close(warping_error(clip, flows, hidden), warping_error(clip / 255, flows, hidden))


def test_occluded_pair_has_no_warping_error() -> None:
    clip, flows, hidden = sliding_clip()
    hidden[1] = True
    assert warping_error(clip, flows, hidden).isnan().tolist() == [False, True, False]


def test_chunks_that_share_a_frame_give_every_pair_once() -> None:
    clip, flows, hidden = sliding_clip(frames=7)
    flows += 0.4
    chunks = [(0, 3), (3, 4), (4, 6)]  # pairs; the frames are one more
    parts = [warping_error(clip[a : b + 1], flows[a:b], hidden[a:b]) for a, b in chunks]
    torch.testing.assert_close(torch.cat(parts), warping_error(clip, flows, hidden))
    changes = [flicker(clip[a : b + 1]) for a, b in chunks]
    torch.testing.assert_close(torch.cat(changes), flicker(clip))


def test_one_frame_has_no_pairs() -> None:
    clip, flows, hidden = sliding_clip()
    assert warping_error(clip[:1], flows[:0], hidden[:0]).shape == (0,)
    assert flicker(clip[:1]).shape == (0,)


def test_flicker_by_hand(device: str) -> None:
    frames = still(10, 14, 9).to(torch.uint8).to(device)
    assert flicker(frames).tolist() == pytest.approx([4, 5], abs=1e-4)
    assert flicker(frames / 255).tolist() == pytest.approx([4, 5], abs=1e-4)
    assert flicker(frames).device.type == device


def test_flicker_looks_at_the_mask_only() -> None:
    frames = still(10, 10)
    frames[1, :, :2] = 13  # the upper half
    upper = torch.zeros(4, 6, dtype=torch.bool)
    upper[:2] = True
    frames = frames.to(torch.uint8)
    assert flicker(frames, upper).tolist() == pytest.approx([3], abs=1e-4)
    assert flicker(frames, ~upper).tolist() == [0]
    assert flicker(frames).tolist() == pytest.approx([1.5], abs=1e-4)


def test_flicker_of_a_moving_mask() -> None:
    frames = still(0, 0).to(torch.uint8)
    frames[1, :, :, 0], frames[1, :, :, 1], frames[1, :, :, 2] = 1, 2, 6
    masks = torch.zeros(2, 4, 6, dtype=torch.bool)
    masks[0, :, :2], masks[1, :, 1:3] = True, True  # columns 0-1, then 1-2
    assert flicker(frames, masks).tolist() == pytest.approx([2], abs=1e-4)
    assert flicker(frames, masks, where="either").tolist() == pytest.approx([3], abs=1e-4)
    assert flicker(frames, masks & False).isnan().all()


def test_flicker_against_a_reference() -> None:
    truth = still(10, 20, 40).to(torch.uint8)
    lagging = still(10, 10, 20).to(torch.uint8)
    assert flicker(truth, reference=truth).tolist() == [0, 0]
    # a constant offset does not flicker
    assert flicker(truth + 7, reference=truth).tolist() == pytest.approx([0, 0], abs=1e-4)
    assert flicker(lagging, reference=truth).tolist() == pytest.approx([10, 10], abs=1e-4)


def test_opposite_changes_do_not_cancel() -> None:
    frames = torch.zeros(2, 3, 4, 6)
    frames[0, :, :2], frames[1, :, 2:] = 1, 1
    assert flicker(frames).tolist() == [255]


def test_guards() -> None:
    clip, flows, hidden = sliding_clip()
    with pytest.raises(ValueError, match=r"frames must have shape \(T, 3, H, W\), got \(3, 12, 20\)"):
        warping_error(clip[0], flows, hidden)
    with pytest.raises(ValueError, match=r"flows must have shape \(3, 2, 12, 20\) for the frames, got \(2, 2, "):
        warping_error(clip, flows[1:], hidden)
    with pytest.raises(ValueError, match=r"occlusions must have shape \(3, 12, 20\)"):
        warping_error(clip, flows, hidden[1:])
    with pytest.raises(TypeError, match=r"occlusions must be a torch\.bool mask"):
        warping_error(clip, flows, hidden.float())
    with pytest.raises(ValueError, match=r"frames must have shape \(T, 3, H, W\)"):
        flicker(clip[0])
    with pytest.raises(ValueError, match=r"mask must broadcast to \(4, 12, 20\), got shape \(3, 12, 20\)"):
        flicker(clip, hidden)
    with pytest.raises(ValueError, match="where must be 'both' or 'either', got 'all'"):
        flicker(clip, where="all")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="frames and reference must have one shape"):
        flicker(clip, reference=clip[1:])
    with pytest.raises(TypeError, match="frames and reference must have one dtype"):
        flicker(clip, reference=clip.float())
