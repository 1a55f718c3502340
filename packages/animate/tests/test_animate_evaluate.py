from __future__ import annotations

import csv
import json
import math
from fractions import Fraction
from pathlib import Path

import pytest
import torch

import maskreel.common.world
from maskreel.animate.commands.evaluate import evaluate
from maskreel.animate.data import ClipPath
from maskreel.animate.evaluation import (
    ANIMATION,
    METHODS,
    OTHER,
    RECONSTRUCTION,
    SAME,
    Gallery,
    Goal,
    Row,
    animate,
    animate_video,
    evaluate_case,
    goal_words,
    goals,
    means_of,
    stored_case,
    table_of,
    world_case,
    write_tables,
)
from maskreel.animate.evaluation._difference import difference_masks
from maskreel.animate.metrics import regions
from maskreel.animate.model import AnimationModel, ModelConfig, Source
from maskreel.animate.weights import save_model
from maskreel.common.masks import dilate
from maskreel.common.video import Clip, write
from maskreel.common.world import ActorsScene

SMALL = ModelConfig(
    size=64, factor=2, depth=3, mask_width=4, refiner_width=4, low_width=8, low_blocks=1, high_width=4, widest=16
)


class Boxed(AnimationModel):
    """Sees the subject in the same place of every picture; without training, m sees it everywhere."""

    def masks(self, images: torch.Tensor) -> torch.Tensor:
        masks = images.new_zeros(len(images), 1, 32, 32)
        masks[..., 6:28, 8:24] = 1
        return masks

    def refined(self, source: Source, masks: torch.Tensor, *, perturbed: bool = False) -> torch.Tensor:
        return 0.9 * masks


def small_model() -> AnimationModel:
    torch.manual_seed(0)
    return Boxed(SMALL).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def case():
    return world_case(3, size=64, frames=3)


@pytest.fixture(scope="module")
def result(case):
    return evaluate_case(small_model(), case, 3)


def scores(result, task: str, method: str) -> dict[str, float]:
    (found,) = [row.scores for row in result.rows if (row.task, row.method) == (task, method)]
    return found


def test_identity_pose_and_place_are_exchanged_one_by_one(case):
    inside = regions(case.target_masks, margin=1).inside[:, None].expand_as(case.target)
    assert inside.sum() > 300
    alike = (case.target == case.swapped)[inside].float().mean()  # all but a soft edge between arm and body
    assert alike > 0.85  # the same person in the same pose
    assert (case.target == case.driving)[inside].float().mean() < 0.1
    far = ~dilate(case.target_masks, 3)[:, None].expand_as(case.target)
    for pictures, plate in ((case.target, case.plate), (case.swapped, case.third_plate)):
        unlike = (pictures.short() - plate.short()).abs()[far]
        assert (unlike > 3).float().mean() < 0.05  # a shadow on the floor, no more
    first = ~dilate(case.source_mask, 3)[:, None].expand_as(case.source)
    assert ((case.source.short() - case.plate.short()).abs()[first] > 3).float().mean() < 0.05


def test_cases_are_reproducible_and_differ(case):
    again, other = world_case(3, size=64, frames=3), world_case(4, size=64, frames=3)
    assert all(torch.equal(part, vars(again)[name]) for name, part in vars(case).items())
    assert not torch.equal(case.source, other.source)
    with pytest.raises(ValueError, match="frames 1 or more, got 3 and 0"):
        world_case(3, size=64, frames=0)


def test_all_of_a_case_are_filmed_from_the_same_distance(monkeypatch):
    """Else nobody could know how tall the source's person is in the driving video."""
    compose, seen = ActorsScene.compose, []
    monkeypatch.setattr(
        ActorsScene, "compose", lambda scene, *seeds: seen.append(scene.person_height) or compose(scene, *seeds)
    )
    for number in range(2):
        world_case(number, size=32, frames=1)
    first, second = set(seen[:5]), set(seen[5:])
    assert len(seen) == 10
    assert len(first) == len(second) == 1
    assert first != second
    assert all(0.7 <= height <= 0.84 for height in first | second)


