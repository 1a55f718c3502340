"""Teachers by name, of this package, of other libraries and of the user."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torchvision.models import detection, segmentation
from torchvision.ops import roi_align

from maskreel.common.errors import InputError
from maskreel.common.maskrcnn import Detectron2MaskRCNN, TorchvisionMaskRCNN
from maskreel.inversion.targets import FrameTarget
from maskreel.inversion.teachers import (
    MaskRCNNSettings,
    MaskRCNNTeacher,
    SemanticTeacher,
    open_teacher,
    torchvision_semantic,
)

if TYPE_CHECKING:
    from pathlib import Path

COCO = detection.MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1.meta["categories"]
CONTIGUOUS = [name for name in COCO[1:] if name != "N/A"]
"""As detectron2's `thing_classes`: 80, without holes and without background."""


def one_object(size: tuple[int, int], label: int) -> FrameTarget:
    masks = torch.zeros(1, *size, dtype=torch.bool)
    masks[0, 10:40, 20:50] = True
    masks[0, 10:20, 20:30] = False
    return FrameTarget(masks, torch.tensor([label]))


def test_shapes_with_a_short_side() -> None:
    settings = MaskRCNNSettings(tiles=2)
    teacher = open_teacher("shapes", short_side=128, settings=settings)
    assert isinstance(teacher, MaskRCNNTeacher)
    assert teacher.settings == settings
    assert len(teacher.class_names) == 49
    answer = teacher.look(torch.rand(1, 3, 64, 96))
    assert (answer.image_size, answer.scaled_size) == ((64, 96), (128, 192))


@pytest.fixture(scope="module")
def torchvision_v2() -> TorchvisionMaskRCNN:
    with torch.device("meta"):
        network = detection.maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None)
    network.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) * 0.02 + 0.001)
    return TorchvisionMaskRCNN(network, ("background", *COCO[1:]), short_side=96)


def test_torchvision_at_another_scale(torchvision_v2: TorchvisionMaskRCNN) -> None:
    teacher = MaskRCNNTeacher(torchvision_v2)
    assert teacher.label("bear") == 23
    with pytest.raises(InputError, match="'N/A' must be one of the teacher's classes, person, bicycle"):
        teacher.label("N/A")
    pixels, target = torch.rand(1, 3, 48, 64, requires_grad=True), one_object((48, 64), 23)
    answer = teacher.look(pixels)
    terms = teacher.terms(answer, [target])
    assert set(terms) == {"mask", "class", "background", "objectness"}
    # In the network's pixels, the mask twice as large and the box twice as far: what torchvision trains on.
    large = target.masks.repeat_interleave(2, 1).repeat_interleave(2, 2)[:, None].float()
    box = torch.tensor([[40.0, 20, 100, 80]])
    wanted = roi_align(large, [box], 28)[:, 0]
    logits = torchvision_v2.mask_logits(answer, [box / 2], [torch.tensor([23])])
    expected = nn.functional.binary_cross_entropy_with_logits(logits, wanted)
    # Each mask pixel is cut at the scale of the image, so the edges differ a little.
    torch.testing.assert_close(terms["mask"], expected[None], rtol=0.02, atol=1e-3)
    sum(terms.values(), torch.zeros(1)).sum().backward()
    assert pixels.grad is not None
    assert pixels.grad.isfinite().all()


def test_torchvision_norm_layers_are_those_of_body_and_pyramid(torchvision_v2: TorchvisionMaskRCNN) -> None:
    layers = MaskRCNNTeacher(torchvision_v2).norm_layers()
    assert len(layers) == 53 + 8
    assert next(iter(layers)) == "backbone.body.bn1"


