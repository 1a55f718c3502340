"""The weights that come with the package, on clips that nobody trained on, and a second opinion on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from maskreel.common.maskrcnn import (
    SHAPES_CLASS_NAMES,
    TorchvisionMaskRCNN,
    detections_to_labels,
    evaluate_detector,
    identity_statistics,
    shapes_maskrcnn,
)
from maskreel.common.maskrcnn._shapes import SHAPES_WEIGHTS
from maskreel.common.metrics import MeanIoU
from maskreel.common.unet import UNet, load_unet
from maskreel.common.world import TableScene

if TYPE_CHECKING:
    import numpy as np

ASSETS = Path(__file__).with_name("assets")
SEEDS = range(900_000, 900_004)
"""Data sets draw 63-bit seeds, so these are new."""


@pytest.fixture(scope="module")
def clips() -> list[tuple[np.ndarray, np.ndarray]]:
    """Every 7th frame of four clips: (4, 3, H, W) and (4, H, W)."""
    rendered = (TableScene().frames_and_labels(seed) for seed in SEEDS)
    return [(frames[::7].transpose(0, 3, 1, 2), labels[::7]) for frames, labels in rendered]


@pytest.fixture(scope="module")
def shapes() -> TorchvisionMaskRCNN:
    return shapes_maskrcnn()


@pytest.fixture(scope="module")
def verifier() -> UNet:
    return load_unet(ASSETS / "unet.safetensors", class_names=SHAPES_CLASS_NAMES)


def test_they_find_and_name_objects_of_new_clips(
    shapes: TorchvisionMaskRCNN, clips: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    quality = evaluate_detector(shapes, clips)
    assert quality.frames == 16
    assert quality.mask_ap50 > 0.9
    assert quality.box_ap50 > 0.9
    assert quality.mean_iou > 0.85


def test_swapped_channels_are_noticed(shapes: TorchvisionMaskRCNN, clips: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Colour is the class: BGR in place of RGB must cost about half of the objects their name."""
    swapped = [(frames[:, ::-1], labels) for frames, labels in clips]
    assert evaluate_detector(shapes, swapped).mask_ap50 < 0.6


def test_an_independent_network_agrees(
    shapes: TorchvisionMaskRCNN, verifier: UNet, clips: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    """The U-Net shares neither architecture nor seed: both together cannot be right by mistake."""
    truth, agreement, outlines = MeanIoU(49), MeanIoU(49), MeanIoU(2)
    for frames, labels in clips:
        images = torch.from_numpy(frames.copy()).float() / 255
        theirs = verifier.segment(images)
        ours = torch.stack([detections_to_labels(found) for found in shapes.detect(images)])
        truth.update(theirs, torch.from_numpy(labels.copy()))
        agreement.update(theirs, ours)
        outlines.update((theirs > 0).byte(), (ours > 0).byte())
    assert truth.compute() > 0.5
    assert agreement.compute() > 0.5
    assert outlines.compute() > 0.9


def test_every_batch_norm_has_learned_its_statistics(shapes: TorchvisionMaskRCNN) -> None:
    layers = shapes.batch_norm_layers()
    assert len(layers) > 15
    assert identity_statistics(layers) == ()


def test_gradients_lead_from_a_class_to_the_pixels(
    shapes: TorchvisionMaskRCNN, clips: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    image = (torch.from_numpy(clips[0][0][:1].copy()).float() / 255).requires_grad_()
    (found,) = shapes.detect(image.detach())
    features = shapes.features(image)
    (gradient,) = torch.autograd.grad(shapes.class_logits(features, [found.boxes[:1]])[0, found.labels[0]], image)
    strength = gradient[0].abs().sum(0)
    x0, y0, x1, y1 = found.boxes[0].round().int().tolist()
    inside = torch.zeros_like(strength, dtype=torch.bool)
    inside[y0:y1, x0:x1] = True
    assert strength[inside].mean() > 5 * strength[~inside].mean()


def test_they_are_small_and_their_record_tells_where_they_come_from() -> None:
    assert SHAPES_WEIGHTS.stat().st_size < 12e6
    assert (ASSETS / "unet.safetensors").stat().st_size < 6e6
    record = json.loads(SHAPES_WEIGHTS.with_suffix(".json").read_text())
    assert {"data", "command", "steps", "hardware", "seconds", "quality"} <= set(record)
    assert record["quality"]["mask_ap50"] > 0.9
    assert record["quality"]["frames"] == 200 * 22
    assert json.loads((ASSETS / "unet.json").read_text())["quality"]["mean_iou"] > 0.5
