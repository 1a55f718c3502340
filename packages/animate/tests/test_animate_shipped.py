"""The weights that come with the package, on people that nobody trained on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from maskreel.animate.model_config import tiny
from maskreel.animate.weights import TINY, load_model
from maskreel.common.world import ActorsScene

if TYPE_CHECKING:
    from maskreel.animate.model import AnimationModel
    from maskreel.common.world import ActorsClip

SEEDS = range(7_000_000, 7_000_006)
"""Trainings and evaluations draw 32-bit seeds, so these are new."""


@pytest.fixture(scope="module")
def clips() -> list[ActorsClip]:
    """Two moments, two seconds apart."""
    scene = ActorsScene(size=(128, 128), frames=2, fps=ActorsScene().fps / 32)
    return [scene.render(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def model() -> AnimationModel:
    return load_model()


def pictures(clips: list[ActorsClip], moment: int) -> torch.Tensor:
    return torch.stack([clip.clip.frames[moment] for clip in clips]).float() / 255


def test_it_is_the_tiny_preset_and_small() -> None:
    assert load_model().config == tiny()
    assert TINY.stat().st_size < 20e6
    record = json.loads(TINY.with_suffix(".json").read_text())
    assert record["command"].startswith("maskreel animate train tiny")
    assert record["quality"]["l1"] < record["quality"]["l1_copy"]


@torch.no_grad()
def test_it_finds_people(model: AnimationModel, clips: list[ActorsClip]) -> None:
    found = model.enlarge(model.masks(pictures(clips, 0)))[:, 0] > 0.5
    true = torch.stack([clip.visible[0].any(dim=0) for clip in clips])
    iou = (found & true).sum((1, 2)) / (found | true).sum((1, 2))
    assert iou.mean() > 0.7


@torch.no_grad()
def test_it_animates_better_than_the_source_as_it_is(model: AnimationModel, clips: list[ActorsClip]) -> None:
    first, second = pictures(clips, 0), pictures(clips, 1)
    source, driving = model.source(first), model.masks(second)
    copy = (first - second).abs().mean()
    assert (model.pictures(source, driving)[1] - second).abs().mean() < 0.85 * copy
    assert (model.pictures(source, model.refined(source, driving))[1] - second).abs().mean() < copy


@torch.no_grad()
def test_it_puts_people_before_the_empty_scene_of_others(model: AnimationModel, clips: list[ActorsClip]) -> None:
    person = pictures(clips, 0)
    place = torch.stack([clip.plate[0] for clip in clips]).roll(1, dims=0).float() / 255
    true = torch.stack([clip.visible[0].any(dim=0) for clip in clips])[:, None]
    _, swapped = model.swapped(person, model.masks(person), place, torch.zeros(len(clips), 1, 64, 64))
    target = torch.where(true, person, place)
    assert (swapped - target).abs().mean() < 0.2 * (person - target).abs().mean()