def test_a_stored_case_is_rendered_once(case, tmp_path, monkeypatch):
    stored_case(tmp_path, 3, size=64, frames=3)
    monkeypatch.setattr(maskreel.common.world, "ActorsScene", None, raising=False)
    read = stored_case(tmp_path, 3, size=64, frames=3)
    assert all(torch.equal(part, vars(read)[name]) for name, part in vars(case).items())


def test_difference_needs_neither_plate_nor_shadow_to_explain_a_pixel():
    plate = torch.full((1, 3, 4, 4), 100, dtype=torch.uint8)
    target = plate.clone()
    target[..., 0] = 60  # a shadow
    subject = torch.zeros(1, 4, 4, dtype=torch.bool)
    subject[:, 1, 1] = True
    target[:, :, 1, 1] = 200
    made = plate.clone()
    made[:, :, 0, 0] = 60  # in the shadow, as it should be
    made[:, 0, 1, 1] = 126  # of the subject, by one channel
    made[:, 0, 1, 2] = 125  # too near to the plate
    made[:, 2, 3, 3] = 10  # a fault of the background
    seen = difference_masks(made, plate, target, subject)
    assert seen.nonzero().tolist() == [[0, 1, 1], [0, 3, 3]]


def test_the_exact_result_is_without_fault(result):
    for task in (RECONSTRUCTION, ANIMATION, SAME, OTHER):
        exact = scores(result, task, "exact result")
        assert exact["l1"] == 0
        assert exact["ssim"] == pytest.approx(1)
        assert exact["psnr"] == math.inf
        assert exact["iou_difference"] > 0.85
    for task in (SAME, OTHER):
        assert abs(scores(result, task, "exact result")["leak"]) < 0.02
        assert scores(result, task, "exact result")["bleed"] == 0


def test_copies_are_scored_against_the_exact_result(case, result):
    for task, target in ((RECONSTRUCTION, case.own), (ANIMATION, case.target)):
        expected = (case.source.float() - target.float()).abs().mean() / 255
        assert scores(result, task, "copy")["l1"] == pytest.approx(expected.item(), rel=1e-5)
        assert torch.equal(result.pictures[task]["copy"], case.source.expand_as(target))


def test_leak_tells_a_swap_from_none(result):
    for task in (SAME, OTHER):
        assert scores(result, task, "no swap")["leak"] == pytest.approx(1)
        assert scores(result, task, "no swap")["bleed"] == 0
        for method in ("composite", "lock"):
            assert scores(result, task, method)["leak_own"] == 0
    assert math.isnan(scores(result, OTHER, "network")["ghost"])
    assert scores(result, SAME, "paste")["ghost"] > 0.05  # the third picture's own subject is still there


def test_raw_and_refined_are_those_of_the_model(case, result):
    model = small_model()
    with torch.inference_mode():
        source, masks = model.source(case.source.float() / 255), model.masks(case.driving.float() / 255)
        refined = model.refined(source, masks)
        for method, mask in (("raw", masks), ("refined", refined)):
            expected = (model.pictures(source, mask)[1] * 255).round().byte()
            assert torch.equal(result.pictures[ANIMATION][method], expected)
        _, swapped = model.swapped(
            model.pictures(source, refined)[1], refined, case.third_plate.float() / 255, torch.zeros_like(masks[:1])
        )
    assert (result.pictures[OTHER]["network"].short() - (swapped * 255).round().short()).abs().max() <= 1


def test_methods_are_checked(case):
    with pytest.raises(ValueError, match="methods must be among copy, paste, raw, refined, composite, got magic"):
        animate(small_model(), case.source, case.driving).results(["copy", "magic"])


