"""Hand-drawn boxes of the people in ten frames of vtest.avi, and how well masks cover them.

A box holds background too, so a mask cannot be compared with the box itself. Two figures are used:

- People found: a person counts as found if the mask covers at least 60 % of the core of his box: the middle half of
  its width and its full height, without what stands before him. The core of a perfect mask is 57 to 100 % covered
  (legs apart leave a gap); the four boxes where the middle is not the body have a core drawn by hand.
- Pixels covered: of the pixels inside the boxes that differ clearly from the clip's clean plate, the part in the mask.

As a script it draws the boxes on the frames, to be checked by eye:

    python vtest_truth.py vtest.avi OUT_FOLDER
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["FOUND_FROM", "Person", "covered_pixels", "load_people"]

FOUND_FROM = 0.6
"""Part of the core that must be covered."""
_CHANGED = 30  # grey levels from the clean plate in any channel: far above noise, below dark cloth on grey asphalt

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Person:
    """One person in one frame; boxes are half-open x0, y0, x1, y1."""

    frame: int
    box: Box
    hidden: tuple[Box, ...]
    """Where something nearer covers him."""
    core: Box
    """What a mask should cover, with gaps."""

    def coverage(self, mask: np.ndarray) -> float:
        """Part of the core, without hidden places, that a bool mask (H, W) covers."""
        x0, y0, x1, y1 = self.core
        visible = np.zeros(mask.shape, bool)
        visible[y0:y1, x0:x1] = True
        for x0, y0, x1, y1 in self.hidden:
            visible[y0:y1, x0:x1] = False
        return float(mask[visible].mean())


def load_people() -> dict[int, list[Person]]:
    """The people of each annotated frame, by its index."""
    truth = json.loads(Path(__file__).with_name("vtest_boxes.json").read_text())
    return {int(frame): [_person(int(frame), entry) for entry in people] for frame, people in truth["frames"].items()}


def covered_pixels(people: list[Person], mask: np.ndarray, frame: np.ndarray, plate: np.ndarray) -> tuple[int, int]:
    """Pixels in the boxes of one frame that differ from the plate: (those in the mask, all).

    Args:
        people: the people of this frame.
        mask: bool (H, W).
        frame: uint8 (H, W, 3).
        plate: uint8 (H, W, 3), the scene without people.
    """
    inside = np.zeros(mask.shape, bool)
    for person in people:
        x0, y0, x1, y1 = person.box
        inside[y0:y1, x0:x1] = True
    changed = np.abs(frame.astype(np.int16) - plate).max(axis=2) > _CHANGED
    wanted = inside & changed
    return int((wanted & mask).sum()), int(wanted.sum())


def _person(frame: int, entry: dict) -> Person:
    x0, y0, x1, y1 = entry["box"]
    quarter = (x1 - x0) / 4
    core = entry.get("core", (round(x0 + quarter), y0, round(x1 - quarter), y1))
    return Person(frame, (x0, y0, x1, y1), tuple(tuple(box) for box in entry.get("hidden", ())), tuple(core))


def main() -> None:
    """Draw boxes red, hidden places blue and cores green."""
    import cv2

    from maskreel.common.video import read

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("video", type=Path, help="vtest.avi")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for index, people in load_people().items():
        frame = read(options.video, start=index, stop=index + 1).numpy()[0]
        picture = cv2.resize(frame, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        for person in people:
            for box, colour in [(person.core, (0, 220, 0)), (person.box, (255, 0, 0))]:
                cv2.rectangle(picture, [2 * v for v in box[:2]], [2 * v - 1 for v in box[2:]], colour, 1)
            for box in person.hidden:
                cv2.rectangle(picture, [2 * v for v in box[:2]], [2 * v - 1 for v in box[2:]], (60, 90, 255), 1)
        cv2.imwrite(str(options.out / f"boxes_{index:03d}.png"), picture[..., ::-1])


if __name__ == "__main__":
    main()
