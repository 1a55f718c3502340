"""The small Mask R-CNN: how it is built, that it learns, and its weights on disk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision.ops import roi_align

from maskreel.common.errors import InputError
from maskreel.common.maskrcnn import (
    SHAPES_CLASS_NAMES,
    Detections,
    TorchvisionMaskRCNN,
    TrainingRecord,
    batch_norm_layers,
    build_shapes,
    detections_to_labels,
    instance_targets,
    save_shapes,
    shapes_maskrcnn,
)
from maskreel.common.maskrcnn import _shapes as shapes
from maskreel.common.maskrcnn._shapes_network import RegionCrop

if TYPE_CHECKING:
    from pathlib import Path

RECORD = TrainingRecord(
    data="drawn", command="pytest", steps=3, hardware="any", seconds=1.5, quality={"mask_ap50": 0.25}
)


def scene() -> tuple[torch.Tensor, torch.Tensor]:
    """Two frames (64, 96) with a coloured disc and a coloured square in each, and their labels."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(96.0), indexing="ij")
    frames, labels = torch.full((2, 3, 64, 96), 0.5), torch.zeros(2, 64, 96, dtype=torch.uint8)
    for index, (disc, square) in enumerate([((20, 24), (40, 70)), ((40, 60), (22, 26))]):
        inside = (y - disc[0]) ** 2 + (x - disc[1]) ** 2 < 11**2
        frames[index, :, inside] = torch.tensor([0.7, 0.1, 0.1])[:, None]
        labels[index, inside] = 18
        inside = ((y - square[0]).abs() < 9) & ((x - square[1]).abs() < 9)
        frames[index, :, inside] = torch.tensor([0.1, 0.2, 0.8])[:, None]
        labels[index, inside] = 3
    return frames, labels


def test_the_names_follow_the_numbers_of_the_data_set() -> None:
    assert len(SHAPES_CLASS_NAMES) == 49
    expected = {0: "background", 1: "gray metal cube", 9: "gray rubber cube", 17: "gray metal sphere"}
    expected |= {33: "gray metal cylinder", 48: "yellow rubber cylinder"}
    assert {number: SHAPES_CLASS_NAMES[number] for number in expected} == expected


def test_every_part_has_live_batch_norm_and_the_file_stays_small() -> None:
    network = build_shapes()
    layers = batch_norm_layers(network)
    assert all(type(layer) is nn.BatchNorm2d for layer in layers.values())
    parts = ["backbone.stem", "backbone.stage4", "backbone.stage8", "backbone.stage16", "backbone.fpn", "rpn.head"]
    parts += ["roi_heads.box_head", "roi_heads.mask_head", "roi_heads.mask_predictor"]
    for part in parts:
        assert any(name.startswith(part) for name in layers), part
    assert next(iter(layers)) == "backbone.stem.1"
    # Every convolution but the last ones, which make the answers, is followed by batch norm.
    plain = [name for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d) and layer.bias is not None]
    assert all("cls_logits" in name or "bbox_pred" in name or "by_class" in name for name in plain)
    assert sum(parameter.numel() for parameter in network.parameters()) * 2 < 12e6


def test_regions_are_cut_like_roi_align() -> None:
    level = torch.randn(2, 5, 12, 16, requires_grad=True)
    boxes = [torch.tensor([[4.0, 4.0, 30.0, 20.0]]), torch.tensor([[0.0, 0, 64, 48], [10.5, 20, 33, 41]])]
    crops = RegionCrop(7)({"0": level, "1": torch.zeros(2, 5, 6, 8)}, boxes, [(48, 64)] * 2)
    expected = roi_align(level, boxes, 7, 0.25, 1, aligned=True)
    torch.testing.assert_close(crops, expected)
    weights = torch.randn_like(crops)
    ours, theirs = (torch.autograd.grad((value * weights).sum(), level)[0] for value in (crops, expected))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.usefixtures("one_thread")
def test_it_learns_two_frames_by_heart() -> None:
    frames, labels = scene()
    network = build_shapes()
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3)
    totals: list[float] = []
    for _ in range(40):
        losses: dict[str, torch.Tensor] = network(list(frames), instance_targets(labels))
        total = torch.stack(list(losses.values())).sum()
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        totals.append(total.item())
    assert totals[-1] < totals[0] / 4
    found = TorchvisionMaskRCNN(network.eval(), SHAPES_CLASS_NAMES).detect(frames)
    for one, truth in zip(found, labels, strict=True):
        painted = detections_to_labels(one, min_score=0.3)
        assert set(painted.unique().tolist()) == {0, 3, 18}
        for label in (3, 18):
            both, either = (painted == label) & (truth == label), (painted == label) | (truth == label)
            assert both.sum() / either.sum() > 0.75


