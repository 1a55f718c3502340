"""What the objects of DAVIS are, and a user's own words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from maskreel.common.errors import InputError
from maskreel.inversion.sources import coco_class, read_classes
from maskreel.inversion.sources._davis_classes import OBJECTS, WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALL_CLASSES = {name for classes in [*OBJECTS.values(), tuple(WHOLE.values())] for name in classes if name is not None}


def test_every_class_is_one_of_torchvision(data_of: Callable[[str, str], Any]) -> None:
    known = set(data_of("torchvision", "models/_meta.py")._COCO_CATEGORIES)
    assert known >= ALL_CLASSES
    assert len(ALL_CLASSES) >= 20


def test_every_class_is_one_of_detectron2(data_of: Callable[[str, str], Any]) -> None:
    builtin_meta = data_of("detectron2", "data/datasets/builtin_meta.py")
    assert {entry["name"] for entry in builtin_meta.COCO_CATEGORIES if entry["isthing"]} >= ALL_CLASSES


def test_all_sequences_are_there() -> None:
    assert len(OBJECTS) == 90  # 60 of train, 30 of val
    assert all(OBJECTS.values())
    assert set(WHOLE) < set(OBJECTS)


@pytest.mark.parametrize(
    ("sequence", "number", "expected"),
    [
        ("bear", 1, "bear"),
        ("bike-packing", 1, "bicycle"),
        ("bike-packing", 2, "person"),
        ("blackswan", 1, "bird"),
        ("horsejump-high", 2, "person"),
        ("camel", 1, None),
        ("goat", 1, None),
        ("rhino", 1, None),
        ("cows", 1, "cow"),
        ("breakdance", 1, "person"),
        ("longboard", 3, "skateboard"),
        ("bear", 2, None),
        ("bear", 0, None),
        ("made-up", 1, None),
    ],
)
def test_class_of_an_object(sequence: str, number: int, expected: str | None) -> None:
    assert coco_class(sequence, number) == expected


def test_2016_has_one_object() -> None:
    assert (coco_class("bmx-trees"), coco_class("bmx-trees", year="2016")) == ("bicycle", "person")
    assert coco_class("bear", year="2016") == "bear"
    assert coco_class("camel", year="2016") is None


@pytest.mark.parametrize(
    "words", ["1=person, 2 = none,3=", ["1=person", "2=", "3=None"], {1: "person", 2: None, 3: None}]
)
def test_words_of_a_user(words: str | list[str] | dict[int, str | None]) -> None:
    assert read_classes(words) == {1: "person", 2: None, 3: None}


def test_classes_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "classes.json"
    file.write_text(json.dumps({"1": "person", "2": None}))
    assert read_classes(file) == read_classes(str(file)) == {1: "person", 2: None}
    file.write_text(json.dumps({"bear": {"1": "bear"}, "dog": {"1": "dog"}}))
    assert read_classes(file, sequence="dog") == {1: "dog"}
    assert read_classes(file, sequence="cow") == {}


@pytest.mark.parametrize("text", ['["person"]', '{"one": "person"}', '{"1": 7}'])
def test_file_of_another_form(tmp_path: Path, text: str) -> None:
    (tmp_path / "classes.json").write_text(text)
    with pytest.raises(InputError, match=r"classes\.json must hold classes by object number, such as"):
        read_classes(tmp_path / "classes.json")


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"classes\.json does not exist"):
        read_classes(tmp_path / "classes.json")
    (tmp_path / "classes.json").write_text("{")
    with pytest.raises(InputError, match=r"classes\.json cannot be read as JSON"):
        read_classes(tmp_path / "classes.json")


@pytest.mark.parametrize("words", ["person", "one=person", ["1=person", "dog"]])
def test_words_of_another_form(words: str | list[str]) -> None:
    with pytest.raises(InputError, match="classes must be written as 1=person, got"):
        read_classes(words)
