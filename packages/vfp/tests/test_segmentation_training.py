"""Training a segmenter: what it sees, what is minimised, which detections in blurred frames are believed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import default_collate

from maskreel.common.maskrcnn import Detections
from maskreel.vfp.segmentation import (
    Mixture,
    Painting,
    SegmenterConfig,
    SegmenterTask,
    build_segmenter_network,
    calibrate_painting,
    draw_labels,
    pooled_iou,
    segmenter_of,
)

Clip = tuple[torch.Tensor, torch.Tensor]


def clip(grey: int, frames: int = 4, size: tuple[int, int] = (32, 48)) -> Clip:
    """Uniform frames; the upper left quarter is a red object of class 2."""
    pixels = torch.full((frames, 3, *size), grey, dtype=torch.uint8)
    labels = torch.zeros(frames, *size, dtype=torch.uint8)
    labels[:, : size[0] // 2, : size[1] // 2] = 2
    pixels[:, 0][labels == 2] = 200
    return pixels, labels


def drawn(data: Mixture, count: int) -> list[dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    return [data[index % len(data)] for index in range(count)]


def is_blurred(sample: dict[str, torch.Tensor]) -> bool:
    return float(sample["image"][2].mean()) < 0.3  # blurred clips here are dark


def test_the_share_of_blur_images() -> None:
    real, blurred = [clip(150), clip(140)], [clip(30)]
    for share, low, high in ((0.5, 0.4, 0.6), (0.2, 0.1, 0.3), (0.0, 0, 0), (1.0, 1, 1)):
        found = [is_blurred(sample) for sample in drawn(Mixture(real, blurred, blur_share=share), 200)]
        assert low <= sum(found) / 200 <= high
    assert not any(map(is_blurred, drawn(Mixture(real), 50)))
    assert len(Mixture(real, blurred)) == 12


def test_a_sample_is_a_function_of_the_generator_alone() -> None:
    data = Mixture([clip(150)], [clip(30)])
    for first, second in zip(drawn(data, 20), drawn(data, 20), strict=True):
        assert torch.equal(first["image"], second["image"])


def test_frames_are_mirrored_left_and_right_only_and_their_masks_with_them() -> None:
    samples = drawn(Mixture([clip(100)]), 100)
    left = [bool(sample["labels"][0, 0]) for sample in samples]
    assert 30 < sum(left) < 70
    for sample, is_left in zip(samples, left, strict=True):
        object_pixels = sample["labels"] == 2
        assert object_pixels[:16].sum() == 16 * 24  # never in the lower half
        assert bool(object_pixels[0, 0]) is is_left
        assert (sample["image"][0][object_pixels] > sample["image"][1][object_pixels]).all()
        assert (sample["image"][0][~object_pixels] == sample["image"][1][~object_pixels]).all()
    brightness = {round(float(sample["image"][1, 0, 0]) * 255 / 100, 4) for sample in samples}
    assert len(brightness) > 90
    assert 0.9 <= min(brightness) < max(brightness) <= 1.1


def test_a_mixture_is_checked() -> None:
    with pytest.raises(ValueError, match=r"blur_share must be in \[0, 1\], got 1.5"):
        Mixture([clip(1)], blur_share=1.5)
    with pytest.raises(ValueError, match="clips must hold at least one clip"):
        Mixture([])
    with pytest.raises(IndexError, match="index must be 0 to 3, got 4"):
        Mixture([clip(1)])[4]


@pytest.mark.parametrize(
    ("network", "names"),
    [
        ("shapes", {"loss_classifier", "loss_box_reg", "loss_mask", "loss_objectness", "loss_rpn_box_reg"}),
        ("unet", {"all_classes", "among_objects"}),
    ],
)
def test_losses_quality_and_pictures(network: Any, names: set[str]) -> None:
    config = SegmenterConfig(network=network)
    module = build_segmenter_network(config)
    task = SegmenterTask(module, config, observed=[clip(100, 2)], predicted=[clip(60, 1), clip(70, 1)])
    batch = default_collate(drawn(Mixture([clip(100)], [clip(60)]), 4))
    losses = task.losses(module, batch)
    assert set(losses) == names
    assert all(value.requires_grad and value.shape == () for value in losses.values())
    quality = task.evaluate(module.eval())
    assert set(quality) == {"observed_iou", "predicted_iou"}
    assert all(0 <= value < 0.6 for value in quality.values())  # untrained
    picture = task.samples(module)
    assert picture is not None
    assert picture.shape == (3, 2 * 32 + 3 * 8, 3 * 48 + 4 * 8)
    assert SegmenterTask(module, config).evaluate(module) == {}
    assert SegmenterTask(module, config).samples(module) is None


def test_some_steps_make_it_better() -> None:
    config = SegmenterConfig(network="unet")
    module = build_segmenter_network(config)
    task = SegmenterTask(module, config, observed=[clip(100, 1)], predicted=[clip(60, 1)])
    optimiser = torch.optim.Adam(module.parameters(), 1e-2)
    for start in range(25):
        torch.manual_seed(start)
        data = Mixture([clip(100)], [clip(60)])
        losses = task.losses(module, default_collate([data[index] for index in range(4)]))
        optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimiser.step()
    quality = task.evaluate(module.eval())
    assert quality["observed_iou"] > 0.8
    assert quality["predicted_iou"] > 0.8


def test_resnet50_suits_the_frames() -> None:
    config = SegmenterConfig(network="resnet50")
    network: Any = build_segmenter_network(config)
    images, _ = network.transform([torch.rand(3, 160, 240)])
    assert images.image_sizes == [(160, 240)]  # no resizing to 800
    assert network.rpn.anchor_generator.sizes == ((8,), (16,), (32,), (64,), (128,))
    assert network.roi_heads.box_predictor.cls_score.out_features == 49
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert any(isinstance(layer, nn.GroupNorm) for layer in network.modules())
    found = segmenter_of(network.eval(), config, frames="observed")(torch.zeros(1, 3, 64, 96, dtype=torch.uint8))
    assert found.shape == (1, 64, 96)


class Unsure(nn.Module):
    """Stands in for a Mask R-CNN: finds the object of `clip` with a low score, and an invented one with a lower one."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def detect(self, images: torch.Tensor, *, probabilities: bool = False) -> list[Detections]:
        height, width = images.shape[-2:]
        masks = torch.zeros(2, height, width, dtype=torch.bool)
        masks[0, : height // 2, : width // 2] = True
        masks[1, height // 2 :] = True
        soft = masks * 0.9 if probabilities else None
        scores = torch.tensor([0.35, 0.15])
        return [Detections(torch.zeros(2, 4), torch.tensor([2, 7]), scores, masks, soft) for _ in images]


def test_calibration_finds_what_to_believe() -> None:
    model: Any = Unsure()
    paintings = (Painting(0.1), Painting(0.3), Painting(0.5), Painting(0.1, 0.2), Painting(0.1, 0.1))
    scored = calibrate_painting(model, [clip(100), clip(90)], paintings=paintings)
    assert {one.painting for one in scored[:2]} == {Painting(0.3), Painting(0.1, 0.2)}
    assert [one.iou for one in scored[:2]] == [1, 1]
    iou = {one.painting: one.iou for one in scored}
    assert iou[Painting(0.5)] == pytest.approx((3 / 4 + 0) / 2)  # background: 3 of 4 quarters; class 2: nothing
    assert iou[Painting(0.1)] == pytest.approx((1 / 3 + 1 + 0) / 3)  # of 3 background quarters 1 is left; 7 is invented
    assert iou[Painting(0.1, 0.1)] == iou[Painting(0.1)]
    with pytest.raises(ValueError, match="clips must hold at least one clip"):
        calibrate_painting(model, [])
    with pytest.raises(ValueError, match="paintings must hold at least one painting"):
        calibrate_painting(model, [clip(100)], paintings=[])


def test_iou_is_pooled_over_clips() -> None:
    def half(frames: torch.Tensor) -> torch.Tensor:
        """Finds the object in bright frames only."""
        labels = torch.zeros(len(frames), *frames.shape[-2:], dtype=torch.uint8)
        labels[frames.float().mean((1, 2, 3)) > 80, :16, :24] = 2
        return labels

    metric = pooled_iou(half, [clip(100, 3), clip(20, 1)])
    assert metric.compute() == pytest.approx((4 * 3 / (4 * 3 + 1) + 3 / 4) / 2)


def test_drawn_labels_are_outlines() -> None:
    frames, labels = clip(100, 2)
    shown = draw_labels(frames, labels)
    changed = (shown != frames).any(1)
    inside = torch.zeros_like(changed)
    inside[:, 1:15, 1:23] = True
    assert not (changed & inside).any()
    assert changed[:, 15, 5].all()
    assert torch.equal(draw_labels(frames, torch.zeros_like(labels)), frames)
