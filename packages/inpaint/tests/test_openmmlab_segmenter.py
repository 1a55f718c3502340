from __future__ import annotations

import importlib
import importlib.util
import os
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.nn import functional

from maskreel.common.errors import InputError
from maskreel.common.video import Clip
from maskreel.inpaint.openmmlab import OpenMMLabSegmenter
from maskreel.inpaint.segmenters.person_masks import hysteresis

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mmcv") is None and not os.environ.get("MASKREEL_REQUIRE_OPENMMLAB"),
    reason="needs maskreel-inpaint[openmmlab]",
)

PERSON = 15  # of Pascal VOC


def config_text(*, classes: int = 21, data: str = "dict(type='PascalVOCDataset')", size_divisor: int = 1) -> str:
    return f"""
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='EncoderDecoder', pretrained='open-mmlab://resnet18_v1c',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[120., 110., 100.], std=[60., 50., 40.], bgr_to_rgb=True, pad_val=0,
        seg_pad_val=255, test_cfg=dict(size_divisor={size_divisor})),
    backbone=dict(type='ResNetV1c', depth=18, stem_channels=8, base_channels=8, norm_cfg=norm_cfg),
    decode_head=dict(type='FCNHead', in_channels=64, in_index=3, channels=8, num_convs=1, num_classes={classes},
                     norm_cfg=norm_cfg, align_corners=False),
    auxiliary_head=dict(type='FCNHead', in_channels=32, in_index=2, channels=8, num_classes={classes},
                        norm_cfg=norm_cfg),
    train_cfg=dict(), test_cfg=dict(mode='whole'))
test_dataloader = dict(dataset={data})
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.py"
    path.write_text(config_text())
    return path


def clip(count: int, height: int, width: int) -> Clip:
    blocks = torch.rand(count, 3, -(-height // 8), -(-width // 8)) * 256
    frames = functional.interpolate(blocks, scale_factor=8)[..., :height, :width].byte()
    return Clip(frames.contiguous(), Fraction(25))


def mmseg_says(network: Any, frames: torch.Tensor) -> torch.Tensor:
    """Probability of a person by mmsegmentation's own inference on each frame: RGB (T, 3, H, W) -> (T, H, W)."""
    from mmengine.registry import DefaultScope

    found = []
    for frame in frames:
        size = tuple(frame.shape[1:])
        sample = importlib.import_module("mmseg.structures").SegDataSample(
            metainfo={"ori_shape": size, "img_shape": size}
        )
        with DefaultScope.overwrite_default_scope("mmseg"), torch.no_grad():
            data = network.data_preprocessor({"inputs": [frame[[2, 1, 0]]], "data_samples": [sample]})
            result = network(data["inputs"], data["data_samples"], mode="predict")[0]
        found.append(result.seg_logits.data.softmax(0)[PERSON])
    return torch.stack(found)


def spread(network: torch.nn.Module) -> None:
    """Random weights that make classes differ from place to place."""
    with torch.no_grad():
        for value in network.parameters():
            if value.ndim == 4:
                value.copy_(torch.randn_like(value) * (2 / value[0].numel()) ** 0.5)


@pytest.mark.parametrize("divisor", [1, 32])
def test_masks_are_those_of_mmsegmentation_and_hysteresis(tmp_path: Path, divisor: int) -> None:
    path = tmp_path / "tiny.py"
    path.write_text(config_text(size_divisor=divisor))
    made = clip(3, 50, 70)
    probe = OpenMMLabSegmenter.with_random_weights(config=path, device="cpu", short_side=None, batch=2)
    torch.manual_seed(1)
    spread(probe._network)
    expected = mmseg_says(probe._network, made.frames)
    low, high = (float(expected.quantile(q)) for q in (0.6, 0.9))
    segmenter = OpenMMLabSegmenter.with_random_weights(
        config=path, device="cpu", short_side=None, batch=2, low=low, high=high
    )
    segmenter._network.load_state_dict(probe._network.state_dict())
    masks = segmenter(made, 0)
    assert masks.dtype == torch.bool
    reference = torch.stack([torch.from_numpy(hysteresis(p.numpy(), low, high)) for p in expected])
    assert 0.05 < reference.float().mean() < 0.5
    assert (masks != reference).float().mean() < 0.001  # pixels on the threshold


def test_small_frames_are_enlarged_and_large_ones_reduced(config: Path) -> None:
    segmenter = OpenMMLabSegmenter.with_random_weights(config=config, device="cpu", short_side=32)
    seen: list[tuple[int, ...]] = []
    segmenter._network.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    for size in ((16, 24), (64, 48), (32, 40)):
        assert segmenter(clip(1, *size), 0).shape == (1, *size)
    assert [shape[2:] for shape in seen] == [(32, 48), (43, 32), (32, 40)]


