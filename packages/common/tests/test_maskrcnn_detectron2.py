"""The adapter for detectron2, against a stand-in of detectron2's interface.

detectron2 is not on PyPI and cannot be installed here. The classes below have the names, attributes, argument orders,
tensor shapes and class order of detectron2 at commit 02b5c4e2, as read in its source, and nothing else of it.
"""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.ops import nms, roi_align

from maskreel.common.errors import MissingExtraError
from maskreel.common.maskrcnn import Detectron2MaskRCNN, detectron2_maskrcnn, identity_statistics

CLASSES = ("cat", "dog", "bear", "bird", "cow")
SIZE = (50, 70)
BOXES = [torch.tensor([[4.0, 6, 30, 40], [20.0, 8, 66, 44]]), torch.tensor([[10.0, 10, 50, 45]])]
LABELS = [torch.tensor([1, 3]), torch.tensor([5])]


class Boxes:
    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor.to(torch.float32)


class ImageList:
    def __init__(self, tensor: torch.Tensor, image_sizes: list[tuple[int, int]]) -> None:
        self.tensor, self.image_sizes = tensor, image_sizes


class Instances(SimpleNamespace):
    """A bag of fields."""


class FrozenBatchNorm2d(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1 - 1e-5)):
            self.register_buffer(name, torch.full((channels,), value))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean, variance = self.get_buffer("running_mean"), self.get_buffer("running_var")
        return nn.functional.batch_norm(x, mean, variance, self.get_buffer("weight"), self.get_buffer("bias"))


class Backbone(nn.Module):
    size_divisibility = 16
    padding_constraints: dict[str, int] = {}  # noqa: RUF012 (as in detectron2)

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names
        self.conv, self.norm = nn.Conv2d(3, 8, 4, stride=4), FrozenBatchNorm2d(8)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        x = torch.relu(self.norm(self.conv(x)))
        return {name: nn.functional.avg_pool2d(x, 2**level) for level, name in enumerate(self.names)}


class ROIPooler(nn.Module):
    """One level of detectron2's pooler; the boxes are shared out among the levels by their position in the list."""

    def __init__(self, output_size: int, scales: tuple[float, ...]) -> None:
        super().__init__()
        self.output_size, self.scales = output_size, scales

    def forward(self, x: list[torch.Tensor], box_lists: list[Boxes]) -> torch.Tensor:
        assert isinstance(x, list)
        assert len(x) == len(self.scales)
        boxes = [part.tensor for part in box_lists]
        levels = [roi_align(m, boxes, self.output_size, s, 0, True) for m, s in zip(x, self.scales, strict=True)]
        return torch.stack(levels).mean(0)


