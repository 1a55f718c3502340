"""Predictors on disk: what is written with them, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from maskreel.common.errors import InputError
from maskreel.common.maskrcnn import TrainingRecord
from maskreel.common.weights import save_half
from maskreel.vfp.frames import (
    FramePredictor,
    PredictorConfig,
    build_predictor,
    load_predictor,
    save_predictor,
    start_from,
)
from maskreel.vfp.networks import ConvLSTMConfig, SimVPConfig, build_convlstm, build_simvp

if TYPE_CHECKING:
    from pathlib import Path

SMALL = PredictorConfig(
    patch=2,
    spatial_width=4,
    temporal_width=8,
    temporal_depth=2,
    mlp_ratio=1.0,
    mean=(0.4, 0.5, 0.6),
    std=(0.1, 0.2, 0.3),
)
FRAMES = torch.randint(0, 256, (2, 11, 3, 12, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def trained(**options: Any) -> FramePredictor:
    torch.manual_seed(0)
    predictor = build_predictor(replace(SMALL, **options))
    for parameter in predictor.parameters():
        nn.init.normal_(parameter, std=0.1)
    return predictor


@pytest.mark.parametrize("options", [{}, {"head": "rollout"}, {"head": "direct"}, {"network": "convlstm"}])
def test_loads_what_was_saved(tmp_path: Path, options: dict[str, Any]) -> None:
    predictor = trained(**options)
    save_predictor(predictor, tmp_path / "p.safetensors")
    loaded = load_predictor(tmp_path / "p.safetensors")
    assert loaded.config == predictor.config
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    for name, value in predictor.state_dict().items():
        if value.is_floating_point():
            assert torch.equal(loaded.state_dict()[name], value.half().float())
    difference = loaded.predict(FRAMES).int() - predictor.predict(FRAMES).int()
    assert difference.abs().max() <= 1


def test_record_stands_beside_the_weights(tmp_path: Path) -> None:
    record = TrainingRecord("3 clips", "maskreel vfp train", 7, "CPU", 1.5, {"psnr": 20.0})
    save_predictor(trained(), tmp_path / "p.safetensors", record)
    assert '"psnr": 20.0' in (tmp_path / "p.json").read_text()


@pytest.mark.parametrize("order", ["BGR", None])
def test_refuses_weights_for_another_order_of_colours(tmp_path: Path, order: str | None) -> None:
    expects = {"config": vars(SMALL), "kind": "frame predictor", "channel_order": order}
    save_half(tmp_path / "p.safetensors", trained(), {key: value for key, value in expects.items() if value})
    with pytest.raises(InputError, match=r"was saved for channel_order .*, expected \"RGB\""):
        load_predictor(tmp_path / "p.safetensors")


def test_refuses_another_normalisation_than_the_training_had(tmp_path: Path) -> None:
    """Mean and std stand twice in the file, so that a config that was edited is found out."""
    expects = {"kind": "frame predictor", "channel_order": "RGB", "mean": [0.4, 0.5, 0.6], "std": [0.1, 0.2, 0.3]}
    edited = vars(replace(SMALL, std=(1.0, 1.0, 1.0)))
    save_half(tmp_path / "p.safetensors", trained(), {"config": edited, **expects})
    with pytest.raises(InputError, match=r"was saved for std \[0.1, 0.2, 0.3\], expected \[1.0, 1.0, 1.0\]"):
        load_predictor(tmp_path / "p.safetensors")


def test_refuses_files_that_are_no_predictor(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a file"):
        load_predictor(tmp_path / "none.safetensors")
    save_half(tmp_path / "other.safetensors", nn.Linear(2, 2), {"config": {"width": 3}})
    with pytest.raises(InputError, match="does not hold a network of PredictorConfig"):
        load_predictor(tmp_path / "other.safetensors")


def test_starts_from_our_own_weights(tmp_path: Path) -> None:
    save_predictor(trained(), tmp_path / "p.safetensors")
    started = start_from(tmp_path / "p.safetensors", PredictorConfig())
    assert started.config == SMALL
    assert started.training
    assert all(parameter.requires_grad for parameter in started.parameters())


def test_starts_from_a_published_simvp(tmp_path: Path) -> None:
    torch.manual_seed(3)
    published = build_simvp(
        SimVPConfig(spatial_width=4, temporal_width=8, temporal_depth=2, spatial_depth=2, mlp_ratio=1.0)
    )
    torch.save(
        {"state_dict": {f"model.{name}": value for name, value in published.state_dict().items()}}, tmp_path / "p.ckpt"
    )
    plain = replace(SMALL, patch=1, residual=False, newest_skip=False, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    predictor = start_from(tmp_path / "p.ckpt", plain).eval()
    inputs = torch.rand(2, 11, 3, 12, 16)
    assert torch.allclose(predictor(inputs), published.eval()(inputs), atol=1e-6)
    with pytest.raises(InputError, match="does not fit SimVP"):
        start_from(tmp_path / "p.ckpt", replace(plain, temporal_width=10))


def test_starts_from_a_published_convlstm(tmp_path: Path) -> None:
    torch.manual_seed(3)
    published = build_convlstm(ConvLSTMConfig(widths=(8, 8), patch=2))
    torch.save(published.state_dict(), tmp_path / "p.pth")
    plain = replace(SMALL, network="convlstm", residual=False, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    predictor = start_from(tmp_path / "p.pth", plain)
    inputs = torch.rand(2, 11, 3, 12, 16)
    assert torch.allclose(predictor(inputs, 3), published(inputs, 3), atol=1e-6)
