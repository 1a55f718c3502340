"""From detections to label maps: order, duplicates, thresholds, batches, speed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from maskreel.common.maskrcnn import Detections, detections_to_labels, labels_to_detections, shapes_maskrcnn
from maskreel.common.metrics import MeanIoU
from maskreel.common.unet import UNet
from maskreel.common.world import TableScene
from maskreel.vfp.segmentation import MaskRCNNSegmenter, Painting, UNetSegmenter, occupancy_of, quickened
from maskreel.vfp.segmentation._quick import fold_batch_norm

if TYPE_CHECKING:
    from collections.abc import Sequence


class Scripted(nn.Module):
    """Stands in for a Mask R-CNN: finds the same in every frame, and one more object where the first pixel says so."""

    def __init__(self, *found: tuple[int, float, slice]) -> None:
        super().__init__()
        self.found = found
        self.weight = nn.Parameter(torch.zeros(1))
        self.batches: list[int] = []

    def detect(self, images: torch.Tensor, *, probabilities: bool = False) -> list[Detections]:
        self.batches.append(len(images))
        return [self._of(image, probabilities) for image in images]

    def _of(self, image: torch.Tensor, probabilities: bool) -> Detections:
        size = tuple(image.shape[-2:])
        extra = [(round(float(image[0, 0, 0]) * 255), 0.95, slice(0, 1))]
        return detections([*self.found, *(one for one in extra if one[0])], size, probabilities)


def detections(found: Sequence[tuple[int, float, slice]], size: tuple[int, ...], probabilities: bool) -> Detections:
    """Objects as (label, score, columns); within a mask, pixels have the probability 0.8."""
    masks = torch.zeros(len(found), *size, dtype=torch.bool)
    for mask, (_, _, columns) in zip(masks, found, strict=True):
        mask[:, columns] = True
    return Detections(
        torch.zeros(len(found), 4),
        torch.tensor([label for label, _, _ in found], dtype=torch.int64),
        torch.tensor([score for _, score, _ in found]),
        masks,
        masks * 0.8 if probabilities else None,
    )


def clip(seed: int, **scene: Any) -> tuple[torch.Tensor, torch.Tensor]:
    frames, labels = TableScene(**scene).frames_and_labels(seed)
    return torch.from_numpy(frames).movedim(-1, 1), torch.from_numpy(labels)


def segmenter(model: Any, painting: Painting | None = None, **options: Any) -> MaskRCNNSegmenter:
    return MaskRCNNSegmenter(model, painting, **options)


def row(labels: torch.Tensor) -> list[int]:
    assert (labels == labels[0]).all()
    return labels[0].tolist()


def test_of_two_overlapping_objects_the_higher_score_lies_in_front() -> None:
    for found in ([(3, 0.9, slice(0, 4)), (5, 0.6, slice(2, 6))], [(5, 0.6, slice(2, 6)), (3, 0.9, slice(0, 4))]):
        labels = segmenter(Scripted(*found))(torch.zeros(1, 3, 2, 8, dtype=torch.uint8))
        assert row(labels[0]) == [3, 3, 3, 3, 5, 5, 0, 0]


def test_one_instance_of_each_class() -> None:
    twice = Scripted((4, 0.7, slice(0, 2)), (4, 0.8, slice(5, 7)))
    assert row(segmenter(twice)(torch.zeros(1, 3, 2, 8, dtype=torch.uint8))[0]) == [0, 0, 0, 0, 0, 4, 4, 0]


def test_min_score() -> None:
    model = Scripted((1, 0.5, slice(0, 1)), (2, 0.49, slice(1, 2)))
    frame = torch.zeros(1, 3, 2, 3, dtype=torch.uint8)
    assert row(segmenter(model)(frame)[0]) == [1, 0, 0]
    assert row(segmenter(model, Painting(0.4))(frame)[0]) == [1, 2, 0]


def test_pixels_vote_by_score_times_probability() -> None:
    model = Scripted((1, 0.9, slice(0, 2)), (2, 0.6, slice(1, 3)), (3, 0.3, slice(3, 4)))
    frame = torch.zeros(1, 3, 2, 5, dtype=torch.uint8)
    # 0.9 * 0.8 = 0.72, 0.6 * 0.8 = 0.48, 0.3 * 0.8 = 0.24; where they overlap, 1.2 comes together: 0.6 and 0.4 of 1.
    assert row(segmenter(model, Painting(0.1, 0.45))(frame)[0]) == [1, 1, 2, 0, 0]
    assert row(segmenter(model, Painting(0.1, 0.2))(frame)[0]) == [1, 1, 2, 3, 0]
    assert row(segmenter(model, Painting(0.5, 0.2))(frame)[0]) == [1, 1, 2, 0, 0]
    found = segmenter(model, Painting(0.1)).occupancy(frame[0])
    assert found.classes == (1, 2, 3)
    expected = torch.tensor([[0.72, 0.6, 0, 0, 0], [0, 0.4, 0.48, 0, 0], [0, 0, 0, 0.24, 0]])
    torch.testing.assert_close(found.probability, expected[:, None].expand(-1, 2, -1))


def test_occupancy_takes_the_best_of_a_class_and_needs_probabilities() -> None:
    found = [(4, 0.7, slice(0, 2)), (4, 0.8, slice(2, 4))]
    occupancy = occupancy_of(detections(found, (1, 5), probabilities=True))
    assert occupancy.classes == (4,)
    torch.testing.assert_close(occupancy.probability[0, 0], torch.tensor([0, 0, 0.64, 0.64, 0]))
    assert occupancy_of(detections([], (1, 5), probabilities=True)).likeliest().sum() == 0
    with pytest.raises(ValueError, match="must have the probabilities of its masks"):
        occupancy_of(detections(found, (1, 5), probabilities=False))


def test_the_last_partial_batch_is_there() -> None:
    model = Scripted((48, 0.9, slice(2, 3)))
    frames = torch.zeros(7, 3, 4, 4, dtype=torch.uint8)
    frames[:, :, 0, 0] = torch.arange(1, 8, dtype=torch.uint8)[:, None]  # the number of each frame
    labels = segmenter(model, batch=3)(frames)
    assert model.batches == [3, 3, 1]
    assert labels.dtype == torch.uint8
    assert labels[:, 0].tolist() == [[number, 0, 48, 0] for number in range(1, 8)]
    assert segmenter(model)(frames[:0]).shape == (0, 4, 4)


@pytest.mark.parametrize("make", [lambda: segmenter(Scripted()), lambda: UNetSegmenter(UNet(49).eval())])
def test_frames_must_be_pixels(make: Any) -> None:
    with pytest.raises(TypeError, match=r"frames must be uint8, got torch.float32"):
        make()(torch.zeros(1, 3, 8, 8))
    with pytest.raises(ValueError, match=r"frames must have shape \(T, 3, H, W\), got \(3, 8, 8\)"):
        make()(torch.zeros(3, 8, 8, dtype=torch.uint8))


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match=r"min_score must be in \[0, 1\], got 1.5"):
        Painting(1.5)
    with pytest.raises(ValueError, match=r"share must be in \(0, 1\], got 0"):
        Painting(0.5, 0)
    for make in (lambda: segmenter(Scripted(), batch=0), lambda: UNetSegmenter(UNet(49), batch=0)):
        with pytest.raises(ValueError, match="batch must be 1 or more, got 0"):
            make()


def test_unet_segments_any_number_and_size() -> None:
    network = UNet(49).eval()
    network.head.bias = nn.Parameter(torch.zeros(49 * 4))  # else everything is background
    frames = torch.randint(0, 256, (3, 3, 30, 45), dtype=torch.uint8)
    labels = UNetSegmenter(network, batch=2)(frames)
    assert torch.equal(labels, network(frames.float() / 255).argmax(1).to(torch.uint8))
    assert labels.unique().numel() > 1
    assert UNetSegmenter(network)(frames[:0]).shape == (0, 30, 45)


def test_label_maps_and_instances_are_the_same_on_world_clips() -> None:
    for seed in range(3):
        _, labels = clip(seed, size=(80, 120), frames=4)
        for plane in labels:
            assert torch.equal(detections_to_labels(labels_to_detections(plane)), plane)


def test_the_quick_copy_finds_as_much() -> None:
    model = shapes_maskrcnn()
    slow, quick = segmenter(model, quick=False), segmenter(model)
    scores = {True: MeanIoU(49), False: MeanIoU(49)}
    same = MeanIoU(49)
    for seed in range(2):
        frames, labels = clip(903 + seed, frames=2)
        found = {True: quick(frames), False: slow(frames)}
        for kind, metric in scores.items():
            metric.update(found[kind], labels)
        same.update(found[True], found[False])
    assert scores[True].compute() > 0.9
    assert scores[True].compute() > scores[False].compute() - 0.02
    assert same.compute() > 0.95


def test_the_quick_copy_is_a_copy() -> None:
    model = shapes_maskrcnn()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    quick = quickened(model, min_score=0.25)
    assert quick.network.rpn.post_nms_top_n() == 24
    assert quick.network.roi_heads.score_thresh == 0.25
    assert model.network.rpn.post_nms_top_n() == 100
    assert {name: value.sum() for name, value in model.state_dict().items()} == {k: v.sum() for k, v in before.items()}
    assert len(quick.batch_norm_layers()) < len(model.batch_norm_layers()) / 2
    other = Scripted()
    assert quickened(other, min_score=0.5) is other  # type: ignore[type-var]


def test_folding_changes_nothing_but_the_layers() -> None:
    layers = nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Sequential(nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5)),
        nn.BatchNorm2d(5),
    )
    for layer in layers.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean), nn.init.uniform_(layer.running_var, 0.5, 2)  # type: ignore[arg-type]
    layers.eval()
    images = torch.rand(2, 3, 6, 6)
    expected = layers(images)
    fold_batch_norm(layers)
    torch.testing.assert_close(layers(images), expected)
    # The last one follows no convolution directly, so it stays.
    assert [name for name, layer in layers.named_modules() if isinstance(layer, nn.BatchNorm2d)] == ["4"]
