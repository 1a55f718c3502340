"""The whole report, with a teacher and a verifier that see by colours."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from maskreel.inversion.report import (
    CallableVerifier,
    Found,
    SemanticVerifier,
    Subject,
    as_json,
    examine,
    self_score,
    write_report,
)
from maskreel.inversion.targets import FrameTarget
from maskreel.inversion.teachers import SemanticTeacher

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SIZE = (48, 64)
NAMES = ("background", "red thing", "green thing")


class ByColour(nn.Module):
    """Red is class 1, green class 2, as far as they stand out; grey is the background."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm = nn.BatchNorm2d(3)
        self.norm.running_mean = torch.tensor([0.5, 0.4, 0.3])
        self.norm.running_var = torch.tensor([0.1, 0.1, 0.05])
        self.unused = nn.Conv2d(3, 8, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.norm(images)
        red, green, _ = images.unbind(1)
        return torch.stack([torch.full_like(red, 0.3), red - green, green - red], dim=1) * 30


class ColourTeacher(SemanticTeacher):
    def __init__(self) -> None:
        super().__init__(ByColour().eval())

    class_names = NAMES

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images)


def verifier(*, is_teacher: bool = False) -> SemanticVerifier:
    network = ByColour().eval()
    if not is_teacher:
        nn.init.normal_(network.unused.weight)
        network.norm.running_mean = torch.rand(3)
    return SemanticVerifier(network, NAMES, "eyes", is_teacher=is_teacher)


def subject(name: str, place: int, *, real: bool = True) -> Subject:
    """A red and a green square that move; the frames show them somewhat too small, the real ones exactly."""
    targets, frames, truth = [], [], []
    for time in range(5):
        masks = torch.zeros(2, *SIZE, dtype=torch.bool)
        masks[0, place : place + 14, 4 + time : 18 + time] = True
        masks[1, place + 10 : place + 24, 34 - time : 48 - time] = True
        targets.append(FrameTarget(masks, torch.tensor([1, 2])))
        for pictures, shrink in ((truth, 0), (frames, 2)):
            picture = torch.full((3, *SIZE), 90, dtype=torch.uint8)
            for channel, mask in enumerate(masks):
                rows, columns = mask.any(1).nonzero(), mask.any(0).nonzero()
                inside = (
                    slice(int(rows[0]) + shrink, int(rows[-1]) + 1 - shrink),
                    slice(int(columns[0]) + shrink, int(columns[-1]) + 1 - shrink),
                )
                picture[(slice(None), *inside)] = 0
                picture[(channel, *inside)] = 230
            pictures.append(picture)
    record = {"teacher": "colours", "seconds": 10.0, "iterations": 50}
    shown = torch.stack(truth) if real else None
    return Subject(name, torch.stack(frames), tuple(targets), NAMES, shown, record)


def rows(tables: dict[str, Any], table: str) -> dict[str, dict[str, Any]]:
    return {row["pictures"]: row for row in tables[table]}


def test_controls_stand_beside_the_scores() -> None:
    subjects = [subject("a", 0), subject("b", 20)]
    evidence = examine(subjects, verifiers=[verifier()], teacher=ColourTeacher(), frames=3)
    tables = as_json(evidence)
    scores = rows(tables, "scores by eyes")
    assert list(scores) == ["inverted", "real frames", "silhouette", "blurred silhouette", "noise", "masks swapped"]
    assert {row["n objects"] for row in scores.values()} == {12}  # two objects, three frames, two sequences
    assert scores["inverted"]["J"] == "0.510 (0.510 to 0.510)"  # 10 x 10 of 14 x 14
    assert (scores["inverted"]["found, J 0.5"][:5], scores["inverted"]["found, J 0.6"][:5]) == ("1.000", "0.000")
    assert scores["real frames"]["J"][:5] == "1.000"
    assert scores["real frames"]["normalised J"] == 1
    assert scores["noise"]["normalised J"] == 0
    noise = float(scores["noise"]["J"][:5])
    assert scores["inverted"]["normalised J"] == pytest.approx((100 / 196 - noise) / (1 - noise), abs=2e-3)
    assert float(scores["masks swapped"]["J"][:5]) < 0.1 < float(scores["inverted"]["J"][:5])
    assert scores["inverted"]["AP50"] == 1
    teacher = rows(tables, "teacher")
    assert teacher["inverted"]["teacher J"][:5] == "0.510"
    assert teacher["inverted"]["transfer gap to eyes"] == pytest.approx(0, abs=1e-9)


def test_statistics_stand_beside_those_of_real_frames() -> None:
    teacher = ColourTeacher()
    evidence = examine([subject("a", 0), subject("b", 20)], verifiers=[verifier()], teacher=teacher, frames=3)
    found = rows(as_json(evidence), "statistics")
    assert {row["frames in a batch"] for row in found.values()} == {3}
    assert found["real frames"]["times real"] == 1
    assert found["noise"]["times real"] > 0
    assert evidence.distribution["inverted"] == (
        "refused: a distance of distributions needs 50 pictures of each kind, got 6, 6"
    )
    kept = teacher.network.state_dict()["norm.running_mean"]
    assert torch.equal(kept, torch.tensor([0.5, 0.4, 0.3]))


