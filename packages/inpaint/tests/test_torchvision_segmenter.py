from __future__ import annotations

import hashlib
import re
import shutil
import sys
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from skimage.filters import apply_hysteresis_threshold
from torch.nn import functional
from torchvision.models import segmentation

from maskreel.common.errors import InputError, MissingExtraError
from maskreel.common.video import Clip
from maskreel.inpaint.segmenters import torchvision as torchvision_segmenter
from maskreel.inpaint.segmenters.torchvision import TorchvisionName, TorchvisionSegmenter, published_weights

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PERSON, DOG = 15, 12  # classes of Pascal VOC in alphabetical order, after the background
GAIN, EDGE = 8.0, 1.0
"""In the made-up networks, one class has the logit GAIN * (brightness - EDGE), brightness normalised, 0 if negative."""


def brightness_weights(name: TorchvisionName, category: int) -> dict[str, torch.Tensor]:
    """Weights that hand the brightness through to the logit of one class; all other logits are 0."""
    with torch.device("meta"):
        build = segmentation.fcn_resnet50 if name == "torchvision-fcn" else segmentation.deeplabv3_resnet50
        shapes = build(weights=None, weights_backbone=None, aux_loss=True).state_dict()
    state = {key: torch.zeros(value.shape, dtype=value.dtype) for key, value in shapes.items()}
    for key, value in state.items():
        if key.endswith("running_var") or (value.ndim == 1 and key.endswith("weight")):
            value.fill_(1)  # batch normalisation that changes nothing
        if key.endswith("bn3.weight"):
            value.zero_()  # only the way around each block is left
    state["backbone.conv1.weight"][0, :, 3, 3] = 1 / 3
    for layer in (1, 2, 3, 4):
        state[f"backbone.layer{layer}.0.downsample.0.weight"][0, 0] = 1
    head = {
        "torchvision-fcn": ("0.weight",),
        "torchvision-deeplabv3": ("0.convs.0.0.weight", "0.project.0.weight", "1.weight"),
    }
    for key in head[name]:
        weight = state[f"classifier.{key}"]
        weight[0, 0, weight.shape[2] // 2, weight.shape[3] // 2] = 1
    state["classifier.4.weight"][category, 0] = GAIN
    state["classifier.4.bias"][category] = -GAIN * EDGE
    return {key: value if value.any() else value.new_zeros(()).expand(value.shape) for key, value in state.items()}


def grey_clip(levels: np.ndarray) -> Clip:
    """A clip of grey frames: uint8 (T, H, W)."""
    frames = torch.from_numpy(levels)[:, None].expand(-1, 3, -1, -1).contiguous()
    return Clip(frames, Fraction(25))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """For large files; pytest would keep them."""
    path = tmp_path_factory.mktemp("weights")
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def person_weights(folder: Path) -> Path:
    """An FCN that takes bright things for people."""
    path = folder / "person.pth"
    torch.save(brightness_weights("torchvision-fcn", PERSON), path)
    return path


@pytest.fixture(scope="module")
def bright_person(person_weights: Path) -> TorchvisionSegmenter:
    return TorchvisionSegmenter("torchvision-fcn", weights=person_weights, device="cpu", short_side=64)


def test_agrees_with_torchvision_and_scikit_image_on_a_random_network(folder: Path) -> None:
    network = segmentation.deeplabv3_resnet50(weights=None, weights_backbone=None, aux_loss=True).eval()
    torch.save(network.state_dict(), folder / "random.pth")
    clip = Clip(functional.interpolate(torch.rand(2, 3, 6, 8), (45, 67)).mul(255).byte(), Fraction(25))
    preset = segmentation.DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1.transforms(resize_size=80)
    with torch.inference_mode():
        logits = network(torch.stack([preset(frame) for frame in clip.frames]))["out"]
        person = torch.exp(logits[:, PERSON]) / torch.exp(logits).sum(dim=1)
    expected = functional.interpolate(person[:, None], (45, 67), mode="bilinear")[:, 0].numpy()
    low, high = np.quantile(expected, [0.6, 0.95]).tolist()

    segmenter = TorchvisionSegmenter(weights=folder / "random.pth", device="cpu", short_side=80, low=low, high=high)
    masks = segmenter(clip, 0)

    reference = np.stack([apply_hysteresis_threshold(frame, low, high) for frame in expected])
    assert 0.05 < reference.mean() < 0.4
    assert np.count_nonzero(masks.numpy() != reference) <= 0.002 * reference.size  # rounding, at the edge


def test_the_person_is_found_where_it_is_at_any_size(bright_person: TorchvisionSegmenter) -> None:
    for height, width in ((97, 151), (151, 97), (33, 40)):
        levels = np.full((1, height, width), 20, np.uint8)
        levels[:, : height // 2, width // 2 :] = 250
        masks = bright_person(grey_clip(levels), 0)
        assert masks.shape == (1, height, width)
        assert masks.dtype == torch.bool
        reach = round(16 * min(height, width) / 64)  # two cells of the network's coarsest grid
        bright, grown = torch.from_numpy(levels > 128)[0], torch.zeros(height, width, dtype=torch.bool)
        grown[: height // 2 + reach, width // 2 - reach :] = True
        assert not (masks[0] & ~grown).any()
        assert not masks[0, : height // 2 - reach, width // 2 + reach :].logical_not().any()
        assert (masks[0] & bright).sum() > 0.9 * bright.sum()


def test_thresholds_hold_for_the_softmax_probability_of_a_person(person_weights: Path) -> None:
    """exp(logit) / (exp(logit) + 20) passes 0.3 and 0.6 at 8.57 and 30 to one against the 20 classes of logit 0."""
    level = np.arange(100, 256)
    channels = zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)
    brightness = np.mean([(level / 255 - mean) / deviation for mean, deviation in channels], axis=0)
    probability = 1 / (1 + 20 * np.exp(-GAIN * (brightness - EDGE)))
    weak, strong = level[probability >= 0.3][0], level[probability >= 0.6][0]
    segmenter = TorchvisionSegmenter("torchvision-fcn", weights=person_weights, device="cpu", short_side=32)
    flat = np.stack([np.full((16, 16), value, np.uint8) for value in (weak, strong - 1, strong)])
    assert segmenter(grey_clip(flat), 0).flatten(1).float().mean(dim=1).tolist() == [0, 0, 1]
    joined = np.full((3, 64, 64), weak - 1, np.uint8)  # weak parts count beside a strong one only
    joined[:, 16:48] = weak + 1
    joined[1, 16:48, :32] = strong + 1
    marked = segmenter(grey_clip(joined), 0)
    assert marked[:, 24:40].float().mean(dim=(1, 2)).tolist() == [0, 1, 0]
    assert not marked[:, :8].any()


def test_other_classes_are_left_alone(folder: Path) -> None:
    torch.save(brightness_weights("torchvision-deeplabv3", DOG), folder / "dog.pth")
    torch.save(brightness_weights("torchvision-deeplabv3", PERSON), folder / "person-deeplab.pth")
    bright = grey_clip(np.full((1, 40, 40), 255, np.uint8))
    marked = [
        TorchvisionSegmenter("torchvision-deeplabv3", weights=folder / name, device="cpu", short_side=40)(bright, 0)
        for name in ("dog.pth", "person-deeplab.pth")
    ]
    assert [mask.float().mean().item() for mask in marked] == [0, 1]


def test_batches_equal_single_frames(person_weights: Path, bright_person: TorchvisionSegmenter) -> None:
    levels = np.random.default_rng(0).integers(0, 2, (3, 3, 4), dtype=np.uint8).repeat(15, 1).repeat(15, 2) * 255
    clip = grey_clip(levels)
    masks = bright_person(clip, 0)
    assert 0.1 < masks.float().mean() < 0.9
    assert torch.equal(masks, torch.cat([bright_person(clip[t : t + 1], t) for t in range(3)]))
    small = TorchvisionSegmenter("torchvision-fcn", weights=person_weights, device="cpu", short_side=64, batch=2)
    sizes: list[int] = []
    small._network.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    assert torch.equal(masks, small(clip, 0))
    assert sizes == [2, 1]


def test_masks_may_be_changed_and_an_empty_clip_gives_none(bright_person: TorchvisionSegmenter) -> None:
    clip = grey_clip(np.zeros((1, 20, 30), np.uint8))
    before = clip.frames.clone()
    masks = bright_person(clip, 0)
    masks |= True  # fails for a tensor made in inference mode
    assert masks.all()
    assert torch.equal(clip.frames, before)
    assert bright_person(clip[:0], 0).shape == (0, 20, 30)


def test_building_leaves_the_random_numbers_alone(person_weights: Path) -> None:
    state = torch.get_rng_state()
    TorchvisionSegmenter("torchvision-fcn", weights=person_weights, device="cpu")
    assert torch.equal(state, torch.get_rng_state())


def test_repr_names_all_that_decides(person_weights: Path, folder: Path, bright_person: TorchvisionSegmenter) -> None:
    pattern = (
        r"TorchvisionSegmenter\('torchvision-fcn', weights='person.pth [0-9a-f]{8}', short_side=64, low=0.3, high=0.6\)"
    )
    assert re.fullmatch(pattern, repr(bright_person))
    other = folder / "other" / "person.pth"
    other.parent.mkdir()
    torch.save(brightness_weights("torchvision-fcn", DOG), other)
    assert repr(TorchvisionSegmenter("torchvision-fcn", weights=other, short_side=64)) != repr(bright_person)
    same = TorchvisionSegmenter("torchvision-fcn", weights=person_weights, short_side=64, batch=1)
    assert repr(same) == repr(bright_person)


@pytest.mark.parametrize(
    ("name", "file", "sha256", "parameters", "miou"),
    [
        ("torchvision-deeplabv3", "deeplabv3_resnet50_coco-cd0a2569.pth", "cd0a2569", 42_004_074, 66.4),
        ("torchvision-fcn", "fcn_resnet50_coco-1167a1af.pth", "1167a1af", 35_322_218, 60.5),
    ],
)
def test_the_published_weights(name: TorchvisionName, file: str, sha256: str, parameters: int, miou: float) -> None:
    entry = published_weights(name)
    assert (entry.name, entry.sha256) == (file, sha256)
    assert entry.url == f"https://download.pytorch.org/models/{file}"
    assert 4 * parameters < entry.size < 4.02 * parameters
    assert entry.metrics["COCO-val2017-VOC-labels miou"] == miou
    assert "[0.485, 0.456, 0.406]" in entry.preprocessing


def serve(monkeypatch: pytest.MonkeyPatch, cache: Path, **changes: Any) -> None:
    """Let the published weights be others, and the cache a new one."""
    entry = replace(published_weights("torchvision-fcn"), **changes)
    monkeypatch.setattr(torchvision_segmenter, "published_weights", lambda _: entry)
    monkeypatch.setenv("MASKREEL_CACHE", str(cache))
    monkeypatch.delenv("MASKREEL_OFFLINE", raising=False)


def test_published_weights_are_downloaded_once(
    monkeypatch: pytest.MonkeyPatch, folder: Path, person_weights: Path
) -> None:
    digest = hashlib.sha256(person_weights.read_bytes()).hexdigest()
    serve(monkeypatch, folder, url=person_weights.as_uri(), sha256=digest[:8], name="fcn.pth")
    bright = grey_clip(np.full((1, 40, 40), 255, np.uint8))
    assert TorchvisionSegmenter("torchvision-fcn", short_side=40)(bright, 0).all()
    monkeypatch.setenv("MASKREEL_OFFLINE", "1")
    again = TorchvisionSegmenter("torchvision-fcn", short_side=40)
    assert again(bright, 0).all()
    assert "weights='fcn.pth'" in repr(again)


def test_offline_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    serve(monkeypatch, tmp_path, url="http://127.0.0.1:9/fcn.pth")
    with pytest.raises(InputError, match=r"could not be downloaded .*; get it from http.* and put it at .*weights"):
        TorchvisionSegmenter("torchvision-fcn")
    monkeypatch.setenv("MASKREEL_OFFLINE", "1")
    with pytest.raises(InputError, match=r"fcn_resnet50_coco-1167a1af\.pth is not here and downloads are switched off"):
        TorchvisionSegmenter("torchvision-fcn")


def test_weights_that_do_not_fit_are_refused(person_weights: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"person.pth does not fit DeepLabV3; keys .* missing: classifier"):
        TorchvisionSegmenter("torchvision-deeplabv3", weights=person_weights)
    with pytest.raises(InputError, match="there is no such weights file"):
        TorchvisionSegmenter("torchvision-fcn", weights=tmp_path / "nothing.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(InputError, match="not a readable PyTorch checkpoint"):
        TorchvisionSegmenter("torchvision-fcn", weights=tmp_path / "text.pth")


def test_without_torchvision_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("torchvision", "torchvision.models"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'maskreel-inpaint\[torchvision\]'"):
        TorchvisionSegmenter()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 0.0}, "low and high must satisfy 0 < low <= high < 1, got low = 0.0, high = 0.6"),
        ({"low": 0.7}, "low and high must satisfy"),
        ({"high": 1.0}, "low and high must satisfy"),
        ({"short_side": 0}, "short_side and batch must be 1 or more, got short_side = 0, batch = 4"),
        ({"batch": 0}, "short_side and batch must be 1 or more"),
        ({"name": "unet"}, "name must be one of torchvision-deeplabv3, torchvision-fcn, got 'unet'"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TorchvisionSegmenter(**options)


@pytest.mark.needs_cuda
def test_cuda_agrees_with_the_cpu(person_weights: Path, bright_person: TorchvisionSegmenter) -> None:
    levels = np.random.default_rng(0).integers(0, 2, (3, 3, 4), dtype=np.uint8).repeat(15, 1).repeat(15, 2) * 255
    there = TorchvisionSegmenter("torchvision-fcn", weights=person_weights, short_side=64)
    masks = there(grey_clip(levels), 0)
    assert (there.device.type, masks.device.type) == ("cuda", "cpu")
    assert (masks != bright_person(grey_clip(levels), 0)).float().mean() < 0.01
