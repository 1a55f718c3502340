"""The flow that masks tell, against motions that are known."""

from __future__ import annotations

import math

import pytest
import torch

from maskreel.common.flow import affine_flow, warp
from maskreel.common.masks import boxes
from maskreel.common.metrics import iou
from maskreel.common.world import TableScene
from maskreel.inversion.video import mask_flow

SIZE = (120, 160)
STILL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def shape(motion: tuple[tuple[float, ...], ...] = STILL, *, swing: float = 0.0) -> torch.Tensor:
    """An asymmetric body with a head and a leg, moved by an affine matrix; the leg turns by `swing` radians."""
    rows, columns = torch.meshgrid(torch.arange(SIZE[0]), torch.arange(SIZE[1]), indexing="ij")
    points = torch.stack((columns, rows), dim=-1).double().reshape(-1, 2)
    matrix = torch.tensor(motion, dtype=torch.float64)
    x, y = ((points - matrix[:, 2]) @ torch.linalg.inv(matrix[:, :2]).T).reshape(*SIZE, 2).unbind(-1)
    body = ((x - 70) / 28) ** 2 + ((y - 50) / 15) ** 2 <= 1
    head = (x - 100) ** 2 + (y - 40) ** 2 <= 9**2
    along = (x - 60) * math.sin(swing) + (y - 55) * math.cos(swing)
    across = (x - 60) * math.cos(swing) - (y - 55) * math.sin(swing)
    leg = (along >= 0) & (along <= 36) & (across.abs() <= 5)
    return body | head | leg


def turned(angle: float, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)) -> tuple[tuple[float, ...], ...]:
    """A rotation by `angle` degrees and a scaling about (70, 55), then a shift."""
    c, s = scale * math.cos(math.radians(angle)), scale * math.sin(math.radians(angle))
    return (c, -s, 70 - c * 70 + s * 55 + shift[0]), (s, c, 55 - s * 70 - c * 55 + shift[1])


