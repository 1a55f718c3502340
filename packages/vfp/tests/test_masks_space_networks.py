"""The networks that forecast masks from masks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.vfp.masks import (
    MaskNetworkConfig,
    MaskSpaceForecaster,
    TokenMaskNetwork,
    build_mask_network,
    classes_in,
    coverage,
    load_mask_network,
    save_mask_network,
)
from maskreel.vfp.masks._network import MaskNetwork
from maskreel.vfp.occupancy import Occupancy

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = MaskNetworkConfig(spatial_width=4, temporal_width=8, temporal_depth=2, draft_width=8, mlp_ratio=1.0)
TOKENS = replace(SMALL, design="tokens", targets=(12, 21), embedding=6)
SIZE = (48, 64)


def clip(classes: tuple[int, ...] = (3, 20, 40), frames: int = 22) -> torch.Tensor:
    """uint8 (frames, 48, 64): squares of 12 x 12 that move to the right or to the left, by a pixel in a frame."""
    labels = torch.zeros(frames, *SIZE, dtype=torch.uint8)
    for time in range(frames):
        for place, label in enumerate(classes):
            y, x = 4 + 14 * place, 8 + (time if place % 2 else 30 - time)
            labels[time, y : y + 12, x : x + 12] = label
    return labels


def trained(config: MaskNetworkConfig) -> MaskNetwork:
    """Weights that are all different from those of a new network, so that every part of it has an effect."""
    network = build_mask_network(config)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return network.eval()


def inputs(network: MaskNetwork, *clips: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.stack(clips)[:, :11]
    classes = classes_in(labels)
    return classes, coverage(labels, classes, cell=network.cell)


@pytest.mark.parametrize("config", [SMALL, TOKENS, replace(SMALL, targets=(21,)), replace(TOKENS, targets=(11,))])
def test_logits_are_of_the_background_and_the_classes_given(config: MaskNetworkConfig) -> None:
    network = trained(config)
    classes, planes = inputs(network, clip(), clip((5, 41)))
    assert classes.tolist() == [[3, 20, 40], [5, 41, 0]]
    logits = network(classes, planes)
    side = [length // network.fine for length in SIZE]
    assert logits.shape == (2, len(config.targets), 4, *side)
    assert logits.dtype == torch.float32
    shares = logits.softmax(2)
    assert not shares[1, :, 3].any()  # an empty place gets nothing
    torch.testing.assert_close(shares.sum(2), torch.ones(2, len(config.targets), *side))


@pytest.mark.parametrize("config", [SMALL, replace(SMALL, targets=(11,), drafts=(11,)), replace(SMALL, drafts=())])
def test_another_colour_changes_nothing_but_the_name(config: MaskNetworkConfig) -> None:
    forecast = MaskSpaceForecaster(trained(config))
    one, other = forecast(clip((3, 20, 40))[:11]), forecast(clip((14, 31, 33))[:11])  # the same shapes
    assert one.classes == (3, 20, 40)
    assert other.classes == (14, 31, 33)
    torch.testing.assert_close(one.probability, other.probability)
    another_shape = forecast(clip((19, 20, 40))[:11])
    assert float((another_shape.probability[0] - one.probability[0]).abs().max()) > 1e-3


def test_the_order_of_classes_changes_nothing() -> None:
    """Those of the same shape exchange their ids, so that the planes come in another order."""
    forecast = MaskSpaceForecaster(trained(SMALL))
    one, other = forecast(clip((3, 4, 40))[:11]), forecast(clip((4, 3, 40))[:11])
    torch.testing.assert_close(one.probability[[1, 0, 2]], other.probability)
    assert float((one.probability[0] - one.probability[1]).abs().max()) > 1e-2


def test_objects_see_each_other() -> None:
    network = trained(SMALL)
    classes, planes = inputs(network, clip((3, 20)))
    without = planes.clone()
    without[:, :, 1] = 0
    change = (network(classes, planes) - network(classes, without))[:, :, 1]
    assert float(change.detach().abs().max()) > 1e-2


def test_a_new_network_forecasts_its_drafts() -> None:
    network = build_mask_network(SMALL).eval()
    labels = clip((20,))
    occupancy = MaskSpaceForecaster(network, mirror=False)(labels[:11])
    found, truth = occupancy.above(0.5) == 20, labels[21] == 20
    assert int((found & truth).sum()) / int((found | truth).sum()) > 0.6
    assert int((labels[10] == 20).logical_and(truth).sum()) <= 12


@pytest.mark.parametrize("config", [SMALL, TOKENS])
def test_probabilities_that_are_certain_are_label_maps(config: MaskNetworkConfig) -> None:
    network = trained(config)
    classes, hard = inputs(network, clip())
    soft = hard.clone()
    torch.testing.assert_close(network(classes, soft), network(classes, hard))
    blurred = network(classes, 0.5 * soft)
    assert float((blurred - network(classes, hard)).detach().abs().max()) > 1e-3


def test_embeddings_of_certain_probabilities_are_looked_up() -> None:
    network = trained(TOKENS)
    assert isinstance(network, TokenMaskNetwork)
    labels = clip()[None, :11]
    classes, planes = inputs(network, labels[0])
    looked_up = network.token_embeddings(labels.long()).movedim(-1, 2)
    torch.testing.assert_close(network._embedded(classes, planes), looked_up)
    half = network._embedded(classes, planes / 2)
    background = network.token_embeddings.weight[0][:, None, None]
    torch.testing.assert_close(half, (looked_up + background) / 2)


def test_unseen_classes_are_left_out_of_a_network_of_tokens() -> None:
    network = trained(TOKENS)
    assert isinstance(network, TokenMaskNetwork)
    classes, planes = inputs(network, clip((3, 20)))
    every, known = network.all_logits(classes, planes), network(classes, planes)
    assert every.shape == (1, 2, 49, *SIZE)
    assert torch.equal(known, every[:, :, [0, 3, 20]])
    occupancy = MaskSpaceForecaster(network)(clip((3, 20))[:11])
    assert occupancy.classes == (3, 20)
    assert set(occupancy.above(None).unique().tolist()) <= {0, 3, 20}


def test_published_weights_fit() -> None:
    """Names and sizes of eneserciyes/maskpredformer: embedding 49, hid_S 64, hid_T 512, N_S 4, N_T 8."""
    config = MaskNetworkConfig(
        design="tokens", targets=(11,), published_layout=True, newest_skip=False, spatial_width=64, spatial_depth=4,
        temporal_width=512, temporal_depth=8, mlp_ratio=8.0,
    )  # fmt: skip
    with torch.device("meta"):
        network = build_mask_network(config)
    found = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert found["token_embeddings.weight"] == (49, 49)
    assert found["down_conv.weight"] == (49, 49, 3, 3)
    assert found["up_conv.weight"] == (49, 49, 2, 2)
    assert found["out_conv.weight"] == (49, 49, 1, 1)
    assert found["simvp.enc.enc.0.conv.conv.weight"] == (64, 49, 3, 3)
    assert found["simvp.hid.enc.0.block.attn.proj_1.weight"] == (704, 704, 1, 1)
    assert found["simvp.hid.enc.0.reduction.weight"] == (512, 704, 1, 1)
    assert found["simvp.hid.enc.7.reduction.weight"] == (704, 512, 1, 1)
    assert found["simvp.dec.readout.weight"] == (49, 64, 1, 1)
    assert {key.split(".")[0] for key in found} == {"token_embeddings", "down_conv", "simvp", "up_conv", "out_conv"}


@pytest.mark.parametrize("design", ["objects", "tokens"])
def test_the_next_frame_is_fed_back(design: str) -> None:
    config = replace(SMALL if design == "objects" else TOKENS, targets=(11,), drafts=(11,))
    network = trained(config)
    classes, planes = inputs(network, clip())
    by_hand = planes
    for _ in range(10):
        shares = network(classes, by_hand)[:, 0].softmax(1)[:, 1:]
        if network.cell == 4:
            shares = shares.unflatten(-1, (-1, 2)).unflatten(-3, (-1, 2)).mean((-3, -1))
        by_hand = torch.cat([by_hand[:, 1:], shares[:, None]], 1)
    torch.testing.assert_close(network.rolled_out(classes, planes, 10), by_hand)
    torch.testing.assert_close(network.target_logits(classes, planes), network(classes, by_hand)[:, 0])
    assert 0 < float(by_hand[:, -1].detach().max()) < 1  # soft


class Shift(MaskNetwork):
    """Moves the newest frame by one cell to the right."""

    cell = fine = 1

    def forward(self, classes: torch.Tensor, planes: torch.Tensor, prior: torch.Tensor | None = None) -> torch.Tensor:
        del prior
        moved = planes[:, -1:].roll(1, -1)
        return torch.cat([1 - moved.sum(2, keepdim=True), moved], 2).clamp(min=1e-8).log()


def test_a_shift_rolled_out_to_frame_21_is_a_shift_by_eleven() -> None:
    network = Shift(replace(TOKENS, targets=(11,)))
    classes, planes = inputs(network, clip((20,)))
    expected = planes[:, -1].roll(11, -1)
    torch.testing.assert_close(network.target_logits(classes, planes).softmax(1)[:, 1:], expected, atol=1e-5, rtol=0)


def test_a_mirrored_clip_has_a_mirrored_forecast() -> None:
    labels = clip()[:11]
    for config in (SMALL, TOKENS):
        network = trained(config)
        forecast, plain = (MaskSpaceForecaster(network, mirror=mirror) for mirror in (True, False))
        there, back = forecast(labels), forecast(labels.flip(-1)).mirrored()
        torch.testing.assert_close(there.probability, back.probability)
        single, turned = plain(labels).probability, plain(labels.flip(-1)).mirrored().probability
        assert float((single - turned).abs().max()) > 1e-3
        torch.testing.assert_close(there.probability, (single + turned) / 2)


def test_a_prior_is_refined() -> None:
    network = trained(replace(SMALL, prior=True))
    forecast, labels = MaskSpaceForecaster(network), clip()
    here, there = (Occupancy.of_labels(labels[time]) for time in (10, 21))
    difference = forecast(labels[:11], here).probability - forecast(labels[:11], there).probability
    assert float(difference.abs().max()) > 1e-2
    reduced = Occupancy(there.classes[:1], there.probability[:1])
    assert forecast(labels[:11], reduced).classes == (3, 20, 40)
    fresh = MaskSpaceForecaster(build_mask_network(replace(SMALL, prior=True, drafts=())).eval(), mirror=False)
    found, truth = fresh(labels[:11], there).above(0.5), labels[21]
    assert (
        int((found == truth).logical_and(truth > 0).sum()) / int((truth > 0).sum()) > 0.6
    )  # the soft edges of small squares count half


def test_a_clip_without_objects_has_an_empty_forecast() -> None:
    empty = torch.zeros(11, *SIZE, dtype=torch.uint8)
    for config in (SMALL, TOKENS):
        occupancy = MaskSpaceForecaster(trained(config))(empty)
        assert occupancy.classes == ()
        assert not occupancy.likeliest().any()


def test_a_forecast_has_probabilities() -> None:
    occupancy = MaskSpaceForecaster(trained(SMALL))(clip()[:11])
    assert occupancy.probability.dtype == torch.float32
    assert float(occupancy.probability.min()) >= 0
    assert float(occupancy.probability.sum(0).max()) <= 1 + 1e-5


def test_weights_come_back(tmp_path: Path) -> None:
    for config in (replace(SMALL, threshold=0.375), TOKENS):
        network = trained(config).half().float()
        save_mask_network(network, tmp_path / "masks.safetensors")
        loaded = load_mask_network(tmp_path / "masks.safetensors")
        assert loaded.config == config
        assert not loaded.training
        assert not any(parameter.requires_grad for parameter in loaded.parameters())
        classes, planes = inputs(network, clip())
        assert torch.equal(loaded(classes, planes), network(classes, planes))


def test_other_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a file"):
        load_mask_network(tmp_path / "masks.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"design": "pixels"}, "design must be one of objects, tokens"),
        ({"targets": ()}, "targets must be rising frames from 11 to 21"),
        ({"targets": (13, 12, 21)}, "targets must be rising"),
        ({"targets": (12,)}, "targets must hold 21"),
        ({"observed": (3, 11)}, "observed must be rising frames from 0 to 10"),
        ({"drafts": (10,)}, "drafts must be rising frames from 11 to 21"),
        ({"draft_width": -1}, "draft_width must be 0 or more"),
        ({"embedding": 0}, "embedding must be 1 or more"),
        ({"threshold": 0.0}, "threshold must be in"),
        ({"design": "tokens", "prior": True}, "prior must be False"),
        ({"published_layout": True}, "published_layout must be False"),
        ({"design": "tokens", "published_layout": True}, "targets must be .* with published_layout"),
    ],
)
def test_impossible_networks_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(MaskNetworkConfig(), **change)  # pyright: ignore[reportArgumentType]


def test_input_that_does_not_fit_is_refused() -> None:
    network = trained(SMALL)
    classes, planes = inputs(network, clip())
    with pytest.raises(ValueError, match="planes must have shape"):
        network(classes, planes[:, :10])
    with pytest.raises(ValueError, match="prior must be None"):
        network(classes, planes, planes[:, 0])
    refining = trained(replace(SMALL, prior=True))
    with pytest.raises(ValueError, match="prior must be given"):
        refining(classes, planes)
    with pytest.raises(ValueError, match="prior must have shape"):
        refining(classes, planes, planes[:, 0, :, :-1])
    with pytest.raises(ValueError, match="does not feed back"):
        network.rolled_out(classes, planes, 1)
    with pytest.raises(ValueError, match="in evaluation mode"):
        MaskSpaceForecaster(build_mask_network(SMALL))
    with pytest.raises(ValueError, match="labels must be uint8"):
        MaskSpaceForecaster(network)(clip()[:10])
