"""Every option has an effect: one changed field, another outcome of the same short training."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import pytest
import torch

from maskreel.vfp.frames import (
    FeedConfig,
    FrameLoss,
    FramePredictionTask,
    PredictorConfig,
    VideoWindows,
    WindowConfig,
    build_predictor,
)

SMALL = PredictorConfig(patch=2, spatial_width=4, temporal_width=8, temporal_depth=2, mlp_ratio=1.0)


@dataclass(frozen=True)
class Setting:
    predictor: PredictorConfig = SMALL
    windows: WindowConfig = field(default_factory=lambda: WindowConfig(mirror=False, brightness=0.0))
    loss: FrameLoss = field(default_factory=FrameLoss)
    feed: FeedConfig = field(default_factory=FeedConfig)


def outcome(setting: Setting) -> list[float]:
    """Losses of two steps on two clips, and the length of the prediction."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 24, 3, 4, 4, generator=generator).repeat_interleave(2, -1).repeat_interleave(2, -2)
    windows = VideoWindows(list((coarse * 255).byte()), setting.windows)
    torch.manual_seed(1)
    task = FramePredictionTask(build_predictor(setting.predictor).train(), loss=setting.loss, feed=setting.feed)
    found = [float(len(windows))]
    for step in range(2):
        torch.manual_seed(10 + step)
        batch = torch.utils.data.default_collate([windows[0], windows[len(windows) - 1]])
        loss = torch.stack(list(task.losses(task.module, batch).values())).sum()
        found.append(float(loss.detach()))
        gradients = torch.autograd.grad(loss, list(task.module.parameters()), allow_unused=True)
        with torch.no_grad():
            for parameter, gradient in zip(task.module.parameters(), gradients, strict=True):
                parameter -= 0 if gradient is None else 0.05 * gradient.sign()
    return found


def changed(setting: Setting, part: str, **options: Any) -> Setting:
    return replace(setting, **{part: replace(getattr(setting, part), **options)})


PLAIN = Setting()
SKIPPING = changed(PLAIN, "windows", strides=(1, 2))
ROLLING = changed(PLAIN, "predictor", head="rollout")
RECURRENT = changed(PLAIN, "predictor", network="convlstm")
SCHEDULED = changed(RECURRENT, "feed", feed="scheduled", feed_decay=0.5, feed_stop=10)
REVERSE = changed(RECURRENT, "feed", feed="reverse", feed_start=0, feed_stop=2, feed_scale=1.0)

CASES: list[tuple[Setting, str, dict[str, Any]]] = [
    (PLAIN, "predictor", {"network": "tau"}),
    (PLAIN, "predictor", {"network": "incepu"}),
    (PLAIN, "predictor", {"network": "convlstm"}),
    (changed(PLAIN, "predictor", network="incepu"), "predictor", {"network": "original"}),
    (PLAIN, "predictor", {"head": "direct"}),
    (PLAIN, "predictor", {"head": "rollout"}),
    (PLAIN, "predictor", {"patch": 1}),
    (PLAIN, "predictor", {"residual": False}),
    (PLAIN, "predictor", {"newest_skip": False}),
    (PLAIN, "predictor", {"spatial_width": 6}),
    (PLAIN, "predictor", {"spatial_depth": 4}),
    (PLAIN, "predictor", {"temporal_width": 6}),
    (PLAIN, "predictor", {"temporal_depth": 3}),
    (PLAIN, "predictor", {"mlp_ratio": 2.0}),
    (PLAIN, "predictor", {"drop_path": 0.9}),
    (PLAIN, "predictor", {"mean": (0.4, 0.5, 0.5)}),
    (PLAIN, "predictor", {"std": (0.06, 0.06, 0.09)}),
    (RECURRENT, "predictor", {"temporal_width": 6}),
    (RECURRENT, "predictor", {"temporal_depth": 3}),
    (RECURRENT, "predictor", {"residual": False}),
    (RECURRENT, "predictor", {"patch": 1}),
    (ROLLING, "windows", {"ahead": 3}),
    (PLAIN, "windows", {"strides": (1, 2)}),
    (SKIPPING, "windows", {"least_observed": 4}),
    (SKIPPING, "windows", {"least_future": 3}),
    (PLAIN, "windows", {"mirror": True}),
    (PLAIN, "windows", {"brightness": 0.3}),
    (PLAIN, "loss", {"l1": 0.5}),
    (PLAIN, "loss", {"divergence": 0.1}),
    (PLAIN, "loss", {"changed": 3.0}),
    (RECURRENT, "feed", {"feed": "scheduled"}),
    (RECURRENT, "feed", {"feed": "reverse"}),
    (SCHEDULED, "feed", {"feed_stop": 1}),
    (SCHEDULED, "feed", {"feed_decay": 0.99}),
    (REVERSE, "feed", {"feed_start": 1}),
    (REVERSE, "feed", {"feed_stop": 1}),
    (REVERSE, "feed", {"feed_scale": 1e-3}),
]


@pytest.mark.parametrize(("setting", "part", "options"), CASES)
def test_option_changes_the_outcome(setting: Setting, part: str, options: dict[str, Any]) -> None:
    before = outcome(setting)
    assert before == outcome(setting)
    assert before != outcome(changed(setting, part, **options))


def test_every_option_is_walked() -> None:
    walked = {(part, name) for _, part, options in CASES for name in options}
    known = {(part.name, one.name) for part in fields(Setting) for one in fields(getattr(PLAIN, part.name))}
    assert walked == known


def test_only_a_convlstm_can_be_fed_otherwise() -> None:
    with pytest.raises(ValueError, match="feed must be own with the network simvp, got scheduled"):
        FramePredictionTask(build_predictor(SMALL), feed=FeedConfig(feed="scheduled"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feed": "reverse", "feed_start": 5, "feed_stop": 5}, "feed_start must be 0 or more, below feed_stop, got 5"),
        ({"feed_decay": 0.0}, "feed_decay must be above 0"),
        ({"feed_scale": 0.0}, "feed_scale must be above 0"),
    ],
)
def test_refuses_schedules_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FeedConfig(**options)