def test_frames_without_objects_and_of_any_size_can_be_trained_on() -> None:
    network = build_shapes()
    labels = torch.zeros(2, 50, 70, dtype=torch.uint8)
    losses = network(list(torch.rand(2, 3, 50, 70)), instance_targets(labels))
    assert set(losses) == {"loss_classifier", "loss_box_reg", "loss_mask", "loss_objectness", "loss_rpn_box_reg"}
    assert all(bool(value.isfinite()) for value in losses.values())
    torch.stack(list(losses.values())).sum().backward()


@pytest.fixture(scope="module")
def network() -> Any:
    torch.manual_seed(1)
    network = build_shapes()
    for layer in batch_norm_layers(network).values():
        layer.get_buffer("running_mean").normal_(std=0.1)
        layer.get_buffer("running_var").uniform_(0.5, 1.5)
    return network.eval()


def test_weights_come_back_in_single_precision(network: Any, tmp_path: Path) -> None:
    path = tmp_path / "shapes.safetensors"
    save_shapes(network, path, RECORD)
    assert path.stat().st_size < 4e6
    assert {value.dtype for value in load_file(path).values()} == {torch.float16}
    model = shapes_maskrcnn(path)
    state, original = model.network.state_dict(), network.state_dict()
    floats = [key for key, value in original.items() if value.is_floating_point()]
    assert all(torch.equal(state[key], original[key].half().float()) for key in floats)
    assert not any(parameter.requires_grad for parameter in model.parameters())
    pictures = torch.rand(1, 3, 64, 96)
    expected = TorchvisionMaskRCNN(network, SHAPES_CLASS_NAMES).features(pictures).maps["0"]
    torch.testing.assert_close(model.features(pictures).maps["0"], expected, atol=0.02, rtol=0.02)
    assert isinstance(model.detect(pictures)[0], Detections)


def test_the_record_lies_beside_the_weights(network: Any, tmp_path: Path) -> None:
    save_shapes(network, tmp_path / "shapes.safetensors", RECORD)
    record = json.loads((tmp_path / "shapes.json").read_text())
    assert record["steps"] == 3
    assert record["quality"] == {"mask_ap50": 0.25}
    assert record["channel_order"] == "RGB"
    assert record["mean"] == [0.5, 0.5, 0.5]
    assert record["classes"] == list(SHAPES_CLASS_NAMES)


def test_weights_for_other_images_or_classes_are_refused(network: Any, tmp_path: Path) -> None:
    path = tmp_path / "shapes.safetensors"
    save_shapes(network, path, RECORD)
    state = {name: value.clone() for name, value in load_file(path).items()}  # older ones are windows into the file
    good = {key: json.dumps(value) for key, value in shapes._preprocessing().items()}
    for key, value, message in [
        ("channel_order", "BGR", r'was saved for channel_order "BGR", expected "RGB"'),
        ("mean", [0.4, 0.5, 0.5], r"was saved for mean \[0.4, 0.5, 0.5\], expected \[0.5, 0.5, 0.5\]"),
        ("classes", ["background", "cat"], r'was saved for classes \["background", "cat"\], expected \["background", '),
    ]:
        save_file(state, path, metadata=good | {key: json.dumps(value)})
        with pytest.raises(InputError, match=message):
            shapes_maskrcnn(path)
    save_file(state, path)
    with pytest.raises(InputError, match=r'was saved for channel_order null, expected "RGB"'):
        shapes_maskrcnn(path)


def test_a_checkpoint_of_another_network_tells_keys_and_shapes(network: Any, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    state = network.state_dict()
    state["backbone.stem.0.weight"] = torch.zeros(16, 3, 3, 3)
    state["extra"] = state.pop("roi_heads.mask_predictor.shared.weight")
    save_file(state, path)
    with pytest.raises(
        InputError, match=r"1 missing: roi_heads.mask_predictor.shared.weight; 1 unexpected: extra; "
    ) as error:
        shapes_maskrcnn(path)
    assert "backbone.stem.0.weight (16x3x3x3 in the file, 24x3x3x3 in the network)" in str(error.value)


def test_what_cannot_be_saved_or_found_is_refused(network: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"path must end in .safetensors, got .*x.pth"):
        save_shapes(network, tmp_path / "x.pth", RECORD)
    with pytest.raises(InputError, match=r"none.safetensors is not a file, expected weights"):
        shapes_maskrcnn(tmp_path / "none.safetensors")
    broken: Any = build_shapes()
    nn.init.constant_(broken.roi_heads.box_predictor.cls_score.bias, 1e6)
    with pytest.raises(ValueError, match=r"finite values below 65504 only, but roi_heads.box_predictor.cls_score.bias"):
        save_shapes(broken, tmp_path / "x.safetensors", RECORD)
    assert not list(tmp_path.iterdir())