def error(flow: torch.Tensor, truth: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Distances in pixels inside the mask."""
    return (flow - truth).norm(dim=0)[mask]


@pytest.mark.parametrize("kind", ["affine", "free"])
@pytest.mark.parametrize(
    "motion",
    [turned(0, shift=(11.0, -6.5)), turned(9), turned(0, 1.15), turned(-6, 0.9, (14.0, 9.0))],
    ids=["shift", "turn", "growth", "all"],
)
def test_affine_motion_is_found(motion: tuple[tuple[float, ...], ...], kind: str) -> None:
    before, after = shape(), shape(motion)
    flow = mask_flow(before[None], after[None], kind=kind)  # pyright: ignore[reportArgumentType]
    truth = affine_flow(torch.tensor(motion, dtype=torch.float64), SIZE)
    wrong = error(flow, truth, before)
    assert wrong.mean() < 0.4
    assert wrong.max() < 1.5
    assert (flow[:, ~before] == 0).all()
    assert flow.dtype == torch.float32


def test_still_object_does_not_move_at_all() -> None:
    mask = shape()[None]
    assert mask_flow(mask, mask, kind="free").abs().max() == 0


def test_object_cut_off_by_the_edge_moves_as_what_is_seen_of_it() -> None:
    """The centre of what is seen moves by half of the shift only."""
    near, far = shape(turned(0, shift=(-70.0, 0.0))), shape(turned(0, shift=(-60.0, 0.0)))
    assert near[:, 0].any()
    flow = mask_flow(near[None], far[None])
    assert error(flow, torch.tensor([10.0, 0.0])[:, None, None].expand_as(flow), near).mean() < 0.5


def test_object_behind_another_one_moves_as_what_is_seen_of_it() -> None:
    front = torch.zeros(SIZE, dtype=torch.bool)
    front[:, 85:112] = True
    before, after = shape() & ~front, shape(turned(0, shift=(-9.0, 3.0))) & ~front
    flow = mask_flow(torch.stack((before, front)), torch.stack((after, front)))
    assert error(flow, torch.tensor([-9.0, 3.0])[:, None, None].expand_as(flow), before).mean() < 0.5
    assert flow[:, front].abs().max() == 0


def test_free_motion_follows_a_leg_that_an_affine_motion_cannot() -> None:
    before, after = shape(swing=-0.2), shape(turned(2, shift=(3.0, 0.0)), swing=0.2)
    scores = {}
    for kind in ("affine", "free"):
        back = mask_flow(after[None], before[None], kind=kind, margin=12)
        scores[kind] = float(iou(warp(before[None], back, mode="nearest", padding="zeros")[0], after))
    still = float(iou(before, after))
    assert still < scores["affine"] - 0.02
    assert scores["affine"] < scores["free"] - 0.05
    assert scores["free"] > 0.93


@pytest.mark.parametrize("kind", ["affine", "free"])
def test_disk_does_not_spin(kind: str) -> None:
    rows, columns = torch.meshgrid(torch.arange(SIZE[0]), torch.arange(SIZE[1]), indexing="ij")
    before, after = ((columns - x) ** 2 + (rows - 60) ** 2 <= 20**2 for x in (60, 72))
    flow = mask_flow(before[None], after[None], kind=kind)  # pyright: ignore[reportArgumentType]
    assert error(flow, torch.tensor([12.0, 0.0])[:, None, None].expand_as(flow), before).max() < 0.1


def test_overlapping_masks_move_as_the_later_one() -> None:
    wall = torch.ones(1, *SIZE, dtype=torch.bool)
    before, after = shape(), shape(turned(0, shift=(5.0, 0.0)))
    flow = mask_flow(torch.cat((wall, before[None])), torch.cat((wall, after[None])))
    assert (flow[0, before] - 5).abs().mean() < 0.3
    assert flow[:, ~before].abs().max() == 0


def test_margin_carries_the_surroundings_along_and_no_farther() -> None:
    before, after = shape(), shape(turned(0, shift=(7.0, 0.0)))
    flow = mask_flow(before[None], after[None], margin=6)
    x0, _, x1, _ = boxes(before).tolist()
    moving = flow[0] > 6
    assert moving[50, x0 - 5]
    assert not moving[:, : x0 - 7].any()
    assert not moving[:, x1 + 7 :].any()


def test_camera_moves_the_background_only() -> None:
    before, after = shape(), shape(turned(0, shift=(7.0, 0.0)))
    camera = torch.tensor([-2.0, 1.0])[:, None, None].expand(2, *SIZE)
    flow = mask_flow(before[None], after[None], camera=camera)
    assert torch.equal(flow[:, ~before], camera[:, ~before])
    assert (flow[0, before] - 7).abs().max() < 0.1


@pytest.mark.parametrize("kind", ["affine", "free"])
def test_objects_that_come_go_or_are_a_single_pixel(kind: str) -> None:
    empty = torch.zeros(3, *SIZE, dtype=torch.bool)
    before, after = empty.clone(), empty.clone()
    before[0], after[1] = shape(), shape()
    before[2, 5, 5], after[2, 5, 8] = True, True
    flow = mask_flow(before, after, kind=kind)  # pyright: ignore[reportArgumentType]
    assert flow[:, 5, 5].tolist() == [3, 0]
    assert (flow != 0).sum() == 1
    assert mask_flow(empty, before).abs().max() == 0
    assert mask_flow(empty[:0], empty[:0]).shape == (2, *SIZE)


def test_mask_that_fills_the_frame_stands_still() -> None:
    full = torch.ones(1, *SIZE, dtype=torch.bool)
    assert mask_flow(full, full, kind="free").abs().max() == 0
    assert mask_flow(full, shape()[None], kind="free").isfinite().all()


def test_rolling_objects_of_the_world() -> None:
    world = TableScene(frames=5, size=(120, 180), resting=(0, 1), entry_seconds=(-1.2, 0.0)).render(4)
    errors, lengths = [], []
    for index, truth in enumerate(world.forward_flow):
        before, after = world.visible[index], world.visible[index + 1]
        inside = (before & after.any((-2, -1))[:, None, None]).any(0)
        errors.append(error(mask_flow(before, after), truth, inside))
        lengths.append(truth.norm(dim=0)[inside])
    assert torch.cat(lengths).mean() > 1.5
    assert torch.cat(errors).mean() < 0.2 * torch.cat(lengths).mean()


def test_bad_arguments() -> None:
    masks = shape()[None]
    with pytest.raises(TypeError, match=r"before must be bool, got torch\.uint8"):
        mask_flow(masks.to(torch.uint8), masks)
    with pytest.raises(ValueError, match=r"both have shape \(N, H, W\)"):
        mask_flow(masks, masks.expand(2, -1, -1))
    with pytest.raises(ValueError, match="kind must be 'affine' or 'free', got 'spline'"):
        mask_flow(masks, masks, kind="spline")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"camera must have shape \(2, 120, 160\)"):
        mask_flow(masks, masks, camera=torch.zeros(2, 3, 3))
    with pytest.raises(ValueError, match="margin must be 0 or more pixels, got -1"):
        mask_flow(masks, masks, margin=-1)
