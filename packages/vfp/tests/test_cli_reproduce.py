"""`maskreel vfp reproduce`: the whole chain, very small."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from maskreel.common.cli import main
from maskreel.vfp.frames import PredictorConfig

if TYPE_CHECKING:
    from pathlib import Path

module = importlib.import_module("maskreel.vfp.commands.reproduce")  # by name, for the package holds its function


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The profile smoke with next to no training."""
    smoke = module.PROFILES["smoke"]
    profile = replace(
        smoke,
        train=4,
        val=2,
        predictor=PredictorConfig(spatial_width=8, temporal_width=8, temporal_depth=2),
        predictor_training=replace(smoke.predictor_training, steps=2, batch_size=2),
        segmenter_training=replace(smoke.segmenter_training, steps=1, batch_size=2),
    )
    monkeypatch.setitem(module.PROFILES, "smoke", profile)


@pytest.mark.usefixtures("tiny")
def test_the_chain_ends_with_masks_and_scores_and_is_not_run_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["vfp", "reproduce", "-o", str(tmp_path), "--threads", "1", "--device", "cpu"]
    assert main(words) == 0
    masks = np.load(tmp_path / "masks.npy")
    assert masks.shape == (2, 160, 240)
    scores = json.loads((tmp_path / "report" / "scores.json").read_text())
    assert scores["split"] == "val"
    for made in ("statistics.json", "predictor/predictor.json", "segmenter/segmenter.json", "report/report.html"):
        assert (tmp_path / made).is_file()
    folds = json.loads((tmp_path / "folds" / "folds.json").read_text())
    assert sorted(number for fold in folds for number in fold["unseen"]) == [0, 1, 2, 3]

    def repeated(*_: object, **__: object) -> None:
        pytest.fail("a finished step was run again")

    for verb in ("train", "blur", "train_segmenter", "evaluate", "predict", "stats", "forecast"):
        monkeypatch.setattr(module, verb, repeated)
    assert main(words) == 0
    assert main([*words, "--profile", "seed"]) == 2
    assert "holds a run of" in capsys.readouterr().err


def test_the_seed_profile_is_that_of_the_original() -> None:
    seed = module.PROFILES["seed"]
    assert (seed.predictor.spatial_width, seed.predictor.temporal_width) == (64, 256)
    assert (seed.predictor.spatial_depth, seed.predictor.temporal_depth) == (4, 8)
    assert (seed.predictor_training.epochs, seed.predictor_training.batch_size) == (51, 16)
    assert (seed.segmenter, seed.segmenter_training.steps, seed.segmenter_training.batch_size) == ("resnet50", 5000, 60)