def test_steadiness_counts_all_frames_and_has_its_fidelity_beside_it() -> None:
    evidence = examine([subject("a", 0)], verifiers=[verifier()], frames=2)
    table = as_json(evidence)["steadiness"]
    inverted, real, flat, noise = table
    assert [row["n pairs"] for row in table] == [4] * 4
    assert inverted["background flicker"] == real["background flicker"] == 0
    assert noise["background flicker"] > 50
    assert noise["E_warp x 100"] > 50 * flat["E_warp x 100"]
    assert inverted["J by eyes"] == pytest.approx(100 / 196)
    assert "masks" in as_json(evidence)["flow"]


def test_what_is_missing_is_said() -> None:
    evidence = examine([subject("a", 0, real=False)], verifiers=[verifier()])
    notes = " ".join(evidence.notes)
    assert "Without the teacher" in notes
    assert "Without real frames" in notes
    assert "One sequence: no intervals" in notes
    assert evidence.nearest == {}
    assert "real frames" not in rows(as_json(evidence), "scores by eyes")
    with pytest.raises(ValueError, match="at least one sequence"):
        examine([], verifiers=[verifier()])


def test_a_verifier_that_took_part_is_named() -> None:
    helped = subject("a", 0)
    helped = replace(helped, record={"verifier": "unet:u.safetensors"})
    notes = examine([helped], verifiers=[verifier()], frames=1).notes
    assert any("optimised against unet:u.safetensors as well" in note for note in notes)


def test_nearest_real_frames_of_own_and_other_videos() -> None:
    copied = subject("a", 0)
    assert copied.real is not None
    evidence = examine([replace(copied, frames=copied.real), subject("b", 20)], verifiers=[verifier()], frames=2)
    table = as_json(evidence)["nearest real frame"]
    own = {row["pictures"]: row for row in table if row["real frames of"] == "own video"}
    assert own["inverted"]["n pictures"] == 4
    assert own["inverted"]["PSNR of the nearest"] > own["silhouette"]["PSNR of the nearest"]  # half of them copied
    assert "real frames" not in own  # each is its own nearest


def test_the_teacher_must_say_that_it_is_the_teacher() -> None:
    teacher = ColourTeacher()
    hidden = SemanticVerifier(teacher.network, NAMES, "innocent")
    with pytest.raises(ValueError, match="innocent has 100% of its weights from the teacher"):
        examine([subject("a", 0)], verifiers=[hidden], teacher=teacher)
    admitted = SemanticVerifier(teacher.network, NAMES, "admitted", is_teacher=True)
    evidence = examine([subject("a", 0)], verifiers=[admitted], teacher=teacher, frames=1)
    assert evidence.opinions[0].is_teacher


def test_self_score_leaves_out_classes_that_the_teacher_lacks() -> None:
    strange = replace(subject("a", 0), class_names=("background", "red thing", "blue thing"))
    score = self_score(ColourTeacher(), strange)
    assert {one.name for one in score.objects} == {"red thing"}
    assert score.mean() == pytest.approx(100 / 196)


def test_one_page_with_pictures_beside_the_numbers(tmp_path: Path) -> None:
    twice = [subject("same", 0), subject("same", 20)]
    write_report(twice, tmp_path / "r.html", verifiers=[verifier()], teacher=ColourTeacher(), frames=2)
    page = (tmp_path / "r.html").read_text()
    assert page.count("<img ") == 2
    for heading in ("Seen by eyes", "own view", "Statistics", "Steadiness", "Nearest real frames", "Cost"):
        assert heading in page
    assert "same 1" in page
    assert "same 2" in page
    tables = json.loads((tmp_path / "r.json").read_text())
    assert tables["cost"][0]["seconds per frame"] == 2.0
    assert tables["min_pixels"] == 60


def test_verdicts_are_painted_over_the_frames() -> None:
    from maskreel.inversion.report.strips import verdicts

    one = subject("a", 0).targets[0]
    spot = torch.zeros(SIZE, dtype=torch.bool)
    spot[40:46, 55:62] = True
    found = Found(torch.stack([one.masks[0], spot]), ("green thing", "red thing"), torch.ones(2))
    right, wrong, invented, missed = verdicts(found, one, NAMES)
    assert not right.any()
    assert torch.equal(wrong, one.masks[0])
    assert torch.equal(invented, spot)
    assert torch.equal(missed, one.masks[1])
    free = verdicts(found, one, ("background", None, "green thing"))
    assert torch.equal(free[0], one.masks[0])


def test_nothing_seen_is_no_fault() -> None:
    def blind(frames: torch.Tensor) -> Sequence[Found]:
        return [Found(torch.zeros(0, *SIZE, dtype=torch.bool), (), torch.zeros(0)) for _ in frames]

    evidence = examine([subject("a", 0)], verifiers=[CallableVerifier(blind, "blind")], frames=1)
    assert rows(as_json(evidence), "scores by blind")["real frames"]["J"] == "0.000"
    assert rows(as_json(evidence), "scores by blind")["real frames"]["normalised J"] is None
