"""A SimVP as ONNX, run without PyTorch."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from maskreel.common.errors import MissingExtraError
from maskreel.vfp.networks import SimVPConfig, build_simvp, export_onnx

if TYPE_CHECKING:
    from pathlib import Path

SIZES: dict[str, Any] = {"frames": 3, "frames_out": 3, "channels": 2, "spatial_width": 8, "temporal_width": 16}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("kind", ["newest", "original"])
def test_onnxruntime_gives_what_pytorch_gives(tmp_path: Path, kind: str) -> None:
    for library in ("onnx", "onnxscript"):
        pytest.importorskip(library)
    onnxruntime = pytest.importorskip("onnxruntime")
    choice: dict[str, Any] = {
        "original": {"translator": "incepu", "layout": "original"},
        "newest": {"translator": "tau", "newest_skip": True, "channels_out": 3},
    }[kind]
    network = build_simvp(SimVPConfig(**SIZES, temporal_depth=2, mlp_ratio=2.0, **choice)).train()
    export_onnx(network, tmp_path / "simvp.onnx", torch.rand(2, 3, 2, 16, 8))
    assert network.training
    assert [path.name for path in tmp_path.iterdir()] == ["simvp.onnx"]
    session = onnxruntime.InferenceSession(tmp_path / "simvp.onnx", providers=["CPUExecutionProvider"])
    x = torch.rand(3, 3, 2, 16, 8)
    (predicted,) = session.run(["predicted"], {"frames": x.numpy()})
    with torch.inference_mode():
        expected = network.eval()(x).numpy()
    np.testing.assert_allclose(predicted, expected, atol=1e-4)


def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    network = build_simvp(SimVPConfig(**SIZES, temporal_depth=2))
    with pytest.raises(MissingExtraError, match=r"onnx is not installed.*maskreel-vfp\[onnx\]"):
        export_onnx(network, tmp_path / "simvp.onnx", torch.rand(2, 3, 2, 16, 8))


def test_a_single_clip_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    network = build_simvp(SimVPConfig(**SIZES, temporal_depth=2))
    with pytest.raises(ValueError, match=r"example must hold 2 clips or more, got example\.shape = .*1, 3, 2"):
        export_onnx(network, tmp_path / "simvp.onnx", torch.rand(1, 3, 2, 16, 8))
