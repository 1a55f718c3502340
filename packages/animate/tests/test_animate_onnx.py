"""ONNX graphs run with onnxruntime against PyTorch."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from maskreel.animate.model import AnimationModel, ModelConfig
from maskreel.animate.onnx_export import _perturbed, export_onnx
from maskreel.animate.perturb import perturb_for_inference, shrinking
from maskreel.common.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module", params=[{}, {"guided": True}, {"mask_skips": True}], ids=str)
def model(small: ModelConfig, request: pytest.FixtureRequest) -> AnimationModel:
    torch.manual_seed(0)
    model = AnimationModel(replace(small, border="replicate", **request.param)).eval().requires_grad_(False)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = torch.randn(module.num_features) * 0.2
            module.running_var = torch.rand(module.num_features) + 0.1
    return model


@pytest.fixture(scope="module")
def folder(model: AnimationModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    for library in ("onnx", "onnxscript"):
        pytest.importorskip(library)
    folder = tmp_path_factory.mktemp("onnx") / "graphs"
    paths = export_onnx(model, folder)
    assert [path.name for path in paths] == ["masks.onnx", "animate.onnx", "swap.onnx", "animate.json"]
    assert set(folder.iterdir()) == set(paths)
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Callable[..., list[Tensor]]:
    onnxruntime = pytest.importorskip("onnxruntime")
    sessions = {}

    def run(name: str, **inputs: Tensor) -> list[Tensor]:
        if name not in sessions:
            path = folder / f"{name}.onnx"
            sessions[name] = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        results = sessions[name].run(None, {key: value.numpy() for key, value in inputs.items()})
        return [torch.from_numpy(result) for result in results]

    return run


@pytest.mark.parametrize("count", [1, 3])
def test_the_pipeline_gives_what_pytorch_gives(model: AnimationModel, run: Callable[..., list[Tensor]], count: int):
    source, driving = torch.rand(1, 3, 32, 32), torch.rand(count, 3, 32, 32)
    ready, masks = model.source(source), model.masks(driving)
    refined = model.refined(ready, masks)

    torch.testing.assert_close(run("masks", images=driving), [masks], rtol=0, atol=1e-4)
    given = {"source": source, "source_mask": ready.mask, "driving_masks": masks}
    expected = [refined, *model.pictures(ready, refined)]
    torch.testing.assert_close(run("animate", **given), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("count", [1, 3])
def test_the_swap_gives_what_pytorch_gives(model: AnimationModel, run: Callable[..., list[Tensor]], count: int):
    foreground, backdrop = torch.rand(2, count, 3, 32, 32)
    masks, backdrop_masks = torch.rand(2, count, 1, 16, 16)
    given = {"foreground": foreground, "masks": masks, "backdrop": backdrop, "backdrop_masks": backdrop_masks}

    expected = list(model.swapped(foreground, masks, backdrop, backdrop_masks))
    torch.testing.assert_close(run("swap", **given), expected, rtol=0, atol=1e-4)


def test_the_description_tells_sizes_and_names(folder: Path) -> None:
    onnx = pytest.importorskip("onnx")
    about = json.loads((folder / "animate.json").read_text())

    assert (about["size"], about["mask_size"], about["model"]["low_width"]) == (32, 16, 8)
    for name, names in about["graphs"].items():
        graph = onnx.load(folder / f"{name}.onnx").graph
        assert [value.name for value in graph.input] == names["inputs"]
        assert [value.name for value in graph.output] == names["outputs"]


@pytest.mark.parametrize("size", [8, 16, 64])
@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_the_perturbation_of_the_graphs_is_p_test(size: int, strength: float) -> None:
    masks = torch.rand(3, 1, size, size, generator=torch.Generator().manual_seed(0))

    expected = perturb_for_inference(masks, threshold=100 / 255, strength=strength)
    made = _perturbed(masks, 100 / 255, shrinking(size, strength))
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-5)
    assert (expected > 0).float().mean() > 0.05


def test_a_size_that_does_not_fit_is_refused(model: AnimationModel, tmp_path: Path) -> None:
    for library in ("onnx", "onnxscript"):
        pytest.importorskip(library)
    for size in (0, 24):
        with pytest.raises(ValueError, match=f"size must be a multiple of 16, got {size}"):
            export_onnx(model, tmp_path, size=size)


def test_a_missing_library_is_named_with_its_extra(
    model: AnimationModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(MissingExtraError, match=r"onnx is not installed.*maskreel-animate\[onnx\]"):
        export_onnx(model, tmp_path)