@pytest.mark.parametrize(("name", "millions"), [("deeplabv3", 65.74), ("fcn", 47.13)])
def test_published_networks_run(name: Any, millions: float) -> None:
    segmenter = OpenMMLabSegmenter.with_random_weights(config=name, device="cpu", short_side=None)
    assert sum(value.numel() for value in segmenter._network.parameters()) / 1e6 == pytest.approx(millions, abs=0.05)
    frames = clip(1, 33, 47).frames
    found = torch.from_numpy(segmenter._probabilities(frames))
    torch.testing.assert_close(found, mmseg_says(segmenter._network, frames), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "meta", [{"dataset_meta": {"classes": ("sky", "Person", "rider")}}, {"CLASSES": ["sky", "Person", "rider"]}]
)
def test_checkpoint_comes_back_and_names_its_classes(tmp_path: Path, meta: dict[str, Any]) -> None:
    from mmengine.runner import save_checkpoint

    config = tmp_path / "c.py"
    config.write_text(config_text(classes=3, data="dict(metainfo=dict(classes=('person', 'a', 'b')))"))
    other = OpenMMLabSegmenter.with_random_weights(config=config, device="cpu", short_side=None)
    assert other._person == [0]  # as the configuration says, which the checkpoint below overrules
    spread(other._network)
    state = other._network.state_dict() | {"auxiliary_head.conv_seg.bias": torch.zeros(3)}
    path = tmp_path / "seg.pth"
    save_checkpoint({"state_dict": state, "meta": meta}, str(path))
    segmenter = OpenMMLabSegmenter(path, config=config, device="cpu", short_side=None)
    made = clip(1, 40, 40)
    all_people = segmenter._probabilities(made.frames)
    other._person = [1, 2]
    assert (all_people == other._probabilities(made.frames)).all()
    assert repr(segmenter).startswith(f"OpenMMLabSegmenter('{config}', weights='seg.pth ")
    assert repr(segmenter).endswith(", short_side=None, low=0.3, high=0.6)")


def test_people_are_found_by_name_in_the_data_sets_of_the_wheel() -> None:
    from maskreel.inpaint.openmmlab._class_names import class_names, person_classes
    from maskreel.inpaint.openmmlab._configs import read_config

    found = {
        data: person_classes(class_names({}, read_config("mmseg", f"deeplabv3_r50-d8_{data}", {})))
        for data in (
            "4xb4-20k_voc12aug-512x512",
            "4xb2-40k_cityscapes-512x1024",
            "4xb4-80k_ade20k-512x512",
            "4xb4-80k_coco-stuff164k-512x512",
            "4xb4-40k_pascal-context-480x480",
        )
    }
    assert list(found.values()) == [[15], [11, 12], [12], [0], [37]]


def test_wrong_classes_are_told(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "seg.pth"
    torch.save({"state_dict": {"a": torch.zeros(1)}, "meta": {"CLASSES": [f"thing{i}" for i in range(12)]}}, path)
    with pytest.raises(
        InputError, match=r"no class of these weights is a person .*; they are thing0, .*thing9 and 2 more"
    ):
        OpenMMLabSegmenter(path, config=config)
    torch.save({"state_dict": {"a": torch.zeros(1)}, "meta": {"CLASSES": ["person"]}}, path)
    with pytest.raises(InputError, match=r"tiny\.py has 21 outputs for 1 classes"):
        OpenMMLabSegmenter(path, config=config, device="cpu")
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(InputError, match=r"seg\.pth does not fit EncoderDecoder"):
        OpenMMLabSegmenter(path, config=config, device="cpu")
    config.write_text(config_text(data="dict(type='NoSuchData')"))
    with pytest.raises(InputError, match="neither the weights nor the configuration tell the names of the classes"):
        OpenMMLabSegmenter(path, config=config, device="cpu")


def test_wrong_numbers_are_told(config: Path) -> None:
    with pytest.raises(ValueError, match=r"low = 0\.7, high = 0\.6"):
        OpenMMLabSegmenter.with_random_weights(config=config, low=0.7)
    with pytest.raises(ValueError, match="short_side = 0, batch = 4"):
        OpenMMLabSegmenter.with_random_weights(config=config, short_side=0)
    with pytest.raises(ValueError, match="short_side = 512, batch = 0"):
        OpenMMLabSegmenter.with_random_weights(config=config, batch=0)