def test_means_are_over_videos_and_leave_out_what_is_not_finite():
    rows = [
        Row("a", "t", "m", {"l1": 0.1, "psnr": math.inf, "ghost": math.nan}),
        Row("b", "t", "m", {"l1": 0.3, "psnr": 20.0, "ghost": math.nan}),
    ]
    means = means_of(rows)["t"]["m"]
    assert means["l1"][0] == pytest.approx(0.2)
    assert means["psnr"] == (20, 20, 20)
    assert math.isnan(means["ghost"][0])
    header, cells = table_of({"m": means}, ["ghost", "l1", "iou"])
    assert header == ("method", "ghost", "l1")
    assert cells == [("m", "–", "0.2000 (0.1000…0.3000)")]
    assert table_of({"m": means}, ["psnr"], intervals=False)[1] == [("m", "20.00")]


def test_tables_are_written(tmp_path):
    rows = [Row("a", "t", "m", {"l1": 0.125, "psnr": math.inf}), Row("a", "t", "n", {"l1": 0.5, "iou": math.nan})]
    write_tables(tmp_path, rows, {"about": 1})
    with (tmp_path / "scores.csv").open() as stream:
        assert list(csv.reader(stream)) == [
            ["video", "task", "method", "l1", "psnr", "iou"],
            ["a", "t", "m", "0.125", "inf", ""],
            ["a", "t", "n", "0.5", "", ""],
        ]
    stored = json.loads((tmp_path / "scores.json").read_text())
    assert stored["about"] == 1
    assert stored["scores"]["t"]["m"]["l1"] == {"mean": 0.125, "low": 0.125, "high": 0.125}
    assert stored["scores"]["t"]["m"]["psnr"]["mean"] is None


def test_goals_say_what_is_reached():
    def same(value: float) -> tuple[float, float, float]:
        return value, value, value

    animated = {"iou": same(0.8), "iou_difference": same(0.79), "l1": same(0.02)}
    methods = {"raw": animated, "refined": animated, "copy": {"l1": same(0.04)}}
    swaps = {
        "network": {name: same(0.05) for name in ("leak", "bleed", "leak_own")} | {"bleed_own": same(-0.2)},
        "lock": {"leak_own": same(1e-9)},
    }
    found = {
        goal.name: goal for goal in goals({RECONSTRUCTION: methods, ANIMATION: methods, SAME: swaps, OTHER: swaps})
    }
    assert found["animation, refined: iou"].reached
    assert not found["animation, refined: iou_difference"].reached
    assert found["reconstruction, raw: l1 / l1 of copy"].value == 0.5
    assert found["reconstruction, raw: l1 / l1 of copy"].reached
    assert found[f"{SAME}, network: |bleed|"].reached
    assert found[f"{SAME}, network: |bleed_own|"] == Goal(f"{SAME}, network: |bleed_own|", 0.2, "at most 0.05", False)
    assert not found[f"{OTHER}, lock: leak outside its subject"].reached
    assert sum(line.startswith("NO") for line in goal_words(list(found.values())).splitlines()) == 3 + 4


def test_a_gallery_keeps_the_first_rows_on_pages_of_eight():
    gallery = Gallery(10)
    for level in range(12):
        gallery.add("t", [("x", torch.full((3, 20, 20), level, dtype=torch.uint8))] * 2)
    first, second = gallery.sheets()["t"]
    assert first.shape[1] > 3 * second.shape[1]
    assert second.amin() == 8 or (second == 9).any()
    assert not (second == 10).any()
    assert Gallery(0).sheets() == {}


def videos(folder: Path, names: dict[str, int]) -> None:
    for name, seed in names.items():
        frames = torch.randint(0, 256, (4, 3, 40, 40), generator=torch.Generator().manual_seed(seed)).byte()
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / f"{name}.mkv", Clip(frames, Fraction(5)), codec="ffv1")


