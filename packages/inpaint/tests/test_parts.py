"""From config to parts: who is built, with what, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.inpaint import InpaintConfig
from maskreel.inpaint.running.parts import (
    Parts,
    flow_completer,
    flow_estimator,
    image_inpainter,
    people_segmenter,
    propagation_settings,
)

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (
            {},
            r"AutoCompleter\(\[BackgroundCompleter\(.*\), DFCCompleter\('small.safetensors .*",
        ),
        ({"mode": "dfc"}, r"DFCCompleter\('small.safetensors [0-9a-f]{8}'.*"),
        ({"mode": "dfc", "completion": "laplace"}, r"LaplaceCompleter\(\)"),
        ({"completion": "background"}, r"BackgroundCompleter\(.*"),
        ({"completion": "dfc"}, r"DFCCompleter\(.*"),
    ],
)
def test_flow_is_completed_by_whom_the_config_names(settings: dict[str, Any], wanted: str) -> None:
    import re

    assert re.fullmatch(wanted, repr(flow_completer(InpaintConfig(**settings))))


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"fill": "telea"}, "ClassicalInpainter('telea', radius=5)"),
        ({"fill": "ns"}, "ClassicalInpainter('ns', radius=5)"),
        ({"mode": "dfc", "fill": "telea"}, "ClassicalInpainter('telea', radius=5)"),
    ],
)
def test_holes_are_painted_by_whom_the_config_names(settings: dict[str, Any], wanted: str) -> None:
    assert repr(image_inpainter(InpaintConfig(**settings))) == wanted


def test_the_network_that_comes_with_the_package_paints_by_default_and_patches_after_it() -> None:
    assert repr(image_inpainter(InpaintConfig())).startswith("PatchInpainter(SmallInpainter(small.safetensors ")
    assert repr(image_inpainter(InpaintConfig(fill="small"))).startswith("SmallInpainter(small.safetensors ")


def test_the_mode_dfc_propagates_as_published() -> None:
    config = InpaintConfig(mode="dfc", threshold=7.0, iterations=3)
    settings = propagation_settings(config)
    assert (settings.rule, settings.threshold_px, settings.iterations) == ("published", 7.0, 3)
    assert not settings.match_exposure
    assert propagation_settings(InpaintConfig()).rule == "ours"
    assert propagation_settings(InpaintConfig(mode="dfc", propagation="ours")).rule == "ours"


@pytest.mark.parametrize(
    "settings",
    [
        {"fill": "small", "fill_weights": "none.safetensors"},
        {"fill": "patches", "fill_weights": "none.safetensors"},
        {"fill": "deepfill", "fill_weights": "none.pth"},
        {"fill": "lama", "fill_weights": "none.pt"},
    ],
)
def test_weights_that_are_missing_are_named(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="none"):
        image_inpainter(InpaintConfig(**settings))


def test_missing_weights_of_the_other_networks_are_named() -> None:
    with pytest.raises(InputError, match=r"none\.pth"):
        flow_completer(InpaintConfig(mode="dfc", dfc_weights=("none.pth",)))
    with pytest.raises(InputError, match=r"none\.pth"):
        flow_estimator(InpaintConfig(flow="raft", flow_weights="none.pth"))
    with pytest.raises(InputError, match=r"none\.pth"):
        people_segmenter(InpaintConfig(segmenter="torchvision-fcn", segmenter_weights="none.pth"))


def test_published_files_are_told_by_name_and_content(tmp_path: Path) -> None:
    from maskreel.inpaint.dfc import dfc_s

    path = tmp_path / "resnet50_stage1.pth"
    state = {f"module.{name}": value for name, value in dfc_s().state_dict().items()}
    torch.save({"model": state}, path)
    told = repr(flow_completer(InpaintConfig(completion="dfc", dfc_weights=(str(path),), device="cpu")))
    assert "'resnet50_stage1.pth " in told


class TestParts:
    def test_what_is_given_is_kept_and_the_rest_is_built(self) -> None:
        def mine(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
            return image

        parts = Parts(inpainter=mine).loaded(InpaintConfig(completion="laplace"), flow=True)
        assert parts.inpainter is mine
        assert type(parts.estimator).__name__ == "DISFlow"
        assert type(parts.completer).__name__ == "LaplaceCompleter"

    def test_networks_for_flow_are_not_loaded_where_no_flow_is_needed(self) -> None:
        parts = Parts().loaded(InpaintConfig(flow="raft", flow_weights="none.pth"), flow=False)
        assert parts.estimator is None
        assert parts.completer is None
        assert parts.inpainter is not None

    def test_only_what_is_given_is_told(self) -> None:
        assert repr(Parts()) == ""
        assert (
            repr(Parts(completer=flow_completer(InpaintConfig(completion="laplace")))) == "completer=LaplaceCompleter()"
        )
