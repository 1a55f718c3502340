"""Training of the network of objects that meet, and its forecasts of masks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from maskreel.common.errors import InputError
from maskreel.common.training import TrainingConfig
from maskreel.common.world import Splits, TableScene, write_dataset
from maskreel.vfp.commands.train_interaction import train_interaction
from maskreel.vfp.interaction import (
    EntryPool,
    HeldOut,
    InteractionConfig,
    InteractionForecaster,
    InteractionTask,
    InteractionTransformer,
    Observed,
    Scenarios,
    build_interaction,
    load_interaction,
)
from maskreel.vfp.objects import Motion, Solid, Table, TableCamera
from maskreel.vfp.objects.paint import paint
from maskreel.vfp.objects.tracks import Track, tracks

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

CAMERA = TableCamera(258.0, 0.59, 14.7, (160, 240))
SOLIDS = (Solid(0, 0.84, 1.62), Solid(1, 1.0, 2.0), Solid(2, 0.9, 1.61))
SMOOTH = Motion((0.0, 0.0, 0.0), 0.9, 0.0, (-1.0, 0.5))
TABLE = Table(CAMERA, SOLIDS, 0.015, (SMOOTH,))
SMALL = InteractionConfig(width=32, layers=2, heads=2, feed_forward=64)


def head_on(count: int, seed: int) -> Scenarios:
    """Spheres that come from both sides on one line, without friction: only collisions change speeds."""
    side = np.array([-1.0, 1.0] * 20)
    far = np.linspace(8, 11, 40)
    place = np.stack([side * far, np.full(40, 22.0)], -1)
    velocity = np.stack([-side * np.linspace(0.5, 0.8, 40), np.zeros(40)], -1)
    entries = EntryPool(np.zeros(40, int), np.ones(40, int), np.zeros(40, int), place, velocity)
    return Scenarios(TABLE, entries, count, objects=(2, 2), seed=seed, slots=2)


def error(places: torch.Tensor, batch: dict[str, torch.Tensor]) -> float:
    off = torch.linalg.vector_norm(places[:, :, -1] - batch["future"][:, :, -1], dim=-1)
    return float(off[batch["known"][:, :, -1]].mean())


def test_a_little_training_beats_constant_velocity_where_things_collide():
    torch.manual_seed(0)
    network = build_interaction(SMALL)
    task, seen = InteractionTask(network), head_on(1500, 0)
    unseen = default_collate([clip for clip in head_on(200, 1)])  # noqa: C416 (a list of items)
    observed = Observed.of_items(unseen)
    evenly = error(network.forecast(observed).places, unseen)
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
    items = [seen[index] for index in range(len(seen))]
    for step in range(100):
        batch = default_collate([items[(64 * step + k) % len(items)] for k in range(64)])
        loss = task.losses(network, batch)["nats"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    learned = error(network.forecast(observed).places, unseen)
    assert evenly > 1.0  # collisions do matter
    assert learned < 0.25 * evenly


def walker(label: int, place: tuple[float, float], velocity: tuple[float, float], frames: int) -> Track:
    places = np.array(place) + np.arange(frames)[:, None] * np.array(velocity)
    flags = np.zeros(frames, bool)
    return Track(label, np.arange(frames), places, np.full(frames, 0.015), ~flags, flags, np.zeros(frames))


def test_errors_of_held_out_clips_are_distances_in_the_last_frame():
    """Without friction and collisions all three forecasters are right; with a wrong friction one of them is not."""
    clip = [walker(17, (-5.0, 20.0), (0.5, 0.0), 22), walker(33, (5.0, 26.0), (-0.1, 0.2), 22)]
    network = build_interaction(SMALL).eval()
    found = InteractionTask(network, {"toy": HeldOut(TABLE, [clip], slots=4)}).evaluate(network)
    assert set(found) == {"toy_error", "toy_friction_error", "toy_physics_error"}
    assert max(found.values()) < 0.02
    rough = Table(CAMERA, SOLIDS, 0.015, (Motion((0.0, 0.02, 0.0), 0.9, 0.0, (-1.0, 0.5)),))
    wrong = HeldOut(rough, [clip], slots=4).baselines()
    # The sphere is taken to slow down by 0.02: by 0.02 * 11**2 / 2 after 11 frames, and more for being slow already.
    assert wrong["friction_error"] > 1.21 / 2
    assert wrong["physics_error"] == pytest.approx(wrong["friction_error"], abs=0.05)  # nothing meets
    with torch.no_grad():
        network.answer.bias[-3] += 0.5  # x of the last frame, in units of 4 radii; mirrored runs take it back
        network.answer.bias[-2] += 0.5
    assert HeldOut(TABLE, [clip], slots=4).error(network) == pytest.approx(2.0, abs=0.05)


def test_no_held_out_clips_are_refused():
    with pytest.raises(ValueError, match="clips must hold at least one clip, got none"):
        HeldOut(TABLE, [], slots=4)


def certain(network: InteractionTransformer) -> InteractionTransformer:
    """As sure as can be of its forecasts."""
    with torch.no_grad():
        network.answer.bias[2::3] = -9.0
    return network.eval()


def clip_of(velocity: float) -> np.ndarray:
    """Label maps, uint8 (22, 160, 240), of a sphere that moves and a cylinder that rests."""
    time = np.arange(22)[:, None]
    moving = np.array([-6.0, 20.0]) + time * np.array([velocity, 0.0])
    places = np.stack([moving, np.broadcast_to([4.0, 25.0], (22, 2))], 1)
    return paint(TABLE, (17, 33), places, np.zeros((22, 2)))


def test_a_certain_network_paints_the_future_of_even_motion():
    labels = clip_of(0.3)
    forecast = InteractionForecaster(certain(build_interaction(SMALL)), TABLE, futures=4)
    found = forecast(torch.from_numpy(labels[:11])).likeliest().numpy()
    for label in (17, 33):
        ours, theirs = found == label, labels[21] == label
        assert (ours & theirs).sum() / (ours | theirs).sum() > 0.85


def test_an_unsure_network_spreads_what_it_paints():
    labels = torch.from_numpy(clip_of(0.3)[:11])
    sure = InteractionForecaster(certain(build_interaction(SMALL)), TABLE, futures=16)(labels)
    unsure = InteractionForecaster(build_interaction(SMALL).eval(), TABLE, futures=16)(labels)
    assert unsure.classes == sure.classes == (17, 33)
    assert unsure.probability.max() < sure.probability.max() == 1
    assert (unsure.probability > 0).sum() > 2 * (sure.probability > 0).sum()


def test_the_same_seed_gives_the_same_forecast():
    labels, network = torch.from_numpy(clip_of(0.3)[:11]), build_interaction(SMALL).eval()
    first, second, third = (InteractionForecaster(network, TABLE, futures=8, seed=seed)(labels) for seed in (5, 5, 6))
    torch.testing.assert_close(first.probability, second.probability)
    assert (first.probability != third.probability).any()


def test_tracks_give_the_same_forecast_as_masks():
    labels, network = clip_of(0.3)[:11], build_interaction(SMALL).eval()
    forecast = InteractionForecaster(network, TABLE, futures=4)
    expected = forecast(torch.from_numpy(labels)).probability
    torch.testing.assert_close(forecast.of_tracks(tracks(TABLE, labels)).probability, expected)


def test_more_objects_than_the_network_takes_are_no_error():
    labels = torch.from_numpy(clip_of(0.3)[:11])
    one = InteractionConfig(width=32, layers=1, heads=2, feed_forward=32, objects=1)
    assert len(InteractionForecaster(build_interaction(one).eval(), TABLE, futures=2)(labels).classes) == 1


def test_empty_masks_forecast_nothing():
    found = InteractionForecaster(build_interaction(SMALL).eval(), TABLE, futures=2)(
        torch.zeros(11, 160, 240, dtype=torch.uint8)
    )
    assert found.classes == ()


def test_label_maps_of_another_size_or_type_are_refused():
    forecast = InteractionForecaster(build_interaction(SMALL).eval(), TABLE, futures=2)
    with pytest.raises(ValueError, match=r"labels must have shape \(11, 160, 240\), got \(10, 160, 240\)"):
        forecast(torch.zeros(10, 160, 240, dtype=torch.uint8))
    with pytest.raises(TypeError, match=r"labels must be a torch\.uint8 tensor, got torch\.int64"):
        forecast(torch.zeros(11, 160, 240, dtype=torch.int64))


def test_places_are_drawn_as_widely_as_the_spread_says():
    labels, network = torch.from_numpy(clip_of(0.3)[:11]), build_interaction(SMALL).eval()
    extents = [
        int((InteractionForecaster(network, TABLE, futures=16, spread=spread)(labels).probability > 0).sum())
        for spread in (0.0, 0.5, 1.0)
    ]
    assert extents == sorted(extents)
    assert extents[2] > 1.2 * extents[1] > 2 * extents[0]


def test_no_futures_are_refused():
    with pytest.raises(ValueError, match="futures must be 1 or more, got 0"):
        InteractionForecaster(build_interaction(SMALL), TABLE, futures=0)


def test_a_negative_spread_is_refused():
    with pytest.raises(ValueError, match="spread must be 0 or more, got -1"):
        InteractionForecaster(build_interaction(SMALL), TABLE, spread=-1)


def test_the_verb_trains_measures_and_saves(tmp_path: Path):
    write_dataset(TableScene(), tmp_path / "data", Splits(train=3, val=2), seed=3)
    config = TrainingConfig(steps=2, batch_size=4, device="cpu", threads=1)
    assert (
        train_interaction((tmp_path / "data",), tmp_path / "run", config, SMALL, clips=3, scenarios=8, measured=2) == 0
    )
    assert load_interaction(tmp_path / "run" / "interaction.safetensors").config == SMALL
    record = json.loads((tmp_path / "run" / "interaction.json").read_text())
    assert record["steps"] == 2
    assert record["data"].startswith("8 simulated and 3 real clips of ")
    assert set(record["quality"]) == {"data_error", "data_friction_error", "data_physics_error"}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"clips": 0}, "--clips must be 1 or more, got 0"),
        ({"scenarios": 0}, "--scenarios must be 1 or more, got 0"),
        ({"measured": 0}, "--measured must be 1 or more, got 0"),
        ({"repeats": -1}, "--repeats must be 0 or more, got -1"),
        ({"crowd": (5, 4)}, r"--crowd must rise from 1 or more to at most 10, got \(5, 4\)"),
    ],
)
def test_impossible_flags_are_refused(tmp_path: Path, flags: dict, message: str):
    with pytest.raises(InputError, match=message):
        train_interaction((tmp_path,), tmp_path, **flags)


def test_no_data_set_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="there is nothing to learn from: name data sets"):
        train_interaction((), tmp_path)
