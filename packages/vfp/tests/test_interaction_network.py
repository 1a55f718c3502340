"""The network of objects that meet: what it is given, and what may not change its answer."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.vfp.interaction import (
    InteractionConfig,
    InteractionTransformer,
    Observed,
    Outlook,
    build_interaction,
    load_interaction,
    save_interaction,
)
from maskreel.vfp.interaction import _build as build_module
from maskreel.vfp.interaction._features import (
    OBJECT_FEATURES,
    PAIR_FEATURES,
    object_features,
    pair_features,
    velocities,
)
from maskreel.vfp.interaction._losses import laplace_loss
from maskreel.vfp.objects.tracks import Track

if TYPE_CHECKING:
    from pathlib import Path

SMALL = InteractionConfig(width=16, layers=2, heads=2, feed_forward=16)


def trained(config: InteractionConfig = SMALL) -> InteractionTransformer:
    """Weights that are all different from those of a new network, so that every part of it has an effect."""
    torch.manual_seed(0)
    network = build_interaction(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return network.eval()


def clips(count: int = 3, objects: int = 4) -> Observed:
    """Objects on straight ways, with noise, some of them not seen in some frames."""
    generator = torch.Generator().manual_seed(1)
    start, velocity = torch.randn(2, count, objects, 1, 2, generator=generator).unbind()
    places = 5 * start + velocity * torch.arange(11.0)[:, None] + 0.1 * torch.randn(1, 1, 11, 2, generator=generator)
    seen = torch.rand(count, objects, 11, generator=generator) < 0.8
    shape = torch.randint(3, (count, objects), generator=generator)
    yaw = torch.where(shape == 0, torch.rand(count, objects, generator=generator) - 0.5, torch.nan)
    return Observed(places, 0.03 * seen, shape, yaw)


def reordered(observed: Observed, order: list[int]) -> Observed:
    return Observed(*(getattr(observed, field.name)[:, order] for field in fields(observed)))


def way(velocity: tuple[float, float], place: tuple[float, float], last: int = 10) -> Observed:
    """One object on an even way until frame `last`, when it is at `place`."""
    time = torch.arange(11.0) - last
    places = torch.tensor(place) + time[:, None] * torch.tensor(velocity)
    deviation = torch.where(time <= 0, 0.02, 0.0)
    return Observed(places[None, None], deviation[None, None], torch.ones(1, 1, dtype=torch.int64), torch.zeros(1, 1))


def test_velocity_of_an_even_way_is_found():
    torch.testing.assert_close(
        velocities(way((0.5, -1.0), (3.0, 20.0))), torch.tensor([[[0.5, -1.0]]]), atol=1e-3, rtol=0
    )


def test_unsure_places_hardly_count_for_the_velocity():
    observed = way((0.5, 0.0), (0.0, 20.0))
    observed.places[0, 0, 8] += 3.0
    unsure = observed.deviation.clone()
    unsure[0, 0, 8] = 5.0
    assert abs(velocities(observed)[0, 0, 1]) > 0.2
    assert abs(velocities(replace(observed, deviation=unsure))[0, 0, 1]) < 1e-3


def test_only_the_newest_four_sightings_tell_the_velocity():
    observed = way((0.5, 0.0), (0.0, 20.0))
    observed.places[0, 0, :7] = 50.0
    torch.testing.assert_close(velocities(observed)[0, 0], torch.tensor([0.5, 0.0]), atol=1e-3, rtol=0)


def test_an_object_seen_once_has_no_velocity():
    observed = way((0.5, 0.0), (0.0, 20.0))
    once = replace(observed, deviation=observed.deviation * (torch.arange(11) == 4))
    assert velocities(once).abs().max() == 0
    torch.testing.assert_close(once.last_places[0, 0], observed.places[0, 0, 4])


def test_features_have_their_sizes_and_are_finite():
    observed = clips()
    velocity = velocities(observed)
    assert object_features(observed, velocity).shape == (3, 4, OBJECT_FEATURES)
    assert pair_features(observed, velocity).shape == (3, 4, 4, PAIR_FEATURES)
    assert object_features(observed, velocity).isfinite().all()


def test_pair_features_tell_when_and_how_near_two_will_meet():
    """Two objects 8 radii apart that close in at 2 radii a frame and pass each other 1 radius apart, after 4 frames."""
    one, other = way((1.0, 0.0), (0.0, 20.0)), way((-1.0, 0.0), (8.0, 21.0))
    both = Observed(*(torch.cat([getattr(part, field.name) for part in (one, other)], 1) for field in fields(Observed)))
    pair = pair_features(both, velocities(both))[0, 0, 1]
    torch.testing.assert_close(pair[:2] * 4.0, torch.tensor([8.0, 1.0]), atol=1e-2, rtol=0)
    assert pair[5] * 11 == pytest.approx(4.0, abs=0.02)
    assert pair[6] * 4.0 == pytest.approx(1.0, abs=0.02)


def test_a_new_network_expects_even_motion():
    outlook = build_interaction(SMALL)(way((0.5, -0.25), (3.0, 20.0), last=8))
    torch.testing.assert_close(
        outlook.places[0, 0, -1], torch.tensor([3.0 + 0.5 * 13, 20.0 - 0.25 * 13]), atol=0.02, rtol=0
    )


def test_the_order_of_the_objects_changes_only_the_order_of_the_answer():
    network, observed, order = trained(), clips(), [2, 0, 3, 1]
    ours, theirs = network(observed), network(reordered(observed, order))
    torch.testing.assert_close(theirs.places, ours.places[:, order], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(theirs.log_scale, ours.log_scale[:, order], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("emptied", ["shape", "deviation"])
def test_empty_slots_change_nothing(emptied: str):
    network, observed = trained(), clips()
    expected = network(reordered(observed, [0, 1]))
    nothing = getattr(observed, emptied).clone()
    nothing[:, 2:] = {"shape": -1, "deviation": 0}[emptied]
    found = network(replace(observed, **{emptied: nothing}))
    torch.testing.assert_close(found.places[:, :2], expected.places, atol=1e-4, rtol=1e-4)
    assert found.places[:, 2:].abs().max() == 0


def test_an_object_that_is_there_does_change_the_others():
    network, observed = trained(), clips()
    assert (network(observed).places[:, :2] - network(reordered(observed, [0, 1])).places).abs().max() > 0.01


def test_a_clip_without_objects_gives_finite_numbers():
    observed = clips()
    outlook = trained()(replace(observed, shape=torch.full_like(observed.shape, -1)))
    assert outlook.places.abs().max() == 0
    assert outlook.log_scale.isfinite().all()


def test_what_is_said_of_unseen_frames_does_not_matter():
    network, observed = trained(), clips()
    other = torch.where(observed.seen[..., None], observed.places, 77.0)
    torch.testing.assert_close(network(replace(observed, places=other)).places, network(observed).places)


def test_the_answer_moves_with_the_clip():
    network, observed, shift = trained(), clips(), torch.tensor([4.0, -7.0])
    ours, theirs = network(observed), network(replace(observed, places=observed.places + shift))
    torch.testing.assert_close(theirs.places, ours.places + shift, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(theirs.log_scale, ours.log_scale, atol=1e-3, rtol=1e-3)


def test_a_mirrored_clip_has_a_mirrored_forecast():
    network, observed = trained(), clips()
    ours, theirs = network.forecast(observed), network.forecast(observed.mirrored())
    turn = torch.tensor([-1.0, 1.0])
    torch.testing.assert_close(theirs.places, ours.places * turn, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(theirs.log_scale, ours.log_scale, atol=1e-4, rtol=1e-4)
    alone = network(observed.mirrored()).places * turn - network(observed).places
    assert alone.abs().max() > 0.01  # else there would be nothing to average


def test_disagreement_with_the_mirror_image_is_doubt():
    network, observed = trained(), clips()
    theirs = network(observed.mirrored()).log_scale.exp()
    mean = (network(observed).log_scale.exp() + theirs) / 2
    assert (network.forecast(observed).log_scale.exp() > mean).all()


def test_only_chosen_clips_are_mirrored():
    observed = clips()
    found = observed.mirrored(torch.tensor([1.0, -1.0, 1.0]))
    torch.testing.assert_close(found.places[0], observed.places[0])
    torch.testing.assert_close(found.places[1, ..., 0], -observed.places[1, ..., 0])
    torch.testing.assert_close(found.yaw[1], -observed.yaw[1], equal_nan=True)


def test_the_loss_is_that_of_laplace_distributions():
    generator = torch.Generator().manual_seed(2)
    places, future = torch.randn(2, 2, 3, 11, 2, generator=generator).unbind()
    log_scale = torch.randn(2, 3, 11, generator=generator)
    weight = torch.randint(3, (2, 3, 11), generator=generator)
    nats = -torch.distributions.Laplace(places, log_scale.exp()[..., None]).log_prob(future).mean(-1)
    expected = (nats * weight).sum() / weight.sum()
    torch.testing.assert_close(laplace_loss(Outlook(places, log_scale), future, weight), expected)


def test_unknown_futures_have_no_gradient():
    places = torch.zeros(1, 1, 11, 2, requires_grad=True)
    log_scale = torch.zeros(1, 1, 11, requires_grad=True)
    future = torch.full((1, 1, 11, 2), torch.nan)
    future[0, 0, 4] = 1.0
    known = future.isfinite().all(-1)
    laplace_loss(Outlook(places, log_scale), future, known).backward()
    assert places.grad is not None
    assert places.grad.isfinite().all()
    assert (places.grad.abs().sum(-1) > 0).sum() == 1


def test_saved_networks_answer_alike(tmp_path: Path):
    network, observed = trained(), clips()
    save_interaction(network, tmp_path / "net.safetensors")
    loaded = load_interaction(tmp_path / "net.safetensors")
    assert loaded.config == SMALL
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    torch.testing.assert_close(loaded(observed).places, network(observed).places, atol=0.05, rtol=0.01)


def test_weights_of_another_layout_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    save_interaction(trained(), tmp_path / "net.safetensors")
    monkeypatch.setitem(build_module.EXPECTS, "layout", 99)
    with pytest.raises(InputError, match="was saved for layout 1, expected 99"):
        load_interaction(tmp_path / "net.safetensors")


def test_more_objects_than_the_network_takes_are_refused():
    with pytest.raises(ValueError, match="observed must have at most 3 slots, got 4"):
        trained(replace(SMALL, objects=3))(clips())


@pytest.mark.parametrize("name", ["width", "layers", "heads", "feed_forward", "objects"])
def test_sizes_of_nothing_are_refused(name: str):
    with pytest.raises(ValueError, match=f"{name} must be 1 or more, got 0"):
        InteractionConfig(**{name: 0})


def test_a_width_that_heads_cannot_share_is_refused():
    with pytest.raises(ValueError, match=r"width must be a multiple of heads \(3\), got 128"):
        InteractionConfig(heads=3)


def test_arrays_that_do_not_fit_are_refused():
    observed = clips()
    with pytest.raises(ValueError, match="deviation must have shape"):
        replace(observed, deviation=observed.deviation[:, :1])


def track(label: int, frames: list[int], turns: list[float]) -> Track:
    count = len(frames)
    places = np.stack([np.array(frames, float), np.zeros(count)], -1)
    flags = np.zeros(count, bool)
    return Track(label, np.array(frames), places, np.full(count, 0.1), ~flags, flags, np.array(turns))


def test_tracks_fill_the_slots_up_to_frame_10():
    observed = Observed.of_tracks([track(1, [3, 9, 12], [0.1, 0.2, 0.3]), track(20, [0], [0.0])], 3)
    assert observed.shape.tolist() == [[0, 1, -1]]
    assert observed.seen[0, 0].nonzero().flatten().tolist() == [3, 9]
    assert observed.last.tolist() == [[9, 0, 0]]
    assert observed.places[0, 0, 9].tolist() == [9.0, 0.0]
    assert observed.yaw[0, 0].item() == pytest.approx(0.2)
    assert observed.yaw[0, 1:].isnan().all()


def test_more_tracks_than_slots_are_refused():
    with pytest.raises(ValueError, match="clip must hold at most 1 tracks, got 2"):
        Observed.of_tracks([track(1, [0], [0.0]), track(2, [0], [0.0])], 1)