class RPN(nn.Module):
    def __init__(self, in_features: list[str]) -> None:
        super().__init__()
        self.in_features = in_features
        self.logits, self.deltas = nn.Conv2d(8, 2, 1), nn.Conv2d(8, 8, 1)

    def rpn_head(self, features: list[torch.Tensor]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        return [self.logits(level) for level in features], [self.deltas(level) for level in features]

    def anchor_generator(self, features: list[torch.Tensor]) -> list[Boxes]:
        return [Boxes(self._anchors(level, stride=4 * 2**index)) for index, level in enumerate(features)]

    def _anchors(self, level: torch.Tensor, *, stride: int) -> torch.Tensor:
        """(Hi * Wi * 2, 4): around every place (x, y) * stride, one of 4 and one of 6 strides."""
        y, x = torch.meshgrid(torch.arange(level.shape[2]), torch.arange(level.shape[3]), indexing="ij")
        centres = torch.stack([x, y, x, y], dim=-1).reshape(-1, 1, 4) * stride
        halves = torch.tensor([[-2, -2, 2, 2], [-3, -3, 3, 3]]) * stride
        return (centres + halves).reshape(-1, 4).float()

    def forward(self, images: ImageList, features: dict[str, torch.Tensor], gt: None) -> tuple[list[Instances], dict]:
        levels = [features[name] for name in self.in_features]
        logits = torch.cat([level.permute(0, 2, 3, 1).flatten(1) for level in self.rpn_head(levels)[0]], dim=1)
        anchors = torch.cat([boxes.tensor for boxes in self.anchor_generator(levels)])
        return [
            Instances(proposal_boxes=Boxes(_clipped(anchors[row.topk(12).indices], size)))
            for row, size in zip(logits, images.image_sizes, strict=True)
        ], {}


class MaskHead(nn.Module):
    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.deconv, self.predictor = nn.ConvTranspose2d(8, 8, 2, stride=2), nn.Conv2d(8, num_classes, 1)

    def layers(self, x: torch.Tensor) -> torch.Tensor:
        return self.predictor(torch.relu(self.deconv(x)))

    def forward(self, x: torch.Tensor, instances: list[Instances]) -> list[Instances]:
        """As mask_rcnn_inference: probabilities (N, 1, M, M) of the predicted classes."""
        logits, classes = self.layers(x), torch.cat([one.pred_classes for one in instances])
        chosen = torch.zeros_like(classes) if logits.shape[1] == 1 else classes
        masks = logits[torch.arange(len(logits)), chosen][:, None].sigmoid()
        for one, part in zip(instances, masks.split([len(one.scores) for one in instances]), strict=True):
            one.pred_masks = part
        return instances


class Predictor(nn.Module):
    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.cls_score, self.bbox_pred = nn.Linear(8, num_classes + 1), nn.Linear(8, 4 * num_classes)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.cls_score(x), self.bbox_pred(x)

    def inference(self, scores: torch.Tensor, proposals: list[Instances]) -> list[Instances]:
        """The best class of each proposal (the background, which is last, left out), suppressed across classes."""
        found = []
        parts = scores.softmax(1)[:, :-1].split([len(one.proposal_boxes.tensor) for one in proposals])
        for score, one in zip(parts, proposals, strict=True):
            best, classes = score.max(1)
            keep = nms(one.proposal_boxes.tensor, best, 0.8)
            boxes = Boxes(one.proposal_boxes.tensor[keep])
            found.append(Instances(pred_boxes=boxes, scores=best[keep], pred_classes=classes[keep]))
        return found


class StandardROIHeads(nn.Module):
    def __init__(self, num_classes: int, mask_classes: int) -> None:
        super().__init__()
        self.num_classes, self.mask_on = num_classes, True
        self.box_in_features = self.mask_in_features = ["p2", "p3"]
        self.box_pooler, self.mask_pooler = ROIPooler(7, (1 / 4, 1 / 8)), ROIPooler(14, (1 / 4, 1 / 8))
        self.box_head = nn.Sequential(nn.Flatten(), nn.Linear(8 * 49, 8), nn.ReLU())
        self.box_predictor, self.mask_head = Predictor(num_classes), MaskHead(mask_classes)

    def forward(self, images: Any, features: Any, proposals: list[Instances], targets: None) -> tuple[Any, dict]:
        levels = [features[name] for name in self.box_in_features]
        vectors = self.box_head(self.box_pooler(levels, [one.proposal_boxes for one in proposals]))
        found = self.box_predictor.inference(self.box_predictor(vectors)[0], proposals)
        return self.mask_head(self.mask_pooler(levels, [one.pred_boxes for one in found]), found), {}


class Res5ROIHeads(nn.Module):
    def __init__(self, num_classes: int, mask_classes: int) -> None:
        super().__init__()
        self.num_classes, self.mask_on, self.in_features = num_classes, True, ["res4"]
        self.pooler, self.res5 = ROIPooler(14, (1 / 4,)), nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.box_predictor, self.mask_head = Predictor(num_classes), MaskHead(mask_classes)

    def forward(self, images: Any, features: Any, proposals: list[Instances], targets: None) -> tuple[Any, dict]:
        levels = [features[name] for name in self.in_features]
        regions = self.res5(self.pooler(levels, [one.proposal_boxes for one in proposals]))
        found = self.box_predictor.inference(self.box_predictor(regions.mean(dim=[2, 3]))[0], proposals)
        return self.mask_head(self.res5(self.pooler(levels, [one.pred_boxes for one in found])), found), {}


class GeneralizedRCNN(nn.Module):
    def __init__(self, kind: str, *, input_format: str = "BGR", mask_classes: int = len(CLASSES)) -> None:
        super().__init__()
        names = ("p2", "p3") if kind == "FPN" else ("res4",)
        self.backbone, self.proposal_generator = Backbone(names), RPN(list(names))
        heads = StandardROIHeads if kind == "FPN" else Res5ROIHeads
        self.roi_heads = heads(len(CLASSES), mask_classes)
        self.input_format = input_format
        self.register_buffer("pixel_mean", torch.tensor([103.53, 116.28, 123.675])[:, None, None], False)
        self.register_buffer("pixel_std", torch.tensor([57.0, 58.0, 59.0])[:, None, None], False)

    def inference(self, batched_inputs: list[dict[str, torch.Tensor]]) -> list[Instances]:
        """From images (3, H, W) in `input_format`, 0 to 255, to instances in pixels of these images."""
        mean, std = self.get_buffer("pixel_mean"), self.get_buffer("pixel_std")
        images = [(one["image"] - mean) / std for one in batched_inputs]
        height, width = images[0].shape[-2:]
        padded = torch.zeros(len(images), 3, -(-height // 16) * 16, -(-width // 16) * 16)
        for place, image in zip(padded, images, strict=True):
            place[:, :height, :width] = image
        batch = ImageList(padded, [(height, width)] * len(images))
        features = self.backbone(batch.tensor)
        proposals, _ = self.proposal_generator(batch, features, None)
        return self.roi_heads(batch, features, proposals, None)[0]


def _clipped(boxes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return torch.stack([boxes[:, axis].clamp(0, size[1 - axis % 2]) for axis in range(4)], dim=1)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    package, structures = ModuleType("detectron2"), ModuleType("detectron2.structures")
    structures.__dict__.update(Boxes=Boxes, ImageList=ImageList, Instances=Instances)
    monkeypatch.setitem(sys.modules, "detectron2", package)
    monkeypatch.setitem(sys.modules, "detectron2.structures", structures)


def network(kind: str, **options: Any) -> GeneralizedRCNN:
    made = GeneralizedRCNN(kind, **options).eval()
    made.backbone.norm.get_buffer("running_mean").normal_()
    nn.init.normal_(made.roi_heads.box_predictor.cls_score.weight)
    return made


KINDS = pytest.mark.parametrize("kind", ["FPN", "C4"])


@KINDS
@pytest.mark.parametrize("input_format", ["BGR", "RGB"])
def test_detections_are_those_of_the_network_on_its_own_kind_of_image(kind: str, input_format: str) -> None:
    model = Detectron2MaskRCNN(network(kind, input_format=input_format), CLASSES)
    images = torch.rand(2, 3, *SIZE)
    channels = [2, 1, 0] if input_format == "BGR" else [0, 1, 2]
    with torch.no_grad():
        expected = model.network.inference([{"image": image[channels] * 255} for image in images])
    for one, reference in zip(model.detect(images), expected, strict=True):
        assert len(one) > 1
        torch.testing.assert_close(one.boxes, reference.pred_boxes.tensor)
        assert torch.equal(one.labels, reference.pred_classes + 1)
        torch.testing.assert_close(one.scores, reference.scores)
        assert one.masks.shape == (len(one), *SIZE)


@KINDS
def test_mask_logits_are_those_behind_the_masks(kind: str) -> None:
    model = Detectron2MaskRCNN(network(kind), CLASSES)
    images = torch.rand(2, 3, *SIZE)
    with torch.no_grad():
        expected = model.network.inference([{"image": image.flip(0) * 255} for image in images])
    boxes, labels = ([one.pred_boxes.tensor for one in expected], [one.pred_classes + 1 for one in expected])
    logits = model.mask_logits(model.features(images), boxes, labels)
    side = 28 if kind == "FPN" else 14
    assert logits.shape == (sum(map(len, boxes)), side, side)
    torch.testing.assert_close(logits.sigmoid(), torch.cat([one.pred_masks[:, 0] for one in expected]))


@KINDS
def test_the_background_comes_first(kind: str) -> None:
    model = Detectron2MaskRCNN(network(kind), CLASSES)
    assert model.class_names == ("background", *CLASSES)
    assert model.label("bear") == 3
    images = torch.rand(2, 3, *SIZE)
    with torch.no_grad():
        expected = model.network.inference([{"image": image.flip(0) * 255} for image in images])
        logits = model.class_logits(model.features(images), [one.pred_boxes.tensor for one in expected])
    assert logits.shape[1] == 6
    scores = logits.softmax(1)[:, 1:].max(1)
    torch.testing.assert_close(scores.values, torch.cat([one.scores for one in expected]))
    assert torch.equal(scores.indices, torch.cat([one.pred_classes for one in expected]))


def test_masks_without_classes_serve_all_classes() -> None:
    model = Detectron2MaskRCNN(network("FPN", mask_classes=1), CLASSES)
    features = model.features(torch.rand(2, 3, *SIZE))
    logits = model.mask_logits(features, BOXES, LABELS)
    torch.testing.assert_close(logits, model.mask_logits(features, BOXES, [torch.tensor([2, 2]), torch.tensor([4])]))


def test_objectness_belongs_to_its_anchors() -> None:
    model = Detectron2MaskRCNN(network("FPN"), CLASSES)
    features = model.features(torch.rand(2, 3, *SIZE))  # padded to 64x80: levels of 16x20 and 8x10
    objectness = model.objectness(features)
    assert objectness.logits.shape == (2, 2 * (16 * 20 + 8 * 10))
    position = 2 * (16 * 20) + 2 * (10 * 3 + 4) + 1  # level 1, row 3, column 4, the second anchor
    assert objectness.anchors[position].tolist() == [32 - 24, 24 - 24, 32 + 24, 24 + 24]
    logits = model.network.proposal_generator.logits(features.maps["p3"])
    assert torch.equal(objectness.logits[:, position], logits[:, 1, 3, 4])


@KINDS
def test_gradients_reach_the_images(kind: str) -> None:
    model = Detectron2MaskRCNN(network(kind), CLASSES, short_side=60)
    images = torch.rand(2, 3, *SIZE, requires_grad=True)
    features = model.features(images)
    for value in (
        model.mask_logits(features, BOXES, LABELS),
        model.class_logits(features, BOXES),
        model.objectness(features).logits,
    ):
        (gradient,) = torch.autograd.grad(value.square().sum(), images, retain_graph=True)
        assert all(bool(part.any()) for part in gradient)


def test_square_padding_is_kept() -> None:
    made = network("FPN")
    made.backbone.padding_constraints = {"square_size": 96}
    assert Detectron2MaskRCNN(made, CLASSES).features(torch.rand(1, 3, *SIZE)).padded_size == (96, 96)


def test_frozen_batch_norm_counts_and_fused_statistics_are_noticed() -> None:
    model = Detectron2MaskRCNN(GeneralizedRCNN("FPN").eval(), CLASSES)
    layers = model.batch_norm_layers()
    assert list(layers) == ["backbone.norm"]
    assert identity_statistics(layers) == ("backbone.norm",)
    assert identity_statistics(Detectron2MaskRCNN(network("FPN"), CLASSES).batch_norm_layers()) == ()


def test_networks_that_do_not_fit_are_refused() -> None:
    without_masks, made = network("FPN"), network("C4")
    without_masks.roi_heads.mask_on = False
    with pytest.raises(ValueError, match=r"network must have a mask head that gives logits .* got StandardROIHeads"):
        Detectron2MaskRCNN(without_masks, CLASSES)
    with pytest.raises(ValueError, match="class_names must be 5, one per class, got 2"):
        Detectron2MaskRCNN(made, CLASSES[:2])
    made.input_format = "YUV"
    with pytest.raises(ValueError, match="input_format must be BGR or RGB, got 'YUV'"):
        Detectron2MaskRCNN(made, CLASSES)


def test_without_detectron2_the_error_says_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "detectron2", None)
    with pytest.raises(
        MissingExtraError, match=r"detectron2 is not installed; .*git\+https://github.com/facebookresearch"
    ):
        detectron2_maskrcnn()
    with pytest.raises(MissingExtraError, match="detectron2 is not installed"):
        Detectron2MaskRCNN(network("FPN"), CLASSES)
