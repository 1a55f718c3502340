"""Pictures of label maps: the colour of every pixel."""

from __future__ import annotations

import pytest
import torch

from maskreel.common.world import OBJECT_CLASSES
from maskreel.vfp.show import CLASS_PALETTE, ERROR_COLOURS, draw_labels, error_map, strip

RED_RUBBER_CUBE = 10


def distance(one: tuple[int, int, int], two: tuple[int, int, int]) -> float:
    return sum((a - b) ** 2 for a, b in zip(one, two, strict=True)) ** 0.5


def test_every_class_has_a_colour_of_its_own() -> None:
    assert len(CLASS_PALETTE) == 49
    assert CLASS_PALETTE[0] == (0, 0, 0)
    pairs = [distance(a, b) for i, a in enumerate(CLASS_PALETTE) for b in CLASS_PALETTE[:i]]
    assert min(pairs) > 8
    assert CLASS_PALETTE[RED_RUBBER_CUBE] == OBJECT_CLASSES[RED_RUBBER_CUBE - 1].rgb == (173, 35, 35)
    assert CLASS_PALETTE[2] == (202, 112, 112)  # the same of metal: 173 + .35 x 82, 35 + .35 x 220
    assert CLASS_PALETTE[RED_RUBBER_CUBE + 16] == (142, 29, 29)  # the sphere: 82 % of the light


def test_labels_tint_the_frame_and_leave_the_rest() -> None:
    frame = torch.full((3, 12, 16), 100, dtype=torch.uint8)
    labels = torch.zeros(12, 16, dtype=torch.uint8)
    labels[2:9, 3:10] = RED_RUBBER_CUBE
    before = frame.clone()
    drawn = draw_labels(frame, labels)
    assert drawn[:, 5, 6].tolist() == [round(0.4 * 100 + 0.6 * value) for value in (173, 35, 35)]
    assert drawn[:, 2, 3].tolist() == [173, 35, 35]  # the outline
    assert torch.equal(drawn[:, labels == 0], frame[:, labels == 0])
    assert torch.equal(frame, before)
    assert draw_labels(frame, labels, alpha=1)[:, 5, 6].tolist() == [173, 35, 35]
    assert torch.equal(draw_labels(frame, torch.zeros_like(labels)), frame)


def test_errors_by_kind() -> None:
    labels = torch.tensor([[0, 5, 0, 5, 5]], dtype=torch.uint8)
    truth = torch.tensor([[0, 5, 5, 6, 0]], dtype=torch.uint8)
    colours = [tuple(pixel) for pixel in error_map(labels, truth)[:, 0].T.tolist()]
    names = ("right", "missed", "wrong", "invented")
    assert colours == [(40, 40, 40), *(ERROR_COLOURS[name] for name in names)]


def test_a_strip_is_one_row() -> None:
    pictures = [torch.full((3, 40, 60), level, dtype=torch.uint8) for level in (10, 20, 30)]
    row = strip(pictures)
    assert row.shape == (3, 48, 196)
    assert [int(row[0, 20, x]) for x in (20, 90, 160)] == [10, 20, 30]
    assert strip(pictures, ["a", "b", "c"]).shape[1] > 48
    with pytest.raises(ValueError, match="titles must be as many as the 3 images, got 1"):
        strip(pictures, ["a"])
    with pytest.raises(ValueError, match="images must hold at least one image"):
        strip([])


def test_wrong_label_maps_are_refused() -> None:
    frame, labels = torch.zeros(3, 4, 6, dtype=torch.uint8), torch.zeros(4, 6, dtype=torch.uint8)
    with pytest.raises(TypeError, match=r"labels must be a torch\.uint8 tensor, got torch\.int64"):
        draw_labels(frame, labels.long())
    with pytest.raises(ValueError, match=r"labels must have shape \(H, W\), got \(1, 4, 6\)"):
        draw_labels(frame, labels[None])
    with pytest.raises(ValueError, match="labels must hold class ids 0 to 48, got 49"):
        draw_labels(frame, labels + 49)
    with pytest.raises(ValueError, match=r"masks must have shape"):
        draw_labels(frame, labels[:2])
    with pytest.raises(TypeError, match=r"truth must be a torch\.uint8 tensor, got list"):
        error_map(labels, [])  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"truth must have the shape of labels, \(4, 6\), got \(2, 6\)"):
        error_map(labels, labels[:2])