def test_animation_of_one_video_by_another_has_no_truth(tmp_path):
    videos(tmp_path, {"a": 0, "b": 1})
    clips = [ClipPath(name, tmp_path / f"{name}.mkv") for name in ("a", "b")]
    seen = []
    found = animate_video(
        small_model(), *clips, methods=("copy", "refined"), frames=3, on_frames=lambda driving, made: seen.append(made)
    )
    assert set(found) == {"copy", "refined"}
    assert "l1" not in found["copy"]
    assert found["copy"]["flicker"] == 0  # a still picture
    assert torch.cat([made["refined"] for made in seen]).shape == (3, 3, 64, 64)


def test_the_command_on_a_data_set(tmp_path, capsys):
    videos(tmp_path / "data" / "train", {"x#1": 5})
    videos(tmp_path / "data" / "test", {"a#1": 0, "a#2": 1, "b#1": 2})
    save_model(small_model(), tmp_path / "small.safetensors")
    out = tmp_path / "out"
    assert evaluate(out, tmp_path / "data", weights=tmp_path / "small.safetensors", frames=2, shown=2) == 0
    with (out / "scores.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    names = {(row["video"], row["task"]) for row in rows}
    assert {name for name, task in names if task == RECONSTRUCTION} == {"a#1.mkv", "a#2.mkv", "b#1.mkv"}
    assert {name for name, task in names if task == ANIMATION} == {
        "a#1.mkv by b#1.mkv",  # not by a#2, who is the same person
        "a#2.mkv by b#1.mkv",
        "b#1.mkv by a#1.mkv",
    }
    assert len(rows) == 6 * len(METHODS)
    assert {"reconstruction_1.png", "animation_1.png", "report.html", "scores.json"} <= {x.name for x in out.iterdir()}
    assert "== animation ==" in capsys.readouterr().out


def test_the_command_with_a_table_of_pairs(tmp_path):
    videos(tmp_path / "data" / "test", {"a#1": 0, "b#1": 2})
    videos(tmp_path / "data" / "train", {"x#1": 5})
    (tmp_path / "pairs.csv").write_text("source,driving\nb#1,a#1\n")
    save_model(small_model(), tmp_path / "small.safetensors")
    weights = tmp_path / "small.safetensors"
    evaluate(tmp_path / "out", tmp_path / "data", pairs=tmp_path / "pairs.csv", weights=weights, frames=2)
    stored = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert stored["pairs"] == str(tmp_path / "pairs.csv")
    with (tmp_path / "out" / "scores.csv").open() as stream:
        crossed = {row["video"] for row in csv.DictReader(stream) if row["task"] == ANIMATION}
    assert crossed == {"b#1.mkv by a#1.mkv"}


def test_the_command_on_the_world(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("maskreel.animate.ready_model.ready_model", lambda config: small_model())
    evaluate(tmp_path / "out", world=1, frames=2)
    text = capsys.readouterr().out
    assert f"== {SAME} ==" in text
    assert "lock: leak outside its subject         0     at most 0" in text
    stored = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert (stored["world"], stored["frames"]) == (1, 2)
    assert stored["scores"][OTHER]["lock"]["leak_own"]["mean"] == 0
    assert len(list((tmp_path / "out" / "cache").iterdir())) == 1
    assert len(list((tmp_path / "out").glob("*_1.png"))) == 4


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({}, "give a data set, or --world"),
        ({"data": Path("data"), "world": 2}, "one of the two"),
        ({"world": -1}, "--world must be 1 or more, got -1"),
        ({"world": 1, "pairs": Path("x.csv")}, "--pairs is for a data set"),
        ({"world": 1, "frames": 1}, "--frames must be 2 or more, got 1"),
        ({"world": 1, "shown": -1}, "--shown must be 0 or more, got -1"),
        ({"world": 1, "weights": Path("none.safetensors")}, "is not a file"),
    ],
)
def test_flags_are_checked(tmp_path, given, match):
    with pytest.raises(ValueError, match=match):
        evaluate(tmp_path, **given)
