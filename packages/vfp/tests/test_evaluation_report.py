"""Forecasters side by side, what is said about them, and the page."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.common.datasets import VfpFolder
from maskreel.common.world import Splits, TableScene, write_dataset
from maskreel.vfp.data import read_leaderboard
from maskreel.vfp.evaluation import (
    Evaluation,
    ForecastEvaluator,
    ForecastMetric,
    MaskArrayEvaluator,
    Scoreboard,
    as_json,
    clip_events,
    constant_velocity,
    copy_last,
    losers,
    mask_array_writer,
    score_rows,
    seen_objects_bound,
    verdict,
    write_report,
)
from maskreel.vfp.evaluation._strips import clip_strip, pick_clips
from maskreel.vfp.evaluation._words import breakdown_table, frame_rows, frames_by_time

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Said:
    labels: torch.Tensor
    observed: torch.Tensor
    frames: torch.Tensor | None = None


class Knows:
    """A forecaster that looks the clip up; it finds all objects one pixel too far to the right."""

    def __init__(self, videos: VfpFolder, *, perfect: bool = True, predicts_frames: bool = False) -> None:
        self._videos = {video.frames(0, 1).numpy().tobytes(): video for video in videos}
        self._perfect, self._predicts_frames = perfect, predicts_frames
        self.given: list[torch.Tensor | None] = []

    def forecast(self, frames: torch.Tensor, *, observed: torch.Tensor | None = None) -> Said:
        assert frames.shape[:2] == (11, 3)
        self.given.append(observed)
        video = self._videos[frames[:1].numpy().tobytes()]
        labels = labels_of(video)
        found = labels[:11].roll(1, -1) if observed is None else observed
        future = video.frames(11) if self._predicts_frames else None
        return Said(labels[21] if self._perfect else found[0].roll(20, 0), found, future)


def labels_of(video: object) -> torch.Tensor:
    labels = video.labels()  # type: ignore[attr-defined]
    assert labels is not None
    return labels


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> VfpFolder:
    folder = tmp_path_factory.mktemp("data")
    write_dataset(TableScene(size=(64, 96)), folder, Splits(val=4), seed=0, workers=0)
    return VfpFolder(folder, "val")


@pytest.fixture(scope="module")
def evaluation(videos: VfpFolder) -> Evaluation:
    """A perfect forecaster that predicts frames, too, and a bad one."""
    good, bad = Knows(videos, predicts_frames=True), Knows(videos, perfect=False)
    evaluator = ForecastEvaluator({"good": good, "bad": bad}, oracle=["bad"])
    for video in videos:
        forecasts = evaluator.update(video)
        assert list(forecasts) == ["good", "bad"]
        assert torch.equal(forecasts["good"], labels_of(video)[21])
    assert good.given == [None] * 4
    # the second takes what the first has found, then runs once more with the true label maps
    found = [labels_of(video)[:11].roll(shift, -1) for video in videos for shift in (1, 0)]
    assert all(given is not None and torch.equal(given, one) for given, one in zip(bad.given, found, strict=True))
    return evaluator.compute(resamples=100)


def test_rows_are_what_they_are_called(evaluation: Evaluation, videos: VfpFolder) -> None:
    expected = {
        "good": ("forecaster", lambda labels: labels[21]),
        "bad": ("forecaster", lambda labels: labels[0].roll(1, -1).roll(20, 0)),
        "copy-last": ("baseline", lambda labels: labels[10].roll(1, -1)),
        "constant velocity": ("baseline", lambda labels: constant_velocity(labels[:11].roll(1, -1))),
        "copy-last, true masks": ("oracle", lambda labels: copy_last(labels[:11])),
        "constant velocity, true masks": ("oracle", lambda labels: constant_velocity(labels[:11])),
        "bad, true masks": ("oracle", lambda labels: labels[0].roll(20, 0)),
        "perfect on seen objects": ("bound", seen_objects_bound),
    }
    assert evaluation.clips == ("video_0", "video_1", "video_2", "video_3")
    assert [(one.name, one.role) for one in evaluation.standings] == [
        (name, role) for name, (role, _) in expected.items()
    ]
    for name, (_, forecast) in expected.items():
        metric = ForecastMetric()
        for video in videos:
            metric.update(forecast(labels_of(video)), labels_of(video)[21])
        standing = evaluation.standing(name)
        assert standing.score == metric.compute(resamples=100), name
        assert standing.clips == tuple(metric.of_clips().tolist())
        assert standing.gain == pytest.approx(standing.score.iou - evaluation.standing("copy-last").score.iou)
    assert evaluation.standing("good").score.iou == 1


def test_segmentation_is_scored_on_the_observed_frames(evaluation: Evaluation, videos: VfpFolder) -> None:
    metric = ForecastMetric()
    for video in videos:
        labels = labels_of(video)[:11]
        metric.update(labels.roll(1, -1), labels)
    assert evaluation.segmentation == pytest.approx(metric.compute(resamples=1).iou)


def test_predicted_frames_stand_beside_their_baselines(evaluation: Evaluation) -> None:
    assert list(evaluation.frames) == ["good", "copy-last", "linear extrapolation"]
    assert evaluation.frames["good"].overall.mse == 0
    assert 0 < evaluation.frames["copy-last"].overall.mse < evaluation.frames["linear extrapolation"].overall.mse
    assert [row[0] for row in frame_rows(evaluation)] == list(evaluation.frames)
    header, rows = frames_by_time(evaluation)
    assert header[1:] == tuple(str(number) for number in range(12, 23))
    assert rows[0][1:] == ("inf",) * 11
    assert rows[1][1] == f"{evaluation.frames['copy-last'].frames[0].psnr:.2f}"


def test_array_of_masks_is_measured_against_true_baselines(evaluation: Evaluation, videos: VfpFolder) -> None:
    evaluator = MaskArrayEvaluator("mine.npy")
    for video in videos:
        evaluator.update(video, labels_of(video)[0].roll(20, 0))
    found = evaluator.compute(resamples=100)
    assert [one.name for one in found.standings] == [
        "mine.npy",
        "copy-last, true masks",
        "constant velocity, true masks",
        "perfect on seen objects",
    ]
    for name in (one.name for one in found.standings[1:]):
        assert found.standing(name).score == evaluation.standing(name).score
    assert found.standing("mine.npy").score == evaluation.standing("bad, true masks").score
    assert found.standing("copy-last, true masks").gain == 0
    assert (found.segmentation, found.frames) == (None, {})


def test_verdicts(evaluation: Evaluation) -> None:
    good, bad = evaluation.forecasters
    assert losers(evaluation) == [bad]
    assert re.fullmatch(
        r"good scores 1\.000, 0\.\d+ more than copy-last \(0\.\d+\) \(95 % .*\)\.", verdict(good, evaluation)
    )
    assert re.fullmatch(
        r"bad scores 0\.\d+, less than copy-last \(0\.\d+\): giving the mask of frame 11 .* better forecast\.",
        verdict(bad, evaluation),
    )
    assert "as much as copy-last" in verdict(evaluation.standing("copy-last"), evaluation)
    unsure = type(good)("new", "forecaster", good.score, 0.01, (-0.002, 0.02), good.groups, good.clips)
    assert verdict(unsure, evaluation).endswith(
        "but 4 clips are too few to tell it from no gain (95 % interval -0.002…+0.020)."
    )


def test_rows_of_scores(evaluation: Evaluation) -> None:
    rows = score_rows(evaluation)
    assert [row[0] for row in rows] == [one.name for one in evaluation.standings]
    assert rows[0][1] == "1.000"
    assert rows[2][3:5] == ("–", "–")


def test_breakdown_leaves_out_what_is_not_there(evaluation: Evaluation) -> None:
    header, rows = breakdown_table(evaluation.forecasters)
    assert header == ("group", "name", "iou, good", "iou, bad", "count", "shown by good")
    found = {row[1]: row for row in rows}
    scores = {one.name: one for one in evaluation.forecasters[0].groups}
    assert found["all objects"][2:] == ("1.000", found["all objects"][3], str(scores["all objects"].objects), "100%")
    assert {name for name, one in scores.items() if one.objects} <= set(found)
    assert "invented" not in {row[1] for row in breakdown_table(evaluation.forecasters[:1])[1]}


def test_page_says_everything(evaluation: Evaluation, videos: VfpFolder, tmp_path: Path) -> None:
    forecasts = [labels_of(video)[21] for video in videos]
    for generated in (True, False):
        page = tmp_path / f"{generated}.html"
        write_report(
            page,
            evaluation,
            title="a <test>",
            generated=generated,
            videos=[*videos],
            forecast_of=lambda place: forecasts[place],
        )
        text = page.read_text()
        assert "a &lt;test&gt;" in text
        assert ("may not be set against scores on the real data set" in text) == generated
        assert "bad scores 0." in text
        assert "giving the mask of frame 11 once more would be the better forecast" in text
        for word in ("linear extrapolation", "perfect on seen objects", "Best", "Middling", "Worst", "never seen"):
            assert word in text
        assert text.count("<img") == 3  # of 4 clips the best, one of the middle, the worst


def test_strip_shows_errors(videos: VfpFolder) -> None:
    labels = labels_of(videos[0])[21]
    right, wrong = clip_strip(videos[0], labels), clip_strip(videos[0], torch.zeros_like(labels))
    assert right.dtype == torch.uint8
    assert right.shape[2] > 4 * 96
    column = right.shape[2] // 4
    assert torch.equal(right[..., : 2 * column - 8], wrong[..., : 2 * column - 8])
    assert not torch.equal(right[..., -column:], wrong[..., -column:])


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, (1, 0, 0)), (2, (1, 0, 1)), (3, (1, 1, 1)), (8, (2, 2, 2)), (40, (3, 3, 3))]
)
def test_picked_clips_are_the_best_the_middle_and_the_worst(count: int, sizes: tuple[int, int, int]) -> None:
    scores = [((7 * place) % count) / count for place in range(count)]  # 7 and these counts have no common divisor
    picked = pick_clips(scores)
    assert (len(picked.best), len(picked.median), len(picked.worst)) == sizes
    places = (*picked.best, *picked.median, *picked.worst)
    assert len(set(places)) == len(places)
    ranks = [sorted(scores, reverse=True).index(scores[place]) for place in places]
    best, median, worst = ranks[: sizes[0]], ranks[sizes[0] : sizes[0] + sizes[1]], ranks[sizes[0] + sizes[1] :]
    assert best == [*range(sizes[0])]
    assert worst == [count - 1 - i for i in range(sizes[2])]
    assert all(abs(rank - (count - 1) / 2) <= 2 for rank in median)


def test_scores_are_plain_json(evaluation: Evaluation) -> None:
    found = json.loads(json.dumps(as_json(evaluation), allow_nan=False))
    assert found["standings"][0]["score"]["iou"] == 1
    assert found["standings"][0]["groups"][0]["name"] == "all objects"
    assert found["frames"]["good"]["overall"]["psnr"] is None
    assert found["frames"]["copy-last"]["overall"]["psnr"] == evaluation.frames["copy-last"].overall.psnr


def test_mask_arrays_go_to_disk_and_back(tmp_path: Path) -> None:
    masks = torch.randint(0, 49, (3, 4, 5), dtype=torch.uint8)
    with mask_array_writer(tmp_path / "new" / "masks.npy", 3, (4, 5)) as array:
        for place, mask in enumerate(masks):
            array[place] = mask.numpy()
        assert not (tmp_path / "new" / "masks.npy").exists()
    found = read_leaderboard(tmp_path / "new" / "masks.npy", videos=3, size=(4, 5))
    assert np.array_equal(found, masks.numpy())


def test_half_an_array_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"), mask_array_writer(tmp_path / "masks.npy", 3, (4, 5)):
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


def test_refuses(videos: VfpFolder, evaluation: Evaluation) -> None:
    with pytest.raises(ValueError, match=r"name must be one of good, bad, copy-last, .*, got 'best'"):
        evaluation.standing("best")
    with pytest.raises(ValueError, match="forecasters must hold at least one forecaster"):
        ForecastEvaluator({})
    with pytest.raises(ValueError, match="forecasters must not be named copy-last"):
        ForecastEvaluator({"copy-last": Knows(videos)})
    with pytest.raises(ValueError, match="has counted no clip"):
        MaskArrayEvaluator("mine").compute()
    with pytest.raises(ValueError, match="reference must be one of a, got 'b'"):
        Scoreboard({"a": "forecaster"}, "b")
    labels = labels_of(videos[0])
    assert clip_events(labels)
    with pytest.raises(ValueError, match="forecasts must be those of a, got b"):
        Scoreboard({"a": "forecaster"}, "a").update({"b": labels[21]}, labels)
    with pytest.raises(ValueError, match="scores must hold at least one"):
        pick_clips([])


def test_videos_without_label_maps_are_refused(tmp_path: Path) -> None:
    write_dataset(TableScene(size=(32, 48)), tmp_path, Splits(unlabeled=1), seed=0, workers=0)
    video = VfpFolder(tmp_path, "unlabeled")[0]
    with pytest.raises(ValueError, match="video must have label maps, video_0 of the unlabeled split has none"):
        MaskArrayEvaluator("mine").update(video, torch.zeros(32, 48, dtype=torch.uint8))
