"""`ObjectForecaster`, from label maps to where everything will be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from maskreel.common.metrics import MeanIoU
from maskreel.common.world import TableScene
from maskreel.vfp.evaluation import constant_velocity, copy_last
from maskreel.vfp.objects import Doubt, ObjectForecaster, Table
from maskreel.vfp.objects.paint import paint

TABLE = Table.load()
CERTAIN = Doubt(state=0, friction=0, yaw=0, tilt=0, restitution=0)


@pytest.fixture(scope="module")
def clips() -> list[torch.Tensor]:
    """Easy ones, of other seeds than those in data sets."""
    return [torch.from_numpy(TableScene(speed=0.5).labels(seed)) for seed in range(900, 910)]


def score(forecasts: list[torch.Tensor], clips: list[torch.Tensor]) -> float:
    metric = MeanIoU(49)
    for forecast, clip in zip(forecasts, clips, strict=True):
        metric.update(forecast, clip[21])
    return float(metric.compute())


def test_it_beats_copying_and_constant_velocity(clips: list[torch.Tensor]):
    forecaster = ObjectForecaster()
    ours = score([forecaster(clip[:11]).likeliest() for clip in clips], clips)
    copied = score([copy_last(clip[:11]) for clip in clips], clips)
    straight = score([constant_velocity(clip[:11]) for clip in clips], clips)
    assert ours > copied + 0.15
    assert ours > straight + 0.05


def test_it_tells_apart_whether_it_is_sure(clips: list[torch.Tensor]):
    """Where it says a probability of a half or more, it is right more often than where it says less."""
    sure, unsure = [], []
    for clip in clips:
        found = ObjectForecaster(seed=1)(clip[:11])
        truth = torch.stack([clip[21] == label for label in found.classes])
        sure.append(truth[found.probability >= 0.5])
        unsure.append(truth[(found.probability > 0) & (found.probability < 0.5)])
    assert torch.cat(sure).float().mean() > 0.6
    assert torch.cat(unsure).float().mean() < 0.3


def test_the_same_seed_gives_the_same_forecast(clips: list[torch.Tensor]):
    one, two, three = (ObjectForecaster(futures=8, seed=seed)(clips[0][:11]) for seed in (0, 0, 1))
    assert torch.equal(one.probability, two.probability)
    assert not torch.equal(one.probability, three.probability)


def test_futures_without_doubt_are_one_future(clips: list[torch.Tensor]):
    """With one motion."""
    table = replace(TABLE, motions=TABLE.motions[:1])
    many, one = (ObjectForecaster(table, futures=count, doubt=CERTAIN)(clips[1][:11]) for count in (8, 1))
    assert set(many.probability.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(many.probability, one.probability)


def test_a_mirrored_clip_is_forecast_mirrored(clips: list[torch.Tensor]):
    table = replace(TABLE, motions=TABLE.motions[:1])
    forecaster = ObjectForecaster(table, futures=1, doubt=CERTAIN)
    for clip in clips[:4]:
        straight = forecaster(clip[:11]).likeliest()
        mirrored = forecaster(clip[:11].flip(-1)).likeliest().flip(-1)
        assert (straight != mirrored).float().mean() < 0.01


def test_what_slides_alone_stops_where_friction_says():
    """A painted sphere, by hand: v t - a t^2 / 2 after 11 frames."""
    slow = TABLE.motions[1].friction[1]
    times = np.arange(-10, 12.0)
    x = 0.4 * times - slow * times**2 / 2
    places = np.stack([x - 1, np.full(22, 20.0)], -1)[:, None]
    clip = paint(TABLE, [20], places, np.zeros((22, 1)))
    found = (
        ObjectForecaster(replace(TABLE, motions=TABLE.motions[1:2]))(torch.from_numpy(clip[:11])).likeliest().numpy()
    )
    assert ((found == 20) & (clip[21] == 20)).sum() > 0.9 * ((found == 20) | (clip[21] == 20)).sum()


def test_nothing_in_sight():
    found = ObjectForecaster()(torch.zeros((11, 160, 240), dtype=torch.uint8))
    assert found.classes == ()
    assert not found.likeliest().any()


def test_a_class_in_one_frame_only():
    """In the newest it stays where it is; in an older one it was a mistake."""
    labels = torch.zeros((11, 160, 240), dtype=torch.uint8)
    spot = torch.from_numpy(paint(TABLE, [7], np.array([[[0.0, 20.0]]]), np.zeros((1, 1)))[0])
    labels[10] = spot
    found = ObjectForecaster(futures=16)(labels)
    assert found.classes == (7,)
    assert (found.likeliest() == 7)[spot == 7].float().mean() > 0.8
    assert ObjectForecaster(futures=16)(labels.roll(-4, 0)).classes == ()


def test_bad_arguments():
    with pytest.raises(ValueError, match="futures must be 1 or more, got 0"):
        ObjectForecaster(futures=0)
    with pytest.raises(ValueError, match=r"labels must have shape \(11, 160, 240\), got \(22, 160, 240\)"):
        ObjectForecaster()(torch.zeros((22, 160, 240), dtype=torch.uint8))
    with pytest.raises(TypeError, match=r"labels must be a torch.uint8 tensor"):
        ObjectForecaster()(torch.zeros((11, 160, 240)))
