"""Label maps to instance stacks and back."""

from __future__ import annotations

import pytest
import torch

from maskreel.common import masks


def random_labels(shape: tuple[int, ...] = (4, 12, 15)) -> torch.Tensor:
    values = torch.tensor([0, 2, 5, 9, 255], dtype=torch.uint8)
    return values[torch.randint(0, 5, shape, generator=torch.Generator().manual_seed(0))]


def test_split_by_hand() -> None:
    labels = torch.tensor([[[0, 7, 3], [255, 3, 3]]], dtype=torch.uint8)
    instances, ids = masks.labels_to_instances(labels)
    assert ids == (3, 7)
    assert instances.shape == (1, 2, 2, 3)
    assert instances.dtype == torch.bool
    assert instances[0].int().tolist() == [[[0, 0, 1], [0, 1, 1]], [[0, 1, 0], [0, 0, 0]]]


def test_round_trip_with_void_is_exact() -> None:
    labels = random_labels()
    before = labels.clone()
    instances, ids = masks.labels_to_instances(labels)
    assert ids == (2, 5, 9)
    assert torch.equal(masks.instances_to_labels(instances, ids, void=labels == masks.VOID), before)
    without_void = masks.instances_to_labels(instances, ids)
    assert torch.equal(without_void, torch.where(before == masks.VOID, 0, before))
    assert torch.equal(labels, before)


def test_single_frame_and_no_objects() -> None:
    labels = random_labels((6, 5))
    instances, ids = masks.labels_to_instances(labels)
    assert instances.shape == (len(ids), 6, 5)
    assert torch.equal(masks.instances_to_labels(instances, ids, void=labels == 255), labels)
    nothing, none = masks.labels_to_instances(torch.zeros(2, 3, 4, dtype=torch.uint8))
    assert none == ()
    assert nothing.shape == (2, 0, 3, 4)
    assert torch.equal(masks.instances_to_labels(nothing, none), torch.zeros(2, 3, 4, dtype=torch.uint8))


def test_given_ids_fix_the_order() -> None:
    labels = torch.tensor([[1, 4]], dtype=torch.uint8)
    instances, ids = masks.labels_to_instances(labels, ids=(4, 2, 1))
    assert ids == (4, 2, 1)
    assert instances[:, 0].int().tolist() == [[0, 1], [0, 0], [1, 0]]


def test_order_decides_who_is_in_front() -> None:
    instances = torch.tensor([[[1, 1, 0]], [[0, 1, 1]]], dtype=torch.bool)
    assert masks.instances_to_labels(instances, (3, 8), order=(3, 8)).tolist() == [[3, 8, 8]]
    assert masks.instances_to_labels(instances, (3, 8), order=(8, 3)).tolist() == [[3, 3, 8]]
    void = torch.tensor([[False, True, False]])
    assert masks.instances_to_labels(instances, (3, 8), order=(3, 8), void=void).tolist() == [[3, 255, 8]]


def test_guards() -> None:
    labels = torch.tensor([[1, 4]], dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"labels holds \[4\], which are not among the ids \(1,\)"):
        masks.labels_to_instances(labels, ids=(1,))
    with pytest.raises(ValueError, match=r"ids must be different numbers from 1 to 254, got \(1, 4, 255\)"):
        masks.labels_to_instances(labels, ids=(1, 4, 255))
    overlapping = torch.ones(2, 1, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match="instances overlap: give order, the ids from back to front"):
        masks.instances_to_labels(overlapping, (1, 2))
    with pytest.raises(ValueError, match=r"order must name each of the ids \(1, 2\) once, got \(1, 1\)"):
        masks.instances_to_labels(overlapping, (1, 2), order=(1, 1))
    with pytest.raises(ValueError, match=r"instances must have shape \(\.\.\., 1, H, W\) for ids \(1,\)"):
        masks.instances_to_labels(overlapping, (1,))
    with pytest.raises(ValueError, match="ids must be different numbers"):
        masks.instances_to_labels(overlapping, (1, 1))
    with pytest.raises(ValueError, match=r"void must have the shape of the label map, \(1, 3\), got \(3, 1\)"):
        masks.instances_to_labels(overlapping[:1], (1,), void=torch.ones(3, 1, dtype=torch.bool))
    with pytest.raises(TypeError, match=r"void must be a torch\.bool tensor"):
        masks.instances_to_labels(overlapping[:1], (1,), void=torch.ones(1, 3))
    with pytest.raises(TypeError, match=r"instances must be a torch\.bool tensor"):
        masks.instances_to_labels(torch.ones(2, 1, 3), (1, 2))
