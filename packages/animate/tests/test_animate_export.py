"""`maskreel animate export`: what reaches the exporter, and what is refused."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from maskreel.animate.commands.export import export
from maskreel.animate.weights import save_model
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from maskreel.animate.model import AnimationModel, ModelConfig


@pytest.fixture
def weights(model: AnimationModel, tmp_path: Path) -> Path:
    path = tmp_path / "small.safetensors"
    save_model(model, path)
    return path


def test_the_model_and_the_size_reach_the_exporter(
    small: ModelConfig,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls = []

    def written(model: AnimationModel, folder: Path, *, size: int | None) -> list[Path]:
        calls.append((model.config, folder, size))
        return [folder / "one.onnx"]

    monkeypatch.setattr("maskreel.animate.onnx_export.export_onnx", written)
    with caplog.at_level(logging.INFO, "maskreel"):
        assert export(tmp_path / "out", weights) == 0
        assert export(tmp_path / "out", weights, 48) == 0

    assert calls == [(small, tmp_path / "out", None), (small, tmp_path / "out", 48)]
    assert str(tmp_path / "out" / "one.onnx") in caplog.text


def test_a_size_that_does_not_fit_is_refused_in_one_sentence(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--size must be a multiple of 16 with these networks, got 40"):
        export(tmp_path / "out", weights, 40)


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.safetensors"):
        export(tmp_path / "out", tmp_path / "nothing.safetensors")
