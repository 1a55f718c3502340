"""Verifiers: whole pipelines, dense networks, and the refusal of the teacher as its own witness."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from maskreel.common.errors import InputError
from maskreel.common.maskrcnn import SHAPES_CLASS_NAMES, Detections
from maskreel.common.unet import UNet, save_unet
from maskreel.inversion.report import (
    CallableVerifier,
    Found,
    MaskRCNNVerifier,
    SemanticVerifier,
    load_unet_verifier,
    open_verifier,
    require_independent,
    shared_weights,
)

if TYPE_CHECKING:
    from pathlib import Path


class Colours(nn.Module):
    """Logits from colours: red is class 1, green class 2, dark the background."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.full_like(images[:, :1], 0.5), images[:, :2]], dim=1) * 20


def picture() -> torch.Tensor:
    frame = torch.zeros(3, 30, 40, dtype=torch.uint8)
    frame[0, 2:10, 2:10] = 255
    frame[0, 20:28, 2:8] = 255
    frame[1, 5:20, 20:35] = 255
    frame[0, 0, 39] = 255  # a speck
    return frame


def test_regions_of_classes_or_connected_ones() -> None:
    names = ("background", "red", "green")
    whole = SemanticVerifier(Colours(), names, "colours")(picture()[None])[0]
    assert whole.names == ("red", "green")
    assert whole.masks.flatten(1).sum(1).tolist() == [64 + 48 + 1, 225]
    apart = SemanticVerifier(Colours(), names, "colours", regions="connected")(picture()[None])[0]
    assert apart.names == ("red", "red", "green")
    assert sorted(apart.masks.flatten(1).sum(1).tolist()) == [48, 64, 225]
    assert (apart.scores > 0.99).all()
    empty = SemanticVerifier(Colours(), names, "colours")(torch.zeros(2, 3, 30, 40, dtype=torch.uint8))
    assert [one.names for one in empty] == [(), ()]
    assert empty[0].masks.shape == (0, 30, 40)


def test_dense_networks_are_asked_in_batches_of_unit_range() -> None:
    seen = []

    class Spy(Colours):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            seen.append((len(images), float(images.max())))
            return super().forward(images)

    SemanticVerifier(Spy(), ("background", "red", "green"), "spy", batch=2)(picture().expand(3, -1, -1, -1))
    assert seen == [(2, 1.0), (1, 1.0)]
    with pytest.raises(ValueError, match=r"must give logits of shape \(1, 2, 30, 40\), got \(1, 3, 30, 40\)"):
        SemanticVerifier(Colours(), ("background", "red"), "short")(picture()[None])
    with pytest.raises(ValueError, match=r"frames must be uint8 \(T, 3, H, W\), got torch.float32"):
        SemanticVerifier(Colours(), ("background", "red"), "short")(picture()[None].float())


def test_a_detector_runs_its_whole_pipeline() -> None:
    class Detector(nn.Module):
        class_names = ("background", "cup")

        def detect(self, images: torch.Tensor) -> list[Detections]:
            assert (float(images.min()), float(images.max())) == (0, 1)
            mask = images[:, 1] > 0.5
            boxes = torch.tensor([[20.0, 5.0, 35.0, 20.0]])
            return [Detections(boxes, torch.tensor([1]), torch.tensor([0.4]), one[None]) for one in mask]

    network: Any = Detector()
    found = MaskRCNNVerifier(network, "detector", batch=1)(picture().expand(2, -1, -1, -1))
    assert [one.names for one in found] == [("cup",)] * 2
    assert int(found[1].masks.sum()) == 225
    assert found[0].above(0.5).names == ()


