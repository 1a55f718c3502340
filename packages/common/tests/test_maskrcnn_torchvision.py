"""The adapter for torchvision, against torchvision itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import detection
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import FrozenBatchNorm2d, nms

from maskreel.common.errors import InputError, MissingExtraError
from maskreel.common.maskrcnn import (
    SHAPES_CLASS_NAMES,
    Features,
    TorchvisionMaskRCNN,
    batch_norm_layers,
    build_shapes,
    identity_statistics,
    torchvision_maskrcnn,
    torchvision_weights,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE = (72, 104)
BOXES = [torch.tensor([[8.0, 10.0, 40.0, 44.0], [50.0, 20.0, 100.0, 60.0]]), torch.tensor([[3.0, 5.0, 30.0, 70.0]])]
LABELS = [torch.tensor([3, 48]), torch.tensor([7])]


def random_network() -> Any:
    """An untrained network with random batch statistics, whose detections are of all scores."""
    network: Any = build_shapes().eval().requires_grad_(False)
    for layer in batch_norm_layers(network).values():
        layer.get_buffer("running_mean").normal_(std=0.1)
        layer.get_buffer("running_var").uniform_(0.5, 1.5)
    nn.init.normal_(network.roi_heads.mask_predictor.by_class.weight, std=0.1)
    nn.init.normal_(network.roi_heads.box_predictor.cls_score.weight, std=0.3)
    network.roi_heads.score_thresh = 0.02
    network.roi_heads.detections_per_img = 20
    return network


def random_model(**options: int) -> TorchvisionMaskRCNN:
    return TorchvisionMaskRCNN(random_network(), SHAPES_CLASS_NAMES, **options)


def images(count: int = 2, size: tuple[int, int] = SIZE) -> torch.Tensor:
    coarse = torch.rand(count, 3, 9, 13)
    return nn.functional.interpolate(coarse, size, mode="bicubic").clamp(0, 1)


def test_detections_are_those_of_torchvision() -> None:
    model, pictures = random_model(), images()
    with torch.no_grad():
        expected = model.network(list(pictures))
    found = model.detect(pictures)
    for one, reference in zip(found, expected, strict=True):
        assert len(one) == 20
        torch.testing.assert_close(one.boxes, reference["boxes"])
        assert torch.equal(one.labels, reference["labels"])
        torch.testing.assert_close(one.scores, reference["scores"])
        assert one.masks.shape == (20, *SIZE)
        # torchvision rounds boxes to whole pixels when it pastes, so the masks differ along the outlines.
        assert (one.masks == (reference["masks"][:, 0] > 0.5)).float().mean() > 0.98


def test_probabilities_are_there_when_asked_for_and_masks_are_where_they_pass_a_half() -> None:
    model, pictures = random_model(), images()
    for one, plain in zip(model.detect(pictures, probabilities=True), model.detect(pictures), strict=True):
        assert plain.probabilities is None
        assert one.probabilities is not None
        assert torch.equal(one.masks, plain.masks)
        assert torch.equal(one.probabilities > 0.5, one.masks)
        assert 0 < one.probabilities.max() <= 1
        assert ((one.probabilities > 0) & ~one.masks).any()
    model.network.roi_heads.score_thresh = 1.0
    nothing = model.detect(pictures, probabilities=True)[0].probabilities
    assert nothing is not None
    assert nothing.shape == (0, *SIZE)


def test_resizing_is_that_of_torchvision() -> None:
    model, pictures = random_model(short_side=100, long_side=130), images()
    transform = model.network.transform
    model.network.transform = GeneralizedRCNNTransform(
        100, 130, transform.image_mean, transform.image_std, size_divisible=16
    ).eval()
    with torch.no_grad():
        expected = model.network(list(pictures))
    assert model.features(pictures).scaled_size == (90, 130)
    for one, reference in zip(model.detect(pictures), expected, strict=True):
        torch.testing.assert_close(one.boxes, reference["boxes"], atol=1e-3, rtol=1e-4)
        assert torch.equal(one.labels, reference["labels"])
        assert (one.masks == (reference["masks"][:, 0] > 0.5)).float().mean() > 0.98


def test_class_logits_of_the_detected_regions_explain_the_scores() -> None:
    model, pictures = random_model(), images()
    proposals: list[list[torch.Tensor]] = []
    hook = model.network.roi_heads.register_forward_pre_hook(lambda _, inputs: proposals.append(inputs[1]))
    found = model.detect(pictures)
    hook.remove()
    features = model.features(pictures)
    logits = model.class_logits(features, proposals[0])
    assert logits.shape == (sum(map(len, proposals[0])), 49)
    scores = logits.softmax(1)[:, 1:].split([len(one) for one in proposals[0]])
    for one, score in zip(found, scores, strict=True):
        assert one.scores[0] == pytest.approx(float(score.max()))
        assert one.labels[0] == int(score.max(0).values.argmax()) + 1


def test_mask_logits_of_detected_boxes_are_the_masks_of_torchvision() -> None:
    model, pictures = random_model(), images()
    raw: list[Any] = []
    hook = model.network.roi_heads.register_forward_hook(lambda *arguments: raw.append(arguments[2][0]))
    found = model.detect(pictures)
    hook.remove()
    logits = model.mask_logits(model.features(pictures), [one.boxes for one in found], [one.labels for one in found])
    assert logits.shape == (40, 28, 28)
    torch.testing.assert_close(logits.sigmoid(), torch.cat([one["masks"][:, 0] for one in raw[0]]))


def test_objectness_ranks_the_proposals() -> None:
    model, pictures = random_model(), images(1)
    features = model.features(pictures)
    objectness = model.objectness(features)
    # 72x104 is padded to 80x112: 20x28 places on the finer level and 10x14 on the coarser, two anchors in each.
    assert objectness.logits.shape == (1, 2 * (20 * 28 + 10 * 14))
    anchors = objectness.anchors
    sides, centres = anchors[:, 2:] - anchors[:, :2], (anchors[:, 2:] + anchors[:, :2]) / 2
    assert sides[[0, 1, -2, -1], 0].tolist() == pytest.approx([13, 19, 26, 38], abs=1)  # torchvision rounds them
    assert torch.equal(centres[::2], centres[1::2])
    assert (centres[2] - centres[0]).tolist() == [4, 0]
    assert (centres[2 * 28] - centres[0]).tolist() == [0, 4]
    hidden = model.network.rpn.head.conv[0](features.maps["0"])
    logits = model.network.rpn.head.cls_logits[0](hidden)
    assert objectness.logits[0, 2 * (28 * 3 + 5) + 1] == logits[0, 1, 3, 5]


def slope(value: Callable[[Features], torch.Tensor], model: TorchvisionMaskRCNN) -> tuple[float, float]:
    """The derivative of a weighted sum of outputs along a direction in the images: by autograd, and by differences."""
    pictures = images().double()
    direction = torch.randn_like(pictures)
    weights = torch.randn_like(value(model.features(pictures)))

    def along(step: float) -> torch.Tensor:
        return (value(model.features(pictures + step * direction)) * weights).sum()

    pictures.requires_grad_()
    (gradient,) = torch.autograd.grad((value(model.features(pictures)) * weights).sum(), pictures)
    with torch.no_grad():
        return float((gradient * direction).sum()), float((along(1e-8) - along(-1e-8)) / 2e-8)


@pytest.mark.parametrize("options", [{}, {"short_side": 90}])
def test_gradients_reach_the_images(options: dict[str, int]) -> None:
    model = random_model(**options).double()
    outputs: dict[str, Callable[[Features], torch.Tensor]] = {
        "mask_logits": lambda features: model.mask_logits(features, BOXES, LABELS),
        "class_logits": lambda features: model.class_logits(features, BOXES),
        "objectness": lambda features: model.objectness(features).logits,
    }
    for name, value in outputs.items():
        exact, numeric = slope(value, model)
        assert exact == pytest.approx(numeric, rel=1e-3), name
    assert all(parameter.grad is None for parameter in model.parameters())


def test_boxes_are_in_pixels_of_the_images_whatever_the_network_sees() -> None:
    network = random_network()
    small = images()
    large = nn.functional.interpolate(small, (144, 208), mode="bilinear", align_corners=False)
    native = TorchvisionMaskRCNN(network, SHAPES_CLASS_NAMES)
    resizing = TorchvisionMaskRCNN(network, SHAPES_CLASS_NAMES, short_side=144)
    given, expected = resizing.features(small), native.features(large)
    doubled = [part * 2 for part in BOXES]
    torch.testing.assert_close(
        resizing.mask_logits(given, BOXES, LABELS), native.mask_logits(expected, doubled, LABELS), atol=1e-4, rtol=1e-4
    )
    torch.testing.assert_close(resizing.objectness(given).anchors * 2, native.objectness(expected).anchors)


def test_an_image_without_boxes_adds_nothing() -> None:
    model, pictures = random_model(), images()
    features = model.features(pictures)
    none, empty = torch.zeros(0, 4), torch.zeros(0).long()
    alone = model.mask_logits(features, [none, BOXES[1]], [empty, LABELS[1]])
    torch.testing.assert_close(alone, model.mask_logits(features, BOXES, LABELS)[2:])
    assert model.mask_logits(features, [none, none], [empty, empty]).shape == (0, 28, 28)
    assert model.class_logits(features, [none, none]).shape == (0, 49)


def test_batch_statistics_stay_as_they_are() -> None:
    model = random_model()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.detect(images())
    model(images(1, (33, 47)))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_what_does_not_fit_is_refused() -> None:
    model = random_model()
    features = model.features(images())
    with pytest.raises(ValueError, match=r"boxes must be one tensor \(N, 4\) for each of 2 images, got \[\(2, 4\)\]"):
        model.class_logits(features, BOXES[:1])
    with pytest.raises(ValueError, match=r"labels must be as many as the boxes of each image, \[2, 1\], got \[1, 2\]"):
        model.mask_logits(features, BOXES, LABELS[::-1])
    with pytest.raises(ValueError, match="labels must be 1 to 48, got"):
        model.mask_logits(features, BOXES, [torch.tensor([0, 1]), torch.tensor([2])])
    with pytest.raises(TypeError, match=r"images must be floating point in \[0, 1\], got torch.uint8"):
        model.features(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"images must have shape \(B, 3, H, W\), got \(3, 32, 32\)"):
        model.features(torch.zeros(3, 32, 32))
    model.network.train()
    with pytest.raises(ValueError, match="the network is in training mode"):
        model.features(images())


def test_options_are_checked() -> None:
    network = random_network()
    with pytest.raises(ValueError, match="short_side must be 1 or more pixels, got 0"):
        TorchvisionMaskRCNN(network, SHAPES_CLASS_NAMES, short_side=0)
    with pytest.raises(ValueError, match="long_side needs a short_side, got 300 without one"):
        TorchvisionMaskRCNN(network, SHAPES_CLASS_NAMES, long_side=300)
    with pytest.raises(ValueError, match="class_names must be 49, as many as the network has, got 3"):
        TorchvisionMaskRCNN(network, ("background", "cat", "dog"))


def test_labels_are_found_by_name() -> None:
    model = random_model()
    assert model.label("gray metal cube") == 1
    assert model.label("yellow rubber cylinder") == 48
    with pytest.raises(ValueError, match="'pink cube' must be one of the classes background, gray metal cube"):
        model.label("pink cube")


def test_identity_statistics_are_noticed() -> None:
    frozen, live, used = FrozenBatchNorm2d(4), nn.BatchNorm2d(4), nn.BatchNorm2d(4)
    frozen.get_buffer("running_var").sub_(1e-5)  # as in detectron2
    used.get_buffer("running_mean").add_(1e-3)
    layers = {"frozen": frozen, "live": live, "used": used}
    assert identity_statistics(layers) == ("frozen", "live")


def test_only_two_dimensional_batch_norm_counts() -> None:
    module = nn.Sequential(
        nn.BatchNorm1d(2),
        nn.BatchNorm2d(2),
        nn.SyncBatchNorm(2),
        FrozenBatchNorm2d(2),
        nn.BatchNorm3d(2),
        nn.InstanceNorm2d(2, track_running_stats=True),
        nn.BatchNorm2d(2, track_running_stats=False),
        nn.GroupNorm(1, 2),
    )
    assert list(batch_norm_layers(module)) == ["1", "2", "3"]


def randomised(network: Any) -> Any:
    """Random statistics, weights small enough that nothing overflows, and detections of all scores."""
    for layer in batch_norm_layers(network).values():
        layer.get_buffer("running_mean").normal_(std=0.1)
        layer.get_buffer("running_var").uniform_(1, 2)
    return network.eval()


OLD_NAMES = {"rpn.head.conv.0.0.": "rpn.head.conv."}
OLD_NAMES |= {f"roi_heads.mask_head.{n}.0.": f"roi_heads.mask_head.mask_fcn{n + 1}." for n in range(4)}
OLD_NAMES |= {
    f"backbone.fpn.{b}_blocks.{n}.0.": f"backbone.fpn.{b}_blocks.{n}." for b in ("inner", "layer") for n in range(4)
}


def old_name(key: str) -> str:
    for new, old in OLD_NAMES.items():
        key = key.replace(new, old)
    return key


def test_a_checkpoint_of_the_first_version_is_read_with_its_old_names(tmp_path: Path) -> None:
    network = randomised(detection.maskrcnn_resnet50_fpn(weights=None, weights_backbone=None))
    state = {old_name(key): value for key, value in network.state_dict().items()}
    assert "roi_heads.mask_head.mask_fcn1.weight" in state
    torch.save(state, tmp_path / "v1.pth")
    model = torchvision_maskrcnn("maskrcnn_resnet50_fpn", weights=tmp_path / "v1.pth")
    layers = model.batch_norm_layers()
    assert len(layers) == 53
    assert all(isinstance(layer, FrozenBatchNorm2d) and layer.eps == 0 for layer in layers.values())
    assert identity_statistics(layers) == ()
    assert model.label("bear") == 23
    assert not any(parameter.requires_grad for parameter in model.parameters())
    pictures = images(1, (64, 96))
    maps = model.features(pictures).maps
    normal = (pictures - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[
        :, None, None
    ]
    expected = network.backbone(normal)
    assert list(maps) == list(expected)
    for name, value in maps.items():
        torch.testing.assert_close(value, expected[name], atol=1e-3, rtol=1e-3)  # eps 1e-5 in the reference


def test_a_checkpoint_of_the_second_version_is_read(tmp_path: Path) -> None:
    network = randomised(detection.maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None))
    save_file(network.state_dict(), tmp_path / "v2.safetensors")
    model = torchvision_maskrcnn(weights=tmp_path / "v2.safetensors")
    layers = model.batch_norm_layers()
    assert len(layers) == 69
    assert sum(name.startswith("backbone.") for name in layers) == 61
    assert next(iter(layers)) == "backbone.body.bn1"
    state = model.network.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    with pytest.raises(InputError, match=r"v2.safetensors does not fit MaskRCNN; keys \d+ missing: .*unexpected: "):
        torchvision_maskrcnn("maskrcnn_resnet50_fpn", weights=tmp_path / "v2.safetensors")


def test_published_weights_are_described(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    entry = torchvision_weights("maskrcnn_resnet50_fpn_v2")
    assert entry.name == "maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth"
    assert entry.sha256 == "73cbd019"
    assert entry.metrics == {"COCO-val2017 box_map": 47.4, "COCO-val2017 mask_map": 41.8}
    monkeypatch.setenv("MASKREEL_OFFLINE", "1")
    monkeypatch.setenv("MASKREEL_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"coco-bf2d0c1e.pth is not here and downloads are switched off; get it from"):
        torchvision_maskrcnn("maskrcnn_resnet50_fpn")


def test_wrong_names_and_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name must be one of maskrcnn_resnet50_fpn, maskrcnn_resnet50_fpn_v2, got"):
        torchvision_weights("maskrcnn")  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match=r"none.pth is not a file, expected the weights of maskrcnn_resnet50_fpn_v2"):
        torchvision_maskrcnn(weights=tmp_path / "none.pth")


def test_without_torchvision_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(MissingExtraError, match=r"torchvision is not installed; .*'maskreel-common\[torchvision\]'"):
        build_shapes()
    with pytest.raises(MissingExtraError, match="torchvision is not installed"):
        torchvision_maskrcnn(weights=Path("x.pth"))


def test_identical_boxes_are_suppressed() -> None:
    """The detections went through non-maximum suppression per class."""
    (found,) = random_model().detect(images(1))
    for label in found.labels.unique():
        same = found[found.labels == label]
        assert len(nms(same.boxes, same.scores, 0.5)) == len(same)