class Boxes:
    """Stands in for detectron2.structures.Boxes."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor


class Detectron2Network(nn.Module):
    """What detectron2's `GeneralizedRCNN` shows to our adapter; C4 with masks of 14x14, FPN with 28x28."""

    input_format = "BGR"
    backbone: Any

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.conv = nn.Conv2d(3, 8, 4, stride=4)
        name = "p2" if kind == "FPN" else "res4"
        self.backbone.forward = lambda x: {name: torch.relu(self.backbone.conv(x / 255))}
        self.backbone.padding_constraints, self.backbone.size_divisibility = {}, 4
        self.pixel_mean, self.pixel_std = torch.full((3, 1, 1), 110.0), torch.ones(3, 1, 1)
        self.mask_layers = nn.Sequential(nn.ConvTranspose2d(8, 8, 2, stride=2), nn.Conv2d(8, 80, 1))
        self.score, self.objectness = nn.Linear(8, 81), nn.Conv2d(8, 1, 1)
        self.reduce = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        heads = SimpleNamespace(
            mask_on=True,
            num_classes=80,
            mask_head=SimpleNamespace(layers=self.mask_layers),
            box_predictor=lambda x: (self.score(x), None),
        )
        if kind == "FPN":
            heads.box_in_features = heads.mask_in_features = [name]
            heads.box_pooler = heads.mask_pooler = self.pool
            heads.box_head = lambda x: x.mean((2, 3))
        else:
            heads.in_features, heads.pooler, heads.res5 = [name], self.pool, self.reduce
        self.roi_heads = heads
        self.proposal_generator = SimpleNamespace(
            in_features=[name],
            rpn_head=lambda levels: ([self.objectness(level) for level in levels], None),
            anchor_generator=self.anchors,
        )

    def pool(self, maps: list[torch.Tensor], boxes: list[Boxes]) -> torch.Tensor:
        return roi_align(maps[0], [part.tensor for part in boxes], 14, 0.25, aligned=True)

    def anchors(self, levels: list[torch.Tensor]) -> list[Boxes]:
        height, width = levels[0].shape[-2:]
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        centres = torch.stack([x, y, x, y], dim=-1).reshape(-1, 4) * 4
        return [Boxes((centres + torch.tensor([-15, -15, 15, 15])).float())]


@pytest.fixture
def detectron2(monkeypatch: pytest.MonkeyPatch) -> None:
    package, structures = ModuleType("detectron2"), ModuleType("detectron2.structures")
    structures.__dict__["Boxes"] = Boxes
    monkeypatch.setitem(sys.modules, "detectron2", package)
    monkeypatch.setitem(sys.modules, "detectron2.structures", structures)


@pytest.mark.usefixtures("detectron2")
@pytest.mark.parametrize(("kind", "side"), [("FPN", 28), ("C4", 14)])
@pytest.mark.parametrize("targets", ["soft", "thresholded"])
def test_detectron2_is_asked_in_its_own_manner(kind: str, side: int, targets: Any) -> None:
    model = Detectron2MaskRCNN(Detectron2Network(kind), CONTIGUOUS)
    teacher = MaskRCNNTeacher(model, MaskRCNNSettings(targets=targets, tiles=2))
    bear = teacher.label("bear")
    assert bear == 22  # 21 there, where the background is last
    pixels = torch.rand(1, 3, 48, 64, requires_grad=True)
    small = FrameTarget(torch.zeros(1, 48, 64, dtype=torch.bool), torch.tensor([bear]))
    small.masks[0, 20:32, 21:34] = True
    small.masks[0, 20:25, 21:26] = False
    answer = teacher.look(pixels)
    terms = teacher.terms(answer, [small])
    box = torch.tensor([[21.0, 20, 34, 32]])
    logits = model.network.mask_layers(
        model.network.pool([answer.maps["p2" if kind == "FPN" else "res4"]], [Boxes(box)])
        if kind == "FPN"
        else model.network.reduce(model.network.pool([answer.maps["res4"]], [Boxes(box)]))
    )[0, 21]
    assert logits.shape == (side, side)
    wanted = roi_align(small.masks[:, None].float(), [box], side, aligned=True)[0, 0]
    wanted = (wanted >= 0.5).float() if targets == "thresholded" else wanted
    expected = nn.functional.binary_cross_entropy_with_logits(logits, wanted)
    torch.testing.assert_close(terms["mask"], expected[None])
    sum(terms.values(), torch.zeros(1)).sum().backward()
    assert pixels.grad is not None
    assert pixels.grad.any()
    assert teacher.read(answer, [small])[0].shape == (1, 48, 64)


