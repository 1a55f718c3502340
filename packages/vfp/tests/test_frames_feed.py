"""What a ConvLSTM is fed while it learns."""

from __future__ import annotations

from typing import Any

import torch

from maskreel.vfp.frames import FeedConfig, FramePredictionTask, PredictorConfig, build_predictor
from maskreel.vfp.frames._feed import drawn_feed

SMALL = PredictorConfig(network="convlstm", patch=2, temporal_width=4, temporal_depth=1)


def batch(ahead: int = 4) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    clip = torch.rand(2, 11 + ahead, 3, 8, 8, generator=generator)
    return {"observed": clip[:, :11], "future": clip[:, 11:], "known": torch.ones(2, ahead, dtype=torch.bool)}


def task(**options: Any) -> FramePredictionTask:
    torch.manual_seed(0)
    predictor = build_predictor(SMALL)
    torch.nn.init.normal_(predictor.network.network.conv_last.weight, std=0.1)  # type: ignore[union-attr, arg-type]
    return FramePredictionTask(predictor, feed=FeedConfig(**options))


def test_true_frames_grow_rarer_with_the_batches() -> None:
    known = torch.ones(500, 11, dtype=torch.bool)
    config = FeedConfig(feed="scheduled", feed_decay=0.01, feed_stop=1000)
    shares = [drawn_feed(config, torch.tensor(count), known)[:, 11:].float().mean() for count in (0, 50, 100)]
    assert shares[0] == 1
    assert abs(float(shares[1]) - 0.5) < 0.05
    assert shares[2] == 0
    assert all(drawn_feed(config, torch.tensor(count), known)[:, :11].all() for count in (0, 50, 100))


def test_frames_that_the_clip_does_not_have_are_never_fed() -> None:
    known = torch.tensor([[True, True, False, False]])
    feed = drawn_feed(FeedConfig(feed="scheduled"), torch.tensor(0), known)
    assert feed.tolist() == [[True] * 11 + [True, True, False]]


def test_learns_from_the_answers_to_all_frames() -> None:
    """With every true frame fed, each answer is the network's to all frames before it; written out here."""
    learner, values = task(feed="scheduled", feed_decay=1e-9), batch()
    clip = torch.cat([values["observed"], values["future"]], 1)
    predictor: Any = learner.module
    normal = (clip - predictor.mean) / predictor.std
    answers = predictor.network.network(normal[:, :14], 14, torch.ones(2, 14, dtype=torch.bool))
    expected = (answers - normal[:, 1:]).square().mean()
    assert torch.allclose(learner.losses(learner.module, values)["mse"], expected, rtol=1e-4)


def test_counts_the_batches_and_not_the_predictions() -> None:
    learner = task(feed="reverse")
    counter: Any = learner.module.network
    learner.losses(learner.module, batch())
    learner.losses(learner.module, batch())
    learner.module.predict(torch.zeros(1, 11, 3, 8, 8, dtype=torch.uint8))  # type: ignore[operator]
    assert int(counter.num_batches_tracked) == 2
    assert "network.num_batches_tracked" in learner.module.state_dict()


def test_own_answers_are_what_it_predicts_in_use() -> None:
    learner, values = task(), batch()
    predicted = learner.module(values["observed"], 4)
    expected = ((predicted - values["future"]) / 0.06).square().mean()
    assert torch.allclose(learner.losses(learner.module, values)["mse"], expected, rtol=1e-5)
