"""Label maps as planes, drafts of the future, and the faults of a segmenter."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from maskreel.common.world import OBJECT_CLASSES
from maskreel.vfp.masks import classes_in, coverage
from maskreel.vfp.masks._draft import Draft, track
from maskreel.vfp.masks._faults import faulty
from maskreel.vfp.masks._planes import shape_of


def moving(frames: int, *, start: tuple[float, float], step: tuple[float, float], radius: float = 3.0) -> torch.Tensor:
    """float (1, frames, 24, 32): a soft disc that moves by `step` = (x, y) cells per frame."""
    y, x = torch.meshgrid(torch.arange(24.0), torch.arange(32.0), indexing="ij")
    centres = [(start[0] + step[0] * time, start[1] + step[1] * time) for time in range(frames)]
    discs = [(radius + 0.5 - ((x - cx) ** 2 + (y - cy) ** 2).sqrt()).clamp(0, 1) for cx, cy in centres]
    return torch.stack(discs)[None]


def test_coverage_is_the_pooled_one_hot_map() -> None:
    labels = torch.randint(0, 5, (2, 3, 8, 12), dtype=torch.uint8) * 12
    classes = classes_in(labels)
    one_hot = (labels[:, :, None] == classes[:, None, :, None, None]).float()
    for cell in (1, 2, 4):
        pooled = functional.avg_pool2d(one_hot.flatten(0, 1), cell).unflatten(0, (2, 3))
        assert torch.equal(coverage(labels, classes, cell=cell), pooled)


def test_empty_places_have_empty_planes() -> None:
    labels = torch.zeros(2, 1, 4, 4, dtype=torch.uint8)
    labels[0, 0, 0] = 7
    labels[1, 0, :2] = 9
    labels[1, 0, 2] = 3
    classes = classes_in(labels)
    assert classes.tolist() == [[7, 0], [3, 9]]
    planes = coverage(labels, classes, cell=4)
    assert planes.squeeze().tolist() == [[0.25, 0.0], [0.25, 0.5]]


def test_classes_that_are_no_objects_do_not_count() -> None:
    labels = torch.tensor([[[[0, 255, 49, 48]]]], dtype=torch.uint8)
    assert classes_in(labels).tolist() == [[48]]
    assert classes_in(torch.zeros(1, 1, 2, 2, dtype=torch.uint8)).shape == (1, 0)


def test_of_too_many_classes_the_largest_count() -> None:
    labels = torch.tensor([[[[5, 5, 5, 2, 2, 8, 9, 9]]]], dtype=torch.uint8)
    assert classes_in(labels, limit=2).tolist() == [[2, 5]] or classes_in(labels, limit=2).tolist() == [[5, 9]]
    assert classes_in(labels, limit=3).tolist() == [[2, 5, 9]]
    assert classes_in(labels, least=3).tolist() == [[5]]


def test_wrong_label_maps_are_refused() -> None:
    with pytest.raises(ValueError, match="labels must be uint8"):
        classes_in(torch.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match="multiples of 4, got 6x8"):
        coverage(torch.zeros(1, 1, 6, 8, dtype=torch.uint8), torch.zeros(1, 0, dtype=torch.int64), cell=4)


def test_shapes_are_those_of_the_world() -> None:
    found = shape_of(torch.arange(1, 49)).tolist()
    assert found == [("cube", "sphere", "cylinder").index(kind.shape) for kind in OBJECT_CLASSES]


def test_a_track_has_the_speed_and_place_of_the_object() -> None:
    found = track(moving(11, start=(6, 8), step=(0.7, 0.4)))
    torch.testing.assert_close(found.velocity()[0], torch.tensor([0.7, 0.4]), atol=0.02, rtol=0)
    torch.testing.assert_close(found.centre[0, 5], torch.tensor([9.5, 10.0]), atol=0.05, rtol=0)
    assert found.newest.tolist() == [10]
    assert not found.cut.any()


def test_a_track_forgets_views_that_the_border_cuts_off() -> None:
    found = track(moving(11, start=(24, 12), step=(0.9, 0.0)))  # the last ones leave the picture
    assert found.cut[0, -1]
    assert not found.cut[0, 3]
    torch.testing.assert_close(found.velocity()[0], torch.tensor([0.9, 0.0]), atol=0.08, rtol=0)
    centres = found.centre[0, -4:, 0]
    assert float((centres[-1] - centres[0]) / 3) < 0.6  # the middle of what is left moves less


def test_a_draft_goes_on_at_constant_velocity_before_training() -> None:
    planes = moving(22, start=(5, 6), step=(0.8, 0.35))
    draft = Draft((13, 21), 11, 16)
    drawn = draft(planes[:, :11], torch.tensor([1])).detach()
    assert drawn.shape == (1, 2, 24, 32)
    assert float((drawn - planes[:, [13, 21]]).abs().mean()) < 0.01
    assert float((planes[:, [10, 10]] - planes[:, [13, 21]]).abs().mean()) > 0.05
    plain = Draft((13, 21), 11, 0)
    assert torch.equal(plain(planes[:, :11], torch.tensor([1])), drawn)


def test_an_object_seen_once_stays_and_one_never_seen_is_not_drawn() -> None:
    planes = moving(11, start=(9, 9), step=(0.0, 0.0))
    planes[:, :10] = 0
    draft = Draft((21,), 11, 0)
    torch.testing.assert_close(draft(planes, torch.tensor([0])), planes[:, 10:], atol=1e-5, rtol=0)
    assert not draft(torch.zeros_like(planes), torch.tensor([0])).any()
    assert draft(planes[:0], torch.zeros(0, dtype=torch.int64)).shape == (0, 1, 24, 32)
    assert Draft((), 11, 0)(planes, torch.tensor([0])).shape == (1, 0, 24, 32)


def test_a_draft_learns_that_objects_slow_down() -> None:
    torch.manual_seed(0)
    speeds = torch.linspace(-1.0, 1.0, 12)
    clips = [moving(22, start=(15, 12), step=(float(speed), 0.0)) for speed in speeds]
    stopped = [torch.cat([clip[:, :14], clip[:, 13:14].expand(-1, 8, -1, -1)], 1) for clip in clips]
    planes = torch.cat(stopped)
    shapes = torch.zeros(len(planes), dtype=torch.int64)
    draft = Draft((21,), 11, 32)
    before = float(draft.loss(planes[:, :11], shapes, planes[:, [21]]).detach())
    optimiser = torch.optim.Adam(draft.parameters(), lr=1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        draft.loss(planes[:, :11], shapes, planes[:, [21]]).backward()
        optimiser.step()
    after = float(draft.loss(planes[:, :11], shapes, planes[:, [21]]).detach())
    assert before > 2.0
    assert after < 0.3
    drawn = draft(planes[:, :11], shapes).detach()
    assert float((drawn - planes[:, [21]]).abs().mean()) < 0.02


def test_a_draft_does_not_learn_from_objects_that_are_not_seen_whole() -> None:
    planes = moving(11, start=(9, 9), step=(0.5, 0.0))
    draft, shapes = Draft((21,), 11, 8).requires_grad_(False), torch.tensor([2])
    assert float(draft.loss(planes, shapes, torch.zeros(1, 1, 24, 32))) == 0.0
    assert float(draft.loss(planes, shapes, moving(1, start=(31, 9), step=(0, 0)))) == 0.0
    # constant velocity ends at x = 19.5: half a cell short, which smooth L1 counts as 0.5 * 0.5**2
    assert float(draft.loss(planes, shapes, moving(1, start=(20, 9), step=(0, 0)))) == pytest.approx(0.125, abs=1e-3)


def test_faults_come_as_often_as_asked_for_and_only_then() -> None:
    torch.manual_seed(1)
    labels = torch.zeros(200, 20, 20, dtype=torch.uint8)
    labels[:, 4:10, 4:10], labels[:, 12:17, 8:15] = 5, 30
    assert torch.equal(faulty(labels, drop=0, ragged=0, confuse=0), labels)
    dropped = faulty(labels, drop=0.25, ragged=0, confuse=0)
    share = float(((dropped == 5).flatten(1).any(1)).float().mean())
    assert share == pytest.approx(0.75, abs=0.1)
    assert torch.equal(dropped[dropped > 0], labels[dropped > 0])
    confused = faulty(labels, drop=0, ragged=0, confuse=0.5)
    assert torch.equal(confused > 0, labels > 0)
    assert float((confused != labels).flatten(1).any(1).float().mean()) == pytest.approx(0.75, abs=0.1)
    moved = faulty(labels, drop=0, ragged=1, confuse=0)
    assert (moved == 5).sum((1, 2)).eq(36).all()
    assert float((moved != labels).flatten(1).any(1).float().mean()) > 0.9
    assert not faulty(torch.zeros(2, 4, 4, dtype=torch.uint8), drop=1, ragged=1, confuse=1).any()
