"""COCO's classes and their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.inversion.sources import NO_CLASS

if TYPE_CHECKING:
    from collections.abc import Iterable

_UNUSED = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
"""Ids of COCO's 91 that its data sets do not use."""
_NAMES = """
person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign,
parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella, handbag,
tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard,
tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot,
hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop, mouse, remote, keyboard,
cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors, teddy bear, hair drier,
toothbrush
"""
_USED = [number for number in range(1, 91) if number not in _UNUSED]

COCO_IDS = dict(zip((" ".join(name.split()) for name in _NAMES.split(",")), _USED, strict=True))
"""The 80 classes of COCO's data sets by name, with the ids of the files, 1 to 90."""
_FIRST_OWN_ID = 101


def coco_categories(names: Iterable[str | None]) -> dict[str, int]:
    """Ids for class names: COCO's own for its classes, from 101 on, in the order of the names, for others."""
    wanted = {name or NO_CLASS for name in names}
    known = {name: number for name, number in COCO_IDS.items() if name in wanted}
    own = enumerate(sorted(wanted - COCO_IDS.keys()), start=_FIRST_OWN_ID)
    return known | {name: number for number, name in own}
