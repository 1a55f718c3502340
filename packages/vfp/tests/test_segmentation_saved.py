"""Saved segmenters: what a file says about its input is checked when it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.common.maskrcnn import SHAPES_CLASS_NAMES, TrainingRecord, build_shapes, save_shapes, shapes_maskrcnn
from maskreel.common.metrics import MeanIoU
from maskreel.common.unet import UNet, save_unet
from maskreel.common.weights import save_half
from maskreel.common.world import OBJECT_CLASSES, TableScene
from maskreel.vfp.segmentation import (
    MaskRCNNSegmenter,
    Painting,
    SegmenterConfig,
    UNetSegmenter,
    _saved,
    build_segmenter_network,
    check_colour_order,
    load_segmenter,
    load_segmenter_network,
    save_segmenter,
    swapped_classes,
)

if TYPE_CHECKING:
    from pathlib import Path

RECORD = TrainingRecord(data="none", command="none", steps=1, hardware="none", seconds=0.0, quality={"iou": 0.5})


def painting(segmenter: object) -> Painting:
    assert isinstance(segmenter, MaskRCNNSegmenter)
    return segmenter.painting


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    config = SegmenterConfig(predicted_score=0.2, predicted_share=0.35)
    network = build_segmenter_network(config)
    save_segmenter(network, tmp_path / "a.safetensors", config, RECORD)
    loaded, settings = load_segmenter_network(tmp_path / "a.safetensors")
    assert settings == config
    assert not loaded.training
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(loaded.state_dict()[name], value, rtol=1e-3, atol=1e-3)
    assert '"iou": 0.5' in (tmp_path / "a.json").read_text()


def test_each_kind_of_frame_has_its_painting(tmp_path: Path) -> None:
    config = SegmenterConfig(observed_score=0.6, predicted_score=0.2, predicted_share=0.35)
    path = tmp_path / "a.safetensors"
    save_segmenter(build_segmenter_network(config), path, config)
    assert painting(load_segmenter(path)) == Painting(0.6)
    assert painting(load_segmenter(path, min_score=0.7)) == Painting(0.7)
    assert painting(load_segmenter(path, frames="predicted")) == Painting(0.2, 0.35)
    assert painting(load_segmenter(path, frames="predicted", min_score=0.4)) == Painting(0.4, 0.35)


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("channel_order", "BGR", 'saved for channel_order "BGR", expected "RGB"'),
        ("classes", ["background", *reversed(SHAPES_CLASS_NAMES[1:])], "saved for classes .*yellow rubber cylinder"),
        ("kind", "frame predictor", 'saved for kind "frame predictor", expected "segmenter"'),
    ],
)
def test_other_expectations_are_refused(tmp_path: Path, key: str, value: Any, complaint: str) -> None:
    from dataclasses import asdict

    config = SegmenterConfig(network="unet")
    expects = {**_saved.EXPECTS, key: value, "config": asdict(config)}
    save_half(tmp_path / "a.safetensors", UNet(49), expects)
    with pytest.raises(InputError, match=complaint):
        load_segmenter(tmp_path / "a.safetensors")


def test_normalisation_is_part_of_the_network(tmp_path: Path) -> None:
    config = SegmenterConfig(network="resnet50", mean=(0.4, 0.5, 0.6), std=(0.05, 0.06, 0.07))
    network: Any = build_segmenter_network(config)
    assert (network.transform.image_mean, network.transform.image_std) == ([0.4, 0.5, 0.6], [0.05, 0.06, 0.07])
    for fault, complaint in (
        ({"std": (0.1, 0.0, 0.1)}, "std must be above 0"),
        ({"short_side": 8}, "short_side must be 32 or more, got 8"),
        ({"observed_score": 2.0}, r"min_score must be in \[0, 1\], got 2.0"),
        ({"predicted_share": 2.0}, r"share must be in \(0, 1\], got 2.0"),
    ):
        with pytest.raises(ValueError, match=complaint):
            SegmenterConfig(**fault)  # type: ignore[arg-type]


def test_files_of_common_are_read(tmp_path: Path) -> None:
    save_shapes(build_shapes(), tmp_path / "shapes.safetensors", RECORD)
    assert painting(load_segmenter(tmp_path / "shapes.safetensors")) == Painting(0.5)
    save_unet(UNet(49), tmp_path / "unet.safetensors", class_names=SHAPES_CLASS_NAMES)
    assert isinstance(load_segmenter(tmp_path / "unet.safetensors"), UNetSegmenter)
    save_unet(UNet(2), tmp_path / "other.safetensors", class_names=("background", "cat"))
    with pytest.raises(InputError, match="does not fit UNet"):
        load_segmenter(tmp_path / "other.safetensors")


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a.safetensors is not a file, expected weights of a segmenter"):
        load_segmenter(tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes(b"12345678" * 4)
    with pytest.raises(InputError, match=r"b.safetensors is not a readable safetensors file"):
        load_segmenter(tmp_path / "b.safetensors")


def test_observed_frames_have_shapes_and_predicted_ones_what_became_of_it() -> None:
    network, config = load_segmenter_network()
    expected = shapes_maskrcnn().network.state_dict()
    assert config == SegmenterConfig()
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())
    network, config = load_segmenter_network(frames="predicted")
    assert config.network == "shapes"
    assert not all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())


def test_swapped_classes_are_red_and_blue_and_cyan_and_yellow() -> None:
    swapped = swapped_classes()
    assert swapped[0] == 0
    for kind in OBJECT_CLASSES:
        other = OBJECT_CLASSES[int(swapped[kind.number]) - 1]
        assert (other.shape, other.material) == (kind.shape, kind.material)
        assert {kind.colour, other.colour} in (
            {"red", "blue"},
            {"cyan", "yellow"},
            {"gray"},
            {"green"},
            {"brown"},
            {"purple"},
        )
    assert torch.equal(swapped[swapped], torch.arange(49))


def test_perfect_masks_with_swapped_colours_score_a_half_and_are_noticed() -> None:
    right, wrong = MeanIoU(49), MeanIoU(49)
    truth = torch.arange(49).repeat_interleave(100)
    right.update(truth, truth)
    wrong.update(swapped_classes()[truth], truth)
    assert right.compute() == 1
    assert wrong.compute() == pytest.approx(25 / 49)  # background and four colours of eight are right
    check_colour_order(right, "val")
    with pytest.raises(InputError, match=r"val seems to hold BGR colours, expected RGB.*1.000 instead of 0.000"):
        check_colour_order(wrong, "val")


def test_a_few_pixels_say_nothing_about_colours() -> None:
    few = MeanIoU(49)
    few.update(torch.full((40, 40), 3), torch.full((40, 40), 2))  # a red cube found as a blue one
    check_colour_order(few, "val")
    few.update(torch.full((40, 40), 3), torch.full((40, 40), 2))
    with pytest.raises(InputError, match="seems to hold BGR"):
        check_colour_order(few, "val")


def test_segmenting_swapped_frames_is_noticed() -> None:
    segmenter, metric = load_segmenter(), MeanIoU(49)
    for seed in range(6):
        frames, labels = TableScene(frames=2).frames_and_labels(seed)
        metric.update(segmenter(torch.from_numpy(frames).movedim(-1, 1).flip(1)), torch.from_numpy(labels))
    with pytest.raises(InputError, match="seems to hold BGR"):
        check_colour_order(metric, "frames")
