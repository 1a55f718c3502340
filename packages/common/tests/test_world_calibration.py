"""The fit of a table scene: it finds its way back to a scene that is known."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from maskreel.common.errors import InputError
from maskreel.common.world import TableScene
from maskreel.common.world._calibration import calibrate, measure_scene, statistics_distance
from maskreel.common.world._table.file import read_scene, write_scene

if TYPE_CHECKING:
    from pathlib import Path

SMALL = TableScene(size=(40, 60))


def test_the_fit_finds_a_sparser_table() -> None:
    wanted = measure_scene(replace(SMALL, speed=0.4, objects=(3, 4)), clips=10, seed=500)
    found = calibrate(wanted, clips=5, rounds=3, workers=0)
    assert found.distance < 0.6 * found.start_distance
    assert sum(found.scene.objects) < 10
    assert found.statistics == measure_scene(found.scene, clips=5, seed=0)


def test_the_distance_counts_differences_in_units_that_one_would_notice() -> None:
    one = measure_scene(SMALL, clips=2, seed=0)
    assert statistics_distance(one, one) == 0
    terms = 10
    assert statistics_distance(replace(one, copy_last=one.copy_last + 0.06), one) == pytest.approx(2 / math.sqrt(terms))
    unknown = replace(one, unseen_share=math.nan)
    shifted = replace(unknown, static_share=one.static_share + 0.03)
    assert statistics_distance(shifted, unknown) == pytest.approx(1 / math.sqrt(terms - 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clips": 0}, "clips must be 1 or more, got 0"),
        ({"rounds": -1}, "rounds must be 0 or more, got -1"),
        ({"seed": -1}, "seed must be 0 or more, got -1"),
        ({"workers": -1}, "workers must be 0 or more, got -1"),
    ],
)
def test_bad_arguments_are_refused(options: dict[str, int], message: str) -> None:
    wanted = measure_scene(SMALL, clips=1, seed=0)
    with pytest.raises(ValueError, match=message):
        calibrate(wanted, **options)  # pyright: ignore[reportArgumentType]


def test_scenes_survive_their_file(tmp_path: Path) -> None:
    scene = replace(SMALL, speed=0.3, resting=(0, 2))
    write_scene(tmp_path / "scene.json", scene)
    assert read_scene(tmp_path / "scene.json") == scene
    (tmp_path / "part.json").write_text('{"speed": 2}')
    assert read_scene(tmp_path / "part.json") == TableScene(speed=2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON: "),
        ("[1]", "holds a list, expected an object with fields size, frames"),
        (json.dumps({"speeed": 1}), "has the fields speeed, expected some of size"),
        (json.dumps({"speed": -1}), "speed must be above 0, got -1"),
        (json.dumps({"objects": 3}), "scene.json: "),
    ],
)
def test_bad_scene_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "scene.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_scene(tmp_path / "scene.json")


def test_a_missing_scene_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json does not exist"):
        read_scene(tmp_path / "none.json")
