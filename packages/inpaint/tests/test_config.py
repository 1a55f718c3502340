"""Settings: what they may be, and what a wrong one is told."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from maskreel.inpaint import InpaintConfig


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("mode", "fast", "mode must be one of auto, dfc, static, registered, flow, got 'fast'"),
        ("segmenter", "yolo", "segmenter must be one of motion, .*, deeplabv3, fcn, got 'yolo'"),
        ("flow", "lk", "flow must be one of dis, raft, flownet2, got 'lk'"),
        ("completion", "no", "completion must be one of auto, background, laplace, dfc, got 'no'"),
        ("propagation", "fgvc", "propagation must be one of ours, published, got 'fgvc'"),
        ("seam", "hard", "seam must be one of feather, gradient, got 'hard'"),
        ("device", "tpu", "device must be one of auto, cpu, cuda, got 'tpu'"),
        ("flow", "flownet2", "flow_weights must name a file for flownet2, got none"),
        ("fill", "lama", "fill_weights must name a file for lama, got none"),
        ("segmenter", "fcn", "segmenter_weights must name a file for fcn, got none"),
        ("flow_weights", "a.pth", "flow_weights is for raft, flownet2, got 'a.pth' with flow dis"),
        ("segmenter_config", "a.py", "segmenter_config is for deeplabv3, fcn, got 'a.py' with segmenter motion"),
        ("flow_config", "flownet2-sd", "flow_config is for flownet2, got 'flownet2-sd' with flow dis"),
        ("dfc_weights", ("a", "b", "c", "d"), r"dfc_weights must be one file for each of three stages at most, got .*"),
        ("reveal", "now", "reveal must be one of auto, past, future, nearest, got 'now'"),
        ("fill", "magic", "fill must be one of patches, small, telea, ns, deepfill, lama, got 'magic'"),
        ("dilation", -1.0, r"dilation must not be negative, got -1\.0"),
        ("shadow_margin", -0.5, r"shadow_margin must not be negative, got -0\.5"),
        ("temporal_union", -1, "temporal_union must not be negative, got -1"),
        ("min_size", -0.1, r"min_size must not be negative, got -0\.1"),
        ("feather", -2.0, r"feather must not be negative, got -2\.0"),
        ("iterations", -1, "iterations must not be negative, got -1"),
        ("analysis_fps", 0.0, r"analysis_fps must be positive, got 0\.0"),
        ("sensitivity", 0.0, r"sensitivity must be positive, got 0\.0"),
        ("threshold", -3.0, r"threshold must be positive, got -3\.0"),
        ("crf", 52, "crf must be 0 to 51, got 52"),
        ("crf", -1, "crf must be 0 to 51, got -1"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        InpaintConfig(**{name: value})


@pytest.mark.parametrize(
    "name", ["analysis_fps", "dilation", "shadow_margin", "min_size", "sensitivity", "feather", "threshold"]
)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_settings_are_numbers(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a finite number, got {value}"):
        InpaintConfig(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("dilation", 0.0), ("shadow_margin", 0.0), ("temporal_union", 0), ("min_size", 0.0), ("feather", 0.0), ("crf", 0)],
)
def test_the_edges_are_allowed(name: str, value: Any) -> None:
    assert getattr(InpaintConfig(**{name: value}), name) == value


def test_every_setting_has_a_default_and_none_can_be_changed() -> None:
    config = InpaintConfig()
    assert all(hasattr(config, field.name) for field in fields(config))
    with pytest.raises(FrozenInstanceError):
        config.mode = "flow"  # pyright: ignore[reportAttributeAccessIssue]


def test_settings_that_contradict_each_other_are_named() -> None:
    with pytest.raises(ValueError, match="feather must be 1 or more with seam gradient, got 0"):
        InpaintConfig(seam="gradient", feather=0.0)
    with pytest.raises(ValueError, match="dfc_weights is for completion auto or dfc, got completion laplace"):
        InpaintConfig(completion="laplace", dfc_weights=("a.pth",))
    with pytest.raises(
        ValueError, match=r"fill_weights is for patches, small, deepfill, lama, got 'a\.pth' with fill telea"
    ):
        InpaintConfig(fill="telea", fill_weights="a.pth")
