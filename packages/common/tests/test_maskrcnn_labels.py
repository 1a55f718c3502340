"""Detections <-> label maps."""

from __future__ import annotations

import pytest
import torch

from maskreel.common.maskrcnn import Detections, detections_to_labels, labels_to_detections


def detections(*found: tuple[int, float, str]) -> Detections:
    """Label, score and mask of each object, the mask drawn as text: rows apart by spaces."""
    masks = torch.tensor([[[pixel == "#" for pixel in row] for row in text.split()] for _, _, text in found])
    return Detections(
        boxes=torch.zeros(len(found), 4),
        labels=torch.tensor([label for label, _, _ in found]),
        scores=torch.tensor([score for _, score, _ in found]),
        masks=masks,
    )


def random_labels(seed: int) -> torch.Tensor:
    """Overlapping rectangles of ten classes, so that some are cut to odd shapes or covered."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.zeros(40, 60, dtype=torch.uint8)
    for label in torch.randperm(48, generator=generator)[:10].tolist():
        y, x, height, width = (int(torch.randint(high, (), generator=generator)) for high in (36, 50, 20, 30))
        labels[y : y + height + 1, x : x + width + 1] = label + 1
    return labels


@pytest.mark.parametrize("seed", range(5))
def test_label_maps_survive_the_way_there_and_back(seed: int) -> None:
    labels = random_labels(seed)
    found = labels_to_detections(labels)
    assert torch.equal(detections_to_labels(found), labels)
    assert found.labels.tolist() == sorted(set(labels.flatten().tolist()) - {0})
    for box, label, mask in zip(found.boxes.long().tolist(), found.labels, found.masks, strict=True):
        rows, columns = (labels == label).nonzero(as_tuple=True)
        assert box == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert torch.equal(mask, labels == label)


def test_an_empty_map_has_no_objects_and_no_objects_make_an_empty_map() -> None:
    labels = torch.zeros(5, 7, dtype=torch.uint8)
    found = labels_to_detections(labels)
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)
    assert torch.equal(detections_to_labels(found), labels)


def test_void_is_no_object() -> None:
    labels = torch.tensor([[255, 3], [0, 0]], dtype=torch.uint8)
    assert labels_to_detections(labels).labels.tolist() == [3]


def test_small_objects_can_be_left_out() -> None:
    labels = torch.tensor([[1, 1, 0], [2, 0, 0]], dtype=torch.uint8)
    assert labels_to_detections(labels, min_pixels=2).labels.tolist() == [1]


def test_the_higher_score_lies_in_front_in_any_order() -> None:
    first, second = (7, 0.6, "##. ..."), (9, 0.9, ".## ...")
    expected = torch.tensor([[7, 9, 9], [0, 0, 0]], dtype=torch.uint8)
    assert torch.equal(detections_to_labels(detections(first, second)), expected)
    assert torch.equal(detections_to_labels(detections(second, first)), expected)


def test_only_the_best_of_a_class_is_painted() -> None:
    found = detections((7, 0.6, "#.. ..."), (7, 0.8, "..# ..."))
    assert detections_to_labels(found).tolist() == [[0, 0, 7], [0, 0, 0]]


def test_the_first_of_equal_scores_wins() -> None:
    assert detections_to_labels(detections((7, 0.8, "#."), (7, 0.8, ".#"))).tolist() == [[7, 0]]
    assert detections_to_labels(detections((5, 0.8, "##"), (4, 0.8, ".#"))).tolist() == [[5, 5]]


def test_low_scores_are_left_out() -> None:
    found = detections((7, 0.5, "#."), (8, 0.4, "##"))
    assert detections_to_labels(found).tolist() == [[7, 0]]
    assert detections_to_labels(found, min_score=0.3).tolist() == [[7, 8]]
    assert detections_to_labels(found, min_score=0.9).tolist() == [[0, 0]]


def test_detections_can_be_chosen_from() -> None:
    found = detections((7, 0.5, "#."), (8, 0.4, "##"), (9, 0.9, ".#"))
    assert found.above(0.5).labels.tolist() == [7, 9]
    assert found[torch.tensor([2, 0])].scores.tolist() == pytest.approx([0.9, 0.5])
    assert len(found[:1]) == 1
    soft = Detections(found.boxes, found.labels, found.scores, found.masks, found.masks * 0.7)
    assert found[:1].probabilities is None
    chosen = soft.above(0.5).to("cpu").probabilities
    assert chosen is not None
    assert torch.equal(chosen, soft.masks[[0, 2]] * 0.7)


def test_detections_check_what_they_are_given() -> None:
    boxes, labels, scores, masks = torch.zeros(2, 4), torch.ones(2).long(), torch.ones(2), torch.zeros(2, 3, 3).bool()
    with pytest.raises(TypeError, match=r"labels must be torch.int64, got torch.float32"):
        Detections(boxes, labels.float(), scores, masks)
    with pytest.raises(ValueError, match=r"boxes, labels, scores, masks must have shapes \(N, 4\).*\(3, 3, 3\)"):
        Detections(boxes, labels, scores, torch.zeros(3, 3, 3).bool())
    for soft in (torch.zeros(2, 3, 4), masks):
        with pytest.raises(ValueError, match=r"probabilities must be float32 of the shape of masks, \(2, 3, 3\)"):
            Detections(boxes, labels, scores, masks, soft)


def test_a_stack_of_label_maps_is_refused() -> None:
    with pytest.raises(ValueError, match=r"labels must have shape \(H, W\), got \(2, 3, 3\)"):
        labels_to_detections(torch.zeros(2, 3, 3, dtype=torch.uint8))
