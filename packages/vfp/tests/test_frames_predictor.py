"""`FramePredictor`: what it does around its network, with networks that are known."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from maskreel.vfp.frames import FramePredictor, PredictorConfig, build_predictor, to_pixels

SMALL = PredictorConfig(patch=1, spatial_width=4, temporal_width=8, temporal_depth=2, mlp_ratio=1.0)


class Given(nn.Module):
    """Always gives one number, and keeps what it was given."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value
        self.inputs = torch.empty(0)

    def forward(self, frames: torch.Tensor, steps: int) -> torch.Tensor:
        self.inputs = frames
        return torch.full_like(frames[:, :1], self.value).repeat(1, steps, 1, 1, 1)


def config(**options: Any) -> PredictorConfig:
    return replace(SMALL, **options)


def observed(size: tuple[int, int] = (16, 24), clips: int = 2) -> torch.Tensor:
    return torch.randint(0, 256, (clips, 11, 3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_pixels_are_clipped_and_rounded_not_wrapped() -> None:
    values = torch.tensor([1.02, -0.02, 0.0, 1.0, 0.5, 100.4 / 255, 100.6 / 255, 3.0, -3.0])
    assert to_pixels(values).tolist() == [255, 0, 0, 255, 128, 100, 101, 255, 0]


@pytest.mark.parametrize(("change", "pixel"), [(0.2, 255), (-0.2, 0)])
def test_prediction_beyond_white_and_black_is_clipped(change: float, pixel: int) -> None:
    predictor = FramePredictor(config(std=(0.1, 0.1, 0.1)), Given(change), stride=1)
    edge = torch.full((1, 11, 3, 8, 8), pixel, dtype=torch.uint8)
    assert (predictor(edge.float() / 255) * (1 if change > 0 else -1)).min() > (1.01 if change > 0 else 0.01)
    assert predictor.predict(edge).unique().tolist() == [pixel]


def test_network_sees_normalised_patches_in_rgb_order() -> None:
    network = Given(0.0)
    options = config(patch=2, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 0.125), residual=False)
    frames = torch.rand(2, 11, 3, 8, 12)
    predicted = FramePredictor(options, network, stride=2, patch=2)(frames)
    assert network.inputs.shape == (2, 11, 12, 4, 6)
    for channel, row, column in itertools.product(range(3), range(2), range(2)):
        expected = (frames[:, :, channel, row::2, column::2] - options.mean[channel]) / options.std[channel]
        assert torch.allclose(network.inputs[:, :, 4 * channel + 2 * row + column], expected, atol=1e-6)
    for channel in range(3):
        assert torch.allclose(predicted[:, :, channel], torch.tensor(options.mean[channel]))


@pytest.mark.parametrize("size", [(16, 24), (13, 22), (1, 1), (31, 9)])
def test_any_size_and_the_padding_is_hidden(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    predictor = build_predictor(config(patch=2, residual=False)).eval()
    frames = observed(size)
    assert predictor.predict(frames).shape == (2, 11, 3, *size)
    missing = (0, -size[1] % 4, 0, -size[0] % 4)
    padded = functional.pad(frames.flatten(0, 1).float() / 255, missing, mode="replicate").unflatten(0, (2, 11))
    assert torch.equal(predictor(frames.float() / 255), predictor(padded)[..., : size[0], : size[1]])


NETWORKS = [*itertools.product(["simvp", "tau", "incepu", "original"], ["all", "direct", "rollout"])]


@pytest.mark.parametrize(("network", "head"), [*NETWORKS, ("convlstm", "all"), ("convlstm", "rollout")])
def test_untrained_residual_predictor_copies_the_newest_frame(network: str, head: str) -> None:
    predictor = build_predictor(config(network=network, head=head, patch=2))
    frames = observed()
    predicted = predictor.predict(frames)
    assert predicted.shape[1] == (1 if head == "direct" else 11)
    assert torch.equal(predicted, frames[:, -1:].expand_as(predicted))
    plain = build_predictor(config(network=network, head=head, patch=2, residual=False)).predict(frames)
    assert not torch.equal(plain, frames[:, -1:].expand_as(plain))


def test_direct_head_gives_frame_22() -> None:
    assert build_predictor(config(head="direct")).first == 21
    assert build_predictor(config(head="all")).first == build_predictor(config(head="rollout")).first == 11


@pytest.mark.parametrize("residual", [False, True])
def test_roll_out_feeds_each_frame_back(residual: bool) -> None:
    torch.manual_seed(0)
    predictor = build_predictor(config(head="rollout", residual=residual)).eval()
    for parameter in predictor.parameters():
        nn.init.normal_(parameter, std=0.2)
    frames = torch.rand(2, 11, 3, 8, 8)
    with torch.no_grad():
        window, expected = frames, []
        for _ in range(4):
            following = predictor(window, 1)
            expected.append(following)
            window = torch.cat([window[:, 1:], following], 1)
        assert torch.allclose(predictor(frames, 4), torch.cat(expected, 1), atol=1e-5)
        assert predictor(frames).shape[1] == 11


def test_predicting_leaves_gradients_and_the_input_alone() -> None:
    predictor = build_predictor(SMALL)
    frames = observed()
    before = frames.clone()
    assert not predictor.predict(frames).requires_grad
    assert torch.equal(frames, before)
    assert not predictor.training


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (torch.zeros(1, 10, 3, 8, 8), r"\(B, 11, 3, H, W\), got \(1, 10, 3, 8, 8\)"),
        (torch.zeros(1, 11, 1, 8, 8), r"got \(1, 11, 1, 8, 8\)"),
        (torch.zeros(11, 3, 8, 8), r"got \(11, 3, 8, 8\)"),
    ],
)
def test_refuses_other_shapes(frames: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_predictor(SMALL)(frames)


def test_refuses_floats_as_pixels_and_other_numbers_of_frames() -> None:
    predictor = build_predictor(SMALL)
    with pytest.raises(TypeError, match=r"frames must be uint8, got torch\.float32"):
        predictor.predict(torch.zeros(1, 11, 3, 8, 8))
    with pytest.raises(ValueError, match="steps must be 11 with the head all, got 3"):
        predictor(torch.zeros(1, 11, 3, 8, 8), 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spatial_width": 0}, "spatial_width must be 1 or more, got 0"),
        ({"spatial_depth": 0}, "spatial_depth must be 1 or more, got 0"),
        ({"temporal_width": 0}, "temporal_width must be 1 or more, got 0"),
        ({"temporal_depth": -1}, "temporal_depth must be 1 or more, got -1"),
        ({"mlp_ratio": 0.0}, "mlp_ratio must be above 0"),
        ({"drop_path": 1.0}, r"drop_path must be in \[0, 1\), got 1.0"),
        ({"std": (0.1, 0.0, 0.1)}, "std must be above 0"),
        ({"patch": 3}, "patch must be 1, 2 or 4, got 3"),
        ({"network": "convlstm", "head": "direct"}, "head must be all or rollout with the network convlstm"),
    ],
)
def test_refuses_networks_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**options)