def test_the_saved_unet_is_a_verifier(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = UNet(3)
    save_unet(network, tmp_path / "u.safetensors", class_names=("background", "a", "b"))
    verifier = load_unet_verifier(tmp_path / "u.safetensors", ("background", "a", "b"))
    frame = torch.randint(256, (1, 3, 32, 48), dtype=torch.uint8)
    labels = verifier.network(frame.float() / 255).argmax(1)[0]
    found = verifier(frame)[0]
    for name, mask in zip(found.names, found.masks, strict=True):
        assert torch.equal(mask, labels == ("background", "a", "b").index(name))
    with pytest.raises(InputError, match="classes"):
        load_unet_verifier(tmp_path / "u.safetensors", ("background", "a", "c"))


def test_the_teacher_is_no_second_opinion() -> None:
    torch.manual_seed(0)
    teacher = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3))
    copied = copy.deepcopy(teacher).half().float()  # as if it had been saved and loaded
    wrapped = nn.ModuleDict({"other_name": copied})
    same = CallableVerifier(lambda _: [], "copy", network=wrapped)
    with pytest.raises(ValueError, match="copy has 100% of its weights from the teacher and is no second opinion"):
        require_independent(same, teacher)
    require_independent(CallableVerifier(lambda _: [], "copy", network=wrapped, is_teacher=True), teacher)
    shared = nn.Sequential(copied[0], nn.Conv2d(8, 8, 3))
    with pytest.raises(ValueError, match="no second opinion"):  # a backbone in common is enough
        require_independent(CallableVerifier(lambda _: [], "shared", network=shared), teacher)


def test_another_seed_is_a_second_opinion() -> None:
    def network(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(3, 32, 3), nn.BatchNorm2d(32))

    assert shared_weights(network(0), network(1)) == 0.0  # norm layers of new networks are alike, and say nothing
    assert shared_weights(network(0), network(0)) == 1.0
    assert shared_weights(nn.Identity(), network(0)) == 0.0
    require_independent(CallableVerifier(lambda _: [], "other", network=network(1)), network(0))
    require_independent(CallableVerifier(lambda _: [], "unknown"), network(0))


def test_verifiers_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_verifier_room.py").write_text(
        "import torch\n"
        "from maskreel.inversion.report import Found\n"
        "def make():\n"
        "    def see(frames):\n"
        "        everything = torch.ones(1, *frames.shape[2:], dtype=bool)\n"
        "        return [Found(everything, ('x',), torch.ones(1))] * len(frames)\n"
        "    return see\n"
        "number = lambda: 3\n"
    )
    monkeypatch.chdir(tmp_path)
    mine = open_verifier("my_verifier_room:make")
    assert mine.name == "my_verifier_room:make"
    assert [one.names for one in mine(picture()[None])] == [("x",)]
    with pytest.raises(InputError, match="returns a int, expected a Verifier"):
        open_verifier("my_verifier_room:number")
    for wrong in ("my_verifier_room:nothing", "no_such_module_here:make"):
        with pytest.raises(InputError, match="cannot be made"):
            open_verifier(wrong)
    for wrong in ("mobilenet", "unet:", ""):
        with pytest.raises(InputError, match="must be one of unet:FILE"):
            open_verifier(wrong)
    with pytest.raises(InputError, match="is not a file"):
        open_verifier("unet:missing.safetensors")


def test_shapes_is_a_verifier_by_name() -> None:
    verifier = open_verifier("shapes")
    assert verifier.min_score == 0.5
    network: Any = verifier.network
    assert network.class_names == SHAPES_CLASS_NAMES
    with pytest.raises(ValueError, match="no second opinion"):
        require_independent(verifier, copy.deepcopy(network))


def test_every_frame_needs_an_answer() -> None:
    nothing = Found(torch.zeros(0, 30, 40, dtype=torch.bool), (), torch.zeros(0))
    verifier = CallableVerifier(lambda _: [nothing], "lazy", network=None)
    assert SimpleNamespace(found=verifier(picture()[None])).found[0].names == ()
    with pytest.raises(ValueError, match="lazy must answer for each of 2 frames, got 1 answers"):
        verifier(picture().expand(2, -1, -1, -1))
