"""Models on disk."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file

from maskreel.animate.model import AnimationModel, ModelConfig
from maskreel.animate.weights import load_model, save_model
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

SMALL = ModelConfig(
    size=32, factor=2, depth=2, mask_width=4, refiner_width=4, low_width=8, low_blocks=1, high_width=4, widest=16
)


def test_a_saved_model_is_the_same_one_again(tmp_path: Path) -> None:
    saved, path = AnimationModel(SMALL).eval(), tmp_path / "model.safetensors"
    save_model(saved, path, {"data": "none"})
    again = load_model(path)
    assert again.config == SMALL
    assert not again.training
    assert not any(parameter.requires_grad for parameter in again.parameters())
    image = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(again.masks(image), saved.half().float().masks(image))
    record = json.loads((tmp_path / "model.json").read_text())
    assert record["data"] == "none"
    assert record["model"]["size"] == 32


def test_files_of_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.safetensors is not a file, expected weights of maskreel animate"):
        load_model(tmp_path / "none.safetensors")
    path = tmp_path / "model.safetensors"
    save_model(AnimationModel(SMALL), path)
    state = {name: value.clone() for name, value in load_file(path).items()}  # older ones are windows into the file
    save_file(state, path)
    with pytest.raises(InputError, match="was saved for kind null"):
        load_model(path)
    about = {"kind": '"animation"', "channel_order": '"RGB"'}
    save_file(state, path, metadata=about)
    with pytest.raises(InputError, match="does not say what its networks are like"):
        load_model(path)
    save_file(state, path, metadata=about | {"model": json.dumps({"size": 31})})
    with pytest.raises(InputError, match="does not say what its networks are like: size must be a multiple"):
        load_model(path)
    save_file(state, path, metadata=about | {"model": json.dumps({"size": 128})})
    with pytest.raises(InputError, match="does not tell of a network that can be built: it is larger than its weights"):
        load_model(path)
    narrower = asdict(SMALL) | {"refiner_width": 3}
    save_file(state, path, metadata=about | {"model": json.dumps(narrower)})
    with pytest.raises(InputError, match="does not fit AnimationModel"):
        load_model(path)