@pytest.mark.parametrize("name", ["deeplabv3", "fcn"])
def test_torchvision_semantic_networks(name: Any, tmp_path: Path) -> None:
    build = segmentation.fcn_resnet50 if name == "fcn" else segmentation.deeplabv3_resnet50
    with torch.device("meta"):
        network = build(weights=None, weights_backbone=None, num_classes=21, aux_loss=True)
    network.to_empty(device="cpu")
    for tensor in network.state_dict().values():
        tensor.fill_(0)
    state = network.state_dict()
    state["classifier.4.bias"][12] = 3.0
    path = tmp_path / "weights.pth"
    torch.save(state, path)
    teacher = open_teacher(name, weights=path, short_side=32)
    assert teacher.label("dog") == 12
    probability = teacher.look(torch.rand(1, 3, 40, 48)).softmax(1)[0, 12]
    torch.testing.assert_close(probability, torch.full((40, 48), 20.0855369 / (20.0855369 + 20)))
    assert not [layer for layer in teacher.norm_layers() if "aux" in layer]


def test_torchvision_semantic_refuses() -> None:
    with pytest.raises(ValueError, match="name must be one of deeplabv3, fcn, got 'unet'"):
        torchvision_semantic("unet")  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match=r"nowhere\.pth is not a file, expected the weights of fcn"):
        open_teacher("fcn", weights="nowhere.pth")


USERS = """
import torch
from maskreel.common.maskrcnn import shapes_maskrcnn
from maskreel.inversion.teachers import SemanticTeacher

class Mine(SemanticTeacher):
    class_names = ("background", "thing")
    def logits(self, images):
        return self.network(images)

def build(weights=None):
    made = Mine(torch.nn.Conv2d(3, 2, 1))
    made.given = weights
    return made

detector = shapes_maskrcnn
nothing = list
"""


def test_a_users_own_teacher_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_for_the_test.py").write_text(USERS)
    monkeypatch.chdir(tmp_path)
    importlib.invalidate_caches()
    before = list(sys.path)
    teacher: Any = open_teacher("mine_for_the_test:build", weights="some.pth")
    assert isinstance(teacher, SemanticTeacher)
    assert teacher.given == "some.pth"
    assert isinstance(open_teacher("mine_for_the_test:detector"), MaskRCNNTeacher)
    assert sys.path == before
    with pytest.raises(InputError, match="mine_for_the_test:nothing returns a list, expected a Teacher or MaskRCNN"):
        open_teacher("mine_for_the_test:nothing")
    with pytest.raises(InputError, match="module mine_for_the_test has no callable other"):
        open_teacher("mine_for_the_test:other")
    with pytest.raises(InputError, match="a short side of 9 is not for mine_for_the_test:build"):
        open_teacher("mine_for_the_test:build", short_side=9)
    del sys.modules["mine_for_the_test"]


@pytest.mark.parametrize("name", ["yolo", "", ":x", "no_such_module_here:build", "shapes:x"])
def test_an_unknown_name_says_what_is_allowed(name: str) -> None:
    with pytest.raises(InputError, match=r"is not a teacher, .*shapes, torchvision-v1, .*fcn and module:callable"):
        open_teacher(name)


def test_detectron2_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []

    def stand_in(config: str = "default", **options: Any) -> TorchvisionMaskRCNN:
        asked.append((config, options))
        raise InputError("enough")

    monkeypatch.setattr("maskreel.inversion.teachers._open.detectron2_maskrcnn", stand_in)
    for name in ("detectron2", "detectron2:COCO/some.yaml"):
        with pytest.raises(InputError, match="enough"):
            open_teacher(name, weights="w.pkl", short_side=800)
    options = {"weights": "w.pkl", "short_side": 800, "long_side": 1333}
    assert asked == [("default", options), ("COCO/some.yaml", options)]
