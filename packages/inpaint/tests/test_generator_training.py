from __future__ import annotations

import json
import logging
from dataclasses import replace

import cv2
import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.common.weights import load_state_dict
from maskreel.inpaint.commands.train_fill import DEFAULTS, train_fill
from maskreel.inpaint.generator import SmallInpainter, load_generator
from maskreel.inpaint.generator._pictures import made_picture

pytest.importorskip("mmengine")

QUICK = replace(
    DEFAULTS, steps=4, batch_size=2, threads=1, checkpoint_every=2, evaluate_every=2, samples_every=4, log_every=1
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def trained(cache, tmp_path_factory):
    output = tmp_path_factory.mktemp("run") / "whole"
    assert train_fill(output, QUICK, cache=cache, rendered=4, watched=3, side=64) == 0
    return output


def test_a_training_leaves_weights_record_log_and_pictures(trained):
    record = json.loads((trained / "generator.json").read_text())
    assert record["steps"] == 4
    assert record["data"].startswith("4 rendered pictures")
    assert set(record["quality"]) == {
        f"{guess}{measure}" for guess in ("", "guess_") for measure in ("psnr", "ssim", "sharpness")
    }
    lines = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    assert any("pixels" in str(line) for line in lines)
    assert list((trained / "samples").iterdir())
    painter = SmallInpainter(trained / "generator.safetensors")
    assert repr(painter).startswith("SmallInpainter(generator.safetensors ")


def test_what_is_evaluated_and_kept_is_the_network_that_was_best(trained):
    kept = load_generator(trained / "generator.safetensors").state_dict()
    best = load_state_dict(trained / "best.safetensors")
    for name, value in best.items():
        assert torch.equal(kept[name], value.half().float())


def test_goes_on_where_it_was_killed(cache, trained, tmp_path, monkeypatch):
    from maskreel.inpaint.generator import FillTask

    steps, losses = [], FillTask.losses

    def interrupted(self, module, batch):
        steps.append(len(steps))
        if len(steps) == 4:
            raise KeyboardInterrupt
        return losses(self, module, batch)

    monkeypatch.setattr(FillTask, "losses", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_fill(tmp_path / "run", QUICK, cache=cache, rendered=4, watched=3, side=64)
    monkeypatch.undo()
    assert train_fill(tmp_path / "run", QUICK, cache=cache, rendered=4, watched=3, side=64) == 0
    again, whole = (load_state_dict(run / "final.safetensors") for run in (tmp_path / "run", trained))
    assert all(torch.equal(again[name], value) for name, value in whole.items())


def test_learns_from_pictures_of_ones_own_and_from_earlier_weights(cache, trained, tmp_path, caplog):
    import numpy as np

    given = tmp_path / "given"
    given.mkdir()
    for seed in range(3):
        cv2.imwrite(str(given / f"{seed}.png"), made_picture(np.random.default_rng(seed), (80, 90)))
    config = replace(QUICK, steps=1, batch_size=1, lr=1e-3, schedule="constant", warmup=0.0)
    weights = trained / "generator.safetensors"
    with caplog.at_level(logging.INFO, logger="maskreel.inpaint"):
        train_fill(tmp_path / "run", config, (given,), cache, rendered=0, watched=2, side=64, weights=weights)
    record = json.loads((tmp_path / "run" / "generator.json").read_text())
    assert record["data"] == f"images and videos of {given}"
    assert "generator.safetensors" in caplog.text
    before, after = (
        load_generator(path).state_dict() for path in (weights, tmp_path / "run" / "generator.safetensors")
    )
    changed = max(float((before[name] - after[name]).abs().max()) for name in before)
    assert 0 < changed < 0.01


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rendered": 0}, "--rendered must be 1 or more, or 0 with --images, got 0"),
        ({"rendered": -1}, "--rendered must be 1 or more"),
        ({"watched": 0}, "--watched must be 1 or more, got 0"),
        ({"side": 60}, "--side must be a multiple of 8 and 64 or more, got 60"),
    ],
)
def test_wrong_options_are_told_before_any_work(tmp_path, options, told):
    with pytest.raises(InputError, match=told):
        train_fill(tmp_path / "run", QUICK, **options)
    assert not (tmp_path / "run").exists()
