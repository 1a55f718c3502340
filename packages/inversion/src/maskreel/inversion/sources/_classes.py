"""What the objects of DAVIS are, in the words of COCO; and a user's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from maskreel.common.errors import InputError
from maskreel.common.json_file import read_json
from maskreel.inversion.sources._davis_classes import OBJECTS, WHOLE

if TYPE_CHECKING:
    import os

ClassWords = Mapping[int, str | None] | str | Path | Sequence[str]
"""What `read_classes` takes."""


def coco_class(sequence: str, object_id: int = 1, *, year: Literal["2017", "2016"] = "2017") -> str | None:
    """The COCO class of an object of DAVIS (train and val); None where COCO has none, or for what is not DAVIS.

    The numbers of objects follow the categories that DAVIS 2017 published for its unsupervised challenge
    (`davis_semantics.json`). Where its word is not COCO's, COCO's word for the same thing stands: "motorcycle" for
    scooters that are driven, "sports ball", "cell phone", "kite" for the canopy of a kite surfer, "train" for its
    carriages. Camels, goats, rhinos, pigs, fish, a koala, a monitor lizard, karts, tractors, prams, paragliders, kick
    scooters and the like have no COCO class.

    Args:
        sequence: Such as "bear".
        object_id: As in the annotations.
        year: In 2016, everything annotated is one object, 1: the class is that of the main object.
    """
    if year == "2016" and sequence in WHOLE:
        return WHOLE[sequence]
    classes = OBJECTS.get(sequence, ())
    return classes[object_id - 1] if 1 <= object_id <= len(classes) else None


def known_sequence(name: str) -> bool:
    """Whether DAVIS has a sequence of this name in train or val."""
    return name in OBJECTS


def read_classes(words: ClassWords, *, sequence: str | None = None) -> dict[int, str | None]:
    """Class names by object number, in a user's words.

    Args:
        words: A mapping; "1=person,2=dog" or a list of such parts (nothing or "none" after "=" means no class); or a
            .json file, `{"1": "person", "2": null}`, for many sequences `{"bear": {"1": "bear"}}`.
        sequence: Whose names to take from a file for many; empty if it is not in there.

    Raises:
        InputError: The words or the file have another form.
    """
    if isinstance(words, Mapping):
        return dict(words)
    if isinstance(words, Path) or (isinstance(words, str) and words.endswith(".json")):
        return _from_file(Path(words), sequence)
    parts = words.split(",") if isinstance(words, str) else words
    return dict(_pair(part) for part in parts)


def _pair(part: str) -> tuple[int, str | None]:
    number, equals, name = (piece.strip() for piece in part.partition("="))
    if not equals or not number.isdecimal():
        raise InputError(f"classes must be written as 1=person, got {part!r}")
    return int(number), None if name.lower() in ("", "none") else name


def _from_file(path: str | os.PathLike[str], sequence: str | None) -> dict[int, str | None]:
    found = read_json(path)
    if isinstance(found, dict) and found and all(isinstance(value, dict) for value in found.values()):
        found = found.get(sequence, {})
    fits = isinstance(found, dict) and all(
        number.isdecimal() and (name is None or isinstance(name, str)) for number, name in found.items()
    )
    if not fits:
        raise InputError(f'{path} must hold classes by object number, such as {{"1": "person", "2": null}}')
    return {int(number): name or None for number, name in found.items()}
